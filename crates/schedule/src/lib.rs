//! Who runs next: choices, their encoding, and strategies that make them.
//!
//! A run asks its [`Strategy`] at every scheduling point. The *default* choice is to let the
//! running context go on, and, when it cannot or pauses, to take the next one in order of number.
//! What a strategy chose otherwise is a [`Deviation`]; the list of them is the run's [`Schedule`], which
//! re-creates it exactly.

mod any;
mod bounded;
mod pct;
mod random;
mod replay;

pub use any::Any;
pub use bounded::Bounded;
pub use pct::Pct;
pub use random::{Random, Rng};
pub use replay::Replay;

use std::fmt;
use std::str::FromStr;

/// Number of a context: a thread, DPC, interrupt, or the clock. Below [`MAX_CONTEXTS`].
pub type Context = u8;

/// Most contexts one run may have at a time.
pub const MAX_CONTEXTS: usize = 32;

/// The context that stands for what happens by itself, such as the passing of time.
pub const LAST: Context = MAX_CONTEXTS as Context - 1;

/// A moment at which more than one context might go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Counts scheduling points with a choice, from 0.
    pub index: u32,
    /// Bit `c` says that context `c` may run.
    pub enabled: u32,
    /// Who was running.
    pub current: Context,
    /// Whoever was running could go on and is in no hurry: others come first.
    pub pause: bool,
}

impl Point {
    /// The choice made where nobody says otherwise.
    #[inline]
    pub fn default_choice(&self) -> Context {
        let current = 1u32 << self.current;
        if self.enabled & current != 0 && !self.pause {
            return self.current;
        }
        // What the world does by itself comes only when nobody else can go on, whoever pauses only
        // when no other context can.
        let others = self.enabled & !(1 << LAST);
        let others = if others == current { others } else { others & !current };
        let above = others & !(current | (current - 1));
        let from = if above != 0 { above } else { others };
        if from == 0 { LAST } else { from.trailing_zeros() as Context }
    }

    /// Whether taking `choice` takes the processor from somebody who could go on.
    #[inline]
    pub fn preempts(&self, choice: Context) -> bool {
        choice != self.current && self.enabled >> self.current & 1 != 0 && !self.pause
    }

    /// Whether `choice` counts against the bound of a search: it preempts, or is not the one whose
    /// turn it is after somebody who pauses, or is the passing of time, which comes last, while
    /// somebody could go on: who is held up for so long is as good as preempted.
    #[inline]
    pub fn costs(&self, choice: Context) -> bool {
        let early = || choice == LAST && self.default_choice() != LAST;
        if self.pause { choice != self.default_choice() } else { self.preempts(choice) || early() }
    }
}

/// A choice that was not the default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Deviation {
    /// [`Point::index`].
    pub point: u32,
    /// Who was chosen.
    pub context: Context,
}

/// Makes the choices of one run after another.
pub trait Strategy {
    /// Prepares the next run; false when there is none left.
    fn next_run(&mut self) -> bool;
    /// Chooses among `point.enabled`, which has at least two bits set.
    fn choose(&mut self, point: &Point) -> Context;
}

/// The deviations of one run, in order. Text form: `12-3.40-1`, or `0` for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Schedule(pub Vec<Deviation>);

impl fmt::Display for Schedule {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return to.write_str("0");
        }
        for (index, deviation) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(to, "{dot}{}-{}", deviation.point, deviation.context)?;
        }
        Ok(())
    }
}

/// A schedule's text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSchedule {
    /// The part that is wrong.
    pub part: String,
}

impl fmt::Display for BadSchedule {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "`{}` is not POINT-CONTEXT with rising points", self.part.escape_default())
    }
}

impl FromStr for Schedule {
    type Err = BadSchedule;

    fn from_str(text: &str) -> Result<Schedule, BadSchedule> {
        let mut schedule = Schedule::default();
        if text == "0" {
            return Ok(schedule);
        }
        for part in text.split('.') {
            let bad = || BadSchedule { part: part.chars().take(40).collect() };
            let (point, context) = part.split_once('-').ok_or_else(bad)?;
            let point: u32 = point.parse().map_err(|_| bad())?;
            let context: Context = context.parse().map_err(|_| bad())?;
            let rises = schedule.0.last().is_none_or(|last| last.point < point);
            if !rises || usize::from(context) >= MAX_CONTEXTS {
                return Err(bad());
            }
            schedule.0.push(Deviation { point, context });
        }
        Ok(schedule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_goes_on_and_else_takes_the_next_number() {
        let point =
            |enabled, current| Point { index: 0, enabled, current, pause: false }.default_choice();
        assert_eq!(point(0b1011, 1), 1);
        assert_eq!(point(0b1001, 1), 3);
        assert_eq!(point(0b0011, 3), 0);
        assert_eq!(point(1 << 31 | 1, 31), 31);
        assert_eq!(point(1 << 31 | 1, 3), 0, "the clock comes last");
        assert_eq!(point(1 << 31, 3), 31);
    }

    #[test]
    fn whoever_pauses_lets_others_go_first() {
        let point = |enabled, current| Point { index: 0, enabled, current, pause: true };
        assert_eq!(point(0b1011, 1).default_choice(), 3);
        assert_eq!(point(0b0011, 1).default_choice(), 0);
        assert_eq!(point(1 << 31 | 0b10, 1).default_choice(), 1, "before the clock");
        let point = point(0b1011, 1);
        assert!(!point.costs(3) && point.costs(0) && point.costs(1));
        assert!(!point.preempts(0), "nobody was in a hurry");
    }

    #[test]
    fn the_clock_costs_where_somebody_could_go_on() {
        let point = |enabled| Point { index: 0, enabled, current: 3, pause: false };
        assert!(point(1 << LAST | 0b1000).costs(LAST));
        assert!(point(1 << LAST | 0b0001).costs(LAST), "nobody is preempted, and yet held up");
        assert!(!point(1 << LAST | 0b0001).costs(0));
    }

    #[test]
    fn broken_text_is_named() {
        for text in ["", "1", "1-", "-1", "3-1.3-2", "5-1.4-1", "1-32", "1-1.", "x-y"] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(steps in proptest::collection::vec((1u32..1000, 0u8..32), 0..20)) {
            let mut point = 0;
            let schedule = Schedule(steps.into_iter().map(|(gap, context)| {
                point += gap;
                Deviation { point, context }
            }).collect());
            prop_assert_eq!(schedule.to_string().parse::<Schedule>().unwrap(), schedule);
        }
    }
}
