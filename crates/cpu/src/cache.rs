//! Decoded blocks by address.

use crate::bus::Bus;
use crate::decode::{self, Code};
use crate::op::Op;
use std::collections::HashMap;
use std::ops::Range;

/// No block.
pub(crate) const NONE: u32 = u32::MAX;

/// Slots of the table consulted before the map; a power of two.
const RECENT: usize = 1024;

#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub start: u64,
    /// The address behind the block.
    pub fall: u64,
    /// Where its direct branch leads; `fall` if it has none.
    pub taken: u64,
    /// Blocks at `fall` and `taken`, or `NONE`.
    pub links: [u32; 2],
    /// Instructions in the block; 0 when the slot is free.
    pub count: u32,
    pub ops: Box<[Op]>,
}

/// Why there is no block to run at an address.
pub(crate) enum NoBlock<S> {
    Trap,
    Disabled,
    Stop(S),
}

/// Basic blocks decoded so far, and where code may not run.
///
/// The cache trusts that code does not change: whoever writes to code or unmaps it calls
/// [`CodeCache::invalidate`].
#[derive(Clone, Debug)]
pub struct CodeCache {
    pub(crate) blocks: Vec<Block>,
    by_start: HashMap<u64, u32>,
    recent: Box<[(u64, u32)]>,
    free: Vec<u32>,
    trap: Range<u64>,
    disabled: Vec<Range<u64>>,
    /// The smallest range that holds all of them: start and length.
    disabled_hull: (u64, u64),
    /// Every start and end of a range that ever was disabled: no block crosses one.
    boundaries: Vec<u64>,
}

impl CodeCache {
    /// An empty cache. A run that reaches an address in `trap` leaves with
    /// [`crate::Exit::Trap`].
    pub fn new(trap: Range<u64>) -> CodeCache {
        CodeCache {
            blocks: Vec::new(),
            by_start: HashMap::new(),
            recent: vec![(0, NONE); RECENT].into_boxed_slice(),
            free: Vec::new(),
            trap,
            disabled: Vec::new(),
            disabled_hull: (0, 0),
            boundaries: Vec::new(),
        }
    }

    /// Forgets every block that covers an address in `range`.
    pub fn invalidate(&mut self, range: Range<u64>) {
        self.forget(|block| block.start < range.end && range.start < block.fall);
    }

    /// Sets where code may not run: reaching such an address asks the bus to fetch it and leaves
    /// with what it says. Replaces the ranges set before; costs nothing when the boundaries are
    /// known from an earlier call.
    pub fn set_disabled(&mut self, ranges: &[Range<u64>]) {
        self.disabled.clear();
        self.disabled.extend(ranges.iter().filter(|range| !range.is_empty()).cloned());
        let start = self.disabled.iter().map(|range| range.start).min().unwrap_or(0);
        let end = self.disabled.iter().map(|range| range.end).max().unwrap_or(0);
        self.disabled_hull = (start, end - start);
        for at in ranges.iter().flat_map(|range| [range.start, range.end]) {
            if !self.boundaries.contains(&at) {
                self.boundaries.push(at);
                self.forget(|block| block.start < at && at < block.fall);
            }
        }
    }

    /// The blocks reached and decoded so far: address and number of instructions. A run that
    /// stopped inside a block goes on in a block of its own, so blocks may overlap.
    pub fn blocks(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.blocks.iter().filter(|block| block.count != 0).map(|block| (block.start, block.count))
    }

    fn forget(&mut self, covers: impl Fn(&Block) -> bool) {
        let mut any = false;
        for (slot, block) in self.blocks.iter_mut().enumerate() {
            if block.count != 0 && covers(block) {
                self.by_start.remove(&block.start);
                *block = Block::default();
                self.free.push(slot as u32);
                any = true;
            }
        }
        if any {
            self.recent.fill((0, NONE));
            self.blocks.iter_mut().for_each(|block| block.links = [NONE; 2]);
        }
    }

    #[inline(always)]
    pub(crate) fn is_disabled(&self, rip: u64) -> bool {
        let (start, len) = self.disabled_hull;
        rip.wrapping_sub(start) < len && self.disabled.iter().any(|range| range.contains(&rip))
    }

    /// Whether a block must not extend over `rip`.
    pub(crate) fn is_edge(&self, rip: u64) -> bool {
        self.trap.contains(&rip) || self.boundaries.contains(&rip)
    }

    /// The block that starts at `rip`, decoded now if it is new.
    #[inline]
    pub(crate) fn at<B: Bus>(&mut self, rip: u64, bus: &mut B) -> Result<u32, NoBlock<B::Stop>> {
        if self.is_disabled(rip) {
            return Err(NoBlock::Disabled);
        }
        let slot = recent_slot(rip);
        match self.recent[slot] {
            (start, block) if start == rip && block != NONE => Ok(block),
            _ if self.trap.contains(&rip) => Err(NoBlock::Trap),
            _ => self.find(rip, bus),
        }
    }

    #[cold]
    fn find<B: Bus>(&mut self, rip: u64, bus: &mut B) -> Result<u32, NoBlock<B::Stop>> {
        let block = match self.by_start.get(&rip) {
            Some(block) => *block,
            None => {
                let code = decode::decode(bus, rip, usize::MAX, true, |at| self.is_edge(at))
                    .map_err(NoBlock::Stop)?;
                self.insert(rip, code)
            }
        };
        self.recent[recent_slot(rip)] = (rip, block);
        Ok(block)
    }

    fn insert(&mut self, start: u64, code: Code) -> u32 {
        let fall = start.wrapping_add(code.bytes);
        let block = Block {
            start,
            fall,
            taken: code.taken.unwrap_or(fall),
            links: [NONE; 2],
            count: code.count,
            ops: code.ops.into_boxed_slice(),
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.blocks[slot as usize] = block;
                slot
            }
            None => {
                self.blocks.push(block);
                (self.blocks.len() - 1) as u32
            }
        };
        self.by_start.insert(start, slot);
        slot
    }
}

#[inline(always)]
fn recent_slot(rip: u64) -> usize {
    (rip ^ rip >> 10) as usize & (RECENT - 1)
}
