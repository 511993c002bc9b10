//! Catalogs (`.cat`): a CTL (certificate trust list) whose subjects are files, by digest.
//!
//! Sources: `wincrypt.h` and `mscat.h` (CTL, CAT_NAMEVALUE, CAT_MEMBERINFO), Microsoft's page "Catalog Files and
//! Digital Signatures", and real catalogs. The form is documented nowhere in full; what a reader does not know of a
//! member is passed over and counted.

use crate::asn1::{Element, Reader, Tag};
use crate::authenticode::{Digest, IndirectData};
use crate::oid::{self, Oid};
use crate::time::Time;
use crate::{Error, Hash, Irregularity};
use std::borrow::Cow;

/// Members, and attributes of all of them, that are read.
const MOST: usize = 200_000;

/// Whether a file begins like a signature whose content is a CTL.
pub fn is_catalog(bytes: &[u8]) -> bool {
    if !crate::cms::is_signed_data(bytes) {
        return false;
    }
    let content_type = || {
        let info = Reader::new(bytes, 0).expect(Tag::SEQUENCE, "ContentInfo")?;
        let mut info = info.reader();
        info.expect(Tag::OID, "contentType")?;
        let explicit = info.expect(Tag::context(0), "content")?;
        let mut data = explicit.reader().expect(Tag::SEQUENCE, "SignedData")?.reader();
        data.expect(Tag::INTEGER, "SignedData version")?;
        data.expect(Tag::SET, "digestAlgorithms")?;
        let content = data.expect(Tag::SEQUENCE, "encapContentInfo")?;
        content.reader().expect(Tag::OID, "eContentType")
    };
    content_type().is_ok_and(|it| Oid(it.content) == oid::CTL)
}

/// What a catalog lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// 1 or 2: the second version names members by SHA-256.
    pub version: u8,
    /// `listIdentifier`.
    pub identifier: Vec<u8>,
    /// `ctlThisUpdate`: when it was made.
    pub made: Option<Time>,
    /// Attributes of the catalog: `OS`, `HWID1`, `PackageId`.
    pub attributes: Vec<Attribute>,
    /// Its members.
    pub members: Vec<Member>,
    /// What is irregular.
    pub irregular: Vec<Irregularity>,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Name.
    pub name: String,
    /// Value, without the NUL at its end.
    pub value: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Offset of its entry.
    pub offset: usize,
    /// `subjectIdentifier`: the digest itself, or its hexadecimal digits as text, or a name.
    pub tag: Vec<u8>,
    /// Its digest, as SpcIndirectDataContent has it, or else by its tag.
    pub digest: Option<Digest>,
    /// Whether the digest is that of an image, and not of the file as it is. `None` where nothing says.
    pub is_image: Option<bool>,
    /// Whether there are page hashes of it.
    pub has_page_hashes: bool,
    /// Attributes: `File`, `OSAttr`.
    pub attributes: Vec<Attribute>,
}

impl Member {
    /// The value of an attribute by its name, in any case.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| it.value.as_str())
    }
}

impl Catalog {
    /// Reads the SEQUENCE that is the content of a signature of type CTL.
    ///
    /// # Errors
    /// If it is no CTL. What is wrong inside a member is told, and the others are read.
    pub fn read(content: &Element<'_>) -> Result<Self, Error> {
        if content.tag != Tag::SEQUENCE {
            let problem = format!("it is {} and not SEQUENCE", content.tag.name());
            return Err(Error::new(content.offset, "CertificateTrustList", problem));
        }
        let mut it = Catalog { version: 1, ..Catalog::default() };
        let mut reader = content.reader();
        reader.optional(Tag::INTEGER, "CTL.version")?;
        reader.expect(Tag::SEQUENCE, "CTL.subjectUsage")?;
        if let Some(identifier) = reader.optional(Tag::OCTET_STRING, "CTL.listIdentifier")? {
            it.identifier = identifier.content.to_vec();
        }
        reader.optional(Tag::INTEGER, "CTL.sequenceNumber")?;
        for _ in 0..2 {
            let mut time = reader.optional(Tag::UTC_TIME, "CTL.ctlThisUpdate")?;
            if time.is_none() {
                time = reader.optional(Tag::GENERALIZED_TIME, "CTL.ctlThisUpdate")?;
            }
            if let Some(time) = time
                && it.made.is_none()
            {
                it.made = Time::parse(&time, "CTL.ctlThisUpdate", &mut it.irregular).ok();
            }
        }
        let algorithm = reader.expect(Tag::SEQUENCE, "CTL.subjectAlgorithm")?;
        match Oid(algorithm.reader().expect(Tag::OID, "CTL.subjectAlgorithm")?.content) {
            kind if kind == oid::CAT_LIST_MEMBER => {}
            kind if kind == oid::CAT_LIST_MEMBER_V2 => it.version = 2,
            kind => {
                let problem =
                    format!("it is {}: a list of something else than files", kind.in_full());
                return Err(Error::new(algorithm.offset, "CTL.subjectAlgorithm", problem));
            }
        }
        let mut left = MOST;
        if let Some(subjects) = reader.optional(Tag::SEQUENCE, "CTL.trustedSubjects")? {
            it.members(&subjects, &mut left);
        }
        if let Some(extensions) = reader.optional(Tag::context(0), "CTL.ctlExtensions")?
            && let Err(error) = it.extensions(&extensions, &mut left)
        {
            it.irregular.push(error.into());
        }
        reader.end("CertificateTrustList", &mut it.irregular);
        Ok(it)
    }

