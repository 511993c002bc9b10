//! Wording and look-ups that rules share.

use kernel::event::Site;
use kernel::state::{Block, BlockKind, IrpRecord, Start};
use kernel::{NOBODY, World, map};
use memory::Access;
use nt::flags::object_type as types;
use nt::irql::{APC_LEVEL, DISPATCH_LEVEL, PASSIVE_LEVEL};

/// The driver that is at fault at this moment, as reports call it: whose code runs, or whose call
/// the service under way is. With one driver it is that one, whatever runs.
pub(crate) fn driver(world: &World) -> &str {
    named(world, running(world, world.state.current))
}

/// The driver in which a context that is blocked called the service that it waits in.
pub(crate) fn driver_of_context(world: &World, context: u8) -> &str {
    named(world, running(world, context))
}

fn running(world: &World, context: u8) -> usize {
    if world.modules.len() < 2 {
        return 0;
    }
    let Some(cpu) = world.cpus.get(usize::from(context)) else { return 0 };
    let caller = || world.image_at(world.bus.memory.view64(cpu.gpr[4]));
    world.image_at(cpu.rip).or_else(caller).unwrap_or(0)
}

/// The driver of an image, as reports call it.
pub(crate) fn named(world: &World, image: usize) -> &str {
    world.modules.get(image).map_or("the driver", |module| &module.name)
}

/// The driver with which a request is: that of the lowest device that it was sent to, the bench's
/// own ones left out.
pub(crate) fn holder<'a>(world: &'a World, record: &IrpRecord) -> &'a str {
    let driver = |object: u64| {
        let device = world.state.devices.iter().find(|device| device.object == object)?;
        world.modules.iter().find(|module| module.driver_object == device.driver)
    };
    let mut history = record.history.iter().rev();
    let sent = history
        .find_map(|location| driver(location.device).filter(|_| location.completed.is_none()));
    sent.map_or_else(|| named(world, 0), |module| &module.name)
}

/// Address of an image's DRIVER_OBJECT, 0 before it is loaded.
pub(crate) fn driver_object(world: &World, image: usize) -> u64 {
    world.modules.get(image).map_or(0, |module| module.driver_object)
}

/// First and last byte of an image.
pub(crate) fn image(world: &World, image: usize) -> (u64, u64) {
    world.modules.get(image).map_or((0, 0), |module| (module.base, module.base + module.bytes - 1))
}

/// Whether what was made at a moment is an image's: by the routine that it calls, where there is
/// one, or else by who made it. With one driver everything is its own.
pub(crate) fn belongs(world: &World, image: usize, routine: u64, made: Site) -> bool {
    world.modules.len() < 2
        || world.image_at(routine).unwrap_or_else(|| world.image_of(made)) == image
}

/// Whoever runs.
pub(crate) fn who(world: &World) -> String {
    match world.state.current {
        NOBODY => "nobody".to_owned(),
        current => world.context_name(current),
    }
}

/// Instruction pointer of whoever runs.
pub(crate) fn rip(world: &World) -> u64 {
    world.cpus.get(usize::from(world.state.current)).map_or(0, |cpu| cpu.rip)
}

/// Register of whoever runs, by its number in instructions (RCX 1, RDX 2, R8 8, R9 9).
pub(crate) fn register(world: &World, number: usize) -> u64 {
    world.cpus.get(usize::from(world.state.current)).map_or(0, |cpu| cpu.gpr[number])
}

/// Argument on the stack of the service called, counted from 0; the first four are in registers.
pub(crate) fn stack_argument(world: &World, number: u64) -> u64 {
    let rsp = register(world, 4);
    world.bus.memory.view64(rsp.wrapping_add(8 + 8 * number))
}

/// Where in the driver the service under way was called.
pub(crate) fn caller(world: &World) -> u64 {
    world.bus.memory.view64(register(world, 4))
}

/// An IRQL in words.
pub(crate) fn level(irql: u8) -> String {
    match irql {
        PASSIVE_LEVEL | APC_LEVEL | DISPATCH_LEVEL => {
            nt::irql::name(irql).unwrap_or_default().to_owned()
        }
        _ => format!("IRQL {irql}"),
    }
}

/// `1 byte`, `2 bytes`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The request as messages call it: `an IRP_MJ_READ request`.
pub(crate) fn request(world: &World, irp: u64) -> String {
    match world.state.irp(irp) {
        Some(record) => format!("an {} request", nt::irp::text(record.major, 0)),
        None => "a request".to_owned(),
    }
}

