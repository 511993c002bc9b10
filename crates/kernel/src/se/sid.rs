//! Security identifiers, and lists of access rights that name them.

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use nt::status::*;

/// Most subauthorities of an identifier (SID_MAX_SUB_AUTHORITIES, ntifs.h).
const MOST: u8 = 15;
/// ACL_REVISION, MAX_ACL_REVISION (ntifs.h).
const REVISION: u8 = 2;
const LAST_REVISION: u8 = 4;
/// Bytes of an ACL's header.
const ACL_HEADER: u16 = 8;

/// Bytes of the identifier at an address.
pub(super) fn length(cx: &mut Cx, sid: u64) -> Result<u64, Stop> {
    Ok(8 + 4 * u64::from(cx.read8(sid + 1)?))
}

/// Bytes of an identifier.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtllengthsid>
pub fn RtlLengthSid(cx: &mut Cx, sid: u64) -> Result<u32, Stop> {
    Ok(length(cx, sid)? as u32)
}

/// An identifier as text, `S-1-5-18`, in the caller's buffer or one that is allocated.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlconvertsidtounicodestring>
pub fn RtlConvertSidToUnicodeString(
    cx: &mut Cx,
    string: u64,
    sid: u64,
    allocate: bool,
) -> Result<u32, Stop> {
    let bytes = length(cx, sid)?;
    let bytes = cx.read_bytes(sid, bytes)?;
    if bytes[0] != 1 || bytes[1] > MOST {
        return Ok(STATUS_INVALID_SID);
    }
    let authority = bytes[2..8].iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    // What needs more than 32 bits is written in base 16.
    let mut text = match u32::try_from(authority) {
        Ok(authority) => format!("S-1-{authority}"),
        Err(_) => format!("S-1-0x{authority:012x}"),
    };
    for part in bytes[8..].as_chunks::<4>().0 {
        text.push_str(&format!("-{}", u32::from_le_bytes(*part)));
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    crate::rtl::unicode::deliver(cx, string, &units, allocate, STATUS_BUFFER_OVERFLOW)
}

/// Bytes of an identifier with so many subauthorities.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtllengthrequiredsid>
pub fn RtlLengthRequiredSid(_: &mut Cx, count: u32) -> Result<u32, Stop> {
    Ok(count.saturating_mul(4).saturating_add(8))
}

/// Begins an identifier; its subauthorities are the caller's to fill in.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlinitializesid>
pub fn RtlInitializeSid(cx: &mut Cx, sid: u64, authority: u64, count: u8) -> Result<u32, Stop> {
    if count > MOST {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    let authority = cx.read_bytes(authority, 6)?;
    cx.write8(sid, 1)?;
    cx.write8(sid + 1, count)?;
    cx.write_bytes(sid + 2, &authority)?;
    Ok(STATUS_SUCCESS)
}

/// Where a subauthority lies.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlsubauthoritysid>
pub fn RtlSubAuthoritySid(_: &mut Cx, sid: u64, index: u32) -> Result<u64, Stop> {
    Ok(sid + 8 + 4 * u64::from(index))
}

/// Where the number of subauthorities lies.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlsubauthoritycountsid>
pub fn RtlSubAuthorityCountSid(_: &mut Cx, sid: u64) -> Result<u64, Stop> {
    Ok(sid + 1)
}

/// Whether two identifiers are one.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlequalsid>
pub fn RtlEqualSid(cx: &mut Cx, one: u64, two: u64) -> Result<bool, Stop> {
    let (first, second) = (length(cx, one)?, length(cx, two)?);
    Ok(first == second && cx.read_bytes(one, first)? == cx.read_bytes(two, first)?)
}

/// Whether an identifier is well formed.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlvalidsid>
pub fn RtlValidSid(cx: &mut Cx, sid: u64) -> Result<bool, Stop> {
    Ok(cx.read8(sid)? == 1 && cx.read8(sid + 1)? <= MOST)
}

/// Copies an identifier.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlcopysid>
pub fn RtlCopySid(cx: &mut Cx, room: u32, to: u64, from: u64) -> Result<u32, Stop> {
    let bytes = length(cx, from)?;
    if bytes > u64::from(room) {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    let bytes = cx.read_bytes(from, bytes)?;
    cx.write_bytes(to, &bytes)?;
    Ok(STATUS_SUCCESS)
}

/// Begins a list.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlcreateacl>
pub fn RtlCreateAcl(cx: &mut Cx, acl: u64, bytes: u32, revision: u32) -> Result<u32, Stop> {
    if bytes < u32::from(ACL_HEADER) {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    let known = (u32::from(REVISION)..=u32::from(LAST_REVISION)).contains(&revision);
    if !known || bytes > 0xffff {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    // AclRevision, Sbz1, AclSize, AceCount, Sbz2
    cx.write64(acl, u64::from(revision) | u64::from(bytes & !3) << 16)?;
    Ok(STATUS_SUCCESS)
}

/// The first byte behind a list's entries, and how many there are.
fn end_of(cx: &mut Cx, acl: u64) -> Result<Option<(u64, u16)>, Stop> {
    let (size, count) = (u64::from(cx.read16(acl + 2)?), cx.read16(acl + 4)?);
    let mut at = acl + u64::from(ACL_HEADER);
    for _ in 0..count {
        let bytes = u64::from(cx.read16(at + 2)?);
        if bytes < 8 || at + bytes > acl + size {
            return Ok(None);
        }
        at += bytes;
    }
    Ok(Some((at, count)))
}

fn add(cx: &mut Cx, acl: u64, kind: u8, mask: u32, sid: u64) -> Result<u32, Stop> {
    let Some((at, count)) = end_of(cx, acl)? else { return Ok(STATUS_INVALID_ACL) };
    if !RtlValidSid(cx, sid)? {
        return Ok(STATUS_INVALID_SID);
    }
    let sid_bytes = length(cx, sid)?;
    let bytes = 8 + sid_bytes;
    if at + bytes > acl + u64::from(cx.read16(acl + 2)?) {
        return Ok(STATUS_ALLOTTED_SPACE_EXCEEDED);
    }
    let sid = cx.read_bytes(sid, sid_bytes)?;
    // ACE_HEADER: AceType, AceFlags, AceSize; then Mask and the identifier.
    cx.write32(at, u32::from(kind) | (bytes as u32) << 16)?;
    cx.write32(at + 4, mask)?;
    cx.write_bytes(at + 8, &sid)?;
    cx.write16(acl + 4, count + 1)?;
    Ok(STATUS_SUCCESS)
}

/// Adds an entry that allows.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtladdaccessallowedace>
pub fn RtlAddAccessAllowedAce(
    cx: &mut Cx,
    acl: u64,
    _revision: u32,
    mask: u32,
    sid: u64,
) -> Result<u32, Stop> {
    add(cx, acl, 0, mask, sid)
}

/// Adds an entry that denies.
/// <https://learn.microsoft.com/windows/win32/api/securitybaseapi/nf-securitybaseapi-addaccessdeniedace>
pub fn RtlAddAccessDeniedAce(
    cx: &mut Cx,
    acl: u64,
    _revision: u32,
    mask: u32,
    sid: u64,
) -> Result<u32, Stop> {
    add(cx, acl, 1, mask, sid)
}

/// Where an entry lies.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlgetace>
pub fn RtlGetAce(cx: &mut Cx, acl: u64, index: u32, place: u64) -> Result<u32, Stop> {
    if index >= u32::from(cx.read16(acl + 4)?) {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    let mut at = acl + u64::from(ACL_HEADER);
    for _ in 0..index {
        at += u64::from(cx.read16(at + 2)?);
    }
    cx.write64(place, at)?;
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlLengthSid, quiet),
        service!(RtlLengthRequiredSid, quiet),
        service!(RtlInitializeSid, quiet),
        service!(RtlSubAuthoritySid, quiet),
        service!(RtlSubAuthorityCountSid, quiet),
        service!(RtlEqualSid, quiet),
        service!(RtlValidSid, quiet),
        service!(RtlCopySid, quiet),
        service!(RtlConvertSidToUnicodeString, quiet),
        service!(RtlCreateAcl, quiet),
        service!(RtlAddAccessAllowedAce, quiet),
        service!(RtlAddAccessDeniedAce, quiet),
        service!(RtlGetAce, quiet),
    ]
}
