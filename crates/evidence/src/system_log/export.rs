//! The journal's export form: `journalctl -o export`.
//!
//! <https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-export-format>: a field a line, `NAME=value`, or a
//! name alone, eight bytes of length, low byte first, the value with whatever it holds, and a line end. An
//! empty line ends a record.

use super::lines::{Lines, MOST_LINE};
use super::reader::Record;
use super::time::{Basis, Time};

/// The fields of a record that matter.
#[derive(Debug, Default)]
pub(super) struct Fields {
    message: Vec<u8>,
    priority: Vec<u8>,
    identifier: Vec<u8>,
    command: Vec<u8>,
    transport: Vec<u8>,
    pid: Vec<u8>,
    syslog_pid: Vec<u8>,
    host: Vec<u8>,
    realtime: Vec<u8>,
    source: Vec<u8>,
}

impl Fields {
    /// Where the value of a field goes; `None` for those that do not matter.
    pub fn named(&mut self, name: &[u8]) -> Option<&mut Vec<u8>> {
        Some(match name {
            b"MESSAGE" => &mut self.message,
            b"PRIORITY" => &mut self.priority,
            b"SYSLOG_IDENTIFIER" => &mut self.identifier,
            b"_COMM" => &mut self.command,
            b"_TRANSPORT" => &mut self.transport,
            b"_PID" => &mut self.pid,
            b"SYSLOG_PID" => &mut self.syslog_pid,
            b"_HOSTNAME" => &mut self.host,
            b"__REALTIME_TIMESTAMP" => &mut self.realtime,
            b"_SOURCE_REALTIME_TIMESTAMP" => &mut self.source,
            _ => return None,
        })
    }

    fn all(&mut self) -> [&mut Vec<u8>; 10] {
        [
            &mut self.message,
            &mut self.priority,
            &mut self.identifier,
            &mut self.command,
            &mut self.transport,
            &mut self.pid,
            &mut self.syslog_pid,
            &mut self.host,
            &mut self.realtime,
            &mut self.source,
        ]
    }

    /// When it was written: what the source says, or else the journal.
    pub fn time(&self) -> Option<Time> {
        let read = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
        let micros = read(&self.source).or_else(|| read(&self.realtime))?;
        Some(Time { basis: Basis::Universal(0), micros })
    }

    /// All of it.
    pub fn record(&self, line: u64, offset: u64) -> Record<'_> {
        let severity = match self.priority.as_slice() {
            [digit @ b'0'..=b'7'] => Some(digit - b'0'),
            _ => None,
        };
        let program = match () {
            () if self.transport == b"kernel" => b"kernel".as_slice(),
            () if self.identifier.is_empty() => &self.command,
            () => &self.identifier,
        };
        let pid = if self.syslog_pid.is_empty() { &self.pid } else { &self.syslog_pid };
        Record {
            line,
            offset,
            time: self.time(),
            severity,
            host: &self.host,
            program,
            pid,
            event: None,
            message: self.message.trim_ascii_end(),
            continues: false,
        }
    }
}

/// Where in a record the reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before a line.
    #[default]
    Line,
    /// In the length of a binary value: bytes of it that have come.
    Length(usize),
    /// In a binary value: bytes that are still to come, its line end among them.
    Value(u64),
}

/// Reads it piece by piece.
#[derive(Debug, Default)]
pub(super) struct Export {
    pub cutter: Lines,
    state: State,
    length: [u8; 8],
    /// Name of the binary field under way.
    name: Vec<u8>,
    fields: Fields,
    /// Where the record under way begins, line and byte; `None` between records.
    start: Option<(u64, u64)>,
    /// Values that were longer than [`MOST_LINE`].
    pub cut: u64,
}

impl Export {
    pub fn push(&mut self, piece: &[u8], take: &mut impl FnMut(&Record<'_>)) {
        let mut rest = piece;
        while !rest.is_empty() {
            match self.state {
                State::Line => self.line(&mut rest, take),
                State::Length(have) => {
                    let part = rest.len().min(8usize.saturating_sub(have));
                    self.length[have..have + part].copy_from_slice(&rest[..part]);
                    self.pass(&mut rest, part);
                    self.state = match have + part {
                        8 => State::Value(u64::from_le_bytes(self.length).saturating_add(1)),
                        have => State::Length(have),
                    };
                }
                State::Value(left) => {
                    let part = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let whole = left == part as u64;
                    let value = &rest[..if whole { part.saturating_sub(1) } else { part }];
                    if let Some(field) = self.fields.named(&self.name) {
                        let room = MOST_LINE.saturating_sub(field.len());
                        if value.len() > room {
                            self.cut = self.cut.saturating_add(1);
                        }
                        field.extend_from_slice(&value[..value.len().min(room)]);
                    }
                    self.pass(&mut rest, part);
                    self.state = if whole { State::Line } else { State::Value(left - part as u64) };
                }
            }
        }
    }

    pub fn finish(&mut self, take: &mut impl FnMut(&Record<'_>)) {
        // The last line without an end is one nevertheless.
        self.push(b"\n\n", take);
        if self.start.is_some() {
            self.emit(take);
        }
    }

    fn pass(&mut self, rest: &mut &[u8], count: usize) {
        *rest = &rest[count..];
        self.cutter.taken = self.cutter.taken.saturating_add(count as u64);
    }

    fn line(&mut self, rest: &mut &[u8], take: &mut impl FnMut(&Record<'_>)) {
        let whole = *rest;
        let (used, line) = self.cutter.next(whole);
        *rest = &whole[used..];
        let Some(line) = line else { return };
        let (bytes, place) = (line.bytes, (line.number, line.offset));
        if bytes.is_empty() {
            if self.start.is_some() {
                self.emit(take);
            }
            return;
        }
        if self.start.is_none() {
            self.start = Some(place);
        }
        match memchr::memchr(b'=', bytes) {
            Some(at) => {
                if let Some(field) = self.fields.named(&bytes[..at])
                    && field.is_empty()
                {
                    field.extend_from_slice(&bytes[at + 1..]);
                }
            }
            None => {
                self.name.clear();
                self.name.extend_from_slice(&bytes[..bytes.len().min(64)]);
                self.state = State::Length(0);
            }
        }
    }

    fn emit(&mut self, take: &mut impl FnMut(&Record<'_>)) {
        let (line, offset) = self.start.take().unwrap_or_default();
        take(&self.fields.record(line, offset));
        for field in self.fields.all() {
            field.clear();
        }
    }
}
