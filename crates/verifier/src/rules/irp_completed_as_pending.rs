//! ## What it does
//!
//! Forbids completing a request with STATUS_PENDING, or -1, in IoStatus.Status.
//!
//! ## Why is this bad?
//!
//! A caller that finds STATUS_PENDING in its status block takes the request for unfinished and may
//! wait for ever; -1 is what uninitialised variables look like.
//!
//! ## Example
//!
//! ```c
//!     Irp->IoStatus.Status = STATUS_PENDING;
//!     IoCompleteRequest(Irp, IO_NO_INCREMENT);
//! ```
//!
//! Instead:
//!
//! ```c
//!     Irp->IoStatus.Status = STATUS_SUCCESS;
//!     IoCompleteRequest(Irp, IO_NO_INCREMENT);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-completerequeststatuscheck>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/i-o-status-blocks>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::DRIVER_VERIFIER_IOMANAGER_VIOLATION;
use nt::layout::irp::IO_STATUS_STATUS;
use nt::status::STATUS_PENDING;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-completed-as-pending",
    summary: "Forbids completing a request with STATUS_PENDING, or -1, in IoStatus.Status.",
    why: "A caller that finds STATUS_PENDING in its status block takes the request for \
        unfinished and may wait for ever; -1 is what uninitialised variables look like.",
    remedy: "Set Irp->IoStatus.Status to the request's outcome before IoCompleteRequest. \
        STATUS_PENDING is only ever what a dispatch routine returns.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-completerequeststatuscheck",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/i-o-status-blocks",
    ],
    severity: Severity::Error,
    wants: &[Kind::Complete],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Complete { irp } = *event else { return None };
    let status = world.bus.memory.view64(irp.wrapping_add(IO_STATUS_STATUS)) as u32;
    if status != STATUS_PENDING && status != u32::MAX {
        return None;
    }
    let title = format!(
        "{} completes {} with {} as its outcome",
        words::driver(world),
        words::request(world, irp),
        nt::status::text(status)
    );
    let violation = Violation::new(&RULE, title).bugcheck(
        DRIVER_VERIFIER_IOMANAGER_VIOLATION,
        [(0x06, "kind of violation"), (u64::from(status), "status"), (irp, "IRP"), (0, "not used")],
    );
    Some(violation.here("completed here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn only_pending_and_minus_one_are_refused() {
        let mut world = World::new(2, &[]);
        let irp = fixture::irp(&mut world, nt::irp::IRP_MJ_READ);
        for (status, bad) in [(0, false), (0x103, true), (u32::MAX, true), (0xc000_0001, false)] {
            world.bus.memory.poke64(irp + IO_STATUS_STATUS, u64::from(status));
            assert_eq!(check(&Event::Complete { irp }, &world).is_some(), bad, "{status:#x}");
        }
    }
}
