//! BT BTS BTR BTC, BSF BSR TZCNT LZCNT POPCNT, CRC32, BMI1, BMI2 and ADX.

use super::{Done, Exec, Int, Slots, bus, get, set, sizes};
use crate::bus::Bus;
use crate::flags::{ARITHMETIC, CF, Flags, OF, ZF};
use crate::op::{Op, kind};
use crate::state::Cpu;

/// Variants of a bit test in `r3`.
pub(crate) const BIT_SET: u8 = 1;
/// BTR.
pub(crate) const BIT_RESET: u8 = 2;
/// BTC.
pub(crate) const BIT_COMPLEMENT: u8 = 3;
/// Added to the variant in `r3`: the offset is in register `r2`.
pub(crate) const BIT_BY_REGISTER: u8 = 4;
/// Added to the variant in `r3`: LOCK prefix.
pub(crate) const BIT_LOCK: u8 = 8;

#[inline(always)]
fn bit_op(variant: u8, v: u64, mask: u64) -> u64 {
    match variant & 3 {
        BIT_SET => v | mask,
        BIT_RESET => v & !mask,
        BIT_COMPLEMENT => v ^ mask,
        _ => v,
    }
}

fn bit_reg<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let offset = if o.r3 & BIT_BY_REGISTER != 0 { get::<T>(cpu, o.r2) } else { o.imm };
    let mask = 1u64 << (offset as u32 & (T::BITS - 1));
    let v = get::<T>(cpu, o.r1);
    cpu.flags.replace(CF, if v & mask != 0 { CF } else { 0 });
    if o.r3 & 3 != 0 {
        set::<T>(cpu, o.r1, bit_op(o.r3, v, mask));
    }
    Ok(())
}

/// A bit offset in a register reaches beyond the operand, in either direction.
fn bit_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let (addr, offset) = if o.r3 & BIT_BY_REGISTER != 0 {
        let offset = T::signed(get::<T>(cpu, o.r2));
        let units = offset >> T::BITS.trailing_zeros();
        let away = units.wrapping_mul(i64::from(T::BITS / 8)) as u64;
        (o.address_plus(cpu, away), offset as u64)
    } else {
        (o.address(cpu), o.imm)
    };
    if o.r3 & BIT_LOCK != 0 {
        bus!(x, bus.interlocked(addr, T::bytes()));
    }
    let mask = 1u64 << (offset as u32 & (T::BITS - 1));
    let v = bus!(x, T::load(bus, addr));
    if o.r3 & 3 != 0 {
        bus!(x, T::store(bus, addr, bit_op(o.r3, v, mask)));
    }
    cpu.flags.replace(CF, if v & mask != 0 { CF } else { 0 });
    Ok(())
}

const BSF: u8 = 0;
const BSR: u8 = 1;
const TZCNT: u8 = 2;
const LZCNT: u8 = 3;

/// BSF and BSR of zero leave the destination as it is (AMD64 APM volume 3; the Intel SDM says
/// undefined and notes the same behaviour).
#[inline(always)]
fn scan<T: Int, const OP: u8>(cpu: &mut Cpu, o: &Op, v: u64) {
    let on = |yes: bool, bit: u64| if yes { bit } else { 0 };
    match OP {
        BSF | BSR => {
            cpu.flags = Flags::explicit(on(v == 0, ZF));
            if v != 0 {
                let at = if OP == BSF { v.trailing_zeros() } else { 63 - v.leading_zeros() };
                set::<T>(cpu, o.r1, u64::from(at));
            }
        }
        TZCNT | LZCNT => {
            let n = match (v, OP) {
                (0, _) => T::BITS,
                (_, TZCNT) => v.trailing_zeros(),
                _ => v.leading_zeros() - T::SHIFT,
            };
            cpu.flags = Flags::explicit(on(v == 0, CF) | on(n == 0, ZF));
            set::<T>(cpu, o.r1, u64::from(n));
        }
        _ => {
            cpu.flags = Flags::explicit(on(v == 0, ZF));
            set::<T>(cpu, o.r1, u64::from(v.count_ones()));
        }
    }
}

