//! The WMI library (Wmilib.sys): answers WMI's requests by a driver's tables and routines.
//!
//! Instances have names that WMI knows; names that a driver makes up as it goes are not for the
//! library.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/calling-wmisystemcontrol-to-handle-wmi-irps>

use super::complete::IofCompleteRequest;
use super::wmi_answers::{
    FIXED_INSTANCE_SIZE, INSTANCE_BASENAME, INSTANCE_LIST, INSTANCE_PDO, METHOD_FIXED, TOO_SMALL,
};
use crate::cx::{Cx, Stop};
use crate::event::Routine;
use crate::ex::pool;
use crate::ke::time::BOOT_TIME;
use crate::service;
use crate::service::Service;
use crate::state::BlockKind;
use memory::Access;
use nt::irp::*;
use nt::layout::{
    device_object, io_stack_location as location, irp, unicode_string, wmiguidreginfo as guid,
    wmilib_context as context, wmiregguidw as block, wmireginfow as info, wnode_all_data as all,
    wnode_header as header, wnode_method_item as method, wnode_single_instance as single,
    wnode_single_item as item, wnode_too_small as small,
};
use nt::status::*;

/// SYSCTL_IRP_DISPOSITION (wmilib.h).
const PROCESSED: u32 = 0;
const NOT_COMPLETED: u32 = 1;
const NOT_WMI: u32 = 2;
const FORWARD: u32 = 3;
/// WNODE_FLAG_STATIC_INSTANCE_NAMES (wmistr.h).
const STATIC_INSTANCE_NAMES: u32 = 0x80;
/// Bytes of a WNODE_SINGLE_ITEM before what is of any length.
const ITEM_FIXED: u64 = item::SIZE_DATA_ITEM + 4;
/// Most blocks of a driver's table, and of their instances: more is not looked at.
const MOST: u32 = 0x1000;

/// One request, from the driver's stack location.
struct Request {
    at: u64,
    minor: u8,
    path: u64,
    room: u32,
    wnode: u64,
}

impl Request {
    fn read(cx: &mut Cx, at: u64) -> Result<(Request, u64), Stop> {
        let here = cx.read64(at + irp::TAIL_OVERLAY_CURRENT_STACK_LOCATION)?;
        let request = Request {
            at,
            minor: cx.read8(here + location::MINOR_FUNCTION)?,
            path: cx.read64(here + location::PARAMETERS_WMI_DATA_PATH)?,
            room: cx.read32(here + location::PARAMETERS_WMI_BUFFER_SIZE)?,
            wnode: cx.read64(here + location::PARAMETERS_WMI_BUFFER)?,
        };
        Ok((request, cx.read64(here + location::PARAMETERS_WMI_PROVIDER_ID)?))
    }
}

/// Handles a WMI request by the driver's tables. What is left to do is said in `disposition`.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wmilib/nf-wmilib-wmisystemcontrol>
pub fn WmiSystemControl(
    cx: &mut Cx,
    tables: u64,
    device: u64,
    at: u64,
    disposition: u64,
) -> Result<u32, Stop> {
    cx.probe(tables, context::SIZE, Access::Read)?;
    cx.probe(device, device_object::SIZE, Access::Read)?;
    cx.probe(disposition, 4, Access::Write)?;
    let (request, provider) = Request::read(cx, at)?;
    let known = request.minor <= IRP_MN_EXECUTE_METHOD || request.minor == IRP_MN_REGINFO_EX;
    if !known || provider != device {
        cx.write32(disposition, if known { FORWARD } else { NOT_WMI })?;
        return Ok(cx.bus.memory.peek32(at + irp::IO_STATUS_STATUS));
    }
    let status = match request.minor {
        IRP_MN_REGINFO | IRP_MN_REGINFO_EX => registration(cx, tables, device, &request)?,
        _ => match call_for(cx, tables, &request)? {
            Ok((routine, arguments)) => {
                cx.write32(disposition, PROCESSED)?;
                let arguments = [&[device, at], &arguments[..]].concat();
                return Ok(cx.call(Routine::Callback, routine, &arguments)? as u32);
            }
            Err(status) => {
                cx.write64(at + irp::IO_STATUS_INFORMATION, 0)?;
                status
            }
        },
    };
    cx.write32(disposition, NOT_COMPLETED)?;
    cx.write32(at + irp::IO_STATUS_STATUS, status)?;
    Ok(status)
}

