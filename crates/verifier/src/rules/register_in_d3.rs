//! ## What it does
//!
//! Forbids touching registers of a device that was put into D1, D2 or D3.
//!
//! ## Why is this bad?
//!
//! A PCI device that is not in D0 answers in configuration space only. Reads of its registers give
//! all ones, which many drivers take for "done" or "error"; writes are lost. On other buses such an
//! access may stop the machine.
//!
//! ## Example
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     On = Ext->Powered;
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//!     if (On) /* still? */
//!         WRITE_REGISTER_ULONG(Ext->Registers + DOORBELL, 1);
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     if (Ext->Powered) /* cleared under Lock before D3 is passed down */
//!         WRITE_REGISTER_ULONG(Ext->Registers + DOORBELL, 1);
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-device-power-down-irps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/iocompletion-routines-for-device-power-irps>
//! - <https://learn.microsoft.com/windows-hardware/drivers/pci/pci-power-management-and-device-drivers>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "register-in-d3",
    summary: "Forbids touching registers of a device that was put into D1, D2 or D3.",
    why: "A PCI device that is not in D0 answers in configuration space only. Reads of its \
        registers give all ones, which many drivers take for \"done\" or \"error\"; writes are \
        lost. On other buses such an access may stop the machine.",
    remedy: "Before the request for D3 is passed down, keep new requests in a queue, let those \
        under way end, stop the device's interrupts, and disconnect a service routine of a line \
        that others share. Look at a flag of your own and touch registers under one lock; set the \
        flag again in the completion routine of the request for D0, once the registers are \
        restored.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-device-power-down-irps",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/iocompletion-routines-for-device-power-irps",
        "https://learn.microsoft.com/windows-hardware/drivers/pci/pci-power-management-and-device-drivers",
    ],
    severity: Severity::Error,
    wants: &[Kind::Asleep],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Asleep { bar, offset, write } = *event else { return None };
    let (verb, effect) = match write {
        true => ("writes", "The write is lost."),
        false => ("reads", "The read gives all ones."),
    };
    let mut config = [0];
    world.bus.card.read_config(POWER_STATE, &mut config);
    let title = format!(
        "{} {verb} offset {offset:#x} of its device's registers (BAR {bar}) while the device is in D{}",
        words::driver(world),
        config[0] & 3
    );
    let violation = Violation::new(&RULE, title).detail(effect);
    let violation = match world.state.pnp.slept {
        0 => violation,
        site => violation.at("the bus driver turned the device off", site),
    };
    Some(violation.here("touched here"))
}

/// PMCSR of the bench's configuration space.
const POWER_STATE: usize = 0x44;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_the_state_and_what_comes_of_it() {
        let mut world = World::new(2, &[]);
        world.bus.card.set_power(3);
        let event = Event::Asleep { bar: 0, offset: 0x18, write: true };
        let told = check(&event, &world).expect("an objection");
        assert!(told.title.contains("writes offset 0x18") && told.title.ends_with("in D3"));
        assert_eq!(told.detail, "The write is lost.");
    }
}
