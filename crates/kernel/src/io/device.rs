//! Driver and device objects, device stacks.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::service;
use crate::service::Service;
use crate::state::{BlockKind, Device};
use crate::world::World;
use memory::Access;
use nt::layout::{device_object as device, driver_extension, driver_object as driver};
use nt::status;
use std::rc::Rc;

/// IO_TYPE_DEVICE and IO_TYPE_DRIVER (wdm.h).
const TYPE_DEVICE: u16 = 3;
const TYPE_DRIVER: u16 = 4;
/// DO_DEVICE_INITIALIZING, DO_DEVICE_HAS_NAME, DO_EXCLUSIVE (wdm.h).
const INITIALIZING: u32 = 0x80;
const HAS_NAME: u32 = 0x40;
pub(crate) const EXCLUSIVE: u32 = 0x8;
/// FILE_DEVICE_SECURE_OPEN and the like are kept in `Characteristics` as given.
/// Room for DEVOBJ_EXTENSION and what the kernel keeps behind a device extension.
const DEVOBJ_BYTES: u64 = nt::layout::devobj_extension::SIZE;

/// Reads a UNICODE_STRING of the driver's.
pub(crate) fn unicode_string(cx: &mut Cx, at: u64) -> Result<String, Stop> {
    let bytes = cx.read16(at)?;
    let buffer = cx.read64(at + nt::layout::unicode_string::BUFFER)?;
    let text = cx.read_bytes(buffer, u64::from(bytes))?;
    let units: Vec<u16> =
        text.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    Ok(String::from_utf16_lossy(&units))
}

/// Puts a counted string of the kernel's into nonpaged pool; returns (bytes, buffer).
pub(crate) fn kernel_string(world: &mut World, text: &str) -> (u16, u64) {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let room = bytes.len() as u64 + 2;
    let buffer = pool::allocate(world, BlockKind::Object, false, room, 0).unwrap_or(0);
    world.bus.memory.poke(buffer, &bytes);
    (bytes.len() as u16, buffer)
}

/// Makes the DRIVER_OBJECT of a loaded image, or of the bench's own bus driver.
pub fn make_driver(world: &mut World, name: &str, base: u64, bytes: u64, entry: u64) -> u64 {
    let size = driver::SIZE + driver_extension::SIZE + 0x40;
    let object = pool::allocate(world, BlockKind::Object, false, size, 0).unwrap_or(0);
    let extension = object + driver::SIZE;
    let invalid = world.registry.address_of("IopInvalidDeviceRequest").unwrap_or(0);
    let (length, buffer) = kernel_string(world, name);
    let (reg_length, reg_buffer) =
        kernel_string(world, "\\REGISTRY\\MACHINE\\HARDWARE\\DESCRIPTION\\SYSTEM");
    let registry_path = extension + driver_extension::SIZE;
    let memory = &mut world.bus.memory;
    memory.poke16(object, TYPE_DRIVER);
    memory.poke16(object + driver::SIZE_FIELD, driver::SIZE as u16);
    memory.poke64(object + driver::DRIVER_START, base);
    memory.poke32(object + driver::DRIVER_SIZE, bytes as u32);
    memory.poke64(object + driver::DRIVER_EXTENSION, extension);
    memory.poke64(object + driver::DRIVER_INIT, entry);
    memory.poke16(object + driver::DRIVER_NAME, length);
    memory.poke16(object + driver::DRIVER_NAME + 2, length);
    memory.poke64(object + driver::DRIVER_NAME + 8, buffer);
    memory.poke16(registry_path, reg_length);
    memory.poke16(registry_path + 2, reg_length);
    memory.poke64(registry_path + 8, reg_buffer);
    memory.poke64(object + driver::HARDWARE_DATABASE, registry_path);
    for major in 0..28 {
        memory.poke64(object + driver::MAJOR_FUNCTION + 8 * major, invalid);
    }
    memory.poke64(extension + driver_extension::DRIVER_OBJECT, object);
    object
}

