//! How long it takes to read and to verify a reply, and the bare signature checks in it.
//!
//! `cargo bench -p signatures`, with the corpus beside the repository.

#![allow(clippy::disallowed_methods, reason = "a benchmark reads files and the clock")]

use signatures::keys::{self, Scheme};
use signatures::revocation::Revocation;
use signatures::timestamp::{Evidence, Response, verify};
use signatures::{Certificate, pem};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Nanoseconds a call: the median of 15 rounds.
fn median(rounds: u32, mut call: impl FnMut()) -> f64 {
    let mut all: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            (0..rounds).for_each(|_| call());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all[7]
}

fn main() {
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
        let whole = median(50, || {
            check();
        });
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
        let bare = median(50, || {
            keys::verify(scheme, key, &message, &signer.signature).expect("the signature holds");
            for pair in verdict.path.windows(2) {
                signatures::chain::is_signed_by(&pair[0], &pair[1]).expect("signed");
            }
        });
        println!(
            "{reply}: show {:.0} ns ({:.0} a second); verify {:.1} us, bare checks of {links} signatures \
             {:.1} us, ratio {:.3}",
            show,
            1e9 / show,
            whole / 1e3,
            bare / 1e3,
            whole / bare
        );
    }
}
