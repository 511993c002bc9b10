//! Several files of one incident, related: what each says becomes facts and moments on one clock, and entries of
//! the knowledge base say what facts of different files mean together.
//!
//! A reader's outcome becomes [`Evidence`] (`dump`, `setup`, `image`, `inf`, `log`); [`Incident::of`] finds the
//! clock of each file (`clock`), whose driver each fact is about (`names`), what belongs together (`relate`), and
//! puts everything that happened into one order (`timeline`). Every list is bounded, whatever the files hold.

mod clock;
mod dump;
mod image;
mod inf;
mod log;
mod names;
mod relate;
mod setup;
#[cfg(test)]
mod tests;
mod timeline;

pub use clock::{Clock, How, Settings, ZoneOf};
pub use dump::{of_crash, of_process};
pub use image::of_image;
pub use inf::of_inf;
pub use log::of_log;
pub use relate::{Ground, Relation};
pub use setup::of_setup;
pub use timeline::{Moment, utc_text};

use crate::system_log::Before;
use evidence::system_log::{Basis, Time};
use knowledge::messages::{Base, Fact, Severity, Values};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Files whose facts are related, at most; further ones are counted.
pub const MOST_FILES: usize = 500;
/// Facts of one file, at most.
const MOST_SAID: usize = 2_000;
/// Moments of one file, at most.
const MOST_HAPPENED: usize = 200;
/// Modules of one dump that are remembered, at most: more than Windows loads.
const MOST_MODULES: usize = 1_000;
/// Buckets that are counted apart.
const MOST_BUCKETS: usize = 1_000;

/// What a number of a [`Place`] counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Lines, from 1.
    #[default]
    Line,
    /// Records, as they are numbered in the file.
    Record,
    /// Bytes from the start of the file.
    Offset,
}

/// Where something is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// What `at` counts.
    pub unit: Unit,
    /// Where in it.
    pub at: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.unit {
            // Of what stands in no certain line.
            Unit::Line if self.at == 0 => f.write_str(&self.file),
            Unit::Line => write!(f, "{}, line {}", self.file, self.at),
            Unit::Record => write!(f, "{}, record {}", self.file, self.at),
            Unit::Offset => write!(f, "{}, offset 0x{:x}", self.file, self.at),
        }
    }
}

/// A fact of a file, with its time as the file has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub fact: Fact,
    pub time: Option<Time>,
    pub unit: Unit,
    /// Identifiers of devices, of which another file may name one.
    pub ids: Vec<String>,
}

/// Something that happened, with its time as the file has it.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub time: Time,
    pub unit: Unit,
    pub at: u64,
    pub file: String,
    pub words: String,
    pub severity: Severity,
}

/// Something that two files may tell of, each with its own clock.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    /// What it is: two files mean the same by one key.
    pub key: String,
    pub time: Time,
    /// Microseconds by which two files may differ over it.
    pub slack: i64,
}

/// What a file says of names that go together: a service and its driver, an INF and the name it is published by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub kind: LinkKind,
    pub from: String,
    pub to: String,
    pub place: Place,
}

/// What a [`Link`] leads from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LinkKind {
    /// From a service to the file of its driver.
    Service,
    /// From an INF to the file of a driver that it installs.
    Inf,
    /// From the name under which a package is published, `oem2.inf`, to that of its INF.
    Published,
}

/// A module of a dump.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub driver: String,
    pub build: String,
    pub at: u64,
}

/// A crash, for the table of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What the debugger of Windows would group it under.
    pub bucket: String,
    /// `0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL`.
    pub what: String,
    /// Who is to blame; empty if nobody is known.
    pub module: String,
    /// When, in microseconds since 1970, UTC.
    pub micros: Option<i64>,
}

/// What one file tells of an incident.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The file.
    pub file: String,
    /// What it is: `small kernel dump`.
    pub kind: String,
    /// Older files of the same log, the oldest first.
    pub older: Vec<String>,
    /// What stands in one line about it.
    pub brief: String,
    /// A crash of the kernel, where it is one.
    pub crash: Option<Row>,
    pub(crate) said: Vec<Said>,
    pub(crate) happened: Vec<Happened>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) links: Vec<Link>,
    pub(crate) modules: Vec<Loaded>,
    /// Minutes by which the machine's clock was ahead of universal time, as this file tells, and where.
    pub(crate) zone: Option<(i16, Place)>,
    /// First and last time, for a log that tells no years.
    pub(crate) span: Option<(Time, Time)>,
    /// The start of the system that a log counts from.
    pub(crate) booted: Option<i64>,
    pub(crate) before: Vec<Before>,
}

