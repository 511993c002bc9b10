//! ## What it does
//!
//! Forbids accesses to shared memory that nothing orders.
//!
//! In memory mode every access to pool, device extensions and the image's writable data is a
//! scheduling point. The rule objects when one context makes an access while another stands
//! directly before an access to the same bytes, and one of the two writes: on two processors they
//! happen at once.
//!
//! ## Why is this bad?
//!
//! Which value is read or stays is chance. A compiler may read twice, keep the value in a register
//! or split the access; what is safe for a flag of one word is not for two fields that belong
//! together.
//!
//! ## Example
//!
//! ```c
//!     Ext->Count++;                       /* in a dispatch routine */
//!     Ext->Count = 0;                     /* in a DPC */
//! ```
//!
//! Instead:
//!
//! ```c
//!     InterlockedIncrement(&Ext->Count);  /* or both under one spin lock */
//!     InterlockedExchange(&Ext->Count, 0);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-spin-locks>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/multiprocessor-considerations-for-kernel-mode-drivers>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::SharedAccess;

/// The rule.
pub static RULE: Rule = Rule {
    name: "data-race",
    summary: "Memory that several contexts share is accessed under a lock that all of them take.",
    why: "Nothing orders the two accesses, so on two processors they happen at once, and which value \
          is read or stays is chance. A compiler may read twice or keep the value in a register. \
          Where the word is a flag that is only ever looked at whole this may be meant.",
    remedy: "Make both accesses under the same spin lock, or with interlocked operations. For a flag \
             that is meant to be read without a lock use ReadNoFence/WriteNoFence or a volatile \
             access, and say so in a comment.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/introduction-to-spin-locks",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/multiprocessor-considerations-for-kernel-mode-drivers",
    ],
    severity: Severity::Advice,
    wants: &[Kind::Race],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let &Event::Race { first, by, second } = event else { return None };
    let place = words::object(world, first.address.max(second.address));
    let title = format!(
        "{} and {} access {place} at the same time: {} and {}",
        world.context_name(by),
        words::who(world),
        kind(&first),
        kind(&second)
    );
    let held = |context: u8| {
        let locks = world.state.locks.iter().filter(move |lock| lock.owner == context);
        locks.map(|lock| words::lock(world, lock.address)).collect::<Vec<_>>()
    };
    let (theirs, ours) = (held(by), held(world.state.current));
    let detail = match (theirs.is_empty(), ours.is_empty()) {
        (true, true) => "Neither side holds a lock.".to_owned(),
        (false, true) => one_sided(&world.context_name(by), &theirs),
        (true, false) => one_sided(&words::who(world), &ours),
        (false, false) => format!(
            "One side holds {}, the other {}: different locks protect nothing.",
            theirs.join(" and "),
            ours.join(" and ")
        ),
    };
    let mut violation = Violation::new(&RULE, title).detail(detail);
    if first.writes && second.writes {
        violation = violation.severity(Severity::Warning);
    }
    Some(violation.at("one access", first.site).here("the other access"))
}

fn one_sided(who: &str, locks: &[String]) -> String {
    format!("Only {who} holds {}: the other side should take it too.", locks.join(" and "))
}

fn kind(access: &SharedAccess) -> String {
    let verb = if access.writes { "a write" } else { "a read" };
    format!("{verb} of {} bytes", access.bytes)
}