/// Who touches memory: the driver, or a service or the device on its behalf.
pub(crate) fn toucher(world: &World, by: Option<&str>) -> String {
    match by {
        Some(kernel::device::BY) => format!("the device, by DMA that {} started,", driver(world)),
        Some(service) => format!("{service}, called by {},", driver(world)),
        None => driver(world).to_owned(),
    }
}

/// What is done to memory, in the third person.
pub(crate) fn verb(access: Access) -> &'static str {
    match access {
        Access::Read => "reads",
        Access::Write => "writes",
        Access::Execute => "executes",
    }
}

/// A block without its article: `24-byte block of nonpaged pool, tag 'Ring'`.
pub(crate) fn block(block: &Block) -> String {
    let bytes = block.bytes;
    match block.kind {
        BlockKind::Pool => {
            let pool = if block.paged { "paged" } else { "nonpaged" };
            let tag = match block.tag {
                0 => "no tag".to_owned(),
                tag => format!("tag '{}'", nt::pool::tag_text(tag)),
            };
            format!("{bytes}-byte block of {pool} pool, {tag}")
        }
        BlockKind::Irp => "request packet (IRP)".to_owned(),
        BlockKind::Device => "device object".to_owned(),
        BlockKind::Mdl => "MDL".to_owned(),
        BlockKind::Buffer => format!("I/O buffer of {}", count(bytes, "byte")),
        BlockKind::Object => format!("kernel object of {}", count(bytes, "byte")),
    }
}

/// Where in a block an address lies: `offset 0x8`, for a device also `offset 0x8 of the extension`.
pub(crate) fn offset(block: &Block, address: u64) -> String {
    let offset = address.wrapping_sub(block.address);
    match offset.checked_sub(nt::layout::device_object::SIZE) {
        Some(inside) if block.kind == BlockKind::Device => {
            format!("offset {inside:#x} of the extension")
        }
        _ => format!("offset {offset:#x}"),
    }
}

/// What lies at an address: image and offset, block and offset, or the number.
pub(crate) fn object(world: &World, address: u64) -> String {
    if world.modules.iter().any(|module| module.contains(address)) {
        return world.describe_address(address);
    }
    let stacks = map::STACKS..map::STACKS + 32 * map::STACK_STRIDE;
    if stacks.contains(&address) {
        return format!("{address:#x} on a kernel stack");
    }
    let service = address.wrapping_sub(map::FIRST_SERVICE);
    let service = world.registry.get((service / map::SERVICE_STRIDE) as usize);
    if let Some(service) = service.filter(|_| map::KERNEL_CODE < address) {
        return service.name.to_owned();
    }
    match world.state.block_at_or_below(address) {
        Some(holder) if address - holder.address < holder.bytes => {
            format!("{} of a {}", offset(holder, address), block(holder))
        }
        _ => format!("{address:#x}"),
    }
}

/// A spin lock: the system's, or by its place.
pub(crate) fn lock(world: &World, address: u64) -> String {
    if address == kernel::io::cancel::CANCEL_LOCK {
        return "the cancel spin lock".to_owned();
    }
    format!("the spin lock at {}", object(world, address))
}

/// Something that can be waited for: its kind and place.
pub(crate) fn waitable(world: &World, address: u64) -> String {
    let mut kind = [0];
    world.bus.memory.view(address, &mut kind);
    let kind = match kind[0] & 0x7f {
        types::EVENT_NOTIFICATION_OBJECT | types::EVENT_SYNCHRONIZATION_OBJECT => "the event",
        types::MUTANT_OBJECT => "the mutex",
        types::SEMAPHORE_OBJECT => "the semaphore",
        types::THREAD_OBJECT => return format!("the end of the {}", thread(world, address)),
        types::TIMER_NOTIFICATION_OBJECT | types::TIMER_SYNCHRONIZATION_OBJECT => "the timer",
        _ => "the object",
    };
    format!("{kind} at {}", object(world, address))
}

/// The thread of this object, by name while it lives.
fn thread(world: &World, object: u64) -> String {
    let mut contexts = live(world);
    match contexts.find(|&context| world.state.contexts[usize::from(context)].thread == object) {
        Some(context) => world.context_name(context),
        None => format!("thread {object:#x}"),
    }
}

/// Slots of contexts that are in use.
pub(crate) fn live(world: &World) -> impl Iterator<Item = u8> + '_ {
    (0..world.state.contexts.len() as u8).filter(|&context| world.state.live >> context & 1 != 0)
}

/// Whether a context is an actor that winds the run down.
pub(crate) fn winds_down(world: &World, context: u8) -> bool {
    match world.state.contexts.get(usize::from(context)).map(|state| state.start) {
        Some(Start::Actor(index)) => usize::from(index) >= world.starters,
        _ => false,
    }
}
