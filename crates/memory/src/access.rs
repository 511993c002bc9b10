//! Reading and writing: as the driver (checked) and as the kernel (all that is mapped).

use crate::{Access, Fault, FaultCause, Memory, PAGE_BYTES};

#[inline(always)]
fn kind(access: Access) -> usize {
    match access {
        Access::Read => 0,
        Access::Write => 1,
        Access::Execute => 2,
    }
}

/// `run` bits from `bit` on; together they fit a word.
#[inline(always)]
fn mask(bit: usize, run: usize) -> u64 {
    if run == 64 { u64::MAX } else { ((1u64 << run) - 1) << bit }
}

impl Memory {
    /// Reads `N` bytes as the driver would.
    #[inline(always)]
    pub fn load<const N: usize>(&mut self, address: u64) -> Result<[u8; N], Fault> {
        match self.load_here(address) {
            Some(bytes) => Ok(bytes),
            None => self.load_slow(address),
        }
    }

    /// The same where nothing is in the way: within a line, of a page that was used lately. `None`
    /// says nothing; [`Memory::load`] knows more.
    #[inline(always)]
    pub fn load_here<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let offset = (address & 0xfff) as usize;
        let bit = offset & 63;
        if bit + N > 64 {
            return None;
        }
        let page = &self.pages[self.known(address >> 12)?];
        let mask = if N == 64 { u64::MAX } else { (1u64 << N) - 1 };
        let fine =
            page.flags & self.forbidden[0] == 0 && (page.valid[offset >> 6] >> bit) & mask == mask;
        if fine { page.data[offset..].first_chunk().copied() } else { None }
    }

    /// Writes `N` bytes as the driver would.
    #[inline(always)]
    pub fn store<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> Result<(), Fault> {
        if self.store_here(address, bytes) { Ok(()) } else { self.store_slow(address, bytes) }
    }

    /// The same where nothing is in the way: within a line, of a page that was used lately and written
    /// before. False says nothing; [`Memory::store`] knows more.
    #[inline(always)]
    pub fn store_here<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> bool {
        let offset = (address & 0xfff) as usize;
        let bit = offset & 63;
        if bit + N > 64 {
            return false;
        }
        let Some(number) = self.known(address >> 12) else { return false };
        let page = &mut self.pages[number];
        let mask = if N == 64 { u64::MAX } else { (1u64 << N) - 1 };
        let fine = page.dirty != 0
            && page.flags & self.forbidden[1] == 0
            && (page.valid[offset >> 6] >> bit) & mask == mask;
        if fine && let Some(place) = page.data[offset..].first_chunk_mut() {
            *place = bytes;
            page.dirty |= 1 << (offset >> 6);
            return true;
        }
        false
    }

    #[cold]
    #[inline(never)]
    fn load_slow<const N: usize>(&mut self, address: u64) -> Result<[u8; N], Fault> {
        self.check(address, N as u64, Access::Read)?;
        let mut bytes = [0; N];
        self.peek(address, &mut bytes);
        Ok(bytes)
    }

    #[cold]
    #[inline(never)]
    fn store_slow<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> Result<(), Fault> {
        self.check(address, N as u64, Access::Write)?;
        self.poke(address, &bytes);
        Ok(())
    }

    /// Says whether the driver may make this access now; the fault names the first refused byte.
    #[inline]
    pub fn check(&mut self, address: u64, bytes: u64, access: Access) -> Result<(), Fault> {
        self.check_against(address, bytes, access, self.forbidden[kind(access)])
    }

    /// The same with other page flags that refuse it.
    fn check_against(
        &mut self,
        address: u64,
        bytes: u64,
        access: Access,
        forbidden: u16,
    ) -> Result<(), Fault> {
        let offset = (address & 0xfff) as usize;
        let bit = offset & 63;
        if bytes.wrapping_sub(1) < 64 - bit as u64
            && let Some(page) = self.known(address >> 12)
        {
            let page = &self.pages[page];
            let mask = mask(bit, bytes as usize);
            if page.flags & forbidden == 0 && page.valid[offset >> 6] & mask == mask {
                return Ok(());
            }
        }
        self.check_slow(address, bytes, access, forbidden)
    }

    #[inline(never)]
    fn check_slow(
        &mut self,
        address: u64,
        bytes: u64,
        access: Access,
        forbidden: u16,
    ) -> Result<(), Fault> {
        let size = bytes.min(255) as u8;
        let fault = |address, cause| Fault { address, bytes: size, access, cause };
        let mut at = address;
        let mut left = bytes;
        while left > 0 {
            let top = at >> 47;
            if top != 0 && top != 0x1_ffff {
                return Err(fault(at, FaultCause::NonCanonical));
            }
            let offset = (at & 0xfff) as usize;
            let here = left.min(PAGE_BYTES - offset as u64);
            let Some(page) = self.lookup(at >> 12) else {
                return Err(fault(at, FaultCause::Unmapped));
            };
            let page = &self.pages[page as usize];
            let refused = page.flags & forbidden;
            if refused != 0 {
                return Err(fault(at, FaultCause::Flags(refused)));
            }
            let (mut byte, end) = (offset, offset + here as usize);
            while byte < end {
                let bit = byte & 63;
                let run = (64 - bit).min(end - byte);
                let invalid = !page.valid[byte >> 6] & mask(bit, run);
                if invalid != 0 {
                    let byte = (byte & !63) as u64 + u64::from(invalid.trailing_zeros());
                    return Err(fault((at & !0xfff) + byte, FaultCause::Invalid));
                }
                byte += run;
            }
            at = at.wrapping_add(here);
            left -= here;
        }
        Ok(())
    }

    /// Copies what is mapped at `address` into `into`, whatever its protection; returns how many
    /// bytes there were before the first unmapped page. The rest of `into` is left as it was.
    pub fn peek(&mut self, address: u64, into: &mut [u8]) -> usize {
        let mut done = 0;
        while done < into.len() {
            let at = address.wrapping_add(done as u64);
            let offset = (at & 0xfff) as usize;
            let here = (into.len() - done).min(PAGE_BYTES as usize - offset);
            let Some(page) = self.lookup(at >> 12) else { break };
            let data = &self.pages[page as usize].data;
            into[done..done + here].copy_from_slice(&data[offset..offset + here]);
            done += here;
        }
        done
    }

    /// Writes `bytes` at `address`, whatever its protection; returns how many were written before
    /// the first unmapped page.
    pub fn poke(&mut self, address: u64, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            let offset = (at & 0xfff) as usize;
            let here = (bytes.len() - done).min(PAGE_BYTES as usize - offset);
            let Some(page) = self.lookup(at >> 12) else { break };
            self.pages[page as usize].data[offset..offset + here]
                .copy_from_slice(&bytes[done..done + here]);
            self.mark(page, offset, here);
            done += here;
        }
        done
    }

    /// Copies `bytes` bytes from one mapped place to another, whatever the protection, as far as both are
    /// mapped. The places must not overlap.
    pub fn copy(&mut self, from: u64, to: u64, bytes: u64) {
        let mut done = 0;
        while done < bytes {
            let (source, target) = (from.wrapping_add(done), to.wrapping_add(done));
            let (read, write) = ((source & 0xfff) as usize, (target & 0xfff) as usize);
            let here = (bytes - done).min(PAGE_BYTES - read.max(write) as u64) as usize;
            let (Some(source), Some(target)) =
                (self.lookup(source >> 12), self.lookup(target >> 12))
            else {
                return;
            };
            let (old, new) = (source as usize, target as usize);
            match self.pages.get_disjoint_mut([old, new]) {
                Ok([old, new]) => {
                    new.data[write..write + here].copy_from_slice(&old.data[read..read + here]);
                }
                // One page, named twice.
                Err(_) => self.pages[new].data.copy_within(read..read + here, write),
            }
            self.mark(target, write, here);
            done += here as u64;
        }
    }

    /// Fills `bytes` bytes with `value`, whatever the protection.
    pub fn fill(&mut self, address: u64, bytes: u64, value: u8) {
        let mut done = 0;
        while done < bytes {
            let at = address.wrapping_add(done);
            let offset = (at & 0xfff) as usize;
            let here = (bytes - done).min(PAGE_BYTES - offset as u64) as usize;
            let Some(page) = self.lookup(at >> 12) else { return };
            self.pages[page as usize].data[offset..offset + here].fill(value);
            self.mark(page, offset, here);
            done += here as u64;
        }
    }

    /// Lets the driver touch (`valid`) or not touch the bytes of the range.
    pub fn set_valid(&mut self, address: u64, bytes: u64, valid: bool) {
        let mut done = 0;
        while done < bytes {
            let at = address.wrapping_add(done);
            let offset = (at & 0xfff) as usize;
            let here = (bytes - done).min(PAGE_BYTES - offset as u64) as usize;
            let Some(page) = self.lookup(at >> 12) else { return };
            let words = &mut self.pages[page as usize].valid;
            let mut byte = offset;
            // Words that are wholly inside are most of a large range.
            if byte & 63 == 0 && here >= 64 {
                let whole = here & !63;
                words[byte >> 6..(byte + whole) >> 6].fill(if valid { u64::MAX } else { 0 });
                byte += whole;
            }
            while byte < offset + here {
                let bit = byte & 63;
                let run = (64 - bit).min(offset + here - byte);
                if valid {
                    words[byte >> 6] |= mask(bit, run);
                } else {
                    words[byte >> 6] &= !mask(bit, run);
                }
                byte += run;
            }
            self.mark(page, offset, here);
            done += here as u64;
        }
    }

    #[cold]
    #[inline(never)]
    fn peek_slow<const N: usize>(&mut self, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.peek(address, &mut bytes);
        bytes
    }

    #[cold]
    #[inline(never)]
    fn poke_slow<const N: usize>(&mut self, address: u64, bytes: [u8; N]) {
        self.poke(address, &bytes);
    }

    #[inline(always)]
    fn mark(&mut self, number: u32, offset: usize, bytes: usize) {
        let page = &mut self.pages[number as usize];
        if page.dirty == 0 {
            self.dirty.push(number);
        }
        let (first, last) = (offset >> 6, (offset + bytes.max(1) - 1) >> 6);
        page.dirty |= (u64::MAX >> (63 - (last - first))) << first;
    }
}

