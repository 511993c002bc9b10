//! ## What it does
//!
//! Forbids completing a request whose cancel routine is still set.
//!
//! ## Why is this bad?
//!
//! If the request is cancelled while it is being completed, the cancel routine is called for a
//! packet that is on its way back, and completes it again or touches it after it is gone.
//!
//! ## Example
//!
//! ```c
//!     Irp = TakeFromQueue(Ext);
//!     IoCompleteRequest(Irp, IO_NO_INCREMENT); /* Irp->CancelRoutine is still set */
//! ```
//!
//! Instead:
//!
//! ```c
//!     Irp = TakeFromQueue(Ext);
//!     if (IoSetCancelRoutine(Irp, NULL))
//!         IoCompleteRequest(Irp, IO_NO_INCREMENT);
//!     /* else the cancel routine completes it */
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x48--cancel-state-in-completed-irp>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/synchronizing-irp-cancellation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetcancelroutine>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::DRIVER_VERIFIER_IOMANAGER_VIOLATION;
use nt::layout::irp::CANCEL_ROUTINE;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-completed-with-cancel-routine",
    summary: "Forbids completing a request whose cancel routine is still set.",
    why: "If the request is cancelled while it is being completed, the cancel routine is \
        called for a packet that is on its way back, and completes it again or touches it \
        after it is gone.",
    remedy: "Call IoSetCancelRoutine(Irp, NULL) before completing. If it returns NULL although a \
        routine was set, the cancel routine has been called or is about to be, and \
        completes the request: leave it alone.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x48--cancel-state-in-completed-irp",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/synchronizing-irp-cancellation",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetcancelroutine",
    ],
    severity: Severity::Error,
    wants: &[Kind::Complete],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Complete { irp } = *event else { return None };
    let routine = world.bus.memory.view64(irp.wrapping_add(CANCEL_ROUTINE));
    if routine == 0 {
        return None;
    }
    let name = words::object(world, routine);
    let title = format!(
        "{} completes {} whose cancel routine {name} is still set",
        words::driver(world),
        words::request(world, irp)
    );
    let mut violation = Violation::new(&RULE, title).bugcheck(
        DRIVER_VERIFIER_IOMANAGER_VIOLATION,
        [(0x07, "kind of violation"), (routine, "cancel routine"), (irp, "IRP"), (0, "not used")],
    );
    if let Some(pended) = world.state.irp(irp).and_then(|record| record.pended) {
        violation = violation.at("left pending here", pended);
    }
    Some(violation.here("completed here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_cancel_routine_is_a_parameter() {
        let mut world = World::new(2, &[]);
        let irp = fixture::irp(&mut world, nt::irp::IRP_MJ_READ);
        assert!(check(&Event::Complete { irp }, &world).is_none());
        world.bus.memory.poke64(irp + CANCEL_ROUTINE, 0x1234);
        let violation = check(&Event::Complete { irp }, &world).expect("objects");
        assert_eq!((violation.code, violation.parameters[1].0), (0xc9, 0x1234));
    }
}