fn scan_reg<B: Bus, T: Int, const OP: u8>(
    cpu: &mut Cpu,
    _: &mut B,
    _: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let v = get::<T>(cpu, o.r2);
    scan::<T, OP>(cpu, o, v);
    Ok(())
}

fn scan_mem<B: Bus, T: Int, const OP: u8>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let v = bus!(x, T::load(bus, o.address(cpu)));
    scan::<T, OP>(cpu, o, v);
    Ok(())
}

/// CRC-32C, reflected, polynomial 1EDC6F41h. The destination is 32 or 64 bits wide; either way
/// its upper half becomes zero.
fn crc32<T: Int>(cpu: &mut Cpu, o: &Op, v: u64) {
    let mut crc = get::<u32>(cpu, o.r1);
    for byte in 0..T::BITS / 8 {
        crc ^= v >> (8 * byte) & 0xff;
        for _ in 0..8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    set::<u32>(cpu, o.r1, crc);
}

fn crc32_reg<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = get::<T>(cpu, o.r2);
    crc32::<T>(cpu, o, v);
    Ok(())
}

fn crc32_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, T::load(bus, o.address(cpu)));
    crc32::<T>(cpu, o, v);
    Ok(())
}

/// The instructions of BMI1, BMI2 and ADX. In [`Op::imm`], bits 8 to 15; an immediate count is in
/// bits 0 to 7, and bit 16 says that operands are 64 bits wide.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Bmi {
    Andn,
    Bextr,
    Bzhi,
    Blsr,
    Blsmsk,
    Blsi,
    Shlx,
    Sarx,
    Shrx,
    Rorx,
    Mulx,
    Pdep,
    Pext,
    Adcx,
    Adox,
}

impl Bmi {
    const ALL: [Bmi; 15] = [
        Bmi::Andn,
        Bmi::Bextr,
        Bmi::Bzhi,
        Bmi::Blsr,
        Bmi::Blsmsk,
        Bmi::Blsi,
        Bmi::Shlx,
        Bmi::Sarx,
        Bmi::Shrx,
        Bmi::Rorx,
        Bmi::Mulx,
        Bmi::Pdep,
        Bmi::Pext,
        Bmi::Adcx,
        Bmi::Adox,
    ];
}

/// `v` is the register-or-memory operand, `r2` the other one (VEX.vvvv, or the destination of
/// ADCX and ADOX).
fn bmi<T: Int>(cpu: &mut Cpu, o: &Op, v: u64) {
    let Some(op) = Bmi::ALL.get((o.imm >> 8 & 0xff) as usize).copied() else { return };
    let other = get::<T>(cpu, o.r2);
    let count = (if op == Bmi::Rorx { o.imm } else { other }) as u32 & (T::BITS - 1);
    let result = |r: u64, bits: u64| Some(Flags::result(T::SHIFT, r & T::MASK, bits));
    let on = |yes: bool, bit: u64| if yes { bit } else { 0 };
    let (r, flags) = match op {
        Bmi::Andn => (!other & v, result(!other & v, 0)),
        Bmi::Bextr => {
            let (start, length) = (other as u8, (other >> 8) as u8);
            let moved = if u32::from(start) < T::BITS { v >> start } else { 0 };
            let r = if length < 64 { moved & ((1 << length) - 1) } else { moved };
            (r, result(r, 0))
        }
        Bmi::Bzhi => {
            let n = u32::from(other as u8);
            let r = if n < T::BITS { v & ((1 << n) - 1) } else { v };
            (r, result(r, on(n >= T::BITS, CF)))
        }
        Bmi::Blsr => (v & v.wrapping_sub(1), result(v & v.wrapping_sub(1), on(v == 0, CF))),
        Bmi::Blsmsk => (v ^ v.wrapping_sub(1), result(v ^ v.wrapping_sub(1), on(v == 0, CF))),
        Bmi::Blsi => (v & v.wrapping_neg(), result(v & v.wrapping_neg(), on(v != 0, CF))),
        Bmi::Shlx => (v << count, None),
        Bmi::Sarx => ((T::signed(v) >> count) as u64, None),
        Bmi::Shrx => (v >> count, None),
        Bmi::Rorx if count == 0 => (v, None),
        Bmi::Rorx => (v >> count | v << (T::BITS - count), None),
        Bmi::Mulx => {
            let product = u128::from(get::<T>(cpu, 2)) * u128::from(v);
            // When both destinations are one register, the upper half stays.
            set::<T>(cpu, o.r2, product as u64);
            ((product >> T::BITS) as u64, None)
        }
        Bmi::Pdep => (deposit(other, v), None),
        Bmi::Pext => (extract(other, v), None),
        Bmi::Adcx | Bmi::Adox => {
            let flag = if op == Bmi::Adcx { CF } else { OF };
            let carry = on(cpu.flags.bits() & flag != 0, 1);
            let sum = u128::from(other) + u128::from(v) + u128::from(carry);
            let mut flags = cpu.flags;
            flags.replace(flag & ARITHMETIC, on(sum >> T::BITS != 0, flag));
            (sum as u64, Some(flags))
        }
    };
    set::<T>(cpu, o.r1, r);
    if let Some(flags) = flags {
        cpu.flags = flags;
    }
}

