//! ADD OR ADC SBB AND SUB XOR CMP TEST, INC DEC NEG NOT, and compares fused with a jump.

use super::{Done, Exec, Int, Slots, TAKEN, bus, get, set, sizes};
use crate::bus::Bus;
use crate::flags::{AF, CF, Flags, OF};
use crate::op::{Op, alu, form, kind};
use crate::state::Cpu;

/// The result of an operation, with the flags set.
#[inline(always)]
pub(super) fn compute<T: Int, const OP: u8>(cpu: &mut Cpu, a: u64, b: u64) -> u64 {
    match OP {
        alu::ADD => {
            cpu.flags = Flags::add(T::SHIFT, a, b);
            a.wrapping_add(b)
        }
        alu::SUB | alu::CMP => {
            cpu.flags = Flags::sub(T::SHIFT, a, b);
            a.wrapping_sub(b)
        }
        alu::ADC => {
            let carry = u64::from(cpu.flags.cf());
            let r = a.wrapping_add(b).wrapping_add(carry) & T::MASK;
            let out = (a & b) | ((a | b) & !r);
            carried::<T>(cpu, a, b, r, out)
        }
        alu::SBB => {
            let carry = u64::from(cpu.flags.cf());
            let r = a.wrapping_sub(b).wrapping_sub(carry) & T::MASK;
            let out = (!a & b) | ((!a | b) & r);
            carried::<T>(cpu, a, b, r, out)
        }
        _ => {
            let r = match OP {
                alu::OR => a | b,
                alu::XOR => a ^ b,
                _ => a & b,
            };
            cpu.flags = Flags::result(T::SHIFT, r, 0);
            r
        }
    }
}

/// Flags from the carries (or borrows) out of each bit.
fn carried<T: Int>(cpu: &mut Cpu, a: u64, b: u64, r: u64, out: u64) -> u64 {
    let top = out >> (T::BITS - 1) & 1;
    let below = out >> (T::BITS - 2) & 1;
    let bits = (top * CF) | ((top ^ below) * OF) | ((a ^ b ^ r) & AF);
    cpu.flags = Flags::result(T::SHIFT, r, bits);
    r
}

/// The same with the operation known only at run time.
pub(super) fn compute_any<T: Int>(cpu: &mut Cpu, op: u8, a: u64, b: u64) -> u64 {
    match op {
        alu::ADD => compute::<T, { alu::ADD }>(cpu, a, b),
        alu::OR => compute::<T, { alu::OR }>(cpu, a, b),
        alu::ADC => compute::<T, { alu::ADC }>(cpu, a, b),
        alu::SBB => compute::<T, { alu::SBB }>(cpu, a, b),
        alu::AND => compute::<T, { alu::AND }>(cpu, a, b),
        alu::SUB => compute::<T, { alu::SUB }>(cpu, a, b),
        _ => compute::<T, { alu::XOR }>(cpu, a, b),
    }
}

const fn writes(op: u8) -> bool {
    op != alu::CMP && op != alu::TEST
}

/// Both operands, by form.
#[inline(always)]
fn operands<B: Bus, T: Int, const FORM: u16>(
    cpu: &mut Cpu,
    bus: &mut B,
    o: &Op,
) -> Result<(u64, u64), B::Stop> {
    Ok(match FORM {
        form::RR => (get::<T>(cpu, o.r1), get::<T>(cpu, o.r2)),
        form::RI => (get::<T>(cpu, o.r1), o.imm & T::MASK),
        form::RM => (get::<T>(cpu, o.r1), T::load(bus, o.address(cpu))?),
        form::MR => (T::load(bus, o.address(cpu))?, get::<T>(cpu, o.r2)),
        _ => (T::load(bus, o.address(cpu))?, o.imm & T::MASK),
    })
}

fn binary<B: Bus, T: Int, const OP: u8, const FORM: u16>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let (a, b) = bus!(x, operands::<B, T, FORM>(cpu, bus, o));
    if !writes(OP) {
        compute::<T, OP>(cpu, a, b);
    } else if FORM == form::MR || FORM == form::MI {
        let before = cpu.flags;
        let r = compute::<T, OP>(cpu, a, b);
        if let Err(stop) = T::store(bus, o.address(cpu), r) {
            cpu.flags = before;
            return Err(x.leave(super::Why::Stop(stop)));
        }
    } else {
        let r = compute::<T, OP>(cpu, a, b);
        set::<T>(cpu, o.r1, r);
    }
    Ok(())
}

fn fused<B: Bus, T: Int, const OP: u8, const FORM: u16, const CC: u8>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let (a, b) = bus!(x, operands::<B, T, FORM>(cpu, bus, o));
    let flags = match OP {
        alu::CMP => Flags::sub(T::SHIFT, a, b),
        _ => Flags::result(T::SHIFT, a & b, 0),
    };
    cpu.flags = flags;
    x.next = if flags.condition(CC) { TAKEN } else { x.next };
    Ok(())
}

fn locked<B: Bus, T: Int, const REG: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let addr = o.address(cpu);
    bus!(x, bus.interlocked(addr, T::bytes()));
    let a = bus!(x, T::load(bus, addr));
    let b = if REG { get::<T>(cpu, o.r2) } else { o.imm & T::MASK };
    let before = cpu.flags;
    let r = compute_any::<T>(cpu, o.r3, a, b);
    if let Err(stop) = T::store(bus, addr, r) {
        cpu.flags = before;
        return Err(x.leave(super::Why::Stop(stop)));
    }
    Ok(())
}

