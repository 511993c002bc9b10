//! Addresses in words: what a driver writer calls the thing that lies there.
//!
//! Names hold for a whole run, since no address is handed out twice in one: `IRP 2` is the same
//! packet wherever it is met.

use crate::io::cancel::CANCEL_LOCK;
use crate::map;
use crate::module::Module;
use crate::state::{Block, BlockKind};
use crate::world::World;
use nt::layout::{device_object, io_stack_location as location, irp};
use schedule::MAX_CONTEXTS;

/// The name of what lies at an address: `IRP 2`, `device extension+0x10`, `block 1 'Ring'+0x8`,
/// `fifo.sys+0x4010`. `None` for numbers that point nowhere.
pub fn name(world: &World, address: u64) -> Option<String> {
    if address == CANCEL_LOCK {
        return Some("the cancel spin lock".to_owned());
    }
    if world.modules.iter().any(|module| module.contains(address)) {
        return Some(world.describe_address(address));
    }
    if let Some(name) = service(world, address) {
        return Some(name.to_owned());
    }
    let stacks = map::STACKS..map::STACKS + MAX_CONTEXTS as u64 * map::STACK_STRIDE;
    if stacks.contains(&address) {
        let context = (address - map::STACKS) / map::STACK_STRIDE;
        return Some(format!("a local of {}", world.context_name(context as u8)));
    }
    let block = world.state.block_at_or_below(address)?;
    let offset = address.wrapping_sub(block.address);
    // One byte past the end is still the block's, as in the end of a loop.
    (offset <= block.bytes).then(|| part(world, block, offset))
}

/// The thing as a whole, without the place in it: `device extension`, `IRP 2`.
pub fn holder(world: &World, address: u64) -> Option<String> {
    let block = world.state.block_at_or_below(address)?;
    let offset = address.wrapping_sub(block.address);
    let start = match (block.kind, offset >= device_object::SIZE) {
        _ if offset > block.bytes => return None,
        (BlockKind::Device, true) => device_object::SIZE,
        _ => 0,
    };
    Some(part(world, block, start))
}

/// A name where there is one, or else the number.
pub fn value(world: &World, value: u64) -> String {
    match name(world, value) {
        Some(name) => name,
        None if value < 10 => value.to_string(),
        None => format!("{value:#x}"),
    }
}

/// A kernel service by its address.
pub fn service(world: &World, address: u64) -> Option<&'static str> {
    let offset = address.checked_sub(map::FIRST_SERVICE)?;
    if offset >= map::KERNEL_CODE_BYTES {
        return None;
    }
    let service = world.registry.get((offset / map::SERVICE_STRIDE) as usize)?;
    Some(service.name)
}

/// A request packet: `IRP 2`, numbered in the order in which they were made.
pub fn request(world: &World, at: u64) -> String {
    match world.state.irp(at) {
        Some(record) => format!("IRP {}", record.number),
        None => format!("IRP {at:#x}"),
    }
}

/// A device object: its name, or whose it is.
pub fn device(world: &World, object: u64) -> String {
    let devices = &world.state.devices;
    let Some(device) = devices.iter().find(|device| device.object == object) else {
        return format!("device {object:#x}");
    };
    if let Some(name) = &device.name {
        return name.to_string();
    }
    let Some(module) = module_of(world, device.driver) else {
        return "physical device object".to_owned();
    };
    let whose = match world.modules.len() {
        1 => String::new(),
        _ => format!(" of {}", module.name),
    };
    let alike = || own_devices(world, module);
    match alike().position(|other| other == object) {
        Some(index) if alike().count() > 1 => format!("device object {}{whose}", index + 1),
        _ => format!("device object{whose}"),
    }
}

/// A lock by kind and place: `the spin lock at device extension+0x10`.
pub fn lock(world: &World, address: u64) -> String {
    if address == CANCEL_LOCK {
        return "the cancel spin lock".to_owned();
    }
    let spins = world.state.locks.iter().any(|lock| lock.address == address);
    let kind = if spins { "spin lock" } else { "lock" };
    format!("the {kind} at {}", value(world, address))
}

