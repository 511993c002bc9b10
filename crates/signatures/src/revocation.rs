//! What says that a certificate was revoked: CRLs (RFC 5280, 5) and OCSP responses (RFC 6960).

use crate::asn1::{Element, Reader, Tag};
use crate::certificate::Certificate;
use crate::digest::Hash;
use crate::keys::{self, Scheme};
use crate::oid::{self, Oid};
use crate::time::Time;
use crate::value::{Algorithm, Extension, Integer, Name, extensions, oid as read_oid};
use crate::{Error, Irregularity};

/// Why (RFC 5280, 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason(pub u64);

impl Reason {
    /// In words.
    pub fn words(self) -> &'static str {
        match self.0 {
            0 => "unspecified",
            1 => "the key was compromised",
            2 => "the CA was compromised",
            3 => "the affiliation changed",
            4 => "superseded",
            5 => "operation ceased",
            6 => "on hold",
            8 => "removed from the CRL",
            9 => "a privilege was withdrawn",
            10 => "the attribute authority was compromised",
            _ => "an unknown reason",
        }
    }

    /// Whether what was signed before stays good: RFC 3161, 4, number 1 lists these.
    pub fn spares_the_past(self) -> bool {
        matches!(self.0, 3..=5)
    }
}

/// A revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// Since when.
    pub at: Time,
    /// Why; none where that is not said.
    pub reason: Option<Reason>,
}

/// A CRL.
#[derive(Debug, Clone)]
pub struct Crl<'a> {
    /// Where it begins.
    pub offset: usize,
    /// All of it.
    pub raw: &'a [u8],
    /// Who made it.
    pub issuer: Name<'a>,
    /// When.
    pub this_update: Time,
    /// When the next one comes.
    pub next_update: Option<Time>,
    /// Its extensions.
    pub extensions: Vec<Extension<'a>>,
    /// What is not as it should be.
    pub irregular: Vec<Irregularity>,
    revoked: Option<Element<'a>>,
    signed: &'a [u8],
    algorithm: Algorithm<'a>,
    signature: &'a [u8],
}

impl<'a> Crl<'a> {
    /// The CRL that `bytes` begin with; `base` is their offset in the file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn parse(bytes: &'a [u8], base: usize) -> Result<Self, Error> {
        Self::of(&Reader::new(bytes, base).expect(Tag::SEQUENCE, "CertificateList")?)
    }

    /// Likewise, of one inside of something else.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of(element: &Element<'a>) -> Result<Self, Error> {
        let mut irregular = Vec::new();
        let mut outer = element.reader();
        let signed = outer.expect(Tag::SEQUENCE, "tbsCertList")?;
        let algorithm = Algorithm::read(&mut outer, "signatureAlgorithm")?;
        let signature = outer.expect(Tag::BIT_STRING, "signatureValue")?.bits("signatureValue")?;
        let mut inside = signed.reader();
        inside.optional(Tag::INTEGER, "version")?;
        Algorithm::read(&mut inside, "signature")?;
        let issuer = Name(inside.expect(Tag::SEQUENCE, "issuer")?);
        let update = inside.next("thisUpdate")?;
        let update =
            update.ok_or_else(|| Error::new(inside.offset(), "thisUpdate", "it is missing"))?;
        let this_update = Time::parse(&update, "thisUpdate", &mut irregular)?;
        let mut next_update = None;
        for tag in [Tag::UTC_TIME, Tag::GENERALIZED_TIME] {
            if let Some(next) = inside.optional(tag, "nextUpdate")? {
                next_update = Some(Time::parse(&next, "nextUpdate", &mut irregular)?);
            }
        }
        let revoked = inside.optional(Tag::SEQUENCE, "revokedCertificates")?;
        let list = match inside.optional(Tag::context(0), "crlExtensions")? {
            Some(explicit) => {
                let list = explicit.reader().expect(Tag::SEQUENCE, "crlExtensions")?;
                extensions(&list, &mut irregular)?
            }
            None => Vec::new(),
        };
        Ok(Self {
            offset: element.offset,
            raw: element.raw,
            issuer,
            this_update,
            next_update,
            extensions: list,
            irregular,
            revoked,
            signed: signed.raw,
            algorithm,
            signature,
        })
    }

    /// Whether this CA signed it.
    pub fn is_signed_by(&self, ca: &Certificate<'_>) -> bool {
        ca.may_sign_crls()
            && Scheme::of(&self.algorithm, &ca.key, None)
                .and_then(|scheme| keys::verify(scheme, &ca.key, self.signed, self.signature))
                .is_ok()
    }

    /// The critical extension of it that is not understood here, if there is one: it then covers only some
    /// certificates, or is a difference to another, and says nothing for sure.
    pub fn partial(&self) -> Option<String> {
        self.extensions.iter().find(|it| it.critical).map(|it| it.oid.words())
    }

    /// What it says of a certificate of its issuer.
    ///
    /// # Errors
    /// If its list cannot be read as far as that.
    pub fn look_up(&self, serial: Integer<'_>) -> Result<Option<Revoked>, Error> {
        let Some(list) = self.revoked else { return Ok(None) };
        let mut reader = list.reader();
        while let Some(entry) = reader.next("revokedCertificate")? {
            let mut inside = entry.reader();
            let number = Integer(inside.expect(Tag::INTEGER, "userCertificate")?.content);
            if !number.is(serial) {
                continue;
            }
            let date = inside.next("revocationDate")?;
            let date =
                date.ok_or_else(|| Error::new(entry.offset, "revocationDate", "it is missing"))?;
            let at = Time::parse(&date, "revocationDate", &mut Vec::new())?;
            let mut reason = None;
            if let Some(list) = inside.optional(Tag::SEQUENCE, "crlEntryExtensions")? {
                for extension in extensions(&list, &mut Vec::new())? {
                    if extension.oid == oid::CRL_REASON {
                        let code = extension.element("reasonCode")?.unsigned("reasonCode")?;
                        reason = Some(Reason(code));
                    }
                }
            }
            return Ok(Some(Revoked { at, reason }));
        }
        Ok(None)
    }
}

