//! Files that somebody sends: found, told apart, explained.
//!
//! A kind of file is one entry in [`KINDS`] and one file beside this one.

mod crash_dump;
mod inf;
mod process_dump;
mod setup_log;

use crate::failure::{Failure, Outcome};
use crate::output::Format;
use crate::programs::Store;
use diagnosis::setup::Wanted;
use mapped_file::Bytes;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// How the outcome shall look.
pub(crate) struct Wish<'a> {
    pub format: Format,
    pub modules: bool,
    /// Whether there are several files: JSON then has a line each, text a blank line between.
    pub many: bool,
    pub store: &'a Store,
    pub sections: Wanted,
    /// Where a page for a browser goes as well.
    pub html: Option<&'a Path>,
}

/// One file, explained.
pub(crate) struct Told {
    pub text: String,
    pub outcome: Outcome,
}

/// A kind of file.
struct Kind {
    /// What it is called.
    name: &'static str,
    /// Whether a file that begins with these bytes is of it.
    is: fn(&[u8]) -> bool,
    /// Explains a file: its name, its bytes.
    explain: fn(&str, &[u8], &Wish<'_>) -> Result<Told, Failure>,
}

/// Every kind; the first that knows a file explains it.
#[rustfmt::skip]
const KINDS: &[Kind] = &[
    Kind { name: "kernel crash dumps", is: crash_dump::is_one, explain: crash_dump::explain },
    Kind { name: "minidumps of processes", is: process_dump::is_one, explain: process_dump::explain },
    Kind { name: "logs of SetupAPI", is: setup_log::is_one, explain: setup_log::explain },
    Kind { name: inf::NAME, is: inf::is_one, explain: inf::explain },
];

/// Files below folders that are looked at, at most.
const MOST_FILES: usize = 1_000_000;

/// A file to be explained.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    path: PathBuf,
    /// Whether it was named by the user, and not found in a folder, where what is of no known kind is passed over.
    named: bool,
}

/// The files that `paths` stand for, those of a folder in order of their names.
pub(crate) fn files(paths: &[PathBuf]) -> Result<Vec<Item>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            below(path, &mut all)?;
        } else {
            all.push(Item { path: path.clone(), named: true });
        }
    }
    if all.is_empty() {
        return Err(Failure::Input(
            "there is no file in the folder; give one, or another folder.".to_owned(),
        ));
    }
    Ok(all)
}

fn below(folder: &Path, all: &mut Vec<Item>) -> Result<(), Failure> {
    let fail = |error: io::Error| Failure::Input(format!("{}: {error}.", folder.display()));
    let mut entries: Vec<fs::DirEntry> =
        fs::read_dir(folder).map_err(fail)?.collect::<Result<_, _>>().map_err(fail)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(fail)?;
        // A link may lead in a circle.
        if kind.is_dir() {
            below(&entry.path(), all)?;
        } else if kind.is_file() {
            all.push(Item { path: entry.path(), named: false });
        }
        if all.len() > MOST_FILES {
            return Err(Failure::Input(format!(
                "{}: more than {MOST_FILES} files.",
                folder.display()
            )));
        }
    }
    Ok(())
}

/// The folder that a file lies in; a folder itself.
pub(crate) fn folder_of(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
}

/// Explains all of `files`, on every processor, and hands out the outcomes in the order of the files.
pub(crate) fn in_order(
    files: &[Item],
    wish: &Wish<'_>,
    take: &mut dyn FnMut(Result<Told, Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(files.len());
    thread::scope(|scope| {
        // Few outcomes wait, so that a folder of any size takes a bounded amount of memory.
        let (send, receive) = mpsc::sync_channel(workers * 4);
        for _ in 0..workers {
            let (send, next) = (send.clone(), &next);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = files.get(index) else { return };
                    if send.send((index, one(item, wish))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = std::collections::BTreeMap::new();
        let mut due = 0;
        for (index, told) in receive {
            waiting.insert(index, told);
            while let Some(told) = waiting.remove(&due) {
                due += 1;
                if let Some(told) = told.transpose() {
                    take(told)?;
                }
            }
        }
        Ok(())
    })
}

/// One file; nothing for one of an unknown kind that the user has not named.
fn one(item: &Item, wish: &Wish<'_>) -> Result<Option<Told>, Failure> {
    let name = item.path.display().to_string();
    let fail = |error: io::Error| Failure::Input(format!("{name}: it cannot be read: {error}."));
    let bytes = if item.path.as_os_str() == "-" {
        Bytes::Read(mapped_file::read(&mut io::stdin().lock()).map_err(fail)?)
    } else {
        mapped_file::open(&item.path).map_err(fail)?
    };
    let named = |kind: &&Kind| kind.name == inf::NAME && inf::is_called(&name);
    match KINDS.iter().find(|kind| (kind.is)(&bytes)).or_else(|| KINDS.iter().find(named)) {
        Some(kind) => (kind.explain)(&name, &bytes, wish).map(Some),
        None if !item.named => Ok(None),
        None if bytes.is_empty() => Err(Failure::Input(format!("{name}: it is empty."))),
        None if let Some(what) = setup_log::other(&bytes) => {
            Err(Failure::Unsupported(format!("{name}: this is {what}.")))
        }
        None => {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let known = known.join(", ");
            Err(Failure::Unsupported(format!(
                "{name}: this is of no kind that is known; there are {known}."
            )))
        }
    }
}
