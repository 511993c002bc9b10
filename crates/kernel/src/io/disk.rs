//! A small disk in memory: what drivers write to files and read back. It is empty at the start.

use std::rc::Rc;

/// A file.
#[derive(Clone, Debug)]
pub struct DiskFile {
    /// From the root of the volume: `\Windows\Temp\x.log`.
    pub path: Rc<str>,
    /// Its bytes.
    pub data: Rc<Vec<u8>>,
    /// It is a directory.
    pub directory: bool,
    /// It was deleted; openings of it may be there still.
    pub deleted: bool,
}

/// A file that is open.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Number of the file.
    pub file: u16,
    /// Where a read or write without an offset goes.
    pub position: u64,
}

/// See the module's description. Files and openings keep their numbers.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Files and directories.
    pub files: Vec<DiskFile>,
    /// Openings.
    pub openings: Vec<Opening>,
}

/// Directories that every system has.
const DIRECTORIES: &[&str] =
    &["", "\\Windows", "\\Windows\\System32", "\\Windows\\System32\\drivers", "\\Windows\\Temp"];

impl Default for Disk {
    fn default() -> Disk {
        let mut disk = Disk { files: Vec::new(), openings: Vec::new() };
        for path in DIRECTORIES {
            disk.add(path, true);
        }
        disk
    }
}

/// A name of a file on the volume, from its root; `None` for a name of something else.
pub fn on_volume(name: &str) -> Option<String> {
    for (prefix, root) in [
        ("\\??\\C:", ""),
        ("\\DosDevices\\C:", ""),
        ("\\GLOBAL??\\C:", ""),
        ("\\SystemRoot", "\\Windows"),
        ("\\Device\\HarddiskVolume1", ""),
    ] {
        if let Some(head) = name.get(..prefix.len())
            && head.eq_ignore_ascii_case(prefix)
        {
            let rest = name[prefix.len()..].trim_end_matches('\\');
            if rest.is_empty() || rest.starts_with('\\') {
                return Some(format!("{root}{rest}"));
            }
        }
    }
    None
}

impl Disk {
    /// Number of the file of this path; case does not matter.
    pub fn find(&self, path: &str) -> Option<u16> {
        let same = |file: &DiskFile| !file.deleted && file.path.eq_ignore_ascii_case(path);
        self.files.iter().position(same).map(|index| index as u16)
    }

    /// Whether the directory that holds a path is there.
    pub fn has_parent(&self, path: &str) -> bool {
        let parent = path.rsplit_once('\\').map_or("", |(parent, _)| parent);
        self.find(parent).is_some_and(|number| self.files[usize::from(number)].directory)
    }

    /// Makes a file or directory.
    pub fn add(&mut self, path: &str, directory: bool) -> u16 {
        let (path, data) = (Rc::from(path), Rc::default());
        self.files.push(DiskFile { path, data, directory, deleted: false });
        (self.files.len() - 1) as u16
    }

    /// The path of the file that an opening is of.
    pub fn name_of(&self, opening: u16) -> &str {
        let opening = self.openings.get(usize::from(opening));
        let file = opening.and_then(|opening| self.files.get(usize::from(opening.file)));
        file.map_or("", |file| &file.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_the_volume() {
        assert_eq!(on_volume("\\SystemRoot\\Temp\\a").as_deref(), Some("\\Windows\\Temp\\a"));
        assert_eq!(on_volume("\\??\\c:\\a").as_deref(), Some("\\a"));
        assert_eq!(on_volume("\\??\\Fifo"), None);
        let mut disk = Disk::default();
        let file = disk.add("\\Windows\\Temp\\a", false);
        assert_eq!(disk.find("\\WINDOWS\\temp\\A"), Some(file));
        assert!(disk.has_parent("\\Windows\\Temp\\b") && !disk.has_parent("\\nowhere\\b"));
    }
}
