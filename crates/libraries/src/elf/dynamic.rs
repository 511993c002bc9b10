//! The dynamic table and what it leads to: names, versions, imports.

use super::{Elf, Segment, fault};
use crate::text;
use evidence::Error;
use object::Endianness;
use object::elf;
use object::endian::Endian;
use object::read::elf::{Dyn, FileHeader};
use std::collections::BTreeSet;
use std::ops::Range;

/// Entries of one dynamic table.
const MOST_ENTRIES: usize = 0x1_0000;
/// Needed libraries, versions or definitions of one file.
const MOST_NAMES: usize = 0x4000;
/// Undefined symbols that are looked at.
const MOST_SYMBOLS: u64 = 1 << 20;
/// Longest name that is taken.
const LONGEST: usize = 4096;

/// Functions that load a library by name (dlopen(3)).
const OPENERS: [&str; 2] = ["dlopen", "dlmopen"];

/// A version of symbols that one library needs of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionNeed {
    /// Name of the library, as among those needed.
    pub library: String,
    /// Name of the version.
    pub version: String,
    /// Whether it may be missing.
    pub is_weak: bool,
}

/// What the dynamic table leads to.
pub(super) struct Tables<'a, H: FileHeader> {
    data: &'a [u8],
    endian: Endianness,
    segments: &'a [Segment],
    /// The table of texts.
    strings: &'a [u8],
    strings_at: u64,
    header: std::marker::PhantomData<H>,
}

/// Addresses and counts out of the dynamic table.
#[derive(Default)]
struct Values {
    needed: Vec<u64>,
    soname: Option<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
    flags_1: u64,
    strings: Option<u64>,
    strings_size: u64,
    symbols: Option<u64>,
    hash: Option<u64>,
    gnu_hash: Option<u64>,
    need: Option<(u64, u64)>,
    define: Option<(u64, u64)>,
}

impl<'a, H: FileHeader<Endian = Endianness>> Tables<'a, H> {
    /// Reads all of it into `it`; what cannot be read goes to its losses.
    pub fn read(
        it: &mut Elf,
        data: &'a [u8],
        endian: Endianness,
        offset: u64,
        range: Range<usize>,
        segments: &'a [Segment],
        asked: &BTreeSet<String>,
    ) {
        let Ok(values) = values::<H>(data, endian, &range) else {
            it.lost.push(fault(offset, "PT_DYNAMIC", "its entries do not lie at a whole address"));
            return;
        };
        let mut tables = Tables::<H> {
            data,
            endian,
            segments,
            strings: &[],
            strings_at: offset,
            header: std::marker::PhantomData,
        };
        match values.strings.and_then(|address| tables.at(address)) {
            Some(at) => {
                let rest = data.get(at..).unwrap_or_default();
                let size = usize::try_from(values.strings_size).unwrap_or(usize::MAX);
                tables.strings = rest.get(..size).unwrap_or(rest);
                tables.strings_at = at as u64;
            }
            None => it.lost.push(fault(offset, "DT_STRTAB", "it does not lie in the file")),
        }
        let mut lost = Vec::new();
        let mut name =
            |at: u64, field| tables.string(at, field).map_err(|error| lost.push(error)).ok();
        it.needed = values.needed.iter().filter_map(|at| name(*at, "DT_NEEDED")).collect();
        it.soname = values.soname.and_then(|at| name(at, "DT_SONAME"));
        it.runpath = values.runpath.and_then(|at| name(at, "DT_RUNPATH"));
        it.rpath = values.rpath.and_then(|at| name(at, "DT_RPATH"));
        it.lost.append(&mut lost);
        it.no_default = values.flags_1 & u64::from(elf::DF_1_NODEFLIB) != 0;
        if let Some((address, count)) = values.need {
            let _ = tables.needs(it, address, count).map_err(|error| it.lost.push(error));
        }
        if let Some((address, count)) = values.define {
            let _ = tables.definitions(it, address, count).map_err(|error| it.lost.push(error));
        }
        let _ = tables.imports(it, &values, asked).map_err(|error| it.lost.push(error));
    }

