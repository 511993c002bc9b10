//! # scenario-expectation
//!
//! ## What it does
//!
//! Objects when a step of a scenario comes out otherwise than the scenario says: another status,
//! other data, another number of bytes, or requests that come back in another order.
//!
//! ## Why is this bad?
//!
//! Whoever wrote the scenario knows what the driver is for. The rules know only what is wrong for
//! every driver.
//!
//! ## Example
//!
//! ```toml
//! { write = { text = "abc" }, file = "f", expect = { status = "STATUS_SUCCESS", information = 3 } }
//! ```
//!
//! ```c
//!     CompleteIrp(Irp, STATUS_SUCCESS, 0); /* and the bytes written? */
//! ```
//!
//! Instead:
//!
//! ```c
//!     CompleteIrp(Irp, STATUS_SUCCESS, Length);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/i-o-status-blocks>

use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "scenario-expectation",
    summary: "A step of a scenario comes out as the scenario says.",
    why: "The scenario says what this driver has to do; no rule of the kernel is broken by it.",
    remedy: "Look at the place that completes the request: its status, the number of bytes in \
        IoStatus.Information, and what is in the buffer. If the driver is right, change the \
        scenario.",
    references: &["https://learn.microsoft.com/windows-hardware/drivers/kernel/i-o-status-blocks"],
    severity: Severity::Error,
    wants: &[Kind::Unexpected],
    check,
};

fn check(event: &Event, _world: &World) -> Option<Violation> {
    let Event::Unexpected { what, completed } = event else { return None };
    let violation = Violation::new(&RULE, what.clone());
    Some(match completed {
        Some(site) => violation.at("the request is completed", *site),
        None => violation,
    })
}
