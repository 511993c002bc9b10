//! ## What it does
//!
//! Forbids keeping a request for an indefinite time without letting it be cancelled.
//!
//! Judged when a run is wound down, every request has been cancelled, all is quiet, and the first
//! handle is about to be closed: a request that was cancelled and that the driver still holds. See
//! `irp-never-completed` for the line between the two.
//!
//! ## Why is this bad?
//!
//! When an application ends or calls CancelIo, its requests are cancelled, and the thread waits
//! until they come back. A driver that keeps a request with no cancel routine, or whose cancel
//! routine leaves it where it is, makes the process impossible to end.
//!
//! ## Example
//!
//! ```c
//!     IoMarkIrpPending(Irp);
//!     InsertTailList(&Ext->Queue, &Irp->Tail.Overlay.ListEntry); /* until data comes, if ever */
//!     return STATUS_PENDING;
//! ```
//!
//! Instead:
//!
//! ```c
//!     IoCsqInsertIrp(&Ext->Csq, Irp, NULL); /* marks it pending and makes it cancelable */
//!     return STATUS_PENDING;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/canceling-irps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-cancel-routines>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/points-to-consider-when-canceling-irps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/cancel-safe-irp-queues>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation>

use crate::{outstanding, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::DRIVER_VERIFIER_DETECTED_VIOLATION;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-cancel-ignored",
    summary: "Forbids keeping a request for an indefinite time without letting it be cancelled.",
    why: "When an application ends or calls CancelIo, its requests are cancelled, and the \
        thread waits until they come back. A driver that keeps a request with no cancel \
        routine, or whose cancel routine leaves it where it is, makes the process \
        impossible to end.",
    remedy: "Set a cancel routine with IoSetCancelRoutine for every request that may wait for \
        longer than a moment, and look at Irp->Cancel after setting it, since the cancel \
        may have come before. On IRP_MJ_CLEANUP complete what the closing handle still has \
        queued. The IoCsq routines handle all of it.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/canceling-irps",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-cancel-routines",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/points-to-consider-when-canceling-irps",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/cancel-safe-irp-queues",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation",
    ],
    severity: Severity::Error,
    wants: &[Kind::Dispatch, Kind::End],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    if !matches!(event, Event::End) && !outstanding::all_cancelled(event, world) {
        return None;
    }
    outstanding::requests(world).find_map(|record| {
        record.cancelled?;
        if !outstanding::held(world, record) {
            return None;
        }
        let request = words::request(world, record.address);
        let title =
            format!("{} holds on to {request} that was cancelled", words::holder(world, record));
        let detail = if record.cancel_called.is_some() {
            "Its cancel routine was called but did not complete it."
        } else {
            "No cancel routine was called for it: none was set when the cancel came."
        };
        let violation = Violation::new(&RULE, title).detail(detail).bugcheck(
            DRIVER_VERIFIER_DETECTED_VIOLATION,
            [
                (0x135, "kind of violation: a cancelled IRP does not complete in time"),
                (record.address, "IRP"),
                (0, "milliseconds allowed (not simulated)"),
                (0, "not used"),
            ],
        );
        Some(outstanding::told(violation, record))
    })
}
