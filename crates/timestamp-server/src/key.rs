//! The authority's key: whatever kind it is, it signs in one way.

use crate::der;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rsa::pkcs8::DecodePrivateKey;
use signatures::asn1::{Reader, Tag};
use signatures::keys::Scheme;
use signatures::{Hash, oid};

/// A private key. Its hash goes with its strength.
pub(crate) enum Key {
    Rsa(Box<rsa::PrivateKey>),
    /// RSA with the padding of RSASSA-PSS: hash and mask SHA-256, as much salt as the hash has.
    Pss(Box<rsa::PrivateKey>),
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    P521(Box<p521::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl Key {
    /// Of PKCS #8 in DER.
    ///
    /// # Errors
    /// If it is of no kind that is known.
    pub fn of_pkcs8(bytes: &[u8]) -> Result<Self, String> {
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(bytes) {
            return Ok(Key::P256(Box::new(key)));
        }
        if let Ok(key) = p384::ecdsa::SigningKey::from_pkcs8_der(bytes) {
            return Ok(Key::P384(Box::new(key)));
        }
        if let Ok(key) = p521::ecdsa::SigningKey::from_pkcs8_der(bytes) {
            return Ok(Key::P521(Box::new(key)));
        }
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_der(bytes) {
            return Ok(Key::Ed25519(Box::new(key)));
        }
        if let Ok(key) = rsa::PrivateKey::from_pkcs8_der(bytes) {
            return Ok(Key::Rsa(Box::new(key)));
        }
        match only_for_pss(bytes) {
            Some(key) => Ok(Key::Pss(Box::new(key))),
            None => {
                Err("it is no private key (PKCS #8) of RSA, P-256, P-384, P-521 or Ed25519"
                    .to_owned())
            }
        }
    }

    /// The same key, with the padding of RSASSA-PSS.
    ///
    /// # Errors
    /// If it is none of RSA.
    pub fn with_pss(self) -> Result<Self, String> {
        match self {
            Key::Rsa(key) | Key::Pss(key) => Ok(Key::Pss(key)),
            _ => Err("it is no RSA key, and the setting `rsa_padding` asks for RSA-PSS".to_owned()),
        }
    }

    /// How its signatures are verified.
    pub fn scheme(&self) -> Scheme {
        match self {
            Key::Rsa(_) => Scheme::Pkcs1(Hash::Sha256),
            Key::Pss(_) => Scheme::Pss(Hash::Sha256, Hash::Sha256.size()),
            Key::Ed25519(_) => Scheme::Ed25519,
            key => Scheme::Ecdsa(key.hash()),
        }
    }

    /// The hash of what is signed.
    pub fn hash(&self) -> Hash {
        match self {
            Key::Rsa(_) | Key::Pss(_) | Key::P256(_) => Hash::Sha256,
            Key::P384(_) => Hash::Sha384,
            Key::P521(_) | Key::Ed25519(_) => Hash::Sha512,
        }
    }

    /// AlgorithmIdentifier of its signatures.
    pub fn algorithm(&self) -> Vec<u8> {
        let known = match self {
            Key::Rsa(_) => return der::sequence(&[&der::oid(oid::SHA256_RSA), &[5, 0]]),
            Key::Pss(_) => return pss_algorithm(),
            Key::P256(_) => oid::SHA256_ECDSA,
            Key::P384(_) => oid::SHA384_ECDSA,
            Key::P521(_) => oid::SHA512_ECDSA,
            Key::Ed25519(_) => oid::ED25519,
        };
        der::sequence(&[&der::oid(known)])
    }

    /// A signature over a message.
    ///
    /// # Errors
    /// If the crate cannot make it.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let hashed = self.hash().digest(message);
        match self {
            Key::Rsa(key) => key
                .sign(rsa::Pkcs1v15Sign::new::<sha2::Sha256>(), &hashed)
                .map_err(|error| error.to_string()),
            Key::Pss(key) => {
                let padding = rsa::Pss::<sha2::Sha256>::new_with_salt(Hash::Sha256.size());
                key.sign_with_rng(&mut getrandom::SysRng, padding, &hashed)
                    .map_err(|error| error.to_string())
            }
            Key::P256(key) => {
                let signature: Result<p256::ecdsa::Signature, _> = key.sign_prehash(&hashed);
                signature.map(|it| it.to_der().as_bytes().to_vec()).map_err(|it| it.to_string())
            }
            Key::P384(key) => {
                let signature: Result<p384::ecdsa::Signature, _> = key.sign_prehash(&hashed);
                signature.map(|it| it.to_der().as_bytes().to_vec()).map_err(|it| it.to_string())
            }
            Key::P521(key) => {
                let signature: Result<p521::ecdsa::Signature, _> = key.sign_prehash(&hashed);
                signature.map(|it| it.to_der().as_bytes().to_vec()).map_err(|it| it.to_string())
            }
            Key::Ed25519(key) => {
                use ed25519_dalek::Signer;
                Ok(key.sign(message).to_bytes().to_vec())
            }
        }
    }
}

/// AlgorithmIdentifier of RSASSA-PSS (RFC 4055, 3.1): all parameters but the trailer's, which has its default.
fn pss_algorithm() -> Vec<u8> {
    let sha256 = der::sequence(&[&der::oid(oid::SHA256), &[5, 0]]);
    let mask = der::sequence(&[&der::oid(oid::MGF1), &sha256]);
    let salt = der::unsigned(32);
    let parameters = der::sequence(&[
        &der::element(0xa0, &[&sha256]),
        &der::element(0xa1, &[&mask]),
        &der::element(0xa2, &[&salt]),
    ]);
    der::sequence(&[&der::oid(oid::RSA_PSS), &parameters])
}

/// A key of PKCS #8 that says that it is for RSASSA-PSS only (RFC 4055, 1.2).
fn only_for_pss(bytes: &[u8]) -> Option<rsa::PrivateKey> {
    use rsa::pkcs1::DecodeRsaPrivateKey;
    let mut info = Reader::new(bytes, 0).expect(Tag::SEQUENCE, "PrivateKeyInfo").ok()?.reader();
    info.expect(Tag::INTEGER, "version").ok()?;
    let algorithm = info.expect(Tag::SEQUENCE, "privateKeyAlgorithm").ok()?;
    let kind = algorithm.reader().expect(Tag::OID, "privateKeyAlgorithm").ok()?;
    let key = info.expect(Tag::OCTET_STRING, "privateKey").ok()?;
    let is_it = signatures::Oid(kind.content) == oid::RSA_PSS;
    is_it.then(|| rsa::PrivateKey::from_pkcs1_der(key.content).ok()).flatten()
}
