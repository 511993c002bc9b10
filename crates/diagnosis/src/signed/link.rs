//! Certificates of a chain, and what the chain ends in.

use knowledge::signing::rules;
use signatures::certificate::Certificate;
use signatures::chain::{self, Chain};
use signatures::keys::Scheme;
use signatures::{Hash, Time, oid};

/// A certificate of a chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// Whom it names: the common name, or what there is.
    pub name: String,
    /// All of that name.
    pub subject: String,
    /// Who issued it: all of the name.
    pub issuer: String,
    /// The issuer's common name.
    pub issuer_name: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// From when on it is valid.
    pub not_before: Time,
    /// Until when.
    pub not_after: Time,
    /// Its key: `RSA, 2048 bits`.
    pub key: String,
    /// How its issuer signed it.
    pub algorithm: String,
    /// SHA-1 of all of it, which Windows shows as its thumbprint.
    pub thumbprint: String,
    /// What its key is for.
    pub usages: Vec<Usage>,
    hash: Option<Hash>,
}

/// What a key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its identifier.
    pub oid: String,
    /// What that is called.
    pub name: String,
}

/// What a chain ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// A root of Microsoft's for drivers.
    Microsoft,
    /// Another root of Microsoft's.
    MicrosoftOther,
    /// Microsoft Code Verification Root, by way of a cross-certificate.
    Cross,
    /// An authority that has a cross-certificate, which is not there.
    Commercial,
    /// A root of Microsoft's for tests.
    Test,
    /// A certificate that signs itself.
    Own,
    /// An authority of which nothing is known.
    Other,
    /// It does not get so far.
    Broken,
}

impl RootKind {
    /// The fact that rules ask for.
    pub(super) fn fact(self) -> Option<&'static str> {
        Some(match self {
            RootKind::Microsoft => "microsoft",
            RootKind::MicrosoftOther => "microsoft-other",
            RootKind::Cross => "cross",
            RootKind::Commercial => "commercial",
            RootKind::Test => "test",
            RootKind::Own => "own-root",
            RootKind::Other | RootKind::Broken => return None,
        })
    }

    /// Stable name for documents.
    pub fn word(self) -> &'static str {
        match self {
            RootKind::Other => "other",
            RootKind::Broken => "broken",
            kind => kind.fact().unwrap_or_default(),
        }
    }
}

/// What a chain rests on.
#[derive(Clone, Debug)]
pub struct Trust {
    /// What it ends in.
    pub kind: RootKind,
    /// Name of the root, or of the issuer that is missing.
    pub root: String,
    /// The certificate of the chain that is known by its hash, where one is.
    pub known: Option<String>,
}

impl Link {
    fn of(certificate: &Certificate<'_>) -> Self {
        let usages =
            certificate.extended_key_usage().map(|it| it.purposes.as_slice()).unwrap_or_default();
        let usage = |oid: &signatures::Oid<'_>| Usage { oid: oid.to_string(), name: oid.words() };
        Self {
            name: certificate.subject.short(),
            subject: certificate.subject.to_string(),
            issuer: certificate.issuer.to_string(),
            issuer_name: certificate.issuer.short(),
            serial: certificate.serial.to_string(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            key: certificate.key.words(),
            algorithm: certificate.algorithm.words(),
            thumbprint: hex(&Hash::Sha1.digest(certificate.raw)),
            usages: usages.iter().map(usage).collect(),
            hash: signature_hash(certificate),
        }
    }

    /// Whether who checks its signature needs SHA-2. That of a root needs no check.
    pub(super) fn is_sha2(&self) -> bool {
        self.subject != self.issuer && self.hash.is_some_and(|hash| !hash.is_broken())
    }

    /// Whether its key signs only as long as it is valid (szOID_KP_LIFETIME_SIGNING).
    pub(super) fn is_lifetime(&self) -> bool {
        let lifetime = oid::MS_LIFETIME_SIGNING.oid().to_string();
        self.usages.iter().any(|usage| usage.oid == lifetime)
    }
}

fn signature_hash(certificate: &Certificate<'_>) -> Option<Hash> {
    Scheme::of(&certificate.algorithm, &certificate.key, None).ok().and_then(Scheme::hash)
}

/// The path that Windows' kernel would take from `leaf`: to a certificate that is known by hash if there is one,
/// then over one of Microsoft Code Verification Root, else as far as it goes.
pub(super) fn path<'a: 'b, 'b>(
    leaf: &'b Certificate<'a>,
    pool: &'b [Certificate<'a>],
) -> Chain<'a, 'b> {
    let of_root = |it: &Certificate<'_>| {
        rules().root(&it.issuer.short()).is_some_and(|it| it.kind == "code-verification")
    };
    let by_hash: Vec<Certificate<'a>> =
        pool.iter().filter(|it| known(it).is_some()).cloned().collect();
    let by_name: Vec<Certificate<'a>> = pool.iter().filter(|it| of_root(it)).cloned().collect();
    for anchors in [by_hash, by_name].iter().filter(|anchors| !anchors.is_empty()) {
        let found = chain::build(leaf, pool, anchors);
        if found.anchored {
            // The same certificates out of the pool, which live longer.
            let same = |it: &&Certificate<'a>| pool.iter().find(|own| own.raw == it.raw);
            let mut path = vec![leaf];
            path.extend(found.path.iter().skip(1).filter_map(same));
            return Chain { path, anchored: true, not_signed: Vec::new() };
        }
    }
    chain::build(leaf, pool, &[])
}

/// The name under which a certificate is known by its hash, and what it makes of a chain.
fn known(certificate: &Certificate<'_>) -> Option<(String, RootKind)> {
    if let Some(hash) = signature_hash(certificate)
        && let Some(known) = rules().known(&hex(&hash.digest(certificate.signed)))
    {
        return Some((known.name.clone(), RootKind::Microsoft));
    }
    let thumbprint = hex(&Hash::Sha1.digest(certificate.raw));
    let cross = rules().cross_certificate(&thumbprint)?;
    Some((format!("cross-certificate of {}", cross.0), RootKind::Cross))
}

/// The links of a path.
pub(super) fn links(path: &Chain<'_, '_>) -> Vec<Link> {
    path.path.iter().map(|certificate| Link::of(certificate)).collect()
}

/// What a path rests on.
pub(super) fn trust(found: &Chain<'_, '_>) -> Trust {
    let Some(last) = found.path.last() else {
        return Trust { kind: RootKind::Broken, root: String::new(), known: None };
    };
    let signs_itself = last.is_self_issued() && chain::is_signed_by(last, last).is_ok();
    let root = if signs_itself { last.subject.short() } else { last.issuer.short() };
    if let Some((name, kind)) = found.path.iter().find_map(|it| known(it)) {
        return Trust { kind, root, known: Some(name) };
    }
    let kind = match rules().root(&root).map(|root| root.kind.as_str()) {
        _ if !found.not_signed.is_empty() => RootKind::Broken,
        Some("microsoft") => RootKind::Microsoft,
        Some("microsoft-other") => RootKind::MicrosoftOther,
        Some("code-verification") => RootKind::Cross,
        Some("test") => RootKind::Test,
        _ if rules().is_cross_certified(&root) => RootKind::Commercial,
        _ if signs_itself => RootKind::Own,
        // A signer alone, whose issuer is not there either.
        _ if found.path.len() < 2 => RootKind::Broken,
        _ => RootKind::Other,
    };
    Trust { kind, root, known: None }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    signatures::value::Hex(bytes).to_string()
}
