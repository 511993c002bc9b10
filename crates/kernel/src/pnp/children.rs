//! Devices that a driver finds on a bus of its own: what the PnP manager does with the physical device
//! objects that a bus driver reports, from the first time it hears of one until it is gone.
//!
//! Nothing here knows a driver for such a device, so the upper filter of the bench's own stands in its
//! stack for one, from its start to its removal.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/adding-a-pnp-device-to-a-running-system>
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/removing-a-device-in-a-bus-driver>

use super::ask::{BUS_RELATIONS, ask, ask_and_free, capabilities, device_state, state_changed};
use super::filter;
use super::manager::minor;
use crate::cx::{Cx, Stop};
use crate::event::Event;
use crate::ex::pool;
use crate::io::{device, request};
use crate::ob::{ObfDereferenceObject, object};
use crate::rtl::text::wide_z;
use crate::state::Child;
use memory::Access;
use nt::irp::{
    IRP_MN_QUERY_BUS_INFORMATION, IRP_MN_QUERY_DEVICE_RELATIONS, IRP_MN_QUERY_DEVICE_TEXT,
    IRP_MN_QUERY_ID, IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
};
use nt::layout::{device_object, device_relations as relations};

/// DO_BUS_ENUMERATED_DEVICE (wdm.h): the PnP manager has a node for the device.
const BUS_ENUMERATED: u32 = 0x1000;
/// BusQueryDeviceID, BusQueryHardwareIDs, BusQueryCompatibleIDs, BusQueryInstanceID,
/// BusQueryContainerID of BUS_QUERY_ID_TYPE (wdm.h).
const DEVICE_ID: u64 = 0;
const INSTANCE_ID: u64 = 3;
const LISTS: [u64; 2] = [1, 2];
const CONTAINER_ID: u64 = 5;
/// IRP_MN_QUERY_RESOURCES (wdm.h).
const QUERY_RESOURCES: u8 = 0x0a;
/// English.
const LOCALE: u64 = 0x409;
/// MAX_DEVICE_ID_LEN (cfgmgr32.h).
const MOST_CHARACTERS: u64 = 200;

/// What is wrong with what a bus driver reports; the numbers are those of bug check 0xCA.
/// <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xca--pnp-detected-fatal-error>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Two devices of one bus have the same device and instance ID.
    Duplicate = 1,
    /// A routine that takes a physical device object is given something else.
    NotPhysical = 2,
    /// An ID has a character that none may have, or does not end.
    BadId = 3,
    /// A device that the bus driver has deleted is reported.
    Deleted = 4,
    /// A device is reported without a reference for the PnP manager to keep.
    Unreferenced = 5,
    /// NULL is reported as a device.
    Null = 8,
}

/// Numbers of the devices on a bus, in the list of all.
fn of(cx: &Cx, parent: u64) -> Vec<Child> {
    cx.state.children.iter().copied().filter(|child| child.parent == parent).collect()
}

/// Asks a bus what is on it, gets to know what is new, and takes leave of what is gone.
pub(crate) fn enumerate(cx: &mut Cx, parent: u64) -> Result<(), Stop> {
    let (code, list) = ask(cx, parent, IRP_MN_QUERY_DEVICE_RELATIONS, [BUS_RELATIONS, 0], 0)?;
    if code >= 0x8000_0000 {
        return Ok(());
    }
    let mut reported = Vec::new();
    if list != 0 {
        let count = u64::from(cx.read32(list + relations::COUNT)?);
        for index in 0..count {
            let pdo = cx.read64(list + relations::OBJECTS + 8 * index)?;
            if pdo == 0 {
                let parameters = [parent, count, index];
                cx.say(Event::Relations { wrong: Wrong::Null, parameters })?;
                return cx.unsupported("NULL as a device on a bus");
            }
            cx.probe(pdo, device_object::SIZE, Access::Read)?;
            reported.push(pdo);
        }
        pool::free(cx, list);
    }
    for child in of(cx, parent) {
        if !reported.contains(&child.pdo) {
            lose(cx, child.pdo)?;
        }
    }
    for pdo in reported {
        if cx.state.devices.iter().any(|device| device.object == pdo && device.deleted) {
            let parameters = [pdo, 0, 0];
            cx.say(Event::Relations { wrong: Wrong::Deleted, parameters })?;
            return cx.unsupported("a deleted device on a bus");
        }
        let known = cx.state.children.iter().any(|child| child.pdo == pdo);
        if object::pointers(cx, pdo) < 1 + i32::from(known) {
            cx.say(Event::Relations { wrong: Wrong::Unreferenced, parameters: [pdo, 0, 0] })?;
        }
        if known {
            // The reference that is held already is enough.
            ObfDereferenceObject(cx, pdo)?;
        } else {
            meet(cx, parent, pdo)?;
        }
        start(cx, pdo)?;
    }
    Ok(())
}

