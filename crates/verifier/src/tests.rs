//! House rules.
#![allow(clippy::disallowed_methods)] // The room does no I/O; this reads its own sources.

use crate::{RULES, find};
use kernel::event::Kind;
use std::collections::BTreeSet;
use std::path::Path;

/// Rules that no driver of ours breaks, and why.
const WITHOUT_DRIVER: &[(&str, &str)] = &[
    ("irp-completed-as-pending", "a single store: the unit test shows it"),
    ("irql-wrong-direction", "a single call: the unit test shows it"),
    ("image-write", "compilers refuse to make one by accident"),
    ("kernel-stack-overflow", "compilers probe the stack of functions that would do it"),
    ("pool-bad-free", "five ways that the unit test shows side by side"),
    ("use-after-unload", "whatever leads to it breaks one of the unloading rules before"),
    ("hang", "drivers of other rules hang without it"),
    ("driver-bugcheck", "reports what a driver does on purpose"),
    ("scenario-expectation", "a scenario says what its driver should do"),
    ("stop-instruction", "reports what a compiler does on purpose"),
];

#[test]
fn names_are_kebab_case_and_unique() {
    let names: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len(), "a rule is listed twice");
    for name in names {
        let fine = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(fine && !name.starts_with('-') && !name.ends_with('-'), "{name}");
        assert_eq!(find(name).map(|rule| rule.name), Some(name));
    }
    assert!(find("no-such-rule").is_none());
}

#[test]
fn each_file_is_a_rule_and_each_rule_a_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the rules' folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".rs")?.replace('_', "-")))
        .filter(|name| name != "mod")
        .collect();
    let rules: BTreeSet<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(files, rules, "list each rule in RULES, in a file of its own name");
}

#[test]
fn each_rule_explains_itself() {
    for rule in RULES {
        let name = rule.name;
        for text in [rule.summary, rule.why, rule.remedy] {
            assert!(text.ends_with('.') && !text.contains("  "), "{name}: {text}");
        }
        assert!(!rule.references.is_empty(), "{name} has no reference");
        for url in rule.references {
            assert!(url.starts_with("https://learn.microsoft.com/"), "{name}: {url}");
        }
        assert!(!rule.wants.is_empty(), "{name} wants no event");
    }
}

#[test]
fn each_page_has_its_sections() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    for rule in RULES {
        let file = folder.join(format!("{}.rs", rule.name.replace('-', "_")));
        let text = std::fs::read_to_string(file).expect("the rule's file");
        for part in
            ["## What it does", "## Why is this bad?", "## Example", "Instead:", "## References"]
        {
            assert!(text.contains(&format!("//! {part}")), "{} lacks `{part}`", rule.name);
        }
        for url in rule.references {
            assert!(text.contains(&format!("//! - <{url}>")), "{}: {url}", rule.name);
        }
    }
}

#[test]
fn each_rule_has_a_driver_that_breaks_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drivers/buggy");
    let missing: Vec<_> = RULES
        .iter()
        .filter(|rule| !folder.join(rule.name).join("driver.c").exists())
        .filter(|rule| !WITHOUT_DRIVER.iter().any(|(name, _)| *name == rule.name))
        .map(|rule| rule.name)
        .collect();
    assert!(missing.is_empty(), "drivers/buggy/<rule>/driver.c is missing for {missing:?}");
    for (name, reason) in WITHOUT_DRIVER {
        assert!(find(name).is_some() && !reason.is_empty(), "{name} is no rule");
    }
}

#[test]
fn each_driver_breaks_a_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drivers/buggy");
    for entry in std::fs::read_dir(folder).expect("drivers/buggy").flatten() {
        let name = entry.file_name().into_string().expect("a plain name");
        // A race variant is called after its rule: `pool-use-after-free-race`; others name it.
        let text = std::fs::read_to_string(entry.path().join("driver.c")).unwrap_or_default();
        let second = text.lines().nth(1).and_then(|line| line.strip_prefix("/* rule: "));
        let own = second.and_then(|line| line.strip_suffix(" */")).unwrap_or(&name);
        let known = RULES.iter().any(|rule| own.starts_with(rule.name));
        assert!(known, "drivers/buggy/{name} breaks no rule of the verifier");
    }
}

#[test]
fn faults_and_ends_are_all_accounted_for() {
    let wants = |kind| RULES.iter().filter(|rule| rule.wants.contains(&kind)).count();
    for kind in [Kind::Stuck, Kind::NoProgress, Kind::Exception, Kind::BugCheck, Kind::Unhandled] {
        assert!(wants(kind) > 0, "{kind:?} would end a run without a finding");
    }
}
