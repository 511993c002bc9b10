//! General-register instructions that neither branch nor leave the processor.

use super::operand::{Arg, Lowering};
use crate::exec::{atomic, bits, string};
use crate::op::{BASE, GS, Op, alu, form, kind};
use iced_x86::{Mnemonic, OpKind, Register};

pub(super) fn lower(l: Lowering<'_>) -> Option<Op> {
    use Mnemonic::*;
    if l.i.has_lock_prefix() {
        return locked(l);
    }
    match l.i.mnemonic() {
        Add => binary(l, alu::ADD),
        Or => binary(l, alu::OR),
        Adc => binary(l, alu::ADC),
        Sbb => binary(l, alu::SBB),
        And => binary(l, alu::AND),
        Sub => binary(l, alu::SUB),
        Xor => binary(l, alu::XOR),
        Cmp => binary(l, alu::CMP),
        Test => binary(l, alu::TEST),
        Mov => mov(l),
        Movnti => match l.pair() {
            (Arg::Mem, Arg::Reg(r, size)) => Some(Op { r2: r, ..l.op(kind::STORE + size)? }),
            _ => None,
        },
        Movzx => extend(l, 0),
        Movsx | Movsxd => extend(l, 12),
        Lea => match l.arg(0) {
            Arg::Reg(r, size) => {
                let op = l.op(kind::LEA + size)?;
                Some(Op { r1: r, mode: op.mode & !GS, ..op })
            }
            _ => None,
        },
        Xchg => match l.pair() {
            (Arg::Reg(a, size), Arg::Reg(b, _)) => {
                Some(Op { r1: a, r2: b, ..l.op(kind::XCHG_RR + size)? })
            }
            _ => exchange(l),
        },
        Xadd => read_modify(l, kind::XADD_R, kind::XADD_M, 0),
        Cmpxchg => read_modify(l, kind::CMPXCHG_R, kind::CMPXCHG_M, 0),
        Cmpxchg8b => l.op(kind::CMPXCHG_WIDE),
        Cmpxchg16b => l.op(kind::CMPXCHG_WIDE + 1),
        Inc => unary(l, 0),
        Dec => unary(l, 1),
        Neg => unary(l, 2),
        Not => unary(l, 3),
        Rol => shift(l, 0),
        Ror => shift(l, 1),
        Rcl => shift(l, 2),
        Rcr => shift(l, 3),
        Shl | Sal => shift(l, 4),
        Shr => shift(l, 5),
        Sar => shift(l, 7),
        Shld => double_shift(l, 0),
        Shrd => double_shift(l, 4),
        Mul => one(l, kind::MULDIV_R, kind::MULDIV_M),
        Imul => imul(l),
        Div => one(l, kind::MULDIV_R + 8, kind::MULDIV_M + 8),
        Idiv => one(l, kind::MULDIV_R + 12, kind::MULDIV_M + 12),
        Cbw => l.op(kind::WIDEN_ACC + 1),
        Cwde => l.op(kind::WIDEN_ACC + 2),
        Cdqe => l.op(kind::WIDEN_ACC + 3),
        Cwd => l.op(kind::WIDEN_SIGN + 1),
        Cdq => l.op(kind::WIDEN_SIGN + 2),
        Cqo => l.op(kind::WIDEN_SIGN + 3),
        Bt => bit(l, 0),
        Bts => bit(l, bits::BIT_SET),
        Btr => bit(l, bits::BIT_RESET),
        Btc => bit(l, bits::BIT_COMPLEMENT),
        Bsf => source(l, kind::SCAN_R, kind::SCAN_M),
        Bsr => source(l, kind::SCAN_R + 4, kind::SCAN_M + 4),
        Tzcnt => source(l, kind::SCAN_R + 8, kind::SCAN_M + 8),
        Lzcnt => source(l, kind::SCAN_R + 12, kind::SCAN_M + 12),
        Popcnt => source(l, kind::SCAN_R + 16, kind::SCAN_M + 16),
        Crc32 => match l.pair() {
            (Arg::Reg(a, _), Arg::Reg(b, size)) => {
                Some(Op { r1: a, r2: b, ..l.op(kind::CRC32_R + size)? })
            }
            (Arg::Reg(a, _), Arg::Mem) => {
                Some(Op { r1: a, ..l.op(kind::CRC32_M + l.memory_size()?)? })
            }
            _ => None,
        },
        // A 16-bit operand has an undefined result.
        Bswap => match l.arg(0) {
            Arg::Reg(r, size @ 2..) => Some(Op { r1: r, ..l.op(kind::BSWAP + size)? }),
            _ => None,
        },
        Movbe => match l.pair() {
            (Arg::Reg(r, size), Arg::Mem) => Some(Op { r1: r, ..l.op(kind::MOVBE_LOAD + size)? }),
            (Arg::Mem, Arg::Reg(r, size)) => Some(Op { r2: r, ..l.op(kind::MOVBE_STORE + size)? }),
            _ => None,
        },
        Seta | Setae | Setb | Setbe | Sete | Setg | Setge | Setl | Setle | Setne | Setno
        | Setnp | Setns | Seto | Setp | Sets => {
            let op = match l.arg(0) {
                Arg::Reg(r, 0) => Op { r1: r, ..l.op(kind::SETCC_R)? },
                Arg::Mem => l.op(kind::SETCC_M)?,
                _ => return None,
            };
            Some(Op { r3: l.condition()?, ..op })
        }
        Cmova | Cmovae | Cmovb | Cmovbe | Cmove | Cmovg | Cmovge | Cmovl | Cmovle | Cmovne
        | Cmovno | Cmovnp | Cmovns | Cmovo | Cmovp | Cmovs => {
            Some(Op { r3: l.condition()?, ..source(l, kind::CMOV_RR, kind::CMOV_RM)? })
        }
        Movsb | Movsw | Movsd | Movsq => string(l, string::MOVS),
        Stosb | Stosw | Stosd | Stosq => string(l, string::STOS),
        Lodsb | Lodsw | Lodsd | Lodsq => string(l, string::LODS),
        Scasb | Scasw | Scasd | Scasq => string(l, string::SCAS),
        Cmpsb | Cmpsw | Cmpsd | Cmpsq => string(l, string::CMPS),
        Andn => bmi(l, bits::Bmi::Andn, 1, 2),
        Bextr => bmi(l, bits::Bmi::Bextr, 2, 1),
        Bzhi => bmi(l, bits::Bmi::Bzhi, 2, 1),
        Blsr => bmi(l, bits::Bmi::Blsr, 0, 1),
        Blsmsk => bmi(l, bits::Bmi::Blsmsk, 0, 1),
        Blsi => bmi(l, bits::Bmi::Blsi, 0, 1),
        Shlx => bmi(l, bits::Bmi::Shlx, 2, 1),
        Sarx => bmi(l, bits::Bmi::Sarx, 2, 1),
        Shrx => bmi(l, bits::Bmi::Shrx, 2, 1),
        Rorx => bmi(l, bits::Bmi::Rorx, 0, 1),
        Mulx => bmi(l, bits::Bmi::Mulx, 1, 2),
        Pdep => bmi(l, bits::Bmi::Pdep, 1, 2),
        Pext => bmi(l, bits::Bmi::Pext, 1, 2),
        Adcx => bmi(l, bits::Bmi::Adcx, 0, 1),
        Adox => bmi(l, bits::Bmi::Adox, 0, 1),
        _ => None,
    }
}