/// `text` with kernel addresses replaced by names, where they have one.
pub fn named(world: &World, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("0x") {
        let digits = rest[at + 2..].bytes().take_while(u8::is_ascii_hexdigit).count();
        let end = at + 2 + digits;
        let known = u64::from_str_radix(&rest[at + 2..end], 16)
            .ok()
            .filter(|&address| address >= map::USER_END)
            .and_then(|address| name(world, address));
        out.push_str(&rest[..at]);
        match known {
            Some(name) => {
                // `IRP 0x...` and `device 0x...` say already what is part of the name.
                let mut words = name.split([' ', '+']);
                if let Some(word) = words.find(|word| out.ends_with(&format!("{word} "))) {
                    out.truncate(out.len() - word.len() - 1);
                }
                out.push_str(&name);
            }
            None => out.push_str(&rest[at..end]),
        }
        rest = &rest[end..];
    }
    out + rest
}

/// The image of a driver object; the kernel's own ones have none.
fn module_of(world: &World, driver: u64) -> Option<&Module> {
    world.modules.iter().find(|module| module.driver_object == driver)
}

fn own_devices<'a>(world: &'a World, module: &'a Module) -> impl Iterator<Item = u64> + 'a {
    let devices = world.state.devices.iter();
    devices.filter(|device| device.driver == module.driver_object).map(|device| device.object)
}

fn part(world: &World, block: &Block, offset: u64) -> String {
    let at = block.address;
    match block.kind {
        BlockKind::Irp => inside_irp(&request(world, at), offset),
        BlockKind::Device => match offset.checked_sub(device_object::SIZE) {
            Some(inside) => {
                let sole =
                    world.modules.len() == 1 && own_devices(world, &world.modules[0]).eq([at]);
                let extension = match sole {
                    true => "device extension".to_owned(),
                    false => format!("extension of {}", device(world, at)),
                };
                plus(&extension, inside)
            }
            None => member(&device(world, at), "DEVICE_OBJECT", offset),
        },
        BlockKind::Pool => {
            let tag = match block.tag {
                0 => String::new(),
                tag => format!(" '{}'", nt::pool::tag_text(tag)),
            };
            plus(&format!("block {}{tag}", number(world, block)), offset)
        }
        BlockKind::Mdl => member(&format!("MDL {}", number(world, block)), "MDL", offset),
        BlockKind::Buffer => plus(&format!("I/O buffer {}", number(world, block)), offset),
        BlockKind::Object => object(world, block, offset),
    }
}

/// A packet is followed by its stack locations, the lowest driver's first.
fn inside_irp(name: &str, offset: u64) -> String {
    match offset.checked_sub(irp::SIZE) {
        None => member(name, "IRP", offset),
        Some(inside) => {
            let number = inside / location::SIZE + 1;
            let place = format!("stack location {number} of {name}");
            member(&place, "IO_STACK_LOCATION", inside % location::SIZE)
        }
    }
}

fn object(world: &World, block: &Block, offset: u64) -> String {
    let at = block.address;
    if let Some(index) = world.state.files.iter().position(|file| file.object == at) {
        return member(&format!("file object {}", index + 1), "FILE_OBJECT", offset);
    }
    if let Some(module) = module_of(world, at) {
        let name = match world.modules.len() {
            1 => "driver object".to_owned(),
            _ => format!("driver object of {}", module.name),
        };
        return member(&name, "DRIVER_OBJECT", offset);
    }
    let mut live = world.state.live();
    if let Some(context) = live.find(|&context| world.state.contexts[context].thread == at) {
        return plus(&format!("thread of {}", world.context_name(context as u8)), offset);
    }
    plus(&format!("kernel object {}", number(world, block)), offset)
}

/// Blocks of one kind and tag, counted by address, which is the order in which they were made.
fn number(world: &World, block: &Block) -> usize {
    let pool = if block.paged { &world.state.paged } else { &world.state.pool };
    let alike = |other: &&Block| other.kind == block.kind && other.tag == block.tag;
    let before = pool.iter().take_while(|other| other.address <= block.address);
    before.filter(alike).count().max(1)
}

fn plus(name: &str, offset: u64) -> String {
    if offset == 0 { name.to_owned() } else { format!("{name}+{offset:#x}") }
}

