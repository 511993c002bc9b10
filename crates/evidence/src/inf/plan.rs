//! What installing one section does: files, registry, services, interfaces.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-ddinstall-section>

use super::Inf;
use super::date::{Date, DriverVersion};
use super::dirs::{directory, file_name, join, resolved};
use super::lex::{Entry, Field, Position, Section};
use super::registry::{Change, changes};
use super::target::{Architecture, number};
use std::collections::HashSet;

/// A file that is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Its name, and subdirectory, where it is installed.
    pub name: String,
    /// Its path in the driver package, beside the INF; `None` where SourceDisksFiles does not list it.
    pub source: Option<String>,
    /// Directory identifier; `None` where DestinationDirs gives none.
    pub directory: Option<i64>,
    /// Where it goes: the directory's usual place, or its number if it has none.
    pub path: String,
    /// COPYFLG_... bits.
    pub flags: u32,
    /// Where that is written.
    pub at: Position,
}

/// A service that is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name; empty for the associated service of a device without one.
    pub name: String,
    /// SPSVCINST_... bits.
    pub flags: u32,
    /// Its install section.
    pub section: String,
    /// DisplayName; may be empty.
    pub display: String,
    /// ServiceType: 1 for a kernel driver.
    pub kind: Option<u32>,
    /// StartType: 0 boot, 1 system, 2 automatic, 3 on demand, 4 disabled.
    pub start: Option<u32>,
    /// ErrorControl: 0 ignore, 1 normal, 2 severe, 3 critical.
    pub error: Option<u32>,
    /// ServiceBinary, with its directory's usual place; empty where it is not given.
    pub binary: String,
    /// LoadOrderGroup; may be empty.
    pub group: String,
    /// Dependencies.
    pub dependencies: Vec<String>,
    /// Security; may be empty.
    pub security: String,
    /// What is set below the service's key, and elsewhere.
    pub registry: Vec<Change>,
    /// Where AddService stands.
    pub at: Position,
}

impl Service {
    /// SPSVCINST_ASSOCSERVICE: whether it is the function driver of the device.
    pub fn is_associated(&self) -> bool {
        self.flags & 2 != 0
    }

    /// The file of its binary.
    pub fn file(&self) -> &str {
        file_name(&self.binary)
    }

    /// What its start type is called.
    pub fn start_name(&self) -> &'static str {
        match self.start {
            Some(0) => "boot",
            Some(1) => "system",
            Some(2) => "automatic",
            Some(3) => "on demand",
            Some(4) => "disabled",
            _ => "unknown",
        }
    }
}

/// An interface that is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// GUID of its class, in braces.
    pub class: String,
    /// Reference string; may be empty.
    pub reference: String,
    /// What is set below its key, and elsewhere.
    pub registry: Vec<Change>,
}

/// All that one install section does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Name of the section that is installed, with its platform.
    pub section: String,
    /// Files that are copied.
    pub copies: Vec<Copy>,
    /// Names of files that are deleted.
    pub deletes: Vec<String>,
    /// Changes of the device's keys, and of others.
    pub registry: Vec<Change>,
    /// Files that are renamed: from, to.
    pub renames: Vec<(String, String)>,
    /// What else is done, line by line.
    pub further: Vec<super::further::Further>,
    /// INFs whose sections are needed, as they are called, and were not at hand.
    pub includes: Vec<String>,
    /// INFs whose sections are needed, and sections of theirs that are installed as well: all that they do is in
    /// this plan.
    pub included: Vec<(String, Vec<String>)>,
    /// Services that are made.
    pub services: Vec<Service>,
    /// Services that are removed.
    pub removed_services: Vec<String>,
    /// Interfaces of the device.
    pub interfaces: Vec<Interface>,
    /// Frameworks, as `KMDF 1.15 for NAME`.
    pub frameworks: Vec<String>,
    /// Filters, by service.
    pub filters: Vec<String>,
    /// Sections of Windows' own INFs that are installed as well.
    pub needs: Vec<String>,
    /// FeatureScore; 0xFF where none is given.
    pub feature: u8,
    /// DriverVer of the section, or else of the file.
    pub date: Option<Date>,
    /// Its version.
    pub version: Option<DriverVersion>,
    /// Whether the system has to be started again.
    pub reboot: bool,
}

