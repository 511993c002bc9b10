//! A run again, from its token.

use crate::campaign;
use crate::driver::{Refused, Target};
use crate::dump::{self, Extent};
use crate::explain::{self, Told};
use crate::image::file_name;
use crate::report::{Driver, Replayed, ScenarioFile};
use crate::token::Token;
use crate::trace;
use dump_writer::Description;
use std::rc::Rc;

/// Runs a token's schedule with everything recorded.
///
/// # Errors
/// One sentence: the token belongs to another driver, or names a scenario that this one has not.
pub fn replay(driver: &Driver, token: &Token) -> Result<Replayed, Refused> {
    replay_with(driver, token, &[], None)
}

/// The same for a token that may name one of these scenarios, and what was done before each.
///
/// # Errors
/// Likewise; and for a scenario or a preparation whose text is not the one of the token.
pub fn replay_with(
    driver: &Driver,
    token: &Token,
    scenarios: &[ScenarioFile],
    prepare: Option<&ScenarioFile>,
) -> Result<Replayed, Refused> {
    Ok(replay_and_dump(driver, token, scenarios, prepare, &[])?.0)
}

/// The same, with the run's end as a crash, once for each extent; nothing where the run has no finding.
///
/// # Errors
/// Likewise.
pub fn replay_and_dump(
    driver: &Driver,
    token: &Token,
    scenarios: &[ScenarioFile],
    prepare: Option<&ScenarioFile>,
    extents: &[Extent],
) -> Result<(Replayed, Vec<Description>), Refused> {
    let target = Rc::new(Target::read(driver)?);
    belongs(&target, token, "token")?;
    let scenario = campaign::scenario(&target, &token.scenario, scenarios, prepare)?;
    let (session, misfit) =
        explain::recorded(&target, &scenario, &token.schedule).map_err(Refused)?;
    let world = &*session.machine;
    let told = explain::outcome(&target, &scenario, &token.schedule, world);
    let (finding, unsupported) = match told {
        Told::Finding(finding) => (Some(*finding), None),
        Told::Unsupported(unsupported) => (None, Some(unsupported)),
        Told::Nothing => (None, None),
    };
    let records = world.recorder.as_ref().map_or(&[][..], |recorder| &recorder.records);
    let trace = trace::lines(&target, records);
    let told =
        finding.iter().flat_map(|finding| extents.iter().map(move |extent| (finding, *extent)));
    let crashes =
        told.map(|(finding, extent)| dump::describe(&target, world, finding, extent)).collect();
    Ok((Replayed { finding, unsupported, trace, hash: world.hash(), misfit }, crashes))
}

/// Whether these are the images that a token was made for; `what` has the token: the token itself, or
/// the record of a session.
pub(crate) fn belongs(target: &Target, token: &Token, what: &str) -> Result<(), Refused> {
    if target.hash != token.hash {
        return Err(Refused(format!(
            "the {what} belongs to another driver, or another build of it: it was made for an image \
             with hash {:08x}, and this one has {:08x}; run `bugcheck test` on this one.",
            token.hash, target.hash
        )));
    }
    fits(target, token)
}

/// Whether the images beside the driver are those of the token.
fn fits(target: &Target, token: &Token) -> Result<(), Refused> {
    for (index, wanted) in token.with.iter().enumerate() {
        let name = file_name(&wanted.path);
        let Some(image) = target.others.get(index) else {
            return Err(Refused(format!(
                "the token was made with {name} (hash {:08x}) beside the driver, and that image is \
                 missing; give it with --with.",
                wanted.hash
            )));
        };
        if image.hash != wanted.hash {
            return Err(Refused(format!(
                "the token was made with {name}, hash {:08x}, beside the driver; {} is another image, \
                 or another build of it, with hash {:08x}.",
                wanted.hash, image.path, image.hash
            )));
        }
        if image.image.role != wanted.role {
            return Err(Refused(format!(
                "the token was made with {name} in another place: give it as it was given then."
            )));
        }
    }
    if let Some(image) = target.others.get(token.with.len()) {
        return Err(Refused(format!("the token was made without {}.", image.name)));
    }
    match (&target.installed, &token.installed) {
        (None, None) => Ok(()),
        (Some(own), Some(wanted)) if own.hash == wanted.hash => Ok(()),
        (Some(own), Some(wanted)) => Err(Refused(format!(
            "the token was made with what [{}] of {} set in the registry then, hash {:08x}; it sets \
             something else now, with hash {:08x}.",
            wanted.section, wanted.inf, wanted.hash, own.hash
        ))),
        (None, Some(wanted)) => Err(Refused(format!(
            "the token was made for a driver that {} installed; give it with --inf.",
            wanted.inf
        ))),
        (Some(own), None) => {
            Err(Refused(format!("the token was made without an INF; leave {} out.", own.inf)))
        }
    }
}