/// The low bits of `v` put at the places of the set bits of `mask`.
fn deposit(mut v: u64, mut mask: u64) -> u64 {
    let mut r = 0;
    while mask != 0 {
        let lowest = mask & mask.wrapping_neg();
        r |= if v & 1 != 0 { lowest } else { 0 };
        v >>= 1;
        mask &= mask - 1;
    }
    r
}

/// The bits of `v` at the set bits of `mask`, collected at the low end.
fn extract(v: u64, mut mask: u64) -> u64 {
    let (mut r, mut place) = (0, 1u64);
    while mask != 0 {
        r |= if v & mask & mask.wrapping_neg() != 0 { place } else { 0 };
        place <<= 1;
        mask &= mask - 1;
    }
    r
}

/// In [`Op::imm`]: the operands of a BMI instruction are 64 bits wide.
pub(crate) const BMI_WIDE: u64 = 1 << 16;

fn bmi_reg<B: Bus>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    if o.imm & BMI_WIDE != 0 {
        bmi::<u64>(cpu, o, get::<u64>(cpu, o.r3));
    } else {
        bmi::<u32>(cpu, o, get::<u32>(cpu, o.r3));
    }
    Ok(())
}

fn bmi_mem<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let addr = o.address(cpu);
    if o.imm & BMI_WIDE != 0 {
        let v = bus!(x, u64::load(bus, addr));
        bmi::<u64>(cpu, o, v);
    } else {
        let v = bus!(x, u32::load(bus, addr));
        bmi::<u32>(cpu, o, v);
    }
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    sizes!(t, kind::BIT_R, bit_reg);
    sizes!(t, kind::BIT_M, bit_mem);
    sizes!(t, kind::SCAN_R, scan_reg, 0);
    sizes!(t, kind::SCAN_R + 4, scan_reg, 1);
    sizes!(t, kind::SCAN_R + 8, scan_reg, 2);
    sizes!(t, kind::SCAN_R + 12, scan_reg, 3);
    sizes!(t, kind::SCAN_R + 16, scan_reg, 4);
    sizes!(t, kind::SCAN_M, scan_mem, 0);
    sizes!(t, kind::SCAN_M + 4, scan_mem, 1);
    sizes!(t, kind::SCAN_M + 8, scan_mem, 2);
    sizes!(t, kind::SCAN_M + 12, scan_mem, 3);
    sizes!(t, kind::SCAN_M + 16, scan_mem, 4);
    sizes!(t, kind::CRC32_R, crc32_reg);
    sizes!(t, kind::CRC32_M, crc32_mem);
    t[kind::BMI_R as usize] = bmi_reg::<B>;
    t[kind::BMI_M as usize] = bmi_mem::<B>;
}
