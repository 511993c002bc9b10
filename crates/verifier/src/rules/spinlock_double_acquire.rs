//! ## What it does
//!
//! Forbids acquiring a spin lock that the same processor holds already.
//!
//! ## Why is this bad?
//!
//! A spin lock has no owner count: the second acquire spins for the first to end, at
//! DISPATCH_LEVEL, on the very processor that would have to end it. The machine stands still.
//!
//! ## Example
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     Flush(Ext); /* takes Ext->Lock too */
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     FlushLocked(Ext);
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xf--spin-lock-already-owned>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/preventing-errors-and-deadlocks-while-using-spin-locks>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-spinlock>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::SPIN_LOCK_ALREADY_OWNED;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "spinlock-double-acquire",
    summary: "Forbids acquiring a spin lock that the same processor holds already.",
    why: "A spin lock has no owner count: the second acquire spins for the first to end, at \
        DISPATCH_LEVEL, on the very processor that would have to end it. The machine stands \
        still.",
    remedy: "Let functions that are called with the lock held say so in their names and not take \
        it, and keep calls that may come back into the driver (IoCompleteRequest, \
        IoCallDriver, callbacks) outside of the lock.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xf--spin-lock-already-owned",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/preventing-errors-and-deadlocks-while-using-spin-locks",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-spinlock",
    ],
    severity: Severity::Error,
    wants: &[Kind::Acquire],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Acquire { lock, .. } = *event else { return None };
    let me = world.state.current;
    let held = world.state.locks.iter().find(|held| held.address == lock && held.owner == me)?;
    let title = format!(
        "{} acquires {}, which it holds already",
        words::driver(world),
        words::lock(world, lock)
    );
    let violation = Violation::new(&RULE, title).bugcheck(
        SPIN_LOCK_ALREADY_OWNED,
        [(lock, "spin lock"), (0, "not used"), (0, "not used"), (0, "not used")],
    );
    Some(violation.at("first acquired here", held.site).here("acquired again here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn another_holder_is_no_offence() {
        let mut world = World::new(2, &[]);
        world.state.current = 1;
        fixture::lock(&mut world, 0x5000, 0, 0, 9);
        let event = Event::Acquire { lock: 0x5000, raises: true };
        assert!(check(&event, &world).is_none());
        world.state.current = 0;
        assert_eq!(check(&event, &world).expect("objects").places[0].1, Some(9));
    }
}
