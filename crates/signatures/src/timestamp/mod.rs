//! Timestamps (RFC 3161, with RFC 5816): requests, replies, and what a token says.

mod ess;
mod find;
mod judge;

pub use ess::{CertificateId, certificate_ids};
pub use find::{Counter, Found, find, is_one};
pub use judge::{
    Evidence, Verdict, against_query, counter_signature, imprint, token_alone, verify,
};

use crate::asn1::{Reader, Tag};
use crate::cms::SignedData;
use crate::oid::{self, Oid};
use crate::time::{Span, Time};
use crate::value::{Algorithm, Extension, Integer, extensions, general_name, oid as read_oid};
use crate::{Error, Irregularity};

/// What is stamped: a hash.
#[derive(Debug, Clone, Copy)]
pub struct Imprint<'a> {
    /// Which hash.
    pub algorithm: Algorithm<'a>,
    /// Its outcome.
    pub hash: &'a [u8],
}

impl<'a> Imprint<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let mut inside = reader.expect(Tag::SEQUENCE, "messageImprint")?.reader();
        let algorithm = Algorithm::read(&mut inside, "hashAlgorithm")?;
        let hash = inside.expect(Tag::OCTET_STRING, "hashedMessage")?.content;
        Ok(Self { algorithm, hash })
    }

    /// Whether both are the same.
    pub fn is(&self, other: &Imprint<'_>) -> bool {
        self.algorithm.is(&other.algorithm) && self.hash == other.hash
    }
}

/// TimeStampReq (2.4.1).
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Where it begins.
    pub offset: usize,
    /// 1.
    pub version: u64,
    /// What is to be stamped.
    pub imprint: Imprint<'a>,
    /// Under which policy, if that matters.
    pub policy: Option<Oid<'a>>,
    /// A number that the reply repeats.
    pub nonce: Option<Integer<'a>>,
    /// Whether the token shall bring the authority's certificate along.
    pub wants_certificate: bool,
    /// Its extensions.
    pub extensions: Vec<Extension<'a>>,
    /// What is not as it should be.
    pub irregular: Vec<Irregularity>,
}

impl<'a> Request<'a> {
    /// The request that `bytes` are; `base` is their offset in the file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn parse(bytes: &'a [u8], base: usize) -> Result<Self, Error> {
        let mut irregular = Vec::new();
        let mut reader = Reader::new(bytes, base);
        let element = reader.expect(Tag::SEQUENCE, "TimeStampReq")?;
        reader.end("the request", &mut irregular);
        if !element.is_der() {
            irregular.push(Irregularity::new(element.offset, "the request is BER and not DER"));
        }
        let mut inside = element.reader();
        let version = inside.expect(Tag::INTEGER, "version")?.unsigned("version")?;
        let imprint = Imprint::read(&mut inside)?;
        let policy = inside.optional(Tag::OID, "reqPolicy")?.map(|it| Oid(it.content));
        let nonce = inside.optional(Tag::INTEGER, "nonce")?.map(|it| Integer(it.content));
        let wants = inside.optional(Tag::BOOLEAN, "certReq")?;
        let list = match inside.optional(Tag::context(0), "extensions")? {
            Some(list) => extensions(&list, &mut irregular)?,
            None => Vec::new(),
        };
        inside.end("TimeStampReq", &mut irregular);
        imprint_size(&imprint, &mut irregular);
        Ok(Self {
            offset: element.offset,
            version,
            imprint,
            policy,
            nonce,
            wants_certificate: wants.is_some_and(|it| it.content.iter().any(|byte| *byte != 0)),
            extensions: list,
            irregular,
        })
    }
}

fn imprint_size(imprint: &Imprint<'_>, irregular: &mut Vec<Irregularity>) {
    if let Some(hash) = crate::Hash::of(imprint.algorithm.oid)
        && hash.size() != imprint.hash.len()
    {
        let (name, size, found) = (hash.name(), hash.size(), imprint.hash.len());
        let what = format!("the imprint has {found} bytes, where {name} has {size}");
        irregular.push(Irregularity::new(imprint.algorithm.offset, what));
    }
}

/// PKIStatus (2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u64);

impl Status {
    /// As the standard names it.
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "granted",
            1 => "granted with modifications",
            2 => "rejected",
            3 => "waiting",
            4 => "revocation warning",
            5 => "revocation notification",
            _ => "unknown status",
        }
    }

    /// Whether a token comes with it.
    pub fn is_granted(self) -> bool {
        self.0 <= 1
    }
}

