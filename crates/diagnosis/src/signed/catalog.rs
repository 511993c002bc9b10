//! Catalogs: what one lists, who signed it, and whether a file is in it.

use super::one::{self, Measured, Place, Signature};
use super::{Signing, facts};
use knowledge::signing::answers;
use pe::{Image, Machine};
use signatures::authenticode::{AllFound, Digest, flat, image_digest};
use signatures::catalog::{Catalog, Member};
use signatures::{Error, Hash, Time, oid};
use std::collections::HashMap;

/// A catalog, read and judged.
#[derive(Clone, Debug)]
pub struct CatalogFile {
    /// Its name.
    pub name: String,
    /// What it lists.
    pub list: Catalog,
    /// Its own signatures; what one covers is the list itself.
    pub signatures: Vec<Signature>,
    /// What is irregular.
    pub irregular: Vec<String>,
    now: Time,
    by_digest: HashMap<Digest, Vec<usize>>,
    /// The first with each name, in lower case.
    by_name: HashMap<String, usize>,
}

/// Digests of a file as catalogs have them.
#[derive(Clone, Debug)]
pub struct Digests {
    /// Of an image by the rules of Authenticode, SHA-1 and SHA-256; empty for what is none.
    pub of_image: Vec<Digest>,
    /// Of the file as it is.
    pub of_file: Vec<Digest>,
}

/// A file that a catalog lists, or does not.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The file.
    pub file: String,
    /// Whether it is in the catalog; none where the file is not there, or could not be read.
    pub membership: Option<Membership>,
    /// Why it could not be read: a clause.
    pub unread: Option<String>,
}

/// Whether one file is in this catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InCatalog {
    /// The catalog's name.
    pub catalog: String,
    /// Whether the file is in it.
    pub membership: Membership,
}

/// Whether a file is in a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The member with this index has its digest.
    Member(usize),
    /// A member has its name, and another digest: it was changed, or the catalog is of another build.
    Changed(usize),
    /// Nothing of it is there.
    Absent,
}

/// The functions that catalogs use.
const HASHES: [Hash; 2] = [Hash::Sha1, Hash::Sha256];

impl Digests {
    /// Of a file.
    pub fn of(data: &[u8]) -> Self {
        let image = data.starts_with(b"MZ").then(|| Image::parse(data).ok()).flatten();
        let of_image = match &image {
            Some(image) => {
                let covered = image.digest_ranges();
                HASHES.iter().map(|hash| image_digest(image, &covered, *hash)).collect()
            }
            None => Vec::new(),
        };
        Self { of_image, of_file: HASHES.iter().map(|hash| flat(data, *hash)).collect() }
    }
}

