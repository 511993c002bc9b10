//! References by pointer and with tags.

use super::object::{record, reference};
use super::{ObReferenceObjectByHandle, has_type, open_handle};
use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use nt::status::{STATUS_OBJECT_TYPE_MISMATCH, STATUS_SUCCESS};

/// Counts a reference to an object of a type.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectbypointer>
pub fn ObReferenceObjectByPointer(
    cx: &mut Cx,
    object: u64,
    _access: u32,
    kind: u64,
    _mode: u8,
) -> Result<u32, Stop> {
    cx.read8(object)?;
    let is = record(cx, object).kind;
    if !has_type(cx, is, kind) {
        return Ok(STATUS_OBJECT_TYPE_MISMATCH);
    }
    reference(cx, object);
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
    kind: u64,
    _mode: u8,
    handle: u64,
) -> Result<u32, Stop> {
    cx.read8(object)?;
    let is = record(cx, object).kind;
    if !has_type(cx, is, kind) {
        return Ok(STATUS_OBJECT_TYPE_MISMATCH);
    }
    let value = open_handle(cx, object);
    cx.write64(handle, value)?;
    Ok(STATUS_SUCCESS)
}

/// Counts a reference unless the object is going away: what is there still, is not.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectsafe>
pub fn ObReferenceObjectSafe(cx: &mut Cx, object: u64) -> Result<bool, Stop> {
    cx.read8(object)?;
    reference(cx, object);
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

/// Gives a reference with a tag back, the object's end to happen later.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obdereferenceobjectdeferdeletewithtag>
pub fn ObDereferenceObjectDeferDeleteWithTag(
    cx: &mut Cx,
    object: u64,
    _tag: u32,
) -> Result<(), Stop> {
    ObDereferenceObjectDeferDelete(cx, object)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ObReferenceObjectByPointer, quiet),
        service!(ObReferenceObjectByPointerWithTag, quiet),
        service!(ObReferenceObjectByHandleWithTag, partly "access is not checked"),
        service!(ObOpenObjectByPointer, partly "access is not checked"),
        service!(ObReferenceObjectSafe, quiet),
        service!(ObfReferenceObjectWithTag, quiet),
        service!(ObfDereferenceObjectWithTag, hands_over),
        service!(ObDereferenceObjectDeferDelete, hands_over),
        service!(ObDereferenceObjectDeferDeleteWithTag, hands_over),
    ]
}
