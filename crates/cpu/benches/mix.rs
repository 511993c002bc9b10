//! Nanoseconds an instruction on loops like those of driver code, over a flat memory.
#![allow(clippy::disallowed_methods)] // The room does no I/O; this measures.

use cpu::{Bus, CodeCache, Cpu, Exit};
use iced_x86::code_asm::*;
use std::time::Instant;

const CODE: u64 = 0xffff_f800_0001_0000;
const DATA: u64 = 0xffff_f800_0010_0000;
const TRAP: u64 = 0xffff_f700_0000_0000;
const SIZE: usize = 0x20_0000;
const ROOT: u64 = 0xffff_f800_0000_0000;

struct Flat {
    memory: Vec<u8>,
    /// Refuse data accesses.
    shut: bool,
}

#[derive(Debug)]
#[allow(dead_code)]
struct Fault(u64);

impl Flat {
    #[inline(always)]
    fn read<const N: usize>(&self, addr: u64) -> Result<[u8; N], Fault> {
        let at = addr.wrapping_sub(ROOT) as usize;
        match self.memory.get(at..at.wrapping_add(N)) {
            Some(bytes) => Ok(bytes.try_into().unwrap_or([0; N])),
            None => Err(Fault(addr)),
        }
    }

    #[inline(always)]
    fn write<const N: usize>(&mut self, addr: u64, bytes: [u8; N]) -> Result<(), Fault> {
        let at = addr.wrapping_sub(ROOT) as usize;
        match self.memory.get_mut(at..at.wrapping_add(N)) {
            Some(slot) => {
                slot.copy_from_slice(&bytes);
                Ok(())
            }
            None => Err(Fault(addr)),
        }
    }
}

macro_rules! access {
    ($($load:ident $store:ident $t:ty;)*) => {
        $(
            #[inline(always)]
            fn $load(&mut self, addr: u64) -> Result<$t, Fault> {
                Ok(<$t>::from_le_bytes(self.read(addr)?))
            }
            #[inline(always)]
            fn $store(&mut self, addr: u64, value: $t) -> Result<(), Fault> {
                self.write(addr, value.to_le_bytes())
            }
        )*
    };
}

