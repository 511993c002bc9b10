//! Data that drivers add to a dump by bug check callbacks (`KbCallbackSecondaryDumpData`): each a GUID and bytes.
//!
//! Source: `DUMP_BLOB_FILE_HEADER` and `DUMP_BLOB_HEADER` of the debugger's headers, held against a real dump.

use super::{Dump, Lack, note};
use crate::Error;
use crate::bytes::{slice, u32_at};

/// One piece of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob<'a> {
    /// Whose it is: the GUID's bytes as they stand in the file.
    pub tag: [u8; 16],
    /// Where the bytes stand in the file.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// More than any dump has.
const MOST: usize = 1024;

/// Blobs of `data` from `start` on, where the file header of blobs stands; none where there is none.
pub(super) fn parse<'a>(data: &'a [u8], start: u64, lacks: &mut Vec<Lack>) -> Vec<Blob<'a>> {
    let mut found = Vec::new();
    if slice(data, start, 8, "DumpBlob").ok() != Some(b"DumpBlob") {
        return found;
    }
    let end = data.len() as u64;
    let mut next = |at: u64| -> Result<u64, Error> {
        let header = u64::from(u32_at(data, at, "DUMP_BLOB_HEADER.HeaderSize")?);
        if header < 32 {
            let problem = format!("{header:#x} bytes, less than a header has");
            return Err(Error::new(at, "DUMP_BLOB_HEADER.HeaderSize", problem));
        }
        let mut tag = [0; 16];
        tag.copy_from_slice(slice(data, at + 4, 16, "DUMP_BLOB_HEADER.Tag")?);
        let size = u64::from(u32_at(data, at + 20, "DUMP_BLOB_HEADER.DataSize")?);
        let before = u64::from(u32_at(data, at + 24, "DUMP_BLOB_HEADER.PrePad")?);
        let after = u64::from(u32_at(data, at + 28, "DUMP_BLOB_HEADER.PostPad")?);
        let offset = at + header + before;
        found.push(Blob { tag, offset, bytes: slice(data, offset, size, "DUMP_BLOB")? });
        Ok(offset + size + after)
    };
    let mut at = u32_at(data, start + 8, "DUMP_BLOB_FILE_HEADER.HeaderSize")
        .map_or(end, |size| start + u64::from(size).max(16));
    let mut count = 0;
    // Windows leaves room for more than it writes, which is zeros.
    while at < end
        && count < MOST
        && u32_at(data, at, "DUMP_BLOB_HEADER").is_ok_and(|size| size != 0)
    {
        match next(at) {
            Ok(after) => at = after,
            Err(error) => {
                note(lacks, Lack::from(error));
                break;
            }
        }
        count += 1;
    }
    found
}

impl<'a> Dump<'a> {
    /// What drivers added to a small dump.
    #[must_use]
    pub fn blobs(&self) -> &[Blob<'a>] {
        &self.blobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(sizes: &[(u32, u32)]) -> Vec<u8> {
        let mut data = b"DumpBlob\x10\0\0\0\0\0\0\0".to_vec();
        for &(header, size) in sizes {
            let start = data.len();
            data.extend(header.to_le_bytes());
            data.extend([7; 16]);
            data.extend(size.to_le_bytes());
            data.extend([0, 0, 0, 0, 4, 0, 0, 0]);
            data.resize(start + 32 + size.min(64) as usize + 4, 1);
        }
        data
    }

    #[test]
    fn blobs_are_read_in_order() {
        let data = with(&[(32, 3), (32, 0), (32, 64)]);
        let mut lacks = Vec::new();
        let found = parse(&data, 0, &mut lacks);
        let sizes: Vec<usize> = found.iter().map(|blob| blob.bytes.len()).collect();
        assert_eq!((sizes.as_slice(), lacks.len()), (&[3, 0, 64][..], 0));
        assert_eq!((found[0].tag, found[0].offset), ([7; 16], 48));
    }

    #[test]
    fn lying_sizes_end_the_list_and_are_told() {
        for sizes in
            [&[(32, 3), (31, 3)][..], &[(32, 3), (32, u32::MAX)], &[(32, 3), (u32::MAX, 0)]]
        {
            let mut lacks = Vec::new();
            let data = with(sizes);
            assert_eq!(parse(&data, 0, &mut lacks).len(), 1, "{sizes:?}");
            assert_eq!(lacks.len(), 1, "{sizes:?}");
        }
        assert!(parse(b"DumpBlo", 0, &mut Vec::new()).is_empty());
    }
}
