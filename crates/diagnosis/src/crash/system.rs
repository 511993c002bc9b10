//! The machine: version, processors, times, process.

use super::view::View;
use evidence::crash_dump::{Dump, Kind};
use knowledge::windows;
use serde::Serialize;

/// What the dump says of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct System {
    /// `small kernel dump`.
    pub kind: &'static str,
    /// `x64`.
    pub machine: &'static str,
    /// Build number of Windows.
    pub build: u32,
    /// Its release, where the build is known.
    pub release: Option<&'static str>,
    /// Whether it is a checked build.
    pub checked: bool,
    /// `workstation`, `server`, `domain controller`.
    pub product: Option<&'static str>,
    /// Processors.
    pub processors: u32,
    /// What the processor calls its maker, where the dump's processor block has it.
    pub processor_vendor: Option<&'static str>,
    /// When it crashed: UTC, `2022-02-25 13:04:05`.
    pub crashed: Option<String>,
    /// Seconds since it was started.
    pub up_seconds: Option<u64>,
    /// Name of the process that ran.
    pub process: Option<String>,
    /// Whether that name was found by its form only: the kernel's PDB was not at hand to say where it is.
    pub process_by_form: bool,
    /// Its number, where the kernel's PDB says where that is.
    pub process_id: Option<u64>,
    /// Flags of Driver Verifier: which drivers is not told.
    pub verifier: Option<u32>,
    /// The comment in the dump's header.
    pub comment: Option<String>,
}

pub(super) fn of(dump: &Dump<'_>, view: &View<'_>) -> System {
    let header = &dump.header;
    let process = process(dump, view);
    System {
        kind: kind(header.kind),
        machine: crate::process::machine_text(header.machine),
        build: header.build,
        release: windows::release(header.build),
        checked: header.major == 0xc,
        product: header.product_type.and_then(|product| match product {
            1 => Some("workstation"),
            2 => Some("domain controller"),
            3 => Some("server"),
            _ => None,
        }),
        processors: header.processors,
        processor_vendor: vendor(dump),
        crashed: header.system_time.and_then(time_of),
        up_seconds: header.up_time.map(|ticks| ticks / 10_000_000),
        process: process.name,
        process_by_form: process.by_form,
        process_id: process.id,
        verifier: dump.verifier_level(),
        comment: header.comment.map(|text| text.iter().map(|&byte| char::from(byte)).collect()),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Full => "full memory dump",
        Kind::KernelSummary => "kernel memory dump",
        Kind::Triage => "small kernel dump",
        Kind::Bitmap => "kernel memory dump (bitmap)",
        Kind::Active => "active memory dump",
        Kind::Ranges => "memory dump (ranges)",
        Kind::Other(_) => "kernel dump of an unknown type",
    }
}

/// 100 ns since 1601 as a date and time of day, UTC.
pub fn time_of(ticks: u64) -> Option<String> {
    const FROM_1601_TO_1970: u64 = 11_644_473_600;
    seconds_text((ticks / 10_000_000).checked_sub(FROM_1601_TO_1970)?)
}

/// Seconds since 1970 as a date and time of day, UTC.
pub fn seconds_text(seconds: u64) -> Option<String> {
    let days = i64::try_from(seconds / 86_400).ok().filter(|days| *days < 3_000_000)?;
    // Days of the proleptic Gregorian calendar, with years that begin in March.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    Some(format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{second:02}"))
}

