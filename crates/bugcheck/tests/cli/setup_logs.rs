//! `bugcheck explain` on logs of SetupAPI, our own and real ones, and on files that are none.

use crate::scratch::Scratch;
use crate::{command, root, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A package that is refused, a device that does not start, a section without an end.
const LOG: &str = "crates/report/src/golden/setupapi.dev.log";
const INF: &str = "drivers/clean/pnp-interrupt/pnp-interrupt.inf";
const CARD: &str = r"PCI\VEN_1B36&DEV_0017&SUBSYS_00171B36&REV_01";
const CLASS: &str = r"PCI\VEN_1B36&CC_0880";

fn json(arguments: &[&str]) -> Value {
    let ran = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ran.error, "", "{arguments:?}");
    serde_json::from_str(&ran.out).unwrap()
}

/// Items of a list of a story.
fn items(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect()
}

#[test]
fn a_log_is_told_and_its_status_says_that_something_failed() {
    let ran = run(&["explain", LOG]);
    assert_eq!((ran.status, ran.error.as_str()), (1, ""));
    // The golden of the room that makes it names the file without its folder.
    let golden = std::fs::read_to_string(root().join("crates/report/src/golden/setup-log.txt"));
    let behind_head = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
    assert_eq!(behind_head(&ran.out), behind_head(&golden.unwrap()));
    let told = json(&["explain", LOG]);
    assert_eq!(
        (&told["schema"], &told["format"]),
        (&"bugcheck.explain.1".into(), &"setup-log".into())
    );
    assert_eq!(
        (&told["sections"], &told["boots"], &told["wrong"]),
        (&3.into(), &2.into(), &2.into())
    );
    assert_eq!(told["loose_entries"], 1);
}

#[test]
fn one_section_or_all_of_them() {
    let ran = run(&["explain", LOG, "--section", "3"]);
    assert!(ran.out.contains("Section 3,") && !ran.out.contains("Section 2,"), "{}", ran.out);
    let ran = run(&["explain", LOG, "--all"]);
    let numbers: Vec<&str> = ran
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("Section ")?.split(',').next())
        .collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    let ran = run(&["explain", LOG, "--section", "4"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.error.contains("there is no section 4; the log has 3"), "{}", ran.error);
    for wrong in [&["--section", "0"][..], &["--section", "1", "--all"]] {
        assert_eq!(run(&[&["explain", LOG], wrong].concat()).status, 2, "{wrong:?}");
    }
}

#[test]
fn a_page_goes_into_its_file() {
    let page = Scratch::new("log.html", b"");
    let ran = run(&["explain", LOG, "--html", page.path()]);
    assert_eq!(ran.status, 1, "{}", ran.error);
    let html = std::fs::read_to_string(page.path()).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    for word in ["id=\"s2\"", "class=\"device\"", "CM_PROB_FAILED_START", "the device is started"] {
        assert!(html.contains(word), "{word}");
    }
    let nowhere = format!("{}/below/a.html", page.path());
    let ran = run(&["explain", LOG, "--html", &nowhere]);
    assert_eq!(ran.status, 2);
    assert!(ran.error.contains("cannot be written"), "{}", ran.error);
    assert_eq!(run(&["explain", INF, "--html", page.path()]).status, 2, "not of one INF");
}

#[test]
fn how_a_log_is_stored_does_not_matter() {
    let plain = std::fs::read_to_string(root().join(LOG)).unwrap();
    let wide = |order: fn(u16) -> [u8; 2]| {
        let units = "\u{feff}".encode_utf16().chain(plain.encode_utf16());
        units.flat_map(order).collect::<Vec<u8>>()
    };
    let pasted = plain.replace("     ", " \u{a0} \u{a0} ").replace("\r\n", "\n");
    let code_page: Vec<u8> = plain
        .replace("     ", " \u{1} \u{1} ")
        .bytes()
        .map(|it| if it == 1 { 0xa0 } else { it })
        .collect();
    let expected = json(&["explain", LOG, "--all"])["stories"].clone();
    for (name, bytes) in [
        ("low.log", wide(u16::to_le_bytes)),
        ("high.log", wide(u16::to_be_bytes)),
        ("pasted.log", pasted.into_bytes()),
        ("cp1252.log", code_page),
    ] {
        let file = Scratch::new(name, &bytes);
        assert_eq!(json(&["explain", file.path(), "--all"])["stories"], expected, "{name}");
    }
    let mut piped = command(&["explain", "-", "--all", "--format", "json"]);
    piped.stdin(Stdio::from(std::fs::File::open(root().join(LOG)).unwrap()));
    let out: Value = serde_json::from_slice(&piped.output().unwrap().stdout).unwrap();
    assert_eq!(out["stories"], expected);
}