/// `IRP 2->CancelRoutine`, or the offset where the structure has nothing there.
fn member(name: &str, structure: &str, offset: u64) -> String {
    if offset == 0 {
        return name.to_owned();
    }
    let structure = nt::layout::find(structure);
    // Of the members of a union the pointer that drivers use.
    let pointer = structure.and_then(|structure| {
        let rare = ["Tail.CompletionKey", "IoStatus.Pointer"];
        let mut fields = structure.fields.iter().rev();
        fields.find(|field| (field.1, field.2) == (offset, 8) && !rare.contains(&field.0))
    });
    let field = pointer.map(|field| field.0);
    match field.or_else(|| structure.and_then(|structure| structure.field_at(offset))) {
        Some(field) => format!("{name}->{field}"),
        None => plus(name, offset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World::new(2, &[])
    }

    fn block(world: &mut World, kind: BlockKind, at: u64, bytes: u64, tag: &[u8; 4]) -> u64 {
        let address = map::NONPAGED_POOL + at;
        let tag = u32::from_le_bytes(*tag);
        let (paged, allocated, freed) = (false, 1, None);
        let block = Block { address, bytes, tag, kind, paged, allocated, freed };
        let pool = &mut world.state.pool;
        let index = pool.partition_point(|other| other.address < address);
        pool.insert(index, block);
        address
    }

    #[test]
    fn blocks_of_a_tag_are_counted() {
        let mut world = world();
        let far = 0x100_0000;
        let first = block(&mut world, BlockKind::Pool, far, 0x20, b"Ring");
        let other = block(&mut world, BlockKind::Pool, far + 0x100, 0x20, b"Card");
        let second = block(&mut world, BlockKind::Pool, far + 0x200, 0x20, b"Ring");
        assert_eq!(value(&world, first), "block 1 'Ring'");
        assert_eq!(value(&world, other + 8), "block 1 'Card'+0x8");
        assert_eq!(value(&world, second + 0x20), "block 2 'Ring'+0x20");
        assert_eq!(holder(&world, second + 8).as_deref(), Some("block 2 'Ring'"));
        assert_eq!(name(&world, second + 0x21), None);
    }

    #[test]
    fn members_of_a_packet_have_their_names() {
        let mut world = world();
        let at = block(&mut world, BlockKind::Irp, 0x100_0000, 0x200, &[0; 4]);
        let cancel = name(&world, at + irp::CANCEL_ROUTINE).unwrap_or_default();
        assert!(cancel.starts_with("IRP ") && cancel.ends_with("->CancelRoutine"), "{cancel}");
        let tail = name(&world, at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION).unwrap_or_default();
        assert!(tail.ends_with("->Tail.Overlay.CurrentStackLocation"), "{tail}");
        let place = name(&world, at + irp::SIZE + location::SIZE).unwrap_or_default();
        assert!(place.starts_with("stack location 2 of IRP "), "{place}");
    }

    #[test]
    fn an_extension_is_told_from_its_device() {
        let mut world = world();
        let at = block(&mut world, BlockKind::Device, 0x100_0000, 0x200, &[0; 4]);
        let name = name(&world, at + device_object::SIZE + 0x10).unwrap_or_default();
        assert!(name.starts_with("extension of device ") && name.ends_with("+0x10"), "{name}");
    }

    #[test]
    fn numbers_stay_numbers() {
        let world = world();
        assert_eq!(value(&world, 0), "0");
        assert_eq!(value(&world, 0x1000), "0x1000");
        assert_eq!(value(&world, CANCEL_LOCK), "the cancel spin lock");
        assert_eq!(named(&world, "code 0xd1, 0x of 0x5"), "code 0xd1, 0x of 0x5");
    }

    #[test]
    fn addresses_in_a_text_are_named_once() {
        let mut world = world();
        let at = block(&mut world, BlockKind::Pool, 0x100_0000, 0x20, b"Ring");
        assert_eq!(
            named(&world, &format!("timer {at:#x} expires")),
            "timer block 1 'Ring' expires"
        );
        assert_eq!(named(&world, &format!("block {at:#x}")), "block 1 'Ring'");
    }
}
