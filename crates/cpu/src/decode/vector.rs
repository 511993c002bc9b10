//! SSE to SSE4.1.

use super::operand::{Arg, Lowering};
use crate::exec::float::FLOAT;
use crate::exec::packed::{PACKED, Packed};
use crate::op::{Op, kind};
use iced_x86::Mnemonic;

pub(super) fn lower(l: Lowering<'_>) -> Option<Op> {
    use Mnemonic::*;
    if l.i.has_lock_prefix() {
        return None;
    }
    match l.i.mnemonic() {
        Movaps | Movapd | Movdqa | Movntps | Movntpd | Movntdq | Movntdqa => {
            whole(l, kind::X_LOAD_ALIGNED, kind::X_STORE_ALIGNED)
        }
        Movups | Movupd | Movdqu | Lddqu => whole(l, kind::X_LOAD, kind::X_STORE),
        Movss => part(l, 0, 0),
        Movsd => part(l, 1, 1),
        Movd | Movq => part(l, 2, u16::from(is_wide(l))),
        Movlps | Movlpd => half(l, 0),
        Movhps | Movhpd => half(l, 1),
        Pmovmskb => mask(l, 0),
        Movmskps => mask(l, 1),
        Movmskpd => mask(l, 2),
        Pinsrb => insert(l, 0),
        Pinsrw => insert(l, 1),
        Pinsrd => insert(l, 2),
        Pinsrq => insert(l, 3),
        Pextrb => extract(l, 0),
        Pextrw => extract(l, 1),
        Pextrd | Extractps => extract(l, 2),
        Pextrq => extract(l, 3),
        Ptest => sources(l, kind::X_PTEST_R, kind::X_PTEST_M),
        Comiss | Ucomiss => sources(l, kind::X_COMPARE_R, kind::X_COMPARE_M),
        Comisd | Ucomisd => sources(l, kind::X_COMPARE_R + 1, kind::X_COMPARE_M + 1),
        Cvtsi2ss => from_int(l, 0),
        Cvtsi2sd => from_int(l, 2),
        Cvtss2si => to_int(l, 0, 0),
        Cvttss2si => to_int(l, 0, 2),
        Cvtsd2si => to_int(l, 1, 0),
        Cvttsd2si => to_int(l, 1, 2),
        _ => packed(l),
    }
}

/// Whether a MOVD or MOVQ moves 64 bits.
fn is_wide(l: Lowering<'_>) -> bool {
    match l.pair() {
        (Arg::Reg(_, size), _) | (_, Arg::Reg(_, size)) => size == 3,
        (Arg::Mem, _) | (_, Arg::Mem) => l.memory_size() == Some(3),
        _ => true,
    }
}

fn whole(l: Lowering<'_>, load: u16, store: u16) -> Option<Op> {
    match l.pair() {
        (Arg::Xmm(a), Arg::Xmm(b)) => Some(Op { r1: a, r2: b, ..l.op(kind::X_MOV)? }),
        (Arg::Xmm(a), Arg::Mem) => Some(Op { r1: a, ..l.op(load)? }),
        (Arg::Mem, Arg::Xmm(b)) => Some(Op { r2: b, ..l.op(store)? }),
        _ => None,
    }
}

/// MOVSS, MOVSD, MOVD, MOVQ. `between` is the variant for two XMM registers, `wide` 1 for 64 bits.
fn part(l: Lowering<'_>, between: u16, wide: u16) -> Option<Op> {
    match l.pair() {
        (Arg::Xmm(a), Arg::Xmm(b)) => {
            Some(Op { r1: a, r2: b, ..l.op(kind::X_MOV_PART + between)? })
        }
        (Arg::Xmm(a), Arg::Mem) => Some(Op { r1: a, ..l.op(kind::X_LOAD_PART + wide)? }),
        (Arg::Mem, Arg::Xmm(b)) => Some(Op { r2: b, ..l.op(kind::X_STORE_PART + wide)? }),
        (Arg::Xmm(a), Arg::Reg(b, _)) => Some(Op { r1: a, r2: b, ..l.op(kind::X_FROM_R + wide)? }),
        (Arg::Reg(a, _), Arg::Xmm(b)) => Some(Op { r1: a, r2: b, ..l.op(kind::X_TO_R + wide)? }),
        _ => None,
    }
}

fn half(l: Lowering<'_>, upper: u8) -> Option<Op> {
    match l.pair() {
        (Arg::Xmm(a), Arg::Mem) => Some(Op { r1: a, r3: upper, ..l.op(kind::X_HALF_LOAD)? }),
        (Arg::Mem, Arg::Xmm(b)) => Some(Op { r2: b, r3: upper, ..l.op(kind::X_HALF_STORE)? }),
        _ => None,
    }
}

