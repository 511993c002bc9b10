//! The fixed headers: DOS, COFF, optional header and data directories ("PE Format").

use crate::bytes::{array, slice, text, u16_at, u32_at, u64_at};
use crate::error::{Error, Place};
use crate::section::Section;
use std::fmt;

/// Processor that an image is for (`IMAGE_FILE_MACHINE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// 32-bit x86.
    I386,
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
    /// 32-bit ARM with Thumb-2.
    ArmNt,
    /// Code for ARM64 that is called as x86-64 code is: of objects.
    Arm64Ec,
    /// Both: of objects.
    Arm64X,
    /// Itanium.
    Ia64,
    /// Any other number.
    Other(u16),
}

impl Machine {
    pub(crate) fn from_code(code: u16) -> Self {
        match code {
            0x014c => Self::I386,
            0x8664 => Self::Amd64,
            0xaa64 => Self::Arm64,
            0xa641 => Self::Arm64Ec,
            0xa64e => Self::Arm64X,
            0x01c4 => Self::ArmNt,
            0x0200 => Self::Ia64,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I386 => f.write_str("32-bit x86"),
            Self::Amd64 => f.write_str("x86-64"),
            Self::Arm64 => f.write_str("ARM64"),
            Self::ArmNt => f.write_str("32-bit ARM"),
            Self::Arm64Ec => f.write_str("ARM64EC"),
            Self::Arm64X => f.write_str("ARM64X"),
            Self::Ia64 => f.write_str("Itanium"),
            Self::Other(code) => write!(f, "machine {code:#06x}"),
        }
    }
}

/// Environment that an image runs in (`IMAGE_SUBSYSTEM_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subsystem {
    /// Drivers, and programs that run before the Windows subsystem is up.
    Native,
    /// A program or library with windows.
    WindowsGui,
    /// A console program or library.
    WindowsConsole,
    /// EFI application (10), boot driver (11), run-time driver (12) or ROM (13).
    Efi(u16),
    /// Boot application such as `winload.exe`.
    BootApplication,
    /// Any other number.
    Other(u16),
}

impl Subsystem {
    pub(crate) fn from_code(code: u16) -> Self {
        match code {
            1 => Self::Native,
            2 => Self::WindowsGui,
            3 => Self::WindowsConsole,
            10..=13 => Self::Efi(code),
            16 => Self::BootApplication,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Subsystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.write_str("native"),
            Self::WindowsGui => f.write_str("Windows GUI"),
            Self::WindowsConsole => f.write_str("Windows console"),
            Self::Efi(_) => f.write_str("EFI"),
            Self::BootApplication => f.write_str("boot application"),
            Self::Other(code) => write!(f, "subsystem {code}"),
        }
    }
}

/// A data directory entry, with the place that it was read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directory {
    pub rva: u32,
    pub size: u32,
    pub place: Place,
}

/// Index into the data directories.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DirectoryIndex {
    Export = 0,
    Import = 1,
    Resource = 2,
    Exception = 3,
    Certificate = 4,
    BaseRelocation = 5,
    Debug = 6,
    Tls = 9,
    LoadConfig = 10,
    BoundImport = 11,
    ImportAddress = 12,
    DelayImport = 13,
    Clr = 14,
}

/// "PE Format", COFF File Header: "the Windows loader limits the number of sections to 96".
const MAX_SECTIONS: u16 = 96;

const DIRECTORY_NAMES: [&str; 16] = [
    "export table directory",
    "import table directory",
    "resource table directory",
    "exception table directory",
    "certificate table directory",
    "base relocation table directory",
    "debug directory",
    "architecture directory",
    "global pointer directory",
    "TLS table directory",
    "load config table directory",
    "bound import directory",
    "import address table directory",
    "delay import directory",
    "CLR header directory",
    "reserved directory",
];

/// Everything before the sections' content.
#[derive(Debug, Clone)]
pub(crate) struct Headers {
    pub machine: Place,
    pub machine_code: u16,
    pub timestamp: u32,
    pub symbol_table: u32,
    pub symbol_count: u32,
    pub characteristics: u16,
    /// File offset of the optional header.
    pub optional: u64,
    pub is_64bit: bool,
    pub entry_rva: u32,
    pub image_base: u64,
    pub section_alignment: u32,
    pub file_alignment: u32,
    pub size_of_image: u32,
    pub size_of_headers: u32,
    pub checksum: u32,
    pub subsystem_code: u16,
    pub dll_characteristics: u16,
    pub linker: [u8; 2],
    pub system: [u16; 2],
    pub subsystem_version: [u16; 2],
    pub directories: Vec<Directory>,
    pub sections: Vec<Section>,
    /// File offset of the section table.
    pub section_table: u64,
    /// What of the sections the file does not have any more; empty unless read by [`Headers::parse_cut`].
    pub lost: Vec<Error>,
}