/// PKIFailureInfo (2.4.2): bit, name, what it means.
pub const FAILURES: [(u32, &str, &str); 8] = [
    (0, "badAlg", "the hash algorithm is not known or not allowed"),
    (2, "badRequest", "such a request is not allowed or not supported"),
    (5, "badDataFormat", "the request has the wrong format"),
    (14, "timeNotAvailable", "the authority's clock is not available"),
    (15, "unacceptedPolicy", "the authority does not stamp under the policy that was asked for"),
    (16, "unacceptedExtension", "the authority does not know an extension of the request"),
    (17, "addInfoNotAvailable", "what was asked for in addition is not available"),
    (25, "systemFailure", "the authority failed"),
];

/// TimeStampResp (2.4.2).
#[derive(Debug, Clone)]
pub struct Response<'a> {
    /// Where it begins.
    pub offset: usize,
    /// How it went.
    pub status: Status,
    /// What the authority says about it.
    pub texts: Vec<String>,
    /// Bits of PKIFailureInfo, from the first on.
    pub failures: Option<u64>,
    /// The token.
    pub token: Option<Token<'a>>,
    /// What is not as it should be.
    pub irregular: Vec<Irregularity>,
}

impl<'a> Response<'a> {
    /// The reply that `bytes` are; `base` is their offset in the file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn parse(bytes: &'a [u8], base: usize) -> Result<Self, Error> {
        let mut irregular = Vec::new();
        let mut reader = Reader::new(bytes, base);
        let element = reader.expect(Tag::SEQUENCE, "TimeStampResp")?;
        reader.end("the reply", &mut irregular);
        let mut inside = element.reader();
        let mut info = inside.expect(Tag::SEQUENCE, "PKIStatusInfo")?.reader();
        let status = Status(info.expect(Tag::INTEGER, "status")?.unsigned("status")?);
        let mut texts = Vec::new();
        if let Some(list) = info.optional(Tag::SEQUENCE, "statusString")? {
            let mut list = list.reader();
            while let Some(text) = list.next("statusString")? {
                texts.push(text.text().into_owned());
            }
        }
        let failures = info.optional(Tag::BIT_STRING, "failInfo")?.map(|it| it.named_bits());
        info.end("PKIStatusInfo", &mut irregular);
        let token = match inside.optional(Tag::SEQUENCE, "timeStampToken")? {
            Some(token) => Some(Token::of(SignedData::of(&token)?)?),
            None => None,
        };
        inside.end("TimeStampResp", &mut irregular);
        let mut odd = |what: &str| irregular.push(Irregularity::new(element.offset, what));
        match (status.is_granted(), &token) {
            (true, None) => odd("the status is `granted`, and there is no token"),
            (false, Some(_)) => odd("there is a token, although the status is not `granted`"),
            _ => {}
        }
        if status.is_granted() && failures.is_some_and(|bits| bits != 0) {
            odd("there are failures, although the status is `granted`");
        }
        Ok(Self { offset: element.offset, status, texts, failures, token, irregular })
    }

    /// The failures that are told: names, and what they mean.
    pub fn failure_words(&self) -> Vec<(String, &'static str)> {
        let bits = self.failures.unwrap_or(0);
        let set = (0..64u32).filter(|bit| bits >> bit & 1 == 1);
        set.map(|bit| match FAILURES.iter().find(|(known, ..)| *known == bit) {
            Some((_, name, meaning)) => ((*name).to_owned(), *meaning),
            None => (format!("bit {bit}"), "the standard does not define it"),
        })
        .collect()
    }
}

/// Accuracy (2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accuracy {
    /// How far the time may be off, to either side.
    pub span: Span,
}

/// TSTInfo (2.4.2).
#[derive(Debug, Clone)]
pub struct TstInfo<'a> {
    /// Where it begins, in the file.
    pub offset: usize,
    /// 1.
    pub version: u64,
    /// Under which policy it was made.
    pub policy: Oid<'a>,
    /// What was stamped.
    pub imprint: Imprint<'a>,
    /// Serial number of the timestamp.
    pub serial: Integer<'a>,
    /// The time.
    pub time: Time,
    /// How far it may be off.
    pub accuracy: Option<Accuracy>,
    /// Whether the authority's timestamps can be ordered by time alone.
    pub ordering: bool,
    /// The request's nonce.
    pub nonce: Option<Integer<'a>>,
    /// What the authority calls itself.
    pub authority: Option<String>,
    /// Its extensions.
    pub extensions: Vec<Extension<'a>>,
    /// What is not as it should be.
    pub irregular: Vec<Irregularity>,
}

