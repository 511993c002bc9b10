//! The processor's registers, and the ways a run ends.

use crate::flags::{ARITHMETIC, Flags};
use std::fmt;

/// Direction flag.
pub(crate) const DF: u64 = 1 << 10;
/// Reserved bit of RFLAGS that always reads as one.
const RESERVED_ONE: u64 = 1 << 1;

/// The registers of one processor.
#[derive(Clone)]
pub struct Cpu {
    /// rax rcx rdx rbx rsp rbp rsi rdi r8 ... r15.
    pub gpr: [u64; 16],
    /// The next instruction. After an exit: see [`Exit`].
    pub rip: u64,
    /// After [`Exit::Interrupt`], [`Exit::Halt`], [`Exit::PrivilegedInstruction`] and
    /// [`Exit::Unsupported`]: the address behind the instruction, for a caller that handled it
    /// and goes on. Undefined after other exits.
    pub next_rip: u64,
    /// xmm0 ... xmm15, lane 0 in the low bits.
    pub xmm: [u128; 16],
    /// Added to addresses with a GS prefix.
    pub gs_base: u64,
    /// SSE control and status. Exception status bits are not collected: STMXCSR is refused once
    /// floating-point arithmetic ran.
    pub mxcsr: u32,
    pub(crate) flags: Flags,
    pub(crate) df: bool,
    /// Set by arithmetic that would have changed MXCSR's status bits.
    pub(crate) float_ran: bool,
    /// RFLAGS bits that no instruction here computes (IF, IOPL, ID, ...).
    system_flags: u64,
}

impl Cpu {
    /// All registers zero, interrupts enabled, MXCSR at its reset value 1F80h.
    pub fn new() -> Cpu {
        Cpu {
            gpr: [0; 16],
            rip: 0,
            next_rip: 0,
            xmm: [0; 16],
            gs_base: 0,
            mxcsr: 0x1f80,
            flags: Flags::explicit(0),
            df: false,
            float_ran: false,
            system_flags: 1 << 9,
        }
    }

    /// RFLAGS as PUSHFQ would store it.
    pub fn rflags(&self) -> u64 {
        let df = if self.df { DF } else { 0 };
        self.flags.bits() | df | self.system_flags | RESERVED_ONE
    }

    /// Sets RFLAGS. Bits other than the arithmetic flags and DF are kept but change nothing.
    pub fn set_rflags(&mut self, value: u64) {
        self.flags = Flags::explicit(value);
        self.df = value & DF != 0;
        self.system_flags = value & !(ARITHMETIC | DF | RESERVED_ONE);
    }
}

impl Default for Cpu {
    fn default() -> Cpu {
        Cpu::new()
    }
}

impl PartialEq for Cpu {
    /// Equal in everything a program can see.
    fn eq(&self, other: &Cpu) -> bool {
        self.gpr == other.gpr
            && self.rip == other.rip
            && self.xmm == other.xmm
            && self.gs_base == other.gs_base
            && self.mxcsr == other.mxcsr
            && self.rflags() == other.rflags()
    }
}

impl Eq for Cpu {}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 16] = [
            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11",
            "r12", "r13", "r14", "r15",
        ];
        write!(f, "rip={:016x} rflags={:08x}", self.rip, self.rflags())?;
        for (name, value) in NAMES.iter().zip(self.gpr) {
            write!(f, " {name}={value:x}")?;
        }
        for (n, value) in self.xmm.iter().enumerate().filter(|(_, value)| **value != 0) {
            write!(f, " xmm{n}={value:032x}")?;
        }
        Ok(())
    }
}

/// Why [`Cpu::run`] returned. Unless said otherwise `rip` is at the instruction that caused it and
/// registers, flags and memory are as before that instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit<S> {
    /// `rip` is inside the cache's trap range: nothing there is executed.
    Trap,
    /// The bus refused an access.
    Bus {
        /// What the bus said.
        stop: S,
    },
    /// An instruction, operand form or prefix that is not implemented, or code that was disabled.
    Unsupported {
        /// The instruction in Intel syntax, or what else is not supported.
        mnemonic: String,
    },
    /// A software interrupt (INT3, INT n), an exception the instruction raises itself (0 divide
    /// error, 6 UD2, 13 misaligned SSE operand). [`Cpu::next_rip`] is behind the instruction.
    Interrupt {
        /// The interrupt vector.
        vector: u8,
    },
    /// HLT.
    Halt,
    /// The budget is used up; `rip` is at the next instruction to execute.
    Budget,
    /// An instruction that changes state no driver owns (CLI, STI, WRMSR, MOV to CR3, ...).
    PrivilegedInstruction {
        /// The instruction in Intel syntax.
        mnemonic: String,
    },
}
