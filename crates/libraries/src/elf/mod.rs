//! ELF files as the loader sees them: by program headers and the dynamic table, never by sections, which may be
//! stripped.
//!
//! Sources: "System V ABI", chapters 4 and 5; "Linux Standard Base Core Specification 5.0", Symbol Versioning.
//! Crate `object` knows the structures; every offset and size of the file is checked here.

mod abi;
mod dynamic;
mod names;

pub use abi::{Abi, Class};
pub use dynamic::VersionNeed;

use crate::text;
use dynamic::Tables;
use evidence::Error;
use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader};
use std::collections::BTreeSet;
use std::ops::Range;

/// Program headers of one file that are looked at; the kernel takes no more either (64 KiB of them).
const MOST_HEADERS: usize = 2048;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program at a fixed address.
    Program,
    /// A library, or a program that may lie anywhere.
    Shared,
    /// An object, a core dump, or another number.
    Other(u16),
}

/// An ELF file, as far as loading it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// Class and processor.
    pub abi: Abi,
    /// Program, library, or neither.
    pub kind: Kind,
    /// The loader that it names.
    pub interpreter: Option<String>,
    /// Whether it has a dynamic table. One without is a static program.
    pub is_dynamic: bool,
    /// Libraries that it needs, in order.
    pub needed: Vec<String>,
    /// Its own name.
    pub soname: Option<String>,
    /// Folders for its libraries and theirs (DT_RPATH), as they stand there.
    pub rpath: Option<String>,
    /// Folders for its own libraries only (DT_RUNPATH).
    pub runpath: Option<String>,
    /// Whether the default folders are barred to it (DF_1_NODEFLIB).
    pub no_default: bool,
    /// Versions of symbols that it needs, each of a library.
    pub wants: Vec<VersionNeed>,
    /// Versions of symbols that it defines; empty for a library without versions.
    pub gives: Vec<String>,
    /// Whether it calls dlopen or dlmopen.
    pub opens: bool,
    /// Functions that it imports, of those that were asked for.
    pub imports: BTreeSet<String>,
    /// Texts in it that look like names of libraries, those that it needs left out.
    pub names: Vec<String>,
    /// What of it could not be read.
    pub lost: Vec<Error>,
}

/// Whether a file begins as an ELF file does.
pub fn is_elf(data: &[u8]) -> bool {
    data.starts_with(&elf::ELFMAG)
}

impl Elf {
    /// Reads a file; of its imports those that `asked` names are kept.
    ///
    /// # Errors
    /// Headers that no loader takes. What is wrong with tables is in [`Elf::lost`].
    pub fn read(data: &[u8], asked: &BTreeSet<String>) -> Result<Elf, Error> {
        let abi = Abi::of(data)?;
        let endian = if abi.is_big { Endianness::Big } else { Endianness::Little };
        match abi.class {
            Class::Bits32 => read::<elf::FileHeader32<Endianness>>(data, endian, abi, asked),
            Class::Bits64 => read::<elf::FileHeader64<Endianness>>(data, endian, abi, asked),
        }
    }

    /// A file of which nothing is known but what it is for.
    pub(crate) fn bare(abi: Abi) -> Elf {
        Elf {
            abi,
            kind: Kind::Shared,
            interpreter: None,
            is_dynamic: false,
            needed: Vec::new(),
            soname: None,
            rpath: None,
            runpath: None,
            no_default: false,
            wants: Vec::new(),
            gives: Vec::new(),
            opens: false,
            imports: BTreeSet::new(),
            names: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// The name that others find it by: its own, else that of its file.
    pub fn name<'a>(&'a self, path: &'a str) -> &'a str {
        self.soname.as_deref().unwrap_or_else(|| path.rsplit('/').next().unwrap_or(path))
    }
}

/// A part of the file that is put into memory.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// First address.
    pub address: u64,
    /// Where it lies in the file, within its bounds.
    pub file: Range<usize>,
}

fn read<H>(
    data: &[u8],
    endian: Endianness,
    abi: Abi,
    asked: &BTreeSet<String>,
) -> Result<Elf, Error>
where
    H: FileHeader<Endian = Endianness>,
{
    let header = H::parse(data).map_err(|error| fault(0, "ELF header", &error.to_string()))?;
    let kind = match header.e_type(endian) {
        elf::ET_EXEC => Kind::Program,
        elf::ET_DYN => Kind::Shared,
        other => Kind::Other(other),
    };
    let at = header.e_phoff(endian).into();
    let headers = header
        .program_headers(endian, data)
        .map_err(|error| fault(at, "program headers", &error.to_string()))?;
    if headers.len() > MOST_HEADERS {
        let problem = format!("{} of them, more than the kernel takes", headers.len());
        return Err(fault(at, "e_phnum", &problem));
    }
    let mut it = Elf { kind, ..Elf::bare(abi) };
    let mut segments = Vec::new();
    let mut dynamic = None;
    for header in headers {
        let (offset, size) = header.file_range(endian);
        let range = range_in(data, offset, size);
        match header.p_type(endian) {
            elf::PT_LOAD => match range {
                Some(file) => {
                    segments.push(Segment { address: header.p_vaddr(endian).into(), file })
                }
                None => it.lost.push(fault(offset, "PT_LOAD", &beyond(data, size))),
            },
            elf::PT_INTERP => match range.and_then(|range| data.get(range)) {
                Some(bytes) => {
                    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
                    it.interpreter = Some(text(bytes.get(..end).unwrap_or_default()));
                }
                None => it.lost.push(fault(offset, "PT_INTERP", &beyond(data, size))),
            },
            elf::PT_DYNAMIC => match range {
                Some(range) => dynamic = Some((offset, range)),
                None => it.lost.push(fault(offset, "PT_DYNAMIC", &beyond(data, size))),
            },
            _ => {}
        }
    }
    if let Some((offset, range)) = dynamic {
        it.is_dynamic = true;
        Tables::<H>::read(&mut it, data, endian, offset, range, &segments, asked);
    }
    if it.opens {
        it.names = names::of(data, &segments, &it);
    }
    Ok(it)
}

fn range_in(data: &[u8], offset: u64, size: u64) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    (end <= data.len()).then_some(start..end)
}

fn beyond(data: &[u8], size: u64) -> String {
    format!("{size:#x} bytes there, and the file ends at {:#x}", data.len())
}

fn fault(offset: u64, field: &'static str, problem: &str) -> Error {
    Error { offset, field, problem: problem.to_owned() }
}
