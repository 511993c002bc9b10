//! Filters of the bench's own: devices below and above the driver's in its stack that pass every
//! request on. The lower one does so as careful filters do, with a stack location and a completion
//! routine of its own, so that the driver sees its requests come back by another driver's hand.

use crate::cx::{Cx, Stop};
use crate::io::call::{IofCallDriver, PENDING_RETURNED};
use crate::io::device;
use crate::service;
use crate::service::Service;
use crate::world::World;
use nt::irp::{IRP_MJ_PNP, IRP_MN_REMOVE_DEVICE};
use nt::layout::{device_object, devobj_extension, driver_object as driver};
use nt::layout::{io_stack_location as location, irp};
use nt::status::STATUS_SUCCESS;

/// DO_BUFFERED_IO, DO_DIRECT_IO, DO_POWER_PAGABLE, DO_POWER_INRUSH: as the device below has them.
const INHERITED: u32 = 0x4 | 0x10 | 0x2000 | 0x4000;
/// DO_DEVICE_INITIALIZING
const INITIALIZING: u32 = 0x80;
/// FILE_DEVICE_UNKNOWN; a filter takes the type of the device below.
const UNKNOWN: u32 = 0x22;

/// Attaches a filter to the top of a stack.
pub(crate) fn attach(cx: &mut Cx, pdo: u64, upper: bool) -> Result<(), Stop> {
    let (name, service) = match upper {
        true => ("\\Driver\\benchupper", "BenchFilterSkip"),
        false => ("\\Driver\\benchlower", "BenchFilterPass"),
    };
    let object = device::make_driver(cx, name, 0, 0, 0);
    let address = cx.registry.address_of(service).unwrap_or(0);
    for major in 0..28 {
        cx.bus.memory.poke64(object + driver::MAJOR_FUNCTION + 8 * major, address);
    }
    let Some(filter) = device::make_device(cx, object, 0, None, UNKNOWN, 0, false) else {
        return Err(Stop::Run);
    };
    let below = device::IoAttachDeviceToDeviceStack(cx, filter, pdo)?;
    let memory = &mut cx.bus.memory;
    let inherited = memory.peek32(below + device_object::FLAGS) & INHERITED;
    let flags = memory.peek32(filter + device_object::FLAGS) & !INITIALIZING;
    memory.poke32(filter + device_object::FLAGS, flags | inherited);
    let kind = memory.peek32(below + device_object::DEVICE_TYPE);
    memory.poke32(filter + device_object::DEVICE_TYPE, kind);
    Ok(())
}

fn below(world: &World, filter: u64) -> u64 {
    let extension = world.bus.memory.view64(filter + device_object::DEVICE_OBJECT_EXTENSION);
    world.bus.memory.view64(extension + devobj_extension::ATTACHED_TO)
}

/// Sends a request on, and leaves the stack with REMOVE.
fn send(cx: &mut Cx, filter: u64, at: u64, remove: bool) -> Result<u32, Stop> {
    let lower = below(cx, filter);
    let answer = IofCallDriver(cx, lower, at)?;
    if remove {
        device::IoDetachDevice(cx, lower)?;
        device::IoDeleteDevice(cx, filter)?;
    }
    Ok(answer)
}

/// Where a request is with this filter, and whether it is REMOVE.
fn look(cx: &mut Cx, at: u64) -> Result<(u64, bool), Stop> {
    let here = cx.read64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION)?;
    let major = cx.read8(here)?;
    let minor = cx.read8(here + location::MINOR_FUNCTION)?;
    Ok((here, major == IRP_MJ_PNP && minor == IRP_MN_REMOVE_DEVICE))
}

/// The upper filter: gives its stack location to the device below.
pub fn BenchFilterSkip(cx: &mut Cx, filter: u64, at: u64) -> Result<u32, Stop> {
    let (here, remove) = look(cx, at)?;
    let memory = &mut cx.bus.memory;
    let current = memory.peek8(at + irp::CURRENT_LOCATION);
    memory.poke8(at + irp::CURRENT_LOCATION, current + 1);
    memory.poke64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION, here + location::SIZE);
    send(cx, filter, at, remove)
}

/// The lower filter: a copy of its stack location, with a completion routine.
pub fn BenchFilterPass(cx: &mut Cx, filter: u64, at: u64) -> Result<u32, Stop> {
    let (here, remove) = look(cx, at)?;
    let next = here - location::SIZE;
    let mut copy = [0; location::COMPLETION_ROUTINE as usize];
    cx.bus.memory.peek(here, &mut copy);
    cx.bus.memory.poke(next, &copy);
    let routine = cx.registry.address_of("BenchFilterDone").unwrap_or(0);
    let memory = &mut cx.bus.memory;
    memory.poke64(next + location::COMPLETION_ROUTINE, routine);
    memory.poke64(next + location::CONTEXT, here);
    // Invoke on success, error and cancel.
    memory.poke8(next + location::CONTROL, 0xe0);
    send(cx, filter, at, remove)
}

/// Completion routine of the lower filter.
pub fn BenchFilterDone(cx: &mut Cx, _filter: u64, at: u64, here: u64) -> Result<u32, Stop> {
    if cx.read8(at + irp::PENDING_RETURNED)? != 0 {
        let control = cx.read8(here + location::CONTROL)?;
        cx.write8(here + location::CONTROL, control | PENDING_RETURNED)?;
    }
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(BenchFilterSkip, quiet),
        service!(BenchFilterPass, quiet),
        service!(BenchFilterDone, quiet),
    ]
}
