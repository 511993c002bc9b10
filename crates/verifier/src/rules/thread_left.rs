//! ## What it does
//!
//! Forbids unloading the driver while a system thread that it made still runs its code.
//!
//! ## Why is this bad?
//!
//! The thread returns from its wait, or just goes on, in memory that is gone.
//!
//! ## Example
//!
//! ```c
//!     KeSetEvent(&Ext->Stop, IO_NO_INCREMENT, FALSE);
//!     IoDeleteDevice(Driver->DeviceObject); /* the thread has not ended yet */
//! ```
//!
//! Instead:
//!
//! ```c
//!     KeSetEvent(&Ext->Stop, IO_NO_INCREMENT, FALSE);
//!     KeWaitForSingleObject(Ext->Thread, Executive, KernelMode, FALSE, NULL);
//!     ObDereferenceObject(Ext->Thread);
//!     IoDeleteDevice(Driver->DeviceObject);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/device-dedicated-threads>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-pscreatesystemthread>

use crate::{stops, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::{Doing, Start};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "thread-left",
    summary: "Forbids unloading the driver while a system thread that it made still runs its \
        code.",
    why: "The thread returns from its wait, or just goes on, in memory that is gone.",
    remedy: "Keep the thread's object (ObReferenceObjectByHandle), tell the thread to end, and \
        wait for the object in the unload routine. Waiting for an event that the thread \
        sets last is not enough: it still has to run the way to its end.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/device-dedicated-threads",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-pscreatesystemthread",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unloaded { image } = *event else { return None };
    let (context, routine) = words::live(world).find_map(|context| {
        let state = &world.state.contexts[usize::from(context)];
        let routine = match state.start {
            Start::Thread { routine, .. } => routine,
            // It waited in a kernel routine when the run's baseline was taken; that returns here.
            Start::Blocked => world.bus.memory.view64(world.cpus[usize::from(context)].gpr[4]),
            _ => return None,
        };
        words::belongs(world, image, routine, state.made).then_some((context, routine))
    })?;
    let state = &world.state.contexts[usize::from(context)];
    let place = words::object(world, routine);
    let title = match (state.start, state.doing) {
        (Start::Thread { .. }, _) => {
            format!("{} is unloaded while its thread {place} runs", words::named(world, image))
        }
        (_, Doing::Waiting) => {
            format!("{} is unloaded while a thread waits at {place}", words::named(world, image))
        }
        _ => {
            format!(
                "{} is unloaded while a thread is on its way to {place}",
                words::named(world, image)
            )
        }
    };
    let violation = stops::left_behind(Violation::new(&RULE, title), routine);
    Some(violation.at("thread made here", state.made).here("driver unloaded"))
}
