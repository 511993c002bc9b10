//! Output of `strace -f`: calls that make processes, run programs and end them, and what strace itself says of
//! ends (strace(1), Debian 6.1; the forms of `-t`, `-tt`, `-ttt`, `-r`, `-o`, `-ff` and `-Y`).

mod call;
mod traced;

pub use traced::{Traced, traced};

use super::{Hint, Kind, Record, event, lines, text};
use crate::event::base_name;
use crate::{Command, End, Event, How, Image, Start, Time, What};
use call::{Call, arguments, leading_number, string};
use evidence::Error;
use std::collections::{HashMap, HashSet};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Lines of which the kind of the file is found out.
const LOOKED_AT: usize = 40;

/// Whether bytes are output of strace.
pub fn takes(data: &[u8]) -> bool {
    let mut looks = lines(data.get(..data.len().min(1 << 16)).unwrap_or(data)).take(LOOKED_AT);
    looks.any(|(_, line)| {
        let line = text(line);
        let (_, rest) = Prefix::of(&line);
        let call = Call::of(rest).is_some_and(|call| !call.rest.is_empty() || call.unfinished);
        call || rest.starts_with("+++ exited with ") || rest.starts_with("+++ killed by ")
    })
}

/// What stands before the call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Prefix {
    pid: Option<u32>,
    stamp: Option<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stamp {
    /// `-ttt`: seconds since 1970.
    Epoch(i64, u32),
    /// `-t`, `-tt`: seconds since midnight.
    OfDay(i64, u32),
    /// `-r`: seconds since the line before.
    Relative(i64, u32),
}

impl Prefix {
    /// Reads what there is of process id and time; also the rest of the line.
    fn of(line: &str) -> (Prefix, &str) {
        let mut prefix = Prefix::default();
        let mut rest = line.trim_start();
        if let Some(inner) = rest.strip_prefix("[pid ")
            && let Some((pid, behind)) = inner.split_once(']')
        {
            prefix.pid = leading_number(pid.trim_start()).and_then(|pid| u32::try_from(pid).ok());
            rest = behind.trim_start();
        } else if let Some((first, behind)) = rest.split_once(' ') {
            // `-o FILE` writes the bare id, `-Y` its name behind it.
            let bare = first.split('<').next().unwrap_or(first);
            let digits = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
            let id = digits.then(|| bare.parse::<u32>().ok()).flatten();
            if let Some(pid) = id {
                prefix.pid = Some(pid);
                rest = behind.trim_start();
            }
        }
        if let Some((first, behind)) = rest.split_once(' ')
            && let Some(stamp) = stamp(first)
        {
            prefix.stamp = Some(stamp);
            rest = behind.trim_start();
        }
        (prefix, rest)
    }
}

fn stamp(word: &str) -> Option<Stamp> {
    if word.contains(':') {
        let (seconds, nanos) = Time::read_clock(word)?;
        return Some(Stamp::OfDay(seconds, nanos));
    }
    let word = word.strip_prefix('+').unwrap_or(word);
    let (seconds, fraction) = word.split_once('.')?;
    let nanos = (!fraction.is_empty()).then(|| crate::time::nanos(fraction)).flatten()?;
    let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.then(|| seconds.parse::<i64>().ok()).flatten()?;
    // Three years after 1970 nobody had strace.
    let absolute = seconds > 100_000_000;
    Some(if absolute { Stamp::Epoch(seconds, nanos) } else { Stamp::Relative(seconds, nanos) })
}

pub(super) fn read(data: &[u8], hint: &Hint<'_>) -> Result<Record, Error> {
    let mut reader = Reader::new(data, hint);
    let mut read = 0u64;
    each_line(data, &mut |line| {
        read += 1;
        let (prefix, rest) = Prefix::of(line);
        let time = reader.time(prefix.stamp);
        let pid = prefix.pid.unwrap_or(reader.root);
        reader.line(time, pid, rest);
    });
    let mut notes = Vec::new();
    if reader.events.iter().any(|event| event.pid == 0) {
        notes.push("the first process has no id in this record: it is shown as PID 0.".to_owned());
    }
    match (reader.stamped, reader.dated) {
        (false, _) => notes.push("there are no times in it: strace -ttt writes them.".to_owned()),
        (true, false) => notes.push(
            "its lines have only the time of day: the date is that of the file's last change; strace -ttt writes \
             both."
                .to_owned(),
        ),
        _ => {}
    }
    Ok(Record {
        kind: Kind::Strace,
        events: reader.events,
        hosts: vec![String::new()],
        read,
        notes,
    })
}

