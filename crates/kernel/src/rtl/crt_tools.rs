//! The C library's tools besides strings: numbers in any base, sorting, searching.

use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::rtl::text::{narrow_z, wide_z};
use crate::service;
use crate::service::Service;

/// Most bytes that are sorted at once: more is a limit of the bench.
const MOST_BYTES: u64 = 1 << 20;

/// A number at the start of text: its value, whether it has a minus sign, whether it overflowed 64
/// bits, and the characters that it takes.
fn number(units: &[u32], base: u32) -> (u64, bool, bool, usize) {
    let char_at = |at: usize| units.get(at).and_then(|&unit| char::from_u32(unit));
    let mut at = units.iter().take_while(|&&unit| matches!(unit, 0x20 | 9..=13)).count();
    let sign = char_at(at).filter(|c| matches!(c, '+' | '-'));
    at += usize::from(sign.is_some());
    let hexadecimal = char_at(at) == Some('0')
        && matches!(char_at(at + 1), Some('x' | 'X'))
        && char_at(at + 2).is_some_and(|c| c.is_ascii_hexdigit());
    let base = match base {
        0 if hexadecimal => 16,
        0 if char_at(at) == Some('0') => 8,
        0 => 10,
        base => base,
    };
    if base == 16 && hexadecimal {
        at += 2;
    }
    let start = at;
    let (mut value, mut overflow) = (0u64, false);
    while let Some(digit) = char_at(at).and_then(|c| c.to_digit(base)) {
        let next = value.checked_mul(base.into()).and_then(|v| v.checked_add(digit.into()));
        overflow |= next.is_none();
        value = next.unwrap_or(u64::MAX);
        at += 1;
    }
    if at == start && !hexadecimal {
        (0, false, false, 0)
    } else {
        (value, sign == Some('-'), overflow, at)
    }
}

/// What `strtoul` makes of it: 32 bits on Windows, the largest number where it does not fit.
fn to_unsigned(parsed: (u64, bool, bool, usize), most: u64) -> u64 {
    let (value, negative, overflow, _) = parsed;
    if overflow || value > most {
        return most;
    }
    if negative { value.wrapping_neg() & most } else { value }
}

fn narrow_number(
    cx: &mut Cx,
    text: u64,
    end: u64,
    base: u32,
) -> Result<(u64, bool, bool, usize), Stop> {
    let units: Vec<u32> = narrow_z(cx, text, u64::MAX)?.into_iter().map(u32::from).collect();
    let parsed = number(&units, checked_base(cx, base)?);
    if end != 0 {
        cx.write64(end, text + parsed.3 as u64)?;
    }
    Ok(parsed)
}

fn checked_base(cx: &mut Cx, base: u32) -> Result<u32, Stop> {
    if base == 1 || base > 36 {
        return cx.unsupported(format!("a number in base {base}"));
    }
    Ok(base)
}

/// An unsigned 64-bit number. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn _strtoui64(cx: &mut Cx, text: u64, end: u64, base: u32) -> Result<u64, Stop> {
    Ok(to_unsigned(narrow_number(cx, text, end, base)?, u64::MAX))
}

/// An unsigned 32-bit number. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn strtoul(cx: &mut Cx, text: u64, end: u64, base: u32) -> Result<u32, Stop> {
    Ok(to_unsigned(narrow_number(cx, text, end, base)?, u32::MAX.into()) as u32)
}

/// A signed 32-bit number. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn strtol(cx: &mut Cx, text: u64, end: u64, base: u32) -> Result<i32, Stop> {
    let (value, negative, overflow, _) = narrow_number(cx, text, end, base)?;
    let value = if overflow { i64::MAX } else { value.min(i64::MAX as u64) as i64 };
    let value = if negative { -value } else { value };
    Ok(value.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

/// An unsigned 32-bit number from wide text. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn wcstoul(cx: &mut Cx, text: u64, end: u64, base: u32) -> Result<u32, Stop> {
    let units: Vec<u32> = wide_z(cx, text, u64::MAX)?.into_iter().map(u32::from).collect();
    let parsed = number(&units, checked_base(cx, base)?);
    if end != 0 {
        cx.write64(end, text + 2 * parsed.3 as u64)?;
    }
    Ok(to_unsigned(parsed, u32::MAX.into()) as u32)
}