impl Headers {
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut headers = Self::parse_cut(data)?;
        if headers.lost.is_empty() { Ok(headers) } else { Err(headers.lost.swap_remove(0)) }
    }

    /// The same of a file that may end within its sections.
    pub fn parse_cut(data: &[u8]) -> Result<Self, Error> {
        let dos = Place::new(0, "e_magic");
        if data.is_empty() {
            return Err(Error::new(dos, "the file is empty"));
        }
        if array::<2>(data, dos)? != *b"MZ" {
            return Err(Error::new(dos, "not a PE image, which starts with \"MZ\""));
        }
        let lfanew = Place::new(0x3c, "e_lfanew");
        let pe = u64::from(u32_at(data, lfanew.offset, lfanew.field)?);
        let signature = Place::new(pe, "PE signature");
        if pe >= data.len() as u64 {
            let problem =
                format!("points to {pe:#x}, past the end of the file ({:#x})", data.len());
            return Err(Error::new(lfanew, problem));
        }
        if array::<4>(data, signature)? != *b"PE\0\0" {
            return Err(Error::new(signature, "is not \"PE\\0\\0\": a DOS or 16-bit program"));
        }

        let coff = pe + 4;
        let machine = Place::new(coff, "Machine");
        let machine_code = u16_at(data, coff, "Machine")?;
        let section_count = u16_at(data, coff + 2, "NumberOfSections")?;
        let timestamp = u32_at(data, coff + 4, "TimeDateStamp")?;
        let symbol_table = u32_at(data, coff + 8, "PointerToSymbolTable")?;
        let symbol_count = u32_at(data, coff + 12, "NumberOfSymbols")?;
        let optional_size = u64::from(u16_at(data, coff + 16, "SizeOfOptionalHeader")?);
        let characteristics = u16_at(data, coff + 18, "Characteristics")?;

        let optional = coff + 20;
        slice(data, Place::new(optional, "optional header"), optional_size)?;
        let is_64bit = match u16_at(data, optional, "optional header Magic")? {
            0x10b => false,
            0x20b => true,
            other => {
                let place = Place::new(optional, "optional header Magic");
                let problem = format!("is {other:#x}, neither PE32 (0x10b) nor PE32+ (0x20b)");
                return Err(Error::new(place, problem));
            }
        };
        let image_base = if is_64bit {
            u64_at(data, optional + 24, "ImageBase")?
        } else {
            u64::from(u32_at(data, optional + 28, "ImageBase")?)
        };
        let directories = directories(data, optional, optional_size, is_64bit)?;
        let section_table = optional + optional_size;
        let strings = u64::from(symbol_table) + u64::from(symbol_count) * 18;
        let strings = (symbol_table != 0).then_some(strings);
        let mut lost = Vec::new();
        let sections = sections(data, section_table, section_count, strings, &mut lost)?;

        let pair = |offset: u64, name| -> Result<[u16; 2], Error> {
            Ok([u16_at(data, optional + offset, name)?, u16_at(data, optional + offset + 2, name)?])
        };
        Ok(Self {
            machine,
            machine_code,
            timestamp,
            symbol_table,
            symbol_count,
            characteristics,
            optional,
            is_64bit,
            entry_rva: u32_at(data, optional + 16, "AddressOfEntryPoint")?,
            image_base,
            section_alignment: u32_at(data, optional + 32, "SectionAlignment")?,
            file_alignment: u32_at(data, optional + 36, "FileAlignment")?,
            size_of_image: u32_at(data, optional + 56, "SizeOfImage")?,
            size_of_headers: u32_at(data, optional + 60, "SizeOfHeaders")?,
            checksum: u32_at(data, optional + 64, "CheckSum")?,
            subsystem_code: u16_at(data, optional + 68, "Subsystem")?,
            dll_characteristics: u16_at(data, optional + 70, "DllCharacteristics")?,
            linker: array(data, Place::new(optional + 2, "MajorLinkerVersion"))?,
            system: pair(40, "MajorOperatingSystemVersion")?,
            subsystem_version: pair(48, "MajorSubsystemVersion")?,
            directories,
            sections,
            section_table,
            lost,
        })
    }

    /// File offset and bytes of the `ImageBase` field.
    pub fn base_field(&self) -> (u64, usize) {
        if self.is_64bit { (self.optional + 24, 8) } else { (self.optional + 28, 4) }
    }

    /// The directory, unless the image has none.
    pub fn directory(&self, index: DirectoryIndex) -> Option<Directory> {
        self.directories.get(index as usize).copied().filter(|d| d.rva != 0 && d.size != 0)
    }
}

