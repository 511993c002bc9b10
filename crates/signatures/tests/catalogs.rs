//! Real catalogs, as whole signatures: who signed, whether it holds, what belongs to the chain.
//!
//! The files are not part of the project: `BUGCHECK_CORPUS`, or `../shared/corpus` beside the repository.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use signatures::chain::{self, Demand};
use signatures::revocation::Revocation;
use signatures::{Outcome, SignedData, oid, verify};
use std::path::{Path, PathBuf};

fn corpus(name: &str) -> Option<Vec<u8>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    let path = folder.join(name);
    let found = std::fs::read(&path);
    if let Err(error) = &found {
        println!("SKIPPED: {}: {error}", path.display());
    }
    found.ok()
}

#[test]
fn signers_of_catalogs_hold_and_a_changed_byte_is_found() {
    for name in ["signatures/signify-oem89.cat", "signatures/relic-hyperv.cat"] {
        let Some(mut file) = corpus(name) else { continue };
        let at = {
            let data = SignedData::parse(&file, 0).unwrap();
            assert_eq!(data.content_type, oid::CTL, "{name}");
            let content = data.content.as_ref().unwrap();
            let [signer] = data.signers.as_slice() else { panic!("{name}: one signer") };
            let certificate = data.certificate_of(&signer.id).unwrap();
            let checks =
                verify::signer(signer, certificate, &content.octets, Some(data.content_type));
            assert!(checks.iter().all(|it| it.result == Outcome::Passed), "{name}: {checks:#?}");

            // The catalog brings the CAs along but for the root.
            let none = Revocation::default();
            let chain = chain::build(certificate, &data.certificates, &[]);
            assert!(chain.path.len() >= 2 && !chain.anchored, "{name}");
            let last = *chain.path.last().unwrap();
            let trusted = [last.clone()];
            let chain = chain::build(certificate, &data.certificates, &trusted);
            assert!(chain.anchored);
            let at = certificate.not_before;
            let demand = Demand {
                at,
                moment: "its start",
                purpose: Some(oid::CODE_SIGNING),
                revocation: &none,
            };
            let failed: Vec<_> =
                chain::judge(&chain, &demand).into_iter().filter(|it| it.is_failed()).collect();
            let wrong =
                |it: &signatures::Check| it.name != "purpose" && it.name != "chain-strength";
            assert!(!failed.iter().any(wrong), "{name}: {failed:#?}");
            content.offset + content.octets.len() / 2
        };
        file[at] ^= 1;
        // Damage inside of a hash leaves the structure whole.
        let data = SignedData::parse(&file, 0).unwrap();
        let signer = &data.signers[0];
        let certificate = data.certificate_of(&signer.id).unwrap();
        let content = data.content.as_ref().unwrap();
        let checks = verify::signer(signer, certificate, &content.octets, Some(data.content_type));
        assert_eq!(checks[0].result, Outcome::Failed, "{name}");
        assert_eq!(checks[2].result, Outcome::Passed, "{name}: the attributes are as they were");
    }
}
