//! Keys by handle.

use super::information;
use crate::cx::{Cx, Stop};
use crate::io::device::unicode_string;
use crate::ke::time::BOOT_TIME;
use crate::ob::object::{self, Kind};
use crate::ob::{attributes, by_handle, open_handle};
use crate::service;
use crate::service::Service;
use nt::status::*;
use std::rc::Rc;

/// REG_CREATED_NEW_KEY, REG_OPENED_EXISTING_KEY (wdm.h).
const CREATED: u32 = 1;
const OPENED: u32 = 2;
/// Most bytes of one value.
pub(super) const MOST_BYTES: u32 = 1 << 20;

/// The number of the key that a handle names, or the status to refuse with.
pub(crate) fn number(cx: &mut Cx, handle: u64) -> Result<u16, u32> {
    match by_handle(cx, handle) {
        Some((_, Kind::Key(number))) if cx.state.hive.is_deleted(number) => Err(STATUS_KEY_DELETED),
        Some((_, Kind::Key(number))) => Ok(number),
        Some(_) => Err(STATUS_OBJECT_TYPE_MISMATCH),
        None => Err(STATUS_INVALID_HANDLE),
    }
}

/// A handle to a key.
pub(crate) fn handle_to(cx: &mut Cx, number: u16, place: u64) -> Result<(), Stop> {
    let Some(key) = object::make(cx, Kind::Key(number), 16) else { return Err(Stop::Run) };
    let value = open_handle(cx, key);
    cx.write64(place, value)
}

/// The path that OBJECT_ATTRIBUTES name, or the status to refuse with.
fn path(cx: &mut Cx, object_attributes: u64) -> Result<Result<String, u32>, Stop> {
    let (root, name, _) = attributes(cx, object_attributes)?;
    if root == 0 {
        let whole = name.get(..9).is_some_and(|head| head.eq_ignore_ascii_case("\\Registry"));
        return Ok(if whole { Ok(name) } else { Err(STATUS_OBJECT_PATH_SYNTAX_BAD) });
    }
    let root = match number(cx, root) {
        Ok(root) => root,
        Err(status) => return Ok(Err(status)),
    };
    if name.starts_with('\\') {
        return Ok(Err(STATUS_OBJECT_PATH_SYNTAX_BAD));
    }
    let above = cx.state.hive.path(root);
    Ok(Ok(if name.is_empty() { above.to_owned() } else { format!("{above}\\{name}") }))
}

/// Opens a key.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwopenkey>
pub fn ZwOpenKey(
    cx: &mut Cx,
    handle: u64,
    _access: u32,
    object_attributes: u64,
) -> Result<u32, Stop> {
    let path = match path(cx, object_attributes)? {
        Ok(path) => path,
        Err(status) => return Ok(status),
    };
    match cx.state.hive.find(&path) {
        Some(number) => {
            handle_to(cx, number, handle)?;
            Ok(STATUS_SUCCESS)
        }
        None => Ok(STATUS_OBJECT_NAME_NOT_FOUND),
    }
}

/// Opens a key with options, which say how and change nothing.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwopenkeyex>
pub fn ZwOpenKeyEx(
    cx: &mut Cx,
    handle: u64,
    access: u32,
    object_attributes: u64,
    _options: u32,
) -> Result<u32, Stop> {
    ZwOpenKey(cx, handle, access, object_attributes)
}

/// Opens a key, or makes it below one that is there.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwcreatekey>
pub fn ZwCreateKey(
    cx: &mut Cx,
    handle: u64,
    _access: u32,
    object_attributes: u64,
    _title: u32,
    _class: u64,
    _options: u32,
    disposition: u64,
) -> Result<u32, Stop> {
    let path = match path(cx, object_attributes)? {
        Ok(path) => path,
        Err(status) => return Ok(status),
    };
    let (number, what) = match cx.state.hive.find(&path) {
        Some(number) => (number, OPENED),
        None => {
            let above =
                path.trim_end_matches('\\').rsplit_once('\\').map_or("", |(above, _)| above);
            if cx.state.hive.find(above).is_none() {
                return Ok(STATUS_OBJECT_NAME_NOT_FOUND);
            }
            (Rc::make_mut(&mut cx.state.hive).create(&path), CREATED)
        }
    };
    handle_to(cx, number, handle)?;
    if disposition != 0 {
        cx.write32(disposition, what)?;
    }
    Ok(STATUS_SUCCESS)
}

/// Deletes a key that has no subkeys; handles to it stay open and useless.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwdeletekey>
pub fn ZwDeleteKey(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    let number = match number(cx, handle) {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    if !cx.state.hive.subkeys(number).is_empty() {
        return Ok(STATUS_CANNOT_DELETE);
    }
    Rc::make_mut(&mut cx.state.hive).delete(number);
    Ok(STATUS_SUCCESS)
}

/// Tells about a key.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwquerykey>
pub fn ZwQueryKey(
    cx: &mut Cx,
    handle: u64,
    class: u32,
    buffer: u64,
    length: u32,
    result: u64,
) -> Result<u32, Stop> {
    let number = match number(cx, handle) {
        Ok(number) => number,
        Err(status) => return Ok(status),
    };
    let time = BOOT_TIME;
    match information::of_key(&cx.state.hive.clone(), number, class, time) {
        Some(answer) => information::give(cx, &answer, buffer, length, result),
        None => Ok(STATUS_INVALID_PARAMETER),
    }
}

/// Tells about a subkey by its index.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwenumeratekey>
pub fn ZwEnumerateKey(
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
    let Some(&name) = hive.subkeys(number).get(index as usize) else {
        return Ok(STATUS_NO_MORE_ENTRIES);
    };
    let Some(below) = hive.find(&format!("{}\\{name}", hive.path(number))) else {
        return Ok(STATUS_NO_MORE_ENTRIES);
    };
    let time = BOOT_TIME;
    // A key's full name is told of an open key only.
    match information::of_key(&hive, below, class, time).filter(|_| class != 3) {
        Some(answer) => information::give(cx, &answer, buffer, length, result),
        None => Ok(STATUS_INVALID_PARAMETER),
    }
}

/// Writes a key to disk: there is none.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwflushkey>
pub fn ZwFlushKey(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    Ok(number(cx, handle).err().unwrap_or(STATUS_SUCCESS))
}

/// The key of a driver: of its service, its `Parameters` (made at need), by DRIVER_REGKEY_TYPE.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioopendriverregistrykey>
pub fn IoOpenDriverRegistryKey(
    cx: &mut Cx,
    driver: u64,
    kind: u32,
    _access: u32,
    _flags: u32,
    handle: u64,
) -> Result<u32, Stop> {
    let name = unicode_string(cx, driver + nt::layout::driver_object::DRIVER_NAME)?;
    let stem = name.rsplit('\\').next().unwrap_or("");
    // DriverRegKeyParameters 0, DriverRegKeyPersistentState 1.
    let below = if kind == 0 { "Parameters" } else { "State" };
    let path = format!("{}\\{stem}\\{below}", super::hive::SERVICES);
    let number = Rc::make_mut(&mut cx.state.hive).create(&path);
    handle_to(cx, number, handle)?;
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ZwOpenKey, partly "access is not checked"),
        service!(ZwOpenKeyEx, partly "access is not checked"),
        service!(ZwCreateKey, partly "access is not checked, and all keys are volatile"),
        service!(ZwDeleteKey),
        service!(ZwQueryKey, partly "no cached or flag classes"),
        service!(ZwEnumerateKey),
        service!(ZwFlushKey),
        service!(IoOpenDriverRegistryKey),
    ]
}
