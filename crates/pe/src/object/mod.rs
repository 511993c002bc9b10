//! What compilers leave before a linker makes an image of it: objects, short imports and libraries.
//!
//! Sources: Microsoft "PE Format" (COFF File Header (Object and Image), Archive (Library) File Format,
//! Import Library Format); `winnt.h` of mingw-w64 for `ANON_OBJECT_HEADER*`; LLVM "LLVM Bitcode File
//! Format", Magic Numbers and Wrapper.

mod archive;
mod coff;
mod import;
mod tables;

pub use archive::{Archive, Member};
pub use coff::{Object, ObjectSection};
pub use import::{NameType, ShortImport};
pub use tables::{ObjectRelocation, ObjectSymbol};

use crate::bytes::{array, slice, u16_at, u32_at};
use crate::error::{Error, Place};
use crate::headers::Machine;

/// `IMAGE_ARCHIVE_START`.
const ARCHIVE: &[u8] = b"!<arch>\n";
/// The same of an archive that only names files.
const THIN_ARCHIVE: &[u8] = b"!<thin>\n";
/// `BC` 0xC0DE.
const BITCODE: &[u8] = b"BC\xc0\xde";
/// Bitcode with a header before it, 0x0B17C0DE.
const BITCODE_WRAPPER: &[u8] = &[0xde, 0xc0, 0x17, 0x0b];
/// Sig1 `IMAGE_FILE_MACHINE_UNKNOWN`, Sig2 0xffff: an anonymous object.
const ANONYMOUS: &[u8] = &[0, 0, 0xff, 0xff];
/// Class of objects that `/bigobj` writes, {D1BAA1C7-BAEE-4BA9-AF20-FAF66AA4DCB8}, as it lies in the file.
const BIG_CLASS: [u8; 16] = [
    0xc7, 0xa1, 0xba, 0xd1, 0xee, 0xba, 0xa9, 0x4b, 0xaf, 0x20, 0xfa, 0xf6, 0x6a, 0xa4, 0xdc, 0xb8,
];
/// Class of objects that `/GL` writes, {0CB3FE38-D9A5-4DAB-AC9B-D6B6222653C2}, as it lies in the file.
const LTCG_CLASS: [u8; 16] = [
    0x38, 0xfe, 0xb3, 0x0c, 0xa5, 0xd9, 0xab, 0x4d, 0xac, 0x9b, 0xd6, 0xb6, 0x22, 0x26, 0x53, 0xc2,
];

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectFile {
    /// An object with machine code, ordinary or `/bigobj`.
    Object(Object),
    /// An anonymous object: it has no machine code.
    Anonymous(Anonymous),
    /// One import of an import library.
    Import(ShortImport),
    /// LLVM bitcode, as clang writes with `-flto`.
    Bitcode,
    /// A library.
    Archive(Archive),
}

/// `ANON_OBJECT_HEADER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anonymous {
    /// Version of the header: 1, or 2 with fields about metadata.
    pub version: u16,
    /// Processor that code will be generated for.
    pub machine: Machine,
    /// Seconds since 1970, or a hash.
    pub timestamp: u32,
    /// Which kind of anonymous object it is, as the bytes lie in the file.
    pub class: [u8; 16],
    /// Bytes that follow the header.
    pub size: u32,
    /// Whether its class is that of `/GL`: compiled for link-time code generation.
    pub is_ltcg: bool,
    /// Whether LLVM bitcode follows the header.
    pub is_bitcode: bool,
    /// The sections that follow the header; none where what follows is no object.
    pub sections: Vec<ObjectSection>,
}

/// Whether a file begins as one of them. An ordinary object has no magic number: it is taken for one
/// where its machine is known and its tables fit the file.
pub fn is_object(data: &[u8]) -> bool {
    let magics = [ARCHIVE, THIN_ARCHIVE, BITCODE, BITCODE_WRAPPER, ANONYMOUS];
    magics.iter().any(|magic| data.starts_with(magic)) || coff::is_plausible(data)
}

/// Reads an object, a short import or a library.
///
/// # Errors
/// A file that is none, or one whose headers are cut off.
pub fn read(data: &[u8]) -> Result<ObjectFile, Error> {
    if data.starts_with(ARCHIVE) || data.starts_with(THIN_ARCHIVE) {
        return archive::read(data, data.starts_with(THIN_ARCHIVE)).map(ObjectFile::Archive);
    }
    member(data)
}

/// Reads what may stand alone or in a library.
fn member(data: &[u8]) -> Result<ObjectFile, Error> {
    if data.starts_with(BITCODE) || data.starts_with(BITCODE_WRAPPER) {
        return Ok(ObjectFile::Bitcode);
    }
    if !data.starts_with(ANONYMOUS) {
        return coff::ordinary(data).map(ObjectFile::Object);
    }
    // Version 0 is a short import; those that follow say their class.
    match u16_at(data, 4, "anonymous object Version")? {
        0 => import::read(data).map(ObjectFile::Import),
        version => {
            let class = array(data, Place::new(12, "anonymous object ClassID"))?;
            if version >= 2 && class == BIG_CLASS {
                return coff::big(data).map(ObjectFile::Object);
            }
            anonymous(data, version, class).map(ObjectFile::Anonymous)
        }
    }
}

fn anonymous(data: &[u8], version: u16, class: [u8; 16]) -> Result<Anonymous, Error> {
    let machine = Machine::from_code(u16_at(data, 6, "anonymous object Machine")?);
    let timestamp = u32_at(data, 8, "anonymous object TimeDateStamp")?;
    let size = u32_at(data, 28, "anonymous object SizeOfData")?;
    let header = if version >= 2 { 44 } else { 32 };
    let rest = slice(data, Place::new(header, "anonymous object data"), 0)
        .map(|_| data.get(usize::try_from(header).unwrap_or(usize::MAX)..).unwrap_or_default())?;
    let is_bitcode = rest.starts_with(BITCODE) || rest.starts_with(BITCODE_WRAPPER);
    let is_ltcg = class == LTCG_CLASS;
    // The compiler's intermediate language lies in sections like those of an object, of a machine
    // number of its own. This is documented nowhere, so what does not fit is not told.
    let sections = if is_ltcg && !is_bitcode { coff::sections_of(rest) } else { Vec::new() };
    Ok(Anonymous { version, machine, timestamp, class, size, is_ltcg, is_bitcode, sections })
}
