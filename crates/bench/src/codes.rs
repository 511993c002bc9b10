//! The I/O control codes that a driver compares with, found in its code.
//!
//! Compilers test a code by `cmp`, by a chain of `sub`, or by a `sub`/`lea` that makes a table
//! index. Every 32-bit constant used so is taken, with the small constants that follow in the same
//! function added to it; what does not look like a control code is left out. The campaign then tries
//! each on the driver and keeps those that it does not refuse like a code that nobody has.

use crate::battery::{Abilities, FEW};
use crate::scenario_file::{self, Written};
use crate::session::Session;
use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind};
use kernel::io::request::major;
use nt::status::STATUS_CANCELLED;
use pe::{Function, Image};
use schedule::Schedule;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Most codes that are tried.
pub(crate) const MOST_CODES: usize = 256;
/// Codes that no driver has: every transfer type of a function nobody uses.
const BAD_CODES: [u32; 4] = [0x0022_3ffc, 0x0022_3ffd, 0x0022_3ffe, 0x0022_3fff];
/// Lengths of transfers that are tried: a few words, the shortest frame, a sector, a page.
const LENGTHS: [u64; 4] = [FEW, 64, 512, 4096];
/// Try one control code, one read, one write.
const PROBE_TEXTS: [&str; 3] = [
    r#"
    name = "probe-{code}"
    for-each = "control-code"
    [[actor]]
    name = "application"
    steps = [{ open = "write" }, { ioctl = "code", in = 64, out = 64, cancelled = true }]
"#,
    r#"
    name = "probe-read"
    [[actor]]
    name = "application"
    steps = [{ open = "read" }, { read = "usual", cancelled = true }]
"#,
    r#"
    name = "probe-write"
    [[actor]]
    name = "application"
    steps = [{ open = "write" }, { write = "usual", cancelled = true }]
"#,
];
static PROBES: LazyLock<[Written; 3]> = LazyLock::new(|| {
    PROBE_TEXTS
        .map(|text| scenario_file::read(text).unwrap_or_else(|error| panic!("the probe: {error}")))
});
/// FILE_DEVICE_UNKNOWN (wdm.h), the type most drivers use.
const UNKNOWN: u32 = 0x22;

/// Control codes in the order of their values.
pub(crate) fn control_codes(image: &Image<'_>, functions: &[Function]) -> Vec<u32> {
    let mut found = BTreeSet::new();
    for function in functions {
        let Some(section) = image.section_at(function.begin) else { continue };
        if !section.is_code() {
            continue;
        }
        let content = image.content(section);
        let from = function.begin.saturating_sub(section.rva) as usize;
        let to = (function.end.saturating_sub(section.rva) as usize).min(content.len());
        if let Some(code) = content.get(from..to) {
            scan(code, &mut found);
        }
    }
    found.into_iter().take(MOST_CODES).collect()
}

/// What a driver registers, with those of its possible codes that it does not refuse like codes that
/// nobody has, and with lengths of reads and writes that it does not refuse.
pub(crate) fn known(session: &Session) -> Abilities {
    let mut abilities = session.abilities();
    if !abilities.opens {
        return abilities;
    }
    // What is written may be what is read: a read takes as much, unless the driver minds.
    let written = length(session, major::WRITE, FEW);
    abilities.lengths = [length(session, major::READ, written), written];
    if !abilities.codes.is_empty() {
        let with = |code| Abilities { codes: vec![code], ..session.abilities() };
        let outcome = |code| outcome(session, &PROBES[0], &with(code));
        let refusals = BAD_CODES.map(outcome);
        abilities.codes.retain(|&code| outcome(code) != refusals[(code & 3) as usize]);
    }
    abilities
}

/// The first of some lengths from `least` on that the driver takes, or of those below. A card for frames of 60 bytes and more, or for
/// whole sectors, refuses less at the door, and no scenario would get beyond it.
fn length(session: &Session, major: u8, least: u64) -> u64 {
    let probe = &PROBES[if major == major::READ { 1 } else { 2 }];
    let takes = |bytes: &u64| {
        let with = Abilities { lengths: [*bytes; 2], ..session.abilities() };
        let status = outcome(session, probe, &with);
        status.is_some_and(|status| status < 0x8000_0000 || status == STATUS_CANCELLED)
    };
    if !session.abilities().has(major) {
        return FEW;
    }
    let (below, above): (Vec<u64>, Vec<u64>) = LENGTHS.iter().partition(|&&bytes| bytes < least);
    above.into_iter().chain(below).find(takes).unwrap_or(FEW)
}

