//! A log of SetupAPI, explained: what a machine did with a driver.

use super::page::{Ink, Page};
use super::{Look, number};
use diagnosis::setup::{Kind, List, SetupLog, Stage, Story, file_name};

/// Columns of a bar.
const BAR: usize = 24;
/// Stages shorter than this share of the whole, one in so many, are summed up.
const SMALL: u64 = 100;
/// Items of a list that are shown without being asked for.
const FEW: usize = 4;
/// Operations that are counted in the summary without being asked for.
const MOST_KINDS: usize = 8;

/// A log as a page. `name` is the file; `full` shows lists to their end.
pub fn setup_log_text(name: &str, log: &SetupLog, full: bool, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    summary(&mut page, name, log, full);
    for story in &log.stories {
        page.blank();
        section(&mut page, story, full);
        if let Some(finding) = log
            .findings
            .iter()
            .find(|it| it.explanation.starts_with(&format!("Section {},", story.number)))
        {
            page.blank();
            page.heading(2, "What to do");
            page.paragraphs(4, &finding.remedy);
            for link in &finding.references {
                page.line(4, &[(Ink::Faint, link)]);
            }
        }
    }
    page.finish()
}

/// `39.9 s`, `62 ms`, `3 min 5 s`.
pub fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..180_000 => format!("{}.{} s", (millis + 50) / 1000, (millis + 50) / 100 % 10),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

fn summary(page: &mut Page<'_>, name: &str, log: &SetupLog, full: bool) {
    let what = match &log.header {
        Some(header) => {
            let mut what = format!("a log of SetupAPI ({})", header.title);
            if let Some(version) = header.get("OS Version") {
                what += &format!(", Windows {version}");
            }
            if let Some(architecture) = header.get("Architecture") {
                what += &format!(", {architecture}");
            }
            what
        }
        None => "a piece of a log of SetupAPI, without its header".to_owned(),
    };
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, ": "), (Ink::Plain, &what)]);
    let mut line = counted(log.sections, "section", "sections");
    if log.boots > 0 {
        line += &format!(", {}", counted(log.boots, "start of Windows", "starts of Windows"));
    }
    if let Some((first, last)) = &log.span {
        line += &format!(", {first} to {last}");
    }
    page.wrapped(
        2,
        4,
        &[
            (Ink::Plain, &line),
            (Ink::Plain, "; "),
            match log.wrong {
                0 => (Ink::Good, "nothing failed"),
                _ => (Ink::Bad, "something failed"),
            },
        ],
    );
    let mut kinds: Vec<_> = log.kinds.iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse((count.failed, count.sections)));
    if log.sections > 1 {
        for (kind, count) in kinds.iter().take(if full { usize::MAX } else { MOST_KINDS }) {
            let mut text = format!("{:>5}  {kind}", number(count.sections));
            if count.failed > 0 {
                text += &format!(", {} of them failed", number(count.failed));
            }
            if count.unfinished > 0 {
                text += &format!(", {} without an end", number(count.unfinished));
            }
            page.line(2, &[(if count.failed > 0 { Ink::Bad } else { Ink::Plain }, &text)]);
        }
        let shown = log.stories.len() as u64;
        if !full && shown < log.sections {
            let text = format!(
                "{} below; --section N shows one, --all every one.",
                counted(shown, "section is", "sections are")
            );
            page.wrapped(2, 2, &[(Ink::Faint, &text)]);
        }
    }
    if log.left_out > 0 {
        let text =
            format!("{} left out here.", counted(log.left_out, "section is", "sections are"));
        page.wrapped(2, 2, &[(Ink::Warn, &text)]);
    }
}

fn section(page: &mut Page<'_>, story: &Story, full: bool) {
    let head = format!("Section {}, line {}: {}", story.number, story.line, story.title);
    let (ink, mut outcome) = match story.outcome {
        "success" if story.is_wrong() => (Ink::Bad, "the log says success, but".to_owned()),
        "success" => (Ink::Good, "success".to_owned()),
        "failure" => (Ink::Bad, "failed".to_owned()),
        _ => (Ink::Warn, "no end: the log is cut, or the machine went down".to_owned()),
    };
    if story.outcome == "success" && story.is_wrong() {
        outcome += " the device does not run";
    }
    if story.reboot {
        outcome += ", once Windows has been started again";
    }
    if let Some(millis) = story.millis {
        outcome += &format!(", after {}", duration(millis));
    }
    page.wrapped(0, 2, &[(Ink::Strong, &head), (Ink::Plain, " - "), (ink, &outcome)]);
    let mut say = |label: &str, text: &str| {
        if !text.is_empty() {
            page.labelled(2, 14, label, text);
        }
    };
    say("For", &story.instance);
    if let Some(begun) = &story.begun {
        say("Time", begun);
    }
    say("Started by", &story.started_by);
    say("Command", &story.command);
    say("Hardware IDs", &listed(&story.hardware_ids, full, String::as_str));
    say("Compatible", &listed(&story.compatible_ids, full, String::as_str));
    say("Devices", &listed(&story.devices, full, String::as_str));
    say("Driver", &driver(story));
    wrong(page, story, full);
    candidates(page, story, full);
    done(page, story, full);
    times(page, story);
}

