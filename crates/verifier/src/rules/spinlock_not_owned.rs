//! ## What it does
//!
//! Forbids releasing a spin lock that is not held, or that somebody else holds.
//!
//! ## Why is this bad?
//!
//! The release frees the lock under its present holder: two processors are then inside the section
//! that it guards. Nothing shows at once; the data does later.
//!
//! ## Example
//!
//! ```c
//!     if (Empty) {
//!         KeReleaseSpinLock(&Ext->Lock, Irql);
//!     }
//!     KeReleaseSpinLock(&Ext->Lock, Irql); /* once too often when Empty */
//! ```
//!
//! Instead:
//!
//! ```c
//!     if (Empty) {
//!         KeReleaseSpinLock(&Ext->Lock, Irql);
//!         return;
//!     }
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x10--spin-lock-not-owned>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleasespinlock>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-spinlockrelease>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::SPIN_LOCK_NOT_OWNED;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "spinlock-not-owned",
    summary: "Forbids releasing a spin lock that is not held, or that somebody else holds.",
    why: "The release frees the lock under its present holder: two processors are then inside \
        the section that it guards. Nothing shows at once; the data does later.",
    remedy: "Pair each acquire with exactly one release on every path, on the same thread or \
        DPC. Release what was acquired: two locks with similar names are easily mixed up.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x10--spin-lock-not-owned",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleasespinlock",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-spinlockrelease",
    ],
    severity: Severity::Error,
    wants: &[Kind::Release],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Release { lock, .. } = *event else { return None };
    let me = world.state.current;
    let mut holders = world.state.locks.iter().filter(|held| held.address == lock);
    let other = match holders.next() {
        Some(held) if held.owner == me || holders.any(|held| held.owner == me) => return None,
        other => other,
    };
    let name = words::lock(world, lock);
    let driver = words::driver(world);
    let title = match other {
        Some(held) => {
            let owner = world.context_name(held.owner);
            format!("{driver} releases {name}, which {owner} holds")
        }
        None => format!("{driver} releases {name}, which nobody holds"),
    };
    let mut violation = Violation::new(&RULE, title).bugcheck(
        SPIN_LOCK_NOT_OWNED,
        [(lock, "spin lock"), (0, "not used"), (0, "not used"), (0, "not used")],
    );
    if let Some(held) = other {
        violation = violation.at("acquired here", held.site);
    }
    Some(violation.here("released here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn only_the_holder_may_release() {
        let mut world = World::new(2, &[]);
        world.state.current = 0;
        let event = Event::Release { lock: 0x5000, to: None };
        let title = check(&event, &world).expect("objects").title;
        assert!(title.ends_with("which nobody holds"), "{title}");
        fixture::lock(&mut world, 0x5000, 1, 0, 9);
        assert!(check(&event, &world).is_some());
        world.state.locks[0].owner = 0;
        assert!(check(&event, &world).is_none());
    }
}
