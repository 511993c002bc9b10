//! The walk over code, from the first byte to the last, told line by line.

use crate::arm64;
use crate::comments::Comments;
use crate::isa::Isa;
use crate::jump_tables::{self, Recent};
use crate::names::Kind;
use crate::printer::{Printer, Syntax};
use crate::unit::{Area, Data, Unit};
use iced_x86::{Decoder, DecoderError, DecoderOptions, FlowControl, Instruction};
use std::collections::VecDeque;
use std::ops::Range;

/// An instruction, or bytes that are none.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its address, as it is shown.
    pub address: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// As text.
    pub text: &'a str,
    /// What there is to say of it; may be empty.
    pub comment: &'a str,
    /// Whether it is an instruction.
    pub is_code: bool,
}

/// Whoever listens has had enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// Who is told.
pub trait Sink {
    /// A section begins, or a part of one.
    ///
    /// # Errors
    /// To end the listing, as for all that follow.
    fn section(&mut self, area: &Area<'_>, from: u64) -> Result<(), Stop>;
    /// A function or a variable begins: its name, and what is known of it beside.
    ///
    /// # Errors
    /// As above.
    fn label(&mut self, address: u64, name: &str, about: &str) -> Result<(), Stop>;
    /// The instructions that follow are of another line.
    ///
    /// # Errors
    /// As above.
    fn source(&mut self, file: &str, line: u32) -> Result<(), Stop>;
    /// An instruction, or data.
    ///
    /// # Errors
    /// As above.
    fn row(&mut self, row: &Row<'_>) -> Result<(), Stop>;
    /// Where a jump through a table, which stands in the row before, leads: cases from `first` to `last` to
    /// `address`, which is called `name`.
    ///
    /// # Errors
    /// As above.
    fn case(&mut self, first: usize, last: usize, address: u64, name: &str) -> Result<(), Stop>;
}

/// What of a unit is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// All code.
    All,
    /// A section, by name.
    Section(String),
    /// Addresses from the first to before the second.
    Range(u64, u64),
    /// Instructions from an address on.
    Count(u64, usize),
}

/// Lists `span` of `unit`.
///
/// # Errors
/// That the sink has had enough.
pub fn list(unit: &Unit<'_>, span: &Span, syntax: Syntax, sink: &mut dyn Sink) -> Result<(), Stop> {
    let mut most = usize::MAX;
    for area in &unit.areas {
        let held = area.held();
        let range = match span {
            Span::All if area.is_code => held,
            Span::Section(name) if area.section == *name => held,
            Span::Range(from, to) => held.start.max(*from)..held.end.min(*to),
            Span::Count(from, count) if held.contains(from) => {
                most = *count;
                *from..held.end
            }
            _ => continue,
        };
        if range.start < range.end {
            sink.section(area, range.start)?;
            if area.is_code {
                Walk::new(unit, area, syntax, most).run(range, sink)?;
            } else {
                data(unit, area, range, sink)?;
            }
        }
    }
    Ok(())
}

/// A section that holds no code, named item by item.
fn data(
    unit: &Unit<'_>,
    area: &Area<'_>,
    range: Range<u64>,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    let mut at = range.start;
    let mut text = String::new();
    while at < range.end {
        let label = unit.names.at(at).filter(|it| it.address == at);
        if let Some(entry) = label {
            text.clear();
            unit.write_entry(entry, at, &mut text);
            sink.label(area.shown(at), &text, "")?;
        }
        let next = unit.names.from(at + 1).first().map_or(range.end, |it| it.address);
        let end = next.min(range.end);
        items(area, at..end, 1, "", sink)?;
        at = end;
    }
    Ok(())
}

/// Data in rows of at most 16 bytes.
fn items(
    area: &Area<'_>,
    range: Range<u64>,
    width: u8,
    about: &str,
    sink: &mut dyn Sink,
) -> Result<(), Stop> {
    use std::fmt::Write;
    let bytes = area.from(range.start);
    let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(bytes.len());
    let width = usize::from(width.max(1));
    let row = if width == 1 { 16 } else { width };
    let mut text = String::new();
    for (part, address) in bytes[..length].chunks(row).zip((range.start..).step_by(row)) {
        text.clear();
        let mut comment = about;
        let shown: String;
        if width > 1 && part.len() == width {
            let number = part.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
            let name = match width {
                2 => "dw",
                4 => "dd",
                _ => "dq",
            };
            let _ = write!(text, "{name:<8}{number:0digits$X}h", digits = width * 2);
        } else {
            text.push_str("db      ");
            for (index, byte) in part.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let _ = write!(text, "{comma}{byte:02X}h");
            }
            let printable = part.iter().filter(|it| it.is_ascii_graphic()).count();
            if about.is_empty() && printable * 2 > part.len() {
                let plain = |it: &u8| match it {
                    b' '..=b'~' => char::from(*it),
                    _ => '.',
                };
                shown = part.iter().map(plain).collect();
                comment = &shown;
            }
        }
        let row =
            Row { address: area.shown(address), bytes: part, text: &text, comment, is_code: false };
        sink.row(&row)?;
    }
    Ok(())
}

