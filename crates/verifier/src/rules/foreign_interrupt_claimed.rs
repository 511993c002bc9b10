//! ## What it does
//!
//! Forbids an interrupt service routine to return TRUE for an interrupt that is not its device's.
//!
//! On a line that several devices share the bench lets another device interrupt, also while the
//! driver's own device sleeps or was pulled out.
//!
//! ## Why is this bad?
//!
//! With TRUE the kernel stops asking: the routine of the device that did interrupt is not called.
//! On a level-triggered line the interrupt comes again at once, for ever, and the machine hangs in
//! it. A register of a device that is not there, or has no power, reads as all ones, in which any
//! bit that says "mine" is set.
//!
//! ## Example
//!
//! ```c
//!     Status = READ_REGISTER_ULONG(Ext->Registers + STATUS);
//!     if (!(Status & STATUS_INTERRUPT))
//!         return FALSE;
//! ```
//!
//! Instead:
//!
//! ```c
//!     Status = READ_REGISTER_ULONG(Ext->Registers + STATUS);
//!     if (Status == 0xFFFFFFFF || !(Status & STATUS_INTERRUPT))
//!         return FALSE; /* pulled out, or another device on this line */
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-kservice_routine>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/writing-an-isr>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "foreign-interrupt-claimed",
    summary: "Forbids an interrupt service routine to return TRUE for an interrupt that is not its \
        device's.",
    why: "With TRUE the kernel stops asking: the routine of the device that did interrupt is not \
        called. On a level-triggered line the interrupt comes again at once, for ever, and the \
        machine hangs in it.",
    remedy: "Look into the device's status register first, and return FALSE unless it says that \
        the device interrupts. All ones mean that the device is not there: return FALSE as well. \
        Disconnect the routine, or have it look at a flag, before the device goes to sleep.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nc-wdm-kservice_routine",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/writing-an-isr",
    ],
    severity: Severity::Error,
    wants: &[Kind::Claimed],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Claimed { function, own: false } = *event else { return None };
    let title = format!(
        "the interrupt service routine of {} returns TRUE for an interrupt of another device",
        words::driver(world)
    );
    let card = &world.bus.card;
    let detail = match (card.gone(), card.asleep()) {
        (true, _) => "Its own device was pulled out, and its registers read as all ones.",
        (_, true) => "Its own device sleeps, and its registers read as all ones.",
        _ => "Its own device asserts no interrupt.",
    };
    let mut violation = Violation::new(&RULE, title).detail(detail);
    let mut connected = world.state.interrupts.iter();
    if let Some(interrupt) = connected.find(|interrupt| interrupt.routine == function) {
        violation = violation.at("connected here", interrupt.site);
    }
    Some(violation.here("returned TRUE here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_its_own() {
        let mut world = World::new(2, &[]);
        let claimed = |own| Event::Claimed { function: 0x1000, own };
        assert!(check(&claimed(true), &world).is_none());
        assert!(check(&claimed(false), &world).is_some());
        world.bus.card.set_power(3);
        let told = check(&claimed(false), &world).expect("an objection");
        assert!(told.detail.contains("sleeps"));
    }
}
