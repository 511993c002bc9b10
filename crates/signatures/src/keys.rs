//! Signatures under a public key. The mathematics is that of the RustCrypto crates; here it is only found out
//! which of it is meant.

use crate::certificate::Key;
use crate::digest::Hash;
use crate::oid;
use crate::value::Algorithm;
use std::borrow::Cow;

/// Why a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It does not fit message and key.
    Wrong,
    /// The key is none.
    BadKey(String),
    /// This kind is not computed here.
    Unsupported(String),
}

impl Refusal {
    /// In words: a clause.
    pub fn words(&self) -> String {
        match self {
            Refusal::Wrong => "the signature does not fit what is signed".to_owned(),
            Refusal::BadKey(what) => format!("the key cannot be used: {what}"),
            Refusal::Unsupported(what) => format!("{what} is not supported"),
        }
    }
}

/// How a message is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5.
    Pkcs1(Hash),
    /// RSASSA-PSS: hash, bytes of salt.
    Pss(Hash, usize),
    /// ECDSA.
    Ecdsa(Hash),
    /// Ed25519.
    Ed25519,
}

impl Scheme {
    /// Of a signature algorithm; one that names no hash takes that of `digest`.
    ///
    /// # Errors
    /// If it is of a kind that is not computed here.
    pub fn of(
        algorithm: &Algorithm<'_>,
        key: &Key<'_>,
        digest: Option<&Algorithm<'_>>,
    ) -> Result<Self, Refusal> {
        let id = algorithm.oid;
        let given = || {
            let digest = digest.ok_or_else(|| Refusal::Unsupported(id.in_full()))?;
            Hash::of(digest.oid).ok_or_else(|| Refusal::Unsupported(digest.oid.in_full()))
        };
        for (known, hash) in [
            (oid::SHA256_RSA, Hash::Sha256),
            (oid::SHA384_RSA, Hash::Sha384),
            (oid::SHA512_RSA, Hash::Sha512),
            (oid::SHA224_RSA, Hash::Sha224),
            (oid::SHA1_RSA, Hash::Sha1),
            (oid::SHA1_RSA_OIW, Hash::Sha1),
            (oid::MD5_RSA, Hash::Md5),
        ] {
            if id == known {
                return Ok(Scheme::Pkcs1(hash));
            }
        }
        for (known, hash) in [
            (oid::SHA256_ECDSA, Hash::Sha256),
            (oid::SHA384_ECDSA, Hash::Sha384),
            (oid::SHA512_ECDSA, Hash::Sha512),
            (oid::SHA224_ECDSA, Hash::Sha224),
            (oid::SHA1_ECDSA, Hash::Sha1),
        ] {
            if id == known {
                return Ok(Scheme::Ecdsa(hash));
            }
        }
        if id == oid::RSA_PSS {
            let pss = algorithm.pss().map_err(|it| Refusal::Unsupported(it.to_string()))?;
            let hash = Hash::of(pss.hash);
            let hash = hash.ok_or_else(|| Refusal::Unsupported(pss.hash.in_full()))?;
            if pss.mask != pss.hash {
                let what = "RSA-PSS with one hash for the message and another for the mask";
                return Err(Refusal::Unsupported(what.to_owned()));
            }
            return Ok(Scheme::Pss(hash, pss.salt));
        }
        if id == oid::ED25519 {
            return Ok(Scheme::Ed25519);
        }
        if id == oid::RSA {
            return Ok(Scheme::Pkcs1(given()?));
        }
        if id == oid::EC_KEY {
            return Ok(Scheme::Ecdsa(given()?));
        }
        // Some name the hash where the signature belongs.
        match Hash::of(id) {
            Some(hash) if key.algorithm.oid == oid::RSA => Ok(Scheme::Pkcs1(hash)),
            Some(hash) if key.algorithm.oid == oid::EC_KEY => Ok(Scheme::Ecdsa(hash)),
            _ => Err(Refusal::Unsupported(id.in_full())),
        }
    }

    /// The hash that it rests on; that of Ed25519 is its own.
    pub fn hash(self) -> Option<Hash> {
        match self {
            Scheme::Pkcs1(hash) | Scheme::Pss(hash, _) | Scheme::Ecdsa(hash) => Some(hash),
            Scheme::Ed25519 => None,
        }
    }
}

/// Whether `signature` is one over `message` under this key.
///
/// # Errors
/// Why not.
pub fn verify(
    scheme: Scheme,
    key: &Key<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    let kind = key.algorithm.oid;
    match scheme {
        Scheme::Ed25519 if kind == oid::ED25519 => ed25519(key, message, signature),
        Scheme::Pkcs1(hash) if kind == oid::RSA => {
            let hashed = hash.digest(message);
            let padding = padding(hash);
            rsa_key(key)?.verify(padding, &hashed, signature).map_err(|_| Refusal::Wrong)
        }
        Scheme::Pss(hash, salt) if kind == oid::RSA || kind == oid::RSA_PSS => {
            pss(&rsa_key(key)?, hash, salt, &hash.digest(message), signature)
        }
        Scheme::Ecdsa(hash) if kind == oid::EC_KEY => ecdsa(key, &hash.digest(message), signature),
        _ => Err(Refusal::BadKey(format!("it is {}, which does not sign so", key.words()))),
    }
}

