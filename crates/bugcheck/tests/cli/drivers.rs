//! The repository's own drivers: what a person sees of each buggy one, clean ones, and replays.

use crate::{golden, root, run};
use serde_json::Value;

/// One worker and no cut by time, so that the outcome is the same on every machine.
const STEADY: [&str; 6] = ["--workers", "1", "--bound", "1", "--time", "5m"];

fn test(driver: &str, more: &[&str]) -> crate::Ran {
    run(&[&["test", driver], &STEADY[..], more].concat())
}

/// Drivers of one folder, in order of name, as `(name, path)`.
fn drivers(folder: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join("drivers").join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut drivers: Vec<_> = names
        .map(|name| (name.clone(), format!("drivers/{folder}/{name}/{name}.sys")))
        .filter(|(_, path)| root().join(path).is_file())
        .collect();
    drivers.sort();
    assert!(!drivers.is_empty());
    drivers
}

fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn each_buggy_driver_is_explained() {
    let mut problems = Vec::new();
    for (name, path) in drivers("buggy") {
        let ran = test(&path, &[]);
        if ran.status != 1 {
            problems.push(format!("{name}: status {}: {}", ran.status, ran.error));
        } else if let Err(problem) = golden::check(&format!("findings/{name}.txt"), &ran.out) {
            problems.push(problem);
        }
    }
    none(&problems);
}

#[test]
fn each_clean_driver_is_clean() {
    let mut problems = Vec::new();
    for (name, path) in drivers("clean") {
        let ran = test(&path, &[]);
        if ran.status != 0 {
            problems.push(format!("{name}: status {}: {}{}", ran.status, ran.error, ran.out));
        } else if let Err(problem) = golden::check(&format!("clean/{name}.txt"), &ran.out) {
            problems.push(problem);
        }
    }
    none(&problems);
}

#[test]
fn the_json_of_a_buggy_driver_and_of_a_clean_one() {
    for (verdict, folder, name) in
        [("findings", "buggy", "irp-double-completion"), ("clean", "clean", "write-slot")]
    {
        let ran = test(&format!("drivers/{folder}/{name}/{name}.sys"), &["--format", "json"]);
        let value: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(value["schema"], "bugcheck.test.1");
        assert_eq!(value["verdict"], verdict);
        golden::check(&format!("{verdict}/{name}.json"), &ran.out).unwrap();
    }
}

#[test]
fn each_finding_is_replayed_to_the_bit() {
    let mut problems = Vec::new();
    for (name, path) in drivers("buggy") {
        let ran = test(&path, &["--format", "json"]);
        let value: Value = serde_json::from_str(&ran.out).unwrap_or_default();
        for finding in value["findings"].as_array().into_iter().flatten() {
            let Some(token) = finding["replay"].as_str() else {
                problems.push(format!("{name}: a finding without a token"));
                continue;
            };
            let once = run(&["replay", token, "--trace", "--format", "json"]);
            let again = run(&["replay", token, "--trace", "--format", "json"]);
            let replayed: Value = serde_json::from_str(&once.out).unwrap_or_default();
            if once.out != again.out {
                problems.push(format!("{name}: two replays of {token} differ"));
            }
            if once.status != 1 || replayed["finding"] != *finding {
                problems.push(format!("{name}: {token} does not end in its finding"));
            }
        }
    }
    none(&problems);
}

#[test]
fn a_trace_is_for_reading() {
    let name = "irp-double-completion";
    let ran = test(&format!("drivers/buggy/{name}/{name}.sys"), &["--format", "json"]);
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    let token = value["findings"][0]["replay"].as_str().unwrap();
    let ran = run(&["replay", token, "--trace"]);
    assert_eq!(ran.status, 1, "{}", ran.error);
    golden::check(&format!("findings/{name}.replay.txt"), &ran.out).unwrap();
}
