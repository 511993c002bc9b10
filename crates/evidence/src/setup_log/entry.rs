//! An entry: `!!!  sto:      {Import Driver Package - exit(0x800b0109)} 20:55:17.486`.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/format-of-a-text-log-section-body>

use super::text::{skip_blanks, trim_end};
use super::time::{Clock, Stamp};

/// What kind of message an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Blank, or `.` outside of sections.
    Information,
    /// `!`.
    Warning,
    /// `!!!`.
    Error,
}

/// A line that opens or closes a group of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brace<'l> {
    /// `{Core Device Install}`: what stands inside.
    Open(&'l [u8]),
    /// `{Core Device Install - exit(0xe0000203)}`: the title, empty where there is none, and the code.
    Close {
        /// Title, as far as it is repeated.
        title: &'l [u8],
        /// What it ended with; `OK` is 0.
        code: Option<u32>,
    },
}

/// An entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'l> {
    /// How bad.
    pub level: Level,
    /// Time in front of the category, which only those entries have that asked for one.
    pub stamp: Option<Stamp>,
    /// Category, `dvi`; empty where there is none.
    pub category: &'l [u8],
    /// Blanks between category and message, less the one that always stands there; 5 a level.
    pub indent: usize,
    /// Message without the time at its end.
    pub message: &'l [u8],
    /// Time at the message's end.
    pub clock: Option<Clock>,
    /// Whether it opens or closes a group.
    pub brace: Option<Brace<'l>>,
}

/// Reads an entry; everything can be one.
pub(super) fn read(line: &[u8]) -> Entry<'_> {
    let (rest, _) = skip_blanks(line);
    let (level, rest) = match rest {
        [b'!', b'!', b'!', rest @ ..] => (Level::Error, rest),
        [b'!', rest @ ..] => (Level::Warning, rest),
        [b'.', rest @ ..] if super::text::blank(rest) > 0 => (Level::Information, rest),
        _ => (Level::Information, rest),
    };
    let (mut rest, _) = skip_blanks(rest);
    let mut stamp = None;
    if let Some((found, length)) = Stamp::read(rest) {
        stamp = Some(found);
        let after = &rest[length..];
        rest = skip_blanks(after.strip_prefix(b":").unwrap_or(after)).0;
    }
    let (category, rest) = match rest {
        [a, b, c, b':', rest @ ..] if [a, b, c].iter().all(|byte| is_of_category(**byte)) => {
            (trim_end(&line_part(line, rest, 4)[..3]), rest)
        }
        _ => (&b""[..], rest),
    };
    let (rest, blanks) = skip_blanks(rest);
    let (message, clock) = with_clock(rest);
    let indent = if category.is_empty() { 0 } else { blanks.saturating_sub(1) };
    Entry { level, stamp, category, indent, message, clock, brace: brace(message) }
}

/// The `back` bytes of `line` in front of `rest`, which is its end.
fn line_part<'l>(line: &'l [u8], rest: &[u8], back: usize) -> &'l [u8] {
    let end = line.len().saturating_sub(rest.len());
    &line[end.saturating_sub(back)..end]
}

/// `dvi`, `ui `, `...`.
fn is_of_category(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'.' || byte == b' '
}

/// Splits the time off that a message ends with.
fn with_clock(message: &[u8]) -> (&[u8], Option<Clock>) {
    for length in [12, 8] {
        let Some(at) = message.len().checked_sub(length) else { continue };
        let (front, back) = message.split_at(at);
        let Some((clock, used)) = Clock::read(back) else { continue };
        let apart = front.is_empty() || trim_end(front).len() < front.len();
        if used == length && apart {
            return (trim_end(front), Some(clock));
        }
    }
    (message, None)
}

fn brace(message: &[u8]) -> Option<Brace<'_>> {
    let inner = message.strip_prefix(b"{")?;
    let inner = match inner.strip_suffix(b"}") {
        Some(inner) => inner,
        // A line is cut at 336 characters. A GUID with text behind it is no group.
        None if memchr::memchr(b'}', inner).is_none() => inner,
        None => return None,
    };
    if is_guid(inner) {
        return None;
    }
    Some(close(inner).unwrap_or(Brace::Open(inner)))
}

/// How the end of a group is told, the last of them in the title counts.
const ENDS: &[&[u8]] = &[b"exit", b"returned", b"Complete"];

fn close(inner: &[u8]) -> Option<Brace<'_>> {
    let (at, word) = ENDS
        .iter()
        .filter_map(|word| Some((memchr::memmem::rfind(inner, word)?, *word)))
        .max_by_key(|(at, _)| *at)?;
    let (front, back) = (&inner[..at], &inner[at + word.len()..]);
    // `{Install FILES exit (0x0)}` ends something, `{Flexitime}` and `{exit strategy}` do not.
    let apart = match front {
        [] => true,
        [.., last] => matches!(last, b' ' | b':' | 0xa0),
    };
    let (back, _) = skip_blanks(back);
    let code = match back {
        [] => None,
        [b'(', rest @ ..] => entry_code(rest),
        _ if back == b"OK" => Some(0),
        _ => Some(bare_code(back)?),
    };
    if !apart || (word == b"Complete" && !back.is_empty()) {
        return None;
    }
    let front = trim_end(front);
    let title = front.strip_suffix(b"-").or(front.strip_suffix(b":")).unwrap_or(front);
    Some(Brace::Close { title: trim_end(title), code })
}

/// Code of `exit(0xe0000203)`, `exit(00000000)`, `exit(0, 0x00000000)`: the last one.
fn entry_code(inside: &[u8]) -> Option<u32> {
    let inside = inside.strip_suffix(b")").unwrap_or(inside);
    bare_code(skip_blanks(inside.rsplit(|byte| *byte == b',').next()?).0)
}

/// Hexadecimal with or without `0x`, and nothing else.
fn bare_code(digits: &[u8]) -> Option<u32> {
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// The first number with `0x` in front of it.
pub(super) fn code_in(bytes: &[u8]) -> Option<u32> {
    let at = memchr::memmem::find(bytes, b"0x")?;
    let digits = &bytes[at + 2..];
    let length = digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    bare_code(&digits[..length])
}

fn is_guid(inner: &[u8]) -> bool {
    inner.len() == 36 && inner.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}
