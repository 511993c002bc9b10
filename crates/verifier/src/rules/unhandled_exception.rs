//! ## What it does
//!
//! Forbids letting an exception that a kernel routine raises pass without a handler.
//!
//! ## Why is this bad?
//!
//! Routines that check an application's pointers tell of a bad one by raising an exception. Nobody
//! above the driver handles it: the machine stops, and any application can make it do so.
//!
//! ## Example
//!
//! ```c
//!     ProbeForRead(Buffer, Length, 1); /* raises for an address that is not the application's */
//!     __try {
//!         RtlCopyMemory(Copy, Buffer, Length);
//!     } __except (EXCEPTION_EXECUTE_HANDLER) { ... }
//! ```
//!
//! Instead:
//!
//! ```c
//!     __try {
//!         ProbeForRead(Buffer, Length, 1);
//!         RtlCopyMemory(Copy, Buffer, Length);
//!     } __except (EXCEPTION_EXECUTE_HANDLER) { ... }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-exceptions>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-probeforread>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmprobeandlockpages>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x3b--system-service-exception>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "unhandled-exception",
    summary: "Forbids letting an exception that a kernel routine raises pass without a handler.",
    why: "Routines that check an application's pointers tell of a bad one by raising an exception. \
        Nobody above the driver handles it: the machine stops, and any application can make it \
        do so.",
    remedy: "Put the call into a __try block whose filter takes the exception - \
        EXCEPTION_EXECUTE_HANDLER for calls that check an application's pointers - and complete \
        the request with GetExceptionCode(). What else raises, such as releasing a mutex that is \
        not owned, is a bug to be mended at its cause.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/handling-exceptions",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-probeforread",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmprobeandlockpages",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x3b--system-service-exception",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unhandled],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unhandled { status, address } = *event else { return None };
    let service = words::object(world, words::rip(world));
    let title = format!(
        "{} does not handle {}, which {service} raises",
        words::driver(world),
        nt::status::text(status)
    );
    let mut violation = stops::exception(Violation::new(&RULE, title), world, status);
    // The instruction is the kernel's; what tells more is where the driver called it.
    violation.parameters[1] = (address, "where the routine that raises was called".to_owned());
    Some(violation.here("called here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_named() {
        let mut world = World::new(2, &[]);
        let event = Event::Unhandled { status: 0xc000_0047, address: 0x1234 };
        let violation = check(&event, &world).expect("objects");
        assert!(violation.title.contains("STATUS_SEMAPHORE_LIMIT_EXCEEDED"), "{}", violation.title);
        assert_eq!((violation.code, violation.parameters[1].0), (0x7e, 0x1234));
        world.bus.irql = 2;
        assert_eq!(check(&event, &world).expect("objects").code, 0x1e);
    }
}