    /// Where an address lies in the file.
    fn at(&self, address: u64) -> Option<usize> {
        self.segments.iter().find_map(|segment| {
            let inner = usize::try_from(address.checked_sub(segment.address)?).ok()?;
            (inner < segment.file.len()).then(|| segment.file.start + inner)
        })
    }

    fn string(&self, at: u64, field: &'static str) -> Result<String, Error> {
        let place = self.strings_at.saturating_add(at);
        let rest = usize::try_from(at).ok().and_then(|at| self.strings.get(at..));
        let rest = rest.filter(|rest| !rest.is_empty());
        let rest = rest.ok_or_else(|| fault(place, field, "its text lies outside of DT_STRTAB"))?;
        let end = memchr::memchr(0, rest).unwrap_or(rest.len());
        match rest.get(..end) {
            Some(name) if end <= LONGEST => Ok(text(name)),
            _ => Err(fault(place, field, "its text is longer than any path")),
        }
    }

    fn word(&self, at: u64, field: &'static str) -> Result<u32, Error> {
        let bytes = usize::try_from(at).ok().and_then(|at| self.data.get(at..at.checked_add(4)?));
        let bytes: Option<[u8; 4]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or_else(|| fault(at, field, "it does not lie in the file"))?;
        Ok(self.endian.read_u32(bytes))
    }

    fn half(&self, at: u64, field: &'static str) -> Result<u16, Error> {
        let bytes = usize::try_from(at).ok().and_then(|at| self.data.get(at..at.checked_add(2)?));
        let bytes: Option<[u8; 2]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or_else(|| fault(at, field, "it does not lie in the file"))?;
        Ok(self.endian.read_u16(bytes))
    }

    /// Versions needed: for each library `vn_version, vn_cnt, vn_file, vn_aux, vn_next`, and behind it for each
    /// version `vna_hash, vna_flags, vna_other, vna_name, vna_next`.
    fn needs(&self, it: &mut Elf, address: u64, count: u64) -> Result<(), Error> {
        let none = || fault(address, "DT_VERNEED", "it does not lie in the file");
        let mut at = self.at(address).ok_or_else(none)? as u64;
        for _ in 0..count.min(MOST_NAMES as u64) {
            let versions = self.half(at.saturating_add(2), "vn_cnt")?;
            let library =
                self.string(self.word(at.saturating_add(4), "vn_file")?.into(), "vn_file")?;
            let mut inner = at.saturating_add(self.word(at.saturating_add(8), "vn_aux")?.into());
            for _ in 0..versions {
                if it.wants.len() >= MOST_NAMES {
                    return Err(fault(at, "DT_VERNEED", "more versions than any file needs"));
                }
                let flags = self.half(inner.saturating_add(4), "vna_flags")?;
                let name = self.word(inner.saturating_add(8), "vna_name")?;
                it.wants.push(VersionNeed {
                    library: library.clone(),
                    version: self.string(name.into(), "vna_name")?,
                    is_weak: flags & elf::VER_FLG_WEAK != 0,
                });
                match self.word(inner.saturating_add(12), "vna_next")? {
                    0 => break,
                    next => inner = inner.saturating_add(next.into()),
                }
            }
            match self.word(at.saturating_add(12), "vn_next")? {
                0 => break,
                next => at = at.saturating_add(next.into()),
            }
        }
        Ok(())
    }

