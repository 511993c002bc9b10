//! What numbers and names mean: look-ups over tables, and bug checks explained.
//!
//! Nothing is read or printed here. The data lies in the folder `knowledge` at the root, as tables and
//! as TOML that a person edits without touching Rust; `knowledge/README.md` describes both.

#![forbid(unsafe_code)]

pub mod bugcheck;

pub use bugcheck::{BugCheck, Explained, Parameter, SubCode, bugcheck};
