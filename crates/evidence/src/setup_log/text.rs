//! Bytes of a line as text, and blanks of every kind.

use std::borrow::Cow;

/// Windows-1252 from 0x80 to 0x9F, where it differs from Latin-1; 0 where it has nothing.
/// <https://encoding.spec.whatwg.org/index-windows-1252.txt>
const FROM_80: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
    0x0152, 0, 0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc,
    0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

/// `bytes` as text, with plain blanks for no-break spaces, which logs have that went through a web page.
/// What is not UTF-8 is taken for Windows-1252: the logs are English, and nothing in them says which code
/// page names and paths are in.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if !text.contains('\u{a0}') => Cow::Borrowed(text),
        Ok(text) => Cow::Owned(text.replace('\u{a0}', " ")),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| western(byte)).collect()),
    }
}

fn western(byte: u8) -> char {
    let code = match byte {
        0xa0 => 0x20,
        0x80..=0x9f => FROM_80[usize::from(byte - 0x80)],
        _ => u16::from(byte),
    };
    match char::from_u32(u32::from(code)) {
        Some(c) if c != '\0' || byte == 0 => c,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Bytes of the blank that `bytes` begins with: a space, a tab, a no-break space in UTF-8 or in a code
/// page; 0 if it begins with something else.
pub(super) fn blank(bytes: &[u8]) -> usize {
    match bytes {
        [b' ' | b'\t' | 0xa0, ..] => 1,
        [0xc2, 0xa0, ..] => 2,
        _ => 0,
    }
}

/// `bytes` without the blanks in front, and how many these are.
pub(super) fn skip_blanks(mut bytes: &[u8]) -> (&[u8], usize) {
    let mut count = 0;
    loop {
        match blank(bytes) {
            0 => return (bytes, count),
            width => {
                bytes = &bytes[width..];
                count += 1;
            }
        }
    }
}

/// `bytes` without blanks at the end.
pub(super) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = match bytes {
            [rest @ .., 0xc2, 0xa0] => rest,
            [rest @ .., b' ' | b'\t' | b'\r' | b'\0'] => rest,
            // In UTF-8 this byte ends other characters as well.
            [rest @ .., 0xa0] if rest.last().is_none_or(u8::is_ascii) => rest,
            _ => return bytes,
        };
    }
}
