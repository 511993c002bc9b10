//! ANSI_STRING, and conversion between it and UNICODE_STRING. The code page is Windows-1252.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::rtl::characters::{ansi_of, units_of_ansi, upcase_ansi};
use crate::rtl::text::{Counted, narrow_z, unicode, units_of, write_units};
use crate::rtl::unicode::{allocate, deliver_terminated};
use crate::service;
use crate::service::Service;
use nt::layout::ansi_string;
use nt::status::{
    STATUS_BUFFER_OVERFLOW, STATUS_BUFFER_TOO_SMALL, STATUS_INVALID_PARAMETER_2, STATUS_NO_MEMORY,
    STATUS_SUCCESS,
};

/// Most bytes of a terminated string that an ANSI_STRING can describe.
const MOST_BYTES: u64 = 0xfffe;

fn init(cx: &mut Cx, target: u64, source: u64) -> Result<(), Stop> {
    let mut string = Counted { buffer: source, ..Counted::default() };
    if source != 0 {
        string.length = (narrow_z(cx, source, 1 << 20)?.len() as u64).min(MOST_BYTES) as u16;
        string.maximum = string.length + 1;
    }
    string.write(cx, target)
}

/// Describes a terminated string.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlinitansistring>
pub fn RtlInitAnsiString(cx: &mut Cx, target: u64, source: u64) -> Result<(), Stop> {
    init(cx, target, source)
}

/// Describes a terminated string.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlinitstring>
pub fn RtlInitString(cx: &mut Cx, target: u64, source: u64) -> Result<(), Stop> {
    init(cx, target, source)
}

/// Copies a string as far as it fits; no source leaves the destination empty.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlcopystring>
pub fn RtlCopyString(cx: &mut Cx, target: u64, source: u64) -> Result<(), Stop> {
    if source == 0 {
        return cx.write16(target + ansi_string::LENGTH, 0);
    }
    let to = Counted::read(cx, target)?;
    let mut from = Counted::read(cx, source)?;
    from.length = from.length.min(to.maximum);
    let bytes = from.bytes(cx)?;
    cx.write_bytes(to.buffer, &bytes)?;
    cx.write16(target + ansi_string::LENGTH, from.length)
}

