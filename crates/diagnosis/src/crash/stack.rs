//! The call stack: unwound where images are at hand, else by what the stack holds.

use super::view::{Spot, View};
use evidence::crash_dump::{Machine, Registers};
use finding::Trust;
use pe::unwind::{self, Rip};
use serde::Serialize;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StackFrame {
    /// Address of the instruction; of a caller, of the one after the call.
    #[serde(serialize_with = "finding::hex64")]
    pub address: u64,
    /// Stack pointer in that frame; for a scanned one, just above the word that was found.
    #[serde(serialize_with = "finding::hex64")]
    pub sp: u64,
    /// How it was found.
    pub trust: Trust,
    /// What lies there; nothing where it is in no module.
    pub spot: Option<Spot>,
}

/// More frames than this are told as too many.
pub const MOST_FRAMES: usize = 128;

/// Bytes of stack that are looked at: the largest kernel stack, and then some.
const MOST_STACK: usize = 128 << 10;

const PAGE: u64 = 0x1000;

/// The stack's memory from `sp` on: its address and bytes.
///
/// All of it lies before the end of addresses.
pub(super) fn region(view: &View<'_>, sp: u64) -> Option<(u64, Vec<u8>)> {
    if let Some((start, bytes)) = view.stack()
        && let Some(inside) = sp.checked_sub(start)
        && let Some(bytes) = bytes.get(usize::try_from(inside).ok()?..)
        && !bytes.is_empty()
    {
        // A small dump says itself where its stack lies.
        let room = usize::try_from(u64::MAX - sp).unwrap_or(usize::MAX);
        return Some((sp, bytes[..bytes.len().min(room).min(MOST_STACK)].to_vec()));
    }
    let mut bytes = Vec::new();
    let mut at = sp;
    while bytes.len() < MOST_STACK {
        let length = (PAGE - at % PAGE) as usize;
        let old = bytes.len();
        bytes.resize(old + length, 0);
        if !view.read(at, &mut bytes[old..]) {
            bytes.truncate(old);
            break;
        }
        at = at.checked_add(length as u64)?;
    }
    (!bytes.is_empty()).then_some((sp, bytes))
}

/// Walks from `registers` outwards.
pub(crate) fn walk(view: &View<'_>, registers: &Registers) -> Vec<StackFrame> {
    let spot = view.spot(registers.pc, false);
    let first = StackFrame { address: registers.pc, sp: registers.sp, trust: Trust::Context, spot };
    let mut frames = vec![first];
    match view.machine() {
        Machine::X64 => x64(view, registers, &mut frames),
        Machine::X86 => by_frame_pointer(view, registers.get("ebp"), 4, &mut frames),
        Machine::Arm64 => {
            if let Some(lr) = registers.get("lr") {
                push(view, &mut frames, plain(lr), registers.sp, Trust::Unwound);
            }
            by_frame_pointer(view, registers.get("fp"), 8, &mut frames);
        }
        Machine::Other(_) => {}
    }
    frames
}

fn push(
    view: &View<'_>,
    frames: &mut Vec<StackFrame>,
    address: u64,
    sp: u64,
    trust: Trust,
) -> bool {
    let Some(spot) = view.spot(address, true) else { return false };
    frames.push(StackFrame { address, sp, trust, spot: Some(spot) });
    true
}

/// Names of the registers in the order of the instruction encoding.
const ORDER: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

fn start_of(from: &Registers) -> unwind::Registers {
    let gpr = ORDER.map(|name| from.get(name).unwrap_or_default());
    unwind::Registers { rip: from.pc, rsp: from.sp, gpr }
}

/// One frame up, by the image's tables; `None` where there is no image or it does not help.
fn step(view: &View<'_>, registers: &mut unwind::Registers, kind: Rip) -> Option<unwind::Frame> {
    let (module, program) = view.program_at(registers.rip)?;
    let module = program.module(module.base)?;
    unwind::step(&module, registers, kind, &mut |at| view.pointer(at)).ok()
}

