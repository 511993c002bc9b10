//! Places to correct when the image is not loaded where it was linked ("PE Format", The .reloc Section).

use crate::error::{Error, Place};
use crate::headers::{DirectoryIndex, Machine};
use crate::image::{Image, advance};

/// One base relocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// The place to correct.
    pub rva: u32,
    /// How to correct it.
    pub kind: RelocationKind,
}

/// Which bits the difference between real and linked base is added to (`IMAGE_REL_BASED_*`). Padding
/// (`ABSOLUTE`) is left out of [`Image::relocations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelocationKind {
    /// A 16-bit field that holds bits 16-31 of an address.
    High,
    /// A 16-bit field that holds bits 0-15 of an address.
    Low,
    /// A 32-bit address.
    HighLow,
    /// A 16-bit field that holds bits 16-31 of an address, rounded so that its low half may be added as a
    /// signed number. That half lies in the relocation table, in the slot that follows.
    HighAdj {
        /// The low half.
        low: i16,
        /// RVA of the slot.
        slot: u32,
    },
    /// A MOVW and a MOVT of ARM code (A32), which load a 32-bit address together.
    ArmMov32,
    /// The same of Thumb-2 code.
    ThumbMov32,
    /// A 64-bit address.
    Dir64,
}

impl RelocationKind {
    /// Bytes that it corrects.
    pub fn size(self) -> u32 {
        match self {
            Self::High | Self::Low | Self::HighAdj { .. } => 2,
            Self::HighLow => 4,
            Self::Dir64 | Self::ArmMov32 | Self::ThumbMov32 => 8,
        }
    }

    /// The kind of a number; `None` for one that the processor does not have.
    fn from_code(code: u16, machine: Machine) -> Option<Self> {
        Some(match (code, machine) {
            (1, _) => Self::High,
            (2, _) => Self::Low,
            (3, _) => Self::HighLow,
            (5, Machine::ArmNt) => Self::ArmMov32,
            (7, Machine::ArmNt) => Self::ThumbMov32,
            (10, _) => Self::Dir64,
            _ => return None,
        })
    }

    /// Corrects `field`, which has [`RelocationKind::size`] bytes, for an image that is moved by `delta`.
    pub(crate) fn apply(self, field: &mut [u8], delta: u64) {
        match self {
            Self::ArmMov32 => mov32(field, delta, ARM_IMMEDIATE),
            Self::ThumbMov32 => mov32(field, delta, THUMB_IMMEDIATE),
            _ => {
                let mut wide = [0; 8];
                wide[..field.len()].copy_from_slice(field);
                let value = u64::from_le_bytes(wide);
                let corrected = match self {
                    Self::High => (value << 16).wrapping_add(delta) >> 16,
                    Self::HighAdj { low, .. } => {
                        let whole = (value << 16).wrapping_add_signed(low.into());
                        whole.wrapping_add(delta).wrapping_add(0x8000) >> 16
                    }
                    _ => value.wrapping_add(delta),
                };
                let length = field.len();
                field.copy_from_slice(&corrected.to_le_bytes()[..length]);
            }
        }
    }
}

/// Where an instruction holds the 16 bits that it loads: pairs of how many bits, and from which bit of the
/// instruction on; the lowest first.
type Immediate = &'static [(u32, u32)];
/// A32 MOVW and MOVT: imm4:imm12 (ARM Architecture Reference Manual, ARMv7-A and ARMv7-R, A8.8.102).
const ARM_IMMEDIATE: Immediate = &[(12, 0), (4, 16)];
/// T32 MOVW and MOVT: imm4:i:imm3:imm8 (the same), in the two halfwords as they lie in the file.
const THUMB_IMMEDIATE: Immediate = &[(8, 16), (3, 28), (1, 10), (4, 0)];

/// Adds `delta` to the address that two instructions of four bytes load.
fn mov32(field: &mut [u8], delta: u64, parts: Immediate) {
    let mut halves = field.chunks_exact_mut(4);
    let (Some(low), Some(high)) = (halves.next(), halves.next()) else { return };
    let address = u32::from(immediate(low, parts)) | u32::from(immediate(high, parts)) << 16;
    let address = address.wrapping_add((delta & 0xffff_ffff) as u32);
    set_immediate(low, parts, address & 0xffff);
    set_immediate(high, parts, address >> 16);
}

fn immediate(bytes: &[u8], parts: Immediate) -> u16 {
    let word = word(bytes);
    let mut value = 0u32;
    let mut done = 0;
    for (bits, from) in parts {
        value |= (word >> from & ((1 << bits) - 1)) << done;
        done += bits;
    }
    (value & 0xffff) as u16
}

