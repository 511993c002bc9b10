//! From one stack frame to its caller, by the function table (Microsoft "x64 exception handling").
//!
//! Everything is read from the image as it stands in memory ([`crate::Image::map_at`]), so the same
//! code serves a running driver and a crash dump. The image and the stack may be hostile: a step either
//! gives the caller's registers or says why it cannot, in bounded time, and never panics.

mod codes;
mod epilogue;
mod scopes;
mod walk;

#[cfg(test)]
mod tests;

pub use codes::{UnwindCode, UnwindInfo, read_info};
pub use scopes::{Scope, scope_table};
pub use walk::{Frame, Region, Rip, step, step_with};

use crate::functions::Function;
use std::fmt;

/// Index of RSP among [`Registers::gpr`].
pub const RSP: usize = 4;

/// The registers that an unwind step needs and restores; of XMM registers [`step_with`] tells the places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Registers {
    /// Instruction pointer.
    pub rip: u64,
    /// Stack pointer. A step reads this one and writes it to `gpr[RSP]` as well.
    pub rsp: u64,
    /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8..R15: the order of the instruction encoding. Only the
    /// non-volatile ones (RBX, RBP, RSI, RDI, R12..R15) mean anything after a step.
    pub gpr: [u64; 16],
}

/// A loaded image, as far as unwinding needs it.
#[derive(Debug, Clone, Copy)]
pub struct Module<'a> {
    /// Where it is loaded.
    pub base: u64,
    /// Its function table, sorted by `begin` ([`crate::Image::functions`]).
    pub functions: &'a [Function],
    /// Its memory from `base` on; code and unwind information are read from it.
    pub memory: &'a [u8],
}

impl Module<'_> {
    /// The function table entry that `rva` lies in; a leaf function has none.
    pub fn function_at(&self, rva: u32) -> Option<Function> {
        let after = self.functions.partition_point(|f| f.begin <= rva);
        let found = self.functions.get(after.checked_sub(1)?)?;
        found.contains(rva).then_some(*found)
    }

    pub(crate) fn bytes<const N: usize>(&self, rva: u32) -> Result<[u8; N], UnwindError> {
        let start = rva as usize;
        let found = start.checked_add(N).and_then(|end| self.memory.get(start..end));
        found
            .and_then(|bytes| <[u8; N]>::try_from(bytes).ok())
            .ok_or_else(|| UnwindError::new(rva, "lies outside the image"))
    }

    pub(crate) fn u32(&self, rva: u32) -> Result<u32, UnwindError> {
        self.bytes(rva).map(u32::from_le_bytes)
    }
}

/// Why a stack walk stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnwindError {
    /// The stack cannot be read at this address.
    Stack {
        /// Address that could not be read.
        address: u64,
    },
    /// RIP is not in this image.
    Outside {
        /// RIP.
        rip: u64,
    },
    /// The unwind information is damaged or of an unknown kind.
    Image {
        /// Where in the image.
        rva: u32,
        /// What is wrong there: a clause without a subject.
        problem: String,
    },
}

impl UnwindError {
    pub(crate) fn new(rva: u32, problem: impl Into<String>) -> Self {
        Self::Image { rva, problem: problem.into() }
    }
}

impl fmt::Display for UnwindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack { address } => write!(f, "the stack cannot be read at {address:#x}"),
            Self::Outside { rip } => write!(f, "RIP {rip:#x} lies outside the image"),
            Self::Image { rva, problem } => {
                write!(f, "unwind information at RVA {rva:#x} {problem}")
            }
        }
    }
}

impl std::error::Error for UnwindError {}
