//! Single characters: upper and lower case, and the ANSI code page, which here is Windows-1252.

/// Bytes 0x80 to 0x9f of Windows-1252; the five that it leaves open stand for themselves, as in
/// Microsoft's best-fit table (unicode.org, VENDORS/MICSFT/WindowsBestFit/bestfit1252.txt).
const HIGH: [u16; 32] = [
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
];

/// UTF-16 unit of an ANSI character.
#[must_use]
pub fn from_ansi(byte: u8) -> u16 {
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => u16::from(byte),
    }
}

/// ANSI character of a UTF-16 unit, if there is one.
#[must_use]
pub fn to_ansi(unit: u16) -> Option<u8> {
    match unit {
        0..=0x7f | 0xa0..=0xff => Some(unit as u8),
        _ => HIGH.iter().position(|&high| high == unit).map(|index| 0x80 + index as u8),
    }
}

/// ANSI text of UTF-16 units; `?` for what the code page does not have.
#[must_use]
pub fn ansi_of(units: &[u16]) -> Vec<u8> {
    units.iter().map(|&unit| to_ansi(unit).unwrap_or(b'?')).collect()
}

/// UTF-16 units of ANSI text.
#[must_use]
pub fn units_of_ansi(bytes: &[u8]) -> Vec<u16> {
    bytes.iter().map(|&byte| from_ansi(byte)).collect()
}

/// Maps one unit to one unit: where Unicode needs two characters, and where it would lead from
/// outside ASCII into it, Windows' tables leave the unit alone.
fn single(unit: u16, mut mapped: impl Iterator<Item = char>) -> u16 {
    match (mapped.next(), mapped.next()) {
        (Some(to), None) if !to.is_ascii() => u16::try_from(to as u32).unwrap_or(unit),
        _ => unit,
    }
}

/// The unit in upper case, one to one as file and object names compare it.
#[must_use]
pub fn upcase(unit: u16) -> u16 {
    match unit {
        0x61..=0x7a => unit - 0x20,
        0..=0x7f => unit,
        _ => char::from_u32(u32::from(unit)).map_or(unit, |c| single(unit, c.to_uppercase())),
    }
}

/// The unit in lower case, one to one.
#[must_use]
pub fn downcase(unit: u16) -> u16 {
    match unit {
        0x41..=0x5a => unit + 0x20,
        0..=0x7f => unit,
        _ => char::from_u32(u32::from(unit)).map_or(unit, |c| single(unit, c.to_lowercase())),
    }
}

/// An ANSI character in upper case.
#[must_use]
pub fn upcase_ansi(byte: u8) -> u8 {
    to_ansi(upcase(from_ansi(byte))).unwrap_or(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ansi_goes_there_and_back() {
        for byte in 0..=255 {
            assert_eq!(to_ansi(from_ansi(byte)), Some(byte));
        }
        assert_eq!(ansi_of(&[0x41, 0x20ac, 0x4e00]), [0x41, 0x80, b'?']);
    }

    #[test]
    fn case_is_mapped_one_to_one() {
        assert_eq!((upcase(0x61), upcase(0x7b), upcase(0xe4)), (0x41, 0x7b, 0xc4));
        assert_eq!(upcase(0xdf), 0xdf, "sharp s has no single capital");
        assert_eq!(upcase(0x131), 0x131, "dotless i stays outside ASCII");
        assert_eq!((downcase(0x5a), downcase(0xc4), downcase(0x212a)), (0x7a, 0xe4, 0x212a));
        assert_eq!((upcase_ansi(b'z'), upcase_ansi(0xe4), upcase_ansi(0xdf)), (b'Z', 0xc4, 0xdf));
        assert_eq!(upcase(0xd800), 0xd800);
    }
}
