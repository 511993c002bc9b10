//! Certificates (X.509; RFC 5280, 4): facts, borrowed from the file.

use crate::asn1::{Element, Reader, Tag};
use crate::oid::{self, Oid};
use crate::time::Time;
use crate::value::{
    Algorithm, Extension, Integer, Name, extensions, general_name, oid as read_oid,
};
use crate::{Error, Irregularity};

/// A certificate.
#[derive(Debug, Clone)]
pub struct Certificate<'a> {
    /// Where it begins.
    pub offset: usize,
    /// All of it.
    pub raw: &'a [u8],
    /// What is signed: `tbsCertificate`.
    pub signed: &'a [u8],
    /// 1, 2 or 3.
    pub version: u64,
    /// Serial number.
    pub serial: Integer<'a>,
    /// Who made it.
    pub issuer: Name<'a>,
    /// Whom it names.
    pub subject: Name<'a>,
    /// First moment of its validity.
    pub not_before: Time,
    /// Last one.
    pub not_after: Time,
    /// The key.
    pub key: Key<'a>,
    /// All extensions, in the order of the file.
    pub extensions: Vec<Extension<'a>>,
    /// How the issuer signed it.
    pub algorithm: Algorithm<'a>,
    /// That signature.
    pub signature: &'a [u8],
    /// What is not as it should be.
    pub irregular: Vec<Irregularity>,
    known: KnownExtensions<'a>,
}

/// SubjectPublicKeyInfo.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// All of it, as crates of keys take it.
    pub raw: &'a [u8],
    /// Kind, with the curve as parameter.
    pub algorithm: Algorithm<'a>,
    /// The key's own bits.
    pub bits: &'a [u8],
}

impl<'a> Key<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        const FIELD: &str = "subjectPublicKeyInfo";
        let element = reader.expect(Tag::SEQUENCE, FIELD)?;
        let mut inside = element.reader();
        let algorithm = Algorithm::read(&mut inside, FIELD)?;
        let bits = inside.expect(Tag::BIT_STRING, "subjectPublicKey")?.bits("subjectPublicKey")?;
        Ok(Self { raw: element.raw, algorithm, bits })
    }

    /// Bits of an RSA modulus.
    pub fn rsa_bits(&self) -> Option<usize> {
        if self.algorithm.oid != oid::RSA && self.algorithm.oid != oid::RSA_PSS {
            return None;
        }
        let mut reader = Reader::new(self.bits, 0);
        let mut inside = reader.expect(Tag::SEQUENCE, "RSAPublicKey").ok()?.reader();
        let modulus = Integer(inside.expect(Tag::INTEGER, "modulus").ok()?.content);
        let digits = modulus.shortest();
        let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
        let first = digits.first()?.leading_zeros();
        Some(digits.len() * 8 - usize::try_from(first).ok()?)
    }

    /// In words: `RSA, 2048 bits`, `P-256`.
    pub fn words(&self) -> String {
        match self.rsa_bits() {
            Some(bits) => format!("RSA, {bits} bits"),
            None => self.algorithm.words(),
        }
    }
}

/// basicConstraints (RFC 5280, 4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether it may issue certificates.
    pub ca: bool,
    /// How many CAs there may be below it.
    pub path_length: Option<u64>,
}

/// extKeyUsage (RFC 5280, 4.2.1.12).
#[derive(Debug, Clone)]
pub struct ExtendedKeyUsage<'a> {
    /// Whether it is marked critical.
    pub critical: bool,
    /// What the key is for.
    pub purposes: Vec<Oid<'a>>,
}

#[derive(Debug, Clone, Default)]
struct KnownExtensions<'a> {
    constraints: Option<BasicConstraints>,
    usage: Option<u64>,
    extended: Option<ExtendedKeyUsage<'a>>,
    subject_key: Option<&'a [u8]>,
    authority_key: Option<&'a [u8]>,
    ocsp: Vec<&'a [u8]>,
    ca_issuers: Vec<&'a [u8]>,
    crls: Vec<&'a [u8]>,
}

/// Bits of keyUsage (RFC 5280, 4.2.1.3), in order.
const USAGES: [&str; 9] = [
    "digital signature",
    "non-repudiation",
    "key encipherment",
    "data encipherment",
    "key agreement",
    "certificate signing",
    "CRL signing",
    "encipher only",
    "decipher only",
];
const KEY_CERT_SIGN: u32 = 5;
const CRL_SIGN: u32 = 6;

impl<'a> Certificate<'a> {
    /// The certificate that `bytes` begin with; `base` is their offset in the file.
    ///
    /// # Errors
    /// Where it cannot be read. Extensions that cannot are noted in [`Self::irregular`].
    pub fn parse(bytes: &'a [u8], base: usize) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, base);
        Self::of(&reader.expect(Tag::SEQUENCE, "Certificate")?)
    }

