//! What a watch came to: the sum, who was launched most, what was shortest, the tree.

use super::line::watch_lost_words;
use super::{WatchLook, exit_words, name, span};
use crate::{escape, number};
use processes::{Filter, Process, State, Summary, Tree};
use std::fmt::Write;

/// Rows of a list.
const ROWS: usize = 15;

/// The sum in a line: launched = seen + lost.
pub fn watch_sum(summary: &Summary) -> String {
    let mut text = format!(
        "launched {} = seen {} + lost {}{}; {} ended",
        number(summary.launched()),
        number(summary.seen),
        if summary.lost.at_most { "up to " } else { "" },
        number(summary.lost.starts),
        number(summary.ended),
    );
    for (count, what) in [
        (summary.open, "without an end so far"),
        (summary.vanished, "whose end was not seen"),
        (
            summary.ends_without_start,
            if summary.ends_without_start == 1 {
                "end without a start"
            } else {
                "ends without a start"
            },
        ),
    ] {
        if count > 0 {
            let _ = write!(text, ", {} {what}", number(count));
        }
    }
    if summary.gaps > 0 {
        let gaps =
            if summary.gaps == 1 { "1 gap" } else { &format!("{} gaps", number(summary.gaps)) };
        let _ = write!(text, "; {gaps}, lost in all: {}", watch_lost_words(&summary.lost));
    }
    text
}

/// Everything about a watch but its lines.
pub fn watch_summary(summary: &Summary, look: &WatchLook<'_>) -> String {
    let mut out = String::new();
    if let Some((first, last)) = summary.span {
        let _ = writeln!(out, "From {} to {}", look.moment(first), look.moment(last));
    }
    let _ = writeln!(out, "{}", watch_sum(summary));
    let commands = summary.full_commands + summary.cut_commands;
    if commands > 0 {
        let _ = writeln!(
            out,
            "{} of {} starts have their full command line, {} one that is cut off",
            number(summary.full_commands),
            number(summary.seen),
            number(summary.cut_commands)
        );
    }
    let names = summary.most_launched();
    if !names.is_empty() {
        let _ = writeln!(out, "\nMost launched");
        for it in names.iter().take(ROWS) {
            let mut notes = Vec::new();
            if it.failed > 0 {
                notes.push(format!("{} failed", number(it.failed)));
            }
            if let Some(cpu) = it.cpu {
                notes.push(format!("cpu {}", span(cpu)));
            }
            let notes =
                if notes.is_empty() { String::new() } else { format!("  ({})", notes.join(", ")) };
            let _ = writeln!(out, "  {:>9}  {}{notes}", number(it.launches), escape(&it.name));
        }
        if names.len() > ROWS {
            let _ = writeln!(out, "  and {} more names", number((names.len() - ROWS) as u64));
        }
    }
    if !summary.shortest.is_empty() {
        let _ = writeln!(out, "\nShortest");
        for process in &summary.shortest {
            let lived = process.lived().map(span).unwrap_or_default();
            let _ = writeln!(out, "  {lived:>9}  {}", row(process));
        }
    }
    out
}

/// That a process has a start and no end, in a line.
pub fn watch_open(process: &Process, look: &WatchLook<'_>) -> String {
    format!(
        "{}: PID {}, {} has no end so far",
        look.moment(process.started),
        process.pid,
        name(process)
    )
}

fn row(process: &Process) -> String {
    let mut text = format!("PID {}, {}", process.pid, escape(name(process)));
    if let Some(how) =
        process.end.as_ref().and_then(|end| exit_words(end.how)).filter(|how| how != "0")
    {
        let _ = write!(text, ", exit {}", escape(&how));
    }
    match process.state {
        State::Running => text.push_str(", no end so far"),
        State::EndNotSeen => text.push_str(", its end was not seen"),
        State::Ended => {}
    }
    text
}

/// Who started whom, indented. With ids in the filter these are the roots, and everything below them is shown.
pub fn watch_tree(tree: &Tree, filter: &Filter) -> String {
    let mut out = String::new();
    let chosen = |process: &Process| filter.pids.contains(&process.pid);
    let walked = if filter.pids.is_empty() { tree.walk(None) } else { tree.walk(Some(&chosen)) };
    for (depth, process) in walked {
        let indent = 2 * depth.min(40);
        let lived =
            process.lived().map(|lived| format!(", lived {}", span(lived))).unwrap_or_default();
        let _ = writeln!(out, "{:indent$}{}{lived}", "", row(process));
    }
    if tree.left_out > 0 {
        let _ = writeln!(out, "and {} more, which were not kept", number(tree.left_out));
    }
    out
}
