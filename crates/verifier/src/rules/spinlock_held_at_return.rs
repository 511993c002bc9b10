//! ## What it does
//!
//! Forbids a driver routine to return while it holds a spin lock that it acquired, and a cancel
//! routine to return with the cancel spin lock.
//!
//! Callbacks that exist to acquire or release a lock, such as those of a cancel-safe queue, are
//! exempt.
//!
//! ## Why is this bad?
//!
//! Nobody will release the lock. The next one who wants it spins for ever, and until then the
//! thread goes on at DISPATCH_LEVEL where the first page fault or wait brings the machine down.
//!
//! ## Example
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     if (IsListEmpty(&Ext->Queue))
//!         return STATUS_NO_MORE_ENTRIES; /* with Ext->Lock */
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     if (IsListEmpty(&Ext->Queue))
//!         Status = STATUS_NO_MORE_ENTRIES;
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//!     return Status;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-spinlock>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc8--irql-unexpected-value>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/preventing-errors-and-deadlocks-while-using-spin-locks>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-cancelspinlockrelease>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Routine, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "spinlock-held-at-return",
    summary: "Forbids a driver routine to return while it holds a spin lock that it acquired, and \
        a cancel routine to return with the cancel spin lock.",
    why: "Nobody will release the lock. The next one who wants it spins for ever, and until \
        then the thread goes on at DISPATCH_LEVEL where the first page fault or wait brings \
        the machine down.",
    remedy: "Release the lock on every way out of the routine, errors first; one exit at the end \
        makes that easy to see. A cancel routine must call \
        IoReleaseCancelSpinLock(Irp->CancelIrql).",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-spinlock",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc8--irql-unexpected-value",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/preventing-errors-and-deadlocks-while-using-spin-locks",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-cancelspinlockrelease",
    ],
    severity: Severity::Error,
    wants: &[Kind::Leave],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Leave { routine, function, irql_before, irql_after, locks_before, locks_after } =
        *event
    else {
        return None;
    };
    let expected = match routine {
        Routine::Callback => return None,
        Routine::Cancel => locks_before.saturating_sub(1),
        _ => locks_before,
    };
    if locks_after <= expected {
        return None;
    }
    let me = world.state.current;
    let held = world.state.locks.iter().rfind(|held| held.owner == me);
    let lock = match held {
        Some(held) => words::lock(world, held.address),
        None => "a spin lock".to_owned(),
    };
    let title = format!(
        "the {} {} returns and holds {lock}",
        routine.name(),
        words::object(world, function)
    );
    let violation = Violation::new(&RULE, title);
    let irqls = (irql_before, irql_after);
    let mut violation = if irql_before == irql_after {
        violation.detail("Windows goes on until somebody wants the lock, and then stands still.")
    } else {
        stops::irql_changed(violation, routine, function, irqls)
    };
    if let Some(held) = held {
        violation = violation.at("acquired here", held.site);
    }
    Some(violation.here("returns here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn leave(routine: Routine, locks_before: u8, locks_after: u8) -> Event {
        let (irql_before, irql_after) = (0, 2);
        Event::Leave {
            routine,
            function: 0x7000,
            irql_before,
            irql_after,
            locks_before,
            locks_after,
        }
    }

    #[test]
    fn what_was_acquired_must_be_released() {
        let mut world = World::new(2, &[]);
        world.state.current = 0;
        fixture::lock(&mut world, 0x5000, 0, 0, 9);
        let bad = |event: Event| check(&event, &world).is_some();
        assert!(bad(leave(Routine::Dispatch, 0, 1)));
        assert!(!bad(leave(Routine::Dispatch, 1, 1)));
        assert!(!bad(leave(Routine::Callback, 0, 1)));
        assert!(bad(leave(Routine::Cancel, 1, 1)), "the cancel spin lock");
        assert!(!bad(leave(Routine::Cancel, 1, 0)));
    }
}
