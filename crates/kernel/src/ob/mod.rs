//! Handles and references to objects.

pub mod events;
pub mod names;
pub mod object;
pub mod references;

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use crate::world::World;
use nt::layout::object_attributes;
use nt::status;
use object::Kind;

/// Kernel handles look like this and rise by four.
const FIRST_HANDLE: u64 = 0xffff_ffff_8000_0004;
/// ZwCurrentProcess() and ZwCurrentThread() (wdm.h).
const CURRENT_PROCESS: u64 = u64::MAX;
const CURRENT_THREAD: u64 = u64::MAX - 1;

/// Makes a kernel handle to an object.
pub(crate) fn open_handle(world: &mut World, address: u64) -> u64 {
    object::record(world, address).handles += 1;
    world.state.handles.push(address);
    FIRST_HANDLE + 4 * (world.state.handles.len() as u64 - 1)
}

fn slot<'a>(cx: &'a mut Cx<'_>, handle: u64) -> Option<&'a mut u64> {
    let index = handle.wrapping_sub(FIRST_HANDLE) / 4;
    cx.state.handles.get_mut(index as usize).filter(|object| **object != 0)
}

/// The object of a handle and what it is.
pub(crate) fn by_handle(cx: &mut Cx, handle: u64) -> Option<(u64, Kind)> {
    let address = match handle {
        CURRENT_PROCESS if cx.in_application() => crate::ps::process::APPLICATION,
        CURRENT_PROCESS => crate::ps::process::SYSTEM,
        CURRENT_THREAD => cx.state.me().thread,
        _ => *slot(cx, handle)?,
    };
    Some((address, object::record(cx, address).kind))
}

/// Whether a kind of object has the type that a POBJECT_TYPE names; 0 names none.
fn has_type(cx: &Cx, kind: Kind, wanted: u64) -> bool {
    let name = match kind {
        Kind::Device => "IoDeviceObjectType",
        Kind::Driver => "IoDriverObjectType",
        Kind::File(_) | Kind::DiskFile(_) => "IoFileObjectType",
        Kind::Thread => "PsThreadType",
        Kind::Process => "PsProcessType",
        Kind::Event => "ExEventObjectType",
        Kind::Key(_) => "CmKeyObjectType",
        Kind::Link(_) | Kind::Callback => return wanted == 0,
        Kind::Other => return true,
    };
    wanted == 0 || cx.registry.object_type(name) == Some(wanted)
}

/// Gives the object of a handle, with a reference.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obreferenceobjectbyhandle>
pub fn ObReferenceObjectByHandle(
    cx: &mut Cx,
    handle: u64,
    access: u32,
    kind: u64,
    _mode: u8,
    place: u64,
    information: u64,
) -> Result<u32, Stop> {
    let Some((found, is)) = by_handle(cx, handle) else {
        return Ok(status::STATUS_INVALID_HANDLE);
    };
    if !has_type(cx, is, kind) {
        return Ok(status::STATUS_OBJECT_TYPE_MISMATCH);
    }
    cx.write64(place, found)?;
    if information != 0 {
        // OBJECT_HANDLE_INFORMATION: attributes, granted access.
        cx.write32(information, 0)?;
        cx.write32(information + 4, access)?;
    }
    object::reference(cx, found);
    Ok(status::STATUS_SUCCESS)
}

/// Counts a reference.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obfreferenceobject>
pub fn ObfReferenceObject(cx: &mut Cx, address: u64) -> Result<i64, Stop> {
    cx.read8(address)?;
    Ok(i64::from(object::reference(cx, address)) + 1)
}

/// Gives a reference back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obfdereferenceobject>
pub fn ObfDereferenceObject(cx: &mut Cx, address: u64) -> Result<i64, Stop> {
    cx.read8(address)?;
    Ok(i64::from(object::dereference(cx, address)?) + 1)
}

/// Closes a handle; the object goes with the last handle and reference.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntclose>
pub fn ZwClose(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    let Some(slot) = slot(cx, handle) else { return Ok(status::STATUS_INVALID_HANDLE) };
    let address = std::mem::take(slot);
    object::handle_closed(cx, address)?;
    Ok(status::STATUS_SUCCESS)
}

/// The same, saying for whom.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obclosehandle>
pub fn ObCloseHandle(cx: &mut Cx, handle: u64, _mode: u8) -> Result<u32, Stop> {
    ZwClose(cx, handle)
}

/// The same under its other name.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ntclose>
pub fn NtClose(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    ZwClose(cx, handle)
}

/// What OBJECT_ATTRIBUTES say: the root directory's handle, the name, the attributes.
pub(crate) fn attributes(cx: &mut Cx, at: u64) -> Result<(u64, String, u32), Stop> {
    let root = cx.read64(at + object_attributes::ROOT_DIRECTORY)?;
    let name = cx.read64(at + object_attributes::OBJECT_NAME)?;
    let flags = cx.read32(at + object_attributes::ATTRIBUTES)?;
    let name = if name == 0 { String::new() } else { crate::io::device::unicode_string(cx, name)? };
    Ok((root, name, flags))
}

pub(crate) fn services() -> Vec<Service> {
    let mut services = references::services();
    services.extend(events::services());
    services.extend(names::services());
    services.extend([
        service!(ObReferenceObjectByHandle, partly "access is not checked"),
        service!(ObfReferenceObject, quiet),
        service!(ObfDereferenceObject, hands_over),
        service!(ZwClose),
        service!(NtClose),
        service!(ObCloseHandle),
    ]);
    services
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, outcome, run};
    use crate::world::Outcome;

    #[test]
    fn a_handle_gives_its_object_if_the_type_fits() {
        run(|cx| {
            let place = block(cx, 16);
            let status = events::ZwCreateEvent(cx, place, 0x1f_0003, 0, 0, false)?;
            assert_eq!(status, status::STATUS_SUCCESS);
            let handle = cx.read64(place)?;
            let event = cx.registry.object_type("ExEventObjectType").unwrap_or(0);
            let file = cx.registry.object_type("IoFileObjectType").unwrap_or(0);
            let by =
                |cx: &mut Cx, kind| ObReferenceObjectByHandle(cx, handle, 0, kind, 0, place + 8, 0);
            assert_eq!(by(cx, file)?, status::STATUS_OBJECT_TYPE_MISMATCH);
            assert_eq!(by(cx, event)?, status::STATUS_SUCCESS);
            let object = cx.read64(place + 8)?;
            assert_eq!(ZwClose(cx, handle)?, status::STATUS_SUCCESS);
            assert_eq!(ZwClose(cx, handle)?, status::STATUS_INVALID_HANDLE);
            assert_eq!(crate::ke::event::KeReadStateEvent(cx, object)?, 0, "lives by reference");
            ObfDereferenceObject(cx, object)?;
            assert!(crate::ex::pool::find_live(cx, object).is_none());
            Ok(())
        });
    }

    #[test]
    fn one_dereference_too_many_is_a_bug_check() {
        let ended = outcome(|cx| {
            let place = block(cx, 8);
            events::ZwCreateEvent(cx, place, 0, 0, 1, true)?;
            let handle = cx.read64(place)?;
            let object = by_handle(cx, handle).map_or(0, |(object, _)| object);
            ObfReferenceObject(cx, object)?;
            ObfDereferenceObject(cx, object)?;
            ObfDereferenceObject(cx, object).map(drop)
        });
        let told = matches!(&ended, Some(Outcome::Limit { what }) if what.contains("0x18"));
        assert!(told, "{ended:?}");
    }
}
