//! Strings in guest memory, read and written as the driver would.

use crate::cx::{Cx, Stop};
use nt::layout::unicode_string;

/// Most characters of a terminated string that a service follows: more is a limit of the bench.
const MOST_CHARACTERS: u64 = 1 << 20;

/// A UNICODE_STRING, ANSI_STRING or OEM_STRING: they have one layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Bytes in use.
    pub length: u16,
    /// Bytes there are.
    pub maximum: u16,
    /// First byte.
    pub buffer: u64,
}

impl Counted {
    /// Reads the structure.
    pub fn read(cx: &mut Cx, address: u64) -> Result<Counted, Stop> {
        Ok(Counted {
            length: cx.read16(address.wrapping_add(unicode_string::LENGTH))?,
            maximum: cx.read16(address.wrapping_add(unicode_string::MAXIMUM_LENGTH))?,
            buffer: cx.read64(address.wrapping_add(unicode_string::BUFFER))?,
        })
    }

    /// Writes the structure.
    pub fn write(self, cx: &mut Cx, address: u64) -> Result<(), Stop> {
        cx.write16(address.wrapping_add(unicode_string::LENGTH), self.length)?;
        cx.write16(address.wrapping_add(unicode_string::MAXIMUM_LENGTH), self.maximum)?;
        cx.write64(address.wrapping_add(unicode_string::BUFFER), self.buffer)
    }

    /// Its UTF-16 units; an odd last byte is left out.
    pub fn units(self, cx: &mut Cx) -> Result<Vec<u16>, Stop> {
        let bytes = cx.read_bytes(self.buffer, u64::from(self.length & !1))?;
        Ok(units_of(&bytes))
    }

    /// Its bytes.
    pub fn bytes(self, cx: &mut Cx) -> Result<Vec<u8>, Stop> {
        cx.read_bytes(self.buffer, u64::from(self.length))
    }
}

/// Reads the UNICODE_STRING at `address` as units.
pub fn unicode(cx: &mut Cx, address: u64) -> Result<Vec<u16>, Stop> {
    Counted::read(cx, address)?.units(cx)
}

/// UTF-16 units of little-endian bytes.
pub fn units_of(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect()
}

/// Little-endian bytes of UTF-16 units.
pub fn bytes_of(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

/// Reads bytes up to a zero, which is left out, or `most` of them.
pub fn narrow_z(cx: &mut Cx, address: u64, most: u64) -> Result<Vec<u8>, Stop> {
    let mut text = Vec::new();
    while (text.len() as u64) < most {
        match cx.read8(address.wrapping_add(text.len() as u64))? {
            0 => break,
            byte => text.push(byte),
        }
        if text.len() as u64 > MOST_CHARACTERS {
            return cx.limit(format!("a string of more than {MOST_CHARACTERS} characters"));
        }
    }
    Ok(text)
}

/// Reads UTF-16 units up to a zero, which is left out, or `most` of them.
pub fn wide_z(cx: &mut Cx, address: u64, most: u64) -> Result<Vec<u16>, Stop> {
    let mut text = Vec::new();
    while (text.len() as u64) < most {
        match cx.read16(address.wrapping_add(2 * text.len() as u64))? {
            0 => break,
            unit => text.push(unit),
        }
        if text.len() as u64 > MOST_CHARACTERS {
            return cx.limit(format!("a string of more than {MOST_CHARACTERS} characters"));
        }
    }
    Ok(text)
}

/// Writes units.
pub fn write_units(cx: &mut Cx, address: u64, units: &[u16]) -> Result<(), Stop> {
    cx.write_bytes(address, &bytes_of(units))
}