impl CatalogFile {
    /// Reads a catalog.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(name: &str, data: &[u8], now: Time) -> Result<Self, Error> {
        let found = AllFound::of_file(data)?;
        let not_one = |offset, problem: String| Error { offset, field: "catalog", problem };
        let Some(first) = found.signatures.first() else {
            return Err(not_one(0, "it holds no signed data".to_owned()));
        };
        if first.data.content_type != oid::CTL {
            let problem =
                format!("it signs {}, and no list of files", first.data.content_type.in_full());
            return Err(not_one(first.data.offset, problem));
        }
        let Some(content) = &first.data.content else {
            return Err(not_one(first.data.offset, "the list is not in it".to_owned()));
        };
        let list = Catalog::read(&content.element)?;
        let mut by_digest: HashMap<Digest, Vec<usize>> = HashMap::new();
        let mut by_name = HashMap::new();
        for (index, member) in list.members.iter().enumerate() {
            if let Some(name) = member.attribute("File") {
                by_name.entry(name.to_ascii_lowercase()).or_insert(index);
            }
            if let Some(digest) = &member.digest {
                by_digest.entry(digest.clone()).or_default().push(index);
            }
        }
        let place = Place::Catalog(name.to_owned());
        let signed = found.signatures.iter().filter(|it| !it.data.signers.is_empty());
        let mut signatures: Vec<Signature> =
            signed.map(|it| one::of_data(&it.data, place.clone(), now)).collect();
        for it in &mut signatures {
            it.facts = facts::of_signature(it, false, now);
        }
        let mut irregular: Vec<String> =
            found.irregular.iter().chain(&list.irregular).map(super::told).collect();
        irregular.truncate(super::MOST_IRREGULAR);
        Ok(Self { name: name.to_owned(), list, signatures, irregular, now, by_digest, by_name })
    }

    /// The same under another name.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        for it in &mut self.signatures {
            it.place = Place::Catalog(name.to_owned());
        }
        self
    }

    /// Whether it lists this member as an image that a kernel could load: by what was hashed, else by its name.
    fn is_image(member: &Member) -> bool {
        let by_name = || {
            let name = member.attribute("File").unwrap_or_default().to_ascii_lowercase();
            [".sys", ".dll", ".exe"].iter().any(|ending| name.ends_with(ending))
        };
        member.is_image.unwrap_or_else(by_name)
    }

    /// The processor that its drivers are for, as its attribute `OS` has it (`_v100_X64`, `7X64,8X64`): that of
    /// x64 where it says nothing, or several.
    pub fn machine(&self) -> Machine {
        let mut all = self.list.attributes.iter().filter(|it| it.name.eq_ignore_ascii_case("OS"));
        let words = all.next().map(|it| it.value.to_ascii_uppercase()).unwrap_or_default();
        match (words.contains("X64"), words.contains("ARM64"), words.contains("X86")) {
            (false, true, false) => Machine::Arm64,
            (false, false, true) => Machine::I386,
            _ => Machine::Amd64,
        }
    }

    /// What its signatures tell: of themselves, and which Windows would load a driver that it lists, for the
    /// processor of [`Self::machine`]. No such answers where it lists no image.
    pub fn signing(&self) -> Signing {
        let mut signing = Signing { signatures: self.signatures.clone(), ..Signing::default() };
        signing.irregular.clone_from(&self.irregular);
        if self.list.members.iter().any(Self::is_image) {
            let mut all: Vec<_> = self.signatures.iter().map(|it| it.facts.clone()).collect();
            for facts in &mut all {
                facts.extend(super::machine(self.machine()));
            }
            if all.is_empty() {
                all.push(super::machine(self.machine()).into_iter().collect());
            }
            signing.answers = answers(&all);
        }
        signing
    }

    /// The member that a file is, by its digest.
    pub fn member(&self, digests: &Digests) -> Option<usize> {
        let find = |all: &[Digest], is_image: bool| {
            let mut found = all.iter().filter_map(|digest| self.by_digest.get(digest)).flatten();
            found
                .find(|index| self.list.members[**index].is_image.unwrap_or(is_image) == is_image)
                .copied()
        };
        find(&digests.of_image, true).or_else(|| find(&digests.of_file, false))
    }

    /// How a file of this name (without folders) is in it.
    pub fn membership(&self, file: &str, digests: &Digests) -> Membership {
        if let Some(index) = self.member(digests) {
            return Membership::Member(index);
        }
        let named = self.by_name.get(&file.to_ascii_lowercase());
        named.map_or(Membership::Absent, |index| Membership::Changed(*index))
    }

    /// Its signatures, as signatures of a file with these digests; none if it is not in it.
    pub(super) fn signature_of(&self, digests: &Digests) -> Vec<Signature> {
        let Some(member) = self.member(digests).and_then(|index| self.list.members.get(index))
        else {
            return Vec::new();
        };
        let Some(digest) = &member.digest else { return Vec::new() };
        let mut all = self.signatures.clone();
        for it in &mut all {
            let text = digest.text();
            it.measured = Some(Measured {
                hash: digest.hash,
                stated: text.clone(),
                computed: text,
                fits: true,
                words: None,
            });
            it.facts = facts::of_signature(it, false, self.now);
        }
        all
    }
}
