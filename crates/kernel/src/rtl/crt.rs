//! The C library's string routines that ntoskrnl exports, narrow and wide from one description.
//! They read character by character, so an unterminated string is caught where it runs out.

use crate::cx::{Cx, Stop};
use crate::rtl::text::{narrow_z, wide_z, write_units};
use crate::service;
use crate::service::Service;

/// No limit on the characters to look at.
const ALL: u64 = u64::MAX;
/// Invalid argument (errno.h).
const EINVAL: u32 = 22;
/// The result does not fit (errno.h).
const ERANGE: u32 = 34;
/// `count` of the safe routines that means: as much as fits (corecrt.h: `_TRUNCATE`).
const TRUNCATE: u64 = u64::MAX;
/// What the safe routines return when they truncate as asked (errno.h: `STRUNCATE`).
const STRUNCATE: u32 = 80;

fn write_bytes(cx: &mut Cx, address: u64, bytes: &[u8]) -> Result<(), Stop> {
    cx.write_bytes(address, bytes)
}

fn read_byte(cx: &mut Cx, address: u64) -> Result<u8, Stop> {
    cx.read8(address)
}

fn read_unit(cx: &mut Cx, address: u64) -> Result<u16, Stop> {
    cx.read16(address)
}

/// C's `tolower` in the C locale.
pub(crate) fn lower<T: Copy + Into<u32> + TryFrom<u32>>(unit: T) -> T {
    match unit.into() {
        letter @ 0x41..=0x5a => T::try_from(letter + 0x20).unwrap_or(unit),
        _ => unit,
    }
}

fn upper<T: Copy + Into<u32> + TryFrom<u32>>(unit: T) -> T {
    match unit.into() {
        letter @ 0x61..=0x7a => T::try_from(letter - 0x20).unwrap_or(unit),
        _ => unit,
    }
}

/// Compares up to the first difference, touching nothing behind it.
fn compare<T: Copy + Eq + Ord + Default>(
    cx: &mut Cx,
    places: (u64, u64),
    most: u64,
    read: fn(&mut Cx, u64) -> Result<T, Stop>,
    key: fn(T) -> T,
) -> Result<i32, Stop> {
    let step = size_of::<T>() as u64;
    for index in 0..most {
        let left = key(read(cx, places.0.wrapping_add(index * step))?);
        let right = key(read(cx, places.1.wrapping_add(index * step))?);
        if left != right {
            return Ok(left.cmp(&right) as i32);
        }
        if left == T::default() {
            break;
        }
    }
    Ok(0)
}

fn find<T: Eq>(text: &[T], part: &[T]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}

