//! Resources ("PE Format", The .rsrc Section): as far as a leaf by its type.

use crate::error::{Error, Place};
use crate::headers::{Directory, DirectoryIndex};
use crate::image::{Image, advance};

/// Entries of one directory that are looked at.
const MAX_ENTRIES: u32 = 4096;
/// The high bit of an entry: it leads to a directory.
const IS_DIRECTORY: u32 = 1 << 31;

impl<'a> Image<'a> {
    /// Content of the first resource of a type, given as number: of its first name and first language.
    ///
    /// # Errors
    /// A directory, or the content, that is not in the file.
    pub(crate) fn resource(&self, kind: u32) -> Result<Option<&'a [u8]>, Error> {
        let Some(root) = self.directory(DirectoryIndex::Resource) else {
            return Ok(None);
        };
        // Type, name, language: three levels, and so no circle.
        let mut offset = 0;
        for level in 0..3 {
            let wanted = (level == 0).then_some(kind);
            let Some(next) = self.resource_entry(root, offset, wanted)? else { return Ok(None) };
            if level == 2 {
                offset = next;
                break;
            }
            if next & IS_DIRECTORY == 0 {
                return Ok(None);
            }
            offset = next & !IS_DIRECTORY;
        }
        let at = advance(root.rva, offset & !IS_DIRECTORY, root.place)?;
        let from = self.place_of(at, root, "resource data entry");
        let rva = self.u32_at(at, from)?;
        let size = self.u32_at(advance(at, 4, from)?, from)?;
        self.held_at(rva, size, from).map(Some)
    }

    /// Where the first entry of a directory leads, or that of an ID.
    fn resource_entry(
        &self,
        root: Directory,
        offset: u32,
        wanted: Option<u32>,
    ) -> Result<Option<u32>, Error> {
        let table = advance(root.rva, offset, root.place)?;
        let from = self.place_of(table, root, "resource directory table");
        let named = u32::from(self.u16_at(advance(table, 12, from)?, from)?);
        let numbered = u32::from(self.u16_at(advance(table, 14, from)?, from)?);
        for index in 0..(named + numbered).min(MAX_ENTRIES) {
            let entry = advance(table, 16 + index * 8, from)?;
            let from = self.place_of(entry, root, "resource directory entry");
            let id = self.u32_at(entry, from)?;
            if wanted.is_none_or(|wanted| id == wanted) {
                return self.u32_at(advance(entry, 4, from)?, from).map(Some);
            }
        }
        Ok(None)
    }

    fn place_of(&self, rva: u32, root: Directory, field: &'static str) -> Place {
        Place::new(self.file_offset(rva).unwrap_or(root.place.offset), field)
    }
}
