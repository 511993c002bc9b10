//! Baseline and restore; the hash of what a run changed.

use crate::{LINE_BYTES, Memory};

impl Memory {
    /// Makes the present state the one that [`Memory::restore`] returns to.
    pub fn set_baseline(&mut self) {
        if self.has_baseline {
            for &number in &self.dirty {
                let page = &mut self.pages[number as usize];
                let base = &mut self.base[number as usize];
                *base.data = page.data;
                base.valid = page.valid;
                page.dirty = 0;
            }
        } else {
            for (page, base) in self.pages.iter_mut().zip(&mut self.base) {
                *base.data = page.data;
                base.valid = page.valid;
                page.dirty = 0;
            }
        }
        self.dirty.clear();
        self.flag_log.clear();
        self.has_baseline = true;
    }

    /// Returns to the baseline. Costs one 64-byte copy for each line that was written.
    pub fn restore(&mut self) {
        for number in self.dirty.drain(..) {
            let page = &mut self.pages[number as usize];
            let base = &self.base[number as usize];
            let mut lines = page.dirty;
            while lines != 0 {
                let line = lines.trailing_zeros() as usize;
                lines &= lines - 1;
                let from = line * LINE_BYTES as usize;
                let range = from..from + LINE_BYTES as usize;
                page.data[range.clone()].copy_from_slice(&base.data[range]);
                page.valid[line] = base.valid[line];
            }
            page.dirty = 0;
        }
        while let Some((number, flags)) = self.flag_log.pop() {
            self.pages[number as usize].flags = flags;
        }
    }

    /// Lines written since the baseline, and pages they lie in.
    pub fn dirty_lines(&self) -> (u64, usize) {
        let lines = self.dirty.iter().map(|&page| self.pages[page as usize].dirty.count_ones());
        (lines.map(u64::from).sum(), self.dirty.len())
    }

    /// A hash of everything written since the baseline: addresses, bytes, validity, flags.
    /// Two runs with equal hashes left the same memory behind (FNV-1a, 64 bits).
    pub fn hash(&self) -> u64 {
        let mut numbers: Vec<u32> = self.dirty.clone();
        numbers.sort_unstable_by_key(|&page| self.pages[page as usize].number);
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut add = |word: u64| hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        for page in numbers.iter().map(|&page| &self.pages[page as usize]) {
            add(page.number);
            add(u64::from(page.flags));
            let mut lines = page.dirty;
            while lines != 0 {
                let line = lines.trailing_zeros() as usize;
                lines &= lines - 1;
                add(line as u64);
                add(page.valid[line]);
                let from = line * LINE_BYTES as usize;
                for word in page.data[from..from + LINE_BYTES as usize].as_chunks::<8>().0 {
                    add(u64::from_le_bytes(*word));
                }
            }
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use crate::{FaultCause, Memory, NO_WRITE, PAGEABLE};

    const A: u64 = 0xffff_8000_0000_0000;

    #[test]
    fn restore_undoes_bytes_validity_and_flags() {
        let mut memory = Memory::new();
        memory.map(A, 0x3000, 0, true);
        memory.poke64(A + 0x10, 7);
        memory.set_baseline();
        let clean = memory.hash();
        memory.store(A + 0xffc, 0x1122_3344_5566_7788u64.to_le_bytes()).unwrap();
        memory.poke64(A + 0x10, 8);
        memory.set_valid(A + 0x2000, 64, false);
        memory.set_flags(A, 1, NO_WRITE);
        assert_ne!(memory.hash(), clean);
        memory.restore();
        assert_eq!(memory.hash(), clean);
        assert_eq!(memory.peek64(A + 0x10), 7);
        assert_eq!(memory.peek64(A + 0xffc), 0);
        assert!(memory.store(A + 0x2000, [1]).is_ok());
    }

    #[test]
    fn a_byte_past_the_object_is_refused_wherever_it_lies() {
        let mut memory = Memory::new();
        memory.map(A, 0x2000, 0, false);
        for size in 1..200u64 {
            for start in [A + 60, A + 0xfc8] {
                memory.set_valid(start, size, true);
                assert!(memory.check(start, size, crate::Access::Read).is_ok());
                let past = memory.load::<1>(start + size).unwrap_err();
                assert_eq!((past.address, past.cause), (start + size, FaultCause::Invalid));
                let wide = memory.store(start + size - 1, [0u8; 8]).unwrap_err();
                assert_eq!(wide.address, start + size);
                memory.set_valid(start, size, false);
            }
        }
    }

    #[test]
    fn flags_refuse_by_kind_and_moment() {
        let mut memory = Memory::new();
        memory.map(A, 1, NO_WRITE, true);
        memory.map(A + 0x1000, 1, PAGEABLE, true);
        assert!(memory.load::<8>(A).is_ok());
        assert_eq!(memory.store(A, [0; 8]).unwrap_err().cause, FaultCause::Flags(NO_WRITE));
        assert!(memory.load::<8>(A + 0x1000).is_ok());
        memory.forbid(PAGEABLE);
        assert!(memory.load::<8>(A + 0x1000).is_err());
        memory.forbid(0);
        assert!(memory.load::<8>(A + 0x1000).is_ok());
        let cause = memory.load::<1>(0x0001_0000_0000_0000).unwrap_err().cause;
        assert_eq!(cause, FaultCause::NonCanonical);
        assert_eq!(memory.load::<1>(0x1000).unwrap_err().cause, FaultCause::Unmapped);
    }

    #[test]
    fn an_access_across_pages_needs_both() {
        let mut memory = Memory::new();
        memory.map(A, 1, 0, true);
        assert_eq!(memory.load::<8>(A + 0xffc).unwrap_err().address, A + 0x1000);
        memory.map(A + 0x1000, 1, 0, true);
        memory.store(A + 0xffc, *b"abcdefgh").unwrap();
        assert_eq!(&memory.load::<8>(A + 0xffc).unwrap(), b"abcdefgh");
    }
}
