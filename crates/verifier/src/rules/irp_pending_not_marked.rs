//! ## What it does
//!
//! Forbids returning STATUS_PENDING for a request that was not marked pending.
//!
//! A driver that passed the request on answers for the mark only when the driver below did not
//! return STATUS_PENDING itself: otherwise the mark is made below, or by the completion routine
//! later.
//!
//! ## Why is this bad?
//!
//! The I/O manager learns from the mark in the stack location, not from the returned status, that
//! the caller did not wait. Without it the request's second half (copying data back, setting the
//! event) is skipped when it completes, and the application waits for ever.
//!
//! ## Example
//!
//! ```c
//!     Enqueue(Ext, Irp);
//!     return STATUS_PENDING;
//! ```
//!
//! Instead:
//!
//! ```c
//!     IoMarkIrpPending(Irp);
//!     Enqueue(Ext, Irp);
//!     return STATUS_PENDING;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iomarkirppending>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/queuing-and-dequeuing-irps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/28143-iomarkirppending-must-return-statuspending>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-markingqueuedirps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::status::STATUS_PENDING;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-pending-not-marked",
    summary: "Forbids returning STATUS_PENDING for a request that was not marked pending.",
    why: "The I/O manager learns from the mark in the stack location, not from the returned \
        status, that the caller did not wait. Without it the request's second half (copying \
        data back, setting the event) is skipped when it completes, and the application \
        waits for ever.",
    remedy: "Call IoMarkIrpPending(Irp) before the request can be completed by anybody, that is \
        before it is queued or handed to hardware, and then return STATUS_PENDING without \
        looking at the request again.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iomarkirppending",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/queuing-and-dequeuing-irps",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/28143-iomarkirppending-must-return-statuspending",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-markingqueuedirps",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation",
    ],
    severity: Severity::Error,
    wants: &[Kind::DispatchReturn],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let &Event::DispatchReturn {
        irp,
        major,
        minor,
        status,
        marked,
        completed,
        passed,
        lower,
        function,
        ..
    } = event
    else {
        return None;
    };
    let from_below = passed && lower.is_none_or(|lower| lower == STATUS_PENDING);
    if status != STATUS_PENDING || marked || from_below {
        return None;
    }
    let routine = words::object(world, function);
    let request = nt::irp::text(major, minor);
    let title =
        format!("{routine} returns STATUS_PENDING for {request} without having marked it pending");
    let status = (u64::from(status), "status returned");
    let mut violation =
        stops::io_manager(Violation::new(&RULE, title), 0x23d, function, irp, status);
    if let Some(completed) = completed {
        violation = violation
            .detail("The request was completed before the dispatch routine returned.")
            .at("completed here", completed);
    }
    Some(violation.here("dispatch routine returns"))
}

#[cfg(test)]
mod tests {
    use super::*;
    fn returned(status: u32, marked: bool, lower: Option<u32>) -> Event {
        Event::DispatchReturn {
            irp: 0x1000,
            device: 0x2000,
            major: nt::irp::IRP_MJ_READ,
            minor: 0,
            status,
            marked,
            inherited: false,
            completed: None,
            passed: lower.is_some(),
            lower,
            function: 0x3000,
        }
    }

    #[test]
    fn only_an_unmarked_pending_is_refused() {
        let world = World::new(2, &[]);
        let refused = |event: &Event| check(event, &world).is_some();
        assert!(refused(&returned(STATUS_PENDING, false, None)));
        assert!(!refused(&returned(STATUS_PENDING, true, None)));
        assert!(!refused(&returned(0, false, None)));
        assert!(!refused(&returned(STATUS_PENDING, false, Some(STATUS_PENDING))));
        assert!(refused(&returned(STATUS_PENDING, false, Some(0))));
    }
}