/// The forms that may carry a LOCK prefix; all write memory.
fn locked(l: Lowering<'_>) -> Option<Op> {
    use Mnemonic::*;
    if l.i.op0_kind() != OpKind::Memory {
        return if l.i.mnemonic() == Xchg { exchange(l) } else { None };
    }
    let arithmetic = |which: u8| {
        Some(match l.arg(1) {
            Arg::Reg(r, size) => Op { r2: r, r3: which, ..l.op(kind::ALU_LOCK_R + size)? },
            Arg::Imm(imm) => Op { imm, r3: which, ..l.op(kind::ALU_LOCK_I + l.memory_size()?)? },
            _ => return None,
        })
    };
    let single = |which: u16| l.op(kind::UNARY_LOCK + which * 4 + l.memory_size()?);
    let bit = |which: u8| {
        let op = bit(l, which)?;
        Some(Op { r3: op.r3 | bits::BIT_LOCK, ..op })
    };
    match l.i.mnemonic() {
        Add => arithmetic(alu::ADD),
        Or => arithmetic(alu::OR),
        Adc => arithmetic(alu::ADC),
        Sbb => arithmetic(alu::SBB),
        And => arithmetic(alu::AND),
        Sub => arithmetic(alu::SUB),
        Xor => arithmetic(alu::XOR),
        Inc => single(0),
        Dec => single(1),
        Neg => single(2),
        Not => single(3),
        Bts => bit(bits::BIT_SET),
        Btr => bit(bits::BIT_RESET),
        Btc => bit(bits::BIT_COMPLEMENT),
        Xchg => exchange(l),
        Xadd => read_modify(l, kind::XADD_R, kind::XADD_M, atomic::LOCKED),
        Cmpxchg => read_modify(l, kind::CMPXCHG_R, kind::CMPXCHG_M, atomic::LOCKED),
        Cmpxchg8b => Some(Op { r3: atomic::LOCKED, ..l.op(kind::CMPXCHG_WIDE)? }),
        Cmpxchg16b => Some(Op { r3: atomic::LOCKED, ..l.op(kind::CMPXCHG_WIDE + 1)? }),
        _ => None,
    }
}

