//! The integer vector instructions whose result depends on the two operands and an immediate only:
//! SSE2, SSSE3 and SSE4.1. One line an instruction.

use super::lanes::*;
use iced_x86::Mnemonic;

/// An instruction `destination = run(destination, source, immediate)`.
pub(crate) struct Packed {
    pub mnemonic: Mnemonic,
    /// Bytes read when the source is memory; 16 must be aligned.
    pub bytes: u8,
    pub run: fn(u128, u128, u64) -> u128,
}

macro_rules! table {
    ($($mnemonic:ident $bytes:literal $run:expr;)*) => {
        /// Found by mnemonic when decoding, by index when running.
        pub(crate) static PACKED: &[Packed] = &[
            $( Packed { mnemonic: Mnemonic::$mnemonic, bytes: $bytes, run: $run }, )*
        ];
    };
}

fn mask(yes: bool) -> u64 {
    if yes { u64::MAX } else { 0 }
}

/// Interleaves the lower or upper halves.
macro_rules! unpack {
    ($split:ident, $join:ident, $n:literal, $upper:literal) => {
        |a, b, _| {
            let (a, b) = ($split(a), $split(b));
            let from = if $upper { $n / 2 } else { 0 };
            $join(std::array::from_fn(
                |i| {
                    if i % 2 == 0 { a[from + i / 2] } else { b[from + i / 2] }
                },
            ))
        }
    };
}

/// Narrows the lanes of both operands, saturating.
macro_rules! pack {
    ($split:ident, $join:ident, $n:literal, $signed:ty, $to:ty, $bits:ty) => {
        |a, b, _| {
            let (a, b) = ($split(a), $split(b));
            $join(std::array::from_fn(|i| {
                let v = if i < $n / 2 { a[i] } else { b[i - $n / 2] } as $signed;
                v.clamp(<$to>::MIN as $signed, <$to>::MAX as $signed) as $bits
            }))
        }
    };
}

/// Widens the low lanes.
macro_rules! widen {
    ($split:ident, $join:ident, $from:ty, $to:ty) => {
        |_, b, _| {
            let b = $split(b);
            $join(std::array::from_fn(|i| b[i] as $from as $to))
        }
    };
}

/// A shift count is 64 bits wide; one beyond the lane clears it (or fills it with the sign).
fn count(b: u128, limit: u32) -> u32 {
    (b as u64).min(u64::from(limit)) as u32
}

macro_rules! shift {
    ($map:ident, $t:ty, left) => {
        |a, b, _| $map(a, |v| v.checked_shl(count(b, <$t>::BITS)).unwrap_or(0))
    };
    ($map:ident, $t:ty, right) => {
        |a, b, _| $map(a, |v| v.checked_shr(count(b, <$t>::BITS)).unwrap_or(0))
    };
    ($map:ident, $t:ty, $signed:ty, sign) => {
        |a, b, _| $map(a, |v| (v as $signed >> count(b, <$t>::BITS - 1)) as $t)
    };
}

fn shuffle(v: [u32; 4], imm: u64) -> [u32; 4] {
    std::array::from_fn(|i| v[(imm >> (2 * i) & 3) as usize])
}

/// Shuffles four words starting at `from`.
fn shuffle_words(v: u128, imm: u64, from: usize) -> u128 {
    let v = words(v);
    from_words(std::array::from_fn(|i| {
        if (from..from + 4).contains(&i) {
            v[from + (imm >> (2 * (i - from)) & 3) as usize]
        } else {
            v[i]
        }
    }))
}

/// Adds (or subtracts) neighbouring lanes of both operands.
macro_rules! horizontal {
    ($split:ident, $join:ident, $n:literal, $f:expr) => {
        |a, b, _| {
            let (a, b) = ($split(a), $split(b));
            $join(std::array::from_fn(|i| {
                let (v, i) = if i < $n / 2 { (&a, i) } else { (&b, i - $n / 2) };
                $f(v[2 * i], v[2 * i + 1])
            }))
        }
    };
}

fn blend<const N: usize, T: Copy>(a: [T; N], b: [T; N], imm: u64) -> [T; N] {
    std::array::from_fn(|i| if imm >> i & 1 != 0 { b[i] } else { a[i] })
}

fn sum_of_differences(a: u128, b: u128) -> u128 {
    let (a, b) = (bytes(a), bytes(b));
    let half = |from: usize| (from..from + 8).map(|i| u64::from(a[i].abs_diff(b[i]))).sum();
    from_qwords([half(0), half(8)])
}

