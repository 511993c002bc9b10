//! Bytes to blocks.

mod control;
mod integer;
mod operand;
mod vector;

use crate::bus::Bus;
use crate::exec::fused_kind;
use crate::op::{Op, kind};
use iced_x86::{
    Decoder, DecoderError, DecoderOptions, FlowControl, Formatter, Instruction, IntelFormatter,
};

/// Instructions in a block at most.
const LONGEST_BLOCK: usize = 48;

/// A straight run of code, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub ops: Vec<Op>,
    /// Instructions the ops stand for.
    pub count: u32,
    /// Bytes covered.
    pub bytes: u64,
    /// Where its direct branch leads, if it ends in one.
    pub taken: Option<u64>,
}

/// Decodes from `start` up to a branch, at most `most` instructions, not beyond the first address
/// for which `ends_at` holds. Refuses only where not even the first instruction can be fetched.
pub(crate) fn decode<B: Bus>(
    bus: &mut B,
    start: u64,
    most: usize,
    fuse: bool,
    ends_at: impl Fn(u64) -> bool,
) -> Result<Code, B::Stop> {
    let mut code = Code::default();
    for n in 0..most.min(LONGEST_BLOCK) {
        let rip = start.wrapping_add(code.bytes);
        if n > 0 && ends_at(rip) {
            break;
        }
        let instruction = match fetch(bus, rip) {
            Ok(instruction) => instruction,
            Err(_) if n > 0 => break,
            Err(stop) => return Err(stop),
        };
        let mut op = lower(&instruction);
        op.off = code.bytes as u16;
        op.ord = n as u8;
        op.weight = 1;
        op.len = instruction.len() as u8;
        code.bytes += instruction.len() as u64;
        code.count += 1;
        let stops =
            matches!(op.kind, kind::REFUSE | kind::PRIVILEGED | kind::INTERRUPT | kind::HALT);
        let ends = stops || instruction.flow_control() != FlowControl::Next;
        if is_direct(&instruction) {
            code.taken = Some(instruction.near_branch_target());
        }
        match code.ops.last_mut() {
            Some(last) if fuse && (kind::JCC..kind::JCC + 16).contains(&op.kind) => {
                match fused_kind(last.kind, (op.kind - kind::JCC) as u8) {
                    Some(both) => {
                        last.kind = both;
                        last.weight = 2;
                    }
                    None => code.ops.push(op),
                }
            }
            _ => code.ops.push(op),
        }
        if ends {
            break;
        }
    }
    Ok(code)
}

fn is_direct(i: &Instruction) -> bool {
    i.is_jcc_short_or_near()
        || i.is_jmp_short_or_near()
        || i.is_call_near()
        || i.is_jcx_short()
        || i.is_loop()
        || i.is_loopcc()
}

/// Fetches and decodes one instruction, asking the bus again for bytes that the first answer
/// lacked (the next page).
pub(crate) fn fetch<B: Bus>(bus: &mut B, rip: u64) -> Result<Instruction, B::Stop> {
    let mut bytes = [0; 15];
    let mut have = bus.fetch(rip, &mut bytes)?.clamp(1, 15);
    loop {
        let mut decoder = Decoder::with_ip(64, &bytes[..have], rip, DecoderOptions::NONE);
        let instruction = decoder.decode();
        if have == 15 || decoder.last_error() != DecoderError::NoMoreBytes {
            return Ok(instruction);
        }
        let mut more = [0; 15];
        let got = bus.fetch(rip.wrapping_add(have as u64), &mut more)?.clamp(1, 15);
        let take = got.min(15 - have);
        bytes[have..have + take].copy_from_slice(&more[..take]);
        have += take;
    }
}

/// The instruction in Intel syntax.
pub(crate) fn text(instruction: &Instruction) -> String {
    if instruction.is_invalid() {
        return "bytes that are no known instruction".to_string();
    }
    let mut text = String::new();
    IntelFormatter::new().format(instruction, &mut text);
    text
}

/// The op of an instruction; one that refuses where the instruction is not implemented.
pub(crate) fn lower(i: &Instruction) -> Op {
    let lowered = operand::Lowering::new(i);
    integer::lower(lowered)
        .or_else(|| control::lower(lowered))
        .or_else(|| vector::lower(lowered))
        .unwrap_or(Op { kind: kind::REFUSE, ..Op::default() })
}
