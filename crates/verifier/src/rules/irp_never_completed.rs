//! ## What it does
//!
//! Forbids losing a request: a dispatch routine that neither completes, queues nor passes it on,
//! or a request that nobody finishes any more.
//!
//! A run is wound down: every outstanding request is cancelled, and when all is quiet again the
//! handles are closed, the device is removed, and the driver unloaded. A request that is
//! unfinished before the first handle is closed although it was cancelled, or at the very end,
//! belongs to one of two rules. When the driver still holds it - it is linked in a list, or its
//! address is in the driver's data, in pool, in a device extension or on the stack of a thread
//! that is inside the driver - and it was cancelled, that is `irp-cancel-ignored`. When nobody
//! remembers it, or it is one that cannot be cancelled (CLEANUP, CLOSE, PnP), it is this rule.
//! Requests behind a thread that hangs inside the driver are left to `hang`.
//!
//! ## Why is this bad?
//!
//! An application that waits for a lost request hangs and cannot even be ended, since a thread
//! does not go away before its requests are completed. A lost PnP or power request stops the whole
//! device tree.
//!
//! ## Example
//!
//! ```c
//!     if (Length == 0)
//!         return STATUS_INVALID_PARAMETER; /* and the request? */
//! ```
//!
//! Instead:
//!
//! ```c
//!     if (Length == 0) {
//!         Irp->IoStatus.Status = STATUS_INVALID_PARAMETER;
//!         Irp->IoStatus.Information = 0;
//!         IoCompleteRequest(Irp, IO_NO_INCREMENT);
//!         return STATUS_INVALID_PARAMETER;
//!     }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/when-to-complete-an-irp>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/additional-errors-in-handling-irps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irpprocessingcomplete>

use crate::{outstanding, stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::IrpRecord;
use nt::status::STATUS_PENDING;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-never-completed",
    summary: "Forbids losing a request: a dispatch routine that neither completes, queues nor \
        passes it on, or a request that nobody finishes any more.",
    why: "An application that waits for a lost request hangs and cannot even be ended, since \
        a thread does not go away before its requests are completed. A lost PnP or power \
        request stops the whole device tree.",
    remedy: "On every path of a dispatch routine exactly one of three things must happen: \
        complete the request and return its status, pass it on and return what IoCallDriver \
        returned, or mark it pending, keep it, and return STATUS_PENDING. A cancel routine \
        must complete the request that it takes off the queue.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/when-to-complete-an-irp",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/additional-errors-in-handling-irps",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irpprocessingcomplete",
    ],
    severity: Severity::Error,
    wants: &[Kind::DispatchReturn, Kind::Dispatch, Kind::End],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    match *event {
        Event::DispatchReturn {
            irp,
            major,
            minor,
            status,
            marked: false,
            completed: None,
            passed: false,
            function,
            ..
        } if status != STATUS_PENDING => {
            let title = format!(
                "{} returns {} for {} without completing it or passing it on",
                words::object(world, function),
                nt::status::text(status),
                nt::irp::text(major, minor)
            );
            let detail = "Either the request is lost, or STATUS_PENDING should have been returned.";
            let violation = Violation::new(&RULE, title).detail(detail);
            let status = (u64::from(status), "status returned");
            let violation = stops::io_manager(violation, 0x226, function, irp, status);
            Some(violation.here("dispatch routine returns"))
        }
        Event::End => outstanding::requests(world).find_map(|record| lost(world, record)),
        _ if outstanding::all_cancelled(event, world) => {
            let mut requests = outstanding::requests(world);
            requests.find_map(|record| record.cancelled.and_then(|_| lost(world, record)))
        }
        _ => None,
    }
}

fn lost(world: &World, record: &IrpRecord) -> Option<Violation> {
    let held = outstanding::held(world, record);
    if record.cancelled.is_some() && held {
        return None;
    }
    let request = words::request(world, record.address);
    let title = format!("{} never completes {request}", words::holder(world, record));
    let detail = if held {
        "The driver still holds it, but nothing that could finish it is left."
    } else {
        "No pointer to it is left in the driver's data: nobody can complete it any more."
    };
    let violation = Violation::new(&RULE, title).detail(detail);
    Some(outstanding::told(violation, record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_lost_request_is_told_from_a_held_one() {
        let mut world = World::new(2, &[]);
        let irp = fixture::irp(&mut world, nt::irp::IRP_MJ_READ);
        let pool = fixture::pool(&mut world, 32);
        fixture::request(&mut world, irp);
        world.state.irps[0].cancelled = Some(4);
        assert!(check(&Event::End, &world).is_some());
        world.bus.memory.poke64(pool.address + 8, irp + nt::layout::irp::TAIL_OVERLAY_LIST_ENTRY);
        assert!(check(&Event::End, &world).is_none());
        assert!((super::super::irp_cancel_ignored::RULE.check)(&Event::End, &world).is_some());
        world.state.requests[0].done = Some((0, 0));
        assert!(check(&Event::End, &world).is_none());
    }
}
