//! Timers that the system allocates: a KTIMER, a DPC for the callback, and what the driver gave.

use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ex::pool;
use crate::ke::dpc;
use crate::ke::timer::{KeCancelTimer, KeInitializeTimerEx, KeSetTimerEx};
use crate::ob::object::{self, Kind};
use crate::service;
use crate::service::Service;
use crate::state::{Doing, Start};
use nt::layout::{kdpc, ktimer};

/// EX_TIMER_HIGH_RESOLUTION, EX_TIMER_NO_WAKE, EX_TIMER_NOTIFICATION (wdm.h).
const HIGH_RESOLUTION: u32 = 4;
const NO_WAKE: u32 = 8;
const NOTIFICATION: u32 = 0x8000_0000;

// The object; drivers may wait for it, so it begins with the timer.
const DPC: u64 = ktimer::SIZE;
const CALLBACK: u64 = DPC + kdpc::SIZE;
const CONTEXT: u64 = CALLBACK + 8;
const DELETED: u64 = CONTEXT + 8;
const ON_DELETE: u64 = DELETED + 8;
const DELETE_CONTEXT: u64 = ON_DELETE + 8;
const SIZE: u64 = DELETE_CONTEXT + 8;

/// Allocates a timer.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatetimer>
pub fn ExAllocateTimer(
    cx: &mut Cx,
    callback: u64,
    context: u64,
    attributes: u32,
) -> Result<u64, Stop> {
    if attributes & (HIGH_RESOLUTION | NO_WAKE) == HIGH_RESOLUTION | NO_WAKE {
        return cx.unsupported("ExAllocateTimer with attributes that exclude each other");
    }
    let Some(at) = object::make(cx, Kind::Callback, SIZE) else { return Err(Stop::Run) };
    cx.bus.memory.fill(at, SIZE, 0);
    KeInitializeTimerEx(cx, at, u32::from(attributes & NOTIFICATION == 0))?;
    let routine = cx.registry.address_of("ExpTimerDpc").unwrap_or(0);
    dpc::KeInitializeDpc(cx, at + DPC, routine, at)?;
    cx.write64(at + CALLBACK, callback)?;
    cx.write64(at + CONTEXT, context)?;
    Ok(at)
}

/// The DPC of a timer that expired: the driver's callback, and the end of a timer that was deleted
/// meanwhile.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-ext_callback>
pub fn ExpTimerDpc(cx: &mut Cx, _dpc: u64, at: u64, _one: u64, _two: u64) -> Result<(), Stop> {
    let (callback, context) = (cx.read64(at + CALLBACK)?, cx.read64(at + CONTEXT)?);
    if callback != 0 {
        cx.call(Routine::Dpc, callback, &[at, context])?;
    }
    if cx.read8(at + DELETED)? != 0 { end(cx, at) } else { Ok(()) }
}

/// Sets a timer; whether it was set already. Periods count in whole milliseconds here.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exsettimer>
pub fn ExSetTimer(
    cx: &mut Cx,
    at: u64,
    due: i64,
    period: i64,
    _parameters: u64,
) -> Result<bool, Stop> {
    let dpc = if cx.read64(at + CALLBACK)? == 0 { 0 } else { at + DPC };
    let period = if period == 0 { 0 } else { (period / 10_000).clamp(1, i64::from(i32::MAX)) };
    KeSetTimerEx(cx, at, due, period as i32, dpc)
}

/// Cancels a timer; whether it was set.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-excanceltimer>
pub fn ExCancelTimer(cx: &mut Cx, at: u64, _parameters: u64) -> Result<bool, Stop> {
    KeCancelTimer(cx, at)
}

/// Whether the callback is about to run, or runs.
fn expiring(cx: &Cx, at: u64) -> bool {
    let start = Start::Dpc(at + DPC);
    cx.state.contexts.iter().any(|it| it.start == start && it.doing != Doing::Free)
}

/// Frees a timer and tells the driver, if it asked for that.
fn end(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    let (routine, context) = (cx.read64(at + ON_DELETE)?, cx.read64(at + DELETE_CONTEXT)?);
    pool::free(cx, at);
    if routine != 0 {
        cx.call(Routine::Callback, routine, &[context])?;
    }
    Ok(())
}

/// Deletes a timer; whether it was set and is cancelled. Its end may come later, with the callback's.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exdeletetimer>
pub fn ExDeleteTimer(
    cx: &mut Cx,
    at: u64,
    cancel: bool,
    wait: bool,
    parameters: u64,
) -> Result<bool, Stop> {
    let set = cx.state.timers.iter().any(|timer| timer.object == at);
    if wait && !cancel {
        return cx.unsupported("ExDeleteTimer that waits for a timer without cancelling it");
    }
    if set && !cancel {
        return cx.unsupported("ExDeleteTimer of a timer that is set and not to be cancelled");
    }
    if parameters != 0 {
        // EXT_DELETE_PARAMETERS: version, reserved, callback, context.
        let (routine, context) = (cx.read64(parameters + 8)?, cx.read64(parameters + 16)?);
        cx.write64(at + ON_DELETE, routine)?;
        cx.write64(at + DELETE_CONTEXT, context)?;
    }
    let cancelled = KeCancelTimer(cx, at)?;
    while wait && expiring(cx, at) {
        cx.block(Doing::ForKey(dpc::FLUSH))?;
    }
    if expiring(cx, at) {
        cx.write8(at + DELETED, 1)?;
    } else {
        end(cx, at)?;
    }
    Ok(cancelled)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ExAllocateTimer, quiet),
        service!(ExpTimerDpc, quiet),
        service!(ExSetTimer, hands_over),
        service!(ExCancelTimer),
        service!(ExDeleteTimer),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ke::event::{KeInitializeEvent, KeReadStateEvent, KeSetEvent};
    use crate::ke::wait::wait_for;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn the_callback_runs_once_and_the_timer_ends() {
        run(|cx| {
            let event = block(cx, 24);
            KeInitializeEvent(cx, event, 0, false)?;
            KeSetEvent(cx, event, 0, false)?;
            // ObfReferenceObject would do as well: any service that takes what it is given.
            let routine = cx.registry.address_of("KeGetCurrentIrql").unwrap_or(0);
            let timer = ExAllocateTimer(cx, routine, event, NOTIFICATION)?;
            assert!(!ExSetTimer(cx, timer, -10, 0, 0)?);
            assert!(ExSetTimer(cx, timer, -10, 0, 0)?);
            assert_eq!(wait_for(cx, &[timer], true, None)?, 0);
            assert!(!ExCancelTimer(cx, timer, 0)?);
            ExSetTimer(cx, timer, -1_000_000, 0, 0)?;
            assert!(ExDeleteTimer(cx, timer, true, true, 0)?);
            assert!(pool::find_live(cx, timer).is_none());
            assert_eq!(KeReadStateEvent(cx, event)?, 1);
            Ok(())
        });
    }
}
