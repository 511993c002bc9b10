//! What the PnP manager knows of a device: properties, and the keys where it keeps settings.

use crate::cm::hive::{CONTROL, ENUM};
use crate::cm::key::handle_to;
use crate::cx::{Cx, Stop};
use crate::pnp::children;
use crate::service;
use crate::service::Service;
use crate::state::Start;
use crate::world::World;
use memory::Access;
use nt::layout::device_object;
use nt::status::*;
use nt::string::to_utf16le_z;
use std::rc::Rc;

/// Setup class of the bench's devices: "System" (system-supplied classes of the WDK).
const CLASS: &str = "System";
const CLASS_GUID: &str = "{4d36e97d-e325-11ce-bfc1-08002be10318}";
/// GUID_BUS_TYPE_PCI (wdmguid.h).
const BUS_TYPE_PCI: [u8; 16] = [
    0xb0, 0xdf, 0xeb, 0xc8, 0x10, 0xb5, 0xd0, 0x11, 0x80, 0xe5, 0x00, 0xa0, 0xc9, 0x25, 0x42, 0xe3,
];
/// DO_BUS_ENUMERATED_DEVICE (wdm.h).
const BUS_ENUMERATED: u32 = 0x1000;
/// PCIBus of INTERFACE_TYPE (wdm.h).
const PCI_BUS: u32 = 5;
/// Device number 3, function 0, as DevicePropertyAddress has them for PCI.
const ADDRESS: u32 = 3 << 16;
/// Hardware ID, up to the instance.
const HARDWARE: &str = "PCI\\VEN_1B36&DEV_0017&SUBSYS_00171B36&REV_01";
const DESCRIPTION: &str = "Bench device";

/// Whether a device object is a physical one, made by a bus driver.
pub(crate) fn is_pdo(world: &mut World, device: u64) -> bool {
    let known = world.state.devices.iter().any(|entry| entry.object == device && !entry.deleted);
    known && world.bus.memory.peek32(device + device_object::FLAGS) & BUS_ENUMERATED != 0
}

/// `PCI\VEN_...\instance`: each physical device object has an instance of its own.
pub(crate) fn instance_path(world: &World, pdo: u64) -> String {
    let number = world.state.devices.iter().position(|entry| entry.object == pdo).unwrap_or(0);
    format!("{HARDWARE}\\3&11583659&{number}&18")
}

/// The key of a device's driver below the class's.
pub(crate) fn driver_key(world: &World, pdo: u64) -> String {
    let number = world.state.devices.iter().position(|entry| entry.object == pdo).unwrap_or(0);
    format!("{CLASS_GUID}\\{number:04}")
}

fn list(names: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = names.iter().flat_map(|name| to_utf16le_z(name)).collect();
    bytes.extend([0, 0]);
    bytes
}

/// A property's bytes (DEVICE_REGISTRY_PROPERTY, wdm.h), or the status to refuse with.
fn property(cx: &mut Cx, pdo: u64, property: u32) -> Result<Vec<u8>, u32> {
    let word = |value: u32| Ok(value.to_le_bytes().to_vec());
    let text = |text: &str| Ok(to_utf16le_z(text));
    match property {
        // DevicePropertyDeviceDescription
        0 => text(DESCRIPTION),
        // DevicePropertyHardwareID
        1 => Ok(list(&[HARDWARE, "PCI\\VEN_1B36&DEV_0017", "PCI\\VEN_1B36&DEV_0017&CC_0880"])),
        // DevicePropertyCompatibleIDs
        2 => Ok(list(&["PCI\\VEN_1B36&CC_0880", "PCI\\CC_0880"])),
        // DevicePropertyClassName, DevicePropertyClassGuid, DevicePropertyDriverKeyName
        5 => text(CLASS),
        6 => text(CLASS_GUID),
        7 => text(&driver_key(cx, pdo)),
        // DevicePropertyManufacturer
        8 => text("Bench"),
        // DevicePropertyFriendlyName: no class installer set one
        9 => Err(STATUS_OBJECT_NAME_NOT_FOUND),
        // DevicePropertyLocationInformation
        10 => text("PCI bus 0, device 3, function 0"),
        // DevicePropertyPhysicalDeviceObjectName
        11 => {
            let mut devices = cx.state.devices.iter();
            let name = devices.find(|entry| entry.object == pdo).and_then(|it| it.name.clone());
            text(name.as_deref().unwrap_or(""))
        }
        // DevicePropertyBusTypeGuid, DevicePropertyLegacyBusType, DevicePropertyBusNumber
        12 => Ok(BUS_TYPE_PCI.to_vec()),
        13 => word(PCI_BUS),
        14 => word(0),
        // DevicePropertyEnumeratorName
        15 => text("PCI"),
        // DevicePropertyAddress, DevicePropertyUINumber
        16 => word(ADDRESS),
        17 => word(u32::MAX),
        // DevicePropertyInstallState: InstallStateInstalled
        18 => word(0),
        // DevicePropertyRemovalPolicy: RemovalPolicyExpectOrderlyRemoval
        19 => word(2),
        // Resource lists are told with IRP_MN_START_DEVICE.
        3 | 4 | 20 | 21 => Err(STATUS_OBJECT_NAME_NOT_FOUND),
        _ => Err(STATUS_INVALID_PARAMETER_2),
    }
}

