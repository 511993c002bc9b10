//! Sections, boot sessions and what stands between them, one after the other.

use super::entry::Level;
use super::lines::{Encoding, Line, Lines};
use super::row::Row;
use super::text::{skip_blanks, text};
use super::time::Stamp;

/// Fields of a header, at most; Windows writes five.
const MOST_FIELDS: usize = 32;
/// Lines in which a header is looked for.
const MOST_HEADER: usize = 64;

/// The first lines of a log.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/format-of-a-text-log-header>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `Device Install Log`.
    pub title: String,
    /// Name and value: `OS Version`, `10.0.10240`.
    pub fields: Vec<(String, String)>,
}

impl Header {
    /// The header of a log; nothing where a piece of one has none.
    pub fn read(data: &[u8]) -> Option<Header> {
        let mut header: Option<Header> = None;
        for line in Lines::new(data).take(MOST_HEADER) {
            match (line.row(), &mut header) {
                (Row::Blank, _) => {}
                (Row::Bracket(b"BeginLog"), _) => break,
                (Row::Bracket(title), None) => {
                    header = Some(Header { title: text(title).into_owned(), fields: Vec::new() });
                }
                (Row::Entry(_), Some(header)) if header.fields.len() < MOST_FIELDS => {
                    let line = text(&line.bytes);
                    let (name, value) = line.split_once('=').unwrap_or((&line, ""));
                    header.fields.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                _ => break,
            }
        }
        header
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// A section, without its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Counted from 1.
    pub number: u64,
    /// Number of its first line.
    pub line: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Where it ends.
    pub end: u64,
    /// The operation: `Device Install (Hardware initiated)`.
    pub name: String,
    /// What it is done to.
    pub instance: String,
    /// When it began.
    pub begun: Option<Stamp>,
    /// When it ended.
    pub ended: Option<Stamp>,
    /// Whether it was a success; unknown where the end is missing.
    pub success: Option<bool>,
    /// The code of its end.
    pub code: Option<u32>,
    /// Its end in the log's words; empty where the end is missing.
    pub exit: String,
    /// Entries marked `!!!`.
    pub errors: u64,
    /// Entries marked `!`.
    pub warnings: u64,
    /// Whether an entry says that a device has a problem or did not start.
    pub stopped: bool,
}

impl Section {
    /// Milliseconds from start to end, where both are known and in order.
    pub fn millis(&self) -> Option<u64> {
        u64::try_from(self.ended?.millis() - self.begun?.millis()).ok()
    }

    /// Its lines, header and footer among them. `data` is the log.
    pub fn lines<'a>(&self, data: &'a [u8]) -> Lines<'a> {
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        Lines::new(data).within(place(self.offset), place(self.end), self.line)
    }
}

/// A part of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A start of Windows.
    Boot(Stamp),
    /// A section.
    Section(Section),
    /// An entry outside of sections.
    Loose(Line<'a>),
}

/// The parts of a log in order. Only a line and a section's head are held at a time.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    lines: Lines<'a>,
    sections: u64,
    /// A line that has been read already: the start of the next section.
    waiting: Option<Line<'a>>,
    /// Whether the header is over.
    begun: bool,
}

impl<'a> Pieces<'a> {
    /// All parts of a log.
    pub fn new(data: &'a [u8]) -> Pieces<'a> {
        let begun = Header::read(data).is_none();
        Pieces { lines: Lines::new(data), sections: 0, waiting: None, begun }
    }

    /// How the log is encoded.
    pub fn encoding(&self) -> Encoding {
        self.lines.encoding()
    }

    /// Reads on to the end of the section that begins with `first`.
    fn section(&mut self, first: &Line<'a>) -> Section {
        self.sections = self.sections.saturating_add(1);
        let mut section = Section {
            number: self.sections,
            line: first.number,
            offset: first.offset,
            end: self.lines.at() as u64,
            name: String::new(),
            instance: String::new(),
            begun: None,
            ended: None,
            success: None,
            code: None,
            exit: String::new(),
            errors: 0,
            warnings: 0,
            stopped: false,
        };
        if let Row::Start(title) = first.row() {
            section.name = text(title.name).into_owned();
            section.instance = text(title.instance).into_owned();
        }
        while let Some(line) = self.lines.next() {
            // Most lines begin with a blank, and only what is marked matters here.
            match skip_blanks(&line.bytes).0.first() {
                Some(b'!' | b'<' | b'>') => {}
                Some(b'[') if line.bytes.first() == Some(&b'[') => {}
                _ => {
                    section.end = self.lines.at() as u64;
                    continue;
                }
            }
            match line.row() {
                Row::StartTime(stamp) => section.begun = section.begun.or(stamp),
                Row::EndTime(stamp) => section.ended = stamp,
                Row::Exit(exit) => {
                    (section.success, section.code) = (exit.success, exit.code);
                    section.exit = text(exit.words).into_owned();
                    section.end = self.lines.at() as u64;
                    break;
                }
                // The end is missing: the machine went down, or the log is cut.
                Row::Start(_) | Row::Boot(_) => {
                    self.waiting = Some(line);
                    break;
                }
                Row::Entry(entry) => {
                    match entry.level {
                        Level::Error => section.errors += 1,
                        Level::Warning => section.warnings += 1,
                        Level::Information => {}
                    }
                    section.stopped |= says_stopped(entry.message);
                }
                Row::Blank | Row::Bracket(_) => {}
            }
            section.end = self.lines.at() as u64;
        }
        section
    }
}

/// `Device not started: Device has problem: 0x0a (CM_PROB_FAILED_START)`.
fn says_stopped(message: &[u8]) -> bool {
    memchr::memmem::find(message, b"has problem:").is_some()
        || memchr::memmem::find(message, b"not started").is_some()
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let line = match self.waiting.take() {
                Some(line) => line,
                None => self.lines.next()?,
            };
            let loose = match line.row() {
                Row::Start(_) => {
                    self.begun = true;
                    return Some(Piece::Section(self.section(&line)));
                }
                Row::Boot(stamp) => {
                    self.begun = true;
                    match stamp {
                        Some(stamp) => return Some(Piece::Boot(stamp)),
                        None => false,
                    }
                }
                Row::Bracket(b"BeginLog") => {
                    self.begun = true;
                    false
                }
                Row::Entry(_) => self.begun,
                _ => false,
            };
            if loose {
                return Some(Piece::Loose(line));
            }
        }
    }
}
