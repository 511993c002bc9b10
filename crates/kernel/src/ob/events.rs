//! Events and waits by handle.

use super::object::{self, Kind};
use super::{attributes, by_handle, open_handle};
use crate::cx::{Cx, Stop};
use crate::ke::event::{KeInitializeEvent, KePulseEvent, KeResetEvent, KeSetEvent};
use crate::ke::wait::KeWaitForSingleObject;
use crate::service;
use crate::service::Service;
use crate::state::NamedEvent;
use nt::layout::kevent;
use nt::status::*;
use std::rc::Rc;

fn make(cx: &mut Cx, kind: u32, state: bool) -> Result<u64, Stop> {
    let Some(event) = object::make(cx, Kind::Event, kevent::SIZE) else { return Err(Stop::Run) };
    KeInitializeEvent(cx, event, kind, state)?;
    Ok(event)
}

fn named(cx: &Cx, name: &str) -> Option<u64> {
    let mut events = cx.state.named_events.iter();
    events.find(|event| event.name.eq_ignore_ascii_case(name)).map(|event| event.object)
}

/// Makes an event, or opens the one of that name, and gives a handle. `kind`: NotificationEvent 0,
/// SynchronizationEvent 1. An event and its name go with the last handle and reference.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwcreateevent>
pub fn ZwCreateEvent(
    cx: &mut Cx,
    handle: u64,
    _access: u32,
    object_attributes: u64,
    kind: u32,
    state: bool,
) -> Result<u32, Stop> {
    let name =
        if object_attributes == 0 { String::new() } else { attributes(cx, object_attributes)?.1 };
    if let Some(event) = named(cx, &name).filter(|_| !name.is_empty()) {
        let value = open_handle(cx, event);
        cx.write64(handle, value)?;
        return Ok(STATUS_OBJECT_NAME_EXISTS);
    }
    let event = make(cx, kind, state)?;
    if !name.is_empty() {
        cx.state.named_events.push(NamedEvent { name: Rc::from(name), object: event });
    }
    let value = open_handle(cx, event);
    cx.write64(handle, value)?;
    Ok(STATUS_SUCCESS)
}

/// Opens a named event.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwopenevent>
pub fn ZwOpenEvent(
    cx: &mut Cx,
    handle: u64,
    _access: u32,
    object_attributes: u64,
) -> Result<u32, Stop> {
    let name = attributes(cx, object_attributes)?.1;
    let Some(event) = named(cx, &name) else { return Ok(STATUS_OBJECT_NAME_NOT_FOUND) };
    let value = open_handle(cx, event);
    cx.write64(handle, value)?;
    Ok(STATUS_SUCCESS)
}

fn by_name(cx: &mut Cx, name: u64, handle: u64, kind: u32) -> Result<u64, Stop> {
    let name = if name == 0 { String::new() } else { crate::io::device::unicode_string(cx, name)? };
    let event = match named(cx, &name).filter(|_| !name.is_empty()) {
        Some(event) => event,
        None => {
            // Both routines make the event signalled.
            let event = make(cx, kind, true)?;
            if !name.is_empty() {
                cx.state.named_events.push(NamedEvent { name: Rc::from(name), object: event });
            }
            event
        }
    };
    let value = open_handle(cx, event);
    cx.write64(handle, value)?;
    Ok(event)
}

/// Makes or opens a named event that stays signalled.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocreatenotificationevent>
pub fn IoCreateNotificationEvent(cx: &mut Cx, name: u64, handle: u64) -> Result<u64, Stop> {
    by_name(cx, name, handle, 0)
}

/// Makes or opens a named event that releases one waiter.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocreatesynchronizationevent>
pub fn IoCreateSynchronizationEvent(cx: &mut Cx, name: u64, handle: u64) -> Result<u64, Stop> {
    by_name(cx, name, handle, 1)
}

fn change(
    cx: &mut Cx,
    handle: u64,
    previous: u64,
    how: impl FnOnce(&mut Cx, u64) -> Result<i32, Stop>,
) -> Result<u32, Stop> {
    let event = match by_handle(cx, handle) {
        Some((event, Kind::Event)) => event,
        Some(_) => return Ok(STATUS_OBJECT_TYPE_MISMATCH),
        None => return Ok(STATUS_INVALID_HANDLE),
    };
    let old = how(cx, event)?;
    if previous != 0 {
        cx.write32(previous, old as u32)?;
    }
    Ok(STATUS_SUCCESS)
}

/// Signals an event.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwsetevent>
pub fn ZwSetEvent(cx: &mut Cx, handle: u64, previous: u64) -> Result<u32, Stop> {
    change(cx, handle, previous, |cx, event| KeSetEvent(cx, event, 0, false))
}

/// Clears an event and tells what it was.
/// <https://learn.microsoft.com/windows/win32/api/winternl/>
pub fn ZwResetEvent(cx: &mut Cx, handle: u64, previous: u64) -> Result<u32, Stop> {
    change(cx, handle, previous, KeResetEvent)
}

/// Clears an event.
/// <https://learn.microsoft.com/windows/win32/api/winternl/>
pub fn ZwClearEvent(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    change(cx, handle, 0, KeResetEvent)
}

/// Signals an event, releases those who wait, and clears it.
/// <https://learn.microsoft.com/windows/win32/api/winternl/>
pub fn ZwPulseEvent(cx: &mut Cx, handle: u64, previous: u64) -> Result<u32, Stop> {
    change(cx, handle, previous, |cx, event| KePulseEvent(cx, event, 0, false))
}

/// Waits for the object of a handle.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwwaitforsingleobject>
pub fn ZwWaitForSingleObject(
    cx: &mut Cx,
    handle: u64,
    alertable: bool,
    timeout: u64,
) -> Result<u32, Stop> {
    match by_handle(cx, handle) {
        Some((object, Kind::Event | Kind::Thread)) => {
            object::reference(cx, object);
            let status = KeWaitForSingleObject(cx, object, 0, 0, alertable, timeout)?;
            object::dereference(cx, object)?;
            Ok(status)
        }
        Some((_, kind)) => cx.unsupported(format!("ZwWaitForSingleObject on a {kind:?}")),
        None => Ok(STATUS_INVALID_HANDLE),
    }
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ZwCreateEvent),
        service!(ZwOpenEvent),
        service!(IoCreateNotificationEvent),
        service!(IoCreateSynchronizationEvent),
        service!(ZwSetEvent, hands_over),
        service!(ZwResetEvent),
        service!(ZwClearEvent),
        service!(ZwPulseEvent, hands_over),
        service!(ZwWaitForSingleObject),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn events_are_set_reset_and_waited_for_by_handle() {
        run(|cx| {
            let place = block(cx, 16);
            ZwCreateEvent(cx, place, 0, 0, 1, false)?;
            let handle = cx.read64(place)?;
            cx.write64(place, 0)?;
            assert_eq!(ZwWaitForSingleObject(cx, handle, false, place)?, STATUS_TIMEOUT);
            assert_eq!(ZwSetEvent(cx, handle, place + 8)?, STATUS_SUCCESS);
            assert_eq!(cx.read32(place + 8)?, 0);
            assert_eq!(ZwWaitForSingleObject(cx, handle, false, 0)?, STATUS_SUCCESS);
            assert_eq!(ZwWaitForSingleObject(cx, handle, false, place)?, STATUS_TIMEOUT);
            assert_eq!(ZwSetEvent(cx, 8, 0)?, STATUS_INVALID_HANDLE);
            Ok(())
        });
    }
}
