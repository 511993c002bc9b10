//! Security descriptors: made and taken apart. Nothing in the bench is guarded by one.

use super::sid;
use crate::cx::{Cx, Stop};
use crate::ob::by_handle;
use crate::service;
use crate::service::Service;
use nt::layout::security_descriptor as layout;
use nt::status::*;

/// SE_ control bits (ntifs.h).
const OWNER_DEFAULTED: u16 = 0x1;
const GROUP_DEFAULTED: u16 = 0x2;
const DACL_PRESENT: u16 = 0x4;
const DACL_DEFAULTED: u16 = 0x8;
const SACL_PRESENT: u16 = 0x10;
const SACL_DEFAULTED: u16 = 0x20;
const SELF_RELATIVE: u16 = 0x8000;
/// Bytes of the header of a self-relative descriptor.
const RELATIVE_BYTES: u64 = 20;

/// A part of a descriptor, with its offset in both forms.
#[derive(Clone, Copy)]
struct Part {
    absolute: u64,
    relative: u64,
    defaulted: u16,
    present: u16,
}

const OWNER: Part =
    Part { absolute: layout::OWNER, relative: 4, defaulted: OWNER_DEFAULTED, present: 0 };
const GROUP: Part =
    Part { absolute: layout::GROUP, relative: 8, defaulted: GROUP_DEFAULTED, present: 0 };
const SACL: Part =
    Part { absolute: layout::SACL, relative: 12, defaulted: SACL_DEFAULTED, present: SACL_PRESENT };
const DACL: Part =
    Part { absolute: layout::DACL, relative: 16, defaulted: DACL_DEFAULTED, present: DACL_PRESENT };

fn control(cx: &mut Cx, at: u64) -> Result<u16, Stop> {
    cx.read16(at + layout::CONTROL)
}

/// Address of a part, 0 for none.
fn part(cx: &mut Cx, at: u64, part: Part) -> Result<u64, Stop> {
    let control = control(cx, at)?;
    if part.present != 0 && control & part.present == 0 {
        return Ok(0);
    }
    if control & SELF_RELATIVE == 0 {
        return cx.read64(at + part.absolute);
    }
    let offset = cx.read32(at + part.relative)?;
    Ok(if offset == 0 { 0 } else { at + u64::from(offset) })
}

/// Begins an absolute descriptor with nothing in it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcreatesecuritydescriptor>
pub fn RtlCreateSecurityDescriptor(cx: &mut Cx, at: u64, revision: u32) -> Result<u32, Stop> {
    if revision != 1 {
        return Ok(STATUS_UNKNOWN_REVISION);
    }
    cx.write_bytes(at, &[0; layout::SIZE as usize])?;
    cx.write8(at, 1)?;
    Ok(STATUS_SUCCESS)
}

fn set(
    cx: &mut Cx,
    at: u64,
    part: Part,
    present: bool,
    value: u64,
    defaulted: bool,
) -> Result<u32, Stop> {
    if cx.read8(at)? != 1 {
        return Ok(STATUS_UNKNOWN_REVISION);
    }
    let mut control = control(cx, at)?;
    if control & SELF_RELATIVE != 0 {
        return Ok(STATUS_INVALID_SECURITY_DESCR);
    }
    control &= !(part.present | part.defaulted);
    if present {
        control |= part.present;
    }
    if present && defaulted {
        control |= part.defaulted;
    }
    cx.write16(at + layout::CONTROL, control)?;
    cx.write64(at + part.absolute, if present { value } else { 0 })?;
    Ok(STATUS_SUCCESS)
}

/// Sets the list of who may do what.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlsetdaclsecuritydescriptor>
pub fn RtlSetDaclSecurityDescriptor(
    cx: &mut Cx,
    at: u64,
    present: bool,
    dacl: u64,
    defaulted: bool,
) -> Result<u32, Stop> {
    set(cx, at, DACL, present, dacl, defaulted)
}

/// Sets the owner.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlsetownersecuritydescriptor>
pub fn RtlSetOwnerSecurityDescriptor(
    cx: &mut Cx,
    at: u64,
    owner: u64,
    defaulted: bool,
) -> Result<u32, Stop> {
    set(cx, at, OWNER, true, owner, defaulted)
}

/// Sets the owner's group.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlsetgroupsecuritydescriptor>
pub fn RtlSetGroupSecurityDescriptor(
    cx: &mut Cx,
    at: u64,
    group: u64,
    defaulted: bool,
) -> Result<u32, Stop> {
    set(cx, at, GROUP, true, group, defaulted)
}

