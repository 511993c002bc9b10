//! What drivers tell the power manager: the state of a device, and what they want to hear of.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use memory::Access;
use nt::layout::{device_object, devobj_extension};

/// `PowerFlags` of DEVOBJ_EXTENSION: the system's state in bits 0 to 3, the device's in bits 4 to 7.
/// The documentation keeps the field to the system; debuggers show it this way.
const BITS: u32 = 0xf;

/// Tells the state of a device; returns the one before.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-posetpowerstate>
pub fn PoSetPowerState(cx: &mut Cx, device: u64, kind: u32, state: u32) -> Result<u32, Stop> {
    cx.probe(device, device_object::SIZE, Access::Write)?;
    let extension = cx.bus.memory.peek64(device + device_object::DEVICE_OBJECT_EXTENSION);
    let place = extension + devobj_extension::POWER_FLAGS;
    let flags = cx.bus.memory.peek32(place);
    // DevicePowerState of POWER_STATE_TYPE.
    let shift = if kind == 1 { 4 } else { 0 };
    let value = flags & !(BITS << shift) | (state & BITS) << shift;
    cx.bus.memory.poke32(place, value);
    Ok(flags >> shift & BITS)
}

/// Keeps the system or its display awake; returns a handle.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-poregistersystemstate>
pub fn PoRegisterSystemState(cx: &mut Cx, handle: u64, _flags: u32) -> Result<u64, Stop> {
    if handle != 0 {
        return Ok(handle);
    }
    match pool::allocate(cx, BlockKind::Object, false, 16, 0) {
        Some(at) => Ok(at),
        None => Err(Stop::Run),
    }
}

/// Ends what `PoRegisterSystemState` began.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-pounregistersystemstate>
pub fn PoUnregisterSystemState(cx: &mut Cx, handle: u64) -> Result<(), Stop> {
    cx.probe(handle, 16, Access::Write)?;
    pool::free(cx, handle);
    Ok(())
}

/// Tells that the system is in use; it does not sleep by itself here.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-posetsystemstate>
pub fn PoSetSystemState(_cx: &mut Cx, _flags: u32) -> Result<(), Stop> {
    Ok(())
}

/// Whether the power manager runs out of patience: it measures no time here.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-poquerywatchdogtime>
pub fn PoQueryWatchdogTime(cx: &mut Cx, device: u64, _seconds: u64) -> Result<bool, Stop> {
    cx.probe(device, device_object::SIZE, Access::Read)?;
    Ok(false)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(PoSetPowerState),
        service!(PoRegisterSystemState, quiet),
        service!(PoUnregisterSystemState, quiet),
        service!(PoSetSystemState, quiet),
        service!(PoQueryWatchdogTime, quiet, partly "it is never running out"),
    ]
}
