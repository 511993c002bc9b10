//! Catalogs: those given with `--catalog`, and those that lie beside a file.

use crate::failure::Failure;
use diagnosis::signed::{CatalogFile, Digests, Listed};
use signatures::Time;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest catalog that is read; those of Windows itself have some 10 MB.
const MOST_BYTES: u64 = 64 << 20;
/// Catalogs of one folder that are read, and files beside a catalog that are hashed.
const MOST_BESIDE: usize = 200;
/// Bytes of files beside a catalog that are hashed.
const MOST_HASHED: u64 = 2 << 30;
/// Endings of files that catalogs of driver packages list.
const LISTED: [&str; 4] = ["sys", "inf", "dll", "exe"];

type Found = Vec<Result<Arc<CatalogFile>, String>>;

/// Catalogs, each read once.
pub(crate) struct Catalogs {
    given: Vec<Arc<CatalogFile>>,
    beside: Mutex<HashMap<PathBuf, Arc<Found>>>,
    now: Time,
}

/// The catalogs that may list one file.
pub(crate) struct ForFile {
    /// They.
    pub catalogs: Vec<Arc<CatalogFile>>,
    /// What could not be read: a sentence each.
    pub unread: Vec<String>,
}

impl Catalogs {
    /// Reads what was given: catalogs, and folders of them.
    ///
    /// # Errors
    /// The first that cannot be read, or is none; a folder without any.
    pub fn new(given: &[PathBuf], now: Time) -> Result<Self, Failure> {
        let fail = |what: String| Failure::Input(format!("--catalog: {what}."));
        let mut all = Vec::new();
        for path in given {
            if !path.is_dir() {
                all.push(Arc::new(read(path, now).map_err(fail)?));
                continue;
            }
            let mut paths = of_folder(path, &["cat"]).map_err(fail)?;
            if paths.is_empty() {
                return Err(fail(format!("{}: there is no .cat in the folder", path.display())));
            }
            for path in paths.drain(..) {
                all.push(Arc::new(read(&path, now).map_err(fail)?));
            }
        }
        Ok(Self { given: all, beside: Mutex::default(), now })
    }

    /// Whether catalogs were given.
    pub fn are_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// Those that were given; else all that lie beside `file`.
    pub fn for_file(&self, file: &Path) -> ForFile {
        let mut all = ForFile { catalogs: self.given.clone(), unread: Vec::new() };
        let folder = match file.parent() {
            _ if self.are_given() || file.as_os_str() == "-" => return all,
            Some(folder) => folder,
            None => return all,
        };
        for it in self.of_folder(folder).iter() {
            match it {
                Ok(catalog) => all.catalogs.push(Arc::clone(catalog)),
                Err(why) => all.unread.push(format!("{why}.")),
            }
        }
        all
    }

    /// Those that were given; else those beside `inf` that it names, each with that name.
    pub fn for_inf(
        &self,
        inf: &Path,
        named: &[String],
    ) -> Vec<(String, Result<Arc<CatalogFile>, String>)> {
        if self.are_given() {
            return self.given.iter().map(|it| (it.name.clone(), Ok(Arc::clone(it)))).collect();
        }
        let of = |name: &String| {
            let found = find(folder(inf), name).ok_or("it does not lie beside the INF".to_owned());
            let found = found.and_then(|path| {
                read(&path, self.now).map(|catalog| Arc::new(catalog.called(name)))
            });
            (name.clone(), found)
        };
        named.iter().map(of).collect()
    }

    fn of_folder(&self, folder: &Path) -> Arc<Found> {
        let lock = || self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(folder) {
            return Arc::clone(known);
        }
        let all = of_folder(folder, &["cat"]).unwrap_or_default();
        let mut found: Found =
            all.iter().take(MOST_BESIDE).map(|path| read(path, self.now).map(Arc::new)).collect();
        if all.len() > MOST_BESIDE {
            let name = folder.display();
            found.push(Err(format!("{name}: of its {} catalogs {MOST_BESIDE} were read; give the right one with --catalog", all.len())));
        }
        let found = Arc::new(found);
        lock().insert(folder.to_owned(), Arc::clone(&found));
        found
    }

