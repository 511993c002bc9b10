//! Cancelling requests.

use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ke::spin_lock::{acquire, release};
use crate::map;
use crate::service;
use crate::service::Service;
use memory::Access;
use nt::layout::{io_stack_location as location, irp};

/// The system's cancel spin lock.
pub const CANCEL_LOCK: u64 = map::KERNEL_DATA + map::KERNEL_DATA_BYTES - 0x100;

/// Takes the cancel spin lock and stores the IRQL before.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioacquirecancelspinlock>
pub fn IoAcquireCancelSpinLock(cx: &mut Cx, irql: u64) -> Result<(), Stop> {
    let old = acquire(cx, CANCEL_LOCK, 2, true)?;
    cx.write8(irql, old)
}

/// Gives the cancel spin lock back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioreleasecancelspinlock>
pub fn IoReleaseCancelSpinLock(cx: &mut Cx, irql: u8) -> Result<(), Stop> {
    release_cancel_lock(cx, irql)
}

/// The same, for kernel routines.
pub(crate) fn release_cancel_lock(cx: &mut Cx, irql: u8) -> Result<(), Stop> {
    release(cx, CANCEL_LOCK, Some(irql))
}

/// Asks for a request to be cancelled; whether its cancel routine was called.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocancelirp>
pub fn IoCancelIrp(cx: &mut Cx, at: u64) -> Result<bool, Stop> {
    cx.probe(at, irp::SIZE, Access::Write)?;
    cancel(cx, at)
}

/// Sets `Cancel`, takes the cancel routine out of the packet, and calls it with the lock held.
pub(crate) fn cancel(cx: &mut Cx, at: u64) -> Result<bool, Stop> {
    let old = acquire(cx, CANCEL_LOCK, 2, true)?;
    cx.bus.memory.poke8(at + irp::CANCEL, 1);
    let now = cx.state.moment;
    if let Some(record) = cx.state.irp_mut(at) {
        record.cancelled.get_or_insert(now);
    }
    // Drivers exchange the routine without the lock: anybody may come between.
    cx.point()?;
    let routine = cx.bus.memory.peek64(at + irp::CANCEL_ROUTINE);
    cx.bus.memory.poke64(at + irp::CANCEL_ROUTINE, 0);
    if routine == 0 {
        release_cancel_lock(cx, old)?;
        return Ok(false);
    }
    cx.bus.memory.poke8(at + irp::CANCEL_IRQL, old);
    let here = cx.bus.memory.peek64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION);
    let device = cx.bus.memory.peek64(here + location::DEVICE_OBJECT);
    if let Some(record) = cx.state.irp_mut(at) {
        record.cancel_called = Some(now);
    }
    // The routine gives the lock back itself, so it ends with one lock less than it began with.
    cx.call(Routine::Cancel, routine, &[device, at])?;
    Ok(true)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoAcquireCancelSpinLock),
        service!(IoReleaseCancelSpinLock, hands_over),
        service!(IoCancelIrp),
    ]
}
