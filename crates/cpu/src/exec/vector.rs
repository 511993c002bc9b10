//! Moves between XMM registers, memory and general registers; vector operations from the table.

use super::packed::PACKED;
use super::{Done, Exec, Int, Slots, Why, bus, get, set, sizes};
use crate::bus::Bus;
use crate::op::{Op, kind};
use crate::state::Cpu;

#[inline(always)]
fn xmm(cpu: &Cpu, r: u8) -> u128 {
    cpu.xmm[(r & 15) as usize]
}

#[inline(always)]
fn set_xmm(cpu: &mut Cpu, r: u8, v: u128) {
    cpu.xmm[(r & 15) as usize] = v;
}

/// The address of a 16-byte operand that must be aligned: else a general-protection fault.
#[inline(always)]
fn aligned<S>(x: &mut Exec<S>, addr: u64) -> Result<u64, super::Leave> {
    if addr.is_multiple_of(16) { Ok(addr) } else { Err(x.interrupt(13)) }
}

/// A memory source of 2, 4, 8 or 16 bytes, the last aligned.
#[inline(always)]
pub(super) fn source<B: Bus>(
    cpu: &Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
    bytes: u8,
) -> Result<u128, super::Leave> {
    let addr = o.address(cpu);
    Ok(match bytes {
        2 => u128::from(bus!(x, bus.load16(addr))),
        4 => u128::from(bus!(x, bus.load32(addr))),
        8 => u128::from(bus!(x, bus.load64(addr))),
        _ => {
            let addr = aligned(x, addr)?;
            bus!(x, bus.load128(addr))
        }
    })
}

fn mov<B: Bus>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    set_xmm(cpu, o.r1, xmm(cpu, o.r2));
    Ok(())
}

fn load<B: Bus, const ALIGNED: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let mut addr = o.address(cpu);
    if ALIGNED {
        addr = aligned(x, addr)?;
    }
    let v = bus!(x, bus.load128(addr));
    set_xmm(cpu, o.r1, v);
    Ok(())
}

fn store<B: Bus, const ALIGNED: bool>(
    cpu: &mut Cpu,
    bus: &mut B,
    x: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let mut addr = o.address(cpu);
    if ALIGNED {
        addr = aligned(x, addr)?;
    }
    bus!(x, bus.store128(addr, xmm(cpu, o.r2)));
    Ok(())
}

/// MOVSS, MOVSD, MOVD, MOVQ from memory: the rest of the register becomes zero.
fn load_part<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, T::load(bus, o.address(cpu)));
    set_xmm(cpu, o.r1, u128::from(v));
    Ok(())
}

fn store_part<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    bus!(x, T::store(bus, o.address(cpu), xmm(cpu, o.r2) as u64));
    Ok(())
}

/// MOVSS and MOVSD between registers keep the rest; MOVQ clears it.
fn mov_part<B: Bus, T: Int, const CLEAR: bool>(
    cpu: &mut Cpu,
    _: &mut B,
    _: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let mask = u128::from(T::MASK);
    let rest = if CLEAR { 0 } else { xmm(cpu, o.r1) & !mask };
    set_xmm(cpu, o.r1, rest | xmm(cpu, o.r2) & mask);
    Ok(())
}

/// MOVLPS, MOVLPD (`r3` 0), MOVHPS, MOVHPD (1) from memory.
fn half_load<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = u128::from(bus!(x, bus.load64(o.address(cpu))));
    let old = xmm(cpu, o.r1);
    let low = u128::from(u64::MASK);
    let new = if o.r3 == 1 { old & low | v << 64 } else { old & !low | v };
    set_xmm(cpu, o.r1, new);
    Ok(())
}

fn half_store<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = xmm(cpu, o.r2) >> if o.r3 == 1 { 64 } else { 0 };
    bus!(x, bus.store64(o.address(cpu), v as u64));
    Ok(())
}

fn from_reg<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = get::<T>(cpu, o.r2);
    set_xmm(cpu, o.r1, u128::from(v));
    Ok(())
}

fn to_reg<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = xmm(cpu, o.r2) as u64;
    set::<T>(cpu, o.r1, v);
    Ok(())
}

/// PMOVMSKB, MOVMSKPS, MOVMSKPD: the lanes' top bits.
fn sign_mask<B: Bus, const LANES: u32>(
    cpu: &mut Cpu,
    _: &mut B,
    _: &mut Exec<B::Stop>,
    o: &Op,
) -> Done {
    let (v, width) = (xmm(cpu, o.r2), 128 / LANES);
    let bit = |lane: u32| ((v >> (lane * width + width - 1)) as u64 & 1) << lane;
    set::<u64>(cpu, o.r1, (0..LANES).map(bit).sum());
    Ok(())
}

/// The bit at which the lane named by the immediate begins.
fn lane_shift<T: Int>(o: &Op) -> u32 {
    (o.imm as u32 & (128 / T::BITS - 1)) * T::BITS
}

fn insert<T: Int>(cpu: &mut Cpu, o: &Op, v: u64) {
    let at = lane_shift::<T>(o);
    let rest = xmm(cpu, o.r1) & !(u128::from(T::MASK) << at);
    set_xmm(cpu, o.r1, rest | u128::from(v) << at);
}

