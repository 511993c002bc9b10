//! Routines that are called when something happens (`notices` makes it happen), and words to the PnP
//! manager about such things.

use super::notices::{self, CATEGORY, CLASS, INTERFACE_CHANGE, REGISTRATION, TARGET_CHANGE};
use super::registered::{Event, Notification};
use crate::cx::{Cx, Stop};
use crate::ob::object::{self, Kind};
use crate::service;
use crate::service::Service;
use nt::layout::device_object;
use nt::status::*;
use std::rc::Rc;

/// Registers for changes of device interfaces or of a device.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioregisterplugplaynotification>
pub fn IoRegisterPlugPlayNotification(
    cx: &mut Cx,
    category: u32,
    flags: u32,
    data: u64,
    _driver: u64,
    routine: u64,
    context: u64,
    entry: u64,
) -> Result<u32, Stop> {
    let class = match category {
        INTERFACE_CHANGE => cx.read_bytes(data, 16)?,
        _ => vec![0; 16],
    };
    let object = if category == TARGET_CHANGE { data } else { 0 };
    if object != 0 {
        cx.probe(object, nt::layout::file_object::SIZE, memory::Access::Read)?;
    }
    let Some(handle) = object::make(cx, Kind::Callback, REGISTRATION) else {
        return Err(Stop::Run);
    };
    cx.bus.memory.poke32(handle + CATEGORY, category);
    cx.bus.memory.poke(handle + CLASS, &class);
    let (event, made) = (Event::PlugPlay, cx.state.moment);
    let notification = Notification { event, routine, context, handle, object, made };
    Rc::make_mut(&mut cx.state.registered).notifications.push(notification);
    cx.write64(entry, handle)?;
    // PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES (wdm.h)
    if category == INTERFACE_CHANGE && flags & 1 != 0 {
        let registered = cx.state.registered.clone();
        let mut interfaces = registered.interfaces.iter();
        while let Some(it) = interfaces.find(|it| it.enabled && it.class[..] == class[..]) {
            notices::interface(cx, &notification, &it.link, true)?;
        }
    }
    Ok(STATUS_SUCCESS)
}

/// Takes a registration for changes back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iounregisterplugplaynotification>
pub fn IoUnregisterPlugPlayNotification(cx: &mut Cx, entry: u64) -> Result<u32, Stop> {
    cx.read8(entry)?;
    let registered = Rc::make_mut(&mut cx.state.registered);
    registered.remove(Event::PlugPlay, |known| known.handle == entry);
    notices::wait_for_return(cx, entry)?;
    object::released(cx, entry)?;
    Ok(STATUS_SUCCESS)
}

/// The same; both wait until no routine of the registration runs.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iounregisterplugplaynotificationex>
pub fn IoUnregisterPlugPlayNotificationEx(cx: &mut Cx, entry: u64) -> Result<u32, Stop> {
    IoUnregisterPlugPlayNotification(cx, entry)
}

/// Tells those who registered of a change of a device that the driver defines.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreporttargetdevicechange>
pub fn IoReportTargetDeviceChange(cx: &mut Cx, pdo: u64, structure: u64) -> Result<u32, Stop> {
    cx.probe(pdo, device_object::SIZE, memory::Access::Read)?;
    cx.read64(structure)?;
    Ok(STATUS_SUCCESS)
}

/// The same without waiting for those who are told.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreporttargetdevicechangeasynchronous>
pub fn IoReportTargetDeviceChangeAsynchronous(
    cx: &mut Cx,
    pdo: u64,
    structure: u64,
    callback: u64,
    _context: u64,
) -> Result<u32, Stop> {
    if callback != 0 {
        return cx.unsupported("a callback after a device's change was told");
    }
    IoReportTargetDeviceChange(cx, pdo, structure)?;
    Ok(STATUS_PENDING)
}

fn for_device(cx: &mut Cx, event: Event, device: u64, add: bool) -> Result<(), Stop> {
    cx.probe(device, device_object::SIZE, memory::Access::Read)?;
    let made = cx.state.moment;
    let registered = Rc::make_mut(&mut cx.state.registered);
    if add {
        let known = Notification { event, routine: 0, context: 0, handle: 0, object: device, made };
        registered.notifications.push(known);
    } else {
        registered.remove(event, |known| known.object == device);
    }
    Ok(())
}

/// Asks for IRP_MJ_SHUTDOWN at the system's end.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioregistershutdownnotification>
pub fn IoRegisterShutdownNotification(cx: &mut Cx, device: u64) -> Result<u32, Stop> {
    for_device(cx, Event::Shutdown, device, true)?;
    Ok(STATUS_SUCCESS)
}

/// Asks for IRP_MJ_SHUTDOWN after the file systems'.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioregisterlastchanceshutdownnotification>
pub fn IoRegisterLastChanceShutdownNotification(cx: &mut Cx, device: u64) -> Result<u32, Stop> {
    IoRegisterShutdownNotification(cx, device)
}

/// Takes that back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iounregistershutdownnotification>
pub fn IoUnregisterShutdownNotification(cx: &mut Cx, device: u64) -> Result<(), Stop> {
    for_device(cx, Event::Shutdown, device, false)
}

fn reinitialize(cx: &mut Cx, routine: u64, context: u64) {
    let event = Event::Reinitialize;
    let made = cx.state.moment;
    let known = Notification { event, routine, context, handle: 0, object: 0, made };
    Rc::make_mut(&mut cx.state.registered).notifications.push(known);
}

/// Asks to be called after boot drivers are up; they have been for long.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-ioregisterbootdriverreinitialization>
pub fn IoRegisterBootDriverReinitialization(
    cx: &mut Cx,
    _driver: u64,
    routine: u64,
    context: u64,
) -> Result<(), Stop> {
    reinitialize(cx, routine, context);
    Ok(())
}

/// Asks to be called again after `DriverEntry`.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-ioregisterdriverreinitialization>
pub fn IoRegisterDriverReinitialization(
    cx: &mut Cx,
    _driver: u64,
    routine: u64,
    context: u64,
) -> Result<(), Stop> {
    reinitialize(cx, routine, context);
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoRegisterPlugPlayNotification, partly "of the driver's own interfaces it is not told later"),
        service!(IoUnregisterPlugPlayNotification),
        service!(IoUnregisterPlugPlayNotificationEx),
        service!(IoReportTargetDeviceChange, partly "nobody is told"),
        service!(IoReportTargetDeviceChangeAsynchronous, partly "nobody is told"),
        service!(IoRegisterShutdownNotification),
        service!(IoRegisterLastChanceShutdownNotification),
        service!(IoUnregisterShutdownNotification),
        service!(IoRegisterBootDriverReinitialization, partly "the routine is not called"),
        service!(IoRegisterDriverReinitialization, partly "the routine is not called"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn registrations_come_and_go() {
        run(|cx| {
            let Some(pdo) = crate::pnp::bus::make_pdo(cx) else { return Err(Stop::Run) };
            let (data, entry) = (block(cx, 16), block(cx, 8));
            let status = IoRegisterPlugPlayNotification(cx, 2, 1, data, 0, 0x40, 0, entry)?;
            assert_eq!(status, STATUS_SUCCESS);
            IoRegisterShutdownNotification(cx, pdo)?;
            assert_eq!(cx.state.registered.notifications.len(), 2);
            let handle = cx.read64(entry)?;
            IoUnregisterPlugPlayNotification(cx, handle)?;
            IoUnregisterShutdownNotification(cx, pdo)?;
            assert!(cx.state.registered.notifications.is_empty());
            Ok(())
        });
    }
}
