//! Records of processes that others made: event logs of Windows, logs of Process Monitor, output of
//! `strace -f`, logs of auditd.
//!
//! Every reader takes the bytes of a whole file and gives events with what it could not read. The kind is
//! found by the bytes.

mod audit;
mod evtx;
mod pml;
mod strace;

pub use strace::{Traced, takes as is_trace, traced};

use crate::{Event, Time, What};
use evidence::Error;
use std::borrow::Cow;
use std::collections::HashMap;

/// What is known of a file from outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint<'a> {
    /// Its name; `strace -ff` writes the process id into it.
    pub name: &'a str,
    /// When it was written last: gives the date to lines that have only a time of day.
    pub modified: Option<Time>,
    /// Seconds east of UTC that such times of day are in.
    pub offset: i32,
}

/// What a file tells.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its kind.
    pub kind: Kind,
    /// Events in the order of the file; hosts are numbered as in `hosts`.
    pub events: Vec<Event>,
    /// Machines, by number: their name, or nothing if the record does not tell.
    pub hosts: Vec<String>,
    /// Records, lines or events of the file that were read, of whatever sort.
    pub read: u64,
    /// What is missing or strange about it, a sentence each.
    pub notes: Vec<String>,
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Windows event log, .evtx.
    EventLog,
    /// Log of Process Monitor, .pml.
    ProcessMonitor,
    /// Output of strace.
    Strace,
    /// Log of the audit daemon.
    Audit,
}

/// A reader: whether it takes the bytes, and how it reads them.
struct Reader {
    kind: Kind,
    word: &'static str,
    takes: fn(&[u8]) -> bool,
    read: fn(&[u8], &Hint<'_>) -> Result<Record, Error>,
}

/// Every reader; the first that takes the bytes reads them.
const READERS: &[Reader] = &[
    Reader { kind: Kind::EventLog, word: "event log", takes: evtx::takes, read: evtx::read },
    Reader {
        kind: Kind::ProcessMonitor,
        word: "log of Process Monitor",
        takes: pml::takes,
        read: pml::read,
    },
    Reader { kind: Kind::Audit, word: "log of auditd", takes: audit::takes, read: audit::read },
    Reader {
        kind: Kind::Strace,
        word: "output of strace",
        takes: strace::takes,
        read: strace::read,
    },
];

impl Kind {
    /// What to call it.
    pub fn word(self) -> &'static str {
        READERS.iter().find(|reader| reader.kind == self).map_or("", |reader| reader.word)
    }
}

/// Reads a record of any kind.
///
/// # Errors
/// Bytes of no kind that is known, or whose head cannot be read. What is wrong further on is in the
/// record: as a loss where it is, and as a note.
pub fn read(data: &[u8], hint: &Hint<'_>) -> Result<Record, Error> {
    match READERS.iter().find(|reader| (reader.takes)(data)) {
        Some(reader) => (reader.read)(data, hint),
        None => Err(Error {
            offset: 0,
            field: "file",
            problem: "it is no event log (.evtx), no log of Process Monitor (.pml), no output of strace -f and \
                      no log of auditd"
                .to_owned(),
        }),
    }
}

/// Puts several records into one order of time. Sources are numbered as the records are; a machine of the
/// same name is the same machine.
pub fn merge(records: Vec<Record>) -> (Vec<Event>, Vec<String>) {
    let mut hosts = Hosts::default();
    let mut events = Vec::new();
    for (source, record) in (0u16..).zip(records) {
        let numbers: Vec<u16> = record.hosts.iter().map(|name| hosts.number(name)).collect();
        let mut last = Time::NONE;
        for mut event in record.events {
            event.source = source;
            event.host = numbers.get(usize::from(event.host)).copied().unwrap_or(0);
            // What has no time stays behind what it stood behind.
            last = if event.time.is_none() { last } else { event.time };
            events.push((last, event));
        }
    }
    // Stable: what happened at the same moment stays in the order of its file.
    events.sort_by_key(|(time, _)| *time);
    (events.into_iter().map(|(_, event)| event).collect(), hosts.names)
}

/// Numbers machines by name.
#[derive(Default)]
struct Hosts {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
}

impl Hosts {
    /// The number of `name`. Beyond 65,535 machines they share the last one.
    fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let Ok(number) = u16::try_from(self.names.len()) else { return u16::MAX };
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// Text of a file that may hold anything.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn event(time: Time, host: u16, pid: u32, what: What) -> Event {
    Event { time, host, source: 0, pid, what }
}

/// Lines with the offset of each, without their ends.
fn lines(data: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut offset = 0u64;
    data.split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let start = offset;
        offset = offset.saturating_add(line.len() as u64);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        (start, line.strip_suffix(b"\r").unwrap_or(line))
    })
}
