//! The driver of the card of streams does what its scenarios say, under every schedule that is tried.

mod common;

use bench::{Options, ScenarioFile, Verdict};

/// Schedules for each scenario.
const SCHEDULES: u64 = 2_000;

#[test]
fn the_driver_of_the_card_of_streams_does_what_its_scenarios_say() {
    let driver = common::driver("clean", "fifo-card");
    let folder = common::root().join("scenarios/fifo-card");
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 6, "there are {} scenarios", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let path = file.display().to_string();
        let options = Options {
            scenarios: vec![ScenarioFile { path: path.clone(), text }],
            scenario_only: true,
            ..common::steady(SCHEDULES, 1)
        };
        let report = common::test(&driver, &options);
        let told: Vec<&str> = report.findings.iter().map(|one| one.title.as_str()).collect();
        assert_eq!((report.verdict, &told[..]), (Verdict::Clean, &[][..]), "{path}");
    }
}
