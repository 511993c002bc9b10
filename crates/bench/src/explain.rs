//! An objection, its run repeated with a recorder, told as a finding.

use crate::driver::Target;
use crate::race;
use crate::report::Unsupported;
use crate::scenario::Scenario;
use crate::search::Hit;
use crate::session::{Failed, Session};
use crate::timeline::{self, Subject};
use crate::token::Token;
use crate::trace;
use finding::{Blame, BugCheck, Finding, Frame, Place, Severity, Trust};
use kernel::event::{Kind, Rule, Site, Violation};
use kernel::{Did, Outcome, Record, Recorder, World, words};
use schedule::Schedule;
use std::ops::Range;
use std::rc::Rc;

/// What a run comes to.
pub(crate) enum Told {
    Finding(Box<Finding>),
    Unsupported(Unsupported),
    Nothing,
}

/// Of a run with more moments than both together, as many at its beginning and at its end are told.
const FIRST_MOMENTS: u32 = 20_000;
const LAST_MOMENTS: u32 = 5_000;

/// Runs a schedule with a recorder; the session at its end, and the first point that did not fit.
pub(crate) fn recorded(
    target: &Rc<Target>,
    scenario: &Scenario,
    schedule: &Schedule,
) -> Result<(Session, Option<u32>), String> {
    recorded_without(target, scenario, schedule, (0..0, Vec::new()))
}

/// Whether a run ended only because it would not end by itself, or some of it need not be told.
pub(crate) fn is_long(hit: &Hit) -> bool {
    let endless = |violation: &Violation| violation.rule.wants.contains(&Kind::NoProgress);
    hit.moments > FIRST_MOMENTS + LAST_MOMENTS
        || matches!(&hit.outcome, Some(Outcome::Violation(violation)) if endless(violation))
}

/// Moments of a long run that need not be told.
fn spare(hit: &Hit) -> (Range<Site>, Vec<Site>) {
    let places = match &hit.outcome {
        Some(Outcome::Violation(violation)) => &violation.places[..],
        _ => &[],
    };
    let kept = places.iter().filter_map(|place| place.1).collect();
    (FIRST_MOMENTS..hit.moments.saturating_sub(LAST_MOMENTS), kept)
}

fn recorded_without(
    target: &Rc<Target>,
    scenario: &Scenario,
    schedule: &Schedule,
    spare: (Range<Site>, Vec<Site>),
) -> Result<(Session, Option<u32>), String> {
    let load = scenario.name == crate::campaign::LOAD;
    match Session::new(target, scenario, load) {
        // Loading is set-up and nothing else: it has been recorded already.
        Ok(session) if load => Ok((session, None)),
        Ok(mut session) => {
            session.spare = spare;
            let misfit = session.run_schedule(schedule.clone(), true);
            Ok((session, misfit))
        }
        Err(Failed::Ended(_)) => match Session::new(target, scenario, true) {
            Err(Failed::Ended(session)) => Ok((*session, None)),
            _ => Err("setting up ends differently the second time".to_owned()),
        },
        Err(Failed::Refused(text)) => Err(text),
    }
}

/// Repeats a run and tells what it comes to.
pub(crate) fn tell(target: &Rc<Target>, scenario: &Scenario, hit: &Hit) -> Told {
    match recorded_without(target, scenario, &hit.schedule, spare(hit)) {
        Ok((session, _)) => outcome(target, scenario, &hit.schedule, &session.machine),
        Err(_) => Told::Nothing,
    }
}

/// Tells how a recorded run ended.
pub(crate) fn outcome(
    target: &Rc<Target>,
    scenario: &Scenario,
    schedule: &Schedule,
    world: &World,
) -> Told {
    let records = world.recorder.as_ref().map_or(&[][..], |recorder| &recorder.records);
    let last = records.iter().rev().find(|record| !record.stack.is_empty());
    match &world.outcome {
        None => Told::Nothing,
        Some(Outcome::Violation(violation)) => {
            let set_up = SetUpRecord::of(target, scenario, violation, world);
            let mut finding = finding_of(target, violation, world, set_up.as_ref());
            finding.scenario.clone_from(&scenario.name);
            finding.replay = Some(
                Token {
                    device: target.device.name.clone(),
                    hash: target.hash,
                    scenario: scenario.name.clone(),
                    schedule: schedule.clone(),
                    path: target.path.clone(),
                    with: target.with_token(),
                    installed: target.installed_token(),
                }
                .to_string(),
            );
            Told::Finding(Box::new(finding))
        }
        Some(Outcome::Unsupported { what } | Outcome::Limit { what }) => {
            let place = last.and_then(|record| {
                let &address = record.stack.first()?;
                Some(target.place(address, !record.exact))
            });
            Told::Unsupported(Unsupported {
                what: what.clone(),
                place: place.unwrap_or_else(|| target.name.clone()),
                scenario: scenario.name.clone(),
            })
        }
        Some(Outcome::Internal { what }) => {
            let mut finding = internal(what);
            finding.scenario.clone_from(&scenario.name);
            Told::Finding(Box::new(finding))
        }
    }
}

/// A finding against the bench itself.
pub(crate) fn internal(what: &str) -> Finding {
    Finding {
        rule: "internal-error".to_owned(),
        blame: Blame::Internal,
        severity: Severity::Error,
        bugcheck: None,
        title: what.to_owned(),
        explanation: String::new(),
        remedy:
            "This is a fault of bugcheck, not of the driver. Please report it with the driver, \
                 or with a smaller one that shows it."
                .to_owned(),
        places: Vec::new(),
        timeline: Vec::new(),
        scenario: String::new(),
        replay: None,
        references: Vec::new(),
    }
}

