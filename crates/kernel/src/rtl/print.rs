//! The formatted-text routines: printf into buffers.

use crate::cx::{Cx, Stop};
use crate::rtl::characters::from_ansi;
use crate::rtl::format::{Source, format};
use crate::rtl::text::{Counted, bytes_of, narrow_z, wide_z};
use crate::service;
use crate::service::Service;

/// Where a variadic routine's arguments are.
pub(crate) enum Arguments {
    /// Those of the service called, from this one on.
    Own(usize),
    /// A `va_list`: on x64 the address of the next 8-byte slot.
    List(u64),
}

struct Guest<'a, 'b> {
    cx: &'a mut Cx<'b>,
    arguments: Arguments,
}

impl Source for Guest<'_, '_> {
    type Error = Stop;

    fn next(&mut self) -> Result<u64, Stop> {
        match &mut self.arguments {
            Arguments::Own(index) => {
                *index += 1;
                Ok(self.cx.argument(*index - 1))
            }
            Arguments::List(list) => {
                *list = list.wrapping_add(8);
                self.cx.read64(list.wrapping_sub(8))
            }
        }
    }

    fn narrow(&mut self, address: u64, most: u64) -> Result<Vec<u8>, Stop> {
        narrow_z(self.cx, address, most)
    }

    fn wide(&mut self, address: u64, most: u64) -> Result<Vec<u16>, Stop> {
        wide_z(self.cx, address, most)
    }

    fn counted(&mut self, address: u64, wide: bool) -> Result<Vec<u16>, Stop> {
        let string = Counted::read(self.cx, address)?;
        if wide {
            return string.units(self.cx);
        }
        Ok(string.bytes(self.cx)?.into_iter().map(from_ansi).collect())
    }

    fn unsupported(&mut self, conversion: &str) -> Stop {
        let what = format!("the conversion `{conversion}` in a format string");
        match self.cx.unsupported::<()>(what) {
            Ok(()) => Stop::Run,
            Err(stop) => stop,
        }
    }
}

/// Formats narrow text: ANSI characters.
pub(crate) fn narrow(cx: &mut Cx, text: u64, arguments: Arguments) -> Result<Vec<u8>, Stop> {
    let units: Vec<u16> = narrow_z(cx, text, u64::MAX)?.into_iter().map(u16::from).collect();
    let out = format(&units, false, &mut Guest { cx, arguments })?;
    Ok(out.into_iter().map(|unit| unit as u8).collect())
}

/// Formats wide text.
pub(crate) fn wide(cx: &mut Cx, text: u64, arguments: Arguments) -> Result<Vec<u16>, Stop> {
    let units = wide_z(cx, text, u64::MAX)?;
    format(&units, true, &mut Guest { cx, arguments })
}

/// What to do with text that is longer than the buffer.
#[derive(Clone, Copy, PartialEq)]
enum Bound {
    /// There is no bound.
    None,
    /// `_snprintf`: fill the buffer, unterminated where it is full, and return -1.
    Fill(u64),
    /// `sprintf_s`: the buffer becomes empty, and -1 is returned.
    Empty(u64),
    /// `_snprintf_s`: room and most characters; always terminated, -1 when cut.
    Cut(u64, u64),
}

/// `count` of the safe routines that means: as much as fits (corecrt.h: `_TRUNCATE`).
const TRUNCATE: u64 = u64::MAX;

/// What is written of text of this many characters: how many of them, whether a terminator
/// follows, and what is returned.
fn fit(length: u64, bound: Bound) -> (u64, bool, i32) {
    match bound {
        Bound::None => (length, true, length as i32),
        Bound::Fill(room) if length < room => (length, true, length as i32),
        // Exactly full: all characters, no terminator, and no error.
        Bound::Fill(room) if length == room => (length, false, length as i32),
        Bound::Fill(room) => (room, false, -1),
        Bound::Empty(room) if length < room => (length, true, length as i32),
        Bound::Empty(room) => (0, room > 0, -1),
        Bound::Cut(room, most) if length < room && length <= most => (length, true, length as i32),
        Bound::Cut(room, most) if most < room => (most, true, -1),
        Bound::Cut(room, TRUNCATE) => (room.saturating_sub(1), room > 0, -1),
        Bound::Cut(room, _) => (0, room > 0, -1),
    }
}