/// Which routine of the driver's a request is for, with its arguments behind the device and the
/// packet; or the status of the request, where it is for none.
fn call_for(
    cx: &mut Cx,
    tables: u64,
    request: &Request,
) -> Result<Result<(u64, Vec<u64>), u32>, Stop> {
    let (room, wnode) = (request.room, request.wnode);
    let Some((index, instances)) = find(cx, tables, request.path)? else {
        return Ok(Err(STATUS_WMI_GUID_NOT_FOUND));
    };
    let index = u64::from(index);
    let (place, least, missing) = match request.minor {
        IRP_MN_QUERY_ALL_DATA => {
            (context::QUERY_WMI_DATA_BLOCK, all::SIZE, STATUS_INVALID_DEVICE_REQUEST)
        }
        IRP_MN_QUERY_SINGLE_INSTANCE => {
            (context::QUERY_WMI_DATA_BLOCK, single::SIZE, STATUS_INVALID_DEVICE_REQUEST)
        }
        IRP_MN_CHANGE_SINGLE_INSTANCE => {
            (context::SET_WMI_DATA_BLOCK, single::SIZE, STATUS_WMI_READ_ONLY)
        }
        IRP_MN_CHANGE_SINGLE_ITEM => (context::SET_WMI_DATA_ITEM, ITEM_FIXED, STATUS_WMI_READ_ONLY),
        IRP_MN_EXECUTE_METHOD => {
            (context::EXECUTE_WMI_METHOD, METHOD_FIXED, STATUS_INVALID_DEVICE_REQUEST)
        }
        _ => (context::WMI_FUNCTION_CONTROL, 0, STATUS_SUCCESS),
    };
    let routine = cx.read64(tables + place)?;
    if routine == 0 {
        return Ok(Err(missing));
    }
    if u64::from(room) < least {
        return Ok(Err(STATUS_BUFFER_TOO_SMALL));
    }
    if place == context::WMI_FUNCTION_CONTROL {
        // WmiEventControl 0, WmiDataBlockControl 1; whether to enable.
        let (function, enable) = match request.minor {
            IRP_MN_ENABLE_EVENTS => (0, 1),
            IRP_MN_DISABLE_EVENTS => (0, 0),
            IRP_MN_ENABLE_COLLECTION => (1, 1),
            _ => (1, 0),
        };
        return Ok(Ok((routine, vec![index, function, enable])));
    }
    cx.probe(wnode, least, Access::Write)?;
    if request.minor == IRP_MN_QUERY_ALL_DATA {
        return Ok(Ok((routine, whole_block(cx, request, index, instances))));
    }
    let memory = &mut cx.bus.memory;
    let flags = memory.peek32(wnode + header::FLAGS);
    let instance = memory.peek32(wnode + single::INSTANCE_INDEX);
    if flags & STATIC_INSTANCE_NAMES == 0 || instance >= instances {
        return Ok(Err(STATUS_WMI_INSTANCE_NOT_FOUND));
    }
    // A method and a single item have a number before the place of their data.
    let first = memory.peek32(wnode + single::DATA_BLOCK_OFFSET);
    let second = memory.peek32(wnode + single::SIZE_DATA_BLOCK);
    let third = memory.peek32(wnode + method::SIZE_DATA_BLOCK);
    let after = |offset: u32| (u64::from(room.saturating_sub(offset)), wnode + u64::from(offset));
    let instance = u64::from(instance);
    let arguments = match request.minor {
        IRP_MN_QUERY_SINGLE_INSTANCE => {
            let (left, data) = after(first);
            let lengths = wnode + single::SIZE_DATA_BLOCK;
            let (lengths, data) = if left == 0 { (0, 0) } else { (lengths, data) };
            vec![index, instance, 1, lengths, left, data]
        }
        IRP_MN_CHANGE_SINGLE_INSTANCE => vec![index, instance, second.into(), after(first).1],
        IRP_MN_CHANGE_SINGLE_ITEM => {
            vec![index, instance, first.into(), third.into(), after(second).1]
        }
        _ => {
            let (left, data) = after(second);
            vec![index, instance, first.into(), third.into(), left, data]
        }
    };
    Ok(Ok((routine, arguments)))
}

/// Prepares the answer with all instances: their lengths go where the table of instances will be.
fn whole_block(cx: &mut Cx, request: &Request, index: u64, instances: u32) -> Vec<u64> {
    let (room, wnode) = (request.room, request.wnode);
    let memory = &mut cx.bus.memory;
    let table = all::OFFSET_INSTANCE_DATA_AND_LENGTH as u32 + 8 * instances;
    let start = table.next_multiple_of(8);
    let flags = memory.peek32(wnode + header::FLAGS) & !FIXED_INSTANCE_SIZE;
    memory.poke32(wnode + header::FLAGS, flags);
    memory.poke32(wnode + all::DATA_BLOCK_OFFSET, start);
    memory.poke32(wnode + all::INSTANCE_COUNT, instances);
    let count = u64::from(instances);
    if start >= room {
        return vec![index, 0, count, 0, 0, 0];
    }
    let lengths = wnode + all::OFFSET_INSTANCE_DATA_AND_LENGTH;
    vec![index, 0, count, lengths, u64::from(room - start), wnode + u64::from(start)]
}

