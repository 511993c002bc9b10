//! Runs in which one call fails for want of memory: once for each call stack that leads to such a
//! call in any scenario of the battery.
//!
//! Scenarios are called `NAME.fail-N`, N being the number of the call since the machine's start, so
//! that setting up - DriverEntry, AddDevice, START - is covered too. If the driver refuses to go on
//! then, what it leaves behind is looked at as after an unload.

use crate::driver::Target;
use crate::scenario::Scenario;
use crate::session::{Failed, Session};
use kernel::low_resources;
use kernel::pnp::{images, manager};
use kernel::{Cx, Recorder, Stop};
use schedule::Schedule;
use std::collections::HashSet;
use std::rc::Rc;

/// Most calls that are made to fail.
const MOST: usize = 256;

/// How far setting up came before the driver refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    /// `DriverEntry` of this image failed, or `DllInitialize`.
    Entry(usize),
    /// `AddDevice` failed, for this physical device object.
    AddDevice(u64),
    /// START failed, for this physical device object.
    Start(u64),
}

/// A call that may fail, in a scenario's default schedule.
pub(crate) struct Call {
    service: &'static str,
    stack: Vec<u64>,
    number: u32,
}

/// The battery's scenarios with one call failing in each, by their own order and that of the calls:
/// the first call of each call stack.
pub(crate) fn scenarios<'a>(
    battery: impl Iterator<Item = (&'a Scenario, &'a [Call])>,
) -> Vec<Scenario> {
    let mut seen = HashSet::new();
    let mut made = Vec::new();
    for (scenario, calls) in battery {
        if made.len() >= MOST {
            break;
        }
        let fresh = calls.iter().filter(|call| seen.insert((call.service, call.stack.clone())));
        made.extend(fresh.map(|call| scenario.failing(call.number)));
    }
    made
}

/// The calls of a scenario's default schedule that may fail, setting up included.
pub(crate) fn calls(target: &Rc<Target>, scenario: &Scenario) -> Vec<Call> {
    let counting = scenario.failing(low_resources::NONE);
    let Ok(mut session) = Session::new(target, &counting, true) else { return Vec::new() };
    let mut calls = from(&session, 0);
    let set_up = session.machine.calls_that_may_fail.len();
    session.run_schedule(Schedule::default(), true);
    calls.extend(from(&session, set_up));
    calls
}

fn from(session: &Session, first: usize) -> Vec<Call> {
    let Some(recorder): Option<&Recorder> = session.machine.recorder.as_ref() else {
        return Vec::new();
    };
    let calls = &session.machine.calls_that_may_fail[first..];
    let told = calls.iter().map(|call| Call {
        service: call.service,
        stack: recorder.find(call.site).map(|record| record.stack.clone()).unwrap_or_default(),
        number: call.number,
    });
    told.collect()
}

/// The driver refused to load or start for want of memory: it is taken down as Windows does it.
pub(crate) fn wind_down(cx: &mut Cx, refusal: Refusal) -> Result<(), Stop> {
    match refusal {
        // The image goes; the unload routine is not called.
        Refusal::Entry(image) => low_resources::discard(cx, image)?,
        // Drivers further down have added theirs.
        Refusal::AddDevice(pdo) if manager::has_stack(cx, pdo) => {
            kernel::io::request::pnp(cx, pdo, manager::minor::REMOVE_DEVICE, [0; 4])?;
        }
        Refusal::AddDevice(_) => {}
        Refusal::Start(pdo) => {
            kernel::io::request::pnp(cx, pdo, manager::minor::REMOVE_DEVICE, [0; 4])?;
        }
    }
    images::unload_all(cx)
}

/// Whether a set-up that failed was to be expected in this scenario.
pub(crate) fn expected(scenario: &Scenario, failed: &Failed) -> bool {
    scenario.fail_at.is_some() && matches!(failed, Failed::Refused(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these two drivers call so that it allocates; the same routines with a buffer of the
    /// caller's are called from other places.
    #[test]
    fn routines_for_strings_may_fail_where_they_allocate() {
        let strings =
            include_bytes!("../../../drivers/clean/routines-strings/routines-strings.sys");
        let security =
            include_bytes!("../../../drivers/clean/routines-security/routines-security.sys");
        let mut may_fail = Vec::new();
        for image in [&strings[..], &security[..]] {
            let driver = crate::Driver {
                path: "routines.sys".to_owned(),
                image: image.to_vec(),
                pdb: None,
                device: Default::default(),
                with: Vec::new(),
                installed: None,
            };
            let target = Rc::new(Target::read(&driver).expect("a driver"));
            let calls = calls(&target, &crate::campaign::load_scenario());
            let calls = calls.into_iter().filter(|call| call.service.starts_with("Rtl"));
            may_fail.extend(calls.map(|call| call.service));
        }
        may_fail.sort_unstable();
        assert_eq!(
            may_fail,
            [
                "RtlAnsiStringToUnicodeString",
                "RtlConvertSidToUnicodeString",
                "RtlCreateUnicodeString",
                "RtlDowncaseUnicodeString",
                "RtlDuplicateUnicodeString",
                "RtlStringFromGUID",
                "RtlUnicodeStringToAnsiString",
                "RtlUpcaseUnicodeString",
            ]
        );
    }
}
