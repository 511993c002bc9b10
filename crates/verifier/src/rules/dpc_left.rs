//! ## What it does
//!
//! Forbids unloading the driver while one of its DPCs is queued or running.
//!
//! ## Why is this bad?
//!
//! A DPC runs on whichever processor it was queued, at a moment of its own choosing. After the
//! unload it calls into memory that is no longer the driver's.
//!
//! ## Example
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     IoDeleteDevice(Driver->DeviceObject); /* Ext->Dpc may be queued */
//! }
//! ```
//!
//! Instead:
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     KeRemoveQueueDpc(&Ext->Dpc);
//!     KeFlushQueuedDpcs();
//!     IoDeleteDevice(Driver->DeviceObject);
//! }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc7--timer-or-dpc-invalid>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keflushqueueddpcs>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::Start;
use nt::bugcheck::TIMER_OR_DPC_INVALID;
use nt::layout::kdpc::DEFERRED_ROUTINE;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "dpc-left",
    summary: "Forbids unloading the driver while one of its DPCs is queued or running.",
    why: "A DPC runs on whichever processor it was queued, at a moment of its own choosing. \
        After the unload it calls into memory that is no longer the driver's.",
    remedy: "Stop what queues DPCs (interrupts, timers), call KeRemoveQueueDpc for each, and \
        then KeFlushQueuedDpcs, which waits for those that are running.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc7--timer-or-dpc-invalid",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-keflushqueueddpcs",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unloaded { image } = *event else { return None };
    let (context, routine) = words::live(world).find_map(|context| {
        let state = &world.state.contexts[usize::from(context)];
        let Start::Dpc(dpc) = state.start else { return None };
        let routine = world.bus.memory.view64(dpc.wrapping_add(DEFERRED_ROUTINE));
        words::belongs(world, image, routine, state.made).then_some((context, routine))
    })?;
    let state = &world.state.contexts[usize::from(context)];
    let doing = if state.started { "running" } else { "queued" };
    let title = format!(
        "{} is unloaded while its DPC {} is {doing}",
        words::named(world, image),
        words::object(world, routine)
    );
    let (start, end) = words::image(world, image);
    let violation = Violation::new(&RULE, title).bugcheck(
        TIMER_OR_DPC_INVALID,
        [
            (2, "kind of violation: DPC routine"),
            (routine, "DPC routine"),
            (start, "first byte of the driver"),
            (end, "last byte of the driver"),
        ],
    );
    Some(violation.at("DPC queued here", state.made).here("driver unloaded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::state::{Doing, FREE};

    #[test]
    fn only_live_contexts_count() {
        let mut world = World::new(2, &[]);
        let dpc = kernel::state::ContextState {
            start: Start::Dpc(0x4000),
            doing: Doing::Ready,
            made: 3,
            ..FREE
        };
        world.state.contexts[2] = dpc;
        assert!(check(&Event::Unloaded { image: 0 }, &world).is_none());
        world.state.live = 1 << 2;
        assert_eq!(
            check(&Event::Unloaded { image: 0 }, &world).expect("objects").places[0].1,
            Some(3)
        );
    }
}
