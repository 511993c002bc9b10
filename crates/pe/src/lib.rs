//! Windows PE images, as the kernel's loader sees them.
//!
//! [`Image::parse`] borrows the bytes of a `.sys`, `.exe` or `.dll` and checks its headers; the other
//! tables are read when asked for. [`Image::map_at`] lays the image out as it would stand in memory and
//! [`unwind::step`] walks from one stack frame to its caller. There is no I/O and no `unsafe` here, every
//! number of the file is checked before use, and every [`Error`] names the file offset and the field.
//!
//! Sources: Microsoft "PE Format" (learn.microsoft.com/windows/win32/debug/pe-format), "x64 exception
//! handling" and "x64 prolog and epilog" (MicrosoftDocs/cpp-docs, docs/build).

#![forbid(unsafe_code)]

mod bytes;
mod certificate_table;
mod checksum;
mod coff_symbols;
mod debug_directory;
mod driver;
mod error;
mod exports;
mod functions;
mod headers;
mod image;
mod image_digest;
mod imports;
mod load_config;
mod map;
pub mod object;
mod pogo;
mod rebased;
mod relocations;
mod resources;
mod rich;
mod section;
mod tools;
mod unmap;
pub mod unwind;
mod version;

#[cfg(test)]
mod broken_images;
#[cfg(test)]
mod library_writer;
#[cfg(test)]
mod rebased_tests;
#[cfg(test)]
mod writer;

pub use certificate_table::{CertificateEntry, CertificateTable, PKCS_SIGNED_DATA, REVISION_2};
pub use coff_symbols::CoffSymbol;
pub use debug_directory::{CodeView, DebugEntry};
pub use driver::{NotADriver, check_driver};
pub use error::Error;
pub use exports::Export;
pub use functions::Function;
pub use headers::{Machine, Subsystem};
pub use image::Image;
pub use image_digest::{DigestRanges, PAGE, PageRanges};
pub use imports::{Import, ImportModule, ImportTarget};
pub use load_config::LoadConfig;
pub use map::MAX_IMAGE_SIZE;
pub use pogo::Pogo;
pub use rebased::{BASE_GRANULARITY, NewBase};
pub use relocations::{Relocation, RelocationKind};
pub use rich::RichEntry;
pub use section::Section;
pub use tools::{Tool, tool};
pub use unmap::file_from_memory;
pub use version::Version;
