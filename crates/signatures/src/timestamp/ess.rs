//! Which certificate a signer meant: ESSCertID (RFC 2634, 5.4) and ESSCertIDv2 (RFC 5035, 3).

use crate::asn1::{Element, Tag};
use crate::certificate::Certificate;
use crate::cms::SignerInfo;
use crate::digest::Hash;
use crate::oid;
use crate::value::{Algorithm, Integer, Name};
use crate::{Error, Oid};

/// A certificate, by its hash.
#[derive(Debug, Clone, Copy)]
pub struct CertificateId<'a> {
    /// 1 or 2, of the attribute that it stands in.
    pub version: u8,
    /// Which hash.
    pub hash: Oid<'a>,
    /// Its outcome.
    pub digest: &'a [u8],
    /// Issuer and serial number, if they are given.
    pub issuer_serial: Option<(Option<Name<'a>>, Integer<'a>)>,
}

const SHA256: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA1: [u8; 5] = [0x2b, 0x0e, 0x03, 0x02, 0x1a];

impl<'a> CertificateId<'a> {
    fn read(element: &Element<'a>, version: u8) -> Result<Self, Error> {
        let mut inside = element.reader();
        let mut hash = Oid(if version == 1 { &SHA1 } else { &SHA256 });
        if version == 2
            && let Some(algorithm) = inside.optional(Tag::SEQUENCE, "hashAlgorithm")?
        {
            hash = Algorithm::parse(&algorithm, "hashAlgorithm")?.oid;
        }
        let digest = inside.expect(Tag::OCTET_STRING, "certHash")?.content;
        let issuer_serial = match inside.optional(Tag::SEQUENCE, "issuerSerial")? {
            Some(pair) => {
                let mut pair = pair.reader();
                let names = pair.expect(Tag::SEQUENCE, "issuer")?;
                let name = names.reader().optional(Tag::context(4), "directoryName")?;
                let name = name.map(|it| it.reader().expect(Tag::SEQUENCE, "directoryName"));
                let serial = pair.expect(Tag::INTEGER, "serialNumber")?;
                Some((name.transpose()?.map(Name), Integer(serial.content)))
            }
            None => None,
        };
        Ok(Self { version, hash, digest, issuer_serial })
    }

    /// Whether it names this certificate; none if its hash is not computed here.
    pub fn names(&self, certificate: &Certificate<'_>) -> Option<bool> {
        let hash = Hash::of(self.hash)?;
        let pair = self.issuer_serial.is_none_or(|(issuer, serial)| {
            serial.is(certificate.serial) && issuer.is_none_or(|it| it.is(&certificate.issuer))
        });
        Some(pair && hash.digest(certificate.raw) == self.digest)
    }
}

/// The certificates that a signer names: the first is the signer's own. Version 2 comes first where there are both.
///
/// # Errors
/// If an attribute cannot be read.
pub fn certificate_ids<'a>(signer: &SignerInfo<'a>) -> Result<Vec<CertificateId<'a>>, Error> {
    let mut all = Vec::new();
    for (kind, version) in [(oid::SIGNING_CERTIFICATE_V2, 2), (oid::SIGNING_CERTIFICATE, 1)] {
        let Some(attribute) = signer.signed_attribute(kind) else { continue };
        let Some(value) = attribute.values.first() else { continue };
        let mut list = value.reader().expect(Tag::SEQUENCE, "certs")?.reader();
        while let Some(id) = list.next("ESSCertID")? {
            all.push(CertificateId::read(&id, version)?);
        }
    }
    Ok(all)
}
