//! Files that somebody sends: each reader borrows bytes and returns typed facts.
//!
//! There is no I/O and no `unsafe` here, every number of a file is checked before use, and every
//! [`Error`] names the file offset and the field. What a damaged file still tells is told.

#![forbid(unsafe_code)]

mod blocks;
pub mod bytes;
pub mod crash_dump;
mod error;
pub mod event_log;
pub mod inf;
mod looks;
pub mod process_dump;
pub mod setup_log;
pub mod system_log;

pub use blocks::Block;
pub use error::Error;
pub use looks::looks_like;
