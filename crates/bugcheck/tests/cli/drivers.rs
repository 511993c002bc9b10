//! The repository's own drivers: what a person sees of buggy ones, of clean ones and of one that the
//! bench cannot run; and replays. What is found where is the business of the bench's own tests.

use crate::scratch::Scratch;
use crate::{golden, root, run};
use serde_json::Value;

/// One worker and no cut by time, so that the outcome is the same on every machine.
const STEADY: [&str; 6] = ["--workers", "1", "--bound", "2", "--schedules", "20000"];

/// Told in full: a race that needs a preemption, and ends in a bug check.
const FINDING: &str = "irp-double-completion-race";
const CLEAN: &str = "write-slot";

/// Columns of a report, except for lines that hold what must not be broken.
const COLUMNS: usize = 100;

fn test(driver: &str, more: &[&str]) -> crate::Ran {
    run(&[&["test", driver], &STEADY[..], more].concat())
}

fn path(folder: &str, name: &str) -> String {
    format!("drivers/{folder}/{name}/{name}.sys")
}

/// The device that a driver wants, where that is not the bench's own, and the images that are loaded
/// beside it: lines at the head of its source.
fn options(folder: &str, name: &str) -> Vec<String> {
    let source = root().join("drivers").join(folder).join(name).join("driver.c");
    let text = std::fs::read_to_string(source).unwrap();
    let mut options = Vec::new();
    for line in text.lines().take_while(|line| *line != "/*") {
        let line = line.trim_start_matches("/* ").trim_end_matches(" */");
        if let Some(model) = line.strip_prefix("device: ") {
            options.extend(["--device".to_owned(), model.to_owned()]);
        }
        if let Some(with) = line.strip_prefix("with: ") {
            let (image, place) = with.split_once(':').unwrap_or((with, ""));
            let (folder, name) = image.split_once('/').unwrap();
            let place = if place.is_empty() { String::new() } else { format!(":{place}") };
            options.extend(["--with".to_owned(), format!("{}{place}", path(folder, name))]);
        }
    }
    options
}

/// Whether a driver says that it is installed by an INF.
fn installed_by_an_inf(folder: &str, name: &str) -> bool {
    let source = root().join(format!("drivers/{folder}/{name}/driver.c"));
    let text = std::fs::read_to_string(source).unwrap();
    text.lines().take_while(|line| *line != "/*").any(|line| line.starts_with("/* installed by: "))
}

/// Drivers of one folder, in order of name, as `(name, path)`.
fn drivers(folder: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join("drivers").join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut drivers: Vec<_> = names
        .map(|name| (name.clone(), path(folder, &name)))
        .filter(|(_, path)| root().join(path).is_file())
        .collect();
    drivers.sort();
    assert!(!drivers.is_empty());
    drivers
}

fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// A driver with one import renamed to a routine that no kernel has, as a file.
fn lacking() -> Scratch {
    let mut image = std::fs::read(root().join(path("clean", CLEAN))).unwrap();
    let (name, other) = (b"KeInsertQueueDpc\0", b"KeInsertQueueDpx\0");
    let at = image.windows(name.len()).position(|bytes| bytes == name).unwrap();
    image[at..at + other.len()].copy_from_slice(other);
    Scratch::new("lacking.sys", &image)
}

/// Lines that are too long, or hold what a terminal would not show.
fn unreadable(text: &str) -> Vec<String> {
    let keeps = |line: &&str| line.contains("https://") || line.contains("bc1:");
    let wide = |line: &&str| line.chars().count() > COLUMNS || line.contains(char::is_control);
    text.lines().filter(|line| wide(line) && !keeps(line)).map(str::to_owned).collect()
}

