//! Names of objects, and symbolic links opened as objects.

use super::object::{self, Kind};
use super::{attributes, by_handle, open_handle};
use crate::cx::{Cx, Stop};
use crate::io::symbolic_link::canonical;
use crate::rtl::text::Counted;
use crate::service;
use crate::service::Service;
use nt::layout::{driver_object, unicode_string};
use nt::status::*;
use nt::string::to_utf16le_z;

/// An object's name; empty for one without.
pub(crate) fn name_of(cx: &mut Cx, address: u64) -> Result<String, Stop> {
    let device_name = |cx: &Cx, device: u64| {
        let mut devices = cx.state.devices.iter();
        let found = devices.find(|entry| entry.object == device);
        found.and_then(|entry| entry.name.as_deref()).unwrap_or("").to_owned()
    };
    Ok(match object::record(cx, address).kind {
        Kind::Device => device_name(cx, address),
        Kind::File(number) => {
            let device = cx.state.files[usize::from(number)].device;
            device_name(cx, device)
        }
        Kind::Driver => {
            crate::io::device::unicode_string(cx, address + driver_object::DRIVER_NAME)?
        }
        Kind::Key(number) => cx.state.hive.path(number).to_owned(),
        Kind::DiskFile(number) => {
            format!("\\Device\\HarddiskVolume1{}", cx.state.disk.name_of(number))
        }
        Kind::Link(number) => {
            let link = cx.state.links.get(usize::from(number));
            link.map_or(String::new(), |link| link.name.to_string())
        }
        Kind::Event => {
            let mut events = cx.state.named_events.iter();
            let found = events.find(|event| event.object == address);
            found.map_or(String::new(), |event| event.name.to_string())
        }
        Kind::Thread | Kind::Process | Kind::Callback | Kind::Other => String::new(),
    })
}

/// Gives an object's name: OBJECT_NAME_INFORMATION, the text behind it. No name is an empty string.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-obquerynamestring>
pub fn ObQueryNameString(
    cx: &mut Cx,
    address: u64,
    information: u64,
    length: u32,
    result: u64,
) -> Result<u32, Stop> {
    cx.read8(address)?;
    let name = name_of(cx, address)?;
    let bytes = if name.is_empty() { Vec::new() } else { to_utf16le_z(&name) };
    let needed = unicode_string::SIZE + bytes.len() as u64;
    cx.write32(result, needed as u32)?;
    if u64::from(length) < needed {
        return Ok(STATUS_INFO_LENGTH_MISMATCH);
    }
    let counted = Counted {
        length: bytes.len().saturating_sub(2) as u16,
        maximum: bytes.len() as u16,
        buffer: if bytes.is_empty() { 0 } else { information + unicode_string::SIZE },
    };
    counted.write(cx, information)?;
    cx.write_bytes(information + unicode_string::SIZE, &bytes)?;
    Ok(STATUS_SUCCESS)
}

/// Opens a symbolic link itself.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwopensymboliclinkobject>
pub fn ZwOpenSymbolicLinkObject(
    cx: &mut Cx,
    handle: u64,
    _access: u32,
    object_attributes: u64,
) -> Result<u32, Stop> {
    let name = canonical(&attributes(cx, object_attributes)?.1);
    let found = cx.state.links.iter().position(|link| link.name.eq_ignore_ascii_case(&name));
    let Some(number) = found else { return Ok(STATUS_OBJECT_NAME_NOT_FOUND) };
    let Some(link) = object::make(cx, Kind::Link(number as u16), 16) else {
        return Err(Stop::Run);
    };
    let value = open_handle(cx, link);
    cx.write64(handle, value)?;
    Ok(STATUS_SUCCESS)
}

/// Where a symbolic link leads, into a UNICODE_STRING with room for it.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwquerysymboliclinkobject>
pub fn ZwQuerySymbolicLinkObject(
    cx: &mut Cx,
    handle: u64,
    target: u64,
    result: u64,
) -> Result<u32, Stop> {
    let number = match by_handle(cx, handle) {
        Some((_, Kind::Link(number))) => number,
        Some(_) => return Ok(STATUS_OBJECT_TYPE_MISMATCH),
        None => return Ok(STATUS_INVALID_HANDLE),
    };
    let leads = cx.state.links.get(usize::from(number)).map(|link| link.target.clone());
    let bytes = to_utf16le_z(&leads.unwrap_or_default());
    let length = bytes.len() as u16 - 2;
    let mut to = Counted::read(cx, target)?;
    if result != 0 {
        cx.write32(result, u32::from(length) + 2)?;
    }
    if to.maximum < length {
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    cx.write_bytes(to.buffer, &bytes[..usize::from(length)])?;
    to.length = length;
    to.write(cx, target)?;
    Ok(STATUS_SUCCESS)
}

/// Makes an object go with its last handle: objects of the bench do so anyway.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwmaketemporaryobject>
pub fn ZwMakeTemporaryObject(cx: &mut Cx, handle: u64) -> Result<u32, Stop> {
    Ok(if by_handle(cx, handle).is_some() { STATUS_SUCCESS } else { STATUS_INVALID_HANDLE })
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(ObQueryNameString),
        service!(ZwOpenSymbolicLinkObject),
        service!(ZwQuerySymbolicLinkObject),
        service!(ZwMakeTemporaryObject),
    ]
}
