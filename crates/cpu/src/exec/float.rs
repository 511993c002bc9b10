//! SSE and SSE2 floating point at the default MXCSR: round to nearest, exceptions masked.
//!
//! The host's arithmetic is IEEE 754's; what a NaN operand or an invalid operation gives is x86's
//! rule (Intel SDM volume 1, table 4-7), written out here since hosts differ.

use super::lanes::*;
use super::packed::Packed;
use super::{Done, Exec, Int, Slots, Why, bus, get, set};
use crate::bus::Bus;
use crate::flags::{CF, Flags, PF, ZF};
use crate::op::{Op, kind};
use crate::state::Cpu;
use iced_x86::Mnemonic;

macro_rules! precision {
    ($module:ident, $float:ty, $bits:ty, $quiet:expr, $invalid:expr) => {
        mod $module {
            /// A NaN made quiet.
            pub(super) fn quiet(v: $bits) -> $bits {
                v | $quiet
            }

            pub(super) fn is_nan(v: $bits) -> bool {
                <$float>::from_bits(v).is_nan()
            }

            /// The first NaN operand wins; an invalid operation gives the default NaN.
            pub(super) fn two(f: fn($float, $float) -> $float, a: $bits, b: $bits) -> $bits {
                if is_nan(a) {
                    return quiet(a);
                }
                if is_nan(b) {
                    return quiet(b);
                }
                let r = f(<$float>::from_bits(a), <$float>::from_bits(b));
                if r.is_nan() { $invalid } else { r.to_bits() }
            }

            pub(super) fn one(f: fn($float) -> $float, b: $bits) -> $bits {
                if is_nan(b) {
                    return quiet(b);
                }
                let r = f(<$float>::from_bits(b));
                if r.is_nan() { $invalid } else { r.to_bits() }
            }

            /// The second operand when either is a NaN or both are zero.
            pub(super) fn min(a: $bits, b: $bits) -> $bits {
                if <$float>::from_bits(a) < <$float>::from_bits(b) { a } else { b }
            }

            pub(super) fn max(a: $bits, b: $bits) -> $bits {
                if <$float>::from_bits(a) > <$float>::from_bits(b) { a } else { b }
            }

            /// The eight predicates of CMPPS and its kin.
            pub(super) fn compare(a: $bits, b: $bits, predicate: u64) -> $bits {
                let (a, b) = (<$float>::from_bits(a), <$float>::from_bits(b));
                let unordered = a.is_nan() || b.is_nan();
                let holds = match predicate & 3 {
                    0 => a == b,
                    1 => a < b,
                    2 => a <= b,
                    _ => unordered,
                };
                if holds != (predicate & 4 != 0) { <$bits>::MAX } else { 0 }
            }

            /// To an integer, by the immediate of ROUNDSD and its kin (2 bits; nearest, down, up,
            /// truncate). Bit 2 says "as MXCSR", which is to nearest.
            pub(super) fn round(b: $bits, imm: u64) -> $bits {
                one(
                    match imm & 7 {
                        1 => <$float>::floor,
                        2 => <$float>::ceil,
                        3 => <$float>::trunc,
                        _ => <$float>::round_ties_even,
                    },
                    b,
                )
            }
        }
    };
}
precision!(single, f32, u32, 1 << 22, 0xffc0_0000);
precision!(double, f64, u64, 1 << 51, 0xfff8_0000_0000_0000);

/// Lane 0 replaced.
fn low32(a: u128, v: u32) -> u128 {
    a & !0xffff_ffff | u128::from(v)
}

fn low64(a: u128, v: u64) -> u128 {
    a & !0xffff_ffff_ffff_ffff | u128::from(v)
}

fn single_to_double(v: u32) -> u64 {
    if single::is_nan(v) {
        let sign = u64::from(v >> 31) << 63;
        return sign | 0x7ff8_0000_0000_0000 | u64::from(v & 0x3f_ffff) << 29;
    }
    f64::from(f32::from_bits(v)).to_bits()
}

fn double_to_single(v: u64) -> u32 {
    if double::is_nan(v) {
        let sign = (v >> 63) as u32;
        return sign << 31 | 0x7fc0_0000 | (v >> 29) as u32 & 0x3f_ffff;
    }
    (f64::from_bits(v) as f32).to_bits()
}

