//! Instruction sets that are disassembled.

use pe::Machine;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// x86 or x64: bits of its addresses, 32 or 64.
    X86(u32),
    /// 64-bit ARM.
    Arm64,
}

impl Isa {
    /// That of an image or an object; `None` for a processor whose code is not disassembled.
    pub fn of(machine: Machine) -> Option<Self> {
        match machine {
            Machine::Amd64 => Some(Self::X86(64)),
            Machine::I386 => Some(Self::X86(32)),
            Machine::Arm64 => Some(Self::Arm64),
            _ => None,
        }
    }

    /// Bytes of a pointer.
    pub fn pointer(self) -> usize {
        if self == Self::X86(32) { 4 } else { 8 }
    }
}
