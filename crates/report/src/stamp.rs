//! Queries, replies and tokens of timestamps, and signatures with timestamps inside: what is told of them, in
//! the form of the JSON document. The text is made of the same.

use serde::Serialize;
use signatures::asn1::{Element, Node, Tag};
use signatures::cms::{Attribute, SignedData, SignerInfo};
use signatures::timestamp::{Found, Imprint, Request, Response, TstInfo, certificate_ids};
use signatures::value::{Algorithm, Extension, Hex};
use signatures::{Certificate, Check, Irregularity, Oid};

/// A name and the numbers behind it.
#[derive(Debug, Serialize)]
pub(crate) struct Named {
    pub name: Option<&'static str>,
    pub oid: String,
}

impl Named {
    fn of(oid: Oid<'_>) -> Self {
        Self { name: oid.name(), oid: oid.to_string() }
    }

    /// `SHA-256 (2.16.840.1.101.3.4.2.1)`.
    pub fn in_full(&self) -> String {
        self.name.map_or_else(|| self.oid.clone(), |name| format!("{name} ({})", self.oid))
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ImprintPart {
    pub algorithm: Named,
    pub hash: String,
}

impl ImprintPart {
    fn of(it: &Imprint<'_>) -> Self {
        Self { algorithm: Named::of(it.algorithm.oid), hash: Hex(it.hash).to_string() }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct ExtensionPart {
    pub extension: Named,
    pub critical: bool,
}

fn extensions(all: &[Extension<'_>]) -> Vec<ExtensionPart> {
    let part =
        |it: &Extension<'_>| ExtensionPart { extension: Named::of(it.oid), critical: it.critical };
    all.iter().map(part).collect()
}

#[derive(Debug, Serialize)]
pub(crate) struct QueryPart {
    pub version: u64,
    pub imprint: ImprintPart,
    pub policy: Option<Named>,
    pub nonce: Option<String>,
    pub wants_certificate: bool,
    pub extensions: Vec<ExtensionPart>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FailurePart {
    pub name: String,
    pub meaning: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct ReplyPart {
    pub status: &'static str,
    pub status_code: u64,
    pub texts: Vec<String>,
    pub failures: Vec<FailurePart>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TimestampPart {
    pub version: u64,
    pub policy: Named,
    pub imprint: ImprintPart,
    pub serial: String,
    pub time: String,
    pub earliest: String,
    pub latest: String,
    pub accuracy_seconds: Option<String>,
    pub ordering: bool,
    pub nonce: Option<String>,
    pub authority: Option<String>,
    pub extensions: Vec<ExtensionPart>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CertificatePart {
    pub subject: String,
    pub issuer: String,
    pub serial: String,
    pub version: u64,
    pub not_before: String,
    pub not_after: String,
    pub key: String,
    pub algorithm: String,
    pub ca: bool,
    pub key_usage: Option<Vec<&'static str>>,
    pub extended_key_usage: Option<Vec<String>>,
    pub extended_key_usage_critical: bool,
    pub policies: Vec<String>,
    pub alternative_names: Vec<String>,
    pub subject_key_id: Option<String>,
    pub authority_key_id: Option<String>,
    pub ocsp: Vec<String>,
    pub crls: Vec<String>,
    pub ca_issuers: Vec<String>,
    pub sha256: String,
    pub offset: usize,
}

impl CertificatePart {
    fn of(it: &Certificate<'_>) -> Self {
        let usage = it.extended_key_usage();
        Self {
            subject: it.subject.to_string(),
            issuer: it.issuer.to_string(),
            serial: it.serial.to_string(),
            version: it.version,
            not_before: it.not_before.to_string(),
            not_after: it.not_after.to_string(),
            key: it.key.words(),
            algorithm: it.algorithm.words(),
            ca: it.is_ca(),
            key_usage: it.key_usage(),
            extended_key_usage: usage.map(|it| it.purposes.iter().map(Oid::words).collect()),
            extended_key_usage_critical: usage.is_some_and(|it| it.critical),
            policies: it.policies().iter().map(Oid::in_full).collect(),
            alternative_names: it.alternative_names(),
            subject_key_id: it.subject_key_id().map(|id| Hex(id).to_string()),
            authority_key_id: it.authority_key_id().map(|id| Hex(id).to_string()),
            ocsp: it.ocsp(),
            crls: it.crls(),
            ca_issuers: it.ca_issuers(),
            sha256: Hex(&signatures::Hash::Sha256.digest(it.raw)).to_string(),
            offset: it.offset,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct AttributePart {
    pub attribute: Named,
    pub value: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct CertificateIdPart {
    pub attribute_version: u8,
    pub hash: Named,
    pub digest: String,
    pub issuer: Option<String>,
    pub serial: Option<String>,
    /// The subject of the certificate among those of the signature that it names.
    pub names: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct SignerPart {
    pub version: u64,
    pub certificate: String,
    pub digest_algorithm: String,
    pub signature_algorithm: String,
    pub signature_bytes: usize,
    pub signing_time: Option<String>,
    pub signed_attributes: Vec<AttributePart>,
    pub certificate_ids: Vec<CertificateIdPart>,
    pub unsigned_attributes: Vec<AttributePart>,
}

#[derive(Debug, Serialize)]
pub(crate) struct SignaturePart {
    pub version: u64,
    pub content: Named,
    pub detached: bool,
    pub digest_algorithms: Vec<String>,
    pub signers: Vec<SignerPart>,
    pub certificates: Vec<CertificatePart>,
    pub crls: usize,
    pub ocsp_responses: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct IrregularPart {
    pub offset: usize,
    pub what: String,
}

/// One thing of the file.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    pub kind: &'static str,
    pub place: Option<String>,
    pub offset: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<ReplyPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignaturePart>,
    pub irregular: Vec<IrregularPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

impl Part {
    /// What is told of a thing.
    pub fn of(found: &Found<'_>) -> Self {
        let mut part = Part {
            kind: "",
            place: None,
            offset: 0,
            query: None,
            reply: None,
            timestamp: None,
            signature: None,
            irregular: Vec::new(),
            unreadable: None,
        };
        match found {
            Found::Request(it) => part.request(it),
            Found::Response(it) => part.response(it),
            Found::Token(place, token, _) => {
                (part.kind, part.place) = ("token", Some(place.clone()));
                part.token(token);
            }
            Found::Signature(place, it) => {
                (part.kind, part.place) = ("signature", Some(place.clone()));
                part.signed(it);
            }
            Found::CounterSignature(it) => {
                let (signer, around) = (&it.signer, &it.around);
                (part.kind, part.place) = ("counter-signature", Some(it.place.clone()));
                part.offset = signer.offset;
                part.note(&signer.irregular);
                part.signature = Some(SignaturePart {
                    version: signer.version,
                    content: Named::of(around.content_type),
                    detached: true,
                    digest_algorithms: vec![signer.digest_algorithm.words()],
                    signers: vec![self::signer(signer, around)],
                    certificates: around
                        .certificate_of(&signer.id)
                        .map(CertificatePart::of)
                        .into_iter()
                        .collect(),
                    crls: 0,
                    ocsp_responses: 0,
                });
            }
            Found::Broken(place, error) => {
                (part.kind, part.place) = ("unreadable", Some(place.clone()));
                (part.offset, part.unreadable) = (error.offset, Some(error.to_string()));
            }
        }
        part
    }

    fn note(&mut self, all: &[Irregularity]) {
        let part = |it: &Irregularity| IrregularPart { offset: it.offset, what: it.what.clone() };
        self.irregular.extend(all.iter().map(part));
    }

    fn request(&mut self, it: &Request<'_>) {
        (self.kind, self.offset) = ("query", it.offset);
        self.note(&it.irregular);
        self.query = Some(QueryPart {
            version: it.version,
            imprint: ImprintPart::of(&it.imprint),
            policy: it.policy.map(Named::of),
            nonce: it.nonce.map(|it| it.to_string()),
            wants_certificate: it.wants_certificate,
            extensions: extensions(&it.extensions),
        });
    }

    fn response(&mut self, it: &Response<'_>) {
        (self.kind, self.offset) = ("reply", it.offset);
        self.note(&it.irregular);
        let failures = it.failure_words().into_iter();
        self.reply = Some(ReplyPart {
            status: it.status.name(),
            status_code: it.status.0,
            texts: it.texts.clone(),
            failures: failures.map(|(name, meaning)| FailurePart { name, meaning }).collect(),
        });
        if let Some(token) = &it.token {
            let offset = self.offset;
            self.token(token);
            self.offset = offset;
        }
    }

    fn token(&mut self, token: &signatures::timestamp::Token<'_>) {
        match token.info() {
            Ok(info) => {
                self.note(&info.irregular);
                self.timestamp = Some(timestamp(&info));
            }
            Err(error) => self.unreadable = Some(error.to_string()),
        }
        self.signed(&token.signed);
    }

    fn signed(&mut self, it: &SignedData<'_>) {
        self.offset = it.offset;
        self.note(&it.irregular);
        for certificate in &it.certificates {
            self.note(&certificate.irregular);
        }
        for signer in &it.signers {
            self.note(&signer.irregular);
        }
        self.signature = Some(SignaturePart {
            version: it.version,
            content: Named::of(it.content_type),
            detached: it.content.is_none(),
            digest_algorithms: it.digest_algorithms.iter().map(Algorithm::words).collect(),
            signers: it.signers.iter().map(|signer| self::signer(signer, it)).collect(),
            certificates: it.certificates.iter().map(CertificatePart::of).collect(),
            crls: it.crls.len(),
            ocsp_responses: it.ocsp.len(),
        });
    }
}

fn timestamp(info: &TstInfo<'_>) -> TimestampPart {
    let (earliest, latest) = info.interval();
    TimestampPart {
        version: info.version,
        policy: Named::of(info.policy),
        imprint: ImprintPart::of(&info.imprint),
        serial: info.serial.to_string(),
        time: info.time.to_string(),
        earliest: earliest.to_string(),
        latest: latest.to_string(),
        accuracy_seconds: info.accuracy.map(|it| {
            let text = format!("{}.{:09}", it.span.seconds, it.span.nanos);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }),
        ordering: info.ordering,
        nonce: info.nonce.map(|it| it.to_string()),
        authority: info.authority.clone(),
        extensions: extensions(&info.extensions),
    }
}

fn signer(it: &SignerInfo<'_>, around: &SignedData<'_>) -> SignerPart {
    let ids = certificate_ids(it).unwrap_or_default();
    let signed = it.signed.as_ref().map(|it| it.all.as_slice()).unwrap_or_default();
    let attributes = |all: &[Attribute<'_>]| all.iter().map(attribute).collect();
    SignerPart {
        version: it.version,
        certificate: it.id.words(),
        digest_algorithm: it.digest_algorithm.words(),
        signature_algorithm: it.signature_algorithm.words(),
        signature_bytes: it.signature.len(),
        signing_time: it.signing_time().map(|it| it.to_string()),
        signed_attributes: attributes(signed),
        certificate_ids: ids
            .iter()
            .map(|id| CertificateIdPart {
                attribute_version: id.version,
                hash: Named::of(id.hash),
                digest: Hex(id.digest).to_string(),
                issuer: id.issuer_serial.and_then(|(name, _)| name).map(|it| it.to_string()),
                serial: id.issuer_serial.map(|(_, serial)| serial.to_string()),
                names: around
                    .certificates
                    .iter()
                    .find(|it| id.names(it) == Some(true))
                    .map(|it| it.subject.to_string()),
            })
            .collect(),
        unsigned_attributes: attributes(&it.unsigned),
    }
}

/// An attribute with its first value in words.
fn attribute(it: &Attribute<'_>) -> AttributePart {
    let value = it.values.first().map(value).unwrap_or_default();
    let value = match it.values.len() {
        0 => "no value".to_owned(),
        1 => value,
        more => format!("{value} (and {} more)", more - 1),
    };
    AttributePart { attribute: Named::of(it.oid), value }
}

/// Most bytes that are shown of a value.
const MOST_SHOWN: usize = 64;

/// The value of an element in words; the size of one that is made of others.
pub(crate) fn value(element: &Element<'_>) -> String {
    let content = element.content;
    if element.constructed {
        let ending = if element.indefinite { ", of indefinite length" } else { "" };
        return format!("{} bytes{ending}", content.len());
    }
    match element.tag {
        Tag::OID => Oid(content).in_full(),
        Tag::BOOLEAN => {
            (if content.iter().any(|it| *it != 0) { "true" } else { "false" }).to_owned()
        }
        Tag::NULL if content.is_empty() => String::new(),
        Tag::UTC_TIME | Tag::GENERALIZED_TIME => {
            match signatures::Time::parse(element, "time", &mut Vec::new()) {
                Ok(time) => time.to_string(),
                Err(_) => String::from_utf8_lossy(content).into_owned(),
            }
        }
        Tag { number: 12 | 18..=22 | 26..=28 | 30, .. } => format!("\"{}\"", element.text()),
        Tag::INTEGER | Tag::ENUMERATED => match element.unsigned("number") {
            Ok(small) if small < 1 << 16 => small.to_string(),
            _ => format!("0x{}", signatures::value::Integer(content)),
        },
        _ if content.len() > MOST_SHOWN => {
            format!("{}... ({} bytes)", Hex(&content[..MOST_SHOWN]), content.len())
        }
        _ => Hex(content).to_string(),
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct NodePart {
    pub offset: usize,
    pub depth: usize,
    pub header: usize,
    pub length: usize,
    pub tag: String,
    pub in_string: bool,
    pub value: String,
}

/// The elements of a file, as a tree.
#[derive(Debug, Default)]
pub struct Tree {
    pub(crate) nodes: Vec<NodePart>,
    pub(crate) error: Option<String>,
}

impl Tree {
    /// Of what [`signatures::asn1::tree`] found.
    pub fn of(nodes: &[Node<'_>], error: Option<&signatures::Error>) -> Self {
        let part = |it: &Node<'_>| NodePart {
            offset: it.element.offset,
            depth: it.depth,
            header: it.element.header,
            length: it.element.content.len(),
            tag: it.element.tag.name().into_owned(),
            in_string: it.in_string,
            value: value(&it.element),
        };
        Self { nodes: nodes.iter().map(part).collect(), error: error.map(ToString::to_string) }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct CheckPart<'a> {
    pub name: &'a str,
    pub result: &'static str,
    pub words: &'a str,
    pub remedy: Option<&'a str>,
}

impl<'a> CheckPart<'a> {
    pub fn of(it: &'a Check) -> Self {
        let remedy = it.remedy.as_deref();
        Self { name: it.name, result: it.result.word(), words: &it.words, remedy }
    }
}

/// The certificates of a path, as documents have them.
pub(crate) fn path(all: &[Certificate<'_>]) -> Vec<CertificatePart> {
    all.iter().map(CertificatePart::of).collect()
}