#[test]
fn every_length_of_a_log_is_told() {
    let whole = std::fs::read(root().join(LOG)).unwrap();
    for length in [25, 300, 700, 1_000, 2_500, 5_000, whole.len() - 1] {
        let file = Scratch::new("cut.log", &whole[..length]);
        let ran = run(&["explain", file.path()]);
        assert!((0..=1).contains(&ran.status), "{length}: {}{}", ran.out, ran.error);
    }
}

#[test]
fn what_is_no_such_log_is_told_for_what_it_looks_like() {
    for (name, bytes, word) in [
        ("a.log", &b"2015-11-22 17:57:17, Info                  CBS    Loaded\n"[..], "CBS.log"),
        (
            "b.log",
            b"@ 19:00:08.907 #V166 Device install function: DIF_SELECTBESTCOMPATDRV.\n",
            "Windows 2000 or XP",
        ),
        ("c.log", b"hello\nworld\n", "plain text"),
        ("d.log", b"PK\x03\x04\x14\0\0\0", "ZIP archive"),
        ("e.log", b"<!DOCTYPE html><html></html>", "page of the web"),
        ("f.log", b"\xff\xfeh\0i\0\r\0\n\0", "UTF-16"),
        (
            "g.log",
            b"Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE]\r\n",
            "export of the registry",
        ),
        ("h.log", b"\x01\x02\x03\xff\xfe\x80\0\0", "binary"),
    ] {
        let file = Scratch::new(name, bytes);
        let ran = run(&["explain", file.path()]);
        assert_eq!((ran.status, ran.out.as_str()), (3, ""), "{name}");
        assert!(ran.error.contains(word), "{word}: {}", ran.error);
    }
}

/// Story of the device's section in the log that a dry run writes, and what the dry run said.
fn round_trip(more: &[&str]) -> (Value, Value) {
    let log = Scratch::new("setupapi.dev.log", b"");
    let arguments = [&["install", INF, "--hardware", CARD, "--log", log.path()], more].concat();
    let said = json(&arguments);
    let told = json(&["explain", log.path(), "--all"]);
    assert_eq!(told["sections"], 2);
    (said, told["stories"][1].clone())
}

#[test]
fn a_dry_run_is_read_back_to_the_same_story() {
    let (said, story) = round_trip(&["--compatible", CLASS]);
    assert_eq!(
        (&story["outcome"], &story["problems"]),
        (&"success".into(), &serde_json::json!([]))
    );
    assert!(story["instance"].as_str().unwrap().starts_with(CARD));
    assert_eq!(items(&story["hardware_ids"]), [CARD]);
    assert_eq!(items(&story["compatible_ids"]), [CLASS]);
    // Candidates with rank, date, version, signer; who won.
    let drivers = said["drivers"].as_array().unwrap();
    let candidates = story["candidates"]["items"].as_array().unwrap();
    assert_eq!((drivers.len(), candidates.len()), (2, 2));
    for (driver, candidate) in drivers.iter().zip(candidates) {
        for (ours, theirs) in [
            ("inf", "inf"),
            ("id", "id"),
            ("description", "description"),
            ("section", "section"),
            ("rank", "rank"),
            ("signature", "signer"),
            ("date", "date"),
            ("version", "version"),
        ] {
            assert_eq!(driver[ours], candidate[theirs], "{ours}");
        }
    }
    assert_eq!((&candidates[0]["won"], &candidates[1]["won"]), (&true.into(), &false.into()));
    assert_eq!(
        (&story["driver"], &story["driver_section"]),
        (&said["chosen"], &drivers[0]["section"])
    );
    // What was copied, started and set.
    let plan = &said["plan"];
    let copies = plan["copies"].as_array().unwrap();
    let copies: Vec<&str> = copies.iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(items(&story["files"]), copies);
    let (ours, theirs) = (&plan["services"][0], &story["services"]["items"][0]);
    assert_eq!((&ours["name"], &ours["binary"]), (&theirs["name"], &theirs["image"]));
    assert_eq!((&theirs["outcome"], &theirs["start"]), (&"created".into(), &"on demand".into()));
    let set =
        plan["registry"].as_array().unwrap().len() + ours["registry"].as_array().unwrap().len();
    assert_eq!(story["registry"]["items"].as_array().unwrap().len(), set);
    let value = r"HKR (service key)\Parameters LogLevel = REG_DWORD 0x2";
    assert!(items(&story["registry"]).contains(&value), "{}", story["registry"]);
    assert!(items(&story["inf_sections"]).contains(&plan["section"].as_str().unwrap()));
}

