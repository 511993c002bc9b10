//! ## What it does
//!
//! Forbids touching memory before the start of an allocation.
//!
//! ## Why is this bad?
//!
//! What lies there is the pool's own header or another allocation. Damage to it shows when
//! somebody else allocates or frees, long after.
//!
//! ## Example
//!
//! ```c
//!     for (i = Count - 1; Data[i] == ' '; i--) /* all blanks: i passes 0 */
//!         ;
//! ```
//!
//! Instead:
//!
//! ```c
//!     for (i = Count; i > 0 && Data[i - 1] == ' '; i--)
//!         ;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/special-pool>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd6--driver-page-fault-beyond-end-of-allocation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc1--special-pool-detected-memory-corruption>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use nt::bugcheck;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "pool-underrun",
    summary: "Forbids touching memory before the start of an allocation.",
    why: "What lies there is the pool's own header or another allocation. Damage to it shows \
        when somebody else allocates or frees, long after.",
    remedy: "Look for an index or length that went below zero (an unsigned one wraps), a search \
        that ran past the first element, and a pointer that was moved back by the wrong \
        header size.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/special-pool",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd6--driver-page-fault-beyond-end-of-allocation",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc1--special-pool-detected-memory-corruption",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near: Near::Before(block), by } = *event else { return None };
    let gap = block.address.saturating_sub(fault.address);
    let title = format!(
        "{} {} {} before the start of a {}",
        words::toucher(world, by),
        words::verb(fault.access),
        words::count(gap, "byte"),
        words::block(&block)
    );
    let numbers = (
        bugcheck::DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
        bugcheck::PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
    );
    let violation = stops::special_pool(Violation::new(&RULE, title), world, fault, by, numbers);
    Some(violation.at("allocated here", block.allocated).here("touched here"))
}