fn multiply_add_words(a: u128, b: u128) -> u128 {
    let (a, b) = (words(a), words(b));
    let product = |i: usize| i32::from(a[i] as i16) * i32::from(b[i] as i16);
    from_dwords(std::array::from_fn(|i| product(2 * i).wrapping_add(product(2 * i + 1)) as u32))
}

fn multiply_add_bytes(a: u128, b: u128) -> u128 {
    let (a, b) = (bytes(a), bytes(b));
    let product = |i: usize| i32::from(a[i]) * i32::from(b[i] as i8);
    from_words(std::array::from_fn(|i| {
        let sum = product(2 * i) + product(2 * i + 1);
        sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as u16
    }))
}

fn shuffle_bytes(a: u128, b: u128) -> u128 {
    let v = bytes(a);
    map8(b, |at| if at & 0x80 != 0 { 0 } else { v[(at & 15) as usize] })
}

fn align_right(a: u128, b: u128, imm: u64) -> u128 {
    let by = (imm as u32 & 0xff) * 8;
    match by {
        0 => b,
        1..128 => b >> by | a << (128 - by),
        128..256 => a >> (by - 128),
        _ => 0,
    }
}

fn shift_bytes(a: u128, b: u128, left: bool) -> u128 {
    let by = count(b, 16) * 8;
    (if left { a.checked_shl(by) } else { a.checked_shr(by) }).unwrap_or(0)
}

fn smallest_word(b: u128) -> u128 {
    let at = words(b).into_iter().zip(0u128..).min().map(|(v, i)| u128::from(v) | i << 16);
    at.unwrap_or(0)
}

macro_rules! sign {
    ($zip:ident, $t:ty) => {
        |a, b, _| {
            $zip(a, b, |a, b| match (b as $t).signum() {
                0 => 0,
                1 => a,
                _ => a.wrapping_neg(),
            })
        }
    };
}

