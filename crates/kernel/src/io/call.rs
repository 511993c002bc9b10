//! Passing a request to a driver.

use crate::cx::{Cx, Stop};
use crate::event::{Event, Kind, Routine};
use crate::service;
use crate::service::Service;
use crate::state::{LOCATIONS, Location};
use memory::Access;
use nt::layout::{device_object as device, driver_object as driver};
use nt::layout::{io_stack_location as location, irp};

/// SL_PENDING_RETURNED (wdm.h).
pub(crate) const PENDING_RETURNED: u8 = 1;

/// Index of a stack location in a record's history, the first for the topmost driver.
pub(crate) fn level(locations: u8, current: u8) -> usize {
    usize::from(locations.saturating_sub(current)).min(LOCATIONS - 1)
}

/// Passes a request to a device's driver and returns what its dispatch routine returns.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iofcalldriver>
pub fn IofCallDriver(cx: &mut Cx, target: u64, at: u64) -> Result<u32, Stop> {
    // A block is live or dead as a whole: its first word tells.
    cx.read64(at)?;
    cx.read64(target)?;
    let memory = &mut cx.bus.memory;
    let locations = memory.peek8(at + irp::STACK_COUNT);
    let current = memory.peek8(at + irp::CURRENT_LOCATION).wrapping_sub(1);
    if current == 0 || current > locations {
        cx.say(Event::NoStackLocation { irp: at, device: target })?;
        return cx.unsupported("a request with no stack location left");
    }
    let here = memory.peek64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION) - location::SIZE;
    memory.poke8(at + irp::CURRENT_LOCATION, current);
    memory.poke64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION, here);
    memory.poke64(here + location::DEVICE_OBJECT, target);
    let major = memory.peek8(here);
    let minor = memory.peek8(here + location::MINOR_FUNCTION);
    let driver_object = memory.peek64(target + device::DRIVER_OBJECT);
    let slot = driver_object + driver::MAJOR_FUNCTION + 8 * u64::from(major.min(27));
    let function = memory.peek64(slot);
    let inherited = memory.peek8(here + location::CONTROL) & PENDING_RETURNED != 0;
    let level = level(locations, current);
    let now = cx.state.moment;
    if cx.state.irp(at).is_none() {
        // The driver filled it in with its own hands: it is known from here on.
        super::irp::begin_anew(cx, at, locations);
    }
    let mut outer = None;
    if let Some(record) = cx.state.irp_mut(at) {
        if level == 0 {
            record.major = major;
        } else {
            record.history[level - 1].passed = Some(now);
        }
        let before = record.history[level];
        // The same location twice: the driver above skipped its own.
        if before.device != 0 && before.completed.is_none() {
            outer = Some(before);
        } else {
            record.history[level] = Default::default();
        }
        record.history[level].device = target;
        record.history[level].passed = None;
        record.history[level].lower = None;
    }
    if cx.wanted(Kind::Dispatch) {
        cx.say(Event::Dispatch { irp: at, device: target, major })?;
    }
    if cx.recorder.is_some() {
        let text = super::request::describe(cx, at, target, major, minor);
        cx.note(&text);
    }
    let value = match cx.call(Routine::Dispatch, function, &[target, at]) {
        Err(Stop::Unwound) => {
            given_up(cx, at, level, outer);
            return Err(Stop::Unwound);
        }
        other => other? as u32,
    };
    let now = cx.moment();
    let (mut marked, mut completed, mut passed, mut lower) = (false, None, false, None);
    if let Some(record) = cx.state.irp(at) {
        let entry = record.history[level];
        (marked, completed) = (entry.marked, entry.completed);
        (passed, lower) = (entry.passed.is_some(), entry.lower);
        if completed.is_none() && record.completed.is_none() {
            let control = cx.bus.memory.peek8(here + location::CONTROL);
            marked = control & PENDING_RETURNED != 0;
        }
    }
    if let Some(record) = cx.state.irp_mut(at) {
        if let Some(outer) = outer {
            record.history[level].device = outer.device;
            record.history[level].passed = Some(now);
            record.history[level].lower = Some(value);
        } else if level > 0 {
            record.history[level - 1].lower = Some(value);
        }
        if record.completed.is_none() {
            record.pended = Some(now);
        }
    }
    cx.say(Event::DispatchReturn {
        irp: at,
        device: target,
        major,
        minor,
        status: value,
        marked,
        inherited: inherited && outer.is_some(),
        completed,
        passed,
        lower,
        function,
    })?;
    Ok(value)
}

