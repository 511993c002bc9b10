//! Events.

use super::wait::{object, signal};
use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use nt::layout::{dispatcher_header as header, kevent};

/// Makes an event. `kind`: NotificationEvent 0, SynchronizationEvent 1.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keinitializeevent>
pub fn KeInitializeEvent(cx: &mut Cx, event: u64, kind: u32, state: bool) -> Result<(), Stop> {
    let kind = if kind == 0 { object::NOTIFICATION_EVENT } else { object::SYNCHRONIZATION_EVENT };
    // Type, Signalling, Size in words, Reserved; then SignalState.
    let size = (kevent::SIZE / 4) as u8;
    cx.write32(event, u32::from(kind) | u32::from(size) << 16)?;
    cx.write32(event + header::SIGNAL_STATE, u32::from(state))?;
    let list = event + header::WAIT_LIST_HEAD;
    cx.write64(list, list)?;
    cx.write64(list + 8, list)
}

fn set_state(cx: &mut Cx, event: u64, state: u32) -> Result<i32, Stop> {
    let old = cx.read32(event + header::SIGNAL_STATE)?;
    cx.write32(event + header::SIGNAL_STATE, state)?;
    if state != 0 && !cx.state.waits.is_empty() {
        signal(cx, event);
    }
    Ok(old as i32)
}

/// Signals an event.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kesetevent>
pub fn KeSetEvent(cx: &mut Cx, event: u64, _increment: i32, _wait: bool) -> Result<i32, Stop> {
    set_state(cx, event, 1)
}

/// Signals an event, releases those who wait, and clears it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kepulseevent>
pub fn KePulseEvent(cx: &mut Cx, event: u64, _increment: i32, _wait: bool) -> Result<i32, Stop> {
    let old = set_state(cx, event, 1)?;
    set_state(cx, event, 0)?;
    Ok(old)
}

/// Clears an event and tells what it was.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keresetevent>
pub fn KeResetEvent(cx: &mut Cx, event: u64) -> Result<i32, Stop> {
    set_state(cx, event, 0)
}

/// Clears an event.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keclearevent>
pub fn KeClearEvent(cx: &mut Cx, event: u64) -> Result<(), Stop> {
    set_state(cx, event, 0)?;
    Ok(())
}

/// An event's state.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereadstateevent>
pub fn KeReadStateEvent(cx: &mut Cx, event: u64) -> Result<i32, Stop> {
    Ok(cx.read32(event + header::SIGNAL_STATE)? as i32)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(KeInitializeEvent, quiet),
        service!(KeSetEvent, hands_over),
        service!(KePulseEvent, hands_over),
        service!(KeResetEvent),
        service!(KeClearEvent),
        service!(KeReadStateEvent),
    ]
}