macro_rules! sized {
    ($($peek:ident $poke:ident $type:ty;)*) => {
        impl Memory {
            $(
                /// Reads as the kernel; an unmapped place reads as zero.
                #[inline]
                pub fn $peek(&mut self, address: u64) -> $type {
                    let offset = (address & 0xfff) as usize;
                    if let Some(page) = self.known(address >> 12)
                        && let Some(bytes) = self.pages[page].data[offset..].first_chunk()
                    {
                        return <$type>::from_le_bytes(*bytes);
                    }
                    <$type>::from_le_bytes(self.peek_slow(address))
                }

                /// Writes as the kernel; an unmapped place takes nothing.
                #[inline]
                pub fn $poke(&mut self, address: u64, value: $type) {
                    const N: usize = size_of::<$type>();
                    let offset = (address & 0xfff) as usize;
                    if (offset & 63) + N <= 64
                        && let Some(page) = self.known(address >> 12)
                    {
                        let page = &mut self.pages[page];
                        if page.dirty != 0
                            && let Some(place) = page.data[offset..].first_chunk_mut()
                        {
                            *place = value.to_le_bytes();
                            page.dirty |= 1 << (offset >> 6);
                            return;
                        }
                    }
                    self.poke_slow(address, value.to_le_bytes());
                }
            )*
        }
    };
}

