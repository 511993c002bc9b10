//! What WMI asks its providers on behalf of data consumers: what they have, and then for each block
//! its data, in buffers that are too small and that are not, changes, methods, events.
//!
//! A provider is any kernel driver's device, and the consumer may be anybody: so an instance that the
//! block does not have is asked for too, and a block that nobody has.
//! <https://learn.microsoft.com/windows-hardware/drivers/kernel/wmi-minor-irps>

use super::registered::{Event, Notification};
use super::wmi_answers::{
    self as answers, Block, INSTANCE_BASENAME, INSTANCE_LIST, INSTANCE_PDO, METHOD_FIXED,
};
use super::{device, notices, request};
use crate::cx::{Cx, Stop};
use crate::event::{self, Site};
use crate::ex::pool;
use crate::state::BlockKind;
use nt::irp::*;
use nt::layout::{io_stack_location as location, irp};
use nt::layout::{
    wnode_all_data as all, wnode_header as header, wnode_method_item as method,
    wnode_single_instance as single,
};
use nt::status::{STATUS_BUFFER_TOO_SMALL, STATUS_NOT_SUPPORTED};

/// WMIREGISTER (wmistr.h), in place of a GUID.
const FIRST_TIME: u64 = 0;
/// WNODE_FLAG_... (wmistr.h).
const ALL_DATA: u32 = 0x1;
const SINGLE_INSTANCE: u32 = 0x2;
const STATIC_INSTANCE_NAMES: u32 = 0x80;
const METHOD_ITEM: u32 = 0x8000;
const PDO_INSTANCE_NAMES: u32 = 0x1_0000;
/// WMIREG_FLAG_EXPENSIVE, WMIREG_FLAG_EVENT_ONLY_GUID, and those of blocks that are traced (wmistr.h).
const EXPENSIVE: u32 = 0x1;
const EVENT_ONLY: u32 = 0x40;
const TRACED: u32 = 0x8_1000;

/// Bytes of the first buffer for registration information, and the most of any buffer.
const FIRST_ROOM: u32 = 0x100;
const MOST_ROOM: u32 = 0x1_0000;
/// Bytes of a buffer that has room for some data, and of a method's input.
const ROOM: u32 = 0x200;
/// Bytes that are missing in a buffer that is just too small.
const FEW: u32 = 8;
const INPUT: u32 = 8;
/// A GUID that no driver has.
const NOBODYS: [u8; 16] = *b"bugcheck nobodys";

/// What came back.
struct Answer {
    status: u32,
    /// The whole buffer, and how much of it was used, as the status block says.
    bytes: Vec<u8>,
    used: u64,
    completed: Option<Site>,
}

/// Asks each provider.
pub(super) fn ask_all(cx: &mut Cx) -> Result<(), Stop> {
    let known = cx.state.registered.notifications.iter();
    let known: Vec<_> =
        known.filter(|it| it.event == Event::Wmi && it.object != 0).copied().collect();
    for provider in known {
        let Some(blocks) = registration(cx, &provider)? else { continue };
        // Somebody wants the events while others ask and change.
        let events = |block: &&Block| block.flags & (EVENT_ONLY | TRACED) == EVENT_ONLY;
        for block in blocks.iter().filter(events) {
            control(cx, &provider, block, IRP_MN_ENABLE_EVENTS)?;
        }
        for block in blocks.iter().filter(|block| block.flags & (EVENT_ONLY | TRACED) == 0) {
            ask(cx, &provider, block)?;
        }
        for block in blocks.iter().filter(events) {
            control(cx, &provider, block, IRP_MN_DISABLE_EVENTS)?;
        }
        let nobodys = Block { guid: NOBODYS, flags: 0, instances: 0 };
        let answer = data(cx, &provider, &nobodys, IRP_MN_QUERY_ALL_DATA, 0, ROOM)?;
        if let Some(answer) = answer.filter(|answer| answer.status < 0x8000_0000) {
            let what = "for a block that it has not registered".to_owned();
            wrong(cx, IRP_MN_QUERY_ALL_DATA, what, answer.completed)?;
        }
    }
    Ok(())
}

fn registration(cx: &mut Cx, provider: &Notification) -> Result<Option<Vec<Block>>, Stop> {
    let mut room = FIRST_ROOM;
    for _ in 0..2 {
        let minor = IRP_MN_REGINFO_EX;
        let zeroes = vec![0; room as usize];
        let Some(answer) = send(cx, provider, minor, None, zeroes)? else { return Ok(None) };
        if answer.status == STATUS_BUFFER_TOO_SMALL {
            let needed = answer.bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
            if (room + 1..=MOST_ROOM).contains(&needed) {
                room = needed;
                continue;
            }
            let what = format!("that {room:#x} bytes are too few, where {needed:#x} are needed");
            wrong(cx, minor, what, answer.completed)?;
        }
        if answer.status >= 0x8000_0000 {
            return Ok(None);
        }
        let pdo = device::bottom_of_stack(cx, provider.object);
        match answers::registration(&answer.bytes, answer.used, pdo) {
            Ok(blocks) => return Ok(Some(blocks)),
            Err(what) => wrong(cx, minor, what, answer.completed)?,
        }
        return Ok(None);
    }
    Ok(None)
}

