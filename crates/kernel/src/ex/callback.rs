//! Callback objects: routines that drivers call for one another.

use crate::cx::{Cx, Stop};
use crate::io::notices;
use crate::io::registered::{Event, Notification};
use crate::ob::attributes;
use crate::ob::object::{self, Kind};
use crate::service;
use crate::service::Service;
use crate::state::NamedEvent;
use nt::layout::object_attributes;
use nt::status::*;
use std::rc::Rc;

/// Callback objects that the system makes.
const SYSTEM: &[&str] =
    &["\\Callback\\SetSystemTime", "\\Callback\\PowerState", "\\Callback\\ProcessorAdd"];

/// Opens a callback object, or makes it. One that a driver made goes with its last reference:
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/defining-a-callback-object>.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-excreatecallback>
pub fn ExCreateCallback(
    cx: &mut Cx,
    place: u64,
    attributes_at: u64,
    create: bool,
    _allow_multiple: bool,
) -> Result<u32, Stop> {
    cx.probe(attributes_at, object_attributes::SIZE, memory::Access::Read)?;
    let name = attributes(cx, attributes_at)?.1;
    let mut named = cx.state.named_events.iter();
    let known = named.find(|known| !name.is_empty() && known.name.eq_ignore_ascii_case(&name));
    let found = known.map(|known| known.object);
    let object = match found {
        Some(object) => object,
        None => {
            let of_system = SYSTEM.iter().any(|system| system.eq_ignore_ascii_case(&name));
            if !create && !of_system {
                return Ok(STATUS_OBJECT_NAME_NOT_FOUND);
            }
            let Some(object) = object::make(cx, Kind::Callback, 32) else {
                return Err(Stop::Run);
            };
            if of_system {
                object::reference(cx, object);
            }
            if !name.is_empty() {
                cx.state.named_events.push(NamedEvent { name: Rc::from(name), object });
            }
            object
        }
    };
    object::reference(cx, object);
    cx.write64(place, object)?;
    Ok(STATUS_SUCCESS)
}

/// Registers a routine with a callback object; 0 if that cannot be.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exregistercallback>
pub fn ExRegisterCallback(
    cx: &mut Cx,
    object: u64,
    routine: u64,
    context: u64,
) -> Result<u64, Stop> {
    cx.read8(object)?;
    let Some(handle) = object::make(cx, Kind::Callback, 16) else { return Err(Stop::Run) };
    object::reference(cx, object);
    let (event, made) = (Event::Callback, cx.state.moment);
    let known = Notification { event, routine, context, handle, object, made };
    Rc::make_mut(&mut cx.state.registered).notifications.push(known);
    Ok(handle)
}

/// Takes a routine back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exunregistercallback>
pub fn ExUnregisterCallback(cx: &mut Cx, handle: u64) -> Result<(), Stop> {
    cx.read8(handle)?;
    let mut known = cx.state.registered.notifications.iter();
    let found = known.find(|it| it.event == Event::Callback && it.handle == handle).copied();
    let Some(found) = found else {
        return cx.unsupported("ExUnregisterCallback of what is not registered");
    };
    let registered = Rc::make_mut(&mut cx.state.registered);
    registered.remove(Event::Callback, |known| known.handle == handle);
    notices::wait_for_return(cx, handle)?;
    object::released(cx, handle)?;
    object::dereference(cx, found.object)?;
    Ok(())
}

/// Calls the routines of a callback object, in the order of their registration.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exnotifycallback>
pub fn ExNotifyCallback(cx: &mut Cx, object: u64, one: u64, two: u64) -> Result<(), Stop> {
    cx.read8(object)?;
    let registered = cx.state.registered.clone();
    for known in &registered.notifications {
        if known.event == Event::Callback && known.object == object {
            notices::call(cx, known, &[known.context, one, two])?;
        }
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExCreateCallback, partly "more than one registration is always allowed"),
        service!(ExRegisterCallback, partly "of the system's own callbacks only PowerState is ever notified"),
        service!(ExUnregisterCallback),
        service!(ExNotifyCallback),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, bytes, run};
    use nt::string::to_utf16le_z;

    #[test]
    fn a_registered_routine_is_called() {
        run(|cx| {
            let (text, string) = (bytes(cx, &to_utf16le_z("\\Callback\\Fifo")), block(cx, 16));
            crate::rtl::unicode::RtlInitUnicodeString(cx, string, text)?;
            let (named, place, event) =
                (block(cx, object_attributes::SIZE), block(cx, 8), block(cx, 24));
            cx.write64(named + object_attributes::OBJECT_NAME, string)?;
            let missing = ExCreateCallback(cx, place, named, false, true)?;
            assert_eq!(missing, STATUS_OBJECT_NAME_NOT_FOUND);
            assert_eq!(ExCreateCallback(cx, place, named, true, true)?, STATUS_SUCCESS);
            let object = cx.read64(place)?;
            crate::ke::event::KeInitializeEvent(cx, event, 0, false)?;
            // A service as the routine: the event is its context.
            let routine = cx.registry.address_of("KeClearEvent").unwrap_or(0);
            let handle = ExRegisterCallback(cx, object, routine, event)?;
            crate::ke::event::KeSetEvent(cx, event, 0, false)?;
            ExNotifyCallback(cx, object, 1, 2)?;
            assert_eq!(crate::ke::event::KeReadStateEvent(cx, event)?, 0);
            ExUnregisterCallback(cx, handle)?;
            crate::ob::ObfDereferenceObject(cx, object)?;
            assert_eq!(
                ExCreateCallback(cx, place, named, false, true)?,
                STATUS_OBJECT_NAME_NOT_FOUND,
                "the name goes with the object"
            );
            Ok(())
        });
    }
}
