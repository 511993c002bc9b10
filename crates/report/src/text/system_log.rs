//! A log of the system, explained.

use super::page::{Ink, Page, clip};
use super::{Look, WIDTH, number};
use diagnosis::system_log::{Block, Known, Often, Source, SystemLog, Together, Unusual};
use knowledge::messages::Severity;

/// Lines of a block that are shown without being asked for.
const FEW_LINES: usize = 40;
/// Blocks, and known messages, that are shown in full without being asked for.
const FEW_BLOCKS: usize = 10;
/// Columns of a label.
const LABEL: usize = 12;

/// A log as a page; `full` shows lists to their end.
pub fn system_log_text(log: &SystemLog, full: bool, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    summary(&mut page, log);
    if !log.together.is_empty() {
        page.blank();
        page.heading(0, "What goes together");
        for it in &log.together {
            page.blank();
            together(&mut page, it, log.sources.len() > 1);
        }
    }
    blocks(&mut page, log, full);
    if !log.known.is_empty() {
        page.blank();
        page.heading(0, "Messages that are known, the worst first");
        for known in &log.known {
            page.blank();
            told(&mut page, known, &log.sources);
        }
    }
    unusual(&mut page, log, full);
    page.finish()
}

/// Bytes in the unit that suits.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{} bytes", number(bytes)),
        10_000..10_000_000 => format!("{} KB", number(bytes / 1_000)),
        10_000_000..10_000_000_000 => format!("{} MB", number(bytes / 1_000_000)),
        _ => format!("{} GB", number(bytes / 1_000_000_000)),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

fn summary(page: &mut Page<'_>, log: &SystemLog) {
    for source in &log.sources {
        let lines = counted(source.lines, "line", "lines");
        let what = format!("{}, {}, {lines}", source.format, size(source.bytes));
        page.wrapped(0, 2, &[(Ink::Strong, &source.name), (Ink::Plain, ": "), (Ink::Plain, &what)]);
        if source.cut > 0 {
            let text = format!(
                "{} longer than 64 KiB; only the beginning was looked at.",
                counted(source.cut, "line is", "lines are")
            );
            page.wrapped(2, 4, &[(Ink::Warn, &text)]);
        }
        for damage in &source.damage {
            page.wrapped(2, 4, &[(Ink::Warn, damage)]);
        }
    }
    let mut line = counted(log.records.count, "record", "records");
    line += &format!(" of {}", counted(log.shapes as u64, "shape", "shapes"));
    if let (Some(first), Some(last)) = (log.records.first, log.records.last) {
        line += &format!(", {first} to {last}");
    }
    if !log.hosts.is_empty() {
        line += &format!(", by {}", log.hosts.join(", "));
    }
    page.wrapped(2, 4, &[(Ink::Plain, &line)]);
    let severities: Vec<String> = ["emergency", "alert", "critical", "error", "warning"]
        .iter()
        .filter_map(|name| Some(format!("{} {name}", number(*log.severities.get(name)?))))
        .collect();
    if !severities.is_empty() {
        page.wrapped(2, 4, &[(Ink::Plain, "By severity: "), (Ink::Plain, &severities.join(", "))]);
    }
    let wrong = log.known.iter().filter(|it| it.severity >= Severity::Warning).count();
    let blocks = log.blocks.len() as u64;
    let mut text = match wrong as u64 {
        0 => "No message that is known tells of anything wrong".to_owned(),
        count => {
            counted(
                count,
                "kind of message that is known tells",
                "kinds of messages that are known tell",
            ) + " of something wrong"
        }
    };
    if blocks > 0 {
        text += &format!("; {}", counted(blocks, "crash or the like", "crashes and the like"));
    }
    let harmless = log.known.len().saturating_sub(wrong) as u64;
    if harmless > 0 {
        text += &format!(
            "; {}",
            counted(harmless, "kind is known and no harm", "kinds are known and no harm")
        );
    }
    text += &format!(
        "; nothing is known of {}.",
        counted(log.unknown_shapes as u64, "shape", "shapes")
    );
    page.wrapped(2, 4, &[(if log.is_wrong() { Ink::Bad } else { Ink::Good }, &text)]);
    if log.beyond.count > 0 {
        let text = format!(
            "{} of further shapes were counted only: there are too many to tell apart. Known messages were \
             found among them all the same.",
            counted(log.beyond.count, "record", "records")
        );
        page.wrapped(2, 4, &[(Ink::Warn, &text)]);
    }
}

