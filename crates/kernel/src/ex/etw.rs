//! Event tracing: providers register and write, and no session listens.

use crate::cx::{Cx, Stop};
use crate::io::registered::{Event, Notification};
use crate::service;
use crate::service::Service;
use nt::status::*;
use std::rc::Rc;

fn is_open(cx: &Cx, handle: u64) -> bool {
    let mut known = cx.state.registered.notifications.iter();
    known.any(|known| known.event == Event::Etw && known.handle == handle)
}

/// Registers a provider; its callback would be called when a session enables it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-etwregister>
pub fn EtwRegister(
    cx: &mut Cx,
    provider: u64,
    routine: u64,
    context: u64,
    place: u64,
) -> Result<u32, Stop> {
    cx.read64(provider)?;
    let handle = u64::from(cx.moment()) << 8 | 2;
    let made = cx.state.moment;
    let event = Event::Etw;
    let known = Notification { event, routine, context, handle, object: 0, made };
    Rc::make_mut(&mut cx.state.registered).notifications.push(known);
    cx.write64(place, handle)?;
    Ok(STATUS_SUCCESS)
}

/// Takes a provider back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-etwunregister>
pub fn EtwUnregister(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    let registered = Rc::make_mut(&mut cx.state.registered);
    let gone = registered.remove(Event::Etw, |known| known.handle == handle);
    Ok(if gone { STATUS_SUCCESS } else { STATUS_INVALID_HANDLE })
}

fn write(cx: &mut Cx, handle: u64, descriptor: u64) -> Result<u32, Stop> {
    if !is_open(cx, handle) {
        return Ok(STATUS_INVALID_HANDLE);
    }
    // EVENT_DESCRIPTOR begins with the event's number.
    let number = cx.read16(descriptor)?;
    cx.note(&format!("trace event {number}"));
    Ok(STATUS_SUCCESS)
}

/// Writes an event.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-etwwrite>
pub fn EtwWrite(
    cx: &mut Cx,
    handle: u64,
    descriptor: u64,
    _activity: u64,
    _count: u32,
    _data: u64,
) -> Result<u32, Stop> {
    write(cx, handle, descriptor)
}

/// Writes an event with a related activity.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-etwwritetransfer>
pub fn EtwWriteTransfer(
    cx: &mut Cx,
    handle: u64,
    descriptor: u64,
    _activity: u64,
    _related: u64,
    _count: u32,
    _data: u64,
) -> Result<u32, Stop> {
    write(cx, handle, descriptor)
}

/// Says more about a provider.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-etwsetinformation>
pub fn EtwSetInformation(
    cx: &mut Cx,
    handle: u64,
    _class: u32,
    _information: u64,
    _bytes: u32,
) -> Result<u32, Stop> {
    Ok(if is_open(cx, handle) { STATUS_SUCCESS } else { STATUS_INVALID_HANDLE })
}

/// Whether a session wants an event: none does.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-etweventenabled>
pub fn EtwEventEnabled(_: &mut Cx, _handle: u64, _descriptor: u64) -> Result<bool, Stop> {
    Ok(false)
}

/// Whether a session wants events of a provider: none does.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-etwproviderenabled>
pub fn EtwProviderEnabled(
    _: &mut Cx,
    _handle: u64,
    _level: u8,
    _keyword: u64,
) -> Result<bool, Stop> {
    Ok(false)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(EtwRegister, partly "no session listens"),
        service!(EtwUnregister),
        service!(EtwWrite, quiet, partly "no session listens"),
        service!(EtwWriteTransfer, quiet, partly "no session listens"),
        service!(EtwSetInformation, quiet),
        service!(EtwEventEnabled, quiet),
        service!(EtwProviderEnabled, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn only_a_registered_provider_writes() {
        run(|cx| {
            let (guid, place) = (block(cx, 16), block(cx, 8));
            assert_eq!(EtwWrite(cx, 0, guid, 0, 0, 0)?, STATUS_INVALID_HANDLE);
            EtwRegister(cx, guid, 0, 0, place)?;
            let handle = cx.read64(place)?;
            assert_eq!(EtwWrite(cx, handle, guid, 0, 0, 0)?, STATUS_SUCCESS);
            assert_eq!(EtwUnregister(cx, handle)?, STATUS_SUCCESS);
            assert_eq!(EtwUnregister(cx, handle)?, STATUS_INVALID_HANDLE);
            Ok(())
        });
    }
}
