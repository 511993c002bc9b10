//! The attribute certificate table ("PE Format", The Attribute Certificate Table): where an image keeps its
//! Authenticode signature.

use crate::headers::DirectoryIndex;
use crate::image::Image;
use std::ops::Range;

/// Entries that are read; `signtool` makes one, and no tool more than a handful.
const MOST_ENTRIES: usize = 64;
/// Bytes of an entry before its content: dwLength, wRevision, wCertificateType.
const ENTRY_HEADER: usize = 8;

/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`: an entry that holds an Authenticode signature.
pub const PKCS_SIGNED_DATA: u16 = 2;
/// `WIN_CERT_REVISION_2_0`, the only one that Authenticode uses.
pub const REVISION_2: u16 = 0x0200;

/// One `WIN_CERTIFICATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateEntry {
    /// File offset of its header.
    pub offset: usize,
    /// `dwLength`: bytes with the header, without the padding to a multiple of 8.
    pub length: u32,
    /// `wRevision`.
    pub revision: u16,
    /// `wCertificateType`; [`PKCS_SIGNED_DATA`] for Authenticode.
    pub kind: u16,
    /// File offsets of its content (`bCertificate`).
    pub content: Range<usize>,
}

/// The table as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateTable {
    /// File offset of the directory entry that leads to it.
    pub directory_at: u64,
    /// File offsets that the directory states, cut to the file.
    pub place: Range<usize>,
    /// Its entries, in order.
    pub entries: Vec<CertificateEntry>,
    /// What is irregular about it: sentences, each with its offset.
    pub irregular: Vec<String>,
}

impl Image<'_> {
    /// The attribute certificate table; `None` where the image has none. Of a table that is not sound the
    /// entries before the fault are there, and the fault is told.
    pub fn certificate_table(&self) -> Option<CertificateTable> {
        let directory = self.directory(DirectoryIndex::Certificate)?;
        let mut table = CertificateTable {
            directory_at: directory.place.offset,
            ..CertificateTable::default()
        };
        let end = self.data.len();
        let start = (directory.rva as usize).min(end);
        let stated = (directory.rva as usize).saturating_add(directory.size as usize);
        table.place = start..stated.min(end);
        if stated > end {
            table.irregular.push(format!(
                "The certificate table (at {:#x}, {:#x} bytes) reaches past the end of the file ({end:#x}).",
                directory.rva, directory.size
            ));
        } else if stated < end {
            table.irregular.push(format!(
                "{} bytes follow the certificate table (from {stated:#x} on); nothing may.",
                end - stated
            ));
        }
        if !directory.rva.is_multiple_of(8) {
            table.irregular.push(format!(
                "The certificate table begins at {:#x}, which is no multiple of 8.",
                directory.rva
            ));
        }
        self.read_entries(&mut table);
        Some(table)
    }

    fn read_entries(&self, table: &mut CertificateTable) {
        let end = table.place.end;
        let mut at = table.place.start;
        while end.saturating_sub(at) >= ENTRY_HEADER {
            if table.entries.len() == MOST_ENTRIES {
                let sentence = format!(
                    "There are more than {MOST_ENTRIES} entries; those from {at:#x} on are not read."
                );
                return table.irregular.push(sentence);
            }
            let header = &self.data[at..at + ENTRY_HEADER];
            let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
            let size = length as usize;
            if size < ENTRY_HEADER || size > end - at {
                if self.data[at..end].iter().all(|byte| *byte == 0) {
                    let sentence =
                        format!("{} bytes of zeros from {at:#x} on belong to no entry.", end - at);
                    return table.irregular.push(sentence);
                }
                table.irregular.push(format!(
                    "dwLength at {at:#x} is {length:#x}, but {:#x} bytes are left of the certificate table.",
                    end - at
                ));
                return;
            }
            table.entries.push(CertificateEntry {
                offset: at,
                length,
                revision: u16::from_le_bytes([header[4], header[5]]),
                kind: u16::from_le_bytes([header[6], header[7]]),
                content: at + ENTRY_HEADER..at + size,
            });
            at = at.saturating_add(size.next_multiple_of(8));
        }
        if end > at {
            let sentence = format!("{} bytes from {at:#x} on are too few for an entry.", end - at);
            table.irregular.push(sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Image;
    use crate::writer::{driver, with_certificates};

    #[test]
    fn entries_follow_one_another_on_multiples_of_eight() {
        let file = with_certificates(driver(), &[b"first", b"second one"]);
        let table = Image::parse(&file).unwrap().certificate_table().unwrap();
        assert_eq!(table.irregular, Vec::<String>::new());
        let content: Vec<&[u8]> =
            table.entries.iter().map(|entry| &file[entry.content.clone()]).collect();
        assert_eq!(content, [&b"first"[..], b"second one"]);
        assert!(table.entries.iter().all(|it| (it.revision, it.kind) == (0x200, 2)));
        assert_eq!(table.entries[0].length, 13);
    }

    #[test]
    fn a_table_that_lies_is_told_with_its_place() {
        let mut file = with_certificates(driver(), &[b"first"]);
        let at = file.len() - 16;
        file[at] = 0xff;
        let table = Image::parse(&file).unwrap().certificate_table().unwrap();
        assert!(table.entries.is_empty());
        assert_eq!(table.irregular.len(), 1);
        assert!(table.irregular[0].contains("dwLength at 0xe00 is 0xff"), "{:?}", table.irregular);

        file[at] = 13;
        file.extend_from_slice(b"more");
        let table = Image::parse(&file).unwrap().certificate_table().unwrap();
        assert_eq!(table.entries.len(), 1);
        assert!(table.irregular[0].starts_with("4 bytes follow"), "{:?}", table.irregular);

        file.truncate(at + 12);
        let table = Image::parse(&file).unwrap().certificate_table().unwrap();
        assert!(table.irregular[0].contains("reaches past the end"), "{:?}", table.irregular);
        assert_eq!(table.place, at..at + 12);
    }

    #[test]
    fn ten_thousand_empty_entries_are_not_all_read() {
        let none: &[u8] = b"";
        let file = with_certificates(driver(), &[none; 10_000]);
        let table = Image::parse(&file).unwrap().certificate_table().unwrap();
        assert_eq!(table.entries.len(), 64);
        assert!(table.irregular[0].contains("more than 64"));
    }
}
