//! An application's process ends while its requests are under way.

mod common;

use bench::{Options, Verdict};

fn only() -> Options {
    Options { only: Some("process-end".to_owned()), ..common::steady(2_000, 2) }
}

#[test]
fn memory_of_a_process_that_ended_is_nobodys() {
    let driver = common::driver("buggy", "user-pointer-process-end");
    let finding = common::test(&driver, &only()).findings.remove(0);
    assert_eq!(finding.rule, "user-pointer");
    assert!(finding.title.ends_with("user memory of a process that ended"), "{}", finding.title);
    assert_eq!(finding.places[0].role, "process ended");
    let token = finding.replay.as_deref().unwrap().parse().unwrap();
    assert_eq!(bench::replay(&driver, &token).unwrap().finding, Some(finding));
}

#[test]
fn who_forgets_a_buffer_with_its_handle_is_clean() {
    for name in ["user-count", "csq-read", "cancel-queue", "neither-ioctl"] {
        let report = common::test(&common::driver("clean", name), &only());
        assert_eq!(report.verdict, Verdict::Clean, "{name}: {:?}", report.findings);
        assert!(report.schedules.tried > 1, "{name}");
    }
}

/// Its requests are cancelled as its threads end, before its handles are closed.
#[test]
fn a_request_that_cannot_be_cancelled_keeps_the_process() {
    let driver = common::driver("buggy", "irp-cancel-ignored");
    let report = common::test(&driver, &only());
    let finding = report.findings.first().expect("found");
    assert_eq!(finding.rule, "irp-cancel-ignored");
}
