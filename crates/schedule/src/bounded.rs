//! Every schedule with at most N preemptions, fewest first, each exactly once.
//!
//! After Musuvathi and Qadeer, "Iterative context bounding for systematic testing of multithreaded
//! programs" (PLDI 2007): a run's alternatives that cost a preemption more wait for the next bound.
//! Within a bound those with few deviations come before those with many, as in Emmi, Qadeer and
//! Rakamaric, "Delay-bounded scheduling" (POPL 2011): they are few, and most bugs are among them; and
//! a search that is cut short has been everywhere in the run, not in one corner of it.

use crate::{Context, Deviation, Point, Strategy};
use std::collections::VecDeque;

/// One deviation and the one before it; the path to the root is a schedule's prefix.
#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    deviation: Deviation,
}

const ROOT: u32 = u32::MAX;

/// The search. [`Strategy::next_run`] returns false once the present bound is complete;
/// [`Bounded::raise`] goes on to the next.
pub struct Bounded {
    nodes: Vec<Node>,
    now: VecDeque<u32>,
    later: VecDeque<u32>,
    bound: u32,
    last_bound: u32,
    prefix: Vec<Deviation>,
    taken: usize,
    leaf: u32,
    most_nodes: usize,
    cut: bool,
}

impl Bounded {
    /// A search that will be raised to `last_bound` at most and keeps up to `most_nodes`
    /// alternatives in mind (12 bytes each).
    pub fn new(last_bound: u32, most_nodes: usize) -> Bounded {
        Bounded {
            nodes: Vec::new(),
            now: VecDeque::from([ROOT]),
            later: VecDeque::new(),
            bound: 0,
            last_bound,
            prefix: Vec::new(),
            taken: 0,
            leaf: ROOT,
            most_nodes,
            cut: false,
        }
    }

    /// Goes on to the next bound; false when that is beyond the last one or holds nothing.
    pub fn raise(&mut self) -> bool {
        if self.bound == self.last_bound || self.later.is_empty() {
            return false;
        }
        self.bound += 1;
        self.now.append(&mut self.later);
        true
    }

    /// The bound being searched.
    pub fn bound(&self) -> u32 {
        self.bound
    }

    /// Schedules known and not yet run within this bound.
    pub fn waiting(&self) -> usize {
        self.now.len()
    }

    /// Whether alternatives were dropped for want of room: the bound is not complete then.
    pub fn cut(&self) -> bool {
        self.cut
    }

    fn remember(&mut self, point: &Point, choice: Context) {
        let costs = point.costs(choice);
        if costs && self.bound == self.last_bound {
            return;
        }
        if self.nodes.len() >= self.most_nodes {
            self.cut = true;
            return;
        }
        let id = self.nodes.len() as u32;
        let deviation = Deviation { point: point.index, context: choice };
        self.nodes.push(Node { parent: self.leaf, deviation });
        if costs { &mut self.later } else { &mut self.now }.push_back(id);
    }
}

impl Strategy for Bounded {
    fn next_run(&mut self) -> bool {
        let Some(leaf) = self.now.pop_front() else { return false };
        self.leaf = leaf;
        self.taken = 0;
        self.prefix.clear();
        let mut at = leaf;
        while at != ROOT {
            let node = self.nodes[at as usize];
            self.prefix.push(node.deviation);
            at = node.parent;
        }
        self.prefix.reverse();
        true
    }

    #[inline]
    fn choose(&mut self, point: &Point) -> Context {
        let default = point.default_choice();
        match self.prefix.get(self.taken) {
            Some(next) if next.point == point.index => {
                self.taken += 1;
                next.context
            }
            Some(_) => default,
            None => {
                let mut others = point.enabled & !(1 << default);
                while others != 0 {
                    let choice = others.trailing_zeros() as Context;
                    others &= others - 1;
                    self.remember(point, choice);
                }
                default
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Contexts that each take a number of steps; a run is the order of the steps.
    fn run(strategy: &mut dyn Strategy, steps: &[u32]) -> Vec<Context> {
        let mut left = steps.to_vec();
        let mut order = Vec::new();
        let (mut current, mut index) = (31, 0); // at first nobody runs
        loop {
            let enabled = (0..left.len()).filter(|&c| left[c] > 0).fold(0, |mask, c| mask | 1 << c);
            if enabled == 0 {
                return order;
            }
            let point = Point { index, enabled, current, pause: false };
            current = if enabled.count_ones() > 1 {
                index += 1;
                strategy.choose(&point)
            } else {
                point.default_choice()
            };
            left[current as usize] -= 1;
            order.push(current);
        }
    }

    #[test]
    fn unbounded_search_meets_every_interleaving_once() {
        let mut search = Bounded::new(20, 1 << 20);
        let mut seen = HashSet::new();
        let mut runs = 0;
        loop {
            while search.next_run() {
                seen.insert(run(&mut search, &[3, 3, 2]));
                runs += 1;
            }
            if !search.raise() {
                break;
            }
        }
        // 8! / (3! 3! 2!)
        assert_eq!((runs, seen.len()), (560, 560));
        assert!(!search.cut());
    }

    #[test]
    fn bound_zero_preempts_nobody() {
        let mut search = Bounded::new(2, 1 << 20);
        let mut runs = Vec::new();
        while search.next_run() {
            runs.push(run(&mut search, &[2, 2, 2]));
        }
        assert_eq!(runs.len(), 6, "the orders in which three contexts may run to their end");
        for order in runs {
            assert!(order.chunks(2).all(|pair| pair[0] == pair[1]));
        }
    }

    #[test]
    fn few_deviations_come_before_many() {
        let mut search = Bounded::new(2, 1 << 20);
        let mut counts = Vec::new();
        while search.next_run() {
            counts.push(search.prefix.len());
            run(&mut search, &[2, 2, 2, 2]);
        }
        assert!(counts.is_sorted());
        assert_eq!(counts.len(), 24);
    }

    #[test]
    fn running_out_of_room_is_told() {
        let mut search = Bounded::new(2, 4);
        while search.next_run() {
            run(&mut search, &[3, 3, 3]);
        }
        assert!(search.cut());
    }
}
