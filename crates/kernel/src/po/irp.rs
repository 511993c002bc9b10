//! Power requests. Of each device stack at most one request about the system's state and one about
//! the device's state is under way at a time; further ones wait for their turn. Wait/wake requests
//! are not counted.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/rules-for-handling-power-irps>

use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::io::{device, request};
use crate::ke::dpc::wake_key;
use crate::service;
use crate::service::Service;
use crate::state::{Doing, PowerClass, PowerRequest, Start};
use crate::world::World;
use memory::Access;
use nt::irp::{IRP_MJ_POWER, IRP_MN_QUERY_POWER, IRP_MN_SET_POWER, IRP_MN_WAIT_WAKE};
use nt::layout::{device_object, devobj_extension, io_stack_location as location, irp};
use nt::status;

/// DO_POWER_PAGABLE (wdm.h).
const POWER_PAGABLE: u32 = 0x2000;
const DISPATCH_LEVEL: u8 = 2;

/// Key of those who wait for a stack to take its next power request.
pub(crate) const TURN: u64 = 5;

/// The physical device object below `object`.
pub(crate) fn bottom_of_stack(world: &World, mut object: u64) -> u64 {
    for _ in 0..64 {
        let extension = world.bus.memory.view64(object + device_object::DEVICE_OBJECT_EXTENSION);
        let below = world.bus.memory.view64(extension + devobj_extension::ATTACHED_TO);
        if below == 0 {
            break;
        }
        object = below;
    }
    object
}

/// Makes a power request for the stack of `device`; sends nothing yet. Returns its number among
/// the requests and the packet.
pub(crate) fn make(
    cx: &mut Cx,
    device: u64,
    minor: u8,
    class: PowerClass,
    state: u32,
    callback: (u64, u64),
) -> Result<(u16, u64), Stop> {
    let top = device::top_of_stack(cx, device);
    let pdo = bottom_of_stack(cx, device);
    let (request, at, here) = request::make(cx, top, None, IRP_MJ_POWER, minor, true)?;
    let memory = &mut cx.bus.memory;
    memory.poke32(at + irp::IO_STATUS_STATUS, status::STATUS_NOT_SUPPORTED);
    if class == PowerClass::Wake {
        memory.poke32(here + location::PARAMETERS_WAIT_WAKE_POWER_STATE, state);
    } else {
        // SystemPowerState 0, DevicePowerState 1 of POWER_STATE_TYPE.
        let kind = u32::from(class == PowerClass::Device);
        memory.poke32(here + location::PARAMETERS_POWER_TYPE, kind);
        memory.poke32(here + location::PARAMETERS_POWER_STATE, state);
        // PowerActionNone 0, PowerActionSleep 2 of POWER_ACTION.
        let action = if class == PowerClass::System { 2 } else { 0 };
        memory.poke32(here + location::PARAMETERS_POWER_SHUTDOWN_TYPE, action);
    }
    device::reference(cx, top, 1);
    cx.state.power.push(PowerRequest {
        irp: at,
        device,
        top,
        pdo,
        class,
        minor,
        state,
        callback: callback.0,
        context: callback.1,
        sent: false,
    });
    Ok((request, at))
}

/// Whether another request of the same class is under way in the same stack.
fn must_wait(world: &World, at: u64) -> bool {
    let Some(me) = world.state.power.iter().find(|power| power.irp == at) else { return false };
    me.class != PowerClass::Wake
        && world.state.power.iter().any(|other| {
            other.irp != at && other.sent && other.class == me.class && other.pdo == me.pdo
        })
}

/// Waits for the request's turn and sends it.
pub(crate) fn send(cx: &mut Cx, request: u16, at: u64) -> Result<(), Stop> {
    while must_wait(cx, at) {
        cx.block(Doing::ForKey(TURN))?;
    }
    let Some(power) = cx.state.power.iter_mut().find(|power| power.irp == at) else {
        return Ok(());
    };
    power.sent = true;
    let (top, pdo, class) = (power.top, power.pdo, power.class);
    if class == PowerClass::Wake || pageable(cx, pdo) {
        return request::send(cx, request, top, at);
    }
    let before = cx.irql();
    cx.set_irql(before.max(DISPATCH_LEVEL));
    request::send(cx, request, top, at)?;
    cx.set_irql(before);
    Ok(())
}

/// Whether a stack gets its power requests at PASSIVE_LEVEL: its physical device object says so.
/// One that does not, or that draws an inrush of current, may get them at DISPATCH_LEVEL, and here
/// always does; wait/wake requests come at PASSIVE_LEVEL everywhere.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-set-power>
fn pageable(world: &World, pdo: u64) -> bool {
    let mut flags = [0; 4];
    world.bus.memory.view(pdo + device_object::FLAGS, &mut flags);
    u32::from_le_bytes(flags) & POWER_PAGABLE != 0
}

/// Sends a request that a driver asked for: a context's whole life.
pub(crate) fn main(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    cx.moment();
    let number = cx.state.requests.iter().rposition(|request| request.irp == at);
    match number {
        Some(number) => send(cx, number as u16, at),
        None => Ok(()),
    }
}

