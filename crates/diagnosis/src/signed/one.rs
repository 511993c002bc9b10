//! One signature: what it covers, whether it holds, who made it.

use super::facts;
use super::link::{self, Link, RootKind, Trust};
use super::stamp::{self, Stamp};
use super::told;
use knowledge::signing::Facts;
use pe::Image;
use signatures::authenticode::{
    self, Digest, Found, IndirectData, OpusInfo, PageOutcome, image_digest,
};
use signatures::chain::{self, Demand};
use signatures::cms::SignedData;
use signatures::revocation::Revocation;
use signatures::{Check, Hash, Outcome, Time, oid, verify};

/// Where a signature lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the certificate table, in the entry with this index.
    Entry(usize),
    /// Nested in the signature with this index.
    Nested(usize),
    /// In a catalog, by its name, which lists the file.
    Catalog(String),
}

/// A signature, judged.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Where it lies.
    pub place: Place,
    /// File offset of it.
    pub offset: usize,
    /// The hash of what is signed.
    pub hash: Option<Hash>,
    /// The digest of the file: as signed, and as it is.
    pub measured: Option<Measured>,
    /// Hashes of its pages.
    pub pages: Option<Pages>,
    /// What the signer calls the program, and where they say more.
    pub opus: OpusInfo,
    /// The signer's certificate, and those above it.
    pub chain: Vec<Link>,
    /// What the chain rests on.
    pub trust: Trust,
    /// Checks of the signature and of the chain.
    pub checks: Vec<Check>,
    /// Timestamps, of both kinds.
    pub stamps: Vec<Stamp>,
    /// When the signer says that it was signed.
    pub stated_time: Option<Time>,
    /// When it was signed at the latest, as a timestamp that holds proves.
    pub signed_at: Option<Time>,
    /// What the rules ask for.
    pub facts: Facts,
    /// What is irregular.
    pub irregular: Vec<String>,
}

/// A digest, compared.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The function.
    pub hash: Hash,
    /// As it was signed: hexadecimal.
    pub stated: String,
    /// As the file has it.
    pub computed: String,
    /// Whether they are the same.
    pub fits: bool,
    /// What is to be said besides: a sentence.
    pub words: Option<String>,
}

/// Page hashes, compared.
#[derive(Clone, Debug)]
pub struct Pages {
    /// The function.
    pub hash: Hash,
    /// What came of it.
    pub outcome: PageOutcome,
}

/// Checks that say whether a signature is one of what it stands over. Without signed attributes there is no
/// digest of the content besides the signature.
const PROVES: [&str; 3] = ["message-digest", "content-type", "signature"];

impl Signature {
    /// Whether the file is what was signed, by the key of the signer's certificate. What a catalog signs is its own
    /// list, which the message digest is over.
    pub fn is_intact(&self) -> bool {
        let is_own = matches!(self.place, Place::Catalog(_));
        self.measured.as_ref().map_or(is_own, |it| it.fits)
            && self.pages.as_ref().is_none_or(|it| matches!(it.outcome, PageOutcome::Fit(_)))
            && self.checks.iter().any(|check| check.name == "signature")
            && self
                .checks
                .iter()
                .filter(|check| PROVES.contains(&check.name))
                .all(|check| check.result == Outcome::Passed)
    }
}

/// Checks that say whether a timestamp is of the signature that it hangs on, and was made by whoever it names.
const STAMPS: [&str; 4] = ["imprint", "message-digest", "content-type", "signature"];

impl Signature {
    /// Whether it, or a timestamp of it, was damaged or is of something else.
    pub fn is_damaged(&self) -> bool {
        let stamp = |stamp: &Stamp| {
            let failed = |check: &Check| check.is_failed() && STAMPS.contains(&check.name);
            stamp.unread.is_some() || stamp.checks.iter().any(failed)
        };
        !self.is_intact() || self.stamps.iter().any(stamp)
    }
}

/// The signature of an image.
pub(super) fn of_image(found: &Found<'_>, image: &Image<'_>, now: Time) -> Signature {
    let place = match found.place {
        authenticode::Place::Entry(index) => Place::Entry(index),
        authenticode::Place::Nested(index) => Place::Nested(index),
    };
    let mut it = of_data(&found.data, place, now);
    let content = found.data.content.as_ref().map(|content| IndirectData::read(&content.element));
    match content {
        Some(Ok(data)) if found.data.content_type == oid::SPC_INDIRECT_DATA => {
            it.irregular.extend(data.irregular.iter().map(told));
            it.measured = data.digest.map(|stated| measure(image, &stated));
            it.pages = data.page_hashes.map(|pages| Pages {
                hash: pages.hash,
                outcome: authenticode::check_pages(image, &pages),
            });
        }
        Some(Err(error)) => it.irregular.push(format!("{error}.")),
        _ => it
            .irregular
            .push(format!("It signs {}, and no image.", found.data.content_type.in_full())),
    }
    it.facts = facts::of_signature(&it, true, now);
    it
}

