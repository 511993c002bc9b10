//! Properties of devices and device interfaces by key, as drivers set them.

use super::registered::Property;
use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;
use memory::Access;
use nt::layout::device_object;
use nt::status::*;
use std::rc::Rc;

/// Bytes of a DEVPROPKEY: a GUID and a number.
const KEY: u64 = 20;

fn read_key(cx: &mut Cx, at: u64) -> Result<[u8; KEY as usize], Stop> {
    let mut key = [0; KEY as usize];
    key.copy_from_slice(&cx.read_bytes(at, KEY)?);
    Ok(key)
}

/// Sets a property, or takes it away where there is no data.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetdevicepropertydata>
pub fn IoSetDevicePropertyData(
    cx: &mut Cx,
    pdo: u64,
    key: u64,
    locale: u32,
    _flags: u32,
    kind: u32,
    bytes: u32,
    data: u64,
) -> Result<u32, Stop> {
    cx.probe(pdo, device_object::SIZE, Access::Read)?;
    let key = read_key(cx, key)?;
    let data = if data == 0 { None } else { Some(cx.read_bytes(data, u64::from(bytes))?) };
    let properties = &mut Rc::make_mut(&mut cx.state.registered).properties;
    properties.retain(|known| !known.is(pdo, &key, locale));
    if let Some(data) = data {
        properties.push(Property { device: pdo, key, locale, kind, data: data.into() });
    }
    Ok(STATUS_SUCCESS)
}

/// A property's data and type.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iogetdevicepropertydata>
pub fn IoGetDevicePropertyData(
    cx: &mut Cx,
    pdo: u64,
    key: u64,
    locale: u32,
    _flags: u32,
    room: u32,
    data: u64,
    required: u64,
    kind: u64,
) -> Result<u32, Stop> {
    cx.probe(pdo, device_object::SIZE, Access::Read)?;
    let key = read_key(cx, key)?;
    let registered = cx.state.registered.clone();
    let found = registered.properties.iter().find(|known| known.is(pdo, &key, locale));
    let Some(found) = found else { return Ok(STATUS_OBJECT_NAME_NOT_FOUND) };
    cx.write32(required, found.data.len() as u32)?;
    if (room as usize) < found.data.len() {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    cx.write32(kind, found.kind)?;
    cx.write_bytes(data, &found.data)?;
    Ok(STATUS_SUCCESS)
}

/// Sets a property of a device interface, or takes it away where there is no data. Nothing reads it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-iosetdeviceinterfacepropertydata>
pub fn IoSetDeviceInterfacePropertyData(
    cx: &mut Cx,
    link: u64,
    key: u64,
    _locale: u32,
    _flags: u32,
    _kind: u32,
    bytes: u32,
    data: u64,
) -> Result<u32, Stop> {
    let link = super::device::unicode_string(cx, link)?;
    read_key(cx, key)?;
    if data != 0 {
        cx.read_bytes(data, u64::from(bytes))?;
    }
    let mut interfaces = cx.state.registered.interfaces.iter();
    let known = interfaces.any(|interface| interface.link.eq_ignore_ascii_case(&link));
    Ok(if known { STATUS_SUCCESS } else { STATUS_OBJECT_NAME_NOT_FOUND })
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(IoSetDevicePropertyData),
        service!(IoSetDeviceInterfacePropertyData, partly "applications do not read it"),
        service!(IoGetDevicePropertyData, partly "there are no properties but those that drivers set"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::test_machine::{block, bytes, run};

    #[test]
    fn what_was_set_is_read_and_taken_away() {
        run(|cx| {
            let Some(pdo) = crate::pnp::bus::make_pdo(cx) else { return Err(Stop::Run) };
            let (key, data, out) = (block(cx, KEY), bytes(cx, b"blue"), block(cx, 16));
            let get = |cx: &mut Cx, room| {
                IoGetDevicePropertyData(cx, pdo, key, 0, 0, room, out, out + 8, out + 12)
            };
            assert_eq!(get(cx, 4)?, STATUS_OBJECT_NAME_NOT_FOUND);
            IoSetDevicePropertyData(cx, pdo, key, 0, 0, 0x12, 4, data)?;
            assert_eq!(get(cx, 3)?, STATUS_BUFFER_TOO_SMALL);
            assert_eq!(cx.read32(out + 8)?, 4);
            assert_eq!(get(cx, 4)?, STATUS_SUCCESS);
            assert_eq!((cx.read_bytes(out, 4)?, cx.read32(out + 12)?), (b"blue".to_vec(), 0x12));
            IoSetDevicePropertyData(cx, pdo, key, 0, 0, 0, 0, 0)?;
            assert_eq!(get(cx, 4)?, STATUS_OBJECT_NAME_NOT_FOUND);
            Ok(())
        });
    }
}
