//! Logs that were compressed.

use super::{Told, Wish, system_log};
use crate::failure::Failure;
use ::evidence::system_log::Format;
use flate2::read::MultiGzDecoder;
use std::io::Read;

/// Bytes that tell what is inside.
const HEAD: u64 = 1 << 16;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b\x08")
}

/// Unpacks as it reads, so that what is packed small and large inside takes no more memory than any log.
pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let mut inside = MultiGzDecoder::new(bytes);
    let mut head = Vec::new();
    (&mut inside).take(HEAD).read_to_end(&mut head).map_err(|error| {
        Failure::Input(format!("{name}: its gzip data cannot be unpacked: {error}."))
    })?;
    if Format::of(&head).is_none() && !system_log::is_plain(&head) {
        let what = ::evidence::looks_like(&head);
        return Err(Failure::Unsupported(format!(
            "{name}: inside of gzip is no log, it looks like {what}; unpack it and give what was inside."
        )));
    }
    system_log::stream(name, &head, &mut inside, wish)
}
