//! Dumps with ranges of pages: types 8, 9 and 10, which debuggers of 2022 and later write.
//!
//! Source: 0vercl0k/kdmp-parser, which found the form out. It is known for 64 bits.

use crate::area::Area;
use crate::full::places;
use crate::header::{Kind, Places, header, size};
use crate::space::{Made, Space};
use crate::{Description, Error};
use std::io::Write;

/// What a dump with ranges says that it holds. The pages are those of the description in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranges {
    /// 8: memory of the kernel.
    Kernel,
    /// 9: memory of the kernel and of processes.
    KernelAndUser,
    /// 10: all memory.
    Complete,
}

/// Writes a dump with ranges of pages (types 8, 9 and 10).
///
/// # Errors
/// Where the output refuses bytes, or the description asks for what the machine does not have: x86 has no
/// such dump.
pub fn write_ranges(
    description: &Description,
    kind: Ranges,
    mut out: impl Write,
) -> Result<(), Error> {
    const HEADER: usize = 0x30;
    if !description.machine.wide() {
        return Err(Error::Unsupported("dumps with ranges of pages"));
    }
    let made = Made::new(description)?;
    let space = Space::new(description, &made)?;
    let runs = space.runs();
    // A range of nothing ends the list.
    let list = 16 * (runs.len() as u64 + 1);
    let first = size(description.machine) + HEADER as u64 + list;
    let mut area = Area::new(HEADER, true);
    area.put32(0, 0x40);
    area.put(4, b"RDMPDUMP");
    // What lies between the header and the first page, and 16 bytes of the header itself.
    area.put64(0x10, list + 0x10);
    area.put64(0x18, first);
    let kind = match kind {
        Ranges::Kernel => Kind::RangesKernel,
        Ranges::KernelAndUser => Kind::RangesKernelAndUser,
        Ranges::Complete => {
            area.put32(0x20, runs.len() as u32);
            area.put64(0x28, space.count());
            Kind::RangesComplete
        }
    };
    let places = Places { size: first + space.count() * 0x1000, ..places(&made, &space) };
    out.write_all(&header(description, kind, &places)?)?;
    out.write_all(area.bytes())?;
    for (page, count) in runs.into_iter().chain([(0, 0)]) {
        out.write_all(&page.to_le_bytes())?;
        out.write_all(&count.to_le_bytes())?;
    }
    space.write(&mut out)?;
    out.flush()?;
    Ok(())
}