macro_rules! strings {
    (
        $unit:ty, $text:ident, $read:ident, $write:ident, $manual:literal,
        $len:ident $nlen:ident $cpy:ident $ncpy:ident $cat:ident $ncat:ident
        $cmp:ident $ncmp:ident $icmp:ident $nicmp:ident
        $chr:ident $rchr:ident $str:ident $spn:ident $cspn:ident $lwr:ident $upr:ident
        $cpy_s:ident $cat_s:ident $ncpy_s:ident $services:ident
    ) => {
        #[doc = concat!("Characters before the terminator. <", $manual, "strlen>")]
        pub fn $len(cx: &mut Cx, text: u64) -> Result<u64, Stop> {
            Ok($text(cx, text, ALL)?.len() as u64)
        }

        #[doc = concat!("Characters before the terminator, at most `most`. <", $manual, "strnlen>")]
        pub fn $nlen(cx: &mut Cx, text: u64, most: u64) -> Result<u64, Stop> {
            Ok($text(cx, text, most)?.len() as u64)
        }

        #[doc = concat!("Copies with the terminator. <", $manual, "strcpy>")]
        pub fn $cpy(cx: &mut Cx, to: u64, from: u64) -> Result<u64, Stop> {
            let mut text = $text(cx, from, ALL)?;
            text.push(0);
            $write(cx, to, &text)?;
            Ok(to)
        }

        #[doc = concat!("Copies up to `most` characters, filling with zeroes. <", $manual, "strncpy>")]
        pub fn $ncpy(cx: &mut Cx, to: u64, from: u64, most: u64) -> Result<u64, Stop> {
            let text = $text(cx, from, most)?;
            $write(cx, to, &text)?;
            let step = size_of::<$unit>() as u64;
            let done = text.len() as u64 * step;
            let rest = most.saturating_mul(step) - done;
            crate::rtl::memory::memset(cx, to.wrapping_add(done), 0, rest)?;
            Ok(to)
        }

        #[doc = concat!("Appends. <", $manual, "strcat>")]
        pub fn $cat(cx: &mut Cx, to: u64, from: u64) -> Result<u64, Stop> {
            $ncat(cx, to, from, ALL)
        }

        #[doc = concat!("Appends up to `most` characters and a terminator. <", $manual, "strncat>")]
        pub fn $ncat(cx: &mut Cx, to: u64, from: u64, most: u64) -> Result<u64, Stop> {
            let end = $text(cx, to, ALL)?.len() as u64 * size_of::<$unit>() as u64;
            let mut text = $text(cx, from, most)?;
            text.push(0);
            $write(cx, to.wrapping_add(end), &text)?;
            Ok(to)
        }

        #[doc = concat!("Compares. <", $manual, "strcmp>")]
        pub fn $cmp(cx: &mut Cx, left: u64, right: u64) -> Result<i32, Stop> {
            compare(cx, (left, right), ALL, $read, |unit: $unit| unit)
        }

        #[doc = concat!("Compares up to `most` characters. <", $manual, "strncmp>")]
        pub fn $ncmp(cx: &mut Cx, left: u64, right: u64, most: u64) -> Result<i32, Stop> {
            compare(cx, (left, right), most, $read, |unit: $unit| unit)
        }

        #[doc = concat!("Compares without regard to ASCII case. <", $manual, "stricmp>")]
        pub fn $icmp(cx: &mut Cx, left: u64, right: u64) -> Result<i32, Stop> {
            compare(cx, (left, right), ALL, $read, lower::<$unit>)
        }

        #[doc = concat!("Compares up to `most` characters without case. <", $manual, "strnicmp>")]
        pub fn $nicmp(cx: &mut Cx, left: u64, right: u64, most: u64) -> Result<i32, Stop> {
            compare(cx, (left, right), most, $read, lower::<$unit>)
        }

        #[doc = concat!("Address of the first such character, or 0. <", $manual, "strchr>")]
        pub fn $chr(cx: &mut Cx, text: u64, unit: u32) -> Result<u64, Stop> {
            let mut at = text;
            loop {
                let here = $read(cx, at)?;
                if here == unit as $unit {
                    return Ok(at);
                }
                if here == 0 {
                    return Ok(0);
                }
                at = at.wrapping_add(size_of::<$unit>() as u64);
            }
        }

        #[doc = concat!("Address of the last such character, or 0. <", $manual, "strrchr>")]
        pub fn $rchr(cx: &mut Cx, text: u64, unit: u32) -> Result<u64, Stop> {
            let mut held = $text(cx, text, ALL)?;
            held.push(0);
            let found = held.iter().rposition(|&here| here == unit as $unit);
            Ok(found.map_or(0, |index| text + (index * size_of::<$unit>()) as u64))
        }

        #[doc = concat!("Address of the first occurrence of a string, or 0. <", $manual, "strstr>")]
        pub fn $str(cx: &mut Cx, text: u64, part: u64) -> Result<u64, Stop> {
            let held = $text(cx, text, ALL)?;
            let part = $text(cx, part, ALL)?;
            let found = find(&held, &part);
            Ok(found.map_or(0, |index| text + (index * size_of::<$unit>()) as u64))
        }

        #[doc = concat!("Length of the start made of these characters. <", $manual, "strspn>")]
        pub fn $spn(cx: &mut Cx, text: u64, set: u64) -> Result<u64, Stop> {
            let (held, set) = ($text(cx, text, ALL)?, $text(cx, set, ALL)?);
            Ok(held.iter().take_while(|unit| set.contains(unit)).count() as u64)
        }

        #[doc = concat!("Length of the start free of these characters. <", $manual, "strcspn>")]
        pub fn $cspn(cx: &mut Cx, text: u64, set: u64) -> Result<u64, Stop> {
            let (held, set) = ($text(cx, text, ALL)?, $text(cx, set, ALL)?);
            Ok(held.iter().take_while(|unit| !set.contains(unit)).count() as u64)
        }

        #[doc = concat!("Changes to lower case in place. <", $manual, "strlwr>")]
        pub fn $lwr(cx: &mut Cx, text: u64) -> Result<u64, Stop> {
            let held: Vec<$unit> = $text(cx, text, ALL)?.into_iter().map(lower).collect();
            $write(cx, text, &held)?;
            Ok(text)
        }

        #[doc = concat!("Changes to upper case in place. <", $manual, "strupr>")]
        pub fn $upr(cx: &mut Cx, text: u64) -> Result<u64, Stop> {
            let held: Vec<$unit> = $text(cx, text, ALL)?.into_iter().map(upper).collect();
            $write(cx, text, &held)?;
            Ok(text)
        }

        #[doc = concat!("Copies where there is room for all of it. <", $manual, "strcpy-s>")]
        pub fn $cpy_s(cx: &mut Cx, to: u64, room: u64, from: u64) -> Result<u32, Stop> {
            $ncpy_s(cx, to, room, from, ALL - 1)
        }

        #[doc = concat!("Appends where there is room for all of it. <", $manual, "strcat-s>")]
        pub fn $cat_s(cx: &mut Cx, to: u64, room: u64, from: u64) -> Result<u32, Stop> {
            if to == 0 || room == 0 {
                return Ok(EINVAL);
            }
            let end = $text(cx, to, room)?.len() as u64;
            if end == room {
                $write(cx, to, &[0])?;
                return Ok(EINVAL);
            }
            let place = to.wrapping_add(end * size_of::<$unit>() as u64);
            let error = $ncpy_s(cx, place, room - end, from, ALL - 1)?;
            if error != 0 {
                $write(cx, to, &[0])?;
            }
            Ok(error)
        }

        #[doc = concat!("Copies up to `most` characters where there is room. <", $manual, "strncpy-s>")]
        pub fn $ncpy_s(
            cx: &mut Cx,
            to: u64,
            room: u64,
            from: u64,
            most: u64,
        ) -> Result<u32, Stop> {
            if to == 0 || room == 0 {
                return Ok(EINVAL);
            }
            if from == 0 {
                $write(cx, to, &[0])?;
                return Ok(if most == 0 { 0 } else { EINVAL });
            }
            let mut text = $text(cx, from, most.min(room))?;
            let fits = (text.len() as u64) < room;
            if !fits {
                text.truncate(if most == TRUNCATE { room as usize - 1 } else { 0 });
            }
            text.push(0);
            $write(cx, to, &text)?;
            Ok(if fits { 0 } else if most == TRUNCATE { STRUNCATE } else { ERANGE })
        }

        fn $services() -> Vec<Service> {
            vec![
                service!($len, quiet),
                service!($nlen, quiet),
                service!($cpy, quiet),
                service!($ncpy, quiet),
                service!($cat, quiet),
                service!($ncat, quiet),
                service!($cmp, quiet),
                service!($ncmp, quiet),
                service!($icmp, quiet),
                service!($nicmp, quiet),
                service!($chr, quiet),
                service!($rchr, quiet),
                service!($str, quiet),
                service!($spn, quiet),
                service!($cspn, quiet),
                service!($lwr, quiet),
                service!($upr, quiet),
                service!($cpy_s, quiet),
                service!($cat_s, quiet),
                service!($ncpy_s, quiet),
            ]
        }
    };
}

