//! Text that an operand leads to.

/// Characters that make a string of what else might be anything.
const LEAST: usize = 4;
/// Characters that are shown.
const MOST: usize = 64;

/// Appends the string that `bytes` begin with, of either width, in quotes, `L` before a wide one; whether there is one.
pub(crate) fn write(bytes: &[u8], to: &mut String) -> bool {
    narrow(bytes, to) || wide(bytes, to)
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

fn narrow(bytes: &[u8], to: &mut String) -> bool {
    let length = bytes.iter().take(MOST + 1).take_while(|it| is_text(**it)).count();
    let ends = length > MOST || bytes.get(length) == Some(&0);
    if length < LEAST || !ends {
        return false;
    }
    quote(bytes[..length].iter().copied(), length > MOST, to);
    true
}

fn wide(bytes: &[u8], to: &mut String) -> bool {
    let units = bytes.chunks_exact(2).map(|it| u16::from_le_bytes([it[0], it[1]]));
    let plain = |unit: &u16| u8::try_from(*unit).is_ok_and(is_text);
    let length = units.clone().take(MOST + 1).take_while(plain).count();
    let ends = length > MOST || units.clone().nth(length) == Some(0);
    if length < LEAST || !ends {
        return false;
    }
    to.push('L');
    quote(units.take(length).map(|it| it as u8), length > MOST, to);
    true
}

fn quote(text: impl Iterator<Item = u8>, is_cut: bool, to: &mut String) {
    to.push('"');
    for byte in text.take(MOST) {
        match byte {
            b'"' => to.push_str("\\\""),
            b'\\' => to.push_str("\\\\"),
            b'\t' => to.push_str("\\t"),
            b'\n' => to.push_str("\\n"),
            b'\r' => to.push_str("\\r"),
            _ => to.push(char::from(byte)),
        }
    }
    to.push_str(if is_cut { "\"..." } else { "\"" });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<String> {
        let mut text = String::new();
        write(bytes, &mut text).then_some(text)
    }

    #[test]
    fn strings_of_both_widths_are_found() {
        assert_eq!(of(b"\\Device\\Fifo\0rest").as_deref(), Some(r#""\\Device\\Fifo""#));
        let wide: Vec<u8> = "Fifo\n\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(of(&wide).as_deref(), Some(r#"L"Fifo\n""#));
        let long = [b'a'; 200];
        assert_eq!(of(&long).unwrap().len(), MOST + 5);
    }

    #[test]
    fn what_is_no_text_is_none() {
        assert_eq!(of(b"abc\0"), None, "too short to tell");
        assert_eq!(of(b"abcdefg"), None, "the file ends first");
        assert_eq!(of(b"abcdefg\x01\0"), None);
        assert_eq!(of(&[]), None);
    }
}
