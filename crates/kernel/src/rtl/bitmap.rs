//! RTL_BITMAP: bits in an array of 32-bit words.

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use nt::layout::rtl_bitmap;

/// "None found" of the searching routines.
const NONE: u32 = u32::MAX;

/// A bitmap that was read: its bits, and where they go back to.
struct Bits {
    buffer: u64,
    size: u32,
    words: Vec<u32>,
}

impl Bits {
    fn read(cx: &mut Cx, bitmap: u64) -> Result<Bits, Stop> {
        let size = cx.read32(bitmap + rtl_bitmap::SIZE_OF_BIT_MAP)?;
        let buffer = cx.read64(bitmap + rtl_bitmap::BUFFER)?;
        let bytes = cx.read_bytes(buffer, 4 * u64::from(size.div_ceil(32)))?;
        let words = bytes.as_chunks::<4>().0.iter().map(|&w| u32::from_le_bytes(w)).collect();
        Ok(Bits { buffer, size, words })
    }

    fn write(&self, cx: &mut Cx) -> Result<(), Stop> {
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        cx.write_bytes(self.buffer, &bytes)
    }

    fn get(&self, bit: u32) -> bool {
        self.words.get((bit / 32) as usize).is_some_and(|word| word >> (bit % 32) & 1 != 0)
    }

    fn set(&mut self, from: u32, count: u32, on: bool) {
        for bit in from..from.saturating_add(count).min(self.size) {
            if let Some(word) = self.words.get_mut((bit / 32) as usize) {
                *word = if on { *word | 1 << (bit % 32) } else { *word & !(1 << (bit % 32)) };
            }
        }
    }

    fn all(&self, from: u32, count: u32, on: bool) -> bool {
        let end = from.checked_add(count).filter(|&end| count > 0 && end <= self.size);
        end.is_some_and(|end| (from..end).all(|bit| self.get(bit) == on))
    }

    fn count(&self) -> u32 {
        (0..self.size).filter(|&bit| self.get(bit)).count() as u32
    }

    /// First run of `count` bits that are `on`, looking from `hint` and then from the start.
    fn find(&self, count: u32, hint: u32, on: bool) -> u32 {
        let hint = if hint < self.size { hint } else { 0 };
        if count == 0 {
            return hint & !7;
        }
        let search = |from: u32, to: u32| (from..to).find(|&bit| self.all(bit, count, on));
        search(hint, self.size).or_else(|| search(0, hint)).unwrap_or(NONE)
    }

    /// The run of clear bits at or after `from`: where it starts and its length.
    fn clear_run(&self, from: u32) -> Option<(u32, u32)> {
        let start = (from..self.size).find(|&bit| !self.get(bit))?;
        let end = (start..self.size).find(|&bit| self.get(bit)).unwrap_or(self.size);
        Some((start, end - start))
    }
}

/// Describes a bitmap.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlinitializebitmap>
pub fn RtlInitializeBitMap(cx: &mut Cx, bitmap: u64, buffer: u64, size: u32) -> Result<(), Stop> {
    cx.write32(bitmap + rtl_bitmap::SIZE_OF_BIT_MAP, size)?;
    cx.write64(bitmap + rtl_bitmap::BUFFER, buffer)
}

macro_rules! change {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),*) $from:expr, $count:expr, $on:literal;)*) => {$(
        $(#[$doc])*
        pub fn $name(cx: &mut Cx, bitmap: u64, $($argument: u32),*) -> Result<(), Stop> {
            let mut bits = Bits::read(cx, bitmap)?;
            bits.set($from, $count, $on);
            bits.write(cx)
        }
    )*};
}

change! {
    /// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlsetallbits>
    RtlSetAllBits() 0, u32::MAX, true;
    /// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlclearallbits>
    RtlClearAllBits() 0, u32::MAX, false;
    /// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlsetbits>
    RtlSetBits(from, count) from, count, true;
    /// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlclearbits>
    RtlClearBits(from, count) from, count, false;
    /// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlsetbit>
    RtlSetBit(bit) bit, 1, true;
    /// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlclearbit>
    RtlClearBit(bit) bit, 1, false;
}

/// Whether a bit is set.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtltestbit>
pub fn RtlTestBit(cx: &mut Cx, bitmap: u64, bit: u32) -> Result<bool, Stop> {
    Ok(Bits::read(cx, bitmap)?.all(bit, 1, true))
}

/// Whether a run of bits is set.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlarebitsset>
pub fn RtlAreBitsSet(cx: &mut Cx, bitmap: u64, from: u32, count: u32) -> Result<bool, Stop> {
    Ok(Bits::read(cx, bitmap)?.all(from, count, true))
}

/// Whether a run of bits is clear.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlarebitsclear>
pub fn RtlAreBitsClear(cx: &mut Cx, bitmap: u64, from: u32, count: u32) -> Result<bool, Stop> {
    Ok(Bits::read(cx, bitmap)?.all(from, count, false))
}

/// Number of bits set.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlnumberofsetbits>
pub fn RtlNumberOfSetBits(cx: &mut Cx, bitmap: u64) -> Result<u32, Stop> {
    Ok(Bits::read(cx, bitmap)?.count())
}

/// Number of bits clear.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlnumberofclearbits>
pub fn RtlNumberOfClearBits(cx: &mut Cx, bitmap: u64) -> Result<u32, Stop> {
    let bits = Bits::read(cx, bitmap)?;
    Ok(bits.size - bits.count())
}

/// Finds a run of clear bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindclearbits>
pub fn RtlFindClearBits(cx: &mut Cx, bitmap: u64, count: u32, hint: u32) -> Result<u32, Stop> {
    Ok(Bits::read(cx, bitmap)?.find(count, hint, false))
}

