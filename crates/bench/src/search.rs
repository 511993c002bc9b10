//! One scenario's schedules.

use crate::low_resources::Call;
use crate::scenario::Scenario;
use crate::session::Session;
use finding::Severity;
use kernel::Outcome;
use kernel::event::Rule;
use kernel::state::{Overtaking, RacePair};
use schedule::{Any, Bounded, Pct, Random, Schedule, Strategy};
use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

/// Alternatives that a bounded search keeps in mind: 12 bytes each.
const MOST_NODES: usize = 8 << 20;
/// Runs between looks at the clock.
const CLOCK_EVERY: u64 = 64;
/// Findings of one rule at one place after which a scenario is left.
const MOST_RUNS_WITH_FINDINGS: u64 = 2_000;

/// Overtakings of one scenario that are looked into.
const MOST_OVERTAKINGS: usize = 256;

/// Whether the time is up, if time counts.
fn up(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}

/// A run that ended otherwise than by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hit {
    /// How it ended; `None` for a race that it went on after.
    pub outcome: Option<Outcome>,
    pub race: Option<RacePair>,
    /// A request that overtook another, and the run went on.
    pub overtaking: Option<(u16, u16)>,
    /// The operation on a queue that is to blame for that, as a number.
    pub swap: u64,
    pub schedule: Schedule,
    /// Preemption bound that was being searched.
    pub bound: u32,
    /// Moments of the run, and the instruction at its end, where a rule ended it.
    pub moments: u32,
    pub rip: u64,
}

impl Hit {
    /// Whether a rule ended the run.
    pub fn violates(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Violation(_)))
    }

    /// Whether a rule ended the run that does more than advise: the verdict is known.
    pub fn decides(&self) -> bool {
        matches!(&self.outcome, Some(Outcome::Violation(violation))
            if violation.severity != Severity::Advice)
    }

    /// What tells something that the driver is only warned of or advised against from others of its
    /// kind, in whichever scenario it is met; `None` for everything else.
    pub fn advice(&self) -> Option<Advice> {
        match &self.outcome {
            None => Some(("", 0, self.race, self.swap)),
            Some(Outcome::Violation(violation)) if !self.decides() => {
                Some((violation.rule.name, self.rip, None, 0))
            }
            Some(_) => None,
        }
    }
}

