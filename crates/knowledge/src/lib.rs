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
pub mod number;
mod space;
mod spaces;
mod suggest;
mod table;

pub use answer::Answer;
pub use bugcheck::{BugCheck, Explained, Parameter, SubCode, bugcheck};
pub use lookup::{Lookup, Question, look_up};
pub use space::Space;