/// To a signed integer of `T`'s size; 80..0h when it does not fit. Exact for singles too, which
/// are widened first.
fn to_int<T: Int>(v: f64, truncate: bool) -> u64 {
    let whole = if truncate { v.trunc() } else { v.round_ties_even() };
    let limit = (T::SIGN as f64).abs();
    if whole >= -limit && whole < limit { whole as i64 as u64 & T::MASK } else { T::SIGN }
}

fn int32(v: f64, truncate: bool) -> u32 {
    to_int::<u32>(v, truncate) as u32
}

fn f32_of(v: u32) -> f64 {
    f64::from(f32::from_bits(v))
}

macro_rules! table {
    ($($mnemonic:ident $bytes:literal $run:expr;)*) => {
        /// Found by mnemonic when decoding, by index when running.
        pub(crate) static FLOAT: &[Packed] = &[
            $( Packed { mnemonic: Mnemonic::$mnemonic, bytes: $bytes, run: $run }, )*
        ];
    };
}

macro_rules! arithmetic {
    (ss $f:expr) => {
        |a, b, _| low32(a, single::two($f, a as u32, b as u32))
    };
    (sd $f:expr) => {
        |a, b, _| low64(a, double::two($f, a as u64, b as u64))
    };
    (ps $f:expr) => {
        |a, b, _| zip32(a, b, |a, b| single::two($f, a, b))
    };
    (pd $f:expr) => {
        |a, b, _| zip64(a, b, |a, b| double::two($f, a, b))
    };
}

fn horizontal32(a: u128, b: u128, f: fn(f32, f32) -> f32) -> u128 {
    let (a, b) = (dwords(a), dwords(b));
    let pair = |v: [u32; 4], i: usize| single::two(f, v[i], v[i + 1]);
    from_dwords([pair(a, 0), pair(a, 2), pair(b, 0), pair(b, 2)])
}

fn horizontal64(a: u128, b: u128, f: fn(f64, f64) -> f64) -> u128 {
    let (a, b) = (qwords(a), qwords(b));
    from_qwords([double::two(f, a[0], a[1]), double::two(f, b[0], b[1])])
}

fn two_doubles_to_ints(b: u128, truncate: bool) -> u128 {
    let b = qwords(b).map(|v| int32(f64::from_bits(v), truncate));
    from_dwords([b[0], b[1], 0, 0])
}

