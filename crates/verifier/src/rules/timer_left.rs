//! ## What it does
//!
//! Forbids unloading the driver while one of its timers is set.
//!
//! ## Why is this bad?
//!
//! When the timer expires, the kernel looks at its KTIMER and calls its DPC: both are in memory
//! that is gone with the driver.
//!
//! ## Example
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     IoDeleteDevice(Driver->DeviceObject); /* Ext->Timer is still set */
//! }
//! ```
//!
//! Instead:
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     KeCancelTimer(&Ext->Timer);
//!     KeFlushQueuedDpcs();
//!     IoDeleteDevice(Driver->DeviceObject);
//! }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc7--timer-or-dpc-invalid>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kecanceltimer>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::bugcheck::TIMER_OR_DPC_INVALID;
use nt::layout::kdpc::DEFERRED_ROUTINE;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "timer-left",
    summary: "Forbids unloading the driver while one of its timers is set.",
    why: "When the timer expires, the kernel looks at its KTIMER and calls its DPC: both are \
        in memory that is gone with the driver.",
    remedy: "Call KeCancelTimer for each timer before the memory that holds it goes, and then \
        KeFlushQueuedDpcs, since its DPC may be queued or running already. A periodic timer \
        never ends by itself.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xc7--timer-or-dpc-invalid",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kecanceltimer",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unloaded { image } = *event else { return None };
    let routine = |dpc: u64| match dpc {
        0 => 0,
        dpc => world.bus.memory.view64(dpc.wrapping_add(DEFERRED_ROUTINE)),
    };
    let mut timers = world.state.timers.iter().filter(|timer| {
        timer.object != 0 && words::belongs(world, image, routine(timer.dpc), timer.site)
    });
    let timer = timers.next()?;
    let (start, end) = words::image(world, image);
    let kind = if timer.period == 0 { "timer" } else { "periodic timer" };
    let name = words::object(world, timer.object);
    let title =
        format!("{} is unloaded while a {kind} is set ({name})", words::named(world, image));
    let first = match timer.dpc {
        0 => [(0, "kind of violation: timer"), (timer.object, "timer")],
        dpc => [(2, "kind of violation: DPC routine"), (routine(dpc), "DPC routine")],
    };
    let [kind, what] = first;
    let range = [(start, "first byte of the driver"), (end, "last byte of the driver")];
    let mut violation = Violation::new(&RULE, title)
        .bugcheck(TIMER_OR_DPC_INVALID, [kind, what, range[0], range[1]])
        .at("timer set here", timer.site);
    for other in timers {
        violation = violation.at("another timer set here", other.site);
    }
    Some(violation.here("driver unloaded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::state::Timer;

    #[test]
    fn the_end_of_a_wait_is_no_timer_of_the_driver() {
        let mut world = World::new(2, &[]);
        let mut timer = Timer { object: 0, context: 1, due: 5, period: 0, dpc: 0, site: 6 };
        world.state.timers.push(timer);
        assert!(check(&Event::Unloaded { image: 0 }, &world).is_none());
        timer.object = 0x4000;
        world.state.timers.push(timer);
        let violation = check(&Event::Unloaded { image: 0 }, &world).expect("objects");
        assert_eq!((violation.code, violation.places[0].1), (0xc7, Some(6)));
    }
}
