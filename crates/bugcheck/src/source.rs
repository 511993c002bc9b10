//! Lines of source files, for excerpts in reports.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// Larger files are not sources.
const MAX_BYTES: u64 = 16 << 20;

/// Finds source files under the current folder and beside the driver, nowhere else: their names come
/// from the driver's debug information, which may say `/etc/shadow`.
pub(crate) struct Sources {
    beside: Vec<PathBuf>,
    read: RefCell<HashMap<String, Option<String>>>,
}

impl Sources {
    /// For the driver at `driver`.
    pub(crate) fn of(driver: &Path) -> Sources {
        Sources { beside: vec![folder(driver)], read: RefCell::default() }
    }

    /// And for the images loaded beside it.
    pub(crate) fn and<'a>(mut self, images: impl Iterator<Item = &'a Path>) -> Sources {
        self.beside.extend(images.map(folder));
        self
    }

    /// Line `line`, from 1, of `file` as a compiler recorded it.
    pub(crate) fn line(&self, file: &str, line: u32) -> Option<String> {
        let mut read = self.read.borrow_mut();
        let text = read.entry(file.to_owned()).or_insert_with(|| self.find(file)).as_deref()?;
        text.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?).map(str::to_owned)
    }

    fn find(&self, file: &str) -> Option<String> {
        let file = file.replace('\\', "/");
        let path = Path::new(&file);
        // A drive letter makes the first component of a Windows path that is not relative either.
        let stays_below = path.components().all(|part| match part {
            Component::Normal(name) => !name.to_string_lossy().contains(':'),
            Component::CurDir => true,
            _ => false,
        });
        let mut candidates = Vec::new();
        if stays_below {
            candidates.push(path.to_owned());
            candidates.extend(self.beside.iter().map(|folder| folder.join(path)));
        }
        let name = file.rsplit('/').next().filter(|name| !matches!(*name, "" | "." | ".."));
        let beside = |name| self.beside.iter().map(move |folder| folder.join(name));
        candidates.extend(name.into_iter().flat_map(beside));
        candidates.iter().find_map(|candidate| read(candidate))
    }
}

fn folder(image: &Path) -> PathBuf {
    image.parent().unwrap_or(Path::new("")).to_owned()
}

fn read(path: &Path) -> Option<String> {
    let about = std::fs::metadata(path).ok()?;
    if !about.is_file() || about.len() > MAX_BYTES {
        return None;
    }
    Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        Sources::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("x.sys"))
    }

    #[test]
    fn a_file_is_found_beside_the_driver_however_it_was_recorded() {
        let expected = Some("[package]".to_owned());
        for name in ["Cargo.toml", "./Cargo.toml", r"C:\build\Cargo.toml", "/home/x/Cargo.toml"] {
            assert_eq!(sources().line(name, 1), expected, "{name}");
        }
        assert!(sources().line("src/source.rs", 1).is_some());
    }

    #[test]
    fn nothing_outside_is_read() {
        let outside = concat!("/../", env!("CARGO_MANIFEST_DIR"), "/src/main.rs");
        for name in
            ["/etc/passwd", "../../Cargo.lock", outside, "..", "", "/", "src/../src/main.rs"]
        {
            assert_eq!(sources().line(name, 1), None, "{name}");
        }
    }

    #[test]
    fn lines_that_are_not_there_are_none() {
        assert_eq!(sources().line("Cargo.toml", 0), None);
        assert_eq!(sources().line("Cargo.toml", u32::MAX), None);
    }
}
