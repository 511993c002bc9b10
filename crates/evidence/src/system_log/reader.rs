//! Records out of the bytes of a log.

use super::detect::Format;
use super::export::Export;
use super::header::{self, Clock, Header};
use super::json;
use super::lines::{Line, Lines};
use super::time::Time;

/// What one entry of a log says. Everything that was not written is empty; no byte of it was checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record<'a> {
    /// Line it begins on, from 1; the number of the record in an event log.
    pub line: u64,
    /// Where it begins in the log, in bytes.
    pub offset: u64,
    /// When it was written.
    pub time: Option<Time>,
    /// 0 emergency to 7 debug (RFC 5424, section 6.2.1).
    pub severity: Option<u8>,
    /// Which machine wrote it.
    pub host: &'a [u8],
    /// Which program wrote it, `kernel` for the kernel; the provider of an event.
    pub program: &'a [u8],
    /// Its process, as written.
    pub pid: &'a [u8],
    /// The number of an event of Windows.
    pub event: Option<u32>,
    /// What it says.
    pub message: &'a [u8],
    /// Whether it goes on with the message of the one before.
    pub continues: bool,
}

/// Reads a log, piece by piece.
#[derive(Debug)]
pub struct Reader {
    format: Format,
    lines: Lines,
    clock: Clock,
    export: Export,
    /// Time of the last record that had one, for lines that go on with it.
    time: Option<Time>,
}

impl Reader {
    /// For a log of this form.
    pub fn new(format: Format) -> Reader {
        Reader {
            format,
            lines: Lines::default(),
            clock: Clock::default(),
            export: Export::default(),
            time: None,
        }
    }

    /// For the file that goes on where the one that this reader has read ends: the clock of the log goes on, so that
    /// a log without years counts them from file to file.
    pub fn next_file(&self, format: Format) -> Reader {
        Reader { clock: self.clock.clone(), ..Reader::new(format) }
    }

    /// Takes the next piece of the log, and hands out the records that end in it.
    pub fn push(&mut self, piece: &[u8], take: &mut impl FnMut(&Record<'_>)) {
        if self.format == Format::JournalExport {
            return self.export.push(piece, take);
        }
        let Reader { lines, clock, time, .. } = self;
        let mut rest = piece;
        while let (used @ 1.., line) = lines.next(rest) {
            if let Some(line) = line {
                one(&line, clock, time, take);
            }
            rest = &rest[used..];
        }
    }

    /// Hands out what has no end.
    pub fn finish(&mut self, take: &mut impl FnMut(&Record<'_>)) {
        if self.format == Format::JournalExport {
            return self.export.finish(take);
        }
        let Reader { lines, clock, time, .. } = self;
        if let Some(line) = lines.last() {
            one(&line, clock, time, take);
        }
    }

    /// Lines so far.
    pub fn lines(&self) -> u64 {
        if self.format == Format::JournalExport {
            self.export.cutter.count
        } else {
            self.lines.count
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        if self.format == Format::JournalExport {
            self.export.cutter.taken
        } else {
            self.lines.taken
        }
    }

    /// Lines and fields longer than [`super::MOST_LINE`], of which only the beginning was looked at.
    pub fn cut(&self) -> u64 {
        if self.format == Format::JournalExport { self.export.cut } else { self.lines.cut }
    }
}

fn one(
    line: &Line<'_>,
    clock: &mut Clock,
    time: &mut Option<Time>,
    take: &mut impl FnMut(&Record<'_>),
) {
    let bytes = line.bytes;
    if let Some(fields) = json::read(bytes) {
        *time = fields.time().or(*time);
        return take(&Record { time: fields.time(), ..fields.record(line.number, line.offset) });
    }
    if bytes.is_empty() {
        return;
    }
    let header = header::read(bytes, clock);
    let Header { severity, host, program, pid, message, .. } = header;
    // Where no line has a time, blanks in front say nothing: programs of Cygwin print so.
    let continues =
        time.is_some() && header.time.is_none() && matches!(bytes.first(), Some(b' ' | b'\t'));
    *time = header.time.or(*time);
    take(&Record {
        line: line.number,
        offset: line.offset,
        time: if header.known { header.time } else { *time },
        severity,
        host,
        program,
        pid,
        event: None,
        message,
        continues,
    });
}
