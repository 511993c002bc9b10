//! The image as it stands in memory after loading.

use crate::bytes::slice;
use crate::error::{Error, Place};
use crate::headers::DirectoryIndex;
use crate::image::Image;
use crate::section::Section;

/// Largest image that [`Image::map_at`] lays out, in bytes. The largest drivers (graphics) take about
/// 100 MiB.
pub const MAX_IMAGE_SIZE: u32 = 256 << 20;

const PAGE: u32 = 0x1000;
const RELOCS_STRIPPED: u16 = 0x0001;

impl Image<'_> {
    /// [`Image::size_of_image`] bytes: headers and sections in their places, zeros between, base
    /// relocations applied for a load at `base`, and the header's `ImageBase` set to it, as the loader
    /// does. The import address table is as in the file.
    ///
    /// # Errors
    /// A base that is not a multiple of 4096, or beyond 4 GiB for PE32; an image of more than [`MAX_IMAGE_SIZE`];
    /// sections that overlap or leave the image; a relocation outside it; an image without relocations
    /// that would have to move.
    pub fn map_at(&self, base: u64) -> Result<Vec<u8>, Error> {
        let headers = &self.headers;
        let (base_field, base_width) = headers.base_field();
        let base_place = Place::new(base_field, "ImageBase");
        let size_place = Place::new(headers.optional + 56, "SizeOfImage");
        let size = headers.size_of_image;
        let end = base.checked_add(u64::from(size));
        let room = if headers.is_64bit { u64::MAX } else { 1 << 32 };
        if !base.is_multiple_of(u64::from(PAGE)) || end.is_none_or(|end| end > room) {
            let problem = format!("the image cannot stand at {base:#x}");
            return Err(Error::new(base_place, problem));
        }
        if size > MAX_IMAGE_SIZE {
            let problem = format!("{size:#x} is more than the {MAX_IMAGE_SIZE:#x} bytes supported");
            return Err(Error::new(size_place, problem));
        }
        self.check_layout()?;

        let mut memory = vec![0; size as usize];
        let header_size = self.data.len().min(headers.size_of_headers as usize);
        let place = Place::new(headers.optional + 60, "SizeOfHeaders");
        copy(
            &mut memory,
            0,
            slice(self.data, Place { offset: 0, ..place }, header_size as u64)?,
            place,
        )?;
        for (section, place) in self.placed_sections() {
            // Content beyond the virtual size is mapped up to the end of its last page.
            let room = section.memory_size().div_ceil(PAGE).saturating_mul(PAGE);
            let length = u64::from(section.file_size.min(room));
            let from = Place { offset: u64::from(section.file_offset), ..place };
            let bytes = slice(self.data, from, length)?;
            copy(&mut memory, section.rva, bytes, place)?;
        }

        let delta = base.wrapping_sub(headers.image_base);
        if delta != 0 {
            if headers.characteristics & RELOCS_STRIPPED != 0 {
                let problem = format!(
                    "its relocations were stripped, so it can only be loaded at {:#x}",
                    headers.image_base
                );
                return Err(Error::new(base_place, problem));
            }
            self.relocate(&mut memory, delta)?;
            // Only where the headers are mapped; a smaller SizeOfHeaders would be the file's own oddity.
            if let Some(field) = u32::try_from(base_field)
                .ok()
                .filter(|at| u64::from(*at) + base_width as u64 <= headers.size_of_headers.into())
            {
                copy(&mut memory, field, &base.to_le_bytes()[..base_width], base_place)?;
            }
        }
        Ok(memory)
    }

    /// Sections, each with the place of its address in the section table.
    fn placed_sections(&self) -> impl Iterator<Item = (&Section, Place)> {
        let table = self.headers.section_table;
        self.sections().iter().zip(0u64..).map(move |(section, index)| {
            (section, Place::new(table + index * 40 + 12, "section VirtualAddress"))
        })
    }

    /// Sections lie in ascending order, do not overlap and stay inside the image.
    fn check_layout(&self) -> Result<(), Error> {
        let headers = &self.headers;
        let in_pages = headers.section_alignment >= PAGE;
        let mut free = 0;
        for (section, place) in self.placed_sections() {
            let Section { name, rva, file_offset, .. } = section;
            if *rva < free {
                let problem = format!("section {name} at {rva:#x} overlaps what lies before it");
                return Err(Error::new(place, problem));
            }
            if in_pages && !rva.is_multiple_of(PAGE) {
                let problem = format!("section {name} at {rva:#x} does not begin on a page");
                return Err(Error::new(place, problem));
            }
            // The loader would round the file offset down to a disk sector and map what lies there.
            if in_pages && section.file_size != 0 && !file_offset.is_multiple_of(0x200) {
                let place = Place::new(place.offset + 8, "section PointerToRawData");
                let problem = format!("of {name}, {file_offset:#x}, is not a multiple of 0x200");
                return Err(Error::new(place, problem));
            }
            if !in_pages && section.file_size != 0 && file_offset != rva {
                let problem = format!(
                    "section {name} is at {rva:#x} in memory and at {file_offset:#x} in the file; with \
                     sections smaller than a page both have to be the same"
                );
                return Err(Error::new(place, problem));
            }
            free = rva.saturating_add(section.memory_size());
            if free > headers.size_of_image {
                let problem = format!("section {name} reaches past SizeOfImage");
                return Err(Error::new(place, problem));
            }
        }
        Ok(())
    }

    fn relocate(&self, memory: &mut [u8], delta: u64) -> Result<(), Error> {
        let directory = self.directory(DirectoryIndex::BaseRelocation);
        let Some(place) = directory.map(|it| it.place) else { return Ok(()) };
        for relocation in self.relocations()? {
            let outside = || {
                let problem = format!("relocation at RVA {:#x}, outside the image", relocation.rva);
                Error::new(place, problem)
            };
            let start = relocation.rva as usize;
            let size = relocation.kind.size() as usize;
            let end = start.checked_add(size).ok_or_else(outside)?;
            let field = memory.get_mut(start..end).ok_or_else(outside)?;
            relocation.kind.apply(field, delta);
        }
        Ok(())
    }
}

fn copy(memory: &mut [u8], rva: u32, bytes: &[u8], place: Place) -> Result<(), Error> {
    let start = rva as usize;
    // What does not fit SizeOfImage is only the tail of the last page, which nobody can refer to.
    let end = start.saturating_add(bytes.len()).min(memory.len());
    let target = memory
        .get_mut(start..end)
        .ok_or_else(|| Error::new(place, format!("RVA {rva:#x} lies outside SizeOfImage")))?;
    target.copy_from_slice(&bytes[..target.len()]);
    Ok(())
}
