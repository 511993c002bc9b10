//! Key and certificate of an authority that was given none: a P-256 key, and a certificate that it signs itself.

use crate::der;
use crate::key::Key;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use signatures::{Time, oid};

/// A new key, as PEM of PKCS #8, and its certificate in DER: for timestamping only, valid for ten years.
///
/// # Errors
/// If the system gives no random numbers, or a crate fails.
pub(crate) fn new(name: &str, now: Time) -> Result<(String, Vec<u8>), String> {
    let secret = loop {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
        // All but a vanishing part of 32 bytes are below the order of the curve.
        if let Ok(secret) = p256::SecretKey::from_slice(&bytes) {
            break secret;
        }
    };
    let pem = secret.to_pkcs8_pem(LineEnding::LF).map_err(|error| error.to_string())?;
    let point = secret.public_key().to_sec1_point(false);
    let algorithm = der::sequence(&[&der::oid(oid::EC_KEY), &der::oid(oid::P256)]);
    let bits = der::element(der::BIT_STRING, &[&[0], point.as_bytes()]);
    let spki = der::sequence(&[&algorithm, &bits]);
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| error.to_string())?;
    serial[0] = serial[0] & 0x7f | 0x40;

    let text = der::element(der::UTF8_STRING, &[name.as_bytes()]);
    let pair = der::sequence(&[&der::oid(oid::COMMON_NAME), &text]);
    let name = der::sequence(&[&der::element(der::SET, &[&pair])]);
    let end = Time::of_seconds(now.seconds.saturating_add(3650 * 86_400));
    // A clock that is a little behind shall not find it in the future.
    let start = Time::of_seconds(now.seconds.saturating_sub(3600));
    let validity = der::sequence(&[&utc(start), &utc(end)]);
    let extension = |known, critical: bool, value: &[u8]| {
        let critical = if critical { der::element(der::BOOLEAN, &[&[0xff]]) } else { Vec::new() };
        der::sequence(&[&der::oid(known), &critical, &der::element(der::OCTET_STRING, &[value])])
    };
    let purpose = der::sequence(&[&der::oid(oid::TIME_STAMPING)]);
    let key_id = signatures::Hash::Sha1.digest(point.as_bytes());
    let key_id = der::element(der::OCTET_STRING, &[&key_id]);
    let extensions = der::sequence(&[
        &extension(oid::BASIC_CONSTRAINTS, true, &der::sequence(&[])),
        &extension(oid::KEY_USAGE, true, &der::named_bits(&[0])),
        &extension(oid::EXTENDED_KEY_USAGE, true, &purpose),
        &extension(oid::SUBJECT_KEY_ID, false, &key_id),
    ]);
    let signing = Key::P256(Box::new(p256::ecdsa::SigningKey::from(&secret)));
    let how = signing.algorithm();
    let signed = der::sequence(&[
        &der::element(0xa0, &[&der::unsigned(2)]),
        &der::element(der::INTEGER, &[&serial]),
        &how,
        &name,
        &validity,
        &name,
        &spki,
        &der::element(0xa3, &[&extensions]),
    ]);
    let signature = der::element(der::BIT_STRING, &[&[0], &signing.sign(&signed)?]);
    Ok((pem.to_string(), der::sequence(&[&signed, &how, &signature])))
}

/// UTCTime up to 2049, as RFC 5280, 4.1.2.5 has it.
fn utc(time: Time) -> Vec<u8> {
    let (year, month, day) = time.date();
    if !(1950..2050).contains(&year) {
        return der::time(time);
    }
    let (hour, minute, second) = time.clock();
    let text = format!("{:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z", year % 100);
    der::element(0x17, &[text.as_bytes()])
}
