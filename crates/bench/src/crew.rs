//! The threads of a campaign. Each keeps the machines that it has set up from one round to the next,
//! and takes the searches that belong to them first.

use crate::search::Search;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// What is to be done with a search in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    /// So many schedules of the present bound at most.
    Bound(u64),
    /// So many schedules by chance, from this seed.
    Chance(u64, u64),
    /// Which calls may fail in its default schedule.
    Calls,
}

/// A search and its number.
pub(crate) type Item = (usize, Arc<Mutex<Search>>);

/// Hands the pieces of a round to whoever has time.
pub(crate) struct Crew {
    state: Mutex<State>,
    start: Condvar,
    end: Condvar,
}

struct State {
    waiting: Vec<Item>,
    job: Job,
    running: usize,
    /// Who has a machine for a search.
    owner: HashMap<usize, usize>,
    dismissed: bool,
}

impl Crew {
    pub fn new() -> Crew {
        Crew {
            state: Mutex::new(State {
                waiting: Vec::new(),
                job: Job::Calls,
                running: 0,
                owner: HashMap::new(),
                dismissed: false,
            }),
            start: Condvar::new(),
            end: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Has `job` done with all of these, and waits for it.
    pub fn round(&self, items: Vec<Item>, job: Job) {
        let mut state = self.lock();
        state.job = job;
        state.waiting = items;
        self.start.notify_all();
        while !state.dismissed && (!state.waiting.is_empty() || state.running > 0) {
            state = self.end.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    /// The next piece for worker `me`; `None` when the campaign is over.
    pub fn next(&self, me: usize) -> Option<(Item, Job, Working<'_>)> {
        let mut state = self.lock();
        loop {
            if state.dismissed {
                return None;
            }
            if let Some(at) = state.pick(me) {
                let item = state.waiting.remove(at);
                state.running += 1;
                return Some((item, state.job, Working(self)));
            }
            state = self.start.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    /// Notes whether worker `me` has a machine for this search.
    pub fn keeps(&self, me: usize, index: usize, keeps: bool) {
        let mut state = self.lock();
        if keeps {
            state.owner.insert(index, me);
        } else if state.owner.get(&index) == Some(&me) {
            state.owner.remove(&index);
        }
    }

    /// Lets everybody go.
    pub fn dismiss(&self) {
        self.lock().dismissed = true;
        self.start.notify_all();
        self.end.notify_all();
    }
}

impl State {
    /// One's own first, then what is nobody's, then what would be another's turn last.
    fn pick(&self, me: usize) -> Option<usize> {
        let owner = |item: &Item| self.owner.get(&item.0).copied();
        let mine = self.waiting.iter().position(|item| owner(item) == Some(me));
        let free = || self.waiting.iter().position(|item| owner(item).is_none());
        mine.or_else(free).or_else(|| self.waiting.len().checked_sub(1))
    }
}

/// Somebody works on a piece of the round, and is done when this goes.
pub(crate) struct Working<'a>(&'a Crew);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.end.notify_all();
    }
}

/// Lets everybody go when this goes, however that comes about.
pub(crate) struct Dismissal<'a>(pub &'a Crew);

impl Drop for Dismissal<'_> {
    fn drop(&mut self) {
        self.0.dismiss();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn items(count: usize) -> Vec<Item> {
        let search = || Search::new(crate::campaign::load_scenario(), 0);
        (0..count).map(|index| (index, Arc::new(Mutex::new(search())))).collect()
    }

    #[test]
    fn a_round_ends_when_every_piece_is_done() {
        let crew = Crew::new();
        let done = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for me in 0..3 {
                let (crew, done) = (&crew, &done);
                scope.spawn(move || {
                    while let Some((item, job, _working)) = crew.next(me) {
                        assert!(matches!(job, Job::Bound(7)));
                        done.fetch_add(1 << (8 * item.0), Ordering::Relaxed);
                    }
                });
            }
            let _dismissal = Dismissal(&crew);
            for round in 1..=3 {
                crew.round(items(5), Job::Bound(7));
                assert_eq!(done.load(Ordering::Relaxed), 0x1_0101_0101 * round);
            }
            crew.round(Vec::new(), Job::Calls);
        });
    }

    #[test]
    fn ones_own_machines_come_first() {
        let crew = Crew::new();
        crew.keeps(0, 2, true);
        crew.keeps(1, 0, true);
        let mut state = crew.lock();
        state.waiting = items(3);
        assert_eq!(state.pick(0), Some(2));
        assert_eq!(state.pick(1), Some(0));
        assert_eq!(state.pick(2), Some(1), "what is nobody's");
        state.waiting.truncate(1);
        assert_eq!(state.pick(2), Some(0), "rather than nothing");
    }
}
