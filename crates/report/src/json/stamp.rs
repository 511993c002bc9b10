//! `bugcheck.stamp-show.1`, `bugcheck.stamp-verify.1`.

use super::{document, line};
use crate::stamp::{CertificatePart, CheckPart, NodePart, Part, Tree, path};
use serde::Serialize;
use signatures::timestamp::{Found, Verdict};

#[derive(Serialize)]
struct ShowDocument<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    parts: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn1: Option<&'a [NodePart]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn1_ends: Option<&'a str>,
}

/// What a file holds of timestamps.
///
/// # Errors
/// If it cannot be written as JSON, which no input causes.
pub fn stamp_json(
    file: &str,
    found: &[Found<'_>],
    tree: Option<&Tree>,
    many: bool,
) -> serde_json::Result<String> {
    let made = ShowDocument {
        schema: "bugcheck.stamp-show.1",
        file,
        format: "timestamp or signature",
        parts: found.iter().map(Part::of).collect(),
        asn1: tree.map(|it| it.nodes.as_slice()),
        asn1_ends: tree.and_then(|it| it.error.as_deref()),
    };
    if many { line(&made) } else { document(&made) }
}

#[derive(Serialize)]
struct VerifyDocument<'a> {
    schema: &'static str,
    file: &'a str,
    /// Where the timestamp hangs in a signed file.
    place: Option<&'a str>,
    verified: bool,
    time: Option<String>,
    checks: Vec<CheckPart<'a>>,
    first_failure: Option<&'a str>,
    path: Vec<CertificatePart>,
}

/// What came of verifying a timestamp; `place` is where it hangs in a signed file. With `in_lines` on one line.
///
/// # Errors
/// As [`stamp_json`].
pub fn stamp_verdict_json(
    file: &str,
    place: Option<&str>,
    verdict: &Verdict<'_>,
    in_lines: bool,
) -> serde_json::Result<String> {
    let made = VerifyDocument {
        schema: "bugcheck.stamp-verify.1",
        file,
        place,
        verified: verdict.time.is_some(),
        time: verdict.time.map(|it| it.to_string()),
        checks: verdict.checks.iter().map(CheckPart::of).collect(),
        first_failure: verdict.first_failure().map(|it| it.name),
        path: path(&verdict.path),
    };
    if in_lines { line(&made) } else { document(&made) }
}