    pub(crate) fn of(element: &Element<'a>) -> Result<Self, Error> {
        let mut irregular = Vec::new();
        if !element.is_der() {
            let what = "the certificate is BER and not DER";
            irregular.push(Irregularity::new(element.offset, what));
        }
        let mut outer = element.reader();
        let signed = outer.expect(Tag::SEQUENCE, "tbsCertificate")?;
        let algorithm = Algorithm::read(&mut outer, "signatureAlgorithm")?;
        let signature = outer.expect(Tag::BIT_STRING, "signatureValue")?.bits("signatureValue")?;
        outer.end("the certificate's signature", &mut irregular);

        let mut tbs = signed.reader();
        let version = match tbs.optional(Tag::context(0), "version")? {
            Some(version) => {
                let number =
                    version.reader().expect(Tag::INTEGER, "version")?.unsigned("version")?;
                number.saturating_add(1)
            }
            None => 1,
        };
        let serial = tbs.expect(Tag::INTEGER, "serialNumber")?;
        let inner = Algorithm::read(&mut tbs, "signature")?;
        let issuer = Name(tbs.expect(Tag::SEQUENCE, "issuer")?);
        let mut validity = tbs.expect(Tag::SEQUENCE, "validity")?.reader();
        let mut moment = |field| {
            let element = validity.next(field)?;
            let element =
                element.ok_or_else(|| Error::new(validity.offset(), field, "it is missing"))?;
            Time::parse(&element, field, &mut irregular)
        };
        let (not_before, not_after) = (moment("notBefore")?, moment("notAfter")?);
        let subject = Name(tbs.expect(Tag::SEQUENCE, "subject")?);
        let key = Key::read(&mut tbs)?;
        // Unique identifiers of version 2 are of no use to anybody.
        tbs.optional(Tag::context(1), "issuerUniqueID")?;
        tbs.optional(Tag::context(2), "subjectUniqueID")?;
        let list = match tbs.optional(Tag::context(3), "extensions")? {
            Some(explicit) => {
                let list = explicit.reader().expect(Tag::SEQUENCE, "extensions")?;
                extensions(&list, &mut irregular)?
            }
            None => Vec::new(),
        };
        tbs.end("tbsCertificate", &mut irregular);

        let mut odd = |offset, what: &str| irregular.push(Irregularity::new(offset, what));
        let number = Integer(serial.content);
        if number.is_negative() {
            odd(serial.offset, "the serial number is negative (RFC 5280, 4.1.2.2)");
        }
        if number.0.len() > 21 {
            odd(serial.offset, "the serial number has more than 20 bytes (RFC 5280, 4.1.2.2)");
        }
        if !inner.is(&algorithm) {
            odd(inner.offset, "the two signature algorithms differ (RFC 5280, 4.1.1.2)");
        }
        if not_after < not_before {
            odd(signed.offset, "it ends before it begins");
        }
        if version < 3 && !list.is_empty() {
            odd(signed.offset, "it has extensions without being version 3");
        }
        let mut known = KnownExtensions::default();
        for extension in &list {
            if let Err(error) = known.take(extension) {
                irregular.push(error.into());
            }
        }
        Ok(Self {
            offset: element.offset,
            raw: element.raw,
            signed: signed.raw,
            version,
            serial: number,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            extensions: list,
            algorithm,
            signature,
            irregular,
            known,
        })
    }

