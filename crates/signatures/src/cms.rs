//! Signed data of CMS (RFC 5652, 5) and of PKCS #7 1.5 (RFC 2315, 9), which Authenticode is: facts, and what
//! is irregular. Nothing is verified here; see [`crate::verify`].

use crate::asn1::{Class, Element, Reader, Tag};
use crate::certificate::Certificate;
use crate::oid::{self, Oid};
use crate::time::Time;
use crate::value::{Algorithm, Integer, Name, oid as read_oid};
use crate::{Error, Irregularity};
use std::borrow::Cow;

/// Elements of one list, at most: signers, attributes, algorithms.
const MOST: usize = 10_000;
/// Certificates of one signature, at most: each is compared with all before it.
const MOST_CERTIFICATES: usize = 1_000;

/// A signature over some content.
#[derive(Debug, Clone)]
pub struct SignedData<'a> {
    /// Where it begins: the ContentInfo around it.
    pub offset: usize,
    /// All of it.
    pub raw: &'a [u8],
    /// 1, 3, 4 or 5.
    pub version: u64,
    /// The hashes that it says it uses.
    pub digest_algorithms: Vec<Algorithm<'a>>,
    /// What its content is.
    pub content_type: Oid<'a>,
    /// The content; none where it lies elsewhere (detached).
    pub content: Option<Content<'a>>,
    /// Certificates in the order of the file.
    pub certificates: Vec<Certificate<'a>>,
    /// CRLs, whole.
    pub crls: Vec<Element<'a>>,
    /// OCSP responses (RFC 5940), whole.
    pub ocsp: Vec<Element<'a>>,
    /// Who signed.
    pub signers: Vec<SignerInfo<'a>>,
    /// What is not as it should be.
    pub irregular: Vec<Irregularity>,
    /// Bytes after it: Authenticode pads with zeros.
    pub after: &'a [u8],
}

/// Content inside a signature.
#[derive(Debug, Clone)]
pub struct Content<'a> {
    /// The element inside `[0]`: an OCTET STRING, or for PKCS #7 of Microsoft a SEQUENCE.
    pub element: Element<'a>,
    /// What the message digest is over: the octets of the string, or the content of that element without
    /// tag and length.
    pub octets: Cow<'a, [u8]>,
    /// Offset of the octets in the file; of their first piece where they come in pieces.
    pub offset: usize,
}

/// How a signer names their certificate.
#[derive(Debug, Clone, Copy)]
pub enum SignerId<'a> {
    /// By issuer and serial number.
    Issuer(Name<'a>, Integer<'a>),
    /// By subject key identifier.
    Key(&'a [u8]),
}

impl SignerId<'_> {
    /// Whether it names this certificate.
    pub fn names(&self, certificate: &Certificate<'_>) -> bool {
        match self {
            SignerId::Issuer(issuer, serial) => {
                serial.is(certificate.serial) && issuer.is(&certificate.issuer)
            }
            SignerId::Key(id) => certificate.subject_key_id() == Some(id),
        }
    }

    /// In words: `serial number 0a of CN=...`.
    pub fn words(&self) -> String {
        match self {
            SignerId::Issuer(issuer, serial) => format!("serial number {serial} of {issuer}"),
            SignerId::Key(id) => format!("key identifier {}", crate::value::Hex(id)),
        }
    }
}

/// An attribute of a signer.
#[derive(Debug, Clone)]
pub struct Attribute<'a> {
    /// Where it stands.
    pub offset: usize,
    /// Which.
    pub oid: Oid<'a>,
    /// Its values; most have one.
    pub values: Vec<Element<'a>>,
    /// All of it, as it stands in the file.
    pub element: Element<'a>,
}

/// The signed attributes.
#[derive(Debug, Clone)]
pub struct SignedAttributes<'a> {
    /// The SET, with its context tag.
    pub element: Element<'a>,
    /// Its members in the order of the file.
    pub all: Vec<Attribute<'a>>,
}

/// SignerInfo (RFC 5652, 5.3).
#[derive(Debug, Clone)]
pub struct SignerInfo<'a> {
    /// Where it stands.
    pub offset: usize,
    /// 1 or 3.
    pub version: u64,
    /// Which certificate.
    pub id: SignerId<'a>,
    /// The hash of the content.
    pub digest_algorithm: Algorithm<'a>,
    /// What is signed; none where the content itself is.
    pub signed: Option<SignedAttributes<'a>>,
    /// How it is signed.
    pub signature_algorithm: Algorithm<'a>,
    /// The signature.
    pub signature: Cow<'a, [u8]>,
    /// Attributes that nobody signed: counter-signatures, timestamps.
    pub unsigned: Vec<Attribute<'a>>,
    /// What is not as it should be.
    pub irregular: Vec<Irregularity>,
}

