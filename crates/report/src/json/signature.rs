//! Signatures of a driver as documents.

use crate::text::{page_words, trust_words};
use diagnosis::signed::{InCatalog, Link, Membership, Place, Signature, Signing, Stamp};
use knowledge::signing::{Answer, rules};
use serde::Serialize;
use signatures::authenticode::PageOutcome;
use signatures::{Check, Time};

/// What a file's signatures tell.
#[derive(Serialize)]
pub(super) struct SigningDocument<'a> {
    signatures: Vec<SignatureDocument<'a>>,
    irregular: &'a [String],
    catalogs: Vec<InCatalogDocument<'a>>,
    loads: Vec<AnswerDocument<'a>>,
    not_known: Vec<&'static str>,
}

/// A catalog, and whether the file is in it.
#[derive(Serialize)]
struct InCatalogDocument<'a> {
    catalog: &'a str,
    /// `listed`, `changed` or `absent`.
    membership: &'static str,
}

/// A signature.
#[derive(Serialize)]
pub(super) struct SignatureDocument<'a> {
    /// `file`, `nested` or `catalog`.
    place: &'static str,
    /// The catalog.
    catalog: Option<&'a str>,
    offset: usize,
    intact: bool,
    digest: Option<DigestDocument<'a>>,
    page_hashes: Option<PagesDocument>,
    program: Option<&'a str>,
    address: Option<&'a str>,
    chain: Vec<LinkDocument<'a>>,
    trust: TrustDocument<'a>,
    /// When the signer says that it was signed.
    stated_time: Option<String>,
    /// When it was signed at the latest, as a timestamp proves.
    signed_at: Option<String>,
    timestamps: Vec<StampDocument<'a>>,
    checks: Vec<CheckDocument<'a>>,
    facts: Vec<&'static str>,
    irregular: &'a [String],
}

#[derive(Serialize)]
struct DigestDocument<'a> {
    algorithm: &'static str,
    stated: &'a str,
    computed: &'a str,
    fits: bool,
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct PagesDocument {
    algorithm: &'static str,
    fit: bool,
    words: String,
}

#[derive(Serialize)]
struct LinkDocument<'a> {
    subject: &'a str,
    issuer: &'a str,
    serial: &'a str,
    not_before: String,
    not_after: String,
    key: &'a str,
    algorithm: &'a str,
    thumbprint: &'a str,
    usages: Vec<UsageDocument<'a>>,
}

#[derive(Serialize)]
struct UsageDocument<'a> {
    oid: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct TrustDocument<'a> {
    kind: &'static str,
    root: &'a str,
    /// The certificate that is known by its hash.
    known: Option<&'a str>,
    words: String,
}

#[derive(Serialize)]
struct StampDocument<'a> {
    kind: &'static str,
    time: Option<String>,
    holds: bool,
    chain: Vec<LinkDocument<'a>>,
    root: &'a str,
    checks: Vec<CheckDocument<'a>>,
    unread: Option<&'a str>,
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    name: &'static str,
    result: &'static str,
    words: &'a str,
    remedy: Option<&'a str>,
}

#[derive(Serialize)]
struct AnswerDocument<'a> {
    system: &'a str,
    name: &'a str,
    verdict: &'static str,
    rule: &'a str,
    says: &'a str,
    settings: Vec<&'a str>,
    remedy: Option<&'a str>,
    notes: Vec<&'a str>,
    pages: Vec<&'a str>,
    /// Which signature decides, counted from 0.
    signature: usize,
}

/// Moments as ISO 8601 has them.
pub(super) fn moment(time: Time) -> String {
    time.to_string().replacen(' ', "T", 1).replace(" UTC", "Z")
}

/// What a file's signatures tell.
pub(super) fn signing(it: &Signing) -> SigningDocument<'_> {
    SigningDocument {
        signatures: it.signatures.iter().map(signature).collect(),
        irregular: &it.irregular,
        catalogs: it.catalogs.iter().map(in_catalog).collect(),
        loads: it.answers.iter().map(answer).collect(),
        not_known: rules().unknown.iter().map(|it| it.says.as_str()).collect(),
    }
}

fn in_catalog(it: &InCatalog) -> InCatalogDocument<'_> {
    InCatalogDocument { catalog: &it.catalog, membership: membership(it.membership) }
}

/// A word for whether a file is in a catalog.
pub(super) fn membership(it: Membership) -> &'static str {
    match it {
        Membership::Member(_) => "listed",
        Membership::Changed(_) => "changed",
        Membership::Absent => "absent",
    }
}

/// One signature.
pub(super) fn signature(it: &Signature) -> SignatureDocument<'_> {
    let (place, catalog) = match &it.place {
        Place::Entry(_) => ("file", None),
        Place::Nested(_) => ("nested", None),
        Place::Catalog(name) => ("catalog", Some(name.as_str())),
    };
    SignatureDocument {
        place,
        catalog,
        offset: it.offset,
        intact: it.is_intact(),
        digest: it.measured.as_ref().map(|it| DigestDocument {
            algorithm: it.hash.name(),
            stated: &it.stated,
            computed: &it.computed,
            fits: it.fits,
            note: it.words.as_deref(),
        }),
        page_hashes: it.pages.as_ref().map(|it| PagesDocument {
            algorithm: it.hash.name(),
            fit: matches!(it.outcome, PageOutcome::Fit(_)),
            words: page_words(&it.outcome),
        }),
        program: it.opus.program.as_deref(),
        address: it.opus.address.as_deref(),
        chain: it.chain.iter().map(link).collect(),
        trust: TrustDocument {
            kind: it.trust.kind.word(),
            root: &it.trust.root,
            known: it.trust.known.as_deref(),
            words: trust_words(it),
        },
        stated_time: it.stated_time.map(moment),
        signed_at: it.signed_at.map(moment),
        timestamps: it.stamps.iter().map(stamp).collect(),
        checks: it.checks.iter().map(check).collect(),
        facts: it.facts.iter().copied().collect(),
        irregular: &it.irregular,
    }
}

fn link(it: &Link) -> LinkDocument<'_> {
    LinkDocument {
        subject: &it.subject,
        issuer: &it.issuer,
        serial: &it.serial,
        not_before: moment(it.not_before),
        not_after: moment(it.not_after),
        key: &it.key,
        algorithm: &it.algorithm,
        thumbprint: &it.thumbprint,
        usages: it.usages.iter().map(|it| UsageDocument { oid: &it.oid, name: &it.name }).collect(),
    }
}

fn stamp(it: &Stamp) -> StampDocument<'_> {
    StampDocument {
        kind: it.kind.name(),
        time: it.time.map(moment),
        holds: it.holds(),
        chain: it.chain.iter().map(link).collect(),
        root: &it.root,
        checks: it.checks.iter().map(check).collect(),
        unread: it.unread.as_deref(),
    }
}

fn check(it: &Check) -> CheckDocument<'_> {
    CheckDocument {
        name: it.name,
        result: it.result.word(),
        words: &it.words,
        remedy: it.remedy.as_deref(),
    }
}

fn answer(it: &Answer) -> AnswerDocument<'_> {
    AnswerDocument {
        system: &it.system.id,
        name: &it.system.name,
        verdict: it.verdict.word(),
        rule: &it.rule.name,
        says: &it.rule.says,
        settings: it.settings().collect(),
        remedy: it.rule.remedy.as_deref(),
        notes: it.notes.iter().map(|rule| rule.says.as_str()).collect(),
        pages: it.rule.pages.iter().map(|page| rules().page(page)).collect(),
        signature: it.signature,
    }
}
