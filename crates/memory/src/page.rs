//! One page: bytes, validity, dirty lines, flags.

/// Bytes in a page.
pub const PAGE_BYTES: u64 = 4096;
/// Bytes in a line, the unit of dirty tracking.
pub const LINE_BYTES: u64 = 64;

/// Reads are refused.
pub const NO_READ: u16 = 1;
/// Writes are refused.
pub const NO_WRITE: u16 = 2;
/// Instruction fetches are refused.
pub const NO_EXECUTE: u16 = 4;
/// The page may be paged out: not to be touched at `DISPATCH_LEVEL` or above.
pub const PAGEABLE: u16 = 8;
/// Device registers: every access is the device's business.
pub const DEVICE: u16 = 16;
/// The user half: every access by a driver needs a reason.
pub const USER: u16 = 32;
/// Accesses are reported while tracking is on (races, scheduling points).
pub const TRACKED: u16 = 64;

pub(crate) struct Page {
    pub data: [u8; PAGE_BYTES as usize],
    /// Bit `i` of word `w` says that byte `64 * w + i` may be touched.
    pub valid: [u64; 64],
    /// Bit `l` says that line `l` differs, or may differ, from the baseline.
    pub dirty: u64,
    pub number: u64,
    pub flags: u16,
}

impl Page {
    pub fn new(number: u64, flags: u16, valid: bool) -> Self {
        let valid = [if valid { u64::MAX } else { 0 }; 64];
        Page { data: [0; PAGE_BYTES as usize], valid, dirty: 0, number, flags }
    }
}

/// What a page goes back to at a restore. Flags are kept in a log instead, since they seldom change.
pub(crate) struct Base {
    pub data: Box<[u8; PAGE_BYTES as usize]>,
    pub valid: [u64; 64],
}

impl Base {
    pub fn new(valid: bool) -> Self {
        Base {
            data: Box::new([0; PAGE_BYTES as usize]),
            valid: [if valid { u64::MAX } else { 0 }; 64],
        }
    }
}
