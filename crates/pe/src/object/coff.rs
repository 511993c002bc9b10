//! Objects: their sections, symbols, and what the compiler asks of the linker.

use crate::bytes::{array, slice, text, u16_at, u32_at};
use crate::error::{Error, Place};
use crate::headers::Machine;

/// Characters of a name that are taken; MSVC stops decorating at 4095.
const MAX_NAME: usize = 4096;
/// How many times over the names may take the room of the file: names can share their ends.
const SHARED: usize = 4;
/// `IMAGE_SCN_LNK_NRELOC_OVFL`: the count of relocations did not fit and stands in the first of them.
const RELOCATIONS_OVERFLOW: u32 = 0x0100_0000;
/// Bytes of a relocation.
pub(super) const RELOCATION: u64 = 10;
pub(super) const CLASS_EXTERNAL: u8 = 2;
pub(super) const CLASS_STATIC: u8 = 3;
const CLASS_FILE: u8 = 103;
const CLASS_WEAK_EXTERNAL: u8 = 105;

/// An object with machine code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Processor that it is for.
    pub machine: Machine,
    /// Seconds since 1970, or a hash; 0 from GNU tools.
    pub timestamp: u32,
    /// Whether it is of `/bigobj` form, with more than 65,279 sections possible.
    pub is_big: bool,
    /// Sections, in the order of the table.
    pub sections: Vec<ObjectSection>,
    /// Records of the symbol table, auxiliary ones included.
    pub symbol_records: u32,
    /// Symbols, auxiliary records not counted.
    pub symbols: usize,
    /// External symbols that it defines, in the order of the table.
    pub defined: Vec<String>,
    /// External symbols that it wants, in the order of the table; weak ones included.
    pub undefined: Vec<String>,
    /// Source file that it was made of, where it says so.
    pub source: Option<String>,
    /// Product number and build of the compiler (`@comp.id`), where it says so.
    pub compiler: Option<(u16, u16)>,
    /// What the linker shall do: the content of `.drectve`.
    pub directives: String,
    /// What is wrong in the tables; the rest is told all the same.
    pub problems: Vec<Error>,
}

/// A section of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSection {
    /// Name.
    pub name: String,
    /// Bytes of content.
    pub size: u32,
    /// Where its content starts in the file; 0 where it has none.
    pub offset: u32,
    /// Relocations, as many as the header, or the first of them, says.
    pub relocations: u32,
    /// Where its relocations start in the file.
    pub relocations_offset: u32,
    /// Whether the first relocation is none but holds their count.
    pub(super) counts_in_first: bool,
    /// `IMAGE_SCN_*` flags.
    pub characteristics: u32,
}

impl ObjectSection {
    /// Whether the processor may run it.
    pub fn is_code(&self) -> bool {
        const CNT_CODE: u32 = 0x20;
        const MEM_EXECUTE: u32 = 0x2000_0000;
        self.characteristics & (CNT_CODE | MEM_EXECUTE) != 0
    }
}

/// Where the tables of an object are: an ordinary header and a big one differ in nothing else.
pub(super) struct Header {
    machine: Machine,
    timestamp: u32,
    is_big: bool,
    section_count: u32,
    section_table: u64,
    pub(super) symbol_table: u64,
    symbol_count: u32,
}

impl Header {
    pub(super) fn ordinary(data: &[u8]) -> Result<Header, Error> {
        let optional = u16_at(data, 16, "SizeOfOptionalHeader")?;
        Ok(Header {
            machine: Machine::from_code(u16_at(data, 0, "Machine")?),
            section_count: u16_at(data, 2, "NumberOfSections")?.into(),
            timestamp: u32_at(data, 4, "TimeDateStamp")?,
            symbol_table: u32_at(data, 8, "PointerToSymbolTable")?.into(),
            symbol_count: u32_at(data, 12, "NumberOfSymbols")?,
            section_table: 20 + u64::from(optional),
            is_big: false,
        })
    }

    pub(super) fn big(data: &[u8]) -> Result<Header, Error> {
        Ok(Header {
            machine: Machine::from_code(u16_at(data, 6, "Machine")?),
            timestamp: u32_at(data, 8, "TimeDateStamp")?,
            section_count: u32_at(data, 44, "NumberOfSections")?,
            symbol_table: u32_at(data, 48, "PointerToSymbolTable")?.into(),
            symbol_count: u32_at(data, 52, "NumberOfSymbols")?,
            section_table: 56,
            is_big: true,
        })
    }

    /// Bytes of a record of the symbol table: a big one's section numbers have 32 bits.
    fn record(&self) -> u64 {
        if self.is_big { 20 } else { 18 }
    }

