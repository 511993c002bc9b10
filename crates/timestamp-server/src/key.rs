//! The authority's key: whatever kind it is, it signs in one way.

use crate::der;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rsa::pkcs8::DecodePrivateKey;
use signatures::{Hash, oid};

/// A private key. Its hash goes with its strength.
pub(crate) enum Key {
    Rsa(Box<rsa::PrivateKey>),
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
        match rsa::PrivateKey::from_pkcs8_der(bytes) {
            Ok(key) => Ok(Key::Rsa(Box::new(key))),
            Err(_) => {
                Err("it is no private key (PKCS #8) of RSA, P-256, P-384, P-521 or Ed25519"
                    .to_owned())
            }
        }
    }

    /// The hash of what is signed.
    pub fn hash(&self) -> Hash {
        match self {
            Key::Rsa(_) | Key::P256(_) => Hash::Sha256,
            Key::P384(_) => Hash::Sha384,
            Key::P521(_) | Key::Ed25519(_) => Hash::Sha512,
        }
    }

    /// AlgorithmIdentifier of its signatures.
    pub fn algorithm(&self) -> Vec<u8> {
        let known = match self {
            Key::Rsa(_) => return der::sequence(&[&der::oid(oid::SHA256_RSA), &[5, 0]]),
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
