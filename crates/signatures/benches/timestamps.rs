//! How long it takes to read and to verify a reply, and the bare signature checks in it; and to hash an image as
//! Authenticode does.
//!
//! `cargo bench -p signatures`, with the corpus beside the repository.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads files and the clock")]

use signatures::authenticode::image_digest;
use signatures::keys::{self, Scheme};
use signatures::revocation::Revocation;
use signatures::timestamp::{Evidence, Response, verify};
use signatures::{Certificate, Hash, pem};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Nanoseconds a call.
fn round(calls: u32, call: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| call());
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn middle(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Nanoseconds a call: the median of 15 rounds.
fn median(calls: u32, mut call: impl FnMut()) -> f64 {
    middle((0..15).map(|_| round(calls, &mut call)).collect())
}

/// Megabytes a second of the digest of an image, which is a driver with zeros behind it.
fn authenticode() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut file =
        std::fs::read(root.join("drivers/clean/ring-user/ring-user.sys")).expect("a driver");
    file.resize(64 << 20, 0);
    let image = pe::Image::parse(&file).expect("an image");
    let covered = image.digest_ranges();
    for hash in [Hash::Sha256, Hash::Sha1] {
        let time = median(1, || {
            black_box(image_digest(&image, black_box(&covered), hash));
        });
        println!(
            "digest of an image by {}: {:.0} MB a second",
            hash.name(),
            64.0 * 1.048_576 * 1e9 / time
        );
    }
}

fn main() {
    authenticode();
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder =
        std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from).join("timestamps");
    for (reply, chain) in [
        ("tob-test_tsa-response.tsr", "tob-test_tsa-ts_chain.pem"),
        ("tob-sigstage-response-sha256.tsr", "tob-sigstage-ts_chain.pem"),
        ("tob-identrust-issue-104.tsr", "tob-identrust-ts_chain.pem"),
    ] {
        let (Ok(bytes), Ok(chain)) =
            (std::fs::read(folder.join(reply)), std::fs::read(folder.join(chain)))
        else {
            println!("SKIPPED: {reply} is not there");
            continue;
        };
        let chain = pem::or_der(&chain, &["CERTIFICATE"]).expect("certificates");
        let trusted: Vec<Certificate<'_>> =
            chain.iter().map(|it| Certificate::parse(it, 0).expect("a certificate")).collect();
        let show = median(2000, || {
            let reply = Response::parse(black_box(&bytes), 0).expect("a reply");
            black_box(reply.token.as_ref().map(|token| token.info().is_ok()));
        });
        let revocation = Revocation::default();
        let evidence = Evidence {
            data: Some(b"hello"),
            query: None,
            trusted: &trusted,
            untrusted: &[],
            revocation: &revocation,
            now: None,
        };
        let check = || {
            let reply = Response::parse(&bytes, 0).expect("a reply");
            let verdict = verify(&reply, black_box(&evidence));
            assert!(verdict.time.is_some());
            verdict.path.len()
        };
        let links = check();
        // The signer's signature, and that of each certificate that is not the last.
        let response = Response::parse(&bytes, 0).expect("a reply");
        let verdict = verify(&response, &evidence);
        let token = response.token.as_ref().expect("a token");
        let signer = &token.signed.signers[0];
        let key = &verdict.path[0].key;
        let scheme = Scheme::of(&signer.signature_algorithm, key, Some(&signer.digest_algorithm))
            .expect("a scheme");
        let attributes = signer.signed.as_ref().expect("attributes").element;
        let mut message = attributes.raw.to_vec();
        message[0] = 0x31;
        let mut bare = || {
            keys::verify(scheme, key, &message, &signer.signature).expect("the signature holds");
            for pair in verdict.path.windows(2) {
                signatures::chain::is_signed_by(&pair[0], &pair[1]).expect("signed");
            }
        };
        // In turns, so that what else the machine does falls on both.
        let mut whole = || {
            check();
        };
        let turns: Vec<(f64, f64)> =
            (0..31).map(|_| (round(20, &mut whole), round(20, &mut bare))).collect();
        let ratio = middle(turns.iter().map(|(whole, bare)| whole / bare).collect());
        let whole = middle(turns.iter().map(|it| it.0).collect());
        let bare = middle(turns.iter().map(|it| it.1).collect());
        println!(
            "{reply}: show {:.0} ns ({:.0} a second); verify {:.1} us, bare checks of {links} signatures \
             {:.1} us, ratio {:.3}",
            show,
            1e9 / show,
            whole / 1e3,
            bare / 1e3,
            ratio
        );
    }
}
