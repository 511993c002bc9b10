//! Files below a root: that of this machine, of an image, or of a process. Links are followed as if the root were
//! `/`, so nothing outside of it is ever read.

use libraries::{Content, Files, Unread};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// Links on the way to one file (the kernel's MAXSYMLINKS).
const MOST_LINKS: usize = 40;
/// Names of one folder.
const MOST_NAMES: usize = 200_000;

/// A root.
pub(crate) struct Root {
    folder: PathBuf,
    /// Paths that were followed before: each is asked for many times.
    known: RefCell<HashMap<String, Option<String>>>,
}

impl Root {
    /// The root at a folder.
    pub fn new(folder: &Path) -> Root {
        Root { folder: folder.to_owned(), known: RefCell::new(HashMap::new()) }
    }

    /// Whether it is this machine's own.
    pub fn is_own(&self) -> bool {
        self.folder == Path::new("/")
    }

    /// Where a path without links lies for this program.
    pub fn outside(&self, real: &str) -> PathBuf {
        self.folder.join(real.trim_start_matches('/'))
    }

    /// Follows every link. `None` where it leads to nothing.
    fn follow(&self, path: &str) -> Option<String> {
        let mut done = PathBuf::from("/");
        let mut ahead: Vec<String> = parts(path);
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            if part == ".." {
                done.pop();
                continue;
            }
            let next = done.join(&part);
            let outside = self.outside(&next.to_string_lossy());
            let about = fs::symlink_metadata(&outside).ok()?;
            if !about.file_type().is_symlink() {
                // What stands behind a file leads to nothing.
                if !ahead.is_empty() && !about.is_dir() {
                    return None;
                }
                done = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            let target = fs::read_link(&outside).ok()?;
            if target.is_absolute() {
                done = PathBuf::from("/");
            }
            ahead.extend(parts(&target.to_string_lossy()));
        }
        Some(done.to_string_lossy().into_owned())
    }
}

/// The parts of a path, last first.
fn parts(path: &str) -> Vec<String> {
    let all = Path::new(path).components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::ParentDir => Some("..".to_owned()),
        _ => None,
    });
    all.collect()
}

impl Files for Root {
    fn read(&self, path: &str) -> Result<Content, Unread> {
        let real = self.real(path).ok_or(Unread::Absent)?;
        let outside = self.outside(&real);
        let about = fs::metadata(&outside).map_err(|error| unread(&error))?;
        // A pipe or a device may have no end.
        if !about.is_file() {
            return Err(Unread::Barred("it is no plain file".to_owned()));
        }
        let bytes = mapped_file::open(&outside).map_err(|error| unread(&error))?;
        Ok(Box::new(bytes))
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let Some(real) = self.real(folder) else { return Vec::new() };
        let entries = fs::read_dir(self.outside(&real)).into_iter().flatten().flatten();
        let names = entries.take(MOST_NAMES).map(|entry| entry.file_name());
        let mut names: Vec<String> = names.map(|it| it.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn real(&self, path: &str) -> Option<String> {
        if let Some(known) = self.known.borrow().get(path) {
            return known.clone();
        }
        let real = self.follow(path);
        self.known.borrow_mut().insert(path.to_owned(), real.clone());
        real
    }
}

fn unread(error: &std::io::Error) -> Unread {
    match error.kind() {
        ErrorKind::NotFound => Unread::Absent,
        _ => Unread::Barred(error.to_string()),
    }
}
