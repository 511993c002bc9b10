//! Every driver of the repository: the buggy ones are found out, each by its own rule and with all
//! that a reader needs; the clean ones stay clean.

mod common;

use bench::{Driver, Options, Verdict};
use finding::{Blame, Finding, Severity};
use std::time::Duration;

/// Schedules for each clean driver in the short run and in the long one.
const SHORT: u64 = 3_000;
const LONG: u64 = 100_000;
/// A driver whose machine is set up anew for each run, since a thread of it is blocked where only the
/// kernel's own stack knows; and how many times fewer runs it gets for that.
const SET_UP_EACH_TIME: (&str, u64) = ("thread-forward", 20);

/// So many schedules for a driver.
fn share(name: &str, schedules: u64) -> u64 {
    if name == SET_UP_EACH_TIME.0 { schedules / SET_UP_EACH_TIME.1 } else { schedules }
}

/// Rules whose module says that Windows shows nothing at the moment itself: it hangs, or the harm
/// comes later and elsewhere.
const WITHOUT_BUG_CHECK: [&str; 11] = [
    "data-race",
    "device-left",
    "device-type-ignored",
    "foreign-interrupt-claimed",
    "hang",
    "irp-never-completed",
    "irp-reordered",
    "no-progress",
    "register-in-d3",
    "symbolic-link-left",
    "wmi-answer-wrong",
];

/// What is wrong with a finding as such.
fn faults(finding: &Finding) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |fine: bool, what: &str| {
        if !fine {
            faults.push(what.to_owned());
        }
    };
    expect(finding.blame == Blame::Driver, "the blame is not the driver's");
    expect(common::is_sentence(&finding.title), "the title is no line");
    expect(finding.explanation.ends_with('.'), "the explanation is no sentence");
    expect(finding.remedy.ends_with('.'), "the remedy is no sentence");
    expect(!finding.references.is_empty(), "no references");
    expect(finding.references.iter().all(|text| text.starts_with("https://")), "references");
    expect(finding.replay.is_some(), "no replay token");
    expect(!finding.scenario.is_empty(), "no scenario");
    expect(!finding.timeline.is_empty(), "no time line");
    let in_source = finding.places.iter().flat_map(|place| &place.stack).any(|frame| {
        let file = frame.file.as_deref().unwrap_or_default();
        file.ends_with("driver.c") && frame.line.is_some_and(|line| line > 0)
    });
    expect(in_source, "no place in driver.c");
    match &finding.bugcheck {
        Some(bugcheck) => {
            expect(bugcheck.name != "UNKNOWN", "the bug check has no name");
            expect(bugcheck.code != 0, "the bug check has no code");
            let told = bugcheck.parameters.iter().zip(&bugcheck.meanings);
            expect(
                told.into_iter().all(|(&value, meaning)| value == 0 || !meaning.is_empty()),
                "a bug check parameter without a meaning",
            );
        }
        None => expect(
            WITHOUT_BUG_CHECK.contains(&finding.rule.as_str()),
            "no bug check, and no reason why none",
        ),
    }
    faults
}

#[test]
fn each_buggy_driver_is_found_out() {
    let mut problems = Vec::new();
    for (name, driver) in common::drivers("buggy") {
        let report = common::test(&driver, &common::usual());
        println!("{name:36} {:6.2} s, {} schedules", report.seconds, report.schedules.tried);
        // Advice alone leaves the verdict as it is, and is a finding all the same.
        if report.findings.is_empty() {
            problems.push(format!("{name}: {:?} {:?}", report.verdict, report.unsupported));
            continue;
        }
        if let Some(first) = report.findings.first()
            && !common::breaks(&name, &first.rule)
        {
            problems.push(format!("{name}: the first finding is {}: {}", first.rule, first.title));
        }
        for finding in &report.findings {
            // What a device does by itself stops no processor.
            let by_device = name.ends_with("-dma");
            let told = faults(finding).into_iter();
            for fault in told.filter(|fault| !(by_device && fault.contains("no bug check"))) {
                let (rule, replay) = (&finding.rule, finding.replay.as_deref().unwrap_or("-"));
                problems.push(format!("{name}: {rule}: {fault} ({replay})"));
            }
        }
        for lacking in &report.unsupported {
            problems.push(format!("{name}: not supported: {} at {}", lacking.what, lacking.place));
        }
    }
    common::none(&problems);
}

/// The queue operations that swapped two requests, as the functions of the call.
fn swaps(report: &bench::Report) -> Vec<Vec<&str>> {
    let reordered = report.findings.iter().filter(|finding| finding.rule == "irp-reordered");
    reordered
        .filter_map(|finding| finding.places.last())
        .filter(|place| place.role.contains("is put b"))
        .map(|place| place.stack.iter().filter_map(|frame| frame.function.as_deref()).collect())
        .collect()
}

#[test]
fn a_search_finds_both_ways_in_which_held_requests_are_reordered() {
    let driver = common::driver("buggy", "irp-hold-replay");
    let report = common::test(&driver, &common::steady(40_000, 2));
    let swaps = swaps(&report);
    let by = |caller: &str| swaps.iter().any(|swap| swap.contains(&caller));
    assert!(by("ReplayOffline"), "put back at the tail: {swaps:?}");
    assert!(by("WithdrawActive"), "withdrawn behind one that came later: {swaps:?}");
}

