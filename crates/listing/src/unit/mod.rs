//! What is listed: the code of one image, object or member of a library, with all that is known about its
//! addresses before the first instruction is read.

mod image;
mod object;

use crate::driver::Driver;
use crate::isa::Isa;
use crate::names::{Entry, Kind, Names};
use crate::place::{NotFound, Places, place};
use std::fmt::Write;
use std::ops::Range;
use symbols::Symbols;

/// A section.
#[derive(Clone, Debug)]
pub struct Area<'a> {
    /// Its name.
    pub section: String,
    /// Its address. Sections of an object stand one behind the other here, as no linker has placed them.
    pub start: u64,
    /// What the file holds of it.
    pub bytes: &'a [u8],
    /// Bytes that it takes in memory.
    pub size: u64,
    /// Whether the processor may run it.
    pub is_code: bool,
    /// Whether it may be written to.
    pub is_writable: bool,
    /// What is taken from addresses where they are shown: the section's own start in an object, else 0.
    pub shown_from: u64,
    /// Where its content stands in the file.
    pub file_offset: u64,
}

impl<'a> Area<'a> {
    /// Addresses of what the file holds.
    pub fn held(&self) -> Range<u64> {
        self.start..self.start.saturating_add(self.bytes.len() as u64)
    }

    /// Bytes from `address` on, as far as the file holds them.
    pub fn from(&self, address: u64) -> &'a [u8] {
        let offset = address.checked_sub(self.start).and_then(|it| usize::try_from(it).ok());
        offset.and_then(|it| self.bytes.get(it..)).unwrap_or_default()
    }

    /// `address` as it is shown.
    pub fn shown(&self, address: u64) -> u64 {
        address.wrapping_sub(self.shown_from)
    }
}

/// Bytes inside of code that are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// First byte, and one behind the last.
    pub range: Range<u64>,
    /// Bytes of an item: 1, 2, 4 or 8.
    pub width: u8,
    /// What it is.
    pub about: &'static str,
}

/// A field that a linker or loader fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Address of the field.
    pub at: u64,
    /// Name to show for it.
    pub name: Box<str>,
    /// Where it leads, if that is in this object.
    pub target: Option<u64>,
}

/// What is listed.
pub struct Unit<'a> {
    /// File, or library and member.
    pub name: String,
    /// Name that stands before those of its own: `fifo` in `fifo!DispatchRead`; empty for objects.
    pub module: String,
    /// Processor.
    pub isa: Isa,
    /// Address that the image was linked for; 0 of an object.
    pub base: u64,
    /// All sections, in order of address.
    pub areas: Vec<Area<'a>>,
    /// Names.
    pub names: Names,
    /// What the driver registers, where it is one.
    pub driver: Option<Driver>,
    /// What could not be read, a sentence each.
    pub problems: Vec<String>,
    /// Bytes inside of code that are known to be none, in order.
    pub(crate) data: Vec<Data>,
    /// Relocations of an object, in order.
    pub(crate) links: Vec<Link>,
    /// Addresses of fields that hold addresses, in order: base relocations. `None` where the image has none.
    pub(crate) fixups: Option<Vec<u64>>,
    /// Functions of the function table, in order.
    pub(crate) table: Vec<Range<u64>>,
    /// All symbols of an image.
    pub(crate) symbols: Option<&'a Symbols>,
    /// The same, where they have lines.
    pub(crate) lines: Option<&'a Symbols>,
}

impl<'a> Unit<'a> {
    /// The section that holds `address`, whether the file has its bytes or not.
    pub fn area_at(&self, address: u64) -> Option<&Area<'a>> {
        let after = self.areas.partition_point(|it| it.start <= address);
        let area = self.areas.get(after.checked_sub(1)?)?;
        (address - area.start < area.size.max(area.bytes.len() as u64)).then_some(area)
    }

    /// Bytes from `address` on, as far as the file holds them.
    pub fn bytes_at(&self, address: u64) -> &'a [u8] {
        self.area_at(address).map(|area| area.from(address)).unwrap_or_default()
    }

    /// The little-endian number of `width` bytes at `address`.
    pub(crate) fn number_at(&self, address: u64, width: usize) -> Option<u64> {
        let bytes = self.bytes_at(address).get(..width)?;
        Some(bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    /// Appends what `address` is called, offset included; whether it has a name.
    pub fn write_name(&self, address: u64, to: &mut String) -> bool {
        let Some(entry) = self.names.at(address) else { return false };
        self.write_entry(entry, address, to);
        true
    }

    pub(crate) fn write_entry(&self, entry: &Entry, address: u64, to: &mut String) {
        if entry.kind == Kind::Import {
            to.push_str(&entry.name);
            return;
        }
        let mut from = entry.address;
        if self.module.is_empty() {
            to.push_str(&entry.name);
        } else {
            to.push_str(&self.module);
            if entry.kind == Kind::Start {
                // Debuggers count from the image's start where they have no name.
                from = self.base;
            } else {
                to.push('!');
                to.push_str(&entry.name);
            }
        }
        let offset = address.wrapping_sub(from);
        if offset > 0 {
            let _ = write!(to, "+{offset:#x}");
        }
    }

    /// What `address` is called; empty where it has no name.
    pub fn name_of(&self, address: u64) -> String {
        let mut name = String::new();
        self.write_name(address, &mut name);
        name
    }

    /// The address of a place as people write it: see [`crate::place`]. In an object `.text+0x10` is one, and the
    /// sections' names are; so is an offset in its first section of code.
    ///
    /// # Errors
    /// What of it is not there.
    pub fn place(&self, text: &str) -> Result<u64, NotFound> {
        place(self, text)
    }

    /// Name of an import whose slot is at `address`.
    pub fn import(&self, address: u64) -> Option<&str> {
        let found = self.names.at(address).filter(|it| it.kind == Kind::Import)?;
        Some(&found.name)
    }

    /// File and line of the instruction at `address`.
    pub fn line(&self, address: u64) -> Option<(String, u32)> {
        let rva = u32::try_from(address.checked_sub(self.base)?).ok()?;
        let found = self.lines?.locate(rva)?;
        Some((found.file?, found.line?))
    }

    /// First byte of the function that holds `address`, and the one behind it: where the next name starts, or
    /// the section ends.
    pub fn function(&self, address: u64) -> Option<Range<u64>> {
        let start = self.names.at(address).filter(|it| it.kind != Kind::Import)?.address;
        let end = self.area_at(address)?.held().end;
        // The function table tells the end without the padding.
        let entry = self.table.partition_point(|it| it.start <= start).checked_sub(1);
        if let Some(entry) = entry.map(|index| &self.table[index])
            && entry.start == start
            && entry.contains(&address)
        {
            return Some(start..entry.end.min(end));
        }
        let next = address.checked_add(1).and_then(|next| self.names.from(next).first());
        Some(start..next.map_or(end, |next| next.address.min(end)))
    }
}

impl Places for Unit<'_> {
    fn base(&self, module: &str) -> Option<u64> {
        let own = [self.name.as_str(), &self.module, ""];
        own.iter().any(|name| name.eq_ignore_ascii_case(module)).then_some(self.base)
    }

    fn symbol(&self, module: &str, name: &str) -> Option<u64> {
        self.base(module)?;
        let is_object = self.module.is_empty();
        let own = self.names.find(|it| {
            let is_named = it.kind < Kind::Start || (is_object && !it.name.is_empty());
            *it.name == *name && is_named && it.kind != Kind::Import
        });
        // More than one name may stand for an address: all of them lead there.
        own.or_else(|| self.base.checked_add(self.symbols?.function(name)?.into()))
    }
}
