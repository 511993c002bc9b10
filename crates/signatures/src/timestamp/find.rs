//! What a file holds of timestamps: queries, replies, tokens, and tokens inside of signatures.

use super::{Request, Response, Token};
use crate::asn1::{Reader, Tag};
use crate::cms::{SignedData, SignerInfo, is_signed_data};
use crate::{Error, oid};
use std::borrow::Cow;

/// Signatures inside of signatures, at most: nested ones, and timestamps of timestamps.
const MOST_NESTED: u32 = 8;
/// Signatures of a file, at most.
const MOST_FOUND: usize = 1000;

/// One thing of a file.
#[derive(Debug, Clone)]
pub enum Found<'a> {
    /// A query.
    Request(Request<'a>),
    /// A reply.
    Response(Response<'a>),
    /// A token: where it hangs, itself, and the signature that it stamps, if it hangs on one.
    Token(String, Token<'a>, Option<Cow<'a, [u8]>>),
    /// A counter-signature of Authenticode's older kind.
    CounterSignature(Box<Counter<'a>>),
    /// A signature without a timestamp of its own: what it is.
    Signature(String, SignedData<'a>),
    /// A part that cannot be read: where it hangs, and why.
    Broken(String, Error),
}

/// A counter-signature (PKCS #9; SPEC of Authenticode, Authenticode Timestamp).
#[derive(Debug, Clone)]
pub struct Counter<'a> {
    /// Where it hangs.
    pub place: String,
    /// Itself.
    pub signer: SignerInfo<'a>,
    /// The signature around, which brings the certificates along.
    pub around: SignedData<'a>,
    /// The signature that it stamps.
    pub stamped: Cow<'a, [u8]>,
}

/// Whether a file is a query, a reply, a token or a signature, by its first elements.
pub fn is_one(bytes: &[u8]) -> bool {
    if is_signed_data(bytes) {
        return true;
    }
    // Cut off or not: what the first two fields are is enough.
    let Some(after) = header(bytes, 0x30) else { return false };
    match after.first() {
        // A version below 10, then an imprint with a hash that is known.
        Some(2) => {
            let imprint = after.get(3..).filter(|_| after[1] == 1 && after[2] < 10);
            let algorithm = imprint.and_then(|it| header(it, 0x30)).and_then(|it| header(it, 0x30));
            algorithm.is_some_and(|it| crate::Hash::ALL.iter().any(|hash| names(it, *hash)))
        }
        // A status below 10, which may have texts behind it; then the token or the end.
        Some(0x30) => {
            header(after, 0x30)
                .is_some_and(|it| it.starts_with(&[2, 1]) && it.get(2).is_some_and(|it| *it < 10))
                && Response::parse(bytes, 0).is_ok_and(|it| {
                    it.token.is_some() || it.failures.is_some() || !it.status.is_granted()
                })
        }
        _ => false,
    }
}

fn names(bytes: &[u8], hash: crate::Hash) -> bool {
    header(bytes, 6).is_some_and(|it| it.starts_with(hash.oid().oid().0))
}

/// What follows tag and length.
fn header(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(&[tag])?;
    let first = *rest.first()?;
    let more = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
    rest.get(1 + more..)
}

/// Everything of a query, reply, token or signature that `bytes` begin with. `base` is their offset in the file.
///
/// # Errors
/// If it is none of these, or cannot be read.
pub fn find<'a>(bytes: &'a [u8], base: usize) -> Result<Vec<Found<'a>>, Error> {
    let mut found = Vec::new();
    if is_signed_data(bytes) {
        signature(SignedData::parse(bytes, base)?, "the signature", None, 0, &mut found);
        return Ok(found);
    }
    // A query begins with a version, a reply with a status inside of a sequence.
    let element = Reader::new(bytes, base).expect(Tag::SEQUENCE, "the file")?;
    let first = element.reader().next("the file's first field")?;
    match first.map(|it| it.tag) {
        Some(Tag::INTEGER) => found.push(Found::Request(Request::parse(bytes, base)?)),
        Some(Tag::SEQUENCE) => found.push(Found::Response(Response::parse(bytes, base)?)),
        _ => {
            let problem = "it is no query, reply, token or signature";
            return Err(Error::new(base, "the file", problem));
        }
    }
    Ok(found)
}

/// A signature, and what hangs on its signers. `stamped` is the signature that it stamps if it is a token.
fn signature<'a>(
    data: SignedData<'a>,
    place: &str,
    stamped: Option<Cow<'a, [u8]>>,
    depth: u32,
    found: &mut Vec<Found<'a>>,
) {
    if found.len() >= MOST_FOUND {
        return;
    }
    if data.content_type == oid::TST_INFO {
        match Token::of(data) {
            Ok(token) => found.push(Found::Token(place.to_owned(), token, stamped)),
            Err(error) => found.push(Found::Broken(place.to_owned(), error)),
        }
        return;
    }
    found.push(Found::Signature(place.to_owned(), data.clone()));
    if depth >= MOST_NESTED {
        return;
    }
    for (index, signer) in data.signers.iter().enumerate() {
        let of = match data.signers.len() {
            1 => place.to_owned(),
            _ => format!("signer {} of {place}", index + 1),
        };
        for attribute in &signer.unsigned {
            for value in &attribute.values {
                let kind = attribute.oid;
                if kind == oid::TIMESTAMP_TOKEN || kind == oid::SPC_RFC3161 {
                    let stamped = Some(signer.signature.clone());
                    inside(value, &format!("timestamp of {of}"), stamped, depth, found);
                } else if kind == oid::SPC_NESTED_SIGNATURE {
                    inside(value, &format!("signature nested in {of}"), None, depth, found);
                } else if kind == oid::COUNTER_SIGNATURE && found.len() < MOST_FOUND {
                    let place = format!("counter-signature of {of}");
                    found.push(match SignerInfo::of(value) {
                        Ok(counter) => Found::CounterSignature(Box::new(Counter {
                            place,
                            signer: counter,
                            around: data.clone(),
                            stamped: signer.signature.clone(),
                        })),
                        Err(error) => Found::Broken(place, error),
                    });
                }
            }
        }
    }
}

fn inside<'a>(
    value: &crate::asn1::Element<'a>,
    place: &str,
    stamped: Option<Cow<'a, [u8]>>,
    depth: u32,
    found: &mut Vec<Found<'a>>,
) {
    match SignedData::of(value) {
        Ok(data) => signature(data, place, stamped, depth + 1, found),
        Err(error) => found.push(Found::Broken(place.to_owned(), error)),
    }
}
