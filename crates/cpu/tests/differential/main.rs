//! Every implemented instruction form, executed by the host processor and by the interpreter on
//! the same random operands; registers, memory, defined flags and faults must agree.
#![allow(clippy::disallowed_methods)] // The room does no I/O; this reads a switch.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
// Machine code is run here, and nowhere else in this crate.
#![allow(unsafe_code)]

mod aim;
mod encode;
mod guest;
mod host;
mod random;

use aim::aim;
use encode::encode;
use guest::{Guest, Outcome};
use host::{BUFFER, Host, State};
use iced_x86::{Code, CpuidFeature, Instruction, Mnemonic, OpKind, Register};
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

/// Flags whose value the manuals define after the instruction.
fn defined_flags(i: &Instruction) -> u64 {
    use iced_x86::RflagsBits as R;
    let mut undefined = i.rflags_undefined();
    // By a multiple of the operand's width and carry, a rotation turns nothing: processors differ in whether
    // the overflow flag is made anew then, and the manuals define it for counts of 1 only.
    if matches!(i.mnemonic(), Mnemonic::Rcl | Mnemonic::Rcr) && i.op1_kind() == OpKind::Immediate8 {
        let bits = if i.op0_kind() == OpKind::Memory {
            i.memory_size().size() * 8
        } else {
            i.op0_register().size() * 8
        };
        let masked = i.immediate8() & if bits == 64 { 63 } else { 31 };
        if masked != 1 {
            undefined |= R::OF;
        }
    }
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
