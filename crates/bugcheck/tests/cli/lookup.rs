//! `bugcheck lookup`, as people ask it.

use crate::{golden, run};

/// Name of the golden file and arguments.
const LOOKUPS: &[(&str, &[&str])] = &[
    ("status", &["0xc0000034"]),
    ("several-spaces", &["0x80000003"]),
    ("setup-log", &["e0000228", "(0xe0000203)"]),
    ("hresult-win32", &["0x80070005", "-2147024894"]),
    ("device-manager", &["Code 10"]),
    ("create-file", &["2", "--in", "CreateFile error"]),
    ("access", &["0x00120196", "0x00120089"]),
    ("ioctl", &["0x9c40e00f", "--as", "ioctl"]),
    ("verifier", &["0xbfb", "0x209bb"]),
    ("log-level", &["0x2000ff00"]),
    ("pool-tag", &["0x6f666946", "--as", "pool-tag"]),
    ("bug-check", &["0x9f"]),
    ("sub-code", &["0xc4", "62"]),
    (
        "blue-screen",
        &[
            "*** STOP: 0x000000D1 (0x0000000000000028,0x0000000000000002,0x0000000000000001,0xFFFFF80112345678)",
        ],
    ),
    ("parameter", &["0xffffffffc0000005", "--in", "bug check parameter 1 of 0x7E"]),
    ("name", &["irp_mn_query_capabilities", "DISPATCH_LEVEL"]),
];

#[test]
fn lookups_read_as_kept() {
    let mut wrong = Vec::new();
    for (name, arguments) in LOOKUPS {
        let ran = run(&[&["lookup"], *arguments].concat());
        assert_eq!((ran.status, ran.error.as_str()), (0, ""), "{arguments:?}");
        wrong.extend(golden::check(&format!("lookup/{name}.txt"), &ran.out).err());
    }
    let ran = run(&["lookup", "0xd1", "0", "2", "--format", "json"]);
    wrong.extend(golden::check("lookup/codes.json", &ran.out).err());
    let ran = run(&["lookup", "0xc4", "0x62", "--format", "json"]);
    wrong.extend(golden::check("lookup/sub-code.json", &ran.out).err());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_known_is_status_two() {
    let wrong = run(&["lookup", "STATUS_DEVICE_BUZY"]);
    assert_eq!((wrong.status, wrong.out.as_str()), (2, ""));
    assert!(wrong.error.contains("near it are STATUS_DEVICE_BUSY"), "{}", wrong.error);
    // What is known is told nevertheless.
    let both = run(&["lookup", "0xc0000034", "@@@"]);
    assert_eq!(both.status, 2);
    assert!(both.out.contains("STATUS_OBJECT_NAME_NOT_FOUND"));
    let none = run(&["lookup", "0x1234", "--as", "cm-prob"]);
    assert_eq!(none.status, 2);
    assert!(none.error.contains("nothing is known of this number as cm-prob"), "{}", none.error);
    assert_eq!(run(&["lookup"]).status, 2);
    assert_eq!(run(&["lookup", "1", "--as", "nosuch"]).status, 2);
}

#[test]
fn json_is_one_document_with_its_schema_first() {
    let ran = run(&["lookup", "0x80000003", "nonsense-name", "--format", "json"]);
    assert!(ran.out.starts_with("{\n  \"schema\": \"bugcheck.lookup.1\""), "{}", ran.out);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let lookups = json["lookups"].as_array().unwrap();
    assert_eq!(lookups.len(), 2);
    assert_eq!(lookups[0]["answers"][0]["name"], "STATUS_BREAKPOINT");
    assert_eq!(lookups[1]["found"], false);
}