fn get_list(
    cx: &mut Cx,
    at: u64,
    wanted: Part,
    present: u64,
    list: u64,
    defaulted: u64,
) -> Result<u32, Stop> {
    if cx.read8(at)? != 1 {
        return Ok(STATUS_UNKNOWN_REVISION);
    }
    let control = control(cx, at)?;
    let is = control & wanted.present != 0;
    cx.write8(present, u8::from(is))?;
    if is {
        let value = part(cx, at, wanted)?;
        cx.write64(list, value)?;
        cx.write8(defaulted, u8::from(control & wanted.defaulted != 0))?;
    }
    Ok(STATUS_SUCCESS)
}

/// Gives the list of who may do what.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlgetdaclsecuritydescriptor>
pub fn RtlGetDaclSecurityDescriptor(
    cx: &mut Cx,
    at: u64,
    present: u64,
    dacl: u64,
    defaulted: u64,
) -> Result<u32, Stop> {
    get_list(cx, at, DACL, present, dacl, defaulted)
}

/// Gives the list of what is audited.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlgetsaclsecuritydescriptor>
pub fn RtlGetSaclSecurityDescriptor(
    cx: &mut Cx,
    at: u64,
    present: u64,
    sacl: u64,
    defaulted: u64,
) -> Result<u32, Stop> {
    get_list(cx, at, SACL, present, sacl, defaulted)
}

fn get_sid(cx: &mut Cx, at: u64, wanted: Part, place: u64, defaulted: u64) -> Result<u32, Stop> {
    if cx.read8(at)? != 1 {
        return Ok(STATUS_UNKNOWN_REVISION);
    }
    let value = part(cx, at, wanted)?;
    cx.write64(place, value)?;
    let control = control(cx, at)?;
    cx.write8(defaulted, u8::from(control & wanted.defaulted != 0))?;
    Ok(STATUS_SUCCESS)
}

/// Gives the owner.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlgetownersecuritydescriptor>
pub fn RtlGetOwnerSecurityDescriptor(
    cx: &mut Cx,
    at: u64,
    owner: u64,
    defaulted: u64,
) -> Result<u32, Stop> {
    get_sid(cx, at, OWNER, owner, defaulted)
}

/// Gives the owner's group.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlgetgroupsecuritydescriptor>
pub fn RtlGetGroupSecurityDescriptor(
    cx: &mut Cx,
    at: u64,
    group: u64,
    defaulted: u64,
) -> Result<u32, Stop> {
    get_sid(cx, at, GROUP, group, defaulted)
}

/// Each part of a descriptor: where in it, where it lies, its bytes.
fn parts(cx: &mut Cx, at: u64) -> Result<Vec<(Part, u64, u64)>, Stop> {
    let mut parts = Vec::new();
    for (wanted, is_sid) in [(SACL, false), (DACL, false), (OWNER, true), (GROUP, true)] {
        let place = part(cx, at, wanted)?;
        if place != 0 {
            let bytes =
                if is_sid { sid::length(cx, place)? } else { u64::from(cx.read16(place + 2)?) };
            parts.push((wanted, place, bytes));
        }
    }
    Ok(parts)
}

/// Bytes of a descriptor with its parts.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtllengthsecuritydescriptor>
pub fn RtlLengthSecurityDescriptor(cx: &mut Cx, at: u64) -> Result<u32, Stop> {
    let relative = control(cx, at)? & SELF_RELATIVE != 0;
    let header = if relative { RELATIVE_BYTES } else { layout::SIZE };
    let parts = parts(cx, at)?;
    let bytes: u64 = parts.iter().map(|(_, _, bytes)| bytes.next_multiple_of(4)).sum();
    Ok((header + bytes) as u32)
}

