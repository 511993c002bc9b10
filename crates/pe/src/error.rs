//! What is wrong with a file, and where.

use std::fmt;

/// A file that cannot be read as a PE image, or a table in it that cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Byte offset, from the start of the file, of the field that is wrong.
    pub offset: u64,
    /// That field, in the specification's name.
    pub field: &'static str,
    /// What is wrong with it: a clause without a full stop.
    pub problem: String,
}

impl Error {
    pub(crate) fn new(place: Place, problem: impl Into<String>) -> Self {
        Self { offset: place.offset, field: place.field, problem: problem.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at file offset {:#x}: {}", self.field, self.offset, self.problem)
    }
}

impl std::error::Error for Error {}

/// The field that a number was read from, so that its misuse can be reported there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub offset: u64,
    pub field: &'static str,
}

impl Place {
    pub fn new(offset: u64, field: &'static str) -> Self {
        Self { offset, field }
    }
}