/// Rule and instruction of a run that was ended; or instructions that race; or an operation on a queue.
pub(crate) type Advice = (&'static str, u64, Option<RacePair>, u64);

/// The state of one scenario's search between phases.
pub(crate) struct Search {
    pub scenario: Scenario,
    pub bounded: Option<Bounded>,
    pub tried: u64,
    pub distinct: u64,
    pub hits: Vec<Hit>,
    pub completed: Option<u32>,
    /// When the first of the hits was found.
    pub first_hit: Option<Instant>,
    /// Calls that may fail in the default schedule, see [`crate::low_resources`].
    pub calls: Vec<Call>,
    /// Schedules that the campaign leaves to this search.
    pub left: u64,
    /// Set-up failed: nothing to search.
    pub dead: bool,
    pub blocks: HashSet<u64>,
    /// Kernel routines that were run, set-up included.
    pub services: BTreeSet<&'static str>,
    seen: HashSet<(&'static str, u64, String)>,
    schedules: HashSet<u64>,
    failing: u64,
    /// The bound that is being searched, and the last one.
    present: u32,
    last_bound: u32,
    raced: HashSet<RacePair>,
    overtaken: HashSet<Overtaking>,
    /// Operations on queues that reordered requests, as numbers.
    swaps: HashSet<u64>,
}

impl Search {
    pub fn new(scenario: Scenario, bound: u32) -> Search {
        Search {
            scenario,
            bounded: Some(Bounded::new(bound, MOST_NODES)),
            tried: 0,
            distinct: 0,
            hits: Vec::new(),
            completed: None,
            first_hit: None,
            calls: Vec::new(),
            left: u64::MAX,
            dead: false,
            blocks: HashSet::new(),
            services: BTreeSet::new(),
            seen: HashSet::new(),
            schedules: HashSet::new(),
            failing: 0,
            present: 0,
            last_bound: bound,
            raced: HashSet::new(),
            overtaken: HashSet::new(),
            swaps: HashSet::new(),
        }
    }

    /// The same scenario without a rule that ended the run from which all others depart, if a run can go
    /// on beyond that.
    pub fn beyond(&self) -> Option<Scenario> {
        self.hits.iter().find_map(|hit| match &hit.outcome {
            Some(Outcome::Violation(violation))
                if hit.schedule.0.is_empty() && verifier::may_be_left_out(violation.rule) =>
            {
                Some(self.scenario.without(violation.rule.name))
            }
            _ => None,
        })
    }

    /// Whether schedules of this bound are left to run.
    pub fn waits(&self, bound: u32) -> bool {
        !self.dead && self.bounded.as_ref().is_some_and(|bounded| bounded.bound() <= bound)
    }

    /// The lowest bound in which something was found that decides the verdict.
    pub fn decided(&self) -> Option<u32> {
        self.hits.iter().filter(|hit| hit.decides()).map(|hit| hit.bound).min()
    }

    /// Notes a run that ended otherwise than by itself.
    pub fn note(&mut self, mut hit: Hit) {
        hit.bound = self.present;
        if hit.outcome.is_none() || hit.violates() {
            self.first_hit.get_or_insert_with(Instant::now);
        }
        self.hits.push(hit);
    }

    /// Runs schedules of the present bound: all of them, or until `most` have been run or the time is
    /// up. The next call goes on.
    pub fn bound(
        &mut self,
        session: &mut Session,
        most: u64,
        until: Option<Instant>,
        ran: &dyn Fn(u64, usize),
    ) {
        let Some(bounded) = self.bounded.take() else { return };
        let bound = bounded.bound();
        self.present = bound;
        session.machine.strategy = Any::Bounded(bounded);
        let mut runs = 0;
        let mut complete = true;
        while self.failing < MOST_RUNS_WITH_FINDINGS {
            if runs >= most || runs % CLOCK_EVERY == CLOCK_EVERY - 1 && up(until) {
                complete = false;
                break;
            }
            if !session.machine.strategy.next_run() {
                break;
            }
            session.run();
            runs += 1;
            self.distinct += 1;
            self.after(session);
            if runs % CLOCK_EVERY == 0 {
                ran(CLOCK_EVERY, self.hits.len());
            }
        }
        ran(runs % CLOCK_EVERY, self.hits.len());
        if let Any::Bounded(bounded) =
            std::mem::replace(&mut session.machine.strategy, Any::Random(Random::new(0)))
        {
            self.bounded = Some(bounded);
        }
        if complete {
            self.end_of_bound(bound);
        }
        self.reached(session);
    }

    /// Goes on to the next bound, if that holds anything.
    fn end_of_bound(&mut self, bound: u32) {
        let Some(mut bounded) = self.bounded.take() else { return };
        let lacking = self.hits.iter().any(|hit| hit.outcome.is_some() && !hit.violates());
        let left = self.failing >= MOST_RUNS_WITH_FINDINGS;
        if !left && !bounded.cut() && !lacking {
            self.completed = Some(bound);
        }
        if bounded.raise() {
            self.bounded = Some(bounded);
        } else if self.completed.is_some() {
            // Nothing is left for any higher bound.
            self.completed = Some(self.last_bound);
        }
    }

    /// Runs `count` schedules by chance, random and PCT in turns of `count / 2`.
    pub fn chance(
        &mut self,
        session: &mut Session,
        seed: u64,
        count: u64,
        until: Option<Instant>,
        ran: &dyn Fn(u64, usize),
    ) {
        let half = count.div_ceil(2);
        for (strategy, runs) in
            [(Any::Random(Random::new(seed)), half), (Any::Pct(Pct::new(seed, 3)), count - half)]
        {
            session.machine.strategy = strategy;
            for run in 1..=runs {
                session.machine.strategy.next_run();
                session.run();
                let hash = schedule_hash(&session.machine.taken);
                if self.schedules.insert(hash) {
                    self.distinct += 1;
                }
                self.after(session);
                if run % CLOCK_EVERY == 0 {
                    ran(CLOCK_EVERY, self.hits.len());
                    if up(until) {
                        self.reached(session);
                        return;
                    }
                }
            }
            ran(runs % CLOCK_EVERY, self.hits.len());
        }
        self.reached(session);
    }

    #[inline]
    fn after(&mut self, session: &mut Session) {
        self.tried += 1;
        if session.machine.outcome.is_some() {
            self.hit(session);
        }
        if session.machine.races.len() > session.races {
            self.races(session);
        }
        if session.machine.overtakings.len() > session.overtakings {
            self.overtakings(session);
        }
    }

    #[cold]
    fn races(&mut self, session: &mut Session) {
        let races = &session.machine.races;
        for (race, schedule) in &races[session.races..] {
            if self.raced.insert(*race) {
                let (race, schedule) = (Some(*race), schedule.clone());
                self.note(Hit { race, schedule, ..Hit::default() });
            }
        }
        session.races = races.len();
    }

    /// Requests overtook others: looks for the operation on a queue that swapped them, and keeps one
    /// run for each.
    #[cold]
    fn overtakings(&mut self, session: &mut Session) {
        let new = session.machine.overtakings[session.overtakings..].to_vec();
        session.overtakings = session.machine.overtakings.len();
        for (overtaking, schedule) in new {
            if self.overtaken.len() >= MOST_OVERTAKINGS || !self.overtaken.insert(overtaking) {
                continue;
            }
            let pair = (overtaking.earlier, overtaking.later);
            if let Some(swap) = session.swap(pair, &schedule)
                && self.swaps.insert(swap)
            {
                let overtaking = Some(pair);
                self.note(Hit { overtaking, swap, schedule, ..Hit::default() });
            }
        }
    }

    #[cold]
    fn hit(&mut self, session: &Session) {
        let world = &*session.machine;
        let Some(outcome) = &world.outcome else { return };
        self.failing += 1;
        let rule: Option<&Rule> = match outcome {
            Outcome::Violation(violation) => Some(violation.rule),
            _ => None,
        };
        let rip = world.cpus[usize::from(world.state.current) % world.cpus.len()].rip;
        let text = match outcome {
            Outcome::Violation(_) => String::new(),
            other => format!("{other:?}"),
        };
        let name = rule.map_or("", |rule| rule.name);
        if self.seen.insert((name, rip, text)) {
            self.note(Hit {
                outcome: Some(outcome.clone()),
                schedule: world.schedule(),
                moments: world.state.moment,
                rip,
                ..Hit::default()
            });
        }
    }

    /// The driver refused to be set up, as it may, and left nothing behind.
    pub fn set_up_only(&mut self) {
        self.tried += 1;
        self.distinct += 1;
        self.completed = Some(0);
    }

    fn reached(&mut self, session: &Session) {
        self.blocks.extend(session.machine.code.blocks().map(|(start, _)| start));
        self.services.extend(session.machine.services_run());
    }
}

fn schedule_hash(taken: &[schedule::Deviation]) -> u64 {
    taken.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, deviation| {
        (hash ^ (u64::from(deviation.point) << 8 | u64::from(deviation.context)))
            .wrapping_mul(0x0000_0100_0000_01b3)
    })
}