/// Calls `take` with every line. Where strace said in the middle of one that it attached to a process, its
/// halves are put together.
fn each_line(data: &[u8], take: &mut dyn FnMut(&str)) {
    let mut half = String::new();
    for (_, line) in lines(data) {
        let line = text(line);
        let cut =
            line.strip_suffix(" attached").and_then(|line| line.rsplit_once("strace: Process "));
        match cut {
            Some(("", _)) => {}
            Some((start, _)) if half.is_empty() => half = start.to_owned(),
            _ if half.is_empty() => take(&line),
            _ => {
                half.push_str(&line);
                take(&half);
                half.clear();
            }
        }
    }
    if !half.is_empty() {
        take(&half);
    }
}

struct Reader {
    /// The process that lines without an id belong to; 0 if nothing tells.
    root: u32,
    /// Where days begin, if the file's date is known.
    midnight: Option<i64>,
    /// Time of day of the last line, and days since the first.
    of_day: Option<i64>,
    relative: i64,
    stamped: bool,
    dated: bool,
    started: HashSet<u32>,
    threads: HashSet<u32>,
    unfinished: HashMap<u32, String>,
    events: Vec<Event>,
    /// Where the end of a process stands in `events`, to add what its parent is told.
    ends: HashMap<u32, usize>,
}

impl Reader {
    fn new(data: &[u8], hint: &Hint<'_>) -> Reader {
        // `-ff` writes a file for each process, `NAME.PID`.
        let of_name = hint.name.rsplit_once('.').and_then(|(_, end)| end.parse::<u32>().ok());
        let (mut made, mut seen) = (HashSet::new(), Vec::new());
        let (mut bare, mut first, mut last) = (false, None, None);
        let mut wraps = 0i64;
        each_line(data, &mut |line| {
            let (prefix, rest) = Prefix::of(line);
            match prefix.pid {
                Some(pid) if seen.last() != Some(&pid) && seen.len() < 100_000 => seen.push(pid),
                None if Call::of(rest).is_some() => bare = true,
                _ => {}
            }
            if let Some(Stamp::OfDay(seconds, _)) = prefix.stamp {
                wraps += i64::from(last.is_some_and(|last: i64| last > seconds + DAY / 2));
                first = first.or(Some(seconds));
                last = Some(seconds);
            }
            if let Some(child) = Call::of(rest).and_then(|call| call.child()) {
                made.insert(child);
            }
            if let Some(call) = call::resumed(rest)
                && call::MAKING.contains(&call.0)
                && let Some(child) = call::returned(call.1)
            {
                made.insert(child);
            }
        });
        // Of lines without an id one process is the first; it is the one that nobody made.
        let root = seen.iter().find(|pid| !made.contains(*pid)).copied();
        let root = if bare { root.or(of_name).unwrap_or(0) } else { of_name.unwrap_or(0) };
        let midnight = hint.modified.zip(last).map(|(modified, last)| {
            let local = modified.0.div_euclid(1_000_000_000) + i64::from(hint.offset);
            let day = local.div_euclid(DAY);
            // Written before midnight, changed after it.
            let day = if local.rem_euclid(DAY) + DAY / 2 < last { day - 1 } else { day };
            (day - wraps) * DAY - i64::from(hint.offset)
        });
        Reader {
            root,
            midnight,
            of_day: None,
            relative: 0,
            stamped: false,
            dated: false,
            started: HashSet::new(),
            threads: HashSet::new(),
            unfinished: HashMap::new(),
            events: Vec::new(),
            ends: HashMap::new(),
        }
    }

    fn time(&mut self, stamp: Option<Stamp>) -> Time {
        self.stamped |= stamp.is_some();
        match stamp {
            None => Time::NONE,
            Some(Stamp::Epoch(seconds, nanos)) => {
                self.dated = true;
                Time::from_seconds(seconds, nanos)
            }
            Some(Stamp::OfDay(seconds, nanos)) => {
                // Threads' lines may be a little out of order; a day is over when half of one is missing.
                if self.of_day.is_some_and(|last| last > seconds + DAY / 2) {
                    self.midnight = self.midnight.and_then(|day| day.checked_add(DAY));
                }
                self.of_day = Some(seconds);
                self.midnight.map_or(Time::from_seconds(seconds, nanos), |day| {
                    Time::from_seconds(day.saturating_add(seconds), nanos)
                })
            }
            Some(Stamp::Relative(seconds, nanos)) => {
                let step = Time::from_seconds(seconds, nanos).0.max(0);
                self.relative = self.relative.saturating_add(step);
                Time(self.relative)
            }
        }
    }

