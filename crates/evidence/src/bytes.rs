//! Checked little-endian reads from the file.

use crate::Error;

/// `length` bytes at `offset`.
///
/// # Errors
/// If they do not lie in the file; names `field`.
pub fn slice<'a>(
    data: &'a [u8],
    offset: u64,
    length: u64,
    field: &'static str,
) -> Result<&'a [u8], Error> {
    let range = || {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        data.get(start..end)
    };
    range().ok_or_else(|| {
        let end = data.len();
        let problem = format!("needs {length:#x} bytes, but the file ends at {end:#x}");
        Error::new(offset, field, problem)
    })
}

fn array<const N: usize>(data: &[u8], offset: u64, field: &'static str) -> Result<[u8; N], Error> {
    let mut found = [0; N];
    found.copy_from_slice(slice(data, offset, N as u64, field)?);
    Ok(found)
}

/// A word at `offset`.
///
/// # Errors
/// If it does not lie in the file; names `field`.
pub fn u16_at(data: &[u8], offset: u64, field: &'static str) -> Result<u16, Error> {
    Ok(u16::from_le_bytes(array(data, offset, field)?))
}

/// A double word at `offset`.
///
/// # Errors
/// If it does not lie in the file; names `field`.
pub fn u32_at(data: &[u8], offset: u64, field: &'static str) -> Result<u32, Error> {
    Ok(u32::from_le_bytes(array(data, offset, field)?))
}

/// A quad word at `offset`.
///
/// # Errors
/// If it does not lie in the file; names `field`.
pub fn u64_at(data: &[u8], offset: u64, field: &'static str) -> Result<u64, Error> {
    Ok(u64::from_le_bytes(array(data, offset, field)?))
}

/// UTF-16 text up to its first NUL; lone surrogates become U+FFFD.
pub fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units.take_while(|unit| *unit != 0))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
