//! What is wrong with a file, and where.

use std::fmt;

/// A file, or a part of it, that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Byte offset, from the start of the file, of the field that is wrong.
    pub offset: u64,
    /// That field, in the format's own name.
    pub field: &'static str,
    /// What is wrong with it: a clause without a full stop.
    pub problem: String,
}

impl Error {
    pub(crate) fn new(offset: u64, field: &'static str, problem: impl Into<String>) -> Self {
        Self { offset, field, problem: problem.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at file offset {:#x}: {}", self.field, self.offset, self.problem)
    }
}

impl std::error::Error for Error {}
