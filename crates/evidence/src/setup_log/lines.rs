//! A log in lines, whatever its encoding.

use super::row::{self, Row};
use std::borrow::Cow;

/// Bytes of a line that are looked at, at most. SetupAPI writes no more than 336 characters.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/format-of-a-text-log-section-body>
pub const MOST_LINE: usize = 0x1_0000;

/// How characters are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A byte or several each: UTF-8, or a code page. [`super::text`] decides line by line.
    Bytes,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

impl Encoding {
    /// The encoding of a log, and the length of its byte order mark. Without a mark, UTF-16 is known
    /// by its zero bytes: a log begins with ASCII.
    pub fn of(data: &[u8]) -> (Encoding, usize) {
        match data {
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Bytes, 3),
            [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
            [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
            [a, 0, b, 0, ..] if *a != 0 && *b != 0 => (Encoding::Utf16Le, 0),
            [0, a, 0, b, ..] if *a != 0 && *b != 0 => (Encoding::Utf16Be, 0),
            _ => (Encoding::Bytes, 0),
        }
    }
}

/// A line of a log, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its bytes, out of UTF-16 as UTF-8; at most [`MOST_LINE`] of them.
    pub bytes: Cow<'a, [u8]>,
}

impl Line<'_> {
    /// What it says.
    pub fn row(&self) -> Row<'_> {
        row::read(&self.bytes)
    }
}

/// The lines of a log, or of a part of it.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    data: &'a [u8],
    encoding: Encoding,
    /// Where the next line begins.
    at: usize,
    /// Where the last one ends.
    end: usize,
    /// Lines handed out so far.
    number: u64,
}

impl<'a> Lines<'a> {
    /// All lines of a log.
    pub fn new(data: &'a [u8]) -> Lines<'a> {
        let (encoding, at) = Encoding::of(data);
        Lines { data, encoding, at, end: data.len(), number: 0 }
    }

    /// The lines from `at` to `end`, the first of them number `number`.
    pub(super) fn within(&self, at: usize, end: usize, number: u64) -> Lines<'a> {
        let end = end.min(self.data.len());
        Lines { at: at.min(end), end, number: number.saturating_sub(1), ..self.clone() }
    }

    /// How the log is encoded.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Where the next line begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Length of the line at the front, and that of its end.
    fn length(&self, rest: &[u8]) -> (usize, usize) {
        let wide = match self.encoding {
            Encoding::Bytes => {
                return memchr::memchr(b'\n', rest).map_or((rest.len(), 0), |at| (at, 1));
            }
            Encoding::Utf16Le => [b'\n', 0],
            Encoding::Utf16Be => [0, b'\n'],
        };
        // A unit begins at an even distance from the line's start.
        let low = usize::from(self.encoding == Encoding::Utf16Be);
        let found = memchr::memchr_iter(b'\n', rest).find_map(|at| {
            let start = at.checked_sub(low)?;
            (start.is_multiple_of(2) && rest.get(start..)?.starts_with(&wide)).then_some(start)
        });
        found.map_or((rest.len(), 0), |at| (at, 2))
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.data.get(self.at..self.end).filter(|rest| !rest.is_empty())?;
        let (length, ending) = self.length(rest);
        let offset = self.at;
        self.at = offset.saturating_add(length).saturating_add(ending);
        self.number = self.number.saturating_add(1);
        let bytes = &rest[..length.min(MOST_LINE)];
        let bytes = match self.encoding {
            Encoding::Bytes => Cow::Borrowed(bytes.strip_suffix(b"\r").unwrap_or(bytes)),
            encoding => {
                let mut line = narrow(bytes, encoding).into_bytes();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                Cow::Owned(line)
            }
        };
        Some(Line { number: self.number, offset: offset as u64, bytes })
    }
}

/// UTF-16 as UTF-8; what is no character becomes U+FFFD.
fn narrow(bytes: &[u8], encoding: Encoding) -> String {
    let units = bytes.chunks_exact(2).map(|pair| {
        let pair = [pair[0], pair[1]];
        if encoding == Encoding::Utf16Be {
            u16::from_be_bytes(pair)
        } else {
            u16::from_le_bytes(pair)
        }
    });
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
