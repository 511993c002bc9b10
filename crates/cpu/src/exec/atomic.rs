//! XCHG with memory, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B.

use super::alu::compute;
use super::{Done, Exec, Int, Slots, Why, bus, get, set, sizes};
use crate::bus::Bus;
use crate::flags::{Flags, ZF};
use crate::op::{Op, alu, kind};
use crate::state::Cpu;

/// In `r3`: the instruction has a LOCK prefix.
pub(crate) const LOCKED: u8 = 1;

/// XCHG with memory is interlocked with or without the prefix.
fn xchg_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let addr = o.address(cpu);
    bus!(x, bus.interlocked(addr, T::bytes()));
    let old = bus!(x, T::load(bus, addr));
    bus!(x, T::store(bus, addr, get::<T>(cpu, o.r1)));
    set::<T>(cpu, o.r1, old);
    Ok(())
}

fn xadd_reg<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let (a, b) = (get::<T>(cpu, o.r1), get::<T>(cpu, o.r2));
    let sum = compute::<T, { alu::ADD }>(cpu, a, b);
    set::<T>(cpu, o.r2, a);
    set::<T>(cpu, o.r1, sum);
    Ok(())
}

fn xadd_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let addr = o.address(cpu);
    if o.r3 & LOCKED != 0 {
        bus!(x, bus.interlocked(addr, T::bytes()));
    }
    let (a, b) = (bus!(x, T::load(bus, addr)), get::<T>(cpu, o.r2));
    bus!(x, T::store(bus, addr, a.wrapping_add(b)));
    cpu.flags = Flags::add(T::SHIFT, a, b);
    set::<T>(cpu, o.r2, a);
    Ok(())
}

fn cmpxchg_reg<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let (acc, old) = (get::<T>(cpu, 0), get::<T>(cpu, o.r1));
    cpu.flags = Flags::sub(T::SHIFT, acc, old);
    if acc == old {
        let v = get::<T>(cpu, o.r2);
        set::<T>(cpu, o.r1, v);
    } else {
        set::<T>(cpu, 0, old);
    }
    Ok(())
}

/// A failed comparison writes the old value back, as the processor does.
fn cmpxchg_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let addr = o.address(cpu);
    if o.r3 & LOCKED != 0 {
        bus!(x, bus.interlocked(addr, T::bytes()));
    }
    let (acc, old) = (get::<T>(cpu, 0), bus!(x, T::load(bus, addr)));
    let equal = acc == old;
    bus!(x, T::store(bus, addr, if equal { get::<T>(cpu, o.r2) } else { old }));
    cpu.flags = Flags::sub(T::SHIFT, acc, old);
    if !equal {
        set::<T>(cpu, 0, old);
    }
    Ok(())
}

fn pair<T: Int>(cpu: &Cpu, low: u8, high: u8) -> u128 {
    u128::from(get::<T>(cpu, high)) << T::BITS | u128::from(get::<T>(cpu, low))
}

/// CMPXCHG8B (`T` 32 bits) and CMPXCHG16B (64 bits): RDX:RAX against memory, RCX:RBX stored.
fn cmpxchg_wide<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let addr = o.address(cpu);
    let wide = T::BITS == 64;
    if wide && !addr.is_multiple_of(16) {
        return Err(x.leave(Why::Interrupt(13)));
    }
    if o.r3 & LOCKED != 0 {
        bus!(x, bus.interlocked(addr, T::bytes() * 2));
    }
    let old = if wide { bus!(x, bus.load128(addr)) } else { u128::from(bus!(x, bus.load64(addr))) };
    let equal = pair::<T>(cpu, 0, 2) == old;
    let new = if equal { pair::<T>(cpu, 3, 1) } else { old };
    if wide {
        bus!(x, bus.store128(addr, new));
    } else {
        bus!(x, bus.store64(addr, new as u64));
    }
    cpu.flags.replace(ZF, if equal { ZF } else { 0 });
    if !equal {
        set::<T>(cpu, 0, old as u64);
        set::<T>(cpu, 2, (old >> T::BITS) as u64);
    }
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    sizes!(t, kind::XCHG_RM, xchg_mem);
    sizes!(t, kind::XADD_R, xadd_reg);
    sizes!(t, kind::XADD_M, xadd_mem);
    sizes!(t, kind::CMPXCHG_R, cmpxchg_reg);
    sizes!(t, kind::CMPXCHG_M, cmpxchg_mem);
    t[kind::CMPXCHG_WIDE as usize] = cmpxchg_wide::<B, u32>;
    t[kind::CMPXCHG_WIDE as usize + 1] = cmpxchg_wide::<B, u64>;
}
