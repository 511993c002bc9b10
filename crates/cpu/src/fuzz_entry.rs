//! The fuzz target: any bytes as code must neither panic nor run forever.

use crate::{Bus, CodeCache, Cpu, Exit};

/// Where the bytes lie, and how much memory there is.
const BASE: u64 = 0xffff_8000_0000_0000;
const SIZE: usize = 0x4000;

struct Flat {
    memory: Vec<u8>,
}

/// An access outside the memory.
#[derive(Debug, PartialEq, Eq)]
struct Outside;

impl Flat {
    fn place(&self, addr: u64, len: usize) -> Result<usize, Outside> {
        let at = usize::try_from(addr.wrapping_sub(BASE)).map_err(|_| Outside)?;
        let end = at.checked_add(len).ok_or(Outside)?;
        if end <= self.memory.len() { Ok(at) } else { Err(Outside) }
    }

    fn read<const N: usize>(&self, addr: u64) -> Result<[u8; N], Outside> {
        let at = self.place(addr, N)?;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.memory[at..at + N]);
        Ok(bytes)
    }

    fn write<const N: usize>(&mut self, addr: u64, bytes: [u8; N]) -> Result<(), Outside> {
        let at = self.place(addr, N)?;
        self.memory[at..at + N].copy_from_slice(&bytes);
        Ok(())
    }
}

macro_rules! access {
    ($($load:ident $store:ident $t:ty;)*) => {
        $(
            fn $load(&mut self, addr: u64) -> Result<$t, Outside> {
                Ok(<$t>::from_le_bytes(self.read(addr)?))
            }
            fn $store(&mut self, addr: u64, value: $t) -> Result<(), Outside> {
                self.write(addr, value.to_le_bytes())
            }
        )*
    };
}

impl Bus for Flat {
    type Stop = Outside;
    access! {
        load8 store8 u8;
        load16 store16 u16;
        load32 store32 u32;
        load64 store64 u64;
        load128 store128 u128;
    }
    fn fetch(&mut self, addr: u64, into: &mut [u8; 15]) -> Result<usize, Outside> {
        let at = self.place(addr, 1)?;
        let n = (self.memory.len() - at).min(15);
        into[..n].copy_from_slice(&self.memory[at..at + n]);
        Ok(n)
    }
    fn interlocked(&mut self, _: u64, _: u8) -> Result<(), Outside> {
        Ok(())
    }
    fn port_in(&mut self, port: u16, _: u8) -> Result<u32, Outside> {
        Ok(u32::from(port))
    }
    fn port_out(&mut self, _: u16, _: u8, _: u32) -> Result<(), Outside> {
        Ok(())
    }
    fn read_cr8(&mut self) -> Result<u64, Outside> {
        Ok(2)
    }
    fn write_cr8(&mut self, _: u64) -> Result<(), Outside> {
        Ok(())
    }
    fn rdtsc(&mut self) -> Result<u64, Outside> {
        Ok(1)
    }
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Result<[u32; 4], Outside> {
        Ok([leaf, subleaf, 0, 0])
    }
    fn pause(&mut self) -> Result<(), Outside> {
        Ok(())
    }
}

/// A guest with the bytes as code and registers that point into its memory.
fn guest(data: &[u8]) -> (Cpu, Flat) {
    let mut memory = vec![0; SIZE];
    // INT3 behind the bytes: zeros are instructions too, and would take nearly all of the time.
    memory[..SIZE / 2].fill(0xcc);
    let n = data.len().min(SIZE / 2);
    memory[..n].copy_from_slice(&data[..n]);
    let mut cpu = Cpu::new();
    for (r, value) in cpu.gpr.iter_mut().enumerate() {
        *value = BASE + (SIZE / 2 + r * 256) as u64;
    }
    // A small count, so that a repeated instruction costs the budget no more than any other.
    cpu.gpr[1] = 5;
    cpu.gs_base = BASE;
    cpu.rip = BASE;
    (cpu, Flat { memory })
}

/// Runs the bytes as code, stepping over what cannot be executed.
pub fn fuzz_decode(data: &[u8]) {
    let (mut cpu, mut bus) = guest(data);
    let mut cache = CodeCache::new(0..1);
    let mut budget = 20_000;
    for step in 0..64u64 {
        let before = cpu.rip;
        match cpu.run(&mut cache, &mut bus, &mut budget) {
            Exit::Budget | Exit::Trap => break,
            Exit::Bus { stop: Outside } => cpu.rip = BASE + (before.wrapping_add(step) & 0x1fff),
            _ => cpu.rip = cpu.next_rip,
        }
        cache.invalidate(BASE..BASE + step);
    }
    at_once_and_stepped(data);
}

/// Blocks must do what their instructions do one by one.
fn at_once_and_stepped(data: &[u8]) {
    const INSTRUCTIONS: u64 = 60;
    let (mut whole, mut whole_bus) = guest(data);
    let mut budget = INSTRUCTIONS;
    let exit = whole.run(&mut CodeCache::new(0..1), &mut whole_bus, &mut budget);
    let (mut stepped, mut stepped_bus) = guest(data);
    let mut cache = CodeCache::new(0..1);
    let mut last = Exit::Budget;
    let mut done = 0;
    while done < INSTRUCTIONS - budget || (last == Exit::Budget && done < INSTRUCTIONS) {
        let mut one = 1;
        last = stepped.run(&mut cache, &mut stepped_bus, &mut one);
        done += 1 - one;
        if last != Exit::Budget {
            break;
        }
        // Code that wrote over itself ran as it was decoded: the two may differ.
        if whole_bus.memory[..SIZE / 2] != guest(data).1.memory[..SIZE / 2] {
            return;
        }
    }
    let repeats = whole.gpr[1] > 64 || stepped.gpr[1] > 64;
    if !repeats {
        assert_eq!((exit, INSTRUCTIONS - budget), (last, done), "{data:02x?}");
        assert_eq!(whole, stepped, "{data:02x?}");
        assert!(whole_bus.memory == stepped_bus.memory);
    }
}
