//! Queries (RFC 3161, 2.4.1), written in DER.

use der::asn1::{AnyRef, Int, ObjectIdentifier, OctetString};
use der::{Encode, Sequence};
use signatures::{Hash, oid};

/// AlgorithmIdentifier of a hash; its parameters are NULL, as openssl writes them.
#[derive(Sequence)]
pub(crate) struct HashAlgorithm {
    pub algorithm: ObjectIdentifier,
    pub parameters: Option<der::Any>,
}

/// MessageImprint.
#[derive(Sequence)]
pub(crate) struct Imprint {
    pub hash_algorithm: HashAlgorithm,
    pub hashed_message: OctetString,
}

/// TimeStampReq.
#[derive(Sequence)]
struct Query {
    version: u8,
    message_imprint: Imprint,
    /// An OBJECT IDENTIFIER; the crate's type refuses some, such as those for examples, 2.999.
    req_policy: Option<der::Any>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(default = "no")]
    cert_req: bool,
}

fn no() -> bool {
    false
}

/// What to ask for.
pub(crate) struct Wanted<'a> {
    /// Which hash.
    pub hash: Hash,
    /// Its outcome.
    pub digest: &'a [u8],
    /// Under which policy.
    pub policy: Option<&'a str>,
    /// A number to be repeated.
    pub nonce: Option<[u8; 8]>,
    /// Whether to bring the certificate along.
    pub certificate: bool,
}

/// A query.
///
/// # Errors
/// If the policy is no object identifier.
pub(crate) fn query(wanted: &Wanted<'_>) -> Result<Vec<u8>, String> {
    let text = |error: der::Error| format!("the query cannot be written: {error}");
    let policy = wanted.policy.map(|it| {
        let bytes = oid::encode(it)
            .map_err(|_| format!("`{it}` is no object identifier, such as 1.2.3.4"))?;
        der::Any::new(der::Tag::ObjectIdentifier, bytes).map_err(text)
    });
    let nonce = wanted.nonce.map(|mut bytes| {
        // Above zero, and of the same length whatever it is.
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Int::new(&bytes).map_err(text)
    });
    let algorithm = ObjectIdentifier::from_bytes(wanted.hash.oid().oid().0);
    let query = Query {
        version: 1,
        message_imprint: Imprint {
            hash_algorithm: HashAlgorithm {
                algorithm: algorithm.map_err(|error| error.to_string())?,
                parameters: Some(AnyRef::NULL.into()),
            },
            hashed_message: OctetString::new(wanted.digest).map_err(text)?,
        },
        req_policy: policy.transpose()?,
        nonce: nonce.transpose()?,
        cert_req: wanted.certificate,
    };
    query.to_der().map_err(text)
}
