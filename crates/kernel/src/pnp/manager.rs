//! What the PnP manager and the loader do with a driver: load, add a device, start, stop, remove,
//! unload.

use super::{ask, bus, children, filter, images, properties, resources};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ex::pool;
use crate::io::{device, request, work_item};
use crate::state::{BlockKind, Doing, PowerClass, Request};
use nt::layout::{device_object, driver_extension, driver_object};

/// Minor function codes of IRP_MJ_PNP (wdm.h).
pub mod minor {
    #![allow(missing_docs)] // the names are wdm.h's without IRP_MN_
    pub const START_DEVICE: u8 = 0x00;
    pub const QUERY_REMOVE_DEVICE: u8 = 0x01;
    pub const REMOVE_DEVICE: u8 = 0x02;
    pub const CANCEL_REMOVE_DEVICE: u8 = 0x03;
    pub const STOP_DEVICE: u8 = 0x04;
    pub const QUERY_STOP_DEVICE: u8 = 0x05;
    pub const CANCEL_STOP_DEVICE: u8 = 0x06;
    pub const QUERY_CAPABILITIES: u8 = 0x09;
    pub const SURPRISE_REMOVAL: u8 = 0x17;
}

/// How far a rebalance moves the registers down.
const MOVED_BY: u64 = 0x20_0000;
/// DO_DEVICE_INITIALIZING (wdm.h).
const INITIALIZING: u32 = 0x80;

/// Where the keys of drivers lie.
pub(super) const SERVICES: &str = "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\";

/// Calls `DriverEntry` of image `number` and discards its INIT sections; returns its status.
pub fn load(cx: &mut Cx, number: usize) -> Result<u32, Stop> {
    cx.moment();
    let module = &cx.modules[number];
    let (base, bytes, entry) = (module.base, module.bytes, module.entry);
    let stem = module.name.rsplit_once('.').map_or(module.name.as_str(), |(stem, _)| stem);
    // A service may be called otherwise than its image.
    let stem = cx.service_of(number).unwrap_or(stem);
    let name = format!("\\Driver\\{stem}");
    let key = format!("{SERVICES}{stem}");
    let object = device::make_driver(cx, &name, base, bytes, entry);
    cx.modules[number].driver_object = object;
    let path = pool::allocate(cx, BlockKind::Object, false, 16, 0);
    let Some(path) = path else { return Err(Stop::Run) };
    crate::cm::hive::add_service(std::rc::Rc::make_mut(&mut cx.state.hive), &key);
    let (length, buffer) = device::kernel_string(cx, &key);
    cx.bus.memory.poke16(path, length);
    cx.bus.memory.poke16(path + 2, length + 2);
    cx.bus.memory.poke64(path + 8, buffer);
    let status = cx.call(Routine::DriverEntry, entry, &[object, path])? as u32;
    if status < 0x8000_0000 {
        cx.state.images[number].loaded = true;
        // The I/O manager clears the flag on devices that DriverEntry made.
        for index in 0..cx.state.devices.len() {
            let device = cx.state.devices[index].object;
            if cx.state.devices[index].driver != object {
                continue;
            }
            let flags = cx.bus.memory.peek32(device + device_object::FLAGS);
            cx.bus.memory.poke32(device + device_object::FLAGS, flags & !INITIALIZING);
        }
        cx.discard_init(number);
    }
    Ok(status)
}

/// Address of a driver's `AddDevice` routine, 0 for none.
pub fn add_device_routine(cx: &mut Cx, number: usize) -> u64 {
    let object = cx.modules[number].driver_object;
    let extension = cx.bus.memory.peek64(object + driver_object::DRIVER_EXTENSION);
    cx.bus.memory.peek64(extension + driver_extension::ADD_DEVICE)
}

/// What a device is put together of besides the drivers' own device objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Filters of the bench's own stand below and above the driver's device.
    pub filters: bool,
    /// Power requests come at DISPATCH_LEVEL, see [`bus::make_resident_pdo`].
    pub resident: bool,
}

/// Makes a physical device object and has the drivers of the stack add their devices to it: status
/// and the object.
pub fn add_device(cx: &mut Cx, stack: Stack) -> Result<(u32, u64), Stop> {
    cx.moment();
    let Stack { filters, resident } = stack;
    let pdo = if resident { bus::make_resident_pdo(cx) } else { bus::make_pdo(cx) };
    let Some(pdo) = pdo else { return Err(Stop::Run) };
    if filters {
        filter::attach(cx, pdo, false)?;
    }
    let status = images::add_devices(cx, pdo)?;
    if filters && status < 0x8000_0000 {
        filter::attach(cx, pdo, true)?;
    }
    if status < 0x8000_0000 {
        properties::apply(cx, pdo);
    }
    Ok((status, pdo))
}