/// Finds a run of set bits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindsetbits>
pub fn RtlFindSetBits(cx: &mut Cx, bitmap: u64, count: u32, hint: u32) -> Result<u32, Stop> {
    Ok(Bits::read(cx, bitmap)?.find(count, hint, true))
}

fn find_and_flip(cx: &mut Cx, bitmap: u64, count: u32, hint: u32, on: bool) -> Result<u32, Stop> {
    let mut bits = Bits::read(cx, bitmap)?;
    let found = bits.find(count, hint, on);
    if found != NONE {
        bits.set(found, count, !on);
        bits.write(cx)?;
    }
    Ok(found)
}

/// Finds a run of clear bits and sets it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindclearbitsandset>
pub fn RtlFindClearBitsAndSet(
    cx: &mut Cx,
    bitmap: u64,
    count: u32,
    hint: u32,
) -> Result<u32, Stop> {
    find_and_flip(cx, bitmap, count, hint, false)
}

/// Finds a run of set bits and clears it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindsetbitsandclear>
pub fn RtlFindSetBitsAndClear(
    cx: &mut Cx,
    bitmap: u64,
    count: u32,
    hint: u32,
) -> Result<u32, Stop> {
    find_and_flip(cx, bitmap, count, hint, true)
}

/// Length of the first run of clear bits, and where it starts.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindfirstrunclear>
pub fn RtlFindFirstRunClear(cx: &mut Cx, bitmap: u64, start: u64) -> Result<u32, Stop> {
    RtlFindNextForwardRunClear(cx, bitmap, 0, start)
}

/// Length of the next run of clear bits, and where it starts.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindnextforwardrunclear>
pub fn RtlFindNextForwardRunClear(
    cx: &mut Cx,
    bitmap: u64,
    from: u32,
    start: u64,
) -> Result<u32, Stop> {
    let bits = Bits::read(cx, bitmap)?;
    let (at, count) = bits.clear_run(from).unwrap_or((bits.size, 0));
    cx.write32(start, at)?;
    Ok(count)
}

/// Length of the longest run of clear bits, and where it starts.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindlongestrunclear>
pub fn RtlFindLongestRunClear(cx: &mut Cx, bitmap: u64, start: u64) -> Result<u32, Stop> {
    let bits = Bits::read(cx, bitmap)?;
    let (mut best, mut from) = ((0, 0), 0);
    while let Some((at, count)) = bits.clear_run(from) {
        if count > best.1 {
            best = (at, count);
        }
        from = at + count;
    }
    cx.write32(start, best.0)?;
    Ok(best.1)
}

/// Number of the lowest bit set, -1 for none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindleastsignificantbit>
pub fn RtlFindLeastSignificantBit(_: &mut Cx, set: u64) -> Result<u8, Stop> {
    Ok(if set == 0 { u8::MAX } else { set.trailing_zeros() as u8 })
}

/// Number of the highest bit set, -1 for none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfindmostsignificantbit>
pub fn RtlFindMostSignificantBit(_: &mut Cx, set: u64) -> Result<u8, Stop> {
    Ok(if set == 0 { u8::MAX } else { 63 - set.leading_zeros() as u8 })
}

/// Number of bits set in a word.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlnumberofsetbitsulongptr>
pub fn RtlNumberOfSetBitsUlongPtr(_: &mut Cx, set: u64) -> Result<u32, Stop> {
    Ok(set.count_ones())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlInitializeBitMap, quiet),
        service!(RtlSetAllBits),
        service!(RtlClearAllBits),
        service!(RtlSetBits),
        service!(RtlClearBits),
        service!(RtlSetBit),
        service!(RtlClearBit),
        service!(RtlTestBit),
        service!(RtlAreBitsSet),
        service!(RtlAreBitsClear),
        service!(RtlNumberOfSetBits),
        service!(RtlNumberOfClearBits),
        service!(RtlFindClearBits),
        service!(RtlFindSetBits),
        service!(RtlFindClearBitsAndSet),
        service!(RtlFindSetBitsAndClear),
        service!(RtlFindFirstRunClear),
        service!(RtlFindNextForwardRunClear),
        service!(RtlFindLongestRunClear),
        service!(RtlFindLeastSignificantBit, quiet),
        service!(RtlFindMostSignificantBit, quiet),
        service!(RtlNumberOfSetBitsUlongPtr, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits() -> Bits {
        let mut bits = Bits { buffer: 0, size: 40, words: vec![0, 0] };
        bits.set(0, 4, true);
        bits.set(30, 5, true);
        bits
    }

    #[test]
    fn runs_are_set_across_words() {
        let bits = bits();
        assert_eq!(bits.words, [0xc000_000f, 0x7]);
        assert_eq!(bits.count(), 9);
        assert!(bits.all(30, 5, true) && !bits.all(29, 2, true) && bits.all(35, 5, false));
        assert!(!bits.all(35, 6, false), "past the end");
        assert!(!bits.all(3, 0, true), "an empty run is none");
    }

    #[test]
    fn runs_are_found_from_the_hint_and_then_from_the_start() {
        let bits = bits();
        assert_eq!(bits.find(5, 0, false), 4);
        assert_eq!(bits.find(5, 27, false), 35);
        assert_eq!(bits.find(6, 27, false), 4);
        assert_eq!(bits.find(5, 0, true), 30);
        assert_eq!((bits.find(27, 0, false), bits.find(0, 13, false)), (NONE, 8));
        assert_eq!(bits.clear_run(0), Some((4, 26)));
        assert_eq!((bits.clear_run(31), bits.clear_run(40)), (Some((35, 5)), None));
    }
}