    /// The moment.
    pub fn now(&self) -> Time {
        self.now
    }
}

/// The folder that a file lies in.
fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// Files of a folder with one of these endings, in order of their names.
fn of_folder(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, String> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(place).map_err(|error| format!("{}: {error}", place.display()))?;
    let has = |path: &PathBuf| {
        let ending = path.extension().map(|it| it.to_string_lossy().to_lowercase());
        ending.is_some_and(|it| endings.contains(&it.as_str()))
    };
    let paths = entries.flatten().map(|entry| folder.join(entry.file_name()));
    let mut all: Vec<PathBuf> = paths.filter(|path| has(path) && path.is_file()).collect();
    all.sort();
    Ok(all)
}

fn read(path: &Path, now: Time) -> Result<CatalogFile, String> {
    let name = path.display();
    let size = fs::metadata(path).map_err(|error| format!("{name}: {error}"))?.len();
    if size > MOST_BYTES {
        return Err(format!(
            "{name}: it has {size} bytes, and catalogs up to {MOST_BYTES} are read"
        ));
    }
    let bytes = mapped_file::open(path).map_err(|error| format!("{name}: {error}"))?;
    CatalogFile::read(&name.to_string(), &bytes, now)
        .map_err(|error| format!("{name}: this is no catalog that can be read: {error}"))
}

/// The file of a package below `folder`, as it is spelled there. Names have no case, and lead nowhere but down.
pub(crate) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut at = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    for part in name.split(['\\', '/']).filter(|part| !part.is_empty() && *part != ".") {
        let entries = fs::read_dir(&at).ok()?;
        let mut names = entries.flatten().map(|entry| entry.file_name());
        at.push(names.find(|own| own.to_string_lossy().eq_ignore_ascii_case(part))?);
    }
    // A path that is short is what a token shall have.
    let at = at.strip_prefix(".").map_or(at.clone(), Path::to_owned);
    at.is_file().then_some(at)
}

/// A file with the digests that catalogs may have of it.
pub(crate) struct Hashed {
    /// As whoever names it does.
    name: String,
    /// Without folders.
    file: String,
    /// Nothing where it is not there; why it could not be read: a clause.
    digests: Option<Result<Digests, String>>,
}

impl Hashed {
    /// Of the file at `path`, if it is there.
    pub fn of(name: &str, path: Option<&Path>) -> Self {
        let file = path.and_then(Path::file_name).map(|it| it.to_string_lossy().into_owned());
        let digests = path.map(|path| match mapped_file::open(path) {
            Ok(bytes) => Ok(Digests::of(&bytes)),
            Err(error) => Err(format!("it cannot be read: {error}")),
        });
        Self { name: name.to_owned(), file: file.unwrap_or_default(), digests }
    }

    /// Whether it is in a catalog.
    pub fn listed(&self, catalog: &CatalogFile) -> Listed {
        let (membership, unread) = match &self.digests {
            Some(Ok(digests)) => (Some(catalog.membership(&self.file, digests)), None),
            Some(Err(why)) => (None, Some(why.clone())),
            None => (None, None),
        };
        Listed { file: self.name.clone(), membership, unread }
    }
}

/// The files beside a catalog that it may list.
pub(crate) fn beside(catalog: &CatalogFile, path: &Path) -> Vec<Listed> {
    if path.as_os_str() == "-" {
        return Vec::new();
    }
    let (mut all, mut hashed) = (Vec::new(), 0u64);
    let files = of_folder(folder(path), &LISTED).unwrap_or_default();
    for (index, file) in files.iter().enumerate() {
        let name = file.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let size = fs::metadata(file).map_or(0, |about| about.len());
        hashed = hashed.saturating_add(size);
        if index < MOST_BESIDE && hashed <= MOST_HASHED {
            all.push(Hashed::of(&name, Some(file)).listed(catalog));
        } else {
            let why = format!("not looked at: {MOST_BESIDE} files and 2 GiB are, at most");
            all.push(Listed { file: name, membership: None, unread: Some(why) });
        }
    }
    all
}
