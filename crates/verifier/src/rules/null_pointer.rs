//! ## What it does
//!
//! Forbids touching or calling through a null pointer, which is any address in the first 64 KiB.
//!
//! ## Why is this bad?
//!
//! Nothing is ever mapped there. The usual cause is an allocation, look-up or list that came back
//! empty and was not checked; the small number in the address is the offset of the structure's
//! field.
//!
//! ## Example
//!
//! ```c
//!     Message = Context->Message; /* NULL before the first write */
//!     RtlCopyMemory(Buffer, Message->Data, Message->Length);
//! ```
//!
//! Instead:
//!
//! ```c
//!     Message = Context->Message;
//!     if (!Message)
//!         return CompleteIrp(Irp, STATUS_NO_DATA_DETECTED, 0);
//!     RtlCopyMemory(Buffer, Message->Data, Message->Length);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd1--driver-irql-not-less-or-equal>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x3b--system-service-exception>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x7e--system-thread-exception-not-handled>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use memory::Access;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "null-pointer",
    summary: "Forbids touching or calling through a null pointer, which is any address in the \
        first 64 KiB.",
    why: "Nothing is ever mapped there. The usual cause is an allocation, look-up or list \
        that came back empty and was not checked; the small number in the address is the \
        offset of the structure's field.",
    remedy: "Check what can be NULL where it is obtained, and complete the request with an \
        error. If it cannot be NULL, find out who clears it while it is in use.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd1--driver-irql-not-less-or-equal",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x3b--system-service-exception",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x7e--system-thread-exception-not-handled",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near: Near::Null, by } = *event else { return None };
    let who = words::toucher(world, by);
    let address = fault.address;
    let title = match fault.access {
        Access::Execute => format!("{who} calls a function at {address:#x}: a null pointer"),
        access => format!("{who} {} through a null pointer, at {address:#x}", words::verb(access)),
    };
    let mut violation = Violation::new(&RULE, title);
    if address != 0 && fault.access != Access::Execute {
        violation = violation.detail(format!(
            "The pointer itself is most likely 0, and {address:#x} the offset of the field."
        ));
    }
    Some(stops::page_fault(violation, world, fault, by).here("touched here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use memory::Access;

    #[test]
    fn the_irql_decides_on_the_bug_check() {
        let mut world = World::new(2, &[]);
        let fault = fixture::fault(0x18, Access::Read);
        let event = Event::Fault { fault, near: Near::Null, by: None };
        let code = |world: &World| check(&event, world).expect("objects").code;
        assert_eq!(code(&world), 0x7e);
        world.bus.irql = 2;
        assert_eq!(code(&world), 0xd1);
    }
}
