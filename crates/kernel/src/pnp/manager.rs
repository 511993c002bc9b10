//! What the PnP manager and the loader do with a driver: load, add a device, start, stop, remove,
//! unload.

use super::{bus, resources};
use crate::cx::{Cx, Stop};
use crate::event::{Event, Routine};
use crate::ex::pool;
use crate::io::{device, request, work_item};
use crate::state::{BlockKind, Doing};
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

/// DO_DEVICE_INITIALIZING (wdm.h).
const INITIALIZING: u32 = 0x80;

/// Calls `DriverEntry` of image `number` and discards its INIT sections; returns its status.
pub fn load(cx: &mut Cx, number: usize) -> Result<u32, Stop> {
    cx.moment();
    let module = &cx.modules[number];
    let (base, bytes, entry) = (module.base, module.bytes, module.entry);
    let stem = module.name.rsplit_once('.').map_or(module.name.as_str(), |(stem, _)| stem);
    let name = format!("\\Driver\\{stem}");
    let key = format!("\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\{stem}");
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
        cx.state.loaded = true;
        // The I/O manager clears the flag on devices that DriverEntry made.
        for index in 0..cx.state.devices.len() {
            let device = cx.state.devices[index].object;
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

/// Makes a physical device object and has the driver add its device to it: status and the object.
pub fn add_device(cx: &mut Cx, number: usize) -> Result<(u32, u64), Stop> {
    cx.moment();
    let routine = add_device_routine(cx, number);
    let Some(pdo) = bus::make_pdo(cx) else { return Err(Stop::Run) };
    let object = cx.modules[number].driver_object;
    let status = cx.call(Routine::AddDevice, routine, &[object, pdo])? as u32;
    Ok((status, pdo))
}

/// Starts a device with its resources; returns the status.
pub fn start(cx: &mut Cx, pdo: u64) -> Result<u32, Stop> {
    let (Some(raw), Some(translated)) = (resources::make(cx, false), resources::make(cx, true))
    else {
        return Err(Stop::Run);
    };
    let status = request::pnp(cx, pdo, minor::START_DEVICE, [raw, translated, 0, 0])?;
    pool::free(cx, raw);
    pool::free(cx, translated);
    Ok(status)
}

/// Stops a device for a rebalance and starts it again, if it agrees.
pub fn stop_and_start(cx: &mut Cx, pdo: u64, cancel: bool) -> Result<(), Stop> {
    let agreed = request::pnp(cx, pdo, minor::QUERY_STOP_DEVICE, [0; 4])?;
    if agreed >= 0x8000_0000 || cancel {
        request::pnp(cx, pdo, minor::CANCEL_STOP_DEVICE, [0; 4])?;
        return Ok(());
    }
    request::pnp(cx, pdo, minor::STOP_DEVICE, [0; 4])?;
    start(cx, pdo)?;
    Ok(())
}

/// The device is pulled out. REMOVE follows when the last handle is closed.
pub fn surprise(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    cx.bus.card.fault(devices::Fault::Gone);
    request::pnp(cx, pdo, minor::SURPRISE_REMOVAL, [0; 4])?;
    Ok(())
}

/// Removes a device in good order, if it agrees or `force` is set; whether it is removed.
pub fn remove(cx: &mut Cx, pdo: u64, force: bool) -> Result<bool, Stop> {
    if !cx.bus.card.gone() {
        let agreed = request::pnp(cx, pdo, minor::QUERY_REMOVE_DEVICE, [0; 4])?;
        if agreed >= 0x8000_0000 && !force {
            request::pnp(cx, pdo, minor::CANCEL_REMOVE_DEVICE, [0; 4])?;
            return Ok(false);
        }
    }
    request::pnp(cx, pdo, minor::REMOVE_DEVICE, [0; 4])?;
    Ok(true)
}

/// Loads a driver again that was unloaded, gives it a device, takes that away and unloads it.
pub fn reload(cx: &mut Cx, number: usize, device: bool) -> Result<(), Stop> {
    cx.map_again(number);
    if load(cx, number)? >= 0x8000_0000 {
        return Ok(());
    }
    if device {
        let (status, pdo) = add_device(cx, number)?;
        if status < 0x8000_0000 && start(cx, pdo)? < 0x8000_0000 {
            remove(cx, pdo, true)?;
        }
    }
    unload(cx, number)
}

/// Unloads the driver: calls its unload routine, lets the rules look at what it left, and takes the
/// image away. A driver without an unload routine stays.
pub fn unload(cx: &mut Cx, number: usize) -> Result<(), Stop> {
    if !cx.state.loaded {
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
    cx.state.loaded = false;
    cx.state.unloaded = Some(site);
    cx.say(Event::Unloaded)?;
    cx.unmap(number);
    Ok(())
}
