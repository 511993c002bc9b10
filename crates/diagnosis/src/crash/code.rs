//! The instruction where it happened, its neighbours, and what its operands were.

use super::view::View;
use crate::arm64;
use crate::code_space::{CodeSpace, LONGEST, decode, line};
use evidence::crash_dump::Registers;
use iced_x86::{
    Formatter, Instruction, InstructionInfoFactory, MasmFormatter, OpAccess, OpKind, Register,
};
use listing::{Isa, Printer, Syntax};
use serde::Serialize;

/// A stretch of code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Code {
    /// In order of address; empty where no byte is to be had.
    pub instructions: Vec<Line>,
    /// What the instruction's operands were.
    pub operands: Vec<Operand>,
    /// Why there are none, where that is so: a sentence.
    pub why_not: Option<String>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its address.
    #[serde(serialize_with = "finding::hex64")]
    pub address: u64,
    /// Its bytes in hexadecimal.
    pub bytes: String,
    /// As text.
    pub text: String,
    /// Whether it is the one at the instruction pointer.
    pub current: bool,
}

/// An operand with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operand {
    /// `rcx`, or `[rcx+8]`.
    pub name: String,
    /// The register's value, or the address that is meant.
    #[serde(serialize_with = "finding::hex64")]
    pub value: u64,
    /// What lies there, in words; may be empty.
    pub about: String,
}

/// Instructions shown before and after the one that matters.
const BEFORE: usize = 4;
const AFTER: usize = 3;

/// How far a function's start may lie before the instruction, to decode from it.
const FARTHEST: u64 = 64 << 10;

/// The code at the instruction pointer, with the operands of its instruction.
pub(crate) fn at(view: &View<'_>, registers: &Registers) -> Code {
    let pc = registers.pc;
    let bits = match view.isa() {
        Some(Isa::X86(bits)) => bits,
        Some(Isa::Arm64) => return of_arm64(view, registers),
        None => return unknown(),
    };
    let ahead = view.bytes(pc, LONGEST * (AFTER + 1));
    let mut decoded = decode(bits, pc, &ahead, AFTER + 1);
    let Some(current) = decoded.first().map(|first| first.0) else {
        return Code { why_not: Some(why_not(view, pc)), ..Code::default() };
    };
    let mut all = before(view, bits, pc);
    all.append(&mut decoded);
    let instructions = lines(view, &all, pc);
    Code { instructions, operands: operands(view, registers, &current), why_not: None }
}

/// The code around a call, by the address that it returns to.
pub(crate) fn at_call(view: &View<'_>, back: u64) -> Code {
    let bits = match view.isa() {
        Some(Isa::X86(bits)) => bits,
        Some(Isa::Arm64) => {
            let call = back.wrapping_sub(arm64::SIZE as u64);
            return Code { instructions: around(view, call), ..Code::default() };
        }
        None => return unknown(),
    };
    let mut all = before(view, bits, back);
    let Some(call) = all.last().map(|(call, _)| call.ip()) else {
        return Code { why_not: Some(why_not(view, back)), ..Code::default() };
    };
    all.append(&mut decode(bits, back, &view.bytes(back, LONGEST * AFTER), AFTER));
    Code { instructions: lines(view, &all, call), ..Code::default() }
}

fn unknown() -> Code {
    let why = "code of this processor is not disassembled.".to_owned();
    Code { why_not: Some(why), ..Code::default() }
}

/// Instructions around one of ARM64, whose all have one size.
fn around(view: &View<'_>, pc: u64) -> Vec<Line> {
    let size = arm64::SIZE as u64;
    let start = pc.wrapping_sub(BEFORE as u64 * size);
    let front = view.bytes(start, BEFORE * arm64::SIZE);
    let mut lines = match front.len() == BEFORE * arm64::SIZE {
        true => arm64::lines(view, start, &front, pc),
        false => Vec::new(),
    };
    let ahead = view.bytes(pc, (AFTER + 1) * arm64::SIZE);
    lines.extend(arm64::lines(view, pc, &ahead, pc));
    lines
}

fn of_arm64(view: &View<'_>, registers: &Registers) -> Code {
    let instructions = around(view, registers.pc);
    let Some(current) = instructions.iter().find(|line| line.current) else {
        return Code { why_not: Some(why_not(view, registers.pc)), ..Code::default() };
    };
    let mut operands: Vec<Operand> = arm64::registers(&current.text)
        .into_iter()
        .filter_map(|name| {
            let value = registers.get(&name)?;
            Some(Operand { name, value, about: about(view, value) })
        })
        .collect();
    if let Some((name, value)) = arm64::address(&current.text, |name| registers.get(name)) {
        operands.push(Operand { name, value, about: memory(view, value) });
    }
    Code { instructions, operands, why_not: None }
}

