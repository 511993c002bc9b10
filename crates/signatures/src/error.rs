//! What is wrong with a file, and where.

use std::fmt;

/// A structure, or a part of it, that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Byte offset of the element that is wrong, from the start of what was parsed (plus the base given there).
    pub offset: usize,
    /// That element, in the standard's own name.
    pub field: &'static str,
    /// What is wrong with it: a clause without a full stop.
    pub problem: String,
}

impl Error {
    pub(crate) fn new(offset: usize, field: &'static str, problem: impl Into<String>) -> Self {
        Self { offset, field, problem: problem.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {:#x}: {}", self.field, self.offset, self.problem)
    }
}

impl std::error::Error for Error {}

/// Something that a standard forbids and that does not keep the rest from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Irregularity {
    /// Where, as in [`Error`].
    pub offset: usize,
    /// What: a clause without a full stop.
    pub what: String,
}

impl Irregularity {
    pub(crate) fn new(offset: usize, what: impl Into<String>) -> Self {
        Self { offset, what: what.into() }
    }
}

impl From<Error> for Irregularity {
    fn from(error: Error) -> Self {
        Self { offset: error.offset, what: format!("{}: {}", error.field, error.problem) }
    }
}
