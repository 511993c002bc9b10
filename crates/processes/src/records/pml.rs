//! Logs of Process Monitor (PML, version 9).
//!
//! Microsoft documents the format nowhere; what is known of it is the description that comes with
//! procmon-parser (`docs/PML Format.md`) and Wireshark's reader (`wiretap/procmon.c`). Only what concerns
//! processes is read.

use super::{Hint, Kind, Record, event};
use crate::{Command, End, Event, How, Image, Lost, Start, Time, What};
use evidence::{Error, bytes};
use std::collections::HashMap;

const SIGNATURE: &[u8] = b"PML_";
/// Event class of processes.
const PROCESS: u32 = 1;
/// Operations of that class.
const CREATE: u16 = 1;
const EXIT: u16 = 2;
const START: u16 = 7;
/// Length of an event before its stack.
const EVENT_HEAD: u64 = 0x34;
/// Events that cannot be read of which no more is told one by one.
const TOLD: usize = 5;

pub(super) fn takes(data: &[u8]) -> bool {
    data.starts_with(SIGNATURE)
}

pub(super) fn read(data: &[u8], _: &Hint<'_>) -> Result<Record, Error> {
    let log = Log::read(data)?;
    let mut notes = Vec::new();
    let mut events = Vec::new();
    let mut started: HashMap<u32, usize> = HashMap::new();
    let mut bad = 0usize;
    for index in 0..log.count {
        match log.event(index) {
            Ok(Some(Told::Start(process, time, pid, mut start))) => match started.get(&process) {
                // Told twice: to its creator, and by itself, which knows the folder.
                Some(place) => {
                    let known = events.get_mut(*place).map(|event: &mut Event| &mut event.what);
                    if let Some(What::Start(known)) = known {
                        known.image.folder =
                            known.image.folder.take().or(start.image.folder.take());
                    }
                }
                None => {
                    started.insert(process, events.len());
                    events.push(event(time, 0, pid, What::Start(start)));
                }
            },
            Ok(Some(Told::End(time, pid, end))) => events.push(event(time, 0, pid, What::End(end))),
            Ok(None) => {}
            Err(error) => {
                bad += 1;
                if bad <= TOLD {
                    notes.push(format!("event {index}: {error}."));
                }
                let why = format!("event {index} of the log cannot be read");
                let time = events.last().map_or(Time::NONE, |event| event.time);
                // One entry for a run of them.
                match events.last_mut().map(|event| &mut event.what) {
                    Some(What::Lost(lost)) => lost.unknown = lost.unknown.saturating_add(1),
                    _ => {
                        let lost = Lost { unknown: 1, why, ..Lost::default() };
                        events.push(event(time, 0, 0, What::Lost(lost)));
                    }
                }
            }
        }
    }
    if bad > TOLD {
        notes.push(format!("{} more events cannot be read.", bad - TOLD));
    }
    // What ran before the capture began is in the table of processes, and in no event.
    let mut before: Vec<_> =
        log.processes.iter().filter(|(index, _)| !started.contains_key(*index)).collect();
    before.sort_by_key(|(index, _)| **index);
    let first = events.iter().map(|event| event.time).min().unwrap_or(Time::NONE);
    let mut all = Vec::with_capacity(events.len().saturating_add(before.len()));
    for (_, process) in before {
        // One that started later than the first event, without an event of its own, is left to its end.
        let known = !process.started.is_none() && process.started <= first;
        let start = Start { before: true, ..process.start(&log.strings) };
        if known {
            all.push(event(process.started, 0, process.pid, What::Start(Box::new(start))));
        }
    }
    all.append(&mut events);
    let host = bytes::wide(bytes::slice(data, 0xc, 0x20, "computer name")?);
    Ok(Record {
        kind: Kind::ProcessMonitor,
        events: all,
        hosts: vec![host],
        read: u64::from(log.count),
        notes,
    })
}

/// What an event tells.
enum Told {
    /// Index of the new process, moment, id, and what is known of it.
    Start(u32, Time, u32, Box<Start>),
    End(Time, u32, Box<End>),
}

struct Log<'a> {
    data: &'a [u8],
    pointer: u64,
    count: u32,
    offsets: u64,
    strings: Strings<'a>,
    processes: HashMap<u32, Process>,
}

/// A row of the table of processes.
#[derive(Clone, Copy)]
struct Process {
    pid: u32,
    parent: u32,
    started: Time,
    user: u32,
    name: u32,
    path: u32,
    command: u32,
}

