//! Timestamps for a person: what is in one, and each check of it.

use super::Look;
use super::page::{Ink, Page};
use crate::stamp::{CertificatePart, ExtensionPart, Part, SignaturePart, TimestampPart, Tree};
use signatures::timestamp::{Found, Verdict};
use signatures::{Check, Outcome};

/// Columns of a label.
const LABEL: usize = 17;

/// What a file holds of timestamps, in words; then its elements, if asked for.
pub fn stamp_text(name: &str, found: &[Found<'_>], tree: Option<&Tree>, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    for (index, found) in found.iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        part(&mut page, name, &Part::of(found));
    }
    if let Some(tree) = tree {
        page.blank();
        page.heading(0, "Elements: offset, header + content bytes");
        elements(&mut page, tree);
    }
    page.finish()
}

fn part(page: &mut Page<'_>, file: &str, it: &Part) {
    let what = match it.kind {
        "query" => "query for a timestamp",
        "reply" => "reply of a timestamp authority",
        "token" => "timestamp token (RFC 3161)",
        "signature" => "signature (CMS)",
        "counter-signature" => "timestamp of the older kind (PKCS #9 counter-signature)",
        _ => "a part that cannot be read",
    };
    let place = it.place.as_ref().filter(|place| *place != "the signature");
    let place =
        place.map(|place| format!(", {place}, at offset {:#x}", it.offset)).unwrap_or_default();
    page.wrapped(
        0,
        2,
        &[(Ink::Strong, file), (Ink::Plain, ": "), (Ink::Plain, what), (Ink::Plain, &place)],
    );
    let row = |page: &mut Page<'_>, label: &str, text: &str| page.labelled(2, LABEL, label, text);
    if let Some(why) = &it.unreadable {
        page.wrapped(2, 4, &[(Ink::Bad, "unreadable: "), (Ink::Plain, why)]);
    }
    if let Some(query) = &it.query {
        row(page, "Version", &query.version.to_string());
        row(page, "Hash", &query.imprint.algorithm.in_full());
        row(page, "Imprint", &query.imprint.hash);
        let policy = query.policy.as_ref().map(crate::stamp::Named::in_full);
        row(page, "Policy", policy.as_deref().unwrap_or("left to the authority"));
        row(
            page,
            "Nonce",
            query.nonce.as_deref().unwrap_or("none: an old reply would fit as well"),
        );
        let wants = if query.wants_certificate { "asked for" } else { "not asked for" };
        row(page, "Certificate", wants);
        extensions(page, &query.extensions);
    }
    if let Some(reply) = &it.reply {
        let ink = if reply.status_code <= 1 { Ink::Good } else { Ink::Bad };
        let number = format!(" ({})", reply.status_code);
        let label = format!("{:LABEL$}", "Status");
        page.line(2, &[(Ink::Strong, &label), (ink, reply.status), (Ink::Plain, &number)]);
        for failure in &reply.failures {
            row(page, "Failure", &format!("{}: {}", failure.name, failure.meaning));
        }
        for text in &reply.texts {
            row(page, "It says", text);
        }
    }
    if let Some(info) = &it.timestamp {
        timestamp(page, info);
    }
    if let Some(signature) = &it.signature {
        self::signature(page, signature);
    }
    if !it.irregular.is_empty() {
        page.blank();
        page.heading(2, "Irregular");
        for odd in &it.irregular {
            let place = format!("{:#x}", odd.offset);
            page.wrapped(
                4,
                6,
                &[(Ink::Place, &place), (Ink::Plain, "  "), (Ink::Plain, &odd.what)],
            );
        }
    }
}

fn extensions(page: &mut Page<'_>, all: &[ExtensionPart]) {
    for it in all {
        let critical = if it.critical { ", critical" } else { "" };
        page.labelled(2, LABEL, "Extension", &format!("{}{critical}", it.extension.in_full()));
    }
}

