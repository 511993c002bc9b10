//! What a file is known by.

/// Longest name of a file that is looked for.
const MOST: usize = 128;

/// Name and identity of a PDB or an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    file: String,
    id: String,
}

impl Key {
    /// A PDB by its GUID (16 bytes as they stand in the CodeView record) and age. `None` where `name`
    /// is no bare file name: it comes from files that anybody may have made.
    pub fn pdb(name: &str, guid: [u8; 16], age: u32) -> Option<Key> {
        // The first three fields of a GUID are little-endian numbers.
        let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut id: String = order.iter().map(|&at| format!("{:02X}", guid[at])).collect();
        id.push_str(&format!("{age:X}"));
        Some(Key { file: bare(name)?, id })
    }

    /// An image by its header: TimeDateStamp and SizeOfImage.
    pub fn image(name: &str, timestamp: u32, size: u32) -> Option<Key> {
        Some(Key { file: bare(name)?, id: format!("{timestamp:08X}{size:x}") })
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Its place in a store.
    pub fn path(&self) -> String {
        format!("{0}/{1}/{0}", self.file, self.id)
    }

    /// The folder of that place.
    pub(crate) fn folder(&self) -> String {
        format!("{}/{}", self.file, self.id)
    }
}

/// The last component of a path of either system, if it may be used as a file name here.
fn bare(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next()?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-+ ()&[]{}~!@#$%^,;'=".contains(c);
    let usable = !last.is_empty()
        && last.len() <= MOST
        && last.chars().all(fine)
        && !last.starts_with('.')
        && last.trim() == last;
    usable.then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pdb_is_kept_by_guid_and_age() {
        let guid: [u8; 16] = std::array::from_fn(|index| index as u8);
        let key = Key::pdb("C:\\build\\fifo.pdb", guid, 0x1a).unwrap();
        assert_eq!(key.path(), "fifo.pdb/030201000504070608090A0B0C0D0E0F1A/fifo.pdb");
    }

    #[test]
    fn an_image_is_kept_by_time_and_size() {
        let key = Key::image("fifo.sys", 0x0123_4abc, 0x3b000).unwrap();
        assert_eq!(key.path(), "fifo.sys/01234ABC3b000/fifo.sys");
    }

    #[test]
    fn names_that_would_lead_elsewhere_are_refused() {
        for name in ["", "..", "a/..", ".hidden", "a\0b", "x\u{1b}[2J", " a", "C:\\x\\"] {
            assert_eq!(Key::image(name, 0, 0), None, "{name:?}");
        }
        assert_eq!(Key::image("../../etc/passwd", 0, 0).unwrap().file(), "passwd");
        assert_eq!(Key::image(&"x".repeat(200), 0, 0), None);
    }
}
