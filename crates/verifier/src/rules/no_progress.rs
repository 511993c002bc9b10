//! ## What it does
//!
//! Forbids loops that never end.
//!
//! ## Why is this bad?
//!
//! At DISPATCH_LEVEL such a loop takes the processor away from everybody until the watchdog stops
//! the machine; below, it burns a thread that can never be ended.
//!
//! ## Example
//!
//! ```c
//!     while (READ_REGISTER_ULONG(&Ext->Registers->Status) & BUSY)
//!         ; /* a device that was pulled out reads as all ones */
//! ```
//!
//! Instead:
//!
//! ```c
//!     for (Tries = 0; Tries < 100; Tries++) {
//!         if (!(READ_REGISTER_ULONG(&Ext->Registers->Status) & BUSY))
//!             return STATUS_SUCCESS;
//!         KeStallExecutionProcessor(1);
//!     }
//!     return STATUS_IO_TIMEOUT;
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x133-dpc-watchdog-violation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/guidelines-for-writing-dpc-routines>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kestallexecutionprocessor>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::Start;
use nt::bugcheck::DPC_WATCHDOG_VIOLATION;
use nt::irql::DISPATCH_LEVEL;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "no-progress",
    summary: "Forbids loops that never end.",
    why: "At DISPATCH_LEVEL such a loop takes the processor away from everybody until the \
        watchdog stops the machine; below, it burns a thread that can never be ended.",
    remedy: "Give every loop that waits for hardware or for another processor a bound and an \
        error, and let what takes longer than some tens of microseconds be done by an \
        interrupt, a timer or an event.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x133-dpc-watchdog-violation",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/guidelines-for-writing-dpc-routines",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kestallexecutionprocessor",
    ],
    severity: Severity::Error,
    wants: &[Kind::NoProgress],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::NoProgress { rip, deliveries } = *event else { return None };
    let irql = world.bus.irql;
    let (driver, place) = (words::driver(world), words::object(world, rip));
    let (title, detail) = match deliveries {
        0 => {
            let (who, level) = (words::who(world), words::level(irql));
            let title = format!("{driver} loops without an end at {place} in {who}, at {level}");
            (title, format!("A whole run was given {} instructions.", kernel::BUDGET))
        }
        _ => {
            let title = format!(
                "{driver} never claims its device's interrupt: {place} returns FALSE for ever"
            );
            let detail = format!(
                "The device asserted its line through {deliveries} deliveries in a row, and nobody else \
                 ran meanwhile."
            );
            (title, detail)
        }
    };
    let mut violation = Violation::new(&RULE, title).detail(detail);
    if irql >= DISPATCH_LEVEL {
        let start = world.state.contexts.get(usize::from(world.state.current)).map(|c| c.start);
        let single = matches!(start, Some(Start::Dpc(_) | Start::Interrupt(_)));
        let kind = if single {
            (0, "kind of violation: a single DPC or interrupt takes too long")
        } else {
            (1, "kind of violation: too long at DISPATCH_LEVEL or above")
        };
        violation = violation.bugcheck(
            DPC_WATCHDOG_VIOLATION,
            [
                kind,
                (0, "ticks (not simulated)"),
                (0, "allotment or triage block (not simulated)"),
                (0, "triage block or reserved"),
            ],
        );
    }
    let held = world.state.locks.iter().rfind(|held| held.owner == world.state.current);
    if let Some(held) = held {
        violation = violation.at("IRQL raised with a spin lock here", held.site);
    }
    Some(violation.here("loops here"))
}
