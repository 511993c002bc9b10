//! From a virtual to a physical address, over the page tables in the dump.
//!
//! Sources: Intel SDM volume 3, chapter 4; Arm ARM, VMSAv8-64 with a 4 KiB granule; Windows Internals for
//! pages in transition: no longer valid for the processor, but still in memory, under the same number.

use super::{Dump, Machine};

impl Dump<'_> {
    /// The physical address behind `address`, by the header's `DirectoryTableBase`.
    ///
    /// ARM64 has one table for each half of the address space; the header names one, and only its
    /// half can be told apart by the caller.
    #[must_use]
    pub fn translate(&self, address: u64) -> Option<u64> {
        let (machine, pae) = (self.header.machine, self.header.pae);
        // Bits that no table translates are copies of the highest one that is; 32 bits may come with none.
        let unused = match machine {
            Machine::X64 => 16,
            Machine::X86 => 32,
            _ => 0,
        };
        let signed = ((address << unused) as i64 >> unused) as u64;
        if address != signed && !(machine == Machine::X86 && address >> 32 == 0) {
            return None;
        }
        let root = self.header.directory_table_base;
        match (machine, pae) {
            (Machine::X64, _) => self.walk(root & 0x000f_ffff_ffff_f000, address, 39, windows),
            (Machine::X86, true) => {
                let entry = self.entry(root & 0xffff_ffe0, address >> 30 & 3)?;
                let table = (entry & 1 == 1).then_some(entry & 0x000f_ffff_ffff_f000)?;
                self.walk(table, address, 21, windows)
            }
            (Machine::X86, false) => self.two_levels(root & 0xffff_f000, address),
            (Machine::Arm64, _) => self.walk(root & 0x0000_ffff_ffff_f000, address, 39, arm),
            (Machine::Other(_), _) => None,
        }
    }

    /// 512 entries of 8 bytes a level, `shift` the first one's.
    fn walk(
        &self,
        mut table: u64,
        address: u64,
        mut shift: u32,
        judge: fn(u64, u32) -> Entry,
    ) -> Option<u64> {
        loop {
            let entry = self.entry(table, address >> shift & 0x1ff)?;
            let target = entry & 0x0000_ffff_ffff_f000;
            match judge(entry, shift) {
                Entry::Nothing => return None,
                Entry::Page => {
                    let inside = (1u64 << shift) - 1;
                    return Some((target & !inside) | (address & inside));
                }
                Entry::Table => (table, shift) = (target, shift - 9),
            }
        }
    }

    fn two_levels(&self, root: u64, address: u64) -> Option<u64> {
        let short = |at: u64| {
            let mut bytes = [0; 4];
            self.read_physical(at, &mut bytes).then(|| u64::from(u32::from_le_bytes(bytes)))
        };
        let upper = short(root | ((address >> 22 & 0x3ff) * 4))?;
        match windows(upper, 22) {
            Entry::Nothing => None,
            Entry::Page => Some((upper & 0xffc0_0000) | (address & 0x003f_ffff)),
            Entry::Table => {
                let lower = short((upper & 0xffff_f000) | ((address >> 12 & 0x3ff) * 4))?;
                let found = windows(lower, 12) == Entry::Page;
                found.then_some((lower & 0xffff_f000) | (address & 0xfff))
            }
        }
    }

    fn entry(&self, table: u64, index: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read_physical(table + index * 8, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }
}

/// What an entry leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Nothing,
    Table,
    Page,
}

/// An entry of x86 or x64, of the level whose lowest bit of an address is `shift`.
fn windows(entry: u64, shift: u32) -> Entry {
    const VALID: u64 = 1;
    const LARGE: u64 = 1 << 7;
    const PROTOTYPE: u64 = 1 << 10;
    const TRANSITION: u64 = 1 << 11;
    let valid = entry & VALID != 0;
    let in_memory = valid || entry & (TRANSITION | PROTOTYPE) == TRANSITION;
    match shift {
        _ if !in_memory => Entry::Nothing,
        12 => Entry::Page,
        // Of an entry in transition that bit is a part of its protection.
        ..=30 if valid && entry & LARGE != 0 => Entry::Page,
        _ => Entry::Table,
    }
}

/// An entry of ARM64: bit 0 says that it is valid, and bit 1 clear that it is a block.
fn arm(entry: u64, shift: u32) -> Entry {
    match (entry & 3, shift) {
        (1, 12) | (0 | 2, _) => Entry::Nothing,
        (3, 13..) => Entry::Table,
        (1, 31..) => Entry::Nothing,
        _ => Entry::Page,
    }
}
