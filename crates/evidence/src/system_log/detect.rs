//! Whether a file is a log of the system, and of which form.

use super::header::{self, Clock};
use super::json;
use crate::setup_log;

/// The form of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// syslog in any of its dialects, and programs' own logs whose lines begin with a time.
    Syslog,
    /// The kernel's ring buffer: `dmesg`, `/dev/kmsg`.
    Kernel,
    /// `journalctl -o export`.
    JournalExport,
    /// `journalctl -o json`.
    JournalJson,
    /// Lines without time.
    Plain,
}

/// Bytes at the front that are looked at.
const MOST: usize = 0x1_0000;
/// Lines that are looked at.
const MOST_LINES: usize = 200;

impl Format {
    /// The form of the log that begins with `data`; `None` if it is none, or lines without time.
    pub fn of(data: &[u8]) -> Option<Format> {
        let data = data.get(..data.len().min(MOST))?;
        if is_export(data) {
            return Some(Format::JournalExport);
        }
        let mut clock = Clock::default();
        let (mut all, mut timed, mut kernel, mut records) = (0usize, 0usize, 0usize, 0usize);
        for line in lines(data).take(MOST_LINES) {
            if json::read(line).is_some() {
                records = records.saturating_add(1);
            }
            // Continuation lines say nothing of the form.
            if line.is_empty() || matches!(line.first(), Some(b' ' | b'\t')) {
                continue;
            }
            all = all.saturating_add(1);
            let header = header::read(line, &mut clock);
            if header.known && header.time.is_some() {
                timed = timed.saturating_add(1);
                let bare = header.host.is_empty() && header.program == b"kernel";
                kernel = kernel.saturating_add(usize::from(bare && line.first() != Some(&b'2')));
            }
        }
        if records > 0 && records.saturating_mul(2) >= all {
            return Some(Format::JournalJson);
        }
        if timed == 0 || timed.saturating_mul(2) < all || setup_log::other_log(data).is_some() {
            return None;
        }
        Some(if kernel.saturating_mul(2) > timed { Format::Kernel } else { Format::Syslog })
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Format::Syslog => "syslog",
            Format::Kernel => "kernel log",
            Format::JournalExport => "journal, export form",
            Format::JournalJson => "journal, as JSON",
            Format::Plain => "lines without time",
        }
    }
}

fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = data.split(|byte| *byte == b'\n');
    lines.map(|line| {
        let mut line = line.strip_suffix(b"\r").unwrap_or(line);
        while let [0, rest @ ..] = line {
            line = rest;
        }
        line
    })
}

/// The journal writes its address fields first, which begin with two underscores.
fn is_export(data: &[u8]) -> bool {
    let first = data.split(|byte| *byte == b'\n').find(|line| !line.is_empty());
    first.is_some_and(|line| {
        [b"__CURSOR=".as_slice(), b"__REALTIME_TIMESTAMP=", b"__MONOTONIC_TIMESTAMP="]
            .iter()
            .any(|name| line.starts_with(name))
    })
}

/// Whether `data` begins as text, in bytes: nearly no control characters; and not as markup or JSON.
pub fn is_plain_text(data: &[u8]) -> bool {
    let data = data.get(..data.len().min(4096)).unwrap_or_default();
    let odd = |byte: &&u8| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x1b);
    let marked = matches!(data.trim_ascii_start().first(), Some(b'{' | b'<'));
    !data.is_empty() && !marked && data.iter().filter(odd).count().saturating_mul(50) < data.len()
}

/// A log in a form that is not read: which one, and what to do.
pub fn other_form(data: &[u8]) -> Option<&'static str> {
    let head = data.get(..data.len().min(MOST)).unwrap_or_default();
    let has = |word: &str| memchr::memmem::find(head, word.as_bytes()).is_some();
    match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(
            "a text in UTF-16; `iconv -f utf-16 -t utf-8 FILE | bugcheck explain -` reads it if it is a log",
        ),
        [b'{', ..] if has("\"__CURSOR\"") => Some(
            "the journal as JSON over several lines; `journalctl -o json` writes a record a line",
        ),
        [b'<', ..] if has("/win/2004/08/events") => {
            Some("events of Windows as XML; give the .evtx file")
        }
        [b'L', b'P', b'K', b'S', b'H', b'H', b'R', b'H', ..] => Some(
            "a journal of systemd as it lies on disk; `journalctl --file FILE -o export | bugcheck explain -` reads it",
        ),
        _ => None,
    }
}
