//! Programs of Windows: which libraries they import, and which of them are not there, are for another processor, or
//! lack what is imported.
//!
//! Source: "Dynamic-link library search order",
//! <https://learn.microsoft.com/windows/win32/dlls/dynamic-link-library-search-order>: API sets, known DLLs, the
//! program's folder, the system's, Windows', PATH. Manifests and redirection are not looked at.

mod of_windows;

#[cfg(test)]
mod tests;

pub use of_windows::From;

use crate::files::{Files, Unread, base, folder};
use crate::survey::Refusal;
use of_windows::Data;
use pe::{Image, ImportModule, ImportTarget, Machine, Subsystem};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Modules of one program.
const MOST: usize = 5000;
/// Names of one list of functions.
const MOST_NAMES: usize = 100;

/// Where files are.
pub struct Places<'a> {
    /// Files in which the program lies.
    pub files: &'a dyn Files,
    /// The program.
    pub path: &'a str,
    /// Files of a Windows.
    pub system: Option<&'a dyn Files>,
    /// Folders of PATH, among those of the program.
    pub more: &'a [String],
}

/// What a program of Windows imports and does not get.
#[derive(Clone, Debug)]
pub struct WindowsSurvey {
    /// The program or library.
    pub path: String,
    /// What its libraries must be for.
    pub machine: Machine,
    /// What was found, the program first.
    pub modules: Vec<WindowsModule>,
    /// What is not had.
    pub lacks: Vec<WindowsLack>,
    /// Functions that are not had.
    pub functions: Vec<FunctionLack>,
    /// What else is to be said, a sentence each.
    pub notes: Vec<String>,
}

/// A module that is found.
#[derive(Clone, Debug)]
pub struct WindowsModule {
    /// Its name as imported first; the program's own path for itself.
    pub name: String,
    /// Where.
    pub place: Place,
    /// Number of the module that imports it first.
    pub by: Option<usize>,
}

/// Where a module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this path.
    File(String),
    /// In the system's folder of the Windows that is looked at.
    System(String),
    /// Windows has it, by what is known of it.
    OfWindows,
    /// It is a name of the loader, which stands for others (API sets).
    ApiSet,
}

/// A module that is not had.
#[derive(Clone, Debug)]
pub struct WindowsLack {
    /// Its name, as imported first.
    pub name: String,
    /// Paths of the modules that import it.
    pub by: Vec<String>,
    /// Whether it is only loaded once it is called.
    pub is_delayed: bool,
    /// The one that the loader takes, and cannot use.
    pub taken: Option<Unusable>,
    /// Folders that were looked into.
    pub folders: Vec<String>,
    /// The same name for another processor, in another of the system's folders.
    pub others: Vec<(String, Machine)>,
    /// Where such a library is from.
    pub from: Option<&'static From>,
}

/// A file that the loader takes and cannot use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is for another processor.
    Machine(String, Machine),
    /// It is no image: why.
    Broken(String, String),
}

/// Functions that a module does not export.
#[derive(Clone, Debug)]
pub struct FunctionLack {
    /// Path of the module.
    pub module: String,
    /// Path of who imports them.
    pub by: String,
    /// Names, or ordinals with `#`.
    pub functions: Vec<String>,
    /// How many there are beyond those named.
    pub more: usize,
    /// Whether they are only looked for once called.
    pub is_delayed: bool,
}

impl WindowsSurvey {
    /// Whether nothing is missing.
    pub fn is_good(&self) -> bool {
        self.lacks.is_empty() && self.functions.is_empty()
    }
}

/// Whether a file begins as images do.
pub fn is_image(data: &[u8]) -> bool {
    data.starts_with(b"MZ")
}

/// Follows a program of Windows.
///
/// # Errors
/// A file that cannot be read, is no image, or is a driver.
pub fn windows(places: &Places<'_>) -> Result<WindowsSurvey, Refusal> {
    let path = places.path;
    let content = places.files.read(path).map_err(|why| {
        Refusal::Input(match why {
            Unread::Absent => format!("{path}: there is no such file."),
            Unread::Barred(why) => format!("{path}: it cannot be read: {why}."),
        })
    })?;
    let image =
        Image::parse(&content).map_err(|error| Refusal::Input(format!("{path}: {error}.")))?;
    if matches!(image.subsystem(), Subsystem::Native) {
        return Err(Refusal::Unsupported(format!(
            "{path}: it runs in the kernel, whose modules are not looked for here; bugcheck test --imports lists what it \
             imports."
        )));
    }
    let mut walk = Walk {
        places,
        machine: image.machine(),
        folders: Vec::new(),
        listings: BTreeMap::new(),
        known: BTreeMap::new(),
        waiting: VecDeque::new(),
        survey: WindowsSurvey {
            path: path.to_owned(),
            machine: image.machine(),
            modules: Vec::new(),
            lacks: Vec::new(),
            functions: Vec::new(),
            notes: Vec::new(),
        },
    };
    walk.begin(&image);
    walk.go();
    Ok(walk.survey)
}

/// A folder that is looked into.
#[derive(Clone, Debug)]
struct Folder {
    path: String,
    of_system: bool,
}

