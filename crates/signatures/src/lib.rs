//! Signatures and timestamps: what they hold, and whether they are right.
//!
//! Reading is tolerant and borrows from the file: [`asn1`] walks BER, [`certificate`], [`cms`] and
//! [`timestamp`] turn it into facts and list what is irregular. Judging is strict and says each step: [`verify`]
//! a signer, [`chain`] a certificate, [`timestamp`] a token, as [`Check`]s with words and remedies. Hashes and
//! signatures are computed by the RustCrypto crates. There is no I/O, no clock and no `unsafe` here.

#![forbid(unsafe_code)]

pub mod asn1;
pub mod authenticode;
pub mod catalog;
pub mod certificate;
pub mod chain;
mod check;
pub mod cms;
pub mod digest;
mod error;
pub mod keys;
pub mod oid;
pub mod pem;
pub mod revocation;
pub mod time;
pub mod timestamp;
pub mod value;
pub mod verify;

pub use certificate::Certificate;
pub use check::{Check, Outcome};
pub use cms::SignedData;
pub use digest::Hash;
pub use error::{Error, Irregularity};
pub use oid::Oid;
pub use time::{Span, Time};