/// The vendor text of CPUID stands in the processor block, at a place that each build moves.
fn vendor(dump: &Dump<'_>) -> Option<&'static str> {
    const VENDORS: [&str; 3] = ["GenuineIntel", "AuthenticAMD", "HygonGenuine"];
    let prcb = dump.prcb()?;
    VENDORS.into_iter().find(|vendor| {
        prcb.windows(vendor.len()).step_by(1).any(|bytes| bytes == vendor.as_bytes())
    })
}

#[derive(Default)]
struct Process {
    name: Option<String>,
    by_form: bool,
    id: Option<u64>,
}

/// The process that ran: by the kernel's own types where its PDB is at hand, else by its form.
fn process(dump: &Dump<'_>, view: &View<'_>) -> Process {
    dump.process().map(|block| in_block(block, view)).unwrap_or_default()
}

/// Name of the process whose block is at `address`, in words; `None` where the dump does not hold it.
pub(super) fn process_at(dump: &Dump<'_>, view: &View<'_>, address: u64) -> Option<String> {
    let size = dump.debugger_data.as_ref()?.size_of_process()?;
    let mut bytes = vec![0; size.into()];
    // A small dump has the block of the process that ran in a part of its own.
    let block = if view.read(address, &mut bytes) {
        &bytes
    } else {
        dump.process().filter(|_| process_that_ran(dump) == Some(address))?
    };
    let found = in_block(block, view);
    let doubt = if found.by_form { " (found by its form in the process block)" } else { "" };
    Some(format!("{}{doubt}", found.name?))
}

/// Where the block of the process is that the thread ran in.
fn process_that_ran(dump: &Dump<'_>) -> Option<u64> {
    let start = usize::from(dump.debugger_data.as_ref()?.thread_process()?);
    let size = if dump.header.wide { 8 } else { 4 };
    let bytes = dump.thread()?.get(start..start.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

fn in_block(block: &[u8], view: &View<'_>) -> Process {
    let layout = view.process_layout();
    let field = |at: Option<u64>, length: usize| {
        let start = usize::try_from(at?).ok()?;
        block.get(start..start.checked_add(length)?)
    };
    let name = field(layout.name, 15).map(|bytes| {
        let text = bytes.iter().take_while(|byte| **byte != 0);
        text.map(|&byte| char::from(byte)).collect::<String>()
    });
    let word = if view.bits() == 64 { 8 } else { 4 };
    let id = field(layout.id, word)
        .map(|bytes| bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)));
    match name.filter(|name| !name.is_empty()) {
        Some(name) => Process { name: Some(name), by_form: false, id },
        None => {
            let name = process_name(block);
            Process { by_form: name.is_some(), name, id }
        }
    }
}

/// `ImageFileName` of a process block: fifteen bytes, a name and zeros. Where it stands changes from
/// build to build, so it is found by its form.
fn process_name(process: &[u8]) -> Option<String> {
    const ENDS: [&[u8]; 3] = [b".exe", b".EXE", b".scr"];
    const OWN: [&[u8]; 5] = [b"System", b"Registry", b"Idle", b"MemCompression", b"Secure System"];
    let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let mut windows =
        (1..process.len().saturating_sub(15)).map(|at| (process[at - 1], &process[at..at + 15]));
    windows.find_map(|(before, field)| {
        let length = field.iter().position(|byte| *byte == 0).unwrap_or(15);
        let (name, rest) = field.split_at(length);
        let fits = length >= 4
            && !printable(&before)
            && name.iter().all(printable)
            && rest.iter().all(|byte| *byte == 0);
        // A long name is cut, so that its end says nothing.
        let is_name = OWN.contains(&name)
            || ENDS.iter().any(|end| name.ends_with(end) && length > end.len())
            || (length >= 14 && name.contains(&b'.'));
        (fits && is_name).then(|| name.iter().map(|&byte| char::from(byte)).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(seconds_text(0).unwrap(), "1970-01-01 00:00:00");
        assert_eq!(seconds_text(951_782_400).unwrap(), "2000-02-29 00:00:00");
        assert_eq!(seconds_text(1_645_794_245).unwrap(), "2022-02-25 13:04:05");
        assert_eq!(time_of(116_444_736_000_000_000).unwrap(), "1970-01-01 00:00:00");
        assert_eq!(time_of(0), None);
        assert_eq!(seconds_text(u64::MAX), None);
    }

    #[test]
    fn a_process_is_found_by_the_form_of_its_name() {
        let mut block = vec![0xff; 64];
        block.extend(b"\0notepad.exe\0\0\0\0\x02");
        block.extend([0u8; 40]);
        assert_eq!(process_name(&block).as_deref(), Some("notepad.exe"));
        assert_eq!(process_name(&[0; 100]), None);
        assert_eq!(process_name(b"x"), None);
    }
}