fn mask(l: Lowering<'_>, which: u16) -> Option<Op> {
    match l.pair() {
        (Arg::Reg(a, _), Arg::Xmm(b)) => Some(Op { r1: a, r2: b, ..l.op(kind::X_MASK + which)? }),
        _ => None,
    }
}

fn insert(l: Lowering<'_>, size: u16) -> Option<Op> {
    let (Arg::Xmm(a), Arg::Imm(imm)) = (l.arg(0), l.arg(2)) else { return None };
    match l.arg(1) {
        Arg::Reg(b, _) => Some(Op { r1: a, r2: b, imm, ..l.op(kind::X_INSERT_R + size)? }),
        Arg::Mem => Some(Op { r1: a, imm, ..l.op(kind::X_INSERT_M + size)? }),
        _ => None,
    }
}

fn extract(l: Lowering<'_>, size: u16) -> Option<Op> {
    let (Arg::Xmm(b), Arg::Imm(imm)) = (l.arg(1), l.arg(2)) else { return None };
    match l.arg(0) {
        Arg::Reg(a, _) => Some(Op { r1: a, r2: b, imm, ..l.op(kind::X_EXTRACT_R + size)? }),
        Arg::Mem => Some(Op { r2: b, imm, ..l.op(kind::X_EXTRACT_M + size)? }),
        _ => None,
    }
}

fn sources(l: Lowering<'_>, register: u16, memory: u16) -> Option<Op> {
    match l.pair() {
        (Arg::Xmm(a), Arg::Xmm(b)) => Some(Op { r1: a, r2: b, ..l.op(register)? }),
        (Arg::Xmm(a), Arg::Mem) => Some(Op { r1: a, ..l.op(memory)? }),
        _ => None,
    }
}

fn from_int(l: Lowering<'_>, double: u16) -> Option<Op> {
    let wide = |size: u16| (size == 3) as u16;
    match l.pair() {
        (Arg::Xmm(a), Arg::Reg(b, size)) => {
            Some(Op { r1: a, r2: b, ..l.op(kind::X_INT_TO_FLOAT_R + double + wide(size))? })
        }
        (Arg::Xmm(a), Arg::Mem) => {
            let size = l.memory_size()?;
            Some(Op { r1: a, ..l.op(kind::X_INT_TO_FLOAT_M + double + wide(size))? })
        }
        _ => None,
    }
}

fn to_int(l: Lowering<'_>, double: u16, truncate: u8) -> Option<Op> {
    let Arg::Reg(a, size) = l.arg(0) else { return None };
    let op = match l.arg(1) {
        Arg::Xmm(b) => Op { r2: b, ..l.op(kind::X_FLOAT_TO_INT_R + double)? },
        Arg::Mem => l.op(kind::X_FLOAT_TO_INT_M + double)?,
        _ => return None,
    };
    Some(Op { r1: a, r3: truncate | u8::from(size == 3), ..op })
}

fn find(table: &[Packed], mnemonic: Mnemonic) -> Option<u8> {
    table.iter().position(|entry| entry.mnemonic == mnemonic)?.try_into().ok()
}

fn packed(l: Lowering<'_>) -> Option<Op> {
    let mnemonic = l.i.mnemonic();
    let (at, register, memory) = match find(PACKED, mnemonic) {
        Some(at) => (at, kind::X_PACKED_R, kind::X_PACKED_M),
        None => (find(FLOAT, mnemonic)?, kind::X_FLOAT_R, kind::X_FLOAT_M),
    };
    if let (Arg::Xmm(a), Arg::Imm(imm)) = l.pair() {
        return Some(Op { r1: a, r3: at, imm, ..l.op(kind::X_PACKED_I)? });
    }
    let op = sources(l, register, memory)?;
    let imm = match (l.i.op_count(), l.arg(2)) {
        (2, _) => 0,
        (3, Arg::Imm(imm)) => imm & 0xff,
        _ => return None,
    };
    // Predicates above 7 exist with VEX only; rounding "as MXCSR" or quietly has its bits above 2.
    let compares =
        matches!(mnemonic, Mnemonic::Cmpss | Mnemonic::Cmpsd | Mnemonic::Cmpps | Mnemonic::Cmppd);
    if compares && imm > 7 {
        return None;
    }
    Some(Op { r3: at, imm, ..op })
}
