//! Flag words and small spaces: verifier options, IRQLs, device types, pool tags, log levels, addresses.

use crate::answer::Answer;
use crate::bugcheck::address as shown;
use crate::space::Space;
use crate::table::{self, VERIFIER};
use nt::{device_type, pool};

const VERIFIER_PAGE: &str =
    "https://learn.microsoft.com/windows-hardware/drivers/devtest/verifier-command-line";
const IRQL_PAGE: &str =
    "https://learn.microsoft.com/windows-hardware/drivers/kernel/managing-hardware-priorities";
const LOG_PAGE: &str =
    "https://learn.microsoft.com/windows-hardware/drivers/install/setting-setupapi-logging-levels";

pub fn names() -> impl Iterator<Item = (Space, u32, &'static str)> {
    let types = device_type::ALL.iter().map(|&(value, name)| (Space::DeviceType, value, name));
    let levels = [
        ("PASSIVE_LEVEL", 0),
        ("LOW_LEVEL", 0),
        ("APC_LEVEL", 1),
        ("DISPATCH_LEVEL", 2),
        ("CMCI_LEVEL", 5),
        ("CLOCK_LEVEL", 13),
        ("IPI_LEVEL", 14),
        ("POWER_LEVEL", 14),
        ("PROFILE_LEVEL", 15),
        ("HIGH_LEVEL", 15),
    ];
    types.chain(levels.into_iter().map(|(name, value)| (Space::Irql, value, name)))
}

pub fn verifier(flags: u32) -> Option<Answer> {
    let set: Vec<_> = VERIFIER.rows().iter().filter(|row| flags & row.value != 0).collect();
    if set.is_empty() || set.iter().fold(flags, |rest, row| rest & !row.value) != 0 {
        return None;
    }
    let likelihood = match flags.count_ones() {
        1 | 2 => 5,
        5.. if flags > 0xFF => 58,
        _ => 12,
    };
    let names: Vec<&str> = set.iter().map(|row| row.name).collect();
    let mut answer = Answer::new(Space::Verifier, u64::from(flags), names.join(", "), likelihood);
    for row in set {
        answer =
            answer.detail(&format!("0x{:X}", row.value), format!("{}: {}", row.name, row.meaning));
    }
    Some(answer.link(VERIFIER_PAGE))
}

/// Levels of x64, x86 and ARM64; wdm.h has one list for each.
pub fn irql(level: u32) -> Option<Answer> {
    let x64 = u8::try_from(level).ok().and_then(nt::irql::name);
    let x86 = match level {
        0 => "PASSIVE_LEVEL",
        1 => "APC_LEVEL",
        2 => "DISPATCH_LEVEL",
        3..=26 => "DIRQL",
        27 => "PROFILE_LEVEL",
        28 => "CLOCK_LEVEL",
        29 => "IPI_LEVEL",
        30 => "POWER_LEVEL",
        31 => "HIGH_LEVEL",
        _ => return None,
    };
    let meaning = match level {
        0 => "threads run; everything is allowed",
        1 => "APCs are held back; page faults are allowed",
        2 => "the scheduler is held back: no waits, no paged memory",
        _ => "interrupts are held back: no waits, no paged memory, few kernel routines",
    };
    let likelihood = if level <= 2 { 30 } else { 9 };
    let answer = Answer::new(Space::Irql, u64::from(level), x64.unwrap_or(x86), likelihood);
    let x64 = x64.unwrap_or("none");
    Some(answer.meaning(meaning).detail("x64, ARM64", x64).detail("x86", x86).link(IRQL_PAGE))
}

pub fn device_type(value: u32) -> Option<Answer> {
    if let Some(name) = device_type::name(value) {
        return Some(Answer::new(Space::DeviceType, u64::from(value), name, 10));
    }
    let own = value <= 0xFFFF && device_type::is_vendor(value);
    own.then(|| Answer::new(Space::DeviceType, u64::from(value), "a vendor's own device type", 3))
}

pub fn pool_tag(value: u32) -> Option<Answer> {
    let printable =
        |tag: u32| tag.to_le_bytes().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let is_text = printable(value);
    // The highest bit marked a protected allocation.
    let unmarked = value & 0x7FFF_FFFF;
    if !is_text && !printable(unmarked) {
        return None;
    }
    let tag = pool::tag_text(unmarked);
    let owner = table::pool_tag(&tag);
    let letters = tag.bytes().filter(|byte| byte.is_ascii_alphanumeric()).count();
    let likelihood = match (owner, letters) {
        (Some(_), _) => 75,
        (None, 3..) if is_text => 60,
        (None, _) => 15,
    };
    let reversed: String = tag.chars().rev().collect();
    let owner = owner.unwrap_or("not a tag of the system that is known here, so rather the driver's own: look for its bytes in the image");
    let mut answer = Answer::new(Space::PoolTag, u64::from(value), format!("'{tag}'"), likelihood)
        .meaning(owner)
        .detail("in the source", format!("'{reversed}'"));
    if !is_text {
        answer = answer.detail("highest bit", "a protected allocation (PROTECTED_POOL)");
    }
    Some(answer)
}

