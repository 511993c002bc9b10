//! What a small dump adds to the header: `TRIAGE_DUMP64` and `TRIAGE_DUMP32`, and what they point at.
//!
//! Sources: the structures that dump readers in public repositories describe, held against real dumps
//! (tests/crash_dump_files.rs).

use super::modules::{Module, Stamp, Unloaded};
use super::{Lack, note};
use crate::Error;
use crate::blocks::Block;
use crate::bytes::{slice, u16_at, u32_at, u64_at, wide};

/// Longest name that is read, in UTF-16 units: Windows' MAX_PATH. Entries may share a name, so a longer
/// one could cost many times its size in the file.
const MOST_NAME: u64 = 260;

/// The block after the header of a small dump. An offset of 0 says that the part is absent.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields bear the format's own names")]
pub struct Triage {
    pub service_pack_build: u32,
    pub size_of_dump: u32,
    pub valid_offset: u32,
    /// Whether the mark `DGRT` stands at `valid_offset`: the writer came to its end.
    pub complete: bool,
    pub context_offset: u32,
    pub exception_offset: u32,
    pub mm_offset: u32,
    pub unloaded_drivers_offset: u32,
    pub prcb_offset: u32,
    pub process_offset: u32,
    pub thread_offset: u32,
    pub call_stack_offset: u32,
    pub size_of_call_stack: u32,
    pub driver_list_offset: u32,
    pub driver_count: u32,
    pub string_pool_offset: u32,
    pub string_pool_size: u32,
    pub broken_driver_offset: u32,
    pub triage_options: u32,
    pub top_of_stack: u64,
    pub data_page_address: u64,
    pub data_page_offset: u32,
    pub data_page_size: u32,
    pub debugger_data_offset: u32,
    pub debugger_data_size: u32,
    pub data_blocks_offset: u32,
    pub data_blocks_count: u32,
}

impl Triage {
    pub(super) fn parse(data: &[u8], is_wide: bool) -> Result<Self, Error> {
        const FIELD: &str = "TRIAGE_DUMP";
        let base = if is_wide { 0x2000 } else { 0x1000 };
        let at =
            |at64: u64, at32: u64| u32_at(data, base + if is_wide { at64 } else { at32 }, FIELD);
        let word = |at64: u64, at32: u64| {
            if is_wide {
                u64_at(data, base + at64, FIELD)
            } else {
                u32_at(data, base + at32, FIELD).map(u64::from)
            }
        };
        let both = |offset| at(offset, offset);
        let valid_offset = both(8)?;
        Ok(Self {
            service_pack_build: both(0)?,
            size_of_dump: both(4)?,
            valid_offset,
            complete: slice(data, valid_offset.into(), 4, FIELD)
                .is_ok_and(|mark| mark == b"TRGD" || mark == b"DGRT"),
            context_offset: both(0xc)?,
            exception_offset: both(0x10)?,
            mm_offset: both(0x14)?,
            unloaded_drivers_offset: both(0x18)?,
            prcb_offset: both(0x1c)?,
            process_offset: both(0x20)?,
            thread_offset: both(0x24)?,
            call_stack_offset: both(0x28)?,
            size_of_call_stack: both(0x2c)?,
            driver_list_offset: both(0x30)?,
            driver_count: both(0x34)?,
            string_pool_offset: both(0x38)?,
            string_pool_size: both(0x3c)?,
            broken_driver_offset: both(0x40)?,
            triage_options: both(0x44)?,
            top_of_stack: word(0x48, 0x48)?,
            data_page_address: word(0x60, 0x4c)?,
            data_page_offset: at(0x68, 0x50)?,
            data_page_size: at(0x6c, 0x54)?,
            debugger_data_offset: at(0x70, 0x58)?,
            debugger_data_size: at(0x74, 0x5c)?,
            data_blocks_offset: at(0x78, 0x60)?,
            data_blocks_count: at(0x7c, 0x64)?,
        })
    }

    /// Stack, data page and data blocks, in the file's order.
    pub(super) fn blocks(&self, data: &[u8], lacks: &mut Vec<Lack>) -> Vec<Block> {
        let mut found = Vec::new();
        let parts = [
            (self.top_of_stack, self.call_stack_offset, self.size_of_call_stack),
            (self.data_page_address, self.data_page_offset, self.data_page_size),
        ];
        for (address, offset, size) in parts {
            add(
                data,
                Block { address, offset: offset.into(), size: size.into() },
                &mut found,
                lacks,
            );
        }
        let count = held(
            data,
            "DataBlocksCount",
            (self.data_blocks_offset, 16),
            self.data_blocks_count,
            lacks,
        );
        for index in 0..count {
            let at = u64::from(self.data_blocks_offset) + index * 16;
            let block = || -> Result<Block, Error> {
                Ok(Block {
                    address: u64_at(data, at, "DataBlock.Address")?,
                    offset: u32_at(data, at + 8, "DataBlock.Offset")?.into(),
                    size: u32_at(data, at + 12, "DataBlock.Size")?.into(),
                })
            };
            if let Ok(block) = block() {
                add(data, block, &mut found, lacks);
            }
        }
        found
    }

