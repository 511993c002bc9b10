//! ## What it does
//!
//! Reports that the driver itself stopped the machine with KeBugCheck or KeBugCheckEx.
//!
//! ## Why is this bad?
//!
//! A driver that calls for a bug check takes the whole machine down with all unsaved work. It did
//! so because it found something that it thinks cannot be; what led there is the bug.
//!
//! ## Example
//!
//! ```c
//!     if (!NT_SUCCESS(Status))
//!         KeBugCheckEx(0xE0000001, Status, 0, 0, 0);
//! ```
//!
//! Instead:
//!
//! ```c
//!     if (!NT_SUCCESS(Status))
//!         return CompleteIrp(Irp, Status, 0);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kebugcheckex>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-code-reference2>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "driver-bugcheck",
    summary: "Reports that the driver itself stopped the machine with KeBugCheck or KeBugCheckEx.",
    why: "A driver that calls for a bug check takes the whole machine down with all unsaved \
        work. It did so because it found something that it thinks cannot be; what led there \
        is the bug.",
    remedy: "Look at the condition that led to the call and at the schedule that made it true. \
        Errors that a device, an application or a shortage of memory can cause should fail \
        a request, not the machine.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kebugcheckex",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-code-reference2",
    ],
    severity: Severity::Error,
    wants: &[Kind::BugCheck],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::BugCheck { code, parameters } = *event else { return None };
    let name = match nt::bugcheck::name(code) {
        Some(name) => format!("{name} ({code:#x})"),
        None => format!("{code:#010x}"),
    };
    let title = format!("{} calls for the bug check {name}", words::driver(world));
    let violation = Violation::new(&RULE, title)
        .bugcheck(code, parameters.map(|parameter| (parameter, "as the driver gave it")));
    Some(violation.here("called here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn the_code_is_named() {
        let world = World::new(2, &[]);
        let event = Event::BugCheck { code: 0x44, parameters: [1, 2, 3, 4] };
        let violation = check(&event, &world).expect("objects");
        assert!(violation.title.contains("MULTIPLE_IRP_COMPLETE_REQUESTS"));
        assert_eq!((violation.code, violation.parameters[3].0), (0x44, 4));
    }
}
