//! Replies are what RFC 3161 asks for, refusals have the right bit, and numbers never repeat: here over restarts
//! inside of one process. `crates/bugcheck/tests/cli/serve.rs` kills the process.

#![allow(clippy::disallowed_methods, reason = "tests make folders")]

use signatures::revocation::Revocation;
use signatures::timestamp::{Evidence, Response, verify};
use signatures::{Certificate, Hash, Time, pem};
use std::path::PathBuf;
use timestamp_server::{Authority, Settings};

const NOW: Time = Time { seconds: 1_780_000_000, nanos: 123_456_789 };

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    fn open(&self, settings: &Settings) -> Authority {
        Authority::open(&self.0, settings.clone(), NOW).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut bytes = vec![tag, u8::try_from(content.len()).unwrap()];
    assert!(content.len() < 0x80);
    bytes.extend(content);
    bytes
}

/// A query for the hash of `hello`: the bytes of its hash's identifier, and what follows the imprint.
fn query(version: u8, hash: Hash, length: usize, rest: &[u8]) -> Vec<u8> {
    let algorithm = element(0x30, &[&element(6, &[hash.oid().oid().0]), &[5, 0]]);
    let digest = hash.digest(b"hello");
    let imprint = element(0x30, &[&algorithm, &element(4, &[&digest[..length.min(digest.len())]])]);
    element(0x30, &[&[2, 1, version], &imprint, rest])
}

#[test]
fn what_is_stamped_verifies_and_numbers_go_on() {
    let folder = Folder::new("stamped");
    let settings =
        Settings { ordering: true, policies: vec!["1.2.3".to_owned()], ..Settings::default() };
    let mut seen = std::collections::HashSet::new();
    let mut last = None;
    for restart in 0..3 {
        let authority = folder.open(&settings);
        // Policy 1.2.3, nonce 5, certificate.
        let asked = query(1, Hash::Sha256, 32, &[6, 2, 0x2a, 3, 2, 1, 5, 1, 1, 0xff]);
        for _ in 0..1100 {
            let reply = authority.answer(&asked, NOW);
            let reply = Response::parse(&reply, 0).unwrap();
            let token = reply.token.as_ref().unwrap();
            let info = token.info().unwrap();
            assert!(seen.insert(info.serial.to_string()), "serial {} twice", info.serial);
            if restart == 0 {
                assert!(last < Some(info.time));
                last = Some(info.time);
            }
        }
        let certificate = std::fs::read(folder.0.join("certificate.pem")).unwrap();
        let certificate = pem::or_der(&certificate, &["CERTIFICATE"]).unwrap();
        let trusted = [Certificate::parse(&certificate[0], 0).unwrap()];
        let reply = authority.answer(&asked, NOW);
        let asked = signatures::timestamp::Request::parse(&asked, 0).unwrap();
        let revocation = Revocation::default();
        let evidence = Evidence {
            data: Some(b"hello"),
            query: Some(&asked),
            trusted: &trusted,
            untrusted: &[],
            revocation: &revocation,
            now: Some(Time::of_seconds(NOW.seconds + 1)),
        };
        let reply = Response::parse(&reply, 0).unwrap();
        assert!(
            reply.irregular.is_empty() && reply.token.as_ref().unwrap().signed.irregular.is_empty()
        );
        seen.insert(reply.token.as_ref().unwrap().info().unwrap().serial.to_string());
        let verdict = verify(&reply, &evidence);
        assert!(verdict.time.is_some(), "{:#?}", verdict.checks);
    }
}

#[test]
fn what_is_refused_has_the_bit_of_the_standard() {
    let folder = Folder::new("refused");
    let authority = folder.open(&Settings::default());
    for (asked, now, bit) in [
        (b"GET / HTTP".to_vec(), NOW, "badDataFormat"),
        (query(2, Hash::Sha256, 32, &[]), NOW, "badRequest"),
        (query(1, Hash::Sha1, 20, &[]), NOW, "badAlg"),
        (query(1, Hash::Sha256, 31, &[]), NOW, "badDataFormat"),
        (query(1, Hash::Sha256, 32, &[6, 2, 0x2a, 9]), NOW, "unacceptedPolicy"),
        (
            query(1, Hash::Sha256, 32, &[0xa0, 9, 0x30, 7, 6, 1, 0x2a, 4, 2, 5, 0]),
            NOW,
            "unacceptedExtension",
        ),
        (query(1, Hash::Sha256, 32, &[]), Time::of_seconds(0), "timeNotAvailable"),
    ] {
        let reply = authority.answer(&asked, now);
        let reply = Response::parse(&reply, 0).unwrap();
        assert_eq!((reply.status.name(), reply.token.is_none()), ("rejected", true), "{bit}");
        assert_eq!(reply.failure_words()[0].0, bit, "{:?}", reply.texts);
    }
    let two = Authority::open(&folder.0, Settings::default(), NOW);
    assert!(two.err().unwrap().contains("another server uses this folder"));
}
