//! The C library's conversions between text and text, numbers and text, and its cutter of words.

use super::characters::{ansi_of, units_of_ansi};
use crate::cx::{Cx, RAX, RSP, Stop};
use crate::map;
use crate::rtl::text::{narrow_z, wide_z};
use crate::service;
use crate::service::Service;
use memory::{Access, Fault, FaultCause};

/// errno.h.
const EINVAL: i32 = 22;
const ERANGE: i32 = 34;

/// Wide text of ANSI text, at most `most` characters with the zero; without a target, how many there
/// would be. <https://learn.microsoft.com/cpp/c-runtime-library/reference/mbstowcs-mbstowcs-l>
pub fn mbstowcs(cx: &mut Cx, to: u64, from: u64, most: u64) -> Result<u64, Stop> {
    let limit = if to == 0 { u64::MAX } else { most };
    let units = units_of_ansi(&narrow_z(cx, from, limit)?);
    if to != 0 {
        let mut bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        if (units.len() as u64) < most {
            bytes.extend([0; 2]);
        }
        cx.write_bytes(to, &bytes)?;
    }
    Ok(units.len() as u64)
}

/// ANSI text of wide text, likewise.
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/wcstombs-wcstombs-l>
pub fn wcstombs(cx: &mut Cx, to: u64, from: u64, most: u64) -> Result<u64, Stop> {
    let limit = if to == 0 { u64::MAX } else { most };
    let mut bytes = ansi_of(&wide_z(cx, from, limit)?);
    let count = bytes.len() as u64;
    if to != 0 {
        if count < most {
            bytes.push(0);
        }
        cx.write_bytes(to, &bytes)?;
    }
    Ok(count)
}

/// A number as text in a base; a negative one has its sign in base 10 only.
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/itoa-s-itow-s>
pub fn _itoa_s(cx: &mut Cx, value: i32, to: u64, room: u64, base: i32) -> Result<i32, Stop> {
    if to == 0 || room == 0 {
        return Ok(EINVAL);
    }
    if !(2..=36).contains(&base) {
        cx.write8(to, 0)?;
        return Ok(EINVAL);
    }
    let mut left = if base == 10 { value.unsigned_abs() } else { value as u32 };
    let mut digits = Vec::new();
    loop {
        let digit = char::from_digit(left % base as u32, base as u32).unwrap_or('0');
        digits.push(digit as u8);
        left /= base as u32;
        if left == 0 {
            break;
        }
    }
    if base == 10 && value < 0 {
        digits.push(b'-');
    }
    digits.reverse();
    digits.push(0);
    if digits.len() as u64 > room {
        cx.write8(to, 0)?;
        return Ok(ERANGE);
    }
    cx.write_bytes(to, &digits)?;
    Ok(0)
}

/// The next word of text, which is cut off by a zero; `context` says where to go on.
/// <https://learn.microsoft.com/cpp/c-runtime-library/reference/strtok-s-strtok-s-l-wcstok-s-wcstok-s-l-mbstok-s-mbstok-s-l>
pub fn strtok_s(cx: &mut Cx, text: u64, delimiters: u64, context: u64) -> Result<u64, Stop> {
    let delimiters = narrow_z(cx, delimiters, u64::MAX)?;
    let mut at = if text == 0 { cx.read64(context)? } else { text };
    while delimiters.contains(&cx.read8(at)?) {
        at += 1;
    }
    let word = at;
    loop {
        let byte = cx.read8(at)?;
        if byte == 0 {
            break;
        }
        at += 1;
        if delimiters.contains(&byte) {
            cx.write8(at - 1, 0)?;
            break;
        }
    }
    cx.write64(context, at)?;
    Ok(if word == at { 0 } else { word })
}

/// What compilers call in front of a frame of more than a page: RAX bytes of stack are about to be
/// used. RAX stays as it is.
/// <https://learn.microsoft.com/cpp/build/prolog-and-epilog>
pub fn __chkstk(cx: &mut Cx) -> Result<u64, Stop> {
    let (bytes, stack) = (cx.cpu().gpr[RAX], cx.cpu().gpr[RSP]);
    let bottom = map::STACKS + u64::from(cx.id()) * map::STACK_STRIDE;
    let address = stack.wrapping_sub(bytes);
    if bytes > map::STACK_BYTES || address < bottom {
        let address = address.max(bottom - 8);
        let cause = FaultCause::Unmapped;
        return cx.fault(Fault { address, bytes: 8, access: Access::Write, cause }, None);
    }
    Ok(bytes)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(mbstowcs, quiet),
        service!(wcstombs, quiet),
        service!(_itoa_s, quiet),
        service!(strtok_s, quiet),
        service!(__chkstk, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, bytes, outcome, run};

    #[test]
    fn text_goes_there_and_back() {
        run(|cx| {
            let (text, wide, back) = (bytes(cx, b"bus\x80\0"), block(cx, 16), block(cx, 8));
            assert_eq!(mbstowcs(cx, 0, text, 0)?, 4);
            assert_eq!(mbstowcs(cx, wide, text, 8)?, 4);
            assert_eq!(cx.read16(wide + 6)?, 0x20ac);
            assert_eq!(wcstombs(cx, back, wide, 3)?, 3);
            assert_eq!(cx.read_bytes(back, 4)?, b"bus\0");
            Ok(())
        });
    }

    #[test]
    fn numbers_have_signs_and_room() {
        run(|cx| {
            let to = block(cx, 8);
            assert_eq!(_itoa_s(cx, -90, to, 8, 10)?, 0);
            assert_eq!(cx.read_bytes(to, 4)?, b"-90\0");
            assert_eq!(_itoa_s(cx, -1, to, 8, 16)?, ERANGE);
            assert_eq!(_itoa_s(cx, 255, to, 3, 16)?, 0);
            assert_eq!(cx.read_bytes(to, 3)?, b"ff\0");
            Ok(())
        });
    }

    #[test]
    fn words_are_cut_off_one_by_one() {
        run(|cx| {
            let (text, cut, context) = (bytes(cx, b",,a,bc\0"), bytes(cx, b",\0"), block(cx, 8));
            assert_eq!(strtok_s(cx, text, cut, context)?, text + 2);
            assert_eq!(strtok_s(cx, 0, cut, context)?, text + 4);
            assert_eq!(strtok_s(cx, 0, cut, context)?, 0);
            assert_eq!(cx.read8(text + 3)?, 0);
            Ok(())
        });
    }

    #[test]
    fn a_frame_that_is_too_large_ends_the_run() {
        run(|cx| {
            cx.cpu().gpr[RAX] = 0x1000;
            assert_eq!(__chkstk(cx)?, 0x1000);
            Ok(())
        });
        let ended = outcome(|cx| {
            cx.cpu().gpr[RAX] = 1 << 20;
            __chkstk(cx).map(drop)
        });
        assert!(ended.is_some());
    }
}