/// All of a signature but what it covers.
pub(super) fn of_data(data: &SignedData<'_>, place: Place, now: Time) -> Signature {
    let mut it = Signature {
        place,
        offset: data.offset,
        hash: data.signers.first().and_then(|it| Hash::of(it.digest_algorithm.oid)),
        measured: None,
        pages: None,
        opus: OpusInfo::default(),
        chain: Vec::new(),
        trust: Trust { kind: RootKind::Broken, root: String::new(), known: None },
        checks: Vec::new(),
        stamps: Vec::new(),
        stated_time: None,
        signed_at: None,
        facts: Facts::new(),
        irregular: data.irregular.iter().map(told).collect(),
    };
    let Some(signer) = data.signers.first() else {
        it.checks.push(Check::failed("signature", "nobody signed it", "sign it"));
        return it;
    };
    if data.signers.len() > 1 {
        it.irregular.push(format!(
            "{} signers are in one signature; Authenticode has one.",
            data.signers.len()
        ));
    }
    it.irregular.extend(signer.irregular.iter().map(told));
    it.stated_time = signer.signing_time();
    if let Some(value) =
        signer.signed_attribute(oid::SPC_SP_OPUS_INFO).and_then(|it| it.values.first())
    {
        match OpusInfo::read(value) {
            Ok(opus) => it.opus = opus,
            Err(error) => it.irregular.push(format!("{error}.")),
        }
    }
    it.stamps = stamp::of(signer, data);
    it.signed_at = facts::proven(&it.stamps);
    let Some(certificate) = data.certificate_of(&signer.id) else {
        let words = format!("the signer's certificate is not there: {}", signer.id.words());
        it.checks.push(Check::failed(
            "signature",
            words,
            "sign it again, with the certificate put in",
        ));
        return it;
    };
    let octets = data.content.as_ref().map(|content| content.octets.as_ref()).unwrap_or_default();
    it.checks = verify::signer(signer, certificate, octets, Some(data.content_type));
    it.checks.push(verify::strength(signer, certificate));
    let path = link::path(certificate, &data.certificates);
    it.chain = link::links(&path);
    it.trust = link::trust(&path);
    it.checks.extend(judged(&path, it.signed_at, now));
    it
}

/// The chain held to what signing code asks: all but whether its end is trusted, and revocation.
fn judged(path: &chain::Chain<'_, '_>, signed_at: Option<Time>, now: Time) -> Vec<Check> {
    let revocation = Revocation::default();
    let (at, moment) = match signed_at {
        Some(at) => (at, "the time of the timestamp"),
        None => (now, "the present, for no timestamp tells when it was signed"),
    };
    let demand = Demand { at, moment, purpose: Some(oid::CODE_SIGNING), revocation: &revocation };
    // Nobody relies on the signature of a root under itself.
    let ends = path.path.last().is_some_and(|last| last.is_self_issued());
    let path = chain::Chain { anchored: path.anchored || ends, ..path.clone() };
    let mut checks = chain::judge(&path, &demand);
    checks.retain(|check| !["chain", "revocation"].contains(&check.name));
    checks
}

fn measure(image: &Image<'_>, stated: &Digest) -> Measured {
    let covered = image.digest_ranges();
    let computed = image_digest(image, &covered, stated.hash);
    let mut fits = computed == *stated;
    let mut words = None;
    if let Some(by_section) = image.digest_ranges_by_section() {
        if !fits && image_digest(image, &by_section, stated.hash) == *stated {
            fits = true;
            words = Some(
                "It fits only if what lies between the sections is left out, as the specification has it; \
                 other tools hash that as well."
                    .to_owned(),
            );
        } else if fits {
            words = Some(
                "Sections leave gaps or overlap: read by its letter, the specification covers other bytes."
                    .to_owned(),
            );
        }
    }
    let end = image.certificate_table().map_or(image.data().len(), |table| table.place.end);
    if !fits && end < image.data().len() {
        let mut before = covered;
        before.ranges.pop();
        if image_digest(image, &before, stated.hash) == *stated {
            words = Some(format!(
                "It fits without the {} bytes behind the certificate table: they were appended after it was signed.",
                image.data().len() - end
            ));
        }
    }
    Measured { hash: stated.hash, stated: stated.text(), computed: computed.text(), fits, words }
}
