//! The header: `DUMP_HEADER64` and `DUMP_HEADER32`.
//!
//! Sources: Windows SDK metadata, `Win32.System.Diagnostics.Debug`; the README and structures of
//! 0vercl0k/kdmp-parser, which hold the 64-bit one. What is not set holds `PAGE` over and over.

use crate::area::Area;
use crate::error::within;
use crate::{Description, Error, Exception, Machine};

/// `DumpType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Full = 1,
    Kernel = 2,
    Small = 4,
    BitmapFull = 5,
    BitmapKernel = 6,
    RangesKernel = 8,
    RangesKernelAndUser = 9,
    RangesComplete = 10,
}

/// What only whoever lays the file out knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    pub directory_table_base: u64,
    pub loaded_module_list: u64,
    pub active_process_head: u64,
    pub debugger_data: u64,
    /// First page and number of pages of each run.
    pub runs: Vec<(u64, u64)>,
    /// Bytes of the whole file.
    pub size: u64,
    /// `MiniDumpFields`, of a small dump.
    pub fields: Option<u32>,
}

/// Bytes of the header.
pub(crate) fn size(machine: Machine) -> u64 {
    if machine.wide() { 0x2000 } else { 0x1000 }
}

pub(crate) fn header(
    description: &Description,
    kind: Kind,
    places: &Places,
) -> Result<Vec<u8>, Error> {
    let wide = description.machine.wide();
    let mut area = Area::filled(size(description.machine) as usize, wide, *b"PAGE");
    area.put(4, if wide { b"DU64" } else { b"DUMP" });
    area.put32(8, if description.checked { 0xc } else { 0xf });
    area.put32(0xc, description.build);
    // Four words of the machine's width, then words of four bytes.
    let step = if wide { 8 } else { 4 };
    let pointers =
        [places.directory_table_base, 0, places.loaded_module_list, places.active_process_head];
    for (index, value) in pointers.into_iter().enumerate() {
        area.pointer(0x10 + step * index, value);
    }
    let machine = 0x10 + 4 * step;
    area.put32(machine, if wide { 0x8664 } else { 0x14c });
    area.put32(machine + 4, description.processors);
    area.put32(machine + 8, description.bug_check);
    let parameters = if wide { machine + 16 } else { machine + 12 };
    for (index, value) in description.parameters.into_iter().enumerate() {
        area.pointer(parameters + step * index, value);
    }
    // VersionUser stays unset.
    let after_version = parameters + 4 * step + 32;
    if let Machine::X86 { pae } = description.machine {
        area.put(after_version, &[u8::from(pae), 0, 0, 0]);
    }
    let debugger = if wide { after_version } else { after_version + 4 };
    area.pointer(debugger, places.debugger_data);
    let runs = debugger + step;
    put_runs(&mut area, runs, wide, &places.runs)?;
    // 700 bytes for them, and a context record at a multiple of eight behind.
    let context = (runs + 700).next_multiple_of(8);
    if let Some(registers) = &description.registers {
        area.put(context, &registers.record(description.machine)?);
    }
    let exception = context + if wide { 3000 } else { 1200 };
    if let Some(record) = &description.exception {
        area.put(exception, &exception_record(record, wide)?);
    }
    let comment = tail(&mut area, description, kind, places, wide);
    within("Comment", description.comment.len() as u64, 127)?;
    area.put(comment, &[0; 128]);
    area.put(comment, description.comment.as_bytes());
    Ok(area.into_bytes())
}

/// Everything behind the exception record but the comment, whose place is returned.
fn tail(
    area: &mut Area,
    description: &Description,
    kind: Kind,
    places: &Places,
    wide: bool,
) -> usize {
    // In 64 bits these six follow each other after the comment, in 32 bits before the times.
    let (kind_at, space, time, up, fields, comment) = if wide {
        (0xf98, 0xfa0, 0xfa8, 0x1030, 0x1038, 0xfb0)
    } else {
        (0xf88, 0xfa0, 0xfc0, 0xfb8, 0xf8c, 0x820)
    };
    area.put32(kind_at, kind as u32);
    area.put64(space, places.size);
    area.put64(time, description.system_time);
    area.put64(up, description.up_time);
    if let Some(value) = places.fields {
        area.put32(fields, value);
    }
    // SecondaryDataState stays unset: there are no data of that kind.
    area.put32(fields + 8, description.product_type);
    area.put32(fields + 12, description.suite_mask);
    area.put32(fields + 16, 0);
    comment
}

fn put_runs(area: &mut Area, at: usize, wide: bool, runs: &[(u64, u64)]) -> Result<(), Error> {
    if runs.is_empty() {
        return Ok(());
    }
    let (first, step) = if wide { (16, 16) } else { (8, 8) };
    within("runs of physical memory", runs.len() as u64, (700 - first) / step)?;
    area.put32(at, runs.len() as u32);
    let pages = runs.iter().map(|(_, count)| count).sum();
    area.pointer(at + if wide { 8 } else { 4 }, pages);
    for (index, (page, count)) in runs.iter().enumerate() {
        let at = at + first as usize + index * step as usize;
        area.pointer(at, *page);
        area.pointer(at + step as usize / 2, *count);
    }
    Ok(())
}

/// `EXCEPTION_RECORD64` or `EXCEPTION_RECORD32`.
fn exception_record(record: &Exception, wide: bool) -> Result<Vec<u8>, Error> {
    let count = within("ExceptionInformation", record.parameters.len() as u64, 15)?;
    let (size, address, number, first) = if wide { (152, 16, 24, 32) } else { (80, 12, 16, 20) };
    let mut area = Area::new(size, wide);
    area.put32(0, record.code);
    area.put32(4, record.flags);
    area.pointer(address, record.address);
    area.put32(number, count as u32);
    for (index, value) in record.parameters.iter().enumerate() {
        area.pointer(first + index * if wide { 8 } else { 4 }, *value);
    }
    Ok(area.into_bytes())
}
