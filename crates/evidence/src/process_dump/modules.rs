//! Modules: `MINIDUMP_MODULE`, `MINIDUMP_UNLOADED_MODULE`, and the CodeView record that names a PDB.

use super::{Location, Reader};
use crate::Error;
use crate::bytes::{slice, u32_at, u64_at};
use crate::crash_dump::{Stamp, Unloaded};

/// Longest name of a PDB that is read, in bytes.
const MOST_PDB: u64 = 0x400;

/// Which PDB an image was linked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeView {
    /// The PDB's GUID, in the order of the file.
    pub guid: [u8; 16],
    /// How often it was written.
    pub age: u32,
    /// Its path when it was linked.
    pub pdb: String,
}

/// A loaded module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Where its entry stands in the file.
    pub offset: u64,
    /// Its path; empty where the dump does not hold it.
    pub path: String,
    /// Address of its first byte.
    pub base: u64,
    /// Bytes.
    pub size: u32,
    /// Its header's checksum.
    pub checksum: u32,
    /// Its header's time stamp.
    pub stamp: Stamp,
    /// Its PDB.
    pub codeview: Option<CodeView>,
}

impl Module {
    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit(['\\', '/']).next().unwrap_or_default()
    }

    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: u64) -> bool {
        address.checked_sub(self.base).is_some_and(|inside| inside < u64::from(self.size))
    }
}

pub(super) fn list(reader: &mut Reader<'_>, at: Location) -> Vec<Module> {
    // Seconds since 1970 in the header; stamps are judged by 100 ns since 1601.
    let written = u32_at(reader.data, 20, "TimeDateStamp").map_or(0, u64::from);
    let written = (written != 0).then(|| (written + 11_644_473_600) * 10_000_000);
    let mut found = Vec::new();
    for offset in reader.list("NumberOfModules", at, 108) {
        let read = entry(reader, offset);
        let Some((mut module, name)) = reader.had(read) else { continue };
        module.stamp = Stamp::judge(module.stamp.raw(), written);
        module.path = reader.text("ModuleName", name);
        let record = reader.location(offset + 76);
        if let Some(Some(record)) = reader.had(record) {
            module.codeview = codeview(reader, record);
        }
        found.push(module);
    }
    found
}

fn entry(reader: &Reader<'_>, offset: u64) -> Result<(Module, u64), Error> {
    let half = |at: u64, field| u32_at(reader.data, offset + at, field);
    let module = Module {
        offset,
        path: String::new(),
        base: u64_at(reader.data, offset, "BaseOfImage")?,
        size: half(8, "SizeOfImage")?,
        checksum: half(12, "CheckSum")?,
        stamp: Stamp::judge(half(16, "TimeDateStamp")?, None),
        codeview: None,
    };
    Ok((module, half(20, "ModuleNameRva")?.into()))
}

/// A record of the newer form, `RSDS`; the older one names no PDB that a store can find.
fn codeview(reader: &mut Reader<'_>, at: Location) -> Option<CodeView> {
    const FIELD: &str = "CvRecord";
    let bytes = reader.bytes(FIELD, at.capped(24 + MOST_PDB))?;
    if !bytes.starts_with(b"RSDS") {
        return None;
    }
    let read = || {
        let mut guid = [0; 16];
        guid.copy_from_slice(slice(bytes, 4, 16, FIELD)?);
        let age = u32_at(bytes, 20, FIELD)?;
        let name = bytes.get(24..).unwrap_or_default();
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        Ok(CodeView { guid, age, pdb: String::from_utf8_lossy(&name[..end]).into_owned() })
    };
    reader.had(read().map_err(|error: Error| Error { offset: at.offset, ..error }))
}

pub(super) fn unloaded(reader: &mut Reader<'_>, at: Location) -> Vec<Unloaded> {
    const FIELD: &str = "MINIDUMP_UNLOADED_MODULE_LIST";
    let mut found = Vec::new();
    let word = |reader: &Reader<'_>, index: u64| u32_at(reader.data, at.offset + 4 * index, FIELD);
    let head = word(reader, 0).and_then(|header| Ok((header, word(reader, 1)?, word(reader, 2)?)));
    let Some((header, size, count)) = reader.had(head) else { return found };
    if size < 24 {
        reader.lack("SizeOfEntry", at.offset + 4, format!("{size} bytes, which an entry exceeds"));
        return found;
    }
    let first = at.offset + u64::from(header);
    for index in 0..reader.held(FIELD, first, size.into(), count.into()) {
        let offset = first + index * u64::from(size);
        let read = |reader: &Reader<'_>| -> Result<_, Error> {
            let begin = u64_at(reader.data, offset, "BaseOfImage")?;
            let size = u32_at(reader.data, offset + 8, "SizeOfImage")?;
            Ok((begin, size, u32_at(reader.data, offset + 20, "ModuleNameRva")?))
        };
        let read = read(reader);
        let Some((begin, size, name)) = reader.had(read) else { continue };
        let end = begin.saturating_add(size.into());
        let name = reader.text("ModuleName", name.into());
        found.push(Unloaded { offset, name, begin, end });
    }
    found
}
