//! When nobody can go on any more, what is outstanding is cancelled; whoever that frees goes on.

mod common;

use bench::{Options, ScenarioFile, Verdict};

/// Reads one after the other on a driver whose reads wait for a write. Winding down cancels the first,
/// and closing the handle would end a second one; a third, on a handle that is opened then, nobody
/// would end.
const READS: &str = r#"
name = "read-again"
about = "Reads that nobody answers, one after the other."
needs = ["read"]

[[actor]]
name = "reader"
steps = [
    { open = "read" },
    { read = 4, as = "first" },
    { read = 4, as = "second" },
    { open = "read" },
    { read = 4, as = "third" },
]
"#;

#[test]
fn requests_begun_while_a_run_winds_down_are_not_lost() {
    let driver = common::driver("clean", "csq-read");
    let options = Options {
        scenarios: vec![ScenarioFile { path: "reads.toml".to_owned(), text: READS.to_owned() }],
        scenario_only: true,
        ..common::steady(500, 1)
    };
    let report = common::test(&driver, &options);
    let (name, tried, completed) = &report.coverage.scenarios[0];
    assert!(name.starts_with("read-again") && *tried > 0 && completed.is_some());
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
}
