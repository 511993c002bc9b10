//! `__try` blocks: the data of the `__C_specific_handler` (`SCOPE_TABLE_AMD64` in winnt.h).

use super::{Module, UnwindError};

/// No function has more `__try` blocks than that.
const MAX_SCOPES: u32 = 0x1_0000;

/// One `__try` block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// RVA of the first guarded instruction.
    pub begin: u32,
    /// RVA after the last guarded instruction.
    pub end: u32,
    /// RVA of the filter, or 1 for `EXCEPTION_EXECUTE_HANDLER`; of the termination handler in a `__finally`.
    pub handler: u32,
    /// RVA of the `__except` block; 0 in a `__finally`.
    pub target: u32,
}

/// Reads the scope table at `rva`: [`super::Frame::handler_data`] of a frame whose handler is
/// `__C_specific_handler`.
///
/// # Errors
/// A table that does not lie in the image.
pub fn scope_table(module: &Module<'_>, rva: u32) -> Result<Vec<Scope>, UnwindError> {
    let count = module.u32(rva)?;
    if count > MAX_SCOPES {
        return Err(UnwindError::new(rva, format!("has a scope table of {count} entries")));
    }
    let past = || UnwindError::new(rva, "reaches past 4 GiB");
    let mut scopes = Vec::new();
    let mut at = rva.checked_add(4).ok_or_else(past)?;
    for _ in 0..count {
        let bytes: [u8; 16] = module.bytes(at)?;
        let word =
            |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        scopes.push(Scope { begin: word(0), end: word(4), handler: word(8), target: word(12) });
        at = at.checked_add(16).ok_or_else(past)?;
    }
    Ok(scopes)
}
