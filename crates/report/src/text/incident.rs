//! Several files, related: what belongs together first, then what happened when.

use super::page::{Ink, Page};
use super::system_log::{ink, meaning};
use super::{Look, number};
use diagnosis::incident::{Buckets, How, Incident, Last, Moment, Relation, utc_text};
use knowledge::messages::Certainty;

/// Columns of a label.
const LABEL: usize = 12;
/// Moments of a time line that are shown without being asked for, and lines of the table of dumps.
const FEW_MOMENTS: usize = 40;
const FEW_BUCKETS: usize = 40;

/// What several files tell together. `full` shows lists to their end.
pub fn incident_text(it: &Incident, buckets: &Buckets, full: bool, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let count = it.files.len() as u64 + it.further;
    // Dumps alone are no incident but many: what they are is a table.
    if buckets.dumps == count {
        table(&mut page, buckets, full);
        return page.finish();
    }
    let within = if it.folder.is_empty() { String::new() } else { format!(" in {}", it.folder) };
    let heading = format!("{} files{within}", number(count));
    let (ink, text) = match it.relations.len() {
        0 => (Ink::Plain, "nothing that one says is related to what another says".to_owned()),
        1 => (Ink::Strong, "one thing relates them".to_owned()),
        relations => (Ink::Strong, format!("{} things relate them", number(relations as u64))),
    };
    page.wrapped(0, 2, &[(Ink::Strong, &heading), (Ink::Plain, ": "), (ink, &text)]);
    if it.further > 0 {
        let text = format!(
            "{} of them were explained and not related: there are too many.",
            number(it.further)
        );
        page.wrapped(2, 4, &[(Ink::Warn, &text)]);
    }
    for relation in &it.relations {
        page.blank();
        self::relation(&mut page, relation);
    }
    if it.relations_beyond > 0 {
        page.blank();
        let text = format!("and {} more of these kinds", number(it.relations_beyond));
        page.line(0, &[(Ink::Faint, &text)]);
    }
    if buckets.dumps > 1 {
        page.blank();
        table(&mut page, buckets, full);
    }
    for last in &it.last_lines {
        last_lines(&mut page, last);
    }
    timeline(&mut page, it, full);
    clocks(&mut page, it);
    page.finish()
}

fn relation(page: &mut Page<'_>, it: &Relation) {
    let mark = format!("{}[{}]", it.known.severity.name(), it.known.id);
    let certainty = format!(" ({})", it.certainty.name());
    let faint = if it.certainty == Certainty::Sure { Ink::Good } else { Ink::Warn };
    page.wrapped(
        0,
        2,
        &[
            (ink(it.known.severity), &mark),
            (Ink::Plain, ": "),
            (Ink::Strong, &it.known.title),
            (faint, &certainty),
        ],
    );
    for ground in &it.grounds {
        let time = match (ground.micros, &ground.written) {
            (Some(at), _) => format!(", {}", utc_text(at)),
            (None, Some(written)) => format!(", {written} of its own clock"),
            _ => String::new(),
        };
        let place = ground.place.to_string();
        page.wrapped(4, 6, &[(Ink::Place, &place), (Ink::Faint, &time)]);
        page.wrapped(6, 8, &[(Ink::Plain, &ground.words)]);
        for by in &ground.by {
            let text = format!("the names go together by {by}");
            page.wrapped(6, 8, &[(Ink::Faint, &text)]);
        }
    }
    let alike: Vec<String> =
        it.alike.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let apart = it.apart.map(apart).unwrap_or_default();
    let doubts = it.doubts.join(" ");
    for (label, text) in [("Alike", alike.join("; ")), ("Apart", apart), ("But", doubts)] {
        if !text.is_empty() {
            page.labelled(2, LABEL, label, &text);
        }
    }
    meaning(page, &it.known);
}

/// A length of time in the unit that suits.
fn apart(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0..180 => format!("{seconds} s"),
        180..10_800 => format!("{} min {} s", seconds / 60, seconds % 60),
        10_800..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} days", number(seconds / 86_400)),
    }
}

fn table(page: &mut Page<'_>, buckets: &Buckets, full: bool) {
    let heading =
        format!("{} dumps, by what Windows' debugger would call them", number(buckets.dumps));
    page.heading(0, &heading);
    let all = buckets.table();
    let most = if full { usize::MAX } else { FEW_BUCKETS };
    for it in all.iter().take(most) {
        let count = format!("{:>7}  ", number(it.count));
        page.line(0, &[(Ink::Strong, &count), (Ink::Bad, &it.row.bucket)]);
        let module =
            if it.row.module.is_empty() { "nobody to blame is known" } else { &it.row.module };
        let mut text = format!("{}, {module}", it.row.what);
        match (it.row.micros, it.last) {
            (Some(first), Some(last)) if first != last => {
                text += &format!(", {} to {}", utc_text(first), utc_text(last));
            }
            (Some(first), _) => text += &format!(", {}", utc_text(first)),
            _ => {}
        }
        page.wrapped(9, 11, &[(Ink::Plain, &text)]);
        page.wrapped(9, 11, &[(Ink::Faint, "for example "), (Ink::Faint, &it.example)]);
    }
    let left = all.len().saturating_sub(most) as u64;
    if left > 0 {
        page.line(2, &[(Ink::Faint, &format!("and {} more, which --all shows", number(left)))]);
    }
    if buckets.beyond > 0 {
        let text = format!("and {} dumps of further kinds, not told apart", number(buckets.beyond));
        page.line(2, &[(Ink::Warn, &text)]);
    }
}

