//! Several files, related, as a page: what belongs together, and a time line with a column for each file.

use super::{page, safe};
use diagnosis::incident::{Buckets, How, Incident, Moment, Relation, utc_text};
use std::fmt::Write;

const STYLE: &str = "\
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; background: #fff; }
h1 { font-size: 1.4em; } h2 { font-size: 1.15em; margin: 2em 0 .4em; } h3 { font-size: 1em; margin: 1.4em 0 .2em; overflow-wrap: anywhere; }
.harmless, .note { color: #1a6e2e; } .warning { color: #8a5a00; } .error, .fatal { color: #b3261e; } .faint { color: #666; }
dl { display: grid; grid-template-columns: 9em 1fr; margin: .4em 0; } dt { color: #666; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .15em .8em .15em 0; vertical-align: top; overflow-wrap: anywhere; }
td.t { white-space: nowrap; font-variant-numeric: tabular-nums; } tr.gap td { border-top: 1px solid #999; color: #666; font-size: .85em; }
.mark { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .5em; background: currentColor; }
ul { margin: .2em 0; padding-left: 1.2em; } li { overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b; } dt, .faint, tr.gap td { color: #999; }
.harmless, .note { color: #7bd88f; } .warning { color: #ffc266; } .error, .fatal { color: #ff8a80; } }
";

/// A gap in time that is worth a line, in microseconds.
const GAP: u64 = 3_600_000_000;

/// What several files tell together, as a page for a browser, in one file.
pub fn incident_html(it: &Incident, buckets: &Buckets) -> String {
    let mut body = String::new();
    let _ = writeln!(body, "<h1>{} files of one incident</h1>", it.files.len() as u64 + it.further);
    body.push_str("<h2>What belongs together</h2>\n");
    if it.relations.is_empty() {
        body.push_str("<p>Nothing that one file says is related to what another says.</p>\n");
    }
    for relation in &it.relations {
        self::relation(&mut body, relation);
    }
    table(&mut body, buckets);
    last_lines(&mut body, it);
    if !it.timeline.is_empty() {
        body.push_str("<h2>Time line, UTC</h2>\n<table>\n");
        let mut before: Option<i64> = None;
        for moment in &it.timeline {
            let gap = before.zip(moment.micros).map_or(0, |(a, b)| a.abs_diff(b));
            if gap >= GAP {
                let hours = gap / GAP;
                let text =
                    if hours < 48 { format!("{hours} h") } else { format!("{} days", hours / 24) };
                let _ =
                    writeln!(body, "<tr class=\"gap\"><td colspan=\"3\">{text} later</td></tr>");
            }
            before = moment.micros.or(before);
            let time = moment.micros.map(utc_text).unwrap_or_default();
            self::moment(&mut body, &time, moment);
        }
        body.push_str("</table>\n");
    }
    if !it.apart.is_empty() {
        body.push_str("<h2>On clocks that are not known, each file for itself</h2>\n<table>\n");
        for moment in &it.apart {
            self::moment(&mut body, &moment.written, moment);
        }
        body.push_str("</table>\n");
    }
    files(&mut body, it);
    page("Incident", STYLE, &body)
}

fn relation(body: &mut String, it: &Relation) {
    let severity = it.known.severity.name();
    let _ = writeln!(
        body,
        "<h3 id=\"{}\"><span class=\"{severity}\">{severity}</span>: {} <span class=\"faint\">({})</span></h3>",
        safe(&it.known.id),
        safe(&it.known.title),
        it.certainty.name()
    );
    body.push_str("<ul>\n");
    for ground in &it.grounds {
        let time = match (ground.micros, &ground.written) {
            (Some(at), _) => format!(", {}", utc_text(at)),
            (None, Some(written)) => format!(", {written} of its own clock"),
            _ => String::new(),
        };
        let by: Vec<String> = ground.by.iter().map(ToString::to_string).collect();
        let by = if by.is_empty() {
            String::new()
        } else {
            format!("; the names go together by {}", by.join("; "))
        };
        let _ = writeln!(
            body,
            "<li>{} <span class=\"faint\">{}{}{}</span></li>",
            safe(&ground.words),
            safe(&ground.place.to_string()),
            safe(&time),
            safe(&by)
        );
    }
    body.push_str("</ul>\n<dl>\n");
    let alike: Vec<String> =
        it.alike.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let seconds = it.apart.map(|micros| format!("{} s", micros / 1_000_000)).unwrap_or_default();
    for (label, text) in [
        ("Alike", alike.join("; ")),
        ("Apart", seconds),
        ("But", it.doubts.join(" ")),
        ("Means", it.known.meaning.clone()),
        ("To do", it.known.remedy.clone()),
        ("Read more", it.known.references.join(" ")),
    ] {
        if !text.is_empty() {
            let _ = writeln!(body, "<dt>{label}</dt><dd>{}</dd>", safe(&text));
        }
    }
    body.push_str("</dl>\n");
}

fn table(body: &mut String, buckets: &Buckets) {
    if buckets.dumps < 2 {
        return;
    }
    let _ = writeln!(body, "<h2>{} dumps</h2>\n<table>", buckets.dumps);
    body.push_str("<tr><th>Dumps</th><th>Bucket</th><th>What</th><th>To blame</th><th>First</th><th>Last</th><th>Example</th></tr>\n");
    for it in buckets.table() {
        let time = |at: Option<i64>| at.map(utc_text).unwrap_or_default();
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"t\">{}</td><td class=\"t\">{}</td><td>{}</td></tr>",
            it.count,
            safe(&it.row.bucket),
            safe(&it.row.what),
            safe(&it.row.module),
            safe(&time(it.row.micros)),
            safe(&time(it.last)),
            safe(&it.example)
        );
    }
    body.push_str("</table>\n");
}

fn last_lines(body: &mut String, it: &Incident) {
    for last in &it.last_lines {
        let _ = writeln!(
            body,
            "<h2>Last in {} before the crash of {}</h2>\n<table>",
            safe(&last.file),
            safe(&last.dump)
        );
        for line in &last.before.lines {
            let event = line.event.map(|event| format!(" {event}")).unwrap_or_default();
            let colon = if line.program.is_empty() { "" } else { ": " };
            let text = format!("{}{event}{colon}{}", line.program, line.text);
            let _ = writeln!(
                body,
                "<tr><td class=\"t\">{}</td><td class=\"t faint\">{}</td><td>{}</td></tr>",
                safe(&utc_text(line.micros)),
                line.line,
                safe(&text)
            );
        }
        body.push_str("</table>\n");
    }
}

fn moment(body: &mut String, time: &str, moment: &Moment) {
    let _ = writeln!(
        body,
        "<tr><td class=\"t\">{}</td><td class=\"faint\">{}</td><td><span class=\"{}\"><span class=\"mark\"></span></span>{}</td></tr>",
        safe(time),
        safe(&moment.place.to_string()),
        moment.severity.name(),
        safe(&moment.words)
    );
}

fn files(body: &mut String, it: &Incident) {
    body.push_str("<h2>Files</h2>\n<table>\n<tr><th>File</th><th>Kind</th><th>What it says</th><th>Clock</th></tr>\n");
    for file in &it.files {
        let clock = match file.clock.how {
            How::Universal => "UTC, or none".to_owned(),
            How::Unknown => format!("not known: {}", file.clock.grounds),
            _ => file.clock.grounds.clone(),
        };
        let mut name = file.file.clone();
        for older in &file.older {
            name += &format!(", {older}");
        }
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            safe(&name),
            safe(&file.kind),
            safe(&file.brief),
            safe(&clock)
        );
    }
    body.push_str("</table>\n");
}
