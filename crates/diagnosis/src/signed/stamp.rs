//! Timestamps of a signature, of both kinds.

use super::link::{self, Link};
use signatures::asn1::{Element, Reader, Tag};
use signatures::chain::{self, Demand};
use signatures::cms::{SignedData, SignerInfo};
use signatures::revocation::Revocation;
use signatures::{Check, Error, Hash, Oid, Time, oid, verify};

/// Timestamps of one signature that are read.
const MOST: usize = 8;

/// Its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampKind {
    /// A token of RFC 3161.
    Rfc3161,
    /// A counter-signature of PKCS #9: the older one of Authenticode.
    CounterSignature,
}

impl StampKind {
    /// `RFC 3161`, `counter-signature`.
    pub fn name(self) -> &'static str {
        match self {
            StampKind::Rfc3161 => "RFC 3161",
            StampKind::CounterSignature => "counter-signature",
        }
    }
}

/// A timestamp.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Its kind.
    pub kind: StampKind,
    /// What it says; none where it cannot be read.
    pub time: Option<Time>,
    /// The authority's certificate, and those above it.
    pub chain: Vec<Link>,
    /// Name of the root, or of the issuer that is missing.
    pub root: String,
    /// What was checked.
    pub checks: Vec<Check>,
    /// Why it cannot be read: a clause.
    pub unread: Option<String>,
}

impl Stamp {
    /// Whether nothing that was checked failed.
    pub fn holds(&self) -> bool {
        self.unread.is_none() && self.time.is_some() && !self.checks.iter().any(Check::is_failed)
    }
}

/// The timestamps of a signer.
pub(super) fn of(signer: &SignerInfo<'_>, data: &SignedData<'_>) -> Vec<Stamp> {
    let mut stamps = Vec::new();
    for attribute in &signer.unsigned {
        let read = if attribute.oid == oid::SPC_RFC3161 || attribute.oid == oid::TIMESTAMP_TOKEN {
            rfc3161
        } else if attribute.oid == oid::COUNTER_SIGNATURE {
            counter_signature
        } else {
            continue;
        };
        for value in &attribute.values {
            if stamps.len() < MOST {
                stamps.push(read(value, signer, data));
            }
        }
    }
    stamps
}

fn unread(kind: StampKind, error: &Error) -> Stamp {
    let unread = Some(error.to_string());
    Stamp { kind, time: None, chain: Vec::new(), root: String::new(), checks: Vec::new(), unread }
}

fn counter_signature(value: &Element<'_>, signer: &SignerInfo<'_>, data: &SignedData<'_>) -> Stamp {
    let kind = StampKind::CounterSignature;
    let counter = match SignerInfo::of(value) {
        Ok(counter) => counter,
        Err(error) => return unread(kind, &error),
    };
    judged(kind, counter.signing_time(), &counter, data, &signer.signature, None, Vec::new())
}

fn rfc3161(value: &Element<'_>, signer: &SignerInfo<'_>, _: &SignedData<'_>) -> Stamp {
    let kind = StampKind::Rfc3161;
    let read = || {
        let token = SignedData::of(value)?;
        let content = token.content.as_ref().map(|it| it.octets.to_vec()).unwrap_or_default();
        let info = Info::read(&content)?;
        Ok((token, content, info))
    };
    let (token, content, info) = match read() {
        Ok(read) => read,
        Err(error) => return unread(kind, &error),
    };
    let checks = vec![imprint(&info, &signer.signature)];
    let Some(counter) = token.signers.first() else {
        let words = "nobody signed the timestamp";
        let failed = Check::failed("signature", words, "have it stamped again");
        return Stamp {
            kind,
            time: Some(info.time),
            chain: Vec::new(),
            root: String::new(),
            checks: vec![failed],
            unread: None,
        };
    };
    judged(kind, Some(info.time), counter, &token, &content, Some(token.content_type), checks)
}

/// The signature of a stamp and its chain; `content` is what it is over.
fn judged(
    kind: StampKind,
    time: Option<Time>,
    signer: &SignerInfo<'_>,
    data: &SignedData<'_>,
    content: &[u8],
    content_type: Option<Oid<'_>>,
    mut checks: Vec<Check>,
) -> Stamp {
    let mut stamp = Stamp {
        kind,
        time,
        chain: Vec::new(),
        root: String::new(),
        checks: Vec::new(),
        unread: None,
    };
    let Some(certificate) = data.certificate_of(&signer.id) else {
        let words =
            format!("the certificate of whoever stamped it is not there: {}", signer.id.words());
        checks.push(Check::failed(
            "signature",
            words,
            "have it stamped again, with the certificate",
        ));
        stamp.checks = checks;
        return stamp;
    };
    checks.extend(verify::signer(signer, certificate, content, content_type));
    let path = link::path(certificate, &data.certificates);
    stamp.chain = link::links(&path);
    stamp.root = link::trust(&path).root;
    if let Some(at) = time {
        let revocation = Revocation::default();
        let moment = "the time that the stamp tells";
        let demand =
            Demand { at, moment, purpose: Some(oid::TIME_STAMPING), revocation: &revocation };
        let mut of_chain = chain::judge(&path, &demand);
        // Old stamps rest on SHA-1 throughout, and are taken all the same.
        of_chain.retain(|check| !["chain", "revocation", "chain-strength"].contains(&check.name));
        checks.extend(of_chain);
    }
    stamp.checks = checks;
    stamp
}

/// What of TSTInfo (RFC 3161, 2.4.2) matters here.
struct Info {
    hash: Option<Hash>,
    hash_name: String,
    imprint: Vec<u8>,
    time: Time,
}

impl Info {
    fn read(content: &[u8]) -> Result<Self, Error> {
        let info = Reader::new(content, 0).expect(Tag::SEQUENCE, "TSTInfo")?;
        let mut reader = info.reader();
        reader.expect(Tag::INTEGER, "TSTInfo version")?;
        reader.expect(Tag::OID, "TSTInfo policy")?;
        let mut imprint = reader.expect(Tag::SEQUENCE, "messageImprint")?.reader();
        let algorithm = imprint.expect(Tag::SEQUENCE, "hashAlgorithm")?;
        let algorithm = algorithm.reader().expect(Tag::OID, "hashAlgorithm")?;
        let hashed = imprint.expect(Tag::OCTET_STRING, "hashedMessage")?;
        reader.expect(Tag::INTEGER, "TSTInfo serialNumber")?;
        let time = reader.expect(Tag::GENERALIZED_TIME, "genTime")?;
        let algorithm = Oid(algorithm.content);
        Ok(Self {
            hash: Hash::of(algorithm),
            hash_name: algorithm.in_full(),
            imprint: hashed.content.to_vec(),
            time: Time::parse(&time, "genTime", &mut Vec::new())?,
        })
    }
}

fn imprint(info: &Info, signature: &[u8]) -> Check {
    const NAME: &str = "imprint";
    match info.hash {
        Some(hash) if hash.digest(signature) == info.imprint => Check::passed(
            NAME,
            format!("the {} of the signature is the one that was stamped", hash.name()),
        ),
        Some(hash) => Check::failed(
            NAME,
            format!("the {} of the signature is not the one that was stamped", hash.name()),
            "the stamp is of another signature; have this one stamped",
        ),
        None => Check::not_done(
            NAME,
            format!("the imprint is made with {}, which is not supported", info.hash_name),
            "check it with a tool that knows this hash",
        ),
    }
}