/// Key of those who wait until the PnP manager is done with something else.
const TURN: u64 = 6;

/// Does one thing with the tree of devices at a time: so does the PnP manager.
pub(crate) fn alone<T>(
    cx: &mut Cx,
    what: impl FnOnce(&mut Cx) -> Result<T, Stop>,
) -> Result<T, Stop> {
    while cx.state.pnp.busy {
        cx.block(Doing::ForKey(TURN))?;
    }
    cx.state.pnp.busy = true;
    let done = what(cx)?;
    cx.state.pnp.busy = false;
    crate::ke::dpc::wake_key(cx, TURN);
    Ok(done)
}

/// Starts a device with its resources and asks what it can; returns the status of the start.
pub fn start(cx: &mut Cx, pdo: u64) -> Result<u32, Stop> {
    ask::filter_resource_requirements(cx, pdo)?;
    let status = start_with_resources(cx, pdo)?;
    cx.state.pnp.started = status < 0x8000_0000;
    if status < 0x8000_0000 {
        ask::after_start(cx, pdo)?;
    }
    Ok(status)
}

fn start_with_resources(cx: &mut Cx, pdo: u64) -> Result<u32, Stop> {
    let (Some(raw), Some(translated)) = (resources::make(cx, false), resources::make(cx, true))
    else {
        return Err(Stop::Run);
    };
    let status = request::pnp(cx, pdo, minor::START_DEVICE, [raw, translated, 0, 0])?;
    pool::free(cx, raw);
    pool::free(cx, translated);
    Ok(status)
}

/// How a query for a stop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// Another device refuses: the stop is cancelled.
    Cancelled,
    /// Stop, and start with the same resources.
    Same,
    /// Stop, and start with registers at another address.
    Moved,
}

/// Stops a device for a rebalance and starts it again, if it agrees.
pub fn stop_and_start(cx: &mut Cx, pdo: u64, how: Rebalance) -> Result<(), Stop> {
    alone(cx, |cx| rebalance(cx, pdo, how))
}

/// What is on a bus stops before the bus and starts after it.
fn rebalance(cx: &mut Cx, pdo: u64, how: Rebalance) -> Result<(), Stop> {
    let agreed = children::query(cx, pdo, minor::QUERY_STOP_DEVICE)?
        && request::pnp(cx, pdo, minor::QUERY_STOP_DEVICE, [0; 4])? < 0x8000_0000;
    if !agreed || how == Rebalance::Cancelled {
        request::pnp(cx, pdo, minor::CANCEL_STOP_DEVICE, [0; 4])?;
        return children::tell(cx, pdo, minor::CANCEL_STOP_DEVICE);
    }
    children::tell(cx, pdo, minor::STOP_DEVICE)?;
    request::pnp(cx, pdo, minor::STOP_DEVICE, [0; 4])?;
    if how == Rebalance::Moved {
        cx.state.pnp.moved = !cx.state.pnp.moved;
        let by = if cx.state.pnp.moved { MOVED_BY.wrapping_neg() } else { MOVED_BY };
        cx.bus.card.move_registers(by);
    }
    if start_with_resources_again(cx, pdo)? >= 0x8000_0000 {
        return remove_failed(cx, pdo);
    }
    children::start_again(cx, pdo)?;
    ask::after_start(cx, pdo)
}

fn start_with_resources_again(cx: &mut Cx, pdo: u64) -> Result<u32, Stop> {
    ask::filter_resource_requirements(cx, pdo)?;
    start_with_resources(cx, pdo)
}

/// A device that does not start is removed without being asked.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/starting-a-device>
fn remove_failed(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    cx.state.pnp.closed = true;
    children::surprise_all(cx, pdo)?;
    if cx.state.files.iter().any(|file| file.open) {
        // REMOVE follows when the last handle is closed.
        request::pnp(cx, pdo, minor::SURPRISE_REMOVAL, [0; 4])?;
        return Ok(());
    }
    remove_now(cx, pdo)
}

/// What is on a bus is removed before the bus.
fn remove_now(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    children::remove_all(cx, pdo)?;
    request::pnp(cx, pdo, minor::REMOVE_DEVICE, [0; 4])?;
    Ok(())
}

/// Gives the driver a device that its bus cannot start.
pub fn fail_to_start(cx: &mut Cx) -> Result<(), Stop> {
    let (status, pdo) = add_device(cx, Stack::default())?;
    if status >= 0x8000_0000 {
        return Ok(());
    }
    cx.state.pnp.start_fails = true;
    let started = start(cx, pdo)?;
    cx.state.pnp.start_fails = false;
    // A driver that tells success nevertheless has a device that is taken for a started one.
    if started < 0x8000_0000 {
        remove(cx, pdo, true)?;
        return Ok(());
    }
    request::pnp(cx, pdo, minor::REMOVE_DEVICE, [0; 4])?;
    Ok(())
}

