//! A unit of a COFF object.

use super::{Area, Link, Unit};
use crate::isa::Isa;
use crate::names::{Kind, Names};
use pe::object::{Object, ObjectSymbol};

/// Bytes that sections of an object stand apart at least.
const APART: u64 = 0x1000;
const MEM_WRITE: u32 = 0x8000_0000;
const UNINITIALIZED: u32 = 0x80;

impl<'a> Unit<'a> {
    /// The code of an object, whose file or member `data` is; `name` says which. `None` for a processor whose
    /// code is not disassembled.
    pub fn of_object(object: &Object, data: &'a [u8], name: &str) -> Option<Self> {
        let isa = Isa::of(object.machine)?;
        let mut problems: Vec<String> = object.problems.iter().map(|it| format!("{it}.")).collect();
        let mut areas: Vec<Area<'a>> = Vec::new();
        let mut start = APART;
        for (index, section) in object.sections.iter().enumerate() {
            let bytes = match section.characteristics & UNINITIALIZED {
                0 => section.content(data),
                _ => &[],
            };
            areas.push(Area {
                section: match section.name.as_str() {
                    // Nothing forbids it; a place in it must be called something.
                    "" => format!("section {}", index + 1),
                    name => name.to_owned(),
                },
                start,
                bytes,
                size: section.size.into(),
                is_code: section.is_code(),
                is_writable: section.characteristics & MEM_WRITE != 0,
                shown_from: start,
                file_offset: section.offset.into(),
            });
            start = (start + u64::from(section.size)).next_multiple_of(APART) + APART;
        }
        let (symbols, error) = object.symbol_table(data);
        problems.extend(error.map(|error| format!("Symbols are missing: {error}.")));
        let place = |symbol: &ObjectSymbol| {
            let index = usize::try_from(symbol.section).ok()?.checked_sub(1)?;
            let area = areas.get(index)?;
            symbol.is_place().then_some(())?;
            area.start.checked_add(symbol.value.into())
        };
        let mut named: Vec<(u64, Box<str>, Kind)> = Vec::new();
        for symbol in &symbols {
            let Some(at) = place(symbol).filter(|_| !symbol.name.is_empty()) else { continue };
            let is_code = areas[symbol.section as usize - 1].is_code;
            let kind = match (symbol.is_of_section(), is_code) {
                (true, _) => Kind::Start,
                (false, true) => Kind::Function,
                (false, false) => Kind::Data,
            };
            named.push((at, symbol.name.as_str().into(), kind));
        }
        named.extend(areas.iter().map(|it| (it.start, it.section.as_str().into(), Kind::Start)));
        let ends: Vec<(u64, u64)> =
            areas.iter().map(|it| (it.start, it.start + it.size.max(1))).collect();
        let names = Names::new(ends, named);
        let mut unit = Self {
            name: name.to_owned(),
            module: String::new(),
            isa,
            base: 0,
            areas,
            names,
            driver: None,
            problems,
            data: Vec::new(),
            links: Vec::new(),
            fixups: None,
            table: Vec::new(),
            symbols: None,
            lines: None,
        };
        unit.link(object, data, &symbols);
        Some(unit)
    }

    /// Relocations of code. Fields in data are jump tables' and constants', which are not shown.
    fn link(&mut self, object: &Object, data: &[u8], symbols: &[ObjectSymbol]) {
        for (index, section) in object.sections.iter().enumerate() {
            if !section.is_code() {
                continue;
            }
            let (table, error) = section.relocation_table(data);
            self.problems.extend(error.map(|it| format!("Relocations are missing: {it}.")));
            let start = self.areas[index].start;
            for relocation in table {
                let at = start + u64::from(relocation.offset);
                let found = symbols.binary_search_by_key(&relocation.symbol, |it| it.index);
                let Some(symbol) = found.ok().map(|index| &symbols[index]) else {
                    self.problems.push(format!(
                        "The relocation at {}+{:#x} names symbol {}, which is not there.",
                        section.name, relocation.offset, relocation.symbol
                    ));
                    continue;
                };
                let addend = self.addend(at, relocation.kind);
                let link = self.target(symbol, addend, at);
                self.links.push(link);
            }
        }
        self.links.sort_by_key(|it| it.at);
    }

    /// What stands in the field already, where it is a number of 32 bits and more.
    fn addend(&self, at: u64, kind: u16) -> i64 {
        // IMAGE_REL_AMD64_ADDR64, IMAGE_REL_I386_ and _AMD64_ kinds of 32 bits ("PE Format", Type Indicators).
        let width = match (self.isa, kind) {
            (Isa::X86(64), 1) => 8,
            (Isa::X86(64), 2..=9 | 11) | (Isa::X86(_), 6 | 7 | 11 | 20) => 4,
            _ => return 0,
        };
        let number = self.number_at(at, width).unwrap_or_default();
        if width == 4 { i64::from((number as u32).cast_signed()) } else { number.cast_signed() }
    }

    fn target(&self, symbol: &ObjectSymbol, addend: i64, at: u64) -> Link {
        let index = usize::try_from(symbol.section).unwrap_or_default().wrapping_sub(1);
        let area = self.areas.get(index).filter(|_| symbol.is_place());
        let place = area.and_then(|it| it.start.checked_add(symbol.value.into()));
        let target = place.and_then(|it| it.checked_add_signed(addend));
        let mut name = String::new();
        // The symbol of a section says less than what lies at the place.
        match target.filter(|_| symbol.is_of_section()) {
            Some(target) if self.write_name(target, &mut name) => {}
            _ => {
                name = symbol.name.clone();
                if addend != 0 {
                    let sign = if addend < 0 { '-' } else { '+' };
                    name += &format!("{sign}{:#x}", addend.unsigned_abs());
                }
            }
        }
        Link { at, name: name.into(), target }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pe::object::{ObjectFile, read};

    /// An object of one section with `name`, which holds a `ret`, and a symbol with `symbol` for its name.
    fn object(name: [u8; 8], symbol: [u8; 8]) -> Vec<u8> {
        let mut data = Vec::new();
        let numbers = |data: &mut Vec<u8>, all: &[u32]| {
            all.iter().for_each(|it| data.extend(it.to_le_bytes()));
        };
        // IMAGE_FILE_HEADER: AMD64, one section; one symbol, behind header, section and its byte.
        numbers(&mut data, &[0x1_8664, 0, 61, 1, 0]);
        data.extend(name);
        numbers(&mut data, &[0, 0, 1, 60, 0, 0, 0, 0x6000_0020]);
        data.push(0xc3);
        data.extend(symbol);
        // Value, section, type, storage class "external", no auxiliary records; a string table of one empty string.
        data.extend([0, 0, 0, 0, 1, 0, 0x20, 0, 2, 0, 5, 0, 0, 0, 0]);
        data
    }

    fn name_of_code(data: &[u8]) -> String {
        let Ok(ObjectFile::Object(object)) = read(data) else { panic!("an object") };
        let unit = Unit::of_object(&object, data, "a.obj").expect("code");
        unit.name_of(unit.areas[0].start)
    }

    #[test]
    fn what_has_no_name_is_called_something() {
        assert_eq!(name_of_code(&object(*b".text\0\0\0", *b"Read\0\0\0\0")), "Read");
        let nameless = [0, 0, 0, 0, 4, 0, 0, 0];
        assert_eq!(name_of_code(&object(*b".text\0\0\0", nameless)), ".text");
        assert_eq!(name_of_code(&object([0; 8], nameless)), "section 1");
    }
}