    /// Where the string table is.
    fn strings(&self) -> u64 {
        self.symbol_table + u64::from(self.symbol_count) * self.record()
    }
}

/// Whether a file without a magic number may be an object.
pub(super) fn is_plausible(data: &[u8]) -> bool {
    let Ok(header) = Header::ordinary(data) else { return false };
    let known = !matches!(header.machine, Machine::Other(_));
    let end = header.section_table + u64::from(header.section_count) * 40;
    let length = data.len() as u64;
    // An object has no optional header and is not yet executable.
    let bare = data.get(16..20).is_some_and(|it| it[0] == 0 && it[1] == 0 && it[2] & 2 == 0);
    let symbols =
        header.symbol_table == 0 || (header.symbol_table >= end && header.symbol_table <= length);
    known && bare && header.section_count > 0 && end <= length && symbols
}

pub(super) fn ordinary(data: &[u8]) -> Result<Object, Error> {
    if !is_plausible(data) {
        let problem = "and what follows it are not those of an object";
        return Err(Error::new(Place::new(0, "Machine"), problem));
    }
    object(data, &Header::ordinary(data)?)
}

pub(super) fn big(data: &[u8]) -> Result<Object, Error> {
    object(data, &Header::big(data)?)
}

/// The sections of an object whose machine need not be known; none unless all of them fit.
pub(super) fn sections_of(data: &[u8]) -> Vec<ObjectSection> {
    let Ok(header) = Header::ordinary(data) else { return Vec::new() };
    let mut problems = Vec::new();
    let sections = sections(data, &header, &mut problems).unwrap_or_default();
    if problems.is_empty() { sections } else { Vec::new() }
}

fn object(data: &[u8], header: &Header) -> Result<Object, Error> {
    let mut problems = Vec::new();
    let sections = sections(data, header, &mut problems)?;
    let directives = sections.iter().find(|it| it.name == ".drectve").map(|it| {
        let place = Place::new(it.offset.into(), "section .drectve");
        let bytes = slice(data, place, it.size.into()).unwrap_or_default();
        // Some compilers begin it with a mark of UTF-8, and fill it with blanks.
        let text = text(bytes);
        text.trim_start_matches('\u{feff}').trim().to_owned()
    });
    let mut object = Object {
        machine: header.machine,
        timestamp: header.timestamp,
        is_big: header.is_big,
        sections,
        symbol_records: header.symbol_count,
        symbols: 0,
        defined: Vec::new(),
        undefined: Vec::new(),
        source: None,
        compiler: None,
        directives: directives.unwrap_or_default(),
        problems,
    };
    if header.symbol_table != 0
        && let Err(error) = symbols(data, header, &mut object)
    {
        object.problems.push(error);
    }
    Ok(object)
}

fn sections(
    data: &[u8],
    header: &Header,
    problems: &mut Vec<Error>,
) -> Result<Vec<ObjectSection>, Error> {
    let table = header.section_table;
    let bytes =
        slice(data, Place::new(table, "section table"), u64::from(header.section_count) * 40)?;
    let mut sections = Vec::new();
    let mut budget = data.len().saturating_mul(SHARED);
    for (raw, index) in bytes.chunks_exact(40).zip(0u64..) {
        let at = table + index * 40;
        let word = |offset: u64, name| u32_at(data, at + offset, name);
        let name = section_name(data, header, raw, &mut budget);
        let size = word(16, "section SizeOfRawData")?;
        let offset = word(20, "section PointerToRawData")?;
        let pointer = word(24, "section PointerToRelocations")?;
        let count = u16_at(data, at + 32, "section NumberOfRelocations")?;
        let characteristics = word(36, "section Characteristics")?;
        let mut check = |place: Place, length: u64| {
            if let Err(error) = slice(data, place, length) {
                problems.push(error);
            }
        };
        if offset != 0 {
            check(Place::new(offset.into(), "section content"), size.into());
        }
        let mut relocations = u32::from(count);
        let counts_in_first = characteristics & RELOCATIONS_OVERFLOW != 0 && count == u16::MAX;
        if counts_in_first {
            // The first one counts itself.
            let first = u32_at(data, pointer.into(), "first relocation").unwrap_or_default();
            relocations = first.saturating_sub(1);
        }
        if relocations > 0 {
            let length = u64::from(relocations) * RELOCATION;
            check(Place::new(pointer.into(), "relocations of a section"), length);
        }
        sections.push(ObjectSection {
            name,
            size,
            offset,
            relocations,
            relocations_offset: pointer,
            counts_in_first,
            characteristics,
        });
    }
    Ok(sections)
}

