//! What the installation of the driver under test left in the registry: the key of its service, and values
//! of its device's keys.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/registry-trees-and-keys>

use super::hive::{CONTROL, ENUM, Hive, SERVICES};
use crate::io::property::{driver_key, instance_path};
use crate::world::World;
use std::rc::Rc;
use std::sync::Arc;

/// The key that a setting lies below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// None: its key is a whole path from `\Registry` on.
    Registry,
    /// The key of the driver's service.
    Service,
    /// The key of the device's driver below its class: PLUGPLAY_REGKEY_DRIVER.
    Software,
    /// The device's own key, where its properties are.
    Device,
    /// `Device Parameters` in it: PLUGPLAY_REGKEY_DEVICE.
    Hardware,
}

/// What becomes of a key or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The key is made.
    Key,
    /// The value of this name, REG_ type and bytes is set.
    Set(String, u32, Vec<u8>),
    /// The value goes.
    Unset(String),
    /// The key goes, with all below it.
    Remove,
}

/// One change that the installation makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where its key begins.
    pub root: Root,
    /// The key below that; may be empty.
    pub key: String,
    /// What becomes of it.
    pub change: Change,
}

/// How the driver under test was installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Name of its service, without a backslash.
    pub service: String,
    /// Changes of the registry, in order.
    pub settings: Vec<Setting>,
}

fn apply(hive: &mut Hive, base: &str, setting: &Setting) {
    let below = setting.key.trim_matches('\\');
    let path = match (base, below) {
        ("", below) => format!("\\{below}"),
        (base, "") => base.to_owned(),
        (base, below) => format!("{base}\\{below}"),
    };
    match &setting.change {
        Change::Key => {
            hive.create(&path);
        }
        Change::Set(name, kind, data) => {
            let key = hive.create(&path);
            hive.set(key, name, *kind, data.clone());
        }
        Change::Unset(name) => {
            if let Some(key) = hive.find(&path) {
                hive.unset(key, name);
            }
        }
        Change::Remove => remove(hive, &path, 0),
    }
}

/// Deletes a key with all below it; keys lie in each other no deeper than their paths are long.
fn remove(hive: &mut Hive, path: &str, depth: usize) {
    let Some(key) = hive.find(path).filter(|_| depth < 512) else { return };
    let below: Vec<String> = hive.subkeys(key).into_iter().map(str::to_owned).collect();
    for name in below {
        remove(hive, &format!("{path}\\{name}"), depth + 1);
    }
    hive.delete(key);
}

impl World {
    /// Installs the driver under test: before it is loaded.
    pub fn install(&mut self, installed: &Arc<Installed>) {
        let hive = Rc::make_mut(&mut self.state.hive);
        let service = format!("{SERVICES}\\{}", installed.service);
        for setting in &installed.settings {
            match setting.root {
                Root::Registry => apply(hive, "", setting),
                Root::Service => apply(hive, &service, setting),
                Root::Software | Root::Device | Root::Hardware => {}
            }
        }
        self.installed = Some(installed.clone());
    }

    /// Sets what belongs to the device that the driver is for, once there is one.
    pub(crate) fn install_device(&mut self, pdo: u64) {
        let Some(installed) = self.installed.clone() else { return };
        let device = format!("{ENUM}\\{}", instance_path(self, pdo));
        let software = format!("{CONTROL}\\Class\\{}", driver_key(self, pdo));
        let hive = Rc::make_mut(&mut self.state.hive);
        for setting in &installed.settings {
            match setting.root {
                Root::Software => apply(hive, &software, setting),
                Root::Device => apply(hive, &device, setting),
                Root::Hardware => apply(hive, &format!("{device}\\Device Parameters"), setting),
                Root::Registry | Root::Service => {}
            }
        }
    }

    /// The name of the service of image `number`, where the installation gave it one.
    pub(crate) fn service_of(&self, number: usize) -> Option<&str> {
        self.installed.as_ref().filter(|_| number == 0).map(|installed| &*installed.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cm::hive::reg;

    fn set(root: Root, key: &str, name: &str) -> Setting {
        let change = Change::Set(name.to_owned(), reg::DWORD, vec![7, 0, 0, 0]);
        Setting { root, key: key.to_owned(), change }
    }

    #[test]
    fn settings_lie_where_drivers_look_for_them() {
        let mut world = World::new(1, &[]);
        let change = |root, key: &str, change| Setting { root, key: key.to_owned(), change };
        let installed = Installed {
            service: "Widget".to_owned(),
            settings: vec![
                set(Root::Service, "Parameters", "Depth"),
                set(Root::Service, "Parameters\\Below\\Deep", "Gone"),
                set(Root::Registry, "Registry\\Machine\\Software\\Vendor", "Whole"),
                set(Root::Device, "", "DeviceType"),
                set(Root::Hardware, "Interrupt Management", "Messages"),
                set(Root::Software, "", "Class"),
                change(Root::Service, "Parameters\\Below", Change::Remove),
                change(
                    Root::Registry,
                    "\\Registry\\Machine\\Software\\Vendor",
                    Change::Unset("whole".to_owned()),
                ),
                change(Root::Service, "Empty\\", Change::Key),
            ],
        };
        world.install(&Arc::new(installed));
        let pdo = crate::pnp::bus::make_pdo(&mut world).expect("a device");
        let device = format!("{ENUM}\\{}", instance_path(&world, pdo));
        let software = format!("{CONTROL}\\Class\\{}", driver_key(&world, pdo));
        let hive = &world.state.hive;
        let has = |path: &str, name: &str| {
            hive.find(path).is_some_and(|key| hive.value(key, name).is_some())
        };
        assert!(has(&format!("{SERVICES}\\Widget\\Parameters"), "Depth"));
        assert!(hive.find(&format!("{SERVICES}\\Widget\\Empty")).is_some());
        assert!(hive.find(&format!("{SERVICES}\\Widget\\Parameters\\Below\\Deep")).is_none());
        assert!(!has("\\Registry\\Machine\\Software\\Vendor", "Whole"));
        assert!(has(&device, "DeviceType"));
        assert!(has(&format!("{device}\\Device Parameters\\Interrupt Management"), "Messages"));
        assert!(has(&software, "Class"));
        assert_eq!((world.service_of(0), world.service_of(1)), (Some("Widget"), None));
    }
}
