//! Which PDB belongs to the image ("PE Format", Debug Directory; the "RSDS" record).

use crate::bytes::{array, slice, text, u32_at};
use crate::error::{Error, Place};
use crate::headers::DirectoryIndex;
use crate::image::{Image, advance};

const TYPE_CODEVIEW: u32 = 2;
/// Longest path of a PDB that is believed.
const MAX_PATH: u32 = 0x1000;

/// The identity of the PDB that was written together with the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeView {
    /// GUID, as its bytes lie in the file: the first three fields little-endian.
    pub guid: [u8; 16],
    /// How often the PDB had been changed.
    pub age: u32,
    /// Path or file name of the PDB on the machine that linked the image.
    pub path: String,
}

impl CodeView {
    /// The GUID in its usual text form, upper-case, without braces.
    pub fn guid_text(&self) -> String {
        let g = &self.guid;
        let mut text = format!(
            "{:02X}{:02X}{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}-",
            g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9]
        );
        for byte in &g[10..] {
            text.push_str(&format!("{byte:02X}"));
        }
        text
    }
}

/// An entry of the debug directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebugEntry {
    /// `IMAGE_DEBUG_TYPE_*`.
    pub kind: u32,
    /// `TimeDateStamp`.
    pub timestamp: u32,
    /// Bytes of its content.
    pub size: u32,
    /// Where its content is in the file.
    pub offset: u32,
}

impl DebugEntry {
    /// Says that the image is reproducible: its time stamp is a hash of what it was made of.
    pub const REPRO: u32 = 16;

    /// Name of the kind as in `winnt.h`, without `IMAGE_DEBUG_TYPE_`; `None` for a number that the
    /// specification has not.
    pub fn kind_name(&self) -> Option<&'static str> {
        Some(match self.kind {
            0 => "UNKNOWN",
            1 => "COFF",
            2 => "CODEVIEW",
            3 => "FPO",
            4 => "MISC",
            5 => "EXCEPTION",
            6 => "FIXUP",
            7 => "OMAP_TO_SRC",
            8 => "OMAP_FROM_SRC",
            9 => "BORLAND",
            11 => "CLSID",
            12 => "VC_FEATURE",
            13 => "POGO",
            14 => "ILTCG",
            15 => "MPX",
            16 => "REPRO",
            17 => "EMBEDDED_PDB",
            19 => "PDB_CHECKSUM",
            20 => "EX_DLLCHARACTERISTICS",
            _ => return None,
        })
    }
}

/// More entries than any linker writes.
const MAX_ENTRIES: u32 = 256;

impl Image<'_> {
    /// Entries of the debug directory, in order.
    ///
    /// # Errors
    /// A directory that is not in the file.
    pub fn debug_entries(&self) -> Result<Vec<DebugEntry>, Error> {
        let Some(directory) = self.table(DirectoryIndex::Debug)? else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for index in 0..(directory.size / 28).min(MAX_ENTRIES) {
            let entry = advance(directory.rva, index * 28, directory.place)?;
            let at = self.file_offset(entry).unwrap_or(directory.place.offset);
            let word = |offset: u32, name| {
                let from = Place::new(at.saturating_add(offset.into()), name);
                self.u32_at(advance(entry, offset, from)?, from)
            };
            entries.push(DebugEntry {
                kind: word(12, "debug directory Type")?,
                timestamp: word(4, "debug directory TimeDateStamp")?,
                size: word(16, "debug directory SizeOfData")?,
                offset: word(24, "debug directory PointerToRawData")?,
            });
        }
        Ok(entries)
    }

    /// Whether its time stamp is for certain no time but a hash: the linker says so by an entry.
    pub fn is_reproducible(&self) -> bool {
        let entries = self.debug_entries().unwrap_or_default();
        entries.iter().any(|entry| entry.kind == DebugEntry::REPRO)
    }

    /// The first CodeView record of the debug directory, or `None`.
    ///
    /// # Errors
    /// A debug directory or record that is not in the file. An old record than "RSDS" reads as `None`.
    pub fn codeview(&self) -> Result<Option<CodeView>, Error> {
        let Some(directory) = self.table(DirectoryIndex::Debug)? else {
            return Ok(None);
        };
        for index in 0..directory.size / 28 {
            let entry = advance(directory.rva, index * 28, directory.place)?;
            let at = self.file_offset(entry).unwrap_or(directory.place.offset);
            let from = Place::new(at.saturating_add(12), "debug directory Type");
            if self.u32_at(advance(entry, 12, from)?, from)? != TYPE_CODEVIEW {
                continue;
            }
            let from = Place::new(at.saturating_add(16), "debug directory SizeOfData");
            let size = self.u32_at(advance(entry, 16, from)?, from)?;
            let from = Place::new(at.saturating_add(24), "debug directory PointerToRawData");
            let pointer = u64::from(self.u32_at(advance(entry, 24, from)?, from)?);
            let place = Place::new(pointer, "CodeView record");
            if size < 24 || array::<4>(self.data, place)? != *b"RSDS" {
                continue;
            }
            let guid = array(self.data, Place::new(pointer + 4, "CodeView GUID"))?;
            let age = u32_at(self.data, pointer + 20, "CodeView Age")?;
            let length = u64::from((size - 24).min(MAX_PATH));
            let path = slice(self.data, Place::new(pointer + 24, "CodeView path"), length)?;
            return Ok(Some(CodeView { guid, age, path: text(path) }));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_written_as_windows_writes_it() {
        let guid = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ];
        let it = CodeView { guid, age: 1, path: String::new() };
        assert_eq!(it.guid_text(), "00112233-4455-6677-8899-AABBCCDDEEFF");
    }
}
