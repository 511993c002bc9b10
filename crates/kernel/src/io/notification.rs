//! Routines that are called when something happens (`notices` makes it happen), and words to the PnP
//! manager about such things.

use super::notices::{self, CATEGORY, CLASS, INTERFACE_CHANGE, REGISTRATION, TARGET_CHANGE};
use super::registered::{Event, Notification};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ob::object::{self, Kind};
use crate::service;
use crate::service::Service;
use crate::state::Start;
use nt::layout::{device_object, target_device_removal_notification as target_change};
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

/// Tells those who registered for a device of a change that its driver defines, in this thread.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreporttargetdevicechange>
pub fn IoReportTargetDeviceChange(cx: &mut Cx, pdo: u64, structure: u64) -> Result<u32, Stop> {
    match change(cx, pdo, structure)? {
        Some(copy) => {
            notices::tell_target(cx, pdo, copy)?;
            Ok(STATUS_SUCCESS)
        }
        None => Ok(STATUS_INVALID_DEVICE_REQUEST),
    }
}

/// A copy of the description of a change; `None` for an event of the system's own.
fn change(cx: &mut Cx, pdo: u64, structure: u64) -> Result<Option<u64>, Stop> {
    cx.probe(pdo, device_object::SIZE, memory::Access::Read)?;
    let bytes = u64::from(cx.read16(structure + target_change::SIZE_FIELD)?);
    let bytes = cx.read_bytes(structure, bytes.max(target_change::SIZE))?;
    if notices::is_systems(&bytes[target_change::EVENT as usize..][..16]) {
        return Ok(None);
    }
    let copy = notices::object(cx, bytes.len() as u64)?;
    cx.bus.memory.poke(copy, &bytes);
    Ok(Some(copy))
}

/// The same in a thread of the system's; afterwards it calls the caller back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreporttargetdevicechangeasynchronous>
pub fn IoReportTargetDeviceChangeAsynchronous(
    cx: &mut Cx,
    pdo: u64,
    structure: u64,
    callback: u64,
    context: u64,
) -> Result<u32, Stop> {
    let Some(copy) = change(cx, pdo, structure)? else { return Ok(STATUS_INVALID_DEVICE_REQUEST) };
    let thread = crate::ps::thread::object(cx);
    match cx.spawn(Start::TargetChange { pdo, copy, callback, context }, 0, thread) {
        Some(_) => Ok(STATUS_PENDING),
        None => Err(Stop::Run),
    }
}

