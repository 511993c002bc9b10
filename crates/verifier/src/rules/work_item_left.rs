//! ## What it does
//!
//! Forbids unloading the driver while one of its work items is queued or running.
//!
//! ## Why is this bad?
//!
//! A worker thread of the system calls the routine later: it calls into memory that is no longer
//! the driver's. With IoQueueWorkItem the system keeps the device object until the routine
//! returns, but not what the routine uses besides; with ExQueueWorkItem it keeps nothing.
//!
//! ## Example
//!
//! ```c
//!     ExInitializeWorkItem(&Ext->Item, Worker, Ext);
//!     ExQueueWorkItem(&Ext->Item, DelayedWorkQueue); /* and nobody waits for it */
//! ```
//!
//! Instead:
//!
//! ```c
//!     IoAcquireRemoveLock(&Ext->RemoveLock, Ext->Item); /* released by Worker at its end */
//!     IoQueueWorkItem(Ext->Item, Worker, DelayedWorkQueue, Ext);
//!     /* in the remove routine: */
//!     IoReleaseRemoveLockAndWait(&Ext->RemoveLock, NULL);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/system-worker-threads>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioqueueworkitem>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::Start;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "work-item-left",
    summary: "Forbids unloading the driver while one of its work items is queued or running.",
    why: "A worker thread of the system calls the routine later: it calls into memory that is \
        no longer the driver's. With IoQueueWorkItem the system keeps the device object \
        until the routine returns, but not what the routine uses besides; with \
        ExQueueWorkItem it keeps nothing.",
    remedy: "Count the work items that are queued and wait for the count to reach zero in the \
        unload or remove routine, for example with a remove lock that each work item holds.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/system-worker-threads",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioqueueworkitem",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded, Kind::Free],
    check,
};

/// A work item that is freed while it waits for its worker.
fn freed(world: &World, address: u64) -> Option<Violation> {
    let (context, routine) = words::live(world).find_map(|context| {
        let state = &world.state.contexts[usize::from(context)];
        match state.start {
            Start::WorkItem { routine, item, .. } if item == address && !state.started => {
                Some((context, routine))
            }
            _ => None,
        }
    })?;
    let title = format!(
        "{} frees a work item that is queued: {} has not run yet",
        words::driver(world),
        words::object(world, routine)
    );
    let made = world.state.contexts[usize::from(context)].made;
    let violation = stops::left_behind(Violation::new(&RULE, title), routine);
    Some(violation.at("work item queued here", made).here("freed here"))
}

fn check(event: &Event, world: &World) -> Option<Violation> {
    if let Event::Free { address, .. } = *event {
        return freed(world, address);
    }
    let Event::Unloaded { image } = *event else { return None };
    let (context, routine) = words::live(world).find_map(|context| {
        let state = &world.state.contexts[usize::from(context)];
        let Start::WorkItem { routine, .. } = state.start else { return None };
        words::belongs(world, image, routine, state.made).then_some((context, routine))
    })?;
    let state = &world.state.contexts[usize::from(context)];
    let doing = if state.started { "running" } else { "queued" };
    let title = format!(
        "{} is unloaded while its work item {} is {doing}",
        words::named(world, image),
        words::object(world, routine)
    );
    let violation = stops::left_behind(Violation::new(&RULE, title), routine);
    Some(violation.at("work item queued here", state.made).here("driver unloaded"))
}
