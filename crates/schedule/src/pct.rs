//! Probabilistic concurrency testing: random priorities and a few points at which they change.
//!
//! Burckhardt, Kothari, Musuvathi, Nagarakatte, "A randomized scheduler with probabilistic
//! guarantees of finding bugs" (ASPLOS 2010): a bug of depth `d` among `n` contexts and `k` points
//! is met with probability at least 1 / (n k^(d-1)) in each run.

use crate::{Context, MAX_CONTEXTS, Point, Rng, Strategy};

/// The strategy.
pub struct Pct {
    seed: u64,
    run: u64,
    depth: u32,
    /// Points of the longest run so far: where change points may fall.
    length: u32,
    priority: [u32; MAX_CONTEXTS],
    changes: Vec<u32>,
    last: u32,
}

impl Pct {
    /// Looks for bugs that need up to `depth` ordering constraints.
    pub fn new(seed: u64, depth: u32) -> Pct {
        let priority = [0; MAX_CONTEXTS];
        Pct { seed, run: 0, depth, length: 32, priority, changes: Vec::new(), last: 0 }
    }
}

impl Strategy for Pct {
    fn next_run(&mut self) -> bool {
        self.length = self.length.max(self.last + 1);
        self.last = 0;
        let mut rng = Rng(self.seed ^ self.run.wrapping_mul(0xa076_1d64_78bd_642f));
        self.run += 1;
        for priority in &mut self.priority {
            *priority = self.depth + rng.below(1 << 24);
        }
        self.changes.clear();
        for _ in 1..self.depth {
            self.changes.push(rng.below(self.length));
        }
        true
    }

    fn choose(&mut self, point: &Point) -> Context {
        self.last = point.index;
        for (low, &change) in self.changes.iter().enumerate() {
            if change == point.index {
                self.priority[usize::from(point.current)] = low as u32;
            }
        }
        let mut best = point.enabled.trailing_zeros() as Context;
        let mut left = point.enabled;
        while left != 0 {
            let context = left.trailing_zeros() as Context;
            left &= left - 1;
            if self.priority[usize::from(context)] > self.priority[usize::from(best)] {
                best = context;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_context_goes_on_between_changes() {
        let mut pct = Pct::new(3, 1);
        assert!(pct.next_run());
        let mut current = 0;
        let first = pct.choose(&Point { index: 0, enabled: 0b111, current, pause: false });
        for index in 1..40 {
            current = pct.choose(&Point { index, enabled: 0b111, current, pause: false });
            assert_eq!(current, first);
        }
    }
}
