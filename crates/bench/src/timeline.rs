//! How a finding comes about: who runs when, and the few things each of them does that matter.

use crate::driver::Target;
use crate::trace;
use finding::Step;
use kernel::event::{Routine, Site};
use kernel::{Did, Record};
use std::cmp::Reverse;

/// Events told of one step.
const MOST_EVENTS: usize = 5;
/// Steps told at most, and at least where there are so many.
const MOST_STEPS: usize = 12;
const FEWEST_STEPS: usize = 4;

/// What a finding is about, so that events that have to do with it are told first.
pub(crate) struct Subject {
    /// Names of things: `IRP 2`, `device extension+0x10`.
    pub names: Vec<String>,
    /// Moments that the finding's places show.
    pub sites: Vec<Site>,
}

impl Subject {
    fn is_named(&self, text: &str) -> bool {
        self.names.iter().any(|name| {
            // `IRP 2` is not in `IRP 21`, nor what lies at the start of an extension in the rest.
            let part =
                |c: char| c.is_ascii_alphanumeric() || c == '+' && name.contains("extension");
            text.match_indices(name.as_str())
                .any(|(at, _)| !text[at + name.len()..].starts_with(part))
        })
    }
}

/// One stretch in which one context runs.
struct Stretch<'a> {
    records: Vec<&'a Record>,
    preempts: bool,
    /// The point at which the context was chosen, by the number that token and trace give it; where
    /// there was no choice, the last one before.
    point: u32,
}

/// The steps of a recorded run, first to last.
pub(crate) fn steps(target: &Target, records: &[Record], subject: &Subject) -> Vec<Step> {
    let stretches = stretches(records);
    // What went before the first that matters is told as a number.
    let matters = |stretch: &Stretch| {
        stretch.preempts || stretch.records.iter().any(|record| weight(record, subject) >= SUBJECT)
    };
    let first = match stretches.iter().position(matters) {
        // The one that is preempted belongs to it.
        Some(first) if stretches[first].preempts => first.saturating_sub(1),
        Some(first) => first,
        None => 0,
    };
    let from_end = |count: usize| stretches.len().saturating_sub(count);
    let first = first.min(from_end(FEWEST_STEPS)).max(from_end(MOST_STEPS));
    let earlier: usize =
        stretches[..first].iter().map(|stretch| events(Some(target), stretch).len()).sum();
    let mut steps: Vec<Step> =
        stretches[first..].iter().map(|stretch| step(target, stretch, subject)).collect();
    steps.retain(|step| !step.does.is_empty());
    if earlier > 0
        && let Some(step) = steps.first_mut()
    {
        // One gap, not two.
        let gap = step.does.first().and_then(|first| first.strip_prefix("... "));
        let more = gap.and_then(|gap| gap.split(' ').next()?.parse::<usize>().ok());
        if more.is_some() {
            step.does.remove(0);
        }
        let earlier = earlier + more.unwrap_or(0);
        step.does.insert(0, format!("... {earlier} earlier events"));
    }
    steps
}

fn stretches(records: &[Record]) -> Vec<Stretch<'_>> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut preempts = false;
    let mut point = None;
    for record in records {
        if record.did == Did::Switch {
            preempts = record.text.contains("preempted by");
            point = record.text.starts_with("--- point ").then_some(last_point(record));
            // A timer that expires is nobody's doing, and yet part of the story.
            if !record.text.starts_with("--- timer") {
                continue;
            }
        }
        let goes_on =
            stretches.last().and_then(|stretch| stretch.records.last()).is_some_and(|last| {
                (last.context, &last.name) == (record.context, &record.name)
                    || record.did == Did::Switch
            });
        let point = point.take();
        match stretches.last_mut().filter(|_| goes_on) {
            Some(stretch) => stretch.records.push(record),
            None => stretches.push(Stretch {
                records: vec![record],
                preempts: std::mem::take(&mut preempts),
                point: point.unwrap_or_else(|| last_point(record)),
            }),
        }
    }
    stretches
}

/// The last point with a choice before a record, counted from 0.
fn last_point(record: &Record) -> u32 {
    record.points.saturating_sub(1)
}

/// Something that could be told, and the record that knows its place.
struct Event<'a> {
    record: &'a Record,
    place: &'a Record,
}

