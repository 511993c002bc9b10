//! One given schedule.

use crate::{Context, Point, Schedule, Strategy};

/// Runs a schedule once.
pub struct Replay {
    schedule: Schedule,
    taken: usize,
    left: u32,
    misfit: Option<u32>,
}

impl Replay {
    /// Will run `schedule` once.
    pub fn new(schedule: Schedule) -> Replay {
        Replay { schedule, taken: 0, left: 1, misfit: None }
    }

    /// The first point at which the schedule asked for a context that could not run, or that the
    /// run never reached: the schedule belongs to another driver or scenario.
    pub fn misfit(&self) -> Option<u32> {
        self.misfit.or_else(|| self.schedule.0.get(self.taken).map(|unmet| unmet.point))
    }
}

impl Strategy for Replay {
    fn next_run(&mut self) -> bool {
        self.taken = 0;
        let more = self.left > 0;
        self.left = self.left.saturating_sub(1);
        more
    }

    fn choose(&mut self, point: &Point) -> Context {
        match self.schedule.0.get(self.taken) {
            Some(next) if next.point == point.index => {
                self.taken += 1;
                if point.enabled >> next.context & 1 != 0 {
                    return next.context;
                }
                self.misfit.get_or_insert(point.index);
                point.default_choice()
            }
            _ => point.default_choice(),
        }
    }
}
