//! ROL ROR RCL RCR SHL SHR SAR, SHLD, SHRD. Flags: AMD64 APM volume 3, each instruction's page.

use super::{Done, Exec, Int, Slots, Why, bus, get, set, sizes};
use crate::bus::Bus;
use crate::flags::{CF, Flags, OF};
use crate::op::{Op, kind};
use crate::state::Cpu;

const ROL: u8 = 0;
const ROR: u8 = 1;
const RCL: u8 = 2;
const RCR: u8 = 3;
const SHR: u8 = 5;
const SAR: u8 = 7;

/// CF and OF as flag bits.
#[inline(always)]
fn carry_overflow(carry: bool, overflow: bool) -> u64 {
    (if carry { CF } else { 0 }) | (if overflow { OF } else { 0 })
}

/// The result, and the flags after it. `count` is as the instruction gives it.
#[inline(always)]
fn compute<T: Int, const OP: u8>(flags: Flags, v: u64, count: u64) -> (u64, Flags) {
    let n = (count & if T::BITS == 64 { 63 } else { 31 }) as u32;
    if n == 0 {
        return (v, flags);
    }
    let top = |value: u64| value & T::SIGN != 0;
    match OP {
        ROL | ROR => rotate::<T, OP>(flags, v, n),
        RCL | RCR => rotate_carry::<T, OP>(flags, v, n),
        SHR => {
            let carry = n <= T::BITS && v >> (n - 1) & 1 != 0;
            let r = if n < T::BITS { v >> n } else { 0 };
            (r, Flags::result(T::SHIFT, r, carry_overflow(carry, top(v))))
        }
        SAR => {
            let wide = T::signed(v);
            let carry = wide >> (n - 1).min(63) & 1 != 0;
            let r = (wide >> n.min(63)) as u64 & T::MASK;
            (r, Flags::result(T::SHIFT, r, carry_overflow(carry, false)))
        }
        _ => {
            let carry = n <= T::BITS && v >> (T::BITS - n) & 1 != 0;
            let r = if n < T::BITS { v << n & T::MASK } else { 0 };
            (r, Flags::result(T::SHIFT, r, carry_overflow(carry, top(r) != carry)))
        }
    }
}

fn rotate<T: Int, const OP: u8>(mut flags: Flags, v: u64, n: u32) -> (u64, Flags) {
    let k = n % T::BITS;
    let left = if OP == ROL { k } else { (T::BITS - k) % T::BITS };
    let r = if left == 0 { v } else { (v << left | v >> (T::BITS - left)) & T::MASK };
    let top = r & T::SIGN != 0;
    let (carry, overflow) = if OP == ROL {
        (r & 1 != 0, top != (r & 1 != 0))
    } else {
        (top, top != (r << 1 & T::SIGN != 0))
    };
    flags.replace(CF | OF, carry_overflow(carry, overflow));
    (r, flags)
}

fn rotate_carry<T: Int, const OP: u8>(mut flags: Flags, v: u64, n: u32) -> (u64, Flags) {
    let width = T::BITS + 1;
    let k = n % width;
    let whole = u128::from(flags.cf()) << T::BITS | u128::from(v);
    let left = if OP == RCL { k } else { (width - k) % width };
    let turned = if left == 0 { whole } else { whole << left | whole >> (width - left) };
    let r = turned as u64 & T::MASK;
    let carry = turned >> T::BITS & 1 != 0;
    let top = r & T::SIGN != 0;
    let overflow = if OP == RCL { top != carry } else { top != (r << 1 & T::SIGN != 0) };
    flags.replace(CF | OF, carry_overflow(carry, overflow));
    (r, flags)
}

fn shift_reg<B: Bus, T: Int, const OP: u8, const BY_CL: bool>(
    cpu: &mut Cpu,
    _: &mut B,
    _: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let count = if BY_CL { cpu.gpr[1] } else { o.imm };
    let (r, flags) = compute::<T, OP>(cpu.flags, get::<T>(cpu, o.r1), count);
    cpu.flags = flags;
    set::<T>(cpu, o.r1, r);
    Ok(())
}

fn shift_mem<B: Bus, T: Int, const OP: u8, const BY_CL: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let count = if BY_CL { cpu.gpr[1] } else { o.imm };
    let addr = o.address(cpu);
    let v = bus!(x, T::load(bus, addr));
    let (r, flags) = compute::<T, OP>(cpu.flags, v, count);
    bus!(x, T::store(bus, addr, r));
    cpu.flags = flags;
    Ok(())
}

/// SHLD (left) or SHRD. None where the manuals leave the result undefined: a 16-bit operand
/// shifted by more than 16.
fn double<T: Int>(flags: Flags, left: bool, v: u64, fill: u64, count: u64) -> Option<(u64, Flags)> {
    let n = (count & if T::BITS == 64 { 63 } else { 31 }) as u32;
    if n == 0 {
        return Some((v, flags));
    }
    if n > T::BITS {
        return None;
    }
    let (v, fill) = (u128::from(v), u128::from(fill));
    let (r, carry) = if left {
        let whole = v << T::BITS | fill;
        ((whole << n >> T::BITS) as u64 & T::MASK, v >> (T::BITS - n) & 1 != 0)
    } else {
        let whole = fill << T::BITS | v;
        ((whole >> n) as u64 & T::MASK, v >> (n - 1) & 1 != 0)
    };
    let overflow = (r ^ v as u64) & T::SIGN != 0;
    Some((r, Flags::result(T::SHIFT, r, carry_overflow(carry, overflow))))
}

fn double_count(cpu: &Cpu, o: &Op) -> u64 {
    if o.r3 == 1 { cpu.gpr[1] } else { o.imm }
}

fn double_reg<B: Bus, T: Int, const LEFT: bool>(
    cpu: &mut Cpu,
    _: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let (v, fill) = (get::<T>(cpu, o.r1), get::<T>(cpu, o.r2));
    let Some((r, flags)) = double::<T>(cpu.flags, LEFT, v, fill, double_count(cpu, o)) else {
        return Err(x.leave(Why::Unsupported));
    };
    cpu.flags = flags;
    set::<T>(cpu, o.r1, r);
    Ok(())
}

fn double_mem<B: Bus, T: Int, const LEFT: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let addr = o.address(cpu);
    let v = bus!(x, T::load(bus, addr));
    let fill = get::<T>(cpu, o.r2);
    let Some((r, flags)) = double::<T>(cpu.flags, LEFT, v, fill, double_count(cpu, o)) else {
        return Err(x.leave(Why::Unsupported));
    };
    bus!(x, T::store(bus, addr, r));
    cpu.flags = flags;
    Ok(())
}

macro_rules! operation {
    ($t:ident; $($op:literal)*) => {
        $(
            sizes!($t, kind::SHIFT_RI + $op * 4, shift_reg, $op, false);
            sizes!($t, kind::SHIFT_RC + $op * 4, shift_reg, $op, true);
            sizes!($t, kind::SHIFT_MI + $op * 4, shift_mem, $op, false);
            sizes!($t, kind::SHIFT_MC + $op * 4, shift_mem, $op, true);
        )*
    };
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    operation!(t; 0 1 2 3 4 5 6 7);
    sizes!(t, kind::DOUBLE_R, double_reg, true);
    sizes!(t, kind::DOUBLE_R + 4, double_reg, false);
    sizes!(t, kind::DOUBLE_M, double_mem, true);
    sizes!(t, kind::DOUBLE_M + 4, double_mem, false);
}
