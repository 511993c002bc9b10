//! Loaded modules of a dump that holds memory: the list at `PsLoadedModuleList`.
//!
//! Source: `KLDR_DATA_TABLE_ENTRY` as Windows' public symbols give it: its first fields are the same from
//! Windows 2000 to 11. The time stamp moved, so it is read from the image's own header.

use super::modules::{Module, Stamp};
use super::{Dump, Lack, note};
use crate::bytes::wide;
use std::collections::HashSet;

/// More than any machine loads; a list that goes on longer is damaged.
const MOST_MODULES: usize = 4096;
/// Longest path that is read, in bytes.
const MOST_PATH: u16 = 0x1000;
/// Bytes of all paths together: page tables may show one page of the file at as many addresses as they like.
const MOST_PATHS: usize = 1 << 20;

impl Dump<'_> {
    pub(super) fn walk_loaded_modules(&mut self) {
        let head = self.header.loaded_module_list;
        let offset = if self.header.wide { 0x20 } else { 0x18 };
        let lack = |why: String| Lack { part: "PsLoadedModuleList", offset, why };
        let Some(mut at) = self.read_pointer(head) else {
            let why = format!("no memory of the dump is at {head:#x}");
            return note(&mut self.lacks, lack(why));
        };
        let mut seen = HashSet::new();
        let mut paths = 0usize;
        while at != head {
            if !seen.insert(at) {
                let why = format!("the list comes back to {at:#x} and never to its head");
                return note(&mut self.lacks, lack(why));
            }
            if self.modules.len() == MOST_MODULES {
                return note(&mut self.lacks, lack("the list does not come to an end".to_owned()));
            }
            let entry = self.entry_of_list(at).zip(self.read_pointer(at));
            let Some((module, next)) = entry else {
                let why = format!("the entry at {at:#x} is not in the dump");
                return note(&mut self.lacks, lack(why));
            };
            paths = paths.saturating_add(module.path.len());
            if paths > MOST_PATHS {
                let why = "its paths are longer than all that Windows loads have".to_owned();
                return note(&mut self.lacks, lack(why));
            }
            self.modules.push(module);
            at = next;
        }
    }

    fn entry_of_list(&self, at: u64) -> Option<Module> {
        let wide_dump = self.header.wide;
        let field = |at64: u64, at32: u64| at.checked_add(if wide_dump { at64 } else { at32 });
        let base = self.read_pointer(field(0x30, 0x18)?)?;
        let size = self.half(field(0x40, 0x20)?)?;
        let checksum = self.half(field(0x78, 0x40)?)?;
        let path = self.text_at(field(0x48, 0x24)?, MOST_PATH).unwrap_or_default();
        let stamp = self.image_stamp(base).unwrap_or(0);
        let stamp = Stamp::judge(stamp, self.header.system_time);
        Some(Module { offset: 0, path, base, size, checksum, stamp })
    }

    pub(super) fn half(&self, at: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        self.read_virtual(at, &mut bytes).then(|| u32::from_le_bytes(bytes))
    }

    /// The text of the `UNICODE_STRING` at `at`, cut to `most` bytes.
    pub(super) fn text_at(&self, at: u64, most: u16) -> Option<String> {
        let length = (self.half(at)? as u16).min(most);
        let buffer = self.read_pointer(at.checked_add(if self.header.wide { 8 } else { 4 })?)?;
        let mut bytes = vec![0; length.into()];
        self.read_virtual(buffer, &mut bytes).then(|| wide(&bytes))
    }

    /// `TimeDateStamp` of the image at `base`.
    fn image_stamp(&self, base: u64) -> Option<u32> {
        let header = self.half(base.checked_add(0x3c)?)?;
        self.half(base.checked_add(header.into())?.checked_add(8)?)
    }
}
