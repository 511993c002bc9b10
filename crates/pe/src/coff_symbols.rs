//! The COFF symbol table that GNU and LLVM linkers leave in an image ("PE Format", COFF Symbol Table).

use crate::bytes::{array, slice, text, u32_at};
use crate::error::{Error, Place};
use crate::image::Image;

const CLASS_EXTERNAL: u8 = 2;
const CLASS_STATIC: u8 = 3;

/// A symbol that stands for a place in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoffSymbol {
    /// Its name, as the linker wrote it.
    pub name: String,
    /// Where it is.
    pub rva: u32,
    /// Whether its type says that it is a function; assemblers often leave that out.
    pub is_function: bool,
    /// Whether it is known outside its object file.
    pub is_external: bool,
}

impl Image<'_> {
    /// Symbols of the COFF symbol table that lie in a section, in table order; none where the table was
    /// stripped, as Microsoft's linker does. Section symbols are left out.
    ///
    /// # Errors
    /// A table that is not in the file.
    pub fn coff_symbols(&self) -> Result<Vec<CoffSymbol>, Error> {
        let table = u64::from(self.headers.symbol_table);
        let count = u64::from(self.headers.symbol_count);
        if table == 0 || count == 0 {
            return Ok(Vec::new());
        }
        let bytes = slice(self.data, Place::new(table, "COFF symbol table"), count * 18)?;
        let strings = table + count * 18;
        let mut budget = self.name_budget();
        let mut symbols = Vec::new();
        let mut skip = 0;
        for (record, index) in bytes.chunks_exact(18).zip(0u64..) {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let at = table + index * 18;
            let record: [u8; 18] = array(record, Place::new(0, "COFF symbol"))?;
            let value = u32::from_le_bytes([record[8], record[9], record[10], record[11]]);
            let number = i16::from_le_bytes([record[12], record[13]]);
            let is_function = record[14] & 0x30 == 0x20; // Derived type "function" (DT_FCN).
            let (class, auxiliary) = (record[16], record[17]);
            skip = auxiliary;
            // Zero is undefined, -1 absolute, -2 debugging: none of them is a place.
            let section = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
            let Some(section) = section.and_then(|index| self.sections().get(index)) else {
                continue;
            };
            if class != CLASS_EXTERNAL && class != CLASS_STATIC {
                continue;
            }
            let name = self.symbol_name(&record, at, strings)?;
            let is_section = class == CLASS_STATIC && name.starts_with('.');
            let Some(rva) = section.rva.checked_add(value).filter(|_| !is_section) else {
                continue;
            };
            budget = budget.checked_sub(name.len()).ok_or_else(|| {
                Error::new(
                    Place::new(at, "COFF symbol Name"),
                    "names take more room than the file has",
                )
            })?;
            symbols.push(CoffSymbol {
                name,
                rva,
                is_function,
                is_external: class == CLASS_EXTERNAL,
            });
        }
        Ok(symbols)
    }

    fn symbol_name(&self, record: &[u8; 18], at: u64, strings: u64) -> Result<String, Error> {
        if record[..4] != [0; 4] {
            return Ok(text(&record[..8]));
        }
        let offset = u64::from(u32_at(self.data, at + 4, "COFF symbol Name")?);
        let start = usize::try_from(strings + offset).unwrap_or(usize::MAX);
        let bytes = self.data.get(start..).ok_or_else(|| {
            let problem = format!("string table offset {offset:#x} lies past the end of the file");
            Error::new(Place::new(at, "COFF symbol Name"), problem)
        })?;
        Ok(text(&bytes[..bytes.len().min(4096)]))
    }
}
