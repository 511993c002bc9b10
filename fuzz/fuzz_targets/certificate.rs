//! Any bytes as a certificate, a CRL, an OCSP response and PEM: facts in words, and one held against itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signatures::chain::{self, Demand};
use signatures::revocation::{Crl, Ocsp, Revocation};
use signatures::{Certificate, oid, pem};

fuzz_target!(|data: &[u8]| {
    let _ = pem::blocks(data);
    let mut revocation = Revocation::default();
    revocation.crls.extend(Crl::parse(data, 0));
    revocation.ocsp.extend(Ocsp::parse(data, 0));
    let Ok(it) = Certificate::parse(data, 0) else { return };
    assert!(it.raw.len() <= data.len() && it.signed.len() < it.raw.len());
    let words = format!("{} {} {} {}", it.subject, it.issuer, it.serial, it.key.words());
    assert!(!words.is_empty() && it.subject.is(&it.subject) || it.subject.attributes().is_empty());
    let _ = (it.policies(), it.alternative_names(), it.ocsp(), it.crls(), it.ca_issuers());
    let all = [it.clone()];
    let chain = chain::build(&it, &all, &all);
    let demand = Demand {
        at: it.not_before,
        moment: "its start",
        purpose: Some(oid::TIME_STAMPING),
        revocation: &revocation,
    };
    chain::judge(&chain, &demand);
});