strings! {
    u8, narrow_z, read_byte, write_bytes, "https://learn.microsoft.com/cpp/c-runtime-library/",
    strlen strnlen strcpy strncpy strcat strncat strcmp strncmp _stricmp _strnicmp
    strchr strrchr strstr strspn strcspn _strlwr _strupr strcpy_s strcat_s strncpy_s narrow
}

strings! {
    u16, wide_z, read_unit, write_units, "https://learn.microsoft.com/cpp/c-runtime-library/",
    wcslen wcsnlen wcscpy wcsncpy wcscat wcsncat wcscmp wcsncmp _wcsicmp _wcsnicmp
    wcschr wcsrchr wcsstr wcsspn wcscspn _wcslwr _wcsupr wcscpy_s wcscat_s wcsncpy_s wide
}

/// One character in upper case. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn toupper(_: &mut Cx, character: u32) -> Result<u32, Stop> {
    Ok(upper(character))
}

/// One character in lower case. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn tolower(_: &mut Cx, character: u32) -> Result<u32, Stop> {
    Ok(lower(character))
}

/// One wide character in upper case. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn towupper(_: &mut Cx, unit: u16) -> Result<u16, Stop> {
    Ok(crate::rtl::characters::upcase(unit))
}

/// One wide character in lower case. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn towlower(_: &mut Cx, unit: u16) -> Result<u16, Stop> {
    Ok(crate::rtl::characters::downcase(unit))
}

