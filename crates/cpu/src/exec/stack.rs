//! PUSH, POP, PUSHF, POPF, LEAVE, ENTER without nesting.

use super::{Done, Exec, Int, Slots, Why, bus, get, set, sizes};
use crate::bus::Bus;
use crate::op::{Op, kind};
use crate::state::Cpu;

const RSP: usize = 4;
const RBP: usize = 5;
/// Trap flag: single-stepping.
const TF: u64 = 1 << 8;

#[inline(always)]
fn push<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, v: u64) -> Done {
    let top = cpu.gpr[RSP].wrapping_sub(u64::from(T::bytes()));
    bus!(x, T::store(bus, top, v));
    cpu.gpr[RSP] = top;
    Ok(())
}

fn push_reg<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let top = cpu.gpr[RSP].wrapping_sub(u64::from(T::bytes()));
    if T::quick_store(bus, top, get::<T>(cpu, o.r1)) {
        cpu.gpr[RSP] = top;
        return Ok(());
    }
    push_reg_slow::<B, T>(cpu, bus, x, o)
}

#[cold]
#[inline(never)]
fn push_reg_slow<B: Bus, T: Int>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let v = get::<T>(cpu, o.r1);
    push::<B, T>(cpu, bus, x, v)
}

fn push_imm<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    push::<B, T>(cpu, bus, x, o.imm)
}

fn push_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, T::load(bus, o.address(cpu)));
    push::<B, T>(cpu, bus, x, v)
}

/// POP RSP: the value loaded wins over the increment.
fn pop_reg<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if let Some(v) = T::quick_load(bus, cpu.gpr[RSP]) {
        cpu.gpr[RSP] = cpu.gpr[RSP].wrapping_add(u64::from(T::bytes()));
        set::<T>(cpu, o.r1, v);
        return Ok(());
    }
    pop_reg_slow::<B, T>(cpu, bus, x, o)
}

#[cold]
#[inline(never)]
fn pop_reg_slow<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, T::load(bus, cpu.gpr[RSP]));
    cpu.gpr[RSP] = cpu.gpr[RSP].wrapping_add(u64::from(T::bytes()));
    set::<T>(cpu, o.r1, v);
    Ok(())
}

/// An address based on RSP uses RSP after the increment.
fn pop_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let old = cpu.gpr[RSP];
    let v = bus!(x, T::load(bus, old));
    cpu.gpr[RSP] = old.wrapping_add(u64::from(T::bytes()));
    if let Err(stop) = T::store(bus, o.address(cpu), v) {
        cpu.gpr[RSP] = old;
        return Err(x.leave(Why::Stop(stop)));
    }
    Ok(())
}

fn pushf<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    // RF and VM are stored as zero.
    let v = cpu.rflags() & !(0b11 << 16);
    push::<B, T>(cpu, bus, x, v)
}

fn popf<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    /// CF PF AF ZF SF TF IF DF OF IOPL NT AC ID: what POPF changes at privilege level 0.
    const CHANGES: u64 = 0x0024_7fd5;
    let v = bus!(x, T::load(bus, cpu.gpr[RSP]));
    if v & TF != 0 {
        return Err(x.leave(Why::Unsupported));
    }
    let mask = CHANGES & T::MASK;
    let flags = (cpu.rflags() & !mask) | (v & mask);
    cpu.set_rflags(flags);
    cpu.gpr[RSP] = cpu.gpr[RSP].wrapping_add(u64::from(T::bytes()));
    Ok(())
}

fn leave<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    let frame = cpu.gpr[RBP];
    let saved = bus!(x, bus.load64(frame));
    cpu.gpr[RSP] = frame.wrapping_add(8);
    cpu.gpr[RBP] = saved;
    Ok(())
}

fn enter<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let frame = cpu.gpr[RSP].wrapping_sub(8);
    bus!(x, bus.store64(frame, cpu.gpr[RBP]));
    cpu.gpr[RBP] = frame;
    cpu.gpr[RSP] = frame.wrapping_sub(o.imm & 0xffff);
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    sizes!(t, kind::PUSH_R, push_reg);
    sizes!(t, kind::PUSH_I, push_imm);
    sizes!(t, kind::PUSH_M, push_mem);
    sizes!(t, kind::POP_R, pop_reg);
    sizes!(t, kind::POP_M, pop_mem);
    sizes!(t, kind::PUSHF, pushf);
    sizes!(t, kind::POPF, popf);
    t[kind::LEAVE as usize] = leave::<B>;
    t[kind::ENTER as usize] = enter::<B>;
}