impl Evidence {
    fn new(file: &str, kind: &str) -> Evidence {
        Evidence { file: file.to_owned(), kind: kind.to_owned(), ..Evidence::default() }
    }

    /// Of a file that says nothing that others could be related to.
    pub fn other(file: &str, kind: &str, brief: &str) -> Evidence {
        Evidence { brief: brief.to_owned(), ..Evidence::new(file, kind) }
    }

    /// The crash that it is of, in microseconds since 1970, UTC: what others were doing then is worth knowing.
    pub fn crashed(&self) -> Option<i64> {
        self.crash.as_ref().and_then(|row| row.micros)
    }

    /// Names of files without the folder that all have.
    fn within(&mut self, folder: &str) {
        let strip = |name: &mut String| {
            if let Some(rest) = name.strip_prefix(folder) {
                *name = rest.to_owned();
            }
        };
        strip(&mut self.file);
        self.older.iter_mut().for_each(strip);
        self.said.iter_mut().for_each(|said| strip(&mut said.fact.place.0));
        self.happened.iter_mut().for_each(|it| strip(&mut it.file));
        self.links.iter_mut().for_each(|link| strip(&mut link.place.file));
        if let Some((_, place)) = &mut self.zone {
            strip(&mut place.file);
        }
    }

    fn say(&mut self, said: Said) {
        if self.said.len() < MOST_SAID {
            self.said.push(said);
        }
    }

    fn happen(&mut self, time: Time, unit: Unit, at: u64, severity: Severity, words: String) {
        if self.happened.len() < MOST_HAPPENED {
            let file = self.file.clone();
            self.happened.push(Happened { time, unit, at, file, words, severity });
        }
    }

    fn link(&mut self, kind: LinkKind, from: &str, to: &str, unit: Unit, at: u64) {
        let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
        if self.links.len() >= MOST_SAID || from.is_empty() || to.is_empty() || from == to {
            return;
        }
        let place = Place { file: self.file.clone(), unit, at };
        self.links.push(Link { kind, from, to, place });
    }
}

/// Values of a fact; empty ones are none.
fn values<const N: usize>(pairs: [(&str, String); N]) -> Values {
    let filled = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What tells a build of an image from others: time stamp and size of image, as symbol stores name it. Where there
/// is no time stamp, checksum and size; nothing where there is no checksum either.
fn build(stamp: u32, checksum: u32, size: u32) -> String {
    match (stamp, checksum) {
        (0, 0) => String::new(),
        (0, _) => format!("checksum {checksum:x}, size {size:x}"),
        _ => format!("{stamp:08X}{size:x}"),
    }
}

/// The folder in which all of these files lie, with a slash at its end; empty if they have none in common.
pub fn common_folder<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let folder = |name: &'n str| name.rfind('/').map_or("", |at| &name[..=at]);
    let mut names = names.into_iter();
    let first = names.next().map(folder).unwrap_or_default();
    let common = names.fold(first, |common, name| {
        let alike = common.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        folder(common.get(..alike).unwrap_or_default())
    });
    common.to_owned()
}

/// The last part of a path, in small letters.
fn file_of(path: &str) -> String {
    path.trim().rsplit(['\\', '/']).next().unwrap_or_default().to_ascii_lowercase()
}

/// At most `most` bytes of a text, cut between characters.
fn clipped(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}...", &text[..end])
}

/// A file, as it stands in an incident.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Its name.
    pub file: String,
    /// Older files of the same log, the oldest first.
    pub older: Vec<String>,
    /// What it is.
    pub kind: String,
    /// What is to be said of it, in a line.
    pub brief: String,
    /// Its clock.
    pub clock: Clock,
}

/// What a log says last before a crash.
#[derive(Clone, Debug, Serialize)]
pub struct Last {
    /// The log.
    pub file: String,
    /// The dump of the crash.
    pub dump: String,
    /// The lines.
    #[serde(flatten)]
    pub before: Before,
}

/// How often a bucket was met.
#[derive(Clone, Debug, Serialize)]
pub struct Bucket {
    /// The bucket, as of its first dump.
    #[serde(flatten)]
    pub row: Row,
    /// Dumps of it.
    pub count: u64,
    /// The last time, in microseconds since 1970, UTC.
    pub last: Option<i64>,
    /// The file of the first one.
    pub example: String,
}

