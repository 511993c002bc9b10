//! Objects of the kernel's: who holds handles and references, and what an object is.
//!
//! The creator's own reference is not counted: a device's lasts until `IoDeleteDevice`, a thread's
//! until it ends, that of anything else as long as a handle is open.

use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::ke::wait::object as dispatcher;
use crate::state::{BlockKind, Doing};
use crate::world::World;
use nt::bugcheck::REFERENCE_BY_POINTER;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// DEVICE_OBJECT.
    Device,
    /// DRIVER_OBJECT.
    Driver,
    /// FILE_OBJECT of a device, by number of `State::files`.
    File(u16),
    /// A file of the bench's disk, by number of its opening.
    DiskFile(u16),
    /// KTHREAD.
    Thread,
    /// EPROCESS.
    Process,
    /// KEVENT.
    Event,
    /// A registry key, by number in the hive.
    Key(u16),
    /// A symbolic link, opened; by number of `State::links`.
    Link(u16),
    /// A callback object.
    Callback,
    /// Something that is passed around only.
    Other,
}

/// An object that somebody holds or held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its address.
    pub address: u64,
    /// What it is.
    pub kind: Kind,
    /// References by pointer.
    pub pointers: i32,
    /// Open handles.
    pub handles: u32,
}

/// What lies at an address, as far as the kernel knows.
fn kind_of(world: &mut World, address: u64) -> Kind {
    if world.state.devices.iter().any(|device| device.object == address) {
        return Kind::Device;
    }
    if let Some(number) = world.state.files.iter().position(|file| file.object == address) {
        return Kind::File(number as u16);
    }
    if world.modules.iter().any(|module| module.driver_object == address) {
        return Kind::Driver;
    }
    if address == crate::ps::process::SYSTEM || address == crate::ps::process::APPLICATION {
        return Kind::Process;
    }
    let own = world.state.block_at_or_below(address).copied();
    let own = own.is_some_and(|block| block.address == address && block.kind == BlockKind::Object);
    if own && world.bus.memory.peek8(address) & 0x7f == dispatcher::THREAD {
        return Kind::Thread;
    }
    Kind::Other
}

/// The record of an object, made at its first use.
pub(crate) fn record(world: &mut World, address: u64) -> &mut Object {
    let found = world.state.objects.iter().position(|object| object.address == address);
    let index = found.unwrap_or_else(|| {
        let kind = kind_of(world, address);
        world.state.objects.push(Object { address, kind, pointers: 0, handles: 0 });
        world.state.objects.len() - 1
    });
    &mut world.state.objects[index]
}

/// Makes an object that nobody holds yet.
pub(crate) fn make(world: &mut World, kind: Kind, bytes: u64) -> Option<u64> {
    let address = pool::allocate(world, BlockKind::Object, false, bytes, 0)?;
    world.bus.memory.fill(address, bytes, 0);
    world.state.objects.push(Object { address, kind, pointers: 0, handles: 0 });
    Some(address)
}

/// References by pointer to an object.
pub(crate) fn pointers(world: &World, address: u64) -> i32 {
    let mut objects = world.state.objects.iter();
    objects.find(|object| object.address == address).map_or(0, |object| object.pointers)
}

/// Counts a reference: how many there are.
pub(crate) fn reference(world: &mut World, address: u64) -> i32 {
    let object = record(world, address);
    object.pointers += 1;
    object.pointers
}

/// Gives a reference back: how many are left. One too many is what Windows stops at.
pub(crate) fn dereference(cx: &mut Cx, address: u64) -> Result<i32, Stop> {
    let object = record(cx, address);
    // Processes, and what is only passed around, are handed out by routines that do not count.
    if object.pointers == 0 && !matches!(object.kind, Kind::Other | Kind::Process | Kind::Driver) {
        let what = format!("object {address:#x} is dereferenced more often than referenced");
        cx.note(&what);
        return crate::dbg::bugcheck::stop(cx, REFERENCE_BY_POINTER, [0, address, 0, 0]);
    }
    object.pointers = (object.pointers - 1).max(0);
    let left = object.pointers;
    if left == 0 {
        released(cx, address)?;
    }
    Ok(left)
}

/// A handle is closed.
pub(crate) fn handle_closed(cx: &mut Cx, address: u64) -> Result<(), Stop> {
    let object = record(cx, address);
    object.handles = object.handles.saturating_sub(1);
    let Object { kind, handles, .. } = *object;
    if handles > 0 {
        return Ok(());
    }
    if let Kind::File(number) = kind {
        return crate::io::request::close(cx, number);
    }
    released(cx, address)
}

/// Nobody may hold an object any more: it goes, if so.
pub(crate) fn released(cx: &mut Cx, address: u64) -> Result<(), Stop> {
    let Object { kind, pointers, handles, .. } = *record(cx, address);
    if pointers > 0 {
        return Ok(());
    }
    match kind {
        Kind::Device => crate::io::device::delete_if_unused(cx, address),
        Kind::File(number) => crate::io::request::release(cx, number)?,
        Kind::Thread if handles == 0 && thread_ended(cx, address) => pool::free(cx, address),
        Kind::Event | Kind::Key(_) | Kind::Link(_) | Kind::DiskFile(_) | Kind::Callback
            if handles == 0 =>
        {
            cx.state.named_events.retain(|named| named.object != address);
            pool::free(cx, address);
        }
        _ => {}
    }
    Ok(())
}

/// Whether a thread of the driver's has ended; the kernel's own threads never do.
fn thread_ended(cx: &mut Cx, address: u64) -> bool {
    let own = pool::find_live(cx, address).is_some_and(|block| block.allocated != 0);
    let runs = |context: &crate::state::ContextState| {
        context.thread == address && context.doing != Doing::Free
    };
    own && !cx.state.contexts.iter().any(runs)
}

/// Whether an object was held once and is not any more.
pub(crate) fn is_unheld(world: &World, address: u64) -> bool {
    let mut objects = world.state.objects.iter();
    objects
        .find(|object| object.address == address)
        .is_some_and(|object| object.pointers == 0 && object.handles == 0)
}
