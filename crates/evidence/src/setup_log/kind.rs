//! Whether a file is such a log, and what logs of other kinds are.

use super::lines::Lines;
use super::row::Row;
use super::time::Stamp;

/// Lines that are looked at.
const MOST_LINES: usize = 400;

/// Whether a file is a text log of SetupAPI: it has the header, or begins with a section, as pieces do
/// that somebody copied out of one.
pub fn is_setup_log(data: &[u8]) -> bool {
    let mut sections = 0;
    for line in Lines::new(data).take(MOST_LINES) {
        if line.bytes.contains(&0) {
            return false;
        }
        match line.row() {
            Row::Bracket(b"BeginLog" | b"Device Install Log" | b"SetupAPI Log") => return true,
            Row::Boot(Some(_)) | Row::StartTime(Some(_)) | Row::EndTime(Some(_)) => return true,
            Row::Start(title) if !title.name.is_empty() => sections += 1,
            Row::Exit(_) if sections > 0 => return true,
            _ => {}
        }
    }
    sections > 0
}

/// What a file is that may be taken for a log of SetupAPI and is not read; with where that is found instead.
pub fn other_log(data: &[u8]) -> Option<&'static str> {
    if data.starts_with(b"ElfFile\0") {
        return Some("an event log of Windows (.evtx)");
    }
    for line in Lines::new(data).take(MOST_LINES) {
        let bytes = &*line.bytes;
        if let Some(kind) = by_line(bytes) {
            return Some(kind);
        }
    }
    None
}

fn by_line(line: &[u8]) -> Option<&'static str> {
    let has = |word: &str| memchr::memmem::find(line, word.as_bytes()).is_some();
    // `#-019 Searching for hardware ID(s): ...`, `@ 10:18:25.656 #V166 ...`, `[2005/06/13 13:40:37 6120.256]`.
    let old = |line: &[u8]| {
        matches!(line, [b'#', b'-' | b'I' | b'V' | b'W' | b'E', a, b, c, b' ', ..]
            if [a, b, c].iter().all(|byte| byte.is_ascii_digit()))
    };
    let behind_time = line.strip_prefix(b"@ ").and_then(|rest| rest.get(13..));
    let session = line.strip_prefix(b"[").and_then(Stamp::read);
    let is_session = session.is_some_and(|(_, used)| line.get(used + 1) == Some(&b' '));
    if old(line) || behind_time.is_some_and(old) || is_session {
        return Some(
            "setupapi.log of Windows 2000 or XP, whose form is another one; it is read by nobody here",
        );
    }
    // `2015-11-22 17:57:17, Info                  CBS    ...`.
    let dashed = line.get(4) == Some(&b'-') && line.get(7) == Some(&b'-') && has(", ");
    if dashed && line.first().is_some_and(u8::is_ascii_digit) {
        return Some(match () {
            () if has(" CBS ") || has(" CSI ") => {
                "a log of component servicing (CBS.log); drivers are in setupapi.dev.log"
            }
            () if has(" DISM ") => {
                "a log of DISM; what it did to drivers is in setupapi.offline.log"
            }
            () => "a log of Windows setup (setupact.log); drivers are in setupapi.setup.log",
        });
    }
    (has("<![LOG[") && has("]LOG]!>")).then_some(
        "a log of Configuration Manager; what Windows did is in setupapi.dev.log of that machine",
    )
}
