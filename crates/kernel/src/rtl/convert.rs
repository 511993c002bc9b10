//! Numbers and GUIDs as text, and back.

use crate::cx::{Cx, Stop};
use crate::rtl::text::{narrow_z, unicode};
use crate::rtl::unicode::{deliver, deliver_terminated};
use crate::service;
use crate::service::Service;
use nt::status::{STATUS_BUFFER_OVERFLOW, STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

/// The number that text starts with: leading blanks, a sign, and a prefix where `base` is 0.
/// `None` for a base that there is not. Source: RtlUnicodeStringToInteger's page.
fn parse(text: &[u16], base: u32) -> Option<u32> {
    let mut units = text.iter().map(|&unit| char::from_u32(unit.into()).unwrap_or('\0')).peekable();
    while units.next_if(|&c| c != '\0' && c <= ' ').is_some() {}
    let negative = units.next_if(|&c| c == '-' || c == '+') == Some('-');
    let base = match base {
        0 => {
            let mut ahead = units.clone();
            let prefix = match (ahead.next(), ahead.next()) {
                (Some('0'), Some('x')) => 16,
                (Some('0'), Some('o')) => 8,
                (Some('0'), Some('b')) => 2,
                _ => 10,
            };
            if prefix != 10 {
                units = ahead;
            }
            prefix
        }
        2 | 8 | 10 | 16 => base,
        _ => return None,
    };
    let digits = units.map_while(|c| c.to_digit(base));
    let value = digits.fold(0u32, |sum, digit| sum.wrapping_mul(base).wrapping_add(digit));
    Some(if negative { value.wrapping_neg() } else { value })
}

/// A number as text; `None` for a base that there is not. Base 0 is 10.
fn show(value: u64, base: u32) -> Option<String> {
    match base {
        2 => Some(format!("{value:b}")),
        8 => Some(format!("{value:o}")),
        0 | 10 => Some(value.to_string()),
        16 => Some(format!("{value:X}")),
        _ => None,
    }
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// The number that a string starts with.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlunicodestringtointeger>
pub fn RtlUnicodeStringToInteger(
    cx: &mut Cx,
    string: u64,
    base: u32,
    value: u64,
) -> Result<u32, Stop> {
    let text = unicode(cx, string)?;
    match parse(&text, base) {
        Some(number) if !text.is_empty() => {
            cx.write32(value, number)?;
            Ok(STATUS_SUCCESS)
        }
        _ => Ok(STATUS_INVALID_PARAMETER),
    }
}

/// The number that a terminated string starts with.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlchartointeger>
pub fn RtlCharToInteger(cx: &mut Cx, text: u64, base: u32, value: u64) -> Result<u32, Stop> {
    let text: Vec<u16> = narrow_z(cx, text, u64::MAX)?.into_iter().map(u16::from).collect();
    let Some(number) = parse(&text, base) else { return Ok(STATUS_INVALID_PARAMETER) };
    cx.write32(value, number)?;
    Ok(STATUS_SUCCESS)
}

fn put(cx: &mut Cx, value: u64, base: u32, target: u64) -> Result<u32, Stop> {
    match show(value, base) {
        Some(text) => deliver_terminated(cx, target, &units(&text), false),
        None => Ok(STATUS_INVALID_PARAMETER),
    }
}

/// A 32-bit number as text.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlintegertounicodestring>
pub fn RtlIntegerToUnicodeString(
    cx: &mut Cx,
    value: u32,
    base: u32,
    target: u64,
) -> Result<u32, Stop> {
    put(cx, value.into(), base, target)
}

/// A 64-bit number as text.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlint64tounicodestring>
pub fn RtlInt64ToUnicodeString(
    cx: &mut Cx,
    value: u64,
    base: u32,
    target: u64,
) -> Result<u32, Stop> {
    put(cx, value, base, target)
}

fn show_guid(bytes: &[u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
    let first = u32::from_le_bytes([a, b, c, d]);
    let (second, third) = (u16::from_le_bytes([e, f]), u16::from_le_bytes([g, h]));
    let tail: String = rest[2..].iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{{{first:08X}-{second:04X}-{third:04X}-{:02X}{:02X}-{tail}}}", rest[0], rest[1])
}

fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let parts: Vec<&str> = inner.split('-').collect();
    let lengths = [8, 4, 4, 4, 12];
    let shaped = parts.len() == 5 && parts.iter().zip(lengths).all(|(p, n)| p.len() == n);
    if !shaped || !inner.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = |index: usize| u64::from_str_radix(parts[index], 16).ok();
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(number(0)? as u32).to_le_bytes());
    bytes[4..6].copy_from_slice(&(number(1)? as u16).to_le_bytes());
    bytes[6..8].copy_from_slice(&(number(2)? as u16).to_le_bytes());
    bytes[8..10].copy_from_slice(&(number(3)? as u16).to_be_bytes());
    bytes[10..].copy_from_slice(&number(4)?.to_be_bytes()[2..]);
    Some(bytes)
}

/// A GUID as text in braces; the buffer is allocated.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlstringfromguid>
pub fn RtlStringFromGUID(cx: &mut Cx, guid: u64, target: u64) -> Result<u32, Stop> {
    let held = cx.read_bytes(guid, 16)?;
    let Some(bytes) = held.first_chunk() else { return Ok(STATUS_INVALID_PARAMETER) };
    deliver(cx, target, &units(&show_guid(bytes)), true, STATUS_BUFFER_OVERFLOW)
}

/// The GUID that text in braces means.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlguidfromstring>
pub fn RtlGUIDFromString(cx: &mut Cx, string: u64, guid: u64) -> Result<u32, Stop> {
    let text = String::from_utf16_lossy(&unicode(cx, string)?);
    let Some(bytes) = parse_guid(&text) else { return Ok(STATUS_INVALID_PARAMETER) };
    cx.write_bytes(guid, &bytes)?;
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlUnicodeStringToInteger, quiet),
        service!(RtlCharToInteger, quiet),
        service!(RtlIntegerToUnicodeString, quiet),
        service!(RtlInt64ToUnicodeString, quiet),
        service!(RtlStringFromGUID, quiet),
        service!(RtlGUIDFromString, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_examples_of_numbers() {
        for (text, base, value) in [
            ("123", 10, 123),
            ("  -345", 10, -345),
            ("xyz", 10, 0),
            ("   +678abc", 10, 678),
            ("   +678abc", 16, 6_785_724),
            ("007", 10, 7),
            ("789", 8, 7),
            ("FGH", 16, 15),
            ("      ", 10, 0),
            ("0x1f", 0, 31),
            ("-0b101", 0, -5),
            ("0o17", 0, 15),
            ("0x1f", 16, 0),
        ] {
            assert_eq!(parse(&units(text), base), Some(value as u32), "{text} in base {base}");
        }
        assert_eq!(parse(&units("1"), 7), None);
    }

    #[test]
    fn numbers_are_shown_in_the_four_bases() {
        assert_eq!(show(255, 16).as_deref(), Some("FF"));
        assert_eq!(show(5, 2).as_deref(), Some("101"));
        assert_eq!(show(8, 8).as_deref(), Some("10"));
        assert_eq!(show(0, 0).as_deref(), Some("0"));
        assert_eq!(show(1, 3), None);
    }

    #[test]
    fn guids_go_there_and_back() {
        let text = "{DEADBEEF-1234-5678-9ABC-DEF012345678}";
        let bytes = parse_guid(text).expect("a GUID");
        assert_eq!(bytes[..6], [0xef, 0xbe, 0xad, 0xde, 0x34, 0x12]);
        assert_eq!(bytes[8..10], [0x9a, 0xbc]);
        assert_eq!(show_guid(&bytes), text);
        for bad in [
            "",
            "{}",
            "{DEADBEEF-1234-5678-9ABC-DEF01234567}",
            "{+EADBEEF-1234-5678-9ABC-DEF012345678}",
        ] {
            assert_eq!(parse_guid(bad), None, "{bad}");
        }
    }
}
