//! ## What it does
//!
//! Forbids raising the IRQL to a lower value and lowering it to a higher one.
//!
//! ## Why is this bad?
//!
//! KeRaiseIrql and KeLowerIrql do not look: a lowered IRQL under the name of a raise lets in what
//! was to be kept out, and an uninitialised old IRQL leaves the processor at any level.
//!
//! ## Example
//!
//! ```c
//!     KIRQL Irql; /* never set on this path */
//!
//!     KeLowerIrql(Irql);
//! ```
//!
//! Instead:
//!
//! ```c
//!     KIRQL Irql;
//!
//!     KeRaiseIrql(DISPATCH_LEVEL, &Irql);
//!     Update(Ext);
//!     KeLowerIrql(Irql);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keraiseirql>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kelowerirql>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irqlkeraiselower>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::DRIVER_VERIFIER_DETECTED_VIOLATION;
use nt::irql::HIGH_LEVEL;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irql-wrong-direction",
    summary: "Forbids raising the IRQL to a lower value and lowering it to a higher one.",
    why: "KeRaiseIrql and KeLowerIrql do not look: a lowered IRQL under the name of a raise \
        lets in what was to be kept out, and an uninitialised old IRQL leaves the processor \
        at any level.",
    remedy: "Give KeLowerIrql exactly what the matching KeRaiseIrql stored, and raise only where \
        the present IRQL is known to be at or below the new one.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keraiseirql",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kelowerirql",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc4--driver-verifier-detected-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-irqlkeraiselower",
    ],
    severity: Severity::Error,
    wants: &[Kind::Irql],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Irql { from, to, raise } = *event else { return None };
    let (kind, verb) = match raise {
        true if to < from || to > HIGH_LEVEL => (0x30, "raises"),
        false if to > from => (0x31, "lowers"),
        _ => return None,
    };
    let title = format!(
        "{} {verb} the IRQL from {} to {}",
        words::driver(world),
        words::level(from),
        words::level(to)
    );
    let violation = Violation::new(&RULE, title).bugcheck(
        DRIVER_VERIFIER_DETECTED_VIOLATION,
        [
            (kind, "kind of violation"),
            (u64::from(from), "IRQL"),
            (u64::from(to), "IRQL asked for"),
            (0, "not used"),
        ],
    );
    Some(violation.here("called here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn the_same_level_is_no_change() {
        let world = World::new(2, &[]);
        for (from, to, raise, bad) in [
            (0, 2, true, false),
            (2, 2, true, false),
            (2, 0, true, true),
            (2, 0, false, false),
            (0, 2, false, true),
        ] {
            assert_eq!(check(&Event::Irql { from, to, raise }, &world).is_some(), bad);
        }
    }
}
