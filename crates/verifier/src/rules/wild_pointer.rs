//! ## What it does
//!
//! Forbids touching an address where nothing is and nothing was.
//!
//! ## Why is this bad?
//!
//! The pointer was never set, was overwritten, or was computed from a wrong number. On a
//! customer's machine the address may happen to be mapped; then the driver corrupts somebody
//! else's memory without a trace.
//!
//! ## Example
//!
//! ```c
//!     Entry = &Ext->Table[Request->Index]; /* Index is the application's */
//!     Entry->Count++;
//! ```
//!
//! Instead:
//!
//! ```c
//!     if (Request->Index >= RTL_NUMBER_OF(Ext->Table))
//!         return CompleteIrp(Irp, STATUS_INVALID_PARAMETER, 0);
//!     Entry = &Ext->Table[Request->Index];
//!     Entry->Count++;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x50--page-fault-in-nonpaged-area>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd1--driver-irql-not-less-or-equal>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/failure-to-check-the-size-of-buffers>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "wild-pointer",
    summary: "Forbids touching an address where nothing is and nothing was.",
    why: "The pointer was never set, was overwritten, or was computed from a wrong number. On \
        a customer's machine the address may happen to be mapped; then the driver corrupts \
        somebody else's memory without a trace.",
    remedy: "Find out where the value comes from: uninitialised pool and stack memory, a length \
        or index from a request that was not checked, a structure that is used as another \
        type.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x50--page-fault-in-nonpaged-area",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd1--driver-irql-not-less-or-equal",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/failure-to-check-the-size-of-buffers",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

/// What a pointer looks like that was read from uninitialised pool.
const UNINITIALISED: u64 = 0xb5b5_b5b5_b5b5;

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near, by } = *event else { return None };
    let runs_stack = near == Near::Stack && fault.access == memory::Access::Execute;
    if near != Near::Wild && !runs_stack {
        return None;
    }
    let title = format!(
        "{} {} {:#x}, where nothing is",
        words::toucher(world, by),
        words::verb(fault.access),
        fault.address
    );
    let mut violation = Violation::new(&RULE, title);
    if fault.address >> 16 == UNINITIALISED {
        violation = violation.detail(
            "Bytes of 0xb5 are what the bench fills pool with: this was never initialised.",
        );
    }
    Some(stops::page_fault(violation, world, fault, by).here("touched here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use memory::Access;

    #[test]
    fn uninitialised_pool_is_recognised() {
        let world = World::new(2, &[]);
        for (address, known) in [(0xb5b5_b5b5_b5b5_b5cd, true), (0xffff_8000_0000_1000, false)] {
            let fault = fixture::fault(address, Access::Read);
            let event = Event::Fault { fault, near: Near::Wild, by: None };
            let violation = check(&event, &world).expect("objects");
            assert_eq!(!violation.detail.is_empty(), known);
        }
    }
}