/// A device that was never reported before: it gets a node, and is asked who it is.
fn meet(cx: &mut Cx, parent: u64, pdo: u64) -> Result<(), Stop> {
    let flags = cx.bus.memory.peek32(pdo + device_object::FLAGS);
    cx.bus.memory.poke32(pdo + device_object::FLAGS, flags | BUS_ENUMERATED);
    cx.state.children.push(Child { pdo, parent, name: 0, started: false });
    let kind = identifier(cx, pdo, DEVICE_ID)?;
    capabilities(cx, pdo)?;
    let instance = identifier(cx, pdo, INSTANCE_ID)?;
    let name = kind.wrapping_mul(0x0000_0100_0000_01b3) ^ instance;
    let same = |child: &Child| child.parent == parent && child.pdo != pdo && child.name == name;
    if let Some(older) = cx.state.children.iter().copied().find(same) {
        let parameters = [pdo, older.pdo, 0];
        cx.say(Event::Relations { wrong: Wrong::Duplicate, parameters })?;
    }
    for child in &mut cx.state.children {
        if child.pdo == pdo {
            child.name = name;
        }
    }
    for list in LISTS {
        ask_and_free(cx, pdo, IRP_MN_QUERY_ID, [list, 0])?;
    }
    ask_and_free(cx, pdo, IRP_MN_QUERY_ID, [CONTAINER_ID, 0])?;
    for text in 0..2 {
        ask_and_free(cx, pdo, IRP_MN_QUERY_DEVICE_TEXT, [text, LOCALE])?;
    }
    ask_and_free(cx, pdo, IRP_MN_QUERY_BUS_INFORMATION, [0; 2])?;
    ask_and_free(cx, pdo, QUERY_RESOURCES, [0; 2])?;
    ask_and_free(cx, pdo, IRP_MN_QUERY_RESOURCE_REQUIREMENTS, [0; 2])
}

/// Asks for an identifier of one string, as a number that tells it from others.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-id>
fn identifier(cx: &mut Cx, pdo: u64, kind: u64) -> Result<u64, Stop> {
    let (code, answer) = ask(cx, pdo, IRP_MN_QUERY_ID, [kind, 0], 0)?;
    if code >= 0x8000_0000 || answer == 0 {
        return Ok(0);
    }
    let text = wide_z(cx, answer, MOST_CHARACTERS)?;
    let legal = |&unit: &u16| (0x21..=0x7f).contains(&unit) && unit != 0x2c;
    if !text.iter().all(legal) {
        let number = if kind == DEVICE_ID { 1 } else { 2 };
        let parameters = [pdo, answer, number];
        cx.say(Event::Relations { wrong: Wrong::BadId, parameters })?;
    }
    pool::free(cx, answer);
    let mix = |hash: u64, &unit: &u16| {
        (hash ^ u64::from(unit).wrapping_add(1)).wrapping_mul(0x0000_0100_0000_01b3)
    };
    Ok(text.iter().fold(0xcbf2_9ce4_8422_2325, mix))
}

/// Starts a device that has a node and is not started; without resources, which it does not ask for.
fn start(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    let known = cx.state.children.iter_mut().find(|child| child.pdo == pdo);
    let Some(child) = known.filter(|child| !child.started) else { return Ok(()) };
    child.started = true;
    filter::attach(cx, pdo, true)?;
    if request::pnp(cx, pdo, minor::START_DEVICE, [0; 4])? >= 0x8000_0000 {
        return remove(cx, pdo);
    }
    capabilities(cx, pdo)?;
    device_state(cx, pdo)?;
    enumerate(cx, pdo)
}