    fn members(&mut self, subjects: &Element<'_>, left: &mut usize) {
        let mut reader = subjects.reader();
        loop {
            let subject = match reader.next("TrustedSubject") {
                Ok(Some(subject)) => subject,
                Ok(None) => return,
                Err(error) => return self.irregular.push(error.into()),
            };
            if *left == 0 {
                let what = format!(
                    "there are more than {MOST} members and attributes; the rest is not read"
                );
                return self.irregular.push(Irregularity::new(subject.offset, what));
            }
            *left -= 1;
            match self.member(&subject, left) {
                Ok(member) => self.members.push(member),
                Err(error) => self.irregular.push(error.into()),
            }
        }
    }

    fn member(&mut self, subject: &Element<'_>, left: &mut usize) -> Result<Member, Error> {
        let mut reader = subject.reader();
        let tag = reader.expect(Tag::OCTET_STRING, "TrustedSubject.subjectIdentifier")?;
        let mut member = Member {
            offset: subject.offset,
            tag: tag.content.to_vec(),
            digest: None,
            is_image: None,
            has_page_hashes: false,
            attributes: Vec::new(),
        };
        if let Some(attributes) = reader.optional(Tag::SET, "TrustedSubject.subjectAttributes")? {
            let mut reader = attributes.reader();
            while let Some(attribute) = reader.next("Attribute")? {
                if *left == 0 {
                    break;
                }
                *left -= 1;
                let mut inside = attribute.reader();
                let kind = inside.expect(Tag::OID, "Attribute.type")?;
                let values = inside.expect(Tag::SET, "Attribute.values")?;
                let Some(value) = values.reader().next("Attribute.values")? else { continue };
                if Oid(kind.content) == oid::SPC_INDIRECT_DATA {
                    let data = IndirectData::read(&value)?;
                    self.irregular.extend(data.irregular);
                    member.is_image = Some(data.is_image);
                    member.has_page_hashes = data.page_hashes.is_some();
                    member.digest = data.digest;
                } else if Oid(kind.content) == oid::CAT_NAME_VALUE {
                    member.attributes.push(name_value(&value)?);
                }
            }
        }
        if member.digest.is_none() {
            member.digest = by_tag(&member.tag);
        }
        Ok(member)
    }

    fn extensions(&mut self, outer: &Element<'_>, left: &mut usize) -> Result<(), Error> {
        let all = outer.reader().expect(Tag::SEQUENCE, "CTL.ctlExtensions")?;
        let mut reader = all.reader();
        while let Some(extension) = reader.next("Extension")? {
            if *left == 0 {
                break;
            }
            *left -= 1;
            let mut inside = extension.reader();
            let kind = inside.expect(Tag::OID, "Extension.extnID")?;
            inside.optional(Tag::BOOLEAN, "Extension.critical")?;
            let value = inside.expect(Tag::OCTET_STRING, "Extension.extnValue")?;
            if Oid(kind.content) != oid::CAT_NAME_VALUE || value.constructed {
                continue;
            }
            let mut value = Reader::new(value.content, value.content_offset());
            if let Some(value) = value.next("CAT_NAMEVALUE")? {
                self.attributes.push(name_value(&value)?);
            }
        }
        Ok(())
    }

    /// The members with this digest; `is_image` says what was hashed. One of which nothing says what was hashed
    /// goes for either.
    pub fn find<'a>(
        &'a self,
        digest: &'a Digest,
        is_image: bool,
    ) -> impl Iterator<Item = &'a Member> {
        self.members.iter().filter(move |member| {
            member.digest.as_ref() == Some(digest)
                && member.is_image.unwrap_or(is_image) == is_image
        })
    }

    /// The functions of its members' digests, each once.
    pub fn hashes(&self) -> Vec<Hash> {
        let used = |hash: &Hash| {
            self.members.iter().any(|it| it.digest.as_ref().is_some_and(|it| it.hash == *hash))
        };
        Hash::ALL.into_iter().filter(used).collect()
    }
}

