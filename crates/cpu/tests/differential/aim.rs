//! Register and memory contents that bring an instruction to its interesting cases.

use crate::host::{BUFFER, Host, State};
use crate::random::Random;
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// Sets registers so that memory operands fall into the buffer, and so that interesting cases
/// happen. False if the address form cannot be aimed.
pub fn aim(i: &Instruction, state: &mut State, host: &Host, random: &mut Random) -> bool {
    use Mnemonic::*;
    let middle = host.buffer() + BUFFER as u64 / 2;
    let near = |random: &mut Random| {
        let fine = if random.below(4) == 0 { random.below(64) } else { random.below(4) * 16 };
        middle + fine
    };
    if i.is_stack_instruction() || i.mnemonic() == Call || i.mnemonic() == Ret {
        state.gpr[4] = near(random);
        state.gpr[5] = near(random);
    }
    if i.is_string_instruction() {
        state.gpr[6] = near(random);
        state.gpr[7] = near(random);
        state.gpr[1] = random.below(40);
    }
    match i.mnemonic() {
        Div if random.below(4) > 0 => state.gpr[2] = random.below(3),
        Idiv if random.below(4) > 0 => {
            let sign = random.below(2).wrapping_neg();
            state.gpr[2] = sign;
            state.gpr[0] |= sign << 31;
            state.gpr[0] = state.gpr[0] & !(1 << 63) | sign << 63;
        }
        Loop | Loope | Loopne | Jrcxz | Jecxz if random.below(2) == 0 => {
            state.gpr[1] = random.below(3) | state.gpr[1] & 0xffff_ffff_0000_0000;
        }
        Bt | Bts | Btr | Btc
            if i.op0_kind() == OpKind::Memory && i.op1_kind() == OpKind::Register =>
        {
            let r = i.op1_register().full_register().number();
            state.gpr[r] = (random.below(8000) as i64 - 4000) as u64;
        }
        _ => {}
    }
    let mut target = near(random);
    if (0..i.op_count()).any(|n| i.op_kind(n) == OpKind::Memory) {
        let base = i.memory_base();
        let index = i.memory_index();
        if base.is_gpr() {
            if index != Register::None && index.full_register() == base.full_register() {
                return false;
            }
            let mut value = target.wrapping_sub(i.memory_displacement64());
            if index != Register::None {
                let scale = u64::from(i.memory_index_scale());
                value = value.wrapping_sub(state.gpr[index.number()].wrapping_mul(scale));
            }
            if base.is_gpr32() {
                value = value & 0xffff_ffff | random.next() << 32;
            }
            state.gpr[base.number()] = value;
        } else if index != Register::None {
            let scale = u64::from(i.memory_index_scale());
            let value = target.wrapping_sub(i.memory_displacement64()) / scale;
            state.gpr[index.number()] = value;
            target = value * scale + i.memory_displacement64();
        } else {
            target = i.memory_displacement64();
        }
    }
    if i.is_jmp_near_indirect() || i.is_call_near_indirect() {
        if i.op0_kind() == OpKind::Register {
            state.gpr[i.op0_register().number()] = host.taken();
        } else {
            state.put(host, target, host.taken());
        }
    }
    match i.mnemonic() {
        Ret => state.put(host, state.gpr[4], host.taken()),
        Popf | Popfq => {
            let flags = state.rflags & !(random.next() & 0x8d5) | 0x202;
            state.put(host, state.gpr[4], flags);
        }
        Cmpxchg | Cmpxchg8b | Cmpxchg16b if random.below(2) == 0 => {
            if i.op0_kind() == OpKind::Register {
                let r = i.op0_register().full_register().number();
                state.gpr[0] = state.gpr[r];
            } else {
                let size = if i.mnemonic() == Cmpxchg8b { 4 } else { 8 };
                state.gpr[0] = state.get(host, target);
                state.gpr[2] = state.get(host, target + size);
            }
        }
        _ => {}
    }
    true
}
