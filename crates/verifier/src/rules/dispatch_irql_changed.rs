//! ## What it does
//!
//! Forbids a driver routine to return at another IRQL than the one it was called at.
//!
//! Callbacks that exist to acquire or release a lock are exempt; a cancel routine is called at
//! DISPATCH_LEVEL and lowers the IRQL with the cancel spin lock.
//!
//! ## Why is this bad?
//!
//! The caller goes on as if nothing had happened. With the IRQL too high, its next page fault or
//! wait is fatal, far from the routine that caused it; with the IRQL too low, it loses the
//! protection that it relied on.
//!
//! ## Example
//!
//! ```c
//!     KeRaiseIrql(DISPATCH_LEVEL, &Irql);
//!     if (Ext->Busy)
//!         return STATUS_DEVICE_BUSY; /* at DISPATCH_LEVEL */
//!     KeLowerIrql(Irql);
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeRaiseIrql(DISPATCH_LEVEL, &Irql);
//!     Busy = Ext->Busy;
//!     KeLowerIrql(Irql);
//!     if (Busy)
//!         return STATUS_DEVICE_BUSY;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc8--irql-unexpected-value>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irqlreturn>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/dispatch-routines-and-irqls>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Routine, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "dispatch-irql-changed",
    summary: "Forbids a driver routine to return at another IRQL than the one it was called at.",
    why: "The caller goes on as if nothing had happened. With the IRQL too high, its next \
        page fault or wait is fatal, far from the routine that caused it; with the IRQL too \
        low, it loses the protection that it relied on.",
    remedy: "Lower the IRQL to the value that KeRaiseIrql returned, on every way out. A spin \
        lock acquired with KeAcquireSpinLock must be released with KeReleaseSpinLock, not \
        with KeReleaseSpinLockFromDpcLevel.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc8--irql-unexpected-value",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irqlreturn",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/dispatch-routines-and-irqls",
    ],
    severity: Severity::Error,
    wants: &[Kind::Leave],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Leave { routine, function, irql_before, irql_after, .. } = *event else {
        return None;
    };
    if irql_before == irql_after || matches!(routine, Routine::Callback | Routine::Cancel) {
        return None;
    }
    let title = format!(
        "the {} {} is called at {} and returns at {}",
        routine.name(),
        words::object(world, function),
        words::level(irql_before),
        words::level(irql_after)
    );
    let violation = Violation::new(&RULE, title);
    let irqls = (irql_before, irql_after);
    Some(stops::irql_changed(violation, routine, function, irqls).here("returns here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn each_routine_has_its_bug_check() {
        let world = World::new(2, &[]);
        let cases = [
            (Routine::Dispatch, 0xc9),
            (Routine::Completion, 0xc4),
            (Routine::Interrupt, 0xc4),
            (Routine::Dpc, 0xc8),
            (Routine::Callback, 0),
            (Routine::Cancel, 0),
        ];
        for (routine, code) in cases {
            let event = Event::Leave {
                routine,
                function: 0x7000,
                irql_before: 0,
                irql_after: 2,
                locks_before: 0,
                locks_after: 0,
            };
            assert_eq!(check(&event, &world).map_or(0, |v| v.code), code, "{routine:?}");
        }
    }
}
