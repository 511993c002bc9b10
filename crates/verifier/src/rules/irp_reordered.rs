//! # irp-reordered
//!
//! ## What it does
//!
//! Advises against completing requests of one handle in another order than they were issued.
//!
//! Two requests of one handle with the same major function (and control code) are compared if the
//! dispatch routine had returned for the first before the second was issued. The rule speaks when
//! the second is completed with success while the first, which nobody cancelled, is still
//! outstanding, and when a queue is to blame: the first was put into a list behind the second, or
//! the second before the first. A device queue counts as a list, unless its entries have keys, which
//! give an order that is meant. Two processors that finish two requests at the same time are not
//! meant.
//!
//! ## Why is this bad?
//!
//! Windows promises no order. But applications count on it where data is a stream: what was
//! written first arrives first, and what was asked for first gets the first bytes. A driver keeps
//! the order at no cost almost always, and loses it only when it holds requests back - while the
//! device is stopped or sleeps - which no application sees coming.
//!
//! ## Example
//!
//! ```c
//!     Irp = RemoveFirst(&Ext->Held);
//!     if (Ext->State == Hold)                  /* again, meanwhile */
//!         InsertTailList(&Ext->Held, &Irp->Tail.Overlay.ListEntry);
//! ```
//!
//! Instead:
//!
//! ```c
//!     if (Ext->State == Allow)                 /* under the lock that guards State and Held */
//!         Irp = RemoveFirst(&Ext->Held);       /* or back with InsertHeadList */
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/holding-incoming-irps-when-a-device-is-paused>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/queuing-and-dequeuing-irps>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-reordered",
    summary: "Advises against completing requests of one handle in another order than they were \
        issued.",
    why: "Windows promises no order, but applications count on it where data is a stream: what was \
        written first arrives first. This driver keeps the order except in this case, which no \
        application sees coming.",
    remedy: "Keep one queue for requests that wait, whatever they wait for. Put a request that \
        cannot be performed yet back at its head, in the same hold of the lock in which it was \
        taken out; and change the state that holds requests back, and move those that wait, in one \
        hold of that lock.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/holding-incoming-irps-when-a-device-is-paused",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/queuing-and-dequeuing-irps",
    ],
    severity: Severity::Advice,
    wants: &[Kind::Overtaken],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let &Event::Overtaken { earlier, later } = event else { return None };
    let (first, second) = (world.state.irp(earlier)?, world.state.irp(later)?);
    let (one, two) = (first.number, second.number);
    // The operation that swapped them, if it was one: on a list of the driver's own, which was watched,
    // or else on a queue of the kernel's.
    let swap = world.lists.swap.map(|put| (put.site, put.irp == earlier));
    let listed = world.lists.held(earlier) || world.lists.held(later);
    let (swap, behind) = match (swap, first.queued, second.queued) {
        (Some(swap), ..) => swap,
        (None, Some(first), Some(second)) if !listed && first > second => (first, true),
        (None, Some(first), Some(second)) if !listed && ahead(world, later, earlier) => {
            (second, second < first)
        }
        _ => return None,
    };
    let (told, detail) = match behind {
        true => (
            "the earlier request is put behind the later one",
            format!("IRP {one} was put into a list behind IRP {two}, which was issued later."),
        ),
        false => (
            "the later request is put before the earlier one",
            format!("IRP {two} was put into the list before IRP {one}, which was there already."),
        ),
    };
    let title = format!(
        "{} completes {} before one of the same handle that was issued earlier",
        words::driver(world),
        words::request(world, later)
    );
    let mut violation = Violation::new(&RULE, title).detail(detail);
    for (role, irp) in [("the earlier request", earlier), ("the later request", later)] {
        if let Some(request) = world.state.requests.iter().find(|request| request.irp == irp) {
            violation = violation.at(role, request.sent);
        }
    }
    Some(violation.here("the later request is completed").at(told, swap))
}

/// Whether one request's entry in a list was inserted directly before the other's: it still leads
/// there. Device queues put nothing in front without a key, and a key is meant.
fn ahead(world: &World, one: u64, other: u64) -> bool {
    let entry = |irp: u64| irp + nt::layout::irp::TAIL_OVERLAY_LIST_ENTRY;
    world.bus.memory.view64(entry(one)) == entry(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn only_a_list_operation_is_blamed() {
        let mut world = World::new(2, &[]);
        let earlier = fixture::irp(&mut world, nt::irp::IRP_MJ_WRITE);
        let later = fixture::irp(&mut world, nt::irp::IRP_MJ_WRITE);
        let event = Event::Overtaken { earlier, later };
        assert_eq!(check(&event, &world), None);
        world.state.irps[0].queued = Some(3);
        world.state.irps[1].queued = Some(5);
        assert_eq!(check(&event, &world), None, "two processors, perhaps");
        world.state.irps[0].queued = Some(7);
        let told = check(&event, &world).expect("an objection");
        assert_eq!(told.places.last().and_then(|place| place.1), Some(7));
        assert_eq!(told.severity, Severity::Advice);
    }
}
