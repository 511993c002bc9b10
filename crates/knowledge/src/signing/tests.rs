//! The file is sound, and says what the pages say.

use super::{Answer, FACTS, Facts, Rules, SOURCE, Verdict, answers, rules};
use std::collections::BTreeSet;

fn facts(names: &[&'static str]) -> Facts {
    names.iter().copied().collect()
}

/// An x64 driver whose one signature is sound, and these facts.
fn sound(more: &[&'static str]) -> Vec<Answer> {
    let base = ["amd64", "signed", "intact", "embedded", "sha2", "timestamped"];
    answers(&[facts(&[&base, more].concat())])
}

fn told(answers: &[Answer]) -> Vec<(&str, &str, &str)> {
    let row = |it: &Answer| (it.system.id.as_str(), it.verdict.word(), it.rule.name.as_str());
    answers.iter().map(row).collect()
}

#[test]
fn every_rule_is_reached_and_every_fact_is_asked_for() {
    let rules = Rules::parse(SOURCE).unwrap();
    for (fact, _) in FACTS {
        let by =
            |rule: &super::Rule| rule.when.iter().any(|term| term.trim_start_matches('!') == *fact);
        // A processor is asked for by way of "other-machine" as well.
        assert!(rules.rules.iter().any(by) || ["amd64", "arm64"].contains(fact), "{fact}");
    }
    let mut reached = BTreeSet::new();
    let all: Vec<&'static str> = FACTS.iter().map(|(fact, _)| *fact).collect();
    // Each rule's own facts, with and without each other one.
    for rule in &super::rules().rules {
        let wanted = |fact: &&str| rule.when.iter().any(|term| term == fact);
        let barred =
            |fact: &&str| rule.when.iter().any(|term| term.strip_prefix('!') == Some(fact));
        for machine in ["amd64", "i386", "nothing"] {
            let mut own: Facts = all.iter().copied().filter(wanted).collect();
            own.extend(all.iter().copied().filter(|it| *it == machine));
            let loaded = &["signed", "intact", "embedded", "microsoft", "whql"];
            for base in [&loaded[..], &loaded[..3], &loaded[..1], &[]] {
                let base = base.iter().copied().filter(|fact| !barred(fact));
                let with = own.iter().copied().chain(base).collect();
                for answer in answers(&[with]) {
                    reached.insert(answer.rule.name.as_str());
                    reached.extend(
                        answer.needs.iter().chain(&answer.notes).map(|it| it.name.as_str()),
                    );
                }
            }
        }
    }
    for rule in &super::rules().rules {
        assert!(reached.contains(rule.name.as_str()), "{} is never reached", rule.name);
    }
}

#[test]
fn a_tested_driver_loads_everywhere() {
    let all = sound(&["microsoft", "whql"]);
    assert_eq!(all[0].verdict, Verdict::Depends);
    assert!(all[0].settings().next().unwrap().contains("KB3033929"));
    assert!(all[1..].iter().all(|it| it.verdict == Verdict::Loads), "{:?}", told(&all));
}

#[test]
fn an_attested_driver_is_for_clients_from_windows_10_on() {
    let all = sound(&["microsoft", "attested", "whql"]);
    let words: Vec<&str> = all.iter().map(|it| it.verdict.word()).collect();
    assert_eq!(words, ["refused", "refused", "loads", "loads", "loads", "loads", "refused"]);
}

#[test]
fn a_cross_signed_driver_goes_by_the_day_its_certificate_was_issued() {
    let new = sound(&["cross"]);
    assert_eq!(
        told(&new)[1..4],
        [
            ("windows-8", "loads", "cross-before-10"),
            ("windows-10-1507", "loads", "cross-first-10"),
            ("windows-10-1607", "depends", "cross-new"),
        ]
    );
    let old = sound(&["cross", "issued-before-2015-07-29"]);
    assert_eq!(told(&old)[3], ("windows-10-1607", "loads", "cross-old"));
    assert_eq!(told(&old)[5], ("windows-11", "depends", "cross-old-1809"));
    assert_eq!(told(&new)[6], ("server-2016", "refused", "cross-server"));
}

#[test]
fn what_is_wrong_with_the_signature_comes_first() {
    let of = |names: &[&'static str]| answers(&[facts(names)])[5].rule.name.as_str();
    assert_eq!(of(&["amd64"]), "unsigned");
    assert_eq!(of(&["amd64", "signed", "microsoft", "whql"]), "damaged");
    assert_eq!(of(&["i386", "signed", "intact", "microsoft", "whql"]), "other-machine");
    assert_eq!(of(&["amd64", "signed", "intact", "chain-broken"]), "chain-broken");
    assert_eq!(of(&["amd64", "signed", "intact", "expired", "cross"]), "expired-without-timestamp");
    assert_eq!(of(&["amd64", "signed", "intact", "expired", "timestamped", "cross"]), "untimely");
    assert_eq!(of(&["amd64", "signed", "intact", "own-root"]), "own-root");
    assert_eq!(of(&["amd64", "signed", "intact"]), "other-root");
}

#[test]
fn the_best_of_several_signatures_counts() {
    let base = ["amd64", "signed", "intact", "embedded", "timestamped"];
    let sha1 = facts(&[&base[..], &["cross", "issued-before-2015-07-29"]].concat());
    let sha2 = facts(&[&base[..], &["sha2", "microsoft", "whql"]].concat());
    let all = answers(&[sha1, sha2]);
    assert_eq!((all[0].signature, all[0].verdict), (0, Verdict::Loads), "SHA-1 needs no update");
    assert_eq!((all[5].signature, all[5].verdict), (1, Verdict::Loads));
}

#[test]
fn memory_integrity_is_a_setting() {
    let all = sound(&["microsoft", "whql", "no-memory-integrity"]);
    let settings: Vec<&str> = all[5].settings().collect();
    assert_eq!(settings, ["memory integrity (HVCI) is off"]);
    assert_eq!(all[1].settings().count(), 0, "Windows 8 has none");
}

#[test]
fn hashes_are_hashes_and_dates_dates() {
    let rules = rules();
    let is_hex = |text: &str, length: usize| {
        text.len() == length
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    for cross in &rules.cross.list {
        assert!(
            is_hex(&cross.2, 40) && cross.1.len() == 10 && cross.1.starts_with("20"),
            "{}",
            cross.0
        );
    }
    for known in &rules.known {
        assert!(is_hex(&known.tbs, 64), "{}", known.name);
    }
    assert!(
        rules.is_cross_certified("VeriSign Class 3 Public Primary Certification Authority - G5")
    );
    assert_eq!(rules.root("Microsoft Root Certificate Authority 2010").unwrap().kind, "microsoft");
}

#[test]
fn an_edit_that_is_wrong_is_told() {
    let changed = SOURCE.replacen("if = [\"!signed\"]", "if = [\"!singed\"]", 1);
    assert!(Rules::parse(&changed).unwrap_err().contains("unsigned: \"singed\" is neither"));
    let changed = SOURCE.replacen("pages = [\"porting\"]", "pages = [\"port\"]", 1);
    assert!(Rules::parse(&changed).unwrap_err().contains("there is no page \"port\""));
}

#[test]
fn a_refusal_of_microsofts_signature_says_more_than_a_test_signature() {
    let base = ["amd64", "signed", "intact", "embedded", "timestamped"];
    let own = facts(&[&base[..], &["own-root"]].concat());
    let attested = facts(&[&base[..], &["microsoft", "attested"]].concat());
    let all = answers(&[own.clone(), attested]);
    assert_eq!(told(&all)[6], ("server-2016", "refused", "attested-server"));
    assert_eq!(told(&answers(&[own]))[6], ("server-2016", "depends", "own-root"));
}
