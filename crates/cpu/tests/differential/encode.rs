//! Random encodings of an instruction form.

use crate::host::{BUFFER, Host};
use crate::random::Random;
use crate::{Form, Prefix};
use iced_x86::{Encoder, Instruction, Mnemonic, OpCodeOperandKind as Kind, OpKind, Register};

fn nth(first: Register, n: u64) -> Register {
    first + n as u32
}

/// The bytes of one random encoding of a form, for the address where the host runs it.
pub fn encode(form: Form, host: &Host, random: &mut Random) -> Option<(Vec<u8>, Instruction)> {
    let info = form.code.op_code();
    let mut i = Instruction::default();
    i.set_code(form.code);
    for (n, kind) in info.op_kinds().iter().enumerate() {
        let n = n as u32;
        let gpr = random.below(16);
        let register = match kind {
            Kind::r8_or_mem if !form.memory => nth(Register::AL, random.below(20)),
            Kind::r16_or_mem if !form.memory => nth(Register::AX, gpr),
            Kind::r32_or_mem if !form.memory => nth(Register::EAX, gpr),
            Kind::r64_or_mem if !form.memory => nth(Register::RAX, gpr),
            Kind::xmm_or_mem if !form.memory => nth(Register::XMM0, gpr),
            Kind::r8_reg | Kind::r8_opcode => nth(Register::AL, random.below(20)),
            Kind::r16_reg | Kind::r16_rm | Kind::r16_opcode => nth(Register::AX, gpr),
            Kind::r32_reg | Kind::r32_rm | Kind::r32_opcode | Kind::r32_vvvv => {
                nth(Register::EAX, gpr)
            }
            Kind::r64_reg | Kind::r64_rm | Kind::r64_opcode | Kind::r64_vvvv => {
                nth(Register::RAX, gpr)
            }
            Kind::xmm_reg | Kind::xmm_rm | Kind::xmm_vvvv => nth(Register::XMM0, gpr),
            Kind::al => Register::AL,
            Kind::cl => Register::CL,
            Kind::ax => Register::AX,
            Kind::dx => Register::DX,
            Kind::eax => Register::EAX,
            Kind::rax => Register::RAX,
            _ => Register::None,
        };
        if register != Register::None {
            i.set_op_kind(n, OpKind::Register);
            i.set_op_register(n, register);
            continue;
        }
        let value = random.value();
        match kind {
            Kind::mem
            | Kind::mem_offs
            | Kind::r8_or_mem
            | Kind::r16_or_mem
            | Kind::r32_or_mem
            | Kind::r64_or_mem
            | Kind::xmm_or_mem => {
                i.set_op_kind(n, OpKind::Memory);
                memory(&mut i, host, random, *kind == Kind::mem_offs);
            }
            Kind::imm8 | Kind::imm4_m2z if i.op_count() > 1 && n > 0 && has_imm16(&i, n) => {
                // ENTER: only nesting level 0 is implemented.
                i.set_op_kind(n, OpKind::Immediate8_2nd);
                i.set_immediate8_2nd(0);
            }
            Kind::imm8 => {
                i.set_op_kind(n, OpKind::Immediate8);
                let few = matches!(form.code.mnemonic(), Mnemonic::Cmpps | Mnemonic::Cmpss)
                    || matches!(form.code.mnemonic(), Mnemonic::Cmppd | Mnemonic::Cmpsd);
                i.set_immediate8(if few { value as u8 & 7 } else { value as u8 });
            }
            Kind::imm8_const_1 => {
                i.set_op_kind(n, OpKind::Immediate8);
                i.set_immediate8(1);
            }
            Kind::imm8sex16 => set(&mut i, n, OpKind::Immediate8to16, value as i8 as u64),
            Kind::imm8sex32 => set(&mut i, n, OpKind::Immediate8to32, value as i8 as u64),
            Kind::imm8sex64 => set(&mut i, n, OpKind::Immediate8to64, value as i8 as u64),
            Kind::imm16 => {
                let small = form.code.mnemonic() == Mnemonic::Enter
                    || form.code.mnemonic() == Mnemonic::Ret;
                set(&mut i, n, OpKind::Immediate16, if small { value & 0x1f8 } else { value })
            }
            Kind::imm32 => set(&mut i, n, OpKind::Immediate32, value),
            Kind::imm32sex64 => set(&mut i, n, OpKind::Immediate32to64, value as u32 as i32 as u64),
            Kind::imm64 => set(&mut i, n, OpKind::Immediate64, value),
            Kind::seg_rSI => i.set_op_kind(n, OpKind::MemorySegRSI),
            Kind::es_rDI => i.set_op_kind(n, OpKind::MemoryESRDI),
            Kind::br64_1 | Kind::br64_4 => {
                i.set_op_kind(n, OpKind::NearBranch64);
                i.set_near_branch64(host.taken());
            }
            _ => return None,
        }
    }
    i.set_has_lock_prefix(form.prefix == Prefix::Lock);
    i.set_has_rep_prefix(form.prefix == Prefix::Rep);
    i.set_has_repne_prefix(form.prefix == Prefix::Repne);
    let mut encoder = Encoder::new(64);
    encoder.encode(&i, host.instruction()).ok()?;
    let bytes = encoder.take_buffer();
    let again = iced_x86::Decoder::with_ip(64, &bytes, host.instruction(), 0).decode();
    Some((bytes, again))
}