/// Index and instances of the block with a GUID.
fn find(cx: &mut Cx, tables: u64, wanted: u64) -> Result<Option<(u32, u32)>, Stop> {
    let wanted = cx.read_bytes(wanted, 16)?;
    let list = cx.read64(tables + context::GUID_LIST)?;
    for index in 0..cx.read32(tables + context::GUID_COUNT)?.min(MOST) {
        let entry = list + guid::SIZE * u64::from(index);
        let own = cx.read64(entry + guid::GUID)?;
        if cx.read_bytes(own, 16)? == wanted {
            return Ok(Some((index, cx.read32(entry + guid::INSTANCE_COUNT)?.min(MOST))));
        }
    }
    Ok(None)
}

/// Asks the driver what it registers, and fills in WMIREGINFO. The status of the request.
fn registration(cx: &mut Cx, tables: u64, device: u64, request: &Request) -> Result<u32, Stop> {
    // Places for what the routine says: flags, base name, registry path, MOF resource's name, PDO.
    const PLACES: [u64; 5] = [0x00, 0x08, 0x18, 0x20, 0x30];
    let Some(said) = pool::allocate(cx, BlockKind::Buffer, false, 0x38, 0) else {
        return Err(Stop::Run);
    };
    cx.bus.memory.fill(said, 0x38, 0);
    let routine = cx.read64(tables + context::QUERY_WMI_REG_INFO)?;
    let [flags, base, path, mof, pdo] = PLACES.map(|place| said + place);
    let arguments = [device, flags, base, path, mof, pdo];
    let status = cx.call(Routine::Callback, routine, &arguments)? as u32;
    let flags = cx.bus.memory.peek32(flags);
    let pdo = cx.bus.memory.peek64(pdo);
    let path = cx.bus.memory.peek64(path);
    let named = flags & INSTANCE_BASENAME != 0;
    let base = if named { counted(cx, base)? } else { Vec::new() };
    let owned = cx.bus.memory.peek64(said + PLACES[1] + unicode_string::BUFFER);
    let mof = counted(cx, mof)?;
    let path = if path == 0 { Vec::new() } else { counted(cx, path)? };
    pool::free(cx, said);
    if named && owned != 0 {
        pool::ExFreePool(cx, owned)?;
    }
    if status >= 0x8000_0000 {
        cx.write64(request.at + irp::IO_STATUS_INFORMATION, 0)?;
        return Ok(status);
    }
    let list = cx.read64(tables + context::GUID_LIST)?;
    let count = cx.read32(tables + context::GUID_COUNT)?.min(MOST);
    let mut bytes = vec![0; (info::SIZE + block::SIZE * u64::from(count)) as usize];
    let mut offsets = [0; 3];
    for (offset, string) in offsets.iter_mut().zip([&base, &mof, &path]) {
        if !string.is_empty() {
            *offset = bytes.len() as u32;
            bytes.extend((string.len() as u16).to_le_bytes());
            bytes.extend(string);
        }
    }
    for number in 0..u64::from(count) {
        let entry = list + guid::SIZE * number;
        let own = cx.read64(entry + guid::GUID)?;
        let own = cx.read_bytes(own, 16)?;
        let flags = flags | cx.read32(entry + guid::FLAGS)?;
        let at = (info::SIZE + block::SIZE * number) as usize;
        let entry = &mut bytes[at..at + block::SIZE as usize];
        entry[..16].copy_from_slice(&own);
        put(entry, block::FLAGS, flags);
        if flags & INSTANCE_PDO != 0 {
            entry[block::PDO as usize..].copy_from_slice(&pdo.to_le_bytes());
        } else if flags & (INSTANCE_BASENAME | INSTANCE_LIST) != 0 {
            put(entry, block::BASE_NAME_OFFSET, offsets[0]);
        }
        let instances = cx.read32(list + guid::SIZE * number + guid::INSTANCE_COUNT)?;
        let at = at + block::INSTANCE_COUNT as usize;
        bytes[at..at + 4].copy_from_slice(&instances.to_le_bytes());
    }
    let whole = bytes.len() as u32;
    put(&mut bytes, info::BUFFER_SIZE, whole);
    put(&mut bytes, info::MOF_RESOURCE_NAME, offsets[1]);
    put(&mut bytes, info::REGISTRY_PATH, offsets[2]);
    put(&mut bytes, info::GUID_COUNT, count);
    if whole > request.room {
        cx.write32(request.wnode, whole)?;
        cx.write64(request.at + irp::IO_STATUS_INFORMATION, 4)?;
        return Ok(STATUS_BUFFER_TOO_SMALL);
    }
    cx.write_bytes(request.wnode, &bytes)?;
    cx.write64(request.at + irp::IO_STATUS_INFORMATION, whole.into())?;
    Ok(STATUS_SUCCESS)
}

