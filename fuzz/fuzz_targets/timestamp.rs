//! Any bytes as a query, a reply, a token or a signature: facts with places in the file, the page, the document,
//! elements; and verified with the token's own certificates as the trusted ones.
#![no_main]

use libfuzzer_sys::fuzz_target;
use report::Look;
use signatures::revocation::Revocation;
use signatures::timestamp::{Evidence, Found, find, is_one, verify};
use signatures::{Time, asn1};

const PLAIN: Look<'static> = Look { colour: false, source: &|_, _| None };

fn shown(page: &str) {
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
}

fuzz_target!(|data: &[u8]| {
    let _ = is_one(data);
    let (nodes, error) = asn1::tree(data, 0);
    for node in &nodes {
        assert!(node.element.offset + node.element.raw.len() <= data.len());
    }
    let tree = report::Tree::of(&nodes, error.as_ref());
    let found = match find(data, 0) {
        Ok(found) => found,
        Err(error) => return assert!(error.offset <= data.len(), "{error}"),
    };
    shown(&report::stamp_text("a.tsr", &found, Some(&tree), &PLAIN));
    report::stamp_json("a.tsr", &found, Some(&tree), true).expect("a document");
    let revocation = Revocation::default();
    for it in &found {
        let Found::Response(reply) = it else { continue };
        let trusted = reply.token.as_ref().map(|it| it.signed.certificates.as_slice());
        let evidence = Evidence {
            data: Some(b"hello"),
            query: None,
            trusted: trusted.unwrap_or_default(),
            untrusted: &[],
            revocation: &revocation,
            now: Some(Time::of_seconds(1_700_000_000)),
        };
        let verdict = verify(reply, &evidence);
        assert_eq!(verdict.time.is_none(), verdict.checks.iter().any(|it| it.is_failed()));
        shown(&report::stamp_verdict_text("a.tsr", None, &verdict, &PLAIN));
        report::stamp_verdict_json("a.tsr", None, &verdict, true).expect("a document");
    }
});
