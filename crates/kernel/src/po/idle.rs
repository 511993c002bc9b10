//! Idle detection. A device is idle when its driver has not said for long enough that it is busy.
//! Like a timer, that may come true at any point here: how long a request takes is not known.

use super::irp;
use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::io::request;
use crate::service;
use crate::service::Service;
use crate::state::{BlockKind, IdleDevice, PowerClass};
use memory::Access;
use nt::irp::IRP_MN_SET_POWER;
use nt::layout::device_object;

/// FILE_DEVICE_DISK, FILE_DEVICE_MASS_STORAGE: the types that have standard idle times.
const STANDARD_TIMES: [u32; 2] = [0x7, 0x2d];

/// Begins, changes or ends idle detection of a device; returns the address of its idle counter.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-poregisterdeviceforidledetection>
pub fn PoRegisterDeviceForIdleDetection(
    cx: &mut Cx,
    device: u64,
    conservation: u32,
    performance: u32,
    state: u32,
) -> Result<u64, Stop> {
    cx.probe(device, device_object::SIZE, Access::Read)?;
    let kind = cx.bus.memory.peek32(device + device_object::DEVICE_TYPE);
    let standard = conservation == u32::MAX || performance == u32::MAX;
    let known = cx.state.idle.iter().position(|idle| idle.device == device);
    if standard && !STANDARD_TIMES.contains(&kind) || (conservation, performance) == (0, 0) {
        if let Some(index) = known {
            let counter = cx.state.idle.remove(index).counter;
            pool::free(cx, counter);
        }
        return Ok(0);
    }
    if let Some(index) = known {
        cx.state.idle[index].state = state;
        return Ok(cx.state.idle[index].counter);
    }
    let Some(counter) = pool::allocate(cx, BlockKind::Object, false, 8, 0) else {
        return Err(Stop::Run);
    };
    cx.bus.memory.poke64(counter, 0);
    cx.state.idle.push(IdleDevice { device, counter, state });
    Ok(counter)
}

/// Tells that the device of an idle counter is in use.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-posetdevicebusyex>
pub fn PoSetDeviceBusyEx(cx: &mut Cx, counter: u64) -> Result<(), Stop> {
    cx.write32(counter, 0)
}

/// Tells that the device is in use until further notice.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-postartdevicebusy>
pub fn PoStartDeviceBusy(cx: &mut Cx, counter: u64) -> Result<(), Stop> {
    // The second word counts how often; drivers see the first one only.
    let times = cx.read32(counter + 4)?;
    cx.write32(counter + 4, times.wrapping_add(1))
}

/// Takes a `PoStartDeviceBusy` back.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-poenddevicebusy>
pub fn PoEndDeviceBusy(cx: &mut Cx, counter: u64) -> Result<(), Stop> {
    let times = cx.read32(counter + 4)?;
    cx.write32(counter, 0)?;
    cx.write32(counter + 4, times.wrapping_sub(1))
}

/// The idle time of each device of a stack passes: those that are not busy at its end are put to
/// sleep.
pub fn pass(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    let mine = cx.state.idle.clone();
    for idle in &mine {
        if irp::bottom_of_stack(cx, idle.device) == pdo {
            cx.bus.memory.poke32(idle.counter, 1);
        }
    }
    cx.point()?;
    for idle in mine {
        let there = cx.state.idle.iter().any(|other| other.counter == idle.counter);
        if !there || cx.bus.memory.peek64(idle.counter) != 1 {
            continue;
        }
        let (minor, class) = (IRP_MN_SET_POWER, PowerClass::Device);
        let (number, at) = irp::make(cx, idle.device, minor, class, idle.state, (0, 0))?;
        irp::send(cx, number, at)?;
        request::wait(cx, number)?;
    }
    Ok(())
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(
            PoRegisterDeviceForIdleDetection,
            partly "how long a device is idle is not measured"
        ),
        service!(PoSetDeviceBusyEx),
        service!(PoStartDeviceBusy),
        service!(PoEndDeviceBusy),
    ]
}