fn has_imm16(i: &Instruction, n: u32) -> bool {
    (0..n).any(|before| i.op_kind(before) == OpKind::Immediate16)
}

fn set(i: &mut Instruction, n: u32, kind: OpKind, value: u64) {
    i.set_op_kind(n, kind);
    match kind {
        OpKind::Immediate16 => i.set_immediate16(value as u16),
        OpKind::Immediate32 => i.set_immediate32(value as u32),
        OpKind::Immediate64 => i.set_immediate64(value),
        OpKind::Immediate8to16 => i.set_immediate8to16(value as i16),
        OpKind::Immediate8to32 => i.set_immediate8to32(value as i32),
        OpKind::Immediate8to64 => i.set_immediate8to64(value as i64),
        _ => i.set_immediate32to64(value as i64),
    }
}

/// A random address form; the registers get fitting values in `aim`.
fn memory(i: &mut Instruction, host: &Host, random: &mut Random, absolute: bool) {
    let middle = host.buffer() + BUFFER as u64 / 2;
    if absolute {
        i.set_memory_displ_size(8);
        i.set_memory_displacement64(middle + random.below(32));
        return;
    }
    match random.below(10) {
        0 => {
            i.set_memory_base(Register::RIP);
            i.set_memory_displ_size(8);
            i.set_memory_displacement64(middle + random.below(4) * 8);
        }
        1 => {
            i.set_memory_displ_size(4);
            i.set_memory_displacement64(middle + random.below(4) * 8);
        }
        2 => {
            i.set_memory_base(nth(Register::EAX, random.below(16)));
            i.set_memory_displ_size(1);
            i.set_memory_displacement64(random.below(64));
        }
        3..7 => {
            i.set_memory_base(nth(Register::RAX, random.below(16)));
            let displacement = (random.value() as i8 as i64) << (random.below(2) * 16);
            i.set_memory_displ_size(if displacement as i8 as i64 == displacement { 1 } else { 8 });
            i.set_memory_displacement64(displacement as u64);
        }
        form => {
            let index = loop {
                let n = random.below(16);
                if n != 4 {
                    break nth(Register::RAX, n);
                }
            };
            if form != 7 {
                i.set_memory_base(nth(Register::RAX, random.below(16)));
            }
            i.set_memory_index(index);
            i.set_memory_index_scale(1 << random.below(4));
            i.set_memory_displ_size(8);
            i.set_memory_displacement64((random.value() as i16 as i64) as u64);
        }
    }
}
