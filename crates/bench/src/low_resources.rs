//! Runs in which one call fails for want of memory: once for each call stack that leads to such a
//! call in any scenario of the battery.
//!
//! Scenarios are called `NAME.fail-N`, N being the number of the call since the machine's start, so
//! that setting up - DriverEntry, AddDevice, START - is covered too. If the driver refuses to go on
//! then, what it leaves behind is looked at as after an unload.

use crate::driver::Target;
use crate::scenario::Scenario;
use crate::session::{Failed, Session};
use kernel::low_resources::{self, Call};
use kernel::pnp::manager;
use kernel::{Cx, Recorder, Stop};
use schedule::Schedule;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::Instant;

/// Most calls that are made to fail.
const MOST: usize = 256;

/// How far setting up came before the driver refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    /// `DriverEntry` failed.
    Entry,
    /// `AddDevice` failed.
    AddDevice,
    /// START failed, for this physical device object.
    Start(u64),
}

/// The battery's scenarios with one call failing in each, by their own order and that of the calls.
pub(crate) fn scenarios(
    target: &Rc<Target>,
    battery: &[Scenario],
    until: Instant,
) -> Vec<Scenario> {
    let mut seen = HashSet::new();
    let mut made = Vec::new();
    for scenario in battery {
        if Instant::now() >= until || made.len() >= MOST {
            break;
        }
        for number in calls(target, scenario, &mut seen) {
            made.push(scenario.failing(number));
        }
    }
    made
}

/// Numbers of the calls in a scenario's default schedule that nobody has seen by this call stack.
fn calls(
    target: &Rc<Target>,
    scenario: &Scenario,
    seen: &mut HashSet<(&'static str, Vec<u64>)>,
) -> Vec<u32> {
    let counting = scenario.failing(low_resources::NONE);
    let Ok(mut session) = Session::new(target, &counting, true) else { return Vec::new() };
    let mut numbers = fresh(&session, 0, seen);
    let set_up = session.machine.calls_that_may_fail.len();
    session.run_schedule(Schedule::default(), true);
    numbers.extend(fresh(&session, set_up, seen));
    numbers
}

fn fresh(session: &Session, from: usize, seen: &mut HashSet<(&'static str, Vec<u64>)>) -> Vec<u32> {
    let Some(recorder): Option<&Recorder> = session.machine.recorder.as_ref() else {
        return Vec::new();
    };
    let calls: &[Call] = &session.machine.calls_that_may_fail[from..];
    let new = calls.iter().filter(|call| {
        let stack = recorder.find(call.site).map(|record| record.stack.clone()).unwrap_or_default();
        seen.insert((call.service, stack))
    });
    new.map(|call| call.number).collect()
}

/// The driver refused to load or start for want of memory: it is taken down as Windows does it.
pub(crate) fn wind_down(cx: &mut Cx, refusal: Refusal) -> Result<(), Stop> {
    match refusal {
        // The image goes; the unload routine is not called.
        Refusal::Entry => return low_resources::discard(cx, 0),
        Refusal::AddDevice => {}
        Refusal::Start(pdo) => {
            kernel::io::request::pnp(cx, pdo, manager::minor::REMOVE_DEVICE, [0; 4])?;
        }
    }
    manager::unload(cx, 0)
}

/// Whether a set-up that failed was to be expected in this scenario.
pub(crate) fn expected(scenario: &Scenario, failed: &Failed) -> bool {
    scenario.fail_at.is_some() && matches!(failed, Failed::Refused(_))
}
