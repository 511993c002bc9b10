//! An image out of memory, made readable as a file.

use crate::error::Error;
use crate::headers::Headers;

/// Bytes of a section header, and of its fields that matter here.
const HEADER: usize = 40;
const VIRTUAL_SIZE: usize = 8;
const RAW_SIZE: usize = 16;

/// Turns `memory`, an image as it stands in memory from its base on, into one that [`crate::Image::parse`]
/// reads as a file: each section's content is then where the section is. What relocation and the loader
/// changed stays changed.
///
/// # Errors
/// Headers that are none.
pub fn file_from_memory(memory: &mut [u8]) -> Result<(), Error> {
    let headers = Headers::parse(memory)?;
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
        header[RAW_SIZE + 4..RAW_SIZE + 8].copy_from_slice(&section.rva.to_le_bytes());
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
        file_from_memory(&mut memory).unwrap();
        let again = Image::parse(&memory).unwrap();
        assert_eq!(again.functions().unwrap(), image.functions().unwrap());
        assert_eq!(again.exports().unwrap(), image.exports().unwrap());
        assert_eq!(again.codeview().unwrap(), image.codeview().unwrap());
        for (own, other) in again.sections().iter().zip(image.sections()) {
            assert_eq!((own.rva, own.memory_size()), (other.rva, other.memory_size()));
            let shared = image.content(other);
            assert_eq!(
                &again.content(own)[..shared.len().min(own.memory_size() as usize)],
                &shared[..shared.len().min(own.memory_size() as usize)]
            );
        }
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert!(file_from_memory(&mut []).is_err());
        assert!(file_from_memory(&mut [0; 4096]).is_err());
    }
}