fn listed<T>(list: &List<T>, full: bool, show: impl Fn(&T) -> &str) -> String {
    let most = if full { usize::MAX } else { FEW };
    let mut text = list.items.iter().take(most).map(show).collect::<Vec<_>>().join("; ");
    let more = (list.items.len().saturating_sub(most)) as u64 + list.more;
    if more > 0 {
        text += &format!("; and {} more", number(more));
    }
    text
}

/// The driver in a few words.
pub(crate) fn driver(story: &Story) -> String {
    if story.null_driver {
        return "none: Windows gave the device the NULL driver".to_owned();
    }
    if story.driver.is_empty() {
        return String::new();
    }
    let mut text = file_name(&story.driver).to_owned();
    if !story.driver_section.is_empty() {
        text += &format!(", section [{}]", story.driver_section);
    }
    if !story.published.is_empty() {
        text += &format!(", published as {}", story.published);
    }
    let property = |name: &str| story.properties.items.iter().find(|(own, _)| own == name);
    for name in ["Provider name", "DriverDate", "DriverVersion", "Matching DeviceID"] {
        if let Some((_, value)) = property(name) {
            text += &format!(", {value}");
        }
    }
    if story.no_catalog {
        text += "; not signed: it has no catalog";
    } else if story.unsigned {
        text += "; not signed";
    } else if !story.signer.is_empty() {
        text += &format!("; signed by {}", story.signer);
    }
    text
}

fn wrong(page: &mut Page<'_>, story: &Story, full: bool) {
    let Some(cause) = story.cause() else {
        if full && !story.problems.is_empty() {
            page.heading(2, "Warnings that it got over");
            for problem in &story.problems {
                page.wrapped(
                    4,
                    6,
                    &[(Ink::Plain, &format!("line {}: {}", problem.line, problem.text))],
                );
            }
        }
        if story.cause().is_none() && story.outcome == "failure" {
            page.heading(2, "What failed");
            page.wrapped(4, 6, &[(Ink::Bad, &story.exit)]);
            code_lines(page, story.code.iter());
        }
        return;
    };
    page.heading(2, "What failed, first cause first");
    let mut told: Vec<u32> = Vec::new();
    let open = story.problems.iter().filter(|it| full || !it.handled);
    for problem in std::iter::once(cause).chain(open.filter(|it| *it != cause)) {
        let new: Vec<_> = problem.codes.iter().filter(|code| !told.contains(&code.value)).collect();
        // The same code comes up through every group around it.
        if new.is_empty() && !problem.codes.is_empty() && !full {
            continue;
        }
        let ink = if problem == cause { Ink::Bad } else { Ink::Plain };
        page.wrapped(4, 6, &[(ink, &format!("line {}: {}", problem.line, problem.text))]);
        told.extend(new.iter().map(|code| code.value));
        code_lines(page, new.into_iter());
    }
    if let Some(code) = story.code.as_ref().filter(|code| !told.contains(&code.value)) {
        page.wrapped(4, 6, &[(Ink::Plain, &format!("the end: {}", story.exit))]);
        code_lines(page, std::iter::once(code));
    }
    if story.problems_left_out > 0 {
        page.line(4, &[(Ink::Faint, &format!("and {} more", number(story.problems_left_out)))]);
    }
}

fn code_lines<'c>(page: &mut Page<'_>, codes: impl Iterator<Item = &'c diagnosis::setup::Code>) {
    for code in codes {
        let known = if code.name.is_empty() { "nothing is known of it" } else { &code.name };
        let text = format!("0x{:08x} {known}, {}: {}", code.value, code.space, code.meaning);
        page.wrapped(6, 8, &[(Ink::Plain, text.trim_end_matches([':', ' ']))]);
    }
}