/// The device is pulled out. REMOVE follows when the last handle is closed.
pub fn surprise(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    cx.bus.card.fault(devices::Fault::Gone);
    // From here on the PnP manager lets nobody open the device.
    cx.state.pnp.closed = true;
    alone(cx, |cx| surprised(cx, pdo))
}

/// Tells the drivers of a device, and of those behind it, that it is gone.
pub(super) fn surprised(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    cx.state.pnp.closed = true;
    children::surprise_all(cx, pdo)?;
    request::pnp(cx, pdo, minor::SURPRISE_REMOVAL, [0; 4])?;
    Ok(())
}

/// Whether any driver's device is attached to a physical device object.
pub fn has_stack(cx: &mut Cx, pdo: u64) -> bool {
    device::top_of_stack(cx, pdo) != pdo
}

/// Whether somebody has the device open, or is on the way in or out.
pub fn in_use(cx: &Cx) -> bool {
    // Whoever calls holds the file until the call returns.
    let inside = |request: &Request| {
        request.file.is_some() && (request.done.is_none() || request.returned.is_none())
    };
    cx.state.files.iter().any(|file| !file.closed) || cx.state.requests.iter().any(inside)
}

/// Whether the power manager still waits for a device's stack: nothing is removed then.
fn power_busy(cx: &Cx, pdo: u64) -> bool {
    cx.state.power.iter().any(|power| power.pdo == pdo && power.class != PowerClass::Wake)
}

/// Asks whether a device may be removed, and takes the question back.
pub fn query_remove(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    alone(cx, |cx| {
        children::query(cx, pdo, minor::QUERY_REMOVE_DEVICE)?;
        request::pnp(cx, pdo, minor::QUERY_REMOVE_DEVICE, [0; 4])?;
        cancel_remove(cx, pdo)
    })
}

fn cancel_remove(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    request::pnp(cx, pdo, minor::CANCEL_REMOVE_DEVICE, [0; 4])?;
    children::tell(cx, pdo, minor::CANCEL_REMOVE_DEVICE)
}

/// A user disables what is on a bus and has the bus looked through again.
pub fn disable_children(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    alone(cx, |cx| children::disable_all(cx, pdo))
}

/// Removes a device in good order, if it agrees or `force` is set; whether it is removed.
pub fn remove(cx: &mut Cx, pdo: u64, force: bool) -> Result<bool, Stop> {
    alone(cx, |cx| {
        if power_busy(cx, pdo) {
            return Ok(false);
        }
        if !cx.bus.card.gone() && !cx.state.pnp.closed {
            let agreed = children::query(cx, pdo, minor::QUERY_REMOVE_DEVICE)?
                && request::pnp(cx, pdo, minor::QUERY_REMOVE_DEVICE, [0; 4])? < 0x8000_0000;
            // Whoever opened the device meanwhile keeps it; from here on nobody does.
            if !agreed && !force || in_use(cx) {
                cancel_remove(cx, pdo)?;
                return Ok(false);
            }
            cx.state.pnp.closed = true;
        }
        remove_now(cx, pdo)?;
        Ok(true)
    })
}

/// Loads drivers again that were unloaded, gives them a device, takes that away and unloads them.
pub fn reload(cx: &mut Cx, device: bool) -> Result<(), Stop> {
    if images::load_again(cx)?.is_some() {
        return Ok(());
    }
    if device {
        cx.state.pnp = Default::default();
        let (status, pdo) = add_device(cx, Stack::default())?;
        if status < 0x8000_0000 && start(cx, pdo)? < 0x8000_0000 {
            crate::io::notification::reinitialize(cx, true)?;
            remove(cx, pdo, true)?;
        }
    }
    images::unload_all(cx)
}

/// Unloads the driver: calls its unload routine, lets the rules look at what it left, and takes the
/// image away. A driver without an unload routine stays.
pub fn unload(cx: &mut Cx, number: usize) -> Result<(), Stop> {
    if !cx.state.images[number].loaded {
        return Ok(());
    }
    cx.moment();
    let object = cx.modules[number].driver_object;
    let routine = cx.bus.memory.peek64(object + driver_object::DRIVER_UNLOAD);
    if routine == 0 {
        return Ok(());
    }
    cx.point()?;
    let site = cx.state.moment;
    cx.call(Routine::Unload, routine, &[object])?;
    // A queued work item of a device keeps the driver loaded until its routine has returned.
    while work_item::of_devices(cx) {
        cx.block(Doing::ForKey(work_item::DONE))?;
    }
    cx.moment();
    images::gone(cx, number, site)
}
