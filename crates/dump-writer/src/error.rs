//! Why a dump cannot be written.

use std::fmt;
use std::io;

/// What stops the writer. Nothing of the file can be used then.
#[derive(Debug)]
pub enum Error {
    /// The output refused bytes.
    Output(io::Error),
    /// The format has room for fewer.
    TooMuch {
        /// Of what, in the format's own name where it has one.
        what: &'static str,
        /// What the description, or what follows from it, has.
        has: u64,
        /// What there is room for.
        room: u64,
    },
    /// Memory with pages of different sizes would share an address.
    Overlap {
        /// The first address of the smaller page.
        address: u64,
    },
    /// An address that the machine does not have, or memory that passes the end of addresses.
    Address {
        /// That address.
        address: u64,
    },
    /// The machine lacks what the description asks for.
    Unsupported(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(f, "the dump cannot be written: {error}"),
            Self::TooMuch { what, has, room } => {
                write!(f, "{what}: {has:#x}, and a dump has room for {room:#x}")
            }
            Self::Overlap { address } => {
                write!(f, "the page at {address:#x} lies in memory that has larger pages")
            }
            Self::Address { address } => write!(f, "the machine has no address {address:#x}"),
            Self::Unsupported(what) => write!(f, "the machine does not have {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Output(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// `has`, as long as there is `room` for it.
pub(crate) fn within(what: &'static str, has: u64, room: u64) -> Result<u64, Error> {
    if has > room { Err(Error::TooMuch { what, has, room }) } else { Ok(has) }
}
