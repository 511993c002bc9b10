//! From bytes to lines: the encodings that INF files come in.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/general-guidelines-for-inf-files>

/// How a file is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One byte a character: ASCII, or the code page of Western Europe where a byte is above it.
    Ansi,
    /// UTF-8, with or without its mark.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first, which Windows does not read.
    Utf16Be,
}

impl Encoding {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Ansi => "ANSI",
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16Le => "UTF-16 LE",
            Encoding::Utf16Be => "UTF-16 BE",
        }
    }
}

/// Characters 0x80 to 0x9F of code page 1252; what it leaves open stands for itself.
/// <https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WINDOWS/CP1252.TXT>
const WESTERN: [u16; 32] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
];

fn western(byte: u8) -> char {
    let open = u32::from(byte);
    let code = WESTERN.get(usize::from(byte.wrapping_sub(0x80))).map_or(open, |&it| it.into());
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn wide(bytes: &[u8], read: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [first, second] => read([*first, *second]),
        _ => 0,
    });
    char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The text of a file, and how it was encoded. Nothing is refused: what cannot be decoded becomes
/// U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> (String, Encoding) {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => (wide(rest, u16::from_le_bytes), Encoding::Utf16Le),
        [0xFE, 0xFF, rest @ ..] => (wide(rest, u16::from_be_bytes), Encoding::Utf16Be),
        [0xEF, 0xBB, 0xBF, rest @ ..] => {
            (String::from_utf8_lossy(rest).into_owned(), Encoding::Utf8)
        }
        // ASCII with every second byte zero is UTF-16 without its mark.
        [first, 0, ..] if *first != 0 => (wide(bytes, u16::from_le_bytes), Encoding::Utf16Le),
        [0, second, ..] if *second != 0 => (wide(bytes, u16::from_be_bytes), Encoding::Utf16Be),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => (text.to_owned(), Encoding::Ansi),
            Ok(text) => (text.to_owned(), Encoding::Utf8),
            Err(_) => (bytes.iter().map(|&byte| western(byte)).collect(), Encoding::Ansi),
        },
    }
}

/// The lines of `text` without their ends, which are CR LF, LF or CR.
pub(super) fn lines(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        all.push(line);
        rest = tail
            .strip_prefix("\r\n")
            .or_else(|| tail.strip_prefix('\n'))
            .or_else(|| tail.strip_prefix('\r'))
            .unwrap_or(tail);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "[Version]\r\n;\u{fc}\n";
        let mut low = vec![0xFF, 0xFE];
        low.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let mut high = vec![0xFE, 0xFF];
        high.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        let mut marked = vec![0xEF, 0xBB, 0xBF];
        marked.extend(text.as_bytes());
        let ansi: Vec<u8> = text.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
        for (bytes, encoding) in [
            (low.as_slice(), Encoding::Utf16Le),
            (&low[2..], Encoding::Utf16Le),
            (&high, Encoding::Utf16Be),
            (&high[2..], Encoding::Utf16Be),
            (&marked, Encoding::Utf8),
            (text.as_bytes(), Encoding::Utf8),
            (&ansi, Encoding::Ansi),
        ] {
            assert_eq!(decode(bytes), (text.to_owned(), encoding));
        }
        assert_eq!(decode(b"\x80\x99").0, "\u{20ac}\u{2122}");
    }

    #[test]
    fn lines_end_in_three_ways() {
        assert_eq!(lines("a\r\nb\rc\n\nd"), ["a", "b", "c", "", "d"]);
    }
}
