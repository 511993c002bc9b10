//! Whether a timestamp is right: each step a check.

use super::{Counter, Request, Response, Token, TstInfo, certificate_ids};
use crate::certificate::Certificate;
use crate::chain::{self, Demand};
use crate::check::Check;
use crate::cms::{SignedData, SignerInfo};
use crate::digest::Hash;
use crate::oid;
use crate::revocation::{Crl, Ocsp, Revocation};
use crate::time::Time;
use crate::value::Hex;
use crate::verify as signer_checks;

/// What a timestamp is held against.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The data that was stamped, if at hand.
    pub data: Option<&'a [u8]>,
    /// The query, if at hand.
    pub query: Option<&'a Request<'a>>,
    /// Certificates that are trusted. Those of no CA only help to find the signer.
    pub trusted: &'a [Certificate<'a>],
    /// Others that may be needed on the way.
    pub untrusted: &'a [Certificate<'a>],
    /// What tells of revocation.
    pub revocation: &'a Revocation<'a>,
    /// The present, where it is known.
    pub now: Option<Time>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Verdict<'a> {
    /// Each check, in the order in which one builds on the other.
    pub checks: Vec<Check>,
    /// The time that is proved, if all is well.
    pub time: Option<Time>,
    /// Who made it: the signer's certificate and those above it.
    pub path: Vec<Certificate<'a>>,
}

impl Verdict<'_> {
    /// The first check that failed.
    pub fn first_failure(&self) -> Option<&Check> {
        self.checks.iter().find(|it| it.is_failed())
    }
}

/// Checks a whole reply.
pub fn verify<'a>(response: &Response<'a>, evidence: &Evidence<'a>) -> Verdict<'a> {
    let status = status(response);
    let Some(token) = &response.token else {
        return Verdict { checks: vec![status], time: None, path: Vec::new() };
    };
    let mut verdict = token_alone(token, evidence);
    verdict.checks.insert(0, status);
    verdict
}

fn status(response: &Response<'_>) -> Check {
    const NAME: &str = "status";
    if response.status.is_granted() && response.token.is_some() {
        return Check::passed(NAME, format!("the authority says: {}", response.status.name()));
    }
    let mut words = format!("the authority says: {}", response.status.name());
    let failures = response.failure_words();
    for (name, meaning) in &failures {
        words = format!("{words}; {name}: {meaning}");
    }
    for text in &response.texts {
        words = format!("{words}; \"{text}\"");
    }
    if response.status.is_granted() {
        words = format!("{words}, and there is no token in the reply");
    }
    let remedy = match failures.first().map(|(name, _)| name.as_str()) {
        Some("badAlg") => "ask again with another hash: SHA-256 is taken everywhere",
        Some("unacceptedPolicy") => "ask again without a policy, or with one of the authority's",
        Some("unacceptedExtension") => "ask again without extensions",
        Some("timeNotAvailable" | "systemFailure") => "ask again later, or another authority",
        Some("badRequest" | "badDataFormat") => "make the query anew, and send it as it is",
        _ => "ask again, or another authority",
    };
    Check::failed(NAME, words, remedy)
}

