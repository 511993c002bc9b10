//! Tests of the reader of strace's output.

use super::*;

/// As `strace -f -ttt` writes to a terminal; checked against strace 6.1.
const TERMINAL: &str = r#"1334613847.100000 execve("/bin/sh", ["sh", "-c", "ls 'a b'; true"], 0x7ffc /* 9 vars */) = 0
1334613847.200000 vfork(strace: Process 101 attached
 <unfinished ...>
[pid   101] 1334613847.210000 execve("/bin/ls", ["ls", "a b"], 0x55 /* 9 vars */ <unfinished ...>
[pid   100] 1334613847.220000 <... vfork resumed>) = 101
[pid   101] 1334613847.230000 <... execve resumed>) = 0
[pid   101] 1334613847.300000 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND) = 102
[pid   102] 1334613847.310000 +++ exited with 0 +++
[pid   101] 1334613847.320000 +++ exited with 2 +++
1334613847.330000 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=101, si_uid=0, si_status=2, si_utime=3, si_stime=1} ---
1334613847.400000 +++ killed by SIGSEGV (core dumped) +++
"#;

fn of(text: &str, hint: Hint<'_>) -> Vec<String> {
    assert!(takes(text.as_bytes()));
    let record = read(text.as_bytes(), &hint).unwrap();
    let words = |event: &Event| match &event.what {
        What::Start(start) => format!("start {} {}", event.pid, start.image.name),
        What::Exec(start) => {
            let command = start.image.command.as_ref().map_or("", |it| it.text.as_str());
            format!("exec {} {} [{command}]", event.pid, start.image.name)
        }
        What::End(end) => format!("end {} {:?} {:?}", event.pid, end.how, end.cpu),
        What::Lost(_) => "lost".to_owned(),
    };
    record.events.iter().map(words).collect()
}

#[test]
fn processes_but_no_threads() {
    assert_eq!(
        of(TERMINAL, Hint::default()),
        [
            "start 100 sh",
            "start 101 ",
            "exec 101 ls [ls 'a b']",
            "end 101 Exit(2) Some(40000000)",
            "end 100 Signal { number: 11, core: true } None",
        ]
    );
    let record = read(TERMINAL.as_bytes(), &Hint::default()).unwrap();
    assert!(record.notes.is_empty(), "{:?}", record.notes);
    assert_eq!(record.events[0].time.civil(0).to_string(), "Mon Apr 16 22:04:07 2012");
}

#[test]
fn a_file_has_ids_without_brackets() {
    let text = "7 22:04:07 execve(\"/bin/true\", [\"true\"], 0x1 /* 1 var */) = 0\n7 22:04:08 +++ exited with 0 +++\n";
    let hint = Hint { modified: Time::read("2012-04-16 23:30:00"), ..Hint::default() };
    assert_eq!(of(text, hint), ["start 7 true", "end 7 Exit(0) None"]);
    let record = read(text.as_bytes(), &hint).unwrap();
    assert_eq!(record.events[0].time.civil(0).to_string(), "Mon Apr 16 22:04:07 2012");
    assert!(record.notes[0].contains("time of day"), "{:?}", record.notes);
}

#[test]
fn times_of_day_go_past_midnight() {
    let text = "7 23:59:59 execve(\"/bin/a\", [\"a\"], 0x1 /* 1 var */) = 0\n7 00:00:01 +++ exited with 0 +++\n";
    let hint = Hint { modified: Time::read("2012-04-17 00:00:02"), ..Hint::default() };
    let record = read(text.as_bytes(), &hint).unwrap();
    assert_eq!(record.events[1].time.since(record.events[0].time), Some(2_000_000_000));
    assert_eq!(record.events[0].time.civil(0).to_string(), "Mon Apr 16 23:59:59 2012");
}

#[test]
fn the_name_of_a_file_tells_its_process() {
    let text = "execve(\"/bin/true\", [\"true\"], 0x1 /* 1 var */) = 0\n+++ exited with 0 +++\n";
    let hint = Hint { name: "out.4711", ..Hint::default() };
    assert_eq!(of(text, hint), ["start 4711 true", "end 4711 Exit(0) None"]);
    let record = read(text.as_bytes(), &Hint::default()).unwrap();
    assert_eq!(record.notes.len(), 2, "no id and no times: {:?}", record.notes);
}

#[test]
fn a_call_that_failed_runs_nothing() {
    let text =
        "7 execve(\"/bin/x\", [\"x\"], 0x1 /* 1 var */) = -1 ENOENT (No such file or directory)\n";
    assert_eq!(of(text, Hint::default()), Vec::<String>::new());
}

#[test]
fn what_strace_cut_off_is_told_as_cut_off() {
    let text = "7 execve(\"/bin/x\", [\"x\", \"aaaa\"..., \"b\\n\\33\\x41\"], 0x1) = 0\n";
    let record = read(text.as_bytes(), &Hint::default()).unwrap();
    let What::Start(start) = &record.events[0].what else { panic!("a start") };
    let command = start.image.command.as_ref().unwrap();
    assert_eq!((command.text.as_str(), command.complete), ("x aaaa 'b\n\x1bA'", false));
}

#[test]
fn other_texts_are_not_taken() {
    for text in
        ["", "hello\nworld\n", "type=SYSCALL msg=audit(1.1:1): a=b", "int main(void) { return 0; }"]
    {
        assert!(!takes(text.as_bytes()), "{text}");
    }
}

#[test]
fn a_line_that_strace_interrupted_itself_is_one() {
    let text = "7 execve(\"/bin/a\", [\"a\"], 0x1) = 0\n7 clone3({flags=CLONE_VM|CLONE_THREAD}strace: Process 8 \
                attached\n => {parent_tid=[8]}, 88) = 8\n8 +++ exited with 0 +++\n7 +++ exited with 0 +++\n";
    assert_eq!(of(text, Hint::default()), ["start 7 a", "end 7 Exit(0) None"]);
}

/// What strace 6.1 really writes, to a terminal with times of day and into a file with absolute ones.
#[test]
fn real_traces() {
    let terminal = include_str!("../../tests/records/strace/terminal.txt");
    let told = of(terminal, Hint::default());
    let starts = told.iter().filter(|line| line.starts_with("start")).count();
    let ends = told.iter().filter(|line| line.starts_with("end")).count();
    assert_eq!((starts, ends), (4, 4), "sh, ls, python3 and sleep, and no thread: {told:?}");
    let file = include_str!("../../tests/records/strace/ttt.txt");
    let told = of(file, Hint::default());
    assert!(told.iter().any(|line| line.contains("Signal { number: 9, core: false }")), "{told:?}");
}
