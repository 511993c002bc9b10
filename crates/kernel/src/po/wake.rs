//! Wait/wake requests: the bus driver keeps one for a device until the device wakes the system or
//! whoever sent it cancels it.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-wait-wake>

use crate::cx::{Cx, Stop};
use crate::io::call::PENDING_RETURNED;
use crate::io::{cancel, complete};
use crate::service;
use crate::service::Service;
use crate::state::Start;
use nt::layout::{io_stack_location as location, irp};
use nt::status;

/// The bus driver gets a wait/wake request.
pub(crate) fn keep(cx: &mut Cx, device: u64, at: u64) -> Result<u32, Stop> {
    if cx.state.wakes.iter().any(|&(owner, _)| owner == device) {
        cx.write32(at + irp::IO_STATUS_STATUS, status::STATUS_DEVICE_BUSY)?;
        complete::complete(cx, at)?;
        return Ok(status::STATUS_DEVICE_BUSY);
    }
    let routine = cx.registry.address_of("BenchBusCancelWake").unwrap_or(0);
    let here = cx.read64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION)?;
    let control = cx.read8(here + location::CONTROL)?;
    let memory = &mut cx.bus.memory;
    memory.poke8(here + location::CONTROL, control | PENDING_RETURNED);
    if memory.peek8(at + irp::CANCEL) != 0 {
        memory.poke32(at + irp::IO_STATUS_STATUS, status::STATUS_CANCELLED);
        complete::complete(cx, at)?;
        return Ok(status::STATUS_PENDING);
    }
    memory.poke64(at + irp::CANCEL_ROUTINE, routine);
    cx.state.wakes.push((device, at));
    Ok(status::STATUS_PENDING)
}

/// The bus driver's cancel routine of a wait/wake request.
pub fn BenchBusCancelWake(cx: &mut Cx, _device: u64, at: u64) -> Result<(), Stop> {
    let irql = cx.bus.memory.peek8(at + irp::CANCEL_IRQL);
    cx.state.wakes.retain(|&(_, kept)| kept != at);
    cancel::release_cancel_lock(cx, irql)?;
    cx.bus.memory.poke32(at + irp::IO_STATUS_STATUS, status::STATUS_CANCELLED);
    complete::complete(cx, at)
}

/// The device gives its wake-up signal: the request that was kept succeeds, a moment later and at
/// DISPATCH_LEVEL.
pub(crate) fn signal(cx: &mut Cx, device: u64) -> Result<(), Stop> {
    cx.point()?;
    let Some(index) = cx.state.wakes.iter().position(|&(owner, _)| owner == device) else {
        return Ok(());
    };
    let (_, at) = cx.state.wakes.remove(index);
    cx.bus.memory.poke64(at + irp::CANCEL_ROUTINE, 0);
    match cx.spawn(Start::BusCompletion(at), 2, 0) {
        Some(_) => Ok(()),
        None => Err(Stop::Run),
    }
}

pub(crate) fn services() -> Vec<Service> {
    vec![service!(BenchBusCancelWake, quiet)]
}
