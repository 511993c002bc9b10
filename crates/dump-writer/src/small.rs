//! Small dumps: `TRIAGE_DUMP64` and `TRIAGE_DUMP32` behind the header, and the parts that they point at.
//!
//! Sources: rizin's and Ghidra's readers of dumps; `TRIAGE_DATA_BLOCK`, `DUMP_DRIVER_ENTRY` and
//! `DUMP_UNLOADED_DRIVERS` of the WDK; the order of the parts is that of real dumps.

use crate::area::{Area, align, utf16};
use crate::error::within;
use crate::header::{Kind, Places, header, size};
use crate::kernel_data::KernelData;
use crate::{Description, Error, Object, Unloaded};
use std::io::Write;

/// Basic information, the debugger's block, blocks of data.
const FIELDS: u32 = 0xff | 0x400 | 0x800;
/// UTF-16 units of an unloaded image's name.
const SHORT_NAME: usize = 12;
/// The writer's last word.
const END: &[u8; 4] = b"TRGD";

/// Parts of the file in order, each at a multiple of eight.
struct Parts<'a> {
    end: u64,
    parts: Vec<(u64, Part<'a>)>,
}

enum Part<'a> {
    Borrowed(&'a [u8]),
    Made(Vec<u8>),
}

impl<'a> Parts<'a> {
    /// Adds a part; its file offset, 0 for an empty one.
    fn add(&mut self, part: Part<'a>) -> Result<u32, Error> {
        let bytes = part.bytes().len() as u64;
        if bytes == 0 {
            return Ok(0);
        }
        let at = align(self.end, 8);
        self.end = within("SizeOfDump", at + bytes, u32::MAX.into())?;
        self.parts.push((at, part));
        Ok(at as u32)
    }
}

impl Part<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}

/// Writes a small dump (type 4).
///
/// # Errors
/// Where the output refuses bytes, or the description asks for what the machine or the format does not have:
/// such a dump ends below 4 GiB.
pub fn write_small(description: &Description, mut out: impl Write) -> Result<(), Error> {
    let wide = description.machine.wide();
    let data = KernelData::build(description)?;
    let base = size(description.machine);
    let triage_size = if wide { 0x80 } else { 0x68 };
    let mut parts = Parts { end: base + triage_size as u64, parts: Vec::new() };
    let mut triage = Area::new(triage_size, wide);
    // Numbers of the words at the start of both forms.
    let word = |triage: &mut Area, index: usize, value: u32| triage.put32(4 * index, value);
    let (context, exception) = if wide { (0x348, 0xf00) } else { (0x320, 0x7d0) };
    word(&mut triage, 3, context);
    word(&mut triage, 4, exception);
    if wide {
        // DUMP_MM_STORAGE64: its version and size, and nothing that is known.
        let mut storage = Area::new(0x50, wide);
        storage.put32(0, 1);
        storage.put32(4, storage.len() as u32);
        word(&mut triage, 5, parts.add(Part::Made(storage.into_bytes()))?);
    }
    let unloaded = unloaded(&description.unloaded, wide);
    word(&mut triage, 6, parts.add(Part::Made(unloaded))?);
    let objects = [
        (7, &description.prcb),
        (8, &description.process),
        (9, &description.thread),
        (10, &description.stack),
    ];
    for (index, object) in objects {
        let at = parts.add(Part::Borrowed(object.as_ref().map_or(&[], Object::as_bytes)))?;
        word(&mut triage, index, at);
    }
    let (top, size) = description
        .stack
        .as_ref()
        .map_or((0, 0), |stack| (stack.address, stack.bytes.len() as u64));
    word(&mut triage, 11, within("SizeOfCallStack", size, u32::MAX.into())? as u32);
    let debugger = parts.add(Part::Borrowed(&data.block))?;
    let drivers = drivers(description, &mut parts)?;
    for (index, value) in (12..).zip(drivers) {
        word(&mut triage, index, value);
    }
    if let Some(name) = &description.broken_driver {
        word(&mut triage, 16, parts.add(Part::Made(counted(name)))?);
    }
    word(&mut triage, 17, u32::MAX);
    let blocks = blocks(description, &mut parts)?;
    let end = parts.add(Part::Borrowed(END))?;
    word(&mut triage, 1, parts.end as u32);
    word(&mut triage, 2, end);
    // The stack's address, then those of one page of data, which is not there.
    triage.pointer(18 * 4, top);
    let after = if wide { 0x70 } else { 0x58 };
    triage.put32(after, debugger);
    triage.put32(after + 4, data.block.len() as u32);
    triage.put32(after + 8, blocks);
    triage.put32(after + 12, description.memory.len() as u32);
    let places = Places {
        directory_table_base: 0,
        loaded_module_list: data.loaded_module_list,
        active_process_head: data.active_process_head,
        debugger_data: data.debugger_data,
        size: parts.end,
        fields: Some(FIELDS),
        runs: Vec::new(),
    };
    out.write_all(&header(description, Kind::Small, &places)?)?;
    out.write_all(triage.bytes())?;
    let mut at = base + triage_size as u64;
    for (offset, part) in &parts.parts {
        out.write_all(&[0; 8][..(offset - at) as usize])?;
        out.write_all(part.bytes())?;
        at = offset + part.bytes().len() as u64;
    }
    out.write_all(&crate::blobs::build(&description.blobs)?)?;
    out.flush()?;
    Ok(())
}