/// A packet came back to its maker: if it is a power request, its callback is called, and the next
/// one of the stack may go. The packet is still there.
pub(crate) fn finished(cx: &mut Cx, at: u64) -> Result<(), Stop> {
    let Some(index) = cx.state.power.iter().position(|power| power.irp == at) else {
        return Ok(());
    };
    let power = cx.state.power[index];
    if power.callback != 0 {
        let (device, minor) = (power.device, u64::from(power.minor));
        let block = at + irp::IO_STATUS_STATUS;
        let arguments = [device, minor, u64::from(power.state), power.context, block];
        cx.call(Routine::Callback, power.callback, &arguments)?;
    }
    cx.state.power.retain(|power| power.irp != at);
    device::reference(cx, power.top, -1);
    wake_key(cx, TURN);
    Ok(())
}

/// Makes a power request and has it sent to the top of the device's stack. The request is sent by
/// a thread of the power manager's, possibly before this returns, and its callback is called when
/// all drivers are done with it, wherever that is.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-porequestpowerirp>
pub fn PoRequestPowerIrp(
    cx: &mut Cx,
    target: u64,
    minor: u8,
    state: u32,
    callback: u64,
    context: u64,
    result: u64,
) -> Result<u32, Stop> {
    cx.probe(target, device_object::SIZE, Access::Read)?;
    let class = match minor {
        IRP_MN_WAIT_WAKE => PowerClass::Wake,
        IRP_MN_SET_POWER | IRP_MN_QUERY_POWER => PowerClass::Device,
        _ => return Ok(status::STATUS_INVALID_PARAMETER_2),
    };
    let (_, at) = make(cx, target, minor, class, state, (callback, context))?;
    if result != 0 {
        cx.write64(result, at)?;
    }
    let thread = crate::ps::thread::object(cx);
    match cx.spawn(Start::PowerRequest(at), 0, thread) {
        Some(_) => Ok(status::STATUS_PENDING),
        None => Err(Stop::Run),
    }
}

pub(crate) fn services() -> Vec<Service> {
    vec![service!(PoRequestPowerIrp, hands_over)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::cancel::IoCancelIrp;
    use crate::rtl::test_machine::{block, run};

    fn ask(cx: &mut Cx, pdo: u64, minor: u8, place: u64) -> Result<u16, Stop> {
        let answer = PoRequestPowerIrp(cx, pdo, minor, 4, 0, 0, place)?;
        assert_eq!(answer, status::STATUS_PENDING);
        Ok(cx.state.requests.len() as u16 - 1)
    }

    fn pdo(cx: &mut Cx) -> Result<u64, Stop> {
        crate::pnp::bus::make_pdo(cx).ok_or(Stop::Run)
    }

    #[test]
    fn one_wait_for_waking_at_a_time_until_it_is_cancelled() {
        run(|cx| {
            let pdo = pdo(cx)?;
            let place = block(cx, 8);
            let first = ask(cx, pdo, IRP_MN_WAIT_WAKE, place)?;
            let second = ask(cx, pdo, IRP_MN_WAIT_WAKE, 0)?;
            assert_eq!(request::wait(cx, second)?.0, status::STATUS_DEVICE_BUSY);
            let irp = cx.read64(place)?;
            assert!(IoCancelIrp(cx, irp)?);
            assert_eq!(request::wait(cx, first)?.0, status::STATUS_CANCELLED);
            assert!(cx.state.power.is_empty() && cx.state.wakes.is_empty());
            Ok(())
        });
    }

    #[test]
    fn a_device_request_waits_for_the_one_before_it() {
        run(|cx| {
            let pdo = pdo(cx)?;
            let class = PowerClass::Device;
            let (_, one) = make(cx, pdo, IRP_MN_SET_POWER, class, 4, (0, 0))?;
            let (_, two) = make(cx, pdo, IRP_MN_SET_POWER, class, 1, (0, 0))?;
            let (_, system) = make(cx, pdo, IRP_MN_SET_POWER, PowerClass::System, 1, (0, 0))?;
            cx.state.power[0].sent = true;
            assert!(must_wait(cx, two) && !must_wait(cx, system));
            finished(cx, one)?;
            assert!(!must_wait(cx, two));
            Ok(())
        });
    }

    #[test]
    fn the_physical_device_object_decides_on_the_level() {
        run(|cx| {
            for resident in [false, true] {
                let pdo = match resident {
                    true => crate::pnp::bus::make_resident_pdo(cx),
                    false => crate::pnp::bus::make_pdo(cx),
                };
                let pdo = pdo.ok_or(Stop::Run)?;
                assert_eq!(pageable(cx, pdo), !resident);
                let (number, at) = make(cx, pdo, IRP_MN_SET_POWER, PowerClass::Device, 4, (0, 0))?;
                send(cx, number, at)?;
                assert_eq!(request::wait(cx, number)?.0, status::STATUS_SUCCESS);
                assert!(cx.bus.card.asleep() && cx.irql() == 0);
            }
            Ok(())
        });
    }

    #[test]
    fn only_power_requests_that_there_are_can_be_asked_for() {
        run(|cx| {
            let pdo = pdo(cx)?;
            let answer = PoRequestPowerIrp(cx, pdo, 0x01, 4, 0, 0, 0)?;
            assert_eq!(answer, status::STATUS_INVALID_PARAMETER_2);
            Ok(())
        });
    }
}