fn directories(
    data: &[u8],
    optional: u64,
    optional_size: u64,
    is_64bit: bool,
) -> Result<Vec<Directory>, Error> {
    let fixed = if is_64bit { 112 } else { 96 };
    if optional_size < fixed {
        let place = Place::new(optional - 4, "SizeOfOptionalHeader");
        let problem = format!("is {optional_size:#x}, less than the fixed fields ({fixed:#x})");
        return Err(Error::new(place, problem));
    }
    let place = Place::new(optional + fixed - 4, "NumberOfRvaAndSizes");
    // The loader looks at 16 directories whatever a greater count claims.
    let count = u64::from(u32_at(data, place.offset, place.field)?).min(16);
    if fixed + count * 8 > optional_size {
        let problem = format!("{count} directories do not fit SizeOfOptionalHeader");
        return Err(Error::new(place, problem));
    }
    DIRECTORY_NAMES
        .iter()
        .zip(0..count)
        .map(|(name, index)| {
            let place = Place::new(optional + fixed + index * 8, name);
            let rva = u32_at(data, place.offset, place.field)?;
            let size = u32_at(data, place.offset + 4, place.field)?;
            Ok(Directory { rva, size, place })
        })
        .collect()
}

fn sections(
    data: &[u8],
    table: u64,
    count: u16,
    strings: Option<u64>,
    lost: &mut Vec<Error>,
) -> Result<Vec<Section>, Error> {
    if count > MAX_SECTIONS {
        let place = Place::new(table, "section table");
        return Err(Error::new(
            place,
            format!("{count} sections, but the loader takes {MAX_SECTIONS}"),
        ));
    }
    let mut fit = u64::from(count);
    if let Err(error) = slice(data, Place::new(table, "section table"), fit * 40) {
        lost.push(error);
        fit = (data.len() as u64).saturating_sub(table) / 40;
    }
    (0..fit).map(|index| section(data, table + index * 40, strings, lost)).collect()
}

fn section(
    data: &[u8],
    at: u64,
    strings: Option<u64>,
    lost: &mut Vec<Error>,
) -> Result<Section, Error> {
    let raw_name: [u8; 8] = array(data, Place::new(at, "section Name"))?;
    let virtual_size = u32_at(data, at + 8, "section VirtualSize")?;
    let rva = u32_at(data, at + 12, "section VirtualAddress")?;
    let file_size = u32_at(data, at + 16, "section SizeOfRawData")?;
    let file_offset = u32_at(data, at + 20, "section PointerToRawData")?;
    let characteristics = u32_at(data, at + 36, "section Characteristics")?;
    // A section of uninitialised data has no content; old linkers leave its size in SizeOfRawData.
    let file_size = if file_offset == 0 { 0 } else { file_size };
    let name = long_name(data, &raw_name, strings).unwrap_or_else(|| text(&raw_name));
    let virtual_size = if virtual_size == 0 && file_size == 0 {
        u32_at(data, at + 16, "section SizeOfRawData")?
    } else {
        virtual_size
    };

    let mut is_cut = false;
    if u64::from(file_offset) + u64::from(file_size) > data.len() as u64 {
        is_cut = true;
        let problem = format!(
            "content of section {name} ({file_size:#x} bytes at {file_offset:#x}) reaches past the end \
             of the file ({:#x}): the file is truncated",
            data.len()
        );
        lost.push(Error::new(Place::new(at + 20, "section PointerToRawData"), problem));
    }
    let it = Section { name, rva, virtual_size, file_offset, file_size, characteristics, is_cut };
    if rva.checked_add(it.memory_size()).is_none() {
        let problem = format!("section {} reaches past 4 GiB", it.name);
        return Err(Error::new(Place::new(at + 12, "section VirtualAddress"), problem));
    }
    Ok(it)
}

/// `/123` is a decimal offset into the COFF string table (mingw-w64 does so for `.debug_*`).
fn long_name(data: &[u8], raw: &[u8; 8], strings: Option<u64>) -> Option<String> {
    let digits = text(raw);
    let offset: u64 = digits.strip_prefix('/')?.parse().ok()?;
    let start = usize::try_from(strings?.checked_add(offset)?).ok()?;
    let bytes = data.get(start..)?;
    let name = text(&bytes[..bytes.len().min(256)]);
    (!name.is_empty()).then_some(name)
}