impl Object {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A `DUMP_STRING`: how many UTF-16 units, they, and a NUL.
fn counted(text: &str) -> Vec<u8> {
    let units = utf16(text);
    let count = (units.len() / 2) as u32;
    count.to_le_bytes().into_iter().chain(units).chain([0, 0]).collect()
}

/// The count, then `DUMP_UNLOADED_DRIVERS64` or `DUMP_UNLOADED_DRIVERS32` for each.
fn unloaded(list: &[Unloaded], wide: bool) -> Vec<u8> {
    let width = if wide { 8 } else { 4 };
    let text = 2 * width;
    let begin = text + 2 * SHORT_NAME;
    let stride = begin + 2 * width;
    let mut area = Area::new(width + list.len() * stride, wide);
    area.put32(0, list.len() as u32);
    for (index, driver) in list.iter().enumerate() {
        let at = width + index * stride;
        let mut name = utf16(&driver.name);
        name.truncate(2 * SHORT_NAME);
        area.put16(at, name.len() as u16);
        area.put16(at + 2, name.len() as u16);
        area.put(at + text, &name);
        area.pointer(at + begin, driver.begin);
        area.pointer(at + begin + width, driver.end);
    }
    area.into_bytes()
}

/// Adds the list of drivers and the names; `DriverListOffset`, `DriverCount`, `StringPoolOffset` and
/// `StringPoolSize`.
fn drivers(description: &Description, parts: &mut Parts<'_>) -> Result<[u32; 4], Error> {
    let wide = description.machine.wide();
    let modules = &description.modules;
    // DUMP_DRIVER_ENTRY: a name's offset, then a loader's entry as older Windows has it.
    let (entry, base, image, checksum, stamp, stride) =
        if wide { (8, 0x30, 0x40, 0x78, 0x80, 0x90) } else { (4, 0x18, 0x20, 0x40, 0x44, 0x4c) };
    let mut pool = Vec::new();
    let mut list = Area::new(modules.len() * stride, wide);
    let list_at = align(parts.end, 8);
    let pool_at = align(list_at + list.len() as u64, 8);
    for (index, module) in modules.iter().enumerate() {
        let at = index * stride;
        let name = within("StringPoolSize", pool_at + pool.len() as u64, u32::MAX.into())?;
        list.put32(at, name as u32);
        list.pointer(at + entry + base, module.base);
        list.put32(at + entry + image, module.size);
        list.put32(at + entry + checksum, module.checksum);
        list.put32(at + entry + stamp, module.stamp);
        let text = utf16(&module.path);
        pool.extend((text.len() as u32 / 2).to_le_bytes());
        pool.extend(text);
        pool.extend([0, 0]);
        pool.resize(pool.len().next_multiple_of(8), 0);
    }
    let pool_size = pool.len() as u32;
    let list = parts.add(Part::Made(list.into_bytes()))?;
    let pool = parts.add(Part::Made(pool))?;
    Ok([list, modules.len() as u32, pool, pool_size])
}

/// Adds the table of blocks and the blocks themselves; the table's offset.
fn blocks<'a>(description: &'a Description, parts: &mut Parts<'a>) -> Result<u32, Error> {
    let memory = &description.memory;
    // TRIAGE_DATA_BLOCK has an address of eight bytes in both forms.
    let mut table = Area::new(memory.len() * 16, true);
    let mut next = align(parts.end, 8) + table.len() as u64;
    for (index, part) in memory.iter().enumerate() {
        let at = index * 16;
        let bytes = part.bytes.len() as u64;
        within("SizeOfDump", next + bytes, u32::MAX.into())?;
        table.put64(at, part.address);
        table.put32(at + 8, next as u32);
        table.put32(at + 12, bytes as u32);
        next = align(next + bytes, 8);
    }
    let offset = parts.add(Part::Made(table.into_bytes()))?;
    for part in memory {
        parts.add(Part::Borrowed(&part.bytes))?;
    }
    Ok(offset)
}
