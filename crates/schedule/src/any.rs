//! One of the strategies, without a pointer in between.

use crate::{Bounded, Context, Pct, Point, Random, Replay, Strategy};

/// A strategy that its owner can get back.
pub enum Any {
    /// See [`Bounded`].
    Bounded(Bounded),
    /// See [`Random`].
    Random(Random),
    /// See [`Pct`].
    Pct(Pct),
    /// See [`Replay`].
    Replay(Replay),
}

impl Strategy for Any {
    fn next_run(&mut self) -> bool {
        match self {
            Any::Bounded(strategy) => strategy.next_run(),
            Any::Random(strategy) => strategy.next_run(),
            Any::Pct(strategy) => strategy.next_run(),
            Any::Replay(strategy) => strategy.next_run(),
        }
    }

    #[inline]
    fn choose(&mut self, point: &Point) -> Context {
        match self {
            Any::Bounded(strategy) => strategy.choose(point),
            Any::Random(strategy) => strategy.choose(point),
            Any::Pct(strategy) => strategy.choose(point),
            Any::Replay(strategy) => strategy.choose(point),
        }
    }
}
