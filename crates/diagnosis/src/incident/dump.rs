//! Dumps, as evidence: what crashed when, with which images.

use super::{Evidence, Loaded, MOST_MODULES, Mark, Place, Row, Said, Unit, build, file_of, values};
use crate::crash::{Confidence, Crash, is_kernel};
use crate::process::ProcessCrash;
use evidence::crash_dump::{Dump, Module};
use evidence::process_dump::ProcessDump;
use evidence::system_log::Time;
use knowledge::messages::{Fact, Severity};

/// Microseconds from 1601 to 1970.
const FROM_1601_TO_1970: i64 = 11_644_473_600_000_000;
/// `DUMP_HEADER64.SystemTime`, `DUMP_HEADER32.SystemTime`.
const SYSTEM_TIME: [u64; 2] = [0xfa8, 0xfc0];
/// Where the kernel shows its clock to everybody, on x64 and ARM64 (`KUSER_SHARED_DATA`, ntddk.h).
const USER_SHARED_DATA: u64 = 0xffff_f780_0000_0000;
/// `KUSER_SHARED_DATA.TimeZoneBias`, a `KSYSTEM_TIME`: 100 ns by which universal time is ahead.
const TIME_ZONE_BIAS: u64 = 0x20;
/// Microseconds by which a log of the machine may differ from a dump about when Windows was started.
const BOOT_SLACK: i64 = 15_000_000;

/// The value of `blamed` of a dump that blames a driver for want of a better one.
pub(super) const GUESSED: &str = "guessed";
/// What two files call a start of Windows.
pub(super) const BOOT: &str = "boot";

/// A kernel dump.
pub fn of_crash(file: &str, dump: &Dump<'_>, crash: &Crash) -> Evidence {
    let mut it = Evidence::new(file, crash.system.kind);
    let at = SYSTEM_TIME[usize::from(!dump.header.wide)];
    let ticks = dump.header.system_time.and_then(|ticks| i64::try_from(ticks / 10).ok());
    let micros = ticks.and_then(|micros| micros.checked_sub(FROM_1601_TO_1970));
    let explained = &crash.explained;
    let what = format!("0x{:X} {}", explained.code, explained.name);
    let blamed = crash.blame.as_ref().map(|blame| blame.module.as_str());
    // What crashed in Windows itself is nobody's driver.
    let driver = blamed.filter(|module| !is_kernel(module) && *module != "hardware");
    let loaded = driver.and_then(|driver| {
        crash.modules.iter().find(|module| module.name().eq_ignore_ascii_case(driver))
    });
    let words = match blamed {
        Some(module) => format!("crash: {what}, in {module}"),
        None => format!("crash: {what}"),
    };
    let parameters: Vec<String> =
        explained.parameters.iter().map(|parameter| format!("0x{:x}", parameter.value)).collect();
    let said = values([
        ("code", format!("0x{:X}", explained.code)),
        ("parameters", parameters.join(", ")),
        ("driver", driver.map(file_of).unwrap_or_default()),
        ("build", loaded.map(build_of).unwrap_or_default()),
        ("blamed", crash.blame.as_ref().map(|it| confidence(it.confidence)).unwrap_or_default()),
    ]);
    it.brief.clone_from(&words);
    let time = micros.map(Time::universal);
    it.say(said_at("dump", said, time, at, &words));
    if let Some(time) = time {
        it.happen(time, Unit::Offset, at, Severity::Fatal, words);
    }
    let up = dump.header.up_time.and_then(|ticks| i64::try_from(ticks / 10).ok());
    let up = up.filter(|up| *up > 0);
    if let (Some(micros), Some(up)) = (micros, up)
        && let Some(started) = micros.checked_sub(up)
    {
        let time = Time::universal(started);
        it.happen(time, Unit::Offset, at, Severity::Note, "Windows was started".to_owned());
        it.marks.push(Mark { key: BOOT.to_owned(), time, slack: BOOT_SLACK });
    }
    it.modules = modules(&crash.modules);
    it.zone =
        zone(dump).map(|zone| (zone, Place { file: file.to_owned(), unit: Unit::Offset, at: 0 }));
    it.crash = Some(Row {
        bucket: crash.bucket.clone(),
        what,
        module: blamed.unwrap_or_default().to_owned(),
        micros,
    });
    it
}

/// A minidump of a process.
pub fn of_process(file: &str, dump: &ProcessDump<'_>, crash: &ProcessCrash) -> Evidence {
    let mut it = Evidence::new(file, "minidump of a process");
    let time = (dump.written != 0).then(|| Time::universal(i64::from(dump.written) * 1_000_000));
    let module = crash.blame.as_ref().map(|blame| blame.module.as_str()).unwrap_or_default();
    let code = crash.exception.as_ref().map(|record| format!("{:08x}", record.code));
    let words = match &code {
        Some(code) => {
            let name = crash
                .exception
                .as_ref()
                .and_then(|it| knowledge::status_name(it.code))
                .unwrap_or_default();
            let within = if module.is_empty() { String::new() } else { format!(", in {module}") };
            format!("{} crashed: 0x{code} {name}{within}", crash.program)
        }
        None => format!("picture of {}", crash.program),
    };
    it.brief.clone_from(&words);
    let said = values([
        ("program", file_of(&crash.program)),
        ("module", file_of(module)),
        ("code", code.clone().unwrap_or_default()),
    ]);
    // The header's TimeDateStamp.
    it.say(said_at("process-dump", said, time, 20, &words));
    if let Some(time) = time {
        let severity = if code.is_some() { Severity::Error } else { Severity::Note };
        it.happen(time, Unit::Offset, 20, severity, words);
    }
    it.modules = modules(&crash.modules);
    it.zone =
        dump.zone.map(|zone| (zone, Place { file: file.to_owned(), unit: Unit::Offset, at: 0 }));
    it
}

/// How good the grounds are on which it is blamed.
fn confidence(confidence: Confidence) -> String {
    match confidence {
        Confidence::Low => GUESSED,
        Confidence::Medium => "likely",
        Confidence::High => "surely",
    }
    .to_owned()
}

fn said_at(
    name: &str,
    values: knowledge::messages::Values,
    time: Option<Time>,
    at: u64,
    words: &str,
) -> Said {
    let fact = Fact { name: name.to_owned(), values, words: words.to_owned(), ..Fact::default() };
    let fact = Fact { place: (String::new(), at), ..fact };
    Said { fact, time, unit: Unit::Offset, ids: Vec::new() }
}

fn build_of(module: &Module) -> String {
    build(module.stamp.raw(), module.checksum, module.size)
}

fn modules(all: &[Module]) -> Vec<Loaded> {
    let named = all.iter().filter(|module| !module.name().is_empty()).take(MOST_MODULES);
    named
        .map(|module| Loaded {
            driver: file_of(module.name()),
            build: build_of(module),
            at: module.offset,
        })
        .collect()
}

/// The zone of the machine, from the page that the kernel shows to all, which dumps with memory hold.
fn zone(dump: &Dump<'_>) -> Option<i16> {
    if !dump.header.wide {
        return None;
    }
    let mut bytes = [0; 12];
    if !dump.read_virtual(USER_SHARED_DATA.checked_add(TIME_ZONE_BIAS)?, &mut bytes) {
        return None;
    }
    let [a, b, c, d, e, f, g, h, again @ ..] = bytes;
    // High1Time and High2Time differ only while somebody writes.
    if [e, f, g, h] != again {
        return None;
    }
    let bias = i64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let minutes = i16::try_from((bias / 600_000_000).checked_neg()?).ok()?;
    (-720..=840).contains(&minutes).then_some(minutes)
}