fn events<'a>(target: Option<&Target>, stretch: &Stretch<'a>) -> Vec<Event<'a>> {
    let mut events = Vec::new();
    for (index, &record) in stretch.records.iter().enumerate() {
        let next = stretch.records.get(index + 1).copied();
        let place = match (record.did, next) {
            (Did::Leave(_) | Did::Answer(_) | Did::Location | Did::Irql, _) => continue,
            // The bus driver's inside.
            (Did::Call(name), _) if name.starts_with("Bench") => continue,
            // The send says more, and the routine says where.
            (Did::Enter(Routine::Dispatch, _), _) => continue,
            (Did::Send, Some(next)) if matches!(next.did, Did::Enter(Routine::Dispatch, _)) => next,
            // A look into the import table.
            (Did::Touch, _)
                if target.is_some_and(|target| {
                    trace::named(target, &record.text).contains(" __imp_")
                }) =>
            {
                continue;
            }
            _ => record,
        };
        events.push(Event { record, place });
    }
    events
}

/// At least so much weight has what a finding is about.
const SUBJECT: u32 = 40;

/// How much an event helps to understand.
fn weight(record: &Record, subject: &Subject) -> u32 {
    if record.did == Did::Objects {
        return 1000;
    }
    let place = match record.did {
        Did::Call(_) | Did::Touch | Did::Note if subject.sites.contains(&record.site) => 200,
        _ => 0,
    };
    let about = if subject.is_named(&record.text) { SUBJECT } else { 0 };
    let kind = match record.did {
        Did::Send => 25,
        Did::Enter(Routine::Callback, _) => 2,
        Did::Enter(..) => 25,
        Did::Call(name) => service_weight(name),
        Did::Touch => 12,
        Did::Switch => 15,
        Did::Note => 20,
        _ => 0,
    };
    place + about + kind
}

fn service_weight(name: &str) -> u32 {
    const LISTED: [(&str, u32); 16] = [
        ("IofCompleteRequest", 35),
        ("IoCancelIrp", 35),
        ("IoFreeIrp", 35),
        ("ExFreePool", 35),
        ("MmUnlockPages", 20),
        ("IofCallDriver", 30),
        ("IoCsq", 20),
        ("IoDelete", 20),
        ("Acquire", 18),
        ("Release", 18),
        ("InsertQueueDpc", 22),
        ("RemoveQueueDpc", 22),
        ("Timer", 22),
        ("QueueWorkItem", 22),
        ("KeSetEvent", 20),
        ("KeWait", 20),
    ];
    LISTED.iter().find(|(part, _)| name.contains(part)).map_or(5, |listed| listed.1)
}

/// Which events are told: the last, those that the finding is about, and what lies near them.
fn chosen(events: &[Event], subject: &Subject) -> Vec<usize> {
    let last = events.len().saturating_sub(1);
    let weights: Vec<u32> = events.iter().map(|event| weight(event.record, subject)).collect();
    let anchors: Vec<usize> =
        (0..events.len()).filter(|&index| index == last || weights[index] >= SUBJECT).collect();
    let near = |index: usize| {
        let distance = anchors.iter().map(|&anchor| anchor.abs_diff(index)).min();
        u32::try_from(distance.unwrap_or(0)).unwrap_or(u32::MAX)
    };
    let told: Vec<u32> = (0..events.len())
        .map(|index| match weights[index] {
            weight if index == last => weight + 100,
            weight => weight.saturating_sub(near(index).saturating_mul(4)),
        })
        .collect();
    let mut best: Vec<usize> = (0..events.len()).filter(|&index| told[index] > 0).collect();
    best.sort_by_key(|&index| (Reverse(told[index]), Reverse(index)));
    best.truncate(MOST_EVENTS);
    best.sort_unstable();
    best
}

fn step(target: &Target, stretch: &Stretch, subject: &Subject) -> Step {
    let events = events(Some(target), stretch);
    let best = chosen(&events, subject);
    let mut does = Vec::new();
    let mut next = 0;
    for index in best {
        if index > next {
            let word = if index - next == 1 { "event" } else { "events" };
            does.push(format!("... {} {word}", index - next));
        }
        next = index + 1;
        does.push(line(target, events[index].record, events[index].place));
    }
    let head = stretch.records[0];
    Step {
        context: match head.name.as_str() {
            "" => "end of the run".to_owned(),
            name => name.to_owned(),
        },
        processor: head.processor,
        irql: head.irql,
        point: stretch.point,
        does,
        preempts: stretch.preempts,
    }
}