table! {
    Pxor 16 |a, b, _| a ^ b;
    Xorps 16 |a, b, _| a ^ b;
    Xorpd 16 |a, b, _| a ^ b;
    Por 16 |a, b, _| a | b;
    Orps 16 |a, b, _| a | b;
    Orpd 16 |a, b, _| a | b;
    Pand 16 |a, b, _| a & b;
    Andps 16 |a, b, _| a & b;
    Andpd 16 |a, b, _| a & b;
    Pandn 16 |a, b, _| !a & b;
    Andnps 16 |a, b, _| !a & b;
    Andnpd 16 |a, b, _| !a & b;
    Paddb 16 |a, b, _| zip8(a, b, u8::wrapping_add);
    Paddw 16 |a, b, _| zip16(a, b, u16::wrapping_add);
    Paddd 16 |a, b, _| zip32(a, b, u32::wrapping_add);
    Paddq 16 |a, b, _| zip64(a, b, u64::wrapping_add);
    Psubb 16 |a, b, _| zip8(a, b, u8::wrapping_sub);
    Psubw 16 |a, b, _| zip16(a, b, u16::wrapping_sub);
    Psubd 16 |a, b, _| zip32(a, b, u32::wrapping_sub);
    Psubq 16 |a, b, _| zip64(a, b, u64::wrapping_sub);
    Paddusb 16 |a, b, _| zip8(a, b, u8::saturating_add);
    Paddusw 16 |a, b, _| zip16(a, b, u16::saturating_add);
    Psubusb 16 |a, b, _| zip8(a, b, u8::saturating_sub);
    Psubusw 16 |a, b, _| zip16(a, b, u16::saturating_sub);
    Paddsb 16 |a, b, _| zip8(a, b, |a, b| (a as i8).saturating_add(b as i8) as u8);
    Paddsw 16 |a, b, _| zip16(a, b, |a, b| (a as i16).saturating_add(b as i16) as u16);
    Psubsb 16 |a, b, _| zip8(a, b, |a, b| (a as i8).saturating_sub(b as i8) as u8);
    Psubsw 16 |a, b, _| zip16(a, b, |a, b| (a as i16).saturating_sub(b as i16) as u16);
    Pavgb 16 |a, b, _| zip8(a, b, |a, b| ((u16::from(a) + u16::from(b) + 1) >> 1) as u8);
    Pavgw 16 |a, b, _| zip16(a, b, |a, b| ((u32::from(a) + u32::from(b) + 1) >> 1) as u16);
    Pmullw 16 |a, b, _| zip16(a, b, u16::wrapping_mul);
    Pmulld 16 |a, b, _| zip32(a, b, u32::wrapping_mul);
    Pmulhuw 16 |a, b, _| zip16(a, b, |a, b| ((u32::from(a) * u32::from(b)) >> 16) as u16);
    Pmulhw 16 |a, b, _| zip16(a, b, |a, b| ((a as i16 as i32 * b as i16 as i32) >> 16) as u16);
    Pmulhrsw 16 |a, b, _| zip16(a, b, |a, b| {
        ((((a as i16 as i32 * b as i16 as i32) >> 14) + 1) >> 1) as u16
    });
    Pmuludq 16 |a, b, _| zip64(a, b, |a, b| (a & 0xffff_ffff) * (b & 0xffff_ffff));
    Pmuldq 16 |a, b, _| zip64(a, b, |a, b| (a as i32 as i64 * b as i32 as i64) as u64);
    Pmaddwd 16 |a, b, _| multiply_add_words(a, b);
    Pmaddubsw 16 |a, b, _| multiply_add_bytes(a, b);
    Psadbw 16 |a, b, _| sum_of_differences(a, b);
    Pcmpeqb 16 |a, b, _| zip8(a, b, |a, b| mask(a == b) as u8);
    Pcmpeqw 16 |a, b, _| zip16(a, b, |a, b| mask(a == b) as u16);
    Pcmpeqd 16 |a, b, _| zip32(a, b, |a, b| mask(a == b) as u32);
    Pcmpeqq 16 |a, b, _| zip64(a, b, |a, b| mask(a == b));
    Pcmpgtb 16 |a, b, _| zip8(a, b, |a, b| mask(a as i8 > b as i8) as u8);
    Pcmpgtw 16 |a, b, _| zip16(a, b, |a, b| mask(a as i16 > b as i16) as u16);
    Pcmpgtd 16 |a, b, _| zip32(a, b, |a, b| mask(a as i32 > b as i32) as u32);
    Pcmpgtq 16 |a, b, _| zip64(a, b, |a, b| mask(a as i64 > b as i64));
    Pminub 16 |a, b, _| zip8(a, b, u8::min);
    Pminuw 16 |a, b, _| zip16(a, b, u16::min);
    Pminud 16 |a, b, _| zip32(a, b, u32::min);
    Pmaxub 16 |a, b, _| zip8(a, b, u8::max);
    Pmaxuw 16 |a, b, _| zip16(a, b, u16::max);
    Pmaxud 16 |a, b, _| zip32(a, b, u32::max);
    Pminsb 16 |a, b, _| zip8(a, b, |a, b| (a as i8).min(b as i8) as u8);
    Pminsw 16 |a, b, _| zip16(a, b, |a, b| (a as i16).min(b as i16) as u16);
    Pminsd 16 |a, b, _| zip32(a, b, |a, b| (a as i32).min(b as i32) as u32);
    Pmaxsb 16 |a, b, _| zip8(a, b, |a, b| (a as i8).max(b as i8) as u8);
    Pmaxsw 16 |a, b, _| zip16(a, b, |a, b| (a as i16).max(b as i16) as u16);
    Pmaxsd 16 |a, b, _| zip32(a, b, |a, b| (a as i32).max(b as i32) as u32);
    Pabsb 16 |_, b, _| map8(b, |v| (v as i8).unsigned_abs());
    Pabsw 16 |_, b, _| map16(b, |v| (v as i16).unsigned_abs());
    Pabsd 16 |_, b, _| map32(b, |v| (v as i32).unsigned_abs());
    Psignb 16 sign!(zip8, i8);
    Psignw 16 sign!(zip16, i16);
    Psignd 16 sign!(zip32, i32);
    Psllw 16 shift!(map16, u16, left);
    Pslld 16 shift!(map32, u32, left);
    Psllq 16 shift!(map64, u64, left);
    Psrlw 16 shift!(map16, u16, right);
    Psrld 16 shift!(map32, u32, right);
    Psrlq 16 shift!(map64, u64, right);
    Psraw 16 shift!(map16, u16, i16, sign);
    Psrad 16 shift!(map32, u32, i32, sign);
    Pslldq 16 |a, b, _| shift_bytes(a, b, true);
    Psrldq 16 |a, b, _| shift_bytes(a, b, false);
    Pshufd 16 |_, b, imm| from_dwords(shuffle(dwords(b), imm));
    Pshuflw 16 |_, b, imm| shuffle_words(b, imm, 0);
    Pshufhw 16 |_, b, imm| shuffle_words(b, imm, 4);
    Pshufb 16 |a, b, _| shuffle_bytes(a, b);
    Shufps 16 |a, b, imm| {
        let (a, b) = (shuffle(dwords(a), imm), shuffle(dwords(b), imm));
        from_dwords([a[0], a[1], b[2], b[3]])
    };
    Shufpd 16 |a, b, imm| {
        from_qwords([qwords(a)[(imm & 1) as usize], qwords(b)[(imm >> 1 & 1) as usize]])
    };
    Palignr 16 align_right;
    Punpcklbw 16 unpack!(bytes, from_bytes, 16, false);
    Punpcklwd 16 unpack!(words, from_words, 8, false);
    Punpckldq 16 unpack!(dwords, from_dwords, 4, false);
    Punpcklqdq 16 unpack!(qwords, from_qwords, 2, false);
    Punpckhbw 16 unpack!(bytes, from_bytes, 16, true);
    Punpckhwd 16 unpack!(words, from_words, 8, true);
    Punpckhdq 16 unpack!(dwords, from_dwords, 4, true);
    Punpckhqdq 16 unpack!(qwords, from_qwords, 2, true);
    Unpcklps 16 unpack!(dwords, from_dwords, 4, false);
    Unpckhps 16 unpack!(dwords, from_dwords, 4, true);
    Unpcklpd 16 unpack!(qwords, from_qwords, 2, false);
    Unpckhpd 16 unpack!(qwords, from_qwords, 2, true);
    Packsswb 16 pack!(words, from_bytes, 16, i16, i8, u8);
    Packuswb 16 pack!(words, from_bytes, 16, i16, u8, u8);
    Packssdw 16 pack!(dwords, from_words, 8, i32, i16, u16);
    Packusdw 16 pack!(dwords, from_words, 8, i32, u16, u16);
    Phaddw 16 horizontal!(words, from_words, 8, u16::wrapping_add);
    Phaddd 16 horizontal!(dwords, from_dwords, 4, u32::wrapping_add);
    Phsubw 16 horizontal!(words, from_words, 8, u16::wrapping_sub);
    Phsubd 16 horizontal!(dwords, from_dwords, 4, u32::wrapping_sub);
    Phaddsw 16 horizontal!(words, from_words, 8, |a, b| {
        (a as i16).saturating_add(b as i16) as u16
    });
    Phsubsw 16 horizontal!(words, from_words, 8, |a, b| {
        (a as i16).saturating_sub(b as i16) as u16
    });
    Phminposuw 16 |_, b, _| smallest_word(b);
    Pblendw 16 |a, b, imm| from_words(blend(words(a), words(b), imm));
    Blendps 16 |a, b, imm| from_dwords(blend(dwords(a), dwords(b), imm));
    Blendpd 16 |a, b, imm| from_qwords(blend(qwords(a), qwords(b), imm));
    Pmovzxbw 8 widen!(bytes, from_words, u8, u16);
    Pmovzxbd 4 widen!(bytes, from_dwords, u8, u32);
    Pmovzxbq 2 widen!(bytes, from_qwords, u8, u64);
    Pmovzxwd 8 widen!(words, from_dwords, u16, u32);
    Pmovzxwq 4 widen!(words, from_qwords, u16, u64);
    Pmovzxdq 8 widen!(dwords, from_qwords, u32, u64);
    Pmovsxbw 8 widen!(bytes, from_words, i8, u16);
    Pmovsxbd 4 widen!(bytes, from_dwords, i8, u32);
    Pmovsxbq 2 widen!(bytes, from_qwords, i8, u64);
    Pmovsxwd 8 widen!(words, from_dwords, i16, u32);
    Pmovsxwq 4 widen!(words, from_qwords, i16, u64);
    Pmovsxdq 8 widen!(dwords, from_qwords, i32, u64);
    Movhlps 16 |a, b, _| from_qwords([qwords(b)[1], qwords(a)[1]]);
    Movlhps 16 |a, b, _| from_qwords([qwords(a)[0], qwords(b)[0]]);
    Movddup 8 |_, b, _| from_qwords([qwords(b)[0]; 2]);
    Movsldup 16 |_, b, _| from_dwords(shuffle(dwords(b), 0b10_10_00_00));
    Movshdup 16 |_, b, _| from_dwords(shuffle(dwords(b), 0b11_11_01_01));
}
