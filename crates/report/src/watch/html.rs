//! A time line of processes for a browser: a row each, in the order of the tree.

use super::{WatchLook, exit_words, name, span, watch_sum};
use crate::html::{page, safe};
use crate::number;
use processes::{Filter, Process, Summary, Time};
use std::fmt::Write;

/// Rows that a browser shows without effort.
const ROWS: usize = 3000;

const STYLE: &str = "\
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin: 2em 0 .3em; }
p.lost { color: #b3261e; }
.row { display: grid; grid-template-columns: 24em 1fr; font-size: 13px; line-height: 1.5; }
.row:hover { background: #8882; }
.name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar { position: relative; background: #8881; }
.bar span { position: absolute; top: 15%; height: 70%; min-width: 2px; border-radius: 2px; background: #0072b2; }
.bar .failed { background: #d55e00; } .bar .open { background: repeating-linear-gradient(90deg, #0072b2 0 8px, #56b4e9 8px 12px); }
.bar .gap { background: #b3261e; width: 2px; top: 0; height: 100%; border-radius: 0; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .1em .8em .1em 0; overflow-wrap: anywhere; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b; } p.lost { color: #ff8a80; } }
";

/// The page: the sum, the time line, the most launched. `gaps` are the moments of losses, with their words.
pub fn watch_html(
    title: &str,
    summary: &Summary,
    gaps: &[(Time, String)],
    filter: &Filter,
    look: &WatchLook<'_>,
) -> String {
    let mut body = String::new();
    let _ = writeln!(body, "<h1>{}</h1>\n<p>{}</p>", safe(title), safe(&watch_sum(summary)));
    for (time, words) in gaps.iter().take(100) {
        let _ =
            writeln!(body, "<p class=\"lost\">{}: lost {}</p>", look.moment(*time), safe(words));
    }
    if let Some((first, last)) = summary.span {
        let _ = writeln!(
            body,
            "<h2>{} to {}, {}</h2>",
            look.moment(first),
            look.moment(last),
            span(u64::try_from(last.since(first).unwrap_or(0)).unwrap_or(0))
        );
        rows(&mut body, summary, gaps, filter, Scale::new(first, last), look);
    }
    body.push_str("<h2>Most launched</h2>\n<table><tr><th>Launches</th><th>Failed</th><th>CPU</th><th>Name</th></tr>\n");
    for it in summary.most_launched().into_iter().take(100) {
        let _ = writeln!(
            body,
            "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            number(it.launches),
            number(it.failed),
            it.cpu.map(span).unwrap_or_default(),
            safe(&it.name)
        );
    }
    body.push_str("</table>\n");
    page(title, STYLE, &body)
}

/// From moments to hundredths of the line's width.
struct Scale {
    first: Time,
    length: f64,
}

impl Scale {
    fn new(first: Time, last: Time) -> Scale {
        Scale { first, length: last.since(first).unwrap_or(0).max(1) as f64 }
    }

    fn place(&self, time: Time) -> f64 {
        let since = time.since(self.first).unwrap_or(0).max(0) as f64;
        (since / self.length * 100.0).clamp(0.0, 100.0)
    }
}

fn rows(
    body: &mut String,
    summary: &Summary,
    gaps: &[(Time, String)],
    filter: &Filter,
    scale: Scale,
    look: &WatchLook<'_>,
) {
    let Some(tree) = &summary.tree else { return };
    if !gaps.is_empty() {
        body.push_str("<div class=\"row\"><div class=\"name\">lost</div><div class=\"bar\">");
        for (time, words) in gaps.iter().take(ROWS) {
            let (at, words) = (scale.place(*time), safe(words));
            let _ = write!(
                body,
                "<span class=\"gap\" style=\"left:{at:.3}%\" title=\"{words}\"></span>"
            );
        }
        body.push_str("</div></div>\n");
    }
    let chosen = |process: &Process| filter.pids.contains(&process.pid);
    let walked = if filter.pids.is_empty() { tree.walk(None) } else { tree.walk(Some(&chosen)) };
    let of = walked.len();
    for (depth, process) in walked.into_iter().take(ROWS) {
        row(body, depth, process, &scale, look);
    }
    if of > ROWS {
        let _ = writeln!(body, "<p>and {} more</p>", number((of - ROWS) as u64));
    }
}

fn row(body: &mut String, depth: usize, process: &Process, scale: &Scale, look: &WatchLook<'_>) {
    let how = process.end.as_ref().and_then(|end| exit_words(end.how));
    let class = match (&how, process.end.is_some()) {
        (_, false) => "open",
        (Some(how), _) if how != "0" => "failed",
        _ => "",
    };
    let start = if process.started.is_none() { 0.0 } else { scale.place(process.started) };
    let end = if process.ended.is_none() { 100.0 } else { scale.place(process.ended) };
    let mut about = format!("PID {}", process.pid);
    if let Some(lived) = process.lived() {
        let _ = write!(about, ", lived {}", span(lived));
    }
    if let Some(how) = &how {
        let _ = write!(about, ", exit {how}");
    }
    if let Some(user) = &process.start.user {
        let _ = write!(about, ", user {user}");
    }
    if let Some(command) = &process.start.image.command {
        let _ = write!(about, ": {}", command.text);
    }
    let _ = writeln!(
        body,
        "<div class=\"row\"><div class=\"name\" style=\"padding-left:{}em\" title=\"{} {}\">{} {}</div>\
         <div class=\"bar\"><span class=\"{class}\" style=\"left:{start:.3}%;width:{:.3}%\" title=\"{}\"></span></div></div>",
        depth.min(30),
        look.moment(process.started),
        safe(&about),
        process.pid,
        safe(name(process)),
        (end - start).max(0.0),
        safe(&about)
    );
}
