//! Symbols and relocations of an object one by one, for who follows its code.

use super::coff::{self, Header};
use super::{Object, ObjectSection};
use crate::bytes::{slice, u16_at, u32_at};
use crate::error::{Error, Place};

/// A record of the symbol table, auxiliary ones left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSymbol {
    /// Its index, auxiliary records counted, as relocations name it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Offset in its section; 0 for one of another object, or the size of a common block.
    pub value: u32,
    /// Number of its section from 1; 0 for one of another object; negative for what is no address.
    pub section: i32,
    /// Whether its type is that of a function.
    pub is_function: bool,
    /// `IMAGE_SYM_CLASS_*`.
    pub class: u8,
}

impl ObjectSymbol {
    /// Whether it stands for its whole section.
    pub fn is_of_section(&self) -> bool {
        self.class == coff::CLASS_STATIC && self.value == 0 && !self.is_function
    }

    /// Whether it names a place in its section.
    pub fn is_place(&self) -> bool {
        const LABEL: u8 = 6;
        let classes = [coff::CLASS_EXTERNAL, coff::CLASS_STATIC, LABEL];
        self.section > 0 && classes.contains(&self.class)
    }
}

/// A relocation of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectRelocation {
    /// Offset of the field in the section.
    pub offset: u32,
    /// Index in the symbol table, auxiliary records counted.
    pub symbol: u32,
    /// `IMAGE_REL_*` of the machine.
    pub kind: u16,
}

impl Object {
    /// The symbols of the object whose file or member `data` is. What cannot be read ends the list, and is told.
    pub fn symbol_table(&self, data: &[u8]) -> (Vec<ObjectSymbol>, Option<Error>) {
        let header = if self.is_big { Header::big(data) } else { Header::ordinary(data) };
        let mut found = Vec::new();
        let read = header.and_then(|header| match header.symbol_table {
            0 => Ok(()),
            _ => coff::each_symbol(data, &header, |record| {
                const FUNCTION: u16 = 0x20;
                found.push(ObjectSymbol {
                    index: record.index,
                    name: record.name,
                    value: record.value,
                    section: record.section,
                    is_function: record.kind & 0xf0 == FUNCTION,
                    class: record.class,
                });
                Ok(())
            }),
        });
        (found, read.err())
    }
}

impl ObjectSection {
    /// Its content in the object whose file or member `data` is; none where the file does not hold it.
    pub fn content<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        if self.offset == 0 {
            return &[];
        }
        let place = Place::new(self.offset.into(), "section content");
        slice(data, place, self.size.into()).unwrap_or_default()
    }

    /// Its relocations, in the order of the table. What cannot be read ends the list, and is told.
    pub fn relocation_table(&self, data: &[u8]) -> (Vec<ObjectRelocation>, Option<Error>) {
        let (mut found, mut at) = (Vec::new(), u64::from(self.relocations_offset));
        if self.counts_in_first {
            at += coff::RELOCATION; // The first one holds the count.
        }
        for _ in 0..self.relocations {
            let one = || {
                Ok(ObjectRelocation {
                    offset: u32_at(data, at, "relocation VirtualAddress")?,
                    symbol: u32_at(data, at + 4, "relocation SymbolTableIndex")?,
                    kind: u16_at(data, at + 8, "relocation Type")?,
                })
            };
            match one() {
                Ok(one) => found.push(one),
                Err(error) => return (found, Some(error)),
            }
            at += coff::RELOCATION;
        }
        (found, None)
    }
}

impl super::Member {
    /// What it holds, out of the library that `data` is.
    pub fn content<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        let start = self.offset.saturating_add(super::archive::HEADER);
        slice(data, Place::new(start, "member content"), self.size).unwrap_or_default()
    }
}
