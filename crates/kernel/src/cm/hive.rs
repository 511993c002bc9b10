//! The registry's keys and values, as far as a driver could look for them on a fresh system.

use std::rc::Rc;

/// REG_ types of values (wdm.h).
pub mod reg {
    #![allow(missing_docs)] // the names are wdm.h's without REG_
    pub const NONE: u32 = 0;
    pub const SZ: u32 = 1;
    pub const EXPAND_SZ: u32 = 2;
    pub const BINARY: u32 = 3;
    pub const DWORD: u32 = 4;
    pub const LINK: u32 = 6;
    pub const MULTI_SZ: u32 = 7;
}

/// Where services have their keys.
pub(crate) const SERVICES: &str = "\\Registry\\Machine\\System\\ControlSet001\\Services";
/// Where the control set keeps its settings.
pub(crate) const CONTROL: &str = "\\Registry\\Machine\\System\\ControlSet001\\Control";
/// Where devices have theirs.
pub(crate) const ENUM: &str = "\\Registry\\Machine\\System\\ControlSet001\\Enum";
/// RTL_REGISTRY_WINDOWS_NT.
pub(crate) const WINDOWS_NT: &str =
    "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion";
/// RTL_REGISTRY_DEVICEMAP.
pub(crate) const DEVICE_MAP: &str = "\\Registry\\Machine\\Hardware\\DeviceMap";
/// RTL_REGISTRY_USER of a system process.
pub(crate) const USER: &str = "\\Registry\\User\\.Default";

/// A value of a key.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its name; empty for a key's default value.
    pub name: Rc<str>,
    /// REG_ type.
    pub kind: u32,
    /// Its bytes.
    pub data: Rc<[u8]>,
}

/// A key.
#[derive(Clone, Debug)]
pub struct Key {
    /// From `\Registry` on, without a backslash at the end.
    pub path: Rc<str>,
    /// Its values, oldest first.
    pub values: Vec<Value>,
    /// It was deleted; handles to it may still be open.
    pub deleted: bool,
}

/// See the module's description. Keys keep their numbers.
#[derive(Clone, Debug)]
pub struct Hive {
    keys: Vec<Key>,
}

impl Default for Hive {
    fn default() -> Hive {
        Hive::new()
    }
}

/// A path as the hive keeps it: `CurrentControlSet` is a link to the first control set.
fn canonical(path: &str) -> String {
    const CURRENT: &str = "\\Registry\\Machine\\System\\CurrentControlSet";
    let path = path.trim_end_matches('\\');
    match path.get(..CURRENT.len()) {
        Some(head) if head.eq_ignore_ascii_case(CURRENT) => {
            let rest = &path[CURRENT.len()..];
            if rest.is_empty() || rest.starts_with('\\') {
                return format!("\\Registry\\Machine\\System\\ControlSet001{rest}");
            }
            path.to_owned()
        }
        _ => path.to_owned(),
    }
}

/// A text as a value of type REG_SZ holds it.
pub(crate) fn text(text: &str) -> Vec<u8> {
    nt::string::to_utf16le_z(text)
}

impl Hive {
    /// What every system has.
    pub fn new() -> Hive {
        let mut hive = Hive { keys: Vec::new() };
        for path in [SERVICES, CONTROL, ENUM, WINDOWS_NT, DEVICE_MAP, USER] {
            hive.create(path);
        }
        let version = hive.create(WINDOWS_NT);
        for (name, value) in
            [("CurrentVersion", "6.3"), ("CurrentBuildNumber", "19045"), ("CurrentBuild", "19045")]
        {
            hive.set(version, name, reg::SZ, text(value));
        }
        hive.set(version, "SystemRoot", reg::SZ, text("C:\\Windows"));
        hive
    }

    /// The number of the key of this path; case does not matter.
    pub fn find(&self, path: &str) -> Option<u16> {
        let path = canonical(path);
        let same = |key: &Key| !key.deleted && key.path.eq_ignore_ascii_case(&path);
        self.keys.iter().position(same).map(|index| index as u16)
    }

    /// The key of this path, made with all above it where it is not there.
    pub fn create(&mut self, path: &str) -> u16 {
        if let Some(found) = self.find(path) {
            return found;
        }
        let path = canonical(path);
        if let Some((above, _)) = path.rsplit_once('\\').filter(|(above, _)| !above.is_empty()) {
            self.create(above);
        }
        self.keys.push(Key { path: Rc::from(path), values: Vec::new(), deleted: false });
        (self.keys.len() - 1) as u16
    }

