//! What an INF leaves in the registry of the machine that the driver runs on.

use crate::driver::Refused;
use evidence::inf::{Change as Line, Inf, Plan, Root as From, Service, Value};
use kernel::cm::hive::reg;
use kernel::cm::installed::{Change, Root, Setting};
use std::sync::Arc;

/// Changes of the registry, at most: keys of the hive are few.
const MOST_SETTINGS: usize = 2_000;
/// Bytes of all their data.
const MOST_BYTES: usize = 1 << 20;
/// REG_QWORD (wdm.h).
const QWORD: u32 = 11;

/// Values of a hardware key that belong to the device itself and not to its parameters: SetupAPI sets them
/// as properties of the device.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-ddinstall-hw-section>
const OF_DEVICE: [&str; 6] = [
    "DeviceCharacteristics",
    "DeviceType",
    "Exclusive",
    "LowerFilters",
    "Security",
    "UpperFilters",
];

/// How the driver under test was installed.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Path of the INF as it was given; goes into replay tokens.
    pub inf: String,
    /// The install section, with its platform.
    pub section: String,
    pub(crate) registry: Arc<kernel::cm::installed::Installed>,
    pub(crate) hash: u32,
    /// What the INF wants and the machine does not get, in words.
    pub notes: Vec<String>,
}

impl Installed {
    /// What `plan`, of the INF at `path`, leaves behind; `class` is what its ClassInstall32 section does.
    ///
    /// # Errors
    /// One sentence: the INF makes no service that the device's function driver is, or sets more than a
    /// machine of the bench takes.
    pub fn of(
        path: &str,
        inf: &Inf,
        plan: &Plan,
        class: Option<&Plan>,
    ) -> Result<Installed, Refused> {
        let service = function_driver(plan).ok_or_else(|| {
            Refused(format!(
                "section [{}] makes no service that is the device's function driver (AddService with \
                 SPSVCINST_ASSOCSERVICE, 0x2).",
                plan.section
            ))
        })?;
        let odd = service.name.len() > 255 || service.name.contains(['\\', '/', '\0']);
        if odd {
            return Err(Refused(format!("no service can be called {:?}.", service.name)));
        }
        let mut it = Collector::default();
        it.service(service);
        let guid = inf.version("ClassGuid").map_or("", |field| field.value.as_str());
        let key = format!("Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\{guid}");
        for line in class.iter().flat_map(|plan| &plan.registry) {
            it.line(line, (Root::Registry, &key));
        }
        for line in &plan.registry {
            it.line(line, relative(line));
        }
        for interface in plan.interfaces.iter().filter(|interface| !interface.registry.is_empty()) {
            it.notes
                .push(format!("What the INF sets for interface {} is not set.", interface.class));
        }
        for other in
            plan.services.iter().filter(|other| other.at != service.at && !other.name.is_empty())
        {
            it.notes.push(format!(
                "Service {} is not started; --with loads another image.",
                other.name
            ));
        }
        if it.settings.len() > MOST_SETTINGS || it.bytes > MOST_BYTES {
            return Err(Refused(format!(
                "section [{}] sets more in the registry than a machine of the bench takes: {} values and \
                 {} bytes.",
                plan.section,
                it.settings.len(),
                it.bytes
            )));
        }
        let registry = kernel::cm::installed::Installed {
            service: service.name.clone(),
            settings: it.settings,
        };
        let hash = crate::token::image_hash(&told(&registry));
        Ok(Installed {
            inf: path.to_owned(),
            section: plan.section.clone(),
            registry: Arc::new(registry),
            hash,
            notes: it.notes,
        })
    }
}

/// All that a run depends on, as bytes.
fn told(registry: &kernel::cm::installed::Installed) -> Vec<u8> {
    let mut bytes = registry.service.as_bytes().to_vec();
    let mut add = |part: &[u8]| {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    };
    for setting in &registry.settings {
        let root = match setting.root {
            Root::Registry => 0,
            Root::Service => 1,
            Root::Software => 2,
            Root::Device => 3,
            Root::Hardware => 4,
        };
        add(&[root]);
        add(setting.key.as_bytes());
        match &setting.change {
            Change::Key => add(b"k"),
            Change::Set(name, kind, data) => {
                add(b"s");
                add(name.as_bytes());
                add(&kind.to_le_bytes());
                add(data);
            }
            Change::Unset(name) => {
                add(b"u");
                add(name.as_bytes());
            }
            Change::Remove => add(b"r"),
        }
    }
    bytes
}

