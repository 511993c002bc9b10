//! ## What it does
//!
//! Forbids a bus driver to report something else than physical device objects of its own, each with
//! a reference and an identity; and to pass something else to routines that take such an object.
//!
//! ## Why is this bad?
//!
//! The PnP manager keeps a node for each device that is reported, and counts on its object and on its
//! name. It stops the machine where two devices of a bus have one name, an object is deleted or goes
//! away under the node, or is none.
//!
//! ## Example
//!
//! ```c
//!     Relations->Objects[Relations->Count++] = Child->Self;
//! ```
//!
//! Instead:
//!
//! ```c
//!     ObReferenceObject(Child->Self); /* the PnP manager gives it back */
//!     Relations->Objects[Relations->Count++] = Child->Self;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xca--pnp-detected-fatal-error>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-device-relations>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-id>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/removing-a-device-in-a-bus-driver>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::pnp::children::Wrong;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "bus-relations-wrong",
    summary: "Forbids a bus driver to report something else than physical device objects of its \
        own, each with a reference and an identity; and to pass something else to routines that \
        take such an object.",
    why: "The PnP manager keeps a node for each device that is reported, and counts on its object \
        and on its name. It stops the machine where two devices of a bus have one name, an object \
        is deleted or goes away under the node, or is none.",
    remedy: "Keep one list of what is on the bus under one lock, and look into it and add to it in \
        one hold of that lock. Reference each object that goes into DEVICE_RELATIONS. Delete one \
        only in response to IRP_MN_REMOVE_DEVICE, when the latest answer did not have it.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xca--pnp-detected-fatal-error",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-device-relations",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-id",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/removing-a-device-in-a-bus-driver",
    ],
    severity: Severity::Error,
    wants: &[Kind::Relations],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Relations { wrong, parameters } = *event else { return None };
    let (what, first, meanings) = match wrong {
        Wrong::Duplicate => (
            "reports two devices with the same device and instance ID on one bus",
            "duplicate PDO",
            ["newly reported PDO", "older PDO which it duplicates", ""],
        ),
        Wrong::NotPhysical => (
            "passes something else than a physical device object to a routine that takes one",
            "invalid PDO",
            ["purported PDO", "driver object", ""],
        ),
        Wrong::BadId => (
            "returns an ID with a character that none may have, or without an end",
            "invalid ID",
            ["PDO whose IDs were queried", "ID buffer", "1 for the device ID, 2 for the unique ID"],
        ),
        Wrong::Deleted => (
            "reports a device that it has deleted",
            "invalid enumeration of deleted PDO",
            ["PDO that is to be deleted", "", ""],
        ),
        Wrong::Unreferenced => (
            "reports a device without a reference for the PnP manager",
            "PDO freed while linked in devnode tree",
            ["PDO", "", ""],
        ),
        Wrong::Null => (
            "reports NULL as a device on its bus",
            "NULL pointer returned as a bus relation",
            ["PDO of the bus", "number of PDOs returned", "index of the first NULL"],
        ),
    };
    let title = format!("{} {what}", words::driver(world));
    let [two, three, four] = parameters;
    let mut violation = Violation::new(&RULE, title).bugcheck(
        nt::bugcheck::PNP_DETECTED_FATAL_ERROR,
        [(wrong as u64, first), (two, meanings[0]), (three, meanings[1]), (four, meanings[2])],
    );
    let told = if wrong == Wrong::Null { Vec::new() } else { vec![two, three] };
    for (role, object) in ["made here", "the older one made here"].into_iter().zip(told) {
        let mut devices = world.state.devices.iter();
        if let Some(device) = devices.find(|device| object != 0 && device.object == object) {
            violation = violation.at(role, device.made);
        }
    }
    Some(violation.here("noticed here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_parameter_says_what_is_wrong() {
        let world = World::new(2, &[]);
        for (wrong, number) in [(Wrong::Duplicate, 1), (Wrong::Unreferenced, 5), (Wrong::Null, 8)] {
            let event = Event::Relations { wrong, parameters: [0x1000, 2, 1] };
            let told = check(&event, &world).expect("an objection");
            assert_eq!((told.code, told.parameters[0].0), (0xca, number));
        }
    }
}
