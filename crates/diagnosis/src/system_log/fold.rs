//! Messages, folded.

use super::block::Blocks;
use super::known::{Knowns, Seen};
use super::{Often, Watch, text};
use evidence::system_log::{Basis, Record, Time};
use knowledge::messages::{Base, Message, shape};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// Shapes that are told apart, at most.
pub const MOST_SHAPES: usize = 20_000;
/// Bytes of the first message of a shape that are kept.
const MOST_TEXT: usize = 1_000;
/// Names of machines that are kept.
const MOST_HOSTS: usize = 8;

/// Messages that differ in numbers only.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub often: Often,
    pub program: String,
    /// The first message.
    pub text: String,
    /// The lowest that was written.
    pub severity: Option<u8>,
    /// Number of an event of Windows.
    pub event: Option<u32>,
    /// The entry that it is.
    pub entry: Option<usize>,
    /// Whether it begins a crash or the like.
    opens: bool,
}

/// A hash that is one already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Takes records, and keeps of them what is to be told.
pub struct Folder<'b> {
    pub(super) base: &'b Base,
    seed: u64,
    places: HashMap<u64, u32, BuildHasherDefault<Same>>,
    pub(super) shapes: Vec<Shape>,
    pub(super) most: usize,
    /// The last program and what it adds to the seed.
    program: (Vec<u8>, u64),
    /// The shape of the record before.
    last: Option<usize>,
    pub(super) knowns: Knowns,
    pub(super) blocks: Blocks,
    pub(super) all: Often,
    /// By severity, 0 to 7; those that tell none come last.
    pub(super) by_severity: [u64; 9],
    pub(super) hosts: Vec<(String, u64)>,
    last_host: Vec<u8>,
    /// Records whose shape was not kept, for there were too many.
    pub(super) beyond: Often,
    /// Lines that go on with the record before.
    pub(super) continued: u64,
    /// The file under way, from 0.
    source: u32,
    /// Looks out for what was written last before a moment.
    pub(super) watch: Option<Watch>,
    /// The start of the system, in microseconds since 1970, as a log that counts from it says.
    pub(super) booted: Option<i64>,
}

impl<'b> Folder<'b> {
    /// For a log that is explained by `base`.
    pub fn new(base: &'b Base) -> Folder<'b> {
        Folder {
            base,
            // So that nobody can write messages that meet in one shape.
            seed: RandomState::new().hash_one(0),
            places: HashMap::default(),
            shapes: Vec::new(),
            most: MOST_SHAPES,
            program: (Vec::new(), 0),
            last: None,
            knowns: Knowns::default(),
            blocks: Blocks::default(),
            all: Often::default(),
            by_severity: [0; 9],
            hosts: Vec::new(),
            last_host: Vec::new(),
            beyond: Often::default(),
            continued: 0,
            source: 0,
            watch: None,
            booted: None,
        }
    }

    /// Keeps what was written last before certain moments as well.
    pub fn watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }

    /// What follows is of the next file of the same log.
    pub fn next_source(&mut self) {
        self.source = self.source.saturating_add(1);
    }

    /// Takes the next record.
    pub fn take(&mut self, record: &Record<'_>) {
        if record.continues {
            self.continued = self.continued.saturating_add(1);
            return;
        }
        if self.all.count == 0 {
            self.all.line = record.line;
        }
        self.all.add(record.time, 1);
        if let Some(watch) = &mut self.watch {
            watch.see(self.source, record);
        }
        if self.booted.is_none()
            && let Some(Time { basis: Basis::Boot, micros }) = record.time
        {
            self.booted = boot_clock(record.message).and_then(|at| at.checked_sub(micros));
        }
        let severity = record.severity.map_or(8, |severity| usize::from(severity.min(7)));
        self.by_severity[severity] = self.by_severity[severity].saturating_add(1);
        if record.host != self.last_host {
            self.host(record.host);
        }
        if let Some((count, inner)) = repeated(record.message) {
            return self.again(record, count, inner);
        }
        self.one(record, record.message, 1);
    }

    fn host(&mut self, host: &[u8]) {
        self.last_host.clear();
        self.last_host.extend_from_slice(host);
        let name = text(host, 255);
        if !name.is_empty()
            && self.hosts.len() < MOST_HOSTS
            && !self.hosts.iter().any(|(own, _)| *own == name)
        {
            self.hosts.push((name, self.all.line));
        }
    }

    /// What a daemon has folded already.
    fn again(&mut self, record: &Record<'_>, count: u64, inner: &[u8]) {
        if !inner.is_empty() {
            return self.one(record, inner, count);
        }
        if let Some(shape) = self.last.and_then(|last| self.shapes.get_mut(last)) {
            shape.often.add(record.time, count);
        }
    }

