//! What drivers answer WMI, held against the reference: sizes that fit, offsets that stay inside.
//!
//! Every number in an answer is a driver's. Sizes and offsets are in bytes.

use nt::layout::{
    wmiregguidw as guid, wmireginfow as info, wnode_all_data as all, wnode_header as header,
    wnode_method_item as method, wnode_single_instance as single, wnode_too_small as small,
};

/// WNODE_FLAG_FIXED_INSTANCE_SIZE, WNODE_FLAG_TOO_SMALL (wmistr.h).
pub(super) const FIXED_INSTANCE_SIZE: u32 = 0x10;
pub(super) const TOO_SMALL: u32 = 0x20;
/// WMIREG_FLAG_INSTANCE_LIST, WMIREG_FLAG_INSTANCE_BASENAME, WMIREG_FLAG_INSTANCE_PDO (wmistr.h).
pub(super) const INSTANCE_LIST: u32 = 0x4;
pub(super) const INSTANCE_BASENAME: u32 = 0x8;
pub(super) const INSTANCE_PDO: u32 = 0x20;
/// Bytes of a WNODE_METHOD_ITEM before what is of any length.
pub(super) const METHOD_FIXED: u64 = method::SIZE_DATA_BLOCK + 4;
/// Most blocks of one driver.
const MOST_BLOCKS: u32 = 64;

/// A block that a driver registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Its GUID, as it lies in memory.
    pub guid: [u8; 16],
    /// WMIREG_FLAG_...
    pub flags: u32,
    /// Instances.
    pub instances: u32,
}

/// What is wrong with an answer, to follow "an answer".
type Wrong = String;

fn word(bytes: &[u8], at: u64) -> u32 {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_le_bytes(*word))
}

/// Makes sure that a range lies inside the answer.
fn inside(what: &str, offset: u64, length: u64, size: u64) -> Result<(), Wrong> {
    match offset.checked_add(length) {
        Some(end) if end <= size => Ok(()),
        _ => Err(format!(
            "whose {what}, {length:#x} bytes at offset {offset:#x}, are not inside its {size:#x} bytes"
        )),
    }
}

/// A counted string: two bytes of length, then as many.
fn string(what: &str, bytes: &[u8], offset: u32, size: u64) -> Result<(), Wrong> {
    let offset = u64::from(offset);
    if offset == 0 {
        return Ok(());
    }
    if !offset.is_multiple_of(2) {
        return Err(format!("whose {what} is at the odd offset {offset:#x}"));
    }
    inside(what, offset, 2, size)?;
    inside(what, offset, 2 + u64::from(word(bytes, offset) & 0xffff), size)
}

/// Registration information: the blocks in it. `bytes` is the whole buffer, `used` what the status
/// block says of it; `pdo` the device that names may be made of.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wmistr/ns-wmistr-wmireginfow>
pub(super) fn registration(bytes: &[u8], used: u64, pdo: u64) -> Result<Vec<Block>, Wrong> {
    fits(bytes, used)?;
    let size = u64::from(word(bytes, info::BUFFER_SIZE));
    inside("WMIREGINFO", 0, size, bytes.len() as u64)?;
    inside("WMIREGINFO", 0, info::SIZE, size)?;
    string("registry path", bytes, word(bytes, info::REGISTRY_PATH), size)?;
    string("MOF resource's name", bytes, word(bytes, info::MOF_RESOURCE_NAME), size)?;
    let count = word(bytes, info::GUID_COUNT);
    inside("blocks", info::SIZE, guid::SIZE * u64::from(count), size)?;
    let mut blocks = Vec::new();
    for number in 0..count.min(MOST_BLOCKS) {
        let at = info::SIZE + guid::SIZE * u64::from(number);
        let flags = word(bytes, at + guid::FLAGS);
        let names = word(bytes, at + guid::INSTANCE_NAME_LIST);
        if flags & (INSTANCE_LIST | INSTANCE_BASENAME) != 0 {
            string("instance names", bytes, names, size)?;
        } else if flags & INSTANCE_PDO != 0 {
            // By the page an offset to the pointer; the field is as wide as one, and what the
            // library and drivers put there is the pointer itself.
            let upper = u64::from(word(bytes, at + guid::PDO + 4)) << 32;
            let here = upper | u64::from(names);
            let there = u64::from(word(bytes, u64::from(names) + 4)) << 32
                | u64::from(word(bytes, names.into()));
            if here != pdo && there != pdo {
                return Err(format!(
                    "whose instances are named after {here:#x}, which is not the \
                                    device's physical device object"
                ));
            }
        }
        let start = (at + guid::GUID) as usize;
        let own = bytes.get(start..).and_then(|rest| rest.first_chunk());
        let instances = word(bytes, at + guid::INSTANCE_COUNT);
        blocks.extend(own.map(|own| Block { guid: *own, flags, instances }));
    }
    Ok(blocks)
}

