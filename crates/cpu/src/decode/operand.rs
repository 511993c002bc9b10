//! An instruction's operands, resolved to register numbers and address parts.

use crate::op::{ADDR32, BASE, GS, INDEX, Op};
use iced_x86::{Instruction, OpKind, Register};

/// One operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arg {
    /// General register (16 to 19: AH to BH) and size index.
    Reg(u8, u16),
    Xmm(u8),
    Mem,
    /// Sign-extended to 64 bits.
    Imm(u64),
    /// Anything else: not handled here.
    Other,
}

/// An instruction on its way to an op. Builders return None for what they do not know, which
/// becomes a refusal.
#[derive(Clone, Copy)]
pub(super) struct Lowering<'a> {
    pub i: &'a Instruction,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(i: &'a Instruction) -> Lowering<'a> {
        Lowering { i }
    }

    /// The op of this kind with its memory operand (where there is one) filled in. None if the
    /// address form is not supported: FS, vector index.
    pub(super) fn op(&self, kind: u16) -> Option<Op> {
        let mut op = Op { kind, ..Op::default() };
        if (0..self.i.op_count()).any(|n| self.i.op_kind(n) == OpKind::Memory) {
            self.address(&mut op)?;
        }
        Some(op)
    }

    fn address(&self, op: &mut Op) -> Option<()> {
        let i = self.i;
        match i.memory_segment() {
            Register::GS => op.mode |= GS,
            Register::FS => return None,
            _ => {}
        }
        op.disp = i.memory_displacement64();
        let base = i.memory_base();
        match base {
            Register::None | Register::RIP | Register::EIP => {}
            _ if base.is_gpr64() || base.is_gpr32() => {
                op.base = base.number() as u8;
                op.mode |= BASE;
            }
            _ => return None,
        }
        let index = i.memory_index();
        if index != Register::None {
            if !index.is_gpr64() && !index.is_gpr32() {
                return None;
            }
            op.index = index.number() as u8;
            op.scale = i.memory_index_scale().trailing_zeros() as u8;
            op.mode |= INDEX;
        }
        let narrow = |r: Register| r.is_gpr32() || r == Register::EIP;
        if narrow(base) || narrow(index) || self.is_short_absolute() {
            op.mode |= ADDR32;
        }
        Some(())
    }

    /// An absolute address with an address-size prefix: 32 bits, zero-extended.
    fn is_short_absolute(&self) -> bool {
        self.i.memory_base() == Register::None
            && self.i.memory_index() == Register::None
            && self.i.memory_displ_size() == 4
            && self.i.memory_displacement64() >> 32 == 0
    }

    pub(super) fn arg(&self, n: u32) -> Arg {
        if n >= self.i.op_count() {
            return Arg::Other;
        }
        match self.i.op_kind(n) {
            OpKind::Register => register(self.i.op_register(n)),
            OpKind::Memory => Arg::Mem,
            OpKind::Immediate8
            | OpKind::Immediate8_2nd
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64 => Arg::Imm(self.i.immediate(n)),
            _ => Arg::Other,
        }
    }

    /// The first two operands.
    pub(super) fn pair(&self) -> (Arg, Arg) {
        (self.arg(0), self.arg(1))
    }

    /// The size index of the memory operand.
    pub(super) fn memory_size(&self) -> Option<u16> {
        size_index(self.i.memory_size().size())
    }

    /// The condition encoded in the instruction.
    pub(super) fn condition(&self) -> Option<u8> {
        (self.i.condition_code() as u8).checked_sub(1)
    }
}

/// 0 to 3 for 1, 2, 4, 8 bytes.
pub(super) fn size_index(bytes: usize) -> Option<u16> {
    match bytes {
        1 => Some(0),
        2 => Some(1),
        4 => Some(2),
        8 => Some(3),
        _ => None,
    }
}

fn register(r: Register) -> Arg {
    let number = r.number() as u8;
    if r.is_gpr8() {
        // The decoder counts AL CL DL BL AH CH DH BH SPL BPL SIL DIL R8L ... R15L.
        return Arg::Reg(
            match number {
                0..4 => number,
                4..8 => number + 12,
                _ => number - 4,
            },
            0,
        );
    }
    match r {
        _ if r.is_gpr16() => Arg::Reg(number, 1),
        _ if r.is_gpr32() => Arg::Reg(number, 2),
        _ if r.is_gpr64() => Arg::Reg(number, 3),
        _ if r.is_xmm() && number < 16 => Arg::Xmm(number),
        _ => Arg::Other,
    }
}