/// Tells a property of a device.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdeviceproperty>
pub fn IoGetDeviceProperty(
    cx: &mut Cx,
    pdo: u64,
    number: u32,
    length: u32,
    buffer: u64,
    result: u64,
) -> Result<u32, Stop> {
    cx.probe(pdo, device_object::SIZE, Access::Read)?;
    if !is_pdo(cx, pdo) {
        return Ok(STATUS_INVALID_DEVICE_REQUEST);
    }
    let bytes = match property(cx, pdo, number) {
        Ok(bytes) => bytes,
        Err(status) => return Ok(status),
    };
    cx.write32(result, bytes.len() as u32)?;
    if (length as usize) < bytes.len() {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    cx.write_bytes(buffer, &bytes)?;
    Ok(STATUS_SUCCESS)
}

/// Opens the key where a device, or its driver for this device, keeps settings.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioopendeviceregistrykey>
pub fn IoOpenDeviceRegistryKey(
    cx: &mut Cx,
    pdo: u64,
    kind: u32,
    _access: u32,
    handle: u64,
) -> Result<u32, Stop> {
    cx.probe(pdo, device_object::SIZE, Access::Read)?;
    if !is_pdo(cx, pdo) {
        return Ok(STATUS_INVALID_PARAMETER);
    }
    // PLUGPLAY_REGKEY_DEVICE 1, PLUGPLAY_REGKEY_DRIVER 2, PLUGPLAY_REGKEY_CURRENT_HWPROFILE 4.
    let path = match kind & !4 {
        1 => format!("{ENUM}\\{}\\Device Parameters", instance_path(cx, pdo)),
        2 => format!("{CONTROL}\\Class\\{}", driver_key(cx, pdo)),
        _ => return Ok(STATUS_INVALID_PARAMETER),
    };
    let number = Rc::make_mut(&mut cx.state.hive).create(&path);
    handle_to(cx, number, handle)?;
    Ok(STATUS_SUCCESS)
}

fn ask_again(cx: &mut Cx, pdo: u64, state: bool) -> Result<(), Stop> {
    if !children::check_pdo(cx, pdo)? {
        return Ok(());
    }
    let thread = crate::ps::thread::object(cx);
    match cx.spawn(Start::AskAgain { pdo, state }, 0, thread) {
        Some(_) => Ok(()),
        None => Err(Stop::Run),
    }
}

/// What is on a device's bus changed: the PnP manager asks its driver for it, in a thread of its own.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioinvalidatedevicerelations>
pub fn IoInvalidateDeviceRelations(cx: &mut Cx, device: u64, kind: u32) -> Result<(), Stop> {
    // BusRelations; others change what the PnP manager does with other devices only.
    if kind == 0 { ask_again(cx, device, false) } else { children::check_pdo(cx, device).map(drop) }
}

/// The device's PnP state changed: the PnP manager asks its driver for it, in a thread of its own.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioinvalidatedevicestate>
pub fn IoInvalidateDeviceState(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    ask_again(cx, pdo, true)
}

/// Asks for a device to be ejected.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntddk/nf-ntddk-iorequestdeviceeject>
pub fn IoRequestDeviceEject(cx: &mut Cx, pdo: u64) -> Result<(), Stop> {
    cx.probe(pdo, device_object::SIZE, Access::Read)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoGetDeviceProperty, partly "no resource lists"),
        service!(IoOpenDeviceRegistryKey),
        service!(IoInvalidateDeviceRelations, hands_over),
        service!(IoInvalidateDeviceState, hands_over),
        service!(IoRequestDeviceEject, partly "the device is not ejected"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, run};

    #[test]
    fn properties_are_told_where_there_is_room() {
        run(|cx| {
            let Some(pdo) = crate::pnp::bus::make_pdo(cx) else { return Err(Stop::Run) };
            let (room, size) = (block(cx, 256), block(cx, 8));
            assert_eq!(IoGetDeviceProperty(cx, pdo, 13, 2, room, size)?, STATUS_BUFFER_TOO_SMALL);
            assert_eq!(IoGetDeviceProperty(cx, pdo, 13, 4, room, size)?, STATUS_SUCCESS);
            assert_eq!((cx.read32(room)?, cx.read32(size)?), (PCI_BUS, 4));
            assert_eq!(
                IoGetDeviceProperty(cx, pdo, 99, 4, room, size)?,
                STATUS_INVALID_PARAMETER_2
            );
            Ok(())
        });
    }

    #[test]
    fn keys_of_devices_are_opened() {
        run(|cx| {
            let Some(pdo) = crate::pnp::bus::make_pdo(cx) else { return Err(Stop::Run) };
            let place = block(cx, 8);
            for (kind, status) in [(1, STATUS_SUCCESS), (2, 0), (3, STATUS_INVALID_PARAMETER)] {
                assert_eq!(IoOpenDeviceRegistryKey(cx, pdo, kind, 0, place)?, status);
            }
            Ok(())
        });
    }
}
