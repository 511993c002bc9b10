//! A session made again from its record, with everything recorded that matters, and told.

use super::Live;
use super::record::{Event, Record};
use crate::driver::{Refused, Target};
use crate::explain::{self, Told};
use crate::report::{Driver, Replayed};
use crate::trace;
use kernel::Outcome;
use kernel::event::Site;
use std::ops::Range;
use std::rc::Rc;

/// Moments told at the end of a long session.
const LAST_MOMENTS: Site = 5_000;

/// Makes a session again. `name` is what the record is called, for `bugcheck replay`.
///
/// # Errors
/// One sentence: the record belongs to another driver, or is damaged.
pub fn replay_record(
    driver: &Driver,
    record: &Record<'_>,
    name: &str,
) -> Result<Replayed, Refused> {
    let target = Rc::new(Target::read(driver)?);
    crate::replay::belongs(&target, &record.head.token, "record")?;
    let without = rules(&record.head.without)?;
    // Where it ends, and which moments led there; then once more, with these kept.
    let first = again(&target, record, &without, None)?;
    let moments = first.machine.state.moment;
    let kept: Vec<Site> = match &first.machine.outcome {
        Some(Outcome::Violation(violation)) => {
            violation.places.iter().filter_map(|place| place.1).collect()
        }
        _ => Vec::new(),
    };
    let spare = 1..moments.saturating_sub(LAST_MOMENTS);
    let live = again(&target, record, &without, Some((spare, kept)))?;
    let world = &*live.machine;
    let scenario = super::scenario(&without);
    let (mut finding, mut unsupported) = (None, None);
    match explain::outcome(&target, &scenario, &Default::default(), world) {
        Told::Finding(told) => finding = Some(*told),
        Told::Unsupported(told) => unsupported = Some(told),
        Told::Nothing => {}
    }
    if let Some(finding) = &mut finding {
        finding.replay = Some(name.to_owned());
    }
    let records = world.recorder.as_ref().map_or(&[][..], |recorder| &recorder.records);
    let trace = trace::lines(&target, records);
    Ok(Replayed { finding, unsupported, trace, hash: world.hash(), misfit: None })
}

fn rules(names: &[String]) -> Result<Vec<&'static str>, Refused> {
    let rule = |name: &String| match verifier::find(name) {
        Some(rule) => Ok(rule.name),
        None => Err(Refused(format!("the record leaves out rule {name}, which there is not."))),
    };
    names.iter().map(rule).collect()
}

/// Everything that came from outside comes once more.
fn again(
    target: &Rc<Target>,
    record: &Record<'_>,
    without: &[&'static str],
    spare: Option<(Range<Site>, Vec<Site>)>,
) -> Result<Live, Refused> {
    let mut live = Live::set_up(target, without, spare.is_some())?;
    if let Some((spare, kept)) = spare
        && let Some(recorder) = &mut live.machine.recorder
    {
        recorder.leave_out(spare, kept);
    }
    for event in record.events() {
        let event: Event =
            event.map_err(|bad| Refused(format!("the record cannot be read on: {bad}.")))?;
        live.apply(event);
        live.answers.clear();
        if live.over {
            break;
        }
    }
    Ok(live)
}
