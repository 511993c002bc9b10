//! What the linker notes of profile guided or link-time optimisation: which parts each section is made of.
//!
//! Debug directory type `IMAGE_DEBUG_TYPE_POGO` ("PE Format", Debug Type). Its content is documented nowhere; found by
//! others (LIEF, System Informer): a signature, and for each part RVA, size and name.

use crate::bytes::{slice, text, u32_at};
use crate::debug_directory::DebugEntry;
use crate::error::{Error, Place};
use crate::image::Image;

/// Parts that are read.
const MOST: usize = 4096;
/// `IMAGE_DEBUG_TYPE_POGO`.
const POGO: u32 = 13;

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pogo {
    /// How the image was optimised: `LTCG`, `PGU`, `PGI`, `PGO`, or eight digits.
    pub kind: String,
    /// Parts of the sections, in order: RVA, bytes, name.
    pub parts: Vec<(u32, u32, String)>,
}

impl Image<'_> {
    /// The entry of the debug directory about it, or `None` where there is none.
    ///
    /// # Errors
    /// A debug directory, or content of it, that is not in the file.
    pub fn pogo(&self) -> Result<Option<Pogo>, Error> {
        let entries = self.debug_entries()?;
        let Some(DebugEntry { size, offset, .. }) = entries.into_iter().find(|it| it.kind == POGO)
        else {
            return Ok(None);
        };
        let bytes = slice(self.data, Place::new(offset.into(), "POGO data"), size.into())?;
        let signature = u32_at(bytes, 0, "POGO signature")
            .map_err(|error| Error { offset: offset.into(), ..error })?;
        let kind = match signature {
            0x4c54_4347 => "LTCG".to_owned(),
            0x5047_5500 => "PGU".to_owned(),
            0x5047_4900 => "PGI".to_owned(),
            0x5047_4f00 => "PGO".to_owned(),
            other => format!("{other:08x}"),
        };
        let mut parts = Vec::new();
        let mut at = 4usize;
        while parts.len() < MOST && at + 9 <= bytes.len() {
            let word = |from: usize| u32_at(bytes, from as u64, "POGO entry");
            let (rva, length) = (word(at)?, word(at + 4)?);
            let name = &bytes[at + 8..];
            let name = &name[..name.len().min(256)];
            let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            if rva == 0 && length == 0 && end == 0 {
                break;
            }
            parts.push((rva, length, text(name)));
            at = (at + 8 + end + 1).next_multiple_of(4);
        }
        Ok(Some(Pogo { kind, parts }))
    }

    /// Flags of the entry `EX_DLLCHARACTERISTICS` of the debug directory; 0 where there is none. Bit 0: the code
    /// may run with a shadow stack (`/CETCOMPAT`).
    pub fn extended_characteristics(&self) -> u32 {
        let entries = self.debug_entries().unwrap_or_default();
        let entry = entries.into_iter().find(|it| it.kind == 20 && it.size >= 4);
        entry
            .and_then(|it| u32_at(self.data, it.offset.into(), "EX_DLLCHARACTERISTICS").ok())
            .unwrap_or(0)
    }
}