/// Level of a text log of SetupAPI, from Windows Vista on: the upper digit of 8 bits ("Setting the Event Level for a
/// Text Log", WDK).
fn text_level(level: u32, usual: &str) -> String {
    let what = match level {
        0 => return format!("0x00: the default, {usual}"),
        0x01..=0x0F => "off",
        0x10..=0x1F => "errors (TXTLOG_ERROR)",
        0x20..=0x2F => "errors and warnings (TXTLOG_WARNING)",
        0x30..=0x3F => {
            "errors, warnings, changes of the system's state (TXTLOG_SYSTEM_STATE_CHANGE)"
        }
        0x40..=0x4F => "these, and the operations that they belong to (TXTLOG_SUMMARY)",
        0x50..=0x5F => "these, and most details (TXTLOG_DETAILS)",
        0x60..=0x6F => "these, and all details (TXTLOG_VERBOSE)",
        0x70..=0x7F => "everything (TXTLOG_VERY_VERBOSE)",
        _ => "beyond the levels that are documented, 0x10 to 0x7F",
    };
    format!("0x{level:02X}: {what}")
}

/// `LogLevel` of SetupAPI: 0xSSSSDDGG of setupapi.log, 0xUUUUGHVW of the text logs since Windows Vista, whose upper
/// half is not used.
pub fn log_level(value: u32) -> Option<Answer> {
    let (general, device, flags) = (value & 0xFF, value >> 8 & 0xFF, value & 0xFFFF_0000);
    let known = 0xE800_0000;
    let level = |level: u32, usual: &str| {
        Some(match level {
            0 => format!("0x{level:02X}: the default, {usual}"),
            0x01..=0x0F => format!("0x{level:02X}: off"),
            0x10..=0x1F => format!("0x{level:02X}: errors"),
            0x20..=0x2F => format!("0x{level:02X}: errors and warnings"),
            0x30..=0x3F => format!("0x{level:02X}: errors, warnings and information"),
            0x40..=0x4F => format!("0x{level:02X}: the same, verbose"),
            0x50..=0x5F => format!("0x{level:02X}: verbose, some entries with times"),
            0x60..=0x6F => format!("0x{level:02X}: verbose, all entries with times"),
            0x70..=0x7F => {
                format!("0x{level:02X}: verbose with times, and what slows the system down")
            }
            0xFF => format!("0x{level:02X}: everything"),
            _ => return None,
        })
    };
    let text_device = text_level(device, "TXTLOG_DETAILS");
    let text_app = text_level(general, "TXTLOG_SUMMARY since Windows 7");
    let general = level(general, "0x20: errors and warnings")?;
    let device = level(device, "0x30: errors, warnings and information")?;
    if flags & !known != 0 || value == 0 {
        return None;
    }
    let bits = [
        (0x0800_0000, "a time on every entry"),
        (0x2000_0000, "no flush to disk after each entry: faster, and lost in a crash"),
        (0x4000_0000, "entries in order of time, not grouped"),
        (0x8000_0000, "to the debugger as well"),
    ];
    let set: Vec<&str> = bits.iter().filter(|bit| flags & bit.0 != 0).map(|bit| bit.1).collect();
    let full = value & 0xFF00 == 0xFF00;
    // Levels are multiples of 0x10 as a rule.
    let is_round = value & 0x0F0F == 0 && value & 0xFFFF != 0;
    let likelihood = match (flags, full) {
        (0, false) => 3,
        (_, false) if !is_round => 2,
        (0, true) => 30,
        (_, true) => 70,
        _ => 12,
    };
    Some(
        Answer::new(Space::LogLevel, u64::from(value), "LogLevel", likelihood)
            .meaning(if full {
                "device installation is logged in full"
            } else {
                "what SetupAPI logs"
            })
            .detail("general", general)
            .detail("device installation", device)
            .detail("flags", if set.is_empty() { "none".to_owned() } else { set.join("; ") })
            .detail("since Vista", "two levels, of two text logs, and no flags:".to_owned())
            .detail("setupapi.dev.log", text_device)
            .detail("setupapi.app.log", text_app)
            .link(LOG_PAGE),
    )
}

pub fn address(value: u64) -> Option<Answer> {
    let wide = u32::try_from(value).is_err();
    let likelihood = if wide { 50 } else { 1 };
    let bits = if wide { 64 } else { 32 };
    Some(Answer::new(Space::Address, value, shown(value, bits), likelihood))
}