/// Makes a device object with its extension in one block.
pub(crate) fn make_device(
    world: &mut World,
    driver_object: u64,
    extension: u32,
    name: Option<Rc<str>>,
    kind: u32,
    characteristics: u32,
    exclusive: bool,
) -> Option<u64> {
    let room = u64::from(extension).next_multiple_of(16);
    let bytes = device::SIZE + room + DEVOBJ_BYTES;
    let object = pool::allocate(world, BlockKind::Device, false, bytes, 0)?;
    let memory = &mut world.bus.memory;
    memory.fill(object, bytes, 0);
    let devobj = object + device::SIZE + room;
    let next = memory.peek64(driver_object + driver::DEVICE_OBJECT);
    memory.poke16(object, TYPE_DEVICE);
    memory.poke16(object + device::SIZE_FIELD, (device::SIZE + u64::from(extension)) as u16);
    memory.poke32(object + device::REFERENCE_COUNT, 0);
    memory.poke64(object + device::DRIVER_OBJECT, driver_object);
    memory.poke64(object + device::NEXT_DEVICE, next);
    let flags = INITIALIZING
        | if name.is_some() { HAS_NAME } else { 0 }
        | if exclusive { EXCLUSIVE } else { 0 };
    memory.poke32(object + device::FLAGS, flags);
    memory.poke32(object + device::CHARACTERISTICS, characteristics);
    memory.poke32(object + device::DEVICE_TYPE, kind);
    memory.poke8(object + device::STACK_SIZE, 1);
    let pointer = if extension == 0 { 0 } else { object + device::SIZE };
    memory.poke64(object + device::DEVICE_EXTENSION, pointer);
    memory.poke64(object + device::DEVICE_OBJECT_EXTENSION, devobj);
    memory.poke64(devobj + nt::layout::devobj_extension::DEVICE_OBJECT, object);
    memory.poke64(driver_object + driver::DEVICE_OBJECT, object);
    crate::ke::device_queue::initialize(world, object + device::DEVICE_QUEUE);
    let made = world.state.moment;
    world.state.devices.push(Device { object, driver: driver_object, name, made, deleted: false });
    Some(object)
}

/// Makes a device object.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iocreatedevice>
pub fn IoCreateDevice(
    cx: &mut Cx,
    driver_object: u64,
    extension: u32,
    name: u64,
    kind: u32,
    characteristics: u32,
    exclusive: bool,
    result: u64,
) -> Result<u32, Stop> {
    cx.probe(driver_object, driver::SIZE, Access::Read)?;
    cx.probe(result, 8, Access::Write)?;
    let name = if name != 0 { Some(unicode_string(cx, name)?) } else { None };
    if let Some(name) = &name
        && taken(cx, name)
    {
        return Ok(status::STATUS_OBJECT_NAME_COLLISION);
    }
    // FILE_AUTOGENERATED_DEVICE_NAME
    let name = match name {
        None if characteristics & 0x80 != 0 => {
            Some(format!("\\Device\\{:08x}", cx.state.devices.len() + 0x40))
        }
        name => name,
    };
    let name = name.map(Rc::from);
    match make_device(cx, driver_object, extension, name, kind, characteristics, exclusive) {
        Some(object) => {
            cx.write64(result, object)?;
            Ok(status::STATUS_SUCCESS)
        }
        None if cx.over => Err(Stop::Run),
        None => Ok(status::STATUS_INSUFFICIENT_RESOURCES),
    }
}

fn taken(world: &World, name: &str) -> bool {
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    world
        .state
        .devices
        .iter()
        .any(|device| !device.deleted && device.name.as_deref().is_some_and(same))
        || world.state.links.iter().any(|link| same(&link.name))
}

/// Deletes a device object. Its memory goes once nobody refers to it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodeletedevice>
pub fn IoDeleteDevice(cx: &mut Cx, object: u64) -> Result<(), Stop> {
    cx.probe(object, device::SIZE, Access::Write)?;
    let driver_object = cx.bus.memory.peek64(object + device::DRIVER_OBJECT);
    let next = cx.bus.memory.peek64(object + device::NEXT_DEVICE);
    let mut place = driver_object + driver::DEVICE_OBJECT;
    for _ in 0..1000 {
        let at = cx.bus.memory.peek64(place);
        if at == object {
            cx.bus.memory.poke64(place, next);
            break;
        }
        if at == 0 {
            break;
        }
        place = at + device::NEXT_DEVICE;
    }
    for device in &mut cx.state.devices {
        if device.object == object {
            device.deleted = true;
        }
    }
    delete_if_unused(cx, object);
    Ok(())
}

/// Frees a deleted device object that nobody refers to and no other device is attached to.
pub(crate) fn delete_if_unused(world: &mut World, object: u64) {
    let deleted = world.state.devices.iter().any(|d| d.object == object && d.deleted);
    let references = world.bus.memory.peek32(object + device::REFERENCE_COUNT);
    let above = world.bus.memory.view64(object + device::ATTACHED_DEVICE);
    let pointers = crate::ob::object::pointers(world, object);
    if deleted && references == 0 && above == 0 && pointers == 0 {
        pool::free(world, object);
    }
}

/// Counts a reference to a device object.
pub(crate) fn reference(world: &mut World, object: u64, change: i32) {
    let place = object + device::REFERENCE_COUNT;
    let count = world.bus.memory.peek32(place).wrapping_add_signed(change);
    world.bus.memory.poke32(place, count);
    if change < 0 {
        delete_if_unused(world, object);
    }
}

/// The topmost device of the stack that holds `object`.
pub(crate) fn top_of_stack(world: &mut World, mut object: u64) -> u64 {
    for _ in 0..64 {
        let above = world.bus.memory.peek64(object + device::ATTACHED_DEVICE);
        if above == 0 {
            break;
        }
        object = above;
    }
    object
}

