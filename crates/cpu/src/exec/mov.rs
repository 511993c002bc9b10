//! MOV, MOVZX, MOVSX, MOVSXD, LEA, XCHG between registers, MOVBE, CMOVcc, SETcc.

use super::{Done, Exec, Int, Slots, bus, get, set, sizes};
use crate::bus::Bus;
use crate::op::{Op, kind};
use crate::state::Cpu;

fn mov_rr<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = get::<T>(cpu, o.r2);
    set::<T>(cpu, o.r1, v);
    Ok(())
}

fn mov_ri<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    set::<T>(cpu, o.r1, o.imm);
    Ok(())
}

fn load<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if let Some(v) = T::quick_load(bus, o.address(cpu)) {
        set::<T>(cpu, o.r1, v);
        return Ok(());
    }
    load_slow::<B, T>(cpu, bus, x, o)
}

#[cold]
#[inline(never)]
fn load_slow<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, T::load(bus, o.address(cpu)));
    set::<T>(cpu, o.r1, v);
    Ok(())
}

fn load_base<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if let Some(v) = T::quick_load(bus, o.base_address(cpu)) {
        set::<T>(cpu, o.r1, v);
        return Ok(());
    }
    load_slow::<B, T>(cpu, bus, x, o)
}

fn store<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if T::quick_store(bus, o.address(cpu), get::<T>(cpu, o.r2)) {
        return Ok(());
    }
    store_slow::<B, T>(cpu, bus, x, o)
}

#[cold]
#[inline(never)]
fn store_slow<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    bus!(x, T::store(bus, o.address(cpu), get::<T>(cpu, o.r2)));
    Ok(())
}

fn store_base<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if T::quick_store(bus, o.base_address(cpu), get::<T>(cpu, o.r2)) {
        return Ok(());
    }
    store_slow::<B, T>(cpu, bus, x, o)
}

fn store_imm<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if T::quick_store(bus, o.address(cpu), o.imm) {
        return Ok(());
    }
    store_imm_slow::<B, T>(cpu, bus, x, o)
}

#[cold]
#[inline(never)]
fn store_imm_slow<B: Bus, T: Int>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    bus!(x, T::store(bus, o.address(cpu), o.imm));
    Ok(())
}

/// `r3` holds the source size index (0 to 2), plus 4 to extend the sign.
#[inline(always)]
fn extend<const FROM: u8>(v: u64) -> u64 {
    match FROM {
        0 => v,
        1 => v,
        2 => v,
        4 => v as u8 as i8 as u64,
        5 => v as u16 as i16 as u64,
        _ => v as u32 as i32 as u64,
    }
}

fn extend_reg<B: Bus, T: Int, const FROM: u8>(
    cpu: &mut Cpu,
    _: &mut B,
    _: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let v = match FROM & 3 {
        0 => get::<u8>(cpu, o.r2),
        1 => get::<u16>(cpu, o.r2),
        _ => get::<u32>(cpu, o.r2),
    };
    set::<T>(cpu, o.r1, extend::<FROM>(v));
    Ok(())
}

fn extend_mem<B: Bus, T: Int, const FROM: u8>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let addr = o.address(cpu);
    let v = bus!(
        x,
        match FROM & 3 {
            0 => u8::load(bus, addr),
            1 => u16::load(bus, addr),
            _ => u32::load(bus, addr),
        }
    );
    set::<T>(cpu, o.r1, extend::<FROM>(v));
    Ok(())
}

fn lea<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = o.address(cpu);
    set::<T>(cpu, o.r1, v);
    Ok(())
}

fn xchg_rr<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let (a, b) = (get::<T>(cpu, o.r1), get::<T>(cpu, o.r2));
    set::<T>(cpu, o.r1, b);
    set::<T>(cpu, o.r2, a);
    Ok(())
}

/// The bytes of an operand in the other order.
fn swapped<T: Int>(v: u64) -> u64 {
    v.swap_bytes() >> T::SHIFT
}

fn bswap<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = swapped::<T>(get::<T>(cpu, o.r1));
    set::<T>(cpu, o.r1, v);
    Ok(())
}

fn movbe_load<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, T::load(bus, o.address(cpu)));
    set::<T>(cpu, o.r1, swapped::<T>(v));
    Ok(())
}

fn movbe_store<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    bus!(x, T::store(bus, o.address(cpu), swapped::<T>(get::<T>(cpu, o.r2))));
    Ok(())
}

/// The 32-bit form clears the upper half of its destination even when the condition is false.
fn cmov_rr<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let from = if cpu.flags.condition(o.r3) { o.r2 } else { o.r1 };
    let v = get::<T>(cpu, from);
    set::<T>(cpu, o.r1, v);
    Ok(())
}

/// The memory operand is read whatever the condition.
fn cmov_rm<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let loaded = bus!(x, T::load(bus, o.address(cpu)));
    let v = if cpu.flags.condition(o.r3) { loaded } else { get::<T>(cpu, o.r1) };
    set::<T>(cpu, o.r1, v);
    Ok(())
}

fn setcc_reg<B: Bus>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = u64::from(cpu.flags.condition(o.r3));
    set::<u8>(cpu, o.r1, v);
    Ok(())
}

fn setcc_mem<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    bus!(x, bus.store8(o.address(cpu), u8::from(cpu.flags.condition(o.r3))));
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    sizes!(t, kind::MOV_RR, mov_rr);
    sizes!(t, kind::MOV_RI, mov_ri);
    sizes!(t, kind::LOAD, load);
    sizes!(t, kind::LOAD_BASE, load_base);
    sizes!(t, kind::STORE, store);
    sizes!(t, kind::STORE_BASE, store_base);
    sizes!(t, kind::STORE_I, store_imm);
    sizes!(t, kind::EXTEND_R, extend_reg, 0);
    sizes!(t, kind::EXTEND_R + 4, extend_reg, 1);
    sizes!(t, kind::EXTEND_R + 8, extend_reg, 2);
    sizes!(t, kind::EXTEND_R + 12, extend_reg, 4);
    sizes!(t, kind::EXTEND_R + 16, extend_reg, 5);
    sizes!(t, kind::EXTEND_R + 20, extend_reg, 6);
    sizes!(t, kind::EXTEND_M, extend_mem, 0);
    sizes!(t, kind::EXTEND_M + 4, extend_mem, 1);
    sizes!(t, kind::EXTEND_M + 8, extend_mem, 2);
    sizes!(t, kind::EXTEND_M + 12, extend_mem, 4);
    sizes!(t, kind::EXTEND_M + 16, extend_mem, 5);
    sizes!(t, kind::EXTEND_M + 20, extend_mem, 6);
    sizes!(t, kind::LEA, lea);
    sizes!(t, kind::XCHG_RR, xchg_rr);
    sizes!(t, kind::BSWAP, bswap);
    sizes!(t, kind::MOVBE_LOAD, movbe_load);
    sizes!(t, kind::MOVBE_STORE, movbe_store);
    sizes!(t, kind::CMOV_RR, cmov_rr);
    sizes!(t, kind::CMOV_RM, cmov_rm);
    t[kind::SETCC_R as usize] = setcc_reg::<B>;
    t[kind::SETCC_M as usize] = setcc_mem::<B>;
}
