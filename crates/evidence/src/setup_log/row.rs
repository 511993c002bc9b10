//! What a line is.

use super::entry::{self, Entry};
use super::text::{skip_blanks, trim_end};
use super::time::Stamp;

/// A line, told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row<'l> {
    /// Nothing, or blanks.
    Blank,
    /// `[BeginLog]`, `[Device Install Log]`: what stands between the brackets.
    Bracket(&'l [u8]),
    /// `[Boot Session: 2015/11/22 17:58:03.498]`.
    Boot(Option<Stamp>),
    /// `>>>  [Device Install (Hardware initiated) - PCI\...]`.
    Start(Title<'l>),
    /// `>>>  Section start 2015/11/22 17:59:28.110`.
    StartTime(Option<Stamp>),
    /// `<<<  Section end 2015/11/22 17:59:37.142`.
    EndTime(Option<Stamp>),
    /// `<<<  [Exit status: SUCCESS]`.
    Exit(Exit<'l>),
    /// Everything else.
    Entry(Entry<'l>),
}

/// What a section is of.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/format-of-a-text-log-section-header>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Title<'l> {
    /// The operation: `Device Install (Hardware initiated)`.
    pub name: &'l [u8],
    /// What it is done to: a device instance, an INF; empty where there is none.
    pub instance: &'l [u8],
    /// Whether the closing bracket is there.
    pub closed: bool,
}

/// How a section ended.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/format-of-a-text-log-section-footer>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit<'l> {
    /// Whether it was a success; unknown where nothing is said.
    pub success: Option<bool>,
    /// The code that comes with it.
    pub code: Option<u32>,
    /// As it stands there: `SUCCESS (REBOOT_REQUIRED)`.
    pub words: &'l [u8],
}

/// Tells a line apart.
pub(super) fn read(line: &[u8]) -> Row<'_> {
    let line = trim_end(line);
    let (rest, _) = skip_blanks(line);
    match rest {
        [] => Row::Blank,
        [b'>', b'>', b'>', rest @ ..] => start(rest).unwrap_or(Row::Entry(entry::read(line))),
        [b'<', b'<', b'<', rest @ ..] => end(rest).unwrap_or(Row::Entry(entry::read(line))),
        [b'[', inner @ ..] => bracket(inner).unwrap_or(Row::Entry(entry::read(line))),
        _ => Row::Entry(entry::read(line)),
    }
}

fn start(rest: &[u8]) -> Option<Row<'_>> {
    let (rest, _) = skip_blanks(rest);
    if let Some(inner) = rest.strip_prefix(b"[") {
        let (inner, closed) = unbracketed(inner);
        let (name, instance) = match memchr::memmem::find(inner, b" - ") {
            Some(at) => (&inner[..at], skip_blanks(&inner[at..][2..]).0),
            None => (inner, &b""[..]),
        };
        return Some(Row::Start(Title { name: trim_end(name), instance, closed }));
    }
    let time = memchr::memmem::find(&folded(rest), b"section start").is_some();
    time.then(|| Row::StartTime(Stamp::find(rest)))
}

fn end(rest: &[u8]) -> Option<Row<'_>> {
    let (rest, _) = skip_blanks(rest);
    let (inner, _) = unbracketed(rest.strip_prefix(b"[").unwrap_or(rest));
    let low = folded(inner);
    if memchr::memmem::find(&low, b"section end").is_some() {
        return Some(Row::EndTime(Stamp::find(inner)));
    }
    if !low.starts_with(b"exit") {
        return None;
    }
    let words = inner[4..].strip_prefix(b" ").unwrap_or(&inner[4..]);
    let after_status = if words.len() >= 6 && words[..6].eq_ignore_ascii_case(b"status") {
        &words[6..]
    } else {
        words
    };
    let words = skip_blanks(after_status.strip_prefix(b":").unwrap_or(after_status)).0;
    let code = entry::code_in(words);
    let success = if words.starts_with(b"SUCCESS") {
        Some(true)
    } else if words.starts_with(b"FAILURE") {
        Some(false)
    } else {
        // Older ones have a bare code.
        code.map(|code| code == 0)
    };
    Some(Row::Exit(Exit { success, code, words }))
}

fn bracket(inner: &[u8]) -> Option<Row<'_>> {
    let (inner, closed) = unbracketed(inner);
    if let Some(rest) = inner.strip_prefix(b"Boot Session") {
        return Some(Row::Boot(Stamp::find(rest)));
    }
    closed.then_some(Row::Bracket(inner))
}

/// Without the closing bracket, and whether there is one.
fn unbracketed(inner: &[u8]) -> (&[u8], bool) {
    match inner.strip_suffix(b"]") {
        Some(rest) => (rest, true),
        None => (inner, false),
    }
}

/// The first bytes in lower case, with plain blanks: enough for a keyword.
fn folded(bytes: &[u8]) -> Vec<u8> {
    let first = &bytes[..bytes.len().min(96)];
    super::text::text(first).to_ascii_lowercase().into_bytes()
}