impl Process {
    fn start(&self, strings: &Strings<'_>) -> Start {
        let command = strings.get(self.command).map(|text| Command { text, complete: true });
        Start {
            parent: Some(self.parent),
            user: strings.get(self.user),
            image: Image {
                name: strings.get(self.name).unwrap_or_default(),
                path: strings.get(self.path),
                command,
                folder: None,
            },
            ..Start::default()
        }
    }
}

/// The table of strings: a count, offsets from its start, and the strings, each with its size before it.
struct Strings<'a> {
    data: &'a [u8],
    start: u64,
    count: u32,
}

impl Strings<'_> {
    /// The string of that index; nothing if it is empty or does not lie in the file.
    fn get(&self, index: u32) -> Option<String> {
        if index >= self.count {
            return None;
        }
        let place = self.start.checked_add(4 + 4 * u64::from(index))?;
        let at = self.start.checked_add(bytes::u32_at(self.data, place, "string").ok()?.into())?;
        let size = bytes::u32_at(self.data, at, "string").ok()?;
        let text =
            bytes::wide(bytes::slice(self.data, at.checked_add(4)?, size.into(), "string").ok()?);
        (!text.is_empty()).then_some(text)
    }
}

impl<'a> Log<'a> {
    fn read(data: &'a [u8]) -> Result<Log<'a>, Error> {
        let wrong =
            |offset, field, problem: &str| Error { offset, field, problem: problem.to_owned() };
        let version = bytes::u32_at(data, 4, "version")?;
        if version != 9 {
            let problem = format!("is {version}; only version 9 is known");
            return Err(wrong(4, "version", &problem));
        }
        let pointer = match bytes::u32_at(data, 8, "64-bit")? {
            0 => 4,
            1 => 8,
            other => return Err(wrong(8, "64-bit", &format!("is {other}, neither 0 nor 1"))),
        };
        let count = bytes::u32_at(data, 0x234, "number of events")?;
        let offsets = bytes::u64_at(data, 0x248, "offset of the array of events")?;
        let processes = bytes::u64_at(data, 0x250, "offset of the processes")?;
        let start = bytes::u64_at(data, 0x258, "offset of the strings")?;
        if offsets == 0 || processes == 0 || start == 0 {
            let problem =
                "is 0: the capture was not closed; open it in Process Monitor and save it";
            return Err(wrong(0x248, "offset of the array of events", problem));
        }
        // Five bytes an event: so many there are at most.
        let most = (data.len() as u64).saturating_sub(offsets) / 5;
        if u64::from(count) > most {
            let problem = format!("is {count}, but the array of events has room for {most}");
            return Err(wrong(0x234, "number of events", &problem));
        }
        let strings =
            Strings { data, start, count: bytes::u32_at(data, start, "number of strings")? };
        let processes = table(data, processes)?;
        Ok(Log { data, pointer, count, offsets, strings, processes })
    }

    /// Event number `index`, if it tells of a start or an end.
    fn event(&self, index: u32) -> Result<Option<Told>, Error> {
        let data = self.data;
        let place = self.offsets.saturating_add(5 * u64::from(index));
        let at = u64::from(bytes::u32_at(data, place, "offset of an event")?);
        let head = bytes::slice(data, at, EVENT_HEAD, "event")?;
        if bytes::u32_at(head, 8, "event class")? != PROCESS {
            return Ok(None);
        }
        let operation = bytes::u16_at(head, 12, "operation")?;
        let process = bytes::u32_at(head, 0, "process index")?;
        let time = Time::from_filetime(bytes::u64_at(head, 0x1c, "time")?);
        let stack = self.pointer * u64::from(bytes::u16_at(head, 0x28, "stack depth")?);
        let detail_at = at.saturating_add(EVENT_HEAD).saturating_add(stack);
        let detail = |length| bytes::slice(data, detail_at, length, "details");
        let known = self.processes.get(&process);
        match operation {
            CREATE => {
                // The event belongs to the creator; the details begin with the index of the new process
                // and its id.
                let new = bytes::u32_at(detail(8)?, 0, "new process")?;
                let pid = bytes::u32_at(detail(8)?, 4, "new process id")?;
                let mut start = match self.processes.get(&new).filter(|new| new.pid == pid) {
                    Some(new) => new.start(&self.strings),
                    None => self.created(detail_at)?,
                };
                start.parent = known.map(|creator| creator.pid).or(start.parent);
                Ok(Some(Told::Start(new, time, pid, Box::new(start))))
            }
            START => {
                let Some(known) = known else { return Ok(None) };
                let mut start = known.start(&self.strings);
                // Parent, how long command line and folder are, how long the environment is.
                let lengths = detail(12)?;
                start.parent = Some(bytes::u32_at(lengths, 0, "parent")?);
                let at = detail_at.saturating_add(12);
                let (_, used) = self.counted(at, bytes::u16_at(lengths, 4, "command line")?)?;
                let folder = bytes::u16_at(lengths, 6, "folder")?;
                let (folder, _) = self.counted(at.saturating_add(used), folder)?;
                start.image.folder = Some(folder).filter(|folder| !folder.is_empty());
                Ok(Some(Told::Start(process, time, known.pid, Box::new(start))))
            }
            EXIT => {
                let Some(known) = known else {
                    let problem = format!("{process} is in no row of the table of processes");
                    return Err(Error { offset: at, field: "process index", problem });
                };
                let detail = detail(20)?;
                let kernel = bytes::u64_at(detail, 4, "kernel time")?;
                let user = bytes::u64_at(detail, 12, "user time")?;
                let end = End {
                    how: How::Exit(bytes::u32_at(detail, 0, "exit status")?),
                    cpu: Some(kernel.saturating_add(user).saturating_mul(100)),
                    name: self.strings.get(known.name),
                    path: self.strings.get(known.path),
                    user: self.strings.get(known.user),
                    ..End::default()
                };
                Ok(Some(Told::End(time, known.pid, Box::new(end))))
            }
            _ => Ok(None),
        }
    }

    /// A new process that has no row in the table: what the event itself says.
    fn created(&self, at: u64) -> Result<Start, Error> {
        let field = "details of a new process";
        let lengths = bytes::slice(self.data, at.saturating_add(0x2c), 6, field)?;
        let path = bytes::u16_at(lengths, 2, field)?;
        let command = bytes::u16_at(lengths, 4, field)?;
        // Two identifiers of users come first, whose sizes are the two bytes before the lengths.
        let skip = u64::from(lengths[0]) + u64::from(lengths[1]) + 2;
        let text_at = at.saturating_add(0x32).saturating_add(skip);
        let (path, used) = self.counted(text_at, path)?;
        let (command, _) = self.counted(text_at.saturating_add(used), command)?;
        let name = crate::event::base_name(&path).to_owned();
        let command = (!command.is_empty()).then_some(Command { text: command, complete: true });
        let image = Image { name, path: Some(path), command, folder: None };
        Ok(Start { image, ..Start::default() })
    }

    /// A text of which a word tells the number of characters, and by its highest bit that they are bytes.
    fn counted(&self, at: u64, info: u16) -> Result<(String, u64), Error> {
        let count = u64::from(info & 0x7fff);
        if info & 0x8000 != 0 {
            let bytes = bytes::slice(self.data, at, count, "text")?;
            return Ok((super::text(bytes).into_owned(), count));
        }
        Ok((bytes::wide(bytes::slice(self.data, at, 2 * count, "text")?), 2 * count))
    }
}

/// The table of processes: a count, their indexes, offsets from its start, rows.
fn table(data: &[u8], start: u64) -> Result<HashMap<u32, Process>, Error> {
    let count = bytes::u32_at(data, start, "number of processes")?;
    let all = u64::from(count) * 8;
    let heads = bytes::slice(data, start.saturating_add(4), all, "processes")?;
    let mut found = HashMap::new();
    for index in 0..u64::from(count) {
        let offset = bytes::u32_at(heads, 4 * (u64::from(count) + index), "offset of a process")?;
        let at = start.saturating_add(offset.into());
        let row = bytes::slice(data, at, 0x4c, "process")?;
        let word = |at| bytes::u32_at(row, at, "process");
        let process = Process {
            pid: word(4)?,
            parent: word(8)?,
            started: Time::from_filetime(bytes::u64_at(row, 0x20, "start of a process")?),
            user: word(0x3c)?,
            name: word(0x40)?,
            path: word(0x44)?,
            command: word(0x48)?,
        };
        found.insert(word(0)?, process);
    }
    Ok(found)
}

#[cfg(test)]
#[path = "pml_tests.rs"]
mod tests;
