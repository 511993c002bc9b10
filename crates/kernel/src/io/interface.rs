//! Device interfaces: names by class GUID under which applications find devices.

use super::registered::Interface;
use crate::cm::key::handle_to;
use crate::cx::{Cx, Stop};
use crate::ex::pool;
use crate::io::device::unicode_string;
use crate::rtl::text::Counted;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use memory::Access;
use nt::layout::device_object;
use nt::status::*;
use nt::string::{to_utf16le, to_utf16le_z};
use std::rc::Rc;

/// Where device interface classes have their keys.
const CLASSES: &str = "\\Registry\\Machine\\System\\ControlSet001\\Control\\DeviceClasses";

/// `{53f56307-b6bf-11d0-94f2-00a0c91efb8b}`
pub(crate) fn guid_text(guid: &[u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = guid;
    let tail: Vec<String> = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{{{:08x}-{:04x}-{:04x}-{}{}-{}}}",
        u32::from_le_bytes([*a, *b, *c, *d]),
        u16::from_le_bytes([*e, *f]),
        u16::from_le_bytes([*g, *h]),
        tail[0],
        tail[1],
        tail[2..].concat(),
    )
}

fn read_guid(cx: &mut Cx, at: u64) -> Result<[u8; 16], Stop> {
    let bytes = cx.read_bytes(at, 16)?;
    Ok(bytes.first_chunk().copied().unwrap_or_default())
}

/// A string in paged pool that the caller frees with RtlFreeUnicodeString.
fn give_string(cx: &mut Cx, place: u64, text: &str) -> Result<(), Stop> {
    let bytes = to_utf16le_z(text);
    let tag = nt::pool::tag(*b"Iosl");
    let at = pool::allocate(cx, BlockKind::Pool, true, bytes.len() as u64, tag);
    let Some(buffer) = at else { return Err(Stop::Run) };
    cx.bus.memory.poke(buffer, &bytes);
    let (length, maximum) = (bytes.len() as u16 - 2, bytes.len() as u16);
    Counted { length, maximum, buffer }.write(cx, place)
}

/// Registers an interface of a device and gives its symbolic link.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioregisterdeviceinterface>
pub fn IoRegisterDeviceInterface(
    cx: &mut Cx,
    pdo: u64,
    class: u64,
    reference: u64,
    link: u64,
) -> Result<u32, Stop> {
    cx.probe(pdo, device_object::SIZE, Access::Read)?;
    cx.probe(link, 16, Access::Write)?;
    let class = read_guid(cx, class)?;
    let reference = if reference == 0 { String::new() } else { unicode_string(cx, reference)? };
    if !super::property::is_pdo(cx, pdo) || reference.contains(['\\', '/']) {
        return Ok(STATUS_INVALID_DEVICE_REQUEST);
    }
    let instance = super::property::instance_path(cx, pdo).replace('\\', "#");
    let mut name = format!("\\??\\{instance}#{}", guid_text(&class));
    if !reference.is_empty() {
        name = format!("{name}\\{reference}");
    }
    give_string(cx, link, &name)?;
    let registered = Rc::make_mut(&mut cx.state.registered);
    if registered.interfaces.iter().any(|known| known.link.eq_ignore_ascii_case(&name)) {
        return Ok(STATUS_OBJECT_NAME_EXISTS);
    }
    let link = Rc::from(name);
    registered.interfaces.push(Interface { class, pdo, link, enabled: false });
    Ok(STATUS_SUCCESS)
}

/// Lets applications open an interface, or no longer.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetdeviceinterfacestate>
pub fn IoSetDeviceInterfaceState(cx: &mut Cx, link: u64, enable: bool) -> Result<u32, Stop> {
    let name = unicode_string(cx, link)?;
    let registered = Rc::make_mut(&mut cx.state.registered);
    let mut known = registered.interfaces.iter_mut();
    let Some(interface) = known.find(|known| known.link.eq_ignore_ascii_case(&name)) else {
        return Ok(STATUS_OBJECT_NAME_NOT_FOUND);
    };
    let was = std::mem::replace(&mut interface.enabled, enable);
    Ok(match (was, enable) {
        (true, true) => STATUS_OBJECT_NAME_EXISTS,
        (false, false) => STATUS_OBJECT_NAME_NOT_FOUND,
        _ => STATUS_SUCCESS,
    })
}