/// `3 times, Jan 1 00:00:00 to Jan 2 00:00:00, 1.0 a day, first on line 7`.
pub(super) fn often(it: &Often, sources: &[Source]) -> String {
    let mut text = match it.count {
        1 => "once".to_owned(),
        count => format!("{} times", number(count)),
    };
    match (it.first, it.last) {
        (Some(first), Some(last)) if it.count > 1 && first != last => {
            text += &format!(", {first} to {last}");
            if let Some(rate) = rate(it) {
                text += &format!(", {rate}");
            }
        }
        (Some(first), _) => text += &format!(", {first}"),
        _ => {}
    }
    let word = if it.count == 1 { "line" } else { "first on line" };
    text += &format!(", {word} {}", number(it.line));
    // Where a log has one file, it goes without saying.
    match usize::try_from(it.source).ok().and_then(|at| sources.get(at)) {
        Some(source) if sources.len() > 1 => text + " of " + file_name(&source.name),
        _ => text,
    }
}

/// The last part of a path.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How often in a unit of time that makes it more than one.
fn rate(it: &Often) -> Option<String> {
    let micros = it.span().filter(|micros| *micros > 0)?;
    let per_second = it.count.saturating_sub(1) as f64 * 1e6 / micros as f64;
    let units = [(1.0, "second"), (60.0, "minute"), (3_600.0, "hour"), (86_400.0, "day")];
    let (seconds, unit) = units.into_iter().find(|(seconds, _)| per_second * seconds >= 1.0)?;
    let value = per_second * seconds;
    let value = if value >= 10.0 { number(value.round() as u64) } else { format!("{value:.1}") };
    Some(format!("{value} a {unit} on average"))
}

pub(super) fn ink(severity: Severity) -> Ink {
    match severity {
        Severity::Harmless => Ink::Good,
        Severity::Note => Ink::Strong,
        Severity::Warning => Ink::Warn,
        Severity::Error | Severity::Fatal => Ink::Bad,
    }
}

pub(super) fn head(page: &mut Page<'_>, indent: usize, known: &Known) {
    let mark = format!("{}[{}]", known.severity.name(), known.id);
    page.wrapped(
        indent,
        indent + 2,
        &[(ink(known.severity), &mark), (Ink::Plain, ": "), (Ink::Strong, &known.title)],
    );
}

fn told(page: &mut Page<'_>, known: &Known, sources: &[Source]) {
    head(page, 0, known);
    page.wrapped(2, 4, &[(Ink::Plain, &often(&known.often, sources))]);
    if !known.example.is_empty() {
        let program = if known.program.is_empty() { "" } else { ": " };
        let line = format!("{}{program}{}", known.program, known.example);
        page.line(4, &[(Ink::Faint, &clip(&line, 4 * WIDTH))]);
    }
    for (name, values) in &known.values {
        let mut text: Vec<String> = values
            .iter()
            .map(|it| {
                if values.len() == 1 {
                    it.value.clone()
                } else {
                    format!("{} ({})", it.value, number(it.count))
                }
            })
            .collect();
        // Addresses and the like differ in each: a few of them do.
        if values.len() >= 8 {
            text.truncate(4);
            text.push("and others".to_owned());
        }
        page.labelled(2, LABEL, &name.replace('_', " "), &text.join(", "));
    }
    meaning(page, known);
}

pub(super) fn meaning(page: &mut Page<'_>, known: &Known) {
    let parts = [
        ("Means", &known.meaning),
        ("Cause", &known.cause),
        ("Versions", &known.affected),
        ("Fixed", &known.fixed),
        ("To do", &known.remedy),
    ];
    for (label, text) in parts {
        if !text.is_empty() {
            page.labelled(2, LABEL, label, text);
        }
    }
    for (at, link) in known.references.iter().enumerate() {
        page.labelled(2, LABEL, if at == 0 { "Read more" } else { "" }, link);
    }
}