fn padding(hash: Hash) -> rsa::Pkcs1v15Sign {
    use rsa::Pkcs1v15Sign as Padding;
    match hash {
        Hash::Md5 => Padding::new::<md5::Md5>(),
        Hash::Sha1 => Padding::new::<sha1::Sha1>(),
        Hash::Sha224 => Padding::new::<sha2::Sha224>(),
        Hash::Sha256 => Padding::new::<sha2::Sha256>(),
        Hash::Sha384 => Padding::new::<sha2::Sha384>(),
        Hash::Sha512 => Padding::new::<sha2::Sha512>(),
    }
}

fn rsa_key(key: &Key<'_>) -> Result<rsa::PublicKey, Refusal> {
    use rsa::pkcs1::DecodeRsaPublicKey;
    // The crate takes 1024 to 8192 bits: nothing weaker, and nothing that takes long.
    rsa::PublicKey::from_pkcs1_der(key.bits).map_err(|error| Refusal::BadKey(error.to_string()))
}

fn pss(
    key: &rsa::PublicKey,
    hash: Hash,
    salt: usize,
    hashed: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    use rsa::Pss;
    // A salt longer than the modulus cannot be; the crate would work out its size all the same.
    if salt > 1024 {
        return Err(Refusal::Wrong);
    }
    let outcome = match hash {
        Hash::Md5 => key.verify(Pss::<md5::Md5>::new_with_salt(salt), hashed, signature),
        Hash::Sha1 => key.verify(Pss::<sha1::Sha1>::new_with_salt(salt), hashed, signature),
        Hash::Sha224 => key.verify(Pss::<sha2::Sha224>::new_with_salt(salt), hashed, signature),
        Hash::Sha256 => key.verify(Pss::<sha2::Sha256>::new_with_salt(salt), hashed, signature),
        Hash::Sha384 => key.verify(Pss::<sha2::Sha384>::new_with_salt(salt), hashed, signature),
        Hash::Sha512 => key.verify(Pss::<sha2::Sha512>::new_with_salt(salt), hashed, signature),
    };
    outcome.map_err(|_| Refusal::Wrong)
}

fn ed25519(key: &Key<'_>, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
    let bad = |what: &str| Refusal::BadKey(what.to_owned());
    let bytes = key.bits.try_into().map_err(|_| bad("an Ed25519 key has 32 bytes"))?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
        .map_err(|_| bad("it is no point of the curve"))?;
    let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| Refusal::Wrong)?;
    key.verify_strict(message, &signature).map_err(|_| Refusal::Wrong)
}

fn ecdsa(key: &Key<'_>, hashed: &[u8], signature: &[u8]) -> Result<(), Refusal> {
    use p256::ecdsa::signature::hazmat::PrehashVerifier;
    macro_rules! on {
        ($curve:ident, $hashed:expr) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(key.bits)
                .map_err(|_| Refusal::BadKey("it is no point of its curve".to_owned()))?;
            let signature =
                $curve::ecdsa::Signature::from_der(signature).map_err(|_| Refusal::Wrong)?;
            key.verify_prehash($hashed, &signature).map_err(|_| Refusal::Wrong)
        }};
    }
    let curve = key.algorithm.parameters.filter(|it| it.tag == crate::asn1::Tag::OID);
    let Some(curve) = curve.map(|it| oid::Oid(it.content)) else {
        let what = "an elliptic curve given by its parameters instead of its name";
        return Err(Refusal::Unsupported(what.to_owned()));
    };
    let hashed: Cow<'_, [u8]> = if curve == oid::P521 || curve == oid::P384 {
        // A hash shorter than half of the field is refused by the crate; as a number it is the same with
        // zeros before it (FIPS 186-5, 6.4.2).
        let size = if curve == oid::P521 { 66usize } else { 48 };
        let mut whole = vec![0; size.saturating_sub(hashed.len())];
        whole.extend(hashed);
        Cow::Owned(whole)
    } else {
        Cow::Borrowed(hashed)
    };
    if curve == oid::P256 {
        on!(p256, &hashed)
    } else if curve == oid::P384 {
        on!(p384, &hashed)
    } else if curve == oid::P521 {
        on!(p521, &hashed)
    } else {
        Err(Refusal::Unsupported(format!("the curve {}", curve.in_full())))
    }
}