/// Lists the links of a class, each terminated, and one terminator more; of one device, or of all.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdeviceinterfaces>
pub fn IoGetDeviceInterfaces(
    cx: &mut Cx,
    class: u64,
    pdo: u64,
    flags: u32,
    list: u64,
) -> Result<u32, Stop> {
    let class = read_guid(cx, class)?;
    // DEVICE_INTERFACE_INCLUDE_NONACTIVE
    let all = flags & 1 != 0;
    let mut bytes = Vec::new();
    for interface in &cx.state.registered.interfaces {
        let wanted = pdo == 0 || interface.pdo == pdo;
        if interface.class == class && wanted && (all || interface.enabled) {
            bytes.extend(to_utf16le(&interface.link));
            bytes.extend([0, 0]);
        }
    }
    bytes.extend([0, 0]);
    let tag = nt::pool::tag(*b"Iosl");
    let at = pool::allocate(cx, BlockKind::Pool, true, bytes.len() as u64, tag);
    let Some(at) = at else { return Err(Stop::Run) };
    cx.bus.memory.poke(at, &bytes);
    cx.write64(list, at)?;
    Ok(STATUS_SUCCESS)
}

/// Opens the key where an interface keeps its settings.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioopendeviceinterfaceregistrykey>
pub fn IoOpenDeviceInterfaceRegistryKey(
    cx: &mut Cx,
    link: u64,
    _access: u32,
    handle: u64,
) -> Result<u32, Stop> {
    let name = unicode_string(cx, link)?;
    let mut known = cx.state.registered.interfaces.iter();
    let found = known.find(|known| known.link.eq_ignore_ascii_case(&name)).cloned();
    let Some(interface) = found else { return Ok(STATUS_OBJECT_NAME_NOT_FOUND) };
    let instance = interface.link.trim_start_matches("\\??\\").replace('\\', "#");
    let class = guid_text(&interface.class);
    let path = format!("{CLASSES}\\{class}\\##?#{instance}\\Device Parameters");
    let number = Rc::make_mut(&mut cx.state.hive).create(&path);
    handle_to(cx, number, handle)?;
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoRegisterDeviceInterface),
        service!(IoSetDeviceInterfaceState, partly "nobody is notified of it"),
        service!(IoGetDeviceInterfaces),
        service!(IoOpenDeviceInterfaceRegistryKey),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, bytes, run};

    #[test]
    fn an_interface_is_registered_enabled_listed_and_found() {
        run(|cx| {
            let Some(pdo) = crate::pnp::bus::make_pdo(cx) else { return Err(Stop::Run) };
            let class = bytes(cx, &(0..16).collect::<Vec<u8>>());
            let (link, list) = (block(cx, 16), block(cx, 8));
            assert_eq!(IoRegisterDeviceInterface(cx, pdo, class, 0, link)?, STATUS_SUCCESS);
            let name = unicode_string(cx, link)?;
            assert!(name.ends_with("{03020100-0504-0706-0809-0a0b0c0d0e0f}"), "{name}");
            assert_eq!(IoSetDeviceInterfaceState(cx, link, false)?, STATUS_OBJECT_NAME_NOT_FOUND);
            assert_eq!(crate::io::symbolic_link::find_device(cx, &name), None);
            assert_eq!(IoSetDeviceInterfaceState(cx, link, true)?, STATUS_SUCCESS);
            assert_eq!(crate::io::symbolic_link::find_device(cx, &name), Some(pdo));
            assert_eq!(IoGetDeviceInterfaces(cx, class, 0, 0, list)?, STATUS_SUCCESS);
            let first = cx.read64(list)?;
            let told = crate::rtl::text::wide_z(cx, first, 1000)?;
            assert_eq!(String::from_utf16_lossy(&told), name);
            assert_eq!(IoOpenDeviceInterfaceRegistryKey(cx, link, 0, list)?, STATUS_SUCCESS);
            Ok(())
        });
    }
}
