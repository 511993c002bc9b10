//! The function table that stack walks go by ("PE Format", The .pdata Section; x64 `RUNTIME_FUNCTION`).

use crate::error::{Error, Place};
use crate::headers::{DirectoryIndex, Machine};
use crate::image::{Image, advance};

/// A function, or a part of one, that has unwind information. A leaf function has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// RVA of its first byte.
    pub begin: u32,
    /// RVA after its last byte.
    pub end: u32,
    /// RVA of its `UNWIND_INFO`; bit 0 set means the RVA of another function table entry to use instead.
    pub unwind: u32,
}

impl Function {
    /// Whether `rva` lies in it.
    pub fn contains(&self, rva: u32) -> bool {
        (self.begin..self.end).contains(&rva)
    }
}

impl Image<'_> {
    /// How many entries the function table has; `None` for a processor that has none, such as x86.
    ///
    /// # Errors
    /// A table that is not in the image, or, for x86-64, whatever [`Image::functions`] says.
    pub fn function_count(&self) -> Result<Option<usize>, Error> {
        // ARM and ARM64 have entries of two words: where it begins, and how to unwind ("ARM64 exception handling").
        match self.machine() {
            Machine::Amd64 => return self.functions().map(|all| Some(all.len())),
            Machine::Arm64 | Machine::ArmNt => {}
            _ => return Ok(None),
        }
        let Some(directory) = self.table(DirectoryIndex::Exception)? else { return Ok(Some(0)) };
        let mut count = 0;
        for index in 0..directory.size / 8 {
            let rva = advance(directory.rva, index * 8, directory.place)?;
            let at = self.file_offset(rva).unwrap_or(directory.place.offset);
            let from = Place::new(at, "function table entry");
            count += usize::from(self.u64_at(rva, from)? != 0);
        }
        Ok(Some(count))
    }

    /// The function table, sorted by `begin`.
    ///
    /// # Errors
    /// Not an x86-64 image (the layout differs), a table that is not in the image, or an entry that
    /// lies outside the image or ends before it begins.
    pub fn functions(&self) -> Result<Vec<Function>, Error> {
        let Some(directory) = self.table(DirectoryIndex::Exception)? else {
            return Ok(Vec::new());
        };
        if self.machine() != Machine::Amd64 {
            let problem = format!("function tables of {} images are not supported", self.machine());
            return Err(Error::new(self.headers.machine, problem));
        }
        let mut functions = Vec::new();
        for index in 0..directory.size / 12 {
            let rva = advance(directory.rva, index * 12, directory.place)?;
            let at = self.file_offset(rva).unwrap_or(directory.place.offset);
            let from = Place::new(at, "function table entry");
            let begin = self.u32_at(rva, from)?;
            let end = self.u32_at(advance(rva, 4, from)?, from)?;
            let unwind = self.u32_at(advance(rva, 8, from)?, from)?;
            if begin == 0 && end == 0 {
                continue; // Padding: no function starts in the headers.
            }
            let size = self.size_of_image();
            if begin >= end || end > size || unwind >= size {
                let problem = format!(
                    "{begin:#x}-{end:#x} with unwind information at {unwind:#x} does not fit an image \
                     of {size:#x} bytes"
                );
                return Err(Error::new(from, problem));
            }
            functions.push(Function { begin, end, unwind });
        }
        functions.sort_unstable_by_key(|f| f.begin);
        Ok(functions)
    }
}
