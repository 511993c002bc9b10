//! Joins starts and ends. An id that is used again is another process: start times, ids that the system
//! gives only once, and parents tell them apart.

use crate::{End, Event, Lost, Start, Time, What};
use std::collections::{HashMap, VecDeque};

/// How far apart two sources may put the same start or end, nanoseconds.
const SAME: i64 = 2_000_000_000;

/// A start as /proc tells it is rounded down to a hundredth of a second; two of these are surely apart.
const TICK: u64 = 20_000_000;

/// Ends of which no more than so many are remembered, to know the same end from another source.
const REMEMBERED: usize = 65_536;

/// A process, from start to end, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Counts up with every process that the ledger meets.
    pub number: u64,
    /// Machine.
    pub host: u16,
    /// Process id.
    pub pid: u32,
    /// When it started; [`Time::NONE`] if its start was not seen and nothing tells it.
    pub started: Time,
    /// When it ended, if it has.
    pub ended: Time,
    /// What is known of it; the program is the last one that it ran.
    pub start: Start,
    /// Its end.
    pub end: Option<End>,
    /// How far it is.
    pub state: State,
    /// Whether its start was seen; not so for what ran before watching began.
    pub start_seen: bool,
    /// Programs that it went on to, after the first.
    pub execs: u32,
    /// How many of its ancestors the ledger saw start and knew when this one started.
    pub depth: u16,
    /// Number of its parent, if the ledger knew it.
    pub parent_number: Option<u64>,
    /// Identity of its parent, in the same case.
    pub parent_identity: Option<(u32, Option<u64>)>,
    /// Who told of it.
    source: u16,
    /// Whether its start was told: that of a fork waits for the program.
    told: bool,
}

/// How far a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No end so far.
    Running,
    /// Ended.
    Ended,
    /// Its id went to another one, so it must have ended.
    EndNotSeen,
}

impl Process {
    /// A text that no other process has: the system's own id if there is one, or host, id and start.
    /// `host` names the machine and its boot.
    pub fn identity(&self, host: &str) -> String {
        match (&self.start.guid, self.start.since_boot) {
            (Some(guid), _) => guid.to_string(),
            (None, Some(since)) => format!("{host}/{}/{since}", self.pid),
            (None, None) if self.started.is_none() => {
                format!("{host}/{}/?{}", self.pid, self.number)
            }
            (None, None) => format!("{host}/{}/{}", self.pid, self.started.0),
        }
    }

    /// How long it lived, nanoseconds.
    pub fn lived(&self) -> Option<u64> {
        u64::try_from(self.ended.since(self.started)?).ok()
    }

    fn is(&self, since_boot: Option<u64>, guid: Option<&str>) -> bool {
        let same_boot = match (self.start.since_boot, since_boot) {
            (Some(mine), Some(other)) => mine.abs_diff(other) < TICK,
            _ => true,
        };
        let same_guid = match (self.start.guid.as_deref(), guid) {
            (Some(mine), Some(other)) => mine.eq_ignore_ascii_case(other),
            _ => true,
        };
        same_boot && same_guid
    }

    /// Takes over what `other`, of the same process, knows better.
    fn learn(&mut self, other: &Start) {
        let mine = &mut self.start;
        fn fill<T: Clone>(mine: &mut Option<T>, other: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(other);
            }
        }
        fill(&mut mine.since_boot, &other.since_boot);
        fill(&mut mine.guid, &other.guid);
        fill(&mut mine.parent, &other.parent);
        fill(&mut mine.parent_name, &other.parent_name);
        fill(&mut mine.user, &other.user);
        fill(&mut mine.container, &other.container);
        fill(&mut mine.image.path, &other.image.path);
        fill(&mut mine.image.command, &other.image.command);
        fill(&mut mine.image.folder, &other.image.folder);
        if mine.image.name.is_empty() {
            mine.image.name.clone_from(&other.image.name);
        }
    }

    /// Runs another program: what the event does not tell stays as it was.
    fn run(&mut self, other: &Start) {
        let image = &mut self.start.image;
        let folder = other.image.folder.clone().or_else(|| image.folder.take());
        *image = other.image.clone();
        image.folder = folder;
        self.start.forked = false;
        if other.user.is_some() {
            self.start.user.clone_from(&other.user);
        }
        if other.container.is_some() {
            self.start.container.clone_from(&other.container);
        }
    }
}

