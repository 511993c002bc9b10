//! Every implemented instruction form, executed by the host processor and by the interpreter on
//! the same random operands; registers, memory, defined flags and faults must agree.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
// Machine code is run here, and nowhere else in this crate.
#![allow(unsafe_code)]

mod guest;
mod host;
mod random;

use guest::{Guest, Outcome};
use host::{BUFFER, Host, State};
use iced_x86::{Code, CpuidFeature, Encoder, Instruction, Mnemonic, OpKind, Register};
use iced_x86::{EncodingKind, OpCodeOperandKind as Kind};
use random::Random;
use std::collections::{BTreeMap, BTreeSet};

const ENCODINGS: usize = 12;
const VALUES: usize = 60;
/// Of the values, those for which each access is also refused once.
const RESTARTS: usize = 6;

/// A code with the choices that make a form of it.
#[derive(Clone, Copy)]
struct Form {
    code: Code,
    memory: bool,
    prefix: Prefix,
}

#[derive(Clone, Copy, PartialEq)]
enum Prefix {
    None,
    Lock,
    Rep,
    Repne,
}

/// Instructions that cannot be tried here: they change how the test itself runs.
fn is_excluded(mnemonic: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(
        mnemonic,
        Int | Int1
            | Int3
            | Into
            | Syscall
            | Sysenter
            | Ldmxcsr
            | Stmxcsr
            | Hlt
            | In
            | Out
            | Xbegin
            | Xabort
            | Xend
            | Cpuid
            | Rdtsc
            | Rdtscp
            | Rdpid
    )
}

fn forms(code: Code) -> Vec<Form> {
    let info = code.op_code();
    let plain = matches!(info.encoding(), EncodingKind::Legacy | EncodingKind::VEX);
    if !info.is_instruction() || !info.mode64() || !plain || is_excluded(code.mnemonic()) {
        return Vec::new();
    }
    let either = info.op_kinds().iter().any(|kind| {
        matches!(
            kind,
            Kind::r8_or_mem
                | Kind::r16_or_mem
                | Kind::r32_or_mem
                | Kind::r64_or_mem
                | Kind::xmm_or_mem
        )
    });
    let always = info.op_kinds().iter().any(|kind| matches!(kind, Kind::mem | Kind::mem_offs));
    let mut all = Vec::new();
    let mut push = |memory, prefix| all.push(Form { code, memory, prefix });
    if either || !always {
        push(false, Prefix::None);
    }
    if either || always {
        push(true, Prefix::None);
        if info.can_use_lock_prefix() {
            push(true, Prefix::Lock);
        }
    }
    if info.can_use_rep_prefix() {
        push(false, Prefix::Rep);
    }
    if info.can_use_repne_prefix() {
        push(false, Prefix::Repne);
    }
    all
}

fn host_has(feature: CpuidFeature) -> bool {
    use CpuidFeature::*;
    match feature {
        INTEL8086 | INTEL8086_ONLY | INTEL186 | INTEL286 | INTEL386 | INTEL486 | X64 | CMOV
        | CX8 | FXSR | SSE | SSE2 | MULTIBYTENOP | PAUSE => true,
        CMPXCHG16B => is_x86_feature_detected!("cmpxchg16b"),
        SSE3 => is_x86_feature_detected!("sse3"),
        SSSE3 => is_x86_feature_detected!("ssse3"),
        SSE4_1 => is_x86_feature_detected!("sse4.1"),
        SSE4_2 => is_x86_feature_detected!("sse4.2"),
        POPCNT => is_x86_feature_detected!("popcnt"),
        LZCNT => is_x86_feature_detected!("lzcnt"),
        BMI1 => is_x86_feature_detected!("bmi1"),
        BMI2 => is_x86_feature_detected!("bmi2"),
        MOVBE => is_x86_feature_detected!("movbe"),
        ADX => is_x86_feature_detected!("adx"),
        // Prefetches are hints everywhere; ENDBR64 is a NOP where it is not known.
        PREFETCHW | PREFETCHWT1 | D3NOW | CET_IBT => true,
        _ => false,
    }
}

const GPR64: [Register; 16] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RBX,
    Register::RSP,
    Register::RBP,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

fn nth(first: Register, n: u64) -> Register {
    first + n as u32
}