/// The service of the device's function driver.
pub fn function_driver(plan: &Plan) -> Option<&Service> {
    plan.services.iter().find(|service| service.is_associated() && !service.name.is_empty())
}

/// Where a line of the device's own keys goes.
fn relative(line: &Line) -> (Root, &str) {
    match &line.root {
        From::Relative(key) if key == "hardware key" => {
            let of_device = |name: &&str| name.eq_ignore_ascii_case(&line.name);
            if line.key.is_empty() && OF_DEVICE.iter().any(of_device) {
                (Root::Device, "")
            } else {
                (Root::Hardware, "")
            }
        }
        _ => (Root::Software, ""),
    }
}

#[derive(Default)]
struct Collector {
    settings: Vec<Setting>,
    bytes: usize,
    notes: Vec<String>,
}

impl Collector {
    fn push(&mut self, root: Root, key: &str, change: Change) {
        self.bytes += key.len()
            + match &change {
                Change::Set(name, _, data) => name.len() + data.len(),
                _ => 0,
            };
        // What is beyond the limit is counted and refused.
        self.settings.push(Setting { root, key: key.to_owned(), change });
    }

    /// The values that AddService itself sets.
    /// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-addservice-directive>
    fn service(&mut self, it: &Service) {
        let numbers = [("Type", it.kind), ("Start", it.start), ("ErrorControl", it.error)];
        for (name, value) in numbers {
            if let Some(value) = value {
                let data = value.to_le_bytes().to_vec();
                self.push(Root::Service, "", Change::Set(name.to_owned(), reg::DWORD, data));
            }
        }
        for (name, kind, text) in [
            ("ImagePath", reg::EXPAND_SZ, &it.binary),
            ("DisplayName", reg::SZ, &it.display),
            ("Group", reg::SZ, &it.group),
        ] {
            if !text.is_empty() {
                let change = Change::Set(name.to_owned(), kind, wide(text));
                self.push(Root::Service, "", change);
            }
        }
        for line in &it.registry {
            self.line(line, (Root::Service, ""));
        }
    }

    /// A line of an AddReg or DelReg section; `relative` is what HKR stands for.
    fn line(&mut self, line: &Line, relative: (Root, &str)) {
        let (root, base) = match line.root {
            From::Machine => (Root::Registry, "Registry\\Machine"),
            From::Classes => (Root::Registry, "Registry\\Machine\\Software\\Classes"),
            From::Users => (Root::Registry, "Registry\\User"),
            // The system process has the profile of nobody.
            From::User => (Root::Registry, "Registry\\User\\.Default"),
            From::Relative(_) => relative,
        };
        let key = match (base, line.key.trim_matches('\\')) {
            ("", key) => key.to_owned(),
            (base, "") => base.to_owned(),
            (base, key) => format!("{base}\\{key}"),
        };
        let set = |kind, data| Change::Set(line.name.clone(), kind, data);
        let change = match &line.value {
            Value::Key => Change::Key,
            Value::Delete if line.name.is_empty() => Change::Remove,
            Value::Delete => Change::Unset(line.name.clone()),
            Value::Text(text) => set(reg::SZ, wide(text)),
            Value::Expand(text) => set(reg::EXPAND_SZ, wide(text)),
            Value::Many(all) => {
                let mut data: Vec<u8> = all.iter().flat_map(|text| wide(text)).collect();
                data.extend([0, 0]);
                set(reg::MULTI_SZ, data)
            }
            Value::Dword(value) => set(reg::DWORD, value.to_le_bytes().to_vec()),
            Value::Qword(value) => set(QWORD, value.to_le_bytes().to_vec()),
            Value::Bytes(kind, bytes) => set(u32::from(*kind), bytes.clone()),
        };
        // A key of the device that the INF would delete whole is the bench's own.
        if change == Change::Remove && key.is_empty() {
            self.notes
                .push("A DelReg line that names no key and no value is passed over.".to_owned());
            return;
        }
        self.push(root, &key, change);
    }
}

/// UTF-16 with its end.
fn wide(text: &str) -> Vec<u8> {
    nt::string::to_utf16le_z(text)
}