    /// An extension.
    pub fn extension(&self, kind: oid::Known) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|it| it.oid == kind)
    }

    /// basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.known.constraints
    }

    /// Whether it says of itself that it may issue certificates. Version 1 has no way to say so.
    pub fn is_ca(&self) -> bool {
        self.known.constraints.is_some_and(|it| it.ca)
    }

    /// The words of keyUsage; none if the key may be used for all.
    pub fn key_usage(&self) -> Option<Vec<&'static str>> {
        let bits = self.known.usage?;
        let set = USAGES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        Some(set.map(|(_, name)| *name).collect())
    }

    fn may(&self, bit: u32) -> bool {
        self.known.usage.is_none_or(|bits| bits >> bit & 1 == 1)
    }

    /// Whether its key may sign certificates, as far as keyUsage says.
    pub fn may_sign_certificates(&self) -> bool {
        self.may(KEY_CERT_SIGN)
    }

    /// Whether its key may sign CRLs, likewise.
    pub fn may_sign_crls(&self) -> bool {
        self.may(CRL_SIGN)
    }

    /// Whether its key may sign data, likewise: digital signature or non-repudiation.
    pub fn may_sign_data(&self) -> bool {
        self.may(0) || self.may(1)
    }

    /// extKeyUsage.
    pub fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage<'a>> {
        self.known.extended.as_ref()
    }

    /// subjectKeyIdentifier.
    pub fn subject_key_id(&self) -> Option<&'a [u8]> {
        self.known.subject_key
    }

    /// The key identifier of authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&'a [u8]> {
        self.known.authority_key
    }

    /// Addresses of OCSP responders.
    pub fn ocsp(&self) -> Vec<String> {
        texts(&self.known.ocsp)
    }

    /// Addresses of the issuer's certificate.
    pub fn ca_issuers(&self) -> Vec<String> {
        texts(&self.known.ca_issuers)
    }

    /// Addresses of CRLs.
    pub fn crls(&self) -> Vec<String> {
        texts(&self.known.crls)
    }

    /// Names of subjectAltName, in words.
    pub fn alternative_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(list) = self.extension(oid::SUBJECT_ALT_NAME)
            && let Ok(list) = list.element("subjectAltName")
        {
            let mut inside = list.reader();
            while let Ok(Some(name)) = inside.next("GeneralName") {
                names.push(general_name(&name));
            }
        }
        names
    }

    /// Identifiers of certificatePolicies.
    pub fn policies(&self) -> Vec<Oid<'a>> {
        let mut policies = Vec::new();
        if let Some(list) = self.extension(oid::CERTIFICATE_POLICIES)
            && let Ok(list) = list.element("certificatePolicies")
        {
            let mut inside = list.reader();
            while let Ok(Some(policy)) = inside.next("PolicyInformation") {
                if let Ok(oid) = read_oid(&mut policy.reader(), "policyIdentifier") {
                    policies.push(oid);
                }
            }
        }
        policies
    }

    /// Whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.subject.is(&self.issuer)
    }
}

fn texts(all: &[&[u8]]) -> Vec<String> {
    all.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

impl<'a> KnownExtensions<'a> {
    fn take(&mut self, extension: &Extension<'a>) -> Result<(), Error> {
        let id = extension.oid;
        if id == oid::BASIC_CONSTRAINTS {
            let mut inside = extension.element("basicConstraints")?.reader();
            let ca = inside.optional(Tag::BOOLEAN, "cA")?;
            let length = inside.optional(Tag::INTEGER, "pathLenConstraint")?;
            let length = length.map(|it| it.unsigned("pathLenConstraint")).transpose()?;
            self.constraints = Some(BasicConstraints {
                ca: ca.is_some_and(|it| it.content.iter().any(|byte| *byte != 0)),
                path_length: length,
            });
        } else if id == oid::KEY_USAGE {
            self.usage = Some(extension.element("keyUsage")?.named_bits());
        } else if id == oid::EXTENDED_KEY_USAGE {
            let mut inside = extension.element("extKeyUsage")?.reader();
            let mut purposes = Vec::new();
            while let Some(purpose) = inside.next("KeyPurposeId")? {
                purposes.push(Oid(purpose.content));
            }
            self.extended = Some(ExtendedKeyUsage { critical: extension.critical, purposes });
        } else if id == oid::SUBJECT_KEY_ID {
            self.subject_key = Some(extension.element("subjectKeyIdentifier")?.content);
        } else if id == oid::AUTHORITY_KEY_ID {
            let mut inside = extension.element("authorityKeyIdentifier")?.reader();
            let id = inside.optional(Tag::context(0), "keyIdentifier")?;
            self.authority_key = id.map(|it| it.content);
        } else if id == oid::AUTHORITY_INFO_ACCESS {
            let mut inside = extension.element("authorityInfoAccess")?.reader();
            while let Some(access) = inside.next("AccessDescription")? {
                let mut parts = access.reader();
                let method = read_oid(&mut parts, "accessMethod")?;
                let Some(place) = parts.next("accessLocation")? else { continue };
                if place.tag != Tag::context(6) {
                    continue;
                }
                if method == oid::OCSP {
                    self.ocsp.push(place.content);
                } else if method == oid::CA_ISSUERS {
                    self.ca_issuers.push(place.content);
                }
            }
        } else if id == oid::CRL_DISTRIBUTION_POINTS {
            let mut inside = extension.element("cRLDistributionPoints")?.reader();
            while let Some(point) = inside.next("DistributionPoint")? {
                self.crl_addresses(&point)?;
            }
        }
        Ok(())
    }

    fn crl_addresses(&mut self, point: &Element<'a>) -> Result<(), Error> {
        let Some(name) = point.reader().optional(Tag::context(0), "distributionPoint")? else {
            return Ok(());
        };
        let Some(full) = name.reader().optional(Tag::context(0), "fullName")? else {
            return Ok(());
        };
        let mut names = full.reader();
        while let Some(address) = names.next("GeneralName")? {
            if address.tag == Tag::context(6) {
                self.crls.push(address.content);
            }
        }
        Ok(())
    }
}
