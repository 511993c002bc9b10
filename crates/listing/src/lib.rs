//! Machine code as text: images, objects and members of libraries, with names, strings, jump tables, and what
//! a driver's code says of it.
//!
//! [`Unit::of_image`] and [`Unit::of_object`] gather what is known about the addresses of a file; [`list`] walks
//! over the code and tells a [`Sink`] line by line, so that nothing of a large file is held. There is no I/O
//! here, and no number of a file is trusted.

#![forbid(unsafe_code)]

pub mod arm64;
mod comments;
pub mod control_codes;
mod driver;
pub mod hex;
mod irql;
mod isa;
mod jump_tables;
mod names;
mod place;
mod printer;
mod strings;
mod sweep;
mod unit;

pub use driver::{Driver, Routine};
pub use isa::Isa;
pub use names::Names;
pub use place::{NotFound, Places, place};
pub use printer::{Printer, Syntax};
pub use sweep::{Row, Sink, Span, Stop, boundaries, list};
pub use unit::{Area, Unit};
