//! Branches, the stack, and instructions that concern the machine.

use super::operand::{Arg, Lowering};
use crate::exec::system;
use crate::op::{ADDR32, Op, kind};
use iced_x86::{Code, Mnemonic, OpKind, Register};

pub(super) fn lower(l: Lowering<'_>) -> Option<Op> {
    use Mnemonic::*;
    if l.i.has_lock_prefix() {
        return None;
    }
    if l.i.is_jcc_short_or_near() {
        return direct(l, kind::JCC + u16::from(l.condition()?));
    }
    match l.i.mnemonic() {
        Nop | Endbr64 | Prefetch | Prefetchw | Prefetchwt1 | Prefetchnta | Prefetcht0
        | Prefetcht1 | Prefetcht2 | Lfence | Mfence | Sfence => {
            Some(Op { kind: kind::NOP, ..Op::default() })
        }
        Jmp => match l.i.code() {
            Code::Jmp_rm64 => indirect(l, kind::JMP_R, kind::JMP_M),
            _ if l.i.is_jmp_short_or_near() => direct(l, kind::JMP),
            _ => None,
        },
        Call => match l.i.code() {
            Code::Call_rm64 => indirect(l, kind::CALL_R, kind::CALL_M),
            Code::Call_rel32_64 => direct(l, kind::CALL),
            _ => None,
        },
        Ret => match l.i.code() {
            Code::Retnq => l.op(kind::RET),
            Code::Retnq_imm16 => Some(Op { imm: l.i.immediate(0), ..l.op(kind::RET)? }),
            _ => None,
        },
        Jrcxz => direct(l, kind::JRCXZ),
        Jecxz => Some(Op { mode: ADDR32, ..direct(l, kind::JRCXZ)? }),
        Loop | Loope | Loopne => counted(l),
        Push => match l.arg(0) {
            Arg::Reg(r, size) => Some(Op { r1: r, ..l.op(kind::PUSH_R + size)? }),
            Arg::Mem => l.op(kind::PUSH_M + l.memory_size()?),
            Arg::Imm(imm) => match l.i.code() {
                Code::Pushq_imm8 | Code::Pushq_imm32 => Some(Op { imm, ..l.op(kind::PUSH_I + 3)? }),
                Code::Pushw_imm8 | Code::Push_imm16 => Some(Op { imm, ..l.op(kind::PUSH_I + 1)? }),
                _ => None,
            },
            Arg::Xmm(_) | Arg::Other => None,
        },
        Pop => match l.arg(0) {
            Arg::Reg(r, size) => Some(Op { r1: r, ..l.op(kind::POP_R + size)? }),
            Arg::Mem => l.op(kind::POP_M + l.memory_size()?),
            _ => None,
        },
        Pushfq => l.op(kind::PUSHF + 3),
        Pushf => l.op(kind::PUSHF + 1),
        Popfq => l.op(kind::POPF + 3),
        Popf => l.op(kind::POPF + 1),
        Leave if l.i.code() == Code::Leaveq => l.op(kind::LEAVE),
        Enter if l.i.code() == Code::Enterq_imm16_imm8 && l.i.immediate(1) & 31 == 0 => {
            Some(Op { imm: l.i.immediate(0), ..l.op(kind::ENTER)? })
        }
        Clc => flag(l, system::CLC),
        Stc => flag(l, system::STC),
        Cmc => flag(l, system::CMC),
        Cld => flag(l, system::CLD),
        Std => flag(l, system::STD),
        Xlatb => match (l.i.segment_prefix(), l.i.op0_kind()) {
            // RBX plus AL, as an address of its own.
            (Register::FS | Register::GS, _) => None,
            (_, OpKind::Memory) if l.i.memory_base() == Register::RBX => {
                Some(Op { kind: kind::XLAT, ..Op::default() })
            }
            _ => None,
        },
        Lahf => l.op(kind::LAHF),
        Sahf => l.op(kind::SAHF),
        Cpuid => l.op(kind::CPUID),
        Rdtsc => l.op(kind::RDTSC),
        Rdtscp => Some(Op { r3: 1, ..l.op(kind::RDTSC)? }),
        Rdpid => match l.arg(0) {
            Arg::Reg(r, 3) => Some(Op { r1: r, r3: 2, ..l.op(kind::RDTSC)? }),
            _ => None,
        },
        Pause => l.op(kind::PAUSE),
        Hlt => l.op(kind::HALT),
        Int3 => interrupt(l, 3),
        Int1 => interrupt(l, 1),
        Int => interrupt(l, l.i.immediate(0) & 0xff),
        Ud0 | Ud1 | Ud2 => interrupt(l, 6),
        In => port(l, 0, 1),
        Out => port(l, 1, 0),
        Ldmxcsr => l.op(kind::MXCSR_LOAD),
        Stmxcsr => l.op(kind::MXCSR_STORE),
        Cli | Sti | Wrmsr | Rdmsr | Invlpg | Invpcid | Lgdt | Lidt | Lldt | Ltr | Clts | Lmsw
        | Wbinvd | Invd | Swapgs | Iretq | Iretd | Iret | Sysret | Sysretq | Sysexit | Sysexitq
        | Xsetbv | Monitor | Mwait | Clac | Stac => {
            Some(Op { kind: kind::PRIVILEGED, ..Op::default() })
        }
        _ => None,
    }
}

/// A direct branch: its target belongs to the block; `imm` is the address behind it.
fn direct(l: Lowering<'_>, kind: u16) -> Option<Op> {
    (l.i.op0_kind() == OpKind::NearBranch64).then(|| Op {
        kind,
        imm: l.i.next_ip(),
        ..Op::default()
    })
}

fn indirect(l: Lowering<'_>, register: u16, memory: u16) -> Option<Op> {
    let op = match l.arg(0) {
        Arg::Reg(r, 3) => Op { r1: r, ..l.op(register)? },
        Arg::Mem => l.op(memory)?,
        _ => return None,
    };
    Some(Op { imm: l.i.next_ip(), ..op })
}

fn counted(l: Lowering<'_>) -> Option<Op> {
    let (r3, mode) = match l.i.code() {
        Code::Loop_rel8_64_RCX => (0, 0),
        Code::Loope_rel8_64_RCX => (1, 0),
        Code::Loopne_rel8_64_RCX => (2, 0),
        Code::Loop_rel8_64_ECX => (0, ADDR32),
        Code::Loope_rel8_64_ECX => (1, ADDR32),
        Code::Loopne_rel8_64_ECX => (2, ADDR32),
        _ => return None,
    };
    Some(Op { r3, mode, ..direct(l, kind::LOOP)? })
}

fn flag(l: Lowering<'_>, which: u8) -> Option<Op> {
    Some(Op { r3: which, ..l.op(kind::FLAG_OP)? })
}

fn interrupt(l: Lowering<'_>, vector: u64) -> Option<Op> {
    Some(Op { imm: vector, ..l.op(kind::INTERRUPT)? })
}

/// IN and OUT: operand numbers of the accumulator and of the port.
fn port(l: Lowering<'_>, acc: u32, port: u32) -> Option<Op> {
    let Arg::Reg(0, size @ 0..=2) = l.arg(acc) else { return None };
    let kind = if acc == 0 { kind::IN } else { kind::OUT };
    let op = Op { r3: 1 << size, ..l.op(kind)? };
    match l.arg(port) {
        Arg::Imm(imm) => Some(Op { imm, ..op }),
        Arg::Reg(..) if l.i.op_register(port) == Register::DX => Some(Op { r2: 1, ..op }),
        _ => None,
    }
}
