//! What numbers and names mean: look-ups over tables, and bug checks explained.
//!
//! Nothing is read or printed here. The data lies in the folder `knowledge` at the root, as tables and
//! as TOML that a person edits without touching Rust; `knowledge/README.md` describes both.

#![forbid(unsafe_code)]

mod answer;
pub mod bugcheck;
mod call;
mod lookup;
#[cfg(test)]
mod lookup_tests;
pub mod messages;
pub mod number;
pub mod signing;
mod space;
mod spaces;
mod suggest;
mod table;
pub mod windows;

pub use answer::Answer;
pub use bugcheck::{BugCheck, Explained, Parameter, SubCode, bugcheck};
pub use lookup::{Lookup, Question, look_up};
pub use space::Space;

/// Name of an NTSTATUS.
#[must_use]
pub fn status_name(status: u32) -> Option<&'static str> {
    table::NTSTATUS.get(status).map(|row| row.name)
}

/// Flags of Driver Verifier by name; the digits where one of them is not known.
#[must_use]
pub fn verifier_text(flags: u32) -> String {
    let name =
        spaces::ask(Space::Verifier, number::Number { value: flags.into(), decimal: false }, "");
    name.map_or_else(|| format!("0x{flags:X}"), |answer| format!("0x{flags:X}: {}", answer.name))
}
