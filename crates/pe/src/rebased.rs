//! The file of an image, linked anew for another address (what `ReBaseImage64` of Windows and Cygwin's
//! `rebase` do): every relocation's field, the base, the checksum.

use crate::error::{Error, Place};
use crate::headers::DirectoryIndex;
use crate::image::Image;
use crate::relocations::{Relocation, RelocationKind};

/// `IMAGE_FILE_RELOCS_STRIPPED`.
const RELOCS_STRIPPED: u16 = 0x0001;
/// `IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE`.
const DYNAMIC_BASE: u16 = 0x0040;
/// `IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY`.
const FORCE_INTEGRITY: u16 = 0x0080;
/// `IMAGE_FILE_LARGE_ADDRESS_AWARE`.
const LARGE_ADDRESS_AWARE: u16 = 0x0020;
/// `IMAGE_FILE_DLL`.
const DLL: u16 = 0x2000;

/// What a base is a multiple of ("PE Format", `ImageBase`).
pub const BASE_GRANULARITY: u64 = 0x1_0000;

/// How the file shall differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewBase {
    /// Address that it is linked for.
    pub base: u64,
    /// Whether it gives up `DYNAMIC_BASE`, without which Windows goes by the base.
    pub fixed: bool,
    /// Time stamp, if it shall have another: images that are bound to this one go by it.
    pub timestamp: Option<u32>,
}

