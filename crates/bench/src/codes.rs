//! The I/O control codes that a driver compares with, found in its code by `listing::control_codes`. The campaign
//! then tries each on the driver and keeps those that it does not refuse like a code that nobody has.

use crate::battery::{Abilities, FEW};
use crate::scenario_file::{self, Written};
use crate::session::Session;
use iced_x86::{Decoder, DecoderOptions};
use kernel::io::request::major;
use listing::control_codes::Scanner;
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
    let mut scanner = Scanner::default();
    for instruction in Decoder::with_ip(64, code, 0, DecoderOptions::NONE) {
        scanner.see(&instruction, |code, others| found.extend(code..=code.saturating_add(others)));
    }
}