fn binary(l: Lowering<'_>, which: u8) -> Option<Op> {
    let (form, size) = match l.pair() {
        (Arg::Reg(_, size), Arg::Reg(..)) => (form::RR, size),
        (Arg::Reg(_, size), Arg::Imm(_)) => (form::RI, size),
        (Arg::Reg(_, size), Arg::Mem) => (form::RM, size),
        (Arg::Mem, Arg::Reg(_, size)) => (form::MR, size),
        (Arg::Mem, Arg::Imm(_)) => (form::MI, l.memory_size()?),
        _ => return None,
    };
    let kind = kind::ALU + (u16::from(which) * 5 + form) * 4 + size;
    Some(operands(l, l.op(kind)?))
}

/// Fills in registers and immediate of the first two operands.
fn operands(l: Lowering<'_>, mut op: Op) -> Op {
    if let Arg::Reg(r, _) = l.arg(0) {
        op.r1 = r;
    }
    match l.arg(1) {
        Arg::Reg(r, _) => op.r2 = r,
        Arg::Imm(imm) => op.imm = imm,
        _ => {}
    }
    op
}

fn mov(l: Lowering<'_>) -> Option<Op> {
    let op = match l.pair() {
        (Arg::Reg(_, size), Arg::Reg(..)) => l.op(kind::MOV_RR + size)?,
        (Arg::Reg(_, size), Arg::Imm(_)) => l.op(kind::MOV_RI + size)?,
        (Arg::Reg(_, size), Arg::Mem) => {
            let op = l.op(kind::LOAD + size)?;
            Op { kind: if op.mode == BASE { kind::LOAD_BASE + size } else { op.kind }, ..op }
        }
        (Arg::Mem, Arg::Reg(_, size)) => {
            let op = l.op(kind::STORE + size)?;
            Op { kind: if op.mode == BASE { kind::STORE_BASE + size } else { op.kind }, ..op }
        }
        (Arg::Mem, Arg::Imm(_)) => l.op(kind::STORE_I + l.memory_size()?)?,
        (Arg::Reg(r, 3), Arg::Other) if l.i.op1_register() == Register::CR8 => {
            Op { r1: r, ..l.op(kind::CR8_READ)? }
        }
        (Arg::Other, Arg::Reg(r, 3)) if l.i.op0_register() == Register::CR8 => {
            return Some(Op { r2: r, ..l.op(kind::CR8_WRITE)? });
        }
        _ if l.i.op0_register().is_cr()
            || l.i.op1_register().is_cr()
            || l.i.op0_register().is_dr()
            || l.i.op1_register().is_dr() =>
        {
            return l.op(kind::PRIVILEGED);
        }
        _ => return None,
    };
    Some(operands(l, op))
}

/// MOVZX (`sign` 0), MOVSX and MOVSXD (12).
fn extend(l: Lowering<'_>, sign: u16) -> Option<Op> {
    let Arg::Reg(to, size) = l.arg(0) else { return None };
    let (base, from, r2) = match l.arg(1) {
        Arg::Reg(r, from) => (kind::EXTEND_R, from, r),
        Arg::Mem => (kind::EXTEND_M, l.memory_size()?, 0),
        _ => return None,
    };
    if from > 2 {
        return None;
    }
    Some(Op { r1: to, r2, ..l.op(base + sign + from * 4 + size)? })
}

/// XCHG with memory: either operand may be the memory.
fn exchange(l: Lowering<'_>) -> Option<Op> {
    match l.pair() {
        (Arg::Mem, Arg::Reg(r, size)) | (Arg::Reg(r, size), Arg::Mem) => {
            Some(Op { r1: r, ..l.op(kind::XCHG_RM + size)? })
        }
        _ => None,
    }
}

/// XADD and CMPXCHG.
fn read_modify(l: Lowering<'_>, register: u16, memory: u16, lock: u8) -> Option<Op> {
    let op = match l.pair() {
        (Arg::Reg(a, size), Arg::Reg(b, _)) => Op { r1: a, r2: b, ..l.op(register + size)? },
        (Arg::Mem, Arg::Reg(b, size)) => Op { r2: b, ..l.op(memory + size)? },
        _ => return None,
    };
    Some(Op { r3: lock, ..op })
}

/// One operand, register or memory.
fn one(l: Lowering<'_>, register: u16, memory: u16) -> Option<Op> {
    match l.arg(0) {
        Arg::Reg(r, size) => Some(Op { r1: r, ..l.op(register + size)? }),
        Arg::Mem => l.op(memory + l.memory_size()?),
        _ => None,
    }
}

fn unary(l: Lowering<'_>, which: u16) -> Option<Op> {
    one(l, kind::UNARY_R + which * 4, kind::UNARY_M + which * 4)
}

