//! From a virtual to a physical address, over the page tables in the dump.
//!
//! Sources: Intel SDM volume 3, chapter 4; Arm ARM, VMSAv8-64 with a 4 KiB granule.

use super::{Dump, Machine};

impl Dump<'_> {
    /// The physical address behind `address`, by the header's `DirectoryTableBase`.
    ///
    /// ARM64 has one table for each half of the address space; the header names one, and only its
    /// half can be told apart by the caller.
    #[must_use]
    pub fn translate(&self, address: u64) -> Option<u64> {
        let root = self.header.directory_table_base;
        match (self.header.machine, self.header.pae) {
            (Machine::X64, _) => self.walk(root & 0x000f_ffff_ffff_f000, address, 39, is_large),
            (Machine::X86, true) => {
                let entry = self.entry(root & 0xffff_ffe0, address >> 30 & 3)?;
                let table = (entry & 1 == 1).then_some(entry & 0x000f_ffff_ffff_f000)?;
                self.walk(table, address, 21, is_large)
            }
            (Machine::X86, false) => self.two_levels(root & 0xffff_f000, address),
            (Machine::Arm64, _) => self.walk(root & 0x0000_ffff_ffff_f000, address, 39, is_block),
            (Machine::Other(_), _) => None,
        }
    }

    /// 512 entries of 8 bytes a level, `shift` the first one's.
    fn walk(
        &self,
        mut table: u64,
        address: u64,
        mut shift: u32,
        ends: fn(u64, u32) -> bool,
    ) -> Option<u64> {
        loop {
            let entry = self.entry(table, address >> shift & 0x1ff)?;
            if entry & 1 == 0 {
                return None;
            }
            let target = entry & 0x0000_ffff_ffff_f000;
            if shift == 12 || ends(entry, shift) {
                let inside = (1u64 << shift) - 1;
                return Some((target & !inside) | (address & inside));
            }
            (table, shift) = (target, shift - 9);
        }
    }

    fn two_levels(&self, root: u64, address: u64) -> Option<u64> {
        let short = |at: u64| {
            let mut bytes = [0; 4];
            self.read_physical(at, &mut bytes).then(|| u64::from(u32::from_le_bytes(bytes)))
        };
        let upper = short(root | ((address >> 22 & 0x3ff) * 4))?;
        match upper & 0x81 {
            0x81 => Some((upper & 0xffc0_0000) | (address & 0x003f_ffff)),
            0x01 => {
                let lower = short((upper & 0xffff_f000) | ((address >> 12 & 0x3ff) * 4))?;
                (lower & 1 == 1).then_some((lower & 0xffff_f000) | (address & 0xfff))
            }
            _ => None,
        }
    }

    fn entry(&self, table: u64, index: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read_physical(table + index * 8, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }
}

/// x86: the page size bit, which only the levels of 1 GiB and 2 MiB have.
fn is_large(entry: u64, shift: u32) -> bool {
    shift <= 30 && entry & 0x80 != 0
}

/// ARM64: bit 1 clear is a block.
fn is_block(entry: u64, shift: u32) -> bool {
    shift <= 30 && entry & 2 == 0
}