fn set_immediate(bytes: &mut [u8], parts: Immediate, value: u32) {
    let mut word = word(bytes);
    let mut rest = value;
    for (bits, from) in parts {
        let mask = (1 << bits) - 1;
        word = word & !(mask << from) | (rest & mask) << from;
        rest >>= bits;
    }
    bytes.copy_from_slice(&word.to_le_bytes());
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

impl Image<'_> {
    /// Base relocations, block by block.
    ///
    /// # Errors
    /// A block that does not fit the directory, or a kind that the processor does not have.
    pub fn relocations(&self) -> Result<Vec<Relocation>, Error> {
        let Some(directory) = self.table(DirectoryIndex::BaseRelocation)? else {
            return Ok(Vec::new());
        };
        let end = advance(directory.rva, directory.size, directory.place)?;
        let mut relocations = Vec::new();
        let mut block = directory.rva;
        while end - block >= 8 {
            let at = self.file_offset(block).unwrap_or(directory.place.offset);
            let from = Place::new(at, "base relocation Page RVA");
            let page = self.u32_at(block, from)?;
            let from = Place::new(at.saturating_add(4), "base relocation Block Size");
            let size = self.u32_at(advance(block, 4, from)?, from)?;
            if page == 0 && size == 0 {
                break; // Padding up to the directory's size.
            }
            if size < 8 || size > end - block || size % 2 != 0 {
                let problem = format!("is {size:#x} with {:#x} bytes left", end - block);
                return Err(Error::new(from, problem));
            }
            let mut slot = block + 8;
            while slot < block + size {
                let at = self.file_offset(slot).unwrap_or(from.offset);
                let from = Place::new(at, "base relocation Type");
                let entry = self.u16_at(slot, from)?;
                let rva = advance(page, u32::from(entry & 0xfff), from)?;
                slot += 2;
                let kind = match entry >> 12 {
                    0 => continue,
                    4 if slot < block + size => {
                        let low = self.u16_at(slot, from)?.cast_signed();
                        slot += 2;
                        RelocationKind::HighAdj { low, slot: slot - 2 }
                    }
                    code => RelocationKind::from_code(code, self.machine()).ok_or_else(|| {
                        let machine = self.machine();
                        Error::new(from, format!("kind {code} is not one of {machine}"))
                    })?,
                };
                relocations.push(Relocation { rva, kind });
            }
            block += size;
        }
        Ok(relocations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The field after a move by `delta`.
    fn moved(kind: RelocationKind, field: &[u8], delta: u64) -> Vec<u8> {
        let mut field = field.to_vec();
        assert_eq!(field.len(), kind.size() as usize);
        kind.apply(&mut field, delta);
        field
    }

    #[test]
    fn every_kind_adds_the_difference_to_its_bits() {
        let minus = 0x1_0000u64.wrapping_neg();
        assert_eq!(moved(RelocationKind::HighLow, &[4, 3, 2, 1], 0x1_0000), [4, 3, 3, 1]);
        assert_eq!(moved(RelocationKind::HighLow, &[4, 3, 0, 0], minus), [4, 3, 0xff, 0xff]);
        let wide = 0x1_8000_1234u64.to_le_bytes();
        let to = 0x2_8000_1234u64.to_le_bytes();
        assert_eq!(moved(RelocationKind::Dir64, &wide, 1 << 32), to);
        assert_eq!(moved(RelocationKind::High, &[2, 1], 0x1_0000), [3, 1]);
        assert_eq!(moved(RelocationKind::Low, &[2, 1], 0x1_0010), [0x12, 1]);
    }

    #[test]
    fn a_rounded_half_carries_what_its_low_half_lacks() {
        // 0x1234_9000 is 0x1235 and -0x7000.
        let kind = RelocationKind::HighAdj { low: -0x7000, slot: 0 };
        assert_eq!(moved(kind, &[0x35, 0x12], 0), [0x35, 0x12]);
        assert_eq!(moved(kind, &[0x35, 0x12], 0x1_0000), [0x36, 0x12]);
        // 0x1234_1000 is no longer rounded up.
        assert_eq!(moved(kind, &[0x35, 0x12], 0x8000u64.wrapping_neg()), [0x34, 0x12]);
    }

    /// Instructions as clang assembles them: `movw r1, #0x5678`, `movt r1, #0x1234`.
    #[test]
    fn both_halves_of_an_address_in_arm_code_are_corrected() {
        let thumb = [0x45, 0xf2, 0x78, 0x61, 0xc1, 0xf2, 0x34, 0x21];
        let to = [0x45, 0xf2, 0x78, 0x61, 0xc1, 0xf2, 0x35, 0x21];
        assert_eq!(moved(RelocationKind::ThumbMov32, &thumb, 0x1_0000), to);
        // The carry of the low half: 0x1234_5678 + 0xb000.
        let carried = [0x40, 0xf2, 0x78, 0x61, 0xc1, 0xf2, 0x35, 0x21];
        assert_eq!(moved(RelocationKind::ThumbMov32, &thumb, 0xb000), carried);
        let arm = [0x78, 0x16, 0x05, 0xe3, 0x34, 0x12, 0x41, 0xe3];
        let to = [0x78, 0x16, 0x05, 0xe3, 0x35, 0x12, 0x41, 0xe3];
        assert_eq!(moved(RelocationKind::ArmMov32, &arm, 0x1_0000), to);
    }

    #[test]
    fn a_kind_belongs_to_its_processor() {
        let thumb = Some(RelocationKind::ThumbMov32);
        assert_eq!(RelocationKind::from_code(7, Machine::ArmNt), thumb);
        assert_eq!(RelocationKind::from_code(7, Machine::Amd64), None);
        assert_eq!(RelocationKind::from_code(5, Machine::Arm64), None);
    }
}