#[test]
fn a_dry_run_that_fails_is_read_back_to_the_same_failure() {
    let log = Scratch::new("setupapi.dev.log", b"");
    run(&["install", INF, "--hardware", r"PCI\OTHER", "--log", log.path()]);
    let told = json(&["explain", log.path()]);
    let story = &told["stories"][0];
    assert_eq!(
        (&story["outcome"], &story["code"]["name"]),
        (&"failure".into(), &"ERROR_NO_DRIVER_SELECTED".into())
    );
    let cause = &story["problems"][0];
    assert_eq!(
        (&cause["line"], &cause["codes"][0]["name"]),
        (&story["cause"], &"ERROR_NO_COMPAT_DRIVERS".into())
    );
    let (said, story) = round_trip(&["--signed", "none"]);
    assert_eq!(said["refused_unsigned"], true);
    assert_eq!((&story["unsigned"], &story["outcome"]), (&true.into(), &"success".into()));
    let cause =
        story["problems"].as_array().unwrap().iter().find(|it| it["line"] == story["cause"]);
    assert_eq!(cause.unwrap()["codes"][0]["name"], "CM_PROB_UNSIGNED_DRIVER");
    // Files that are not there are missed when the package is imported.
    let alone = Scratch::new("alone.inf", &std::fs::read(root().join(INF)).unwrap());
    run(&["install", alone.path(), "--hardware", CARD, "--log", log.path()]);
    let told = json(&["explain", log.path(), "--all"]);
    let import = &told["stories"][0];
    assert_eq!(
        (&import["outcome"], &import["code"]["name"]),
        (&"failure".into(), &"ERROR_FILE_NOT_FOUND".into())
    );
}

fn corpus(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    let path = folder.join("setup_logs").join(name);
    if !path.exists() {
        println!("SKIPPED: {}", path.display());
    }
    path.exists().then_some(path)
}

#[test]
fn a_device_without_a_driver() {
    let Some(path) = corpus("win7-no-driver.log") else { return };
    let ran = run(&["explain", path.to_str().unwrap()]);
    assert_eq!(ran.status, 1);
    for word in [
        "0xe0000228 ERROR_NO_COMPAT_DRIVERS",
        "the NULL driver",
        "0xe0000203 ERROR_NO_DRIVER_SELECTED",
        "Plug and Play: the device appeared",
        "Models section of your INF",
    ] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
}

#[test]
fn an_update_that_waits_for_a_person_a_restore_point_and_the_device() {
    let Some(path) = corpus("win7-update-success.log") else { return };
    let path = path.to_str().unwrap();
    let ran = run(&["explain", path]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    let words: Vec<&str> = ran.out.split_whitespace().collect();
    let text = words.join(" ");
    for word in [
        "success, after 39.9 s",
        "a person in Device Manager, with the wizard that updates drivers",
        "published as oem2.inf",
        "not signed: it has no catalog",
        "13.2 s ######## a person at the wizard chooses the folder",
        "7.4 s ##### Windows makes a restore point",
        "10.9 s ####### the device is restarted",
        "Of these Windows waited 17.6 s for a person, 7.4 s for a restore point, 10.9 s for the device itself",
        "xillybus.inf:73 AddService=Xillybus",
        "created Xillybus {eb32c6d5-2d4d-4d8c-a83b-4db9621fdb07}",
    ] {
        assert!(text.contains(word), "{word}: {}", ran.out);
    }
    let told = json(&["explain", path]);
    let stages = told["stories"][0]["stages"].as_array().unwrap();
    let of = |kind: &str| -> u64 {
        let own = stages.iter().filter(|stage| stage["kind"] == kind);
        own.map(|stage| stage["millis"].as_u64().unwrap()).sum()
    };
    let all: u64 = stages.iter().map(|stage| stage["millis"].as_u64().unwrap()).sum();
    assert_eq!(Some(all), told["stories"][0]["millis"].as_u64());
    assert_eq!((of("person"), of("restore-point"), of("device")), (17_566, 7_410, 10_889));
}