/// What was made while the machine was set up, before any run, is shown like everything else.
#[test]
fn what_setting_up_made_is_shown_with_its_place() {
    for (name, role, function) in [
        ("notification-left", "registered here", "DriverEntry"),
        ("device-type-ignored", "device made here", "AddDevice"),
        ("thread-left", "thread made here", "StartThread"),
    ] {
        let report = common::test(&common::driver("buggy", name), &common::usual());
        let places = report.findings.iter().flat_map(|finding| &finding.places);
        let place = places.into_iter().find(|place| place.role == role).expect(name);
        assert_eq!(place.context, "loader", "{name}");
        let in_driver = |frame: &finding::Frame| {
            frame.function.as_deref() == Some(function) && frame.line.is_some_and(|line| line > 0)
        };
        assert!(place.stack.iter().any(in_driver), "{name}: {:?}", place.stack);
    }
}

/// Advice leaves the verdict open, so the search goes on after it, and yet not for ever.
#[test]
fn a_search_that_only_advises_ends_early() {
    let driver = common::driver("buggy", "irp-hold-replay");
    let report = common::test(&driver, &common::usual());
    assert_eq!(report.verdict, Verdict::Clean);
    assert_eq!(report.findings.len(), 2, "both ways");
    assert!((20_000..50_000).contains(&report.schedules.tried), "{}", report.schedules.tried);
    let told = report.notes.iter().filter(|note| note.contains("only advice")).count();
    assert_eq!(told, 1, "{:?}", report.notes);
    // Who asks for more gets it, and as much of it on a slow machine: patience is for who does not.
    let patience = Some(Duration::ZERO);
    let more = common::test(&driver, &Options { patience, ..common::steady(70_000, 2) });
    assert!(more.schedules.tried >= 70_000, "{}", more.schedules.tried);
}

/// `register-in-d3` with another device type: that is advised against at once, and what is wrong comes
/// in a later bound. One of its scenarios takes thousands of schedules for the bound before, which
/// holds up nobody.
#[test]
fn what_is_wrong_is_found_after_advice_and_before_a_long_bound_is_complete() {
    let mut driver = common::driver("buggy", "register-in-d3");
    // mov r9d, FILE_DEVICE_UNKNOWN: the fourth argument of IoCreateDevice.
    let unknown = [0x41, 0xb9, 0x22, 0, 0, 0];
    let found = driver.image.windows(6).position(|bytes| bytes == unknown).expect("the argument");
    driver.image[found + 2] = 0x1b;
    let report = common::test(&driver, &common::usual());
    let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["register-in-d3", "device-type-ignored"]);
    assert_eq!(report.verdict, Verdict::Findings);
    assert!(report.schedules.tried < 8_000, "{}", report.schedules.tried);
}

/// The same registers behind a message instead of the line: the other half of `pnp-message`.
#[test]
fn a_driver_by_messages_stays_clean() {
    let mut driver = common::driver("clean", "pnp-message");
    let model = devices::Model::by_name("bench-msi").expect("the model");
    driver.device = bench::Device { name: "bench-msi".to_owned(), model };
    let report = common::test(&driver, &common::steady(SHORT, 2));
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
    assert!(!report.coverage.not_reached.iter().any(|name| name == "MessageIsr"));
}

fn stays_clean(name: &str, driver: &Driver, options: &Options) -> Vec<String> {
    let report = common::test(driver, options);
    // Advice changes no verdict: some of what it tells is meant.
    let counts = |finding: &&Finding| finding.severity != Severity::Advice;
    let findings = report.findings.iter().filter(counts).map(|finding| {
        let replay = finding.replay.as_deref().unwrap_or("-");
        format!("{name}: {}: {} ({replay})", finding.rule, finding.title)
    });
    let lacking = report
        .unsupported
        .iter()
        .map(|lacking| format!("{name}: not supported: {} at {}", lacking.what, lacking.place));
    let mut problems: Vec<String> = findings.chain(lacking).collect();
    if report.schedules.tried < options.schedules.unwrap_or(1) {
        problems.push(format!("{name}: only {} schedules", report.schedules.tried));
    }
    if problems.is_empty() {
        assert_eq!(report.verdict, Verdict::Clean, "{name}");
    }
    println!("{name:20} {:7} schedules, {:5.2} s", report.schedules.tried, report.seconds);
    problems
}

#[test]
fn each_clean_driver_stays_clean() {
    let problems: Vec<String> = common::drivers("clean")
        .iter()
        .flat_map(|(name, driver)| {
            stays_clean(name, driver, &common::steady(share(name, SHORT), 2))
        })
        .collect();
    common::none(&problems);
}

/// Once bound by bound, once nearly all by chance.
#[test]
fn each_clean_driver_stays_clean_for_long() {
    if std::env::var_os("BUGCHECK_LONG").is_none_or(|value| value != "1") {
        println!("left out: {LONG} schedules of each clean driver; BUGCHECK_LONG=1 runs them");
        return;
    }
    let mut problems = Vec::new();
    for (name, driver) in common::drivers("clean") {
        for bound in [2, 0] {
            let options =
                Options { bound, keep_going: true, ..common::steady(share(&name, LONG), 2) };
            problems.extend(stays_clean(&name, &driver, &options));
        }
    }
    common::none(&problems);
}

#[test]
fn names_of_drivers_begin_with_their_rule() {
    use common::named_after;
    assert!(named_after("deadlock", "deadlock") && named_after("deadlock-cancel", "deadlock"));
    assert!(!named_after("deadlocks", "deadlock") && !named_after("deadlock", "deadlock-cancel"));
}