/// Puts a descriptor and its parts into one block.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlabsolutetoselfrelativesd>
pub fn RtlAbsoluteToSelfRelativeSD(
    cx: &mut Cx,
    at: u64,
    to: u64,
    length: u64,
) -> Result<u32, Stop> {
    let control = control(cx, at)?;
    if control & SELF_RELATIVE != 0 {
        return Ok(STATUS_BAD_DESCRIPTOR_FORMAT);
    }
    let parts = parts(cx, at)?;
    let bytes: u64 = parts.iter().map(|(_, _, bytes)| bytes.next_multiple_of(4)).sum();
    let needed = (RELATIVE_BYTES + bytes) as u32;
    let room = cx.read32(length)?;
    cx.write32(length, needed)?;
    if room < needed {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    let mut block = vec![0; needed as usize];
    block[0] = 1;
    block[2..4].copy_from_slice(&(control | SELF_RELATIVE).to_le_bytes());
    let mut next = RELATIVE_BYTES;
    for (part, place, bytes) in parts {
        let held = cx.read_bytes(place, bytes)?;
        let (from, slot) = (next as usize, part.relative as usize);
        block[from..from + held.len()].copy_from_slice(&held);
        block[slot..slot + 4].copy_from_slice(&(next as u32).to_le_bytes());
        next += bytes.next_multiple_of(4);
    }
    cx.write_bytes(to, &block)?;
    Ok(STATUS_SUCCESS)
}

/// Whether a descriptor is well formed.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlvalidsecuritydescriptor>
pub fn RtlValidSecurityDescriptor(cx: &mut Cx, at: u64) -> Result<bool, Stop> {
    Ok(cx.read8(at)? == 1)
}

/// Sets the descriptor of an object: it is not kept, since nothing is guarded by it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwsetsecurityobject>
pub fn ZwSetSecurityObject(
    cx: &mut Cx,
    handle: u64,
    _which: u32,
    descriptor: u64,
) -> Result<u32, Stop> {
    if by_handle(cx, handle).is_none() {
        return Ok(STATUS_INVALID_HANDLE);
    }
    let valid = RtlValidSecurityDescriptor(cx, descriptor)?;
    Ok(if valid { STATUS_SUCCESS } else { STATUS_INVALID_SECURITY_DESCR })
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlCreateSecurityDescriptor, quiet),
        service!(RtlSetDaclSecurityDescriptor, quiet),
        service!(RtlSetOwnerSecurityDescriptor, quiet),
        service!(RtlSetGroupSecurityDescriptor, quiet),
        service!(RtlGetDaclSecurityDescriptor, quiet),
        service!(RtlGetSaclSecurityDescriptor, quiet),
        service!(RtlGetOwnerSecurityDescriptor, quiet),
        service!(RtlGetGroupSecurityDescriptor, quiet),
        service!(RtlLengthSecurityDescriptor, quiet),
        service!(RtlAbsoluteToSelfRelativeSD, quiet),
        service!(RtlValidSecurityDescriptor, quiet),
        service!(ZwSetSecurityObject, partly "the descriptor is not kept"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};
    use crate::se::exports::EXPORTS;

    #[test]
    fn a_descriptor_is_made_and_put_into_one_block() {
        run(|cx| {
            let (at, acl, place) = (block(cx, layout::SIZE), block(cx, 40), block(cx, 16));
            let world = cx.read64(EXPORTS + 24 * 8)?;
            assert_eq!(RtlCreateSecurityDescriptor(cx, at, 2)?, STATUS_UNKNOWN_REVISION);
            assert_eq!(RtlCreateSecurityDescriptor(cx, at, 1)?, STATUS_SUCCESS);
            assert_eq!(sid::RtlCreateAcl(cx, acl, 40, 2)?, STATUS_SUCCESS);
            assert_eq!(sid::RtlAddAccessAllowedAce(cx, acl, 2, 7, world)?, STATUS_SUCCESS);
            let full = sid::RtlAddAccessAllowedAce(cx, acl, 2, 7, world)?;
            assert_eq!(full, STATUS_ALLOTTED_SPACE_EXCEEDED);
            assert_eq!(RtlSetDaclSecurityDescriptor(cx, at, true, acl, false)?, STATUS_SUCCESS);
            assert_eq!(RtlLengthSecurityDescriptor(cx, at)?, 0x28 + 40);
            let to = block(cx, 60);
            cx.write32(place, 59)?;
            let status = RtlAbsoluteToSelfRelativeSD(cx, at, to, place)?;
            assert_eq!((status, cx.read32(place)?), (STATUS_BUFFER_TOO_SMALL, 60));
            assert_eq!(RtlAbsoluteToSelfRelativeSD(cx, at, to, place)?, STATUS_SUCCESS);
            RtlGetDaclSecurityDescriptor(cx, to, place, place + 8, place + 1)?;
            assert_eq!((cx.read8(place)?, cx.read64(place + 8)?), (1, to + 20));
            let refused = RtlSetDaclSecurityDescriptor(cx, to, true, acl, false)?;
            assert_eq!(refused, STATUS_INVALID_SECURITY_DESCR);
            Ok(())
        });
    }
}
