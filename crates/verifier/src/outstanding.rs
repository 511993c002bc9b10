//! Requests that are unfinished when nothing is left to happen, and who still knows of them.

use crate::words;
use kernel::event::{Event, Violation};
use kernel::state::{BlockKind, Doing, IrpRecord, Origin, Start};
use kernel::{World, map};
use nt::layout::irp::TAIL_OVERLAY_LIST_ENTRY;

/// Requests whose dispatch routine returned and that never came back. None while somebody hangs
/// inside the driver, since they may wait for that one.
pub(crate) fn requests(world: &World) -> impl Iterator<Item = &IrpRecord> {
    let blame = hung(world).all(|context| words::winds_down(world, context));
    let requests = world.state.requests.iter().filter(move |_| blame);
    requests
        .filter(|request| request.done.is_none() && request.returned.is_some())
        .filter_map(|request| world.state.irp(request.irp))
        .filter(|record| record.completed.is_none())
}

/// Whether a run is wound down, every request was cancelled, and all came to rest since: the first
/// thing that happens then is the CLEANUP of a handle.
pub(crate) fn all_cancelled(event: &Event, world: &World) -> bool {
    matches!(event, Event::Dispatch { major: nt::irp::IRP_MJ_CLEANUP, .. })
        && words::winds_down(world, world.state.current)
}

/// Contexts that are blocked in a wait inside a driver routine that somebody waits for.
pub(crate) fn hung(world: &World) -> impl Iterator<Item = u8> + '_ {
    words::live(world).filter(|&context| {
        let state = &world.state.contexts[usize::from(context)];
        matches!(state.doing, Doing::Waiting | Doing::ForKey(_))
            && matches!(state.start, Start::Actor(_) | Start::WorkItem { .. })
            && state.depth > 0
    })
}

/// Whether both neighbours of an entry point back to it, and it is not alone.
pub(crate) fn linked(world: &World, entry: u64) -> bool {
    let memory = &world.bus.memory;
    let (next, last) = (memory.view64(entry), memory.view64(entry.wrapping_add(8)));
    next != entry
        && next >= map::USER_END
        && last >= map::USER_END
        && memory.view64(next.wrapping_add(8)) == entry
        && memory.view64(last) == entry
}

/// Whether the driver still knows a request: it is linked in a list, or an address inside the
/// packet lies in the driver's data, in pool or a device extension, or on the stack or in the
/// registers of somebody inside the driver. Freed blocks count: a device that was removed with a
/// request in its queue held it to the last. Other packets do not: they keep stale links.
pub(crate) fn held(world: &World, record: &IrpRecord) -> bool {
    let irp = record.address;
    let packet = irp..irp + nt::layout::irp::SIZE;
    let found = |range| words_in(world, range).iter().any(|word| packet.contains(word));
    let blocks = world.state.pool.iter().chain(&world.state.paged);
    let blocks = blocks
        .filter(|block| matches!(block.kind, BlockKind::Pool | BlockKind::Device))
        .map(|block| (block.address, block.address + block.bytes));
    let images = world.modules.iter().flat_map(|module| {
        let writable = module.sections.iter().filter(|section| section.writable);
        writable.map(|section| {
            let range = module.range(section);
            (range.start, range.end)
        })
    });
    let inside = || {
        let contexts = words::live(world);
        contexts.filter(|&context| world.state.contexts[usize::from(context)].depth > 0)
    };
    let stacks = inside().map(|context| {
        let bottom = map::STACKS + u64::from(context) * map::STACK_STRIDE;
        let top = bottom + map::STACK_BYTES;
        (world.cpus[usize::from(context)].gpr[4].clamp(bottom, top), top)
    });
    let mut registers = inside().flat_map(|context| world.cpus[usize::from(context)].gpr);
    linked(world, irp + TAIL_OVERLAY_LIST_ENTRY)
        || registers.any(|word| packet.contains(&word))
        || blocks.chain(images).chain(stacks).any(found)
}

/// The words of a range, as far as it is mapped.
fn words_in(world: &World, (from, to): (u64, u64)) -> Vec<u64> {
    let mut bytes = vec![0; to.saturating_sub(from) as usize];
    let seen = world.bus.memory.view(from, &mut bytes);
    let word = |bytes: &[u8]| bytes.iter().rfold(0, |sum, &byte| sum << 8 | u64::from(byte));
    bytes[..seen].chunks_exact(8).map(word).collect()
}

/// A request's history as places.
pub(crate) fn told(violation: Violation, record: &IrpRecord) -> Violation {
    let mut violation = violation;
    let moments = [
        ("request made", (record.origin == Origin::Driver).then_some(record.made)),
        ("passed to the next lower driver", record.history[0].passed),
        ("left unfinished by its dispatch routine", record.pended),
        ("cancel requested", record.cancelled),
        ("cancel routine called", record.cancel_called),
    ];
    for (role, site) in moments {
        if let Some(site) = site {
            violation = violation.at(role, site);
        }
    }
    violation
}
