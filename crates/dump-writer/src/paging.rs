//! Page tables: which page of physical memory each page of virtual memory gets.
//!
//! Sources: Intel SDM volume 3, chapter 4; Windows Internals for entries in transition.

use crate::area::align;
use crate::error::within;
use crate::{Error, Machine, Page};
use std::collections::{BTreeMap, BTreeSet};

/// The first page that is given out; those below belong to firmware.
const FIRST_FRAME: u64 = 0x10;
/// An entry of a table, or of a page: present, writable, accessed, dirty.
const PRESENT: u64 = 0x63;
const LARGE: u64 = 0x80;
/// In transition, readable and writable.
const TRANSITION: u64 = 0x880;

/// How a machine's tables are built.
struct Form {
    /// Lowest bit of the part of an address that chooses an entry, from the root down.
    shifts: &'static [u32],
    /// Bits of such a part, but for the root of PAE, which has two.
    bits: u32,
    /// Bytes of an entry.
    entry: usize,
    /// Bits of a physical address.
    physical: u32,
    /// Bits of a virtual address.
    virtual_bits: u32,
}

fn form(machine: Machine) -> Form {
    match machine {
        Machine::X64 => {
            Form { shifts: &[39, 30, 21, 12], bits: 9, entry: 8, physical: 48, virtual_bits: 48 }
        }
        Machine::X86 { pae: true } => {
            Form { shifts: &[30, 21, 12], bits: 9, entry: 8, physical: 36, virtual_bits: 32 }
        }
        Machine::X86 { pae: false } => {
            Form { shifts: &[22, 12], bits: 10, entry: 4, physical: 32, virtual_bits: 32 }
        }
    }
}

/// A page of virtual memory.
#[derive(Debug, Clone, Copy)]
struct Leaf {
    shift: u32,
    transition: bool,
    /// The first of its pages of 4 KiB in physical memory.
    frame: u64,
}

/// All pages of an address space.
pub(crate) struct Tables {
    form: Form,
    step: u64,
    leaves: BTreeMap<u64, Leaf>,
    /// By page number in physical memory.
    pub tables: BTreeMap<u64, Vec<u8>>,
    /// Physical address of the root.
    pub root: u64,
}

impl Tables {
    pub fn new(machine: Machine, step: u64) -> Self {
        let (leaves, tables) = (BTreeMap::new(), BTreeMap::new());
        Self { form: form(machine), step: step.max(1), leaves, tables, root: 0 }
    }

    /// The part of `address` that tables translate.
    fn translated(&self, address: u64) -> u64 {
        address & ((1 << self.form.virtual_bits) - 1)
    }

    /// Asks for pages for `length` bytes at `address`.
    pub fn want(&mut self, address: u64, length: u64, page: Page) -> Result<(), Error> {
        let Some(more) = length.checked_sub(1) else { return Ok(()) };
        let last = address.checked_add(more).ok_or(Error::Address { address })?;
        // In 64 bits both ends have the same sign, which the bits above are copies of.
        let sign = if self.form.virtual_bits == 48 { 47 } else { 32 };
        let (low, high) = (address >> sign, last >> sign);
        if low != high || (low != 0 && low != u64::MAX >> sign) || (sign == 32 && low != 0) {
            return Err(Error::Address { address });
        }
        let shift = self.shift(page)?;
        for number in address >> shift..=last >> shift {
            let leaf = Leaf { shift, transition: page == Page::Transition, frame: 0 };
            let base = number << shift;
            let kept = self.leaves.entry(base).or_insert(leaf);
            if kept.shift != shift {
                return Err(Error::Overlap { address: base });
            }
        }
        Ok(())
    }

    fn shift(&self, page: Page) -> Result<u32, Error> {
        match page {
            Page::Small | Page::Transition => Ok(12),
            Page::Large if self.form.entry == 4 => Ok(22),
            Page::Large => Ok(21),
            Page::Huge if self.form.shifts.len() == 4 => Ok(30),
            Page::Huge => Err(Error::Unsupported("pages of 1 GiB")),
        }
    }