fn timestamp(page: &mut Page<'_>, info: &TimestampPart) {
    let row = |page: &mut Page<'_>, label: &str, text: &str| page.labelled(2, LABEL, label, text);
    row(page, "Time", &info.time);
    match &info.accuracy_seconds {
        Some(seconds) => {
            let between = format!("+-{seconds} s: between {} and {}", info.earliest, info.latest);
            row(page, "Accuracy", &between);
        }
        None => row(page, "Accuracy", "not said; the policy may tell"),
    }
    row(page, "Hash", &info.imprint.algorithm.in_full());
    row(page, "Imprint", &info.imprint.hash);
    row(page, "Serial number", &info.serial);
    row(page, "Policy", &info.policy.in_full());
    row(page, "Nonce", info.nonce.as_deref().unwrap_or("none"));
    let ordering = if info.ordering {
        "timestamps of this authority can be ordered by time alone"
    } else {
        "no: two timestamps are in order only if their accuracies leave a gap"
    };
    row(page, "Ordering", ordering);
    row(page, "Authority", info.authority.as_deref().unwrap_or("not named; see the certificate"));
    row(page, "Version", &info.version.to_string());
    extensions(page, &info.extensions);
}

fn signature(page: &mut Page<'_>, it: &SignaturePart) {
    for (index, signer) in it.signers.iter().enumerate() {
        page.blank();
        match it.signers.len() {
            1 => page.heading(2, "Signed by"),
            count => page.heading(2, &format!("Signer {} of {count}", index + 1)),
        }
        let row =
            |page: &mut Page<'_>, label: &str, text: &str| page.labelled(4, LABEL, label, text);
        row(page, "Certificate", &signer.certificate);
        row(page, "Digest", &signer.digest_algorithm);
        row(
            page,
            "Signature",
            &format!("{}, {} bytes", signer.signature_algorithm, signer.signature_bytes),
        );
        for attribute in &signer.signed_attributes {
            let name = attribute.attribute.name.unwrap_or(&attribute.attribute.oid);
            let known =
                name.starts_with("signing certificate") && !signer.certificate_ids.is_empty();
            let value = if known { "see below" } else { &attribute.value };
            row(page, "Signed", &format!("{name}: {value}"));
        }
        for id in &signer.certificate_ids {
            let version = if id.attribute_version == 2 { "ESSCertIDv2" } else { "ESSCertID" };
            let names = match &id.names {
                Some(subject) => format!(" = {subject}"),
                None => ", of no certificate here".to_owned(),
            };
            let hash = id.hash.name.unwrap_or(&id.hash.oid);
            row(page, version, &format!("{hash} {}{names}", id.digest));
            if let Some(serial) = &id.serial {
                let issuer = id.issuer.as_deref().unwrap_or("an issuer that is not named");
                row(page, "", &format!("serial number {serial} of {issuer}"));
            }
        }
        for attribute in &signer.unsigned_attributes {
            row(
                page,
                "Not signed",
                &format!("{}: {}", attribute.attribute.in_full(), attribute.value),
            );
        }
    }
    page.blank();
    let mut with = format!("content: {}", it.content.in_full());
    if it.detached {
        with = format!("{with}, not inside");
    }
    if it.crls + it.ocsp_responses > 0 {
        with = format!("{with}; {} CRLs and {} OCSP responses inside", it.crls, it.ocsp_responses);
    }
    page.wrapped(2, 4, &[(Ink::Faint, &format!("Signed data version {}, {with}", it.version))]);
    if it.certificates.is_empty() {
        page.line(2, &[(Ink::Warn, "It brings no certificates along.")]);
    }
    for (index, certificate) in it.certificates.iter().enumerate() {
        page.blank();
        page.heading(2, &format!("Certificate {} of {}", index + 1, it.certificates.len()));
        self::certificate(page, certificate);
    }
}

