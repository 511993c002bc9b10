//! Files as bytes without reading them whole: dumps have gigabytes, of which an answer needs a few pages.
//!
//! This room holds one `unsafe` block. A file that somebody shortens while it is looked at ends the
//! process by a bus error, as it would in any program that maps it; nothing else can go wrong, for the
//! mapping is private and read-only.

use memmap2::Mmap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

/// Below this a file is read: cheaper, and what is shortened meanwhile does no harm.
const SMALL: u64 = 4 << 20;

/// Most that is taken from something that cannot be mapped, such as a pipe.
const MOST: u64 = 1 << 30;

/// The bytes of a file.
pub enum Bytes {
    /// Read.
    Read(Vec<u8>),
    /// Mapped.
    Mapped(Mmap),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Read(bytes) => bytes,
            Bytes::Mapped(map) => map,
        }
    }
}

/// The bytes of the file at `path`.
///
/// # Errors
/// A file that cannot be opened, read or mapped; something endless.
pub fn open(path: &Path) -> io::Result<Bytes> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_file() && about.len() >= SMALL {
        #[expect(unsafe_code, reason = "mapping is what this room is for")]
        // SAFETY: the mapping is private and read-only, so no safe code here or elsewhere in this process
        // changes it; the file being shortened raises SIGBUS, which ends the process and nothing more.
        let map = unsafe { Mmap::map(&file)? };
        return Ok(Bytes::Mapped(map));
    }
    read(&mut file).map(Bytes::Read)
}

/// Everything that `from` has.
///
/// # Errors
/// What reading says; more than a gibibyte.
pub fn read(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::other(
            "more than 1 GiB, which is not taken from a pipe; give the file",
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_mapped_and_a_small_one_read() {
        let path = std::env::temp_dir().join(format!("mapped-file-test-{}", std::process::id()));
        for size in [0, 5, SMALL as usize] {
            std::fs::write(&path, vec![7; size]).unwrap();
            let bytes = open(&path).unwrap();
            assert_eq!(matches!(bytes, Bytes::Mapped(_)), size == SMALL as usize);
            assert!(bytes.len() == size && bytes.iter().all(|byte| *byte == 7));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(open(&path).is_err());
    }
}