fn compare(cx: &mut Cx, routine: u64, left: u64, right: u64) -> Result<i32, Stop> {
    Ok(cx.call(Routine::Callback, routine, &[left, right])? as i32)
}

fn swap(cx: &mut Cx, left: u64, right: u64, width: u64) -> Result<(), Stop> {
    let (a, b) = (cx.read_bytes(left, width)?, cx.read_bytes(right, width)?);
    cx.write_bytes(left, &b)?;
    cx.write_bytes(right, &a)
}

/// Sorts an array in place by heap sort; equal elements come in any order, as documented.
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/qsort>
pub fn qsort(cx: &mut Cx, base: u64, count: u64, width: u64, routine: u64) -> Result<(), Stop> {
    if count.saturating_mul(width) > MOST_BYTES {
        return cx.limit(format!("sorting {count} elements of {width} bytes"));
    }
    let at = |index: u64| base + index * width;
    let mut heap = count / 2;
    let mut end = count;
    while end > 1 {
        if heap > 0 {
            heap -= 1;
        } else {
            end -= 1;
            swap(cx, at(0), at(end), width)?;
        }
        let mut parent = heap;
        while 2 * parent + 1 < end {
            let mut child = 2 * parent + 1;
            if child + 1 < end && compare(cx, routine, at(child), at(child + 1))? < 0 {
                child += 1;
            }
            if compare(cx, routine, at(parent), at(child))? >= 0 {
                break;
            }
            swap(cx, at(parent), at(child), width)?;
            parent = child;
        }
    }
    Ok(())
}

/// Finds an element of a sorted array; 0 for none.
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/bsearch>
pub fn bsearch(
    cx: &mut Cx,
    key: u64,
    base: u64,
    count: u64,
    width: u64,
    routine: u64,
) -> Result<u64, Stop> {
    let (mut from, mut to) = (0, count);
    while from < to {
        let middle = from + (to - from) / 2;
        let here = base.wrapping_add(middle.wrapping_mul(width));
        match compare(cx, routine, key, here)? {
            0 => return Ok(here),
            1.. => from = middle + 1,
            _ => to = middle,
        }
    }
    Ok(0)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(_strtoui64, quiet),
        service!(strtoul, quiet),
        service!(strtol, quiet),
        service!(wcstoul, quiet),
        service!(qsort, quiet),
        service!(bsearch, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{CODE, bytes, run};

    fn read(text: &str, base: u32) -> (u64, bool, bool, usize) {
        number(&text.chars().map(u32::from).collect::<Vec<_>>(), base)
    }

    #[test]
    fn numbers_end_where_they_end() {
        assert_eq!(read(" 0x1fg", 0), (0x1f, false, false, 5));
        assert_eq!(read("0x", 16), (0, false, false, 1), "the zero alone");
        assert_eq!(read("-017", 0), (15, true, false, 4));
        assert_eq!(read("zz", 36), (35 * 36 + 35, false, false, 2));
        assert_eq!(read(" -x", 10), (0, false, false, 0));
        assert!(read("99999999999999999999", 10).2);
        assert_eq!(to_unsigned(read("-1", 10), u32::MAX.into()), u32::MAX.into());
        assert_eq!(to_unsigned(read("4294967296", 10), u32::MAX.into()), u32::MAX.into());
    }

    #[test]
    fn arrays_are_sorted_and_searched_by_the_callback() {
        run(|cx| {
            // movzx eax, byte [rcx]; movzx edx, byte [rdx]; sub eax, edx; ret
            cx.bus.memory.poke(CODE, b"\x0f\xb6\x01\x0f\xb6\x12\x29\xd0\xc3");
            let at = bytes(cx, b"the quick brown fox");
            qsort(cx, at, 19, 1, CODE)?;
            assert_eq!(cx.read_bytes(at, 19)?, b"   bcefhiknooqrtuwx");
            let key = bytes(cx, b"k");
            assert_eq!(bsearch(cx, key, at, 19, 1, CODE)?, at + 9);
            let key = bytes(cx, b"z");
            assert_eq!(bsearch(cx, key, at, 19, 1, CODE)?, 0);
            Ok(())
        });
    }
}
