//! Writes kernel crash dumps of Windows from a [`Description`]: small dumps, and
//! dumps of pages of every form.
//!
//! Everything goes to an [`std::io::Write`] in the order of the file; of memory no more is held than what the
//! description holds already and a few words for each page. The room shares nothing with the reader in
//! `crates/evidence`: offsets were written down from public sources a second time, so that a mistake of one
//! side is seen by the other.
//!
//! What a dump holds besides the description's memory is made here, as Windows would have it: page tables, the
//! list at `PsLoadedModuleList`, the ring at `MmUnloadedDrivers`, `KDDEBUGGER_DATA64`, and headers of images of
//! which the description holds none.

#![forbid(unsafe_code)]

mod area;
mod bitmap;
mod blobs;
mod context;
mod debugger_data;
mod description;
mod error;
mod full;
mod header;
mod kernel_data;
mod paging;
mod ranges;
mod small;
mod space;

pub use bitmap::{Bitmap, write_bitmap, write_kernel};
pub use context::{Registers, X64, X86};
pub use description::{
    Description, Exception, Machine, Memory, Module, Object, Offsets, Page, Unloaded,
};
pub use error::Error;
pub use full::write_full;
pub use ranges::{Ranges, write_ranges};
pub use small::write_small;
