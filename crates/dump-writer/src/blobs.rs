//! Data of drivers behind a dump: `DUMP_BLOB_FILE_HEADER`, then `DUMP_BLOB_HEADER` and bytes for each.
//!
//! Source: the debugger's headers; the order of a real dump.

use crate::Error;
use crate::error::within;

/// The whole part; nothing where there is no data.
pub fn build(blobs: &[([u8; 16], Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    if blobs.is_empty() {
        return Ok(bytes);
    }
    bytes.extend(b"DumpBlob");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    for (tag, data) in blobs {
        let size = within("DataSize", data.len() as u64, u32::MAX.into())? as u32;
        // Each begins at a multiple of eight.
        let after = size.next_multiple_of(8) - size;
        bytes.extend(32u32.to_le_bytes());
        bytes.extend(tag);
        bytes.extend(size.to_le_bytes());
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(after.to_le_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len() + after as usize, 0);
    }
    Ok(bytes)
}