/// What the loader knows of a name.
#[derive(Clone, Debug)]
enum Known {
    Module(usize),
    Lack(usize),
}

struct Walk<'a> {
    places: &'a Places<'a>,
    machine: Machine,
    folders: Vec<Folder>,
    /// Names of a folder in lower case, and as they are.
    listings: BTreeMap<(bool, String), BTreeMap<String, String>>,
    known: BTreeMap<String, Known>,
    /// Who imports, and what.
    waiting: VecDeque<(usize, ImportModule, bool)>,
    survey: WindowsSurvey,
}

impl Walk<'_> {
    fn begin(&mut self, image: &Image<'_>) {
        let path = self.places.path;
        self.folders.push(Folder { path: folder(path).to_owned(), of_system: false });
        if self.places.system.is_some() {
            let found = self.system_folders();
            if found.is_empty() {
                let note = "the root has no folder Windows/System32: what is Windows' own goes by what is known of it.";
                self.survey.notes.push(note.to_owned());
            }
            self.folders.extend(found);
        } else {
            let note = "no Windows was given (--root DIR, the folder that holds Windows): what is its own goes by a list of \
                usual ones, and what these export is not checked.";
            self.survey.notes.push(note.to_owned());
        }
        let more =
            self.places.more.iter().map(|path| Folder { path: path.clone(), of_system: false });
        self.folders.extend(more);
        self.survey.modules.push(WindowsModule {
            name: path.to_owned(),
            place: Place::File(path.to_owned()),
            by: None,
        });
        self.known.insert(base(path).to_ascii_lowercase(), Known::Module(0));
        self.imports(0, path, image);
    }

    /// The system's folder for this processor, and Windows' own. On a 64-bit Windows that of 32-bit programs is
    /// SysWOW64.
    fn system_folders(&mut self) -> Vec<Folder> {
        let Some(windows) =
            self.entry(true, "/", "windows").or_else(|| self.entry(true, "/", "winnt"))
        else {
            return Vec::new();
        };
        let wow = self.entry(true, &windows, "syswow64");
        let system = self.entry(true, &windows, "system32");
        let narrow = matches!(self.machine, Machine::I386 | Machine::ArmNt);
        let own = if narrow { wow.or(system) } else { system };
        own.into_iter().chain([windows]).map(|path| Folder { path, of_system: true }).collect()
    }

    /// The path of a name in a folder, whatever case it is written in.
    fn entry(&mut self, of_system: bool, folder: &str, name: &str) -> Option<String> {
        let files = if of_system { self.places.system? } else { self.places.files };
        let key = (of_system, folder.to_owned());
        let listing = self.listings.entry(key).or_insert_with(|| {
            files.list(folder).into_iter().map(|name| (name.to_ascii_lowercase(), name)).collect()
        });
        let found = listing.get(&name.to_ascii_lowercase())?;
        Some(format!("{}/{found}", folder.trim_end_matches('/')))
    }

    fn imports(&mut self, number: usize, path: &str, image: &Image<'_>) {
        for (read, is_delayed) in [(image.imports(), false), (image.delay_imports(), true)] {
            match read {
                Ok(all) => self.waiting.extend(all.into_iter().map(|it| (number, it, is_delayed))),
                Err(error) => {
                    self.survey.notes.push(format!("{path}: its imports cannot be read: {error}."))
                }
            }
        }
    }

    fn go(&mut self) {
        while let Some((by, import, is_delayed)) = self.waiting.pop_front() {
            if self.survey.modules.len() + self.survey.lacks.len() >= MOST {
                let note = format!("more than {MOST} modules; the rest is not looked at.");
                self.survey.notes.push(note);
                return;
            }
            let name = self.with_ending(&import.name);
            let known = match self.known.get(&name) {
                Some(known) => known.clone(),
                None => {
                    let known = self.find(&name, &import.name, by, is_delayed);
                    self.known.insert(name, known.clone());
                    known
                }
            };
            let by_path = self.path_of(by);
            match known {
                Known::Lack(number) => {
                    if let Some(lack) = self.survey.lacks.get_mut(number) {
                        lack.is_delayed &= is_delayed;
                        if !lack.by.contains(&by_path) {
                            lack.by.push(by_path);
                        }
                    }
                }
                Known::Module(number) => self.functions(number, &by_path, &import, is_delayed),
            }
        }
        self.survey.lacks.sort_by_key(|lack| lack.is_delayed);
    }

    /// A name without an ending is one of a .dll.
    fn with_ending(&self, name: &str) -> String {
        let name = name.to_ascii_lowercase();
        if name.contains('.') { name } else { format!("{name}.dll") }
    }

    fn path_of(&self, number: usize) -> String {
        match self.survey.modules.get(number) {
            Some(WindowsModule { place: Place::File(path) | Place::System(path), .. }) => {
                path.clone()
            }
            Some(module) => module.name.clone(),
            None => String::new(),
        }
    }

    fn find(&mut self, name: &str, as_imported: &str, by: usize, is_delayed: bool) -> Known {
        let data = Data::get();
        let add = |walk: &mut Self, place| {
            walk.survey.modules.push(WindowsModule {
                name: as_imported.to_owned(),
                place,
                by: Some(by),
            });
            Known::Module(walk.survey.modules.len() - 1)
        };
        if name.starts_with("api-") || name.starts_with("ext-") {
            return add(self, Place::ApiSet);
        }
        let has_system = self.folders.iter().any(|it| it.of_system);
        let is_known = data.known.contains(name);
        let mut looked = Vec::new();
        for Folder { path: place, of_system } in self.folders.clone() {
            // Known ones are taken from the system's folder only.
            if is_known && !of_system && (has_system || data.known.contains(name)) {
                continue;
            }
            looked.push(place.clone());
            let Some(path) = self.entry(of_system, &place, name) else { continue };
            let files = if of_system {
                self.places.system.unwrap_or(self.places.files)
            } else {
                self.places.files
            };
            let unusable = match files.read(&path) {
                Err(Unread::Absent) => continue,
                Err(Unread::Barred(why)) => Unusable::Broken(path.clone(), why),
                Ok(content) => match Image::parse(&content) {
                    Err(error) => Unusable::Broken(path.clone(), error.to_string()),
                    Ok(image) if !fits(self.machine, image.machine()) => {
                        Unusable::Machine(path.clone(), image.machine())
                    }
                    Ok(image) => {
                        let place = if of_system {
                            Place::System(path.clone())
                        } else {
                            Place::File(path.clone())
                        };
                        let known = add(self, place);
                        // What Windows' own libraries import is Windows' matter.
                        if !of_system && let Known::Module(number) = known {
                            self.imports(number, &path, &image);
                        }
                        return known;
                    }
                },
            };
            return self.lack(name, as_imported, is_delayed, Some(unusable), looked);
        }
        if !has_system && data.is_of_windows(name) {
            return add(self, Place::OfWindows);
        }
        self.lack(name, as_imported, is_delayed, None, looked)
    }

    fn lack(
        &mut self,
        name: &str,
        as_imported: &str,
        is_delayed: bool,
        taken: Option<Unusable>,
        folders: Vec<String>,
    ) -> Known {
        let others = self.others(name);
        self.survey.lacks.push(WindowsLack {
            name: as_imported.to_owned(),
            by: Vec::new(),
            is_delayed,
            taken,
            folders,
            others,
            from: Data::get().from(name),
        });
        Known::Lack(self.survey.lacks.len() - 1)
    }

    /// The same name in the system's folders, for others.
    fn others(&mut self, name: &str) -> Vec<(String, Machine)> {
        let mut all = Vec::new();
        let (Some(files), Some(windows)) = (self.places.system, self.entry(true, "/", "windows"))
        else {
            return all;
        };
        for system in ["system32", "syswow64"] {
            let Some(folder) = self.entry(true, &windows, system) else { continue };
            let Some(path) = self.entry(true, &folder, name) else { continue };
            let content = files.read(&path).ok();
            let machine =
                content.and_then(|it| Image::parse(&it).ok().map(|image| image.machine()));
            all.extend(
                machine.filter(|it| !fits(self.machine, *it)).map(|machine| (path, machine)),
            );
        }
        all
    }

    /// What is imported of a module and not there.
    fn functions(&mut self, number: usize, by: &str, import: &ImportModule, is_delayed: bool) {
        let Some(module) = self.survey.modules.get(number) else { return };
        let (path, files) = match &module.place {
            Place::File(path) => (path.clone(), Some(self.places.files)),
            Place::System(path) => (path.clone(), self.places.system),
            Place::OfWindows | Place::ApiSet => return,
        };
        let Some(content) = files.and_then(|files| files.read(&path).ok()) else { return };
        let exports = match Image::parse(&content).and_then(|image| image.exports()) {
            Ok(exports) => exports,
            Err(error) => {
                self.survey.notes.push(format!("{path}: its exports cannot be read: {error}."));
                return;
            }
        };
        let names: BTreeSet<&str> = exports.iter().filter_map(|it| it.name.as_deref()).collect();
        let ordinals: BTreeSet<u32> = exports.iter().map(|it| it.ordinal).collect();
        let mut missing: Vec<String> = Vec::new();
        for entry in &import.entries {
            match &entry.target {
                ImportTarget::Name { name, .. } if !names.contains(name.as_str()) => {
                    missing.push(name.clone())
                }
                ImportTarget::Ordinal(ordinal) if !ordinals.contains(&u32::from(*ordinal)) => {
                    missing.push(format!("#{ordinal}"));
                }
                _ => {}
            }
        }
        if missing.is_empty() {
            return;
        }
        let more = missing.len().saturating_sub(MOST_NAMES);
        missing.truncate(MOST_NAMES);
        self.survey.functions.push(FunctionLack {
            module: path,
            by: by.to_owned(),
            functions: missing,
            more,
            is_delayed,
        });
    }
}

/// Whether a library of one processor can be in a process of another. Images of ARM64X say ARM64, and are both.
fn fits(program: Machine, library: Machine) -> bool {
    program == library
        || (program == Machine::Amd64 && matches!(library, Machine::Arm64Ec | Machine::Arm64X))
}
