//! ## What it does
//!
//! Forbids completing a request while it is still linked in one of the driver's lists, or in a
//! device queue.
//!
//! A list whose head lies on a kernel stack is left alone: a driver that moves a whole queue to a
//! local list and completes its members one by one does no harm.
//!
//! ## Why is this bad?
//!
//! After completion the packet belongs to the I/O manager, but the queue still points to it. The
//! next walk over the queue follows links through freed or reused memory and completes or cancels
//! a request that is not the driver's any more.
//!
//! ## Example
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     Irp = CONTAINING_RECORD(Ext->Queue.Flink, IRP, Tail.Overlay.ListEntry);
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//!     IoCompleteRequest(Irp, IO_NO_INCREMENT); /* Ext->Queue still leads to it */
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     Irp = CONTAINING_RECORD(RemoveHeadList(&Ext->Queue), IRP, Tail.Overlay.ListEntry);
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//!     IoCompleteRequest(Irp, IO_NO_INCREMENT);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/driver-managed-irp-queues>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/queuing-and-dequeuing-irps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/cancel-safe-irp-queues>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation>

use crate::{outstanding, stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::map;
use kernel::state::BlockKind;
use nt::layout::irp::{TAIL_OVERLAY_DEVICE_QUEUE_ENTRY, TAIL_OVERLAY_LIST_ENTRY};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-completed-while-queued",
    summary: "Forbids completing a request while it is still linked in one of the driver's lists.",
    why: "After completion the packet belongs to the I/O manager, but the queue still points \
        to it. The next walk over the queue follows links through freed or reused memory \
        and completes or cancels a request that is not the driver's any more.",
    remedy: "Take the request off the list under the lock that guards the list, and only then \
        complete it. IoCsqRemoveIrp and IoCsqRemoveNextIrp do both steps under the lock.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/driver-managed-irp-queues",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/queuing-and-dequeuing-irps",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/cancel-safe-irp-queues",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation",
    ],
    severity: Severity::Error,
    wants: &[Kind::Complete],
    check,
};

/// Longest queue that is followed to its head.
const MOST: usize = 4096;

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Complete { irp } = *event else { return None };
    let links = [TAIL_OVERLAY_LIST_ENTRY, TAIL_OVERLAY_DEVICE_QUEUE_ENTRY];
    let offset = links.into_iter().find(|&offset| outstanding::linked(world, irp + offset))?;
    let head = head(world, irp, offset);
    let stacks = map::STACKS..map::STACKS + 32 * map::STACK_STRIDE;
    if stacks.contains(&head) {
        return None;
    }
    let list = words::object(world, head);
    let title = format!(
        "{} completes {} that is still in the list at {list}",
        words::driver(world),
        words::request(world, irp)
    );
    let field = match offset {
        TAIL_OVERLAY_LIST_ENTRY => "Tail.Overlay.ListEntry",
        _ => "Tail.Overlay.DeviceQueueEntry",
    };
    let detail = format!("{field} of the packet and its two neighbours still point to each other.");
    let violation = Violation::new(&RULE, title).detail(detail);
    let place = words::caller(world);
    let mut violation = stops::io_manager(violation, 0x209, place, irp, (head, "head of the list"));
    if let Some(pended) = world.state.irp(irp).and_then(|record| record.pended) {
        violation = violation.at("left pending here", pended);
    }
    Some(violation.here("completed here"))
}

/// The first entry on the way that is no request's; entries lie at this offset in their packets.
fn head(world: &World, irp: u64, offset: u64) -> u64 {
    let entry = irp + offset;
    let mut at = entry;
    for _ in 0..MOST {
        at = world.bus.memory.view64(at);
        let packet = at.wrapping_sub(offset);
        let holder = world.state.block_at_or_below(packet);
        if !holder.is_some_and(|block| block.kind == BlockKind::Irp && block.address == packet) {
            return at;
        }
        if at == entry {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn link(world: &mut World, entry: u64, head: u64) {
        for (at, value) in [(entry, head), (entry + 8, head), (head, entry), (head + 8, entry)] {
            world.bus.memory.poke64(at, value);
        }
    }

    #[test]
    fn a_linked_request_is_found() {
        let mut world = World::new(2, &[]);
        let irp = fixture::irp(&mut world, nt::irp::IRP_MJ_READ);
        let head = fixture::pool(&mut world, 32).address;
        assert!(check(&Event::Complete { irp }, &world).is_none());
        for offset in [TAIL_OVERLAY_LIST_ENTRY, TAIL_OVERLAY_DEVICE_QUEUE_ENTRY] {
            link(&mut world, irp + offset, head);
            assert!(check(&Event::Complete { irp }, &world).is_some());
        }
        world.bus.memory.poke64(head, head);
        assert!(check(&Event::Complete { irp }, &world).is_none(), "its own links are stale now");
    }

    #[test]
    fn a_list_of_requests_leads_to_its_head() {
        let mut world = World::new(2, &[]);
        let irp = fixture::irp(&mut world, nt::irp::IRP_MJ_READ);
        let first = irp + TAIL_OVERLAY_LIST_ENTRY;
        let second = fixture::irp(&mut world, nt::irp::IRP_MJ_READ) + TAIL_OVERLAY_LIST_ENTRY;
        let pool = fixture::pool(&mut world, 32).address;
        world.bus.memory.poke64(first, second);
        world.bus.memory.poke64(second, pool);
        world.bus.memory.poke64(pool, first);
        assert_eq!(head(&world, irp, TAIL_OVERLAY_LIST_ENTRY), pool);
    }
}