impl Bus for Flat {
    type Stop = Fault;
    access! {
        load8 store8 u8;
        load16 store16 u16;
        load32 store32 u32;
        load64 store64 u64;
        load128 store128 u128;
    }
    fn fetch(&mut self, addr: u64, into: &mut [u8; 15]) -> Result<usize, Fault> {
        *into = self.read(addr)?;
        Ok(15)
    }
    fn interlocked(&mut self, _: u64, _: u8) -> Result<(), Fault> {
        Ok(())
    }
    fn port_in(&mut self, _: u16, _: u8) -> Result<u32, Fault> {
        Ok(0)
    }
    fn port_out(&mut self, _: u16, _: u8, _: u32) -> Result<(), Fault> {
        Ok(())
    }
    fn read_cr8(&mut self) -> Result<u64, Fault> {
        Ok(0)
    }
    fn write_cr8(&mut self, _: u64) -> Result<(), Fault> {
        Ok(())
    }
    fn rdtsc(&mut self) -> Result<u64, Fault> {
        Ok(0)
    }
    fn cpuid(&mut self, _: u32, _: u32) -> Result<[u32; 4], Fault> {
        Ok([0; 4])
    }
    fn pause(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// A bus that refuses data accesses while shut, as a scheduler that may switch at each does.
struct Points(Flat);

macro_rules! refusing {
    ($($load:ident $store:ident $t:ty;)*) => {
        $(
            #[inline(always)]
            fn $load(&mut self, addr: u64) -> Result<$t, Fault> {
                if self.0.shut { Err(Fault(addr)) } else { self.0.$load(addr) }
            }
            #[inline(always)]
            fn $store(&mut self, addr: u64, value: $t) -> Result<(), Fault> {
                if self.0.shut { Err(Fault(addr)) } else { self.0.$store(addr, value) }
            }
        )*
    };
}

impl Bus for Points {
    type Stop = Fault;
    refusing! {
        load8 store8 u8;
        load16 store16 u16;
        load32 store32 u32;
        load64 store64 u64;
        load128 store128 u128;
    }
    fn fetch(&mut self, addr: u64, into: &mut [u8; 15]) -> Result<usize, Fault> {
        self.0.fetch(addr, into)
    }
    fn interlocked(&mut self, _: u64, _: u8) -> Result<(), Fault> {
        Ok(())
    }
    fn port_in(&mut self, _: u16, _: u8) -> Result<u32, Fault> {
        Ok(0)
    }
    fn port_out(&mut self, _: u16, _: u8, _: u32) -> Result<(), Fault> {
        Ok(())
    }
    fn read_cr8(&mut self) -> Result<u64, Fault> {
        Ok(0)
    }
    fn write_cr8(&mut self, _: u64) -> Result<(), Fault> {
        Ok(())
    }
    fn rdtsc(&mut self) -> Result<u64, Fault> {
        Ok(0)
    }
    fn cpuid(&mut self, _: u32, _: u32) -> Result<[u32; 4], Fault> {
        Ok([0; 4])
    }
    fn pause(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

type Built = Result<Vec<u8>, IcedError>;

/// A list walk that calls a comparison, as a device-extension queue search compiles to.
fn list_walk() -> Built {
    let mut a = CodeAssembler::new(64)?;
    let (mut outer, mut walk, mut next, mut found) =
        (a.create_label(), a.create_label(), a.create_label(), a.create_label());
    let (mut compare, mut differs) = (a.create_label(), a.create_label());
    a.sub(rsp, 0x28)?;
    a.mov(rsi, rcx)?;
    a.mov(r14d, edx)?;
    a.set_label(&mut outer)?;
    a.mov(rbx, qword_ptr(rsi))?;
    a.set_label(&mut walk)?;
    a.cmp(rbx, rsi)?;
    a.je(found)?;
    a.mov(rcx, rbx)?;
    a.mov(edx, dword_ptr(rsi + 0x18))?;
    a.call(compare)?;
    a.test(al, al)?;
    a.je(next)?;
    a.inc(dword_ptr(rsi + 0x20))?;
    a.set_label(&mut next)?;
    a.mov(rbx, qword_ptr(rbx))?;
    a.jmp(walk)?;
    a.set_label(&mut found)?;
    a.sub(r14d, 1)?;
    a.jne(outer)?;
    a.add(rsp, 0x28)?;
    a.ret()?;
    a.set_label(&mut compare)?;
    a.mov(qword_ptr(rsp + 8), rbx)?;
    a.push(rdi)?;
    a.sub(rsp, 0x20)?;
    a.mov(rdi, rcx)?;
    a.movzx(eax, word_ptr(rdi + 0x10))?;
    a.and(eax, 0xff)?;
    a.cmp(eax, edx)?;
    a.jne(differs)?;
    a.lea(r8, qword_ptr(rdi + rax * 8 + 0x20))?;
    a.cmp(dword_ptr(r8), 0)?;
    a.sete(al)?;
    a.mov(rbx, qword_ptr(rsp + 0x30))?;
    a.add(rsp, 0x20)?;
    a.pop(rdi)?;
    a.ret()?;
    a.set_label(&mut differs)?;
    a.xor(eax, eax)?;
    a.mov(rbx, qword_ptr(rsp + 0x30))?;
    a.add(rsp, 0x20)?;
    a.pop(rdi)?;
    a.ret()?;
    a.assemble(CODE)
}

/// Filling and reading a ring of 16-byte descriptors.
fn ring() -> Built {
    let mut a = CodeAssembler::new(64)?;
    let (mut again, mut wrapped) = (a.create_label(), a.create_label());
    a.xor(r8d, r8d)?;
    a.set_label(&mut again)?;
    a.mov(eax, r8d)?;
    a.shl(rax, 4)?;
    a.lea(r9, qword_ptr(rcx + rax))?;
    a.mov(qword_ptr(r9), rdx)?;
    a.mov(dword_ptr(r9 + 8), 0x1000)?;
    a.movzx(eax, byte_ptr(rcx + 0x1000))?;
    a.or(eax, 1)?;
    a.mov(byte_ptr(r9 + 12), al)?;
    a.add(qword_ptr(rcx + 0x1008), 0x10)?;
    a.inc(r8d)?;
    a.cmp(r8d, 0x80)?;
    a.jb(wrapped)?;
    a.xor(r8d, r8d)?;
    a.set_label(&mut wrapped)?;
    a.sub(edx, 1)?;
    a.jne(again)?;
    a.ret()?;
    a.assemble(CODE)
}

/// Shifts, multiplications and rotates: a checksum.
fn checksum() -> Built {
    let mut a = CodeAssembler::new(64)?;
    let mut again = a.create_label();
    a.mov(eax, 0x811c_9dc5u32)?;
    a.xor(r8d, r8d)?;
    a.set_label(&mut again)?;
    a.mov(r9d, r8d)?;
    a.and(r9d, 0xfff)?;
    a.movzx(r10d, byte_ptr(rcx + r9))?;
    a.xor(eax, r10d)?;
    a.imul_3(eax, eax, 0x0100_0193)?;
    a.rol(eax, 5)?;
    a.mov(r10d, eax)?;
    a.shr(r10d, 7)?;
    a.xor(eax, r10d)?;
    a.inc(r8)?;
    a.cmp(r8, rdx)?;
    a.jb(again)?;
    a.ret()?;
    a.assemble(CODE)
}

/// Interlocked counters and an inlined push on a lock-free list.
fn interlocked() -> Built {
    let mut a = CodeAssembler::new(64)?;
    let (mut again, mut retry) = (a.create_label(), a.create_label());
    a.set_label(&mut again)?;
    a.lock().inc(dword_ptr(rcx + 0x10))?;
    a.mov(rax, qword_ptr(rcx))?;
    a.set_label(&mut retry)?;
    a.mov(qword_ptr(rcx + 0x40), rax)?;
    a.lea(r8, qword_ptr(rcx + 0x40))?;
    a.lock().cmpxchg(qword_ptr(rcx), r8)?;
    a.jne(retry)?;
    a.mov(r9d, 1)?;
    a.lock().xadd(dword_ptr(rcx + 0x14), r9d)?;
    a.sub(rdx, 1)?;
    a.jne(again)?;
    a.ret()?;
    a.assemble(CODE)
}

/// Structure copies through XMM registers.
fn copies() -> Built {
    let mut a = CodeAssembler::new(64)?;
    let mut again = a.create_label();
    a.lea(r8, qword_ptr(rcx + 0x800))?;
    a.set_label(&mut again)?;
    a.xorps(xmm0, xmm0)?;
    a.movups(xmm1, xmmword_ptr(rcx))?;
    a.movups(xmmword_ptr(r8), xmm1)?;
    a.movups(xmm2, xmmword_ptr(rcx + 16))?;
    a.movups(xmmword_ptr(r8 + 16), xmm2)?;
    a.movups(xmmword_ptr(r8 + 32), xmm0)?;
    a.movsd_2(xmm3, qword_ptr(rcx + 32))?;
    a.movsd_2(qword_ptr(r8 + 48), xmm3)?;
    a.mov(eax, dword_ptr(rcx + 40))?;
    a.mov(dword_ptr(r8 + 56), eax)?;
    a.dec(rdx)?;
    a.jne(again)?;
    a.ret()?;
    a.assemble(CODE)
}

fn prepare(code: &[u8]) -> Flat {
    let mut flat = Flat { memory: vec![0; SIZE], shut: false };
    let at = (CODE - ROOT) as usize;
    flat.memory[at..at + code.len()].copy_from_slice(code);
    // A circular list of 16 entries behind the head at DATA.
    for n in 0..=16u64 {
        let next = if n == 16 { DATA } else { DATA + (n + 1) * 0x100 };
        let at = (DATA - ROOT + n * 0x100) as usize;
        flat.memory[at..at + 8].copy_from_slice(&next.to_le_bytes());
        flat.memory[at + 0x10] = (n % 4) as u8;
    }
    flat.memory[(DATA - ROOT) as usize + 0x18] = 2;
    flat
}

fn measure(name: &str, code: Built, turns: u64) -> Option<(u64, f64)> {
    let code = match code {
        Ok(code) => code,
        Err(error) => {
            println!("{name}: does not assemble: {error}");
            return None;
        }
    };
    let mut flat = prepare(&code);
    let mut cache = CodeCache::new(TRAP..TRAP + 0x1000);
    let mut best = f64::MAX;
    let mut instructions = 0;
    for _ in 0..7 {
        let mut cpu = Cpu::new();
        cpu.rip = CODE;
        cpu.gpr[1] = DATA;
        cpu.gpr[2] = turns;
        cpu.gpr[4] = DATA + 0x8_0000;
        if let Err(fault) = flat.store64(cpu.gpr[4], TRAP) {
            println!("{name}: stack: {fault:?}");
            return None;
        }
        let mut budget = u64::MAX;
        let begin = Instant::now();
        let exit = cpu.run(&mut cache, &mut flat, &mut budget);
        let took = begin.elapsed().as_secs_f64();
        if !matches!(exit, Exit::Trap) {
            println!("{name}: left with {exit:?} at {:x}", cpu.rip);
            return None;
        }
        instructions = u64::MAX - budget;
        best = best.min(took);
    }
    let each = best * 1e9 / instructions as f64;
    println!("{name:12} {instructions:>10} instructions {each:6.2} ns each");
    Some((instructions, best))
}

/// Nanoseconds to decode an instruction of code not seen before.
fn decoding() {
    let Ok(code) = list_walk() else { return };
    let mut flat = prepare(&code);
    let mut cache = CodeCache::new(TRAP..TRAP + 0x1000);
    let (mut blocks, mut instructions) = (0u64, 0u64);
    let begin = Instant::now();
    for _ in 0..20_000 {
        let mut cpu = Cpu::new();
        cpu.rip = CODE;
        cpu.gpr[1] = DATA;
        cpu.gpr[2] = 1;
        cpu.gpr[4] = DATA + 0x8_0000;
        cpu.run(&mut cache, &mut flat, &mut 60);
        blocks += cache.blocks().count() as u64;
        instructions += cache.blocks().map(|(_, count)| u64::from(count)).sum::<u64>();
        cache.invalidate(CODE..CODE + 0x1000);
    }
    let each = begin.elapsed().as_secs_f64() * 1e9 / instructions as f64;
    println!("decoding     {instructions:>10} instructions {each:6.2} ns each, {blocks} blocks");
}

/// Nanoseconds to leave a run and take it up again, one instruction at a time.
fn stepping() {
    let Ok(code) = list_walk() else { return };
    let mut flat = prepare(&code);
    let mut cache = CodeCache::new(TRAP..TRAP + 0x1000);
    let mut cpu = Cpu::new();
    cpu.rip = CODE;
    cpu.gpr[1] = DATA;
    cpu.gpr[2] = 1_000_000;
    cpu.gpr[4] = DATA + 0x8_0000;
    let steps = 1_000_000u64;
    let begin = Instant::now();
    for _ in 0..steps {
        cpu.run(&mut cache, &mut flat, &mut 1);
    }
    let each = begin.elapsed().as_secs_f64() * 1e9 / steps as f64;
    println!("stepping     {steps:>10} runs of one     {each:6.2} ns each");
}

/// Nanoseconds for each data access at which the run stops, is allowed one instruction and goes
/// on.
fn stopping() {
    let Ok(code) = list_walk() else { return };
    let mut points = Points(prepare(&code));
    let mut cache = CodeCache::new(TRAP..TRAP + 0x1000);
    let mut cpu = Cpu::new();
    cpu.rip = CODE;
    cpu.gpr[1] = DATA;
    cpu.gpr[2] = 1_000_000;
    cpu.gpr[4] = DATA + 0x8_0000;
    let stops = 1_000_000u64;
    let begin = Instant::now();
    for _ in 0..stops {
        points.0.shut = true;
        let exit = cpu.run(&mut cache, &mut points, &mut 1000);
        assert!(matches!(exit, Exit::Bus { .. }), "{exit:?}");
        points.0.shut = false;
        cpu.run(&mut cache, &mut points, &mut 1);
    }
    let each = begin.elapsed().as_secs_f64() * 1e9 / stops as f64;
    println!("stopping     {stops:>10} stops           {each:6.2} ns each");
}

fn main() {
    let mixes = [
        ("list walk", list_walk(), 8_000),
        ("ring", ring(), 200_000),
        ("checksum", checksum(), 200_000),
        ("interlocked", interlocked(), 200_000),
        ("copies", copies(), 200_000),
    ];
    let mut all = (0, 0.0);
    for (name, code, turns) in mixes {
        if let Some((instructions, seconds)) = measure(name, code, turns) {
            all = (all.0 + instructions, all.1 + seconds);
        }
    }
    println!("{:12} {:>10} instructions {:6.2} ns each", "all", all.0, all.1 * 1e9 / all.0 as f64);
    decoding();
    stepping();
    stopping();
}
