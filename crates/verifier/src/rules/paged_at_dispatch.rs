//! ## What it does
//!
//! Forbids touching pageable memory or running pageable code at DISPATCH_LEVEL or above.
//!
//! The bench treats every pageable page as not resident, whenever the IRQL is raised, unless the driver
//! locked its section (`MmLockPagableDataSection`).
//!
//! ## Why is this bad?
//!
//! When the page is not resident, reading it back needs a wait, which is impossible at
//! DISPATCH_LEVEL. Most of the time it is resident, so the driver works in the laboratory and
//! fails on machines that are short of memory.
//!
//! ## Example
//!
//! ```c
//!     Ext->Table = ExAllocatePool2(POOL_FLAG_PAGED, Bytes, TAG);
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     Ext->Table[0] = 1;
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! Instead:
//!
//! ```c
//!     Ext->Table = ExAllocatePool2(POOL_FLAG_NON_PAGED, Bytes, TAG);
//!     KeAcquireSpinLock(&Ext->Lock, &Irql);
//!     Ext->Table[0] = 1;
//!     KeReleaseSpinLock(&Ext->Lock, Irql);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/when-should-code-and-data-be-pageable->
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/making-drivers-pageable>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd1--driver-irql-not-less-or-equal>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xa--irql-not-less-or-equal>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-pagedcode>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "paged-at-dispatch",
    summary: "Forbids touching pageable memory or running pageable code at DISPATCH_LEVEL or \
        above.",
    why: "When the page is not resident, reading it back needs a wait, which is impossible at \
        DISPATCH_LEVEL. Most of the time it is resident, so the driver works in the \
        laboratory and fails on machines that are short of memory.",
    remedy: "Keep data that DPCs, interrupts and spin lock sections use in nonpaged pool and \
        their code out of PAGE sections; let pageable functions begin with PAGED_CODE(), \
        which catches the mistake in every test run.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/when-should-code-and-data-be-pageable-",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/making-drivers-pageable",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd1--driver-irql-not-less-or-equal",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xa--irql-not-less-or-equal",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-pagedcode",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near: Near::Pageable, by } = *event else { return None };
    let title = format!(
        "{} at {} {} {}, which is pageable",
        words::toucher(world, by),
        words::level(world.bus.irql),
        words::verb(fault.access),
        words::object(world, fault.address)
    );
    let violation = stops::page_fault(Violation::new(&RULE, title), world, fault, by);
    let held = world.state.locks.iter().rfind(|held| held.owner == world.state.current);
    let violation = match held {
        Some(held) => violation.at("IRQL raised with a spin lock here", held.site),
        None => violation,
    };
    let block = world.state.block_at_or_below(fault.address);
    let violation = match block {
        Some(block) if fault.address - block.address < block.bytes => {
            violation.at("allocated here", block.allocated)
        }
        _ => violation,
    };
    Some(violation.here("touched here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn who_touches_decides_on_the_bug_check() {
        let mut world = World::new(2, &[]);
        world.bus.irql = 2;
        let fault = fixture::fault(kernel::map::PAGED_POOL + 0x100, memory::Access::Write);
        for (by, code) in [(None, 0xd1), (Some("RtlCopyMemory"), 0x0a)] {
            let event = Event::Fault { fault, near: Near::Pageable, by };
            let violation = check(&event, &world).expect("objects");
            assert_eq!((violation.code, violation.parameters[2].0), (code, 1));
        }
    }
}
