//! From a query to a reply (RFC 3161, 2.4).

use crate::der;
use crate::key::Key;
use crate::{Serials, Settings};
use signatures::timestamp::Request;
use signatures::{Certificate, Hash, Time, oid, pem};
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An authority: key, certificates, numbers, rules.
pub struct Authority {
    settings: Settings,
    key: Key,
    /// The signer's first.
    certificates: Vec<Vec<u8>>,
    serials: Serials,
    policies: Vec<Vec<u8>>,
    hashes: Vec<Hash>,
    last: Mutex<Option<Time>>,
}

/// Why there is no timestamp: the bit of PKIFailureInfo, and words.
struct Refusal(u32, String);

const BAD_ALG: u32 = 0;
const BAD_REQUEST: u32 = 2;
const BAD_DATA_FORMAT: u32 = 5;
const TIME_NOT_AVAILABLE: u32 = 14;
const UNACCEPTED_POLICY: u32 = 15;
const UNACCEPTED_EXTENSION: u32 = 16;
const SYSTEM_FAILURE: u32 = 25;

impl Authority {
    /// The authority of a folder. `key.pem` and `certificate.pem` in it are made if neither is there; the latter
    /// may hold the certificates above as well.
    ///
    /// # Errors
    /// A sentence that says what is wrong with which file or setting.
    pub fn open(folder: &Path, settings: Settings, now: Time) -> Result<Self, String> {
        let at = |name: &str| folder.join(name);
        let wrong =
            |name: &str, what: &dyn std::fmt::Display| format!("{}: {what}", at(name).display());
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let serials =
            Serials::open(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        match (at("key.pem").exists(), at("certificate.pem").exists()) {
            (false, false) => {
                let (key, certificate) =
                    crate::certificate::new("bugcheck timestamp authority", now)?;
                write_new(&at("key.pem"), key.as_bytes()).map_err(|it| wrong("key.pem", &it))?;
                let text = pem::encode("CERTIFICATE", &certificate);
                write_new(&at("certificate.pem"), text.as_bytes())
                    .map_err(|it| wrong("certificate.pem", &it))?;
            }
            (true, false) => {
                return Err(wrong("certificate.pem", &"it is not there, and key.pem is"));
            }
            (false, true) => {
                return Err(wrong("key.pem", &"it is not there, and certificate.pem is"));
            }
            (true, true) => {}
        }
        let read = |name: &str, label: &str| {
            let bytes = fs::read(at(name)).map_err(|error| wrong(name, &error))?;
            pem::or_der(&bytes, &[label]).map_err(|error| wrong(name, &error))
        };
        let keys = read("key.pem", "PRIVATE KEY")?;
        let mut key = Key::of_pkcs8(&keys[0]).map_err(|error| wrong("key.pem", &error))?;
        match settings.rsa_padding.as_str() {
            "pkcs1" => {}
            "pss" => key = key.with_pss().map_err(|error| wrong("key.pem", &error))?,
            other => {
                return Err(format!(
                    "setting `rsa_padding`: `{other}` is neither `pkcs1` nor `pss`"
                ));
            }
        }
        let certificates = read("certificate.pem", "CERTIFICATE")?;
        oid::encode(&settings.policy).map_err(|error| format!("setting `policy`: {error}"))?;
        let words = std::iter::once(&settings.policy).chain(&settings.policies);
        let policies: Result<Vec<_>, String> = words
            .map(|it| oid::encode(it).map_err(|error| format!("setting `policies`: {error}")))
            .collect();
        let hashes: Result<Vec<_>, String> = settings
            .hashes
            .iter()
            .map(|it| {
                Hash::by_word(it).ok_or_else(|| format!("setting `hashes`: `{it}` is not known"))
            })
            .collect();
        let authority = Self {
            key,
            certificates,
            serials,
            policies: policies?,
            hashes: hashes?,
            settings,
            last: Mutex::new(None),
        };
        authority.own().map_err(|error| wrong("certificate.pem", &error))?;
        authority.matches().map_err(|error| wrong("certificate.pem", &error))?;
        Ok(authority)
    }

    fn own(&self) -> Result<Certificate<'_>, signatures::Error> {
        Certificate::parse(self.certificates.first().map_or(&[][..], Vec::as_slice), 0)
    }

