//! The guest's address space.
//!
//! Sparse 64-bit pages of 4 KiB. Every page carries protection flags and one validity bit a byte;
//! a driver's access needs both, so an overrun by one byte or a touch of freed pool is refused at
//! the instruction that makes it. Kernel services use the `peek`/`poke` family, which sees all that
//! is mapped.
//!
//! A *baseline* is the state every schedule starts from. Writes mark 64-byte lines dirty, and
//! [`Memory::restore`] copies back just those lines.
//!
//! Once mapped, a page keeps its number for the life of the address space: what comes and goes is
//! its flags and validity. That keeps restoring cheap and addresses reproducible.

mod access;
mod baseline;
mod fault;
mod page;

pub use fault::{Access, Fault, FaultCause};
pub use page::{
    DEVICE, LINE_BYTES, NO_EXECUTE, NO_READ, NO_WRITE, PAGE_BYTES, PAGEABLE, TRACKED, USER,
};

use page::{Base, Page};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

const TLB_ENTRIES: usize = 256;
const FIRST_PAGES: usize = 512;

/// Regions begin at round addresses: the low bits of their page numbers alone would collide.
#[inline(always)]
fn tlb_slot(number: u64) -> usize {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % TLB_ENTRIES
}

/// Page numbers are no secret and no attack: spreading their low bits over the word is all it takes.
#[derive(Clone, Copy, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

#[derive(Clone, Copy)]
struct TlbEntry {
    number: u64,
    page: u32,
}

/// An address space. See the crate's description.
pub struct Memory {
    pages: Vec<Page>,
    base: Vec<Base>,
    index: HashMap<u64, u32, BuildHasherDefault<Spread>>,
    tlb: Box<[TlbEntry; TLB_ENTRIES]>,
    /// Pages with at least one dirty line, in the order they were first written.
    dirty: Vec<u32>,
    /// Flags to put back at the next restore.
    flag_log: Vec<(u32, u16)>,
    has_baseline: bool,
    /// Page flags that refuse a driver's read, write and execute just now.
    forbidden: [u16; 3],
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// An address space with nothing mapped.
    pub fn new() -> Self {
        Memory {
            // Room for a driver and its surroundings: growing means moving pages.
            pages: Vec::with_capacity(FIRST_PAGES),
            base: Vec::with_capacity(FIRST_PAGES),
            index: HashMap::default(),
            tlb: Box::new([TlbEntry { number: u64::MAX, page: 0 }; TLB_ENTRIES]),
            dirty: Vec::new(),
            flag_log: Vec::new(),
            has_baseline: false,
            forbidden: [NO_READ | DEVICE | USER, NO_WRITE | DEVICE | USER, NO_EXECUTE | USER],
        }
    }

    /// Maps the pages that hold `address..address + bytes` with `flags`, zero filled.
    ///
    /// With `valid` false no byte may be touched by the driver until [`Memory::set_valid`].
    /// A page already mapped keeps its content and takes the new flags.
    pub fn map(&mut self, address: u64, bytes: u64, flags: u16, valid: bool) {
        if bytes == 0 {
            return;
        }
        let (first, last) = (address >> 12, (address + (bytes - 1)) >> 12);
        for number in first..=last {
            match self.index.get(&number) {
                Some(&page) => self.set_page_flags(page, flags),
                None => {
                    let page = self.pages.len() as u32;
                    self.pages.push(Page::new(number, flags, valid));
                    self.base.push(Base::new(valid));
                    self.index.insert(number, page);
                }
            }
        }
    }

    /// Whether every page of the range is mapped.
    pub fn is_mapped(&self, address: u64, bytes: u64) -> bool {
        let last = (address.wrapping_add(bytes.max(1) - 1)) >> 12;
        (address >> 12..=last).all(|number| self.find(number).is_some())
    }

    /// Pages that are mapped.
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// Every mapped page, its address and bytes, in order of address.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &[u8; PAGE_BYTES as usize])> {
        let mut all: Vec<(u64, u32)> =
            self.index.iter().map(|(&number, &page)| (number, page)).collect();
        all.sort_unstable();
        all.into_iter().map(|(number, page)| (number << 12, &self.pages[page as usize].data))
    }

    /// Flags of the page that holds `address`.
    pub fn flags(&self, address: u64) -> Option<u16> {
        self.index.get(&(address >> 12)).map(|&page| self.pages[page as usize].flags)
    }

    /// Replaces the flags of all pages that hold the range; undone by [`Memory::restore`].
    pub fn set_flags(&mut self, address: u64, bytes: u64, flags: u16) {
        let last = (address.wrapping_add(bytes.max(1) - 1)) >> 12;
        for number in address >> 12..=last {
            if let Some(&page) = self.index.get(&number) {
                self.set_page_flags(page, flags);
            }
        }
    }

    fn set_page_flags(&mut self, page: u32, flags: u16) {
        let slot = &mut self.pages[page as usize];
        if slot.flags != flags {
            if self.has_baseline {
                self.flag_log.push((page, slot.flags));
            }
            slot.flags = flags;
        }
    }

    /// Sets which page flags refuse a driver's access from now on, besides the flag for the kind of
    /// access itself: [`PAGEABLE`] at raised IRQL, [`TRACKED`] while accesses are scheduling points.
    /// [`DEVICE`] and [`USER`] pages are always refused here; the caller decides about them.
    pub fn forbid(&mut self, extra: u16) {
        self.forbidden = [
            NO_READ | DEVICE | USER | extra,
            NO_WRITE | DEVICE | USER | extra,
            NO_EXECUTE | USER | (extra & PAGEABLE),
        ];
    }

    #[inline(always)]
    fn lookup(&mut self, number: u64) -> Option<u32> {
        let slot = tlb_slot(number);
        let entry = self.tlb[slot];
        if entry.number == number {
            return Some(entry.page);
        }
        self.lookup_slow(number)
    }

    /// The page, if it was used lately.
    #[inline(always)]
    fn known(&self, number: u64) -> Option<usize> {
        let entry = self.tlb[tlb_slot(number)];
        if entry.number == number { Some(entry.page as usize) } else { None }
    }

    /// Like `lookup`, for those who may only look.
    #[inline]
    fn find(&self, number: u64) -> Option<u32> {
        let entry = self.tlb[tlb_slot(number)];
        if entry.number == number { Some(entry.page) } else { self.index.get(&number).copied() }
    }

    #[cold]
    fn lookup_slow(&mut self, number: u64) -> Option<u32> {
        let page = *self.index.get(&number)?;
        self.tlb[tlb_slot(number)] = TlbEntry { number, page };
        Some(page)
    }
}
