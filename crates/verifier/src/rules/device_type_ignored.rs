//! ## What it does
//!
//! Tells that the device type which a function driver gives to IoCreateDevice is not the one that
//! applications see: they open the physical device object, and that has another type.
//!
//! ## Why is this bad?
//!
//! Whoever opens a device by the link of its interface has a file on the physical device object, whose
//! type is the bus driver's. The C run-time asks for it in fopen and open, and takes a device of type
//! FILE_DEVICE_UNKNOWN for no file: both fail with EINVAL, "Invalid argument", while CreateFile works.
//!
//! ## Example
//!
//! ```c
//!     Status = IoCreateDevice(Driver, sizeof(EXTENSION), NULL, FILE_DEVICE_SERIAL_PORT, ...);
//! ```
//!
//! Instead:
//!
//! ```text
//! [Device.NT.HW]
//! AddReg = Device.Properties
//! [Device.Properties]
//! HKR,,DeviceType,0x10001,0x1b
//! ```
//!
//! ## References
//!
//! - <https://learn.microsoft.com/windows-hardware/drivers/install/inf-addreg-directive>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/setting-device-object-registry-properties-during-installation>
//! - <https://learn.microsoft.com/windows-hardware/drivers/kernel/specifying-device-types>
//! - <https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getfiletype>

use crate::words;
use finding::Severity;
use kernel::World;
use kernel::event::{Event, Kind, Rule, Violation};
use nt::device_type;
use nt::layout::device_object;

/// See the module's description.
pub static RULE: Rule = Rule {
    name: "device-type-ignored",
    summary: "Tells that the device type which a function driver gives to IoCreateDevice is not the \
        one that applications see.",
    why: "Whoever opens a device by the link of its interface has a file on the physical device \
        object, whose type is the bus driver's. The C run-time asks for it in fopen and open, and \
        takes a device of type FILE_DEVICE_UNKNOWN for no file: both fail with EINVAL, \"Invalid \
        argument\", while CreateFile works.",
    remedy: "Have the INF file set DeviceType, and DeviceCharacteristics, Exclusive and Security \
        where they matter, in a section that AddReg of DDInstall.HW names: the PnP manager gives \
        that type to the physical device object. Give IoCreateDevice the same one.",
    references: &[
        "https://learn.microsoft.com/windows-hardware/drivers/install/inf-addreg-directive",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/setting-device-object-registry-properties-during-installation",
        "https://learn.microsoft.com/windows-hardware/drivers/kernel/specifying-device-types",
        "https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getfiletype",
    ],
    severity: Severity::Advice,
    wants: &[Kind::FileType],
    check,
};

fn type_of(world: &World, device: u64) -> u32 {
    world.bus.memory.view64(device + device_object::DEVICE_TYPE) as u32
}

fn named(kind: u32) -> String {
    device_type::name(kind).map_or_else(|| format!("type {kind:#x}"), str::to_owned)
}

fn check(event: &Event, world: &World) -> Option<Violation> {
    let Event::FileType { file } = *event else { return None };
    let opened = world.state.files.get(usize::from(file))?.device;
    let ours = |driver| world.modules.iter().any(|module| module.driver_object == driver);
    let mut devices = world.state.devices.iter();
    let device = devices.find(|device| ours(device.driver) && !device.deleted)?;
    let (seen, given) = (type_of(world, opened), type_of(world, device.object));
    if opened == device.object || seen == given {
        return None;
    }
    let title = format!(
        "{} makes a device of {}, and applications see {}",
        words::driver(world),
        named(given),
        named(seen)
    );
    let fails = match seen {
        device_type::FILE_DEVICE_UNKNOWN => {
            "GetFileType gives FILE_TYPE_UNKNOWN; fopen and open fail with EINVAL. "
        }
        _ => "",
    };
    let detail = format!("{fails}The line for the INF file is HKR,,DeviceType,0x10001,{given:#x}.");
    Some(Violation::new(&RULE, title).detail(detail).at("device made here", device.made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_no_matter() {
        let world = World::new(2, &[]);
        assert!(check(&Event::FileType { file: 0 }, &world).is_none());
        assert_eq!(named(0x1b), "FILE_DEVICE_SERIAL_PORT");
        assert_eq!(named(0x9000), "type 0x9000");
    }
}
