//! Places to correct when the image is not loaded where it was linked ("PE Format", The .reloc Section).

use crate::error::{Error, Place};
use crate::headers::DirectoryIndex;
use crate::image::{Image, advance};

/// One base relocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// The place to correct.
    pub rva: u32,
    /// How to correct it.
    pub kind: RelocationKind,
}

/// Which bits the difference between real and linked base is added to (`IMAGE_REL_BASED_*`). Padding
/// (`ABSOLUTE`) is left out of [`Image::relocations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelocationKind {
    /// A 16-bit field that holds bits 16-31 of an address.
    High,
    /// A 16-bit field that holds bits 0-15 of an address.
    Low,
    /// A 32-bit address.
    HighLow,
    /// A 64-bit address.
    Dir64,
}

impl RelocationKind {
    /// Bytes that it corrects.
    pub fn size(self) -> u32 {
        match self {
            Self::High | Self::Low => 2,
            Self::HighLow => 4,
            Self::Dir64 => 8,
        }
    }
}

impl Image<'_> {
    /// Base relocations, block by block.
    ///
    /// # Errors
    /// A block that does not fit the directory, or a kind that x86 does not have.
    pub fn relocations(&self) -> Result<Vec<Relocation>, Error> {
        let Some(directory) = self.table(DirectoryIndex::BaseRelocation)? else {
            return Ok(Vec::new());
        };
        let end = advance(directory.rva, directory.size, directory.place)?;
        let mut relocations = Vec::new();
        let mut block = directory.rva;
        while end - block >= 8 {
            let at = self.file_offset(block).unwrap_or(directory.place.offset);
            let from = Place::new(at, "base relocation Page RVA");
            let page = self.u32_at(block, from)?;
            let from = Place::new(at.saturating_add(4), "base relocation Block Size");
            let size = self.u32_at(advance(block, 4, from)?, from)?;
            if page == 0 && size == 0 {
                break; // Padding up to the directory's size.
            }
            if size < 8 || size > end - block || size % 2 != 0 {
                let problem = format!("is {size:#x} with {:#x} bytes left", end - block);
                return Err(Error::new(from, problem));
            }
            for slot in (block + 8..block + size).step_by(2) {
                let at = self.file_offset(slot).unwrap_or(from.offset);
                let from = Place::new(at, "base relocation Type");
                let entry = self.u16_at(slot, from)?;
                let rva = advance(page, u32::from(entry & 0xfff), from)?;
                let kind = match entry >> 12 {
                    0 => continue,
                    1 => RelocationKind::High,
                    2 => RelocationKind::Low,
                    3 => RelocationKind::HighLow,
                    10 => RelocationKind::Dir64,
                    other => {
                        return Err(Error::new(from, format!("kind {other} is not supported")));
                    }
                };
                relocations.push(Relocation { rva, kind });
            }
            block += size;
        }
        Ok(relocations)
    }
}
