//! Parts of a file that are copies of memory.

use crate::bytes::slice;

/// A part of the file that is a copy of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its address.
    pub address: u64,
    /// Its first byte in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// Fills `piece` from memory at `at`, out of `blocks`, which are sorted by address and may overlap.
pub(crate) fn read(data: &[u8], blocks: &[Block], mut at: u64, mut piece: &mut [u8]) -> Option<()> {
    while !piece.is_empty() {
        // The nearest block that reaches this far is used.
        let after = blocks.partition_point(|block| block.address <= at);
        let block = blocks[..after].iter().rev().find(|block| at - block.address < block.size)?;
        let inside = at - block.address;
        let length = (block.size - inside).min(piece.len() as u64);
        let (now, rest) = piece.split_at_mut(usize::try_from(length).ok()?);
        now.copy_from_slice(slice(data, block.offset.checked_add(inside)?, length, "memory").ok()?);
        (at, piece) = (at.saturating_add(length), rest);
    }
    Some(())
}