/// All that there is to ask of a block with data.
fn ask(cx: &mut Cx, provider: &Notification, block: &Block) -> Result<(), Stop> {
    if block.flags & EXPENSIVE != 0 {
        control(cx, provider, block, IRP_MN_ENABLE_COLLECTION)?;
    }
    for room in [all::SIZE as u32, ROOM] {
        let_grow(cx, provider, block, IRP_MN_QUERY_ALL_DATA, 0, room)?;
    }
    let fixed = block.flags & (INSTANCE_LIST | INSTANCE_BASENAME | INSTANCE_PDO) != 0;
    // Names that a driver makes up as it goes are known to it alone.
    if fixed && block.instances > 0 {
        let last = block.instances - 1;
        for room in [single::SIZE as u32, ROOM] {
            let_grow(cx, provider, block, IRP_MN_QUERY_SINGLE_INSTANCE, last, room)?;
        }
        let_grow(cx, provider, block, IRP_MN_QUERY_SINGLE_INSTANCE, block.instances, ROOM)?;
        change(cx, provider, block, last, ROOM)?;
        change(cx, provider, block, last, 0)?;
        change(cx, provider, block, block.instances, ROOM)?;
        for room in [METHOD_FIXED as u32 + 4 + INPUT, ROOM] {
            let_grow(cx, provider, block, IRP_MN_EXECUTE_METHOD, last, room)?;
        }
    }
    if block.flags & EXPENSIVE != 0 {
        control(cx, provider, block, IRP_MN_DISABLE_COLLECTION)?;
    }
    Ok(())
}

/// Asks for data. If the buffer was too small, once more in one that is just too small for what the
/// driver wants, and then in one that is not.
fn let_grow(
    cx: &mut Cx,
    provider: &Notification,
    block: &Block,
    minor: u8,
    instance: u32,
    room: u32,
) -> Result<(), Stop> {
    let Some(needed) = once(cx, provider, block, minor, instance, room)? else { return Ok(()) };
    let needed = needed.min(MOST_ROOM);
    if needed > room + FEW {
        once(cx, provider, block, minor, instance, needed - FEW)?;
    }
    let again = once(cx, provider, block, minor, instance, needed)?;
    if let Some(more) = again.filter(|_| needed < MOST_ROOM) {
        let what = format!(
            "that {needed:#x} bytes are too few, which it had asked for itself; it wants {more:#x} now"
        );
        wrong(cx, minor, what, None)?;
    }
    Ok(())
}

/// Asks for data: the bytes that the driver wants, if there are too few.
fn once(
    cx: &mut Cx,
    provider: &Notification,
    block: &Block,
    minor: u8,
    instance: u32,
    room: u32,
) -> Result<Option<u32>, Stop> {
    let (kind, offset) = match minor {
        IRP_MN_QUERY_ALL_DATA => (answers::Kind::All, 0),
        IRP_MN_EXECUTE_METHOD => (answers::Kind::Method, METHOD_DATA),
        _ => (answers::Kind::Single, single::SIZE as u32),
    };
    let answer = data(cx, provider, block, minor, instance, room)?;
    let Some(answer) = answer.filter(|answer| answer.status < 0x8000_0000) else { return Ok(None) };
    match answers::data(kind, &answer.bytes, answer.used, offset) {
        Ok(needed) => Ok(needed),
        Err(what) => wrong(cx, minor, what, answer.completed).map(|()| None),
    }
}

/// Where a method's input and output begin: the first multiple of 8.
const METHOD_DATA: u32 = (METHOD_FIXED as u32).next_multiple_of(8);

/// Asks for data in a buffer of `room` bytes.
fn data(
    cx: &mut Cx,
    provider: &Notification,
    block: &Block,
    minor: u8,
    instance: u32,
    room: u32,
) -> Result<Option<Answer>, Stop> {
    let mut wnode = vec![0; room as usize];
    let mut put = |at: u64, word: u32| {
        let at = at as usize;
        if let Some(place) = wnode.get_mut(at..at + 4) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    };
    let kind = match minor {
        IRP_MN_QUERY_ALL_DATA => ALL_DATA,
        IRP_MN_EXECUTE_METHOD => {
            put(method::INSTANCE_INDEX, instance);
            put(method::METHOD_ID, 1);
            put(method::DATA_BLOCK_OFFSET, METHOD_DATA);
            put(method::SIZE_DATA_BLOCK, INPUT);
            METHOD_ITEM
        }
        _ => {
            put(single::INSTANCE_INDEX, instance);
            put(single::DATA_BLOCK_OFFSET, single::SIZE as u32);
            SINGLE_INSTANCE
        }
    };
    put(header::FLAGS, kind | names(block));
    put(header::BUFFER_SIZE, room);
    wnode[header::GUID as usize..][..16].copy_from_slice(&block.guid);
    send(cx, provider, minor, Some(block.guid), wnode)
}

