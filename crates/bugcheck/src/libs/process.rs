//! A process that runs, as /proc tells of it (proc(5)): its program, root, environment and what it has mapped.

use super::Root;
use crate::failure::Failure;
use libraries::Wish;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Lines of a map, and bytes of an environment, that are looked at.
const MOST_LINES: usize = 200_000;
const MOST_BYTES: usize = 4 << 20;

/// What there is to be known of it.
pub(crate) struct Process {
    /// Its root.
    pub root: Root,
    /// Its program, inside of the root.
    pub path: String,
    /// Its environment, current folder and libraries.
    pub wish: Wish,
    /// What else is to be said.
    pub notes: Vec<String>,
}

/// The number, if what is given is one and no file has that name.
pub(crate) fn number(given: &Path) -> Option<u32> {
    let text = given.to_str()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let pid = digits.then(|| text.parse().ok()).flatten()?;
    (!given.exists()).then_some(pid)
}

/// Looks at a process.
pub(crate) fn look(pid: u32) -> Result<Process, Failure> {
    let home = PathBuf::from(format!("/proc/{pid}"));
    let failed = |error: std::io::Error| {
        Failure::Input(match error.kind() {
            ErrorKind::NotFound => format!("{pid}: there is no such process, and no such file."),
            ErrorKind::PermissionDenied => {
                format!("{pid}: this process may not be looked at; be its user, or root.")
            }
            _ => format!("{pid}: /proc cannot be read: {error}."),
        })
    };
    let link = |name: &str| fs::read_link(home.join(name)).map_err(failed);
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    if !home.exists() {
        return Err(failed(ErrorKind::NotFound.into()));
    }
    let mut notes = Vec::new();
    let exe = text(link("exe").map_err(|error| match fs::metadata(&home) {
        // Threads of the kernel have none.
        Ok(_) if matches!(fs::read(home.join("maps")), Ok(maps) if maps.is_empty()) => {
            Failure::Input(format!("{pid}: it is a thread of the kernel, which has no libraries."))
        }
        _ => error,
    })?);
    let path = match exe.strip_suffix(" (deleted)") {
        Some(path) => {
            notes.push(format!("its program {path} was deleted or replaced since it began: what is said is of the file there now."));
            path.to_owned()
        }
        None => exe,
    };
    let folder = text(link("cwd")?);
    let maps = fs::read(home.join("maps")).map_err(failed)?;
    let (mapped, gone) = libraries_of(&String::from_utf8_lossy(&maps), &path);
    if let Some(first) = gone.first() {
        let more = match gone.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        notes.push(format!("it still runs with {first}{more}, deleted or replaced since: start it again to have the new one."));
    }
    let environment = fs::read(home.join("environ")).map_err(failed)?;
    let wish = Wish {
        environment: variables(&environment),
        folder,
        pid: Some(pid),
        mapped,
        ..Wish::default()
    };
    Ok(Process { root: Root::new(&home.join("root")), path, wish, notes })
}

/// Files that are mapped with code, libraries only; and those of them that are gone.
fn libraries_of(maps: &str, program: &str) -> (Vec<String>, Vec<String>) {
    let (mut there, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for line in maps.lines().take(MOST_LINES) {
        // address perms offset dev inode path
        let mut fields = line.splitn(6, ' ');
        let runs = fields.nth(1).is_some_and(|it| it.contains('x'));
        let path = fields.nth(3).unwrap_or_default().trim_start();
        if !runs || !path.starts_with('/') || path == program {
            continue;
        }
        match path.strip_suffix(" (deleted)") {
            Some(path) if path.contains(".so") => gone.insert(path.to_owned()),
            Some(_) => false,
            None => there.insert(path.to_owned()),
        };
    }
    (there.into_iter().collect(), gone.into_iter().collect())
}

fn variables(bytes: &[u8]) -> BTreeMap<String, String> {
    let bytes = bytes.get(..MOST_BYTES).unwrap_or(bytes);
    let all = bytes.split(|byte| *byte == 0).filter_map(|it| {
        let text = String::from_utf8_lossy(it).into_owned();
        text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_told_from_other_mappings() {
        let maps = "55d0-55d1 r-xp 00000000 08:01 12   /usr/bin/app\n\
            7f00-7f01 r-xp 00001000 08:01 13                         /usr/lib/liba b.so.1\n\
            7f02-7f03 r--p 00001000 08:01 13                         /usr/lib/libdata.so\n\
            7f04-7f05 r-xp 00001000 08:01 14                         /usr/lib/libold.so.1 (deleted)\n\
            7f06-7f07 r-xp 00000000 00:00 0                          [vdso]\n\
            7f08-7f09 rw-p 00000000 00:00 0\n";
        let (there, gone) = libraries_of(maps, "/usr/bin/app");
        assert_eq!(
            (there, gone),
            (vec!["/usr/lib/liba b.so.1".to_owned()], vec!["/usr/lib/libold.so.1".to_owned()])
        );
    }
}
