//! The run-time library's shorter ways to keys and values.

use super::hive::{CONTROL, DEVICE_MAP, SERVICES, USER, WINDOWS_NT};
use super::key::{MOST_BYTES, number};
use crate::cx::{Cx, Stop};
use crate::rtl::text::wide_z;
use crate::service;
use crate::service::Service;
use nt::status::*;
use std::rc::Rc;

/// RTL_REGISTRY_HANDLE: the path is a key's handle (wdm.h).
const HANDLE: u32 = 0x4000_0000;
/// RTL_REGISTRY_OPTIONAL (wdm.h).
pub(super) const OPTIONAL: u32 = 0x8000_0000;

/// A terminated string; none is an empty one.
pub(super) fn wide(cx: &mut Cx, at: u64) -> Result<String, Stop> {
    if at == 0 { Ok(String::new()) } else { Ok(String::from_utf16_lossy(&wide_z(cx, at, 0x8000)?)) }
}

/// The path that `relative` and `path` name, or the status to refuse with.
pub(super) fn whole_path(
    cx: &mut Cx,
    relative: u32,
    path: u64,
) -> Result<Result<String, u32>, Stop> {
    if relative & HANDLE != 0 {
        return Ok(number(cx, path).map(|number| cx.state.hive.path(number).to_owned()));
    }
    let path = wide(cx, path)?;
    let base = match relative & !OPTIONAL {
        0 => return Ok(Ok(path)),
        1 => SERVICES,
        2 => CONTROL,
        3 => WINDOWS_NT,
        4 => DEVICE_MAP,
        5 => USER,
        _ => return Ok(Err(STATUS_INVALID_PARAMETER)),
    };
    Ok(Ok(if path.is_empty() { base.to_owned() } else { format!("{base}\\{path}") }))
}

/// Sets a value, making its key where it is not there.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlwriteregistryvalue>
pub fn RtlWriteRegistryValue(
    cx: &mut Cx,
    relative: u32,
    path: u64,
    name: u64,
    kind: u32,
    data: u64,
    length: u32,
) -> Result<u32, Stop> {
    let path = match whole_path(cx, relative, path)? {
        Ok(path) => path,
        Err(status) => return Ok(status),
    };
    let name = wide(cx, name)?;
    if length > MOST_BYTES {
        return cx.limit(format!("a registry value of {length} bytes"));
    }
    let data = cx.read_bytes(data, u64::from(length))?;
    let hive = Rc::make_mut(&mut cx.state.hive);
    let key = hive.create(&path);
    hive.set(key, &name, kind, data);
    Ok(STATUS_SUCCESS)
}

/// Deletes a value.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtldeleteregistryvalue>
pub fn RtlDeleteRegistryValue(
    cx: &mut Cx,
    relative: u32,
    path: u64,
    name: u64,
) -> Result<u32, Stop> {
    let path = match whole_path(cx, relative, path)? {
        Ok(path) => path,
        Err(status) => return Ok(status),
    };
    let name = wide(cx, name)?;
    let Some(key) = cx.state.hive.find(&path) else { return Ok(STATUS_OBJECT_NAME_NOT_FOUND) };
    let gone = Rc::make_mut(&mut cx.state.hive).unset(key, &name);
    Ok(if gone { STATUS_SUCCESS } else { STATUS_OBJECT_NAME_NOT_FOUND })
}

/// Whether a key is there.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcheckregistrykey>
pub fn RtlCheckRegistryKey(cx: &mut Cx, relative: u32, path: u64) -> Result<u32, Stop> {
    Ok(match whole_path(cx, relative, path)? {
        Ok(path) if cx.state.hive.find(&path).is_some() => STATUS_SUCCESS,
        Ok(_) => STATUS_OBJECT_NAME_NOT_FOUND,
        Err(status) => status,
    })
}

/// Makes a key.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtlcreateregistrykey>
pub fn RtlCreateRegistryKey(cx: &mut Cx, relative: u32, path: u64) -> Result<u32, Stop> {
    Ok(match whole_path(cx, relative, path)? {
        Ok(path) => {
            Rc::make_mut(&mut cx.state.hive).create(&path);
            STATUS_SUCCESS
        }
        Err(status) => status,
    })
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlWriteRegistryValue),
        service!(RtlDeleteRegistryValue),
        service!(RtlCheckRegistryKey),
        service!(RtlCreateRegistryKey),
    ]
}
