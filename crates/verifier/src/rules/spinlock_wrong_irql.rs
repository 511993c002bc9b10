//! ## What it does
//!
//! Forbids spin lock routines at the wrong IRQL, releases that go to another IRQL than the one
//! before the acquire, and lowering the IRQL while a spin lock is held.
//!
//! A driver may release two locks in the order in which it took them when it swaps their old
//! IRQLs, so a release is judged only where it is certain: the IRQL must not rise, must not fall
//! below DISPATCH_LEVEL while another lock is held, and with the last lock must return to what it
//! was before that lock.
//!
//! ## Why is this bad?
//!
//! A spin lock excludes other processors only; its own is kept out by DISPATCH_LEVEL. With the
//! IRQL below that, a DPC or another thread on the same processor spins for a lock whose holder
//! cannot run. An IRQL that is too high after the release makes later pageable accesses and waits
//! fatal.
//!
//! ## Example
//!
//! ```c
//!     KeAcquireSpinLockAtDpcLevel(&Ext->Lock); /* in a dispatch routine, at PASSIVE_LEVEL */
//!     Ext->Count++;
//!     KeReleaseSpinLockFromDpcLevel(&Ext->Lock);
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     Ext->Count++;
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquirespinlockatdpclevel>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleasespinlock>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-spin-locks>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irqlkereleasespinlock>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::{Lock, Start};
use nt::bugcheck;
use nt::irql::DISPATCH_LEVEL;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "spinlock-wrong-irql",
    summary: "Forbids spin lock routines at the wrong IRQL, releases that go to another IRQL than \
        the one before the acquire, and lowering the IRQL while a spin lock is held.",
    why: "A spin lock excludes other processors only; its own is kept out by DISPATCH_LEVEL. \
        With the IRQL below that, a DPC or another thread on the same processor spins for a \
        lock whose holder cannot run. An IRQL that is too high after the release makes \
        later pageable accesses and waits fatal.",
    remedy: "Use KeAcquireSpinLock and KeReleaseSpinLock with the same, local, old IRQL below \
        DISPATCH_LEVEL; the AtDpcLevel and FromDpcLevel routines only where the IRQL is \
        DISPATCH_LEVEL already. Keep the old IRQL in a variable of its own for each \
        acquire, never in memory that others share.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keacquirespinlockatdpclevel",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kereleasespinlock",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-spin-locks",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irqlkereleasespinlock",
    ],
    severity: Severity::Error,
    wants: &[Kind::Acquire, Kind::Release, Kind::Irql],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let irql = world.bus.irql;
    match *event {
        Event::Acquire { lock, raises } if !of_interrupt(world, lock) => {
            let kind = match raises {
                true if irql > DISPATCH_LEVEL => 0x42,
                false if irql < DISPATCH_LEVEL => 0x40,
                _ => return None,
            };
            let title = format!(
                "{}, at {}, acquires {} with a routine for {}",
                words::driver(world),
                words::level(irql),
                words::lock(world, lock),
                if raises { "DISPATCH_LEVEL and below" } else { "DISPATCH_LEVEL" }
            );
            let violation = verifier(Violation::new(&RULE, title), kind, irql, lock);
            Some(violation.here("acquired here"))
        }
        Event::Release { lock, to } if !of_interrupt(world, lock) => release(world, lock, to),
        Event::Irql { from, to, .. } if from >= DISPATCH_LEVEL && to < DISPATCH_LEVEL => {
            let me = world.state.current;
            let held = world.state.locks.iter().rfind(|held| held.owner == me)?;
            let title = format!(
                "{} lowers the IRQL to {} while it holds {}",
                words::driver(world),
                words::level(to),
                words::lock(world, held.address)
            );
            let violation = unexpected(Violation::new(&RULE, title), to, DISPATCH_LEVEL);
            Some(violation.at("acquired here", held.site).here("IRQL lowered here"))
        }
        _ => None,
    }
}

/// Locks of interrupts are held at the device's IRQL.
fn of_interrupt(world: &World, lock: u64) -> bool {
    world.state.interrupts.iter().any(|interrupt| interrupt.lock == lock)
}

