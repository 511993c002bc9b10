//! ## What it does
//!
//! Forbids writing to the read-only parts of a driver image and executing its data.
//!
//! ## Why is this bad?
//!
//! Code and constants are mapped read-only, data not executable. A write to a string literal, a
//! const table or a function, or a jump through a data pointer, stops the machine.
//!
//! ## Example
//!
//! ```c
//!     static const ULONG Defaults[4] = { 1, 2, 3, 4 };
//!
//!     ((ULONG *)Defaults)[0] = Value;
//! ```
//!
//! Instead:
//!
//! ```c
//!     static ULONG Settings[4] = { 1, 2, 3, 4 };
//!
//!     Settings[0] = Value;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xbe--attempted-write-to-readonly-memory>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xfc---attempted-execute-of-noexecute-memory>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use memory::Access;
use nt::bugcheck;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "image-write",
    summary: "Forbids writing to the read-only parts of a driver image and executing its data.",
    why: "Code and constants are mapped read-only, data not executable. A write to a string \
        literal, a const table or a function, or a jump through a data pointer, stops the \
        machine.",
    remedy: "Declare what is written to as non-const data. Where the pointer is a function \
        pointer, see who overwrote it. Do not patch code.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xbe--attempted-write-to-readonly-memory",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xfc---attempted-execute-of-noexecute-memory",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near: Near::Image, by } = *event else { return None };
    let (number, what) = match fault.access {
        Access::Execute => (bugcheck::ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, "which is data"),
        _ => (ATTEMPTED_WRITE_TO_READONLY_MEMORY, "which is read-only"),
    };
    let title = format!(
        "{} {} {}, {what}",
        words::toucher(world, by),
        words::verb(fault.access),
        words::object(world, fault.address)
    );
    let violation = Violation::new(&RULE, title).bugcheck(
        number,
        [
            (fault.address, "address that was touched"),
            (0, "page table entry (not simulated)"),
            (0, "reserved"),
            (0, "reserved"),
        ],
    );
    Some(violation.here("touched here"))
}

const ATTEMPTED_WRITE_TO_READONLY_MEMORY: u32 = 0xbe;
