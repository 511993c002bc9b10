//! ## What it does
//!
//! Forbids a driver routine to wait for something that nobody will ever do.
//!
//! Judged at the end of a run, when nothing can run any more. Windows just hangs, so there is no
//! bug check.
//!
//! ## Why is this bad?
//!
//! The thread that called into the driver never comes back: an application that cannot be ended, a
//! device that cannot be removed, a machine that does not shut down. No bug check says where.
//!
//! ## Example
//!
//! ```c
//!     IoCallDriver(Ext->LowerDevice, Irp);
//!     KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL); /* who sets it? */
//! ```
//!
//! Instead:
//!
//! ```c
//!     IoSetCompletionRoutine(Irp, SetEvent, &Event, TRUE, TRUE, TRUE);
//!     if (IoCallDriver(Ext->LowerDevice, Irp) == STATUS_PENDING)
//!         KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/using-iocompletion-routines>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kewaitforsingleobject>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-signaleventincompletion>

use crate::{outstanding, words};
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::state::{Doing, Start};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "hang",
    summary: "Forbids a driver routine to wait for something that nobody will ever do.",
    why: "The thread that called into the driver never comes back: an application that cannot \
        be ended, a device that cannot be removed, a machine that does not shut down. No \
        bug check says where.",
    remedy: "See that every way out of the code that should signal the object does so, errors \
        and cancels too; that an event which several may wait for is a notification event; \
        that counts are decremented on every path, and that the wait comes after what it \
        waits for was started.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/using-iocompletion-routines",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-kewaitforsingleobject",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-signaleventincompletion",
    ],
    severity: Severity::Error,
    wants: &[Kind::End],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::End = event else { return None };
    // What the winding down waits for is more often the effect than the cause.
    let context = outstanding::hung(world).min_by_key(|&c| words::winds_down(world, c))?;
    let who = world.context_name(context);
    let driver = words::driver_of_context(world, context);
    let wait = world.state.waits.iter().rfind(|wait| wait.context == context);
    let objects = match (wait, world.state.contexts[usize::from(context)].doing) {
        (Some(wait), _) if wait.count > 0 => {
            let count = usize::from(wait.count).min(wait.objects.len());
            let names: Vec<_> = wait.objects[..count]
                .iter()
                .map(|&object| words::waitable(world, object))
                .collect();
            names.join(if wait.all { " and " } else { " or " })
        }
        (_, Doing::ForKey(key)) => words::object(world, key),
        _ => "something".to_owned(),
    };
    let mut timers = world.state.timers.iter();
    let polls = timers.any(|timer| timer.object == 0 && timer.context == context);
    let (title, detail) = if polls {
        let title = format!("{who} waits again and again inside {driver}, for {objects}");
        (title, "Each wait ends with its timeout, and nothing comes of it.")
    } else {
        let title = format!("{who} waits for ever inside {driver}, for {objects}");
        (title, "Nothing can run any more that could end the wait.")
    };
    let mut violation = Violation::new(&RULE, title).detail(detail);
    for other in outstanding::hung(world).filter(|&other| other != context) {
        violation = started(violation, world, other);
    }
    let waits = world.state.contexts[usize::from(context)].blocked;
    Some(started(violation, world, context).at("waits here", waits))
}

/// Where the driver queued a work item that hangs; actors come from outside.
fn started(violation: Violation, world: &World, context: u8) -> Violation {
    let state = &world.state.contexts[usize::from(context)];
    match state.start {
        Start::WorkItem { .. } => {
            let role = format!("{} queued here", world.context_name(context));
            violation.at(&role, state.made)
        }
        _ => violation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::state::{ContextState, FREE, WAIT_OBJECTS, Wait};

    #[test]
    fn somebody_blocked_inside_the_driver_is_named() {
        let mut world = World::new(2, &[]);
        let state =
            ContextState { start: Start::Actor(0), doing: Doing::Waiting, depth: 0, ..FREE };
        world.state.contexts[0] = state;
        world.state.live = 1;
        assert!(check(&Event::End, &world).is_none(), "not inside the driver");
        world.state.contexts[0].depth = 1;
        let mut objects = [0; WAIT_OBJECTS];
        objects[0] = 0x9000;
        world.state.waits.push(Wait { context: 0, objects, count: 1, all: true });
        let violation = check(&Event::End, &world).expect("objects");
        assert!(violation.title.contains("0x9000"), "{}", violation.title);
    }
}
