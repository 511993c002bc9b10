//! ## What it does
//!
//! Forbids waiting at DISPATCH_LEVEL or above, unless with a timeout of zero.
//!
//! ## Why is this bad?
//!
//! At DISPATCH_LEVEL the scheduler does not run on this processor: there is nobody to switch to,
//! and what the wait is for may never come.
//!
//! ## Example
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     KeWaitForSingleObject(&Ext->Idle, Executive, KernelMode, FALSE, NULL);
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeWaitForSingleObject(&Ext->Idle, Executive, KernelMode, FALSE, NULL);
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     Ext->State = STATE_STOPPED;
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kewaitforsingleobject>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xb8--attempted-switch-from-dpc>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irqlkewaitformultipleobjects>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::DRIVER_VERIFIER_DETECTED_VIOLATION;
use nt::irql::DISPATCH_LEVEL;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "wait-at-dispatch",
    summary: "Forbids waiting at DISPATCH_LEVEL or above, unless with a timeout of zero.",
    why: "At DISPATCH_LEVEL the scheduler does not run on this processor: there is nobody to \
        switch to, and what the wait is for may never come.",
    remedy: "Wait before the spin lock is acquired or after it was released. In a DPC or \
        completion routine queue a work item, or let a later event go on with the work. \
        With a zero timeout KeWaitForSingleObject only looks, which is allowed at \
        DISPATCH_LEVEL.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kewaitforsingleobject",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xb8--attempted-switch-from-dpc",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irqlkewaitformultipleobjects",
    ],
    severity: Severity::Error,
    wants: &[Kind::Wait],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Wait { object, poll } = *event else { return None };
    let irql = world.bus.irql;
    if irql < DISPATCH_LEVEL || (poll && irql == DISPATCH_LEVEL) {
        return None;
    }
    let driver = words::driver(world);
    let now = words::level(irql);
    let title = match object {
        0 => format!("{driver}, at {now}, delays its execution"),
        _ => format!("{driver}, at {now}, waits for {}", words::waitable(world, object)),
    };
    let violation = Violation::new(&RULE, title).bugcheck(
        DRIVER_VERIFIER_DETECTED_VIOLATION,
        [
            (0x3b, "kind of violation: a wait at DISPATCH_LEVEL or higher"),
            (u64::from(irql), "IRQL"),
            (object, "object to wait for"),
            (timeout(world, object), "timeout argument"),
        ],
    );
    let held = world.state.locks.iter().rfind(|held| held.owner == world.state.current);
    let violation = match held {
        Some(held) => violation.at("IRQL raised with a spin lock here", held.site),
        None => violation,
    };
    Some(violation.here("waits here"))
}

/// The address of the timeout, where the wait's form keeps it.
fn timeout(world: &World, object: u64) -> u64 {
    match object {
        0 => words::register(world, 8),
        _ if words::register(world, 1) == object => words::stack_argument(world, 4),
        _ => words::stack_argument(world, 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn looking_is_allowed_waiting_is_not() {
        let mut world = World::new(2, &[]);
        world.state.current = 0;
        for (irql, poll, bad) in [
            (0, false, false),
            (1, false, false),
            (2, true, false),
            (2, false, true),
            (5, true, true),
        ] {
            world.bus.irql = irql;
            assert_eq!(check(&Event::Wait { object: 0x9000, poll }, &world).is_some(), bad);
        }
    }
}
