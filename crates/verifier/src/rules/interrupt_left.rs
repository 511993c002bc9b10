//! ## What it does
//!
//! Forbids unloading the driver while an interrupt is connected to it.
//!
//! ## Why is this bad?
//!
//! The next interrupt of the device, or of any device that shares the line, calls a service
//! routine that is gone.
//!
//! ## Example
//!
//! ```c
//!     case IRP_MN_REMOVE_DEVICE:
//!         IoDetachDevice(Ext->LowerDevice);
//!         IoDeleteDevice(Device); /* Ext->Interrupt is connected */
//! ```
//!
//! Instead:
//!
//! ```c
//!     case IRP_MN_REMOVE_DEVICE:
//!         IoDisconnectInterrupt(Ext->Interrupt);
//!         IoDetachDevice(Ext->LowerDevice);
//!         IoDeleteDevice(Device);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/removing-an-isr>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodisconnectinterruptex>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "interrupt-left",
    summary: "Forbids unloading the driver while an interrupt is connected to it.",
    why: "The next interrupt of the device, or of any device that shares the line, calls a \
        service routine that is gone.",
    remedy: "Make the device stop interrupting, then call IoDisconnectInterruptEx (or \
        IoDisconnectInterrupt), when the device is stopped, surprise-removed or removed, at \
        the latest in the unload routine.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/removing-an-isr",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodisconnectinterruptex",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unloaded { image } = *event else { return None };
    let own = |routine, site| words::belongs(world, image, routine, site);
    let mut interrupts = world.state.interrupts.iter();
    let interrupt = interrupts.find(|interrupt| own(interrupt.routine, interrupt.site))?;
    let title = format!(
        "{} is unloaded while its interrupt service routine {} is connected to vector {:#x}",
        words::named(world, image),
        words::object(world, interrupt.routine),
        interrupt.vector
    );
    let violation = stops::left_behind(Violation::new(&RULE, title), interrupt.routine);
    Some(violation.at("connected here", interrupt.site).here("driver unloaded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::state::Interrupt;

    #[test]
    fn a_connected_interrupt_is_named() {
        let mut world = World::new(2, &[]);
        assert!(check(&Event::Unloaded { image: 0 }, &world).is_none());
        world.state.interrupts.push(Interrupt {
            object: 0x4000,
            routine: 0x7000,
            context: 0,
            message: None,
            irql: 9,
            lock: 0,
            vector: 0x91,
            site: 4,
        });
        let violation = check(&Event::Unloaded { image: 0 }, &world).expect("objects");
        assert_eq!((violation.code, violation.parameters[0].0), (0xce, 0x7000));
    }
}