fn last_lines(page: &mut Page<'_>, last: &Last) {
    page.blank();
    let before = &last.before;
    let heading = format!(
        "Last in {} before the crash of {}, {}",
        last.file,
        last.dump,
        utc_text(before.moment)
    );
    page.wrapped(0, 2, &[(Ink::Strong, &heading)]);
    for line in &before.lines {
        let ago = before.moment.saturating_sub(line.micros);
        let ago = apart(u64::try_from(ago).unwrap_or(0));
        let event = line.event.map(|event| format!(" {event}")).unwrap_or_default();
        let colon = if line.program.is_empty() { "" } else { ": " };
        let text = format!("{}{event}{colon}{}", line.program, line.text);
        let lead = format!("{} before, {}  ", ago, number(line.line));
        page.wrapped(2, 6, &[(Ink::Faint, &lead), (Ink::Plain, &text)]);
    }
    let left = before.count.saturating_sub(before.lines.len() as u64);
    if left > 0 {
        let text = format!("and {} earlier in the same hour", number(left));
        page.line(2, &[(Ink::Faint, &text)]);
    }
}

fn timeline(page: &mut Page<'_>, it: &Incident, full: bool) {
    if it.timeline.len() > 1 {
        page.blank();
        page.heading(0, "Time line, UTC");
        let shown = if full { it.timeline.iter().collect() } else { nearest(it) };
        for moment in &shown {
            let time = moment.micros.map(utc_text).unwrap_or_default();
            self::moment(page, &time, moment);
        }
        let left = it.timeline.len().saturating_sub(shown.len()) as u64;
        if left > 0 {
            let text = format!("and {} further from the crash, which --all shows", number(left));
            page.line(2, &[(Ink::Faint, &text)]);
        }
    }
    if !it.apart.is_empty() {
        page.blank();
        page.heading(0, "On clocks that are not known, each file for itself");
        let most = if full { usize::MAX } else { FEW_MOMENTS };
        for moment in it.apart.iter().take(most) {
            self::moment(page, &moment.written, moment);
        }
        let left = it.apart.len().saturating_sub(most) as u64;
        if left > 0 {
            page.line(2, &[(Ink::Faint, &format!("and {} more, which --all shows", number(left)))]);
        }
    }
}

fn moment(page: &mut Page<'_>, time: &str, moment: &Moment) {
    let sure = if moment.certainty == Certainty::Sure { "  " } else { " ~" };
    let place = moment.place.to_string();
    page.wrapped(
        2,
        4,
        &[
            (Ink::Strong, time),
            (Ink::Faint, sure),
            (Ink::Plain, " "),
            (Ink::Place, &place),
            (Ink::Plain, ": "),
            (ink(moment.severity), &moment.words),
        ],
    );
}

/// The moments that lie nearest to the last crash, or else to the end; those of one file that are alike crowd
/// out nobody else's by more than their share.
fn nearest(it: &Incident) -> Vec<&Moment> {
    if it.timeline.len() <= FEW_MOMENTS {
        return it.timeline.iter().collect();
    }
    let crash =
        it.timeline.iter().rev().find(|at| at.severity == knowledge::messages::Severity::Fatal);
    let centre = crash.or(it.timeline.last()).and_then(|moment| moment.micros).unwrap_or(0);
    let mut order: Vec<(u64, usize)> = it
        .timeline
        .iter()
        .enumerate()
        .map(|(index, moment)| (moment.micros.unwrap_or(0).abs_diff(centre), index))
        .collect();
    order.sort_unstable();
    order.truncate(FEW_MOMENTS);
    let mut kept: Vec<usize> = order.into_iter().map(|(_, index)| index).collect();
    kept.sort_unstable();
    kept.into_iter().filter_map(|index| it.timeline.get(index)).collect()
}

fn clocks(page: &mut Page<'_>, it: &Incident) {
    let local: Vec<_> = it.files.iter().filter(|file| file.clock.how != How::Universal).collect();
    if local.is_empty() {
        return;
    }
    page.blank();
    page.heading(0, "Clocks that do not show UTC");
    for file in local {
        let clock = &file.clock;
        let (ink, how) = match clock.how {
            How::Unknown => (Ink::Warn, "not known: ".to_owned()),
            How::Given => (Ink::Plain, "as given: ".to_owned()),
            _ => (Ink::Plain, format!("{}: ", clock.certainty.name())),
        };
        page.wrapped(
            2,
            4,
            &[
                (Ink::Strong, &file.file),
                (Ink::Plain, ": "),
                (ink, &how),
                (Ink::Plain, &clock.grounds),
            ],
        );
    }
}
