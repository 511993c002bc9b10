//! `stamp`: queries, and replies of the corpus.

use crate::{golden, run, scratch::Scratch};
use std::path::PathBuf;

/// A file of `../shared/corpus/timestamps`, which is not part of the project.
fn corpus(name: &str) -> Option<String> {
    let beside = crate::root().join("../shared/corpus");
    let folder = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    let path = folder.join("timestamps").join(name);
    if !path.is_file() {
        println!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path.to_str().unwrap().to_owned())
}

#[test]
fn a_query_is_made_and_shown() {
    let data = Scratch::new("data.bin", b"hello");
    let query = format!("{}.tsq", data.path());
    let ran = run(&["stamp", "query", data.path(), "--cert", "--policy", "1.2.3.4"]);
    assert_eq!((ran.status, ran.out.trim_end()), (0, query.as_str()), "{}", ran.error);
    let shown = run(&["stamp", "show", &query, "--format", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let query_part = &shown["parts"][0]["query"];
    assert_eq!(shown["schema"], "bugcheck.stamp-show.1");
    assert_eq!(query_part["policy"]["oid"], "1.2.3.4");
    assert_eq!(query_part["wants_certificate"], true);
    assert_eq!(query_part["nonce"].as_str().map(str::len), Some(16));
    let ran = run(&["stamp", "query", data.path(), "--policy", "2.999.1"]);
    assert_eq!(ran.status, 0, "that of `stamp serve`: {}", ran.error);
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(query_part["imprint"]["hash"], hash);
    std::fs::remove_file(query).unwrap();
}

#[test]
fn mistakes_of_the_command_line_are_told() {
    let data = Scratch::new("data.bin", b"hello");
    for (arguments, status, said) in [
        (&["query", data.path(), "--policy", "x"][..], 2, "`x` is no object identifier"),
        (&["query", data.path(), "--hash", "crc"], 2, "take sha256"),
        (&["show", data.path()], 2, "data.bin: the file at offset 0x0"),
        (&["send", "tsa.example", data.path()], 2, "begins with http"),
        (&["send", "http://127.0.0.1:9", data.path()], 2, "this is no query"),
    ] {
        let ran = run(&[&["stamp"], arguments].concat());
        assert_eq!(ran.status, status, "{arguments:?}: {}", ran.error);
        assert!(ran.error.contains(said), "{arguments:?}: {}", ran.error);
    }
}

#[test]
fn replies_are_shown_and_verified() {
    let (Some(reply), Some(chain), Some(injected)) = (
        corpus("tob-test_tsa-response.tsr"),
        corpus("tob-test_tsa-ts_chain.pem"),
        corpus("tob-test_tsa-response-injected-certs.tsr"),
    ) else {
        return;
    };
    let data = Scratch::new("data.bin", b"hello");
    // The path of the file stands in the first line or two, and how they break depends on it.
    let plain = |text: &str| {
        let at = text.find("\n  Status").or_else(|| text.find("\n\n")).unwrap();
        text[at + 1..].to_owned()
    };
    let shown = run(&["stamp", "show", &reply]);
    assert_eq!(shown.status, 0);
    assert_eq!(run(&["explain", &reply]).out, shown.out);
    golden::check("stamp/reply.txt", &plain(&shown.out)).unwrap();
    for (file, status, golden) in [(&reply, 0, "verified.txt"), (&injected, 1, "injected.txt")] {
        let ran = run(&["stamp", "verify", "--data", data.path(), file, "--ca", &chain]);
        assert_eq!(ran.status, status, "{}", ran.error);
        golden::check(&format!("stamp/{golden}"), &plain(&ran.out)).unwrap();
    }
}