/// Checks a token without a reply around it.
pub fn token_alone<'a>(token: &Token<'a>, evidence: &Evidence<'a>) -> Verdict<'a> {
    let mut checks = Vec::new();
    let stop = |checks| Verdict { checks, time: None, path: Vec::new() };
    let info = match token.info() {
        Ok(info) if info.version == 1 => info,
        Ok(info) => {
            let words =
                format!("the timestamp is of version {}, and only 1 is known", info.version);
            checks.push(Check::failed("form", words, "use an authority that follows RFC 3161"));
            return stop(checks);
        }
        Err(error) => {
            let words = format!("what it says cannot be read: {error}");
            checks.push(Check::failed("form", words, "get the reply anew; this one is damaged"));
            return stop(checks);
        }
    };
    let [signer] = token.signed.signers.as_slice() else {
        let count = token.signed.signers.len();
        let words = format!("{count} have signed it, where one has to (RFC 3161, 2.4.2)");
        checks.push(Check::failed("form", words, "use an authority that follows RFC 3161"));
        return stop(checks);
    };
    checks.push(Check::passed("form", "it is a timestamp of version 1 with one signer"));
    checks.push(stamps(&info, evidence.data));
    if let Some(query) = evidence.query {
        checks.extend(against_query(&info, query));
    }

    let signed = &token.signed;
    let (certificate, found) = signing_certificate(signed, signer, evidence);
    checks.push(found);
    let Some(certificate) = certificate else { return stop(checks) };
    let content = signed.content.as_ref().map_or(&[][..], |it| &it.octets);
    if signer.signed.is_none() {
        let words = "there are no signed attributes, so nothing says which certificate was meant";
        let remedy = "use an authority that follows RFC 3161";
        checks.push(Check::failed("signed-attributes", words, remedy));
    }
    checks.extend(signer_checks::signer(signer, certificate, content, Some(signed.content_type)));
    checks.push(binding(signer, certificate));
    checks.push(usage(certificate));
    checks.push(strength(&info, signer, certificate));

    let trusted: Vec<Certificate<'a>> =
        evidence.trusted.iter().filter(is_anchor).cloned().collect();
    let mut pool = signed.certificates.clone();
    pool.extend(evidence.untrusted.iter().chain(evidence.trusted).cloned());
    // What is revoked may be told inside the token as well.
    let mut revocation = evidence.revocation.clone();
    revocation.crls.extend(signed.crls.iter().filter_map(|it| Crl::of(it).ok()));
    revocation.ocsp.extend(signed.ocsp.iter().filter_map(|it| Ocsp::of(it).ok()));
    let chain = chain::build(certificate, &pool, &trusted);
    let demand = Demand {
        at: info.time,
        moment: "the time of the timestamp",
        purpose: Some(oid::TIME_STAMPING),
        revocation: &revocation,
    };
    checks.extend(chain::judge(&chain, &demand));
    checks.push(others(signed, &chain.path));
    checks.extend(evidence.now.map(|now| present(&info, &chain.path, now)));
    let good = !checks.iter().any(Check::is_failed);
    let path = chain.path.iter().map(|it| (*it).clone()).collect();
    Verdict { checks, time: good.then_some(info.time), path }
}

/// Checks a counter-signature. Its time is the signed attribute `signingTime`, which is all that there is; what it
/// stamps is the other signature, whatever `evidence` has for data.
pub fn counter_signature<'a>(counter: &Counter<'a>, evidence: &Evidence<'a>) -> Verdict<'a> {
    let mut checks = Vec::new();
    let (signer, around) = (&counter.signer, &counter.around);
    let Some(time) = signer.signing_time() else {
        let words = "it says no time: the signed attributes lack signingTime";
        checks.push(Check::failed("form", words, "have it signed and stamped again"));
        return Verdict { checks, time: None, path: Vec::new() };
    };
    checks.push(Check::passed("form", "it is a counter-signature with a time"));
    let (certificate, found) = signing_certificate(around, signer, evidence);
    checks.push(found);
    let Some(certificate) = certificate else {
        return Verdict { checks, time: None, path: Vec::new() };
    };
    checks.extend(signer_checks::signer(signer, certificate, &counter.stamped, None));
    checks.push(signer_checks::strength(signer, certificate));
    let trusted: Vec<Certificate<'a>> =
        evidence.trusted.iter().filter(is_anchor).cloned().collect();
    let mut pool = around.certificates.clone();
    pool.extend(evidence.untrusted.iter().chain(evidence.trusted).cloned());
    let chain = chain::build(certificate, &pool, &trusted);
    let demand = Demand {
        at: time,
        moment: "the time of the timestamp",
        purpose: Some(oid::TIME_STAMPING),
        revocation: evidence.revocation,
    };
    checks.extend(chain::judge(&chain, &demand));
    let good = !checks.iter().any(Check::is_failed);
    let path = chain.path.iter().map(|it| (*it).clone()).collect();
    Verdict { checks, time: good.then_some(time), path }
}

/// A CA, or somebody who vouches for themselves.
fn is_anchor(it: &&Certificate<'_>) -> bool {
    it.is_ca() || it.is_self_issued()
}

fn stamps(info: &TstInfo<'_>, data: Option<&[u8]>) -> Check {
    match data {
        Some(data) => imprint(info, data, "the data"),
        None => Check::not_done("imprint", "the data is not at hand", "give it with --data"),
    }
}

/// Whether it is a timestamp of this data, which words call `what`: `imprint`.
pub fn imprint(info: &TstInfo<'_>, data: &[u8], what: &str) -> Check {
    const NAME: &str = "imprint";
    let algorithm = info.imprint.algorithm.oid;
    let Some(hash) = Hash::of(algorithm) else {
        let words =
            format!("{what} was hashed with {}, which is not supported", algorithm.in_full());
        return Check::not_done(NAME, words, "check it with a tool that knows this hash");
    };
    let own = hash.digest(data);
    if own == info.imprint.hash {
        return Check::passed(NAME, format!("{what} has the {} that was stamped", hash.name()));
    }
    Check::failed(
        NAME,
        format!(
            "{what} has the {} {}, and {} was stamped",
            hash.name(),
            Hex(&own),
            Hex(info.imprint.hash)
        ),
        "this is a timestamp of something else, or what it is of was changed since; find the right one",
    )
}