/// The device at the bottom of a stack.
pub(crate) fn bottom_of_stack(world: &World, mut object: u64) -> u64 {
    for _ in 0..64 {
        let extension = world.bus.memory.view64(object + device::DEVICE_OBJECT_EXTENSION);
        match world.bus.memory.view64(extension + nt::layout::devobj_extension::ATTACHED_TO) {
            0 => break,
            below => object = below,
        }
    }
    object
}

/// Attaches a device to the top of a stack; returns the device below, or 0.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioattachdevicetodevicestack>
pub fn IoAttachDeviceToDeviceStack(cx: &mut Cx, source: u64, target: u64) -> Result<u64, Stop> {
    cx.probe(source, device::SIZE, Access::Write)?;
    cx.probe(target, device::SIZE, Access::Write)?;
    let top = top_of_stack(cx, target);
    let memory = &mut cx.bus.memory;
    let size = memory.peek8(top + device::STACK_SIZE);
    let alignment = memory.peek32(top + device::ALIGNMENT_REQUIREMENT);
    memory.poke64(top + device::ATTACHED_DEVICE, source);
    memory.poke8(source + device::STACK_SIZE, size + 1);
    memory.poke32(source + device::ALIGNMENT_REQUIREMENT, alignment);
    let devobj = memory.peek64(source + device::DEVICE_OBJECT_EXTENSION);
    memory.poke64(devobj + nt::layout::devobj_extension::ATTACHED_TO, top);
    Ok(top)
}

/// Attaches a device to a stack and stores the device below.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-ioattachdevicetodevicestacksafe>
pub fn IoAttachDeviceToDeviceStackSafe(
    cx: &mut Cx,
    source: u64,
    target: u64,
    result: u64,
) -> Result<u32, Stop> {
    let below = IoAttachDeviceToDeviceStack(cx, source, target)?;
    cx.write64(result, below)?;
    Ok(if below == 0 { status::STATUS_NO_SUCH_DEVICE } else { status::STATUS_SUCCESS })
}

/// Detaches the device above `target`.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodetachdevice>
pub fn IoDetachDevice(cx: &mut Cx, target: u64) -> Result<(), Stop> {
    cx.probe(target, device::SIZE, Access::Write)?;
    let above = cx.bus.memory.peek64(target + device::ATTACHED_DEVICE);
    cx.bus.memory.poke64(target + device::ATTACHED_DEVICE, 0);
    if above != 0 {
        let devobj = cx.bus.memory.peek64(above + device::DEVICE_OBJECT_EXTENSION);
        cx.bus.memory.poke64(devobj + nt::layout::devobj_extension::ATTACHED_TO, 0);
    }
    delete_if_unused(cx, target);
    Ok(())
}

/// The topmost device of a stack, with a reference.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetattacheddevicereference>
pub fn IoGetAttachedDeviceReference(cx: &mut Cx, object: u64) -> Result<u64, Stop> {
    cx.probe(object, device::SIZE, Access::Read)?;
    let top = top_of_stack(cx, object);
    crate::ob::object::reference(cx, top);
    Ok(top)
}

/// The device objects of a driver, each with a reference, as many as there is room for.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-ioenumeratedeviceobjectlist>
pub fn IoEnumerateDeviceObjectList(
    cx: &mut Cx,
    driver_object: u64,
    list: u64,
    bytes: u32,
    number: u64,
) -> Result<u32, Stop> {
    let mut object = cx.read64(driver_object + driver::DEVICE_OBJECT)?;
    let (mut count, room) = (0, bytes / 8);
    while object != 0 {
        if list != 0 && count < room {
            cx.write64(list + 8 * u64::from(count), object)?;
            crate::ob::object::reference(cx, object);
        }
        count += 1;
        object = cx.read64(object + device::NEXT_DEVICE)?;
    }
    cx.write32(number, count)?;
    Ok(if count > room { status::STATUS_BUFFER_TOO_SMALL } else { status::STATUS_SUCCESS })
}

/// What a driver that registers nothing for a request does with it.
pub fn IopInvalidDeviceRequest(cx: &mut Cx, _device: u64, irp: u64) -> Result<u32, Stop> {
    let code = status::STATUS_INVALID_DEVICE_REQUEST;
    cx.write32(irp + nt::layout::irp::IO_STATUS_STATUS, code)?;
    super::complete::complete(cx, irp)?;
    Ok(code)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoCreateDevice, partly "exclusive access and security are not enforced"),
        service!(IoDeleteDevice),
        service!(IoAttachDeviceToDeviceStack),
        service!(IoAttachDeviceToDeviceStackSafe),
        service!(IoDetachDevice),
        service!(IoGetAttachedDeviceReference),
        service!(IoEnumerateDeviceObjectList),
        service!(IopInvalidDeviceRequest, quiet),
    ]
}
