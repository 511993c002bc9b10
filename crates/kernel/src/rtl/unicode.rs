//! UNICODE_STRING: set up, copy, append, free, duplicate.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::rtl::characters::{downcase, upcase};
use crate::rtl::text::{Counted, bytes_of, unicode, wide_z, write_units};
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use nt::layout::unicode_string;
use nt::status::{
    STATUS_BUFFER_TOO_SMALL, STATUS_INVALID_PARAMETER, STATUS_NAME_TOO_LONG, STATUS_NO_MEMORY,
    STATUS_SUCCESS,
};

/// Tag of strings that the run-time library allocates (pooltag.txt: `Strg`).
const TAG: u32 = nt::pool::tag(*b"Strg");
/// Most bytes of a terminated UTF-16 string that a UNICODE_STRING can describe.
const MOST_BYTES: u64 = 0xfffc;

/// Allocates a buffer that `RtlFreeUnicodeString` and the like give back; `None` when pool is out.
/// It counts as the driver's own: a string that it never frees is a leak.
pub(crate) fn allocate(cx: &mut Cx, bytes: u64) -> Result<Option<u64>, Stop> {
    let buffer = pool::allocate(cx, BlockKind::Pool, true, bytes, TAG);
    if buffer.is_none() && cx.over { Err(Stop::Run) } else { Ok(buffer) }
}

