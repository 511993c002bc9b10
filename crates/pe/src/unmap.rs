//! An image out of memory, made readable as a file.

use crate::error::Error;
use crate::headers::{DirectoryIndex, Headers};

/// Bytes of a section header, and of its fields that matter here.
const HEADER: usize = 40;
const VIRTUAL_SIZE: usize = 8;
const RAW_SIZE: usize = 16;

/// Bytes of a debug directory entry, and more of them than an image has.
const DEBUG_ENTRY: usize = 28;
const MOST_DEBUG_ENTRIES: usize = 64;

/// Turns `memory`, an image as it stands in memory from its base on, into one that [`crate::Image::parse`]
/// reads as a file: each section's content is then where the section is. What relocation and the loader
/// changed stays changed. Directories whose first byte is not there (`is_there` of its RVA) are taken out:
/// zeros stand in for what is missing, and many zeros are long to read.
///
/// # Errors
/// Headers that are none.
pub fn file_from_memory(memory: &mut [u8], is_there: &dyn Fn(u32) -> bool) -> Result<(), Error> {
    let headers = Headers::parse(memory)?;
    // Entries of the debug directory tell where their data are in the file and where in memory.
    if let Some(debug) = headers.directory(DirectoryIndex::Debug) {
        let count = (debug.size as usize / DEBUG_ENTRY).min(MOST_DEBUG_ENTRIES);
        let from = debug.rva as usize;
        let table = memory.get_mut(from..).unwrap_or_default();
        for entry in table.chunks_exact_mut(DEBUG_ENTRY).take(count) {
            entry.copy_within(20..24, 24);
        }
    }
    let first = headers.optional + if headers.is_64bit { 112 } else { 96 };
    for (directory, at) in headers.directories.iter().zip((first..).step_by(8)) {
        let entry = usize::try_from(at).ok().and_then(|at| memory.get_mut(at..at.checked_add(8)?));
        if let Some(entry) = entry.filter(|_| !is_there(directory.rva)) {
            entry.fill(0);
        }
    }
    let table = usize::try_from(headers.section_table).unwrap_or(usize::MAX);
    for (index, section) in headers.sections.iter().enumerate() {
        let room = memory.len().saturating_sub(section.rva as usize);
        let size = (section.memory_size() as usize).min(room) as u32;
        let Some(at) = index.checked_mul(HEADER).and_then(|skip| table.checked_add(skip)) else {
            break;
        };
        let Some(header) = at.checked_add(HEADER).and_then(|end| memory.get_mut(at..end)) else {
            break;
        };
        header[VIRTUAL_SIZE..VIRTUAL_SIZE + 4]
            .copy_from_slice(&section.memory_size().to_le_bytes());
        header[RAW_SIZE..RAW_SIZE + 4].copy_from_slice(&size.to_le_bytes());
        // Of a section beyond the end there is nothing, not even a place.
        let place = if size == 0 { 0 } else { section.rva };
        header[RAW_SIZE + 4..RAW_SIZE + 8].copy_from_slice(&place.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, writer};

    #[test]
    fn an_image_in_memory_reads_as_its_file_does() {
        let file = writer::driver();
        let image = Image::parse(&file).unwrap();
        let mut memory = image.map_at(image.image_base()).unwrap();
        file_from_memory(&mut memory, &|_| true).unwrap();
        let again = Image::parse(&memory).unwrap();
        assert_eq!(again.functions().unwrap(), image.functions().unwrap());
        assert_eq!(again.exports().unwrap(), image.exports().unwrap());
        assert_eq!(again.codeview().unwrap(), image.codeview().unwrap());
        for (own, other) in again.sections().iter().zip(image.sections()) {
            assert_eq!((own.rva, own.memory_size()), (other.rva, other.memory_size()));
            // In the others addresses have changed: of an entry of the debug directory, for one.
            if other.is_code() {
                let length = (other.memory_size() as usize).min(image.content(other).len());
                assert!(again.content(own)[..length] == image.content(other)[..length]);
            }
        }
    }

    #[test]
    fn an_image_may_be_cut() {
        let file = writer::driver();
        let image = Image::parse(&file).unwrap();
        let mut memory = image.map_at(image.image_base()).unwrap();
        memory.truncate(0x1800);
        file_from_memory(&mut memory, &|rva| rva < 0x1800).unwrap();
        assert_eq!(Image::parse(&memory).unwrap().sections().len(), image.sections().len());
    }

    #[test]
    fn tables_that_are_not_there_are_left_out() {
        let file = writer::driver();
        let image = Image::parse(&file).unwrap();
        let mut memory = image.map_at(image.image_base()).unwrap();
        file_from_memory(&mut memory, &|_| false).unwrap();
        let again = Image::parse(&memory).unwrap();
        assert!(again.functions().unwrap().is_empty() && again.exports().unwrap().is_empty());
        assert_eq!(again.codeview().unwrap(), None);
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert!(file_from_memory(&mut [], &|_| true).is_err());
        assert!(file_from_memory(&mut [0; 4096], &|_| true).is_err());
    }
}