fn names(block: &Block) -> u32 {
    let by_pdo = if block.flags & INSTANCE_PDO != 0 { PDO_INSTANCE_NAMES } else { 0 };
    let fixed = block.flags & (INSTANCE_LIST | INSTANCE_BASENAME | INSTANCE_PDO) != 0;
    by_pdo | if fixed { STATIC_INSTANCE_NAMES } else { 0 }
}

/// Sets an instance to `bytes` bytes of data, all of them 0xFF.
fn change(
    cx: &mut Cx,
    provider: &Notification,
    block: &Block,
    instance: u32,
    bytes: u32,
) -> Result<(), Stop> {
    let whole = single::SIZE as u32 + bytes;
    let mut wnode = vec![0xff; whole as usize];
    wnode[..single::SIZE as usize].fill(0);
    for (at, word) in [
        (header::BUFFER_SIZE, whole),
        (header::FLAGS, SINGLE_INSTANCE | names(block)),
        (single::INSTANCE_INDEX, instance),
        (single::DATA_BLOCK_OFFSET, single::SIZE as u32),
        (single::SIZE_DATA_BLOCK, bytes),
    ] {
        wnode[at as usize..][..4].copy_from_slice(&word.to_le_bytes());
    }
    wnode[header::GUID as usize..][..16].copy_from_slice(&block.guid);
    send(cx, provider, IRP_MN_CHANGE_SINGLE_INSTANCE, Some(block.guid), wnode).map(drop)
}

/// Turns events or the collecting of data on or off.
fn control(cx: &mut Cx, provider: &Notification, block: &Block, minor: u8) -> Result<(), Stop> {
    let mut wnode = vec![0; header::SIZE as usize];
    wnode[..4].copy_from_slice(&(header::SIZE as u32).to_le_bytes());
    wnode[header::GUID as usize..][..16].copy_from_slice(&block.guid);
    send(cx, provider, minor, Some(block.guid), wnode).map(drop)
}

/// Sends a request to the top of the provider's stack and waits for it. `None` if the provider is
/// gone by now.
fn send(
    cx: &mut Cx,
    provider: &Notification,
    minor: u8,
    guid: Option<[u8; 16]>,
    wnode: Vec<u8>,
) -> Result<Option<Answer>, Stop> {
    cx.pause()?;
    if !cx.state.registered.notifications.iter().any(|it| it == provider) {
        return Ok(None);
    }
    let target = provider.object;
    cx.moment();
    if cx.recorder.is_some() {
        let text = format!("WMI asks: {}", nt::irp::text(IRP_MJ_SYSTEM_CONTROL, minor));
        cx.note(&text);
    }
    let path = match guid {
        Some(guid) => buffer(cx, &guid)?,
        None => FIRST_TIME,
    };
    let into = buffer(cx, &wnode)?;
    let top = device::top_of_stack(cx, target);
    let (index, at, here) = request::make(cx, top, None, IRP_MJ_SYSTEM_CONTROL, minor, true)?;
    let memory = &mut cx.bus.memory;
    memory.poke32(at + irp::IO_STATUS_STATUS, STATUS_NOT_SUPPORTED);
    memory.poke64(here + location::PARAMETERS_WMI_PROVIDER_ID, target);
    memory.poke64(here + location::PARAMETERS_WMI_DATA_PATH, path);
    memory.poke32(here + location::PARAMETERS_WMI_BUFFER_SIZE, wnode.len() as u32);
    memory.poke64(here + location::PARAMETERS_WMI_BUFFER, into);
    notices::begin(cx, target);
    request::send(cx, index, top, at)?;
    let (status, used) = request::wait(cx, index)?;
    notices::end(cx, target);
    let mut bytes = wnode;
    cx.bus.memory.peek(into, &mut bytes);
    pool::free(cx, into);
    if path != FIRST_TIME {
        pool::free(cx, path);
    }
    let request = cx.state.requests[usize::from(index)].irp;
    let completed = cx.state.irp(request).and_then(|record| record.completed);
    Ok(Some(Answer { status, bytes, used, completed }))
}

fn buffer(cx: &mut Cx, bytes: &[u8]) -> Result<u64, Stop> {
    let Some(at) = pool::allocate(cx, BlockKind::Buffer, false, bytes.len() as u64, 0) else {
        return Err(Stop::Run);
    };
    cx.bus.memory.poke(at, bytes);
    Ok(at)
}

fn wrong(cx: &mut Cx, minor: u8, what: String, completed: Option<Site>) -> Result<(), Stop> {
    cx.say(event::Event::WmiAnswer { minor, what, completed })
}
