//! Messages of system logs: what a line means, how bad it is, and what to do.
//!
//! An entry is one file below `knowledge/messages`; `knowledge/README.md` describes the form. [`Base`] holds
//! entries, ours and those of a user, and finds the one that a message is. [`Base::together`] finds the entries
//! that are about several facts at once, whatever files these come from.

mod base;
mod check;
mod entry;
mod facts;
mod shape;
#[cfg(test)]
mod tests;

pub use base::{Base, Found, Message};
pub use check::check;
pub use entry::{Entry, Matches, Severity, Values};
pub use facts::{Certainty, Fact, Part, Together};
pub use shape::shape;

/// Name (`gpu/radeon-reserve-failed.toml`) and text of each file in `knowledge/messages`, in order of names.
static SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// A file that holds an entry: its name, with which mistakes are told, and what is in it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name, with `/` between folders.
    pub name: String,
    /// Text.
    pub text: String,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong: a clause without a full stop.
    pub problem: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

/// The files that come with bugcheck.
pub fn sources() -> impl Iterator<Item = Source> {
    SOURCES.iter().map(|(name, text)| Source { name: (*name).into(), text: (*text).into() })
}
