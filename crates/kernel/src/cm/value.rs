//! Values by handle of their key.

use super::information;
use super::key::{MOST_BYTES, number};
use crate::cx::{Cx, Stop};
use crate::io::device::unicode_string;
use crate::service;
use crate::service::Service;
use nt::status::*;
use std::rc::Rc;

fn name_at(cx: &mut Cx, name: u64) -> Result<String, Stop> {
    if name == 0 { Ok(String::new()) } else { unicode_string(cx, name) }
}

/// Tells about a value.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwqueryvaluekey>
pub fn ZwQueryValueKey(
    cx: &mut Cx,
    handle: u64,
    name: u64,
    class: u32,
    buffer: u64,
    length: u32,
    result: u64,
) -> Result<u32, Stop> {
    let name = name_at(cx, name)?;
    let number = match number(cx, handle) {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    let hive = cx.state.hive.clone();
    let Some(value) = hive.value(number, &name) else { return Ok(STATUS_OBJECT_NAME_NOT_FOUND) };
    match information::of_value(value, class) {
        Some(answer) => information::give(cx, &answer, buffer, length, result),
        None => Ok(STATUS_INVALID_PARAMETER),
    }
}

/// Tells about a value by its index.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwenumeratevaluekey>
pub fn ZwEnumerateValueKey(
    cx: &mut Cx,
    handle: u64,
    index: u32,
    class: u32,
    buffer: u64,
    length: u32,
    result: u64,
) -> Result<u32, Stop> {
    let number = match number(cx, handle) {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    let hive = cx.state.hive.clone();
    let value = hive.key(number).and_then(|key| key.values.get(index as usize));
    let Some(value) = value else { return Ok(STATUS_NO_MORE_ENTRIES) };
    match information::of_value(value, class) {
        Some(answer) => information::give(cx, &answer, buffer, length, result),
        None => Ok(STATUS_INVALID_PARAMETER),
    }
}

/// Sets a value.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwsetvaluekey>
pub fn ZwSetValueKey(
    cx: &mut Cx,
    handle: u64,
    name: u64,
    _title: u32,
    kind: u32,
    data: u64,
    length: u32,
) -> Result<u32, Stop> {
    let name = name_at(cx, name)?;
    let number = match number(cx, handle) {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    if length > MOST_BYTES {
        return cx.limit(format!("a registry value of {length} bytes"));
    }
    let data = cx.read_bytes(data, u64::from(length))?;
    Rc::make_mut(&mut cx.state.hive).set(number, &name, kind, data);
    Ok(STATUS_SUCCESS)
}

/// Deletes a value.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwdeletevaluekey>
pub fn ZwDeleteValueKey(cx: &mut Cx, handle: u64, name: u64) -> Result<u32, Stop> {
    let name = name_at(cx, name)?;
    let number = match number(cx, handle) {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    let gone = Rc::make_mut(&mut cx.state.hive).unset(number, &name);
    Ok(if gone { STATUS_SUCCESS } else { STATUS_OBJECT_NAME_NOT_FOUND })
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ZwQueryValueKey),
        service!(ZwEnumerateValueKey),
        service!(ZwSetValueKey),
        service!(ZwDeleteValueKey),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cm::hive::{SERVICES, add_service};
    use crate::cm::key::{ZwCreateKey, ZwDeleteKey, ZwEnumerateKey, ZwOpenKey};
    use crate::ob::ZwClose;
    use crate::rtl::test_machine::{block, bytes, run};
    use nt::layout::object_attributes;
    use nt::string::to_utf16le_z;

    fn string(cx: &mut Cx, text: &str) -> u64 {
        let buffer = bytes(cx, &to_utf16le_z(text));
        let at = block(cx, 16);
        cx.bus.memory.poke16(at, 2 * text.len() as u16);
        cx.bus.memory.poke64(at + 8, buffer);
        at
    }

    fn named(cx: &mut Cx, root: u64, name: &str) -> u64 {
        let name = string(cx, name);
        let at = block(cx, object_attributes::SIZE);
        cx.bus.memory.poke64(at + object_attributes::ROOT_DIRECTORY, root);
        cx.bus.memory.poke64(at + object_attributes::OBJECT_NAME, name);
        at
    }

    #[test]
    fn values_are_set_read_enumerated_and_deleted() {
        run(|cx| {
            add_service(Rc::make_mut(&mut cx.state.hive), "fifo");
            let place = block(cx, 32);
            let service = named(cx, 0, &format!("{SERVICES}\\Fifo"));
            assert_eq!(ZwOpenKey(cx, place, 0, service)?, STATUS_SUCCESS);
            let root = cx.read64(place)?;
            let below = named(cx, root, "Parameters");
            assert_eq!(ZwOpenKey(cx, place, 0, below)?, STATUS_OBJECT_NAME_NOT_FOUND);
            assert_eq!(ZwCreateKey(cx, place, 0, below, 0, 0, 0, place + 8)?, STATUS_SUCCESS);
            assert_eq!(cx.read32(place + 8)?, 1);
            let key = cx.read64(place)?;
            let (name, data, out) = (string(cx, "Depth"), bytes(cx, &[5, 0, 0, 0]), block(cx, 64));
            let value = |cx: &mut Cx, room| ZwQueryValueKey(cx, key, name, 2, out, room, place);
            assert_eq!(value(cx, 64)?, STATUS_OBJECT_NAME_NOT_FOUND);
            assert_eq!(ZwSetValueKey(cx, key, name, 0, 4, data, 4)?, STATUS_SUCCESS);
            assert_eq!(value(cx, 64)?, STATUS_SUCCESS);
            assert_eq!((cx.read32(out + 4)?, cx.read32(out + 12)?), (4, 5));
            assert_eq!((value(cx, 13)?, cx.read32(place)?), (STATUS_BUFFER_OVERFLOW, 16));
            assert_eq!(value(cx, 4)?, STATUS_BUFFER_TOO_SMALL);
            let status = ZwEnumerateKey(cx, root, 0, 0, out, 64, place)?;
            assert_eq!((status, cx.read32(out + 12)?), (STATUS_SUCCESS, 20));
            assert_eq!(ZwEnumerateValueKey(cx, key, 1, 0, out, 64, place)?, STATUS_NO_MORE_ENTRIES);
            assert_eq!(ZwDeleteValueKey(cx, key, name)?, STATUS_SUCCESS);
            assert_eq!(ZwDeleteKey(cx, root)?, STATUS_CANNOT_DELETE);
            assert_eq!(ZwDeleteKey(cx, key)?, STATUS_SUCCESS);
            assert_eq!(value(cx, 64)?, STATUS_KEY_DELETED);
            assert_eq!(ZwClose(cx, key)?, STATUS_SUCCESS);
            Ok(())
        });
    }
}
