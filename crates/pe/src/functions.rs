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
