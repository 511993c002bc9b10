//! The command line itself: help, wrong options, tokens, rules, pipes.

use crate::scratch::Scratch;
use crate::{command, run};
use std::process::Stdio;

const DRIVER: &str = "drivers/buggy/irp-double-completion/irp-double-completion.sys";

#[test]
fn every_verb_has_help_with_examples() {
    for verb in ["test", "replay", "rules", "scenarios", "lookup", "rebase", "libs"] {
        let ran = run(&[verb, "--help"]);
        assert_eq!(ran.status, 0);
        assert!(ran.out.contains("\nExamples:\n  bugcheck "), "{}", ran.out);
    }
    assert!(run(&["--help"]).out.contains("\nExit status:\n  0  nothing wrong found\n"));
}

#[test]
fn wrong_usage_is_status_two() {
    let wrong: &[&[&str]] = &[
        &[],
        &["nosuch"],
        &["test"],
        &["test", DRIVER, "--time", "10"],
        &["test", DRIVER, "--workers", "0"],
        &["test", DRIVER, "--bound", "17"],
        &["test", DRIVER, "--schedules", "0"],
        &["test", DRIVER, "--format", "xml"],
        &["test", DRIVER, "--pdb", "no-such.pdb"],
        &["rules", "no-such-rule"],
        &["scenarios", "no-such-scenario"],
        &["scenarios", "no-such.sys"],
    ];
    for arguments in wrong {
        let ran = run(arguments);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(!ran.error.is_empty() && !ran.error.contains("panicked"), "{}", ran.error);
    }
}

#[test]
fn broken_tokens_are_refused_in_one_sentence() {
    let other = format!("bc1:00000000:read:0:{DRIVER}");
    for token in
        ["", "x", "bc2:0:a:0:x", "bc1:0:a:0:", "bc1:0:a:0:no-such.sys", "bc1:0:a:9-99:x", &other]
    {
        let ran = run(&["replay", token]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{token}: {}", ran.error);
        assert_eq!(ran.error.lines().count(), 1, "{token}: {}", ran.error);
    }
}

#[test]
fn rules_are_listed_and_explained() {
    let list = run(&["rules"]);
    assert_eq!(list.status, 0);
    assert!(list.out.contains("\nirp-double-completion ") || list.out.starts_with("irp-double"));
    let one = run(&["rules", "irp-double-completion"]);
    assert!(one.out.contains("\nWhat to do\n"), "{}", one.out);
    let json: serde_json::Value =
        serde_json::from_str(&run(&["rules", "--format", "json"]).out).unwrap();
    assert_eq!(json["schema"], "bugcheck.rules.1");
    let listed = list.out.lines().filter(|line| !line.starts_with(' ')).count();
    assert_eq!(json["rules"].as_array().unwrap().len(), listed);
}

#[test]
fn scenarios_are_listed_printed_and_told_for_a_driver() {
    let list = run(&["scenarios"]);
    assert_eq!(list.status, 0);
    assert!(list.out.contains("\nread-cancel "), "{}", list.out);
    let json: serde_json::Value =
        serde_json::from_str(&run(&["scenarios", "--format", "json"]).out).unwrap();
    assert_eq!(json["schema"], "bugcheck.scenarios.1");
    let all = json["scenarios"].as_array().unwrap().len();
    assert_eq!(list.out.lines().filter(|line| !line.starts_with(' ')).count(), all);
    let own = run(&["scenarios", DRIVER]);
    assert!(own.out.starts_with(DRIVER) && own.out.contains("\n  read-write "), "{}", own.out);
    assert!(own.out.contains("\n  stop-start ") && own.out.contains("pnp\n"), "{}", own.out);
    let json: serde_json::Value =
        serde_json::from_str(&run(&["scenarios", DRIVER, "--format", "json"]).out).unwrap();
    assert_eq!(json["scenarios"].as_array().unwrap().len(), all);
    assert_eq!(json["scenarios"][0]["names"][0], "load-unload");
}

/// A scenario that is printed is one that `--scenario` takes; what it does is found as before.
#[test]
fn a_printed_scenario_can_be_run_and_its_token_replayed() {
    let scratch = Scratch::new("mine.toml", run(&["scenarios", "read-write"]).out.as_bytes());
    let file = scratch.path();
    let ran = run(&["test", DRIVER, "--scenario", file, "--scenario-only", "--format", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.error);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let token = json["findings"][0]["replay"].as_str().unwrap();
    assert!(token.contains(":read-write.file-"), "{token}");
    assert_eq!(run(&["replay", token, "--scenario", file]).status, 1);
    assert_eq!(run(&["replay", token]).status, 2);
}

/// Line and column, what is wrong, and a name that is near.
#[test]
fn a_wrong_scenario_is_refused_with_its_place() {
    let text = "name = \"a\"\n[[actor]]\nsteps = [{ raed = 4 }]\n";
    let scratch = Scratch::new("wrong.toml", text.as_bytes());
    let ran = run(&["test", DRIVER, "--scenario", scratch.path()]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    let told = "wrong.toml: line 3, column 12: no step is called `raed` (did you mean `read`?)";
    assert!(ran.error.contains(told), "{}", ran.error);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    for (arguments, status) in [
        (&["test", DRIVER, "--bound", "0", "--workers", "1"][..], 1),
        (&["rules"][..], 0),
        (&["--help"][..], 0),
    ] {
        let mut child =
            command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.as_str()), (Some(status), ""), "{arguments:?}");
    }
}

#[test]
fn progress_is_silent_unless_asked_for() {
    let quick = ["test", DRIVER, "--bound", "0", "--workers", "1"];
    assert_eq!(run(&quick).error, "");
    let asked = run(&[&quick[..], &["--progress"]].concat());
    assert!(asked.error.lines().all(|line| line.contains(" schedules, ")), "{}", asked.error);
}

#[test]
fn colours_are_for_terminals() {
    assert!(!run(&["rules"]).out.contains('\x1b'));
}