sized! {
    peek8 poke8 u8;
    peek16 poke16 u16;
    peek32 poke32 u32;
    peek64 poke64 u64;
}

impl Memory {
    /// [`Memory::check`] with some page flags overlooked.
    pub fn check_allowing(
        &mut self,
        address: u64,
        bytes: u64,
        access: Access,
        allow: u16,
    ) -> Result<(), Fault> {
        let forbidden = self.forbidden[kind(access)] & !allow;
        self.check_against(address, bytes, access, forbidden)
    }

    /// Like [`Memory::peek`], for those who may only look: an unmapped place reads as zero.
    pub fn view(&self, address: u64, into: &mut [u8]) -> usize {
        let mut done = 0;
        while done < into.len() {
            let at = address.wrapping_add(done as u64);
            let offset = (at & 0xfff) as usize;
            let here = (into.len() - done).min(PAGE_BYTES as usize - offset);
            let Some(page) = self.find(at >> 12) else { break };
            let data = &self.pages[page as usize].data;
            into[done..done + here].copy_from_slice(&data[offset..offset + here]);
            done += here;
        }
        done
    }

    /// A word, for those who may only look.
    pub fn view64(&self, address: u64) -> u64 {
        let offset = (address & 0xfff) as usize;
        if let Some(page) = self.find(address >> 12)
            && let Some(bytes) = self.pages[page as usize].data[offset..].first_chunk()
        {
            return u64::from_le_bytes(*bytes);
        }
        let mut bytes = [0; 8];
        self.view(address, &mut bytes);
        u64::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_copied_across_pages_and_no_further_than_there_are_any() {
        let mut memory = Memory::new();
        memory.map(0x1000, 0x3000, 0, true);
        memory.map(0x8000, 0x2000, 0, true);
        let bytes: Vec<u8> = (0..0x2000u32).map(|at| (at * 7 % 251) as u8).collect();
        memory.poke(0x1800, &bytes);
        memory.copy(0x1810, 0x8123, 0x1e00);
        let mut got = vec![0; 0x1e00];
        assert_eq!((memory.peek(0x8123, &mut got), &got[..]), (0x1e00, &bytes[0x10..0x1e10]));
        // Within a page, and beyond what is mapped.
        memory.copy(0x1800, 0x1100, 0x100);
        memory.peek(0x1100, &mut got[..0x100]);
        assert_eq!(got[..0x100], bytes[..0x100]);
        memory.copy(0x1800, 0x9f00, 0x1000);
        memory.peek(0x9f00, &mut got[..0x100]);
        assert_eq!(got[..0x100], bytes[..0x100]);
        memory.copy(0xf000, 0x8000, 0x10);
    }

    #[test]
    fn validity_is_set_to_the_byte() {
        let mut memory = Memory::new();
        memory.map(0x1000, 0x3000, 0, false);
        for (at, bytes) in [(0x1003, 0x1fff), (0x1040, 0x80), (0x1000, 0x1000), (0x103f, 2)] {
            memory.set_valid(at, bytes, true);
            assert!(memory.check(at, bytes, Access::Read).is_ok(), "{at:#x}");
            assert!(memory.check(at, bytes + 1, Access::Read).is_err(), "{at:#x}");
            assert!(memory.check(at - 1, 2, Access::Read).is_err(), "{at:#x}");
            memory.set_valid(at, bytes, false);
            for byte in [at, at + bytes / 2, at + bytes - 1] {
                assert!(memory.check(byte, 1, Access::Read).is_err(), "{byte:#x}");
            }
        }
    }
}
