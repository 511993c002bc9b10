//! `bugcheck watch --from`, on records of this repository.

use crate::{golden, run, scratch};

const STRACE: &str = "crates/processes/tests/records/strace/ttt.txt";
const AUDIT: &str = "crates/processes/tests/records/audit/audit.log";
const PML: &str = "crates/processes/tests/records/process_monitor/sample.pml";

fn watch(arguments: &[&str]) -> crate::Ran {
    run(&[&["watch", "--utc"], arguments].concat())
}

#[test]
fn records_read_as_kept() {
    let mut wrong = Vec::new();
    for (name, status, arguments) in [
        ("process-monitor.txt", 0, &["--from", PML][..]),
        ("strace.txt", 0, &["--from", STRACE, "--columns", "parent,exit,command"]),
        ("audit.txt", 0, &["--from", AUDIT, "--columns", "all"]),
        ("merged.txt", 0, &["--from", STRACE, PML, AUDIT, "--summary", "--tree"]),
        ("strace.jsonl", 0, &["--from", STRACE, "--format", "json"]),
    ] {
        let ran = watch(arguments);
        assert_eq!(ran.status, status, "{name}: {}", ran.error);
        let text = format!("{}--- standard error\n{}", ran.out, ran.error);
        wrong.extend(golden::check(&format!("watch/{name}"), &text).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_line_has_the_form_that_scripts_know() {
    let ran = watch(&["--from", PML]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines,
        [
            "START Mon Apr 16 22:04:07 2012: PID 1380, sstext3d.scr",
            "STOP  Mon Apr 16 22:04:50 2012: PID 1380, sstext3d.scr",
        ]
    );
}

#[test]
fn filters_leave_out_what_nobody_asked_for() {
    for (arguments, count) in [
        (&["--name", "*.scr"][..], 2),
        (&["--name", "cmd"], 0),
        (&["--pid", "1380"], 2),
        (&["--pid", "1"], 0),
        (&["--user", "alice"], 2),
        (&["--user", "bob"], 0),
        (&["--since", "2012-04-16 22:04:10"], 1),
        (&["--until", "2012-04-16 22:04:10"], 1),
        (&["--until", "2012-04-16"], 0),
        (&["--quiet"], 0),
    ] {
        let ran = watch(&[&["--from", PML], arguments].concat());
        assert_eq!(ran.out.lines().count(), count, "{arguments:?}: {}", ran.out);
    }
    let wrong = watch(&["--from", PML, "--since", "yesterday"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.error.contains("--since"), "{}", wrong.error);
}

#[test]
fn names_cannot_reach_the_terminal() {
    let line = "7 1334613847.100000 execve(\"/tmp/\\33[31m\\nx\", [\"\\33]0;t\\7\", \"\u{202e}\"], 0x1) = 0\n";
    let record = scratch::Scratch::new("evil.txt", line.as_bytes());
    for format in ["text", "json"] {
        let ran = watch(&["--from", record.path(), "--columns", "all", "--format", format]);
        let bad = |c: char| c == '\u{202e}' || c.is_control() && c != '\n';
        assert!(
            !ran.out.contains(bad) && !ran.error.contains(bad),
            "{:?} {:?}",
            ran.out,
            ran.error
        );
        assert!(ran.out.lines().next().unwrap().contains("[31m"), "{}", ran.out);
    }
}

#[test]
fn the_page_is_one_file_without_markup_of_others() {
    let line = "7 1334613847.100000 execve(\"/tmp/<script>\", [\"<b>\"], 0x1) = 0\n7 1334613848.0 +++ exited with 3 +++\n";
    let record = scratch::Scratch::new("x.txt", line.as_bytes());
    let page = scratch::Scratch::new("x.html", b"");
    let ran = watch(&["--from", record.path(), "--html", page.path()]);
    assert_eq!(ran.status, 0, "{}", ran.error);
    let text = std::fs::read_to_string(page.path()).unwrap();
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script>") && !text.contains("<b>"));
    assert!(text.contains("exit 3"));
}

#[test]
fn what_is_no_record_is_status_two_and_the_rest_is_told() {
    let ran = watch(&["--from", "README.md"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.error.contains("no event log"), "{}", ran.error);
    let both = watch(&["--from", "README.md", PML]);
    assert_eq!((both.status, both.out.lines().count()), (2, 2));
    assert_eq!(watch(&["--from", "no-such-file"]).status, 2);
}
