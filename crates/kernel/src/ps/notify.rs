//! Routines to be called as processes and threads start and end, images are loaded, handles are
//! opened, and the registry is used. Processes start and end in scenarios (`io::notices`); handles and
//! the registry have nobody else who uses them.

use crate::cx::{Cx, Stop};
use crate::io::notices;
use crate::io::registered::{Event, Notification};
use crate::service;
use crate::service::Service;
use nt::status::*;
use std::rc::Rc;

/// OB_FLT_REGISTRATION_VERSION (wdm.h).
const FILTER_VERSION: u16 = 0x100;

fn change(cx: &mut Cx, event: Event, routine: u64, object: u64, remove: bool) -> Result<u32, Stop> {
    let made = cx.state.moment;
    let registered = Rc::make_mut(&mut cx.state.registered);
    if !remove {
        let known = Notification { event, routine, context: 0, handle: 0, object, made };
        registered.notifications.push(known);
        return Ok(STATUS_SUCCESS);
    }
    if !registered.remove(event, |known| known.routine == routine) {
        return Ok(STATUS_PROCEDURE_NOT_FOUND);
    }
    notices::wait_for_return(cx, routine)?;
    Ok(STATUS_SUCCESS)
}

/// Whether a routine is registered already: a second time is refused for processes.
fn is_known(cx: &Cx, event: Event, routine: u64) -> bool {
    let mut known = cx.state.registered.notifications.iter();
    known.any(|known| known.event == event && known.routine == routine)
}

/// Registers a routine for processes, or takes it back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-pssetcreateprocessnotifyroutine>
pub fn PsSetCreateProcessNotifyRoutine(
    cx: &mut Cx,
    routine: u64,
    remove: bool,
) -> Result<u32, Stop> {
    processes(cx, routine, 0, remove)
}

