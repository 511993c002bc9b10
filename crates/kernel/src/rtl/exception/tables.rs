//! The function table of an image, as the loader finds it in memory.

use pe::Function;
use std::rc::Rc;

/// Where the headers keep what is read here ("PE Format": MS-DOS stub, optional header, optional
/// header data directories).
const NEW_HEADER: usize = 0x3c;
const OPTIONAL_HEADER: usize = 24;
const PE32_PLUS: u16 = 0x20b;
const DIRECTORY_COUNT: usize = 108;
const EXCEPTION_DIRECTORY: usize = 112 + 3 * 8;

/// Bytes of a RUNTIME_FUNCTION.
const ENTRY: usize = 12;

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// Sorted by their first byte.
    pub functions: Rc<[Function]>,
    /// Offset of the table in the image.
    rva: u32,
}

impl Tables {
    /// Reads the table of a mapped image; empty where it has none or a damaged one, since an image
    /// without a table has leaf functions only.
    pub fn read(image: &[u8]) -> Tables {
        Tables::try_read(image).unwrap_or_default()
    }

    fn try_read(image: &[u8]) -> Option<Tables> {
        let header = (word(image, NEW_HEADER)? as usize).checked_add(OPTIONAL_HEADER)?;
        let magic = image.get(header..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))?;
        if magic != PE32_PLUS || word(image, header.checked_add(DIRECTORY_COUNT)?)? < 4 {
            return None;
        }
        let directory = header.checked_add(EXCEPTION_DIRECTORY)?;
        let (rva, size) = (word(image, directory)?, word(image, directory.checked_add(4)?)?);
        let table = image.get(rva as usize..)?.get(..size as usize)?;
        let mut functions: Vec<Function> = table
            .chunks_exact(ENTRY)
            .filter_map(|entry| {
                Some(Function {
                    begin: word(entry, 0)?,
                    end: word(entry, 4)?,
                    unwind: word(entry, 8)?,
                })
            })
            .take_while(|function| function.begin < function.end)
            .collect();
        functions.sort_by_key(|function| function.begin);
        Some(Tables { functions: functions.into(), rva })
    }

    /// Offset in the image of the entry for a function: what `RtlLookupFunctionEntry` points to.
    pub fn entry(&self, function: Function) -> Option<u32> {
        let index = self.functions.iter().position(|known| *known == function)?;
        self.rva.checked_add(u32::try_from(index * ENTRY).ok()?)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Vec<u8> {
        let mut image = vec![0; 0x400];
        let mut put = |at: usize, value: u32| {
            image[at..at + 4].copy_from_slice(&value.to_le_bytes());
        };
        put(NEW_HEADER, 0x80);
        put(0x98, PE32_PLUS.into());
        put(0x98 + DIRECTORY_COUNT, 16);
        put(0x98 + EXCEPTION_DIRECTORY, 0x300);
        put(0x98 + EXCEPTION_DIRECTORY + 4, 36);
        for (number, value) in [0x100, 0x110, 0x380, 0x110, 0x150, 0x390].into_iter().enumerate() {
            put(0x300 + 4 * number, value);
        }
        image
    }

    #[test]
    fn entries_are_found_up_to_the_padding() {
        let tables = Tables::read(&image());
        assert_eq!(tables.functions.len(), 2);
        assert_eq!(tables.entry(tables.functions[1]), Some(0x30c));
    }

    #[test]
    fn a_damaged_image_has_no_table() {
        for length in [0, 0x3d, 0x90, 0x120, 0x310] {
            assert!(Tables::read(&image()[..length]).functions.is_empty(), "{length:#x}");
        }
        let mut far = image();
        far[NEW_HEADER..NEW_HEADER + 4].fill(0xff);
        assert!(Tables::read(&far).functions.is_empty());
    }
}