impl Image<'_> {
    /// Whether it is a library, as its header says.
    pub fn is_dll(&self) -> bool {
        self.characteristics() & DLL != 0
    }

    /// Whether its relocations were stripped, so that it can only stand where it was linked for.
    pub fn relocations_stripped(&self) -> bool {
        self.characteristics() & RELOCS_STRIPPED != 0
    }

    /// Whether Windows chooses its address (`/DYNAMICBASE`), whatever its base says.
    pub fn has_dynamic_base(&self) -> bool {
        self.dll_characteristics() & DYNAMIC_BASE != 0 && !self.relocations_stripped()
    }

    /// Whether it is loaded with a valid signature only (`/INTEGRITYCHECK`).
    pub fn forces_integrity(&self) -> bool {
        self.dll_characteristics() & FORCE_INTEGRITY != 0
    }

    /// Whether addresses above 2 GiB may be used in a process of this program (`/LARGEADDRESSAWARE`).
    pub fn is_large_address_aware(&self) -> bool {
        self.characteristics() & LARGE_ADDRESS_AWARE != 0
    }

    /// Whether it holds managed code: it has a CLR header.
    pub fn is_managed(&self) -> bool {
        self.directory(DirectoryIndex::Clr).is_some()
    }

    /// Names of the modules whose addresses it has already, as they were when `bind` was run on it.
    ///
    /// # Errors
    /// A descriptor or name that is not in the image.
    pub fn bound_modules(&self) -> Result<Vec<String>, Error> {
        let Some(directory) = self.table(DirectoryIndex::BoundImport)? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        let mut budget = self.name_budget();
        // A descriptor has 8 bytes, and so has each forwarder that follows it; names lie behind them.
        let mut offset = 0;
        while offset + 8 <= directory.size {
            let rva = crate::image::advance(directory.rva, offset, directory.place)?;
            let at = self.file_offset(rva).unwrap_or(directory.place.offset);
            let from = Place::new(at, "bound import descriptor");
            let stamp = self.u32_at(rva, from)?;
            let words = self.u32_at(crate::image::advance(rva, 4, from)?, from)?;
            let (name, forwarders) = (words & 0xffff, words >> 16);
            if stamp == 0 && name == 0 {
                break;
            }
            let name = crate::image::advance(directory.rva, name, from)?;
            names.push(self.name_at(name, from, &mut budget)?);
            offset += 8 * (forwarders + 1);
        }
        Ok(names)
    }

    /// The file as it would be had it been linked for another base. Its Authenticode signature, which would no
    /// longer be valid, is taken out. What was loaded at the base before and is loaded from the new file now
    /// differs in nothing but the header's fields: that is checked here, by laying out both.
    ///
    /// # Errors
    /// A base that the image cannot have; stripped relocations; a relocation whose field is not in the file; two
    /// sections that share bytes of the file which have to differ; whatever [`Image::map_at`] refuses.
    pub fn rebased(&self, to: NewBase) -> Result<Vec<u8>, Error> {
        let headers = &self.headers;
        let (base_field, width) = headers.base_field();
        let place = Place::new(base_field, "ImageBase");
        if !to.base.is_multiple_of(BASE_GRANULARITY) {
            let problem = format!("{:#x} is not a multiple of 64 KiB", to.base);
            return Err(Error::new(place, problem));
        }
        if self.relocations_stripped() && to.base != headers.image_base {
            return Err(Error::new(place, "its relocations were stripped, so it cannot be moved"));
        }
        // What memory shall hold; before the work, since it refuses what is no image.
        let expected = self.map_at(to.base)?;
        let delta = to.base.wrapping_sub(headers.image_base);
        let mut file = self.data.to_vec();
        if delta != 0 {
            self.move_fields(&mut file, delta)?;
        }
        put(&mut file, base_field, &to.base.to_le_bytes()[..width]);
        if to.fixed {
            let flags = headers.dll_characteristics & !DYNAMIC_BASE;
            put(&mut file, headers.optional + 70, &flags.to_le_bytes());
        }
        if let Some(stamp) = to.timestamp {
            put(&mut file, headers.machine.offset + 4, &stamp.to_le_bytes());
        }
        self.take_signature(&mut file);
        let moved = Image::parse(&file)?;
        let sum = moved.computed_checksum();
        let actual = moved.map_at(to.base)?;
        self.compare(expected, actual)?;
        // An image without a checksum needs none.
        if headers.checksum != 0 {
            put(&mut file, headers.optional + 64, &sum.to_le_bytes());
        }
        Ok(file)
    }

    fn move_fields(&self, file: &mut [u8], delta: u64) -> Result<(), Error> {
        let Some(directory) = self.directory(DirectoryIndex::BaseRelocation) else { return Ok(()) };
        for relocation in self.relocations()? {
            let Relocation { rva, kind } = relocation;
            let size = kind.size();
            // A field that only memory has is zero in the file, and would have to be another number there.
            self.held_at(rva, size, directory.place)?;
            let Some(field) = self.file_offset(rva).and_then(|at| range(file, at, size as usize))
            else {
                let problem = format!("a relocation at RVA {rva:#x}, which the file has not");
                return Err(Error::new(directory.place, problem));
            };
            kind.apply(field, delta);
            if let RelocationKind::HighAdj { low, slot } = kind {
                let low = u64::from(low.cast_unsigned()).wrapping_add(delta).to_le_bytes();
                let slot = self.file_offset(slot).and_then(|at| range(file, at, 2));
                slot.unwrap_or_default().copy_from_slice(&low[..2]);
            }
        }
        Ok(())
    }

    /// Takes out the directory's entry, and the signature itself where nothing follows it.
    fn take_signature(&self, file: &mut Vec<u8>) {
        let Some(entry) = self.directory(DirectoryIndex::Certificate) else { return };
        put(file, entry.place.offset, &[0; 8]);
        let end = u64::from(entry.rva) + u64::from(entry.size);
        let behind =
            self.sections().iter().map(|s| u64::from(s.file_offset) + u64::from(s.file_size));
        let behind = behind.max().unwrap_or(0).max(self.headers.symbol_table.into());
        if end == file.len() as u64 && u64::from(entry.rva) >= behind {
            file.truncate(entry.rva as usize);
        }
    }

    /// The image in memory, of the old file and of the new one, but for the header's fields that may differ.
    fn compare(&self, mut expected: Vec<u8>, mut actual: Vec<u8>) -> Result<(), Error> {
        let headers = &self.headers;
        let certificate = headers.directories.get(DirectoryIndex::Certificate as usize);
        let relocations = self.relocations()?;
        for memory in [&mut expected, &mut actual] {
            put(memory, headers.optional + 64, &[0; 4]);
            put(memory, headers.optional + 70, &[0; 2]);
            put(memory, headers.machine.offset + 4, &[0; 4]);
            if let Some(entry) = certificate {
                put(memory, entry.place.offset, &[0; 8]);
            }
            // The low halves that the relocation table itself holds are of the new base.
            for relocation in &relocations {
                if let RelocationKind::HighAdj { slot, .. } = relocation.kind {
                    put(memory, slot.into(), &[0; 2]);
                }
            }
        }
        match expected.iter().zip(&actual).position(|(a, b)| a != b) {
            None if expected.len() == actual.len() => Ok(()),
            at => {
                let place = Place::new(headers.section_table, "section table");
                let at = at.unwrap_or(0);
                let problem = format!(
                    "the moved image would differ in memory at RVA {at:#x}: sections share bytes of the file"
                );
                Err(Error::new(place, problem))
            }
        }
    }
}

fn range(bytes: &mut [u8], at: u64, length: usize) -> Option<&mut [u8]> {
    let start = usize::try_from(at).ok()?;
    bytes.get_mut(start..start.checked_add(length)?)
}

/// Writes `value` where there is room for it: memory may have less of the headers than the file.
fn put(bytes: &mut [u8], at: u64, value: &[u8]) {
    if let Some(field) = range(bytes, at, value.len()) {
        field.copy_from_slice(value);
    }
}
