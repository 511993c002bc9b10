//! Which images belong together: those below a folder, and those that a program imports.

use crate::evidence;
use crate::failure::Failure;
use crate::rebasing::replace;
use pe::{Image, Machine};
use rebase::{Member, Moves, Stays};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// More images than any process or folder of one has.
const MOST: usize = 100_000;

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    /// The images, each a file of its own.
    pub files: Vec<File>,
    /// Modules that are imported and not there, each with the image that wants it first.
    pub missing: BTreeMap<String, String>,
    /// Files that look like images and cannot be read: a sentence each.
    pub unread: Vec<String>,
}

/// An image, and the file that it was read from.
pub(crate) struct File {
    /// Without links.
    pub path: PathBuf,
    pub member: Member,
}

/// What is asked for.
pub(crate) struct Asked<'a> {
    /// Folders, programs, libraries.
    pub paths: &'a [PathBuf],
    /// Further folders in which imports are looked for.
    pub search: &'a [PathBuf],
    /// Whether signed images may be moved.
    pub signed: bool,
    /// Whether those with a dynamic base are to give it up.
    pub fixed: bool,
}

/// Finds them.
pub(crate) fn find(asked: &Asked<'_>) -> Result<Found, Failure> {
    let mut search =
        Search { asked, found: Found::default(), known: BTreeSet::new(), folders: HashMap::new() };
    let (folders, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        asked.paths.iter().partition(|path| path.is_dir());
    for folder in &folders {
        search.below(folder)?;
    }
    // A program finds its libraries beside itself first, then where the user says.
    for file in files {
        let beside = evidence::folder_of(file);
        let more = folders.iter().map(|it| it.to_path_buf()).chain(asked.search.iter().cloned());
        let places: Vec<PathBuf> = beside.into_iter().chain(more).collect();
        search.program(file, &places)?;
    }
    Ok(search.found)
}

struct Search<'a> {
    asked: &'a Asked<'a>,
    found: Found,
    /// Files that were looked at, without links.
    known: BTreeSet<PathBuf>,
    /// Files of a folder by their names in lower case.
    folders: HashMap<PathBuf, HashMap<String, PathBuf>>,
}

/// What of an image leads on.
struct Read {
    machine: Machine,
    is_dll: bool,
    imports: Vec<String>,
}

impl Search<'_> {
    /// Every library below a folder. Programs there are never in one process, and so left out.
    fn below(&mut self, folder: &Path) -> Result<(), Failure> {
        for item in evidence::files(&[folder.to_owned()])? {
            if replace::is_ours(item.path()) {
                continue;
            }
            match self.read(item.path(), &|read| read.is_dll) {
                Ok(_) => {}
                Err(sentence) => self.found.unread.push(sentence),
            }
        }
        Ok(())
    }

    /// A program or library that the user names, and what it imports, and what that imports.
    fn program(&mut self, file: &Path, places: &[PathBuf]) -> Result<(), Failure> {
        let first = self.read(file, &|_| true).map_err(Failure::Input)?.ok_or_else(|| {
            let name = file.display();
            Failure::Input(format!("{name}: this is no image; give a .dll, an .exe or a folder."))
        })?;
        let machine = first.machine;
        let mut waiting = vec![(file.display().to_string(), first.imports)];
        let mut asked = BTreeSet::new();
        while let Some((importer, imports)) = waiting.pop() {
            for name in imports {
                if !asked.insert(name.to_ascii_lowercase()) || asked.len() > MOST {
                    continue;
                }
                match self.import(&name, machine, places) {
                    Some((path, imports)) => waiting.push((path, imports)),
                    None => {
                        self.found.missing.entry(name).or_insert_with(|| importer.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn import(
        &mut self,
        name: &str,
        machine: Machine,
        places: &[PathBuf],
    ) -> Option<(String, Vec<String>)> {
        for place in places {
            let listed = self.folders.entry(place.clone()).or_insert_with(|| listing(place));
            let Some(path) = listed.get(&name.to_ascii_lowercase()).cloned() else { continue };
            match self.read(&path, &|read| read.machine == machine) {
                Ok(Some(read)) => return Some((path.display().to_string(), read.imports)),
                Ok(None) => {}
                Err(sentence) => self.found.unread.push(sentence),
            }
        }
        None
    }

    /// Reads a file; nothing of one that is no image or that is not `wanted`. One that was read before is read
    /// again for its imports, but is the same member.
    fn read(
        &mut self,
        path: &Path,
        wanted: &dyn Fn(&Read) -> bool,
    ) -> Result<Option<Read>, String> {
        let name = path.display().to_string();
        let fail = |error: std::io::Error| format!("{name}: it cannot be read: {error}.");
        let real = fs::canonicalize(path).map_err(fail)?;
        let about = fs::metadata(&real).map_err(fail)?;
        let bytes = mapped_file::open(&real).map_err(fail)?;
        if !bytes.starts_with(b"MZ") {
            return Ok(None);
        }
        let image = Image::parse(&bytes).map_err(|error| format!("{name}: {error}."))?;
        let mut modules = image.imports().unwrap_or_default();
        modules.extend(image.delay_imports().unwrap_or_default());
        let imports = modules.into_iter().map(|module| module.name).collect();
        let read = Read { machine: image.machine(), is_dll: image.is_dll(), imports };
        if !wanted(&read) {
            return Ok(None);
        }
        if self.found.files.len() < MOST && self.known.insert(real.clone()) {
            let mut member = Member::of(&name, &image, self.asked.signed, self.asked.fixed);
            if let (Moves::Freely, Some(why)) = (&member.moves, bar(&about)) {
                member.moves = Moves::Not(Stays::File(why));
            }
            self.found.files.push(File { path: real, member });
        }
        Ok(Some(read))
    }
}

fn listing(folder: &Path) -> HashMap<String, PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let mut listing = HashMap::new();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
        listing.entry(name.unwrap_or_default()).or_insert(path);
    }
    listing
}

/// Why a file may not be replaced.
fn bar(about: &fs::Metadata) -> Option<String> {
    if about.permissions().readonly() {
        return Some("it is read-only".to_owned());
    }
    let names = about.nlink();
    (names > 1)
        .then(|| format!("the file has {names} names, and the others would keep the old image"))
}
