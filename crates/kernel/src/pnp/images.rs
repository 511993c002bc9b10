//! Images beside the driver under test: export drivers, and drivers below and above it in the
//! device's stack. They are loaded before it if they are below it or it imports from them, get their
//! part of each device, and are unloaded after it.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/creating-export-drivers>

use super::manager;
use crate::cx::{Cx, Stop};
use crate::event::{Event, Routine, Site};
use crate::ex::pool;
use crate::io::device;
use crate::module::Role;
use crate::state::BlockKind;
use crate::world::World;
use nt::status::STATUS_SUCCESS;
use std::rc::Rc;

/// A routine that failed, and so its image is not there.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// Number of the image.
    pub image: usize,
    /// `DriverEntry`, `DllInitialize`.
    pub routine: &'static str,
    /// What it returned.
    pub status: u32,
}

fn with_role(world: &World, role: Role) -> impl Iterator<Item = usize> + '_ {
    let modules = world.modules.iter().enumerate();
    modules.filter(move |(_, module)| module.role == role).map(|(number, _)| number)
}

/// Numbers of the drivers of the device's stack, from the lowest to the topmost.
pub fn stack(world: &World) -> Vec<usize> {
    [Role::Below, Role::Driver, Role::Above]
        .into_iter()
        .flat_map(|role| with_role(world, role))
        .collect()
}

/// Export drivers, each behind those that it imports from.
fn libraries(world: &World) -> Vec<usize> {
    let all: Vec<usize> = with_role(world, Role::Library).collect();
    let mut order = Vec::new();
    while order.len() < all.len() {
        let free = |number: usize| {
            let waits = |other: &usize| world.modules[number].uses >> other & 1 != 0;
            !order.contains(&number)
                && !all
                    .iter()
                    .any(|other| *other != number && waits(other) && !order.contains(other))
        };
        // Two that import from each other have no order.
        let next = all.iter().copied().find(|&number| free(number));
        let next = next.or_else(|| all.iter().copied().find(|number| !order.contains(number)));
        order.extend(next);
    }
    order
}

/// Calls the entry points of all images that are not loaded, in the order in which they are needed.
pub fn load_all(cx: &mut Cx) -> Result<Option<Failure>, Stop> {
    let libraries = libraries(cx).into_iter().map(|image| (image, "DllInitialize"));
    let drivers = stack(cx).into_iter().map(|image| (image, "DriverEntry"));
    for (image, routine) in libraries.chain(drivers) {
        if cx.state.images[image].loaded {
            continue;
        }
        let status = match cx.modules[image].role {
            Role::Library => initialize(cx, image)?,
            _ => manager::load(cx, image)?,
        };
        if status >= 0x8000_0000 {
            return Ok(Some(Failure { image, routine, status }));
        }
    }
    crate::io::notification::reinitialize(cx, false)?;
    Ok(None)
}

/// The same after an unload: those that were taken away are mapped again.
pub(super) fn load_again(cx: &mut Cx) -> Result<Option<Failure>, Stop> {
    for image in 0..cx.modules.len() {
        if cx.state.images[image].gone.is_some() {
            cx.map_again(image);
        }
    }
    load_all(cx)
}

/// Initializes an export driver; its `DriverEntry` is never called. The string that it is given goes
/// away afterwards.
fn initialize(cx: &mut Cx, number: usize) -> Result<u32, Stop> {
    cx.moment();
    let routine = cx.modules[number].library.0;
    let mut status = STATUS_SUCCESS;
    if routine != 0 {
        let name = &cx.modules[number].name;
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
        let key = format!("{}{stem}", manager::SERVICES);
        let Some(path) = pool::allocate(cx, BlockKind::Object, false, 16, 0) else {
            return Err(Stop::Run);
        };
        crate::cm::hive::add_service(Rc::make_mut(&mut cx.state.hive), &key);
        let (length, buffer) = device::kernel_string(cx, &key);
        cx.bus.memory.poke16(path, length);
        cx.bus.memory.poke16(path + 2, length + 2);
        cx.bus.memory.poke64(path + 8, buffer);
        status = cx.call(Routine::DllInitialize, routine, &[path])? as u32;
        pool::free(cx, buffer);
        pool::free(cx, path);
    }
    if status < 0x8000_0000 {
        cx.state.images[number].loaded = true;
        cx.discard_init(number);
    }
    Ok(status)
}

/// Has every driver of the stack add its device, the lowest first; the first status that is none of
/// success.
pub(super) fn add_devices(cx: &mut Cx, pdo: u64) -> Result<u32, Stop> {
    for image in stack(cx) {
        let routine = manager::add_device_routine(cx, image);
        if routine == 0 {
            continue;
        }
        let object = cx.modules[image].driver_object;
        let status = cx.call(Routine::AddDevice, routine, &[object, pdo])? as u32;
        if status >= 0x8000_0000 {
            return Ok(status);
        }
    }
    Ok(STATUS_SUCCESS)
}

/// Whether any driver of the stack wants to be told of devices.
pub fn adds_devices(cx: &mut Cx) -> bool {
    stack(cx).into_iter().any(|image| manager::add_device_routine(cx, image) != 0)
}

/// Unloads the drivers of the stack, the topmost first, and the export drivers that nobody loaded
/// imports from any more.
pub fn unload_all(cx: &mut Cx) -> Result<(), Stop> {
    for image in stack(cx).into_iter().rev() {
        manager::unload(cx, image)?;
    }
    for image in libraries(cx).into_iter().rev() {
        let state = &cx.state.images;
        let mut modules = cx.modules.iter().zip(state);
        let used = modules.any(|(module, state)| state.loaded && module.uses >> image & 1 != 0);
        let (initialize, unload) = cx.modules[image].library;
        // Without both routines the system does not count references, and the image stays.
        if used || !state[image].loaded || initialize == 0 || unload == 0 {
            continue;
        }
        cx.moment();
        cx.point()?;
        let site = cx.state.moment;
        cx.call(Routine::DllUnload, unload, &[])?;
        cx.moment();
        gone(cx, image, site)?;
    }
    Ok(())
}

/// An image is taken away, once the rules have looked at what it left.
pub(crate) fn gone(cx: &mut Cx, image: usize, site: Site) -> Result<(), Stop> {
    cx.state.images[image].loaded = false;
    cx.state.images[image].gone = Some(site);
    cx.say(Event::Unloaded { image })?;
    cx.unmap(image);
    Ok(())
}
