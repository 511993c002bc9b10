//! A structure that is being filled: bytes of a fixed size, little-endian.

/// Zeros, or a fill, with fields put where the format has them.
#[derive(Debug, Clone)]
pub(crate) struct Area {
    bytes: Vec<u8>,
    /// Whether pointers have eight bytes.
    wide: bool,
}

impl Area {
    pub fn new(size: usize, wide: bool) -> Self {
        Self { bytes: vec![0; size], wide }
    }

    /// Filled with `word` over and over, as Windows fills what it does not set.
    pub fn filled(size: usize, wide: bool, word: [u8; 4]) -> Self {
        Self { bytes: word.into_iter().cycle().take(size).collect(), wide }
    }

    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub fn put16(&mut self, at: usize, value: u16) {
        self.put(at, &value.to_le_bytes());
    }

    pub fn put32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    pub fn put64(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    /// A pointer, or anything else as long as one; the upper half is dropped where there is none.
    pub fn pointer(&mut self, at: usize, value: u64) {
        if self.wide { self.put64(at, value) } else { self.put32(at, value as u32) }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// `text` as UTF-16, without a NUL.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The next multiple of `step`, a power of two.
pub(crate) fn align(value: u64, step: u64) -> u64 {
    (value + step - 1) & !(step - 1)
}
