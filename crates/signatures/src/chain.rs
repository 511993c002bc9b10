//! From a certificate to one that is trusted, and whether each step holds at a given time (RFC 5280, 6).
//!
//! Checked: signatures, names, validity, who may issue, how long the path may be, what keys are for, and
//! revocation where something is given that tells of it. Name constraints and policies are not worked out; a
//! CA that has them marked critical is said to have them (`unknown-extensions`).

use crate::certificate::Certificate;
use crate::check::Check;
use crate::keys::{self, Refusal, Scheme};
use crate::oid;
use crate::revocation::{Revocation, Revoked, Status};
use crate::time::Time;

/// Certificates of a path, at most.
const MOST_LINKS: usize = 10;
/// Signatures that are tried while a path is looked for, at most.
const MOST_TRIES: usize = 100;

/// What a chain is held to.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// The moment.
    pub at: Time,
    /// What that moment is: `the time of the timestamp`.
    pub moment: &'a str,
    /// What the key at its end has to be for, and each CA that says what it is for.
    pub purpose: Option<oid::Known>,
    /// What tells of revocation.
    pub revocation: &'a Revocation<'a>,
}

/// A chain.
#[derive(Debug, Clone)]
pub struct Chain<'a, 'b> {
    /// From the signer on, each issued by the next.
    pub path: Vec<&'b Certificate<'a>>,
    /// Whether the last is one that is trusted.
    pub anchored: bool,
    /// Certificates that fit by name, and whose key did not sign what names them.
    pub not_signed: Vec<(&'b Certificate<'a>, Refusal)>,
}

/// Whether `issuer`'s key signed `certificate`.
///
/// # Errors
/// Why not.
pub fn is_signed_by(
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
) -> Result<(), Refusal> {
    let scheme = Scheme::of(&certificate.algorithm, &issuer.key, None)?;
    keys::verify(scheme, &issuer.key, certificate.signed, certificate.signature)
}

/// The best path from `leaf`: to one of `anchors` if there is one, else as far as it goes.
pub fn build<'a: 'b, 'b>(
    leaf: &'b Certificate<'a>,
    pool: &'b [Certificate<'a>],
    anchors: &'b [Certificate<'a>],
) -> Chain<'a, 'b> {
    let mut search = Search { pool, anchors, tries: 0, not_signed: Vec::new() };
    let mut path = vec![leaf];
    let mut longest = path.clone();
    let anchored = search.extend(&mut path, &mut longest);
    Chain { path: if anchored { path } else { longest }, anchored, not_signed: search.not_signed }
}

struct Search<'a, 'b> {
    pool: &'b [Certificate<'a>],
    anchors: &'b [Certificate<'a>],
    tries: usize,
    not_signed: Vec<(&'b Certificate<'a>, Refusal)>,
}

impl<'a: 'b, 'b> Search<'a, 'b> {
    fn extend(
        &mut self,
        path: &mut Vec<&'b Certificate<'a>>,
        longest: &mut Vec<&'b Certificate<'a>>,
    ) -> bool {
        let Some(last) = path.last().copied() else { return false };
        if path.len() > longest.len() {
            longest.clone_from(path);
        }
        // A CA that is trusted ends the path, unless the one above it is trusted too.
        let trusted = self.anchors.iter().any(|anchor| anchor.raw == last.raw);
        if path.len() >= MOST_LINKS || last.is_self_issued() {
            return trusted;
        }
        let fits = |it: &&'b Certificate<'a>| {
            it.subject.is(&last.issuer) && !path.iter().any(|link| link.raw == it.raw)
        };
        let (pool, anchors) = (if trusted { &[] } else { self.pool }, self.anchors);
        let mut candidates: Vec<&'b Certificate<'a>> =
            anchors.iter().chain(pool).filter(fits).collect();
        // Those whose key is named come first; several certificates may have one name and one key.
        let named = |it: &&Certificate<'_>| {
            last.authority_key_id().is_none() || it.subject_key_id() != last.authority_key_id()
        };
        candidates.sort_by_key(named);
        for issuer in candidates {
            self.tries += 1;
            if self.tries > MOST_TRIES {
                return trusted;
            }
            if let Err(refusal) = is_signed_by(last, issuer) {
                self.not_signed.push((issuer, refusal));
                continue;
            }
            path.push(issuer);
            if self.extend(path, longest) {
                return true;
            }
            path.pop();
        }
        trusted
    }
}

