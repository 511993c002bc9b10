//! Real logs of Windows 7 and 10, told, and held against what is known of them.
//!
//! The files are not part of the project: `BUGCHECK_CORPUS`, or `../shared/corpus` beside the repository.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use diagnosis::setup::{Kind, Story, Wanted, diagnose};
use std::path::{Path, PathBuf};

fn corpus(name: &str) -> Option<Vec<u8>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("BUGCHECK_CORPUS").map_or(beside, PathBuf::from);
    let path = folder.join("setup_logs").join(name);
    let found = std::fs::read(&path);
    if let Err(error) = &found {
        println!("SKIPPED: {}: {error}", path.display());
    }
    found.ok()
}

/// Tenths of a second of all stages of a kind whose title has a word.
fn tenths(story: &Story, kind: Kind, word: &str) -> u64 {
    let of = story.stages.iter().filter(|it| it.kind == kind && it.title.contains(word));
    (of.map(|it| it.millis).sum::<u64>() + 50) / 100
}

#[test]
fn a_wizard_that_took_40_seconds() {
    let Some(data) = corpus("win7-update-success.log") else { return };
    let log = diagnose(&data, Wanted::Usual);
    let [story] = &log.stories[..] else { panic!("one section") };
    assert_eq!((story.outcome, story.millis), ("success", Some(39_874)));
    assert!(log.findings.is_empty() && !story.is_wrong());
    assert!(story.started_by.contains("Device Manager"), "{}", story.started_by);
    assert_eq!(tenths(story, Kind::Person, "chooses the folder"), 132);
    assert_eq!(tenths(story, Kind::Person, "unsigned package"), 13);
    assert_eq!(tenths(story, Kind::RestorePoint, ""), 74);
    assert_eq!(tenths(story, Kind::Service, "Xillybus"), 23);
    assert_eq!(tenths(story, Kind::Device, "restarted"), 109);
    assert_eq!(tenths(story, Kind::Person, "closes the wizard"), 30);
    assert_eq!(story.stages.iter().map(|it| it.millis).sum::<u64>(), 39_874);
    assert!(story.no_catalog);
    assert_eq!(story.published, "oem2.inf");
    assert_eq!(story.driver_section, "Xillybus_Inst");
    assert_eq!((story.hardware_ids.items.len(), story.compatible_ids.items.len()), (4, 7));
    assert_eq!(story.files.items, [r"C:\Windows\system32\DRIVERS\xillybus.sys"]);
    let service = &story.services.items[0];
    assert_eq!(
        (service.name.as_str(), service.outcome, service.start.as_str()),
        ("Xillybus", "created", "on demand")
    );
    assert!(story.classes.items.iter().any(|it| it.name == "Xillybus" && it.what == "created"));
    assert!(
        story.directives.items.iter().any(|it| it.line == 53 && it.text.starts_with("CopyFiles="))
    );
}

#[test]
fn a_device_without_a_driver() {
    let Some(data) = corpus("win7-no-driver.log") else { return };
    let log = diagnose(&data, Wanted::Usual);
    let story = &log.stories[0];
    assert_eq!((story.outcome, story.null_driver), ("failure", true));
    let cause = story.cause().expect("a cause");
    assert_eq!((cause.line, cause.codes[0].value), (32, 0xe000_0228));
    assert_eq!(cause.codes[0].name, "ERROR_NO_COMPAT_DRIVERS");
    assert_eq!(story.code.as_ref().expect("a code").name, "ERROR_NO_DRIVER_SELECTED");
    assert!(story.signers_equal && story.candidates.items.is_empty());
    assert_eq!(log.findings.len(), 1);
}

#[test]
fn ranks_of_windows_10() {
    let Some(data) = corpus("plaso-setupapi.dev.log") else { return };
    let log = diagnose(&data, Wanted::One(1));
    assert_eq!((log.sections, log.boots, log.wrong), (194, 12, 0));
    let story = &log.stories[0];
    let [inbox, generic] = &story.candidates.items[..] else { panic!("two candidates") };
    assert!(inbox.won && inbox.file() == "nettun.inf" && inbox.signer == "INBOX");
    assert_eq!(
        generic.rank_parts[2],
        "the device's compatible ID 1 is compatible ID 1 of the INF line"
    );
    assert!(generic.why.contains("0x3000 against 0x0000"), "{}", generic.why);
    assert_eq!(tenths(story, Kind::Finish, "after the installation"), 32);
    let all = diagnose(&data, Wanted::All);
    assert_eq!(all.stories.len(), 194);
    for story in all.stories.iter().filter(|it| it.millis.is_some()) {
        let sum: u64 = story.stages.iter().map(|it| it.millis).sum();
        assert_eq!(Some(sum), story.millis, "section {}", story.number);
    }
    let wrong: Vec<u64> =
        all.stories.iter().filter(|it| it.is_wrong()).map(|it| it.number).collect();
    assert_eq!(wrong, [0; 0]);
}