impl<'a> SignerInfo<'a> {
    /// A signed attribute.
    pub fn signed_attribute(&self, kind: oid::Known) -> Option<&Attribute<'a>> {
        self.signed.as_ref()?.all.iter().find(|it| it.oid == kind)
    }

    /// An unsigned one.
    pub fn unsigned_attribute(&self, kind: oid::Known) -> Option<&Attribute<'a>> {
        self.unsigned.iter().find(|it| it.oid == kind)
    }

    /// The digest of the content that was signed.
    pub fn message_digest(&self) -> Option<Cow<'a, [u8]>> {
        self.signed_attribute(oid::MESSAGE_DIGEST)?.values.first()?.octets().ok()
    }

    /// The type of the content that was signed.
    pub fn content_type(&self) -> Option<Oid<'a>> {
        Some(Oid(self.signed_attribute(oid::CONTENT_TYPE)?.values.first()?.content))
    }

    /// When the signer says that it was. Their clock, and nobody's word.
    pub fn signing_time(&self) -> Option<Time> {
        let value = self.signed_attribute(oid::SIGNING_TIME)?.values.first()?;
        Time::parse(value, "signingTime", &mut Vec::new()).ok()
    }

    /// A SignerInfo on its own, as a counter-signature is: `element` is the SEQUENCE.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(element: &Element<'a>) -> Result<Self, Error> {
        let mut irregular = Vec::new();
        let mut inside = element.reader();
        let version = inside.expect(Tag::INTEGER, "SignerInfo version")?;
        let version = version.unsigned("SignerInfo version")?;
        let id = if let Some(key) = inside.optional(Tag::context(0), "subjectKeyIdentifier")? {
            SignerId::Key(key.content)
        } else {
            let mut pair = inside.expect(Tag::SEQUENCE, "issuerAndSerialNumber")?.reader();
            let issuer = pair.expect(Tag::SEQUENCE, "issuer")?;
            SignerId::Issuer(
                Name(issuer),
                Integer(pair.expect(Tag::INTEGER, "serialNumber")?.content),
            )
        };
        if version != if matches!(id, SignerId::Key(_)) { 3 } else { 1 } {
            let what =
                format!("version {version} of SignerInfo does not fit how it names its signer");
            irregular.push(Irregularity::new(element.offset, what));
        }
        let digest_algorithm = Algorithm::read(&mut inside, "digestAlgorithm")?;
        let signed = match inside.optional(Tag::context(0), "signedAttrs")? {
            Some(set) => {
                let all = attributes(&set, "signedAttrs", &mut irregular)?;
                Some(SignedAttributes { element: set, all })
            }
            None => None,
        };
        let signature_algorithm = Algorithm::read(&mut inside, "signatureAlgorithm")?;
        let signature = inside.expect(Tag::OCTET_STRING, "signature")?.octets()?;
        let unsigned = match inside.optional(Tag::context(1), "unsignedAttrs")? {
            Some(set) => {
                // Only what is signed has to be in the order of DER.
                attributes(&set, "unsignedAttrs", &mut Vec::new())?
            }
            None => Vec::new(),
        };
        inside.end("SignerInfo", &mut irregular);
        Ok(Self {
            offset: element.offset,
            version,
            id,
            digest_algorithm,
            signed,
            signature_algorithm,
            signature,
            unsigned,
            irregular,
        })
    }
}

fn attributes<'a>(
    set: &Element<'a>,
    field: &'static str,
    irregular: &mut Vec<Irregularity>,
) -> Result<Vec<Attribute<'a>>, Error> {
    let mut all: Vec<Attribute<'a>> = Vec::new();
    let mut reader = set.reader();
    while let Some(element) = reader.next(field)? {
        if all.len() >= MOST {
            return Err(Error::new(element.offset, field, format!("there are more than {MOST}")));
        }
        let mut inside = element.reader();
        let oid = read_oid(&mut inside, "attrType")?;
        let mut values = Vec::new();
        let mut list = inside.expect(Tag::SET, "attrValues")?.reader();
        while let Some(value) = list.next("attrValue")? {
            values.push(value);
        }
        if let Some(last) = all.last()
            && last.element.raw > element.raw
        {
            let what = format!("{field} is not sorted as DER has a SET");
            irregular.push(Irregularity::new(element.offset, what));
        }
        all.push(Attribute { offset: element.offset, oid, values, element });
    }
    if !set.is_der() {
        let what = format!("{field} is BER and not DER");
        irregular.push(Irregularity::new(set.offset, what));
    }
    Ok(all)
}

