//! How a command ends.

use std::fmt;

/// A command that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing wrong was found.
    Clean,
    /// Something was.
    Findings,
    /// The bench could not run it all, and found nothing wrong in the rest.
    Unsupported,
}

impl Outcome {
    pub(crate) fn status(self) -> u8 {
        match self {
            Outcome::Clean => 0,
            Outcome::Findings => 1,
            Outcome::Unsupported => 3,
        }
    }
}

/// A command that could not. Each holds one sentence: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command line or a file is at fault.
    Input(String),
    /// The bench cannot do this.
    Unsupported(String),
    /// bugcheck is wrong.
    Internal(String),
}

impl Failure {
    pub(crate) fn status(&self) -> u8 {
        match self {
            Failure::Input(_) => 2,
            Failure::Unsupported(_) => 3,
            Failure::Internal(_) => 4,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Input(text) | Failure::Unsupported(text) | Failure::Internal(text) => {
                to.write_str(text)
            }
        }
    }
}
