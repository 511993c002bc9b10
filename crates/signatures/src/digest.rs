//! Hashes by identifier.

use crate::oid::{self, Oid};
use sha2::Digest;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// MD5: broken.
    Md5,
    /// SHA-1: broken.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// All of them.
    pub const ALL: [Hash; 6] =
        [Hash::Md5, Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512];

    /// Its identifier.
    pub fn oid(self) -> oid::Known {
        match self {
            Hash::Md5 => oid::MD5,
            Hash::Sha1 => oid::SHA1,
            Hash::Sha224 => oid::SHA224,
            Hash::Sha256 => oid::SHA256,
            Hash::Sha384 => oid::SHA384,
            Hash::Sha512 => oid::SHA512,
        }
    }

    /// The function of an identifier, if it is one that is computed here.
    pub fn of(id: Oid<'_>) -> Option<Hash> {
        Hash::ALL.into_iter().find(|hash| id == hash.oid())
    }

    /// Of a word as options have it: `sha256`, `SHA-256`.
    pub fn by_word(word: &str) -> Option<Hash> {
        let plain = |text: &str| text.to_ascii_lowercase().replace('-', "");
        Hash::ALL.into_iter().find(|hash| plain(hash.name()) == plain(word))
    }

    /// `SHA-256`.
    pub fn name(self) -> &'static str {
        self.oid().name
    }

    /// Bytes of its outcome.
    pub fn size(self) -> usize {
        match self {
            Hash::Md5 => 16,
            Hash::Sha1 => 20,
            Hash::Sha224 => 28,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 => 64,
        }
    }

    /// Whether two files with one hash can be made.
    pub fn is_broken(self) -> bool {
        matches!(self, Hash::Md5 | Hash::Sha1)
    }

    /// The hash of pieces that follow each other.
    pub fn of_pieces<'a>(self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        fn all<'a, D: Digest>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
            let mut digest = D::new();
            for piece in pieces {
                digest.update(piece);
            }
            digest.finalize().to_vec()
        }
        match self {
            Hash::Md5 => all::<md5::Md5>(pieces),
            Hash::Sha1 => all::<sha1::Sha1>(pieces),
            Hash::Sha224 => all::<sha2::Sha224>(pieces),
            Hash::Sha256 => all::<sha2::Sha256>(pieces),
            Hash::Sha384 => all::<sha2::Sha384>(pieces),
            Hash::Sha512 => all::<sha2::Sha512>(pieces),
        }
    }

    /// The hash of some bytes.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        self.of_pieces([bytes])
    }
}
