//! MUL, IMUL, DIV, IDIV, and the sign extensions of the accumulator.

use super::{Done, Exec, Int, Leave, Slots, bus, get, set, sizes};
use crate::bus::Bus;
use crate::flags::{CF, Flags, OF};
use crate::op::{Op, kind};
use crate::state::Cpu;

const MUL: u8 = 0;
const IMUL: u8 = 1;
const DIV: u8 = 2;

/// The register of the upper half: AH for bytes, else RDX.
const fn upper<T: Int>() -> u8 {
    if T::BITS == 8 { 16 } else { 2 }
}

fn put_pair<T: Int>(cpu: &mut Cpu, low: u64, high: u64) {
    set::<T>(cpu, 0, low);
    set::<T>(cpu, upper::<T>(), high);
}

fn product_flags<T: Int>(cpu: &mut Cpu, low: u64, lost: bool) {
    cpu.flags = Flags::result(T::SHIFT, low & T::MASK, if lost { CF | OF } else { 0 });
}

fn one_operand<T: Int, S, const OP: u8>(cpu: &mut Cpu, x: &mut Exec<S>, v: u64) -> Done {
    let acc = get::<T>(cpu, 0);
    match OP {
        MUL => {
            let product = u128::from(acc) * u128::from(v);
            let (low, high) = (product as u64 & T::MASK, (product >> T::BITS) as u64);
            put_pair::<T>(cpu, low, high);
            product_flags::<T>(cpu, low, high != 0);
        }
        IMUL => {
            let product = i128::from(T::signed(acc)) * i128::from(T::signed(v));
            let low = product as u64 & T::MASK;
            put_pair::<T>(cpu, low, (product >> T::BITS) as u64);
            product_flags::<T>(cpu, low, i128::from(T::signed(low)) != product);
        }
        _ => {
            let high = get::<T>(cpu, upper::<T>());
            let dividend = u128::from(high) << T::BITS | u128::from(acc);
            let divided = if OP == DIV {
                unsigned_quotient::<T>(dividend, v)
            } else {
                signed_quotient::<T>(dividend, v)
            };
            let (quotient, remainder) = divided.ok_or_else(|| divide_error(x))?;
            put_pair::<T>(cpu, quotient, remainder);
        }
    }
    Ok(())
}

fn divide_error<S>(x: &mut Exec<S>) -> Leave {
    x.interrupt(0)
}

fn unsigned_quotient<T: Int>(dividend: u128, v: u64) -> Option<(u64, u64)> {
    if let (Ok(small), true) = (u64::try_from(dividend), v != 0) {
        let quotient = small / v;
        return (quotient <= T::MASK).then_some((quotient, small % v));
    }
    let quotient = dividend.checked_div(u128::from(v))?;
    (quotient <= u128::from(T::MASK))
        .then_some((quotient as u64, (dividend % u128::from(v)) as u64))
}

fn signed_quotient<T: Int>(dividend: u128, v: u64) -> Option<(u64, u64)> {
    let unused = 128 - 2 * T::BITS;
    let dividend = (dividend << unused) as i128 >> unused;
    let v = i128::from(T::signed(v));
    let quotient = dividend.checked_div(v)?;
    (i128::from(T::signed(quotient as u64)) == quotient)
        .then_some((quotient as u64, (dividend % v) as u64))
}

fn muldiv_reg<B: Bus, T: Int, const OP: u8>(
    cpu: &mut Cpu,
    _: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let v = get::<T>(cpu, o.r1);
    one_operand::<T, _, OP>(cpu, x, v)
}

fn muldiv_mem<B: Bus, T: Int, const OP: u8>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let v = bus!(x, T::load(bus, o.address(cpu)));
    one_operand::<T, _, OP>(cpu, x, v)
}

#[inline(always)]
fn imul<T: Int>(cpu: &mut Cpu, r: u8, a: u64, b: u64) -> Done {
    let (a, b) = (T::signed(a), T::signed(b));
    let product = a.wrapping_mul(b);
    let low = product as u64 & T::MASK;
    let lost = a.checked_mul(b).is_none_or(|exact| T::signed(low) != exact);
    product_flags::<T>(cpu, low, lost);
    set::<T>(cpu, r, low);
    Ok(())
}

fn imul_rr<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    imul::<T>(cpu, o.r1, get::<T>(cpu, o.r1), get::<T>(cpu, o.r2))
}

fn imul_rm<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let b = bus!(x, T::load(bus, o.address(cpu)));
    imul::<T>(cpu, o.r1, get::<T>(cpu, o.r1), b)
}

fn imul_rri<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    imul::<T>(cpu, o.r1, get::<T>(cpu, o.r2), o.imm)
}

fn imul_rmi<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let a = bus!(x, T::load(bus, o.address(cpu)));
    imul::<T>(cpu, o.r1, a, o.imm)
}

/// CBW, CWDE, CDQE: the accumulator's lower half, sign-extended to the operand size.
fn widen_acc<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, _: &Op) -> Done {
    let v = get::<T>(cpu, 0);
    let half = T::SHIFT + T::BITS / 2;
    set::<T>(cpu, 0, ((v << half) as i64 >> half) as u64);
    Ok(())
}

/// CWD, CDQ, CQO: the accumulator's sign in every bit of RDX.
fn widen_sign<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, _: &Op) -> Done {
    let sign = T::signed(get::<T>(cpu, 0)) >> 63;
    set::<T>(cpu, 2, sign as u64);
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    sizes!(t, kind::MULDIV_R, muldiv_reg, 0);
    sizes!(t, kind::MULDIV_R + 4, muldiv_reg, 1);
    sizes!(t, kind::MULDIV_R + 8, muldiv_reg, 2);
    sizes!(t, kind::MULDIV_R + 12, muldiv_reg, 3);
    sizes!(t, kind::MULDIV_M, muldiv_mem, 0);
    sizes!(t, kind::MULDIV_M + 4, muldiv_mem, 1);
    sizes!(t, kind::MULDIV_M + 8, muldiv_mem, 2);
    sizes!(t, kind::MULDIV_M + 12, muldiv_mem, 3);
    sizes!(t, kind::IMUL_RR, imul_rr);
    sizes!(t, kind::IMUL_RM, imul_rm);
    sizes!(t, kind::IMUL_RRI, imul_rri);
    sizes!(t, kind::IMUL_RMI, imul_rmi);
    sizes!(t, kind::WIDEN_ACC, widen_acc);
    sizes!(t, kind::WIDEN_SIGN, widen_sign);
}
