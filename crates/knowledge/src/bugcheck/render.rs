//! What a value says beyond its digits.

use super::kind::Kind;
use crate::table::{CM_PROB, NTSTATUS};
use nt::ioctl::ControlCode;
use nt::{bugcheck, flags, irp, irql, pool};

/// A description of `value` on a Windows of `bits`; empty where the digits say it all.
pub fn render(kind: Kind, value: u64, bits: u32) -> String {
    let low = u32::try_from(value & 0xFFFF_FFFF).unwrap_or_default();
    match kind {
        Kind::Unused | Kind::Hex | Kind::Page | Kind::Physical | Kind::Handle => String::new(),
        Kind::Address | Kind::Code | Kind::Text => address(value, bits),
        Kind::Object | Kind::Irp | Kind::Device | Kind::Driver | Kind::Thread => {
            object(value, bits)
        }
        Kind::Process | Kind::Mdl | Kind::Trap | Kind::Context | Kind::Exception => {
            object(value, bits)
        }
        Kind::Irql => irql_text(value, bits),
        Kind::Access => match value {
            0 => "read",
            1 => "write",
            8 | 0x10 => "execute",
            _ => "",
        }
        .to_owned(),
        // A status is sign-extended where it travels as a pointer.
        Kind::Status => NTSTATUS.get(low).map(|row| row.name).unwrap_or_default().to_owned(),
        Kind::Count => value.to_string(),
        Kind::Signed if bits == 32 => (low.cast_signed()).to_string(),
        Kind::Signed => value.cast_signed().to_string(),
        Kind::Bytes => plural(value, "byte"),
        Kind::Seconds => plural(value, "second"),
        Kind::Milliseconds => format!("{value} ms"),
        Kind::Ticks => plural(value, "tick"),
        Kind::Mode => match value {
            0 => "KernelMode",
            1 => "UserMode",
            _ => "",
        }
        .to_owned(),
        Kind::Pool => pool::type_text(low),
        Kind::Tag => format!("'{}'", pool::tag_text(low)),
        Kind::Bugcheck => bugcheck::name(low).unwrap_or_default().to_owned(),
        Kind::Major => {
            u8::try_from(value).ok().and_then(irp::major_name).unwrap_or_default().to_owned()
        }
        Kind::Ioctl => ControlCode::decode(low).to_string(),
        Kind::MdlFlags => mdl_flags(value),
        Kind::Problem => CM_PROB.get(low).map(|row| row.name).unwrap_or_default().to_owned(),
    }
}