fn certificate(page: &mut Page<'_>, it: &CertificatePart) {
    let row = |page: &mut Page<'_>, label: &str, text: &str| page.labelled(4, LABEL, label, text);
    row(page, "Subject", &it.subject);
    row(page, "Issuer", if it.issuer == it.subject { "itself" } else { &it.issuer });
    row(page, "Serial number", &it.serial);
    row(page, "Valid", &format!("{} to {}", it.not_before, it.not_after));
    row(page, "Key", &it.key);
    row(page, "Signed with", &it.algorithm);
    if it.ca {
        row(page, "Authority", "may issue certificates");
    }
    if let Some(usage) = &it.key_usage {
        row(page, "Key usage", &usage.join(", "));
    }
    if let Some(usage) = &it.extended_key_usage {
        let critical =
            if it.extended_key_usage_critical { " (critical)" } else { " (not critical)" };
        row(page, "Purpose", &format!("{}{critical}", usage.join(", ")));
    }
    for (label, all) in [
        ("Policy", &it.policies),
        ("Also called", &it.alternative_names),
        ("OCSP", &it.ocsp),
        ("CRL", &it.crls),
        ("CA certificate", &it.ca_issuers),
    ] {
        for text in all {
            row(page, label, text);
        }
    }
    row(page, "SHA-256", &it.sha256);
}

fn elements(page: &mut Page<'_>, tree: &Tree) {
    for node in &tree.nodes {
        let place = format!("{:>6}  {:>2}+{:<5} ", node.offset, node.header, node.length);
        let indent = "  ".repeat(node.depth.min(40));
        let value = if node.value.is_empty() { String::new() } else { format!("  {}", node.value) };
        page.line(
            0,
            &[
                (Ink::Faint, &place),
                (Ink::Plain, &indent),
                (Ink::Strong, &node.tag),
                (Ink::Plain, &value),
            ],
        );
    }
    if let Some(error) = &tree.error {
        page.wrapped(0, 2, &[(Ink::Bad, "It ends here: "), (Ink::Plain, error)]);
    }
}

/// What came of verifying a timestamp: the verdict, each check, and what would mend the first that failed. `place` is
/// where it hangs in a signed file.
pub fn stamp_verdict_text(
    name: &str,
    place: Option<&str>,
    verdict: &Verdict<'_>,
    look: &Look<'_>,
) -> String {
    let mut page = Page::new(look);
    let failed = verdict.checks.iter().filter(|it| it.is_failed()).count();
    let (ink, words) = match (verdict.time, failed) {
        (Some(time), _) => {
            let what = if place.is_some() { "signature" } else { "data" };
            (Ink::Good, format!("verified: the {what} existed at {time}"))
        }
        (None, 0) => (Ink::Bad, "not verified".to_owned()),
        (None, 1) => (Ink::Bad, "not verified: 1 check failed".to_owned()),
        (None, count) => (Ink::Bad, format!("not verified: {count} checks failed")),
    };
    let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
    let title = [(Ink::Strong, name), (Ink::Plain, ": "), (Ink::Plain, &place), (ink, &words)];
    page.wrapped(0, 2, &title);
    page.blank();
    checks(&mut page, 2, &verdict.checks);
    if let Some(first) = verdict.first_failure() {
        page.blank();
        page.heading(2, "What is wrong");
        page.wrapped(
            4,
            4,
            &[(Ink::Plain, first.name), (Ink::Plain, ": "), (Ink::Plain, &first.words)],
        );
        if let Some(remedy) = &first.remedy {
            page.heading(2, "What to do");
            page.wrapped(4, 4, &[(Ink::Plain, remedy)]);
        }
    }
    page.finish()
}

/// Checks, a line or more each.
pub(crate) fn checks(page: &mut Page<'_>, indent: usize, all: &[Check]) {
    let width = all.iter().map(|it| it.name.len()).max().unwrap_or(0) + 2;
    for it in all {
        let (ink, word) = match it.result {
            Outcome::Passed => (Ink::Good, "passed"),
            Outcome::Failed => (Ink::Bad, "FAILED"),
            Outcome::NotDone => (Ink::Warn, "not done"),
        };
        let mut text = it.words.clone();
        if let (Outcome::NotDone, Some(remedy)) = (it.result, &it.remedy) {
            text = format!("{text}; {remedy}");
        }
        page.marked(indent, 10, (ink, word), width, it.name, &text);
    }
}