/// The numbers of DriverVer.
pub(super) fn driver_ver(entry: Option<&Entry>) -> (Option<Date>, Option<DriverVersion>) {
    let date = entry.and_then(|it| Date::parse(it.text(0)));
    (date, entry.and_then(|it| DriverVersion::parse(it.text(1))))
}

/// FeatureScore's number: one byte in hexadecimal, with or without `0x` or `x`.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-featurescore-directive>
pub(super) fn feature_score(text: &str) -> Option<u8> {
    let low = text.to_ascii_lowercase();
    let digits = low.strip_prefix("0x").or_else(|| low.strip_prefix('x')).unwrap_or(&low);
    let plain = digits.bytes().all(|it| it.is_ascii_hexdigit());
    if plain { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// Where a file list's files go: what DestinationDirs says of it, or else of all.
pub(super) fn destination<'a>(inf: &'a Inf, list: Option<&'a str>) -> Option<&'a Entry> {
    let section = inf.section("DestinationDirs")?;
    list.and_then(|list| section.entry(list)).or_else(|| section.entry("DefaultDestDir"))
}

/// Whether [InterfaceInstall32] names the section: it then installs a class of interfaces.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-interfaceinstall32-section>
fn is_interface_class(inf: &Inf, name: &str) -> bool {
    let classes = inf.section("InterfaceInstall32");
    let low = name.to_ascii_lowercase();
    let plain = low.rsplit_once(".nt").map_or(&*low, |(front, _)| front);
    classes.is_some_and(|all| {
        all.entries.iter().any(|entry| entry.text(0).eq_ignore_ascii_case(plain))
    })
}

/// Puts a plan together.
struct Planner<'a> {
    /// Whose sections are gone through: the INF itself, or one that it includes.
    inf: &'a Inf,
    /// Which: 0 is the INF itself.
    file: usize,
    /// The INF itself.
    whole: &'a Inf,
    architecture: Architecture,
    plan: Plan,
    /// Sections that were gone through, each with its file and what for: none does anything twice.
    done: HashSet<(usize, String, &'static str)>,
}

impl Plan {
    /// What installing the section `name`, which exists, does on `architecture`.
    pub fn of(inf: &Inf, name: &str, architecture: Architecture) -> Plan {
        let mut it = Planner {
            inf,
            file: 0,
            whole: inf,
            architecture,
            plan: Plan::default(),
            done: HashSet::new(),
        };
        it.plan.section = name.to_owned();
        it.plan.feature = 0xFF;
        let own = inf.section(name);
        if let Some(entry) = own.and_then(|section| section.entry("FeatureScore")) {
            it.plan.feature = feature_score(entry.text(0)).unwrap_or(0xFF);
        }
        let whole = inf.section("Version").and_then(|section| section.entry("DriverVer"));
        let given = own.and_then(|section| section.entry("DriverVer")).or(whole);
        (it.plan.date, it.plan.version) = driver_ver(given);
        let class = name.to_ascii_lowercase().starts_with("classinstall32");
        let relative = match class {
            true => "class key",
            false if is_interface_class(inf, name) => "interface class key",
            false => "software key",
        };
        it.install(name, relative);
        it.install(&format!("{name}.HW"), "hardware key");
        it.install(&format!("{name}.CoInstallers"), "software key");
        it.services(&format!("{name}.Services"));
        it.interfaces(&format!("{name}.Interfaces"));
        it.framework(&format!("{name}.Wdf"));
        it.filters(&format!("{name}.Filters"));
        it.plan.further = super::further::collect(inf, name);
        it.plan
    }
}

impl<'a> Planner<'a> {
    /// The section, unless it was gone through for this purpose.
    fn once(&mut self, name: &str, purpose: &'static str) -> Option<&'a Section> {
        let section = self.inf.section(name)?;
        self.done.insert((self.file, name.to_lowercase(), purpose)).then_some(section)
    }

    /// Sections that the values of an entry name.
    fn named(entry: &Entry) -> impl Iterator<Item = &Field> {
        entry.fields.iter().filter(|field| !field.value.is_empty())
    }

    /// Sections of this file that are needed, and of those that are included; what no file at hand has is noted.
    fn needs(&mut self, section: &Section, each: &mut dyn FnMut(&mut Self, &str)) {
        for field in section.with_key("Include").flat_map(Self::named) {
            let name = &field.value;
            if self.whole.included(name).is_none() && !self.plan.includes.contains(name) {
                self.plan.includes.push(name.clone());
            }
        }
        for field in section.with_key("Needs").flat_map(Self::named) {
            let name = &field.value;
            if self.inf.section(name).is_some() {
                each(self, name);
            } else if let Some(file) = self.file_with(name) {
                let before = (self.inf, self.file);
                let (own, inf) = &self.whole.included[file];
                self.note_included(own, name);
                (self.inf, self.file) = (inf, file + 1);
                each(self, name);
                (self.inf, self.file) = before;
            } else if !self.plan.needs.contains(name) {
                self.plan.needs.push(name.clone());
            }
        }
    }

    /// The included INF that has a section.
    fn file_with(&self, section: &str) -> Option<usize> {
        self.whole.included.iter().position(|(_, inf)| inf.section(section).is_some())
    }

    fn note_included(&mut self, file: &str, section: &str) {
        let known = self.plan.included.iter().position(|(name, _)| name == file);
        let index = known.unwrap_or_else(|| {
            self.plan.included.push((file.to_owned(), Vec::new()));
            self.plan.included.len() - 1
        });
        let sections = &mut self.plan.included[index].1;
        if !sections.iter().any(|it| it.eq_ignore_ascii_case(section)) {
            sections.push(section.to_owned());
        }
    }

    fn install(&mut self, name: &str, relative: &'static str) {
        let Some(section) = self.once(name, relative) else { return };
        self.needs(section, &mut |it, name| it.install(name, relative));
        for entry in &section.entries {
            match entry.head() {
                Some(head) if head.is("CopyFiles") => self.copy_files(entry),
                Some(head) if head.is("DelFiles") => self.delete_files(entry),
                Some(head) if head.is("RenFiles") => self.rename_files(entry),
                Some(head) if head.is("Reboot") || head.is("Restart") => self.plan.reboot = true,
                _ => {}
            }
        }
        let mut all = self.registry(section, relative);
        self.plan.registry.append(&mut all);
    }

    fn copy_files(&mut self, entry: &'a Entry) {
        for field in Self::named(entry) {
            if let Some(name) = field.value.strip_prefix('@') {
                let copy = self.copy(name, name, 0, None, field.at);
                self.plan.copies.push(copy);
                continue;
            }
            let Some(list) = self.once(&field.value, "copies") else { continue };
            for file in &list.entries {
                let name = file.text(0);
                let source = file.field(1).map_or(name, |it| &it.value);
                let flags = number(file.text(3)).unwrap_or_default();
                let copy = self.copy(name, source, flags, Some(&field.value), file.at);
                self.plan.copies.push(copy);
            }
        }
    }

    fn copy(&self, name: &str, source: &str, flags: u32, list: Option<&str>, at: Position) -> Copy {
        let entry = destination(self.inf, list);
        let directory_id = entry.and_then(|it| it.text(0).parse::<i64>().ok());
        let below = entry.map_or("", |it| it.text(1));
        let folder = directory_id.map_or_else(
            || "<nowhere>".to_owned(),
            |id| directory(id).unwrap_or_else(|| format!("<directory {id}>")),
        );
        let path = join(&join(&folder, below), name);
        let source = self.source(source);
        Copy { name: name.to_owned(), source, directory: directory_id, path, flags, at }
    }

    /// The path of a file in the driver package.
    fn source(&self, name: &str) -> Option<String> {
        let special = format!("SourceDisksFiles.{}", self.architecture.name());
        let find = |section: &str| self.inf.section(section)?.entry(name);
        let entry = find(&special).or_else(|| find("SourceDisksFiles"))?;
        let special = format!("SourceDisksNames.{}", self.architecture.name());
        let disk = |section: &str| self.inf.section(section)?.entry(entry.text(0));
        let disk = disk(&special).or_else(|| disk("SourceDisksNames"));
        let folder = disk.map_or("", |disk| disk.text(3));
        Some(join(&join(folder.trim_start_matches('\\'), entry.text(1)), name))
    }

    fn delete_files(&mut self, entry: &'a Entry) {
        for field in Self::named(entry) {
            let Some(list) = self.once(&field.value, "deletes") else { continue };
            self.plan.deletes.extend(list.entries.iter().map(|file| file.text(0).to_owned()));
        }
    }

    /// `new-name, old-name`, each line.
    /// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-renfiles-directive>
    fn rename_files(&mut self, entry: &'a Entry) {
        for field in Self::named(entry) {
            let Some(list) = self.once(&field.value, "renames") else { continue };
            let names =
                list.entries.iter().map(|it| (it.text(1).to_owned(), it.text(0).to_owned()));
            self.plan.renames.extend(names);
        }
    }

    /// What the AddReg and DelReg directives of `section` change.
    fn registry(&mut self, section: &'a Section, relative: &'static str) -> Vec<Change> {
        let mut all = Vec::new();
        for (directive, deletes) in [("DelReg", true), ("AddReg", false)] {
            for field in section.with_key(directive).flat_map(Self::named) {
                if let Some(list) = self.once(&field.value, relative) {
                    all.extend(changes(list, relative, deletes));
                }
            }
        }
        all
    }

    fn services(&mut self, name: &str) {
        let Some(section) = self.once(name, "services") else { return };
        self.needs(section, &mut |it, name| it.services(name));
        for entry in section.with_key("AddService") {
            let service = self.service(entry);
            self.plan.services.push(service);
        }
        let removed = section.with_key("DelService").map(|entry| entry.text(0).to_owned());
        self.plan.removed_services.extend(removed);
    }

    fn service(&mut self, entry: &Entry) -> Service {
        let mut it = Service {
            name: entry.text(0).to_owned(),
            flags: number(entry.text(1)).unwrap_or_default(),
            section: entry.text(2).to_owned(),
            at: entry.at,
            ..Service::default()
        };
        let Some(section) = self.inf.section(&it.section) else { return it };
        let text = |key| section.entry(key).map_or("", |entry| entry.text(0));
        it.display = text("DisplayName").to_owned();
        it.kind = number(text("ServiceType")).filter(|_| !text("ServiceType").is_empty());
        it.start = number(text("StartType")).filter(|_| !text("StartType").is_empty());
        it.error = number(text("ErrorControl")).filter(|_| !text("ErrorControl").is_empty());
        it.binary = resolved(text("ServiceBinary"));
        it.group = text("LoadOrderGroup").to_owned();
        it.security = text("Security").to_owned();
        let depends = section.with_key("Dependencies").flat_map(Self::named);
        it.dependencies = depends.map(|field| field.value.clone()).collect();
        it.registry = self.registry(section, "service key");
        it
    }

    fn interfaces(&mut self, name: &str) {
        let Some(section) = self.once(name, "interfaces") else { return };
        self.needs(section, &mut |it, name| it.interfaces(name));
        for entry in section.with_key("AddInterface") {
            let (class, reference) = (entry.text(0).to_owned(), entry.text(1).to_owned());
            let own = self.once(entry.text(2), "interface key");
            let registry = own.map_or_else(Vec::new, |own| self.registry(own, "interface key"));
            self.plan.interfaces.push(Interface { class, reference, registry });
        }
    }

    fn framework(&mut self, name: &str) {
        let Some(section) = self.once(name, "framework") else { return };
        self.needs(section, &mut |it, name| it.framework(name));
        for (directive, version, short) in [
            ("KmdfService", "KmdfLibraryVersion", "KMDF"),
            ("UmdfService", "UmdfLibraryVersion", "UMDF"),
        ] {
            for entry in section.with_key(directive) {
                let own = self.inf.section(entry.text(1)).and_then(|own| own.entry(version));
                let version = own.map_or("of an unknown version", |own| own.text(0));
                self.plan.frameworks.push(format!("{short} {version} for {}", entry.text(0)));
            }
        }
    }

    fn filters(&mut self, name: &str) {
        let Some(section) = self.once(name, "filters") else { return };
        let names = section.with_key("AddFilter").map(|entry| entry.text(0).to_owned());
        self.plan.filters.extend(names);
    }
}