/// Whether a timestamp answers a query: `query-imprint`, `query-nonce`, `query-policy`.
pub fn against_query(info: &TstInfo<'_>, query: &Request<'_>) -> Vec<Check> {
    let another = "this is the answer to another query; send it again, and check who answers";
    let imprint = if info.imprint.is(&query.imprint) {
        Check::passed("query-imprint", "it stamps what the query asked for")
    } else {
        let words = format!(
            "the query asked for {} {}, and it stamps {} {}",
            query.imprint.algorithm.words(),
            Hex(query.imprint.hash),
            info.imprint.algorithm.words(),
            Hex(info.imprint.hash)
        );
        Check::failed("query-imprint", words, another)
    };
    let nonce = match (query.nonce, info.nonce) {
        (None, _) => {
            let words = "the query has no nonce, so an old answer cannot be told from a new one";
            Check::not_done("query-nonce", words, "make queries with a nonce")
        }
        (Some(asked), Some(got)) if asked.is(got) => {
            Check::passed("query-nonce", format!("it repeats the query's nonce, {asked}"))
        }
        (Some(asked), got) => {
            let got = got.map_or("there is none".to_owned(), |got| format!("it has {got}"));
            let words = format!("the query's nonce is {asked}, and {got}");
            Check::failed("query-nonce", words, another)
        }
    };
    let policy = match query.policy {
        None => Check::passed("query-policy", "the query left the policy to the authority"),
        Some(policy) if policy == info.policy => {
            Check::passed("query-policy", format!("it was made under {}", policy.in_full()))
        }
        Some(policy) => {
            let (asked, got) = (policy.in_full(), info.policy.in_full());
            let words =
                format!("the query asked for the policy {asked}, and it was made under {got}");
            let remedy = "use an authority that stamps under this policy, or ask without one";
            Check::failed("query-policy", words, remedy)
        }
    };
    vec![imprint, nonce, policy]
}

/// The certificate that signer and ESS attribute name, wherever it comes from.
fn signing_certificate<'b, 'a: 'b>(
    signed: &'b SignedData<'a>,
    signer: &SignerInfo<'a>,
    evidence: &Evidence<'a>,
) -> (Option<&'b Certificate<'a>>, Check)
where
{
    const NAME: &str = "certificate";
    let inside = signed.certificates.iter();
    let given: &'a [Certificate<'a>] = evidence.untrusted;
    let all = inside.chain(given).chain(evidence.trusted);
    // Of several that issuer and number fit, the one whose hash was signed is meant.
    let ids = certificate_ids(signer).unwrap_or_default();
    let bound = |it: &&&Certificate<'_>| ids.first().is_some_and(|id| id.names(it) == Some(true));
    let named: Vec<&'b Certificate<'a>> = all.filter(|it| signer.id.names(it)).collect();
    let found = named.iter().find(bound).or(named.first()).copied();
    let Some(certificate) = found else {
        let count = signed.certificates.len();
        let words = match count {
            0 => "the token brings no certificate along, and none that was given is the signer's"
                .to_owned(),
            _ => format!("none of the {count} certificates is the signer's"),
        };
        let words = format!("{words}: {}", signer.id.words());
        let remedy =
            "give the authority's certificate with --untrusted, or make queries with --cert";
        return (None, Check::failed(NAME, words, remedy));
    };
    let inside = signed.certificates.iter().any(|it| it.raw == certificate.raw);
    let place = if inside { "in the token" } else { "as given" };
    let words = format!("the signer is {} (certificate {place})", certificate.subject);
    (Some(certificate), Check::passed(NAME, words))
}

fn binding(signer: &SignerInfo<'_>, certificate: &Certificate<'_>) -> Check {
    const NAME: &str = "certificate-binding";
    let remedy = "another certificate was put in place of the signer's; get the reply anew";
    let ids = match certificate_ids(signer) {
        Ok(ids) => ids,
        Err(error) => {
            let words = format!("the attribute that names the certificate cannot be read: {error}");
            return Check::failed(NAME, words, "use an authority that follows RFC 5816");
        }
    };
    // Each kind that is there has to name it first.
    let firsts: Vec<_> = [2, 1]
        .into_iter()
        .filter_map(|version| ids.iter().find(|it| it.version == version))
        .collect();
    if firsts.is_empty() {
        let words = "no attribute says which certificate the signer meant (RFC 3161, 2.4.2)";
        return Check::failed(NAME, words, "use an authority that follows RFC 5816");
    }
    for id in &firsts {
        let hash = id.hash.words();
        match id.names(certificate) {
            Some(true) => {}
            Some(false) => {
                let words = format!("the {hash} that was signed is not that of this certificate");
                return Check::failed(NAME, words, remedy);
            }
            None => {
                let words =
                    format!("it is bound with {}, which is not supported", id.hash.in_full());
                return Check::not_done(NAME, words, "check it with a tool that knows this hash");
            }
        }
    }
    let words: Vec<String> = firsts
        .iter()
        .map(|id| {
            format!("ESSCertID{} with {}", if id.version == 2 { "v2" } else { "" }, id.hash.words())
        })
        .collect();
    Check::passed(NAME, format!("the signer signed which certificate it is ({})", words.join(", ")))
}

