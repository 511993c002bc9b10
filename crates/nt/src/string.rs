//! UTF-16 as the kernel keeps it: little-endian units, counted in bytes.

/// Text from UTF-16LE bytes; unpaired surrogates become U+FFFD, an odd last byte is left out.
#[must_use]
pub fn from_utf16le(bytes: &[u8]) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    char::decode_utf16(units.iter().map(|&u| u16::from_le_bytes(u)))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// UTF-16LE bytes of a text, without terminator.
#[must_use]
pub fn to_utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// UTF-16LE bytes of a text with a terminating zero unit.
#[must_use]
pub fn to_utf16le_z(text: &str) -> Vec<u8> {
    let mut bytes = to_utf16le(text);
    bytes.extend([0, 0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back() {
        for text in ["", "\\Device\\Fifo0", "Gerät 𝄞"] {
            assert_eq!(from_utf16le(&to_utf16le(text)), text);
        }
        assert_eq!(to_utf16le_z("A"), [0x41, 0, 0, 0]);
    }

    #[test]
    fn broken_text_is_shown_as_far_as_it_goes() {
        assert_eq!(from_utf16le(&[0x41, 0, 0x00, 0xD8, 0x42, 0, 0x43]), "A\u{FFFD}B");
    }
}
