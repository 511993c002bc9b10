//! DER, written from the inside out: an element is its tag and the elements in it.

use signatures::Time;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// An element of parts that are written already.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    if let Ok(short @ ..0x80) = u8::try_from(length) {
        bytes.push(short);
    } else {
        let digits = length.to_be_bytes();
        let zeros = digits.iter().take_while(|byte| **byte == 0).count();
        bytes.push(0x80 | u8::try_from(digits.len() - zeros).unwrap_or(8));
        bytes.extend(&digits[zeros..]);
    }
    bytes.extend(parts.concat());
    bytes
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// A SET OF: sorted.
pub(crate) fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort_unstable();
    element(SET, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

pub(crate) fn oid(known: signatures::oid::Known) -> Vec<u8> {
    element(OID, &[known.oid().0])
}

pub(crate) fn unsigned(value: u64) -> Vec<u8> {
    element(INTEGER, &[&digits(value)])
}

/// The digits of an integer that is not negative.
pub(crate) fn digits(value: u64) -> Vec<u8> {
    let all = value.to_be_bytes();
    let zeros = all.iter().take_while(|byte| **byte == 0).count().min(7);
    let mut digits = all[zeros..].to_vec();
    if digits[0] & 0x80 != 0 {
        digits.insert(0, 0);
    }
    digits
}

/// GeneralizedTime, with as many places of a second as it has.
pub(crate) fn time(time: Time) -> Vec<u8> {
    let ((year, month, day), (hour, minute, second)) = (time.date(), time.clock());
    let mut text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}");
    if time.nanos != 0 {
        let places = format!("{:09}", time.nanos);
        text = format!("{text}.{}", places.trim_end_matches('0'));
    }
    text.push('Z');
    element(GENERALIZED_TIME, &[text.as_bytes()])
}

/// A BIT STRING of the bits with these numbers, as short as DER has it.
pub(crate) fn named_bits(bits: &[u32]) -> Vec<u8> {
    let last = bits.iter().copied().max().unwrap_or(0);
    let mut bytes = vec![0u8; usize::try_from(last / 8 + 1).unwrap_or(1)];
    for bit in bits {
        if let Some(byte) = bytes.get_mut(usize::try_from(bit / 8).unwrap_or(usize::MAX)) {
            *byte |= 0x80 >> (bit % 8);
        }
    }
    let unused = 7 - u8::try_from(last % 8).unwrap_or(7);
    element(BIT_STRING, &[&[unused], &bytes])
}