    /// Gives every page its place and fills the tables.
    pub fn build(&mut self) -> Result<(), Error> {
        self.check_sizes()?;
        let mut next = FIRST_FRAME;
        let step = self.step;
        let mut small = || {
            let frame = next;
            next = next.saturating_add(step);
            frame
        };
        for leaf in self.leaves.values_mut().filter(|leaf| leaf.shift == 12) {
            leaf.frame = small();
        }
        let keys: BTreeSet<(usize, u64)> = self.table_keys();
        let frames: BTreeMap<(usize, u64), u64> =
            keys.into_iter().map(|key| (key, small())).collect();
        for leaf in self.leaves.values_mut().filter(|leaf| leaf.shift != 12) {
            let pages = 1 << (leaf.shift - 12);
            leaf.frame = align(next, pages);
            next = leaf.frame + pages;
        }
        within("pages of physical memory", next, 1 << (self.form.physical - 12))?;
        self.root = frames[&(0, 0)] << 12;
        for frame in frames.values() {
            self.tables.insert(*frame, vec![0; 0x1000]);
        }
        let leaves: Vec<(u64, Leaf)> = self.leaves.iter().map(|(at, leaf)| (*at, *leaf)).collect();
        for (address, leaf) in leaves {
            self.fill(self.translated(address), leaf, &frames);
        }
        Ok(())
    }

    /// No page may lie within a larger one.
    fn check_sizes(&self) -> Result<(), Error> {
        for (address, leaf) in &self.leaves {
            let around = self.form.shifts.iter().filter(|shift| **shift > leaf.shift);
            for shift in around {
                let base = address >> shift << shift;
                if self.leaves.get(&base).is_some_and(|other| other.shift == *shift) {
                    return Err(Error::Overlap { address: *address });
                }
            }
        }
        Ok(())
    }

    /// Level and number of each table that is needed, the root among them.
    fn table_keys(&self) -> BTreeSet<(usize, u64)> {
        let mut keys = BTreeSet::from([(0, 0)]);
        for (address, leaf) in &self.leaves {
            let address = self.translated(*address);
            for (level, shift) in self.form.shifts.iter().enumerate() {
                if *shift >= leaf.shift {
                    keys.insert((level, self.number(level, address)));
                }
            }
        }
        keys
    }

    /// Which table of a level has the entry for `address`.
    fn number(&self, level: usize, address: u64) -> u64 {
        if level == 0 { 0 } else { address >> self.form.shifts[level - 1] }
    }

    fn fill(&mut self, address: u64, leaf: Leaf, frames: &BTreeMap<(usize, u64), u64>) {
        for (level, shift) in self.form.shifts.iter().enumerate() {
            let frame = frames[&(level, self.number(level, address))];
            let is_leaf = *shift == leaf.shift;
            let entry = if is_leaf {
                let flags = match (leaf.transition, leaf.shift) {
                    (true, _) => TRANSITION,
                    (false, 12) => PRESENT,
                    (false, _) => PRESENT | LARGE,
                };
                leaf.frame << 12 | flags
            } else {
                let lower = frames[&(level + 1, self.number(level + 1, address))];
                // The four entries of the root of PAE have none of the other flags.
                let flags = if self.form.shifts.len() == 3 && level == 0 { 1 } else { PRESENT };
                lower << 12 | flags
            };
            let index = (address >> shift) as usize & ((1 << self.form.bits) - 1);
            let at = index * self.form.entry;
            let bytes = entry.to_le_bytes();
            if let Some(table) = self.tables.get_mut(&frame) {
                table[at..at + self.form.entry].copy_from_slice(&bytes[..self.form.entry]);
            }
            if is_leaf {
                break;
            }
        }
    }

    /// The page of physical memory behind `address`, which was asked for as part of a `page`.
    pub fn frame(&self, address: u64, page: Page) -> Result<u64, Error> {
        let shift = self.shift(page)?;
        let base = address >> shift << shift;
        let leaf = self.leaves.get(&base).ok_or(Error::Address { address })?;
        Ok(leaf.frame + ((address - base) >> 12))
    }
}
