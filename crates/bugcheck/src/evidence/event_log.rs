//! Event logs of Windows.

use super::system_log::{told, watch};
use super::{Told, Wish};
use crate::failure::Failure;
use ::evidence::event_log::{is_event_log, read};
use diagnosis::system_log::{Folder, Source};

pub(super) fn is_one(bytes: &[u8]) -> bool {
    is_event_log(bytes)
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let mut folder = Folder::new(wish.base);
    watch(wish, &mut folder);
    let read = read(bytes, &mut |record| folder.take(record))
        .map_err(|error| Failure::Input(format!("{name}: {error}.")))?;
    let log = folder.finish(vec![Source {
        name: name.to_owned(),
        format: "event log of Windows".to_owned(),
        bytes: bytes.len() as u64,
        lines: read.records,
        cut: 0,
        damage: read.damage,
    }]);
    told(name, log, true, wish)
}
