//! The interpreter's side: a bus over the buffer, and one instruction at a time.

use crate::host::{BUFFER, Host, State};
use cpu::{Bus, CodeCache, Cpu, Exit};

pub enum Outcome {
    Done,
    /// The signal that the exception gives on the host.
    Fault(i32),
    /// The interpreter does not implement it.
    Refused,
    /// It reached for memory outside the buffer, or for the machine.
    Outside,
}

pub struct Guest {
    cache: CodeCache,
    /// Data accesses of the last run.
    accesses: u32,
}

struct Buffer<'a> {
    base: u64,
    memory: &'a mut [u8],
    code_at: u64,
    code: &'a [u8],
    /// Data accesses so far, and the one to refuse.
    accesses: u32,
    refuse: Option<u32>,
}

pub struct NotHere;

impl Buffer<'_> {
    fn count(&mut self) -> Result<(), NotHere> {
        self.accesses += 1;
        if self.refuse == Some(self.accesses) { Err(NotHere) } else { Ok(()) }
    }

    fn slot(&mut self, addr: u64, len: usize) -> Result<&mut [u8], NotHere> {
        self.count()?;
        let at = usize::try_from(addr.wrapping_sub(self.base)).map_err(|_| NotHere)?;
        let end = at.checked_add(len).ok_or(NotHere)?;
        self.memory.get_mut(at..end).ok_or(NotHere)
    }
}

macro_rules! access {
    ($($load:ident $store:ident $t:ty;)*) => {
        $(
            fn $load(&mut self, addr: u64) -> Result<$t, NotHere> {
                let slot = self.slot(addr, size_of::<$t>())?;
                slot.as_ref().try_into().map(<$t>::from_le_bytes).map_err(|_| NotHere)
            }
            fn $store(&mut self, addr: u64, value: $t) -> Result<(), NotHere> {
                self.slot(addr, size_of::<$t>())?.copy_from_slice(&value.to_le_bytes());
                Ok(())
            }
        )*
    };
}

impl Bus for Buffer<'_> {
    type Stop = NotHere;
    access! {
        load8 store8 u8;
        load16 store16 u16;
        load32 store32 u32;
        load64 store64 u64;
        load128 store128 u128;
    }
    fn fetch(&mut self, addr: u64, into: &mut [u8; 15]) -> Result<usize, NotHere> {
        let at = addr.wrapping_sub(self.code_at) as usize;
        let rest = self.code.get(at..).filter(|rest| !rest.is_empty()).ok_or(NotHere)?;
        let n = rest.len().min(15);
        into[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
    fn interlocked(&mut self, _: u64, _: u8) -> Result<(), NotHere> {
        self.count()
    }
    fn port_in(&mut self, _: u16, _: u8) -> Result<u32, NotHere> {
        Err(NotHere)
    }
    fn port_out(&mut self, _: u16, _: u8, _: u32) -> Result<(), NotHere> {
        Err(NotHere)
    }
    fn read_cr8(&mut self) -> Result<u64, NotHere> {
        Err(NotHere)
    }
    fn write_cr8(&mut self, _: u64) -> Result<(), NotHere> {
        Err(NotHere)
    }
    fn rdtsc(&mut self) -> Result<u64, NotHere> {
        Err(NotHere)
    }
    fn cpuid(&mut self, _: u32, _: u32) -> Result<[u32; 4], NotHere> {
        Err(NotHere)
    }
    fn pause(&mut self) -> Result<(), NotHere> {
        Ok(())
    }
}

impl Guest {
    pub fn new(_: &Host) -> Guest {
        Guest { cache: CodeCache::new(0..0), accesses: 0 }
    }

    /// Refuses each access of the instruction in turn. Each time everything must be as before
    /// (a repeated string instruction: going on must end in the same state). What is wrong, if
    /// anything; `after` is the state after an undisturbed run.
    pub fn restart(
        &mut self,
        host: &Host,
        code: &[u8],
        before: &State,
        after: &State,
        repeated: bool,
    ) -> Option<String> {
        for refuse in 1..=self.accesses {
            let mut state = before.clone();
            let outcome = self.run_refusing(host, code, &mut state, Some(refuse));
            if !matches!(outcome, Outcome::Outside) {
                return Some(format!("access {refuse} was refused and the run went on"));
            }
            let expected = if repeated {
                self.run(host, code, &mut state);
                after
            } else {
                before
            };
            if let Some(differs) = crate::difference(expected, &state, !0) {
                return Some(format!("access {refuse} refused: {differs}"));
            }
        }
        None
    }

    pub fn run(&mut self, host: &Host, code: &[u8], state: &mut State) -> Outcome {
        self.run_refusing(host, code, state, None)
    }

    fn run_refusing(
        &mut self,
        host: &Host,
        code: &[u8],
        state: &mut State,
        refuse: Option<u32>,
    ) -> Outcome {
        let mut cpu = Cpu::new();
        cpu.gpr = state.gpr;
        cpu.xmm = state.xmm;
        cpu.set_rflags(state.rflags);
        cpu.rip = host.instruction();
        let mut bus = Buffer {
            base: host.buffer(),
            memory: &mut state.memory[..BUFFER],
            code_at: host.instruction(),
            code,
            accesses: 0,
            refuse: None,
        };
        bus.refuse = refuse;
        let exit = cpu.run(&mut self.cache, &mut bus, &mut 1);
        self.accesses = bus.accesses;
        state.gpr = cpu.gpr;
        state.xmm = cpu.xmm;
        state.rflags = cpu.rflags();
        state.taken = cpu.rip == host.taken();
        let end = host.instruction() + code.len() as u64;
        match exit {
            Exit::Budget => Outcome::Done,
            // One instruction further there is no code.
            Exit::Bus { .. } if state.taken || cpu.rip == end => Outcome::Done,
            Exit::Bus { .. } | Exit::Trap => Outcome::Outside,
            Exit::Interrupt { vector: 0 } => Outcome::Fault(libc::SIGFPE),
            Exit::Interrupt { vector: 6 } => Outcome::Fault(libc::SIGILL),
            Exit::Interrupt { vector: 13 } => Outcome::Fault(libc::SIGSEGV),
            _ => Outcome::Refused,
        }
    }
}
