//! Questions that the PnP manager asks a device stack, and what it does with the answers.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/adding-a-pnp-device-to-a-running-system>

use super::{children, query};
use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::io::{device, request};
use crate::state::BlockKind;
use nt::irp::{
    IRP_MJ_PNP, IRP_MN_FILTER_RESOURCE_REQUIREMENTS, IRP_MN_QUERY_BUS_INFORMATION,
    IRP_MN_QUERY_CAPABILITIES, IRP_MN_QUERY_DEVICE_RELATIONS, IRP_MN_QUERY_DEVICE_TEXT,
    IRP_MN_QUERY_ID, IRP_MN_QUERY_PNP_DEVICE_STATE, IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
};
use nt::layout::{device_capabilities as capabilities, device_relations as relations};
use nt::layout::{io_stack_location as location, irp};
use nt::status;

/// BusRelations, TargetDeviceRelation of DEVICE_RELATION_TYPE (wdm.h).
pub(super) const BUS_RELATIONS: u64 = 0;
const TARGET_RELATION: u64 = 4;
/// Types of BUS_QUERY_ID_TYPE (wdm.h): device, hardware, compatible, instance, serial number,
/// container.
const IDS: u64 = 6;
/// Types of DEVICE_TEXT_TYPE (wdm.h): description, location.
const TEXTS: u64 = 2;

/// Sends a PnP request whose answer is in its status block: status and information.
pub(super) fn ask(
    cx: &mut Cx,
    pdo: u64,
    minor: u8,
    parameters: [u64; 2],
    information: u64,
) -> Result<(u32, u64), Stop> {
    let top = device::top_of_stack(cx, pdo);
    let (index, at, here) = request::make(cx, top, None, IRP_MJ_PNP, minor, true)?;
    let memory = &mut cx.bus.memory;
    memory.poke32(at + irp::IO_STATUS_STATUS, status::STATUS_NOT_SUPPORTED);
    memory.poke64(at + irp::IO_STATUS_INFORMATION, information);
    for (slot, value) in (0..).zip(parameters) {
        memory.poke64(here + location::PARAMETERS + 8 * slot, value);
    }
    request::send(cx, index, top, at)?;
    request::wait(cx, index)
}

/// Asks for something that comes in pool, and frees it.
pub(super) fn ask_and_free(
    cx: &mut Cx,
    pdo: u64,
    minor: u8,
    parameters: [u64; 2],
) -> Result<(), Stop> {
    let (code, answer) = ask(cx, pdo, minor, parameters, 0)?;
    if code < 0x8000_0000 && answer != 0 {
        cx.read8(answer)?;
        pool::free(cx, answer);
    }
    Ok(())
}

/// Before a device is started the function driver may change what resources it is to have.
pub(crate) fn filter_resource_requirements(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    let Some(list) = query::requirements(cx) else { return Err(Stop::Run) };
    let minor = IRP_MN_FILTER_RESOURCE_REQUIREMENTS;
    let (code, answer) = ask(cx, pdo, minor, [list, 0], list)?;
    if code < 0x8000_0000 && answer != list && answer != 0 {
        // A longer list, and the driver has freed the one that it got.
        cx.read8(answer)?;
        pool::free(cx, answer);
        return Ok(());
    }
    pool::free(cx, list);
    Ok(())
}

/// Asks the whole stack for its capabilities, after each start; what the drivers changed is kept.
pub(super) fn capabilities(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    let answer = pool::allocate(cx, BlockKind::Object, false, capabilities::SIZE, 0);
    let Some(answer) = answer else { return Err(Stop::Run) };
    let memory = &mut cx.bus.memory;
    memory.fill(answer, capabilities::SIZE, 0);
    memory.poke16(answer, capabilities::SIZE as u16);
    memory.poke16(answer + capabilities::VERSION, 1);
    memory.poke32(answer + capabilities::ADDRESS, u32::MAX);
    memory.poke32(answer + capabilities::UI_NUMBER, u32::MAX);
    let (code, _) = ask(cx, pdo, IRP_MN_QUERY_CAPABILITIES, [answer, 0], 0)?;
    if code < 0x8000_0000 {
        cx.state.pnp.capabilities = cx.bus.memory.peek32(answer + capabilities::FLAGS);
    }
    pool::free(cx, answer);
    Ok(())
}

/// Asks for related devices and gives the references back.
fn related(cx: &mut Cx, pdo: u64, kind: u64) -> Result<(), Stop> {
    let (code, list) = ask(cx, pdo, IRP_MN_QUERY_DEVICE_RELATIONS, [kind, 0], 0)?;
    if code >= 0x8000_0000 || list == 0 {
        return Ok(());
    }
    let count = u64::from(cx.read32(list + relations::COUNT)?);
    for index in 0..count {
        let object = cx.read64(list + relations::OBJECTS + 8 * index)?;
        crate::ob::ObfDereferenceObject(cx, object)?;
    }
    pool::free(cx, list);
    Ok(())
}

/// What the PnP manager asks once a device is started: capabilities, state, devices behind it.
pub(crate) fn after_start(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    capabilities(cx, pdo)?;
    device_state(cx, pdo)?;
    children::enumerate(cx, pdo)
}

/// Asks for the PnP state of a device, after its start and when a driver says that it changed.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-pnp-device-state>
pub(super) fn device_state(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    let (code, state) = ask(cx, pdo, IRP_MN_QUERY_PNP_DEVICE_STATE, [0; 2], 0)?;
    if code < 0x8000_0000 {
        cx.state.pnp.device_state = state as u32;
    }
    Ok(())
}

/// PNP_DEVICE_FAILED, PNP_DEVICE_REMOVED (wdm.h).
const FAILED: u32 = 0x4;
const REMOVED: u32 = 0x8;

/// Asks for the PnP state because a driver said that it changed. A device that failed or is gone is
/// removed as one that was pulled out: at once, and once nobody has it open for good.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-an-irp-mn-surprise-removal-request>
pub(super) fn state_changed(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    device_state(cx, pdo)?;
    if cx.state.pnp.device_state & (FAILED | REMOVED) != 0 {
        cx.note("the device failed or is gone, says its driver");
        super::manager::surprised(cx, pdo)?;
    }
    Ok(())
}

/// Everything that may be asked of a started device, as a device manager and programs that want to
/// be told of its removal make the PnP manager do.
pub fn everything(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    super::manager::alone(cx, |cx| all(cx, pdo))
}

fn all(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    after_start(cx, pdo)?;
    related(cx, pdo, TARGET_RELATION)?;
    for kind in 0..IDS {
        ask_and_free(cx, pdo, IRP_MN_QUERY_ID, [kind, 0])?;
    }
    for kind in 0..TEXTS {
        // Locale: English, as a driver in a world without others gets it.
        ask_and_free(cx, pdo, IRP_MN_QUERY_DEVICE_TEXT, [kind, 0x409])?;
    }
    ask_and_free(cx, pdo, IRP_MN_QUERY_BUS_INFORMATION, [0; 2])?;
    ask_and_free(cx, pdo, IRP_MN_QUERY_RESOURCE_REQUIREMENTS, [0; 2])?;
    filter_resource_requirements(cx, pdo)
}
