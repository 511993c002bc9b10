//! References by pointer and with tags. Objects of the kernel's live as long as the run, so they
//! are not counted; a driver that touches an object after its last reference is not found this way.

use super::{ObReferenceObjectByHandle, open_handle};
use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use nt::status::STATUS_SUCCESS;

/// Counts a reference to an object of a type.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectbypointer>
pub fn ObReferenceObjectByPointer(
    cx: &mut Cx,
    object: u64,
    _access: u32,
    _kind: u64,
    _mode: u8,
) -> Result<u32, Stop> {
    cx.read8(object)?;
    Ok(STATUS_SUCCESS)
}

/// The same with a tag.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectbypointerwithtag>
pub fn ObReferenceObjectByPointerWithTag(
    cx: &mut Cx,
    object: u64,
    access: u32,
    kind: u64,
    mode: u8,
    _tag: u32,
) -> Result<u32, Stop> {
    ObReferenceObjectByPointer(cx, object, access, kind, mode)
}

/// Gives the object of a handle, with a tag.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectbyhandlewithtag>
pub fn ObReferenceObjectByHandleWithTag(
    cx: &mut Cx,
    handle: u64,
    access: u32,
    kind: u64,
    mode: u8,
    _tag: u32,
    object: u64,
    information: u64,
) -> Result<u32, Stop> {
    ObReferenceObjectByHandle(cx, handle, access, kind, mode, object, information)
}

/// Makes a handle to an object.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-obopenobjectbypointer>
pub fn ObOpenObjectByPointer(
    cx: &mut Cx,
    object: u64,
    _attributes: u32,
    _state: u64,
    _access: u32,
    _kind: u64,
    _mode: u8,
    handle: u64,
) -> Result<u32, Stop> {
    cx.read8(object)?;
    let value = open_handle(cx, object);
    cx.write64(handle, value)?;
    Ok(STATUS_SUCCESS)
}

/// Counts a reference unless the object is going away: it never is.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectsafe>
pub fn ObReferenceObjectSafe(cx: &mut Cx, object: u64) -> Result<bool, Stop> {
    cx.read8(object)?;
    Ok(true)
}

/// Counts a reference with a tag.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectwithtag>
pub fn ObfReferenceObjectWithTag(cx: &mut Cx, object: u64, _tag: u32) -> Result<i64, Stop> {
    super::ObfReferenceObject(cx, object)
}

/// Gives a reference with a tag back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obdereferenceobjectwithtag>
pub fn ObfDereferenceObjectWithTag(cx: &mut Cx, object: u64, _tag: u32) -> Result<i64, Stop> {
    super::ObfDereferenceObject(cx, object)
}

/// Gives a reference back, the object's end to happen later.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obdereferenceobjectdeferdelete>
pub fn ObDereferenceObjectDeferDelete(cx: &mut Cx, object: u64) -> Result<(), Stop> {
    super::ObfDereferenceObject(cx, object).map(drop)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ObReferenceObjectByPointer, quiet, partly "type is not checked nor references counted"),
        service!(ObReferenceObjectByPointerWithTag, quiet, partly "type is not checked nor references counted"),
        service!(ObReferenceObjectByHandleWithTag, partly "type and access are not checked"),
        service!(ObOpenObjectByPointer, partly "type and access are not checked"),
        service!(ObReferenceObjectSafe, quiet, partly "references are not counted"),
        service!(ObfReferenceObjectWithTag, quiet, partly "references are not counted"),
        service!(ObfDereferenceObjectWithTag, quiet, partly "references are not counted"),
        service!(ObDereferenceObjectDeferDelete, quiet, partly "references are not counted"),
    ]
}