    /// Whether the certificate is one for timestamping, of this key.
    fn matches(&self) -> Result<(), String> {
        use signatures::keys::verify;
        let own = self.own().map_err(|error| error.to_string())?;
        let usage = own.extended_key_usage();
        let fits = usage.is_some_and(|it| {
            it.critical && matches!(it.purposes.as_slice(), [only] if *only == oid::TIME_STAMPING)
        });
        if !fits {
            return Err("its extended key usage is not timestamping alone, critical".to_owned());
        }
        let scheme = self.key.scheme();
        let signature = self.key.sign(b"a test of the key")?;
        verify(scheme, &own.key, b"a test of the key", &signature)
            .map_err(|_| "its key is not that of key.pem".to_owned())
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The reply to a query. It always is one: what cannot be stamped is refused in it.
    pub fn answer(&self, query: &[u8], now: Time) -> Vec<u8> {
        match self.token(query, now) {
            Ok(token) => der::sequence(&[&der::sequence(&[&der::unsigned(0)]), &token]),
            Err(Refusal(bit, words)) => {
                let text = der::element(der::UTF8_STRING, &[words.as_bytes()]);
                let info = der::sequence(&[
                    &der::unsigned(2),
                    &der::sequence(&[&text]),
                    &der::named_bits(&[bit]),
                ]);
                der::sequence(&[&info])
            }
        }
    }

    fn token(&self, query: &[u8], now: Time) -> Result<Vec<u8>, Refusal> {
        let query = Request::parse(query, 0)
            .map_err(|error| Refusal(BAD_DATA_FORMAT, format!("this is no query: {error}")))?;
        if query.version != 1 {
            let words = format!("queries of version {} are not known", query.version);
            return Err(Refusal(BAD_REQUEST, words));
        }
        let imprint = query.imprint;
        let hash = Hash::of(imprint.algorithm.oid).filter(|hash| self.hashes.contains(hash));
        let hash = hash.ok_or_else(|| {
            Refusal(BAD_ALG, format!("{} is not taken here", imprint.algorithm.oid.words()))
        })?;
        if hash.size() != imprint.hash.len() {
            let words =
                format!("{} has {} bytes, not {}", hash.name(), hash.size(), imprint.hash.len());
            return Err(Refusal(BAD_DATA_FORMAT, words));
        }
        if let Some(odd) = query.irregular.first() {
            return Err(Refusal(BAD_DATA_FORMAT, odd.what.clone()));
        }
        if let Some(extension) = query.extensions.first() {
            let words = format!("the extension {} is not known", extension.oid);
            return Err(Refusal(UNACCEPTED_EXTENSION, words));
        }
        let policy = match query.policy {
            None => self.policies.first().map(Vec::as_slice),
            Some(asked) => self.policies.iter().map(Vec::as_slice).find(|it| *it == asked.0),
        };
        let policy = policy.ok_or_else(|| {
            Refusal(UNACCEPTED_POLICY, "this policy is not one of here".to_owned())
        })?;
        let failed = |what: String| Refusal(SYSTEM_FAILURE, what);
        let own = self.own().map_err(|error| failed(error.to_string()))?;
        if now < own.not_before || now > own.not_after {
            let words = "the clock lies outside of the certificate's validity".to_owned();
            return Err(Refusal(TIME_NOT_AVAILABLE, words));
        }
        let serial =
            self.serials.next().map_err(|error| failed(format!("no serial number: {error}")))?;
        let time = self.moment(now)?;
        let info = self.info(&query, policy, serial, time, &own);
        self.signed(&info, &own, query.wants_certificate).map_err(failed)
    }

    /// The time of a timestamp; with ordering, after that of each earlier one.
    fn moment(&self, now: Time) -> Result<Time, Refusal> {
        // Microseconds are what an accuracy can be said in.
        let now = Time { seconds: now.seconds, nanos: now.nanos / 1000 * 1000 };
        if !self.settings.ordering {
            return Ok(now);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let time = match *last {
            Some(last) if now <= last => last + signatures::Span { seconds: 0, nanos: 1000 },
            _ => now,
        };
        if time.seconds > now.seconds.saturating_add(1) {
            return Err(Refusal(TIME_NOT_AVAILABLE, "the clock was set back".to_owned()));
        }
        *last = Some(time);
        Ok(time)
    }

    fn info(
        &self,
        query: &Request<'_>,
        policy: &[u8],
        serial: u64,
        time: Time,
        own: &Certificate<'_>,
    ) -> Vec<u8> {
        let algorithm = match query.imprint.algorithm.parameters {
            Some(parameters) => der::sequence(&[
                &der::element(der::OID, &[query.imprint.algorithm.oid.0]),
                parameters.raw,
            ]),
            None => der::sequence(&[&der::element(der::OID, &[query.imprint.algorithm.oid.0])]),
        };
        let imprint =
            der::sequence(&[&algorithm, &der::element(der::OCTET_STRING, &[query.imprint.hash])]);
        let micros = self.settings.accuracy_micros;
        let part = |tag: u8, value: u64| match value {
            0 => Vec::new(),
            value => der::element(tag, &[&der::digits(value)]),
        };
        let accuracy = match micros {
            0 => Vec::new(),
            _ => der::sequence(&[
                &part(der::INTEGER, micros / 1_000_000),
                &part(0x80, micros / 1000 % 1000),
                &part(0x81, micros % 1000),
            ]),
        };
        let ordering = if self.settings.ordering {
            der::element(der::BOOLEAN, &[&[0xff]])
        } else {
            Vec::new()
        };
        let nonce = query.nonce.map(|it| der::element(der::INTEGER, &[it.0])).unwrap_or_default();
        let name = match self.settings.name_in_token {
            true => der::element(0xa0, &[&der::element(0xa4, &[own.subject.0.raw])]),
            false => Vec::new(),
        };
        der::sequence(&[
            &der::unsigned(1),
            &der::element(der::OID, &[policy]),
            &imprint,
            &der::unsigned(serial),
            &der::time(time),
            &accuracy,
            &ordering,
            &nonce,
            &name,
        ])
    }

    /// The token: signed data, with ESSCertIDv2 among the signed attributes.
    fn signed(&self, info: &[u8], own: &Certificate<'_>, bring: bool) -> Result<Vec<u8>, String> {
        let hash = self.key.hash();
        let digest_algorithm = der::sequence(&[&der::oid(hash.oid())]);
        let attribute = |known, value: &[u8]| {
            der::sequence(&[&der::oid(known), &der::element(der::SET, &[value])])
        };
        // SHA-256 is the default of ESSCertIDv2, and so left out.
        let id =
            der::sequence(&[&der::element(der::OCTET_STRING, &[&Hash::Sha256.digest(own.raw)])]);
        let ess = der::sequence(&[&der::sequence(&[&id])]);
        let attributes = der::set_of(vec![
            attribute(oid::CONTENT_TYPE, &der::oid(oid::TST_INFO)),
            attribute(oid::MESSAGE_DIGEST, &der::element(der::OCTET_STRING, &[&hash.digest(info)])),
            attribute(oid::SIGNING_CERTIFICATE_V2, &ess),
        ]);
        let signature = self.key.sign(&attributes)?;
        // Signed as a SET, written under the tag [0].
        let mut written = attributes;
        if let Some(tag) = written.first_mut() {
            *tag = 0xa0;
        }
        let serial = der::element(der::INTEGER, &[own.serial.0]);
        let signer = der::sequence(&[
            &der::unsigned(1),
            &der::sequence(&[own.issuer.0.raw, &serial]),
            &digest_algorithm,
            &written,
            &self.key.algorithm(),
            &der::element(der::OCTET_STRING, &[&signature]),
        ]);
        let content = der::element(0xa0, &[&der::element(der::OCTET_STRING, &[info])]);
        let mut certificates = Vec::new();
        if bring {
            certificates = der::set_of(self.certificates.clone());
            certificates[0] = 0xa0;
        }
        let data = der::sequence(&[
            &der::unsigned(3),
            &der::element(der::SET, &[&digest_algorithm]),
            &der::sequence(&[&der::oid(oid::TST_INFO), &content]),
            &certificates,
            &der::element(der::SET, &[&signer]),
        ]);
        Ok(der::sequence(&[&der::oid(oid::SIGNED_DATA), &der::element(0xa0, &[&data])]))
    }
}

/// Writes a file that nobody else may read, and that is not there yet.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
