//! Code, disassembled, as text that is handed on piece by piece: a listing may be larger than memory.

use super::Look;
use super::page::{Ink, Page};
use crate::escape;
use diagnosis::Listed;
use listing::{Area, Driver, Row, Sink, Stop, hex};

/// Bytes that are gathered before they are handed on.
pub(crate) const PIECE: usize = 1 << 16;
/// Columns of an instruction's bytes.
const BYTES: usize = 22;
/// Bytes of an instruction that are shown; data has up to 16.
const MOST_BYTES: usize = 16;
/// Columns of an instruction, where something is said beside it.
const TEXT: usize = 40;

/// Takes text, piece by piece; whoever has enough says so.
pub type Out<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Stop>;

/// Writes a listing for people.
pub struct ListingText<'a> {
    out: Out<'a>,
    text: Vec<u8>,
    colour: bool,
    /// Digits of an address.
    width: usize,
    /// Whether sections are told.
    sections: bool,
    is_first: bool,
}

impl<'a> ListingText<'a> {
    /// Hands text to `out`. `width` is the digits of an address; `sections`, whether they are told.
    pub fn new(look: &Look<'_>, width: usize, sections: bool, out: Out<'a>) -> Self {
        let text = Vec::with_capacity(PIECE + 4096);
        Self { out, text, colour: look.colour, width, sections, is_first: true }
    }

    fn paint(&mut self, ink: Ink, text: &str) {
        let escaped = if is_plain(text) { text.into() } else { escape(text) };
        if self.colour {
            let mut painted = String::new();
            ink.paint(&escaped, &mut painted);
            self.text.extend_from_slice(painted.as_bytes());
        } else {
            self.text.extend_from_slice(escaped.as_bytes());
        }
    }

    fn blanks(&mut self, count: usize) {
        let wanted = self.text.len() + count;
        self.text.resize(wanted, b' ');
    }

    fn end_line(&mut self) -> Result<(), Stop> {
        while self.text.pop_if(|last| *last == b' ').is_some() {}
        self.text.push(b'\n');
        self.is_first = false;
        if self.text.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        let handed = (self.out)(&self.text);
        self.text.clear();
        handed
    }

    /// A line of its own before or behind the listing.
    ///
    /// # Errors
    /// That the reader has had enough, as for all that follow.
    pub fn line(&mut self, text: &str) -> Result<(), Stop> {
        self.paint(Ink::Plain, text);
        self.end_line()
    }

    /// The name of what follows.
    ///
    /// # Errors
    /// As above.
    pub fn heading(&mut self, text: &str) -> Result<(), Stop> {
        if !self.is_first {
            self.text.push(b'\n');
        }
        self.paint(Ink::Strong, text);
        self.end_line()
    }

    /// What could not be read.
    ///
    /// # Errors
    /// As above.
    pub fn note(&mut self, text: &str) -> Result<(), Stop> {
        self.paint(Ink::Warn, "note: ");
        self.paint(Ink::Plain, text);
        self.end_line()
    }

    /// The routines of a driver; `name` tells what an address is called.
    ///
    /// # Errors
    /// As above.
    pub fn driver(&mut self, driver: &Driver, name: &dyn Fn(u64) -> String) -> Result<(), Stop> {
        for routine in &driver.routines {
            self.blanks(2);
            hex::extend(routine.address, self.width, &mut self.text);
            self.paint(Ink::Strong, &format!("  {:<32}", name(routine.address)));
            self.paint(Ink::Faint, &format!("  {}", driver.about(routine.address)));
            self.end_line()?;
        }
        Ok(())
    }

    /// Hands on what is left.
    ///
    /// # Errors
    /// As above.
    pub fn finish(mut self) -> Result<(), Stop> {
        self.flush()
    }
}

impl Sink for ListingText<'_> {
    fn section(&mut self, area: &Area<'_>, from: u64) -> Result<(), Stop> {
        if !self.sections {
            return Ok(());
        }
        if !self.is_first {
            self.text.push(b'\n');
        }
        self.paint(Ink::Strong, &format!("section {}", area.section));
        let about = format!(
            " at {:x}, {:#x} bytes, file offset {:#x}",
            area.shown(from),
            area.held().end - from,
            area.file_offset + (from - area.start)
        );
        self.paint(Ink::Faint, &about);
        self.end_line()
    }

    fn label(&mut self, _: u64, name: &str, about: &str) -> Result<(), Stop> {
        if !self.is_first {
            self.text.push(b'\n');
        }
        self.paint(Ink::Strong, name);
        self.text.push(b':');
        if !about.is_empty() {
            self.paint(Ink::Faint, &format!("  ; {about}"));
        }
        self.end_line()
    }

    fn source(&mut self, file: &str, line: u32) -> Result<(), Stop> {
        self.blanks(2);
        self.paint(Ink::Place, &format!("{file}:{line}"));
        self.end_line()
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), Stop> {
        if self.colour {
            let mut lead = Vec::new();
            write_lead(row, self.width, &mut lead);
            self.paint(Ink::Faint, &String::from_utf8_lossy(&lead));
        } else {
            write_lead(row, self.width, &mut self.text);
        }
        self.paint(if row.is_code { Ink::Plain } else { Ink::Faint }, row.text);
        if !row.comment.is_empty() {
            self.blanks(TEXT.saturating_sub(row.text.len()));
            self.paint(Ink::Faint, "  ; ");
            self.paint(Ink::Faint, row.comment);
        }
        self.end_line()
    }

    fn case(&mut self, first: usize, last: usize, address: u64, name: &str) -> Result<(), Stop> {
        let cases = if first == last { format!("{first}") } else { format!("{first}-{last}") };
        self.blanks(self.width + 2);
        self.paint(Ink::Faint, &format!("{:<BYTES$} case {cases:<8} {name} ({address:x})", ""));
        self.end_line()
    }
}

fn write_lead(row: &Row<'_>, width: usize, to: &mut Vec<u8>) {
    hex::extend(row.address, width, to);
    to.extend_from_slice(b"  ");
    let shown = &row.bytes[..row.bytes.len().min(MOST_BYTES)];
    hex::extend_bytes(shown, to);
    let wanted = to.len() + (BYTES + 1).saturating_sub(shown.len() * 2).max(1);
    to.resize(wanted, b' ');
}

/// Whether text needs no escaping: all of it is looked at, which is quicker than to stop at the first byte that does.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & (byte.wrapping_sub(b' ') < 0x5f))
}

/// A line for each instruction of a dump's code; labels and source lines where they change.
pub fn listing_text(listed: &[Listed], look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    for (index, it) in listed.iter().enumerate() {
        if let Some(label) = &it.label {
            if index > 0 {
                page.blank();
            }
            page.line(0, &[(Ink::Strong, label), (Ink::Plain, ":")]);
        }
        if let Some((file, line)) = &it.source {
            page.line(2, &[(Ink::Place, &format!("{file}:{line}"))]);
        }
        let lead = format!("{:016x}  {:<22} ", it.line.address, it.line.bytes);
        page.line(0, &[(Ink::Faint, &lead), (Ink::Plain, &it.line.text)]);
    }
    page.finish()
}
