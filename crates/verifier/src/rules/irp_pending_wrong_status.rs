//! ## What it does
//!
//! Forbids marking a request pending and returning something other than STATUS_PENDING.
//!
//! It warns of a request that was marked pending and is passed down in the same stack location
//! (IoSkipCurrentIrpStackLocation): there the driver below is the one that returns something else.
//!
//! ## Why is this bad?
//!
//! The mark promises that the request is finished later, the status says that it is finished now.
//! The I/O manager then does the request's second half twice or at the wrong time: data is copied
//! to a buffer that is gone, an event is set early, a packet is freed twice.
//!
//! ## Example
//!
//! ```c
//!     IoMarkIrpPending(Irp);
//!     Status = Enqueue(Ext, Irp);
//!     return Status; /* STATUS_SUCCESS */
//! ```
//!
//! Instead:
//!
//! ```c
//!     IoMarkIrpPending(Irp);
//!     Enqueue(Ext, Irp);
//!     return STATUS_PENDING;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iomarkirppending>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioskipcurrentirpstacklocation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/28143-iomarkirppending-must-return-statuspending>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-markirppending>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::status::STATUS_PENDING;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "irp-pending-wrong-status",
    summary: "Forbids marking a request pending and returning something other than \
        STATUS_PENDING.",
    why: "The mark promises that the request is finished later, the status says that it is \
        finished now. The I/O manager then does the request's second half twice or at the \
        wrong time: data is copied to a buffer that is gone, an event is set early, a \
        packet is freed twice.",
    remedy: "Once IoMarkIrpPending was called, return STATUS_PENDING on every path, also when \
        the request was completed in the meantime; or do not mark it before it is certain \
        that it is queued.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iomarkirppending",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioskipcurrentirpstacklocation",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/28143-iomarkirppending-must-return-statuspending",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-markirppending",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc9--driver-verifier-iomanager-violation",
    ],
    severity: Severity::Error,
    wants: &[Kind::DispatchReturn],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let &Event::DispatchReturn {
        irp,
        major,
        minor,
        status,
        marked,
        inherited,
        completed,
        function,
        ..
    } = event
    else {
        return None;
    };
    if !marked || status == STATUS_PENDING {
        return None;
    }
    let routine = words::object(world, function);
    let request = nt::irp::text(major, minor);
    let text = nt::status::text(status);
    if inherited {
        let driver = words::driver(world);
        let title =
            format!("{driver} passes {request} down in the stack location that it marked pending");
        let detail = format!(
            "The mark is in the location of the driver below, whose {routine} returns {text}. Copy the \
             location with IoCopyCurrentIrpStackLocationToNext instead of skipping it."
        );
        let violation = Violation::new(&RULE, title).detail(detail).severity(Severity::Warning);
        return Some(violation.here("the driver below returns"));
    }
    let title = format!("{routine} returns {text} for {request}, which was marked pending");
    let status = (u64::from(status), "status returned");
    let mut violation =
        stops::io_manager(Violation::new(&RULE, title), 0x23e, function, irp, status);
    if let Some(completed) = completed {
        violation = violation.at("completed here", completed);
    }
    Some(violation.here("dispatch routine returns"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_marked_request_must_be_returned_as_pending() {
        let world = World::new(2, &[]);
        for (status, marked, bad) in [(0, true, true), (0x103, true, false), (0, false, false)] {
            let event = Event::DispatchReturn {
                irp: 0x1000,
                device: 0x2000,
                major: nt::irp::IRP_MJ_WRITE,
                minor: 0,
                status,
                marked,
                inherited: false,
                completed: None,
                passed: false,
                lower: None,
                function: 0x3000,
            };
            assert_eq!(check(&event, &world).is_some(), bad);
        }
    }

    #[test]
    fn the_mark_of_the_driver_above_is_a_warning() {
        let world = World::new(2, &[]);
        let returned = |status| Event::DispatchReturn {
            irp: 0x1000,
            device: 0x2000,
            major: nt::irp::IRP_MJ_POWER,
            minor: 2,
            status,
            marked: true,
            inherited: true,
            completed: Some(3),
            passed: false,
            lower: None,
            function: 0x3000,
        };
        let told = check(&returned(0), &world).expect("an objection");
        assert_eq!(told.severity, Severity::Warning);
        assert!(told.title.contains("down in the stack location"), "{}", told.title);
        assert!(check(&returned(STATUS_PENDING), &world).is_none());
    }
}
