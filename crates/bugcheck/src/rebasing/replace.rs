//! A file replaced as a whole: whoever opens it, whenever the work is broken off, finds the old or the new one.
//!
//! The new content goes into a file beside it, is flushed to the disk, and takes the old one's place by renaming,
//! which is one step (POSIX `rename`). The backup is made likewise, before.

use std::fs::{self, File, FileTimes, Metadata, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

/// What is added to the name of a backup.
const BACKUP: &str = ".before-rebase";
/// What ends the name of a file that is being written; one is left where the work was broken off.
const UNDER_WAY: &str = ".under-way";
/// Backups of one file, at most.
const MOST_BACKUPS: u32 = 1000;
/// Zeros that are left out of a file with holes, at a time.
const HOLE: usize = 4096;

/// A file as it was read.
pub(crate) struct Before {
    pub bytes: Vec<u8>,
    about: Metadata,
}

/// Whether a file is a backup, or one that was being written: no part of any set.
pub(crate) fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains(BACKUP) || name.ends_with(UNDER_WAY)
}

/// Reads a file, and what it is.
pub(crate) fn read(path: &Path) -> io::Result<Before> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut file, &mut bytes)?;
    Ok(Before { bytes, about })
}

/// Puts `content` into the place of the file that was read, with its owner and permissions; the old one stays
/// beside it, if wanted, under the name that is returned.
pub(crate) fn replace(
    path: &Path,
    before: &Before,
    content: &[u8],
    backup: bool,
) -> io::Result<Option<PathBuf>> {
    let kept = match backup {
        true => Some(backup_name(path, &before.bytes)?),
        false => None,
    };
    if let Some((to, false)) = &kept {
        let file = Beside::new(path, "backup")?;
        file.fill(&before.bytes, &before.about, true)?;
        file.becomes(to)?;
    }
    let file = Beside::new(path, "new")?;
    file.fill(content, &before.about, false)?;
    // Somebody may have replaced or changed it since it was read.
    let now = fs::symlink_metadata(path)?;
    let state = |it: &Metadata| (it.dev(), it.ino(), it.len(), it.mtime(), it.mtime_nsec());
    if state(&now) != state(&before.about) {
        return Err(io::Error::other("somebody else changed it meanwhile"));
    }
    file.becomes(path)?;
    Ok(kept.map(|(to, _)| to))
}

/// A name that no backup has, or that of one that holds the same already: then nothing is to be done.
fn backup_name(path: &Path, bytes: &[u8]) -> io::Result<(PathBuf, bool)> {
    for number in 1..=MOST_BACKUPS {
        let mut name = path.as_os_str().to_owned();
        name.push(BACKUP);
        if number > 1 {
            name.push(format!(".{number}"));
        }
        let name = PathBuf::from(name);
        match fs::symlink_metadata(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((name, false)),
            Ok(about) if about.is_file() && about.len() == bytes.len() as u64 => {
                // Left by a run that was broken off between its two steps.
                if fs::read(&name)? == bytes {
                    return Ok((name, true));
                }
            }
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("it has {MOST_BACKUPS} backups already")))
}

/// A file in the same folder, which is gone unless it becomes what it is for.
struct Beside {
    path: PathBuf,
    file: File,
    done: bool,
}

impl Beside {
    fn new(path: &Path, purpose: &str) -> io::Result<Beside> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!(".{name}.{}.{purpose}{UNDER_WAY}", std::process::id());
        let path = path.with_file_name(name);
        // One of a process that had the same number was broken off; nobody has it open.
        let _ = fs::remove_file(&path);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Beside { path, file, done: false })
    }

    /// Writes `content` to the disk, with owner and permissions of `like`; its holes too, if it has some, and its
    /// time, if wanted.
    fn fill(&self, content: &[u8], like: &Metadata, with_time: bool) -> io::Result<()> {
        let mut file = &self.file;
        if like.blocks().saturating_mul(512) < like.len() {
            for piece in content.chunks(HOLE) {
                if piece.iter().all(|byte| *byte == 0) {
                    file.seek(SeekFrom::Current(piece.len() as i64))?;
                } else {
                    file.write_all(piece)?;
                }
            }
            file.set_len(content.len() as u64)?;
        } else {
            file.write_all(content)?;
        }
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            chown(&self.path, Some(like.uid()), Some(like.gid()))?;
        }
        file.set_permissions(like.permissions())?;
        if with_time {
            file.set_times(FileTimes::new().set_modified(like.modified()?))?;
        }
        file.sync_all()
    }

    /// Renames it, and has the folder written to the disk.
    fn becomes(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.done = true;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A folder of its own, with a file.
    fn folder(name: &str, content: &[u8]) -> (PathBuf, PathBuf) {
        let own = format!("bugcheck-replace-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(own);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let path = folder.join("a.dll");
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_file_stays_beside_the_new_one_and_permissions_are_kept() {
        let (folder, path) = folder("backup", b"old");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o751)).unwrap();
        let before = read(&path).unwrap();
        let kept = replace(&path, &before, b"new!", true).unwrap().unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), fs::read(&kept).unwrap()),
            (b"new!".to_vec(), b"old".to_vec())
        );
        for file in [&path, &kept] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o751);
        }
        let old = fs::metadata(&kept).unwrap().modified().unwrap();
        assert_eq!(old, before.about.modified().unwrap());
        // Another content is another backup; the same one is not kept twice.
        replace(&path, &read(&path).unwrap(), b"newer", true).unwrap();
        assert_eq!(names(&folder), ["a.dll", "a.dll.before-rebase", "a.dll.before-rebase.2"]);
        fs::write(&path, b"old").unwrap();
        let again = replace(&path, &read(&path).unwrap(), b"new!", true).unwrap();
        assert_eq!((again, names(&folder).len()), (Some(kept), 3));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_somebody_changed_meanwhile_is_left_alone() {
        let (folder, path) = folder("changed", b"old");
        let before = read(&path).unwrap();
        fs::write(folder.join("other"), b"theirs").unwrap();
        fs::rename(folder.join("other"), &path).unwrap();
        assert!(replace(&path, &before, b"new", false).is_err());
        assert_eq!(
            (fs::read(&path).unwrap(), names(&folder)),
            (b"theirs".to_vec(), vec!["a.dll".to_owned()])
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn holes_stay_holes() {
        let (folder, path) = folder("holes", b"");
        let mut content = vec![0; 4 << 20];
        content[..3].copy_from_slice(b"MZ!");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        (&file).write_all(b"MZ!").unwrap();
        file.set_len(content.len() as u64).unwrap();
        let before = read(&path).unwrap();
        let sparse = before.about.blocks() * 512 < before.about.len();
        content[2 << 20] = 1;
        replace(&path, &before, &content, false).unwrap();
        let about = fs::metadata(&path).unwrap();
        assert!(fs::read(&path).unwrap() == content);
        // Not every file system has holes.
        assert_eq!(about.blocks() * 512 < about.len(), sparse);
        fs::remove_dir_all(folder).unwrap();
    }
}
