//! ## What it does
//!
//! Forbids unloading the driver without deleting the device objects that it made.
//!
//! Windows does not stop at once; the bug check comes with whoever uses the device.
//!
//! ## Why is this bad?
//!
//! A device object points to its driver object. A request that still finds the device is sent to a
//! driver that is gone, and the device's name stays taken until the next start of the machine.
//!
//! ## Example
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     IoDeleteSymbolicLink(&LinkName);
//! }
//! ```
//!
//! Instead:
//!
//! ```c
//! static VOID NTAPI Unload(PDRIVER_OBJECT Driver)
//! {
//!     IoDeleteSymbolicLink(&LinkName);
//!     IoDeleteDevice(Driver->DeviceObject);
//! }
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodeletedevice>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality>
//! - <https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-deletedevice>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "device-left",
    summary: "Forbids unloading the driver without deleting the device objects that it made.",
    why: "A device object points to its driver object. A request that still finds the device \
        is sent to a driver that is gone, and the device's name stays taken until the next \
        start of the machine.",
    remedy: "Call IoDeleteDevice for each device object: in the unload routine for those made in \
        DriverEntry, on IRP_MN_REMOVE_DEVICE (after IoDetachDevice) for those made in \
        AddDevice, and on every error path that follows IoCreateDevice.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iodeletedevice",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/unload-routine-functionality",
        "https://learn.microsoft.com/windows-hardware/drivers/devtest/wdm-deletedevice",
    ],
    severity: Severity::Error,
    wants: &[Kind::Unloaded],
    check,
};

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::Unloaded { image } = *event else { return None };
    let own = words::driver_object(world, image);
    let mut devices =
        world.state.devices.iter().filter(|device| !device.deleted && device.driver == own);
    let device = devices.next()?;
    let name = device.name.as_deref().unwrap_or("without a name");
    let title =
        format!("{} is unloaded and leaves the device {name} behind", words::named(world, image));
    let mut violation = Violation::new(&RULE, title).at("device made here", device.made);
    for other in devices {
        violation = violation.at("another device made here", other.made);
    }
    Some(violation.here("driver unloaded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::state::Device;

    #[test]
    fn deleted_devices_and_those_of_others_do_not_count() {
        let mut world = World::new(2, &[]);
        for (driver, deleted, bad) in [(0, true, false), (9, false, false), (0, false, true)] {
            let device = Device { object: 0x4000, driver, name: None, made: 2, deleted };
            world.state.devices.push(device);
            assert_eq!(check(&Event::Unloaded { image: 0 }, &world).is_some(), bad);
        }
    }
}