fn release(world: &World, lock: u64, to: Option<u8>) -> Option<Violation> {
    let irql = world.bus.irql;
    let me = world.state.current;
    let held = world.state.locks.iter().rfind(|held| held.address == lock && held.owner == me)?;
    // Words are made only once something is wrong: this is on the way of every release.
    let told = |how: &str| {
        let (driver, name) = (words::driver(world), words::lock(world, lock));
        let title = how.replace("{driver}", driver).replace("{lock}", &name);
        Violation::new(&RULE, title).at("acquired here", held.site)
    };
    let violation = match to {
        None if irql < DISPATCH_LEVEL => {
            let how = format!("{{driver}}, at {}, releases {{lock}}", words::level(irql));
            verifier(told(&how), 0x41, irql, lock)
        }
        Some(_) if irql != DISPATCH_LEVEL => {
            let how = format!("{{driver}}, at {}, releases {{lock}}", words::level(irql));
            verifier(told(&how), 0x32, irql, lock)
        }
        Some(to) => {
            let others = world.state.locks.iter().any(|l| l.owner == me && l.address != lock);
            let expected = wrong_target(world, held, to, others)?;
            let (to_name, expected_name) = (words::level(to), words::level(expected));
            let how =
                format!("{{driver}} releases {{lock}} to {to_name} instead of {expected_name}");
            unexpected(told(&how), to, expected)
        }
        None => return None,
    };
    Some(violation.here("released here"))
}

/// The IRQL that a release to `to` should have gone to, where it is certain that `to` is wrong.
fn wrong_target(world: &World, held: &Lock, to: u8, others: bool) -> Option<u8> {
    if to > DISPATCH_LEVEL {
        return Some(held.old_irql);
    }
    if others {
        return (to < DISPATCH_LEVEL).then_some(DISPATCH_LEVEL);
    }
    if held.old_irql < DISPATCH_LEVEL {
        return (to != held.old_irql).then_some(held.old_irql);
    }
    let start = world.state.contexts[usize::from(held.owner)].start;
    let pinned = matches!(start, Start::Dpc(_) | Start::Interrupt(_));
    (pinned && to < DISPATCH_LEVEL).then_some(DISPATCH_LEVEL)
}

fn verifier(violation: Violation, kind: u64, irql: u8, lock: u64) -> Violation {
    violation.bugcheck(
        bugcheck::DRIVER_VERIFIER_DETECTED_VIOLATION,
        [
            (kind, "kind of violation"),
            (u64::from(irql), "IRQL"),
            (lock, "spin lock"),
            (0, "not used"),
        ],
    )
}

fn unexpected(violation: Violation, now: u8, expected: u8) -> Violation {
    let first = u64::from(now) << 16 | u64::from(expected) << 8;
    violation.bugcheck(
        bugcheck::IRQL_UNEXPECTED_VALUE,
        [
            (first, "IRQL << 16 | expected IRQL << 8"),
            (0, "not used"),
            (0, "not used"),
            (0, "not used"),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn world(irql: u8) -> World {
        let mut world = World::new(2, &[]);
        world.state.current = 0;
        world.bus.irql = irql;
        world
    }

    #[test]
    fn acquires_want_their_level() {
        for (irql, raises, kind) in [(0, false, 0x40), (2, false, 0), (2, true, 0), (5, true, 0x42)]
        {
            let violation = check(&Event::Acquire { lock: 0x5000, raises }, &world(irql));
            assert_eq!(violation.map_or(0, |v| v.parameters[0].0), kind, "{irql} {raises}");
        }
    }

    #[test]
    fn a_release_goes_back_to_the_old_irql() {
        let mut world = world(2);
        fixture::lock(&mut world, 0x5000, 0, 0, 9);
        let bad = |to| check(&Event::Release { lock: 0x5000, to }, &world).is_some();
        assert!(!bad(Some(0)));
        assert!(bad(Some(2)), "left at DISPATCH_LEVEL");
        assert!(bad(Some(7)));
        assert!(!bad(None));
    }

    #[test]
    fn locks_may_be_released_in_the_order_they_were_taken() {
        let mut world = world(2);
        fixture::lock(&mut world, 0x5000, 0, 0, 9);
        fixture::lock(&mut world, 0x6000, 0, 2, 10);
        assert!(check(&Event::Release { lock: 0x5000, to: Some(2) }, &world).is_none());
        assert!(check(&Event::Release { lock: 0x5000, to: Some(0) }, &world).is_some());
        world.state.locks.remove(0);
        assert!(check(&Event::Release { lock: 0x6000, to: Some(0) }, &world).is_none());
    }

    #[test]
    fn the_irql_stays_up_while_a_lock_is_held() {
        let mut world = world(2);
        let event = Event::Irql { from: 2, to: 0, raise: false };
        assert!(check(&event, &world).is_none());
        fixture::lock(&mut world, 0x5000, 0, 0, 9);
        assert!(check(&event, &world).is_some());
    }
}
