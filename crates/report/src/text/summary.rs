//! What was searched, and what was not.

use super::number;
use super::page::{Ink, Page};
use crate::json::rate;
use bench::Report;

const LABEL: usize = 15;
/// Names of functions that are listed; the JSON has them all.
const NAMES: usize = 40;

pub(super) fn summary(page: &mut Page<'_>, report: &Report) {
    if !report.unsupported.is_empty() {
        page.line(0, &[(Ink::Warn, "Not supported by the bench")]);
        for it in &report.unsupported {
            let place = if it.place.is_empty() {
                String::new()
            } else {
                format!(", asked for at {}", it.place)
            };
            let scenario = format!(" (scenario {})", it.scenario);
            page.wrapped(
                2,
                4,
                &[(Ink::Strong, &it.what), (Ink::Plain, &place), (Ink::Faint, &scenario)],
            );
        }
        page.blank();
    }
    page.labelled(0, LABEL, "Schedules", &schedules(report));
    if let Some(first) = report.first_hit.filter(|_| !report.findings.is_empty()) {
        page.labelled(0, LABEL, "First found", &format!("after {first:.2} s"));
    }
    page.labelled(0, LABEL, "Completed", &bounds(report));
    page.labelled(0, LABEL, "Reached", &reached(report));
    let missed = &report.coverage.not_reached;
    if !missed.is_empty() {
        let mut names = missed[..missed.len().min(NAMES)].join(", ");
        if missed.len() > NAMES {
            names.push_str(&format!(" and {} more", missed.len() - NAMES));
        }
        page.labelled(0, LABEL, "Not reached", &names);
    }
    for note in &report.notes {
        page.labelled(0, LABEL, "Note", note);
    }
}

fn schedules(report: &Report) -> String {
    let workers = match report.workers {
        1 => "1 worker".to_owned(),
        n => format!("{n} workers"),
    };
    format!(
        "{} tried, {} of them distinct, in {:.2} s ({} a second, {workers}, seed {})",
        number(report.schedules.tried),
        number(report.schedules.distinct),
        report.seconds,
        number(rate(report).round() as u64),
        report.seed,
    )
}

fn bounds(report: &Report) -> String {
    let scenarios = &report.coverage.scenarios;
    let count = match scenarios.len() {
        1 => "the one scenario".to_owned(),
        n => format!("all {n} scenarios"),
    };
    if let Some(bound) = report.coverage.bound_completed {
        return format!("{count}, every schedule with {}", preemptions(bound));
    }
    let open = scenarios.iter().filter(|(_, _, bound)| bound.is_none());
    let names: Vec<&str> = open.map(|(name, _, _)| name.as_str()).collect();
    if scenarios.is_empty() {
        "no scenario".to_owned()
    } else if names.len() == scenarios.len() {
        "no bound of any scenario".to_owned()
    } else {
        format!("no bound of {}", names.join(", "))
    }
}

fn preemptions(bound: u32) -> String {
    match bound {
        0 => "no preemption".to_owned(),
        1 => "up to 1 preemption".to_owned(),
        n => format!("up to {n} preemptions"),
    }
}

fn reached(report: &Report) -> String {
    let (reached, total) = report.coverage.functions;
    format!("{reached} of {total} functions, {} basic blocks", report.coverage.blocks)
}
