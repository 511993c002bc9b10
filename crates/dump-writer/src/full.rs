//! Full dumps: runs of physical memory behind the header.

use crate::header::{Kind, Places, header, size};
use crate::space::{Made, Space};
use crate::{Description, Error};
use std::io::Write;

/// Where things lie in a dump of pages, but for the file's size.
pub(crate) fn places(made: &Made, space: &Space<'_>) -> Places {
    Places {
        directory_table_base: space.root(),
        loaded_module_list: made.data.loaded_module_list,
        active_process_head: made.data.active_process_head,
        debugger_data: made.data.debugger_data,
        ..Places::default()
    }
}

/// Writes a full dump (type 1): every page of the description, and page tables that lead to them.
///
/// # Errors
/// Where the output refuses bytes, or the description asks for what the machine or the format does not have:
/// a 64-bit dump has room for 42 runs of pages, a 32-bit one for 86.
pub fn write_full(description: &Description, mut out: impl Write) -> Result<(), Error> {
    let made = Made::new(description)?;
    let space = Space::new(description, &made)?;
    let bytes = size(description.machine) + space.count() * 0x1000;
    let places = Places { runs: space.runs(), size: bytes, ..places(&made, &space) };
    out.write_all(&header(description, Kind::Full, &places)?)?;
    space.write(&mut out)?;
    out.write_all(&crate::blobs::build(&description.blobs)?)?;
    out.flush()?;
    Ok(())
}
