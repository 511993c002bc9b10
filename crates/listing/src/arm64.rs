//! Instructions of ARM64 as text, and where branches lead.

use std::fmt::Write;
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::InstDecoder;

/// Bytes of every instruction.
pub const SIZE: usize = 4;

/// Appends the instruction `word` to `to`; what is none as data, and `false`.
pub fn write(word: u32, to: &mut String) -> bool {
    let bytes = word.to_le_bytes();
    match InstDecoder::default().decode(&mut U8Reader::new(&bytes)) {
        Ok(decoded) => {
            let start = to.len();
            let _ = write!(to, "{decoded}");
            // Mnemonics take eight columns, as debuggers have them.
            if let Some(length) = to[start..].find(' ').filter(|length| *length < 7) {
                const BLANKS: &str = "       ";
                to.insert_str(start + length, &BLANKS[length..]);
            }
            true
        }
        Err(_) => {
            let _ = write!(to, "dcd 0x{word:08x}");
            false
        }
    }
}

/// Whether `word` is an instruction.
pub fn is_instruction(word: u32) -> bool {
    InstDecoder::default().decode(&mut U8Reader::new(&word.to_le_bytes())).is_ok()
}

/// `bits` bits of `field`, with its sign.
pub(crate) fn signed(field: u32, bits: u32) -> i64 {
    i64::from((field << (32 - bits)).cast_signed() >> (32 - bits))
}

/// Where a branch at `address` leads (Arm Architecture Reference Manual, B and BL, B.cond, CBZ and TBZ).
pub fn target(word: u32, address: u64) -> Option<u64> {
    let words = match word {
        _ if word & 0x7c00_0000 == 0x1400_0000 => signed(word, 26),
        _ if word & 0xff00_0000 == 0x5400_0000 => signed(word >> 5, 19),
        _ if word & 0x7e00_0000 == 0x3400_0000 => signed(word >> 5, 19),
        _ if word & 0x7e00_0000 == 0x3600_0000 => signed(word >> 5, 14),
        _ => return None,
    };
    address.checked_add_signed(words * 4)
}

/// The address that ADR or ADRP at `address` makes, and the register that takes it.
pub(crate) fn page(word: u32, address: u64) -> Option<(u8, u64)> {
    if word & 0x1f00_0000 != 0x1000_0000 {
        return None;
    }
    let offset = signed((word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3, 21);
    let made = match word >> 31 {
        0 => address.checked_add_signed(offset)?,
        _ => (address & !0xfff).checked_add_signed(offset * 0x1000)?,
    };
    Some(((word & 31) as u8, made))
}

/// Register taken, base register and what is added to it, of ADD with an immediate and of LDR with an unsigned
/// offset, 64-bit.
pub(crate) fn offset(word: u32) -> Option<(u8, u8, u64, bool)> {
    let (to, base) = ((word & 31) as u8, (word >> 5 & 31) as u8);
    let number = u64::from(word >> 10 & 0xfff);
    match word {
        _ if word & 0xffc0_0000 == 0x9100_0000 => Some((to, base, number, false)),
        _ if word & 0xffc0_0000 == 0xf940_0000 => Some((to, base, number * 8, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: u32) -> String {
        let mut text = String::new();
        assert!(write(word, &mut text));
        text
    }

    #[test]
    fn instructions_are_shown() {
        assert_eq!(of(0xf940_0908), "ldr     x8, [x8, #0x10]");
        assert_eq!(of(0xd503_201f), "nop");
        assert_eq!(of(0xd65f_03c0), "ret");
        let mut text = String::new();
        assert!(!write(0xffff_ffff, &mut text));
        assert_eq!(text, "dcd 0xffffffff");
    }

    #[test]
    fn branches_lead_somewhere() {
        assert_eq!(target(0x9400_0001, 0x1000), Some(0x1004)); // bl
        assert_eq!(target(0x17ff_ffff, 0x1000), Some(0xffc)); // b
        assert_eq!(target(0x5400_0040, 0x1000), Some(0x1008)); // b.eq
        assert_eq!(target(0xb4ff_ffe0, 0x1000), Some(0xffc)); // cbz
        assert_eq!(target(0xf940_0908, 0x1000), None);
    }

    #[test]
    fn addresses_are_made_of_two_instructions() {
        assert_eq!(page(0x9000_0008, 0x1_4000_1234), Some((8, 0x1_4000_1000))); // adrp x8, .
        assert_eq!(page(0xb000_0008, 0x1_4000_1234), Some((8, 0x1_4000_2000))); // adrp x8, .+1000
        assert_eq!(page(0x1000_0080, 0x1000), Some((0, 0x1010))); // adr x0, .+10
        assert_eq!(offset(0x9104_0108), Some((8, 8, 0x100, false))); // add x8, x8, #0x100
        assert_eq!(offset(0xf940_0908), Some((8, 8, 0x10, true))); // ldr x8, [x8, #0x10]
    }
}