fn is(character: u32, test: fn(&u8) -> bool) -> Result<bool, Stop> {
    Ok(u8::try_from(character).is_ok_and(|byte| test(&byte)))
}

/// Whether a character is a digit. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn isdigit(_: &mut Cx, character: u32) -> Result<bool, Stop> {
    is(character, u8::is_ascii_digit)
}

/// Whether a character is a hexadecimal digit. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn isxdigit(_: &mut Cx, character: u32) -> Result<bool, Stop> {
    is(character, u8::is_ascii_hexdigit)
}

/// Whether a character is white space. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn isspace(_: &mut Cx, character: u32) -> Result<bool, Stop> {
    is(character, |byte| matches!(byte, b' ' | 9..=13))
}

/// Whether a character is a capital letter. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn isupper(_: &mut Cx, character: u32) -> Result<bool, Stop> {
    is(character, u8::is_ascii_uppercase)
}

/// Whether a character is a small letter. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn islower(_: &mut Cx, character: u32) -> Result<bool, Stop> {
    is(character, u8::is_ascii_lowercase)
}

/// Whether a character can be printed. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn isprint(_: &mut Cx, character: u32) -> Result<bool, Stop> {
    is(character, |byte| (0x20..0x7f).contains(byte))
}

/// The number at the start of decimal text, wrapping at 64 bits.
fn number(units: impl Iterator<Item = u32>) -> i64 {
    let mut units = units.skip_while(|&unit| matches!(unit, 0x20 | 9..=13)).peekable();
    let negative = units.next_if(|&unit| unit == 0x2b || unit == 0x2d) == Some(0x2d);
    let digits = units.map_while(|unit| char::from_u32(unit)?.to_digit(10));
    let value = digits.fold(0i64, |sum, digit| sum.wrapping_mul(10).wrapping_add(digit.into()));
    if negative { value.wrapping_neg() } else { value }
}

/// The number at the start of text. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn atoi(cx: &mut Cx, text: u64) -> Result<i32, Stop> {
    Ok(number(narrow_z(cx, text, ALL)?.into_iter().map(u32::from)) as i32)
}

/// The number at the start of text. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn atol(cx: &mut Cx, text: u64) -> Result<i32, Stop> {
    atoi(cx, text)
}

/// The number at the start of wide text. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn _wtoi(cx: &mut Cx, text: u64) -> Result<i32, Stop> {
    Ok(number(wide_z(cx, text, ALL)?.into_iter().map(u32::from)) as i32)
}

/// The number at the start of wide text. <https://learn.microsoft.com/cpp/c-runtime-library/>
pub fn _wtol(cx: &mut Cx, text: u64) -> Result<i32, Stop> {
    _wtoi(cx, text)
}

pub(crate) fn services() -> Vec<Service> {
    let others = vec![
        service!(toupper, quiet),
        service!(tolower, quiet),
        service!(towupper, quiet),
        service!(towlower, quiet),
        service!(isdigit, quiet),
        service!(isxdigit, quiet),
        service!(isspace, quiet),
        service!(isupper, quiet),
        service!(islower, quiet),
        service!(isprint, quiet),
        service!(atoi, quiet),
        service!(atol, quiet),
        service!(_wtoi, quiet),
        service!(_wtol, quiet),
    ];
    [narrow(), wide(), others].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        let read = |text: &str| number(text.bytes().map(u32::from));
        assert_eq!(read(" \t-12x"), -12);
        assert_eq!((read("+7"), read("x"), read("")), (7, 0, 0));
        assert_eq!(read("--1"), 0);
    }

    #[test]
    fn parts_are_found() {
        assert_eq!(find(b"abcabd", b"abd"), Some(3));
        assert_eq!((find(b"ab", b""), find(b"", b"a")), (Some(0), None));
    }

    #[test]
    fn case_is_that_of_the_c_locale() {
        assert_eq!((lower(b'Z'), lower(0xc4u8), upper(0x7au16)), (b'z', 0xc4, 0x5a));
        assert_eq!(upper(0x1_0061u32), 0x1_0061);
    }
}