impl<'a> TstInfo<'a> {
    /// The information that `bytes` are; `base` is their offset in the file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn parse(bytes: &'a [u8], base: usize) -> Result<Self, Error> {
        let mut irregular = Vec::new();
        let mut reader = Reader::new(bytes, base);
        let element = reader.expect(Tag::SEQUENCE, "TSTInfo")?;
        reader.end("TSTInfo", &mut irregular);
        let mut inside = element.reader();
        let version = inside.expect(Tag::INTEGER, "version")?.unsigned("version")?;
        let policy = read_oid(&mut inside, "policy")?;
        let imprint = Imprint::read(&mut inside)?;
        let serial = inside.expect(Tag::INTEGER, "serialNumber")?;
        let moment = inside.expect(Tag::GENERALIZED_TIME, "genTime")?;
        let time = Time::parse(&moment, "genTime", &mut irregular)?;
        let accuracy = inside.optional(Tag::SEQUENCE, "accuracy")?;
        let accuracy =
            match accuracy {
                Some(it) => {
                    let mut parts = it.reader();
                    let mut span = Span::default();
                    let mut scaled = |tag, field, scale: u64| {
                        let Some(part) = parts.optional(tag, field)? else { return Ok(0) };
                        let value = part.unsigned(field)?;
                        if scale > 1 && !(1..=999).contains(&value) {
                            let what = format!("{field} of the accuracy is {value}, not 1 to 999");
                            irregular.push(Irregularity::new(part.offset, what));
                        }
                        Ok::<u64, Error>(value.saturating_mul(scale))
                    };
                    let seconds = scaled(Tag::INTEGER, "seconds", 1)?;
                    let nanos = scaled(Tag::context(0), "millis", 1_000_000)?
                        .saturating_add(scaled(Tag::context(1), "micros", 1_000)?);
                    let seconds = seconds.saturating_add(nanos / 1_000_000_000);
                    span.seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
                    span.nanos = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
                    Some(Accuracy { span })
                }
                None => None,
            };
        let ordering = inside.optional(Tag::BOOLEAN, "ordering")?;
        let nonce = inside.optional(Tag::INTEGER, "nonce")?.map(|it| Integer(it.content));
        let authority = match inside.optional(Tag::context(0), "tsa")? {
            Some(explicit) => explicit.reader().next("tsa")?.map(|name| general_name(&name)),
            None => None,
        };
        let list = match inside.optional(Tag::context(1), "extensions")? {
            Some(list) => extensions(&list, &mut irregular)?,
            None => Vec::new(),
        };
        inside.end("TSTInfo", &mut irregular);
        imprint_size(&imprint, &mut irregular);
        let number = Integer(serial.content);
        if number.is_negative() {
            let what = "the serial number is negative";
            irregular.push(Irregularity::new(serial.offset, what));
        }
        Ok(Self {
            offset: element.offset,
            version,
            policy,
            imprint,
            serial: number,
            time,
            accuracy,
            ordering: ordering.is_some_and(|it| it.content.iter().any(|byte| *byte != 0)),
            nonce,
            authority,
            extensions: list,
            irregular,
        })
    }

    /// First and last moment that it may have been.
    pub fn interval(&self) -> (Time, Time) {
        let span = self.accuracy.map_or_else(Span::default, |it| it.span);
        (self.time - span, self.time + span)
    }
}

/// A timestamp token: signed data with TSTInfo inside.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    /// The signature.
    pub signed: SignedData<'a>,
}

impl<'a> Token<'a> {
    /// The token that `bytes` begin with; `base` is their offset in the file.
    ///
    /// # Errors
    /// Where it cannot be read, or is a signature over something else.
    pub fn parse(bytes: &'a [u8], base: usize) -> Result<Self, Error> {
        Self::of(SignedData::parse(bytes, base)?)
    }

    /// Of signed data.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of(signed: SignedData<'a>) -> Result<Self, Error> {
        if signed.content_type != oid::TST_INFO {
            let problem = format!("it is {} and no timestamp", signed.content_type.in_full());
            return Err(Error::new(signed.offset, "eContentType", problem));
        }
        Ok(Self { signed })
    }

    /// What it says.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn info(&self) -> Result<TstInfo<'_>, Error> {
        match &self.signed.content {
            Some(content) => TstInfo::parse(&content.octets, content.offset),
            None => Err(Error::new(self.signed.offset, "eContent", "it is missing")),
        }
    }
}
