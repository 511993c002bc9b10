//! Registers of a context record.
//!
//! Source: `CONTEXT` of the Windows SDK's winnt.h, for x64, x86 and ARM64.

use super::Machine;
use crate::bytes::{u32_at, u64_at};

/// The integer registers, by the machine's own names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers {
    /// Name and value, in the order of the context record.
    pub all: Vec<(&'static str, u64)>,
    /// Instruction pointer.
    pub pc: u64,
    /// Stack pointer.
    pub sp: u64,
    /// `ContextFlags`: which parts of the record are filled.
    pub context_flags: u32,
}

const X64: &[&str] = &[
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip",
];
const X86: &[&str] = &[
    "gs", "fs", "es", "ds", "edi", "esi", "ebx", "edx", "ecx", "eax", "ebp", "eip", "cs", "eflags",
    "esp", "ss",
];
const ARM64: &[&str] = &[
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
    "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27",
    "x28", "fp", "lr", "sp", "pc",
];

impl Registers {
    /// The registers of `context`, a context record of `machine`; `None` where it is too short.
    #[must_use]
    pub fn parse(machine: Machine, context: &[u8]) -> Option<Self> {
        let half = |offset| u32_at(context, offset, "ContextRecord").ok();
        let word = |offset| u64_at(context, offset, "ContextRecord").ok();
        let mut all = Vec::new();
        let (flags, pc, sp) = match machine {
            Machine::X64 => {
                all.push(("eflags", u64::from(half(0x44)?)));
                for (name, index) in X64.iter().zip(0u64..) {
                    all.push((*name, word(0x78 + 8 * index)?));
                }
                (0x30, "rip", "rsp")
            }
            Machine::Arm64 => {
                all.push(("cpsr", u64::from(half(4)?)));
                for (name, index) in ARM64.iter().zip(0u64..) {
                    all.push((*name, word(8 + 8 * index)?));
                }
                (0, "pc", "sp")
            }
            Machine::X86 => {
                for (name, index) in X86.iter().zip(0u64..) {
                    all.push((*name, u64::from(half(0x8c + 4 * index)?)));
                }
                (0, "eip", "esp")
            }
            Machine::Other(_) => return None,
        };
        let mut found = Self { all, pc: 0, sp: 0, context_flags: half(flags)? };
        (found.pc, found.sp) = (found.get(pc)?, found.get(sp)?);
        Some(found)
    }

    /// Bytes of a context record, without the extended state that may follow it.
    pub(super) fn context_size(machine: Machine) -> Option<usize> {
        match machine {
            Machine::X64 => Some(0x4d0),
            Machine::Arm64 => Some(0x390),
            Machine::X86 => Some(0x2cc),
            Machine::Other(_) => None,
        }
    }

    /// A register by its name, in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.all.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }
}
