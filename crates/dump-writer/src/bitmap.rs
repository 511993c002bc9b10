//! Dumps with a bitmap of their pages: the newer form of types 5 and 6, and the older one of type 2.
//!
//! Sources: 0vercl0k/kdmp-parser and volatility's crash layer for the newer form, whose header is alike in 32
//! and in 64 bits; `SUMMARY_DUMP32` and `SUMMARY_DUMP64` of the WDK for the older one.

use crate::area::{Area, align};
use crate::error::within;
use crate::full::places;
use crate::header::{Kind, Places, header, size};
use crate::space::{Made, Space};
use crate::{Description, Error};
use std::io::Write;

/// What a dump with a bitmap says that it holds. The pages are those of the description in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bitmap {
    /// 5: all memory.
    Full,
    /// 6: memory of the kernel.
    Kernel,
}

/// Writes a dump with a bitmap (types 5 and 6), as Windows 8 and later do.
///
/// # Errors
/// Where the output refuses bytes, or the description asks for what the machine does not have.
pub fn write_bitmap(
    description: &Description,
    kind: Bitmap,
    mut out: impl Write,
) -> Result<(), Error> {
    const BITS: u64 = 0x38;
    let made = Made::new(description)?;
    let space = Space::new(description, &made)?;
    let bits = bits(&space);
    let first = size(description.machine) + BITS + bits / 8;
    let (kind, mark) = match kind {
        Bitmap::Full => (Kind::BitmapFull, b"FDMP"),
        Bitmap::Kernel => (Kind::BitmapKernel, b"SDMP"),
    };
    let mut area = Area::new(BITS as usize, description.machine.wide());
    area.put(0, mark);
    area.put(4, b"DUMP");
    area.put64(0x20, first);
    area.put64(0x28, space.count());
    area.put64(0x30, bits);
    let places = Places { size: first + space.count() * 0x1000, ..places(&made, &space) };
    out.write_all(&header(description, kind, &places)?)?;
    out.write_all(area.bytes())?;
    write_bits(&space, bits, &mut out)?;
    space.write(&mut out)?;
    out.flush()?;
    Ok(())
}

/// Writes a kernel dump (type 2), as Windows 2000 to 7 do.
///
/// # Errors
/// Where the output refuses bytes, or the description asks for what the machine or the format does not have.
pub fn write_kernel(description: &Description, mut out: impl Write) -> Result<(), Error> {
    let wide = description.machine.wide();
    let made = Made::new(description)?;
    let space = Space::new(description, &made)?;
    let bits = within("SizeOfBitMap", bits(&space), u32::MAX.into())?;
    // The bitmap's header has a pointer, which the file keeps and nobody uses.
    let start = if wide { 0x28 } else { 0x20 };
    let end = size(description.machine) + start + bits / 8;
    let first = align(end, 0x1000);
    let mut area = Area::new(start as usize, wide);
    area.put(0, b"SDMPDUMP");
    area.put32(0xc, within("HeaderSize", first, u32::MAX.into())? as u32);
    area.put32(0x10, bits as u32);
    area.put32(0x14, within("Pages", space.count(), u32::MAX.into())? as u32);
    area.put32(0x18, bits as u32);
    let places = Places { size: first + space.count() * 0x1000, ..places(&made, &space) };
    out.write_all(&header(description, Kind::Kernel, &places)?)?;
    out.write_all(area.bytes())?;
    write_bits(&space, bits, &mut out)?;
    out.write_all(&vec![0; (first - end) as usize])?;
    space.write(&mut out)?;
    out.flush()?;
    Ok(())
}

/// One bit for each page up to the last, in whole words.
fn bits(space: &Space<'_>) -> u64 {
    align(space.frames().last().map_or(0, |last| last + 1), 64)
}

fn write_bits(space: &Space<'_>, bits: u64, out: &mut impl Write) -> Result<(), Error> {
    const CHUNK: u64 = 0x1000;
    let mut frames = space.frames().peekable();
    let mut start = 0;
    while start < bits {
        let end = bits.min(start + CHUNK * 8);
        let mut chunk = [0u8; CHUNK as usize];
        while let Some(frame) = frames.next_if(|frame| *frame < end) {
            let inside = frame - start;
            chunk[(inside / 8) as usize] |= 1 << (inside % 8);
        }
        out.write_all(&chunk[..((end - start) / 8) as usize])?;
        start = end;
    }
    Ok(())
}
