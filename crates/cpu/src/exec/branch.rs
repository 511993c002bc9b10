//! JMP, CALL, RET, Jcc, JRCXZ, LOOP. Direct targets belong to the block, see
//! [`crate::cache::Block`].

use super::{Done, Exec, INDIRECT, Int, Slots, TAKEN, bus};
use crate::bus::Bus;
use crate::op::{ADDR32, Op, kind};
use crate::state::Cpu;

const RCX: usize = 1;
const RSP: usize = 4;

fn jmp<B: Bus>(_: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    x.next = TAKEN;
    Ok(())
}

fn jmp_reg<B: Bus>(cpu: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    cpu.rip = cpu.gpr[(o.r1 & 15) as usize];
    x.next = INDIRECT;
    Ok(())
}

fn jmp_mem<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    cpu.rip = bus!(x, bus.load64(o.address(cpu)));
    x.next = INDIRECT;
    Ok(())
}

#[inline(always)]
fn push_return<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let top = cpu.gpr[RSP].wrapping_sub(8);
    bus!(x, bus.store64(top, o.imm));
    cpu.gpr[RSP] = top;
    Ok(())
}

fn call<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    push_return(cpu, bus, x, o)?;
    x.next = TAKEN;
    Ok(())
}

fn call_reg<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let target = cpu.gpr[(o.r1 & 15) as usize];
    push_return(cpu, bus, x, o)?;
    cpu.rip = target;
    x.next = INDIRECT;
    Ok(())
}

fn call_mem<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let top = cpu.gpr[RSP].wrapping_sub(8);
    if let Some(target) = u64::quick_load(bus, o.address(cpu))
        && u64::quick_store(bus, top, o.imm)
    {
        cpu.gpr[RSP] = top;
        cpu.rip = target;
        x.next = INDIRECT;
        return Ok(());
    }
    call_mem_slow(cpu, bus, x, o)
}

#[cold]
#[inline(never)]
fn call_mem_slow<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let target = bus!(x, bus.load64(o.address(cpu)));
    push_return(cpu, bus, x, o)?;
    cpu.rip = target;
    x.next = INDIRECT;
    Ok(())
}

fn ret<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if let Some(back) = u64::quick_load(bus, cpu.gpr[RSP]) {
        cpu.rip = back;
        cpu.gpr[RSP] = cpu.gpr[RSP].wrapping_add(8 + (o.imm & 0xffff));
        x.next = INDIRECT;
        return Ok(());
    }
    ret_slow(cpu, bus, x, o)
}

#[cold]
#[inline(never)]
fn ret_slow<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    cpu.rip = bus!(x, bus.load64(cpu.gpr[RSP]));
    cpu.gpr[RSP] = cpu.gpr[RSP].wrapping_add(8 + (o.imm & 0xffff));
    x.next = INDIRECT;
    Ok(())
}

fn jcc<B: Bus, const CC: u8>(cpu: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    x.next = if cpu.flags.condition(CC) { TAKEN } else { x.next };
    Ok(())
}

/// The count register of JRCXZ and LOOP: ECX with an address-size prefix.
fn count_mask(o: &Op) -> u64 {
    if o.mode & ADDR32 != 0 { u32::MASK } else { u64::MASK }
}

fn jrcxz<B: Bus>(cpu: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if cpu.gpr[RCX] & count_mask(o) == 0 {
        x.next = TAKEN;
    }
    Ok(())
}

/// LOOP (`r3` 0), LOOPE (1), LOOPNE (2).
fn loop_<B: Bus>(cpu: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let count = cpu.gpr[RCX].wrapping_sub(1) & count_mask(o);
    cpu.gpr[RCX] = count;
    let goes_on = match o.r3 {
        0 => true,
        1 => cpu.flags.zf(),
        _ => !cpu.flags.zf(),
    };
    if count != 0 && goes_on {
        x.next = TAKEN;
    }
    Ok(())
}

macro_rules! conditions {
    ($t:ident; $($cc:literal)*) => {
        $( $t[kind::JCC as usize + $cc] = jcc::<B, $cc>; )*
    };
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    t[kind::JMP as usize] = jmp::<B>;
    t[kind::JMP_R as usize] = jmp_reg::<B>;
    t[kind::JMP_M as usize] = jmp_mem::<B>;
    t[kind::CALL as usize] = call::<B>;
    t[kind::CALL_R as usize] = call_reg::<B>;
    t[kind::CALL_M as usize] = call_mem::<B>;
    t[kind::RET as usize] = ret::<B>;
    t[kind::JRCXZ as usize] = jrcxz::<B>;
    t[kind::LOOP as usize] = loop_::<B>;
    conditions!(t; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
}
