//! # notification-left
//!
//! ## What it does
//!
//! Forbids unloading the driver while a routine of its is registered to be called: for processes,
//! threads, images, Plug and Play events, power settings, callback objects, the registry, handles or
//! tracing.
//!
//! Registrations for shutdown are left out: they belong to a device object, not to a routine.
//!
//! ## Why is this bad?
//!
//! The next time that such a thing happens, the system calls an address where the driver was. Where
//! the registration holds a reference to the driver, the driver is never unloaded instead.
//!
//! ## Example
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     IoDeleteDevice(Driver->DeviceObject);
//! }
//! ```
//!
//! Instead:
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     PsSetCreateProcessNotifyRoutine(ProcessNotify, TRUE);
//!     IoDeleteDevice(Driver->DeviceObject);
//! }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-pssetcreateprocessnotifyroutine>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iounregisterplugplaynotificationex>
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exunregistercallback>
//! - <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use kernel::io::registered::{self, Notification};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "notification-left",
    summary: "Forbids unloading the driver while a routine of its is registered to be called.",
    why: "The next time that such a thing happens, the system calls an address where the driver \
        was. Where the registration holds a reference to the driver, the driver is never \
        unloaded instead.",
    remedy: "Take every registration back in the unload routine, or earlier, before what the \
        routine uses goes away. Most of the routines that take one back wait until the \
        registered routine has returned.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-pssetcreateprocessnotifyroutine",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iounregisterplugplaynotificationex",
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exunregistercallback",
        "https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xce--driver-unloaded-without-cancelling-pending-operations",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded],
    check,
};

/// DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS.
const CODE: u32 = 0xce;

/// What a routine is called for; `None` where leaving it behind is not wrong.
fn occasion(known: &Notification) -> Option<&'static str> {
    Some(match known.event {
        registered::Event::Callback => "a callback object",
        registered::Event::Process => "processes",
        registered::Event::Thread => "threads",
        registered::Event::Image => "images",
        registered::Event::PlugPlay => "Plug and Play events",
        registered::Event::PowerSetting => "a power setting",
        registered::Event::Registry => "the registry",
        registered::Event::Handles => "handles to processes and threads",
        registered::Event::Etw => "tracing",
        registered::Event::Wmi => "WMI's requests",
        registered::Event::Shutdown | registered::Event::Reinitialize => return None,
    })
}

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unloaded { image } = *event else { return None };
    // Handles have several routines, and a tracing provider may have none.
    let own = |known: &Notification| words::belongs(world, image, known.routine, known.made);
    let mut left = world
        .state
        .registered
        .notifications
        .iter()
        .filter(|known| own(known))
        .filter_map(|known| Some((known, occasion(known)?)));
    let (known, occasion) = left.next()?;
    let driver = words::named(world, image);
    let title = match known.routine {
        0 => format!("{driver} is unloaded while it is registered for {occasion}"),
        routine => {
            let routine = words::object(world, routine);
            format!("{driver} is unloaded while its routine {routine} is registered for {occasion}")
        }
    };
    let mut violation = Violation::new(&RULE, title).at("registered here", known.made);
    for (other, _) in left {
        violation = violation.at("also registered here", other.made);
    }
    // WMI has no routine, but sends requests to the device.
    let routine = match known.event {
        registered::Event::Wmi => dispatch_routine(world, words::driver_object(world, image)),
        _ => known.routine,
    };
    let parameters = [
        (routine, "address that was referenced: the routine, when it is called"),
        (8, "0 read, 1 write, 8 execute"),
        (routine, "instruction"),
        (0, "reserved"),
    ];
    Some(violation.bugcheck(CODE, parameters).here("driver unloaded"))
}

/// A driver's dispatch routine for IRP_MJ_SYSTEM_CONTROL.
fn dispatch_routine(world: &World, driver_object: u64) -> u64 {
    let slot = 8 * u64::from(nt::irp::IRP_MJ_SYSTEM_CONTROL);
    world.bus.memory.view64(driver_object + nt::layout::driver_object::MAJOR_FUNCTION + slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    fn with(event: registered::Event) -> Option<Violation> {
        let mut world = World::new(2, &[]);
        let known = Notification { event, routine: 0, context: 0, handle: 1, object: 0, made: 7 };
        Rc::make_mut(&mut world.state.registered).notifications.push(known);
        check(&Event::Unloaded { image: 0 }, &world)
    }

    #[test]
    fn what_is_left_is_told_with_its_place() {
        assert!(check(&Event::Unloaded { image: 0 }, &World::new(2, &[])).is_none());
        let told = with(registered::Event::Etw).expect("objects");
        assert_eq!(told.places[0].1, Some(7));
        assert!(with(registered::Event::Shutdown).is_none());
    }
}