/// Sends REMOVE: the device's drivers go, and the bus driver decides whether the device does.
fn remove(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    remove_all(cx, pdo)?;
    request::pnp(cx, pdo, minor::REMOVE_DEVICE, [0; 4])?;
    for child in &mut cx.state.children {
        if child.pdo == pdo {
            child.started = false;
        }
    }
    Ok(())
}

/// A device is not on its bus any more: its drivers hear of it, then it has no node either.
fn lose(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    surprise_all(cx, pdo)?;
    if cx.state.children.iter().any(|child| child.pdo == pdo && child.started) {
        request::pnp(cx, pdo, minor::SURPRISE_REMOVAL, [0; 4])?;
    }
    remove(cx, pdo)?;
    forget(cx, pdo)
}

/// Takes a device's node away, and gives the reference back that came with its report.
fn forget(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    cx.state.children.retain(|child| child.pdo != pdo);
    if object::pointers(cx, pdo) > 0 { ObfDereferenceObject(cx, pdo).map(drop) } else { Ok(()) }
}

/// Asks what is on a bus one thing, from the bottom of the tree up; whether all agree.
pub(crate) fn query(cx: &mut Cx, parent: u64, minor: u8) -> Result<bool, Stop> {
    for child in of(cx, parent).into_iter().filter(|child| child.started) {
        if !query(cx, child.pdo, minor)?
            || request::pnp(cx, child.pdo, minor, [0; 4])? >= 0x8000_0000
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Tells what is on a bus one thing, likewise.
pub(crate) fn tell(cx: &mut Cx, parent: u64, minor: u8) -> Result<(), Stop> {
    for child in of(cx, parent).into_iter().filter(|child| child.started) {
        tell(cx, child.pdo, minor)?;
        request::pnp(cx, child.pdo, minor, [0; 4])?;
    }
    Ok(())
}

/// Starts what is on a bus again after a stop.
pub(crate) fn start_again(cx: &mut Cx, parent: u64) -> Result<(), Stop> {
    for child in of(cx, parent).into_iter().filter(|child| child.started) {
        request::pnp(cx, child.pdo, minor::START_DEVICE, [0; 4])?;
        start_again(cx, child.pdo)?;
    }
    Ok(())
}

/// The bus was pulled out, and what is on it with it.
pub(crate) fn surprise_all(cx: &mut Cx, parent: u64) -> Result<(), Stop> {
    tell(cx, parent, minor::SURPRISE_REMOVAL)
}

/// Everything on a bus is removed, before the bus is.
pub(crate) fn remove_all(cx: &mut Cx, parent: u64) -> Result<(), Stop> {
    for child in of(cx, parent) {
        remove(cx, child.pdo)?;
        forget(cx, child.pdo)?;
    }
    Ok(())
}

/// A user takes the drivers of all that is on a bus away and has the bus looked through again: the
/// devices are there still.
pub(crate) fn disable_all(cx: &mut Cx, parent: u64) -> Result<(), Stop> {
    for child in of(cx, parent).into_iter().filter(|child| child.started) {
        if query(cx, child.pdo, minor::QUERY_REMOVE_DEVICE)?
            && request::pnp(cx, child.pdo, minor::QUERY_REMOVE_DEVICE, [0; 4])? < 0x8000_0000
        {
            remove(cx, child.pdo)?;
        }
    }
    enumerate(cx, parent)
}

/// Whether a device is the physical one of a stack with a node.
pub(crate) fn check_pdo(cx: &mut Cx, pdo: u64) -> Result<bool, Stop> {
    cx.probe(pdo, device_object::SIZE, Access::Read)?;
    if crate::io::property::is_pdo(cx, pdo) {
        return Ok(true);
    }
    let driver = cx.bus.memory.peek64(pdo + device_object::DRIVER_OBJECT);
    cx.say(Event::Relations { wrong: Wrong::NotPhysical, parameters: [pdo, driver, 0] })?;
    Ok(false)
}

/// Carries out what a driver asked the PnP manager for: a context's whole life.
pub(crate) fn main(cx: &mut Cx, pdo: u64, state: bool) -> Result<(), Stop> {
    cx.moment();
    super::manager::alone(cx, |cx| {
        // The bus may have been removed meanwhile, or not be started yet.
        if device::top_of_stack(cx, pdo) == pdo || cx.state.pnp.closed || !cx.state.pnp.started {
            return Ok(());
        }
        if state { state_changed(cx, pdo) } else { enumerate(cx, pdo) }
    })
}