/// How the last request of a probe ends: its status, or `None` if the run does not come so far.
fn outcome(session: &Session, probe: &Written, driver: &Abilities) -> Option<u32> {
    let mut scenario = probe.scenarios(driver).pop()?;
    scenario.wind_down.clear();
    let mut probe = Session::new(&session.target, &scenario, false).ok()?;
    probe.run_schedule(Schedule::default(), false);
    if probe.machine.outcome.is_some() {
        return None;
    }
    probe.machine.state.requests.last()?.done.map(|(status, _)| status)
}

fn scan(code: &[u8], found: &mut BTreeSet<u32>) {
    let mut base: Option<u32> = None;
    for instruction in Decoder::with_ip(64, code, 0, DecoderOptions::NONE) {
        let constant = match instruction.mnemonic() {
            Mnemonic::Cmp | Mnemonic::Sub | Mnemonic::Add | Mnemonic::Xor | Mnemonic::Mov => {
                immediate(&instruction)
            }
            Mnemonic::Lea => Some(instruction.memory_displacement64() as u32),
            _ => None,
        };
        let Some(mut constant) = constant else { continue };
        // Adding the complement is how some compilers subtract.
        let adds = matches!(instruction.mnemonic(), Mnemonic::Add | Mnemonic::Lea)
            || (instruction.mnemonic() == Mnemonic::Mov && is_code(constant.wrapping_neg()));
        if adds {
            constant = constant.wrapping_neg();
        }
        let subtracts = instruction.mnemonic() != Mnemonic::Cmp;
        if is_code(constant) {
            found.insert(constant);
            base = if subtracts { Some(constant) } else { base };
        } else if let Some(start) = base
            && constant > 0
            && constant < 0x4000
        {
            let sum = start.wrapping_add(constant);
            found.insert(sum);
            if subtracts {
                base = Some(sum);
            } else if constant <= 32 {
                // The last index of a jump table: all codes in between are possible.
                found.extend(start..sum);
            }
        }
    }
}

fn immediate(instruction: &iced_x86::Instruction) -> Option<u32> {
    let last = instruction.op_count().checked_sub(1)?;
    match instruction.op_kind(last) {
        OpKind::Immediate32 => Some(instruction.immediate32()),
        OpKind::Immediate32to64 => Some(instruction.immediate32to64() as u32),
        OpKind::Immediate8to32 => Some(instruction.immediate8to32() as u32),
        _ => None,
    }
}

/// Functions of a known or vendor device type: vendors' are 0x800 and above, but whole families of
/// drivers use numbers from 0x200 on. What is none after all is refused by the driver.
fn is_code(value: u32) -> bool {
    let (device, function) = (value >> 16, value >> 2 & 0xfff);
    let device =
        device == UNKNOWN || (0x8000..0xc000).contains(&device) || (1..0x60).contains(&device);
    device && function >= 0x200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_chains_and_tables_are_read() {
        let mut found = BTreeSet::new();
        // cmp eax, 222000h; sub ecx, 80002004h; sub ecx, 4; lea eax, [rcx-222400h]; cmp eax, 8
        scan(&[0x3d, 0x00, 0x20, 0x22, 0x00], &mut found);
        scan(&[0x81, 0xe9, 0x04, 0x20, 0x00, 0x80, 0x83, 0xe9, 0x04], &mut found);
        scan(&[0x8d, 0x81, 0x00, 0xdc, 0xdd, 0xff, 0x83, 0xf8, 0x08], &mut found);
        // mov ecx, -222800h; cmp ecx, 1
        scan(&[0xb9, 0x00, 0xd8, 0xdd, 0xff, 0x83, 0xf9, 0x01], &mut found);
        let table: Vec<u32> = (0x22_2400..=0x22_2408).collect();
        let want = [&[0x22_2000], &table[..], &[0x22_2800, 0x22_2801, 0x8000_2004, 0x8000_2008]];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), want.concat());
    }
}
