//! Tokens: the same run again, to the bit; and what becomes of tokens that do not fit.

mod common;

use bench::{Driver, Options, Token};
use schedule::Rng;

/// Tokens of everything that is found in a driver.
fn tokens(driver: &Driver) -> Vec<String> {
    let findings = common::test(driver, &common::usual()).findings;
    findings.into_iter().filter_map(|finding| finding.replay).collect()
}

fn parse(text: &str) -> Token {
    text.parse().unwrap_or_else(|bad| panic!("{text}: {bad}"))
}

#[test]
fn each_finding_comes_again_from_its_token() {
    let mut problems = Vec::new();
    for (name, driver) in common::drivers("buggy") {
        for finding in common::test(&driver, &common::usual()).findings {
            let Some(text) = finding.replay.clone() else {
                problems.push(format!("{name}: a finding without a token: {}", finding.title));
                continue;
            };
            let token = parse(&text);
            assert_eq!(token.to_string(), text);
            assert_eq!(token.path, driver.path);
            let once = bench::replay(&driver, &token);
            let again = bench::replay(&driver, &token);
            let (Ok(once), Ok(again)) = (&once, &again) else {
                problems.push(format!("{name}: {text} is refused: {:?}", once.err()));
                continue;
            };
            if once.finding.as_ref() != Some(&finding) {
                problems.push(format!("{name}: {text} ends in {:?}", once.finding));
            }
            if (once.hash, once.trace.len()) != (again.hash, again.trace.len())
                || once.finding != again.finding
            {
                problems.push(format!("{name}: two replays of {text} differ"));
            }
            if once.misfit.is_some() {
                problems.push(format!("{name}: {text} misfits at {:?}", once.misfit));
            }
            if once.trace.is_empty() {
                problems.push(format!("{name}: {text} has no trace"));
            }
        }
    }
    common::none(&problems);
}

#[test]
fn a_token_of_another_driver_is_refused() {
    let all = common::all();
    for (index, (name, driver)) in all.iter().enumerate() {
        let (_, other) = &all[(index + 1) % all.len()];
        let token = Token {
            device: String::new(),
            with: Vec::new(),
            installed: None,
            hash: bench::image_hash(&driver.image),
            scenario: "load-unload".to_owned(),
            schedule: schedule::Schedule::default(),
            path: other.path.clone(),
        };
        let refused = match bench::replay(other, &token) {
            Ok(_) => panic!("{name}: its token runs on {}", other.path),
            Err(refused) => refused.to_string(),
        };
        assert!(common::is_sentence(&refused), "{refused}");
        assert!(refused.contains("another driver"), "{refused}");
    }
}

#[test]
fn a_scenario_that_the_driver_has_not_is_refused() {
    let driver = common::driver("clean", "write-slot");
    for scenario in ["no-such", "surprise-removal"] {
        let token = Token {
            device: String::new(),
            with: Vec::new(),
            installed: None,
            hash: bench::image_hash(&driver.image),
            scenario: scenario.to_owned(),
            schedule: schedule::Schedule::default(),
            path: String::new(),
        };
        let refused = bench::replay(&driver, &token).err().unwrap().to_string();
        assert!(common::is_sentence(&refused) && refused.contains(scenario), "{refused}");
    }
}

/// Choices of somebody who cannot run there, or at points that the run does not reach.
#[test]
fn a_schedule_that_does_not_fit_says_from_where() {
    let driver = common::driver("clean", "csq-read");
    for (text, from) in [("0-31", 0), ("1-31", 1), ("0-31.1-31", 0), ("999999-1", 999_999)] {
        let token = Token {
            device: String::new(),
            with: Vec::new(),
            installed: None,
            hash: bench::image_hash(&driver.image),
            scenario: "read-write".to_owned(),
            schedule: text.parse().unwrap(),
            path: driver.path.clone(),
        };
        let replayed = bench::replay(&driver, &token).unwrap();
        assert_eq!(replayed.misfit, Some(from), "{text}");
        assert_eq!(replayed.finding, None, "{text}");
    }
}

/// A token may be cut, mistyped or made up: it is refused, misfits or runs, and never panics.
#[test]
fn broken_tokens_do_no_harm() {
    let mut dice = Rng(7);
    let mut ran = 0;
    for name in ["irp-double-completion-cancel", "null-pointer-race", "irp-no-stack-location"] {
        let driver = common::driver("buggy", name);
        let token = tokens(&driver).remove(0);
        for length in 0..token.len() {
            assert!(
                token[..length].parse::<Token>().is_ok()
                    || length < token.len() - driver.path.len()
            );
        }
        for _ in 0..2_000 {
            let text = changed(&token, &mut dice);
            match text.parse::<Token>() {
                Err(bad) => assert!(common::is_sentence(&bad.to_string()), "{text:?}: {bad}"),
                Ok(changed) if ran < 300 && changed.hash == parse(&token).hash => {
                    ran += 1;
                    if let Err(refused) = bench::replay(&driver, &changed) {
                        assert!(common::is_sentence(&refused.to_string()), "{text:?}: {refused}");
                    }
                }
                Ok(_) => (),
            }
        }
    }
    assert!(ran >= 100, "only {ran} of the changed tokens could be run");
}

