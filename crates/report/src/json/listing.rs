//! Code, disassembled, as one JSON document that is handed on piece by piece: an instruction a line.

use crate::escape::is_hazardous;
use crate::text::Out;
use crate::text::listing::{PIECE, is_plain};
use listing::{Area, Driver, Row, Sink, Stop, hex};

/// Writes a listing as JSON, schema `bugcheck.disasm.2`: `file`, `driver` where it is one (`start`, `entry`,
/// `routines` with `address`, `name`, `roles`), `instructions`, and `notes` about what could not be read. An
/// instruction has `member` and `section` where they begin, `address`, `bytes`, `text`, `comment`, `data` (whether
/// it is none), `label` and `about` where a function begins, `source` (file and line) where it changes, `cases` of
/// a jump table (`first`, `last`, `address`, `name`); what is empty is left out, but for the first three.
pub struct ListingJson<'a> {
    out: Out<'a>,
    text: String,
    /// Fields of the next instruction that are known before it.
    next: String,
    /// Whether a record is open, which cases may still be added to.
    is_open: bool,
    cases: bool,
    is_first: bool,
    notes: Vec<String>,
}

impl<'a> ListingJson<'a> {
    /// Begins the document about `file`.
    pub fn new(file: &str, out: Out<'a>) -> Self {
        let mut text = String::with_capacity(PIECE + 4096);
        text.push_str("{\"schema\":\"bugcheck.disasm.2\",\"file\":");
        quote(file, &mut text);
        Self {
            out,
            text,
            next: String::new(),
            is_open: false,
            cases: false,
            is_first: true,
            notes: Vec::new(),
        }
    }

    /// What a driver registers; `name` tells what an address is called.
    pub fn driver(&mut self, driver: &Driver, name: &dyn Fn(u64) -> String) {
        let to = &mut self.text;
        to.push_str(",\"driver\":{");
        address("start", driver.start, to);
        to.push(',');
        address("entry", driver.entry, to);
        to.push_str(",\"routines\":[");
        for (index, routine) in driver.routines.iter().enumerate() {
            to.push_str(if index > 0 { ",{" } else { "{" });
            address("address", routine.address, to);
            field("name", &name(routine.address), to);
            to.push_str(",\"roles\":[");
            for (index, role) in routine.roles.iter().enumerate() {
                to.push_str(if index > 0 { "," } else { "" });
                quote(role, to);
            }
            to.push_str("]}");
        }
        to.push_str("]}");
    }

    /// The member of a library that follows.
    pub fn member(&mut self, name: &str) {
        field("member", name, &mut self.next);
    }

    /// What could not be read.
    pub fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn close(&mut self) -> Result<(), Stop> {
        if self.is_open {
            self.text.push_str(if self.cases { "]}" } else { "}" });
        }
        (self.is_open, self.cases) = (false, false);
        if self.text.len() < PIECE {
            return Ok(());
        }
        let handed = (self.out)(self.text.as_bytes());
        self.text.clear();
        handed
    }

    /// Ends the document.
    ///
    /// # Errors
    /// That the reader has had enough.
    pub fn finish(mut self) -> Result<(), Stop> {
        self.close()?;
        if self.is_first {
            self.text.push_str(",\"instructions\":[");
        }
        self.text.push_str("\n],\"notes\":[");
        for (index, note) in self.notes.iter().enumerate() {
            self.text.push_str(if index > 0 { "," } else { "" });
            quote(note, &mut self.text);
        }
        self.text.push_str("]}\n");
        (self.out)(self.text.as_bytes())
    }
}

impl Sink for ListingJson<'_> {
    fn section(&mut self, area: &Area<'_>, _: u64) -> Result<(), Stop> {
        field("section", &area.section, &mut self.next);
        Ok(())
    }

    fn label(&mut self, _: u64, name: &str, about: &str) -> Result<(), Stop> {
        field("label", name, &mut self.next);
        if !about.is_empty() {
            field("about", about, &mut self.next);
        }
        Ok(())
    }

    fn source(&mut self, file: &str, line: u32) -> Result<(), Stop> {
        self.next.push_str(",\"source\":[");
        quote(file, &mut self.next);
        self.next.push_str(&format!(",{line}]"));
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), Stop> {
        self.close()?;
        let to = &mut self.text;
        to.push_str(if self.is_first { ",\"instructions\":[\n{" } else { ",\n{" });
        (self.is_first, self.is_open) = (false, true);
        address("address", row.address, to);
        to.push_str(",\"bytes\":\"");
        row.bytes.iter().for_each(|byte| hex::push((*byte).into(), 2, to));
        to.push('"');
        field("text", row.text, to);
        if !row.comment.is_empty() {
            field("comment", row.comment, to);
        }
        if !row.is_code {
            to.push_str(",\"data\":true");
        }
        to.push_str(&self.next);
        self.next.clear();
        Ok(())
    }

    fn case(&mut self, first: usize, last: usize, to: u64, name: &str) -> Result<(), Stop> {
        self.text.push_str(if self.cases { ",{" } else { ",\"cases\":[{" });
        self.cases = true;
        self.text.push_str(&format!("\"first\":{first},\"last\":{last},"));
        address("address", to, &mut self.text);
        field("name", name, &mut self.text);
        self.text.push('}');
        Ok(())
    }
}

fn address(name: &str, value: u64, to: &mut String) {
    to.push('"');
    to.push_str(name);
    to.push_str("\":\"0x");
    hex::push(value, 1, to);
    to.push('"');
}

/// A further field.
fn field(name: &str, value: &str, to: &mut String) {
    to.push_str(",\"");
    to.push_str(name);
    to.push_str("\":");
    quote(value, to);
}

/// A string as JSON has it, with what a terminal would obey written out, as in all documents.
fn quote(text: &str, to: &mut String) {
    to.push('"');
    if is_plain(text) && !text.contains(['"', '\\']) {
        to.push_str(text);
    } else {
        for c in text.chars() {
            match c {
                '"' => to.push_str("\\\""),
                '\\' => to.push_str("\\\\"),
                c if is_hazardous(c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        to.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => to.push(c),
            }
        }
    }
    to.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_json_and_harmless() {
        for text in ["plain", "a\"b\\c", "x\u{1b}[31m\u{202e}\n", "grün 😀", "\u{e0001}"] {
            let mut quoted = String::new();
            quote(text, &mut quoted);
            assert!(!quoted.contains(is_hazardous), "{quoted}");
            assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }
    }

    #[test]
    fn the_document_is_whole_even_without_an_instruction() {
        let mut text = String::new();
        let mut out = |piece: &[u8]| {
            text.push_str(str::from_utf8(piece).unwrap());
            Ok(())
        };
        let mut json = ListingJson::new("a\"b", &mut out);
        json.note("cut off");
        json.finish().unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["schema"], "bugcheck.disasm.2");
        assert_eq!(read["file"], "a\"b");
        assert_eq!(read["notes"][0], "cut off");
        assert_eq!(read["instructions"].as_array().map(Vec::len), Some(0));
    }
}