/// What set the machine up, recorded: things that a run goes wrong with are often made there.
struct SetUpRecord {
    recorder: Recorder,
    /// The last moment of it.
    end: Site,
}

impl SetUpRecord {
    /// Sets up once more, with a recorder, if something that a finding shows lies before the run.
    fn of(
        target: &Rc<Target>,
        scenario: &Scenario,
        violation: &Violation,
        world: &World,
    ) -> Option<SetUpRecord> {
        let recorder = world.recorder.as_ref()?;
        let sites = violation.places.iter().filter_map(|place| place.1).chain(world.state.failed);
        let earlier = sites.into_iter().any(|site| site != 0 && recorder.find(site).is_none());
        if !earlier || scenario.name == crate::campaign::LOAD {
            return None;
        }
        let mut session = Session::new(target, scenario, true).ok()?;
        let end = session.machine.state.moment;
        Some(SetUpRecord { recorder: session.machine.recorder.take()?, end })
    }

    /// The record of a moment of the set-up.
    fn find(&self, site: Site) -> Option<&Record> {
        self.recorder.find(site).filter(|_| site <= self.end)
    }
}

fn finding_of(
    target: &Rc<Target>,
    violation: &Violation,
    world: &World,
    set_up: Option<&SetUpRecord>,
) -> Finding {
    let rule: &Rule = violation.rule;
    let records = world.recorder.as_ref().map_or(&[][..], |recorder| &recorder.records);
    let find = |site: Site| {
        let during = world.recorder.as_ref().and_then(|recorder| recorder.find(site));
        during.or_else(|| set_up?.find(site))
    };
    let places: Vec<(&str, &Record)> = violation
        .places
        .iter()
        .filter_map(|(role, site)| {
            let record = match site {
                Some(site) => find(*site)?,
                None => records.iter().rev().find(|record| record.did != Did::Switch)?,
            };
            Some((role.as_str(), record))
        })
        .collect();
    // The call that failed leads to all the rest.
    let failed = world.state.failed.and_then(find);
    let failed =
        failed.map(|record| ("the call that fails in this run, memory being short", record));
    let places: Vec<(&str, &Record)> = failed.into_iter().chain(places).collect();
    let timeline = timeline::steps(target, records, &subject(violation, &places, world));
    let mut explanation = match violation.detail.is_empty() {
        true => rule.why.to_owned(),
        false => format!("{} {}", trace::named(target, &violation.detail), rule.why),
    };
    // Whoever set up was in nobody's way.
    let start = set_up.map_or(0, |set_up| set_up.end + 1);
    let meet: Vec<(&str, &Record)> =
        places.iter().filter(|place| place.1.site >= start).copied().collect();
    if timeline.iter().any(|step| step.preempts)
        && let Some(sentence) = race::sentence(target, world, &meet)
    {
        explanation = format!("{explanation}\n{sentence}");
    }
    Finding {
        rule: rule.name.to_owned(),
        blame: Blame::Driver,
        severity: violation.severity,
        bugcheck: (violation.code != 0).then(|| BugCheck {
            code: violation.code,
            name: nt::bugcheck::name(violation.code).unwrap_or("UNKNOWN").to_owned(),
            parameters: violation.parameters.each_ref().map(|parameter| parameter.0),
            meanings: violation.parameters.each_ref().map(|parameter| parameter.1.clone()),
        }),
        title: trace::named(target, &violation.title),
        explanation,
        remedy: rule.remedy.to_owned(),
        places: places.iter().map(|(role, record)| place_of(target, role, record)).collect(),
        timeline,
        scenario: String::new(),
        replay: None,
        references: rule.references.iter().map(|text| (*text).to_owned()).collect(),
    }
}

/// What the time line should tell first.
fn subject(violation: &Violation, places: &[(&str, &Record)], world: &World) -> Subject {
    let addresses = violation.parameters.iter().map(|(value, _)| *value);
    let name = |address| match words::holder(world, address) {
        // A device extension is everybody's; what counts is the member.
        Some(holder) if holder.contains("extension") => words::name(world, address),
        holder => holder,
    };
    let mut names: Vec<String> = addresses.filter_map(name).collect();
    names.sort();
    names.dedup();
    Subject { names, sites: places.iter().map(|(_, record)| record.site).collect() }
}

/// A place with its call stack: the driver's frames, and the kernel services between them.
fn place_of(target: &Rc<Target>, role: &str, record: &Record) -> Place {
    let frames: Vec<Frame> = record
        .stack
        .iter()
        .enumerate()
        .map(|(index, &address)| target.frame(address, index > 0 || !record.exact))
        .collect();
    let mut place = Place::new(role, &record.name, frames);
    for &(inner, service) in record.services.iter().rev() {
        if inner < place.stack.len() {
            place.stack.insert(inner, service_frame(service));
        }
    }
    place
}

fn service_frame(name: &str) -> Frame {
    Frame {
        module: KERNEL.to_owned(),
        rva: 0,
        function: Some(name.to_owned()),
        file: None,
        line: None,
        trust: Trust::Unwound,
    }
}

/// The kernel, as debuggers call it.
const KERNEL: &str = "nt";
