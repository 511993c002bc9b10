//! What the image offers to other modules ("PE Format", The .edata Section).

use crate::error::{Error, Place};
use crate::headers::DirectoryIndex;
use crate::image::{Image, advance};

/// Ordinals have 16 bits.
const MAX_EXPORTS: u32 = 0x1_0000;

/// One exported function or variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Ordinal, base included.
    pub ordinal: u32,
    /// Name; `None` for an export by ordinal only. One with two names appears twice.
    pub name: Option<String>,
    /// Where it is; meaningless for a forwarder.
    pub rva: u32,
    /// `MODULE.Name` or `MODULE.#ordinal` that it stands for.
    pub forwarder: Option<String>,
}

impl Image<'_> {
    /// Exports, by ordinal.
    ///
    /// # Errors
    /// A table or name that is not in the image, or more exports than there are ordinals.
    pub fn exports(&self) -> Result<Vec<Export>, Error> {
        let Some(directory) = self.directory(DirectoryIndex::Export) else {
            return Ok(Vec::new());
        };
        let at = self.file_offset(directory.rva).unwrap_or(directory.place.offset);
        let field = |offset: u32, name| -> Result<(u32, Place), Error> {
            let from = Place::new(at.saturating_add(u64::from(offset)), name);
            Ok((self.u32_at(advance(directory.rva, offset, from)?, from)?, from))
        };
        let (base, base_at) = field(16, "export Ordinal Base")?;
        let (count, count_at) = field(20, "export Address Table Entries")?;
        let (name_count, name_count_at) = field(24, "Number of Name Pointers")?;
        let (addresses, addresses_at) = field(28, "Export Address Table RVA")?;
        let (names, names_at) = field(32, "Name Pointer RVA")?;
        let (ordinals, ordinals_at) = field(36, "Ordinal Table RVA")?;
        for (number, from) in [(count, count_at), (name_count, name_count_at)] {
            if number > MAX_EXPORTS {
                return Err(Error::new(
                    from,
                    format!("{number} exports, but ordinals have 16 bits"),
                ));
            }
        }

        let mut budget = self.name_budget();
        let mut names_of: Vec<Vec<String>> = vec![Vec::new(); count as usize];
        for index in 0..name_count {
            let slot = advance(ordinals, index * 2, ordinals_at)?;
            let ordinal = self.u16_at(slot, ordinals_at)?;
            let rva = self.u32_at(advance(names, index * 4, names_at)?, names_at)?;
            let name = self.name_at(rva, names_at, &mut budget)?;
            let Some(names) = names_of.get_mut(usize::from(ordinal)) else {
                let problem = format!("{name} has index {ordinal} of {count} addresses");
                return Err(Error::new(ordinals_at, problem));
            };
            names.push(name);
        }

        let mut exports = Vec::new();
        for (index, names) in (0..count).zip(names_of) {
            let rva = self.u32_at(advance(addresses, index * 4, addresses_at)?, addresses_at)?;
            if rva == 0 {
                continue;
            }
            // An address inside the export directory is not code but the text of a forwarder.
            let is_forwarder =
                rva.checked_sub(directory.rva).is_some_and(|offset| offset < directory.size);
            let forwarder = match is_forwarder {
                true => Some(self.name_at(rva, addresses_at, &mut budget)?),
                false => None,
            };
            let ordinal = base
                .checked_add(index)
                .ok_or_else(|| Error::new(base_at, "the ordinals pass 32 bits"))?;
            let none = names.is_empty().then_some(None);
            let all = names.into_iter().map(Some).chain(none);
            exports.extend(all.map(|name| Export {
                ordinal,
                name,
                rva,
                forwarder: forwarder.clone(),
            }));
        }
        Ok(exports)
    }
}