    fn one(&mut self, record: &Record<'_>, message: &[u8], count: u64) {
        if self.blocks.is_open() && self.blocks.goes_on(record, message) {
            return;
        }
        if record.program != self.program.0 {
            self.program.0.clear();
            self.program.0.extend_from_slice(record.program);
            self.program.1 = shape(record.program, self.seed);
        }
        let key = shape(message, self.program.1 ^ u64::from(record.event.unwrap_or(0)) << 32);
        let index = match self.places.get(&key) {
            Some(index) => *index as usize,
            None => match self.new_shape(key, record, message) {
                Some(index) => index,
                None => return self.without_shape(record, message, count),
            },
        };
        self.last = Some(index);
        let shape = &mut self.shapes[index];
        shape.often.add(record.time, count);
        if let Some(severity) = record.severity
            && shape.severity.is_none_or(|had| severity < had)
        {
            shape.severity = Some(severity);
        }
        if let Some(entry) = shape.entry {
            let before = shape.often.count.saturating_sub(count);
            let seen = Seen { source: self.source, record, message };
            self.knowns.values(self.base, entry, before, &seen);
        }
        if shape.opens {
            self.blocks.open(self.source, record, message);
        }
    }

    fn new_shape(&mut self, key: u64, record: &Record<'_>, message: &[u8]) -> Option<usize> {
        if self.shapes.len() >= self.most {
            return None;
        }
        let index = self.shapes.len();
        let entry = self.find(record, message);
        self.shapes.push(Shape {
            often: Often { line: record.line, source: self.source, ..Often::default() },
            program: text(record.program, 128),
            text: text(message, MOST_TEXT),
            severity: record.severity,
            event: record.event,
            entry,
            opens: Blocks::is_one(record, message),
        });
        self.places.insert(key, u32::try_from(index).ok()?);
        Some(index)
    }

    fn find(&self, record: &Record<'_>, message: &[u8]) -> Option<usize> {
        let message = Message { program: record.program, event: record.event, text: message };
        self.base.find(&message).map(|found| found.index)
    }

    /// There are too many shapes: a message that is known is still found.
    fn without_shape(&mut self, record: &Record<'_>, message: &[u8], count: u64) {
        self.last = None;
        if Blocks::is_one(record, message) {
            self.blocks.open(self.source, record, message);
        }
        match self.find(record, message) {
            Some(entry) => {
                let seen = Seen { source: self.source, record, message };
                let often = self.knowns.beyond(entry, &seen);
                let before = often.count;
                often.add(record.time, count);
                self.knowns.values(self.base, entry, before, &seen);
            }
            None => {
                if self.beyond.count == 0 {
                    (self.beyond.line, self.beyond.source) = (record.line, self.source);
                }
                self.beyond.add(record.time, count);
            }
        }
    }

    /// First and last time so far.
    pub fn span(&self) -> (Option<Time>, Option<Time>) {
        (self.all.first, self.all.last)
    }
}

/// `last message repeated 3 times` (syslogd), `message repeated 3 times: [ text]` (rsyslog): how often more, and
/// what, if it is told.
fn repeated(message: &[u8]) -> Option<(u64, &[u8])> {
    let message = message.strip_prefix(b" ").unwrap_or(message);
    let rest = match message.first()? {
        b'l' => message.strip_prefix(b"last message repeated ")?,
        b'm' => message.strip_prefix(b"message repeated ")?,
        b'-' => message.strip_prefix(b"--- last message repeated ")?,
        _ => return None,
    };
    let digits = rest.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    let count: u64 = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let rest = rest[digits..].strip_prefix(b" time")?;
    let rest = rest.strip_prefix(b"s").unwrap_or(rest);
    let inner = rest.strip_prefix(b": [").and_then(|inner| inner.strip_suffix(b"]"));
    Some((count, inner.unwrap_or_default().trim_ascii()))
}

/// `rtc_cmos 00:04: setting system clock to 2020-05-31T00:00:45 UTC (1590883245)`: microseconds since 1970 (Linux
/// drivers/rtc/class.c, rtc_hctosys()).
fn boot_clock(message: &[u8]) -> Option<i64> {
    let at = memchr::memmem::find(message, b"setting system clock to ")?;
    let open = memchr::memchr(b'(', &message[at..])?;
    let rest = message.get(at.checked_add(open)?.checked_add(1)?..)?;
    let digits = rest.get(..memchr::memchr(b')', rest)?)?;
    std::str::from_utf8(digits).ok()?.parse::<i64>().ok()?.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_counts_from_the_start_tells_when_that_was() {
        let line: &[u8] =
            b"rtc_cmos 00:04: setting system clock to 2020-05-31T00:00:45 UTC (1590883245)";
        assert_eq!(boot_clock(line), Some(1_590_883_245_000_000));
        assert_eq!(boot_clock(b"setting system clock to ("), None);
    }

    #[test]
    fn what_a_daemon_folded_is_unfolded() {
        let inner: &[u8] = b"-- MARK --";
        assert_eq!(repeated(b"message repeated 76 times: [ -- MARK --]"), Some((76, inner)));
        assert_eq!(repeated(b"last message repeated 1 time"), Some((1, b"".as_slice())));
        assert_eq!(repeated(b"--- last message repeated 5 times ---"), Some((5, b"".as_slice())));
        assert_eq!(repeated(b"last message repeated many times"), None);
        assert_eq!(repeated(b"message"), None);
    }
}
