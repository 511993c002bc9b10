//! One import of an import library ("PE Format", Import Library Format).

use crate::bytes::{slice, text, u16_at, u32_at};
use crate::error::{Error, Place};
use crate::headers::Machine;

/// A short import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortImport {
    /// Processor that it is for.
    pub machine: Machine,
    /// Seconds since 1970, or a hash.
    pub timestamp: u32,
    /// Name that an object asks for.
    pub symbol: String,
    /// Image that exports it.
    pub module: String,
    /// How it is looked up there.
    pub by: NameType,
    /// Whether it is code; else data.
    pub is_code: bool,
}

/// How the image's export is found (`IMPORT_OBJECT_NAME_TYPE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameType {
    /// By number.
    Ordinal(u16),
    /// By this name, which is made of the symbol's as the type says.
    Name(String),
    /// By a rule that the specification does not know.
    Unknown(u16),
}

pub(super) fn read(data: &[u8]) -> Result<ShortImport, Error> {
    let size = u32_at(data, 12, "import Size Of Data")?;
    let number = u16_at(data, 16, "import Ordinal/Hint")?;
    let kind = u16_at(data, 18, "import Type")?;
    let place = Place::new(20, "import names");
    let bytes = slice(data, place, size.into())?;
    let mut names = bytes.split(|byte| *byte == 0);
    let mut next = || names.next().map(text).filter(|name| !name.is_empty());
    let lost = || Error::new(place, "hold no two names");
    let symbol = next().ok_or_else(lost)?;
    let module = next().ok_or_else(lost)?;
    let by = match kind >> 2 & 7 {
        0 => NameType::Ordinal(number),
        1 => NameType::Name(symbol.clone()),
        2 => NameType::Name(bare(&symbol).to_owned()),
        3 => {
            let name = bare(&symbol);
            NameType::Name(name.split_once('@').map_or(name, |(name, _)| name).to_owned())
        }
        // The export has a name of its own, a third text (LLVM's and newer Microsoft librarians).
        4 => next().map_or(NameType::Unknown(4), NameType::Name),
        other => NameType::Unknown(other),
    };
    Ok(ShortImport {
        machine: Machine::from_code(u16_at(data, 6, "import Machine")?),
        timestamp: u32_at(data, 8, "import Time-Date Stamp")?,
        symbol,
        module,
        by,
        is_code: kind & 3 == 0,
    })
}

/// The name without a leading `?`, `@` or `_`.
fn bare(symbol: &str) -> &str {
    symbol.strip_prefix(['?', '@', '_']).unwrap_or(symbol)
}
