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

/// Blocks of a file. They may overlap; of those that hold an address the one that starts last is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks {
    all: Vec<Block>,
    /// The same memory in pieces that do not overlap, by address: a file can have as many blocks over one
    /// address as it likes, and reading must not look at each.
    pieces: Vec<Block>,
}

impl Blocks {
    /// Takes blocks in any order; none may reach past the end of addresses.
    pub fn new(mut all: Vec<Block>) -> Self {
        all.sort_by_key(|block| block.address);
        let pieces = pieces(&all);
        Self { all, pieces }
    }

    /// All of them, by address.
    pub fn all(&self) -> &[Block] {
        &self.all
    }

    /// Fills `buffer` from memory at `at`; `None` where a byte is in no block.
    pub fn read(&self, data: &[u8], mut at: u64, mut buffer: &mut [u8]) -> Option<()> {
        let mut index = self.pieces.partition_point(|piece| piece.address <= at).checked_sub(1)?;
        while !buffer.is_empty() {
            let piece = self.pieces.get(index)?;
            let inside = at.checked_sub(piece.address).filter(|inside| *inside < piece.size)?;
            let length = (piece.size - inside).min(buffer.len() as u64);
            let (now, rest) = buffer.split_at_mut(usize::try_from(length).ok()?);
            let offset = piece.offset.checked_add(inside)?;
            now.copy_from_slice(slice(data, offset, length, "memory").ok()?);
            (at, buffer, index) = (at.saturating_add(length), rest, index + 1);
        }
        Some(())
    }
}

/// `blocks`, which are sorted by address, without what another hides. There are at most two for each.
fn pieces(blocks: &[Block]) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    // Blocks that started before `at` and may not have ended; the last is read.
    let mut open: Vec<Block> = Vec::new();
    let mut at = 0;
    let mut advance = |open: &mut Vec<Block>, at: &mut u64, until: u64| {
        while *at < until
            && let Some(top) = open.last().copied()
        {
            let end = top.address.saturating_add(top.size);
            let stop = end.min(until);
            if let Some(size) = stop.checked_sub(*at).filter(|size| *size > 0) {
                let offset = top.offset.saturating_add(*at - top.address);
                found.push(Block { address: *at, offset, size });
                *at = stop;
            }
            if end <= *at {
                open.pop();
            }
        }
        *at = until;
    };
    for block in blocks {
        advance(&mut open, &mut at, block.address);
        open.push(*block);
    }
    advance(&mut open, &mut at, u64::MAX);
    found
}

#[cfg(test)]
mod tests {
    use super::{Block, Blocks};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_block_that_starts_last_is_read(
            blocks in proptest::collection::vec((0u64..60, 0u64..40, 1u64..20), 0..12),
            start in 0u64..80,
            length in 1usize..30,
        ) {
            let file: Vec<u8> = (0..64).collect();
            let all: Vec<Block> = blocks
                .into_iter()
                .map(|(address, offset, size)| Block { address, offset, size })
                .collect();
            let blocks = Blocks::new(all);
            let wanted: Option<Vec<u8>> = (start..start + length as u64)
                .map(|at| {
                    let holds = |block: &&Block| {
                        block.address <= at && at < block.address + block.size
                    };
                    let block = blocks.all().iter().rev().find(holds)?;
                    Some(file[(block.offset + (at - block.address)) as usize])
                })
                .collect();
            let mut read = vec![0; length];
            let had = blocks.read(&file, start, &mut read).map(|()| read);
            prop_assert_eq!(had, wanted);
        }
    }

    /// As many blocks as a file of 16 MiB has room for, all over the same bytes, cost no time to read.
    #[test]
    fn many_blocks_over_one_address_are_read_at_once() {
        let size = 1 << 20;
        let all = (0..size).map(|at| Block { address: at, offset: 0, size: 1 + (size - at) % 3 });
        let mut all: Vec<Block> = all.collect();
        all.push(Block { address: 0, offset: 0, size });
        let blocks = Blocks::new(all);
        assert!(blocks.pieces.len() <= 2 * blocks.all().len());
        let file = vec![7; 1 << 20];
        let mut page = [0; 0x1000];
        for at in (0..size - 0x1000).step_by(0x1000) {
            assert!(blocks.read(&file, at, &mut page).is_some());
        }
        assert_eq!(page, [7; 0x1000]);
    }
}