/// A register destination, and a register or memory source of the same size.
fn source(l: Lowering<'_>, register: u16, memory: u16) -> Option<Op> {
    match l.pair() {
        (Arg::Reg(a, size), Arg::Reg(b, _)) => Some(Op { r1: a, r2: b, ..l.op(register + size)? }),
        (Arg::Reg(a, size), Arg::Mem) => Some(Op { r1: a, ..l.op(memory + size)? }),
        _ => None,
    }
}

fn shift(l: Lowering<'_>, which: u16) -> Option<Op> {
    let (by_cl, imm) = match l.arg(1) {
        Arg::Imm(imm) => (false, imm),
        Arg::Reg(..) => (true, 0),
        _ => return None,
    };
    let (register, memory) =
        if by_cl { (kind::SHIFT_RC, kind::SHIFT_MC) } else { (kind::SHIFT_RI, kind::SHIFT_MI) };
    Some(Op { imm, ..one(l, register + which * 4, memory + which * 4)? })
}

fn double_shift(l: Lowering<'_>, which: u16) -> Option<Op> {
    let Arg::Reg(fill, size) = l.arg(1) else { return None };
    let op = match l.arg(0) {
        Arg::Reg(r, _) => Op { r1: r, r2: fill, ..l.op(kind::DOUBLE_R + which + size)? },
        Arg::Mem => Op { r2: fill, ..l.op(kind::DOUBLE_M + which + size)? },
        _ => return None,
    };
    match l.arg(2) {
        Arg::Imm(imm) => Some(Op { imm, ..op }),
        Arg::Reg(..) => Some(Op { r3: 1, ..op }),
        _ => None,
    }
}

fn imul(l: Lowering<'_>) -> Option<Op> {
    match (l.i.op_count(), l.arg(2)) {
        (1, _) => one(l, kind::MULDIV_R + 4, kind::MULDIV_M + 4),
        (2, _) => source(l, kind::IMUL_RR, kind::IMUL_RM),
        (_, Arg::Imm(imm)) => Some(Op { imm, ..source(l, kind::IMUL_RRI, kind::IMUL_RMI)? }),
        _ => None,
    }
}

fn bit(l: Lowering<'_>, which: u8) -> Option<Op> {
    let (r2, imm, size, r3) = match l.arg(1) {
        Arg::Reg(r, size) => (r, 0, size, which | bits::BIT_BY_REGISTER),
        Arg::Imm(imm) => (0, imm, one(l, 0, 0)?.kind, which),
        _ => return None,
    };
    let op = match l.arg(0) {
        Arg::Reg(r, _) => Op { r1: r, ..l.op(kind::BIT_R + size)? },
        Arg::Mem => l.op(kind::BIT_M + size)?,
        _ => return None,
    };
    Some(Op { r2, imm, r3, ..op })
}

/// Addresses are RSI and RDI; a segment base on the source is not supported.
fn string(l: Lowering<'_>, which: u8) -> Option<Op> {
    let i = l.i;
    for n in 0..i.op_count() {
        match i.op_kind(n) {
            OpKind::MemorySegRSI if matches!(i.segment_prefix(), Register::FS | Register::GS) => {
                return None;
            }
            OpKind::MemorySegRSI | OpKind::MemoryESRDI | OpKind::Register => {}
            _ => return None,
        }
        // MOVSD and CMPSD are also the names of vector instructions.
        if i.op_kind(n) == OpKind::Register && !matches!(l.arg(n), Arg::Reg(0, _)) {
            return None;
        }
    }
    let r3 = if i.has_repne_prefix() {
        string::WHILE_NOT_EQUAL
    } else if i.has_rep_prefix() {
        string::WHILE_EQUAL
    } else {
        string::ONCE
    };
    Some(Op { r3, ..l.op(kind::STRING + u16::from(which) * 4 + l.memory_size()?)? })
}

/// `other` and `rm` are the operand numbers of the plain register and of the register-or-memory
/// operand.
fn bmi(l: Lowering<'_>, which: bits::Bmi, other: u32, rm: u32) -> Option<Op> {
    let (Arg::Reg(r1, size @ 2..), other) = (l.arg(0), l.arg(other)) else { return None };
    let Arg::Reg(r2, _) = other else { return None };
    let op = match l.arg(rm) {
        Arg::Reg(r3, _) => Op { r3, ..l.op(kind::BMI_R)? },
        Arg::Mem => l.op(kind::BMI_M)?,
        _ => return None,
    };
    let count = match l.arg(2) {
        Arg::Imm(imm) => imm & 0xff,
        _ => 0,
    };
    let wide = if size == 3 { bits::BMI_WIDE } else { 0 };
    Some(Op { r1, r2, imm: (which as u64) << 8 | wide | count, ..op })
}