/// The digest that a member's tag is: its bytes, or its digits in UTF-16.
fn by_tag(tag: &[u8]) -> Option<Digest> {
    let digest = |value: Vec<u8>| {
        // Of the functions with that many bytes only these are used by catalogs.
        let known = [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512];
        let hash = known.into_iter().find(|hash| hash.size() == value.len())?;
        Some(Digest { hash, value })
    };
    if let Some(digest) = digest(tag.to_vec()) {
        return Some(digest);
    }
    let digits = utf16(tag);
    let pairs = digits.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digest(pairs.map(byte).collect::<Option<_>>()?)
}

/// CAT_NAMEVALUE: name, flags, and a value that is text in UTF-16, as flag 0x10000 (CRYPTCAT_ATTR_NAMEASCII) says
/// of the name.
fn name_value(element: &Element<'_>) -> Result<Attribute, Error> {
    let mut reader = element.reader();
    let Some(name) = reader.next("CAT_NAMEVALUE.pwszTag")? else {
        return Err(Error::new(element.offset, "CAT_NAMEVALUE.pwszTag", "it is not there"));
    };
    reader.expect(Tag::INTEGER, "CAT_NAMEVALUE.fdwFlags")?;
    let value = reader.expect(Tag::OCTET_STRING, "CAT_NAMEVALUE.Value")?;
    Ok(Attribute { name: name.text().into_owned(), value: utf16(value.content).into_owned() })
}

/// UTF-16, little-endian, up to a NUL; what is no character is `\u{fffd}`.
fn utf16(bytes: &[u8]) -> Cow<'static, str> {
    let units = bytes
        .chunks_exact(2)
        .map(|it| u16::from_le_bytes([it[0], it[1]]))
        .take_while(|it| *it != 0);
    Cow::Owned(
        char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut bytes = vec![tag];
        match u8::try_from(content.len()) {
            Ok(short @ ..=0x7f) => bytes.push(short),
            Ok(long) => bytes.extend([0x81, long]),
            Err(_) => {
                bytes.push(0x82);
                bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            }
        }
        bytes.extend(content);
        bytes
    }

    fn id(known: oid::Known) -> Vec<u8> {
        element(6, &[known.oid().0])
    }

    /// A list with these TrustedSubjects.
    fn list(kind: oid::Known, subjects: &[&[u8]]) -> Vec<u8> {
        element(
            0x30,
            &[
                &element(0x30, &[&id(oid::CAT_LIST_MEMBER)]),
                &element(0x17, &[b"240203101320Z"]),
                &element(0x30, &[&id(kind)]),
                &element(0x30, subjects),
            ],
        )
    }

    fn read(bytes: &[u8]) -> Result<Catalog, Error> {
        Catalog::read(&Reader::new(bytes, 0).next("CTL").unwrap().unwrap())
    }

    #[test]
    fn tags_tell_the_digest_where_nothing_else_does() {
        let digits: Vec<u8> =
            "0123456789abcdef0123456789ABCDEF01234567".bytes().flat_map(|it| [it, 0]).collect();
        let subjects = [
            element(0x30, &[&element(4, &[&[7; 32]])]),
            element(0x30, &[&element(4, &[&digits, &[0, 0]])]),
            element(0x30, &[&element(4, &[b"n\0o\0"])]),
        ];
        let [a, b, c] = &subjects;
        let it = read(&list(oid::CAT_LIST_MEMBER_V2, &[a, b, c])).unwrap();
        assert_eq!(it.version, 2);
        let hashes: Vec<Option<Hash>> =
            it.members.iter().map(|it| it.digest.as_ref().map(|it| it.hash)).collect();
        assert_eq!(hashes, [Some(Hash::Sha256), Some(Hash::Sha1), None]);
        assert_eq!(it.members[1].digest.as_ref().unwrap().value[..3], [1, 0x23, 0x45]);
        assert_eq!(it.hashes(), [Hash::Sha1, Hash::Sha256]);
    }

    #[test]
    fn a_member_that_cannot_be_read_costs_no_other() {
        let good = element(0x30, &[&element(4, &[&[7; 20]])]);
        let bad = element(0x30, &[&element(2, &[&[1]])]);
        let it = read(&list(oid::CAT_LIST_MEMBER, &[&good, &bad, &good])).unwrap();
        assert_eq!((it.members.len(), it.irregular.len()), (2, 1), "{:?}", it.irregular);
        assert!(it.irregular[0].what.contains("subjectIdentifier"), "{:?}", it.irregular);
    }

    #[test]
    fn a_list_of_something_else_is_told() {
        let error = read(&list(oid::SHA256, &[])).unwrap_err();
        assert!(error.problem.contains("a list of something else than files"), "{error}");
        assert!(!is_catalog(&list(oid::CAT_LIST_MEMBER, &[])), "a list without a signature around");
    }
}
