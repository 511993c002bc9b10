//! The text output, on reports made by hand.

use super::*;
use crate::escape::is_hazardous;
use crate::samples;

/// Compares with a file beside this one; `BLESS=1` writes it anew.
#[allow(clippy::disallowed_methods)] // the room does no I/O, its goldens are files
fn golden(name: &str, text: &str) {
    let path = format!("{}/src/text/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{path}; renew it with BLESS=1\n{text}");
}

const PLAIN: Look<'static> = Look { colour: false, source: &|_, _| None };

fn source(file: &str, line: u32) -> Option<String> {
    (file == "fifo.c" && line == 97).then(|| "\tCompleteIrp(Irp);\r\n".to_owned())
}

#[test]
fn a_finding_reads_from_what_to_where_to_why_to_what_now() {
    let look = Look { colour: false, source: &source };
    let text = test_text(&samples::report(), &look);
    golden("findings", &text);
}

#[test]
fn a_clean_driver_takes_four_lines() {
    let text = test_text(&samples::clean(), &PLAIN);
    golden("clean", &text);
}

#[test]
fn a_replay_with_its_trace() {
    let mut replayed = samples::replayed();
    replayed.finding = None;
    replayed.misfit = Some(4);
    let text = replay_text(samples::TOKEN, &replayed, true, &PLAIN);
    golden("replay", &text);
}

#[test]
fn lines_keep_to_the_width_unless_they_are_to_be_copied() {
    let mut report = samples::report();
    let finding = &mut report.findings[0];
    finding.title = "word ".repeat(60);
    finding.explanation = "another word ".repeat(90);
    finding.places[0].function = Some("Namespace::Function".repeat(4));
    finding.places[0].file = Some("folder/".repeat(9) + "a.cpp");
    finding.timeline[0].does = vec!["does something or other".into(); 30];
    finding.timeline[1].context = "x".repeat(300);
    report.notes = vec!["a note ".repeat(50)];
    report.coverage.not_reached = (0..99).map(|n| format!("Function{n}")).collect();
    for line in test_text(&report, &PLAIN).lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
        assert_eq!(line.trim_end(), line);
    }
}

#[test]
fn nothing_from_a_file_reaches_the_terminal_raw() {
    let evil = "x\x1b]0;owned\x07\u{202e}\u{9b}2J\r\ny";
    let mut report = samples::report();
    report.driver = evil.into();
    report.notes = vec![evil.into()];
    report.coverage.not_reached = vec![evil.into()];
    report.unsupported[0].what = evil.into();
    report.unsupported[0].place = evil.into();
    let finding = &mut report.findings[0];
    finding.title = evil.into();
    finding.explanation = evil.into();
    finding.remedy = evil.into();
    finding.replay = Some(evil.into());
    finding.references = vec![evil.into()];
    finding.timeline[0].does = vec![evil.into()];
    finding.timeline[0].context = evil.into();
    let place = &mut finding.places[0];
    place.role = evil.into();
    place.context = evil.into();
    place.file = Some(evil.into());
    place.function = Some(evil.into());
    place.module = evil.into();
    if let Some(check) = &mut finding.bugcheck {
        check.name = evil.into();
        check.meanings[0] = evil.into();
    }
    let look = Look { colour: false, source: &|_, _| Some("\x1b[31m \u{202e}".to_owned()) };
    let text = test_text(&report, &look);
    assert!(!text.replace('\n', "").contains(is_hazardous), "{text}");
}

#[test]
fn colours_only_when_asked_for_and_nothing_else_changes() {
    let look = Look { colour: true, source: &|_, _| None };
    let coloured = test_text(&samples::report(), &look);
    let plain = test_text(&samples::report(), &PLAIN);
    assert!(coloured.contains("\x1b[") && !plain.contains('\x1b'));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some(at) = rest.find('\x1b') {
        stripped.push_str(&rest[..at]);
        let end = rest[at..].find('m').unwrap();
        rest = &rest[at + end + 1..];
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn a_place_without_symbols_is_module_and_offset() {
    let mut report = samples::report();
    report.findings[0].places = vec![::finding::Place::new("fault", "", vec![samples::bare(0x10)])];
    let text = test_text(&report, &PLAIN);
    assert!(text.contains("  fault\n    at fifo.sys+0x10 (guessed from the stack)\n"), "{text}");
}

#[test]
fn numbers_have_their_thousands_apart() {
    for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(number(value), text);
    }
}

#[test]
fn rules_are_listed_and_explained() {
    let text = rules_text(&[samples::RULE], &PLAIN);
    assert_eq!(text, "irp-double-completion  A request is completed once and no more.\n");
    let text = rule_text(&samples::RULE, &PLAIN);
    assert!(text.contains("\nWhat to do\n  Decide which"), "{text}");
    assert!(text.ends_with("Read more\n  https://learn.microsoft.com/a\n"), "{text}");
}