fn together(page: &mut Page<'_>, it: &Together, several: bool) {
    head(page, 0, &it.known);
    let place = |((name, line), file): (&(String, u64), &String)| {
        let of = if several { format!(" of {}", file_name(file)) } else { String::new() };
        format!("{name} (line {}{of})", number(*line))
    };
    let facts: Vec<String> = it.facts.iter().zip(&it.files).map(place).collect();
    page.labelled(2, LABEL, "Rests on", &facts.join(", "));
    meaning(page, &it.known);
}

fn blocks(page: &mut Page<'_>, log: &SystemLog, full: bool) {
    if log.blocks.is_empty() {
        return;
    }
    page.blank();
    page.heading(0, "Crashes and the like, in order");
    let most = if full { usize::MAX } else { FEW_BLOCKS };
    for block in log.blocks.iter().take(most) {
        page.blank();
        one_block(page, block, full, &log.sources);
    }
    let more = (log.blocks.len().saturating_sub(most)) as u64;
    if more > 0 {
        page.blank();
        page.line(0, &[(Ink::Faint, &format!("and {} more, which --all shows", number(more)))]);
    }
    if log.blocks_beyond > 0 {
        let text = format!(
            "and {} that differ from these and were not kept",
            counted(log.blocks_beyond, "further one", "further ones")
        );
        page.line(0, &[(Ink::Warn, &text)]);
    }
}

fn one_block(page: &mut Page<'_>, block: &Block, full: bool, sources: &[Source]) {
    page.wrapped(
        0,
        2,
        &[(Ink::Bad, block.kind.name()), (Ink::Plain, ": "), (Ink::Strong, &block.title)],
    );
    page.wrapped(2, 4, &[(Ink::Plain, &often(&block.often, sources))]);
    let calls = block.calls.join(" < ");
    let modules = block.modules.join(", ");
    let parts = [
        ("In", block.function.as_deref().unwrap_or_default()),
        ("Task", block.task.as_deref().unwrap_or_default()),
        ("Calls", calls.as_str()),
        ("Modules", modules.as_str()),
        ("Taint", block.taint.as_deref().unwrap_or_default()),
        ("Known as", block.known.as_deref().unwrap_or_default()),
    ];
    for (label, text) in parts {
        if !text.is_empty() {
            page.labelled(2, LABEL, label, text);
        }
    }
    let most = if full { usize::MAX } else { FEW_LINES };
    for line in block.lines.iter().take(most) {
        page.line(4, &[(Ink::Faint, line)]);
    }
    let more = block.lines.len().saturating_sub(most) as u64;
    if more > 0 {
        page.line(
            4,
            &[(Ink::Faint, &format!("and {} more lines, which --all shows", number(more)))],
        );
    }
    if block.left_out > 0 {
        let text = format!("and {} that were not kept", counted(block.left_out, "line", "lines"));
        page.line(4, &[(Ink::Warn, &text)]);
    }
}

fn unusual(page: &mut Page<'_>, log: &SystemLog, full: bool) {
    if log.unusual.is_empty() {
        return;
    }
    page.blank();
    page.heading(0, "Unknown messages, the most unusual first");
    let text =
        "Bits: log2(all records / records like it), and 5 for each level of severity, 0 to 3.";
    page.wrapped(2, 2, &[(Ink::Faint, text)]);
    let shown: &[Unusual] = if full { &log.unusual } else { log.few() };
    for it in shown {
        let event = it.event.map(|event| format!(" {event}")).unwrap_or_default();
        let program =
            if it.program.is_empty() { String::new() } else { format!("{}{event}: ", it.program) };
        let line = format!("{:4.0}  {program}{}", it.score, it.text);
        page.line(
            0,
            &[(if it.level >= 2 { Ink::Warn } else { Ink::Plain }, &clip(&line, 3 * WIDTH))],
        );
        page.wrapped(6, 8, &[(Ink::Faint, &often(&it.often, &log.sources))]);
    }
    let more = log.unknown_shapes.saturating_sub(shown.len()) as u64;
    if more > 0 {
        let hint = if full { "" } else { "; --all shows more" };
        page.line(
            2,
            &[(Ink::Faint, &format!("and {}{hint}", counted(more, "more shape", "more shapes")))],
        );
    }
}
