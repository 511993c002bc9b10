//! What messages of a kind have alike: everything but their numbers.
//!
//! Dropped are numbers, addresses, hexadecimal words with a digit in them, and the digits inside of names
//! (`eth0`, `ata3.00`, `0000:01:00.0`, `00:1b:21:ab:cd:ef`). Kept are negative numbers of up to four digits: what
//! failed with -110 is another message than what failed with -71.

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const FACTOR: u64 = 0xD6E8_FEB8_6659_FD93;

/// A number that messages of one shape have alike, and others, but for chance, not. `seed` makes another number
/// of it: those who write logs cannot foresee which messages meet.
pub fn shape(message: &[u8], seed: u64) -> u64 {
    let mut hash = SEED ^ seed;
    // Where what has not been taken begins, and where digits are looked for.
    let (mut from, mut at) = (0, 0);
    while let Some(digit) = next_digit(message, at) {
        if let Some(end) = small_negative(message, digit) {
            at = end;
            continue;
        }
        let (start, end) = dropped(message, from, digit);
        hash = mix(take(hash, &message[from..start]), u64::from(b'#'));
        (from, at) = (end, end);
    }
    take(hash, &message[from..])
}

fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word).wrapping_mul(u128::from(FACTOR));
    (product as u64) ^ ((product >> 64) as u64)
}

fn take(mut hash: u64, part: &[u8]) -> u64 {
    let (words, rest) = part.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash, u64::from_le_bytes(last) ^ ((part.len() as u64) << 56))
}

/// The first digit from `at` on, eight bytes at a time.
fn next_digit(text: &[u8], mut at: usize) -> Option<usize> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word) ^ 0x3030_3030_3030_3030;
        // A byte of 0 to 9 has no high bit, neither itself nor with 0x76 added.
        let other = ((word & !HIGH).wrapping_add(0x7676_7676_7676_7676) | word) & HIGH;
        if other != HIGH {
            return Some(at + ((other ^ HIGH).trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = text.get(at..)?;
    rest.iter().position(u8::is_ascii_digit).map(|found| at + found)
}

fn digits_end(text: &[u8], from: usize) -> usize {
    text[from..].iter().position(|byte| !byte.is_ascii_digit()).map_or(text.len(), |end| from + end)
}

/// Where a negative number of up to four digits ends whose first digit is at `digit`.
fn small_negative(text: &[u8], digit: usize) -> Option<usize> {
    let before = digit.checked_sub(1).filter(|sign| text[*sign] == b'-')?;
    let free =
        before.checked_sub(1).is_none_or(|at| matches!(text[at], b' ' | b'=' | b'(' | b':' | b','));
    if !free {
        return None;
    }
    let end = digits_end(text, digit);
    let ends = text.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.');
    (ends && end - digit <= 4).then_some(end)
}

/// What is dropped for the digit at `digit`: the word if it is a number, else its digits.
fn dropped(text: &[u8], from: usize, digit: usize) -> (usize, usize) {
    let word = |byte: &u8| byte.is_ascii_alphanumeric();
    let start =
        text[from..digit].iter().rposition(|byte| !word(byte)).map_or(from, |at| from + at + 1);
    let end =
        text[digit..].iter().position(|byte| !word(byte)).map_or(text.len(), |end| digit + end);
    let whole = &text[start..end];
    let hex = whole.strip_prefix(b"0x").unwrap_or(whole);
    let is_number = hex.iter().all(u8::is_ascii_hexdigit) && (hex.len() != 3 || start == digit);
    if !is_number {
        return (digit, digits_end(text, digit));
    }
    // An address in several parts is one number: `ab:00:cd`, and a UUID.
    let mut start = start;
    while let [.., a, b, b':'] = &text[from..start]
        && a.is_ascii_hexdigit()
        && b.is_ascii_hexdigit()
        && (start - from == 3 || !text[start - 4].is_ascii_alphanumeric())
    {
        start -= 3;
    }
    let mut end = end;
    while let [b':' | b'-', rest @ ..] = &text[end..] {
        let length = rest.iter().take(13).take_while(|byte| word(byte)).count();
        let is_hex = rest[..length].iter().all(u8::is_ascii_hexdigit);
        if !is_hex || !matches!(length, 2 | 4 | 8 | 12) {
            break;
        }
        end += length + 1;
    }
    (start, end)
}
