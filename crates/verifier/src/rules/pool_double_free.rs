//! ## What it does
//!
//! Forbids freeing an allocation that was freed before.
//!
//! ## Why is this bad?
//!
//! The address may have been handed out again: the second free takes away somebody else's memory
//! while it is in use.
//!
//! ## Example
//!
//! ```c
//!     if (Context->Message)
//!         ExFreePoolWithTag(Context->Message, TAG); /* two threads come here */
//! ```
//!
//! Instead:
//!
//! ```c
//!     Message = InterlockedExchangePointer((PVOID *)&Context->Message, NULL);
//!     if (Message)
//!         ExFreePoolWithTag(Message, TAG);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc2--bad-pool-caller>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepoolwithtag>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::BAD_POOL_CALLER;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "pool-double-free",
    summary: "Forbids freeing an allocation that was freed before.",
    why: "The address may have been handed out again: the second free takes away somebody \
        else's memory while it is in use.",
    remedy: "Let one owner free, under the lock that guards the pointer; exchange the pointer \
        with NULL and free what the exchange returned, so that only one of two can get it.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc2--bad-pool-caller",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exfreepoolwithtag",
    ],
    severity: Severity::Error,
    wants: &[Kind::Free],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Free { address, block: Some(block), .. } = *event else { return None };
    let freed = block.freed?;
    let title = format!("{} frees a second time: {}", words::driver(world), words::block(&block));
    let violation = Violation::new(&RULE, title).bugcheck(
        BAD_POOL_CALLER,
        [
            (0x07, "kind of violation: the pool was freed already"),
            (0, "reserved"),
            (0, "pool header (not simulated)"),
            (address, "address being freed"),
        ],
    );
    let violation = violation.at("allocated here", block.allocated).at("first freed here", freed);
    Some(violation.here("freed again here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_live_block_may_be_freed() {
        let mut world = World::new(2, &[]);
        let mut block = fixture::pool(&mut world, 24);
        for (freed, bad) in [(None, false), (Some(4), true)] {
            block.freed = freed;
            let event = Event::Free { address: block.address, block: Some(block), tag: 0 };
            assert_eq!(check(&event, &world).is_some(), bad);
        }
    }
}