/// What that thread does.
pub(crate) fn main(
    cx: &mut Cx,
    pdo: u64,
    copy: u64,
    (callback, context): (u64, u64),
) -> Result<(), Stop> {
    cx.moment();
    notices::tell_target(cx, pdo, copy)?;
    if callback != 0 {
        cx.call(Routine::Callback, callback, &[context])?;
    }
    Ok(())
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

/// Most calls of one reinitialization routine.
const MOST_CALLS: u32 = 100;

/// Calls the reinitialization routines that are registered, with the number of the call: those of
/// boot drivers, or the others. One that registers itself again comes after all the others.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nc-ntddk-driver_reinitialize>
pub fn reinitialize(cx: &mut Cx, boot: bool) -> Result<(), Stop> {
    let mut calls: Vec<(u64, u32)> = Vec::new();
    loop {
        let known = &cx.state.registered.notifications;
        let next = known.iter().find(|it| it.event == Event::Reinitialize && is_boot(it) == boot);
        let Some(known) = next.copied() else { return Ok(()) };
        Rc::make_mut(&mut cx.state.registered).remove(Event::Reinitialize, |it| *it == known);
        let before = calls.iter().filter(|call| call.0 == known.routine).count() as u32;
        if before == MOST_CALLS {
            return cx.limit(format!("more than {MOST_CALLS} calls of a reinitialization routine"));
        }
        calls.push((known.routine, before + 1));
        cx.moment();
        let count = u64::from(before + 1);
        cx.call(Routine::Callback, known.routine, &[known.object, known.context, count])?;
    }
}

fn is_boot(known: &Notification) -> bool {
    known.handle == BOOT
}

/// In place of a handle.
const BOOT: u64 = 1;
const NOT_BOOT: u64 = 2;

fn register(cx: &mut Cx, driver: u64, routine: u64, context: u64, handle: u64) -> Result<(), Stop> {
    cx.probe(driver, nt::layout::driver_object::SIZE, memory::Access::Read)?;
    let event = Event::Reinitialize;
    let made = cx.state.moment;
    let known = Notification { event, routine, context, handle, object: driver, made };
    Rc::make_mut(&mut cx.state.registered).notifications.push(known);
    Ok(())
}

/// Asks to be called after all devices are started, as a driver that is there when the system starts
/// may: which every driver is taken for.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-ioregisterbootdriverreinitialization>
pub fn IoRegisterBootDriverReinitialization(
    cx: &mut Cx,
    driver: u64,
    routine: u64,
    context: u64,
) -> Result<(), Stop> {
    register(cx, driver, routine, context, BOOT)
}

/// Asks to be called again after `DriverEntry`.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-ioregisterdriverreinitialization>
pub fn IoRegisterDriverReinitialization(
    cx: &mut Cx,
    driver: u64,
    routine: u64,
    context: u64,
) -> Result<(), Stop> {
    register(cx, driver, routine, context, NOT_BOOT)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoRegisterPlugPlayNotification, partly "of the driver's own interfaces it is not told later"),
        service!(IoUnregisterPlugPlayNotification),
        service!(IoUnregisterPlugPlayNotificationEx),
        service!(IoReportTargetDeviceChange),
        service!(IoReportTargetDeviceChangeAsynchronous, hands_over),
        service!(IoRegisterShutdownNotification),
        service!(IoRegisterLastChanceShutdownNotification),
        service!(IoUnregisterShutdownNotification),
        service!(IoRegisterBootDriverReinitialization),
        service!(IoRegisterDriverReinitialization),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{CODE, block, run};

    #[test]
    fn those_who_watch_a_device_are_told_of_its_changes() {
        run(|cx| {
            let Some(pdo) = crate::pnp::bus::make_pdo(cx) else { return Err(Stop::Run) };
            let Some(other) = crate::pnp::bus::make_pdo(cx) else { return Err(Stop::Run) };
            let (file, entry, told) = (block(cx, 0xd8), block(cx, 8), block(cx, 8));
            cx.write64(file + nt::layout::file_object::DEVICE_OBJECT, pdo)?;
            // mov r8, [rcx + 18h]; mov [rdx], r8; ret: keeps the file object of the change.
            cx.bus.memory.poke(CODE, &[0x4c, 0x8b, 0x41, 0x18, 0x4c, 0x89, 0x02, 0xc3]);
            let (category, no_flags) = (TARGET_CHANGE, 0);
            IoRegisterPlugPlayNotification(cx, category, no_flags, file, 0, CODE, told, entry)?;
            let change = block(cx, 0x28);
            cx.write16(change + target_change::SIZE_FIELD, 0x28)?;
            assert_eq!(IoReportTargetDeviceChange(cx, other, change)?, STATUS_SUCCESS);
            assert_eq!(cx.read64(told)?, 0, "another device's");
            assert_eq!(IoReportTargetDeviceChange(cx, pdo, change)?, STATUS_SUCCESS);
            assert_eq!(cx.read64(told)?, file);
            assert_eq!(
                cx.read64(change + target_change::FILE_OBJECT)?,
                0,
                "the caller's own stays"
            );
            let removed = [0x08, 0x40, 0x3a, 0xcb, 0xf0, 0x46, 0xd0, 0x11];
            cx.bus.memory.poke(change + target_change::EVENT, &removed);
            let rest = [0xb0, 0x8f, 0x00, 0x60, 0x97, 0x13, 0x05, 0x3f];
            cx.bus.memory.poke(change + target_change::EVENT + 8, &rest);
            let status = IoReportTargetDeviceChange(cx, pdo, change)?;
            assert_eq!(status, STATUS_INVALID_DEVICE_REQUEST, "the system's own event");
            Ok(())
        });
    }

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
