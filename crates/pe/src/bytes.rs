//! Checked little-endian reads from the file.

use crate::error::{Error, Place};

/// The `N` bytes at `place`, or an error that names it.
pub(crate) fn array<const N: usize>(data: &[u8], place: Place) -> Result<[u8; N], Error> {
    let found = slice(data, place, N as u64)?;
    <[u8; N]>::try_from(found).map_err(|_| past_the_end(data, place, N as u64))
}

/// `length` bytes at `place`, or an error that names it.
pub(crate) fn slice(data: &[u8], place: Place, length: u64) -> Result<&[u8], Error> {
    let range = || {
        let start = usize::try_from(place.offset).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        data.get(start..end)
    };
    range().ok_or_else(|| past_the_end(data, place, length))
}

fn past_the_end(data: &[u8], place: Place, length: u64) -> Error {
    let problem =
        format!("needs {length:#x} bytes, but the file ends at {:#x} (truncated?)", data.len());
    Error::new(place, problem)
}

pub(crate) fn u16_at(data: &[u8], offset: u64, field: &'static str) -> Result<u16, Error> {
    Ok(u16::from_le_bytes(array(data, Place::new(offset, field))?))
}

pub(crate) fn u32_at(data: &[u8], offset: u64, field: &'static str) -> Result<u32, Error> {
    Ok(u32::from_le_bytes(array(data, Place::new(offset, field))?))
}

pub(crate) fn u64_at(data: &[u8], offset: u64, field: &'static str) -> Result<u64, Error> {
    Ok(u64::from_le_bytes(array(data, Place::new(offset, field))?))
}

/// The text before the first NUL (all of it where there is none); bytes that are not UTF-8 become U+FFFD.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