/// Puts units into a destination string, which is allocated first if `create` says so.
pub(crate) fn deliver(
    cx: &mut Cx,
    target: u64,
    units: &[u16],
    create: bool,
    too_long: u32,
) -> Result<u32, Stop> {
    let bytes = 2 * units.len() as u64;
    if bytes > MOST_BYTES {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    let mut string = Counted::read(cx, target)?;
    if create {
        let Some(buffer) = allocate(cx, bytes + 2)? else { return Ok(STATUS_NO_MEMORY) };
        string = Counted { length: 0, maximum: bytes as u16 + 2, buffer };
    } else if bytes > u64::from(string.maximum) {
        return Ok(too_long);
    }
    string.length = bytes as u16;
    write_units(cx, string.buffer, units)?;
    if bytes + 2 <= u64::from(string.maximum) {
        cx.write16(string.buffer + bytes, 0)?;
    }
    string.write(cx, target)?;
    Ok(STATUS_SUCCESS)
}

/// The same for conversions whose result is terminated: without room for the zero it does not fit.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlintegertounicodestring>
pub(crate) fn deliver_terminated(
    cx: &mut Cx,
    target: u64,
    units: &[u16],
    create: bool,
) -> Result<u32, Stop> {
    let maximum = u64::from(Counted::read(cx, target)?.maximum);
    if !create && 2 * units.len() as u64 + 2 > maximum {
        return Ok(nt::status::STATUS_BUFFER_OVERFLOW);
    }
    deliver(cx, target, units, create, nt::status::STATUS_BUFFER_OVERFLOW)
}

/// Describes a terminated UTF-16 string, cut short where it is longer than lengths can say.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlinitunicodestring>
pub fn RtlInitUnicodeString(cx: &mut Cx, target: u64, source: u64) -> Result<(), Stop> {
    let mut string = Counted { buffer: source, ..Counted::default() };
    if source != 0 {
        string.length = (2 * wide_z(cx, source, 1 << 20)?.len() as u64).min(MOST_BYTES) as u16;
        string.maximum = string.length + 2;
    }
    string.write(cx, target)
}

/// The same, refusing a string that is too long.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-rtlinitunicodestring>
pub fn RtlInitUnicodeStringEx(cx: &mut Cx, target: u64, source: u64) -> Result<u32, Stop> {
    let mut string = Counted { buffer: source, ..Counted::default() };
    if source != 0 {
        let bytes = 2 * wide_z(cx, source, 1 << 20)?.len() as u64;
        if bytes > MOST_BYTES {
            return Ok(STATUS_NAME_TOO_LONG);
        }
        string.length = bytes as u16;
        string.maximum = string.length + 2;
    }
    string.write(cx, target)?;
    Ok(STATUS_SUCCESS)
}

/// Copies a string as far as it fits; no source leaves the destination empty.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcopyunicodestring>
pub fn RtlCopyUnicodeString(cx: &mut Cx, target: u64, source: u64) -> Result<(), Stop> {
    if source == 0 {
        return cx.write16(target + unicode_string::LENGTH, 0);
    }
    let to = Counted::read(cx, target)?;
    let mut from = Counted::read(cx, source)?;
    from.length = from.length.min(to.maximum);
    let bytes = from.bytes(cx)?;
    cx.write_bytes(to.buffer, &bytes)?;
    if u32::from(from.length) + 2 <= u32::from(to.maximum) {
        cx.write16(to.buffer.wrapping_add(u64::from(from.length)), 0)?;
    }
    cx.write16(target + unicode_string::LENGTH, from.length)
}

fn append(cx: &mut Cx, target: u64, bytes: &[u8]) -> Result<u32, Stop> {
    let to = Counted::read(cx, target)?;
    let length = u64::from(to.length) + bytes.len() as u64;
    if length > u64::from(to.maximum) {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    let end = to.buffer.wrapping_add(u64::from(to.length));
    cx.write_bytes(end, bytes)?;
    cx.write16(target + unicode_string::LENGTH, length as u16)?;
    if length + 2 <= u64::from(to.maximum) {
        cx.write16(to.buffer.wrapping_add(length), 0)?;
    }
    Ok(STATUS_SUCCESS)
}

/// Appends a counted string.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlappendunicodestringtostring>
pub fn RtlAppendUnicodeStringToString(cx: &mut Cx, target: u64, source: u64) -> Result<u32, Stop> {
    let bytes = Counted::read(cx, source)?.bytes(cx)?;
    append(cx, target, &bytes)
}

/// Appends a terminated string; none appends nothing.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlappendunicodetostring>
pub fn RtlAppendUnicodeToString(cx: &mut Cx, target: u64, source: u64) -> Result<u32, Stop> {
    if source == 0 {
        return Ok(STATUS_SUCCESS);
    }
    let units = wide_z(cx, source, 1 << 20)?;
    append(cx, target, &bytes_of(&units))
}

/// Frees the buffer of a string that the run-time library allocated, and clears the string.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlfreeunicodestring>
pub fn RtlFreeUnicodeString(cx: &mut Cx, string: u64) -> Result<(), Stop> {
    let held = Counted::read(cx, string)?;
    if held.buffer != 0 {
        pool::ExFreePool(cx, held.buffer)?;
        Counted::default().write(cx, string)?;
    }
    Ok(())
}

/// Allocates a copy of a terminated string.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlcreateunicodestring>
pub fn RtlCreateUnicodeString(cx: &mut Cx, target: u64, source: u64) -> Result<bool, Stop> {
    let units = wide_z(cx, source, 1 << 20)?;
    Ok(deliver(cx, target, &units, true, 0)? == STATUS_SUCCESS)
}

/// Allocates a copy of a counted string. Flag 1 asks for a terminator, flag 2 for a buffer even
/// where the string is empty.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/>
pub fn RtlDuplicateUnicodeString(
    cx: &mut Cx,
    flags: u32,
    source: u64,
    target: u64,
) -> Result<u32, Stop> {
    let units = unicode(cx, source)?;
    if flags & !3 != 0 || flags & 3 == 2 {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    if units.is_empty() && flags & 2 == 0 {
        Counted::default().write(cx, target)?;
        return Ok(STATUS_SUCCESS);
    }
    deliver(cx, target, &units, true, STATUS_INVALID_PARAMETER)
}

fn change_case(
    cx: &mut Cx,
    target: u64,
    source: u64,
    allocate: bool,
    change: fn(u16) -> u16,
) -> Result<u32, Stop> {
    let units: Vec<u16> = unicode(cx, source)?.into_iter().map(change).collect();
    deliver(cx, target, &units, allocate, nt::status::STATUS_BUFFER_OVERFLOW)
}

/// Copies in upper case.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlupcaseunicodestring>
pub fn RtlUpcaseUnicodeString(
    cx: &mut Cx,
    target: u64,
    source: u64,
    allocate: bool,
) -> Result<u32, Stop> {
    change_case(cx, target, source, allocate, upcase)
}

/// Copies in lower case.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtldowncaseunicodestring>
pub fn RtlDowncaseUnicodeString(
    cx: &mut Cx,
    target: u64,
    source: u64,
    allocate: bool,
) -> Result<u32, Stop> {
    change_case(cx, target, source, allocate, downcase)
}

/// One UTF-16 unit in upper case.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlupcaseunicodechar>
pub fn RtlUpcaseUnicodeChar(_: &mut Cx, unit: u16) -> Result<u16, Stop> {
    Ok(upcase(unit))
}

/// One UTF-16 unit in lower case.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtldowncaseunicodechar>
pub fn RtlDowncaseUnicodeChar(_: &mut Cx, unit: u16) -> Result<u16, Stop> {
    Ok(downcase(unit))
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlInitUnicodeString, quiet),
        service!(RtlInitUnicodeStringEx, quiet),
        service!(RtlCopyUnicodeString, quiet),
        service!(RtlAppendUnicodeStringToString, quiet),
        service!(RtlAppendUnicodeToString, quiet),
        service!(RtlFreeUnicodeString),
        service!(RtlCreateUnicodeString, quiet),
        service!(RtlDuplicateUnicodeString, quiet),
        service!(RtlUpcaseUnicodeString, quiet),
        service!(RtlDowncaseUnicodeString, quiet),
        service!(RtlUpcaseUnicodeChar, quiet),
        service!(RtlDowncaseUnicodeChar, quiet),
    ]
}