/// One to three characters of the token put in, left out or changed.
fn changed(token: &str, dice: &mut Rng) -> String {
    const CHARACTERS: [char; 16] =
        ['0', '1', '9', '-', '.', ':', '%', 'f', 'a', 'x', ' ', '\n', 'ü', '\0', '/', '\u{202e}'];
    let mut below = |limit: usize| dice.below(limit as u32) as usize;
    let mut text: Vec<char> = token.chars().collect();
    for _ in 0..=below(3) {
        let (at, with) = (below(text.len()), CHARACTERS[below(CHARACTERS.len())]);
        match below(4) {
            0 => text.insert(at, with),
            1 => drop(text.remove(at)),
            2 => text.truncate(text.len() - below(8)),
            _ => text[at] = with,
        }
    }
    text.into_iter().collect()
}

#[test]
fn a_rule_that_is_left_out_stays_left_out_in_the_token() {
    let driver = common::driver("buggy", "irp-pending-wrong-status");
    let first = common::test(&driver, &common::usual()).findings.remove(0);
    let rule = verifier::find(&first.rule).expect("a rule");
    assert!(verifier::may_be_left_out(rule));
    let options = Options { without: vec![rule.name], ..common::usual() };
    let report = common::test(&driver, &options);
    assert!(report.findings.iter().all(|finding| finding.rule != first.rule));
    assert!(report.notes.iter().any(|note| note.contains(rule.name)), "{:?}", report.notes);
    // The same run, by name, goes on beyond what the rule would object to.
    let mut token = parse(first.replay.as_deref().expect("a token"));
    token.scenario = format!("{}.without-{}", token.scenario, rule.name);
    let replayed = bench::replay(&driver, &token).expect("such a scenario");
    assert!(replayed.finding.is_none_or(|finding| finding.rule != first.rule));
}

#[test]
fn what_a_sleeping_device_loses_can_be_left_out() {
    let driver = common::driver("buggy", "register-in-d3");
    let first = common::test(&driver, &common::usual()).findings.remove(0);
    assert_eq!(first.rule, "register-in-d3");
    let mut token = parse(first.replay.as_deref().expect("a token"));
    let ended = bench::replay(&driver, &token).expect("such a scenario");
    token.scenario = format!("{}.without-register-in-d3", token.scenario);
    let beyond = bench::replay(&driver, &token).expect("such a scenario");
    assert!(beyond.finding.is_none_or(|finding| finding.rule != first.rule));
    assert!(beyond.trace.len() > ended.trace.len(), "the run goes on");
}

/// Where every run ends in the same, which a run can go on beyond, the search does so by itself.
#[test]
fn a_search_that_keeps_going_goes_beyond() {
    let driver = common::driver("buggy", "irp-pending-wrong-status");
    let beyond = |keep_going| {
        let report = common::test(&driver, &Options { keep_going, ..common::usual() });
        assert_eq!(report.findings[0].rule, "irp-pending-wrong-status");
        let without = |name: &&String| name.ends_with(".without-irp-pending-wrong-status");
        let scenarios = report.coverage.scenarios.iter().map(|scenario| &scenario.0);
        (scenarios.filter(without).count(), report.notes.iter().any(|note| note.contains("beyond")))
    };
    assert_eq!(beyond(false), (0, false));
    let (count, told) = beyond(true);
    assert!(count > 0 && told);
}

/// A driver that is right until somebody reads is found out in a scenario without a read, once that
/// is prepared; and its token wants the same preparation.
#[test]
fn a_preparation_belongs_to_its_tokens() {
    let driver = common::driver("buggy", "irp-never-completed");
    let text = "prepare = [{ open = 'read-write' }, { read = 'usual', wait = false }]";
    let file = |text: &str| bench::ScenarioFile { path: "p".to_owned(), text: text.to_owned() };
    let plain = Options { only: Some("load-unload".to_owned()), ..common::usual() };
    assert!(common::test(&driver, &plain).findings.is_empty());
    let options = Options { prepare: Some(file(text)), ..plain };
    let finding = common::test(&driver, &options).findings.remove(0);
    assert_eq!(finding.rule, "irp-never-completed");
    let token = parse(finding.replay.as_deref().expect("a token"));
    assert!(token.scenario.starts_with("load-unload.prepared-"), "{}", token.scenario);
    let again = bench::replay_with(&driver, &token, &[], options.prepare.as_ref());
    assert_eq!(again.expect("such a scenario").finding, Some(finding));
    let other = file("prepare = []");
    assert!(bench::replay_with(&driver, &token, &[], Some(&other)).is_err());
    assert!(bench::replay(&driver, &token).is_err());
}

#[test]
fn what_ends_a_run_cannot_be_left_out() {
    for name in ["null-pointer", "irp-double-completion", "pool-double-free", "wait-at-dispatch"] {
        let rule = verifier::find(name).expect(name);
        assert!(!verifier::may_be_left_out(rule), "{name}");
    }
}
