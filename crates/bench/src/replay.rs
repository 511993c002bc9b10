//! A run again, from its token.

use crate::campaign;
use crate::driver::{Refused, Target};
use crate::explain::{self, Told};
use crate::report::{Driver, Replayed, ScenarioFile};
use crate::token::Token;
use crate::trace;
use std::rc::Rc;

/// Runs a token's schedule with everything recorded.
///
/// # Errors
/// One sentence: the token belongs to another driver, or names a scenario that this one has not.
pub fn replay(driver: &Driver, token: &Token) -> Result<Replayed, Refused> {
    replay_with(driver, token, &[])
}

/// The same for a token that may name one of these scenarios.
///
/// # Errors
/// Likewise; and for a scenario whose text is not the one of the token.
pub fn replay_with(
    driver: &Driver,
    token: &Token,
    scenarios: &[ScenarioFile],
) -> Result<Replayed, Refused> {
    let target = Rc::new(Target::read(driver)?);
    if target.hash != token.hash {
        return Err(Refused(format!(
            "the token belongs to another driver, or another build of it: it was made for an image \
             with hash {:08x}, and this one has {:08x}; run `bugcheck test` on this one.",
            token.hash, target.hash
        )));
    }
    let scenario = campaign::scenario(&target, &token.scenario, scenarios)?;
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
    Ok(Replayed { finding, unsupported, trace, hash: world.hash(), misfit })
}