/// Whether `bytes` begin like a ContentInfo with signed data.
pub fn is_signed_data(bytes: &[u8]) -> bool {
    // The whole need not be there: a look at tag and type is enough.
    let start = &bytes[..bytes.len().min(24)];
    let id = oid::SIGNED_DATA.oid().0;
    bytes.first() == Some(&0x30)
        && (4..=11).any(|at| {
            start.get(at..).is_some_and(|rest| rest.starts_with(id)) && start[at - 2] == 6
        })
}

impl<'a> SignedData<'a> {
    /// The signed data that `bytes` begin with; `base` is their offset in the file.
    ///
    /// # Errors
    /// Where it cannot be read. A certificate that cannot is noted in [`Self::irregular`].
    pub fn parse(bytes: &'a [u8], base: usize) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, base);
        let element = reader.expect(Tag::SEQUENCE, "ContentInfo")?;
        let mut data = Self::of(&element)?;
        data.after = reader.rest();
        if data.after.iter().any(|byte| *byte != 0) {
            reader.end("the signature", &mut data.irregular);
        }
        Ok(data)
    }

    /// Likewise, of a ContentInfo inside of something else.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of(element: &Element<'a>) -> Result<Self, Error> {
        let mut info = element.reader();
        let kind = info.expect(Tag::OID, "contentType")?;
        if Oid(kind.content) != oid::SIGNED_DATA {
            let problem = format!("it is {} and not signed data", Oid(kind.content).in_full());
            return Err(Error::new(kind.offset, "contentType", problem));
        }
        let explicit = info.expect(Tag::context(0), "content")?;
        let sequence = explicit.reader().expect(Tag::SEQUENCE, "SignedData")?;
        let mut irregular = Vec::new();
        if !(element.is_der() && explicit.is_der() && sequence.is_der()) {
            irregular.push(Irregularity::new(element.offset, "the signature is BER and not DER"));
        }
        let mut inside = sequence.reader();
        let version = inside.expect(Tag::INTEGER, "SignedData version")?;
        let version = version.unsigned("SignedData version")?;
        let mut digest_algorithms = Vec::new();
        let mut list = inside.expect(Tag::SET, "digestAlgorithms")?.reader();
        while let Some(one) = list.next("digestAlgorithm")? {
            if digest_algorithms.len() < MOST {
                digest_algorithms.push(Algorithm::parse(&one, "digestAlgorithm")?);
            }
        }
        let mut encapsulated = inside.expect(Tag::SEQUENCE, "encapContentInfo")?.reader();
        let content_type = read_oid(&mut encapsulated, "eContentType")?;
        let content = encapsulated.optional(Tag::context(0), "eContent")?;
        let content = content.map(|it| content_of(&it)).transpose()?.flatten();

