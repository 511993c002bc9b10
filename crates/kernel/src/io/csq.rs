//! Cancel-safe queues: the driver supplies list and lock, this is the protocol around them.
//!
//! An IRP in a queue has the kernel's own cancel routine. Whoever takes that routine out of the
//! packet - a remove, or `IoCancelIrp` - owns the IRP's removal; a remove that finds it gone
//! leaves the IRP to the cancel routine, which waits for the queue's lock. `DriverContext[3]` leads
//! back from the IRP to the queue: it holds the IO_CSQ, or the IO_CSQ_IRP_CONTEXT where the
//! driver gave one.
//!
//! These routines have no scheduling points of their own: the driver's lock routine has.

use super::cancel::release_cancel_lock;
use crate::cx::{Cx, RSP, Stop};
use crate::event::Routine;
use crate::service;
use crate::service::Service;
use nt::flags::csq_type;
use nt::layout::{io_csq as csq, io_csq_irp_context as context, io_stack_location, irp};
use nt::status::STATUS_SUCCESS;
use std::sync::OnceLock;

/// SL_PENDING_RETURNED (wdm.h).
const PENDING_RETURNED: u8 = 1;
/// `Tail.Overlay.DriverContext[3]`.
const OWNER: u64 = irp::TAIL_OVERLAY_DRIVER_CONTEXT + 24;

fn initialize(cx: &mut Cx, queue: u64, kind: u32, routines: [u64; 6]) -> Result<u32, Stop> {
    cx.write32(queue + csq::TYPE, kind)?;
    for (index, routine) in (0..).zip(routines) {
        cx.write64(queue + csq::CSQ_INSERT_IRP + 8 * index, routine)?;
    }
    cx.write64(queue + csq::RESERVE_POINTER, 0)?;
    Ok(STATUS_SUCCESS)
}

/// Sets up a queue.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocsqinitialize>
pub fn IoCsqInitialize(
    cx: &mut Cx,
    queue: u64,
    insert: u64,
    remove: u64,
    peek: u64,
    acquire: u64,
    release: u64,
    complete: u64,
) -> Result<u32, Stop> {
    let routines = [insert, remove, peek, acquire, release, complete];
    initialize(cx, queue, csq_type::IO_TYPE_CSQ, routines)
}

/// Sets up a queue whose insert routine may refuse.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocsqinitializeex>
pub fn IoCsqInitializeEx(
    cx: &mut Cx,
    queue: u64,
    insert: u64,
    remove: u64,
    peek: u64,
    acquire: u64,
    release: u64,
    complete: u64,
) -> Result<u32, Stop> {
    let routines = [insert, remove, peek, acquire, release, complete];
    initialize(cx, queue, csq_type::IO_TYPE_CSQ_EX, routines)
}

/// Calls one of the queue's routines, named by its offset.
#[inline]
fn callback(cx: &mut Cx, queue: u64, which: u64, arguments: &[u64]) -> Result<u64, Stop> {
    let routine = cx.read64(queue + which)?;
    cx.call(Routine::Callback, routine, arguments)
}

/// Calls CsqAcquireLock; returns the IRQL for the release. The variable that the routine fills in
/// lies in the home space that the x64 calling convention gives a callee above its return address.
#[inline]
fn lock(cx: &mut Cx, queue: u64) -> Result<u64, Stop> {
    let place = cx.cpu().gpr[RSP] + 8;
    callback(cx, queue, csq::CSQ_ACQUIRE_LOCK, &[queue, place])?;
    Ok(u64::from(cx.bus.memory.peek8(place)))
}

#[inline]
fn unlock(cx: &mut Cx, queue: u64, irql: u64) -> Result<(), Stop> {
    callback(cx, queue, csq::CSQ_RELEASE_LOCK, &[queue, irql])?;
    Ok(())
}

/// Takes the cancel routine out of the packet; 0 when somebody did before.
#[inline]
fn take_cancel_routine(cx: &mut Cx, packet: u64) -> Result<u64, Stop> {
    let routine = cx.read64(packet + irp::CANCEL_ROUTINE)?;
    cx.write64(packet + irp::CANCEL_ROUTINE, 0)?;
    Ok(routine)
}

/// Address of the queues' own cancel routine, which is the same in every world.
fn cancel_routine(cx: &Cx) -> u64 {
    static ADDRESS: OnceLock<u64> = OnceLock::new();
    *ADDRESS.get_or_init(|| cx.registry.address_of("IopCsqCancelRoutine").unwrap_or(0))
}

/// Queues an IRP and marks it pending.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocsqinsertirp>
pub fn IoCsqInsertIrp(cx: &mut Cx, queue: u64, packet: u64, name: u64) -> Result<(), Stop> {
    IoCsqInsertIrpEx(cx, queue, packet, name, 0).map(drop)
}

