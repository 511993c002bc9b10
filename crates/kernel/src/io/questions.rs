//! Questions to the I/O manager about files, stacks, drivers and itself.

use super::device::top_of_stack;
use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::map;
use crate::ob::object::reference;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use memory::Access;
use nt::layout::{device_object, devobj_extension, file_object};
use nt::status::*;
use std::rc::Rc;

/// Whether the system's driver model is at least of this version: it is 6.0.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioiswdmversionavailable>
pub fn IoIsWdmVersionAvailable(_: &mut Cx, major: u8, minor: u8) -> Result<bool, Stop> {
    Ok((major, minor) <= (6, 0))
}

/// The topmost device of the stack that a file was opened on.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetrelateddeviceobject>
pub fn IoGetRelatedDeviceObject(cx: &mut Cx, file: u64) -> Result<u64, Stop> {
    let device = cx.read64(file + file_object::DEVICE_OBJECT)?;
    cx.probe(device, device_object::SIZE, Access::Read)?;
    Ok(top_of_stack(cx, device))
}

/// The device below, 0 for none.
fn below(cx: &mut Cx, device: u64) -> u64 {
    let extension = cx.bus.memory.peek64(device + device_object::DEVICE_OBJECT_EXTENSION);
    cx.bus.memory.peek64(extension + devobj_extension::ATTACHED_TO)
}

/// The lowest device of a stack, with a reference.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iogetdeviceattachmentbaseref>
pub fn IoGetDeviceAttachmentBaseRef(cx: &mut Cx, device: u64) -> Result<u64, Stop> {
    cx.probe(device, device_object::SIZE, Access::Read)?;
    let mut lowest = device;
    for _ in 0..64 {
        match below(cx, lowest) {
            0 => break,
            next => lowest = next,
        }
    }
    reference(cx, lowest);
    Ok(lowest)
}

/// The device below, with a reference; 0 for the lowest.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-iogetlowerdeviceobject>
pub fn IoGetLowerDeviceObject(cx: &mut Cx, device: u64) -> Result<u64, Stop> {
    cx.probe(device, device_object::SIZE, Access::Read)?;
    let lower = below(cx, device);
    if lower != 0 {
        reference(cx, lower);
    }
    Ok(lower)
}

/// Where the running thread's stack begins and ends.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-iogetstacklimits>
pub fn IoGetStackLimits(cx: &mut Cx, low: u64, high: u64) -> Result<(), Stop> {
    let bottom = map::STACKS + u64::from(cx.id()) * map::STACK_STRIDE;
    cx.write64(low, bottom)?;
    cx.write64(high, bottom + map::STACK_BYTES)
}

/// Where the running thread's stack begins.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-iogetinitialstack>
pub fn IoGetInitialStack(cx: &mut Cx) -> Result<u64, Stop> {
    Ok(map::STACKS + u64::from(cx.id()) * map::STACK_STRIDE + map::STACK_BYTES)
}

/// Bytes of a work item in memory of the driver's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosizeofworkitem>
pub fn IoSizeofWorkItem(_: &mut Cx) -> Result<u32, Stop> {
    Ok(nt::layout::io_workitem::SIZE as u32)
}

/// A work item in memory of the driver's is done with.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iouninitializeworkitem>
pub fn IoUninitializeWorkItem(cx: &mut Cx, item: u64) -> Result<(), Stop> {
    cx.read64(item).map(drop)
}

/// Takes memory that belongs to a driver object, under a number of the driver's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocatedriverobjectextension>
pub fn IoAllocateDriverObjectExtension(
    cx: &mut Cx,
    driver: u64,
    number: u64,
    bytes: u32,
    place: u64,
) -> Result<u32, Stop> {
    cx.read16(driver)?;
    cx.write64(place, 0)?;
    if IoGetDriverObjectExtension(cx, driver, number)? != 0 {
        return Ok(STATUS_OBJECT_NAME_COLLISION);
    }
    let at = pool::allocate(cx, BlockKind::Object, false, u64::from(bytes), 0);
    let Some(at) = at else { return Err(Stop::Run) };
    cx.bus.memory.fill(at, u64::from(bytes), 0);
    Rc::make_mut(&mut cx.state.registered).extensions.push((driver, number, at));
    cx.write64(place, at)?;
    Ok(STATUS_SUCCESS)
}

/// Gives that memory, 0 for a number that has none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdriverobjectextension>
pub fn IoGetDriverObjectExtension(cx: &mut Cx, driver: u64, number: u64) -> Result<u64, Stop> {
    cx.read16(driver)?;
    let mut known = cx.state.registered.extensions.iter();
    let found = known.find(|(of, under, _)| *of == driver && *under == number);
    Ok(found.map_or(0, |(_, _, at)| *at))
}

/// The version of Windows; returns whether this is a checked build.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psgetversion>
pub fn PsGetVersion(
    cx: &mut Cx,
    major: u64,
    minor: u64,
    build: u64,
    service_pack: u64,
) -> Result<bool, Stop> {
    let version = crate::boot::VERSION;
    for (place, value) in [(major, version.0), (minor, version.1), (build, version.2)] {
        if place != 0 {
            cx.write32(place, value)?;
        }
    }
    if service_pack != 0 {
        // An empty UNICODE_STRING.
        cx.write32(service_pack, 0)?;
        cx.write64(service_pack + 8, 0)?;
    }
    Ok(false)
}

/// The NUMA node that a device is near: there is one.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdevicenumanode>
pub fn IoGetDeviceNumaNode(cx: &mut Cx, pdo: u64, node: u64) -> Result<u32, Stop> {
    cx.read64(pdo)?;
    cx.write16(node, 0)?;
    Ok(nt::status::STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoGetDeviceNumaNode, quiet),
        service!(IoIsWdmVersionAvailable, quiet),
        service!(IoGetRelatedDeviceObject, quiet),
        service!(IoGetDeviceAttachmentBaseRef),
        service!(IoGetLowerDeviceObject),
        service!(IoGetStackLimits, quiet),
        service!(IoGetInitialStack, quiet),
        service!(IoSizeofWorkItem, quiet),
        service!(IoUninitializeWorkItem, quiet),
        service!(IoAllocateDriverObjectExtension),
        service!(IoGetDriverObjectExtension),
        service!(PsGetVersion, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn a_driver_has_one_extension_of_a_number() {
        run(|cx| {
            let (driver, place) = (block(cx, 0x150), block(cx, 8));
            assert_eq!(IoGetDriverObjectExtension(cx, driver, 7)?, 0);
            assert_eq!(IoAllocateDriverObjectExtension(cx, driver, 7, 32, place)?, STATUS_SUCCESS);
            let at = cx.read64(place)?;
            assert_eq!(IoGetDriverObjectExtension(cx, driver, 7)?, at);
            let again = IoAllocateDriverObjectExtension(cx, driver, 7, 32, place)?;
            assert_eq!(again, STATUS_OBJECT_NAME_COLLISION);
            assert!(IoIsWdmVersionAvailable(cx, 1, 0x30)? && !IoIsWdmVersionAvailable(cx, 6, 1)?);
            Ok(())
        });
    }
}
