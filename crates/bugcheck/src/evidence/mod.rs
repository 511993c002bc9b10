//! Files that somebody sends: found, told apart, explained.
//!
//! A kind of file is one entry in [`KINDS`] and one file beside this one.

mod catalog;
mod crash_dump;
mod event_log;
mod image;
pub(crate) mod incident;
mod inf;
mod object;
mod packed;
mod process_dump;
mod rotated;
mod setup_log;
mod system_log;
pub(crate) mod timestamp;

use crate::catalogs::Catalogs;
use crate::failure::{Failure, Outcome};
use crate::output::Format;
use crate::panics;
use crate::programs::Store;
use diagnosis::incident::{Evidence, Settings};
use diagnosis::setup::Wanted;
use mapped_file::Bytes;
use signatures::Time;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// How the outcome shall look.
pub(crate) struct Wish<'a> {
    pub format: Format,
    pub modules: bool,
    /// Whether there are several files: JSON then has a line each, text a blank line between.
    pub many: bool,
    pub store: &'a Store,
    /// Catalogs that may list a file.
    pub catalogs: &'a Catalogs,
    pub sections: Wanted,
    /// Where a page for a browser goes as well.
    pub html: Option<&'a Path>,
    /// What is known of messages.
    pub base: &'static knowledge::messages::Base,
    /// Of several files: what is asked for besides.
    pub together: Option<&'a Together>,
}

/// The moment, as signatures want it.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::of_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// One file, explained.
pub(crate) struct Told {
    pub text: String,
    pub outcome: Outcome,
    /// What it tells of an incident, where that was asked for.
    pub seen: Option<Box<Evidence>>,
}

/// What is asked for of files of one incident.
#[derive(Default)]
pub(crate) struct Together {
    /// Whether each is to be told in a few lines.
    pub brief: bool,
    /// Folder in which all files lie; in a few lines they are named within it.
    pub folder: String,
    /// Moments before which last lines of logs are wanted, in microseconds since 1970, UTC.
    pub moments: Vec<i64>,
    /// What was read before, and what the user says of clocks.
    pub before: Vec<Evidence>,
    pub settings: Arc<Settings>,
}

impl Wish<'_> {
    /// Whether files are told in a few lines.
    fn is_brief(&self) -> bool {
        self.together.is_some_and(|together| together.brief)
    }

    /// A file's name as it is shown.
    fn called<'n>(&self, name: &'n str) -> &'n str {
        let folder = self.together.filter(|it| it.brief).map(|it| it.folder.as_str());
        folder.and_then(|folder| name.strip_prefix(folder)).unwrap_or(name)
    }

    /// What a file tells of an incident, if that is wanted.
    fn seen(&self, of: impl FnOnce() -> Evidence) -> Option<Box<Evidence>> {
        self.together.map(|_| Box::new(of()))
    }
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
    Kind { name: SETUP_LOGS, is: setup_log::is_one, explain: setup_log::explain },
    Kind { name: "images", is: image::is_one, explain: image::explain },
    Kind { name: "objects and libraries", is: object::is_one, explain: object::explain },
    Kind { name: "catalogs", is: catalog::is_one, explain: catalog::explain },
    Kind { name: "timestamps and signatures", is: timestamp::is_one, explain: timestamp::explain },
    Kind { name: inf::NAME, is: inf::is_one, explain: inf::explain },
    LOG,
    Kind { name: EVENT_LOGS, is: event_log::is_one, explain: event_log::explain },
    Kind { name: packed::NAME, is: packed::is_one, explain: packed::explain },
];

/// What logs of SetupAPI are called.
const SETUP_LOGS: &str = "logs of SetupAPI";

const LOG: Kind =
    Kind { name: "logs of the system", is: system_log::is_one, explain: system_log::explain };

/// Kinds that are logs, with everything in order of time.
const LOGS: &[&str] = &[LOG.name, EVENT_LOGS, packed::NAME];
const EVENT_LOGS: &str = "event logs of Windows";

/// Bytes of standard input that are read to see what it is.
const HEAD: u64 = 1 << 16;

/// Files below folders that are looked at, at most.
const MOST_FILES: usize = 1_000_000;

/// A file to be explained.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    path: PathBuf,
    /// Files of the same log that are older, the oldest first.
    older: Vec<PathBuf>,
    /// Whether it was named by the user, and not found in a folder, where what is of no known kind is passed over.
    named: bool,
    /// Why there is nothing of it to be read, where that is so.
    barred: Option<String>,
}

impl Item {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The files that `paths` stand for, those of a folder in order of their names. A folder that cannot be
/// read stands in its place as a file that cannot.
pub(crate) fn files(paths: &[PathBuf]) -> Result<Vec<Item>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            below(path, &mut all);
        } else {
            all.push(Item { path: path.clone(), older: Vec::new(), named: true, barred: None });
        }
        if all.len() > MOST_FILES {
            let name = path.display();
            return Err(Failure::Input(format!("{name}: more than {MOST_FILES} files.")));
        }
    }
    if all.is_empty() {
        return Err(Failure::Input(
            "there is no file in the folder; give one, or another folder.".to_owned(),
        ));
    }
    Ok(if all.len() > 1 { rotated::grouped(all) } else { all })
}