/// The same with a value for CsqInsertIrpEx, whose refusal is passed on: the IRP is then neither
/// queued nor marked pending.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocsqinsertirpex>
pub fn IoCsqInsertIrpEx(
    cx: &mut Cx,
    queue: u64,
    packet: u64,
    name: u64,
    insert_context: u64,
) -> Result<u32, Stop> {
    if name == 0 {
        cx.write64(packet + OWNER, queue)?;
    } else {
        cx.write64(packet + OWNER, name)?;
        cx.write32(name + context::TYPE, csq_type::IO_TYPE_CSQ_IRP_CONTEXT)?;
        cx.write64(name + context::IRP, packet)?;
        cx.write64(name + context::CSQ, queue)?;
    }
    let irql = lock(cx, queue)?;
    let mut status = STATUS_SUCCESS;
    if cx.read32(queue + csq::TYPE)? == csq_type::IO_TYPE_CSQ_EX {
        let arguments = [queue, packet, insert_context];
        status = callback(cx, queue, csq::CSQ_INSERT_IRP, &arguments)? as u32;
        if nt::status::is_error(status) || nt::status::is_warning(status) {
            unlock(cx, queue, irql)?;
            return Ok(status);
        }
    } else {
        callback(cx, queue, csq::CSQ_INSERT_IRP, &[queue, packet])?;
    }
    let location = cx.read64(packet + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION)?;
    let control = cx.read8(location + io_stack_location::CONTROL)?;
    cx.write8(location + io_stack_location::CONTROL, control | PENDING_RETURNED)?;
    // What was found there before is the driver's own mistake and is lost, as on Windows.
    let routine = cancel_routine(cx);
    cx.write64(packet + irp::CANCEL_ROUTINE, routine)?;
    // A cancel that came before saw no routine: nobody but this call will cancel the IRP now.
    // Where the routine is gone already, it waits for the lock and removes the IRP itself.
    if cx.read8(packet + irp::CANCEL)? != 0 && take_cancel_routine(cx, packet)? != 0 {
        callback(cx, queue, csq::CSQ_REMOVE_IRP, &[queue, packet])?;
        if name != 0 {
            cx.write64(name + context::IRP, 0)?;
        }
        unlock(cx, queue, irql)?;
        callback(cx, queue, csq::CSQ_COMPLETE_CANCELED_IRP, &[queue, packet])?;
    } else {
        unlock(cx, queue, irql)?;
    }
    Ok(status)
}

/// Clears what leads from an IRP to the queue, and back where the driver gave a context.
fn forget(cx: &mut Cx, queue: u64, packet: u64) -> Result<(), Stop> {
    let owner = cx.read64(packet + OWNER)?;
    cx.write64(packet + OWNER, 0)?;
    if owner != 0
        && owner != queue
        && cx.read32(owner + context::TYPE)? == csq_type::IO_TYPE_CSQ_IRP_CONTEXT
    {
        cx.write64(owner + context::IRP, 0)?;
    }
    Ok(())
}

/// Takes the next matching IRP that is not being cancelled out of the queue; 0 when there is none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocsqremovenextirp>
pub fn IoCsqRemoveNextIrp(cx: &mut Cx, queue: u64, peek_context: u64) -> Result<u64, Stop> {
    let irql = lock(cx, queue)?;
    let mut packet = 0;
    loop {
        let arguments = [queue, packet, peek_context];
        packet = callback(cx, queue, csq::CSQ_PEEK_NEXT_IRP, &arguments)?;
        if packet == 0 {
            break;
        }
        if take_cancel_routine(cx, packet)? != 0 {
            callback(cx, queue, csq::CSQ_REMOVE_IRP, &[queue, packet])?;
            forget(cx, queue, packet)?;
            break;
        }
    }
    unlock(cx, queue, irql)?;
    Ok(packet)
}

/// Takes the IRP that a context names out of the queue; 0 when it is no longer there.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocsqremoveirp>
pub fn IoCsqRemoveIrp(cx: &mut Cx, queue: u64, name: u64) -> Result<u64, Stop> {
    let irql = lock(cx, queue)?;
    let mut packet = cx.read64(name + context::IRP)?;
    if packet != 0 {
        if take_cancel_routine(cx, packet)? == 0 {
            packet = 0;
        } else {
            callback(cx, queue, csq::CSQ_REMOVE_IRP, &[queue, packet])?;
            forget(cx, queue, packet)?;
        }
    }
    unlock(cx, queue, irql)?;
    Ok(packet)
}

/// The cancel routine of every IRP in a queue. Not exported: IRPs carry its address.
pub fn IopCsqCancelRoutine(cx: &mut Cx, _device: u64, packet: u64) -> Result<(), Stop> {
    let irql = cx.read8(packet + irp::CANCEL_IRQL)?;
    release_cancel_lock(cx, irql)?;
    let owner = cx.read64(packet + OWNER)?;
    let named = cx.read32(owner + context::TYPE)? == csq_type::IO_TYPE_CSQ_IRP_CONTEXT;
    let queue = if named { cx.read64(owner + context::CSQ)? } else { owner };
    let irql = lock(cx, queue)?;
    callback(cx, queue, csq::CSQ_REMOVE_IRP, &[queue, packet])?;
    if named {
        cx.write64(owner + context::IRP, 0)?;
    }
    unlock(cx, queue, irql)?;
    callback(cx, queue, csq::CSQ_COMPLETE_CANCELED_IRP, &[queue, packet])?;
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoCsqInitialize, quiet),
        service!(IoCsqInitializeEx, quiet),
        service!(IoCsqInsertIrp, hands_over, quiet),
        service!(IoCsqInsertIrpEx, hands_over, quiet),
        service!(IoCsqRemoveNextIrp, quiet),
        service!(IoCsqRemoveIrp, quiet),
        service!(IopCsqCancelRoutine, quiet),
    ]
}

#[cfg(test)]
#[path = "csq_tests.rs"]
mod tests;
