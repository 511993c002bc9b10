//! The run-time library's services on guest memory.

use super::test_machine::{block, bytes, outcome, run};
use super::{ansi, compare, convert, crt, memory, print, text, time, unicode, version};
use crate::cx::{Cx, Stop};
use crate::world::Outcome;
use nt::layout::unicode_string;
use nt::status::*;
use nt::string::{from_utf16le, to_utf16le_z};

/// A UNICODE_STRING with room for `room` bytes.
fn string(cx: &mut Cx, content: &str, room: u16) -> u64 {
    let held = to_utf16le_z(content);
    let length = held.len() as u16 - 2;
    let buffer = block(cx, u64::from(room.max(length + 2)));
    cx.bus.memory.poke(buffer, &held);
    let at = block(cx, unicode_string::SIZE);
    let counted = text::Counted { length, maximum: room.max(length), buffer };
    assert!(counted.write(cx, at).is_ok());
    at
}

fn content(cx: &mut Cx, at: u64) -> Result<String, Stop> {
    Ok(from_utf16le(&text::Counted::read(cx, at)?.bytes(cx)?))
}

#[test]
fn unicode_strings_are_set_up_copied_and_appended() {
    run(|cx| {
        let source = bytes(cx, &to_utf16le_z("\\Device\\Fifo"));
        let at = block(cx, 16);
        unicode::RtlInitUnicodeString(cx, at, source)?;
        assert_eq!(content(cx, at)?, "\\Device\\Fifo");
        assert_eq!(cx.read32(at)?, 24 | 26 << 16);
        unicode::RtlInitUnicodeString(cx, at, 0)?;
        assert_eq!((cx.read32(at)?, cx.read64(at + 8)?), (0, 0));

        let (name, short) = (string(cx, "abcdef", 0), string(cx, "", 6));
        unicode::RtlCopyUnicodeString(cx, short, name)?;
        assert_eq!(content(cx, short)?, "abc", "as much as fits");

        let long = string(cx, "x", 10);
        assert_eq!(unicode::RtlAppendUnicodeToString(cx, long, source)?, STATUS_BUFFER_TOO_SMALL);
        assert_eq!(unicode::RtlAppendUnicodeStringToString(cx, long, short)?, STATUS_SUCCESS);
        assert_eq!(content(cx, long)?, "xabc");
        Ok(())
    });
}

#[test]
fn strings_are_compared() {
    run(|cx| {
        let (a, b) = (string(cx, "Fifo", 0), string(cx, "FIFO0", 0));
        assert!(compare::RtlCompareUnicodeString(cx, a, b, true)? < 0);
        assert!(!compare::RtlEqualUnicodeString(cx, a, b, true)?);
        assert!(compare::RtlPrefixUnicodeString(cx, a, b, true)?);
        assert!(!compare::RtlPrefixUnicodeString(cx, a, b, false)?);
        assert!(!compare::RtlPrefixUnicodeString(cx, b, a, true)?);
        Ok(())
    });
}

