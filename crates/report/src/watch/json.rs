//! `bugcheck.watch.1`: a document a line, one for each process with start and end, for each loss, and one at
//! the end for the whole.

use super::{WatchLook, iso};
use crate::json::line;
use processes::{How, Lost, Process, Summary, Time};
use serde::Serialize;

const SCHEMA: &str = "bugcheck.watch.1";

#[derive(Serialize)]
struct ProcessDocument<'a> {
    schema: &'static str,
    kind: &'static str,
    id: String,
    host: &'a str,
    pid: u32,
    name: &'a str,
    path: Option<&'a str>,
    command_line: Option<&'a str>,
    command_line_complete: Option<bool>,
    folder: Option<&'a str>,
    user: Option<&'a str>,
    container: Option<&'a str>,
    parent_pid: Option<u32>,
    parent_name: Option<&'a str>,
    started: Option<String>,
    ended: Option<String>,
    state: &'static str,
    start_seen: bool,
    ran_before: bool,
    lived_ns: Option<u64>,
    cpu_ns: Option<u64>,
    exit_code: Option<u32>,
    signal: Option<u8>,
    core_dumped: Option<bool>,
    execs: u32,
}

/// A process, when it ended or when watching did.
///
/// # Errors
/// None that an input can cause.
pub fn watch_process_json(process: &Process, look: &WatchLook<'_>) -> serde_json::Result<String> {
    let start = &process.start;
    let command = start.image.command.as_ref();
    let (exit_code, signal, core_dumped) = match process.end.as_ref().map(|end| end.how) {
        Some(How::Exit(code)) => (Some(code), None, None),
        Some(How::Signal { number, core }) => (None, Some(number), Some(core)),
        Some(How::Unknown) | None => (None, None, None),
    };
    line(&ProcessDocument {
        schema: SCHEMA,
        kind: "process",
        id: process.identity(look.host(process)),
        host: look.host(process),
        pid: process.pid,
        name: &start.image.name,
        path: start.image.path.as_deref(),
        command_line: command.map(|command| command.text.as_str()),
        command_line_complete: command.map(|command| command.complete),
        folder: start.image.folder.as_deref(),
        user: start.user.as_deref(),
        container: start.container.as_deref(),
        parent_pid: start.parent,
        parent_name: start.parent_name.as_deref(),
        started: iso(process.started),
        ended: iso(process.ended),
        state: process.state.word(),
        start_seen: process.start_seen,
        ran_before: start.before,
        lived_ns: process.lived(),
        cpu_ns: process.end.as_ref().and_then(|end| end.cpu),
        exit_code,
        signal,
        core_dumped,
        execs: process.execs,
    })
}

#[derive(Serialize)]
struct LostDocument<'a> {
    schema: &'static str,
    kind: &'static str,
    time: Option<String>,
    starts: u64,
    execs: u64,
    ends: u64,
    unknown: u64,
    at_most: bool,
    why: &'a str,
}

/// A loss, where it happened.
///
/// # Errors
/// None that an input can cause.
pub fn watch_lost_json(time: Time, lost: &Lost) -> serde_json::Result<String> {
    line(&LostDocument {
        schema: SCHEMA,
        kind: "lost",
        time: iso(time),
        starts: lost.starts,
        execs: lost.execs,
        ends: lost.ends,
        unknown: lost.unknown,
        at_most: lost.at_most,
        why: &lost.why,
    })
}

#[derive(Serialize)]
struct SummaryDocument<'a> {
    schema: &'static str,
    kind: &'static str,
    source: &'a str,
    first: Option<String>,
    last: Option<String>,
    launched: u64,
    seen: u64,
    lost: LostSum,
    gaps: u64,
    ended: u64,
    ends_without_start: u64,
    ends_not_seen: u64,
    without_end: u64,
    execs: u64,
    full_command_lines: u64,
    cut_command_lines: u64,
    most_launched: Vec<NameDocument<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct LostSum {
    starts: u64,
    execs: u64,
    ends: u64,
    unknown: u64,
    at_most: bool,
}

#[derive(Serialize)]
struct NameDocument<'a> {
    name: &'a str,
    launches: u64,
    failed: u64,
    cpu_ns: Option<u64>,
}

/// The whole; the last document. `source` is what it comes from.
///
/// # Errors
/// None that an input can cause.
pub fn watch_summary_json(
    summary: &Summary,
    source: &str,
    notes: &[String],
) -> serde_json::Result<String> {
    let lost = &summary.lost;
    let names = summary.most_launched();
    line(&SummaryDocument {
        schema: SCHEMA,
        kind: "summary",
        source,
        first: summary.span.and_then(|(first, _)| iso(first)),
        last: summary.span.and_then(|(_, last)| iso(last)),
        launched: summary.launched(),
        seen: summary.seen,
        lost: LostSum {
            starts: lost.starts,
            execs: lost.execs,
            ends: lost.ends,
            unknown: lost.unknown,
            at_most: lost.at_most,
        },
        gaps: summary.gaps,
        ended: summary.ended,
        ends_without_start: summary.ends_without_start,
        ends_not_seen: summary.vanished,
        without_end: summary.open,
        execs: summary.execs,
        full_command_lines: summary.full_commands,
        cut_command_lines: summary.cut_commands,
        most_launched: names
            .iter()
            .map(|it| NameDocument {
                name: &it.name,
                launches: it.launches,
                failed: it.failed,
                cpu_ns: it.cpu,
            })
            .collect(),
        notes,
    })
}
