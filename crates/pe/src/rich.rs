//! Which Microsoft tools made the objects that an image was linked of.
//!
//! The linker writes it between the DOS stub and the PE header and documents it nowhere; found and described by
//! others: Daniel Pistelli, "Microsoft's Rich Signature (undocumented)".

use crate::image::Image;

/// Objects made by one tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RichEntry {
    /// Number of the tool (`prodidXXX` of Microsoft's own headers): C compiler, assembler, linker, and so on.
    pub product: u16,
    /// Its build.
    pub build: u16,
    /// How many objects it made.
    pub objects: u32,
}

/// "DanS", which begins it.
const START: u32 = 0x536e_6144;
/// "Rich", which ends it.
const END: u32 = 0x6863_6952;

impl Image<'_> {
    /// The Rich header's entries; none where there is none, as from every linker but Microsoft's.
    pub fn rich(&self) -> Vec<RichEntry> {
        // Before the PE signature, in words; a DOS header has 64 bytes.
        let end = self.headers.machine.offset.saturating_sub(4);
        let end = usize::try_from(end).unwrap_or(0).min(self.data.len());
        let Some(words) = self.data.get(64..end) else { return Vec::new() };
        let words: Vec<u32> = words
            .chunks_exact(4)
            .map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]))
            .collect();
        let Some(end) = words.iter().position(|word| *word == END) else { return Vec::new() };
        let Some(key) = words.get(end + 1).copied() else { return Vec::new() };
        let Some(start) = words[..end].iter().position(|word| word ^ key == START) else {
            return Vec::new();
        };
        // Three words of padding follow the start.
        let Some(entries) = words.get(start + 4..end) else { return Vec::new() };
        entries
            .chunks_exact(2)
            .map(|pair| {
                let [tool, objects] = [pair[0] ^ key, pair[1] ^ key];
                let (product, build) = ((tool >> 16) as u16, (tool & 0xffff) as u16);
                RichEntry { product, build, objects }
            })
            .collect()
    }
}
