//! Comparing strings, with or without case.

use crate::cx::{Cx, Stop};
use crate::rtl::characters::{upcase, upcase_ansi};
use crate::rtl::text::{Counted, unicode, units_of};
use crate::service;
use crate::service::Service;
use nt::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

/// Difference of the first characters that differ, or of the lengths.
fn difference<T: Copy + Into<i32>>(left: &[T], right: &[T], key: impl Fn(T) -> T) -> i32 {
    for (&l, &r) in left.iter().zip(right) {
        let difference = key(l).into() - key(r).into();
        if difference != 0 {
            return difference;
        }
    }
    left.len() as i32 - right.len() as i32
}

fn wide(left: &[u16], right: &[u16], ignore_case: bool) -> i32 {
    if ignore_case { difference(left, right, upcase) } else { difference(left, right, |u| u) }
}

fn narrow(left: &[u8], right: &[u8], ignore_case: bool) -> i32 {
    if ignore_case { difference(left, right, upcase_ansi) } else { difference(left, right, |b| b) }
}

/// Less than, equal to or greater than zero.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcompareunicodestring>
pub fn RtlCompareUnicodeString(
    cx: &mut Cx,
    left: u64,
    right: u64,
    ignore_case: bool,
) -> Result<i32, Stop> {
    let (left, right) = (unicode(cx, left)?, unicode(cx, right)?);
    Ok(wide(&left, &right, ignore_case))
}

/// The same for buffers, lengths in characters.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/>
pub fn RtlCompareUnicodeStrings(
    cx: &mut Cx,
    left: u64,
    left_units: u64,
    right: u64,
    right_units: u64,
    ignore_case: bool,
) -> Result<i32, Stop> {
    let left = units_of(&cx.read_bytes(left, left_units.saturating_mul(2))?);
    let right = units_of(&cx.read_bytes(right, right_units.saturating_mul(2))?);
    Ok(wide(&left, &right, ignore_case))
}

/// Whether two strings are equal.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlequalunicodestring>
pub fn RtlEqualUnicodeString(
    cx: &mut Cx,
    left: u64,
    right: u64,
    ignore_case: bool,
) -> Result<bool, Stop> {
    let (one, other) = (Counted::read(cx, left)?, Counted::read(cx, right)?);
    if one.length != other.length {
        return Ok(false);
    }
    let (one, other) = (one.units(cx)?, other.units(cx)?);
    Ok(wide(&one, &other, ignore_case) == 0)
}

/// Whether the second string starts with the first.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlprefixunicodestring>
pub fn RtlPrefixUnicodeString(
    cx: &mut Cx,
    prefix: u64,
    string: u64,
    ignore_case: bool,
) -> Result<bool, Stop> {
    let prefix = unicode(cx, prefix)?;
    let string = unicode(cx, string)?;
    let start = string.get(..prefix.len());
    Ok(start.is_some_and(|start| wide(&prefix, start, ignore_case) == 0))
}

/// Less than, equal to or greater than zero.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlcomparestring>
pub fn RtlCompareString(
    cx: &mut Cx,
    left: u64,
    right: u64,
    ignore_case: bool,
) -> Result<i32, Stop> {
    let left = Counted::read(cx, left)?.bytes(cx)?;
    let right = Counted::read(cx, right)?.bytes(cx)?;
    Ok(narrow(&left, &right, ignore_case))
}

/// Whether two strings are equal.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlequalstring>
pub fn RtlEqualString(cx: &mut Cx, left: u64, right: u64, ignore_case: bool) -> Result<bool, Stop> {
    Ok(RtlCompareString(cx, left, right, ignore_case)? == 0)
}

/// Whether the second string starts with the first.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/>
pub fn RtlPrefixString(
    cx: &mut Cx,
    prefix: u64,
    string: u64,
    ignore_case: bool,
) -> Result<bool, Stop> {
    let prefix = Counted::read(cx, prefix)?.bytes(cx)?;
    let string = Counted::read(cx, string)?.bytes(cx)?;
    let start = string.get(..prefix.len());
    Ok(start.is_some_and(|start| narrow(&prefix, start, ignore_case) == 0))
}

/// Hash of a string by the x65599 algorithm (0 asks for the default, which is that).
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlhashunicodestring>
pub fn RtlHashUnicodeString(
    cx: &mut Cx,
    string: u64,
    ignore_case: bool,
    algorithm: u32,
    value: u64,
) -> Result<u32, Stop> {
    if algorithm > 1 || value == 0 || string == 0 {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    let units = unicode(cx, string)?;
    let key = |unit| if ignore_case { upcase(unit) } else { unit };
    let add = |hash: u32, unit: &u16| hash.wrapping_mul(65599).wrapping_add(key(*unit).into());
    cx.write32(value, units.iter().fold(0, add))?;
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlCompareUnicodeString, quiet),
        service!(RtlCompareUnicodeStrings, quiet),
        service!(RtlEqualUnicodeString, quiet),
        service!(RtlPrefixUnicodeString, quiet),
        service!(RtlCompareString, quiet),
        service!(RtlEqualString, quiet),
        service!(RtlPrefixString, quiet),
        service!(RtlHashUnicodeString, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_ordered_by_the_first_difference_then_by_length() {
        assert!(narrow(b"abc", b"abd", false) < 0);
        assert!(narrow(b"abc", b"ab", false) > 0);
        assert_eq!(narrow(b"aBc", b"AbC", true), 0);
        assert!(narrow(b"aBc", b"AbC", false) > 0);
        assert_eq!(wide(&[0xe4], &[0xc4], true), 0);
        assert!(wide(&[], &[0], true) < 0);
    }
}
