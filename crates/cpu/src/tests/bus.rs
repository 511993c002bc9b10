//! A guest of a few pages that can be told to refuse.

use crate::{Bus, CodeCache, Cpu, Exit};
use iced_x86::code_asm::CodeAssembler;
use std::collections::BTreeMap;
use std::ops::Range;

pub(super) const CODE: u64 = 0xffff_f800_0001_0000;
pub(super) const DATA: u64 = 0xffff_f800_0002_0000;
pub(super) const STACK: u64 = DATA + 0x800;
pub(super) const TRAP: Range<u64> = 0xffff_f700_0000_0000..0xffff_f700_0000_1000;
const PAGE: u64 = 0x1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    NoPage(u64),
    NoExecute(u64),
    Interlocked(u64, u8),
    Port(u16, u8),
    Machine(&'static str),
}

#[derive(Default, Clone)]
pub(super) struct Guest {
    pub pages: BTreeMap<u64, Vec<u8>>,
    pub no_execute: Vec<Range<u64>>,
    /// Refuse interlocked instructions.
    pub stop_interlocked: bool,
    /// Refuse PAUSE and CR8.
    pub stop_machine: bool,
    pub interlocked: Vec<(u64, u8)>,
    pub ports: Vec<(u16, u8, u32)>,
    pub cr8: u64,
    pub pauses: u32,
    pub fetches: u32,
    pub trace: Vec<u64>,
}

impl Guest {
    /// Code at `CODE`, a page of zeros at `DATA`.
    pub(super) fn new(code: &[u8]) -> Guest {
        let mut guest = Guest::default();
        guest.map(CODE);
        guest.map(DATA);
        guest.write(CODE, code);
        guest
    }

    pub(super) fn map(&mut self, addr: u64) {
        self.pages.insert(addr / PAGE, vec![0; PAGE as usize]);
    }

    pub(super) fn write(&mut self, addr: u64, bytes: &[u8]) {
        for (n, byte) in bytes.iter().enumerate() {
            *self.byte(addr + n as u64).expect("mapped") = *byte;
        }
    }

    fn byte(&mut self, addr: u64) -> Result<&mut u8, Stop> {
        let page = self.pages.get_mut(&(addr / PAGE)).ok_or(Stop::NoPage(addr))?;
        Ok(&mut page[(addr % PAGE) as usize])
    }

    fn bytes<const N: usize>(&mut self, addr: u64) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = *self.byte(addr.wrapping_add(n as u64))?;
        }
        Ok(bytes)
    }

    fn put(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Stop> {
        self.byte(addr.wrapping_add(bytes.len() as u64 - 1))?;
        self.byte(addr)?;
        self.write(addr, bytes);
        Ok(())
    }

    fn machine(&self, what: &'static str) -> Result<(), Stop> {
        if self.stop_machine { Err(Stop::Machine(what)) } else { Ok(()) }
    }
}

macro_rules! access {
    ($($load:ident $store:ident $t:ty;)*) => {
        $(
            fn $load(&mut self, addr: u64) -> Result<$t, Stop> {
                Ok(<$t>::from_le_bytes(self.bytes(addr)?))
            }
            fn $store(&mut self, addr: u64, value: $t) -> Result<(), Stop> {
                self.put(addr, &value.to_le_bytes())
            }
        )*
    };
}

impl Bus for Guest {
    type Stop = Stop;
    const TRACE: bool = true;
    fn instruction(&mut self, rip: u64) {
        self.trace.push(rip - CODE);
    }
    access! {
        load8 store8 u8;
        load16 store16 u16;
        load32 store32 u32;
        load64 store64 u64;
        load128 store128 u128;
    }
    fn fetch(&mut self, addr: u64, into: &mut [u8; 15]) -> Result<usize, Stop> {
        self.fetches += 1;
        if self.no_execute.iter().any(|range| range.contains(&addr)) {
            return Err(Stop::NoExecute(addr));
        }
        let mut n = 0;
        while n < 15 && (n == 0 || !(addr + n as u64).is_multiple_of(PAGE)) {
            into[n] = *self.byte(addr + n as u64)?;
            n += 1;
        }
        Ok(n)
    }
    fn interlocked(&mut self, addr: u64, size: u8) -> Result<(), Stop> {
        if self.stop_interlocked {
            return Err(Stop::Interlocked(addr, size));
        }
        self.interlocked.push((addr, size));
        Ok(())
    }
    fn port_in(&mut self, port: u16, size: u8) -> Result<u32, Stop> {
        if port == 0xdead { Err(Stop::Port(port, size)) } else { Ok(0x1234_5678) }
    }
    fn port_out(&mut self, port: u16, size: u8, value: u32) -> Result<(), Stop> {
        self.ports.push((port, size, value));
        Ok(())
    }
    fn read_cr8(&mut self) -> Result<u64, Stop> {
        self.machine("cr8")?;
        Ok(self.cr8)
    }
    fn write_cr8(&mut self, value: u64) -> Result<(), Stop> {
        self.machine("cr8")?;
        self.cr8 = value;
        Ok(())
    }
    fn rdtsc(&mut self) -> Result<u64, Stop> {
        Ok(0x1_0000_0002)
    }
    fn tsc_aux(&mut self) -> Result<u32, Stop> {
        Ok(3)
    }
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Result<[u32; 4], Stop> {
        Ok([leaf + 1, subleaf + 2, 3, 4])
    }
    fn pause(&mut self) -> Result<(), Stop> {
        self.machine("pause")?;
        self.pauses += 1;
        Ok(())
    }
}

/// Code made by the closure, for `CODE`.
pub(super) fn assemble(
    write: impl FnOnce(&mut CodeAssembler) -> Result<(), iced_x86::IcedError>,
) -> Vec<u8> {
    let mut a = CodeAssembler::new(64).expect("64 bits");
    write(&mut a).expect("an instruction");
    a.assemble(CODE).expect("it encodes")
}

/// A processor about to run `CODE`, with a stack and RCX at the data.
pub(super) fn processor() -> Cpu {
    let mut cpu = Cpu::new();
    cpu.rip = CODE;
    cpu.gpr[1] = DATA;
    cpu.gpr[4] = STACK;
    cpu
}

/// Runs at most 10,000 instructions with a fresh cache.
pub(super) fn run(cpu: &mut Cpu, guest: &mut Guest) -> Exit<Stop> {
    cpu.run(&mut CodeCache::new(TRAP), guest, &mut 10_000)
}
