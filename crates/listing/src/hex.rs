//! Numbers in hexadecimal, by table: half of all lines hold one, and the formatting of the standard library
//! costs more than the rest of the line.

/// Two digits for each byte.
const PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// All 16 digits of `number`, in lower case, and how many of them are to be shown: `width` at least.
fn digits(number: u64, width: usize) -> ([u8; 16], usize) {
    let mut all = [0; 16];
    for (two, byte) in all.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        two.copy_from_slice(&PAIRS[usize::from(byte)]);
    }
    (all, (64 - number.leading_zeros() as usize).div_ceil(4).max(width).clamp(1, 16))
}

/// Appends `number` in lower case, with `width` digits at least.
pub fn push(number: u64, width: usize, to: &mut String) {
    let (all, count) = digits(number, width);
    to.push_str(str::from_utf8(&all[16 - count..]).unwrap_or_default());
}

/// The same as bytes.
pub fn extend(number: u64, width: usize, to: &mut Vec<u8>) {
    let (all, count) = digits(number, width);
    to.extend_from_slice(&all[16 - count..]);
}

/// Appends each byte as two digits.
pub fn extend_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    for byte in bytes {
        to.extend_from_slice(&PAIRS[usize::from(*byte)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_the_standard_library_writes_them() {
        for number in [0, 1, 15, 16, 0x1234, u64::from(u32::MAX), u64::MAX] {
            let mut text = String::new();
            push(number, 1, &mut text);
            assert_eq!(text, format!("{number:x}"));
            text.clear();
            push(number, 8, &mut text);
            assert_eq!(text, format!("{number:08x}"));
        }
        let mut text = Vec::new();
        extend_bytes(&[0, 0xa5, 0xff], &mut text);
        extend(0x12, 4, &mut text);
        assert_eq!(text, b"00a5ff0012");
    }
}