    /// Versions defined: `vd_version, vd_flags, vd_ndx, vd_cnt, vd_hash, vd_aux, vd_next`; the first name behind
    /// it is the version's. The base definition is the library's own name.
    fn definitions(&self, it: &mut Elf, address: u64, count: u64) -> Result<(), Error> {
        let none = || fault(address, "DT_VERDEF", "it does not lie in the file");
        let mut at = self.at(address).ok_or_else(none)? as u64;
        for _ in 0..count.min(MOST_NAMES as u64) {
            let flags = self.half(at.saturating_add(2), "vd_flags")?;
            let inner = at.saturating_add(self.word(at.saturating_add(12), "vd_aux")?.into());
            let name = self.string(self.word(inner, "vda_name")?.into(), "vda_name")?;
            // A file whose versions are all base ones has versions all the same.
            if flags & elf::VER_FLG_BASE == 0 || it.gives.is_empty() {
                it.gives.push(name);
            }
            match self.word(at.saturating_add(16), "vd_next")? {
                0 => break,
                next => at = at.saturating_add(next.into()),
            }
        }
        Ok(())
    }

    /// Undefined symbols, of which few are of interest. A table sorted for DT_GNU_HASH has them in front.
    fn imports(
        &self,
        it: &mut Elf,
        values: &Values,
        asked: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let Some(address) = values.symbols else { return Ok(()) };
        let none = || fault(address, "DT_SYMTAB", "it does not lie in the file");
        let start = self.at(address).ok_or_else(none)? as u64;
        let count = match (values.gnu_hash, values.hash) {
            (Some(hash), _) => self.at(hash).map(|at| self.word(at as u64 + 4, "symoffset")),
            (None, Some(hash)) => self.at(hash).map(|at| self.word(at as u64 + 4, "nchain")),
            (None, None) => None,
        };
        let Some(count) = count else { return Ok(()) };
        let count = u64::from(count?).min(MOST_SYMBOLS);
        // st_name, then in 32 bits value, size, info, other, section; in 64 bits info, other, section first.
        let (size, section) = if H::is_type_64_sized() { (24, 6) } else { (16, 14) };
        for index in 1..count {
            let at = start.saturating_add(index * size);
            if self.half(at.saturating_add(section), "st_shndx")? != elf::SHN_UNDEF {
                continue;
            }
            let Ok(name) = self.string(self.word(at, "st_name")?.into(), "st_name") else {
                continue;
            };
            it.opens |= OPENERS.contains(&name.as_str());
            if asked.contains(&name) {
                it.imports.insert(name);
            }
        }
        Ok(())
    }
}

fn values<H: FileHeader<Endian = Endianness>>(
    data: &[u8],
    endian: Endianness,
    range: &Range<usize>,
) -> Result<Values, ()> {
    let bytes = data.get(range.clone()).ok_or(())?;
    let entries: &[H::Dyn] = object::pod::slice_from_all_bytes(bytes)?;
    let mut values = Values::default();
    let (mut need, mut need_count, mut define, mut define_count) = (None, 0, None, 0);
    for entry in entries.iter().take(MOST_ENTRIES) {
        let value = entry.val(endian);
        match entry.tag(endian) {
            elf::DT_NULL => break,
            elf::DT_NEEDED if values.needed.len() < MOST_NAMES => values.needed.push(value),
            elf::DT_SONAME => values.soname = Some(value),
            elf::DT_RPATH => values.rpath = Some(value),
            elf::DT_RUNPATH => values.runpath = Some(value),
            elf::DT_FLAGS_1 => values.flags_1 = value,
            elf::DT_STRTAB => values.strings = Some(value),
            elf::DT_STRSZ => values.strings_size = value,
            elf::DT_SYMTAB => values.symbols = Some(value),
            elf::DT_HASH => values.hash = Some(value),
            elf::DT_GNU_HASH => values.gnu_hash = Some(value),
            elf::DT_VERNEED => need = Some(value),
            elf::DT_VERNEEDNUM => need_count = value,
            elf::DT_VERDEF => define = Some(value),
            elf::DT_VERDEFNUM => define_count = value,
            _ => {}
        }
    }
    values.need = need.map(|address| (address, need_count));
    values.define = define.map(|address| (address, define_count));
    Ok(values)
}