/// A name of at most eight characters, or `/123`: a decimal offset in the string table, or `//AAAAAA`, the same
/// in base 64 where it needs more digits (LLVM, for string tables over 10 MB).
fn section_name(data: &[u8], header: &Header, raw: &[u8], budget: &mut usize) -> String {
    let short = text(&raw[..8]);
    let offset = match short.strip_prefix("//") {
        Some(digits) => base64(digits),
        None => short.strip_prefix('/').and_then(|digits| digits.parse().ok()),
    };
    match offset.filter(|_| header.symbol_table != 0) {
        Some(offset) => string(data, header, offset, budget).unwrap_or(short),
        None => short,
    }
}

fn base64(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0u64, |sum, digit| {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        sum.checked_mul(64)?.checked_add(value.into())
    })
}

/// A name of the string table. `budget` bounds what all names may take together, since a hostile table
/// can lead to the same long name again and again.
fn string(data: &[u8], header: &Header, offset: u64, budget: &mut usize) -> Option<String> {
    let start = usize::try_from(header.strings().checked_add(offset)?).ok()?;
    let bytes = data.get(start..)?;
    let name = text(&bytes[..bytes.len().min(MAX_NAME)]);
    *budget = budget.checked_sub(name.len())?;
    Some(name)
}

/// A record of the symbol table.
pub(super) struct Record {
    pub index: u32,
    pub name: String,
    pub value: u32,
    pub section: i32,
    pub kind: u16,
    pub class: u8,
    /// Auxiliary records behind it: their count, and where they are in the table.
    auxiliary: u8,
    auxiliary_at: u64,
}

/// Every record but the auxiliary ones.
pub(super) fn each_symbol(
    data: &[u8],
    header: &Header,
    mut take: impl FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    let width = header.record();
    let bytes = symbol_bytes(data, header)?;
    let mut budget = data.len().saturating_mul(SHARED);
    let mut index = 0u32;
    while index < header.symbol_count {
        let offset = u64::from(index) * width;
        let at = header.symbol_table + offset;
        // The first 12 bytes are alike in both forms; type, class and count come after the section number.
        let value = u32_at(bytes, offset + 8, "COFF symbol Value")?;
        let section = match header.is_big {
            true => i32::from_le_bytes(array(bytes, Place::new(offset + 12, "COFF symbol"))?),
            false => {
                i16::from_le_bytes(array(bytes, Place::new(offset + 12, "COFF symbol"))?).into()
            }
        };
        let kind = u16_at(bytes, offset + width - 4, "COFF symbol Type")?;
        let [class, auxiliary] = array(bytes, Place::new(offset + width - 2, "COFF symbol"))?;
        let raw: [u8; 8] = array(bytes, Place::new(offset, "COFF symbol Name"))?;
        let lost = || Error::new(Place::new(at, "COFF symbol Name"), "leads to no name");
        let name = match raw {
            [0, 0, 0, 0, offset @ ..] => {
                let offset = u32::from_le_bytes(offset).into();
                string(data, header, offset, &mut budget).ok_or_else(lost)?
            }
            short => text(&short),
        };
        let auxiliary_at = offset + width;
        take(Record { index, name, value, section, kind, class, auxiliary, auxiliary_at })?;
        index = index.saturating_add(1 + u32::from(auxiliary));
    }
    Ok(())
}

fn symbol_bytes<'a>(data: &'a [u8], header: &Header) -> Result<&'a [u8], Error> {
    let length = u64::from(header.symbol_count) * header.record();
    slice(data, Place::new(header.symbol_table, "COFF symbol table"), length)
}

fn symbols(data: &[u8], header: &Header, object: &mut Object) -> Result<(), Error> {
    let bytes = symbol_bytes(data, header)?;
    each_symbol(data, header, |record| {
        let Record { name, value, section, class, .. } = record;
        object.symbols += 1;
        match class {
            CLASS_STATIC if name == "@comp.id" => {
                object.compiler = Some(((value >> 16) as u16, (value & 0xffff) as u16));
            }
            CLASS_FILE if object.source.is_none() => {
                let length = u64::from(record.auxiliary) * header.record();
                let place = Place::new(record.auxiliary_at, "COFF symbol of a file");
                let path = text(slice(bytes, place, length)?);
                object.source = (!path.is_empty()).then_some(path);
            }
            // An external one of section 0 is wanted, or common where it has a value.
            CLASS_EXTERNAL if section == 0 && value == 0 => object.undefined.push(name),
            CLASS_WEAK_EXTERNAL => object.undefined.push(name),
            CLASS_EXTERNAL => object.defined.push(name),
            _ => {}
        }
        Ok(())
    })
}