fn put_narrow(cx: &mut Cx, to: u64, mut text: Vec<u8>, bound: Bound) -> Result<i32, Stop> {
    let (keep, terminate, result) = fit(text.len() as u64, bound);
    text.truncate(keep as usize);
    if terminate {
        text.push(0);
    }
    cx.write_bytes(to, &text)?;
    Ok(result)
}

fn put_wide(cx: &mut Cx, to: u64, mut text: Vec<u16>, bound: Bound) -> Result<i32, Stop> {
    let (keep, terminate, result) = fit(text.len() as u64, bound);
    text.truncate(keep as usize);
    if terminate {
        text.push(0);
    }
    cx.write_bytes(to, &bytes_of(&text))?;
    Ok(result)
}

macro_rules! printf {
    ($($make:ident $put:ident $name:ident($($argument:ident),*), $format:ident, $from:expr, $bound:expr;)*) => {
        $(
            /// Formats into a buffer; returns the number of characters, or -1 where they do not fit.
            /// <https://learn.microsoft.com/cpp/c-runtime-library/format-specification-syntax-printf-and-wprintf-functions>
            pub fn $name(cx: &mut Cx, to: u64, $($argument: u64),*) -> Result<i32, Stop> {
                let text = $make(cx, $format, $from)?;
                $put(cx, to, text, $bound)
            }
        )*

        pub(crate) fn services() -> Vec<Service> {
            vec![$(service!($name, quiet)),*]
        }
    };
}

use Arguments::{List, Own};
printf! {
    narrow put_narrow sprintf(text), text, Own(2), Bound::None;
    narrow put_narrow vsprintf(text, list), text, List(list), Bound::None;
    narrow put_narrow _snprintf(room, text), text, Own(3), Bound::Fill(room);
    narrow put_narrow _vsnprintf(room, text, list), text, List(list), Bound::Fill(room);
    narrow put_narrow sprintf_s(room, text), text, Own(3), Bound::Empty(room);
    narrow put_narrow vsprintf_s(room, text, list), text, List(list), Bound::Empty(room);
    narrow put_narrow _snprintf_s(room, most, text), text, Own(4), Bound::Cut(room, most);
    narrow put_narrow _vsnprintf_s(room, most, text, list), text, List(list), Bound::Cut(room, most);
    wide put_wide swprintf(text), text, Own(2), Bound::None;
    wide put_wide _swprintf(text), text, Own(2), Bound::None;
    wide put_wide _vswprintf(text, list), text, List(list), Bound::None;
    wide put_wide _snwprintf(room, text), text, Own(3), Bound::Fill(room);
    wide put_wide _vsnwprintf(room, text, list), text, List(list), Bound::Fill(room);
    wide put_wide swprintf_s(room, text), text, Own(3), Bound::Empty(room);
    wide put_wide vswprintf_s(room, text, list), text, List(list), Bound::Empty(room);
    wide put_wide _snwprintf_s(room, most, text), text, Own(4), Bound::Cut(room, most);
    wide put_wide _vsnwprintf_s(room, most, text, list), text, List(list), Bound::Cut(room, most);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_does_not_fit_is_dealt_with_as_each_routine_documents() {
        assert_eq!(fit(5, Bound::None), (5, true, 5));
        assert_eq!(fit(5, Bound::Fill(6)), (5, true, 5));
        assert_eq!(fit(5, Bound::Fill(5)), (5, false, 5));
        assert_eq!(fit(5, Bound::Fill(4)), (4, false, -1));
        assert_eq!(fit(0, Bound::Fill(0)), (0, false, 0));
        assert_eq!(fit(5, Bound::Empty(5)), (0, true, -1));
        assert_eq!(fit(5, Bound::Cut(6, TRUNCATE)), (5, true, 5));
        assert_eq!(fit(5, Bound::Cut(4, TRUNCATE)), (3, true, -1));
        assert_eq!(fit(5, Bound::Cut(9, 2)), (2, true, -1));
        assert_eq!(fit(5, Bound::Cut(4, 5)), (0, true, -1));
    }
}
