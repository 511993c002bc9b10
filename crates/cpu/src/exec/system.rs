//! Refusals, interrupts, flag instructions, and what goes to the simulated machine.

use super::{Done, Exec, Int, Slots, Why, bus, get, set};
use crate::bus::Bus;
use crate::flags::{AF, ARITHMETIC, CF, OF, PF, SF, ZF};
use crate::op::{Op, kind};
use crate::state::Cpu;

/// Also stands in every slot that no family registered.
pub(super) fn refuse<B: Bus>(_: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    Err(x.leave(Why::Unsupported))
}

fn privileged<B: Bus>(_: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    Err(x.leave(Why::Privileged))
}

fn interrupt<B: Bus>(_: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    Err(x.leave(Why::Interrupt(o.imm as u8)))
}

fn halt<B: Bus>(_: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    Err(x.leave(Why::Halt))
}

fn nop<B: Bus>(_: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, _: &Op) -> Done {
    Ok(())
}

fn pause<B: Bus>(_: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    bus!(x, bus.pause());
    Ok(())
}

/// Variants of a flag instruction in `r3`.
pub(crate) const CLC: u8 = 0;
pub(crate) const STC: u8 = 1;
pub(crate) const CMC: u8 = 2;
pub(crate) const CLD: u8 = 3;
pub(crate) const STD: u8 = 4;

fn flag_op<B: Bus>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    match o.r3 {
        CLC => cpu.flags.replace(CF, 0),
        STC => cpu.flags.replace(CF, CF),
        CMC => {
            let flipped = if cpu.flags.cf() { 0 } else { CF };
            cpu.flags.replace(CF, flipped);
        }
        CLD => cpu.df = false,
        _ => cpu.df = true,
    }
    Ok(())
}

/// XLAT: AL becomes the byte at RBX + AL.
fn xlat<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    let addr = cpu.gpr[3].wrapping_add(get::<u8>(cpu, 0));
    let v = bus!(x, u8::load(bus, addr));
    set::<u8>(cpu, 0, v);
    Ok(())
}

fn lahf<B: Bus>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, _: &Op) -> Done {
    let v = cpu.rflags();
    set::<u8>(cpu, 16, v);
    Ok(())
}

fn sahf<B: Bus>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, _: &Op) -> Done {
    let v = get::<u8>(cpu, 16);
    cpu.flags.replace(ARITHMETIC & !OF & (CF | PF | AF | ZF | SF), v);
    Ok(())
}

fn cpuid<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, _: &Op) -> Done {
    let [eax, ebx, ecx, edx] = bus!(x, bus.cpuid(cpu.gpr[0] as u32, cpu.gpr[1] as u32));
    for (r, v) in [(0, eax), (3, ebx), (1, ecx), (2, edx)] {
        set::<u32>(cpu, r, u64::from(v));
    }
    Ok(())
}

/// RDTSC; RDTSCP when `r3` is 1; RDPID into `r1` when it is 2.
fn rdtsc<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if o.r3 == 2 {
        let processor = bus!(x, bus.tsc_aux());
        set::<u64>(cpu, o.r1, u64::from(processor));
        return Ok(());
    }
    let processor = if o.r3 == 1 { Some(bus!(x, bus.tsc_aux())) } else { None };
    let now = bus!(x, bus.rdtsc());
    set::<u32>(cpu, 0, now);
    set::<u32>(cpu, 2, now >> 32);
    if let Some(processor) = processor {
        set::<u32>(cpu, 1, u64::from(processor));
    }
    Ok(())
}

/// The port: an immediate, or DX when `r2` is 1. `r3` is the size in bytes.
fn port(cpu: &Cpu, o: &Op) -> u16 {
    if o.r2 == 1 { cpu.gpr[2] as u16 } else { o.imm as u16 & 0xff }
}

fn port_in<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = u64::from(bus!(x, bus.port_in(port(cpu, o), o.r3)));
    match o.r3 {
        1 => set::<u8>(cpu, 0, v),
        2 => set::<u16>(cpu, 0, v),
        _ => set::<u32>(cpu, 0, v),
    }
    Ok(())
}

fn port_out<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = match o.r3 {
        1 => get::<u8>(cpu, 0),
        2 => get::<u16>(cpu, 0),
        _ => get::<u32>(cpu, 0),
    };
    bus!(x, bus.port_out(port(cpu, o), o.r3, v as u32));
    Ok(())
}

fn cr8_read<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, bus.read_cr8());
    set::<u64>(cpu, o.r1, v);
    Ok(())
}

/// Bits 4 to 63 of CR8 are reserved and raise a general-protection fault when set.
fn cr8_write<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = get::<u64>(cpu, o.r2);
    if v > 15 {
        return Err(x.interrupt(13));
    }
    bus!(x, bus.write_cr8(v));
    Ok(())
}

/// LDMXCSR. Bits 16 to 31 are reserved.
fn mxcsr_load<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, u32::load(bus, o.address(cpu)));
    if v & 0xffff_0000 != 0 {
        return Err(x.interrupt(13));
    }
    cpu.mxcsr = v as u32;
    cpu.float_ran = false;
    Ok(())
}

fn mxcsr_store<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    if cpu.float_ran {
        return Err(x.leave(Why::Unsupported));
    }
    bus!(x, bus.store32(o.address(cpu), cpu.mxcsr));
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    t[kind::REFUSE as usize] = refuse::<B>;
    t[kind::PRIVILEGED as usize] = privileged::<B>;
    t[kind::INTERRUPT as usize] = interrupt::<B>;
    t[kind::HALT as usize] = halt::<B>;
    t[kind::NOP as usize] = nop::<B>;
    t[kind::PAUSE as usize] = pause::<B>;
    t[kind::FLAG_OP as usize] = flag_op::<B>;
    t[kind::XLAT as usize] = xlat::<B>;
    t[kind::LAHF as usize] = lahf::<B>;
    t[kind::SAHF as usize] = sahf::<B>;
    t[kind::CPUID as usize] = cpuid::<B>;
    t[kind::RDTSC as usize] = rdtsc::<B>;
    t[kind::IN as usize] = port_in::<B>;
    t[kind::OUT as usize] = port_out::<B>;
    t[kind::CR8_READ as usize] = cr8_read::<B>;
    t[kind::CR8_WRITE as usize] = cr8_write::<B>;
    t[kind::MXCSR_LOAD as usize] = mxcsr_load::<B>;
    t[kind::MXCSR_STORE as usize] = mxcsr_store::<B>;
}