#[test]
fn each_buggy_driver_is_explained() {
    let mut problems = Vec::new();
    for (name, path) in drivers("buggy") {
        // What only shows with the registry that an INF leaves: `infs.rs` runs those.
        if installed_by_an_inf("buggy", &name) {
            continue;
        }
        let more = options("buggy", &name);
        let ran = test(&path, &more.iter().map(String::as_str).collect::<Vec<_>>());
        let advice = ran.out.contains("\nadvice[") && ran.status == 0;
        if (ran.status != 1 && !advice) || !ran.error.is_empty() {
            problems.push(format!("{name}: status {}: {}", ran.status, ran.error));
        }
        let told =
            ["\nerror[", "\nwarning[", "\nadvice["].iter().any(|part| ran.out.contains(part));
        if !told {
            problems.push(format!("{name}: the report tells nothing"));
        }
        for part in ["\n  Why it is wrong\n", "\n  What to do\n", "\n    bugcheck replay bc1:"] {
            if !ran.out.contains(part) {
                problems.push(format!("{name}: the report lacks {part:?}"));
            }
        }
        problems.extend(unreadable(&ran.out).iter().map(|line| format!("{name}: {line:?}")));
    }
    none(&problems);
}

#[test]
fn each_clean_driver_is_clean() {
    let mut problems = Vec::new();
    for (name, path) in drivers("clean") {
        let more = options("clean", &name);
        let ran = test(&path, &more.iter().map(String::as_str).collect::<Vec<_>>());
        let first = ran.out.lines().next().unwrap_or_default().to_owned();
        // Advice changes no verdict: some of what it tells is meant.
        let fine = first == format!("{name}.sys: nothing wrong found")
            || (ran.out.contains("\nadvice[") && !ran.out.contains("\nerror["));
        if ran.status != 0 || !fine {
            problems.push(format!("{name}: status {}: {}{}", ran.status, ran.error, ran.out));
        }
        problems.extend(unreadable(&ran.out).iter().map(|line| format!("{name}: {line:?}")));
    }
    none(&problems);
}

#[test]
fn a_finding_reads_well() {
    let ran = test(&path("buggy", FINDING), &[]);
    assert_eq!((ran.status, ran.error.as_str()), (1, ""));
    golden::check(&format!("findings/{FINDING}.txt"), &ran.out).unwrap();
}

#[test]
fn a_clean_report_reads_well() {
    let ran = test(&path("clean", CLEAN), &[]);
    assert_eq!((ran.status, ran.error.as_str()), (0, ""));
    golden::check(&format!("clean/{CLEAN}.txt"), &ran.out).unwrap();
}

#[test]
fn what_is_not_supported_reads_well() {
    let driver = lacking();
    let ran = test(driver.path(), &[]);
    assert_eq!((ran.status, ran.error.as_str()), (3, ""), "{}", ran.out);
    assert!(ran.out.contains("KeInsertQueueDpx"), "{}", ran.out);
    golden::check("unsupported/lacking.txt", &ran.out).unwrap();
}

#[test]
fn the_json_of_each_verdict() {
    let lacking = lacking();
    for (verdict, name, path) in [
        ("findings", FINDING, path("buggy", FINDING)),
        ("clean", CLEAN, path("clean", CLEAN)),
        ("unsupported", "lacking", lacking.path().to_owned()),
    ] {
        let ran = test(&path, &["--format", "json"]);
        let value: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(value["schema"], "bugcheck.test.1");
        assert_eq!(value["verdict"], verdict);
        golden::check(&format!("{verdict}/{name}.json"), &ran.out).unwrap();
    }
}

/// A few drivers here; the bench's tests replay what is found in every one.
#[test]
fn each_finding_is_replayed_to_the_bit() {
    let mut problems = Vec::new();
    for (name, path) in drivers("buggy").into_iter().step_by(9) {
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
    let ran = test(&path("buggy", FINDING), &["--format", "json"]);
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    let token = value["findings"][0]["replay"].as_str().unwrap();
    let ran = run(&["replay", token, "--trace"]);
    assert_eq!(ran.status, 1, "{}", ran.error);
    golden::check(&format!("findings/{FINDING}.replay.txt"), &ran.out).unwrap();
}