table! {
    Addss 4 arithmetic!(ss |a, b| a + b);
    Addsd 8 arithmetic!(sd |a, b| a + b);
    Addps 16 arithmetic!(ps |a, b| a + b);
    Addpd 16 arithmetic!(pd |a, b| a + b);
    Subss 4 arithmetic!(ss |a, b| a - b);
    Subsd 8 arithmetic!(sd |a, b| a - b);
    Subps 16 arithmetic!(ps |a, b| a - b);
    Subpd 16 arithmetic!(pd |a, b| a - b);
    Mulss 4 arithmetic!(ss |a, b| a * b);
    Mulsd 8 arithmetic!(sd |a, b| a * b);
    Mulps 16 arithmetic!(ps |a, b| a * b);
    Mulpd 16 arithmetic!(pd |a, b| a * b);
    Divss 4 arithmetic!(ss |a, b| a / b);
    Divsd 8 arithmetic!(sd |a, b| a / b);
    Divps 16 arithmetic!(ps |a, b| a / b);
    Divpd 16 arithmetic!(pd |a, b| a / b);
    Sqrtss 4 |a, b, _| low32(a, single::one(f32::sqrt, b as u32));
    Sqrtsd 8 |a, b, _| low64(a, double::one(f64::sqrt, b as u64));
    Sqrtps 16 |_, b, _| map32(b, |b| single::one(f32::sqrt, b));
    Sqrtpd 16 |_, b, _| map64(b, |b| double::one(f64::sqrt, b));
    Minss 4 |a, b, _| low32(a, single::min(a as u32, b as u32));
    Minsd 8 |a, b, _| low64(a, double::min(a as u64, b as u64));
    Minps 16 |a, b, _| zip32(a, b, single::min);
    Minpd 16 |a, b, _| zip64(a, b, double::min);
    Maxss 4 |a, b, _| low32(a, single::max(a as u32, b as u32));
    Maxsd 8 |a, b, _| low64(a, double::max(a as u64, b as u64));
    Maxps 16 |a, b, _| zip32(a, b, single::max);
    Maxpd 16 |a, b, _| zip64(a, b, double::max);
    Cmpss 4 |a, b, imm| low32(a, single::compare(a as u32, b as u32, imm));
    Cmpsd 8 |a, b, imm| low64(a, double::compare(a as u64, b as u64, imm));
    Cmpps 16 |a, b, imm| zip32(a, b, |a, b| single::compare(a, b, imm));
    Cmppd 16 |a, b, imm| zip64(a, b, |a, b| double::compare(a, b, imm));
    Roundss 4 |a, b, imm| low32(a, single::round(b as u32, imm));
    Roundsd 8 |a, b, imm| low64(a, double::round(b as u64, imm));
    Roundps 16 |_, b, imm| map32(b, |b| single::round(b, imm));
    Roundpd 16 |_, b, imm| map64(b, |b| double::round(b, imm));
    Addsubps 16 |a, b, _| {
        let alternate = |i: usize, a: u32, b: u32| {
            single::two(if i & 1 == 0 { |a, b| a - b } else { |a, b| a + b }, a, b)
        };
        let (a, b) = (dwords(a), dwords(b));
        from_dwords(std::array::from_fn(|i| alternate(i, a[i], b[i])))
    };
    Addsubpd 16 |a, b, _| {
        let (a, b) = (qwords(a), qwords(b));
        from_qwords([double::two(|a, b| a - b, a[0], b[0]), double::two(|a, b| a + b, a[1], b[1])])
    };
    Haddps 16 |a, b, _| horizontal32(a, b, |a, b| a + b);
    Haddpd 16 |a, b, _| horizontal64(a, b, |a, b| a + b);
    Hsubps 16 |a, b, _| horizontal32(a, b, |a, b| a - b);
    Hsubpd 16 |a, b, _| horizontal64(a, b, |a, b| a - b);
    Cvtss2sd 4 |a, b, _| low64(a, single_to_double(b as u32));
    Cvtsd2ss 8 |a, b, _| low32(a, double_to_single(b as u64));
    Cvtps2pd 8 |_, b, _| {
        let b = dwords(b);
        from_qwords([single_to_double(b[0]), single_to_double(b[1])])
    };
    Cvtpd2ps 16 |_, b, _| {
        let b = qwords(b);
        from_dwords([double_to_single(b[0]), double_to_single(b[1]), 0, 0])
    };
    Cvtdq2ps 16 |_, b, _| map32(b, |v| (v as i32 as f32).to_bits());
    Cvtdq2pd 8 |_, b, _| {
        let b = dwords(b).map(|v| f64::from(v as i32).to_bits());
        from_qwords([b[0], b[1]])
    };
    Cvtps2dq 16 |_, b, _| map32(b, |v| int32(f32_of(v), false));
    Cvttps2dq 16 |_, b, _| map32(b, |v| int32(f32_of(v), true));
    Cvtpd2dq 16 |_, b, _| two_doubles_to_ints(b, false);
    Cvttpd2dq 16 |_, b, _| two_doubles_to_ints(b, true);
}

/// Refuses when MXCSR asks for anything but the default arithmetic.
fn arithmetic_ready<S>(cpu: &mut Cpu, x: &mut Exec<S>) -> Done {
    const STATUS: u32 = 0x3f;
    if cpu.mxcsr & !STATUS != 0x1f80 {
        return Err(x.leave(Why::Unsupported));
    }
    cpu.float_ran = true;
    Ok(())
}

fn float_reg<B: Bus>(cpu: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let source = cpu.xmm[(o.r2 & 15) as usize];
    run(cpu, x, o, source)
}

fn float_mem<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let bytes = FLOAT.get(o.r3 as usize).map_or(16, |entry| entry.bytes);
    let source = super::vector::source(cpu, bus, x, o, bytes)?;
    run(cpu, x, o, source)
}

fn run<S>(cpu: &mut Cpu, x: &mut Exec<S>, o: &Op, source: u128) -> Done {
    let Some(entry) = FLOAT.get(o.r3 as usize) else { return Err(x.leave(Why::Unsupported)) };
    arithmetic_ready(cpu, x)?;
    let slot = &mut cpu.xmm[(o.r1 & 15) as usize];
    *slot = (entry.run)(*slot, source, o.imm);
    Ok(())
}