fn candidates(page: &mut Page<'_>, story: &Story, full: bool) {
    let list = &story.candidates;
    if list.items.is_empty() {
        return;
    }
    page.heading(2, "Drivers to choose from");
    if story.signers_equal {
        let text = "By policy all trusted signatures count the same.";
        page.wrapped(4, 6, &[(Ink::Faint, text)]);
    }
    let most = if full { usize::MAX } else { FEW };
    // The winner comes first, however many there are.
    let winner = list.items.iter().filter(|it| it.won);
    for it in winner.chain(list.items.iter().filter(|it| !it.won)).take(most) {
        let mut head = format!("{} [{}] {}", file_name(&it.inf), it.section, it.id);
        for part in [&it.date, &it.version, &it.signer] {
            if !part.is_empty() {
                head += &format!(", {part}");
            }
        }
        page.wrapped(4, 6, &[(if it.won { Ink::Good } else { Ink::Plain }, &head)]);
        if let Some(rank) = it.rank {
            let text = format!("rank 0x{:08X}: {}", rank.0, it.rank_parts.join("; "));
            page.wrapped(6, 8, &[(Ink::Plain, &text)]);
        }
        if !it.why.is_empty() {
            page.wrapped(6, 8, &[(Ink::Strong, &it.why)]);
        }
    }
    let more = list.items.len().saturating_sub(most) as u64 + list.more;
    if more > 0 {
        page.line(4, &[(Ink::Faint, &format!("and {} more", number(more)))]);
    }
}

fn done(page: &mut Page<'_>, story: &Story, full: bool) {
    let services: Vec<String> = story
        .services
        .items
        .iter()
        .map(|it| {
            let mut text = it.name.clone();
            for part in [it.outcome, &it.start, &it.image] {
                if !part.is_empty() {
                    text += &format!(", {part}");
                }
            }
            text
        })
        .collect();
    let classes: Vec<String> = story
        .classes
        .items
        .iter()
        .map(|it| format!("{} {} {}", it.what, it.name, it.guid))
        .collect();
    let directives: Vec<String> = story
        .directives
        .items
        .iter()
        .map(|it| format!("{}:{} {}", it.inf, it.line, it.text))
        .collect();
    let own = |items: Vec<String>, more| listed(&List { items, more }, full, String::as_str);
    let parts = [
        ("Services", own(services, story.services.more)),
        ("Files", listed(&story.files, full, String::as_str)),
        ("Registry", listed(&story.registry, full, String::as_str)),
        ("Interfaces", listed(&story.interfaces, full, String::as_str)),
        ("Classes", own(classes, story.classes.more)),
        ("Co-installers", listed(&story.co_installers, full, String::as_str)),
        ("INF sections", listed(&story.inf_sections, full, String::as_str)),
        ("INF lines", own(directives, story.directives.more)),
    ];
    if parts.iter().all(|(_, text)| text.is_empty()) {
        return;
    }
    page.heading(2, "What was done");
    for (label, text) in parts {
        if !text.is_empty() {
            page.labelled(4, 14, label, &text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}

fn times(page: &mut Page<'_>, story: &Story) {
    let total: u64 = story.stages.iter().map(|stage| stage.millis).sum();
    if total < 100 {
        return;
    }
    page.heading(2, &format!("Where the time went, {}", duration(total)));
    let shown = |stage: &&Stage| stage.millis * SMALL >= total;
    for stage in story.stages.iter().filter(shown) {
        bar(page, stage.millis, total, &format!("{} (line {})", stage.title, stage.line));
    }
    let rest: u64 =
        story.stages.iter().filter(|stage| !shown(stage)).map(|stage| stage.millis).sum();
    if rest > 0 {
        bar(page, rest, total, "everything else");
    }
    if let Some(text) = waits(story) {
        page.wrapped(4, 6, &[(Ink::Strong, &text)]);
    }
}

/// What the section waited for that is no work of the installation.
pub(crate) fn waits(story: &Story) -> Option<String> {
    let total: u64 = story.stages.iter().map(|stage| stage.millis).sum();
    let parts: Vec<String> = [
        (Kind::Person, "a person"),
        (Kind::RestorePoint, "a restore point"),
        (Kind::Device, "the device itself, which stops and starts"),
    ]
    .into_iter()
    .map(|(kind, whom)| (story.spent(kind), whom))
    .filter(|(millis, _)| *millis >= 100 && *millis * SMALL >= total)
    .map(|(millis, whom)| format!("{} for {whom}", duration(millis)))
    .collect();
    (!parts.is_empty()).then(|| format!("Of these Windows waited {}.", parts.join(", ")))
}

fn bar(page: &mut Page<'_>, millis: u64, total: u64, title: &str) {
    let length = (millis * BAR as u64).div_ceil(total.max(1)) as usize;
    let bar = format!("{:>9}  {}", duration(millis), "#".repeat(length.min(BAR)));
    page.labelled(4, BAR + 13, &bar, title);
}