fn fits(bytes: &[u8], used: u64) -> Result<(), Wrong> {
    let room = bytes.len() as u64;
    match used <= room {
        true => Ok(()),
        false => Err(format!("of {used:#x} bytes, by its status block, in a buffer of {room:#x}")),
    }
}

/// Data for one of the questions that have an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// WNODE_ALL_DATA.
    All,
    /// WNODE_SINGLE_INSTANCE.
    Single,
    /// WNODE_METHOD_ITEM.
    Method,
}

/// Data: how many bytes it would take, where the buffer is too small. `offset` is where WMI said
/// that the data is to begin, which drivers leave as it is.
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-all-data>
/// <https://learn.microsoft.com/windows-hardware/drivers/kernel/irp-mn-query-single-instance>
pub(super) fn data(kind: Kind, bytes: &[u8], used: u64, offset: u32) -> Result<Option<u32>, Wrong> {
    fits(bytes, used)?;
    let room = bytes.len() as u64;
    let size = u64::from(word(bytes, header::BUFFER_SIZE));
    inside("WNODE", 0, size, room)?;
    let flags = word(bytes, header::FLAGS);
    if flags & TOO_SMALL != 0 {
        inside("WNODE_TOO_SMALL", 0, small::SIZE_NEEDED + 4, size)?;
        let needed = word(bytes, small::SIZE_NEEDED);
        return match u64::from(needed) > room {
            true => Ok(Some(needed)),
            false => Err(format!(
                "that {room:#x} bytes are too few, where it says itself that it needs {needed:#x}"
            )),
        };
    }
    match kind {
        Kind::All => instances(bytes, flags, size)?,
        Kind::Single => {
            inside("WNODE_SINGLE_INSTANCE", 0, single::SIZE, size)?;
            let (at, length) = (single::DATA_BLOCK_OFFSET, single::SIZE_DATA_BLOCK);
            moved(word(bytes, at), offset)?;
            inside("instance", offset.into(), word(bytes, length).into(), size)?;
        }
        Kind::Method => {
            inside("WNODE_METHOD_ITEM", 0, METHOD_FIXED, size)?;
            let (at, length) = (method::DATA_BLOCK_OFFSET, method::SIZE_DATA_BLOCK);
            moved(word(bytes, at), offset)?;
            inside("output", offset.into(), word(bytes, length).into(), size)?;
        }
    }
    Ok(None)
}

fn moved(now: u32, offset: u32) -> Result<(), Wrong> {
    match now == offset {
        true => Ok(()),
        false => Err(format!("whose DataBlockOffset was changed from {offset:#x} to {now:#x}")),
    }
}

fn instances(bytes: &[u8], flags: u32, size: u64) -> Result<(), Wrong> {
    inside("WNODE_ALL_DATA", 0, all::FIXED_INSTANCE_SIZE, size)?;
    let count = word(bytes, all::INSTANCE_COUNT);
    if flags & FIXED_INSTANCE_SIZE != 0 {
        let start = word(bytes, all::DATA_BLOCK_OFFSET);
        let each = u64::from(word(bytes, all::FIXED_INSTANCE_SIZE));
        aligned(start, count)?;
        // The last one needs no padding.
        let whole = each.next_multiple_of(8) * u64::from(count.saturating_sub(1));
        let whole = whole + if count > 0 { each } else { 0 };
        return inside("instances", start.into(), whole, size);
    }
    let table = all::OFFSET_INSTANCE_DATA_AND_LENGTH;
    inside("table of instances", table, 8 * u64::from(count), size)?;
    for number in 0..u64::from(count) {
        let place = table + 8 * number;
        let (start, length) = (word(bytes, place), word(bytes, place + 4));
        aligned(start, length)?;
        inside("instance", start.into(), length.into(), size)?;
    }
    Ok(())
}

fn aligned(start: u32, length: u32) -> Result<(), Wrong> {
    match start.is_multiple_of(8) || length == 0 {
        true => Ok(()),
        false => Err(format!("whose instance begins at offset {start:#x}, no multiple of 8")),
    }
}

#[cfg(test)]
#[path = "wmi_answers_tests.rs"]
mod tests;
