//! Numbers as people have them: from headers, logs, debuggers and decimal displays.

/// A number as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its value; a negative one in 32 bits if it fits there, else in 64.
    pub value: u64,
    /// Whether it was in decimal.
    pub decimal: bool,
}

/// Reads a number: `0xe0000228`, `E0000228`, `(0xc0000034)`, `0C4h`, `-1073741823`, `31`,
/// ``fffff801`12345678``. Eight digits are taken for hexadecimal, as logs write them.
#[must_use]
pub fn read(text: &str) -> Option<Number> {
    let text = text.trim_matches(|c: char| "()[]{},;:.\"' \t".contains(c)).replace(['`', '_'], "");
    let hex = |digits: &str| {
        let value = u64::from_str_radix(digits, 16).ok()?;
        Some(Number { value, decimal: false })
    };
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return hex(digits.trim_end_matches(['L', 'l', 'U', 'u']));
    }
    if let Some(digits) = text.strip_prefix('-') {
        let value: i64 = digits.parse::<i64>().ok()?.checked_neg()?;
        let narrow = i32::try_from(value).map(|value| u64::from(value.cast_unsigned()));
        return Some(Number { value: narrow.unwrap_or(value.cast_unsigned()), decimal: true });
    }
    let (digits, marked) = match text.strip_suffix(['h', 'H']) {
        Some(digits) => (digits, true),
        None => (text.as_str(), false),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    if marked || matches!(digits.len(), 8 | 16) {
        return hex(digits);
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Number { value: digits.parse().ok()?, decimal: true });
    }
    // Letters alone are rather a word: add, dead, face.
    digits.bytes().any(|byte| byte.is_ascii_digit()).then(|| hex(digits)).flatten()
}

/// Reads a number that is hexadecimal whatever it looks like, as bug check parameters are.
#[must_use]
pub fn read_hex(text: &str) -> Option<u64> {
    let text = text.trim_matches(|c: char| "()[]{},;:.\"' \t".contains(c)).replace(['`', '_'], "");
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(&text);
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_come() {
        for (text, value) in [
            ("0xe0000228", 0xE000_0228),
            ("E0000228", 0xE000_0228),
            ("(0xc0000034)", 0xC000_0034),
            ("0xC0000034L", 0xC000_0034),
            ("-1073741823", 0xC000_0001),
            ("-1", 0xFFFF_FFFF),
            ("31", 31),
            ("80000003", 0x8000_0003),
            ("c4", 0xC4),
            ("0C4h", 0xC4),
            ("fffff801`12345678", 0xFFFF_F801_1234_5678),
            ("2147942405", 0x8007_0005),
            ("-9223372036854775807", 0x8000_0000_0000_0001),
        ] {
            assert_eq!(read(text).map(|number| number.value), Some(value), "{text}");
        }
        for text in ["", "0x", "add", "STATUS_PENDING", "12z", "-", "0x1234567890123456789", "é"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
