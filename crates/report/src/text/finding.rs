//! One finding, as a block of text.

use super::WIDTH;
use super::page::{Ink, Page, clip};
use crate::escape;
use finding::{Blame, BugCheck, Finding, Frame, Place, Severity, Step, Trust};

/// Frames of a stack that are shown; what lies further out seldom tells the two apart.
const FRAMES: usize = 12;
const STEPS: usize = 60;
/// Columns of an event before its place.
const EVENT: usize = 52;

pub(super) fn finding(page: &mut Page<'_>, it: &Finding) {
    let (ink, label) = label(it);
    let rule = format!("{label}[{}]: ", it.rule);
    page.wrapped(0, 2, &[(ink, &rule), (Ink::Strong, &it.title)]);
    if let Some(check) = &it.bugcheck {
        bug_check(page, check);
    }
    for place in &it.places {
        page.blank();
        show_place(page, place);
    }
    section(page, "Why it is wrong", &it.explanation);
    section(page, "What to do", &it.remedy);
    if !it.timeline.is_empty() {
        page.blank();
        timeline(page, &it.scenario, &it.timeline);
    }
    if !it.references.is_empty() {
        page.blank();
        page.heading(2, "Read more");
        for reference in &it.references {
            page.line(4, &[(Ink::Plain, reference)]);
        }
    }
    if let Some(token) = &it.replay {
        page.blank();
        page.heading(2, "Run it again");
        // Never broken: it is there to be copied.
        page.line(4, &[(Ink::Plain, "bugcheck replay "), (Ink::Plain, token)]);
    }
}

fn label(it: &Finding) -> (Ink, &'static str) {
    match (it.blame, it.severity) {
        (Blame::Driver, Severity::Error) => (Ink::Bad, "error"),
        (Blame::Driver, Severity::Warning) => (Ink::Warn, "warning"),
        (Blame::Driver, Severity::Advice) => (Ink::Strong, "advice"),
        (Blame::Unsupported, _) => (Ink::Warn, "not supported"),
        (Blame::Environment, _) => (Ink::Warn, "limit of the run"),
        (Blame::Unknown, _) => (Ink::Warn, "no driver is known to be at fault"),
        (Blame::Internal, _) => (Ink::Bad, "error in bugcheck"),
    }
}

fn section(page: &mut Page<'_>, heading: &str, text: &str) {
    if !text.trim().is_empty() {
        page.blank();
        page.heading(2, heading);
        page.paragraphs(4, text);
    }
}

/// The line that Windows would leave on the screen and in the log.
fn bug_check(page: &mut Page<'_>, check: &BugCheck) {
    let [a, b, c, d] = check.parameters;
    let stop = format!("*** STOP: {:#010x} ({a:#018x},{b:#018x},{c:#018x},{d:#018x})", check.code)
        .replace("0x", "\0")
        .to_uppercase()
        .replace('\0', "0x");
    // The four addresses fill the line, so the name stands below it.
    let hang = "*** STOP: ".len() + 2;
    page.line(2, &[(Ink::Bad, &stop)]);
    page.line(hang, &[(Ink::Bad, &check.name)]);
    for (index, meaning) in check.meanings.iter().enumerate() {
        if !matches!(meaning.as_str(), "" | "reserved") {
            page.labelled(hang, 13, &format!("Parameter {}", index + 1), meaning);
        }
    }
}

fn show_place(page: &mut Page<'_>, place: &Place) {
    let by = if place.context.is_empty() { "" } else { ", by " };
    page.wrapped(
        2,
        4,
        &[(Ink::Strong, &place.role), (Ink::Plain, by), (Ink::Plain, &place.context)],
    );
    let Some(top) = place.stack.iter().position(|frame| !is_service(frame)) else { return };
    let services = &place.stack[..top];
    match services.first().and_then(|frame| frame.function.as_deref()) {
        Some(service) => {
            show_frame(
                page,
                &place.stack[top],
                &[(Ink::Faint, "in "), (Ink::Plain, service), (Ink::Faint, ", called at ")],
            );
        }
        None => show_frame(page, &place.stack[top], &[(Ink::Faint, "at ")]),
    }
    if let (Some(file), Some(line)) = (&place.file, place.line)
        && let Some(text) = (page.look.source)(file, line)
    {
        let text = text.replace('\t', "    ");
        let lead = format!("{line:>9} | ");
        let room = WIDTH - 4 - lead.len();
        page.line(4, &[(Ink::Faint, &lead), (Ink::Plain, &clip(text.trim_end(), room))]);
    }
    for frame in place.stack.iter().skip(top + 1).take(FRAMES) {
        show_frame(page, frame, &[(Ink::Faint, "called from ")]);
    }
    let hidden = place.stack.len().saturating_sub(top + 1 + FRAMES);
    if hidden > 0 {
        page.line(4, &[(Ink::Faint, &format!("and {hidden} more frames"))]);
    }
}

