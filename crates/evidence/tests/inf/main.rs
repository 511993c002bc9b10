//! INF files: what is read, what is objected to and where, and that nothing makes the reader fall.

mod objections;
mod plans;
mod property;
mod ranks;

use evidence::inf::{Date, Inf};

/// A driver package without a fault.
const CLEAN: &str = include_str!("clean.inf");

fn inf(text: &str) -> Inf {
    Inf::parse(text.as_bytes()).unwrap()
}

/// The day that the tests take for today.
fn today() -> Option<Date> {
    Date::parse("06/01/2025")
}