/// The registers of the interrupted code at `pc`, unwound from those of a call that it led to.
pub(super) fn unwind_to(view: &View<'_>, from: &Registers, pc: u64) -> Option<Registers> {
    if view.machine() != Machine::X64 {
        return None;
    }
    let mut registers = start_of(from);
    let mut kind = Rip::Exact;
    for _ in 0..MOST_FRAMES {
        let frame = step(view, &mut registers, kind)?;
        if frame.machine_frame && registers.rip == pc {
            let mut all: Vec<(&'static str, u64)> = ORDER.into_iter().zip(registers.gpr).collect();
            all[unwind::RSP].1 = registers.rsp;
            all.push(("rip", registers.rip));
            // What a called function may change is not known any more.
            all.retain(|(name, _)| !["rax", "rcx", "rdx", "r8", "r9", "r10", "r11"].contains(name));
            return Some(Registers { all, pc, sp: registers.rsp, context_flags: 0 });
        }
        kind = if frame.machine_frame { Rip::Exact } else { Rip::Return };
    }
    None
}

fn x64(view: &View<'_>, from: &Registers, frames: &mut Vec<StackFrame>) {
    let Some((start, bytes)) = region(view, from.sp) else { return };
    let mut registers = start_of(from);
    let mut kind = Rip::Exact;
    while frames.len() < MOST_FRAMES {
        let before = registers;
        if let Some(frame) = step(view, &mut registers, kind) {
            if registers.rip == 0 {
                return;
            }
            // A step up another stack is fine after a trap; otherwise a stack only shrinks.
            let onwards = frame.machine_frame || registers.rsp > before.rsp;
            if onwards && push(view, frames, registers.rip, registers.rsp, Trust::Unwound) {
                kind = if frame.machine_frame { Rip::Exact } else { Rip::Return };
                continue;
            }
            registers = before;
        }
        let Some((at, address)) = scan(view, start, &bytes, registers.rsp) else { return };
        // At a routine's first instruction nothing has been pushed since the call, nor has anything where
        // a call led to no module at all.
        let entered = frames.len() == 1
            && at == registers.rsp
            && match &frames[0].spot {
                Some(spot) => spot.function.is_some() && spot.offset == 0,
                None => is_behind_call(view, address) == Some(true),
            };
        let trust = if entered { Trust::Unwound } else { Trust::Scanned };
        push(view, frames, address, at + 8, trust);
        (registers.rip, registers.rsp) = (address, at + 8);
        kind = Rip::Return;
    }
}

/// The next word from `sp` on that may be a return address, and where it stands.
fn scan(view: &View<'_>, start: u64, bytes: &[u8], sp: u64) -> Option<(u64, u64)> {
    let from = usize::try_from(sp.checked_sub(start)?).ok()?.checked_next_multiple_of(8)?;
    let words = bytes.get(from..)?.chunks_exact(8).zip(0u64..);
    words
        .map(|(eight, index)| {
            let word = eight.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
            (start + from as u64 + index * 8, word)
        })
        .find(|&(_, word)| may_return_to(view, word))
}

/// Whether `address` lies in code behind a call, as far as the bytes are to be had.
fn may_return_to(view: &View<'_>, address: u64) -> bool {
    let Some(index) = view.module_index(address) else { return false };
    let rva = address - view.modules()[index].base;
    // Headers come first in every image.
    if rva < PAGE {
        return false;
    }
    if let Some(program) = view.program(index) {
        let in_code = |rva| program.image().section_at(rva).is_some_and(pe::Section::is_code);
        if !u32::try_from(rva).is_ok_and(in_code) {
            return false;
        }
    }
    is_behind_call(view, address).unwrap_or(true)
}

/// Whether the instruction before `address` is a call; `None` where its bytes are not to be had.
fn is_behind_call(view: &View<'_>, address: u64) -> Option<bool> {
    const LONGEST_CALL: usize = 7;
    let before = view.bytes(address.checked_sub(LONGEST_CALL as u64)?, LONGEST_CALL);
    (before.len() == LONGEST_CALL).then(|| ends_in_call(&before))
}

/// Whether some instruction that ends where `bytes` end is a call.
fn ends_in_call(bytes: &[u8]) -> bool {
    let tail = |length: usize| bytes.len().checked_sub(length).map(|at| &bytes[at..]);
    if tail(5).is_some_and(|it| it[0] == 0xe8) {
        return true;
    }
    // FF /2: the length follows from ModRM, SIB and displacement.
    (2..=7).filter_map(tail).any(|it| {
        let [0xff, modrm, rest @ ..] = it else { return false };
        if modrm & 0x38 != 0x10 {
            return false;
        }
        let (mode, rm) = (modrm >> 6, modrm & 7);
        let sib = usize::from(mode != 3 && rm == 4);
        let displacement = match mode {
            0 if rm == 5 || (sib == 1 && rest.first().is_some_and(|sib| sib & 7 == 5)) => 4,
            1 => 1,
            2 => 4,
            _ => 0,
        };
        rest.len() == sib + displacement
    })
}

/// Follows frames that each keep the caller's frame pointer and, above it, the return address.
fn by_frame_pointer(view: &View<'_>, from: Option<u64>, size: u64, frames: &mut Vec<StackFrame>) {
    let mut frame = from.unwrap_or_default();
    while frames.len() < MOST_FRAMES && frame != 0 && frame.is_multiple_of(4) {
        let Some(above) = frame.checked_add(size) else { return };
        let (Some(next), Some(address)) = (view.pointer(frame), view.pointer(above)) else {
            return;
        };
        let sp = above.saturating_add(size);
        // The link register may say the same as the innermost frame.
        let known = frames.last().is_some_and(|it| it.address == plain(address));
        if !known && !push(view, frames, plain(address), sp, Trust::Unwound) {
            return;
        }
        if next <= frame {
            return;
        }
        frame = next;
    }
}

/// A pointer of ARM64 without the authentication code that its upper bits may hold.
fn plain(address: u64) -> u64 {
    const KERNEL: u64 = 0xffff_0000_0000_0000;
    if address >> 47 & 1 == 1 { address | KERNEL } else { address }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_by_their_bytes() {
        let calls: [&[u8]; 8] = [
            &[0x90, 0x90, 0xe8, 1, 2, 3, 4],             // call rel32
            &[0x90, 0xff, 0x15, 1, 2, 3, 4],             // call [rip+x]
            &[0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0], // call rax
            &[0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd3], // call r11
            &[0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 0x18], // call [rax+18h]
            &[0x90, 0x90, 0x90, 0xff, 0x54, 0x24, 0x20], // call [rsp+20h]
            &[0xff, 0x94, 0x24, 1, 2, 3, 4],             // call [rsp+x]
            &[0x90, 0x90, 0x90, 0x90, 0xff, 0x14, 0xc8], // call [rax+rcx*8]
        ];
        for call in calls {
            assert!(ends_in_call(call), "{call:x?}");
        }
    }

    #[test]
    fn other_code_is_no_call() {
        let others: [&[u8]; 4] = [
            &[0x90; 7],
            &[0x48, 0x8b, 0x05, 1, 2, 3, 4], // mov rax,[rip+x]
            &[0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0], // jmp rax
            &[0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0x50], // call [rax+?], cut
        ];
        for code in others {
            assert!(!ends_in_call(code), "{code:x?}");
        }
    }

    #[test]
    fn authentication_codes_of_arm64_are_taken_off() {
        assert_eq!(plain(0x12f0_f803_0001_0000), 0xffff_f803_0001_0000);
        assert_eq!(plain(0xffff_f803_0001_0000), 0xffff_f803_0001_0000);
        assert_eq!(plain(0x0000_7ff6_0001_0000), 0x0000_7ff6_0001_0000);
    }
}