/// `MDL.MdlFlags` by name; unnamed bits as one hexadecimal number.
fn mdl_flags(value: u64) -> String {
    let set = flags::mdl::ALL.iter().filter(|flag| value & u64::from(flag.0) != 0);
    let mut names: Vec<String> = set.map(|flag| flag.1.to_owned()).collect();
    let rest = value & !u64::from(u16::MAX);
    if rest != 0 || names.is_empty() {
        names.push(format!("0x{rest:X}"));
    }
    names.join(" | ")
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn irql_text(value: u64, bits: u32) -> String {
    if bits == 32 {
        return match value {
            0 => "PASSIVE_LEVEL",
            1 => "APC_LEVEL",
            2 => "DISPATCH_LEVEL",
            3..=26 => "DIRQL, a device's level",
            27 => "PROFILE_LEVEL",
            28 => "CLOCK_LEVEL",
            29 => "IPI_LEVEL",
            30 => "POWER_LEVEL",
            31 => "HIGH_LEVEL",
            _ => "no IRQL",
        }
        .to_owned();
    }
    match u8::try_from(value).ok().and_then(irql::name) {
        Some("DIRQL") => "DIRQL, a device's level".to_owned(),
        Some(name) => name.to_owned(),
        // Some kernels report a fault with interrupts off so.
        None if value == 0xFF => "interrupts were disabled".to_owned(),
        None => "no IRQL".to_owned(),
    }
}

/// What is odd about a pointer to an object; most are not odd.
fn object(value: u64, bits: u32) -> String {
    let usual = if bits == 32 { KERNEL_32 } else { KERNEL_64 };
    if value >= usual && filler(value, bits).is_none() {
        String::new()
    } else {
        address(value, bits)
    }
}

const KERNEL_32: u64 = 0x8000_0000;
/// With 57-bit addresses the kernel half begins lower; nothing of the 48-bit kernel lies there.
const KERNEL_64: u64 = 0xFFFF_8000_0000_0000;
const USER_64: u64 = 0x0000_7FFF_FFFF_FFFF;
/// Windows maps nothing below.
const LOWEST: u64 = 0x1_0000;

/// Where an address points, on a Windows of `bits`.
#[must_use]
pub fn address(value: u64, bits: u32) -> String {
    let (kernel, user, top) = match bits {
        32 => (KERNEL_32, KERNEL_32 - 1, 0xFFFF_FFFF),
        _ => (KERNEL_64, USER_64, u64::MAX),
    };
    if value == 0 {
        return "NULL".to_owned();
    }
    if value < LOWEST {
        return format!("0x{value:X} past NULL: a member of something reached through NULL");
    }
    if let Some(text) = filler(value, bits) {
        return text;
    }
    if value > top - LOWEST {
        let back = top - value + 1;
        return format!("0x{back:X} below the top: a small negative number used as an address");
    }
    let text = match value {
        _ if value <= user => "user half",
        _ if value >= kernel => "kernel half",
        _ => "not canonical: no address at all",
    };
    text.to_owned()
}

/// Values that memory is filled with by compilers and allocators.
fn filler(value: u64, bits: u32) -> Option<String> {
    let bytes = value.to_le_bytes();
    let bytes = if bits == 32 { &bytes[..4] } else { &bytes[..] };
    let words: Vec<u32> =
        bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let first = *words.first()?;
    if words.iter().any(|word| *word != first) {
        return None;
    }
    let what = match first {
        0xDEAD_BEEF | 0xBAAD_F00D | 0xBADD_CAFE | 0xFEEE_FEEE | 0xABAD_CAFE => "a fill pattern",
        0xCCCC_CCCC => "memory on the stack that was never set, in a debug build",
        0xCDCD_CDCD => "a heap block that was never set, in a debug build",
        0xDDDD_DDDD => "a heap block that was freed, in a debug build",
        0xFFFF_FFFF => "-1; also what an access to an address that is not canonical is reported as",
        // Otherwise a byte repeated.
        _ if first.to_le_bytes().iter().all(|byte| *byte == first.to_le_bytes()[0]) => {
            "one byte repeated: filled memory taken for a pointer"
        }
        _ => return None,
    };
    Some(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_where_they_point() {
        for (value, bits, text) in [
            (0, 64, "NULL"),
            (0x28, 64, "0x28 past NULL"),
            (0xFFFF_F801_0000_0000, 64, "kernel half"),
            (0x7FF6_1234_5678, 64, "user half"),
            (0x6B6B_6B6B_6B6B_6B6B, 64, "one byte repeated"),
            (0x1234_5678_9ABC_DEF0, 64, "not canonical"),
            (0xFFFF_FFFF_FFFF_FFF8, 64, "0x8 below the top"),
            (u64::MAX, 64, "-1"),
            (0xDEAD_BEEF, 32, "a fill pattern"),
            (0x8234_5678, 32, "kernel half"),
        ] {
            assert!(address(value, bits).starts_with(text), "{value:x}: {}", address(value, bits));
        }
    }

    #[test]
    fn values_are_shown_by_their_kind() {
        assert_eq!(render(Kind::Irql, 2, 64), "DISPATCH_LEVEL");
        assert_eq!(render(Kind::Irql, 28, 32), "CLOCK_LEVEL");
        assert_eq!(render(Kind::Status, 0xFFFF_FFFF_C000_0005, 64), "STATUS_ACCESS_VIOLATION");
        assert_eq!(render(Kind::Tag, 0x6F66_6946, 64), "'Fifo'");
        assert_eq!(render(Kind::Signed, u64::MAX, 64), "-1");
        assert_eq!(render(Kind::Bytes, 1, 64), "1 byte");
        assert_eq!(render(Kind::Irp, 0xFFFF_9A0C_0000_90E0, 64), "");
        assert_eq!(render(Kind::Irp, 0, 64), "NULL");
    }
}