#[test]
fn conversions_allocate_and_free() {
    run(|cx| {
        let (narrow, wide) = (block(cx, 16), block(cx, 16));
        let source = bytes(cx, b"G\xe4u\x80\0");
        ansi::RtlInitAnsiString(cx, narrow, source)?;
        assert_eq!(ansi::RtlAnsiStringToUnicodeString(cx, wide, narrow, true)?, STATUS_SUCCESS);
        assert_eq!(content(cx, wide)?, "G\u{e4}u\u{20ac}");
        let buffer = cx.read64(wide + unicode_string::BUFFER)?;
        assert_eq!(ansi::RtlUnicodeStringToAnsiString(cx, narrow, wide, false)?, STATUS_SUCCESS);
        assert_eq!(text::narrow_z(cx, source, 9)?, b"G\xe4u\x80");
        // All fits but the terminator, and then nothing is touched.
        let (full, room) = (block(cx, 16), bytes(cx, b"....."));
        text::Counted { length: 1, maximum: 4, buffer: room }.write(cx, full)?;
        let status = ansi::RtlUnicodeStringToAnsiString(cx, full, wide, false)?;
        assert_eq!(status, STATUS_BUFFER_OVERFLOW);
        assert_eq!(cx.read_bytes(room, 5)?, b".....");
        assert_eq!(text::Counted::read(cx, full)?.length, 1);
        unicode::RtlFreeUnicodeString(cx, wide)?;
        assert_eq!(cx.read64(wide + unicode_string::BUFFER)?, 0);
        assert!(crate::ex::pool::find_live(cx, buffer).is_none());

        let short = string(cx, "", 8);
        let status = convert::RtlIntegerToUnicodeString(cx, 0xbeef, 16, short)?;
        assert_eq!(status, STATUS_BUFFER_OVERFLOW, "no room for the terminator");
        let status = ansi::RtlAnsiStringToUnicodeString(cx, short, narrow, false)?;
        assert_eq!(status, STATUS_BUFFER_OVERFLOW, "likewise");
        let number = string(cx, "", 10);
        assert_eq!(convert::RtlIntegerToUnicodeString(cx, 0xbeef, 16, number)?, STATUS_SUCCESS);
        assert_eq!(content(cx, number)?, "BEEF");
        let status = convert::RtlIntegerToUnicodeString(cx, 0xbeef, 2, number)?;
        assert_eq!(status, STATUS_BUFFER_OVERFLOW);
        let value = block(cx, 4);
        assert_eq!(convert::RtlUnicodeStringToInteger(cx, number, 16, value)?, STATUS_SUCCESS);
        assert_eq!(cx.read32(value)?, 0xbeef);
        Ok(())
    });
}

#[test]
fn memory_is_moved_filled_and_compared() {
    run(|cx| {
        let at = bytes(cx, b"0123456789");
        memory::memmove(cx, at + 2, at, 8)?;
        assert_eq!(cx.read_bytes(at, 10)?, b"0101234567");
        memory::RtlFillMemory(cx, at, 3, b'x')?;
        assert_eq!(cx.read_bytes(at, 4)?, b"xxx1");
        let other = bytes(cx, b"xxy");
        assert_eq!(memory::RtlCompareMemory(cx, at, other, 3)?, 2);
        assert!(memory::memcmp(cx, at, other, 3)? < 0);
        assert_eq!(memory::memchr(cx, at, b'1'.into(), 10)?, at + 3);
        let large = block(cx, 10_000);
        memory::memset(cx, large, 7, 10_000)?;
        let copy = block(cx, 10_000);
        memory::memcpy(cx, copy, large, 10_000)?;
        assert_eq!(memory::RtlCompareMemory(cx, copy, large, 10_000)?, 10_000);
        memory::memcpy(cx, 0, 0, 0)?;
        Ok(())
    });
}

#[test]
fn an_overrun_is_refused_whole() {
    let ended = outcome(|cx| {
        let at = block(cx, 8);
        memory::memset(cx, at, 0, 9).map(drop)
    });
    let refused = matches!(&ended, Some(Outcome::Internal { what }) if what.contains("After"));
    assert!(refused, "{ended:?}");
}

#[test]
fn the_c_library_works_on_guest_strings() {
    run(|cx| {
        let (text, part) = (bytes(cx, b"hello world\0"), bytes(cx, b"WORLD\0"));
        assert_eq!(crt::strlen(cx, text)?, 11);
        assert_eq!(crt::strchr(cx, text, b'o'.into())?, text + 4);
        assert_eq!(crt::strrchr(cx, text, b'o'.into())?, text + 7);
        assert_eq!(crt::strstr(cx, text, part)?, 0);
        assert_eq!(crt::_stricmp(cx, text + 6, part)?, 0);
        assert!(crt::strcmp(cx, text + 6, part)? > 0);
        assert_eq!(crt::strncmp(cx, text, text + 6, 0)?, 0);
        let room = bytes(cx, &[0xff; 8]);
        crt::strncpy(cx, room, part, 8)?;
        assert_eq!(cx.read_bytes(room, 8)?, b"WORLD\0\0\0");
        assert_eq!(crt::strcpy_s(cx, room, 5, part)?, 34);
        assert_eq!(cx.read8(room)?, 0);
        assert_eq!(crt::strcat_s(cx, room, 8, part)?, 0);
        assert_eq!(crt::strcat_s(cx, room, 8, part)?, 34);
        let wide = bytes(cx, &to_utf16le_z("a\\b\\c"));
        assert_eq!(crt::wcslen(cx, wide)?, 5);
        assert_eq!(crt::wcsrchr(cx, wide, b'\\'.into())?, wide + 6);
        Ok(())
    });
}