/// A name for a list: the common names from the signer on.
fn names(path: &[&Certificate<'_>]) -> String {
    path.iter().map(|it| it.subject.short()).collect::<Vec<_>>().join(" <- ")
}

/// Holds a chain to a demand: `chain`, `validity`, `authorities`, `key-usage`, `purpose`,
/// `unknown-extensions`, `chain-strength`, `revocation`.
pub fn judge(chain: &Chain<'_, '_>, demand: &Demand<'_>) -> Vec<Check> {
    let mut checks = vec![
        anchored(chain),
        validity(&chain.path, demand),
        authorities(&chain.path),
        key_usage(&chain.path),
    ];
    if let Some(purpose) = demand.purpose {
        checks.push(self::purpose(&chain.path, purpose));
    }
    checks.extend(unknown_extensions(&chain.path));
    checks.push(strength(chain));
    checks.push(revocation(chain, demand));
    checks
}

fn anchored(chain: &Chain<'_, '_>) -> Check {
    const NAME: &str = "chain";
    let names = names(&chain.path);
    let Some(last) = chain.path.last() else {
        return Check::not_done(NAME, "there is no certificate to begin with", "give the signer's");
    };
    if chain.anchored {
        return Check::passed(NAME, format!("it leads to a certificate that you trust: {names}"));
    }
    if let Some((issuer, refusal)) = chain.not_signed.first() {
        return Check::failed(
            NAME,
            format!(
                "{} bears the name of the issuer, and its key did not sign the certificate below it \
                 ({}): {names}",
                issuer.subject.short(),
                refusal.words()
            ),
            "this is another CA of the same name, or the certificate was changed; give the CA that \
             really issued it",
        );
    }
    if last.is_self_issued() {
        return Check::failed(
            NAME,
            format!(
                "it ends at {}, which you did not say you trust: {names}",
                last.subject.short()
            ),
            "if you do trust it, give its certificate with --ca",
        );
    }
    let mut remedy =
        format!("give the certificate of {} with --ca, or between with --untrusted", last.issuer);
    if let Some(address) = last.ca_issuers().first() {
        remedy = format!("{remedy}; it says that one is at {address}");
    }
    let words = format!("the certificate of {} is missing: {names}", last.issuer.short());
    Check::failed(NAME, words, remedy)
}

fn validity(path: &[&Certificate<'_>], demand: &Demand<'_>) -> Check {
    const NAME: &str = "validity";
    for it in path {
        let who = it.subject.short();
        if demand.at < it.not_before {
            return Check::failed(
                NAME,
                format!(
                    "the certificate of {who} is valid from {} on, which is after {} ({})",
                    it.not_before, demand.moment, demand.at
                ),
                "a clock was wrong, or the wrong certificate is used; set the signer's clock, sign again",
            );
        }
        if demand.at > it.not_after {
            return Check::failed(
                NAME,
                format!(
                    "the certificate of {who} expired {}, before {} ({})",
                    it.not_after, demand.moment, demand.at
                ),
                "have it signed again with a certificate that is valid",
            );
        }
    }
    let ends = path.iter().map(|it| it.not_after).min();
    let until = ends.map(|it| format!("; the first of them expires {it}")).unwrap_or_default();
    Check::passed(NAME, format!("all were valid at {} ({}){until}", demand.moment, demand.at))
}

fn authorities(path: &[&Certificate<'_>]) -> Check {
    const NAME: &str = "authorities";
    let remedy = "a CA that is none issued a certificate; trust only what the real CA issued";
    // Self-issued ones between do not count (RFC 5280, 6.1.4 l).
    let mut below = 0u64;
    for (index, it) in path.iter().enumerate().skip(1) {
        let who = it.subject.short();
        match it.basic_constraints() {
            Some(constraints) if constraints.ca => {
                if let Some(limit) = constraints.path_length.filter(|limit| below > *limit) {
                    let words = format!("{who} may have {limit} CAs below it, and has {below}");
                    return Check::failed(NAME, words, remedy);
                }
            }
            // A root of version 1 has no extensions to say so.
            None if it.version < 3 && index + 1 == path.len() => {}
            _ => {
                let words = format!("the certificate of {who} does not say that it is a CA");
                return Check::failed(NAME, words, remedy);
            }
        }
        if !it.is_self_issued() {
            below += 1;
        }
    }
    Check::passed(NAME, "each issuer is a CA, and none has more below it than it may")
}

fn key_usage(path: &[&Certificate<'_>]) -> Check {
    const NAME: &str = "key-usage";
    for (index, it) in path.iter().enumerate() {
        let (fits, what) = match index {
            0 => (it.may_sign_data(), "signatures"),
            _ => (it.may_sign_certificates(), "signing certificates"),
        };
        if !fits {
            let usage = it.key_usage().unwrap_or_default().join(", ");
            return Check::failed(
                NAME,
                format!("the key of {} is not for {what}, but for: {usage}", it.subject.short()),
                "have it signed with a key whose certificate allows it",
            );
        }
    }
    Check::passed(NAME, "each key is for what it was used for")
}

/// Extended key usage, from the signer up: a CA that has one limits what it issues, as all but the standard
/// have it.
fn purpose(path: &[&Certificate<'_>], purpose: oid::Known) -> Check {
    const NAME: &str = "purpose";
    for (index, it) in path.iter().enumerate() {
        let who = it.subject.short();
        let Some(usage) = it.extended_key_usage() else {
            if index > 0 {
                continue;
            }
            let words =
                format!("the certificate of {who} does not say that it is for {}", purpose.name);
            return Check::failed(NAME, words, format!("use a certificate for {}", purpose.name));
        };
        let fits = |it: &&crate::Oid<'_>| **it == purpose || (index > 0 && **it == oid::ANY_EKU);
        if usage.purposes.iter().find(fits).is_none() {
            let words: Vec<String> = usage.purposes.iter().map(|it| it.words()).collect();
            return Check::failed(
                NAME,
                format!(
                    "the certificate of {who} is for {}, not {}",
                    words.join(", "),
                    purpose.name
                ),
                format!("use a certificate for {}", purpose.name),
            );
        }
    }
    Check::passed(
        NAME,
        format!("the certificate, and each CA that is limited, is for {}", purpose.name),
    )
}

fn unknown_extensions(path: &[&Certificate<'_>]) -> Option<Check> {
    let known = [
        oid::BASIC_CONSTRAINTS,
        oid::KEY_USAGE,
        oid::EXTENDED_KEY_USAGE,
        oid::SUBJECT_ALT_NAME,
        oid::SUBJECT_KEY_ID,
        oid::AUTHORITY_KEY_ID,
        oid::CERTIFICATE_POLICIES,
        oid::CRL_DISTRIBUTION_POINTS,
        oid::AUTHORITY_INFO_ACCESS,
    ];
    for it in path {
        let unknown = |extension: &&crate::value::Extension<'_>| {
            extension.critical && !known.iter().any(|known| extension.oid == *known)
        };
        if let Some(extension) = it.extensions.iter().find(unknown) {
            return Some(Check::not_done(
                "unknown-extensions",
                format!(
                    "the certificate of {} has {}, critical, which is not worked out here",
                    it.subject.short(),
                    extension.oid.in_full()
                ),
                "look at what it demands yourself",
            ));
        }
    }
    None
}

fn strength(chain: &Chain<'_, '_>) -> Check {
    const NAME: &str = "chain-strength";
    let trusted =
        if chain.anchored { chain.path.len().saturating_sub(1) } else { chain.path.len() };
    for (index, it) in chain.path.iter().enumerate() {
        let who = it.subject.short();
        let remedy =
            "have it signed with a certificate of a CA that uses SHA-256 and keys of 2048 bits";
        if let Some(bits) = it.key.rsa_bits().filter(|bits| *bits < 2048) {
            let words = format!("the RSA key of {who} has {bits} bits: it can be broken today");
            return Check::failed(NAME, words, remedy);
        }
        // Nobody relies on the signature of what is trusted anyhow.
        let hash = Scheme::of(&it.algorithm, &it.key, None).ok().and_then(Scheme::hash);
        if let Some(hash) = hash.filter(|hash| index < trusted && hash.is_broken()) {
            let words = format!(
                "the certificate of {who} is signed with {}: it can be forged",
                hash.name()
            );
            return Check::failed(NAME, words, remedy);
        }
    }
    Check::passed(NAME, "no key and no hash of it is known to be weak")
}

/// What came of asking for one certificate.
enum Answer {
    Good(String),
    Revoked(Revoked),
    /// Nothing that could be used, and why.
    Nothing(Vec<String>),
}

fn ask(it: &Certificate<'_>, issuer: &Certificate<'_>, given: &Revocation<'_>, at: Time) -> Answer {
    let mut why = Vec::new();
    let mut good = None;
    for crl in given.crls.iter().filter(|crl| crl.issuer.is(&it.issuer)) {
        if !crl.is_signed_by(issuer) {
            why.push(format!("the CRL of {} is not signed by its key", crl.issuer.short()));
            continue;
        }
        if let Some(extension) = crl.partial() {
            why.push(format!("the CRL of {} is limited ({extension})", crl.issuer.short()));
            continue;
        }
        match crl.look_up(it.serial) {
            Ok(Some(revoked)) if revoked.reason != Some(crate::revocation::Reason(8)) => {
                return Answer::Revoked(revoked);
            }
            // One from before says nothing of that moment.
            Ok(_) if crl.next_update.is_some_and(|next| next < at) => why.push(format!(
                "the CRL of {} is older: its next one was due {}",
                crl.issuer.short(),
                crl.next_update.unwrap_or(at)
            )),
            Ok(_) => good = Some(format!("the CRL of {}", crl.this_update)),
            Err(error) => why.push(format!("the CRL cannot be read: {error}")),
        }
    }
    for ocsp in &given.ocsp {
        let Some(answer) = ocsp.look_up(it.serial, issuer) else { continue };
        if !ocsp.is_signed_for(issuer) {
            why.push(
                "the OCSP response is signed neither by the CA nor by a responder of it".to_owned(),
            );
            continue;
        }
        match answer.status {
            Status::Revoked(revoked) => return Answer::Revoked(revoked),
            Status::Unknown => why.push("the OCSP responder does not know it".to_owned()),
            Status::Good if answer.next_update.is_some_and(|next| next < at) => {
                why.push(format!("the OCSP response is older: it is of {}", answer.this_update));
            }
            Status::Good => good = Some(format!("the OCSP response of {}", answer.this_update)),
        }
    }
    good.map_or(Answer::Nothing(why), Answer::Good)
}

fn revocation(chain: &Chain<'_, '_>, demand: &Demand<'_>) -> Check {
    const NAME: &str = "revocation";
    let mut told = Vec::new();
    let mut untold = Vec::new();
    for pair in chain.path.windows(2) {
        let [it, issuer] = pair else { continue };
        let who = it.subject.short();
        match ask(it, issuer, demand.revocation, demand.at) {
            Answer::Good(by) => told.push(format!("{who} (by {by})")),
            Answer::Revoked(revoked) => {
                let reason = revoked.reason.map_or("no reason is given", |it| it.words());
                let past = revoked.reason.is_some_and(|it| it.spares_the_past());
                if past && demand.at < revoked.at {
                    let by = format!("revoked {}, later, because {reason}", revoked.at);
                    told.push(format!("{who} ({by}: what was signed before stays good)"));
                    continue;
                }
                return Check::failed(
                    NAME,
                    format!("the certificate of {who} was revoked {}: {reason}", revoked.at),
                    if past {
                        "have it signed again with a certificate that is not revoked"
                    } else {
                        "whoever has the key may have signed this too, with any time in it; have it \
                         signed again with a certificate that is not revoked"
                    },
                );
            }
            Answer::Nothing(why) if why.is_empty() => untold.push(who),
            Answer::Nothing(why) => untold.push(format!("{who} ({})", why.join("; "))),
        }
    }
    if untold.is_empty() && !told.is_empty() {
        return Check::passed(NAME, format!("not revoked: {}", told.join(", ")));
    }
    if chain.path.len() < 2 {
        let words = "the issuer is not known, so nobody can say";
        return Check::not_done(NAME, words, "give the CA first");
    }
    let first = chain.path.first();
    let addresses = first.map(|it| [it.crls(), it.ocsp()].concat()).unwrap_or_default();
    let mut remedy = "give a CRL with --crl or an OCSP response with --ocsp".to_owned();
    if !addresses.is_empty() {
        remedy = format!("{remedy}; the signer's certificate names {}", addresses.join(", "));
    }
    let known =
        if told.is_empty() { String::new() } else { format!("; not revoked: {}", told.join(", ")) };
    Check::not_done(NAME, format!("nothing tells of {}{known}", untold.join(", ")), remedy)
}
