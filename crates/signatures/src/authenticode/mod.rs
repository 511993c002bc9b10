//! Authenticode: what the signature of an image says of it, and whether that is so.
//!
//! Sources: Microsoft "Windows Authenticode Portable Executable Signature Format" 1.0 (2008), called SPEC below;
//! names and numbers of `wintrust.h` and `wincrypt.h`. Bytes that only `osslsigncode` and `signtool` write and that
//! SPEC leaves open are held against the former in a test.

mod find;
mod indirect;
mod measure;
mod opus;
mod pages;

pub use find::{AllFound, Found, Place};
pub use indirect::{IndirectData, PageHashes};
pub use measure::{Digest, flat, image_digest};
pub use opus::OpusInfo;
pub use pages::{PageOutcome, check_pages};