    /// A key by number.
    pub fn key(&self, number: u16) -> Option<&Key> {
        self.keys.get(usize::from(number))
    }

    /// A key's path; empty for a number that was never given.
    pub fn path(&self, number: u16) -> &str {
        self.key(number).map_or("", |key| &key.path)
    }

    /// Whether a key was deleted.
    pub fn is_deleted(&self, number: u16) -> bool {
        self.key(number).is_none_or(|key| key.deleted)
    }

    /// Names of a key's subkeys, oldest first.
    pub fn subkeys(&self, number: u16) -> Vec<&str> {
        let path = self.path(number);
        let below = |key: &'_ Key| {
            let head = key.path.get(..path.len())?;
            let rest = key.path.get(path.len()..)?.strip_prefix('\\')?.len();
            let name = &key.path[key.path.len() - rest..];
            (!key.deleted && head.eq_ignore_ascii_case(path) && !name.contains('\\'))
                .then_some(rest)
        };
        let names = self.keys.iter().filter_map(|key| {
            let rest = below(key)?;
            Some(&key.path[key.path.len() - rest..])
        });
        names.collect()
    }

    /// A value by name; case does not matter.
    pub fn value(&self, number: u16, name: &str) -> Option<&Value> {
        let mut values = self.key(number)?.values.iter();
        values.find(|value| value.name.eq_ignore_ascii_case(name))
    }

    /// Sets a value.
    pub fn set(&mut self, number: u16, name: &str, kind: u32, data: Vec<u8>) {
        let Some(key) = self.keys.get_mut(usize::from(number)) else { return };
        let value = Value { name: Rc::from(name), kind, data: Rc::from(data) };
        match key.values.iter_mut().find(|value| value.name.eq_ignore_ascii_case(name)) {
            Some(known) => *known = value,
            None => key.values.push(value),
        }
    }

    /// Deletes a value; false where there is none.
    pub fn unset(&mut self, number: u16, name: &str) -> bool {
        let Some(key) = self.keys.get_mut(usize::from(number)) else { return false };
        let before = key.values.len();
        key.values.retain(|value| !value.name.eq_ignore_ascii_case(name));
        key.values.len() < before
    }

    /// Deletes a key.
    pub fn delete(&mut self, number: u16) {
        if let Some(key) = self.keys.get_mut(usize::from(number)) {
            key.deleted = true;
            key.values.clear();
        }
    }
}

/// Sets a value that an INF has not set.
fn default(hive: &mut Hive, key: u16, name: &str, kind: u32, data: Vec<u8>) {
    if hive.value(key, name).is_none() {
        hive.set(key, name, kind, data);
    }
}

/// The key that the service of a driver has from its installation; `name` is the driver's, or the
/// whole path of the key.
pub(crate) fn add_service(hive: &mut Hive, name: &str) -> u16 {
    let stem = name.rsplit('\\').next().unwrap_or(name);
    let key = hive.create(&format!("{SERVICES}\\{stem}"));
    // SERVICE_KERNEL_DRIVER, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL.
    for (name, value) in [("Type", 1u32), ("Start", 3), ("ErrorControl", 1)] {
        default(hive, key, name, reg::DWORD, value.to_le_bytes().to_vec());
    }
    let image = format!("\\SystemRoot\\System32\\drivers\\{stem}.sys");
    default(hive, key, "ImagePath", reg::EXPAND_SZ, text(&image));
    default(hive, key, "DisplayName", reg::SZ, text(stem));
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_any_case_and_through_the_current_control_set() {
        let mut hive = Hive::new();
        let key = add_service(&mut hive, "fifo");
        let found = hive.find("\\REGISTRY\\MACHINE\\SYSTEM\\CurrentControlSet\\Services\\FIFO\\");
        assert_eq!(found, Some(key));
        assert!(hive.value(key, "start").is_some_and(|value| *value.data == 3u32.to_le_bytes()));
        assert_eq!(hive.subkeys(key).len(), 0);
        hive.create(&format!("{SERVICES}\\fifo\\Parameters"));
        assert_eq!(hive.subkeys(key), ["Parameters"]);
        hive.delete(key);
        assert_eq!(hive.find(&format!("{SERVICES}\\fifo")), None);
    }
}