fn lines(view: &View<'_>, all: &[(Instruction, Vec<u8>)], current: u64) -> Vec<Line> {
    let mut printer = Printer::new(Syntax::Debugger);
    let mut shown = |(instruction, bytes): &(Instruction, Vec<u8>)| {
        line(view, &mut printer, instruction, bytes, instruction.ip() == current)
    };
    all.iter().map(&mut shown).collect()
}

fn why_not(view: &View<'_>, pc: u64) -> String {
    match view.module(pc) {
        Some(module) => format!(
            "the dump does not hold the code; --images with a folder that has this build of {} shows it.",
            module.name()
        ),
        None => "no module is loaded at that address: it was a jump to a place that holds no code."
            .to_owned(),
    }
}

/// The instructions before `pc`, where its function's start is known and leads to it.
fn before(view: &View<'_>, bits: u32, pc: u64) -> Vec<(Instruction, Vec<u8>)> {
    let start = view.function(pc).map(|(begin, _)| begin);
    let Some(start) = start.filter(|start| *start < pc && pc - start <= FARTHEST) else {
        return Vec::new();
    };
    let bytes = view.bytes(start, (pc - start) as usize);
    let mut found = decode(bits, start, &bytes, usize::MAX);
    if found.last().is_none_or(|(last, _)| last.next_ip() != pc) {
        return Vec::new();
    }
    found.drain(..found.len().saturating_sub(BEFORE));
    found
}

fn operands(view: &View<'_>, registers: &Registers, instruction: &Instruction) -> Vec<Operand> {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let mut found: Vec<Operand> = Vec::new();
    for used in info.used_registers() {
        if matches!(used.access(), OpAccess::Write | OpAccess::CondWrite | OpAccess::NoMemAccess) {
            continue;
        }
        let full = used.register().full_register();
        let name = format!("{full:?}").to_lowercase();
        let narrow = name.strip_prefix('r').map(|rest| format!("e{rest}"));
        let known = [Some(name), narrow].into_iter().flatten().find_map(|name| {
            let value = registers.get(&name)?;
            Some((name, value))
        });
        let is_address_only = matches!(full, Register::RIP | Register::EIP);
        if let Some((name, value)) = known
            && !is_address_only
            && !found.iter().any(|it| it.name == name)
        {
            found.push(Operand { name, value, about: about(view, value) });
        }
    }
    let mut formatter = MasmFormatter::new();
    formatter.options_mut().set_rip_relative_addresses(false);
    for operand in 0..instruction.op_count() {
        if instruction.op_kind(operand) != OpKind::Memory {
            continue;
        }
        let value = |register: Register, _, _| {
            if register.is_segment_register() {
                // Kernel code uses GS for the processor block; its base is not in the registers.
                return (!matches!(register, Register::GS | Register::FS)).then_some(0);
            }
            let name = format!("{:?}", register.full_register()).to_lowercase();
            let narrow = format!("e{}", name.get(1..).unwrap_or_default());
            registers.get(&name).or_else(|| registers.get(&narrow))
        };
        let mut name = String::new();
        let formatted = formatter.format_operand(instruction, &mut name, operand);
        if let (Ok(()), Some(address)) = (formatted, instruction.virtual_address(operand, 0, value))
        {
            found.push(Operand { name, value: address, about: memory(view, address) });
        }
    }
    found
}

fn about(view: &View<'_>, value: u64) -> String {
    let named = view.describe(value);
    if !named.is_empty() {
        return named;
    }
    // Small numbers are numbers; only what looks like a spoilt or odd address is worth a word.
    if value < 0x1_0000 { String::new() } else { filler_only(value, view.bits()) }
}

/// What the reference's patterns say of a value that is no plain address: poison of freed pool and such.
fn filler_only(value: u64, bits: u32) -> String {
    let text = knowledge::bugcheck::address(value, bits);
    let plain = ["kernel", "user", "in the"].iter().any(|word| text.contains(word));
    if plain { String::new() } else { text }
}

fn memory(view: &View<'_>, address: u64) -> String {
    let named = view.describe(address);
    let words = match view.pointer(address) {
        Some(value) => format!("the dump has {value:#x} there"),
        None if named.is_empty() => knowledge::bugcheck::address(address, view.bits()),
        None => "not in the dump".to_owned(),
    };
    match (named.is_empty(), words.is_empty()) {
        (true, _) => words,
        (false, true) => named,
        (false, false) => format!("{named}; {words}"),
    }
}
