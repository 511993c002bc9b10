//! Windows Management Instrumentation: who registers as a provider, and the events that providers
//! send. `wmi_questions` asks them, `wmi_library` answers for those that let it.

use super::notices;
use super::registered::{Event, Notification};
use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use nt::layout::wnode_header as header;
use nt::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use std::rc::Rc;

/// Actions (wdm.h: WMIREG_ACTION_REGISTER to WMIREG_ACTION_BLOCK_IRPS).
const REGISTER: u32 = 1;
const DEREGISTER: u32 = 2;
const REREGISTER: u32 = 3;
const UPDATE_GUIDS: u32 = 4;
const BLOCK_IRPS: u32 = 5;
/// WMIREG_FLAG_CALLBACK (wdm.h): the first argument is a routine.
const CALLBACK: u32 = 0x8000_0000;

/// Registers a device as a provider, or takes that back: then it waits until the requests that were
/// sent to it are done. A request of the caller's own among them never is.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmiregistrationcontrol>
pub fn IoWMIRegistrationControl(cx: &mut Cx, device: u64, action: u32) -> Result<u32, Stop> {
    cx.read16(device)?;
    let callback = action & CALLBACK != 0;
    let (routine, object) = if callback { (device, 0) } else { (0, device) };
    // The same one may be registered again, or taken back when it is not there: what then comes of it
    // is not documented, and nothing does here.
    match action & 0xffff {
        REGISTER => {
            let registered = Rc::make_mut(&mut cx.state.registered);
            let mut known = registered.notifications.iter();
            if !known.any(|known| known.event == Event::Wmi && known.handle == device) {
                let made = cx.state.moment;
                let event = Event::Wmi;
                let known =
                    Notification { event, routine, context: 0, handle: device, object, made };
                Rc::make_mut(&mut cx.state.registered).notifications.push(known);
            }
        }
        DEREGISTER => {
            let registered = Rc::make_mut(&mut cx.state.registered);
            registered.remove(Event::Wmi, |known| known.handle == device);
            notices::wait_for_all(cx, device)?;
        }
        REREGISTER | UPDATE_GUIDS | BLOCK_IRPS => {}
        _ => return Ok(STATUS_INVALID_PARAMETER),
    }
    Ok(STATUS_SUCCESS)
}

/// The number by which WMI knows a device.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmideviceobjecttoproviderid>
pub fn IoWMIDeviceObjectToProviderId(cx: &mut Cx, device: u64) -> Result<u32, Stop> {
    cx.read16(device)?;
    Ok(device as u32)
}

/// Sends an event, whose item is WMI's from then on.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iowmiwriteevent>
pub fn IoWMIWriteEvent(cx: &mut Cx, item: u64) -> Result<u32, Stop> {
    if u64::from(cx.read32(item + header::BUFFER_SIZE)?) < header::SIZE {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    pool::free(cx, item);
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoWMIRegistrationControl, partly "providers are asked by scenarios only"),
        service!(IoWMIDeviceObjectToProviderId, quiet),
        service!(IoWMIWriteEvent, partly "nobody receives the event"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn an_event_item_is_taken_over() {
        run(|cx| {
            let item = block(cx, 0x40);
            assert_eq!(IoWMIWriteEvent(cx, item)?, STATUS_INVALID_PARAMETER);
            cx.write32(item, 0x40)?;
            assert_eq!(IoWMIWriteEvent(cx, item)?, STATUS_SUCCESS);
            assert!(pool::find_live(cx, item).is_none());
            Ok(())
        });
    }

    #[test]
    fn a_provider_is_registered_once_and_taken_back() {
        run(|cx| {
            let device = block(cx, 0x150);
            let count = |cx: &Cx| cx.state.registered.notifications.len();
            assert_eq!(IoWMIRegistrationControl(cx, device, 9)?, STATUS_INVALID_PARAMETER);
            for _ in 0..2 {
                assert_eq!(IoWMIRegistrationControl(cx, device, REGISTER)?, STATUS_SUCCESS);
                assert_eq!(count(cx), 1);
            }
            assert_eq!(IoWMIRegistrationControl(cx, device, DEREGISTER)?, STATUS_SUCCESS);
            assert_eq!(count(cx), 0);
            Ok(())
        });
    }
}