/// What an OCSP response says of one certificate.
#[derive(Debug, Clone, Copy)]
pub struct SingleResponse<'a> {
    hash: Algorithm<'a>,
    issuer_name: &'a [u8],
    issuer_key: &'a [u8],
    /// Which.
    pub serial: Integer<'a>,
    /// The answer.
    pub status: Status,
    /// When it was known to be so.
    pub this_update: Time,
    /// Until when it may be taken for so.
    pub next_update: Option<Time>,
}

/// The answer of a responder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked(Revoked),
    /// The responder does not know it.
    Unknown,
}

/// An OCSP response.
#[derive(Debug, Clone)]
pub struct Ocsp<'a> {
    /// Where it begins.
    pub offset: usize,
    /// When it was made.
    pub produced: Time,
    /// Its answers.
    pub answers: Vec<SingleResponse<'a>>,
    /// Certificates that it brings along.
    pub certificates: Vec<Certificate<'a>>,
    signed: &'a [u8],
    algorithm: Algorithm<'a>,
    signature: &'a [u8],
}

impl<'a> Ocsp<'a> {
    /// The OCSPResponse or BasicOCSPResponse that `bytes` begin with; `base` is their offset in the file.
    ///
    /// # Errors
    /// Where it cannot be read, or the responder gave no answer.
    pub fn parse(bytes: &'a [u8], base: usize) -> Result<Self, Error> {
        Self::of(&Reader::new(bytes, base).expect(Tag::SEQUENCE, "OCSPResponse")?)
    }