fn append(cx: &mut Cx, target: u64, bytes: &[u8]) -> Result<u32, Stop> {
    let to = Counted::read(cx, target)?;
    let length = u64::from(to.length) + bytes.len() as u64;
    if length > u64::from(to.maximum) {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    cx.write_bytes(to.buffer.wrapping_add(u64::from(to.length)), bytes)?;
    cx.write16(target + ansi_string::LENGTH, length as u16)?;
    Ok(STATUS_SUCCESS)
}

/// Appends a counted string.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlappendstringtostring>
pub fn RtlAppendStringToString(cx: &mut Cx, target: u64, source: u64) -> Result<u32, Stop> {
    let bytes = Counted::read(cx, source)?.bytes(cx)?;
    append(cx, target, &bytes)
}

/// Converts to UTF-16, into the destination's buffer or one that is allocated.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlansistringtounicodestring>
pub fn RtlAnsiStringToUnicodeString(
    cx: &mut Cx,
    target: u64,
    source: u64,
    create: bool,
) -> Result<u32, Stop> {
    let units = units_of_ansi(&Counted::read(cx, source)?.bytes(cx)?);
    if 2 * units.len() as u64 > 0xfffc {
        return Ok(STATUS_INVALID_PARAMETER_2);
    }
    deliver_terminated(cx, target, &units, create)
}

/// Converts from UTF-16, into the destination's buffer or one that is allocated. Where it does not
/// fit with its terminator, no conversion is done.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlunicodestringtoansistring>
pub fn RtlUnicodeStringToAnsiString(
    cx: &mut Cx,
    target: u64,
    source: u64,
    create: bool,
) -> Result<u32, Stop> {
    let mut bytes = ansi_of(&unicode(cx, source)?);
    let mut string = Counted::read(cx, target)?;
    if create {
        let maximum = bytes.len() as u64 + 1;
        let Some(buffer) = allocate(cx, maximum)? else { return Ok(STATUS_NO_MEMORY) };
        string = Counted { length: 0, maximum: maximum as u16, buffer };
    } else if bytes.len() >= usize::from(string.maximum) {
        return Ok(STATUS_BUFFER_OVERFLOW);
    }
    string.length = bytes.len() as u16;
    bytes.push(0);
    cx.write_bytes(string.buffer, &bytes)?;
    string.write(cx, target)?;
    Ok(STATUS_SUCCESS)
}

/// Frees the buffer of a string that the run-time library allocated, and clears the string.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfreeansistring>
pub fn RtlFreeAnsiString(cx: &mut Cx, string: u64) -> Result<(), Stop> {
    let held = Counted::read(cx, string)?;
    if held.buffer != 0 {
        pool::ExFreePool(cx, held.buffer)?;
        Counted::default().write(cx, string)?;
    }
    Ok(())
}

/// Bytes that a string takes in UTF-16 with its terminator.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlxansistringtounicodesize>
pub fn RtlxAnsiStringToUnicodeSize(cx: &mut Cx, string: u64) -> Result<u32, Stop> {
    Ok(2 * (u32::from(Counted::read(cx, string)?.length) + 1))
}

/// Bytes that a UTF-16 string takes in the code page with its terminator.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlxunicodestringtoansisize>
pub fn RtlxUnicodeStringToAnsiSize(cx: &mut Cx, string: u64) -> Result<u32, Stop> {
    Ok(u32::from(Counted::read(cx, string)?.length / 2) + 1)
}

fn tell_size(cx: &mut Cx, place: u64, bytes: usize) -> Result<(), Stop> {
    if place == 0 { Ok(()) } else { cx.write32(place, bytes as u32) }
}

/// Converts bytes of the code page to UTF-16, as many as fit.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlmultibytetounicoden>
pub fn RtlMultiByteToUnicodeN(
    cx: &mut Cx,
    to: u64,
    to_bytes: u32,
    done: u64,
    from: u64,
    from_bytes: u32,
) -> Result<u32, Stop> {
    let bytes = cx.read_bytes(from, u64::from(from_bytes.min(to_bytes / 2)))?;
    write_units(cx, to, &units_of_ansi(&bytes))?;
    tell_size(cx, done, 2 * bytes.len())?;
    Ok(STATUS_SUCCESS)
}

/// Converts UTF-16 to bytes of the code page, as many as fit.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlunicodetomultibyten>
pub fn RtlUnicodeToMultiByteN(
    cx: &mut Cx,
    to: u64,
    to_bytes: u32,
    done: u64,
    from: u64,
    from_bytes: u32,
) -> Result<u32, Stop> {
    let fit = u64::from((from_bytes / 2).min(to_bytes));
    let units = units_of(&cx.read_bytes(from, 2 * fit)?);
    cx.write_bytes(to, &ansi_of(&units))?;
    tell_size(cx, done, units.len())?;
    Ok(STATUS_SUCCESS)
}

/// Bytes that text of the code page takes in UTF-16.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlmultibytetounicodesize>
pub fn RtlMultiByteToUnicodeSize(
    cx: &mut Cx,
    size: u64,
    _text: u64,
    bytes: u32,
) -> Result<u32, Stop> {
    cx.write32(size, bytes.saturating_mul(2))?;
    Ok(STATUS_SUCCESS)
}

/// Bytes that UTF-16 text takes in the code page.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlunicodetomultibytesize>
pub fn RtlUnicodeToMultiByteSize(
    cx: &mut Cx,
    size: u64,
    _text: u64,
    bytes: u32,
) -> Result<u32, Stop> {
    cx.write32(size, bytes / 2)?;
    Ok(STATUS_SUCCESS)
}

/// One character in upper case.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlupperchar>
pub fn RtlUpperChar(_: &mut Cx, character: u8) -> Result<u8, Stop> {
    Ok(upcase_ansi(character))
}

/// Copies in upper case as far as it fits.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlupperstring>
pub fn RtlUpperString(cx: &mut Cx, target: u64, source: u64) -> Result<(), Stop> {
    let to = Counted::read(cx, target)?;
    let mut from = Counted::read(cx, source)?;
    from.length = from.length.min(to.maximum);
    let bytes: Vec<u8> = from.bytes(cx)?.into_iter().map(upcase_ansi).collect();
    cx.write_bytes(to.buffer, &bytes)?;
    cx.write16(target + ansi_string::LENGTH, from.length)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlInitAnsiString, quiet),
        service!(RtlInitString, quiet),
        service!(RtlCopyString, quiet),
        service!(RtlAppendStringToString, quiet),
        service!(RtlAnsiStringToUnicodeString, quiet),
        service!(RtlUnicodeStringToAnsiString, quiet),
        service!(RtlFreeAnsiString),
        service!(RtlxAnsiStringToUnicodeSize, quiet),
        service!(RtlxUnicodeStringToAnsiSize, quiet),
        service!(RtlMultiByteToUnicodeN, quiet),
        service!(RtlUnicodeToMultiByteN, quiet),
        service!(RtlMultiByteToUnicodeSize, quiet),
        service!(RtlUnicodeToMultiByteSize, quiet),
        service!(RtlUpperChar, quiet),
        service!(RtlUpperString, quiet),
    ]
}