fn put(bytes: &mut [u8], at: u64, word: u32) {
    let at = at as usize;
    bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

/// The characters of a UNICODE_STRING, as they lie in memory.
fn counted(cx: &mut Cx, string: u64) -> Result<Vec<u8>, Stop> {
    let length = cx.read16(string)?;
    let buffer = cx.read64(string + unicode_string::BUFFER)?;
    cx.read_bytes(buffer, length.into())
}

/// Completes a WMI request: fills in what the library knows of the answer.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wmilib/nf-wmilib-wmicompleterequest>
pub fn WmiCompleteRequest(
    cx: &mut Cx,
    _device: u64,
    at: u64,
    status: u32,
    used: u32,
    boost: u8,
) -> Result<u32, Stop> {
    let (request, _) = Request::read(cx, at)?;
    let (room, wnode) = (request.room, request.wnode);
    let (place, least) = match request.minor {
        IRP_MN_QUERY_ALL_DATA => (all::DATA_BLOCK_OFFSET, all::SIZE),
        IRP_MN_QUERY_SINGLE_INSTANCE => (single::DATA_BLOCK_OFFSET, single::SIZE),
        IRP_MN_EXECUTE_METHOD => (method::DATA_BLOCK_OFFSET, METHOD_FIXED),
        _ => (0, u64::MAX),
    };
    let (mut status, mut information) = (status, 0);
    if u64::from(room) >= least {
        let needed = cx.read32(wnode + place)?.saturating_add(used);
        if status == STATUS_BUFFER_TOO_SMALL || status == STATUS_SUCCESS && needed > room {
            if u64::from(room) >= small::SIZE {
                let flags = cx.bus.memory.peek32(wnode + header::FLAGS) | TOO_SMALL;
                cx.write32(wnode + header::FLAGS, flags)?;
                cx.write32(wnode + header::BUFFER_SIZE, small::SIZE as u32)?;
                cx.write32(wnode + small::SIZE_NEEDED, needed)?;
                (status, information) = (STATUS_SUCCESS, small::SIZE as u32);
            }
        } else if status == STATUS_SUCCESS {
            match request.minor {
                IRP_MN_QUERY_ALL_DATA => table(cx, wnode)?,
                IRP_MN_QUERY_SINGLE_INSTANCE => {
                    cx.write32(wnode + single::SIZE_DATA_BLOCK, used)?
                }
                _ => cx.write32(wnode + method::SIZE_DATA_BLOCK, used)?,
            }
            // Not shorter than the fixed part, where there is no data.
            information = needed.max(least as u32);
            cx.write32(wnode + header::BUFFER_SIZE, information)?;
            let now = BOOT_TIME + cx.state.now;
            cx.write64(wnode + header::TIME_STAMP, now)?;
        }
    }
    cx.write32(at + irp::IO_STATUS_STATUS, status)?;
    cx.write64(at + irp::IO_STATUS_INFORMATION, information.into())?;
    IofCompleteRequest(cx, at, boost)?;
    Ok(status)
}

/// Makes the table of instances of their lengths, which lie at its beginning; each instance begins
/// at a multiple of 8.
fn table(cx: &mut Cx, wnode: u64) -> Result<(), Stop> {
    let count = cx.read32(wnode + all::INSTANCE_COUNT)?.min(MOST);
    let start = wnode + all::OFFSET_INSTANCE_DATA_AND_LENGTH;
    let mut lengths = Vec::new();
    for number in 0..u64::from(count) {
        lengths.push(cx.read32(start + 4 * number)?);
    }
    let mut offset = cx.read32(wnode + all::DATA_BLOCK_OFFSET)?;
    for (number, length) in (0..).zip(lengths) {
        cx.write32(start + 8 * number, offset)?;
        cx.write32(start + 8 * number + 4, length)?;
        offset = offset.wrapping_add(length).checked_next_multiple_of(8).unwrap_or(u32::MAX);
    }
    Ok(())
}

/// Sends an event with data of the driver's, which WMI frees.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wmilib/nf-wmilib-wmifireevent>
pub fn WmiFireEvent(
    cx: &mut Cx,
    device: u64,
    guid: u64,
    _instance: u32,
    bytes: u32,
    data: u64,
) -> Result<u32, Stop> {
    cx.read16(device)?;
    cx.probe(guid, 16, Access::Read)?;
    if data != 0 {
        // They are copied behind a header.
        cx.read_bytes(data, bytes.into())?;
        pool::ExFreePool(cx, data)?;
    }
    Ok(STATUS_SUCCESS)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(WmiSystemControl),
        service!(WmiCompleteRequest, hands_over),
        service!(WmiFireEvent, partly "nobody receives the event"),
    ]
}