    /// Likewise, of one inside of something else.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of(element: &Element<'a>) -> Result<Self, Error> {
        let mut outer = element.reader();
        let Some(status) = outer.optional(Tag::ENUMERATED, "responseStatus")? else {
            return Self::basic(element);
        };
        let code = status.unsigned("responseStatus")?;
        if code != 0 {
            let words = match code {
                1 => "malformed request",
                2 => "internal error",
                3 => "try later",
                5 => "signature required",
                6 => "unauthorized",
                _ => "an unknown status",
            };
            let problem = format!("the responder gave no answer: {words} ({code})");
            return Err(Error::new(status.offset, "responseStatus", problem));
        }
        let explicit = outer.expect(Tag::context(0), "responseBytes")?;
        let mut inside = explicit.reader().expect(Tag::SEQUENCE, "responseBytes")?.reader();
        let kind = read_oid(&mut inside, "responseType")?;
        if kind != oid::OCSP_BASIC {
            let problem = format!("it is {} and not basic", kind.in_full());
            return Err(Error::new(explicit.offset, "responseType", problem));
        }
        let response = inside.expect(Tag::OCTET_STRING, "response")?;
        let mut reader = Reader::new(response.content, response.content_offset());
        Self::basic(&reader.expect(Tag::SEQUENCE, "BasicOCSPResponse")?)
    }

    fn basic(element: &Element<'a>) -> Result<Self, Error> {
        let mut outer = element.reader();
        let signed = outer.expect(Tag::SEQUENCE, "tbsResponseData")?;
        let algorithm = Algorithm::read(&mut outer, "signatureAlgorithm")?;
        let signature = outer.expect(Tag::BIT_STRING, "signature")?.bits("signature")?;
        let mut certificates = Vec::new();
        if let Some(explicit) = outer.optional(Tag::context(0), "certs")? {
            let mut list = explicit.reader().expect(Tag::SEQUENCE, "certs")?.reader();
            while let Some(one) = list.next("Certificate")? {
                certificates.push(Certificate::of(&one)?);
            }
        }
        let mut inside = signed.reader();
        inside.optional(Tag::context(0), "version")?;
        inside.next("responderID")?;
        let produced = inside.expect(Tag::GENERALIZED_TIME, "producedAt")?;
        let produced = Time::parse(&produced, "producedAt", &mut Vec::new())?;
        let mut answers = Vec::new();
        let mut list = inside.expect(Tag::SEQUENCE, "responses")?.reader();
        while let Some(one) = list.next("SingleResponse")? {
            answers.push(single(&one)?);
        }
        Ok(Self {
            offset: element.offset,
            produced,
            answers,
            certificates,
            signed: signed.raw,
            algorithm,
            signature,
        })
    }

    fn is_signed_with(&self, certificate: &Certificate<'_>) -> bool {
        Scheme::of(&self.algorithm, &certificate.key, None)
            .and_then(|it| keys::verify(it, &certificate.key, self.signed, self.signature))
            .is_ok()
    }

    /// Whether the CA signed it, or somebody whom the CA made a responder (RFC 6960, 4.2.2.2).
    pub fn is_signed_for(&self, ca: &Certificate<'_>) -> bool {
        let responder = |it: &&Certificate<'a>| {
            it.issuer.is(&ca.subject)
                && it.extended_key_usage().is_some_and(|usage| {
                    usage.purposes.iter().any(|purpose| *purpose == oid::OCSP_SIGNING)
                })
                && it.not_before <= self.produced
                && self.produced <= it.not_after
                && crate::chain::is_signed_by(it, ca).is_ok()
        };
        self.is_signed_with(ca)
            || self.certificates.iter().filter(responder).any(|it| self.is_signed_with(it))
    }

    /// What it says of a certificate, which `ca` issued.
    pub fn look_up(
        &self,
        serial: Integer<'_>,
        ca: &Certificate<'_>,
    ) -> Option<&SingleResponse<'a>> {
        self.answers.iter().find(|it| {
            it.serial.is(serial)
                && Hash::of(it.hash.oid).is_some_and(|hash| {
                    hash.digest(ca.subject.0.raw) == it.issuer_name
                        && hash.digest(ca.key.bits) == it.issuer_key
                })
        })
    }
}

fn single<'a>(element: &Element<'a>) -> Result<SingleResponse<'a>, Error> {
    let mut inside = element.reader();
    let mut id = inside.expect(Tag::SEQUENCE, "certID")?.reader();
    let hash = Algorithm::read(&mut id, "hashAlgorithm")?;
    let issuer_name = id.expect(Tag::OCTET_STRING, "issuerNameHash")?.content;
    let issuer_key = id.expect(Tag::OCTET_STRING, "issuerKeyHash")?.content;
    let serial = Integer(id.expect(Tag::INTEGER, "serialNumber")?.content);
    let status = inside.next("certStatus")?;
    let status = status.ok_or_else(|| Error::new(element.offset, "certStatus", "it is missing"))?;
    let status = match status.tag.number {
        0 => Status::Good,
        1 => {
            let mut parts = status.reader();
            let at = parts.expect(Tag::GENERALIZED_TIME, "revocationTime")?;
            let at = Time::parse(&at, "revocationTime", &mut Vec::new())?;
            let reason = match parts.optional(Tag::context(0), "revocationReason")? {
                Some(explicit) => {
                    let code = explicit.reader().expect(Tag::ENUMERATED, "revocationReason")?;
                    Some(Reason(code.unsigned("revocationReason")?))
                }
                None => None,
            };
            Status::Revoked(Revoked { at, reason })
        }
        _ => Status::Unknown,
    };
    let this_update = inside.expect(Tag::GENERALIZED_TIME, "thisUpdate")?;
    let this_update = Time::parse(&this_update, "thisUpdate", &mut Vec::new())?;
    let next_update = match inside.optional(Tag::context(0), "nextUpdate")? {
        Some(explicit) => {
            let next = explicit.reader().expect(Tag::GENERALIZED_TIME, "nextUpdate")?;
            Some(Time::parse(&next, "nextUpdate", &mut Vec::new())?)
        }
        None => None,
    };
    Ok(SingleResponse { hash, issuer_name, issuer_key, serial, status, this_update, next_update })
}

/// What a file with revocation information holds: a CRL or an OCSP response.
#[derive(Debug, Clone, Default)]
pub struct Revocation<'a> {
    /// CRLs.
    pub crls: Vec<Crl<'a>>,
    /// OCSP responses.
    pub ocsp: Vec<Ocsp<'a>>,
}

impl Revocation<'_> {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.crls.is_empty() && self.ocsp.is_empty()
    }
}

/// Which algorithm a responder or CRL used, for those who show it.
impl<'a> Ocsp<'a> {
    /// How it is signed.
    pub fn algorithm(&self) -> Oid<'a> {
        self.algorithm.oid
    }
}
