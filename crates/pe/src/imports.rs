//! What the image wants from other modules ("PE Format", The .idata Section).

use crate::error::{Error, Place};
use crate::headers::DirectoryIndex;
use crate::image::{Image, advance};

/// More imports than any real driver has (ntoskrnl exports about 3,000 functions).
const MAX_IMPORTS: usize = 0x1_0000;

/// What is imported from one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportModule {
    /// File name of the module as the linker recorded it, such as `ntoskrnl.exe`.
    pub name: String,
    /// The imports, in the order of the import address table.
    pub entries: Vec<Import>,
}

/// One imported function or variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// What is wanted.
    pub target: ImportTarget,
    /// RVA of the import address table's slot that the loader fills: 8 bytes in PE32+, 4 in PE32.
    pub iat_rva: u32,
}

/// How an import is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportTarget {
    /// By name.
    Name {
        /// Where to start looking in the exporting module's name table.
        hint: u16,
        /// The exported name.
        name: String,
    },
    /// By ordinal.
    Ordinal(u16),
}

impl Image<'_> {
    /// Imports, module by module. Delay-loaded ones are [`Image::delay_imports`].
    ///
    /// # Errors
    /// A descriptor, thunk or name that is not in the image.
    pub fn imports(&self) -> Result<Vec<ImportModule>, Error> {
        let Some(directory) = self.directory(DirectoryIndex::Import) else {
            return Ok(Vec::new());
        };
        let mut modules = Vec::new();
        let mut total = 0;
        let mut budget = self.name_budget();
        let mut descriptor = directory.rva;
        loop {
            let at = self.file_offset(descriptor).unwrap_or(directory.place.offset);
            let from = Place::new(at, "import descriptor");
            let [lookup, _, _, name, address] = words(self.array_at(descriptor, from)?);
            // The loader stops at the first descriptor without a name or without an address table.
            if name == 0 || address == 0 {
                return Ok(modules);
            }
            let from = Place::new(at.saturating_add(12), "import descriptor Name");
            let name = self.name_at(name, from, &mut budget)?;
            // Some linkers write no lookup table; before binding, the address table holds the same.
            let lookup = if lookup == 0 { address } else { lookup };
            let from = Place::new(at, "import lookup table");
            let entries = self.thunks(lookup, address, from, &mut budget)?;
            total += entries.len().max(1);
            if total > MAX_IMPORTS {
                return Err(Error::new(from, format!("more than {MAX_IMPORTS} imports")));
            }
            modules.push(ImportModule { name, entries });
            descriptor = advance(descriptor, 20, from)?;
        }
    }

    /// Imports that are resolved when they are first called, module by module ("PE Format", Delay-Load
    /// Import Tables). They do not exist in kernel mode.
    ///
    /// # Errors
    /// As [`Image::imports`].
    pub fn delay_imports(&self) -> Result<Vec<ImportModule>, Error> {
        let Some(directory) = self.directory(DirectoryIndex::DelayImport) else {
            return Ok(Vec::new());
        };
        let mut modules = Vec::new();
        let mut total = 0;
        let mut budget = self.name_budget();
        let mut descriptor = directory.rva;
        loop {
            let at = self.file_offset(descriptor).unwrap_or(directory.place.offset);
            let from = Place::new(at, "delay import descriptor");
            let [attributes, name, _, address, lookup] = words(self.array_at(descriptor, from)?);
            if name == 0 {
                return Ok(modules);
            }
            // Linkers before Visual C++ 7 wrote addresses, and said so by a zero here.
            let base = if attributes & 1 == 0 { self.image_base() } else { 0 };
            let rva = |it: u32| {
                let rva = u64::from(it).checked_sub(base).and_then(|rva| u32::try_from(rva).ok());
                rva.ok_or_else(|| Error::new(from, format!("{it:#x} lies below the image")))
            };
            let name = self.name_at(rva(name)?, from, &mut budget)?;
            let from = Place::new(at, "delay import name table");
            let entries = self.thunks(rva(lookup)?, rva(address)?, from, &mut budget)?;
            total += entries.len().max(1);
            if total > MAX_IMPORTS {
                return Err(Error::new(from, format!("more than {MAX_IMPORTS} imports")));
            }
            modules.push(ImportModule { name, entries });
            descriptor = advance(descriptor, 32, from)?;
        }
    }

    fn thunks(
        &self,
        lookup: u32,
        address: u32,
        from: Place,
        budget: &mut usize,
    ) -> Result<Vec<Import>, Error> {
        let (width, by_ordinal) = if self.is_64bit() { (8, 1 << 63) } else { (4, 1 << 31) };
        let mut entries = Vec::new();
        let (mut slot, mut iat_rva) = (lookup, address);
        while entries.len() <= MAX_IMPORTS {
            let from = Place { offset: self.file_offset(slot).unwrap_or(from.offset), ..from };
            let thunk = match width {
                8 => self.u64_at(slot, from)?,
                _ => u64::from(self.u32_at(slot, from)?),
            };
            if thunk == 0 {
                return Ok(entries);
            }
            let target = if thunk & by_ordinal != 0 {
                ImportTarget::Ordinal((thunk & 0xffff) as u16)
            } else {
                let rva =
                    u32::try_from(thunk).ok().filter(|rva| *rva < 1 << 31).ok_or_else(|| {
                        Error::new(from, format!("{thunk:#x} is neither an ordinal nor an RVA"))
                    })?;
                let hint = self.u16_at(rva, from)?;
                let name = self.name_at(advance(rva, 2, from)?, from, budget)?;
                ImportTarget::Name { hint, name }
            };
            entries.push(Import { target, iat_rva });
            slot = advance(slot, width, from)?;
            iat_rva = advance(iat_rva, width, from)?;
        }
        Err(Error::new(from, format!("more than {MAX_IMPORTS} imports of one module")))
    }
}

/// A run of 20 bytes as five 32-bit words.
fn words(bytes: [u8; 20]) -> [u32; 5] {
    let mut words = [0; 5];
    for (word, four) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
    }
    words
}