/// The bytes of one random encoding of a form, for the address where the host runs it.
fn encode(form: Form, host: &Host, random: &mut Random) -> Option<(Vec<u8>, Instruction)> {
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

/// Sets registers so that memory operands fall into the buffer, and so that interesting cases
/// happen. False if the address form cannot be aimed.
fn aim(i: &Instruction, state: &mut State, host: &Host, random: &mut Random) -> bool {
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

/// Flags whose value the manuals define after the instruction.
fn defined_flags(i: &Instruction) -> u64 {
    use iced_x86::RflagsBits as R;
    let undefined = i.rflags_undefined();
    let mut mask = 1 << 10;
    for (bit, place) in [(R::CF, 0), (R::PF, 2), (R::AF, 4), (R::ZF, 6), (R::SF, 7), (R::OF, 11)] {
        if undefined & bit == 0 {
            mask |= 1 << place;
        }
    }
    mask
}

fn random_state(i: &Instruction, random: &mut Random) -> State {
    let mut state = State::default();
    state.gpr.iter_mut().for_each(|r| *r = random.value());
    state.xmm.iter_mut().for_each(|r| *r = random.vector());
    state.rflags = 0x202 | random.next() & 0x8d5;
    if i.is_string_instruction() && random.below(4) == 0 {
        state.rflags |= 1 << 10;
    }
    random.fill(&mut state.memory);
    state
}

/// What differs between the two, if anything.
fn difference(native: &State, guest: &State, flags: u64) -> Option<String> {
    for (r, name) in GPR64.iter().enumerate() {
        if native.gpr[r] != guest.gpr[r] {
            let (n, g) = (native.gpr[r], guest.gpr[r]);
            return Some(format!("{name:?}: host {n:x}, interpreter {g:x}"));
        }
        if native.xmm[r] != guest.xmm[r] {
            let (n, g) = (native.xmm[r], guest.xmm[r]);
            return Some(format!("xmm{r}: host {n:032x}, interpreter {g:032x}"));
        }
    }
    if (native.rflags ^ guest.rflags) & flags != 0 {
        return Some(format!(
            "rflags: host {:x}, interpreter {:x}, compared {flags:x}",
            native.rflags, guest.rflags
        ));
    }
    if let Some(at) = (0..BUFFER).find(|at| native.memory[*at] != guest.memory[*at]) {
        let (n, g) = (native.memory[at], guest.memory[at]);
        return Some(format!("memory at +{at:x}: host {n:x}, interpreter {g:x}"));
    }
    if native.taken != guest.taken {
        return Some(format!("branch taken: host {}, interpreter {}", native.taken, guest.taken));
    }
    None
}

#[derive(Default)]
struct Tally {
    mnemonics: BTreeSet<String>,
    forms: usize,
    runs: u64,
    faults: u64,
    missing_features: BTreeMap<String, BTreeSet<String>>,
    failures: Vec<String>,
}

/// Runs one form; true if the interpreter implements it.
fn hold(form: Form, host: &mut Host, random: &mut Random, tally: &mut Tally) -> bool {
    let mut held = false;
    for _ in 0..ENCODINGS {
        let Some((bytes, i)) = encode(form, host, random) else { continue };
        if i.code() != form.code {
            // The decoder reads these bytes as another code of the same instruction.
            continue;
        }
        let mut guest = Guest::new(host);
        host.place(&bytes);
        let flags = defined_flags(&i);
        for turn in 0..VALUES {
            let mut state = random_state(&i, random);
            if !aim(&i, &mut state, host, random) {
                break;
            }
            let mut after = state.clone();
            let outcome = guest.run(host, &bytes, &mut after);
            let expected = match outcome {
                Outcome::Done => None,
                Outcome::Fault(signal) => Some(signal),
                Outcome::Refused => continue,
                Outcome::Outside => continue,
            };
            let missing = i.cpuid_features().iter().find(|feature| !host_has(**feature));
            if let Some(feature) = missing {
                let names = tally.missing_features.entry(format!("{feature:?}")).or_default();
                names.insert(format!("{:?}", i.mnemonic()));
                return false;
            }
            let (native, fault) = host.run(&state);
            held = true;
            tally.runs += 1;
            tally.faults += u64::from(fault.is_some());
            let repeated = i.has_rep_prefix() || i.has_repne_prefix();
            let restart = if turn < RESTARTS && fault.is_none() {
                guest.restart(host, &bytes, &state, &after, repeated)
            } else {
                None
            };
            let differs = if restart.is_some() {
                restart
            } else if fault != expected {
                Some(format!("fault: host signal {fault:?}, interpreter {expected:?}"))
            } else {
                difference(&native, &after, flags)
            };
            if let Some(differs) = differs {
                tally.failures.push(format!(
                    "{i} ({:?}, {bytes:02x?}): {differs}\n    before: rflags {:x} {:x?}",
                    form.code, state.rflags, state.gpr
                ));
                return true;
            }
        }
    }
    held
}

#[test]
fn interpreter_agrees_with_the_host_processor() {
    let mut host = Host::new();
    let mut random = Random::new(0x5eed_0001);
    let mut tally = Tally::default();
    for code in Code::values() {
        for form in forms(code) {
            if hold(form, &mut host, &mut random, &mut tally) {
                tally.mnemonics.insert(format!("{:?}", code.mnemonic()));
                tally.forms += 1;
            }
        }
    }
    for (feature, names) in &tally.missing_features {
        println!("not tried, the host lacks {feature}: {names:?}");
    }
    println!(
        "{} mnemonics, {} instruction forms held against the host processor ({} runs, {} faults)",
        tally.mnemonics.len(),
        tally.forms,
        tally.runs,
        tally.faults
    );
    if std::env::var_os("CPU_LIST").is_some() {
        println!("{}", tally.mnemonics.iter().cloned().collect::<Vec<_>>().join(" "));
    }
    assert!(
        tally.failures.is_empty(),
        "{} forms differ:\n{}",
        tally.failures.len(),
        tally.failures.join("\n")
    );
    assert!(tally.mnemonics.len() > 300, "too few mnemonics ran");
}
