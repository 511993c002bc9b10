//! Digests of images and of files, computed.

use crate::Hash;
use pe::{DigestRanges, Image};
use std::iter;
use std::ops::Range;

/// A digest, and the function that made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest {
    /// The function.
    pub hash: Hash,
    /// Its outcome.
    pub value: Vec<u8>,
}

impl Digest {
    /// In hexadecimal.
    pub fn text(&self) -> String {
        crate::value::Hex(&self.value).to_string()
    }
}

/// The digest of an image over these ranges.
pub fn image_digest(image: &Image<'_>, covered: &DigestRanges, hash: Hash) -> Digest {
    Digest { hash, value: over(image.data(), &covered.ranges, covered.padding, hash) }
}

/// The digest of a file as it is.
pub fn flat(data: &[u8], hash: Hash) -> Digest {
    Digest { hash, value: hash.digest(data) }
}

/// The hash of these ranges of `data`, and of `padding` zeros behind them.
pub(super) fn over(data: &[u8], ranges: &[Range<usize>], padding: usize, hash: Hash) -> Vec<u8> {
    const ZEROS: [u8; 0x1000] = [0; 0x1000];
    let whole = iter::repeat_n(&ZEROS[..], padding / ZEROS.len());
    let rest = iter::once(&ZEROS[..padding % ZEROS.len()]);
    let pieces = ranges.iter().map(|range| data.get(range.clone()).unwrap_or_default());
    hash.of_pieces(pieces.chain(whole).chain(rest))
}