#[test]
fn formatted_text_comes_from_a_va_list() {
    run(|cx| {
        let (to, format) = (block(cx, 32), bytes(cx, b"%s=%d %wZ\0"));
        let (name, unicode) = (bytes(cx, b"count\0"), string(cx, "W", 0));
        let list = block(cx, 24);
        for (index, value) in [name, -3i64 as u64, unicode].into_iter().enumerate() {
            cx.write64(list + 8 * index as u64, value)?;
        }
        assert_eq!(print::_vsnprintf(cx, to, 32, format, list)?, 10);
        assert_eq!(text::narrow_z(cx, to, 32)?, b"count=-3 W");
        assert_eq!(print::_vsnprintf(cx, to, 5, format, list)?, -1);
        let wide = bytes(cx, &to_utf16le_z("%S"));
        assert_eq!(print::_vsnwprintf(cx, to, 16, wide, list)?, 5);
        assert_eq!(text::wide_z(cx, to, 16)?, text::units_of(&nt::string::to_utf16le("count")));
        crate::dbg::output::vDbgPrintEx(cx, 0, 0, format, list)?;
        Ok(())
    });
}

#[test]
fn a_bad_argument_of_a_print_is_found_even_if_nobody_reads_it() {
    let ended = outcome(|cx| {
        let format = bytes(cx, b"%s\0");
        let list = bytes(cx, &0x1234u64.to_le_bytes());
        crate::dbg::output::vDbgPrintEx(cx, 0, 0, format, list).map(drop)
    });
    assert!(ended.is_some());
}

#[test]
fn versions_and_times_are_filled_in() {
    run(|cx| {
        let info = block(cx, 0x11c);
        cx.write32(info, 0x11c)?;
        version::RtlGetVersion(cx, info)?;
        assert_eq!((cx.read32(info + 4)?, cx.read8(info + 0x11a)?), (10, 1));
        // Version 6.1 or later: major and minor greater or equal.
        cx.write32(info + 4, 6)?;
        cx.write32(info + 8, 1)?;
        let mask = version::VerSetConditionMask(cx, 0, 2, 3)?;
        let mask = version::VerSetConditionMask(cx, mask, 1, 3)?;
        assert_eq!(version::RtlVerifyVersionInfo(cx, info, 3, mask)?, STATUS_SUCCESS);
        cx.write32(info + 4, 11)?;
        assert_eq!(version::RtlVerifyVersionInfo(cx, info, 3, mask)?, STATUS_REVISION_MISMATCH);

        let (at, fields) = (block(cx, 8), block(cx, 16));
        crate::ke::time::KeQuerySystemTime(cx, at)?;
        time::RtlTimeToTimeFields(cx, at, fields)?;
        assert_eq!((cx.read16(fields)?, cx.read16(fields + 2)?), (2024, 1));
        let earlier = crate::ke::time::KeQueryPerformanceCounter(cx, 0)?;
        crate::ke::time::KeStallExecutionProcessor(cx, 50)?;
        assert!(crate::ke::time::KeQueryPerformanceCounter(cx, 0)? >= earlier + 500);
        Ok(())
    });
}

#[test]
fn what_the_pages_refuse_is_refused() {
    run(|cx| {
        let words = block(cx, 16);
        memory::RtlFillMemoryUlong(cx, words, 16, 0x1234_5678)?;
        assert_eq!(memory::RtlCompareMemoryUlong(cx, words, 16, 0x1234_5678)?, 16);
        assert_eq!(memory::RtlCompareMemoryUlong(cx, words, 7, 0x1234_5678)?, 0, "length");
        assert_eq!(memory::RtlCompareMemoryUlong(cx, words + 1, 8, 0)?, 0, "alignment");
        let status = compare::RtlHashUnicodeString(cx, 0, false, 0, words)?;
        assert_eq!(status, STATUS_INVALID_PARAMETER);
        Ok(())
    });
}