    pub(super) fn modules(
        &self,
        data: &[u8],
        is_wide: bool,
        crashed: Option<u64>,
        lacks: &mut Vec<Lack>,
    ) -> Vec<Module> {
        let size = if is_wide { 0x90 } else { 0x4c };
        let mut found = Vec::new();
        let count =
            held(data, "DriverCount", (self.driver_list_offset, size), self.driver_count, lacks);
        for index in 0..count {
            let at = u64::from(self.driver_list_offset) + index * size;
            match driver(data, at, is_wide, crashed, lacks) {
                Ok(module) => found.push(module),
                Err(error) => note(lacks, Lack::from(error)),
            }
        }
        found
    }

    pub(super) fn unloaded(
        &self,
        data: &[u8],
        is_wide: bool,
        lacks: &mut Vec<Lack>,
    ) -> Vec<Unloaded> {
        let mut found = Vec::new();
        let start = u64::from(self.unloaded_drivers_offset);
        if start == 0 {
            return found;
        }
        let read = |found: &mut Vec<Unloaded>, lacks: &mut Vec<Lack>| -> Result<(), Error> {
            let count = u32_at(data, start, "UnloadedDrivers")?;
            let (first, size, text) = if is_wide { (8, 56, 16) } else { (4, 40, 8) };
            let table = self.unloaded_drivers_offset.saturating_add(first as u32);
            for index in 0..held(data, "UnloadedDrivers", (table, size), count, lacks) {
                let at = start + first + index * size;
                let entry = slice(data, at, size, "UnloadedDriver")?;
                let length = u64::from(u16_at(entry, 0, "Name.Length")?).min(24);
                let name = wide(slice(entry, text, length, "DriverName")?);
                let (begin, end) = if is_wide {
                    (u64_at(entry, 40, "StartAddress")?, u64_at(entry, 48, "EndAddress")?)
                } else {
                    let start = u32_at(entry, 32, "StartAddress")?;
                    (start.into(), u32_at(entry, 36, "EndAddress")?.into())
                };
                found.push(Unloaded { offset: at, name, begin, end });
            }
            Ok(())
        };
        if let Err(error) = read(&mut found, lacks) {
            note(lacks, Lack::from(error));
        }
        found
    }
}

/// How many of the `count` entries of a table the file holds whole; more than that is a lie, which is told once.
fn held(
    data: &[u8],
    field: &'static str,
    (offset, size): (u32, u64),
    count: u32,
    lacks: &mut Vec<Lack>,
) -> u64 {
    let offset = u64::from(offset);
    let room = (data.len() as u64).saturating_sub(offset) / size;
    if u64::from(count) > room {
        let why = format!("{count} entries, of which the file holds {room}");
        note(lacks, Lack { part: field, offset, why });
    }
    room.min(count.into())
}

fn add(data: &[u8], block: Block, found: &mut Vec<Block>, lacks: &mut Vec<Lack>) {
    if block.size == 0 || block.offset == 0 {
        return;
    }
    let held = (data.len() as u64).saturating_sub(block.offset).min(block.size);
    if held < block.size {
        let why = format!("{:#x} of {:#x} bytes are in the file", held, block.size);
        note(lacks, Lack { part: "memory block", offset: block.offset, why });
    }
    if held > 0 && block.address.checked_add(held).is_some() {
        found.push(Block { size: held, ..block });
    }
}

/// A `DUMP_STRING`: how many UTF-16 units, and then they.
pub(super) fn counted_text(data: &[u8], at: u64) -> Result<String, Error> {
    let units = u32_at(data, at, "DriverName.Length")?;
    let bytes = u64::from(units).min(MOST_NAME) * 2;
    Ok(wide(slice(data, at + 4, bytes, "DriverName")?))
}

fn driver(
    data: &[u8],
    at: u64,
    is_wide: bool,
    crashed: Option<u64>,
    lacks: &mut Vec<Lack>,
) -> Result<Module, Error> {
    let word = |at64: u64, at32: u64, field| {
        if is_wide {
            u64_at(data, at + at64, field)
        } else {
            u32_at(data, at + at32, field).map(u64::from)
        }
    };
    let half =
        |at64: u64, at32: u64, field| u32_at(data, at + if is_wide { at64 } else { at32 }, field);
    let stamp = half(0x88, 0x48, "TimeDateStamp")?;
    let name_at = u64::from(u32_at(data, at, "DriverNameOffset")?);
    let name = counted_text(data, name_at);
    Ok(Module {
        offset: at,
        path: name.unwrap_or_else(|error| {
            note(lacks, Lack::from(error));
            String::new()
        }),
        base: word(0x38, 0x1c, "DllBase")?,
        size: half(0x48, 0x24, "SizeOfImage")?,
        checksum: half(0x80, 0x44, "CheckSum")?,
        stamp: Stamp::judge(stamp, crashed),
    })
}
