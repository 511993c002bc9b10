//! Timestamps of a signature, of both kinds.

use super::link::{self, Link};
use signatures::asn1::Element;
use signatures::chain::{self, Demand};
use signatures::cms::{SignedData, SignerInfo};
use signatures::revocation::Revocation;
use signatures::timestamp::{Token, imprint};
use signatures::{Check, Error, Oid, Time, oid, verify};

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
    let token = match SignedData::of(value).and_then(Token::of) {
        Ok(token) => token,
        Err(error) => return unread(kind, &error),
    };
    let info = match token.info() {
        Ok(info) => info,
        Err(error) => return unread(kind, &error),
    };
    let token = &token.signed;
    let checks = vec![imprint(&info, &signer.signature, "the signature")];
    let content = token.content.as_ref().map(|it| it.octets.as_ref()).unwrap_or_default();
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
    judged(kind, Some(info.time), counter, token, content, Some(token.content_type), checks)
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
