//! Handles and references to objects.

pub mod references;

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use crate::world::World;
use nt::status;

/// Kernel handles look like this and rise by four.
const FIRST_HANDLE: u64 = 0xffff_ffff_8000_0004;

/// Makes a kernel handle to an object.
pub(crate) fn open_handle(world: &mut World, object: u64) -> u64 {
    world.state.handles.push(object);
    FIRST_HANDLE + 4 * (world.state.handles.len() as u64 - 1)
}

fn slot<'a>(cx: &'a mut Cx<'_>, handle: u64) -> Option<&'a mut u64> {
    let index = handle.wrapping_sub(FIRST_HANDLE) / 4;
    cx.state.handles.get_mut(index as usize).filter(|object| **object != 0)
}

/// Gives the object of a handle.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectbyhandle>
pub fn ObReferenceObjectByHandle(
    cx: &mut Cx,
    handle: u64,
    _access: u32,
    _kind: u64,
    _mode: u8,
    object: u64,
    _information: u64,
) -> Result<u32, Stop> {
    match slot(cx, handle).copied() {
        Some(found) => {
            cx.write64(object, found)?;
            Ok(status::STATUS_SUCCESS)
        }
        None => Ok(status::STATUS_INVALID_HANDLE),
    }
}

/// Counts a reference; objects of the kernel's live as long as the run.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obfreferenceobject>
pub fn ObfReferenceObject(cx: &mut Cx, object: u64) -> Result<i64, Stop> {
    cx.read8(object)?;
    Ok(2)
}

/// Gives a reference back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obfdereferenceobject>
pub fn ObfDereferenceObject(cx: &mut Cx, object: u64) -> Result<i64, Stop> {
    cx.read8(object)?;
    Ok(1)
}

/// Closes a handle.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntclose>
pub fn ZwClose(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    match slot(cx, handle) {
        Some(object) => {
            *object = 0;
            Ok(status::STATUS_SUCCESS)
        }
        None => Ok(status::STATUS_INVALID_HANDLE),
    }
}

pub(crate) fn services() -> Vec<Service> {
    let mut services = references::services();
    services.extend([
        service!(ObReferenceObjectByHandle, partly "type and access are not checked"),
        service!(ObfReferenceObject, quiet, partly "references are not counted"),
        service!(ObfDereferenceObject, quiet, partly "references are not counted"),
        service!(ZwClose),
    ]);
    services
}