/// Crashes by bucket, as they come.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    all: BTreeMap<String, Bucket>,
    /// Dumps.
    pub dumps: u64,
    /// Dumps of buckets that are not kept, for there are too many.
    pub beyond: u64,
}

impl Buckets {
    /// Counts a crash.
    pub fn add(&mut self, file: &str, row: &Row) {
        self.dumps = self.dumps.saturating_add(1);
        let full = self.all.len() >= MOST_BUCKETS;
        match self.all.get_mut(&row.bucket) {
            Some(had) => {
                had.count = had.count.saturating_add(1);
                had.last = had.last.max(row.micros);
                if row.micros.is_some() && row.micros < had.row.micros {
                    had.row.micros = row.micros;
                }
            }
            None if full => self.beyond = self.beyond.saturating_add(1),
            None => {
                let (row, last, example) = (row.clone(), row.micros, file.to_owned());
                self.all.insert(row.bucket.clone(), Bucket { row, count: 1, last, example });
            }
        }
    }

    /// The commonest first.
    pub fn table(&self) -> Vec<&Bucket> {
        let mut all: Vec<&Bucket> = self.all.values().collect();
        all.sort_by_key(|it| std::cmp::Reverse(it.count));
        all
    }
}

/// Files, related.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// Folder in which all files lie, with a slash at its end; empty if they have none in common. Names of files
    /// are told without it.
    pub folder: String,
    /// The files, in the order in which they were given.
    pub files: Vec<File>,
    /// Files beyond [`MOST_FILES`], which were not related.
    pub further: u64,
    /// What belongs together, the worst first.
    pub relations: Vec<Relation>,
    /// Relations that were left out, for there were many of the same kind.
    pub relations_beyond: u64,
    /// What the logs say last before each crash.
    pub last_lines: Vec<Last>,
    /// Everything that happened, in order of time.
    pub timeline: Vec<Moment>,
    /// Moments of clocks that cannot be set against the others, each file in its own order.
    pub apart: Vec<Moment>,
}

/// Turns times of a log that is still to be read into universal ones, by what `all`, which were read before,
/// and the user tell. For a log that tells no year the year is concluded from its first time.
pub fn universal_by(
    all: &[Evidence],
    settings: &Arc<Settings>,
) -> impl Fn(Time) -> Option<i64> + Send + use<> {
    let zone = clock::machine(all);
    let moments: Vec<i64> = all.iter().filter_map(Evidence::crashed).collect();
    let (settings, year) = (Arc::clone(settings), OnceLock::new());
    move |time| {
        let begins = || settings.year.or_else(|| clock::year_before(time, &moments));
        let year = if time.basis == Basis::NoYear { *year.get_or_init(begins) } else { None };
        clock::from_machine(zone.as_ref(), year, &settings).universal(time, None, &settings)
    }
}

impl Incident {
    /// Relates `all`; `further` files were explained and are not among them.
    pub fn of(mut all: Vec<Evidence>, further: u64, base: &Base, settings: &Settings) -> Incident {
        let names = |it: &'_ Evidence| [&it.older[..], std::slice::from_ref(&it.file)].concat();
        let names: Vec<String> = all.iter().flat_map(names).collect();
        let folder = common_folder(names.iter().map(String::as_str));
        all.iter_mut().for_each(|it| it.within(&folder));
        let all = &all[..];
        let clocks = clock::of(all, settings);
        let (relations, relations_beyond) = relate::relate(all, &clocks, base, settings);
        let (timeline, apart) = timeline::of(all, &clocks, settings);
        let dump_at = |moment: i64| {
            let found = all.iter().find(|it| it.crashed() == Some(moment));
            found.map(|it| it.file.clone()).unwrap_or_default()
        };
        let mut last_lines = Vec::new();
        for it in all {
            for before in &it.before {
                let dump = dump_at(before.moment);
                last_lines.push(Last { file: it.file.clone(), dump, before: before.clone() });
            }
        }
        let files = all.iter().zip(&clocks).map(|(it, clock)| File {
            file: it.file.clone(),
            older: it.older.clone(),
            kind: it.kind.clone(),
            brief: it.brief.clone(),
            clock: clock.clone(),
        });
        Incident {
            folder,
            files: files.collect(),
            further,
            relations,
            relations_beyond,
            last_lines,
            timeline,
            apart,
        }
    }
}
