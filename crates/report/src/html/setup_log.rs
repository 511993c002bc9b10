//! A log of SetupAPI as a time line.

use super::{page, safe};
use crate::text::{driver, duration, waits};
use diagnosis::setup::{Kind, SetupLog, Stage, Story, file_name};
use std::fmt::Write;

const STYLE: &str = "\
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; background: #fff; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin: 2em 0 .3em; overflow-wrap: anywhere; }
.success { color: #1a6e2e; } .failure { color: #b3261e; } .unknown { color: #8a5a00; }
dl { display: grid; grid-template-columns: 9em 1fr; margin: .5em 0; } dt { color: #666; } dd { margin: 0; overflow-wrap: anywhere; }
.line { display: flex; height: 1.6em; margin: .7em 0; border-radius: 3px; overflow: hidden; background: #eee; }
.line span { min-width: 1px; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .1em .8em .1em 0; vertical-align: top; overflow-wrap: anywhere; }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.key { display: inline-block; width: .9em; height: .9em; border-radius: 2px; margin-right: .5em; }
.person { background: #e69f00; } .restore-point { background: #cc79a7; } .device { background: #d55e00; }
.service { background: #0072b2; } .configure { background: #56b4e9; } .files { background: #009e73; }
.search { background: #999933; } .signature { background: #882255; } .store { background: #44aa99; }
.installer { background: #aa4499; } .finish { background: #6699cc; } .other { background: #bbb; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b; } dt { color: #999; } .line { background: #333; }
.success { color: #7bd88f; } .failure { color: #ff8a80; } .unknown { color: #ffc266; } }
";

/// A log as a page for a browser, in one file.
pub fn setup_log_html(name: &str, log: &SetupLog) -> String {
    let mut body = String::new();
    let _ = writeln!(body, "<h1>{}</h1>", safe(name));
    let mut facts = vec![("Sections", log.sections.to_string())];
    if let Some(header) = &log.header {
        facts.extend(header.fields.iter().map(|(name, value)| (name.as_str(), value.clone())));
    }
    if let Some((first, last)) = &log.span {
        facts.push(("Time", format!("{first} to {last}")));
    }
    if log.wrong > 0 {
        facts.push(("Failed", log.wrong.to_string()));
    }
    if log.left_out > 0 {
        facts.push(("Left out", log.left_out.to_string()));
    }
    list(&mut body, &facts);
    for story in &log.stories {
        section(&mut body, story, log);
    }
    page(name, STYLE, &body)
}

fn list(body: &mut String, facts: &[(&str, String)]) {
    body.push_str("<dl>\n");
    for (label, text) in facts.iter().filter(|(_, text)| !text.is_empty()) {
        let _ = writeln!(body, "<dt>{}</dt><dd>{}</dd>", safe(label), safe(text));
    }
    body.push_str("</dl>\n");
}

fn section(body: &mut String, story: &Story, log: &SetupLog) {
    let class = if story.is_wrong() { "failure" } else { story.outcome };
    let time =
        story.millis.map(|millis| format!(" after {}", duration(millis))).unwrap_or_default();
    let _ = writeln!(
        body,
        "<h2 id=\"s{}\">{} &middot; {} <span class=\"{class}\">{}{time}</span></h2>",
        story.number,
        story.number,
        safe(&story.title),
        safe(if story.exit.is_empty() { "no end" } else { &story.exit }),
    );
    let mut facts = vec![
        ("For", story.instance.clone()),
        ("Start", story.begun.clone().unwrap_or_default()),
        ("Started by", story.started_by.clone()),
        ("Command", story.command.clone()),
        ("Hardware IDs", story.hardware_ids.items.join("; ")),
        ("Driver", driver(story)),
        ("Waited", waits(story).unwrap_or_default()),
    ];
    if let Some(cause) = story.cause() {
        let codes: Vec<String> = cause
            .codes
            .iter()
            .map(|code| format!("0x{:08x} {}: {}", code.value, code.name, code.meaning))
            .collect();
        facts.push((
            "First cause",
            format!("line {}: {} {}", cause.line, cause.text, codes.join("; ")),
        ));
    }
    let own = format!("Section {},", story.number);
    if let Some(finding) = log.findings.iter().find(|it| it.explanation.starts_with(&own)) {
        facts.push(("What to do", finding.remedy.clone()));
    }
    list(body, &facts);
    times(body, story);
    if !story.candidates.items.is_empty() {
        body.push_str("<table><tr><th>Driver</th><th>Rank</th><th>Why</th></tr>\n");
        for it in &story.candidates.items {
            let rank = it.rank.map(|rank| format!("0x{:08X}", rank.0)).unwrap_or_default();
            let _ = writeln!(
                body,
                "<tr><td>{}</td><td title=\"{}\">{rank}</td><td>{}</td></tr>",
                safe(file_name(&it.inf)),
                safe(&it.rank_parts.join("; ")),
                safe(&it.why)
            );
        }
        body.push_str("</table>\n");
    }
}

/// The class of a stage, and so its colour.
fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Person => "person",
        Kind::RestorePoint => "restore-point",
        Kind::Device => "device",
        Kind::Service => "service",
        Kind::Configure => "configure",
        Kind::Files => "files",
        Kind::Search => "search",
        Kind::Signature => "signature",
        Kind::Store => "store",
        Kind::Installer => "installer",
        Kind::Finish => "finish",
        Kind::Other => "other",
    }
}

fn times(body: &mut String, story: &Story) {
    let total: u64 = story.stages.iter().map(|stage| stage.millis).sum();
    if total == 0 {
        return;
    }
    body.push_str("<div class=\"line\">");
    for stage in &story.stages {
        let _ = write!(
            body,
            "<span class=\"{}\" style=\"flex-grow:{}\" title=\"{} {}\"></span>",
            class(stage.kind),
            stage.millis,
            duration(stage.millis),
            safe(&stage.title)
        );
    }
    body.push_str("</div>\n<table>\n");
    // Slivers can be seen in the line; the table is for what counts.
    let counts = |stage: &&Stage| stage.millis * 100 >= total;
    for stage in story.stages.iter().filter(counts) {
        let _ = writeln!(
            body,
            "<tr><td class=\"n\">{}</td><td><span class=\"key {}\"></span>{}</td><td class=\"n\">line {}</td></tr>",
            duration(stage.millis),
            class(stage.kind),
            safe(&stage.title),
            stage.line
        );
    }
    body.push_str("</table>\n");
}