/// A kernel service on the way, which has a name and no place of its own.
fn is_service(frame: &Frame) -> bool {
    frame.module == "nt" && frame.rva == 0
}

fn show_frame(page: &mut Page<'_>, frame: &Frame, lead: &[(Ink, &str)]) {
    let mut pieces = lead.to_vec();
    if is_service(frame) {
        pieces.push((Ink::Plain, frame.function.as_deref().unwrap_or("the kernel")));
        page.wrapped(4, 8, &pieces);
        return;
    }
    let address = format!("{}+{:#x}", frame.module, frame.rva);
    let source = frame.file.as_deref().map(|file| match frame.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    });
    if let Some(source) = &source {
        pieces.extend([(Ink::Place, source.as_str()), (Ink::Plain, " ")]);
    }
    if let Some(function) = &frame.function {
        pieces.extend([(Ink::Plain, function.as_str()), (Ink::Plain, " ")]);
    }
    let is_named = source.is_some() || frame.function.is_some();
    let bracketed = format!("({address})");
    pieces.push(if is_named { (Ink::Faint, &bracketed) } else { (Ink::Place, &address) });
    if frame.trust == Trust::Scanned {
        pieces.push((Ink::Faint, " (guessed from the stack)"));
    }
    page.wrapped(4, 8, &pieces);
}

/// One block a step: who, where, at which IRQL, and below it what they do, with its place.
fn timeline(page: &mut Page<'_>, scenario: &str, steps: &[Step]) {
    let shown = &steps[..steps.len().min(STEPS)];
    let mark =
        if shown.iter().any(|step| step.preempts) { ": * preempts the one above" } else { "" };
    let heading = format!("How it comes about, in scenario {scenario}");
    page.line(2, &[(Ink::Strong, &heading), (Ink::Faint, mark)]);
    for step in shown {
        let mark = if step.preempts { "* " } else { "  " };
        let when =
            format!("  on cpu {}, {}, from point {}", step.processor, level(step.irql), step.point);
        page.line(
            2,
            &[(Ink::Bad, mark), (Ink::Strong, &clip(&step.context, 40)), (Ink::Faint, &when)],
        );
        for event in &step.does {
            show_event(page, event);
        }
    }
    if steps.len() > shown.len() {
        page.line(4, &[(Ink::Faint, &format!("and {} more steps", steps.len() - shown.len()))]);
    }
}

/// An event, its place in a column of its own where it fits.
fn show_event(page: &mut Page<'_>, event: &str) {
    if event.starts_with("... ") {
        page.line(6, &[(Ink::Faint, event)]);
        return;
    }
    let (text, place) = match event.strip_suffix(']').and_then(|event| event.rsplit_once("  [")) {
        Some((text, place)) => (text, place),
        None => (event, ""),
    };
    let ink = if text.starts_with("=> ") { Ink::Bad } else { Ink::Plain };
    let width = escape(text).chars().count();
    if 6 + width.max(EVENT) + 2 + escape(place).chars().count() <= WIDTH {
        let padding = if place.is_empty() { 0 } else { EVENT.saturating_sub(width) + 2 };
        page.line(6, &[(ink, text), (Ink::Plain, &" ".repeat(padding)), (Ink::Place, place)]);
    } else {
        page.wrapped(6, 8, &[(ink, text)]);
        if !place.is_empty() {
            page.line(8, &[(Ink::Place, place)]);
        }
    }
}

/// [`irql`] as part of a sentence.
fn level(level: u8) -> String {
    match level {
        0..=2 | 15 => format!("{}_LEVEL", irql(level)),
        _ => format!("IRQL {level}"),
    }
}

/// An IRQL by the name that driver writers use (`wdm.h`), the device levels by number.
pub(super) fn irql(level: u8) -> String {
    match level {
        0 => "PASSIVE".to_owned(),
        1 => "APC".to_owned(),
        2 => "DISPATCH".to_owned(),
        15 => "HIGH".to_owned(),
        level => level.to_string(),
    }
}
