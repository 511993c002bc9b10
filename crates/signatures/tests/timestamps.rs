//! Real replies, each as its name says: good, signed wrongly, without a certificate, with injected ones, expired.
//!
//! The files are not part of the project: `BUGCHECK_CORPUS`, or `../shared/corpus` beside the repository.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use signatures::revocation::Revocation;
use signatures::timestamp::{Evidence, Request, Response, Verdict, verify};
use signatures::{Certificate, Time, pem};
use std::path::{Path, PathBuf};

fn corpus(name: &str) -> Option<Vec<u8>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    let path = folder.join("timestamps").join(name);
    let found = std::fs::read(&path);
    if let Err(error) = &found {
        println!("SKIPPED: {}: {error}", path.display());
    }
    found.ok()
}

/// Checks a reply over `data`, and hands the verdict on.
fn judged(
    reply: &str,
    chain: &str,
    query: Option<&str>,
    data: Option<&[u8]>,
    look: impl Fn(&Verdict<'_>),
) {
    let (Some(bytes), Some(chain)) = (corpus(reply), corpus(chain)) else { return };
    let query = query.and_then(corpus);
    let chain = pem::or_der(&chain, &["CERTIFICATE"]).unwrap();
    let trusted: Vec<Certificate<'_>> =
        chain.iter().map(|it| Certificate::parse(it, 0).unwrap()).collect();
    let query = query.as_ref().map(|it| Request::parse(it, 0).unwrap());
    let revocation = Revocation::default();
    let response = Response::parse(&bytes, 0).unwrap();
    let verdict = verify(
        &response,
        &Evidence {
            data,
            query: query.as_ref(),
            trusted: &trusted,
            untrusted: &[],
            revocation: &revocation,
            now: Some(Time::of_seconds(1_780_000_000)),
        },
    );
    for it in &verdict.checks {
        println!("{reply}: {} {}: {}", it.name, it.result.word(), it.words);
    }
    look(&verdict);
}

fn failed<'a>(verdict: &'a Verdict<'_>) -> Vec<&'a str> {
    verdict.checks.iter().filter(|it| it.is_failed()).map(|it| it.name).collect()
}

#[test]
fn good_replies_verify() {
    let hello = Some(&b"hello"[..]);
    for (reply, chain, query) in [
        (
            "tob-test_tsa-response.tsr",
            "tob-test_tsa-ts_chain.pem",
            Some("tob-test_tsa-request.der"),
        ),
        ("tob-sigstage-response-sha256.tsr", "tob-sigstage-ts_chain.pem", None),
        ("tob-sigstage-response-sha384.tsr", "tob-sigstage-ts_chain.pem", None),
        ("tob-sigstage-response-sha512.tsr", "tob-sigstage-ts_chain.pem", None),
        ("tob-sigstage-response-no-embedded-cert.tsr", "tob-sigstage-ts_chain.pem", None),
        ("tob-identrust-issue-104.tsr", "tob-identrust-ts_chain.pem", None),
    ] {
        judged(reply, chain, query, hello, |verdict| {
            assert_eq!(failed(verdict), [""; 0], "{reply}");
            assert!(verdict.time.is_some());
        });
    }
}

#[test]
fn bad_replies_fail_where_they_are_bad() {
    let hello = Some(&b"hello"[..]);
    let stage = "tob-sigstage-ts_chain.pem";
    judged("tob-sigstage-response-invalid-signature.tsr", stage, None, hello, |verdict| {
        assert_eq!(failed(verdict), ["signature"]);
        assert!(verdict.time.is_none());
    });
    // A certificate of the signer's name, put there; the signature itself is the signer's.
    let (reply, chain) = ("tob-test_tsa-response-injected-certs.tsr", "tob-test_tsa-ts_chain.pem");
    judged(reply, chain, Some("tob-test_tsa-request.der"), hello, |verdict| {
        assert_eq!(failed(verdict), ["other-certificates"]);
    });
    // Of an authority of the same names with other keys, and for another query.
    let other = "tob-test_tsa-other_response.tsr";
    judged(other, chain, Some("tob-test_tsa-other_request.der"), hello, |verdict| {
        assert_eq!(failed(verdict), ["query-nonce", "chain"]);
    });
    judged("tob-test_tsa-response.tsr", chain, None, Some(b"other data"), |verdict| {
        assert_eq!(failed(verdict), ["imprint"]);
    });
    judged("tob-test_tsa-response.tsr", stage, None, hello, |verdict| {
        assert_eq!(failed(verdict), ["chain"]);
    });
}

/// The certificate has expired by now, and was valid when the data was stamped.
#[test]
fn what_expired_later_was_good_then() {
    let (reply, chain) =
        ("tob-sigstore.mock-response-expired.tsr", "tob-sigstore.mock-ts_chain.pem");
    judged(reply, chain, None, None, |verdict| {
        assert_eq!(failed(verdict), [""; 0]);
        let present = verdict.checks.iter().find(|it| it.name == "present").unwrap();
        assert!(
            present.words.contains("has expired since (2024-01-01 00:00:00 UTC)"),
            "{present:?}"
        );
    });
}

/// Without certificates at all, nobody can say who signed.
#[test]
fn a_reply_without_certificates_needs_them_given() {
    let Some(bytes) = corpus("tob-sigstage-response-no-embedded-cert.tsr") else { return };
    let response = Response::parse(&bytes, 0).unwrap();
    let revocation = Revocation::default();
    let evidence = Evidence {
        data: Some(b"hello"),
        query: None,
        trusted: &[],
        untrusted: &[],
        revocation: &revocation,
        now: None,
    };
    let verdict = verify(&response, &evidence);
    assert_eq!(failed(&verdict), ["certificate"]);
    assert!(verdict.first_failure().unwrap().words.contains("brings no certificate along"));
}

/// What openssl says of the same reply.
#[test]
fn facts_are_those_of_openssl() {
    let name = "tob-test_tsa-response";
    let (Some(bytes), Some(text)) =
        (corpus(&format!("{name}.tsr")), corpus(&format!("{name}.openssl-text.txt")))
    else {
        return;
    };
    let text = String::from_utf8(text).unwrap();
    let line = |start: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(start));
        found.unwrap_or_else(|| panic!("{start}")).trim().to_owned()
    };
    let response = Response::parse(&bytes, 0).unwrap();
    assert_eq!(response.status.name(), line("Status: ").trim_end_matches('.').to_lowercase());
    let token = response.token.unwrap();
    let info = token.info().unwrap();
    assert_eq!(info.version.to_string(), line("Version: "));
    assert_eq!(info.policy.to_string(), line("Policy OID: "));
    let hash = signatures::Hash::of(info.imprint.algorithm.oid).unwrap();
    assert_eq!(hash, signatures::Hash::by_word(&line("Hash Algorithm: ")).unwrap());
    let serial = line("Serial number: 0x").to_lowercase();
    assert_eq!(info.serial.to_string(), serial);
    assert_eq!(info.nonce.unwrap().to_string(), line("Nonce: 0x").to_lowercase());
    assert_eq!(line("Time stamp: "), "Oct  8 15:40:32 2024 GMT");
    assert_eq!(info.time.to_string(), "2024-10-08 15:40:32 UTC");
    assert!(line("Accuracy: ").starts_with("0x01 seconds, unspecified"));
    let (first, last) = info.interval();
    assert_eq!((info.time.seconds - first.seconds, last.seconds - info.time.seconds), (1, 1));
    assert_eq!((line("Ordering: ").as_str(), info.ordering), ("no", false));
    assert_eq!(info.authority.as_deref(), Some("CN=Test TSA Timestamping, O=local"));
    let dump: String = text
        .lines()
        .filter_map(|line| line.trim().split_once(" - "))
        .map(|(_, hex)| hex.get(..47).unwrap_or(hex).replace([' ', '-'], ""))
        .collect();
    assert_eq!(signatures::value::Hex(info.imprint.hash).to_string(), dump);
}