/// An exception left the dispatch routine for a handler of the driver above: that one has the
/// request again, which nobody returned to it, with its stack location as it was below.
fn given_up(cx: &mut Cx, at: u64, level: usize, outer: Option<Location>) {
    let Some(record) = cx.state.irp_mut(at) else { return };
    if let Some(outer) = outer {
        record.history[level] = outer;
    } else if level > 0 {
        record.history[level - 1].passed = None;
    }
}

/// Passes a copy of a request down and waits until the lower drivers have completed it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioforwardirpsynchronously>
pub fn IoForwardIrpSynchronously(cx: &mut Cx, target: u64, at: u64) -> Result<bool, Stop> {
    cx.probe(at, irp::SIZE, Access::Write)?;
    let memory = &mut cx.bus.memory;
    if memory.peek8(at + irp::CURRENT_LOCATION) <= 1 {
        return Ok(false);
    }
    let here = memory.peek64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION);
    let next = here - location::SIZE;
    let mut copy = [0; location::COMPLETION_ROUTINE as usize];
    memory.peek(here, &mut copy);
    memory.poke(next, &copy);
    let signal = cx.registry.address_of("IopForwardCompletion").unwrap_or(0);
    let memory = &mut cx.bus.memory;
    memory.poke64(next + location::COMPLETION_ROUTINE, signal);
    memory.poke64(next + location::CONTEXT, at);
    // Invoke on success, error and cancel.
    memory.poke8(next + location::CONTROL, 0xe0);
    let status = IofCallDriver(cx, target, at)?;
    if status == nt::status::STATUS_PENDING {
        // The lower drivers are done once the current location is this driver's again.
        while cx.bus.memory.peek64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION) != here {
            cx.block(crate::state::Doing::ForKey(at))?;
        }
    }
    Ok(true)
}

/// Completion routine of [`IoForwardIrpSynchronously`].
pub fn IopForwardCompletion(cx: &mut Cx, _device: u64, _irp: u64, key: u64) -> Result<u32, Stop> {
    crate::ke::dpc::wake_key(cx, key);
    Ok(nt::status::STATUS_MORE_PROCESSING_REQUIRED)
}

/// Sets the completion routine of the next lower location. Windows allocates to keep the driver
/// loaded while the routine runs, which may fail.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetcompletionroutineex>
pub fn IoSetCompletionRoutineEx(
    cx: &mut Cx,
    target: u64,
    at: u64,
    routine: u64,
    context: u64,
    success: bool,
    error: bool,
    cancel: bool,
) -> Result<u32, Stop> {
    cx.probe(target, device::SIZE, Access::Read)?;
    cx.probe(at, irp::SIZE, Access::Write)?;
    let here = cx.read64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION)? - location::SIZE;
    cx.write64(here + location::COMPLETION_ROUTINE, routine)?;
    cx.write64(here + location::CONTEXT, context)?;
    // SL_INVOKE_ON_CANCEL, SL_INVOKE_ON_SUCCESS, SL_INVOKE_ON_ERROR (wdm.h).
    let control = u8::from(cancel) << 5 | u8::from(success) << 6 | u8::from(error) << 7;
    cx.write8(here + location::CONTROL, control)?;
    Ok(nt::status::STATUS_SUCCESS)
}

/// Passes a power request; nothing special about it since Windows Vista.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-pocalldriver>
pub fn PoCallDriver(cx: &mut Cx, target: u64, at: u64) -> Result<u32, Stop> {
    IofCallDriver(cx, target, at)
}

/// Tells that the next power request may come; does nothing since Windows Vista.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-postartnextpowerirp>
pub fn PoStartNextPowerIrp(_cx: &mut Cx, _at: u64) -> Result<(), Stop> {
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IofCallDriver, hands_over),
        service!(IoForwardIrpSynchronously, hands_over),
        service!(IoSetCompletionRoutineEx, quiet, partly "the driver is not kept loaded by it"),
        service!(IopForwardCompletion, quiet),
        service!(PoCallDriver, hands_over),
        service!(PoStartNextPowerIrp, quiet),
    ]
}
