//! ## What it does
//!
//! Forbids touching memory past the end of an allocation.
//!
//! Device extensions, request packets, MDLs and I/O buffers are allocations too.
//!
//! ## Why is this bad?
//!
//! What lies there belongs to another allocation, perhaps another driver's. The damage shows later
//! and elsewhere, which makes overruns the dearest of all bugs to find from a crash dump.
//!
//! ## Example
//!
//! ```c
//!     Message = ExAllocatePool2(POOL_FLAG_NON_PAGED, Length, TAG);
//!     Message->Length = Length;
//!     RtlCopyMemory(Message->Data, Buffer, Length); /* the header has no room */
//! ```
//!
//! Instead:
//!
//! ```c
//!     Message = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*Message) + Length, TAG);
//!     Message->Length = Length;
//!     RtlCopyMemory(Message->Data, Buffer, Length);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd6--driver-page-fault-beyond-end-of-allocation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xcd--page-fault-beyond-end-of-allocation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/special-pool>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/failure-to-check-the-size-of-buffers>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Near, Rule, Violation};
use nt::bugcheck;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "pool-overrun",
    summary: "Forbids touching memory past the end of an allocation.",
    why: "What lies there belongs to another allocation, perhaps another driver's. The damage \
        shows later and elsewhere, which makes overruns the dearest of all bugs to find \
        from a crash dump.",
    remedy: "Allocate what is used: count headers, terminators and the elements' size, and check \
        lengths from requests against the buffer before copying. Watch the difference \
        between bytes and characters.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xd6--driver-page-fault-beyond-end-of-allocation",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xcd--page-fault-beyond-end-of-allocation",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/special-pool",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/failure-to-check-the-size-of-buffers",
    ],
    severity: Severity::Error,
    wants: &[Kind::Fault],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Fault { ref fault, near: Near::After(block), by } = *event else { return None };
    let gap = fault.address.saturating_sub(block.address + block.bytes);
    let place = match gap {
        0 => "right behind the end".to_owned(),
        gap => format!("{} past the end", words::count(gap, "byte")),
    };
    let title = format!(
        "{} {} {place} of a {}",
        words::toucher(world, by),
        words::verb(fault.access),
        words::block(&block)
    );
    let numbers = (
        bugcheck::DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
        bugcheck::PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
    );
    let violation = stops::special_pool(Violation::new(&RULE, title), world, fault, by, numbers);
    Some(violation.at("allocated here", block.allocated).here("touched here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use memory::Access;

    #[test]
    fn the_distance_is_named() {
        let mut world = World::new(2, &[]);
        let block = fixture::pool(&mut world, 24);
        for (offset, words) in
            [(24, "writes right behind the end of"), (26, "writes 2 bytes past the end")]
        {
            let fault = fixture::fault(block.address + offset, Access::Write);
            let event = Event::Fault { fault, near: Near::After(block), by: None };
            let violation = check(&event, &world).expect("objects");
            assert!(violation.title.contains(words), "{}", violation.title);
            assert_eq!((violation.code, violation.places[0].1), (0xd6, Some(1)));
        }
    }
}