fn processes(cx: &mut Cx, routine: u64, kind: u64, remove: bool) -> Result<u32, Stop> {
    if is_known(cx, Event::Process, routine) != remove {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    change(cx, Event::Process, routine, kind, remove)
}

/// The same for routines that may refuse a process.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-pssetcreateprocessnotifyroutineex>
pub fn PsSetCreateProcessNotifyRoutineEx(
    cx: &mut Cx,
    routine: u64,
    remove: bool,
) -> Result<u32, Stop> {
    processes(cx, routine, notices::EXTENDED, remove)
}

/// The same with a kind of notification.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-pssetcreateprocessnotifyroutineex2>
pub fn PsSetCreateProcessNotifyRoutineEx2(
    cx: &mut Cx,
    _kind: u32,
    routine: u64,
    remove: bool,
) -> Result<u32, Stop> {
    processes(cx, routine, notices::EXTENDED, remove)
}

/// Registers a routine for threads.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-pssetcreatethreadnotifyroutine>
pub fn PsSetCreateThreadNotifyRoutine(cx: &mut Cx, routine: u64) -> Result<u32, Stop> {
    change(cx, Event::Thread, routine, 0, false)
}

/// Takes it back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psremovecreatethreadnotifyroutine>
pub fn PsRemoveCreateThreadNotifyRoutine(cx: &mut Cx, routine: u64) -> Result<u32, Stop> {
    change(cx, Event::Thread, routine, 0, true)
}

/// Registers a routine for images.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-pssetloadimagenotifyroutine>
pub fn PsSetLoadImageNotifyRoutine(cx: &mut Cx, routine: u64) -> Result<u32, Stop> {
    change(cx, Event::Image, routine, 0, false)
}

/// Takes it back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-psremoveloadimagenotifyroutine>
pub fn PsRemoveLoadImageNotifyRoutine(cx: &mut Cx, routine: u64) -> Result<u32, Stop> {
    change(cx, Event::Image, routine, 0, true)
}

/// Registers a routine for uses of the registry; the cookie is what takes it back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-cmregistercallback>
pub fn CmRegisterCallback(
    cx: &mut Cx,
    routine: u64,
    context: u64,
    cookie: u64,
) -> Result<u32, Stop> {
    let handle = u64::from(cx.moment()) << 8 | 1;
    let made = cx.state.moment;
    let event = Event::Registry;
    let known = Notification { event, routine, context, handle, object: 0, made };
    Rc::make_mut(&mut cx.state.registered).notifications.push(known);
    cx.write64(cookie, handle)?;
    Ok(STATUS_SUCCESS)
}

/// The same with an altitude.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-cmregistercallbackex>
pub fn CmRegisterCallbackEx(
    cx: &mut Cx,
    routine: u64,
    _altitude: u64,
    _driver: u64,
    context: u64,
    cookie: u64,
    _reserved: u64,
) -> Result<u32, Stop> {
    CmRegisterCallback(cx, routine, context, cookie)
}

/// Takes a routine for the registry back, and waits until it has returned everywhere: from the routine
/// itself, for ever.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-cmunregistercallback>
pub fn CmUnRegisterCallback(cx: &mut Cx, cookie: u64) -> Result<u32, Stop> {
    let registered = Rc::make_mut(&mut cx.state.registered);
    let gone = registered.remove(Event::Registry, |known| known.handle == cookie);
    notices::wait_for_all(cx, cookie)?;
    Ok(if gone { STATUS_SUCCESS } else { STATUS_INVALID_PARAMETER })
}

/// Registers routines for handles to processes and threads.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obregistercallbacks>
pub fn ObRegisterCallbacks(cx: &mut Cx, registration: u64, place: u64) -> Result<u32, Stop> {
    // OB_CALLBACK_REGISTRATION begins with its version, of which there is one.
    if cx.read16(registration)? != FILTER_VERSION {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    let handle = u64::from(cx.moment()) << 8 | 3;
    let made = cx.state.moment;
    let event = Event::Handles;
    let known = Notification { event, routine: 0, context: 0, handle, object: 0, made };
    Rc::make_mut(&mut cx.state.registered).notifications.push(known);
    cx.write64(place, handle)?;
    Ok(STATUS_SUCCESS)
}

/// Takes them back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obunregistercallbacks>
pub fn ObUnRegisterCallbacks(cx: &mut Cx, handle: u64) -> Result<(), Stop> {
    let registered = Rc::make_mut(&mut cx.state.registered);
    registered.remove(Event::Handles, |known| known.handle == handle);
    Ok(())
}

/// Version of these registrations.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-obgetfilterversion>
pub fn ObGetFilterVersion(_: &mut Cx) -> Result<u16, Stop> {
    Ok(FILTER_VERSION)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ObRegisterCallbacks, partly "the routines are not called"),
        service!(ObUnRegisterCallbacks),
        service!(ObGetFilterVersion, quiet),
        service!(PsSetCreateProcessNotifyRoutine),
        service!(PsSetCreateProcessNotifyRoutineEx),
        service!(PsSetCreateProcessNotifyRoutineEx2),
        service!(PsSetCreateThreadNotifyRoutine),
        service!(PsRemoveCreateThreadNotifyRoutine),
        service!(PsSetLoadImageNotifyRoutine),
        service!(PsRemoveLoadImageNotifyRoutine),
        service!(CmRegisterCallback, partly "the routine is not called"),
        service!(CmRegisterCallbackEx, partly "the routine is not called"),
        service!(CmUnRegisterCallback),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn a_routine_is_registered_once_and_taken_back_once() {
        run(|cx| {
            let process = PsSetCreateProcessNotifyRoutine;
            assert_eq!(process(cx, 0x40, false)?, STATUS_SUCCESS);
            assert_eq!(process(cx, 0x40, false)?, STATUS_INVALID_PARAMETER);
            assert_eq!(process(cx, 0x40, true)?, STATUS_SUCCESS);
            assert_eq!(process(cx, 0x40, true)?, STATUS_INVALID_PARAMETER);
            assert_eq!(PsRemoveLoadImageNotifyRoutine(cx, 0x40)?, STATUS_PROCEDURE_NOT_FOUND);
            let cookie = block(cx, 8);
            CmRegisterCallback(cx, 0x40, 0, cookie)?;
            let cookie = cx.read64(cookie)?;
            assert_eq!(CmUnRegisterCallback(cx, cookie)?, STATUS_SUCCESS);
            Ok(())
        });
    }
}
