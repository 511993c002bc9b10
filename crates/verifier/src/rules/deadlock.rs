//! ## What it does
//!
//! Forbids spinning for a lock whose holder waits, directly or through others, for a lock that the
//! spinner holds.
//!
//! ## Why is this bad?
//!
//! Each party holds what the other one needs and none can go on. Processors that spin at
//! DISPATCH_LEVEL do not answer, so the machine freezes. It takes the right moment to happen,
//! which tests rarely meet and customers do.
//!
//! ## Example
//!
//! ```c
//!     /* here */                               /* elsewhere */
//!     KeAcquireSpinLock(&Ext->A, &Irql);       KeAcquireSpinLock(&Ext->B, &Irql);
//!     KeAcquireSpinLockAtDpcLevel(&Ext->B);    KeAcquireSpinLockAtDpcLevel(&Ext->A);
//! ```
//!
//! Instead:
//!
//! ```c
//!     /* here */                               /* elsewhere */
//!     KeAcquireSpinLock(&Ext->A, &Irql);       KeAcquireSpinLock(&Ext->A, &Irql);
//!     KeAcquireSpinLockAtDpcLevel(&Ext->B);    KeAcquireSpinLockAtDpcLevel(&Ext->B);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/preventing-errors-and-deadlocks-while-using-spin-locks>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/deadlock-detection>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/debugging-deadlocks---driver-verifier-detected-violation--c4---0x1001>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::{Doing, Lock};
use nt::bugcheck::DRIVER_VERIFIER_DETECTED_VIOLATION;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "deadlock",
    summary: "Forbids spinning for a lock whose holder waits, directly or through others, for a \
        lock that the spinner holds.",
    why: "Each party holds what the other one needs and none can go on. Processors that spin \
        at DISPATCH_LEVEL do not answer, so the machine freezes. It takes the right moment \
        to happen, which tests rarely meet and customers do.",
    remedy: "Give locks an order, write it down, and acquire them in that order everywhere; or \
        hold only one at a time. Do not call out of the driver (IoCompleteRequest, \
        IoCallDriver) with a lock held: what is called may come back for another.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/preventing-errors-and-deadlocks-while-using-spin-locks",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/deadlock-detection",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/debugging-deadlocks---driver-verifier-detected-violation--c4---0x1001",
    ],
    severity: Severity::Error,
    wants: &[Kind::Stuck],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Stuck = event else { return None };
    let (chain, closed) = longest(world)?;
    let first = chain[0].0;
    let mut title = world.context_name(first);
    for (_, lock, held) in &chain {
        let name = words::lock(world, *lock);
        let owner = match held {
            Some(held) => world.context_name(held.owner),
            None => "nobody".to_owned(),
        };
        title.push_str(&format!(" spins for {name}, which {owner} holds; {owner}"));
    }
    let end = match chain.last().and_then(|(_, _, held)| held.map(|held| held.owner)) {
        Some(last) if closed => {
            title.truncate(title.rfind(';').unwrap_or(title.len()));
            debug_assert_eq!(last, first);
            String::new()
        }
        Some(last) => match world.state.contexts[usize::from(last)].doing {
            Doing::Free => " is gone".to_owned(),
            _ => " does not run".to_owned(),
        },
        None => String::new(),
    };
    let kind = if closed { "deadlock" } else { "lock never released" };
    let resource = chain.last().map_or(0, |&(_, lock, _)| lock);
    let mut violation = Violation::new(&RULE, format!("{kind}: {title}{end}")).bugcheck(
        DRIVER_VERIFIER_DETECTED_VIOLATION,
        [
            (0x1001, "kind of violation: locks acquired in conflicting order"),
            (resource, "lock that closes the circle"),
            (0, "reserved"),
            (0, "reserved"),
        ],
    );
    for (_, lock, held) in &chain {
        if let Some(held) = held {
            let owner = world.context_name(held.owner);
            let name = words::lock(world, *lock);
            violation = violation.at(&format!("{owner} acquires {name}"), held.site);
        }
    }
    Some(violation.here(&format!("{} spins here", words::who(world))))
}

/// Somebody who spins, for which lock, and who holds it.
type Step<'a> = (u8, u64, Option<&'a Lock>);

/// Who waits for whom, from a spinner on; true if it leads back to the start. A circle is
/// preferred to any other chain.
fn longest(world: &World) -> Option<(Vec<Step<'_>>, bool)> {
    let mut chains: Vec<_> =
        words::live(world).filter_map(|context| chain(world, context)).collect();
    let circle = chains.iter().position(|(_, closed)| *closed);
    let longest = || (0..chains.len()).max_by_key(|&index| chains[index].0.len());
    let index = circle.or_else(longest)?;
    Some(chains.swap_remove(index))
}

fn chain(world: &World, first: u8) -> Option<(Vec<Step<'_>>, bool)> {
    let mut steps = Vec::new();
    let mut at = first;
    while let Doing::Spinning(lock) = world.state.contexts[usize::from(at)].doing {
        let held = world.state.locks.iter().rfind(|held| held.address == lock);
        steps.push((at, lock, held));
        let Some(held) = held else { break };
        at = held.owner;
        if at == first {
            return Some((steps, true));
        }
        if steps.iter().any(|&(context, ..)| context == at) {
            break;
        }
    }
    (!steps.is_empty()).then_some((steps, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn spin(world: &mut World, context: u8, lock: u64) {
        world.state.live |= 1 << context;
        world.state.contexts[usize::from(context)].doing = Doing::Spinning(lock);
    }

    #[test]
    fn two_locks_in_opposite_order() {
        let mut world = World::new(2, &[]);
        fixture::lock(&mut world, 0xa000, 0, 0, 5);
        fixture::lock(&mut world, 0xb000, 1, 0, 6);
        spin(&mut world, 0, 0xb000);
        spin(&mut world, 1, 0xa000);
        spin(&mut world, 2, 0xa000);
        let violation = check(&Event::Stuck, &world).expect("objects");
        assert!(violation.title.starts_with("deadlock: "), "{}", violation.title);
        assert!(!violation.title.contains(';') || violation.title.matches(';').count() == 1);
        let sites: Vec<_> = violation.places.iter().map(|place| place.1).collect();
        assert_eq!(sites, [Some(6), Some(5), None]);
    }

    #[test]
    fn a_lock_whose_holder_is_gone() {
        let mut world = World::new(2, &[]);
        fixture::lock(&mut world, 0xa000, 3, 0, 5);
        spin(&mut world, 0, 0xa000);
        let violation = check(&Event::Stuck, &world).expect("objects");
        assert!(violation.title.ends_with("is gone"), "{}", violation.title);
    }
}