fn usage(certificate: &Certificate<'_>) -> Check {
    const NAME: &str = "extended-key-usage";
    let remedy = "use an authority whose certificate is for timestamping only (RFC 3161, 2.3)";
    let Some(usage) = certificate.extended_key_usage() else {
        return Check::failed(NAME, "the certificate does not say what it is for", remedy);
    };
    let words: Vec<String> = usage.purposes.iter().map(|it| it.words()).collect();
    let words = words.join(", ");
    match usage.purposes.as_slice() {
        [only] if *only == oid::TIME_STAMPING && usage.critical => {
            Check::passed(NAME, "the certificate is for timestamping only, and says so critically")
        }
        [only] if *only == oid::TIME_STAMPING => {
            let words =
                "the certificate is for timestamping only, but the extension is not critical";
            Check::failed(NAME, words, remedy)
        }
        _ => Check::failed(
            NAME,
            format!("the certificate is for {words}, not timestamping alone"),
            remedy,
        ),
    }
}

fn strength(info: &TstInfo<'_>, signer: &SignerInfo<'_>, certificate: &Certificate<'_>) -> Check {
    if let Some(hash) = Hash::of(info.imprint.algorithm.oid).filter(|it| it.is_broken()) {
        return Check::failed(
            "strength",
            format!("the data was hashed with {}: another file may have the same", hash.name()),
            "have it stamped anew with SHA-256 or better",
        );
    }
    signer_checks::strength(signer, certificate)
}

/// Certificates in the token that are of no use: nobody signed which ones it brings along.
fn others(signed: &SignedData<'_>, path: &[&Certificate<'_>]) -> Check {
    const NAME: &str = "other-certificates";
    let beside = |it: &&Certificate<'_>| !path.iter().any(|link| link.raw == it.raw);
    let others: Vec<&Certificate<'_>> = signed.certificates.iter().filter(beside).collect();
    let issued = |it: &Certificate<'_>| {
        path.iter()
            .skip(1)
            .any(|ca| it.issuer.is(&ca.subject) && chain::is_signed_by(it, ca).is_ok())
    };
    // Another key under the name of one of the path, which none of its CAs knows of.
    let impostor = others.iter().find(|it| {
        let named =
            |link: &&Certificate<'_>| link.subject.is(&it.subject) && link.key.raw != it.key.raw;
        path.iter().any(named) && !issued(it)
    });
    if let Some(it) = impostor {
        return Check::failed(
            NAME,
            format!(
                "a certificate in the token bears the name {} with another key, and no CA of the \
                 signer issued it: somebody put it there",
                it.subject
            ),
            "get the reply anew from the authority; software that takes any certificate of the token \
             for the signer's would be misled",
        );
    }
    let words = match others.len() {
        0 => "the token brings no certificate along that is not needed".to_owned(),
        count => {
            let names: Vec<String> = others.iter().take(4).map(|it| it.subject.short()).collect();
            format!("{count} in the token are not needed: {}", names.join(", "))
        }
    };
    Check::passed(NAME, words)
}

fn present(info: &TstInfo<'_>, path: &[&Certificate<'_>], now: Time) -> Check {
    const NAME: &str = "present";
    let (first, _) = info.interval();
    if first > now {
        return Check::failed(
            NAME,
            format!("the timestamp says {}, and it is {now}", info.time),
            "the authority's clock is wrong, or this machine's; set it, and have it stamped anew",
        );
    }
    let words = format!("the timestamp ({}) is not of the future", info.time);
    match path.iter().find(|it| it.not_after < now) {
        Some(it) => Check::passed(
            NAME,
            format!(
                "{words}; the certificate of {} has expired since ({}), which takes nothing from it \
                 unless the key was stolen",
                it.subject.short(),
                it.not_after
            ),
        ),
        None => Check::passed(NAME, words),
    }
}