fn below(folder: &Path, all: &mut Vec<Item>) {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let barred = Some(format!("the folder cannot be read: {error}"));
            return all.push(Item {
                path: folder.to_owned(),
                older: Vec::new(),
                named: false,
                barred,
            });
        }
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if all.len() > MOST_FILES {
            return;
        }
        let path = entry.path();
        // A link to a folder may lead in a circle, one to a file cannot.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&path, all);
        } else if path.is_file() {
            all.push(Item { path, older: Vec::new(), named: false, barred: None });
        }
    }
}

/// That none of the files of a folder can be explained.
pub(crate) fn nothing_known(files: usize) -> Failure {
    let known = known();
    Failure::Unsupported(format!(
        "none of the {files} files below the folder is of a kind that is known; there are {known}."
    ))
}

fn known() -> String {
    KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

/// The folder that a file lies in; a folder itself.
pub(crate) fn folder_of(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
}

/// Outcomes that may wait for an earlier one.
const MOST_WAITING: usize = 64;

/// Up to which file work may go on, so that a folder of any size takes a bounded amount of memory.
struct Gate {
    due: Mutex<usize>,
    moved: Condvar,
}

impl Gate {
    fn wait(&self, index: usize) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        while index >= due.saturating_add(MOST_WAITING) {
            due = self.moved.wait(due).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn set(&self, to: usize) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.moved.notify_all();
    }
}

/// Explains all of `files`, on every processor, and hands out the outcomes in the order of the files.
pub(crate) fn in_order(
    files: &[Item],
    wish: &Wish<'_>,
    take: &mut dyn FnMut(Result<Told, Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let gate = Gate { due: Mutex::new(0), moved: Condvar::new() };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(files.len());
    thread::scope(|scope| {
        let (send, receive) = mpsc::channel();
        for _ in 0..workers {
            let (send, next, gate) = (send.clone(), &next, &gate);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = files.get(index) else { return };
                    gate.wait(index);
                    // What goes wrong with one file is told of that one.
                    let told = panics::caught(|| one(item, wish));
                    if send.send((index, told)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut hand_out = || {
            let mut waiting = std::collections::BTreeMap::new();
            let mut due = 0;
            for (index, told) in &receive {
                waiting.insert(index, told);
                while let Some(told) = waiting.remove(&due) {
                    due += 1;
                    gate.set(due);
                    if let Some(told) = told.transpose() {
                        take(told)?;
                    }
                }
            }
            Ok(())
        };
        let handed_out = hand_out();
        // Whoever waits finds that nobody listens any more.
        drop(receive);
        gate.set(usize::MAX);
        handed_out
    })
}

/// One file; nothing for one of an unknown kind that the user has not named.
fn one(item: &Item, wish: &Wish<'_>) -> Result<Option<Told>, Failure> {
    let name = item.path.display().to_string();
    if let Some(why) = &item.barred {
        return Err(Failure::Input(format!("{name}: {why}.")));
    }
    if !item.older.is_empty() {
        return system_log::rotated(&item.older, &item.path, wish).map(Some);
    }
    let fail = |error: io::Error| Failure::Input(format!("{name}: it cannot be read: {error}."));
    let bytes = if item.path.as_os_str() == "-" {
        let mut from = io::stdin().lock();
        let head = mapped_file::read(&mut (&mut from).take(HEAD)).map_err(fail)?;
        // A log may have more than fits into memory.
        if head.len() as u64 == HEAD && of_kind(&head).is_some_and(|kind| kind.name == LOG.name) {
            return system_log::stream(&name, &head, &mut from, wish).map(Some);
        }
        Bytes::Read(mapped_file::read(&mut head.as_slice().chain(&mut from)).map_err(fail)?)
    } else {
        mapped_file::open(&item.path).map_err(fail)?
    };
    let named = |kind: &&Kind| kind.name == inf::NAME && inf::is_called(&name);
    let kind = of_kind(&bytes).or_else(|| KINDS.iter().find(named));
    let plain = || (item.named && system_log::is_plain(&bytes)).then_some(&LOG);
    match kind.or_else(plain) {
        Some(kind) if wish.html.is_some() && kind.name != SETUP_LOGS => {
            let sentence = format!(
                "{name}: --html is for a log of SetupAPI, or for several files; this one belongs to {}.",
                kind.name
            );
            Err(Failure::Input(sentence))
        }
        Some(kind) => (kind.explain)(&name, &bytes, wish).map(Some),
        None if !item.named => Ok(None),
        None if bytes.is_empty() => Err(Failure::Input(format!("{name}: it is empty."))),
        None if let Some(what) = setup_log::other(&bytes) => {
            Err(Failure::Unsupported(format!("{name}: this is {what}.")))
        }
        None => {
            let known = known();
            let looks = system_log::other(&bytes).unwrap_or_else(|| ::evidence::looks_like(&bytes));
            Err(Failure::Unsupported(format!(
                "{name}: this is of no kind that is known, it looks like {looks}; there are {known}."
            )))
        }
    }
}

/// Whether a file is read after those that tell when something crashed: what a log says before is looked for.
pub(crate) fn is_log(item: &Item) -> bool {
    if item.path.as_os_str() == "-" || !item.older.is_empty() {
        return true;
    }
    let Ok(bytes) = mapped_file::open(&item.path) else { return false };
    match of_kind(&bytes) {
        Some(kind) => LOGS.contains(&kind.name),
        None => item.named,
    }
}

fn of_kind(bytes: &[u8]) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| (kind.is)(bytes))
}