/// One event; its place in brackets at the end.
fn line(target: &Target, record: &Record, place: &Record) -> String {
    let text = match record.did {
        Did::Objects => match record.text.split_once(" objects: ") {
            Some((_, title)) => format!("=> {title}"),
            None => record.text.clone(),
        },
        Did::Send => {
            let text = record.text.split_once("; location ").map_or(&*record.text, |cut| cut.0);
            let text = text.replace(&format!(" to {}, ", target.name), " to ");
            text.replace(" to device \\", " to \\")
        }
        _ => record.text.trim_start_matches("--- ").to_owned(),
    };
    let text = trace::named(target, &text);
    match trace::place(target, place) {
        place if place.is_empty() => text,
        place => format!("{text}  [{place}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(context: u8, did: Did, text: &str) -> Record {
        Record {
            site: 0,
            context,
            name: format!("actor {context}"),
            processor: 0,
            irql: 0,
            depth: 0,
            points: 0,
            did,
            text: text.to_owned(),
            stack: Vec::new(),
            services: Vec::new(),
            exact: false,
            locks: Vec::new(),
        }
    }

    #[test]
    fn a_request_is_not_mistaken_for_another() {
        let subject = Subject { names: vec!["IRP 2".to_owned()], sites: Vec::new() };
        assert!(subject.is_named("IofCompleteRequest(IRP 2, 0)"));
        assert!(subject.is_named("IRP 21 and IRP 2->Cancel"));
        assert!(!subject.is_named("IofCompleteRequest(IRP 21, 0)"));
    }

    #[test]
    fn one_member_of_an_extension_is_not_another() {
        let subject = Subject { names: vec!["device extension".to_owned()], sites: Vec::new() };
        assert!(subject.is_named("KeReleaseSpinLock(device extension, 0)"));
        assert!(!subject.is_named("KeReleaseSpinLock(device extension+0x10, 0)"));
    }

    #[test]
    fn events_far_from_what_matters_are_left_out() {
        let subject = Subject { names: vec!["IRP 2".to_owned()], sites: Vec::new() };
        let mut records = vec![record(1, Did::Call("KeSetEvent"), "KeSetEvent(0)"); 20];
        records[2].text = "KeSetEvent(IRP 2)".to_owned();
        let events = events(None, &stretches(&records)[0]);
        assert_eq!(chosen(&events, &subject), [1, 2, 3, 18, 19]);
    }

    #[test]
    fn a_stretch_ends_where_another_context_begins() {
        let records = [
            record(1, Did::Send, "IRP 1"),
            record(1, Did::Switch, "--- point 3: preempted by actor 2"),
            record(2, Did::Call("KeSetEvent"), "KeSetEvent(0)"),
            record(2, Did::Switch, "--- point 4: then actor 1"),
            record(1, Did::Touch, "pause"),
        ];
        let stretches = stretches(&records);
        let preempts: Vec<bool> = stretches.iter().map(|stretch| stretch.preempts).collect();
        assert_eq!(preempts, [false, true, false]);
    }

    #[test]
    fn a_step_bears_the_number_of_the_point_at_which_it_was_chosen() {
        let at = |points, record: Record| Record { points, ..record };
        let records = [
            at(0, record(1, Did::Send, "IRP 1")),
            // The switch is noted when its point, number 3, has been counted.
            at(4, record(1, Did::Switch, "--- point 3: preempted by actor 2")),
            // Three more at which it went on by default.
            at(7, record(2, Did::Send, "IRP 2")),
            // Nobody else could run: no point.
            at(8, record(3, Did::Touch, "pause")),
        ];
        let points: Vec<u32> = stretches(&records).iter().map(|stretch| stretch.point).collect();
        assert_eq!(points, [0, 3, 7]);
    }

    #[test]
    fn returns_and_stack_locations_are_for_the_trace() {
        let routine = Routine::Dispatch;
        let records = [
            record(1, Did::Send, "IRP 1 IRP_MJ_READ"),
            record(1, Did::Enter(routine, 0), "dispatch routine"),
            record(1, Did::Location, "> 2"),
            record(1, Did::Leave(routine), "returns"),
        ];
        let events = events(None, &stretches(&records)[0]);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].place.did, Did::Enter(routine, 0));
    }

    #[test]
    fn what_weighs_most_is_the_end() {
        let subject = Subject { names: Vec::new(), sites: vec![7] };
        let mut call = record(1, Did::Call("IofCompleteRequest"), "IofCompleteRequest(IRP 1)");
        let plain = weight(&call, &subject);
        call.site = 7;
        assert!(weight(&call, &subject) > plain + SUBJECT);
        let end = weight(&record(1, Did::Objects, "rule x objects: y"), &subject);
        assert!(end > weight(&call, &subject));
    }
}
