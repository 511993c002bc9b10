//! `stamp verify` and `stamp show` on timestamps inside of signed files: images, catalogs, CMS, PDFs.

use crate::serve::start;
use crate::{golden, run, scratch::Scratch};
use signatures::timestamp::Response;
use std::path::PathBuf;

const HOME: &str = "crates/bugcheck/tests/signed";
const CA: &str = "crates/bugcheck/tests/signed/root.pem";

#[test]
fn timestamps_of_signed_files_verify() {
    for (name, golden) in [
        ("stamped.sys", Some("within-image.txt")),
        ("countersigned.sys", Some("within-countersigned.txt")),
        ("dual.sys", None),
        ("package.cat", None),
    ] {
        let path = format!("{HOME}/{name}");
        let ran = run(&["stamp", "verify", &path, "--ca", CA]);
        assert_eq!(ran.status, 0, "{name}: {}{}", ran.out, ran.error);
        if let Some(golden) = golden {
            golden::check(&format!("stamp/{golden}"), &ran.out).unwrap();
        }
        let ran = run(&["stamp", "verify", &path]);
        assert_eq!(ran.status, 1, "{name}: nobody is trusted, {}", ran.out);
        let shown = run(&["stamp", "show", &path]);
        assert_eq!(shown.status, 0, "{name}: {}", shown.error);
    }
}

#[test]
fn what_is_no_timestamp_and_what_does_not_belong_is_told() {
    for (name, more, said) in [
        ("pages.sys", &[][..], "there is no timestamp in it"),
        ("driver.sys", &[], "the image is not signed"),
        ("stamped.sys", &["--data", CA], "--data and --query are for"),
    ] {
        let path = format!("{HOME}/{name}");
        let ran = run(&[&["stamp", "verify", &path], more].concat());
        assert_eq!(ran.status, 2, "{}{}", ran.out, ran.error);
        assert!(ran.error.contains(said), "{}", ran.error);
    }
}

/// A signature whose stamp is of another one: taken out of a driver and put into the next.
#[test]
fn a_stamp_of_another_signature_is_found() {
    let mut file = std::fs::read(crate::root().join(HOME).join("stamped.sys")).unwrap();
    let image = pe::Image::parse(&file).unwrap();
    let entry = image.certificate_table().unwrap().entries[0].content.clone();
    let data = signatures::SignedData::parse(&file[entry.clone()], entry.start).unwrap();
    let signature = data.signers[0].signature.to_vec();
    let at = file.windows(signature.len()).position(|it| it == signature).unwrap();
    drop(data);
    file[at] ^= 1;
    let changed = Scratch::new("driver.sys", &file);
    let ran = run(&["stamp", "verify", changed.path(), "--ca", CA, "--format", "json"]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.error);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["first_failure"], "imprint");
    assert_eq!(told["place"], "timestamp of the signature");
}

const DIGITS: usize = 16_384;

/// A PDF whose signature field has room for `DIGITS` digits, and where that room lies, with its brackets.
fn pdf() -> (Vec<u8>, std::ops::Range<usize>) {
    let head = "%PDF-1.7\n1 0 obj\n<</Type/DocTimeStamp/SubFilter/ETSI.RFC3161/ByteRange [0 ";
    let tail = ">>\nendobj\n2 0 obj\n<</Length 5>>stream\n\u{0}\u{1}\u{2}\u{3}\u{4}\nendstream\nendobj\n%%EOF\n";
    let numbers = 10 + 1 + 10 + 1 + 10;
    let start = head.len() + numbers + "]/Contents ".len();
    let end = start + DIGITS + 2;
    let text = format!(
        "{head}{start:010} {end:010} {:010}]/Contents <{}>{tail}",
        tail.len(),
        "0".repeat(DIGITS)
    );
    (text.into_bytes(), start..end)
}

#[test]
fn the_timestamp_of_a_pdf_is_held_against_what_it_covers() {
    let (mut file, room) = pdf();
    let covered = [&file[..room.start], &file[room.end..]].concat();
    let data = Scratch::new("covered.bin", &covered);
    let folder = PathBuf::from(format!("{}.tsa", data.path()));
    let (server, address) = start(&folder, None);
    assert_eq!(run(&["stamp", "query", data.path(), "--cert"]).status, 0);
    let query = format!("{}.tsq", data.path());
    let sent = run(&["stamp", "send", &format!("http://{address}/"), &query]);
    assert_eq!(sent.status, 0, "{}", sent.error);
    drop(server);
    let reply = std::fs::read(query.replace(".tsq", ".tsr")).unwrap();
    let token = Response::parse(&reply, 0).unwrap().token.unwrap();
    let digits = signatures::value::Hex(token.signed.raw).to_string();
    file[room.start + 1..][..digits.len()].copy_from_slice(digits.as_bytes());

    let ca = folder.join("certificate.pem");
    let ca = ca.to_str().unwrap();
    let check = |bytes: &[u8], status: i32| {
        let pdf = Scratch::new("paper.pdf", bytes);
        let ran = run(&["stamp", "verify", pdf.path(), "--ca", ca, "--format", "json"]);
        assert_eq!(ran.status, status, "{}{}", ran.out, ran.error);
        serde_json::from_str::<serde_json::Value>(&ran.out).unwrap()
    };
    let told = check(&file, 0);
    assert_eq!(told["checks"][0]["name"], "byte-range");
    assert_eq!(told["place"], "document timestamp");
    let mut longer = file.clone();
    longer.extend(b"3 0 obj\nendobj\n");
    let words = &check(&longer, 0)["checks"][0]["words"];
    assert!(words.as_str().unwrap().contains("15 more were added afterwards"), "{words}");
    let mut changed = file.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(check(&changed, 1)["first_failure"], "imprint");
    // Without a range that fits, nothing says what is covered; one that leads out of the file is none.
    for (from, to) in [("/ByteRange", "/Bytes_gone"), ("[0 ", "[9 "), ("[0 0", "[0 9")] {
        let text = String::from_utf8(file.clone()).unwrap();
        assert_eq!(
            check(text.replacen(from, to, 1).as_bytes(), 1)["first_failure"],
            "byte-range",
            "{to}"
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
    std::fs::remove_file(query.replace(".tsq", ".tsr")).unwrap();
    std::fs::remove_file(query).unwrap();
}