    fn tell(&mut self, time: Time, pid: u32, what: What) {
        self.events.push(event(time, 0, pid, what));
    }

    fn line(&mut self, time: Time, pid: u32, rest: &str) {
        if let Some(said) = rest.strip_prefix("+++ ") {
            self.ended(time, pid, said);
        } else if let Some(said) = rest.strip_prefix("--- SIGCHLD ") {
            self.child_ended(said);
        } else if let Some((name, behind)) = call::resumed(rest) {
            let whole = match self.unfinished.remove(&pid) {
                Some(start) if start.starts_with(name) => format!("{start}{behind}"),
                _ => format!("{name}({behind}"),
            };
            self.call(time, pid, &whole);
        } else if let Some(start) = call::unfinished(rest) {
            // The whole line is told when the call returns; a process exists from then on at the latest.
            self.unfinished.insert(pid, start.to_owned());
        } else {
            self.call(time, pid, rest);
        }
    }

    fn call(&mut self, time: Time, pid: u32, line: &str) {
        let Some(call) = Call::of(line) else { return };
        if let Some(child) = call.child() {
            if call.rest.contains("CLONE_THREAD") {
                self.threads.insert(child);
            } else {
                self.threads.remove(&child);
                self.started.insert(child);
                let start = Start { parent: Some(pid), forked: true, ..Start::default() };
                self.tell(time, child, What::Start(Box::new(start)));
            }
            return;
        }
        match call.name {
            "execve" | "execveat" if call.succeeded() => {
                let image = image(&call);
                let start = Box::new(Start { image, ..Start::default() });
                let first = self.started.insert(pid);
                self.tell(time, pid, if first { What::Start(start) } else { What::Exec(start) });
            }
            _ => {}
        }
    }

    /// `exited with 3 +++`, `killed by SIGSEGV (core dumped) +++`.
    fn ended(&mut self, time: Time, pid: u32, said: &str) {
        if self.threads.remove(&pid) {
            return;
        }
        let how = if let Some(code) = said.strip_prefix("exited with ") {
            leading_number(code).and_then(|code| u32::try_from(code).ok()).map(How::Exit)
        } else if let Some(name) = said.strip_prefix("killed by ") {
            let number = name.split(' ').next().and_then(call::signal);
            number.map(|number| How::Signal { number, core: name.contains("(core dumped)") })
        } else {
            // `superseded by execve in pid N`: the id goes on as another thread.
            return;
        };
        self.ends.insert(pid, self.events.len());
        self.started.remove(&pid);
        let how = how.unwrap_or_default();
        self.tell(time, pid, What::End(Box::new(End { how, ..End::default() })));
    }

    /// What a parent is told of a child that ended, in hundredths of a second (sigaction(2), si_utime).
    fn child_ended(&mut self, said: &str) {
        let field = |name: &str| {
            let at = said.split_once(name)?.1.trim_start_matches('=');
            leading_number(at)
        };
        let Some(pid) = field("si_pid").and_then(|pid| u32::try_from(pid).ok()) else { return };
        let ticks = field("si_utime").zip(field("si_stime")).map(|(a, b)| a.saturating_add(b));
        let Some(ticks) = ticks else { return };
        if let Some(place) = self.ends.get(&pid)
            && let Some(What::End(end)) = self.events.get_mut(*place).map(|event| &mut event.what)
        {
            end.cpu = Some(ticks.saturating_mul(10_000_000));
        }
    }
}

/// The program of an `execve`: its path, and its arguments as far as strace printed them.
fn image(call: &Call<'_>) -> Image {
    let list = call.rest;
    // execveat(dirfd, path, ...)
    let list =
        if call.name == "execveat" { list.split_once(", ").map_or(list, |it| it.1) } else { list };
    let (path, behind) = string(list).unwrap_or_default();
    let command = behind.trim_start_matches([',', ' ']).strip_prefix('[').map(|inner| {
        let (all, complete) = arguments(inner);
        Command::from_arguments(all.iter().map(String::as_str), complete)
    });
    Image { name: base_name(&path).to_owned(), path: Some(path), command, folder: None }
}

#[cfg(test)]
#[path = "strace_tests.rs"]
mod tests;
