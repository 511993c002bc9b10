//! Tests of the ledger.

use super::*;
use crate::{How, Image};
use proptest::prelude::*;

fn image(name: &str) -> Image {
    Image { name: name.to_owned(), ..Image::default() }
}

fn event(time: i64, pid: u32, what: What) -> Event {
    Event { time: Time(time), host: 0, source: 0, pid, what }
}

fn start(time: i64, pid: u32, name: &str) -> Event {
    event(time, pid, What::Start(Box::new(Start { image: image(name), ..Start::default() })))
}

fn fork(time: i64, pid: u32, parent: u32) -> Event {
    let start = Start { forked: true, parent: Some(parent), ..Start::default() };
    event(time, pid, What::Start(Box::new(start)))
}

fn exec(time: i64, pid: u32, name: &str) -> Event {
    event(time, pid, What::Exec(Box::new(Start { image: image(name), ..Start::default() })))
}

fn end(time: i64, pid: u32, code: u32) -> Event {
    event(time, pid, What::End(Box::new(End { how: How::Exit(code), ..End::default() })))
}

fn words(entry: Entry<'_>) -> String {
    let of = |process: &Process| format!("{} {}", process.pid, process.start.image.name);
    match entry.told {
        Told::Start(it) => format!("start {}", of(it)),
        Told::Exec(it) => format!("exec {}", of(it)),
        Told::Stop(it) if !it.start_seen => format!("stop {} unseen", of(it)),
        Told::Stop(it) => format!("stop {}", of(it)),
        Told::Vanished(it) => format!("vanished {}", of(it)),
        Told::Lost(lost) => format!("lost {}", lost.total()),
        Told::Open(it) => format!("open {}", of(it)),
    }
}

fn told(hold: i64, events: Vec<Event>) -> Vec<String> {
    let mut ledger = Ledger::new(hold);
    let mut told = Vec::new();
    for event in events {
        ledger.take(event, &mut |entry| told.push(words(entry)));
    }
    ledger.finish(Time(1000), &mut |entry| told.push(words(entry)));
    told
}

#[test]
fn a_start_and_its_end_are_joined() {
    let mut ledger = Ledger::new(0);
    ledger.take(start(10, 7, "a"), &mut |_| ());
    let mut seen = None;
    ledger.take(end(35, 7, 3), &mut |entry| {
        if let Told::Stop(process) = entry.told {
            seen = Some(process.clone());
        }
    });
    let seen = seen.expect("its end");
    assert_eq!((seen.lived(), seen.end.map(|end| end.how)), (Some(25), Some(How::Exit(3))));
}

#[test]
fn a_fork_waits_for_its_program() {
    let events = vec![start(0, 1, "sh"), fork(10, 2, 1), exec(12, 2, "ls"), end(20, 2, 0)];
    assert_eq!(told(50, events), ["start 1 sh", "start 2 ls", "stop 2 ls", "open 1 sh"]);
    // Without one it has its parent's name, and it waits no longer than that.
    let events =
        vec![start(0, 1, "sh"), fork(10, 2, 1), end(30, 2, 0), fork(40, 3, 1), start(99, 4, "x")];
    let expected = ["start 1 sh", "start 2 sh", "stop 2 sh", "start 3 sh", "start 4 x"];
    assert_eq!(told(50, events)[..5], expected);
}

#[test]
fn a_second_program_is_no_second_launch() {
    let events = vec![start(0, 1, "sh"), exec(5, 1, "ls"), end(9, 1, 0)];
    assert_eq!(told(0, events), ["start 1 sh", "exec 1 ls", "stop 1 ls"]);
}

#[test]
fn an_id_that_is_used_again_is_another_process() {
    let events = vec![start(0, 1, "a"), start(5, 1, "b"), end(9, 1, 0)];
    assert_eq!(told(0, events), ["start 1 a", "vanished 1 a", "start 1 b", "stop 1 b"]);
    // The end of one whose start was lost is not that of the one which has the id now.
    let with_boot = |event: Event, boot: u64| {
        let mut event = event;
        match &mut event.what {
            What::Start(start) | What::Exec(start) => start.since_boot = Some(boot),
            What::End(end) => end.since_boot = Some(boot),
            What::Lost(_) => {}
        }
        event
    };
    let events =
        vec![with_boot(start(0, 1, "a"), 5_000_000_000), with_boot(end(9, 1, 0), 9_000_000_000)];
    assert_eq!(told(0, events), ["start 1 a", "stop 1  unseen", "open 1 a"]);
}

#[test]
fn an_end_without_a_start_is_told_as_such() {
    assert_eq!(told(0, vec![end(9, 4, 0)]), ["stop 4  unseen"]);
}

#[test]
fn two_sources_of_one_process_tell_it_once() {
    let other = |event: Event| Event { source: 1, ..event };
    let events = vec![
        start(0, 1, "a.exe"),
        other(start(900, 1, "A.EXE")),
        end(5000, 1, 0),
        other(end(5100, 1, 0)),
    ];
    assert_eq!(told(0, events), ["start 1 a.exe", "stop 1 a.exe"]);
}

#[test]
fn a_fork_and_its_program_may_come_from_two_sources() {
    let other = |event: Event| Event { source: 1, ..event };
    let fork_first = vec![fork(10, 2, 1), other(start(12, 2, "ls")), other(end(20, 2, 0))];
    assert_eq!(told(50, fork_first), ["start 2 ls", "stop 2 ls"]);
    let program_first = vec![start(12, 2, "ls"), other(fork(13, 2, 1)), end(20, 2, 0)];
    assert_eq!(told(50, program_first), ["start 2 ls", "stop 2 ls"]);
}

#[test]
fn what_was_listed_before_is_told_only_at_its_end() {
    let mut before = start(0, 1, "init");
    if let What::Start(start) = &mut before.what {
        start.before = true;
    }
    assert_eq!(told(0, vec![before, end(9, 1, 0)]), ["stop 1 init unseen"]);
}

#[test]
fn machines_have_ids_of_their_own() {
    let other = Event { host: 1, ..end(9, 1, 0) };
    assert_eq!(told(0, vec![start(0, 1, "a"), other]), ["start 1 a", "stop 1  unseen", "open 1 a"]);
}

proptest! {
    /// Whatever comes in whatever order: each start is told once, and ended, vanished or open once.
    #[test]
    fn the_sum_is_right(steps in proptest::collection::vec((0u8..4, 1u32..6), 0..80), hold in 0i64..20) {
        let mut time = 0;
        let events: Vec<Event> = steps.iter().map(|(kind, pid)| {
            time += 3;
            match kind {
                0 => start(time, *pid, "p"),
                1 => fork(time, *pid, 1),
                2 => exec(time, *pid, "q"),
                _ => end(time, *pid, 0),
            }
        }).collect();
        let starts = events.iter().filter(|event| matches!(event.what, What::Start(_))).count();
        let told = told(hold, events);
        let count = |word: &str| told.iter().filter(|line| line.starts_with(word)).count();
        let unseen = told.iter().filter(|line| line.starts_with("stop") && line.ends_with(" unseen")).count();
        prop_assert!(count("start") >= starts);
        prop_assert!(count("start") <= count("stop") + count("vanished") + count("open"));
        prop_assert!(count("stop") + count("vanished") + count("open") <= count("start") + unseen);
    }
}
