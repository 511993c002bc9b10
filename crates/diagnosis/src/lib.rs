//! What happened, and whose fault it is, from the evidence that a crash leaves behind.
//!
//! Nothing is read from disk here: [`Programs`] is asked for the images and symbols of the modules that
//! matter, and everything works without them, only with less to say. What is said tells what it rests on.

#![forbid(unsafe_code)]

mod arm64;
mod code_space;
pub mod crash;
pub mod driver_facts;
pub mod image;
pub mod incident;
pub mod process;
mod program;
pub mod setup;
pub mod signed;
pub mod system_log;

pub use code_space::Listed;
pub use program::{Absent, Nothing, ProcessLayout, Program, Programs, Wanted};
