//! The version resource (Win32 documentation of `VS_VERSIONINFO`, `StringFileInfo`, `VS_FIXEDFILEINFO`).

use crate::error::Error;
use crate::image::Image;

/// `RT_VERSION`.
const RT_VERSION: u32 = 16;
/// `dwSignature` of the fixed part.
const SIGNATURE: u32 = 0xfeef_04bd;
/// Strings that are read.
const MAX_STRINGS: usize = 256;

/// What a version resource says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// `dwFileVersionMS` and `LS` of the fixed part: four numbers.
    pub file: Option<[u16; 4]>,
    /// The same of the product.
    pub product: Option<[u16; 4]>,
    /// `VS_FF_*` flags as far as they hold: 1 debug, 2 pre-release, 4 patched, 8 private build.
    pub flags: u32,
    /// Strings of the first language, in order: `CompanyName`, `FileDescription`, `OriginalFilename`, ...
    pub strings: Vec<(String, String)>,
}

impl Version {
    /// A string by its name.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.strings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Image<'_> {
    /// The version resource, or `None` where the image has none.
    ///
    /// # Errors
    /// A resource that is not in the file. What is damaged inside it reads as absent.
    pub fn version(&self) -> Result<Option<Version>, Error> {
        Ok(self.resource(RT_VERSION)?.and_then(read))
    }
}

/// `wLength`, `wValueLength`, `wType`, `szKey`, padding, `Value`, padding, `Children`.
struct Node<'a> {
    key: String,
    is_text: bool,
    /// Bytes from the value on.
    rest: &'a [u8],
    /// `wValueLength`: bytes, or characters of a text.
    value_length: usize,
    /// Bytes before `rest`, which alignment is counted from.
    start: usize,
}

impl<'a> Node<'a> {
    /// The node that `bytes` begin with, and how many bytes it takes.
    fn read(bytes: &'a [u8]) -> Option<(Node<'a>, usize)> {
        let word = |at: usize| Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        let length = usize::from(word(0)?);
        let whole = bytes.get(..length.min(bytes.len()))?;
        let key = wide(whole.get(6..)?);
        let start = (6 + (key.encode_utf16().count() + 1) * 2).next_multiple_of(4);
        let node = Node {
            key,
            is_text: word(4)? == 1,
            rest: whole.get(start..).unwrap_or_default(),
            value_length: word(2)?.into(),
            start,
        };
        // A length of zero would never end.
        (length >= 6).then_some((node, length))
    }

    fn children(&self) -> Vec<Node<'a>> {
        let width = if self.is_text { 2 } else { 1 };
        let value = (self.start + self.value_length * width).next_multiple_of(4) - self.start;
        let mut rest = self.rest.get(value..).unwrap_or_default();
        let mut children = Vec::new();
        while children.len() < MAX_STRINGS
            && let Some((child, length)) = Node::read(rest)
        {
            children.push(child);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        children
    }
}

fn read(bytes: &[u8]) -> Option<Version> {
    let (root, _) = Node::read(bytes)?;
    if root.key != "VS_VERSION_INFO" {
        return None;
    }
    let mut version = Version::default();
    let fixed = root.rest.get(..root.value_length.min(root.rest.len()))?;
    let word = |index: usize| {
        let four = fixed.get(index * 4..index * 4 + 4)?;
        Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    };
    if word(0) == Some(SIGNATURE) {
        let four = |high: usize| {
            let (high, low) = (word(high)?, word(high + 1)?);
            let half = |it: u32| [(it >> 16) as u16, (it & 0xffff) as u16];
            let ([a, b], [c, d]) = (half(high), half(low));
            Some([a, b, c, d])
        };
        version.file = four(2);
        version.product = four(4);
        version.flags = word(6).unwrap_or(0) & word(7).unwrap_or(0);
    }
    let info = root.children().into_iter().find(|it| it.key == "StringFileInfo");
    let table = info.and_then(|info| info.children().into_iter().next());
    let strings = table.map(|table| table.children()).unwrap_or_default();
    version.strings = strings.into_iter().map(|it| (it.key, wide(it.rest))).collect();
    Some(version)
}

/// UTF-16 text up to its first NUL; a lone surrogate becomes U+FFFD, which takes as much room.
fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units.take_while(|unit| *unit != 0))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