fn insert_reg<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    // The source is a 32-bit register even for bytes: numbers 4 to 7 are not AH to BH.
    let v = get::<u64>(cpu, o.r2) & T::MASK;
    insert::<T>(cpu, o, v);
    Ok(())
}

fn insert_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = bus!(x, T::load(bus, o.address(cpu)));
    insert::<T>(cpu, o, v);
    Ok(())
}

fn extract_reg<B: Bus, T: Int>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = (xmm(cpu, o.r2) >> lane_shift::<T>(o)) as u64 & T::MASK;
    set::<u64>(cpu, o.r1, v);
    Ok(())
}

fn extract_mem<B: Bus, T: Int>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let v = (xmm(cpu, o.r2) >> lane_shift::<T>(o)) as u64;
    bus!(x, T::store(bus, o.address(cpu), v));
    Ok(())
}

#[inline(always)]
fn run<S>(cpu: &mut Cpu, x: &mut Exec<S>, o: &Op, source: u128) -> Done {
    let Some(entry) = PACKED.get(o.r3 as usize) else { return Err(x.leave(Why::Unsupported)) };
    let r = (entry.run)(xmm(cpu, o.r1), source, o.imm);
    set_xmm(cpu, o.r1, r);
    Ok(())
}

fn packed_reg<B: Bus>(cpu: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let source = xmm(cpu, o.r2);
    run(cpu, x, o, source)
}

fn packed_mem<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let bytes = PACKED.get(o.r3 as usize).map_or(16, |entry| entry.bytes);
    let source = source(cpu, bus, x, o, bytes)?;
    run(cpu, x, o, source)
}

/// Shifts by an immediate: the immediate is the source.
fn packed_imm<B: Bus>(cpu: &mut Cpu, _: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    run(cpu, x, o, u128::from(o.imm & 0xff))
}

fn test_bits(cpu: &mut Cpu, o: &Op, b: u128) {
    use crate::flags::{CF, Flags, ZF};
    let a = xmm(cpu, o.r1);
    let on = |yes: bool, bit: u64| if yes { bit } else { 0 };
    cpu.flags = Flags::explicit(on(a & b == 0, ZF) | on(!a & b == 0, CF));
}

fn ptest_reg<B: Bus>(cpu: &mut Cpu, _: &mut B, _: &mut Exec<B::Stop>, o: &Op) -> Done {
    let b = xmm(cpu, o.r2);
    test_bits(cpu, o, b);
    Ok(())
}

fn ptest_mem<B: Bus>(cpu: &mut Cpu, bus: &mut B, x: &mut Exec<B::Stop>, o: &Op) -> Done {
    let b = source(cpu, bus, x, o, 16)?;
    test_bits(cpu, o, b);
    Ok(())
}

pub(super) const fn register<B: Bus>(t: &mut Slots<B>) {
    t[kind::X_MOV as usize] = mov::<B>;
    t[kind::X_LOAD as usize] = load::<B, false>;
    t[kind::X_LOAD_ALIGNED as usize] = load::<B, true>;
    t[kind::X_STORE as usize] = store::<B, false>;
    t[kind::X_STORE_ALIGNED as usize] = store::<B, true>;
    // 32 bits, 64 bits; for moves between registers, 64 bits clearing the rest.
    t[kind::X_LOAD_PART as usize] = load_part::<B, u32>;
    t[kind::X_LOAD_PART as usize + 1] = load_part::<B, u64>;
    t[kind::X_STORE_PART as usize] = store_part::<B, u32>;
    t[kind::X_STORE_PART as usize + 1] = store_part::<B, u64>;
    t[kind::X_MOV_PART as usize] = mov_part::<B, u32, false>;
    t[kind::X_MOV_PART as usize + 1] = mov_part::<B, u64, false>;
    t[kind::X_MOV_PART as usize + 2] = mov_part::<B, u64, true>;
    t[kind::X_HALF_LOAD as usize] = half_load::<B>;
    t[kind::X_HALF_STORE as usize] = half_store::<B>;
    t[kind::X_FROM_R as usize] = from_reg::<B, u32>;
    t[kind::X_FROM_R as usize + 1] = from_reg::<B, u64>;
    t[kind::X_TO_R as usize] = to_reg::<B, u32>;
    t[kind::X_TO_R as usize + 1] = to_reg::<B, u64>;
    t[kind::X_MASK as usize] = sign_mask::<B, 16>;
    t[kind::X_MASK as usize + 1] = sign_mask::<B, 4>;
    t[kind::X_MASK as usize + 2] = sign_mask::<B, 2>;
    sizes!(t, kind::X_INSERT_R, insert_reg);
    sizes!(t, kind::X_INSERT_M, insert_mem);
    sizes!(t, kind::X_EXTRACT_R, extract_reg);
    sizes!(t, kind::X_EXTRACT_M, extract_mem);
    t[kind::X_PACKED_R as usize] = packed_reg::<B>;
    t[kind::X_PACKED_M as usize] = packed_mem::<B>;
    t[kind::X_PACKED_I as usize] = packed_imm::<B>;
    t[kind::X_PTEST_R as usize] = ptest_reg::<B>;
    t[kind::X_PTEST_M as usize] = ptest_mem::<B>;
}
