//! Files of an incident, each in a few lines. What they tell in full, `explain` of the file alone tells.

use super::crash::{headline, stack_frame, whose};
use super::page::{Ink, Page, clip};
use super::system_log::{head, often};
use super::{Look, WIDTH, number};
use diagnosis::crash::Crash;
use diagnosis::image::ImageFacts;
use diagnosis::setup::SetupLog;
use diagnosis::system_log::SystemLog;
use evidence::inf::{Severity as Bad, Story};
use knowledge::messages::Severity;

/// Frames of a stack, sections that failed, kinds of messages, errors of an INF.
const FEW: usize = 4;

/// A kernel dump: what, whose fault, the innermost frames.
pub fn crash_brief(name: &str, it: &Crash, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    headline(&mut page, name, it);
    whose(&mut page, it);
    for (index, frame) in it.stack.iter().take(FEW).enumerate() {
        stack_frame(&mut page, index, frame, it.blame.as_ref());
    }
    more(&mut page, 2, it.stack.len(), FEW, "frames");
    let release = it.system.release.unwrap_or("Windows");
    let time = it.system.crashed.as_ref().map(|time| format!(", {time} UTC")).unwrap_or_default();
    page.wrapped(2, 4, &[(Ink::Plain, release), (Ink::Plain, &time)]);
    page.finish()
}

fn more(page: &mut Page<'_>, indent: usize, count: usize, shown: usize, what: &str) {
    if count > shown {
        let text = format!("and {} more {what}", number((count - shown) as u64));
        page.line(indent, &[(Ink::Faint, &text)]);
    }
}

/// A log of SetupAPI: how many sections, and of those that failed what failed first.
pub fn setup_log_brief(name: &str, log: &SetupLog, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let sections = if log.sections == 1 { "section" } else { "sections" };
    let text = format!(": log of SetupAPI, {} {sections}", number(log.sections));
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, &text)]);
    let wrong: Vec<_> = log.stories.iter().filter(|story| story.is_wrong()).collect();
    if wrong.is_empty() {
        page.line(2, &[(Ink::Good, "nothing failed")]);
    }
    for story in wrong.iter().take(FEW) {
        let text = format!("Section {}, line {}: {}", story.number, story.line, story.title);
        page.wrapped(2, 4, &[(Ink::Strong, &text), (Ink::Plain, " - "), (Ink::Bad, "failed")]);
        if !story.instance.is_empty() {
            page.wrapped(4, 6, &[(Ink::Plain, &story.instance)]);
        }
        if let Some(cause) = story.cause() {
            let text = format!("line {}: {}", cause.line, cause.text);
            page.wrapped(4, 6, &[(Ink::Bad, &text)]);
            for code in &cause.codes {
                let text = format!("0x{:08x} {}: {}", code.value, code.name, code.meaning);
                page.wrapped(6, 8, &[(Ink::Plain, text.trim_end_matches([':', ' ']))]);
            }
        } else if !story.exit.is_empty() {
            page.wrapped(4, 6, &[(Ink::Bad, &story.exit)]);
        }
    }
    more(&mut page, 2, wrong.len(), FEW, "that failed");
    page.finish()
}

/// A log of the system: known messages that tell of something wrong, and crashes.
pub fn system_log_brief(log: &SystemLog, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    for source in &log.sources {
        let text = format!(": {}, {} lines", source.format, number(source.lines));
        page.wrapped(0, 2, &[(Ink::Strong, &source.name), (Ink::Plain, &text)]);
        for damage in &source.damage {
            page.wrapped(2, 4, &[(Ink::Warn, damage)]);
        }
    }
    if let (Some(first), Some(last)) = (log.records.first, log.records.last) {
        let text = format!("{} records, {first} to {last}", number(log.records.count));
        page.wrapped(2, 4, &[(Ink::Plain, &text)]);
    }
    for block in log.blocks.iter().take(FEW) {
        let text = clip(&block.title, WIDTH);
        page.wrapped(
            2,
            4,
            &[(Ink::Bad, block.kind.name()), (Ink::Plain, ": "), (Ink::Plain, &text)],
        );
    }
    more(&mut page, 2, log.blocks.len(), FEW, "crashes and the like");
    for it in &log.together {
        head(&mut page, 2, &it.known);
    }
    let wrong: Vec<_> =
        log.known.iter().filter(|known| known.severity >= Severity::Warning).collect();
    for known in wrong.iter().take(2 * FEW) {
        head(&mut page, 2, known);
        page.wrapped(4, 6, &[(Ink::Faint, &often(&known.often, &log.sources))]);
    }
    more(&mut page, 2, wrong.len(), 2 * FEW, "kinds of messages that tell of something wrong");
    let rest = log.known.len() - wrong.len();
    let text = format!(
        "{} further kinds of messages are known, {} are not",
        number(rest as u64),
        number(log.unknown_shapes as u64)
    );
    page.wrapped(2, 4, &[(Ink::Faint, &text)]);
    page.finish()
}

/// An INF: how many devices, and its first errors.
pub fn inf_brief(name: &str, story: &Story, about: &str, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let text = format!(": INF {about}");
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, &text)]);
    let services = story.plans.iter().flat_map(|plan| &plan.services);
    let mut services: Vec<String> =
        services.map(|it| format!("service {}: {}", it.name, it.binary)).collect();
    // Several sections make one service.
    services.dedup();
    for text in services.iter().take(FEW) {
        page.wrapped(2, 4, &[(Ink::Plain, text)]);
    }
    let ids = story.devices.iter().flat_map(|devices| devices.models.iter());
    let ids: Vec<&str> = ids.flat_map(|it| &it.ids).map(|id| id.value.as_str()).collect();
    for id in ids.iter().filter(|id| !id.is_empty()).take(FEW) {
        page.line(2, &[(Ink::Plain, "for "), (Ink::Plain, id)]);
    }
    more(&mut page, 2, ids.len(), FEW, "identifiers");
    let errors: Vec<_> = story.wrong.iter().filter(|it| it.code.severity() == Bad::Error).collect();
    for it in errors.iter().take(FEW) {
        let text = format!("line {}: {}", it.at.line, it.problem);
        page.wrapped(2, 4, &[(Ink::Bad, "error: "), (Ink::Plain, &text)]);
    }
    more(&mut page, 2, errors.len(), FEW, "errors");
    page.finish()
}

/// An image: what it is, and what is wrong with it.
pub fn image_brief(name: &str, facts: &ImageFacts, about: &str, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let what = if facts.is_driver { "driver" } else { "image" };
    let text = format!(": {what} for {}, {about}", facts.machine);
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, &text)]);
    for warning in facts.warnings.iter().take(FEW) {
        page.wrapped(2, 4, &[(Ink::Warn, "Warning: "), (Ink::Plain, warning)]);
    }
    page.finish()
}

/// Any other file: the beginning of what is told of it in full.
pub fn shortened(text: &str) -> String {
    const MOST: usize = 10;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut short: String = lines.by_ref().take(MOST).map(|line| format!("{line}\n")).collect();
    let left = lines.count();
    if left > 0 {
        short += &format!("  and {} more lines\n", number(left as u64));
    }
    short
}