pub(super) const INC: u8 = 0;
pub(super) const DEC: u8 = 1;
pub(super) const NEG: u8 = 2;

/// INC, DEC, NEG, NOT: the result and the flags after it.
#[inline(always)]
fn unary<T: Int, const OP: u8>(cpu: &Cpu, v: u64) -> (u64, Flags) {
    match OP {
        INC | DEC => {
            let r = if OP == INC { v.wrapping_add(1) } else { v.wrapping_sub(1) } & T::MASK;
            let (overflow, half) = if OP == INC { (T::SIGN, 0) } else { (T::SIGN - 1, AF - 1) };
            let mut bits = if cpu.flags.cf() { CF } else { 0 };
            bits |= if r == overflow { OF } else { 0 };
            bits |= if r & (AF - 1) == half { AF } else { 0 };
            (r, Flags::result(T::SHIFT, r, bits))
        }
        NEG => (v.wrapping_neg() & T::MASK, Flags::sub(T::SHIFT, 0, v)),
        _ => (!v & T::MASK, cpu.flags),
    }
}

fn unary_reg<B: Bus, T: Int, const OP: u8>(
    cpu: &mut Cpu,
    _: &mut B,
    _: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let (r, flags) = unary::<T, OP>(cpu, get::<T>(cpu, o.r1));
    set::<T>(cpu, o.r1, r);
    cpu.flags = flags;
    Ok(())
}

fn unary_mem<B: Bus, T: Int, const OP: u8, const LOCK: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let addr = o.address(cpu);
    if LOCK {
        bus!(x, bus.interlocked(addr, T::bytes()));
    }
    let v = bus!(x, T::load(bus, addr));
    let (r, flags) = unary::<T, OP>(cpu, v);
    bus!(x, T::store(bus, addr, r));
    cpu.flags = flags;
    Ok(())
}

macro_rules! operation {
    ($t:ident, $op:expr) => {
        let at = kind::ALU + $op as u16 * 20;
        sizes!($t, at, binary, $op, form::RR);
        sizes!($t, at + 4, binary, $op, form::RI);
        sizes!($t, at + 8, binary, $op, form::RM);
        sizes!($t, at + 12, binary, $op, form::MR);
        sizes!($t, at + 16, binary, $op, form::MI);
    };
}

macro_rules! conditions {
    ($t:ident, $op:expr, $form:expr, $size:expr, $int:ty; $($cc:literal)*) => {
        $(
            $t[(kind::FUSED + ((($op - alu::CMP) as u16 * 5 + $form) * 4 + $size) * 16 + $cc)
                as usize] = fused::<B, $int, { $op }, { $form }, $cc>;
        )*
    };
    ($t:ident, $op:expr, $form:expr) => {
        conditions!($t, $op, $form, 0, u8; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        conditions!($t, $op, $form, 2, u32; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        conditions!($t, $op, $form, 3, u64; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    };
}

/// The number of the fused op for a compare of this operation, form and size index, where there
/// is one.
pub(crate) fn fused_kind(compare: u16, cc: u8) -> Option<u16> {
    let n = compare.checked_sub(kind::ALU)?;
    let (op, form, size) = (n / 20, n / 4 % 5, n % 4);
    let cmp = op == u16::from(alu::CMP);
    let test = op == u16::from(alu::TEST);
    let has_form = match form {
        form::RR | form::RI | form::MI => true,
        form::RM => cmp,
        _ => false,
    };
    ((cmp || test) && has_form && size != 1).then(|| {
        let which = op - u16::from(alu::CMP);
        kind::FUSED + ((which * 5 + form) * 4 + size) * 16 + u16::from(cc & 15)
    })
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    operation!(t, alu::ADD);
    operation!(t, alu::OR);
    operation!(t, alu::ADC);
    operation!(t, alu::SBB);
    operation!(t, alu::AND);
    operation!(t, alu::SUB);
    operation!(t, alu::XOR);
    operation!(t, alu::CMP);
    operation!(t, alu::TEST);
    conditions!(t, alu::CMP, form::RR);
    conditions!(t, alu::CMP, form::RI);
    conditions!(t, alu::CMP, form::RM);
    conditions!(t, alu::CMP, form::MI);
    conditions!(t, alu::TEST, form::RR);
    conditions!(t, alu::TEST, form::RI);
    conditions!(t, alu::TEST, form::MI);
    sizes!(t, kind::ALU_LOCK_R, locked, true);
    sizes!(t, kind::ALU_LOCK_I, locked, false);
    sizes!(t, kind::UNARY_R, unary_reg, 0);
    sizes!(t, kind::UNARY_R + 4, unary_reg, 1);
    sizes!(t, kind::UNARY_R + 8, unary_reg, 2);
    sizes!(t, kind::UNARY_R + 12, unary_reg, 3);
    sizes!(t, kind::UNARY_M, unary_mem, 0, false);
    sizes!(t, kind::UNARY_M + 4, unary_mem, 1, false);
    sizes!(t, kind::UNARY_M + 8, unary_mem, 2, false);
    sizes!(t, kind::UNARY_M + 12, unary_mem, 3, false);
    sizes!(t, kind::UNARY_LOCK, unary_mem, 0, true);
    sizes!(t, kind::UNARY_LOCK + 4, unary_mem, 1, true);
    sizes!(t, kind::UNARY_LOCK + 8, unary_mem, 2, true);
    sizes!(t, kind::UNARY_LOCK + 12, unary_mem, 3, true);
}
