//! Configuration of loaders: `/etc/ld.so.conf` (ldconfig(8)) and musl's `/etc/ld-musl-ARCH.path`.

use crate::files::{Files, folder, glob};

/// Bytes of a configuration file.
const MOST: usize = 1 << 20;
/// How deep files may include each other, and folders of all of them.
const DEEPEST: usize = 8;
const MOST_FOLDERS: usize = 4096;

/// Folders that ldconfig looks into, in order, each once.
pub fn ld_so_conf(files: &dyn Files) -> Vec<String> {
    let mut folders = Vec::new();
    read(files, "/etc/ld.so.conf", 0, &mut folders);
    folders
}

fn read(files: &dyn Files, path: &str, depth: usize, folders: &mut Vec<String>) {
    let Some(text) = files.text(path, MOST).filter(|_| depth < DEEPEST) else { return };
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        match words.next() {
            Some("include") => {
                for pattern in words {
                    let pattern = match pattern.starts_with('/') {
                        true => pattern.to_owned(),
                        false => format!("{}/{pattern}", folder(path)),
                    };
                    for path in glob(files, &pattern) {
                        read(files, &path, depth + 1, folders);
                    }
                }
            }
            // Numbers of folders of the old kind.
            Some("hwcap") | None => {}
            Some(_) => {
                // A kind of library may stand behind a folder; blanks, commas and colons part them.
                for entry in line.split([' ', '\t', ',', ':']).filter(|entry| !entry.is_empty()) {
                    let entry = entry.split('=').next().unwrap_or_default();
                    let entry = entry.trim_end_matches('/').to_owned();
                    let new = entry.starts_with('/') && !folders.contains(&entry);
                    if new && folders.len() < MOST_FOLDERS {
                        folders.push(entry);
                    }
                }
            }
        }
    }
}

/// Folders of musl's loader, and whether its file says so. The file lies beside the folder of the loader, and its
/// folders are parted by colons and line ends (musl 1.2.5, ldso/dynlink.c).
pub fn musl_path(files: &dyn Files, loader: &str, architecture: &str) -> (Vec<String>, bool) {
    let prefix = folder(folder(loader)).trim_end_matches('/');
    let path = format!("{prefix}/etc/ld-musl-{architecture}.path");
    let (text, told) = match files.text(&path, MOST) {
        Some(text) => (text, true),
        None => ("/lib:/usr/local/lib:/usr/lib".to_owned(), false),
    };
    let folders = text.split([':', '\n']).filter(|it| !it.is_empty()).map(str::to_owned).collect();
    (folders, told)
}
