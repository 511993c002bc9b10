//! ## What it does
//!
//! Forbids completing a request that was completed before.
//!
//! ## Why is this bad?
//!
//! With its first completion a request goes back to whoever made it, and the packet may be freed
//! or in use for somebody else's request. Completing it again finishes a request that is not the
//! driver's, corrupts memory, or both.
//!
//! ## Example
//!
//! ```c
//! static VOID Finish(EXTENSION *Ext)
//! {
//!     PIRP Irp = Ext->Current;
//!
//!     IoCompleteRequest(Irp, IO_NO_INCREMENT); /* the cancel routine may have done so already */
//! }
//! ```
//!
//! Instead:
//!
//! ```c
//! static VOID Finish(EXTENSION *Ext)
//! {
//!     PIRP Irp = IoCsqRemoveNextIrp(&Ext->Csq, NULL); /* NULL if it was cancelled */
//!
//!     if (Irp)
//!         IoCompleteRequest(Irp, IO_NO_INCREMENT);
//! }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x44--multiple-irp-complete-requests>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/synchronizing-irp-cancellation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/cancel-safe-irp-queues>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-doublecompletion>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::Origin;
use nt::bugcheck::MULTIPLE_IRP_COMPLETE_REQUESTS;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-double-completion",
    summary: "Forbids completing a request that was completed before.",
    why: "With its first completion a request goes back to whoever made it, and the packet \
        may be freed or in use for somebody else's request. Completing it again finishes a \
        request that is not the driver's, corrupts memory, or both.",
    remedy: "Decide in one place, under one lock or by one interlocked exchange, who completes \
        the request: take it off the queue and take its cancel routine back with \
        IoSetCancelRoutine(Irp, NULL); when that returns NULL, the cancel routine runs and \
        completes it, so nobody else may. The IoCsq routines do this for you.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x44--multiple-irp-complete-requests",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/synchronizing-irp-cancellation",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/cancel-safe-irp-queues",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-doublecompletion",
    ],
    severity: Severity::Error,
    wants: &[Kind::Complete],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Complete { irp } = *event else { return None };
    let record = world.state.irp(irp)?;
    let first = record.completed.or(record.freed)?;
    // A packet of the driver's own may also have gone through IoFreeIrp.
    let (title, role) = match record.origin {
        Origin::Driver => ("a request of its own that was completed or freed", "first end"),
        _ => ("a request a second time", "first completion"),
    };
    let text = nt::irp::text(record.major, 0);
    let title = format!("{} completes {title}: {text}", words::driver(world));
    let mut violation = Violation::new(&RULE, title).bugcheck(
        MULTIPLE_IRP_COMPLETE_REQUESTS,
        [(irp, "IRP"), (0, "reserved"), (0, "reserved"), (0, "reserved")],
    );
    violation = violation.at(role, first).here("second completion");
    if let Some(called) = record.cancel_called {
        violation = violation
            .detail("The request was cancelled: its cancel routine is one of the two parties.")
            .at("cancel routine called", called);
    } else if let Some(cancelled) = record.cancelled {
        violation = violation.at("cancel requested", cancelled);
    }
    Some(violation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_second_completion_is_named_with_the_first() {
        let mut world = World::new(2, &[]);
        let irp = fixture::irp(&mut world, nt::irp::IRP_MJ_READ);
        assert!(check(&Event::Complete { irp }, &world).is_none());
        world.state.irps[0].completed = Some(7);
        let violation = check(&Event::Complete { irp }, &world).expect("objects");
        assert_eq!(violation.code, 0x44);
        assert_eq!(violation.places[0], ("first completion".to_owned(), Some(7)));
        assert_eq!(violation.places[1].1, None);
    }
}