/// A scalar operand as a double: register `r2` or memory, 4 or 8 bytes.
fn scalar<B: Bus, const WIDE: bool, const MEM: bool>(
    cpu: &Cpu,
    bus: &mut B,
    o: &Op,
) -> Result<f64, B::Stop> {
    let bits = match (MEM, WIDE) {
        (true, true) => bus.load64(o.address(cpu))?,
        (true, false) => u64::from(bus.load32(o.address(cpu))?),
        (false, _) => cpu.xmm[(o.r2 & 15) as usize] as u64,
    };
    Ok(if WIDE { f64::from_bits(bits) } else { f32_of(bits as u32) })
}

/// COMISS, COMISD, UCOMISS, UCOMISD.
fn compare<B: Bus, const WIDE: bool, const MEM: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let b = bus!(x, scalar::<B, WIDE, MEM>(cpu, bus, o));
    arithmetic_ready(cpu, x)?;
    let left = cpu.xmm[(o.r1 & 15) as usize] as u64;
    let a = if WIDE { f64::from_bits(left) } else { f32_of(left as u32) };
    cpu.flags = Flags::explicit(match a.partial_cmp(&b) {
        None => ZF | PF | CF,
        Some(std::cmp::Ordering::Less) => CF,
        Some(std::cmp::Ordering::Equal) => ZF,
        Some(std::cmp::Ordering::Greater) => 0,
    });
    Ok(())
}

/// `r3` bit 0: the integer is 64 bits wide; bit 1: truncate.
fn float_to_int<B: Bus, const WIDE: bool, const MEM: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let v = bus!(x, scalar::<B, WIDE, MEM>(cpu, bus, o));
    arithmetic_ready(cpu, x)?;
    let truncate = o.r3 & 2 != 0;
    let r = if o.r3 & 1 != 0 { to_int::<u64>(v, truncate) } else { to_int::<u32>(v, truncate) };
    set::<u64>(cpu, o.r1, r);
    Ok(())
}

/// CVTSI2SS and CVTSI2SD from `T` bits.
fn int_to_float<B: Bus, T: Int, const WIDE: bool, const MEM: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let v = if MEM { bus!(x, T::load(bus, o.address(cpu))) } else { get::<T>(cpu, o.r2) };
    arithmetic_ready(cpu, x)?;
    let v = T::signed(v);
    let slot = &mut cpu.xmm[(o.r1 & 15) as usize];
    *slot =
        if WIDE { low64(*slot, (v as f64).to_bits()) } else { low32(*slot, (v as f32).to_bits()) };
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    t[kind::X_FLOAT_R as usize] = float_reg::<B>;
    t[kind::X_FLOAT_M as usize] = float_mem::<B>;
    t[kind::X_COMPARE_R as usize] = compare::<B, false, false>;
    t[kind::X_COMPARE_R as usize + 1] = compare::<B, true, false>;
    t[kind::X_COMPARE_M as usize] = compare::<B, false, true>;
    t[kind::X_COMPARE_M as usize + 1] = compare::<B, true, true>;
    t[kind::X_FLOAT_TO_INT_R as usize] = float_to_int::<B, false, false>;
    t[kind::X_FLOAT_TO_INT_R as usize + 1] = float_to_int::<B, true, false>;
    t[kind::X_FLOAT_TO_INT_M as usize] = float_to_int::<B, false, true>;
    t[kind::X_FLOAT_TO_INT_M as usize + 1] = float_to_int::<B, true, true>;
    // Integer size (32, 64 bits) varies fastest.
    t[kind::X_INT_TO_FLOAT_R as usize] = int_to_float::<B, u32, false, false>;
    t[kind::X_INT_TO_FLOAT_R as usize + 1] = int_to_float::<B, u64, false, false>;
    t[kind::X_INT_TO_FLOAT_R as usize + 2] = int_to_float::<B, u32, true, false>;
    t[kind::X_INT_TO_FLOAT_R as usize + 3] = int_to_float::<B, u64, true, false>;
    t[kind::X_INT_TO_FLOAT_M as usize] = int_to_float::<B, u32, false, true>;
    t[kind::X_INT_TO_FLOAT_M as usize + 1] = int_to_float::<B, u64, false, true>;
    t[kind::X_INT_TO_FLOAT_M as usize + 2] = int_to_float::<B, u32, true, true>;
    t[kind::X_INT_TO_FLOAT_M as usize + 3] = int_to_float::<B, u64, true, true>;
}
