//! The JSON output, on reports made by hand.

use super::*;
use crate::samples;
use serde_json::Value;

fn keys(text: &str) -> Vec<String> {
    // Field order is part of the promise, and `Value` does not keep it.
    let top = text.lines().filter(|line| line.starts_with("  \""));
    top.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

#[test]
fn a_test_has_every_field_with_the_schema_first() {
    let text = test_json(&samples::report()).unwrap();
    let expected = "schema driver verdict schedules seconds first_finding_seconds \
                    schedules_per_second seed workers coverage findings unsupported notes";
    assert_eq!(keys(&text), expected.split_whitespace().collect::<Vec<_>>());
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema"], "bugcheck.test.1");
    assert_eq!(value["verdict"], "findings");
    assert_eq!(value["schedules"]["distinct"], 2345);
    assert_eq!(value["schedules_per_second"], 9868.4);
    assert_eq!(value["coverage"]["functions"]["total"], 12);
    assert_eq!(value["coverage"]["scenarios"][1]["bound_completed"], Value::Null);
    assert_eq!(value["unsupported"][0]["what"], "IoGetDmaAdapter");
}

#[test]
fn a_finding_is_written_as_designed() {
    let value: Value = serde_json::from_str(&test_json(&samples::report()).unwrap()).unwrap();
    let finding = &value["findings"][0];
    assert_eq!(finding["rule"], "irp-double-completion");
    assert_eq!(finding["blame"], "driver");
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["bugcheck"]["code"], "0x44");
    assert_eq!(finding["bugcheck"]["parameters"][0], "0xffff800000012300");
    assert_eq!(finding["places"][0]["role"], "first completion");
    assert_eq!(finding["places"][0]["rva"], "0x1a40");
    assert_eq!(finding["replay"], samples::TOKEN);
}

#[test]
fn no_time_is_no_rate() {
    let report = Report { seconds: 0.0, ..samples::report() };
    let value: Value = serde_json::from_str(&test_json(&report).unwrap()).unwrap();
    assert_eq!(value["schedules_per_second"], 0.0);
}

#[test]
fn a_replay_has_its_trace_only_if_asked_for() {
    let replayed = samples::replayed();
    let text = replay_json(samples::TOKEN, &replayed, false).unwrap();
    let expected = "schema token reproduced finding unsupported misfit hash";
    assert_eq!(keys(&text), expected.split_whitespace().collect::<Vec<_>>());
    let value: Value =
        serde_json::from_str(&replay_json(samples::TOKEN, &replayed, true).unwrap()).unwrap();
    assert_eq!(value["reproduced"], true);
    assert_eq!(value["hash"], "0xabc");
    assert_eq!(value["trace"][0]["context"], "writer");
}

#[test]
fn hostile_names_come_back_unchanged_and_pass_no_terminal() {
    let mut report = samples::report();
    report.driver = "a\x1b[2Jb\u{202e}c\u{9b}d\u{e0041}e\"\\\n".to_owned();
    let text = test_json(&report).unwrap();
    assert!(!text.replace('\n', "").contains(is_hazardous), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["driver"], report.driver);
}

#[test]
fn the_rules_are_a_list() {
    let value: Value = serde_json::from_str(&rules_json(&[samples::RULE]).unwrap()).unwrap();
    assert_eq!(value["schema"], "bugcheck.rules.1");
    assert_eq!(value["rules"][0]["name"], "irp-double-completion");
}