/// The walk over one section.
struct Walk<'w, 'a> {
    unit: &'w Unit<'a>,
    area: &'w Area<'a>,
    printer: Printer,
    comments: Comments<'w, 'a>,
    /// Data ahead in this section, in order: what was known, and the jump tables found on the way.
    data: VecDeque<Data>,
    recent: Recent,
    /// Instructions that may still come.
    left: usize,
    text: String,
    comment: String,
    last_line: Option<(String, u32)>,
}

impl<'w, 'a> Walk<'w, 'a> {
    fn new(unit: &'w Unit<'a>, area: &'w Area<'a>, syntax: Syntax, most: usize) -> Self {
        let held = area.held();
        let inside = unit.data.iter().filter(|it| held.contains(&it.range.start));
        Self {
            unit,
            area,
            printer: Printer::new(syntax),
            comments: Comments::new(unit, area.start),
            data: inside.cloned().collect(),
            recent: Recent::default(),
            left: most,
            text: String::new(),
            comment: String::new(),
            last_line: None,
        }
    }

    fn run(&mut self, range: Range<u64>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let unit = self.unit;
        let mut names = unit.names.from(range.start).iter().peekable();
        let mut at = range.start;
        while at < range.end && self.left > 0 {
            while let Some(name) = names.next_if(|it| it.address <= at) {
                if name.address == at && name.kind != Kind::Import {
                    self.label(at, sink)?;
                }
            }
            while self.data.front().is_some_and(|it| it.range.end <= at) {
                self.data.pop_front();
            }
            if let Some(found) = self.data.front().filter(|it| it.range.start <= at) {
                let end = found.range.end.min(range.end);
                let (width, about) = (found.width, found.about);
                items(self.area, at..end, width, about, sink)?;
                at = end;
                continue;
            }
            let next = names.peek().map_or(range.end, |it| it.address).min(range.end);
            at = match unit.isa {
                Isa::X86(bits) => self.x86(bits, at..next, sink)?,
                Isa::Arm64 => self.arm64(at..next, sink)?,
            };
        }
        Ok(())
    }

    fn label(&mut self, at: u64, sink: &mut dyn Sink) -> Result<(), Stop> {
        let Some(entry) = self.unit.names.at(at) else { return Ok(()) };
        // The start of a section says nothing that its heading does not.
        if entry.kind == Kind::Start && !entry.name.is_empty() {
            return Ok(());
        }
        self.text.clear();
        self.unit.write_entry(entry, at, &mut self.text);
        let about = self.unit.driver.as_ref().map(|it| it.about(at)).unwrap_or_default();
        sink.label(self.area.shown(at), &self.text, &about)
    }

    /// Code between two names; where it ended: at the second, or where data begins.
    fn x86(&mut self, bits: u32, range: Range<u64>, sink: &mut dyn Sink) -> Result<u64, Stop> {
        let bytes = self.area.from(range.start);
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let bytes = &bytes[..length.min(bytes.len())];
        let mut decoder = Decoder::with_ip(bits, bytes, range.start, DecoderOptions::NONE);
        let mut position = 0;
        let mut stop = self.next_data(range.clone());
        self.recent.clear();
        while position < stop && self.left > 0 {
            let address = range.start + position as u64;
            let instruction = self.recent.slot();
            decoder.decode_out(instruction);
            let (is_bad, flow) = (instruction.is_invalid(), instruction.flow_control());
            let end = decoder.position();
            if is_bad || end > stop {
                // One byte that is none, or all that is left: then the instruction would reach into a name or
                // into data.
                let cut = end > stop || decoder.last_error() == DecoderError::NoMoreBytes;
                let next = if cut { stop } else { position + 1 };
                let about = if cut { "cut off" } else { "no instruction" };
                let from = range.start + position as u64;
                items(self.area, from..range.start + next as u64, 1, about, sink)?;
                let _ = decoder.set_position(next);
                decoder.set_ip(range.start + next as u64);
                position = next;
                self.recent.clear();
                continue;
            }
            self.source(address, sink)?;
            self.comment.clear();
            let instruction = self.recent.last();
            self.comments.x86(instruction, &decoder, &self.printer, &mut self.comment);
            self.text.clear();
            self.printer.print(instruction, &mut self.text);
            self.comments.done(&self.printer);
            sink.row(&Row {
                address: self.area.shown(address),
                bytes: &bytes[position..end],
                text: &self.text,
                comment: &self.comment,
                is_code: true,
            })?;
            self.left -= 1;
            position = end;
            if flow == FlowControl::IndirectBranch {
                self.table(sink)?;
                stop = self.next_data(range.clone());
            }
        }
        Ok(range.start + position as u64)
    }

