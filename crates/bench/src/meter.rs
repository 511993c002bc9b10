//! One scenario run over and over, for benchmarks and for tests of determinism.

use crate::driver::{Refused, Target};
use crate::session::Session;
use schedule::{Any, Bounded, Random, Schedule, Strategy};
use std::rc::Rc;

/// A machine at a scenario's baseline.
pub struct Meter {
    session: Session,
}

impl Meter {
    /// Prepares a driver's scenario of this name. Without `unload` winding down ends with the
    /// cancelling of what is outstanding.
    ///
    /// # Errors
    /// One sentence.
    pub fn new(driver: &crate::Driver, scenario: &str, unload: bool) -> Result<Meter, Refused> {
        let target = Rc::new(Target::read(driver)?);
        let mut scenario = crate::campaign::scenario(&target, scenario, &[], None)?;
        if !unload {
            scenario.wind_down.truncate(1);
        }
        match Session::new(&target, &scenario, false) {
            Ok(session) => Ok(Meter { session }),
            Err(_) => Err(Refused(format!("setting up {} fails", scenario.name))),
        }
    }

    /// Names of a driver's scenarios.
    ///
    /// # Errors
    /// One sentence.
    pub fn scenarios(driver: &crate::Driver) -> Result<Vec<String>, Refused> {
        let target = Rc::new(Target::read(driver)?);
        Ok(crate::campaign::plan(&target)?.into_iter().map(|scenario| scenario.name).collect())
    }

    /// Searches bounds 0 to `bound` with at most `most` runs: (runs, points, switches).
    pub fn search(&mut self, bound: u32, most: u64) -> (u64, u64, u64) {
        let machine = &mut self.session.machine;
        machine.strategy = Any::Bounded(Bounded::new(bound, 1 << 22));
        let before = machine.switches;
        let (mut runs, mut points) = (0, 0);
        while runs < most {
            if !self.session.machine.strategy.next_run() {
                match &mut self.session.machine.strategy {
                    Any::Bounded(bounded) => {
                        if bounded.raise() {
                            continue;
                        }
                        break;
                    }
                    _ => break,
                }
            }
            self.session.run();
            runs += 1;
            points += u64::from(self.session.machine.state.points);
        }
        (runs, points, self.session.machine.switches - before)
    }

    /// One run by chance: a hash of the state that it leaves behind, and its schedule.
    pub fn random(&mut self, seed: u64) -> (u64, Schedule) {
        self.session.machine.strategy = Any::Random(Random::new(seed));
        self.session.machine.strategy.next_run();
        self.session.run();
        (self.session.machine.hash(), self.session.machine.schedule())
    }

    /// One given run: the hash of the state that it leaves behind.
    pub fn replay(&mut self, schedule: Schedule) -> u64 {
        self.session.run_schedule(schedule, false);
        self.session.machine.hash()
    }

    /// Back to the baseline, without a run; for measuring what that costs.
    pub fn reset(&mut self) {
        self.session.machine.restore();
    }

    /// Lines of 64 bytes and pages that the last run wrote.
    pub fn dirty(&self) -> (u64, usize) {
        self.session.machine.bus.memory.dirty_lines()
    }

    /// Instructions that the last run executed.
    pub fn instructions(&self) -> u64 {
        kernel::BUDGET - self.session.machine.budget
    }
}
