//! Reading memory out of a dump.

use super::physical::PAGE;
use super::{Block, Dump};
use crate::bytes::slice;

impl Dump<'_> {
    /// Copies of memory that a small dump holds, by address; they may overlap.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        self.blocks.all()
    }

    /// Fills `buffer` from physical memory at `address`; `false` where a byte is not in the dump.
    #[must_use]
    pub fn read_physical(&self, address: u64, buffer: &mut [u8]) -> bool {
        pieces(address, buffer, |at, piece| {
            let page = self.pages.offset(at / PAGE)?;
            self.copy(page.checked_add(at % PAGE)?, piece)
        })
    }

    /// Fills `buffer` from virtual memory at `address`; `false` where a byte is not in the dump,
    /// and what `buffer` then holds means nothing.
    #[must_use]
    pub fn read_virtual(&self, address: u64, buffer: &mut [u8]) -> bool {
        pieces(address, buffer, |at, piece| {
            if self.triage.is_some() {
                return self.blocks.read(self.data, at, piece);
            }
            let physical = self.translate(at)?;
            self.read_physical(physical, piece).then_some(())
        })
    }

    /// A pointer of the dump's machine at `address`.
    #[must_use]
    pub fn read_pointer(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        let size = if self.header.wide { 8 } else { 4 };
        self.read_virtual(address, &mut bytes[..size]).then(|| u64::from_le_bytes(bytes))
    }

    fn copy(&self, offset: u64, piece: &mut [u8]) -> Option<()> {
        piece.copy_from_slice(slice(self.data, offset, piece.len() as u64, "memory").ok()?);
        Some(())
    }
}

/// Calls `read` for each part of `buffer` that lies within one page.
fn pieces(
    mut at: u64,
    mut buffer: &mut [u8],
    mut read: impl FnMut(u64, &mut [u8]) -> Option<()>,
) -> bool {
    while !buffer.is_empty() {
        let length = (PAGE - at % PAGE).min(buffer.len() as u64) as usize;
        let (piece, rest) = buffer.split_at_mut(length);
        if read(at, piece).is_none() {
            return false;
        }
        buffer = rest;
        match at.checked_add(length as u64) {
            Some(next) => at = next,
            None => return buffer.is_empty(),
        }
    }
    true
}