        let mut data = Self {
            offset: element.offset,
            raw: element.raw,
            version,
            digest_algorithms,
            content_type,
            content,
            certificates: Vec::new(),
            crls: Vec::new(),
            ocsp: Vec::new(),
            signers: Vec::new(),
            irregular,
            after: &[],
        };
        if let Some(set) = inside.optional(Tag::context(0), "certificates")? {
            data.take_certificates(&set)?;
        }
        if let Some(set) = inside.optional(Tag::context(1), "crls")? {
            data.take_revocation(&set)?;
        }
        let mut list = inside.expect(Tag::SET, "signerInfos")?.reader();
        while let Some(one) = list.next("SignerInfo")? {
            if data.signers.len() >= MOST {
                let problem = format!("there are more than {MOST}");
                return Err(Error::new(one.offset, "signerInfos", problem));
            }
            data.signers.push(SignerInfo::of(&one)?);
        }
        inside.end("SignedData", &mut data.irregular);
        data.look_over();
        Ok(data)
    }

    fn take_certificates(&mut self, set: &Element<'a>) -> Result<(), Error> {
        let mut list = set.reader();
        let mut last: &[u8] = &[];
        let mut sorted = true;
        while let Some(one) = list.next("certificate")? {
            if self.certificates.len() >= MOST_CERTIFICATES {
                let what = format!(
                    "there are more than {MOST_CERTIFICATES} certificates; the rest is not read"
                );
                self.irregular.push(Irregularity::new(one.offset, what));
                return Ok(());
            }
            sorted &= last <= one.raw;
            last = one.raw;
            let odd = if one.tag == Tag::SEQUENCE {
                match Certificate::of(&one) {
                    Ok(certificate) => {
                        if self.certificates.iter().any(|it| it.raw == certificate.raw) {
                            let what = "a certificate is there twice";
                            self.irregular.push(Irregularity::new(one.offset, what));
                        }
                        self.certificates.push(certificate);
                        continue;
                    }
                    Err(error) => error.into(),
                }
            } else {
                let kind = match one.tag {
                    Tag { class: Class::Context, number: 0 } => {
                        "an extended certificate of PKCS #6"
                    }
                    Tag { class: Class::Context, number: 1 | 2 } => "an attribute certificate",
                    _ => "something of an unknown kind",
                };
                Irregularity::new(one.offset, format!("{kind} stands among the certificates"))
            };
            self.irregular.push(odd);
        }
        if !sorted && set.is_der() {
            let what = "the certificates are not sorted as DER has a SET";
            self.irregular.push(Irregularity::new(set.offset, what));
        }
        Ok(())
    }

    fn take_revocation(&mut self, set: &Element<'a>) -> Result<(), Error> {
        let mut list = set.reader();
        while let Some(one) = list.next("RevocationInfoChoice")? {
            if one.tag == Tag::SEQUENCE {
                self.crls.push(one);
                continue;
            }
            let mut inside = one.reader();
            let format = read_oid(&mut inside, "otherRevInfoFormat")?;
            match inside.next("otherRevInfo")? {
                Some(info) if format == oid::OCSP_RESPONSE_CMS => self.ocsp.push(info),
                _ => {
                    let what = format!("revocation information of the kind {}", format.in_full());
                    self.irregular.push(Irregularity::new(one.offset, what));
                }
            }
        }
        Ok(())
    }

    /// What RFC 5652 asks for across the parts.
    fn look_over(&mut self) {
        let mut odd = Vec::new();
        let at = self.offset;
        for signer in &self.signers {
            let named =
                self.digest_algorithms.iter().any(|it| it.oid == signer.digest_algorithm.oid);
            if !named {
                let what = format!(
                    "digestAlgorithms lacks {}, which a signer uses",
                    signer.digest_algorithm.words()
                );
                odd.push(Irregularity::new(signer.offset, what));
            }
            if signer.signed.is_none() && self.content_type != oid::DATA {
                let what = "there are no signed attributes, although the content is not plain data";
                odd.push(Irregularity::new(signer.offset, what));
            }
        }
        if self.signers.is_empty() {
            odd.push(Irregularity::new(at, "nobody signed it"));
        }
        // RFC 5652, 5.1, as far as it goes without attribute certificates. PKCS #7 has 1 for all.
        let key_ids = self.signers.iter().any(|it| matches!(it.id, SignerId::Key(_)));
        let due = if self.content_type != oid::DATA || key_ids { 3 } else { 1 };
        if self.version != due && self.version != 1 && self.version < 4 {
            let what = format!("the version is {} where {due} is due", self.version);
            odd.push(Irregularity::new(at, what));
        }
        self.irregular.extend(odd);
    }

    /// The certificate that a signer names, if it is among these.
    pub fn certificate_of<'b>(&'b self, id: &SignerId<'_>) -> Option<&'b Certificate<'a>> {
        self.certificates.iter().find(|it| id.names(it))
    }
}

fn content_of<'a>(explicit: &Element<'a>) -> Result<Option<Content<'a>>, Error> {
    let Some(element) = explicit.reader().next("eContent")? else { return Ok(None) };
    let mut offset = element.content_offset();
    let octets = if element.tag == Tag::OCTET_STRING {
        if let (true, Ok(Some(piece))) = (element.constructed, element.reader().next("eContent")) {
            offset = piece.content_offset();
        }
        element.octets()?
    } else {
        Cow::Borrowed(element.content)
    };
    Ok(Some(Content { element, octets, offset }))
}
