//! SpcIndirectDataContent (SPEC, Authenticode-Specific Structures in ContentInfo): what was hashed, and how.

use super::measure::Digest;
use crate::asn1::{Element, Reader, Tag};
use crate::oid::{self, Oid};
use crate::{Error, Hash, Irregularity};

/// `SpcSerializedObject.classId` of page hashes.
const PAGE_HASHES_CLASS: &[u8] =
    b"\xa6\xb5\x86\xd5\xb4\xa1\x24\x66\xae\x05\xa2\x17\xda\x8e\x60\xd6";

/// What a signature says was hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndirectData {
    /// Whether it is an image: SPC_PE_IMAGE_DATAOBJ. Otherwise it is a file as it is.
    pub is_image: bool,
    /// Its digest; none where the algorithm is not known, which `irregular` tells.
    pub digest: Option<Digest>,
    /// Hashes of its pages, unless there are none.
    pub page_hashes: Option<PageHashes>,
    /// What is irregular.
    pub irregular: Vec<Irregularity>,
}

/// The table of page hashes: SpcPeImagePageHashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageHashes {
    /// SHA-1 (version 1) or SHA-256 (version 2).
    pub hash: Hash,
    /// Rows: file offset of the page, little-endian, then its hash. The last has the offset of the end, and zeros.
    pub table: Vec<u8>,
    /// Offset of the table in the signature.
    pub offset: usize,
}

impl PageHashes {
    /// Its rows: offset of the page, hash.
    pub fn rows(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let row = 4 + self.hash.size();
        self.table
            .chunks_exact(row)
            .map(|row| (u32::from_le_bytes([row[0], row[1], row[2], row[3]]), &row[4..]))
    }
}

impl IndirectData {
    /// Reads the SEQUENCE that is the content of a signature.
    ///
    /// # Errors
    /// If it is no SpcIndirectDataContent.
    pub fn read(content: &Element<'_>) -> Result<Self, Error> {
        if content.tag != Tag::SEQUENCE {
            let problem = format!("it is {} and not SEQUENCE", content.tag.name());
            return Err(Error::new(content.offset, "SpcIndirectDataContent", problem));
        }
        let mut irregular = Vec::new();
        let mut reader = content.reader();
        let data = reader.expect(Tag::SEQUENCE, "SpcIndirectDataContent.data")?;
        let info = reader.expect(Tag::SEQUENCE, "SpcIndirectDataContent.messageDigest")?;
        reader.end("SpcIndirectDataContent", &mut irregular);

        let mut info = info.reader();
        let algorithm = info.expect(Tag::SEQUENCE, "DigestInfo.digestAlgorithm")?;
        let algorithm = algorithm.reader().expect(Tag::OID, "DigestInfo.digestAlgorithm")?;
        let value = info.expect(Tag::OCTET_STRING, "DigestInfo.digest")?;
        let digest = match Hash::of(Oid(algorithm.content)) {
            Some(hash) if hash.size() == value.content.len() => {
                Some(Digest { hash, value: value.content.to_vec() })
            }
            Some(hash) => {
                let what = format!(
                    "DigestInfo.digest has {} bytes, {} makes {}",
                    value.content.len(),
                    hash.name(),
                    hash.size()
                );
                irregular.push(Irregularity::new(value.offset, what));
                None
            }
            None => {
                let name = Oid(algorithm.content).in_full();
                let what = format!("DigestInfo.digestAlgorithm is {name}, which is not supported");
                irregular.push(Irregularity::new(algorithm.offset, what));
                None
            }
        };

        let mut data = data.reader();
        let kind = data.expect(Tag::OID, "SpcAttributeTypeAndOptionalValue.type")?;
        let is_image = Oid(kind.content) == oid::SPC_PE_IMAGE_DATA;
        let mut page_hashes = None;
        if is_image && let Some(image) = data.next("SpcPeImageData")? {
            match self::page_hashes(&image) {
                Ok(found) => page_hashes = found,
                Err(error) => irregular.push(error.into()),
            }
        }
        Ok(Self { is_image, digest, page_hashes, irregular })
    }
}

/// The page hashes that SpcPeImageData.file leads to; none where it is the usual text.
fn page_hashes(image: &Element<'_>) -> Result<Option<PageHashes>, Error> {
    let mut reader = image.reader();
    // Flags are a BIT STRING, which has its default where it is left out.
    reader.optional(Tag::BIT_STRING, "SpcPeImageData.flags")?;
    let Some(file) = reader.optional(Tag::context(0), "SpcPeImageData.file")? else {
        return Ok(None);
    };
    let Some(link) = file.reader().next("SpcLink")? else { return Ok(None) };
    if link.tag != Tag::context(1) {
        return Ok(None);
    }
    let mut moniker = link.reader();
    let class = moniker.expect(Tag::OCTET_STRING, "SpcSerializedObject.classId")?;
    let data = moniker.expect(Tag::OCTET_STRING, "SpcSerializedObject.serializedData")?;
    if class.content != PAGE_HASHES_CLASS {
        return Ok(None);
    }
    if data.constructed {
        let problem = "it comes in pieces, which is not read here";
        return Err(Error::new(data.offset, "SpcSerializedObject.serializedData", problem));
    }
    let mut inside = Reader::new(data.content, data.content_offset());
    let all = inside.expect(Tag::SET, "page hashes")?;
    let one = all.reader().expect(Tag::SEQUENCE, "page hashes")?;
    let mut one = one.reader();
    let version = one.expect(Tag::OID, "version of page hashes")?;
    let hash = match Oid(version.content) {
        version if version == oid::SPC_PAGE_HASHES_V1 => Hash::Sha1,
        version if version == oid::SPC_PAGE_HASHES_V2 => Hash::Sha256,
        other => {
            let problem = format!("it is {}, neither version 1 nor 2", other.in_full());
            return Err(Error::new(version.offset, "version of page hashes", problem));
        }
    };
    let table = one.expect(Tag::SET, "page hashes")?;
    let table = table.reader().expect(Tag::OCTET_STRING, "page hashes")?;
    let row = 4 + hash.size();
    if !table.content.len().is_multiple_of(row) {
        let problem = format!("it has {} bytes, no multiple of {row}", table.content.len());
        return Err(Error::new(table.offset, "page hashes", problem));
    }
    let offset = table.content_offset();
    Ok(Some(PageHashes { hash, table: table.content.to_vec(), offset }))
}