    /// Bytes from the start of `range` to the next data in it, or to its end.
    fn next_data(&self, range: Range<u64>) -> usize {
        let next = self.data.iter().find(|it| it.range.start >= range.start);
        let end = next.map_or(range.end, |it| it.range.start.min(range.end));
        let held = self.area.held().end;
        usize::try_from(end.min(held) - range.start).unwrap_or(usize::MAX)
    }

    /// What an indirect jump leads to, if it is one through a table.
    fn table(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let Some(table) = jump_tables::find(self.unit, &self.recent) else { return Ok(()) };
        for data in &table.data {
            self.remember(data);
        }
        let mut from = 0;
        while from < table.targets.len() {
            let target = table.targets[from];
            let run = table.targets[from..].iter().take_while(|it| **it == target).count();
            self.text.clear();
            self.unit.write_name(target, &mut self.text);
            let shown = self.unit.area_at(target).map_or(target, |it| it.shown(target));
            sink.case(from, from + run - 1, shown, &self.text)?;
            from += run;
        }
        Ok(())
    }

    /// A table that lies in this section, where it is not yet known.
    fn remember(&mut self, data: &Data) {
        if !self.area.held().contains(&data.range.start) {
            return;
        }
        let index = self.data.partition_point(|it| it.range.start < data.range.start);
        let before = index.checked_sub(1).and_then(|it| self.data.get(it));
        let is_free = before.is_none_or(|it| it.range.end <= data.range.start)
            && self.data.get(index).is_none_or(|it| it.range.start >= data.range.end);
        if is_free {
            self.data.insert(index, data.clone());
        }
    }

    fn source(&mut self, address: u64, sink: &mut dyn Sink) -> Result<(), Stop> {
        if self.unit.lines.is_none() {
            return Ok(());
        }
        let Some(line) = self.unit.line(address) else { return Ok(()) };
        if self.last_line.as_ref() != Some(&line) {
            sink.source(&line.0, line.1)?;
            self.last_line = Some(line);
        }
        Ok(())
    }

    fn arm64(&mut self, range: Range<u64>, sink: &mut dyn Sink) -> Result<u64, Stop> {
        let bytes = self.area.from(range.start);
        let stop = self.next_data(range.clone()).min(bytes.len());
        let mut at = range.start;
        for word in bytes[..stop].chunks(arm64::SIZE) {
            if self.left == 0 {
                return Ok(at);
            }
            let Ok(raw) = <[u8; arm64::SIZE]>::try_from(word) else {
                items(self.area, at..at + word.len() as u64, 1, "cut off", sink)?;
                at += word.len() as u64;
                continue;
            };
            self.source(at, sink)?;
            self.text.clear();
            self.comment.clear();
            let number = u32::from_le_bytes(raw);
            let is_code = arm64::write(number, &mut self.text);
            self.comments.arm64(number, at, &mut self.text, &mut self.comment);
            sink.row(&Row {
                address: self.area.shown(at),
                // Debuggers show the word as a number.
                bytes: &number.to_be_bytes(),
                text: &self.text,
                comment: &self.comment,
                is_code,
            })?;
            self.left -= 1;
            at += arm64::SIZE as u64;
        }
        Ok(at)
    }
}

/// Addresses at which instructions start in the code of a section from `range`'s start on, and whether one does,
/// decoded without a word of text: what a listing would show there, if nothing were known to be data.
pub fn boundaries(isa: Isa, area: &Area<'_>, range: Range<u64>, mut each: impl FnMut(u64, bool)) {
    let bytes = area.from(range.start);
    let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    let bytes = &bytes[..length.min(bytes.len())];
    let Isa::X86(bits) = isa else {
        let words = (range.start..).step_by(arm64::SIZE).zip(bytes.chunks_exact(arm64::SIZE));
        words.for_each(|(at, word)| {
            let word = word.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
            each(at, arm64::is_instruction(word));
        });
        return;
    };
    let mut decoder = Decoder::with_ip(bits, bytes, range.start, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        let position = decoder.position();
        decoder.decode_out(&mut instruction);
        each(range.start + position as u64, !instruction.is_invalid());
        if instruction.is_invalid() {
            let _ = decoder.set_position(position + 1);
            decoder.set_ip(range.start + position as u64 + 1);
        }
    }
}
