//! Whether a signer signed: message digest, content type, signature.

use crate::asn1::Element;
use crate::certificate::Certificate;
use crate::check::Check;
use crate::cms::{SignedAttributes, SignerInfo};
use crate::digest::Hash;
use crate::keys::{self, Refusal, Scheme};
use crate::oid::{self, Oid};

/// Checks one signer against the content and a certificate: `message-digest`, `content-type` and `signature`.
///
/// `content` are the octets that the digest is over (see [`crate::cms::Content`]); `content_type` is what the
/// signature says they are. A counter-signature has the other signature's bytes for content and no type.
pub fn signer(
    signer: &SignerInfo<'_>,
    certificate: &Certificate<'_>,
    content: &[u8],
    content_type: Option<Oid<'_>>,
) -> Vec<Check> {
    let mut checks = Vec::with_capacity(3);
    if signer.signed.is_some() {
        checks.push(message_digest(signer, content));
        if let Some(due) = content_type {
            checks.push(content_type_attribute(signer, due));
        }
    }
    checks.push(signature(signer, certificate, content));
    checks
}

/// The digest that was signed against that of the content.
pub fn message_digest(signer: &SignerInfo<'_>, content: &[u8]) -> Check {
    const NAME: &str = "message-digest";
    let Some(signed) = signer.message_digest() else {
        let words = "the signed attributes lack the message digest";
        return Check::failed(
            NAME,
            words,
            "have it signed again: this signature covers no content",
        );
    };
    let Some(hash) = Hash::of(signer.digest_algorithm.oid) else {
        let words = format!(
            "the digest is {}, which is not supported",
            signer.digest_algorithm.oid.in_full()
        );
        return Check::not_done(NAME, words, "check it with a tool that knows this hash");
    };
    if hash.digest(content) == *signed {
        return Check::passed(
            NAME,
            format!("the {} of the content is the one that was signed", hash.name()),
        );
    }
    Check::failed(
        NAME,
        format!("the {} of the content is not the one that was signed", hash.name()),
        "the content was changed after it was signed; get the file anew, or have it signed again",
    )
}

fn content_type_attribute(signer: &SignerInfo<'_>, due: Oid<'_>) -> Check {
    const NAME: &str = "content-type";
    match signer.content_type() {
        Some(signed) if signed == due => {
            Check::passed(NAME, format!("it was signed as {}", due.words()))
        }
        Some(signed) => Check::failed(
            NAME,
            format!("it was signed as {}, and says that it is {}", signed.in_full(), due.in_full()),
            "have it signed again: this signature is for something else",
        ),
        None => Check::failed(
            NAME,
            "the signed attributes do not say what was signed",
            "have it signed again by software that adds the content type (RFC 5652, 11.1)",
        ),
    }
}

/// The signature itself.
pub fn signature(signer: &SignerInfo<'_>, certificate: &Certificate<'_>, content: &[u8]) -> Check {
    const NAME: &str = "signature";
    let key = &certificate.key;
    let who = certificate.subject.short();
    let scheme = Scheme::of(&signer.signature_algorithm, key, Some(&signer.digest_algorithm));
    let outcome = scheme.and_then(|scheme| {
        let verify = |message: &[u8]| keys::verify(scheme, key, message, &signer.signature);
        let Some(attributes) = &signer.signed else { return verify(content) };
        let due = der_set(attributes);
        match verify(&due) {
            Err(Refusal::Wrong) => {
                // Some sign the attributes as they write them, which ought to be DER and is not.
                let written = as_written(&attributes.element);
                if written == due { Err(Refusal::Wrong) } else { verify(&written) }
            }
            other => other,
        }
    });
    let how = signer.signature_algorithm.words();
    match outcome {
        Ok(()) => Check::passed(NAME, format!("the key of {who} made it ({}, {how})", key.words())),
        Err(Refusal::Wrong) => Check::failed(
            NAME,
            format!("the key of {who} did not make it ({}, {how})", key.words()),
            "something in it was changed after it was signed, or another key signed it; get it anew \
             from whoever made it",
        ),
        Err(refusal @ Refusal::BadKey(_)) => Check::failed(
            NAME,
            format!("{} (certificate of {who})", refusal.words()),
            "have it signed again with another certificate",
        ),
        Err(refusal @ Refusal::Unsupported(_)) => {
            Check::not_done(NAME, refusal.words(), "check it with a tool that supports this")
        }
    }
}

/// The attributes as they are signed (RFC 5652, 5.4): a SET OF, sorted, of definite length.
fn der_set(attributes: &SignedAttributes<'_>) -> Vec<u8> {
    let mut members: Vec<&[u8]> = attributes.all.iter().map(|it| it.element.raw).collect();
    members.sort_unstable();
    set(&members.concat())
}

/// The attributes as they stand in the file, under the tag of a SET.
fn as_written(element: &Element<'_>) -> Vec<u8> {
    if element.indefinite {
        return set(element.content);
    }
    let mut bytes = element.raw.to_vec();
    if let Some(tag) = bytes.first_mut() {
        *tag = 0x31;
    }
    bytes
}

fn set(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 6);
    bytes.push(0x31);
    let digits = content.len().to_be_bytes();
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    match &digits[zeros..] {
        [] => bytes.push(0),
        [length] if *length < 0x80 => bytes.push(*length),
        digits => {
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            bytes.extend(digits);
        }
    }
    bytes.extend(content);
    bytes
}

/// Whether the algorithms of a signature still keep anybody from forging it: `strength`.
pub fn strength(signer: &SignerInfo<'_>, certificate: &Certificate<'_>) -> Check {
    const NAME: &str = "strength";
    let mut weak = Vec::new();
    let mut note = |what: String| {
        if !weak.contains(&what) {
            weak.push(what);
        }
    };
    if let Some(hash) = Hash::of(signer.digest_algorithm.oid).filter(|it| it.is_broken()) {
        note(format!("the content is hashed with {}", hash.name()));
    }
    let key = &certificate.key;
    if let Ok(scheme) = Scheme::of(&signer.signature_algorithm, key, Some(&signer.digest_algorithm))
        && let Some(hash) = scheme.hash().filter(|it| it.is_broken())
    {
        note(format!("the signature rests on {}", hash.name()));
    }
    if let Some(bits) = key.rsa_bits().filter(|bits| *bits < 2048) {
        note(format!("the RSA key has {bits} bits"));
    }
    if signer.signature_algorithm.oid == oid::MD2 || signer.digest_algorithm.oid == oid::MD2 {
        note("it rests on MD2".to_owned());
    }
    if weak.is_empty() {
        let words = format!("{}, {}", signer.digest_algorithm.words(), key.words());
        return Check::passed(NAME, words);
    }
    Check::failed(
        NAME,
        format!("{}: this can be forged today", weak.join(", and ")),
        "have it made anew with SHA-256 or better and an RSA key of 2048 bits or more",
    )
}
