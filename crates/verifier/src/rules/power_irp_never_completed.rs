//! ## What it does
//!
//! Forbids keeping a request about the power state of the system or of a device for ever: when
//! nothing is left that could happen, a driver has one that it has not completed.
//!
//! Wait/wake requests are meant to stay; those left over at the end belong to
//! `irp-never-completed`.
//!
//! ## Why is this bad?
//!
//! The power manager waits for each device before it goes on with the next step, so a system that
//! is to sleep, or that wakes, stands still. After ten minutes it stops itself.
//!
//! ## Example
//!
//! ```c
//! /* callback of PoRequestPowerIrp; Context is the request about the system's state */
//!     if (!NT_SUCCESS(IoStatus->Status))
//!         return; /* and the request about the system's state? */
//! ```
//!
//! Instead:
//!
//! ```c
//!     SystemIrp->IoStatus.Status = IoStatus->Status;
//!     IoCompleteRequest(SystemIrp, IO_NO_INCREMENT);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x9f--driver-power-state-failure>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/rules-for-handling-power-irps>

use crate::{outstanding, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::{IrpRecord, PowerClass};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "power-irp-never-completed",
    summary: "Forbids keeping a request about the power state of the system or of a device for \
        ever: when nothing is left that could happen, a driver has one that it has not completed.",
    why: "The power manager waits for each device before it goes on with the next step, so a \
        system that is to sleep, or that wakes, stands still. After ten minutes it stops itself.",
    remedy: "Complete the request, or pass it down, on every path: in the completion routine \
        and in the callback of PoRequestPowerIrp also when the status is an error, and when \
        PoRequestPowerIrp itself returns one.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x9f--driver-power-state-failure",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/rules-for-handling-power-irps",
    ],
    severity: Severity::Error,
    wants: &[Kind::Dispatch, Kind::End],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    if !matches!(event, Event::End) && !outstanding::all_cancelled(event, world) {
        return None;
    }
    outstanding::requests(world).find_map(|record| kept(world, record))
}

fn kept(world: &World, record: &IrpRecord) -> Option<Violation> {
    let power = world.state.power.iter().find(|power| power.irp == record.address)?;
    if power.class == PowerClass::Wake {
        return None;
    }
    // The minor function in its stack location may have been cleared on the way back.
    let request = nt::irp::text(nt::irp::IRP_MJ_POWER, power.minor);
    let about = match power.class {
        PowerClass::System => "the system's",
        _ => "the device's",
    };
    let title = format!(
        "{} never completes an {request} request about {about} power state",
        words::holder(world, record)
    );
    let violation = Violation::new(&RULE, title).bugcheck(
        nt::bugcheck::DRIVER_POWER_STATE_FAILURE,
        [
            (3, "a device object keeps a request for too long"),
            (power.pdo, "physical device object"),
            (power.device, "device that was addressed; Windows shows nt!TRIAGE_9F_POWER"),
            (power.irp, "the request"),
        ],
    );
    Some(outstanding::told(violation, record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use kernel::state::PowerRequest;

    #[test]
    fn a_power_request_that_stays_is_found_and_a_wait_for_waking_is_not() {
        let mut world = World::new(2, &[]);
        let irp = fixture::irp(&mut world, nt::irp::IRP_MJ_POWER);
        fixture::request(&mut world, irp);
        assert!(check(&Event::End, &world).is_none());
        world.state.power.push(PowerRequest {
            irp,
            device: 1,
            top: 1,
            pdo: 1,
            class: PowerClass::System,
            minor: nt::irp::IRP_MN_SET_POWER,
            state: 4,
            callback: 0,
            context: 0,
            sent: true,
        });
        assert!(check(&Event::End, &world).is_some());
        world.state.power[0].class = PowerClass::Wake;
        assert!(check(&Event::End, &world).is_none());
    }
}
