//! ## What it does
//!
//! Forbids touching an allocation, a device extension or another kernel object after it was freed.
//!
//! Request packets and their system buffers have a rule of their own, `irp-touched-after-
//! completion`.
//!
//! ## Why is this bad?
//!
//! The memory may belong to somebody else by now: reads give garbage, writes destroy what is not
//! the driver's. It happens when somebody frees what a DPC, timer, work item, cancel routine or
//! another processor still uses.
//!
//! ## Example
//!
//! ```c
//!     KeCancelTimer(&Context->Timer);
//!     ExFreePoolWithTag(Context, TAG); /* its DPC may be running on another processor */
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeCancelTimer(&Context->Timer);
//!     KeFlushQueuedDpcs();
//!     ExFreePoolWithTag(Context, TAG);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd5--driver-page-fault-in-freed-special-pool>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xcc--page-fault-in-freed-special-pool>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/special-pool>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/using-remove-locks>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keflushqueueddpcs>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use nt::bugcheck;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "pool-use-after-free",
    summary: "Forbids touching an allocation, a device extension or another kernel object after \
        it was freed.",
    why: "The memory may belong to somebody else by now: reads give garbage, writes destroy \
        what is not the driver's. It happens when somebody frees what a DPC, timer, work \
        item, cancel routine or another processor still uses.",
    remedy: "Before freeing, make sure that nobody else can come: cancel timers and flush DPCs \
        (KeCancelTimer, KeRemoveQueueDpc, KeFlushQueuedDpcs), wait for work items and \
        threads, or count references and let the last one free. Keep the device object \
        until the last of its users has gone, with a remove lock.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd5--driver-page-fault-in-freed-special-pool",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xcc--page-fault-in-freed-special-pool",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/special-pool",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/using-remove-locks",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keflushqueueddpcs",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near: Near::Freed(block), by } = *event else { return None };
    let title = format!(
        "{} {} {} of a freed {}",
        words::toucher(world, by),
        words::verb(fault.access),
        words::offset(&block, fault.address),
        words::block(&block)
    );
    let numbers = (
        bugcheck::DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
        stops::PAGE_FAULT_IN_FREED_SPECIAL_POOL,
    );
    let violation = stops::special_pool(Violation::new(&RULE, title), world, fault, by, numbers)
        .at("allocated here", block.allocated);
    let violation = match block.freed {
        Some(freed) => violation.at("freed here", freed),
        None => violation,
    };
    Some(violation.here("touched here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use memory::Access;

    #[test]
    fn both_sides_are_named() {
        let mut world = World::new(2, &[]);
        let mut block = fixture::pool(&mut world, 24);
        block.freed = Some(8);
        let fault = fixture::fault(block.address + 8, Access::Read);
        for (by, code) in [(None, 0xd5), (Some("KeSetEvent"), 0xcc)] {
            let event = Event::Fault { fault, near: Near::Freed(block), by };
            let violation = check(&event, &world).expect("objects");
            let sites: Vec<_> = violation.places.iter().map(|place| place.1).collect();
            assert_eq!((violation.code, sites), (code, vec![Some(1), Some(8), None]));
        }
    }
}
