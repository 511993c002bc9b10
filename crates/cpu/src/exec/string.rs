//! MOVS STOS LODS SCAS CMPS, alone and repeated.

use super::{Done, Exec, Int, Slots, Why, bus, get, set, sizes};
use crate::bus::Bus;
use crate::flags::Flags;
use crate::op::{Op, kind};
use crate::state::Cpu;

const RCX: usize = 1;
const RSI: usize = 6;
const RDI: usize = 7;

/// Variants in `r3`: no prefix.
pub(crate) const ONCE: u8 = 0;
/// REP or REPE.
pub(crate) const WHILE_EQUAL: u8 = 1;
/// REPNE; the same as REP where nothing is compared.
pub(crate) const WHILE_NOT_EQUAL: u8 = 2;

pub(crate) const MOVS: u8 = 0;
pub(crate) const STOS: u8 = 1;
pub(crate) const LODS: u8 = 2;
pub(crate) const SCAS: u8 = 3;
pub(crate) const CMPS: u8 = 4;

/// Iterations that cost one instruction of the budget.
const ITERATIONS_AN_INSTRUCTION: u64 = 64;

/// One iteration; the comparison's operands where there is one.
#[inline(always)]
fn step<B: Bus, T: Int, const OP: u8>(cpu: &mut Cpu, bus: &mut B) -> Result<(u64, u64), B::Stop> {
    let size = u64::from(T::bytes());
    let by = if cpu.df { size.wrapping_neg() } else { size };
    let (from, to) = (cpu.gpr[RSI], cpu.gpr[RDI]);
    let compared = match OP {
        MOVS => {
            let v = T::load(bus, from)?;
            T::store(bus, to, v)?;
            (0, 0)
        }
        STOS => {
            T::store(bus, to, get::<T>(cpu, 0))?;
            (0, 0)
        }
        LODS => {
            let v = T::load(bus, from)?;
            set::<T>(cpu, 0, v);
            (0, 0)
        }
        SCAS => (get::<T>(cpu, 0), T::load(bus, to)?),
        _ => (T::load(bus, from)?, T::load(bus, to)?),
    };
    if OP != STOS && OP != SCAS {
        cpu.gpr[RSI] = from.wrapping_add(by);
    }
    if OP != LODS {
        cpu.gpr[RDI] = to.wrapping_add(by);
    }
    Ok(compared)
}

/// When a repeated comparison is interrupted the flags are those before the instruction (Intel
/// SDM volume 2, REP); they become the last comparison's when it ends.
fn string<B: Bus, T: Int, const OP: u8>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let compares = OP == SCAS || OP == CMPS;
    if o.r3 == ONCE {
        let (a, b) = bus!(x, step::<B, T, OP>(cpu, bus));
        if compares {
            cpu.flags = Flags::sub(T::SHIFT, a, b);
        }
        return Ok(());
    }
    let mut flags = None;
    let mut until_charge = ITERATIONS_AN_INSTRUCTION;
    while cpu.gpr[RCX] != 0 {
        if until_charge == 0 {
            if x.budget == 0 {
                return Err(x.leave(Why::Budget));
            }
            x.budget -= 1;
            until_charge = ITERATIONS_AN_INSTRUCTION;
        }
        until_charge -= 1;
        let (a, b) = bus!(x, step::<B, T, OP>(cpu, bus));
        cpu.gpr[RCX] -= 1;
        if compares {
            flags = Some(Flags::sub(T::SHIFT, a, b));
            if (a == b) != (o.r3 == WHILE_EQUAL) {
                break;
            }
        }
    }
    if let Some(flags) = flags {
        cpu.flags = flags;
    }
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    sizes!(t, kind::STRING, string, MOVS);
    sizes!(t, kind::STRING + 4, string, STOS);
    sizes!(t, kind::STRING + 8, string, LODS);
    sizes!(t, kind::STRING + 12, string, SCAS);
    sizes!(t, kind::STRING + 16, string, CMPS);
}