/// What is to be told, in this order.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A process started.
    Start(&'a Process),
    /// A process runs another program.
    Exec(&'a Process),
    /// A process ended; if its start is not known, it is told here only.
    Stop(&'a Process),
    /// The id of a process went to another one before its end was seen.
    Vanished(&'a Process),
    /// Something was lost here.
    Lost(&'a Lost),
    /// Watching is over, and this process runs still, or its end is not in the record.
    Open(&'a Process),
}

/// What is to be told, and its moment.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Moment.
    pub time: Time,
    /// What.
    pub told: Told<'a>,
}

/// What an ended process leaves behind.
struct Ended {
    time: Time,
    source: u16,
}

type Sink<'a> = &'a mut dyn FnMut(Entry<'_>);

/// Processes that run, and the rules by which events belong to them.
pub struct Ledger {
    running: HashMap<(u16, u32), Process>,
    ended: HashMap<(u16, u32), Ended>,
    held: VecDeque<(Time, u16, u32, u64)>,
    hold: i64,
    next: u64,
}

impl Ledger {
    /// `hold` is how long, in nanoseconds, the start of a fork waits for the program that it will run.
    pub fn new(hold: i64) -> Ledger {
        let (running, ended) = (HashMap::new(), HashMap::new());
        Ledger { running, ended, held: VecDeque::new(), hold, next: 0 }
    }

    /// The process that has this id now.
    pub fn running(&self, host: u16, pid: u32) -> Option<&Process> {
        self.running.get(&(host, pid))
    }

    /// Takes an event; `sink` is told what follows from it.
    pub fn take(&mut self, event: Event, sink: Sink<'_>) {
        self.tell_held(event.time, sink);
        match event.what {
            What::Start(start) => {
                self.start(event.host, event.source, event.pid, event.time, *start, true, sink);
            }
            What::Exec(ref start) => self.exec(&event, start, sink),
            What::End(ref end) => self.end(&event, end, sink),
            What::Lost(ref lost) => sink(Entry { time: event.time, told: Told::Lost(lost) }),
        }
    }

    /// Tells the starts of forks that have waited long enough at `now`.
    pub fn tell_held(&mut self, now: Time, sink: Sink<'_>) {
        while let Some((time, host, pid, number)) = self.held.front().copied() {
            if now.since(time).is_some_and(|waited| waited < self.hold) {
                break;
            }
            self.held.pop_front();
            if let Some(process) = self.running.get_mut(&(host, pid))
                && process.number == number
            {
                tell(process, sink);
            }
        }
    }

    /// Nothing comes any more: tells what is held back, and every process that has no end.
    pub fn finish(mut self, now: Time, sink: Sink<'_>) {
        self.hold = 0;
        self.tell_held(Time(i64::MAX), sink);
        let mut open: Vec<Process> = self.running.into_values().collect();
        open.sort_by_key(|process| process.number);
        for process in &mut open {
            tell(process, sink);
            sink(Entry { time: now, told: Told::Open(process) });
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of an event that was taken apart")]
    fn start(
        &mut self,
        host: u16,
        source: u16,
        pid: u32,
        time: Time,
        start: Start,
        seen: bool,
        sink: Sink<'_>,
    ) {
        if let Some(known) = self.running.get_mut(&(host, pid)) {
            if same_start(known, source, time, &start) {
                // One source tells of the fork, another of the program.
                if known.start.forked && !start.forked && !start.before {
                    known.run(&start);
                }
                known.learn(&start);
                known.start_seen |= !start.before;
                // The process was listed before its own start was read.
                if known.start.before && !start.before {
                    known.start.before = false;
                    known.started = time;
                    known.told = false;
                }
                if !known.start.forked {
                    tell(known, sink);
                }
                return;
            }
            self.vanish(host, pid, time, sink);
        }
        let parent = start.parent.and_then(|parent| self.running.get(&(host, parent)));
        let number = self.next;
        let launched = |parent: &&Process| parent.start_seen;
        let mut process = Process {
            number,
            host,
            pid,
            started: time,
            ended: Time::NONE,
            end: None,
            state: State::Running,
            start_seen: seen && !start.before,
            execs: 0,
            depth: parent.filter(launched).map_or(0, |parent| parent.depth.saturating_add(1)),
            parent_number: parent.map(|parent| parent.number),
            parent_identity: parent.map(|parent| (parent.pid, parent.start.since_boot)),
            source,
            told: start.before,
            start,
        };
        if let Some(parent) = parent {
            if process.start.parent_name.is_none() {
                process.start.parent_name = Some(parent.start.image.name.clone());
            }
            // A fork goes on as its parent was.
            if process.start.forked {
                let parent = parent.start.clone();
                process.learn(&Start {
                    user: parent.user,
                    container: parent.container,
                    image: parent.image,
                    ..Start::default()
                });
            }
        }
        self.next += 1;
        if process.start.forked && self.hold > 0 && !process.told {
            self.held.push_back((time, host, pid, number));
        } else {
            tell(&mut process, sink);
        }
        self.running.insert((host, pid), process);
    }

    fn exec(&mut self, event: &Event, start: &Start, sink: Sink<'_>) {
        let key = (event.host, event.pid);
        let known = self.running.get_mut(&key);
        match known.filter(|known| known.is(start.since_boot, start.guid.as_deref())) {
            Some(process) => {
                process.run(start);
                if process.told {
                    process.execs = process.execs.saturating_add(1);
                    sink(Entry { time: event.time, told: Told::Exec(process) });
                } else {
                    tell(process, sink);
                }
            }
            // Its start was lost, or was before the record began.
            None => {
                let (host, source) = key_parts(event);
                self.start(host, source, event.pid, event.time, start.clone(), false, sink);
            }
        }
    }

    fn end(&mut self, event: &Event, end: &End, sink: Sink<'_>) {
        let key = (event.host, event.pid);
        let known = self.running.get(&key);
        if known.is_some_and(|known| known.is(end.since_boot, end.guid.as_deref())) {
            if let Some(mut process) = self.running.remove(&key) {
                tell(&mut process, sink);
                close(&mut process, event, end, sink);
            }
            self.remember(event);
            return;
        }
        let twice = self.ended.get(&key).is_some_and(|ended| {
            let apart = event.time.since(ended.time).map(i64::abs);
            ended.source != event.source && apart.is_none_or(|apart| apart <= SAME)
        });
        if twice {
            return;
        }
        let mut process = Process {
            number: self.next,
            host: event.host,
            pid: event.pid,
            started: Time::NONE,
            ended: Time::NONE,
            start: Start { since_boot: end.since_boot, guid: end.guid.clone(), ..Start::default() },
            end: None,
            state: State::Running,
            start_seen: false,
            execs: 0,
            depth: 0,
            parent_number: None,
            parent_identity: None,
            source: event.source,
            told: false,
        };
        self.next += 1;
        close(&mut process, event, end, sink);
        self.remember(event);
    }

    fn vanish(&mut self, host: u16, pid: u32, time: Time, sink: Sink<'_>) {
        if let Some(mut process) = self.running.remove(&(host, pid)) {
            tell(&mut process, sink);
            process.state = State::EndNotSeen;
            sink(Entry { time, told: Told::Vanished(&process) });
        }
    }

    fn remember(&mut self, event: &Event) {
        if self.ended.len() >= REMEMBERED {
            self.ended.clear();
        }
        let ended = Ended { time: event.time, source: event.source };
        self.ended.insert((event.host, event.pid), ended);
    }
}

fn key_parts(event: &Event) -> (u16, u16) {
    (event.host, event.source)
}

/// Tells the start of `process`, unless that was done.
fn tell(process: &mut Process, sink: Sink<'_>) {
    if !process.told {
        process.told = true;
        sink(Entry { time: process.started, told: Told::Start(process) });
    }
}

fn close(process: &mut Process, event: &Event, end: &End, sink: Sink<'_>) {
    process.ended = event.time;
    process.state = State::Ended;
    let image = &mut process.start.image;
    if image.name.is_empty() {
        image.name = end.name.clone().unwrap_or_default();
    }
    if image.path.is_none() {
        image.path.clone_from(&end.path);
    }
    if process.start.user.is_none() {
        process.start.user.clone_from(&end.user);
    }
    process.end = Some(end.clone());
    sink(Entry { time: event.time, told: Told::Stop(process) });
}

/// Whether `start` is the start that `known` came from: told by another source, or found by listing.
fn same_start(known: &Process, source: u16, time: Time, start: &Start) -> bool {
    if !known.is(start.since_boot, start.guid.as_deref()) {
        return false;
    }
    if known.start.before || start.before {
        // Only a start time says that what was listed is what is starting.
        return start.before || (known.start.since_boot.is_some() && start.since_boot.is_some());
    }
    let near = time.since(known.started).is_none_or(|apart| apart.abs() <= SAME);
    let names = known.start.image.name.eq_ignore_ascii_case(&start.image.name);
    source != known.source && near && (names || known.start.forked || start.forked)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
