//! All scenarios, on all workers, bound by bound.
//!
//! A bound is searched in rounds: each scenario gets so many schedules, then four times as many, so
//! that none waits for another to be complete; and while some take many rounds for a bound, the others
//! begin the next one. After a round that found something the search ends. If that is only advice, it
//! goes on for as long as that brings something new, and then for a while.
//!
//! The order of findings depends on the seed alone: scenarios are searched independently, each round
//! counts schedules and not time, and results are put together in the order of the battery.

use crate::battery::{self, Abilities};
use crate::crew::{Crew, Dismissal, Item, Job};
use crate::driver::{Refused, Target};
use crate::explain;
use crate::low_resources;
use crate::report::{
    Coverage, Driver, Options, Progress, Report, ScenarioFile, Schedules, Unsupported, Verdict,
};
use crate::scenario::Scenario;
use crate::search::{Hit, Search};
use crate::session::{Failed, Session};
use finding::{Blame, Finding, Severity};
use kernel::Outcome;
use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Preemption bounds of memory mode.
const MEMORY_BOUND: u32 = 1;
/// Schedules by chance in one piece of work.
const CHANCE: u64 = 2_048;
/// Schedules of each scenario in the first round of a bound.
const FIRST_ROUND: u64 = 64;
/// By how much each round is longer than the one before.
const GROWTH: u64 = 4;
/// From a round of this length on, scenarios that are through with the bound go on to the next, each
/// time with so many times fewer schedules.
const AHEAD: u64 = FIRST_ROUND * GROWTH * GROWTH;
/// Schedules after the last new piece of advice, if there is nothing worse: then the search ends.
const AFTER_ADVICE: u64 = 20_000;
/// Machines that a worker keeps.
const MACHINES: usize = 64;
/// Time between two reports of progress.
const PROGRESS: Duration = Duration::from_millis(250);

/// The name of the scenario that is no scenario: loading, before anything else.
pub(crate) const LOAD: &str = "load";

pub(crate) fn load_scenario() -> Scenario {
    Scenario::new(LOAD, Vec::new())
}

/// What a driver registers, seen after one set-up; `None` if that ends in a finding.
pub(crate) fn abilities(target: &Rc<Target>) -> Result<Option<Abilities>, Refused> {
    match Session::new(target, &load_scenario(), false) {
        Ok(session) => Ok(Some(crate::codes::known(&session))),
        Err(Failed::Refused(text)) => Err(Refused(text)),
        Err(Failed::Ended(_)) => Ok(None),
    }
}

/// The battery for a driver.
pub(crate) fn plan(target: &Rc<Target>) -> Result<Vec<Scenario>, Refused> {
    Ok(abilities(target)?.map(|driver| battery::scenarios(&driver)).unwrap_or_default())
}

/// Puts the user's scenarios behind the battery, or in its place, and what is to be done before them
/// in front of each; and what has to be said of them.
fn with_files(
    mut battery: Vec<Scenario>,
    abilities: &Abilities,
    files: &[ScenarioFile],
    only: bool,
    prepare: Option<&ScenarioFile>,
) -> Result<(Vec<Scenario>, Vec<String>), Refused> {
    let mut notes = Vec::new();
    if only {
        battery.clear();
    }
    for file in files {
        let written = crate::scenario_file::read_own(&file.text)
            .map_err(|error| Refused(format!("{}: {error}.", file.path)))?;
        let scenarios = written.scenarios(abilities);
        if scenarios.is_empty() {
            let why = written.unmet(abilities).join(", ");
            notes.push(format!("{} was left out, since the driver is without {why}.", file.path));
        }
        battery.extend(scenarios);
    }
    if let Some(file) = prepare {
        let written = crate::scenario_file::read_preparation(&file.text)
            .map_err(|error| Refused(format!("{}: {error}.", file.path)))?;
        let before = written.scenario(abilities, None);
        battery = battery.iter().map(|scenario| scenario.prepared(&before)).collect();
    }
    Ok((battery, notes))
}

/// One scenario by name.
pub(crate) fn scenario(
    target: &Rc<Target>,
    name: &str,
    files: &[ScenarioFile],
    prepare: Option<&ScenarioFile>,
) -> Result<Scenario, Refused> {
    if name == LOAD {
        return Ok(load_scenario());
    }
    let abilities = abilities(target)?;
    let battery = abilities.as_ref().map(battery::scenarios).unwrap_or_default();
    let abilities = abilities.unwrap_or_default();
    let (known, _) = with_files(battery, &abilities, files, false, prepare)?;
    Scenario::by_name(&known, name, target.image.base).ok_or_else(|| {
        if name.contains(crate::scenario_file::PREPARED) || prepare.is_some() {
            return Refused(
                "the token belongs to another preparation, one text of it, or none; give what \
                 `bugcheck test` was given with --prepare."
                    .to_owned(),
            );
        }
        if let Some((stem, _)) = name.split_once(crate::scenario_file::FILE) {
            return Refused(format!(
                "the token belongs to a scenario `{stem}` that was written down, and to one text of it; \
                 give that with --scenario FILE."
            ));
        }
        Refused(format!(
            "the driver has no scenario `{name}`; run `bugcheck test` on it for a new token."
        ))
    })
}

/// What the workers of a campaign share.
struct Shared<'a> {
    driver: &'a Driver,
    /// `None` if time does not end the campaign.
    until: Option<Instant>,
    start: Instant,
    progress: &'a (dyn Fn(&Progress) + Sync),
    crew: Crew,
    runs: AtomicU64,
    findings: AtomicUsize,
    /// The bound under way, `NO_BOUND` for none.
    bound: AtomicU32,
    /// Searches that are through with it, and how many there are.
    done: AtomicUsize,
    count: AtomicUsize,
    told: Mutex<Instant>,
}

const NO_BOUND: u32 = u32::MAX;

/// The searches of a campaign, and how far it is to go.
struct Campaign<'a> {
    shared: &'a Shared<'a>,
    options: &'a Options,
    searches: Vec<Arc<Mutex<Search>>>,
    /// Searches at the front that are the battery.
    battery: usize,
    /// Those between are its memory mode, and those from here on have a call that fails.
    failing: usize,
    /// Those that go on beyond what ended every run of one of the battery, or of these.
    beyond: Range<usize>,
    /// Something was found, and that is enough.
    enough: bool,
    /// Different pieces of advice so far, and how many schedules had been run when the last one came.
    advice: (usize, u64),
    bound_completed: Option<u32>,
    notes: Vec<String>,
}

/// Tests a driver.
///
/// # Errors
/// One sentence, where the file is no driver that the bench can run.
pub fn test(
    driver: &Driver,
    options: &Options,
    progress: &(dyn Fn(&Progress) + Sync),
) -> Result<Report, Refused> {
    let start = Instant::now();
    let target = Rc::new(Target::read(driver)?);
    let mut notes = target.notes.clone();
    let mut report = Report {
        driver: target.name.clone(),
        verdict: Verdict::Clean,
        schedules: Schedules::default(),
        seconds: 0.0,
        seed: options.seed,
        workers: options.workers.max(1),
        coverage: Coverage::default(),
        findings: Vec::new(),
        unsupported: Vec::new(),
        notes: Vec::new(),
        first_hit: None,
    };
    let mut abilities = Abilities::default();
    let scenarios = match Session::new(&target, &load_scenario(), false) {
        Ok(session) => {
            abilities = crate::codes::known(&session);
            battery::scenarios(&abilities)
        }
        Err(Failed::Refused(text)) => {
            report.unsupported.push(Unsupported {
                what: format!("nothing was tested: {text} on the bench"),
                place: target.name.clone(),
                scenario: LOAD.to_owned(),
            });
            Vec::new()
        }
        Err(Failed::Ended(session)) => {
            let mut tell = Tell::new(&target);
            if let Some(outcome) = session.machine.outcome.clone() {
                let hit = Hit { outcome: Some(outcome), ..Hit::default() };
                tell.hit(&load_scenario(), &hit, &mut report);
            }
            Vec::new()
        }
    };
    let (scenarios, left_out) = with_files(
        scenarios,
        &abilities,
        &options.scenarios,
        options.scenario_only,
        options.prepare.as_ref(),
    )?;
    notes.extend(left_out);
    if !options.without.is_empty() {
        notes
            .push(format!("Left out: {}. What breaks it is not told.", options.without.join(", ")));
    }
    let names: Vec<String> = scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    let scenarios: Vec<Scenario> = scenarios
        .into_iter()
        .map(|scenario| {
            options.without.iter().fold(scenario, |scenario, rule| scenario.without(rule))
        })
        .filter(|scenario| options.only.as_ref().is_none_or(|only| scenario.name.contains(only)))
        .collect();
    if let Some(only) = &options.only
        && scenarios.is_empty()
        && report.findings.is_empty()
    {
        return Err(Refused(format!(
            "the driver has no scenario whose name contains `{only}`; it has {}.",
            names.join(", ")
        )));
    }
    // Who asks for so many schedules and names no time gets all of them.
    let limit = match options.schedules {
        Some(_) => options.time,
        None => options.time.or(options.patience),
    };
    let shared = Shared {
        driver,
        until: limit.map(|limit| start + limit),
        start,
        progress,
        crew: Crew::new(),
        runs: AtomicU64::new(0),
        findings: AtomicUsize::new(0),
        bound: AtomicU32::new(NO_BOUND),
        done: AtomicUsize::new(0),
        count: AtomicUsize::new(0),
        told: Mutex::new(start),
    };
    let searches: Vec<Arc<Mutex<Search>>> = scenarios
        .iter()
        .map(|scenario| Search::new(scenario.clone(), options.bound))
        .chain(scenarios.iter().filter(|scenario| scenario.actors.len() > 1).map(|scenario| {
            Search::new(scenario.in_memory_mode(), MEMORY_BOUND.min(options.bound))
        }))
        .map(|search| Arc::new(Mutex::new(search)))
        .collect();
    let mut campaign = Campaign {
        shared: &shared,
        options,
        battery: scenarios.len(),
        failing: searches.len(),
        beyond: 0..0,
        searches,
        enough: false,
        advice: (0, 0),
        bound_completed: None,
        notes,
    };
    if !campaign.searches.is_empty() {
        std::thread::scope(|scope| {
            let _dismissal = Dismissal(&shared.crew);
            for me in 0..options.workers.max(1) {
                let shared = &shared;
                scope.spawn(move || work(shared, me));
            }
            campaign.run();
        });
    }
    let Campaign { bound_completed, mut notes, searches, .. } = campaign;
    let seconds = start.elapsed().as_secs_f64();
    conclude(&target, &searches, start, &mut report);
    report.coverage.bound_completed = bound_completed;
    report.seconds = seconds;
    if let Some(limit) = limit
        && shared.done()
        && bound_completed < Some(options.bound)
    {
        notes.push(format!(
            "The time was up after {:.1} s, before preemption bound {} was complete; --time gives \
             more.",
            limit.as_secs_f64(),
            options.bound
        ));
    }
    report.notes = notes;
    // What is only advice stands at the end and does not count.
    report.findings.sort_by_key(|finding| finding.severity);
    let counts = |finding: &Finding| finding.severity != Severity::Advice;
    report.verdict = if report.findings.iter().any(counts) {
        Verdict::Findings
    } else if !report.unsupported.is_empty() {
        Verdict::Unsupported
    } else {
        Verdict::Clean
    };
    Ok(report)
}

fn lock(search: &Mutex<Search>) -> MutexGuard<'_, Search> {
    // A worker that panicked ends the campaign anyway.
    search.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Campaign<'_> {
    fn run(&mut self) {
        for bound in 0..=self.options.bound {
            // Those beyond take turns with the battery from the second bound on.
            let all: Vec<usize> = (0..self.battery).chain(self.beyond.clone()).collect();
            self.bound(&all, bound);
            if self.searches[..self.battery].iter().all(|search| !lock(search).waits(bound)) {
                let whole = |search: &Arc<Mutex<Search>>| {
                    let search = lock(search);
                    search.dead || search.completed >= Some(bound)
                };
                if self.searches[..self.battery].iter().all(whole) {
                    self.bound_completed = Some(bound);
                }
            }
            if self.shared.done() {
                return;
            }
            if self.enough {
                let decided = self.decided(&all).filter(|&in_bound| in_bound < self.options.bound);
                if let Some(bound) = decided {
                    self.notes.push(format!(
                        "The search stopped in preemption bound {bound}, which has findings; \
                         --keep-going goes on."
                    ));
                }
                return;
            }
            if bound == 0 {
                if self.options.keep_going {
                    self.go_beyond();
                }
                self.short_of_memory();
                if self.enough {
                    return;
                }
            }
        }
        // Memory mode, if there is time left and nothing was found without it.
        for bound in 0..=MEMORY_BOUND.min(self.options.bound) {
            let memory: Vec<usize> = (self.battery..self.failing).collect();
            self.bound(&memory, bound);
            if self.enough || self.shared.done() {
                return;
            }
        }
        if self.options.schedules.is_some() || self.options.time.is_some() {
            self.chance();
        }
    }

    /// Searches a bound of these, round after round, until it is complete, something is found, or
    /// schedules or time are used up.
    fn bound(&mut self, these: &[usize], bound: u32) {
        let mut most = FIRST_ROUND;
        loop {
            let after_advice = self.after_advice();
            if after_advice == 0 {
                self.enough = true;
                return;
            }
            let items = self.round(these, bound, most, after_advice);
            if items.is_empty() {
                return;
            }
            let shared = self.shared;
            shared.bound.store(bound, Ordering::Relaxed);
            shared.done.store(these.len().saturating_sub(items.len()), Ordering::Relaxed);
            shared.count.store(these.len(), Ordering::Relaxed);
            shared.crew.round(items, Job::Bound(most));
            if shared.done() {
                return;
            }
            if self.decided(these).is_some() && !self.options.keep_going {
                self.enough = true;
                return;
            }
            most = most.saturating_mul(GROWTH);
        }
    }

    /// The searches that have schedules of a bound left, each told how many it may run; and if rounds
    /// are long by now those that are through with it, for a few of the next bound.
    fn round(&self, these: &[usize], bound: u32, most: u64, after_advice: u64) -> Vec<Item> {
        // An equal share for each scenario keeps the result independent of the workers' speed.
        let share = self.options.schedules.map(|most| most.div_ceil(self.searches.len() as u64));
        let waiting = |bound: u32| {
            these.iter().copied().filter(move |&index| lock(&self.searches[index]).waits(bound))
        };
        let behind: Vec<usize> = waiting(bound).collect();
        let ahead = most / AHEAD * FIRST_ROUND;
        let ahead: Vec<usize> = match behind.is_empty() || ahead == 0 {
            true => Vec::new(),
            false => waiting(bound + 1).filter(|index| !behind.contains(index)).collect(),
        };
        let each = after_advice.div_ceil((behind.len() + ahead.len()).max(1) as u64);
        let behind = behind.into_iter().map(|index| (index, most));
        let ahead = ahead.into_iter().map(|index| (index, most / AHEAD * FIRST_ROUND));
        let items = behind.chain(ahead).map(|(index, most)| {
            let mut search = lock(&self.searches[index]);
            let left = share.map_or(u64::MAX, |share| share.saturating_sub(search.tried));
            search.left = left.min(most).min(each);
            (search.left > 0).then(|| (index, self.searches[index].clone()))
        });
        items.flatten().collect()
    }

    /// The lowest bound in which one of these found something that decides the verdict.
    fn decided(&self, these: &[usize]) -> Option<u32> {
        these.iter().filter_map(|&index| lock(&self.searches[index]).decided()).min()
    }

    /// Schedules that are left before the search ends because there is advice and nothing worse. Who
    /// says how long it is to last, or that it is to go on, gets all of that.
    fn after_advice(&mut self) -> u64 {
        let options = self.options;
        if options.keep_going || options.schedules.is_some() || options.time.is_some() {
            return u64::MAX;
        }
        let (mut tried, mut advice) = (0, HashSet::new());
        for search in &self.searches {
            let search = lock(search);
            tried += search.tried;
            advice.extend(search.hits.iter().filter_map(Hit::advice));
        }
        if advice.len() > self.advice.0 {
            self.advice = (advice.len(), tried);
        }
        if self.advice.0 == 0 {
            return u64::MAX;
        }
        let left = (self.advice.1 + AFTER_ADVICE).saturating_sub(tried);
        if left == 0 {
            self.notes.push(format!(
                "The search ended early: there is only advice, and {},{:03} schedules more brought \
                 nothing new; --keep-going or --time goes on.",
                AFTER_ADVICE / 1_000,
                AFTER_ADVICE % 1_000
            ));
        }
        left
    }

    /// Lets each call that may fail do so once.
    fn short_of_memory(&mut self) {
        let battery: Vec<Item> =
            self.searches[..self.battery].iter().cloned().enumerate().collect();
        self.shared.crew.round(battery.clone(), Job::Calls);
        let calls: Vec<(Scenario, Vec<low_resources::Call>)> = battery
            .iter()
            .map(|(_, search)| {
                let mut search = lock(search);
                (search.scenario.clone(), std::mem::take(&mut search.calls))
            })
            .collect();
        let calls = calls.iter().map(|(scenario, calls)| (scenario, calls.as_slice()));
        let searches = low_resources::scenarios(calls).into_iter();
        let searches = searches.map(|scenario| Arc::new(Mutex::new(Search::new(scenario, 0))));
        let first = self.searches.len();
        self.searches.extend(searches);
        let these: Vec<usize> = (first..self.searches.len()).collect();
        self.bound(&these, 0);
    }

    /// Where the run from which all others depart ends in what a run can go on beyond, the others mostly
    /// do so, too: makes searches of those scenarios without that rule, which begin with that run.
    fn go_beyond(&mut self) {
        self.beyond = self.searches.len()..self.searches.len();
        let mut from: Vec<usize> = (0..self.battery).collect();
        while !from.is_empty() && !self.shared.done() {
            let next = from.iter().filter_map(|&index| lock(&self.searches[index]).beyond());
            let next: Vec<Scenario> = next.collect();
            for rule in next.iter().filter_map(|scenario| scenario.without.last()) {
                let note = format!("The search went on beyond {rule} where that ends every run.");
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
            let last = self.options.bound;
            let next = next.into_iter().map(|scenario| Search::new(scenario, last));
            let first = self.searches.len();
            self.searches.extend(next.map(|search| Arc::new(Mutex::new(search))));
            self.beyond.end = self.searches.len();
            from = (first..self.searches.len()).collect();
            self.bound(&from, 0);
        }
    }

    /// By chance, as long as schedules or time are left.
    fn chance(&mut self) {
        let count = self.battery as u64;
        let mut round = 0;
        while count > 0 && !self.shared.done() {
            let most = self.options.schedules.unwrap_or(u64::MAX);
            let before = self.shared.runs.load(Ordering::Relaxed);
            let left = most.saturating_sub(before);
            if left == 0 {
                return;
            }
            let each = CHANCE.min(left.div_ceil(count));
            let seed = self.options.seed.wrapping_mul(0x9e37_79b9).wrapping_add(round);
            self.shared.bound.store(NO_BOUND, Ordering::Relaxed);
            let items = self.searches[..self.battery].iter().cloned().enumerate().collect();
            self.shared.crew.round(items, Job::Chance(seed, each));
            round += 1;
            if self.shared.runs.load(Ordering::Relaxed) == before {
                // No machine could be set up, and none will be.
                return;
            }
            let all: Vec<usize> = (0..self.searches.len()).collect();
            let found = self.decided(&all).is_some();
            if found && !self.options.keep_going {
                return;
            }
        }
    }
}

impl Shared<'_> {
    fn done(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Some schedules were run: tells how far the campaign is, now and then.
    fn ran(&self, runs: u64, hits: usize) {
        self.runs.fetch_add(runs, Ordering::Relaxed);
        let Ok(mut last) = self.told.try_lock() else { return };
        if last.elapsed() < PROGRESS {
            return;
        }
        *last = Instant::now();
        self.findings.fetch_max(hits, Ordering::Relaxed);
        let bound = self.bound.load(Ordering::Relaxed);
        (self.progress)(&Progress {
            schedules: self.runs.load(Ordering::Relaxed),
            findings: self.findings.load(Ordering::Relaxed),
            bound: (bound != NO_BOUND).then_some(bound),
            scenarios: (self.done.load(Ordering::Relaxed), self.count.load(Ordering::Relaxed)),
            elapsed: self.start.elapsed(),
        });
    }
}

/// A worker's life: takes searches on with machines that it keeps.
fn work(shared: &Shared<'_>, me: usize) {
    // Symbols and the image are read once a worker; machines cannot change threads.
    let Ok(target) = Target::read(shared.driver) else { return shared.crew.dismiss() };
    let target = Rc::new(target);
    let mut machines: Vec<(usize, Session)> = Vec::new();
    while let Some(((index, search), job, working)) = shared.crew.next(me) {
        let mut search = lock(&search);
        if search.dead || shared.done() {
            continue;
        }
        if let Job::Calls = job {
            search.calls = low_resources::calls(&target, &search.scenario);
            continue;
        }
        let kept = machines.iter().position(|machine| machine.0 == index);
        let kept = kept.map(|at| machines.remove(at).1);
        let Some(mut session) = kept.or_else(|| set_up(&target, &mut search)) else { continue };
        let ran = |runs: u64, hits: usize| shared.ran(runs, hits);
        match job {
            Job::Bound(most) => {
                let most = most.min(search.left);
                search.bound(&mut session, most, shared.until, &ran);
            }
            Job::Chance(seed, count) => {
                search.chance(&mut session, seed, count, shared.until, &ran);
            }
            Job::Calls => {}
        }
        shared.done.fetch_add(1, Ordering::Relaxed);
        let again = search.bounded.is_some() || matches!(job, Job::Chance(..));
        if again {
            if machines.len() >= MACHINES {
                let (oldest, _) = machines.remove(0);
                shared.crew.keeps(me, oldest, false);
            }
            machines.push((index, session));
        }
        shared.crew.keeps(me, index, again);
        drop(working);
    }
}

/// A machine for a search, or what its set-up comes to.
fn set_up(target: &Rc<Target>, search: &mut Search) -> Option<Session> {
    match Session::new(target, &search.scenario, false) {
        Ok(session) => return Some(session),
        Err(Failed::Ended(session)) => {
            search.dead = true;
            if let Some(outcome) = session.machine.outcome.clone() {
                search.note(Hit { outcome: Some(outcome), ..Hit::default() });
            }
        }
        Err(failed) => {
            search.dead = true;
            if low_resources::expected(&search.scenario, &failed) {
                search.set_up_only();
            }
        }
    }
    None
}

/// Puts the scenarios' results together.
fn conclude(
    target: &Rc<Target>,
    searches: &[Arc<Mutex<Search>>],
    start: Instant,
    report: &mut Report,
) {
    let mut blocks = HashSet::new();
    let mut tell = Tell::new(target);
    let first = searches.iter().filter_map(|search| lock(search).first_hit).min();
    report.first_hit = first.map(|first| first.duration_since(start).as_secs_f64());
    for search in searches {
        let search = lock(search);
        report.schedules.tried += search.tried;
        report.schedules.distinct += search.distinct;
        let name = search.scenario.name.clone();
        report.coverage.scenarios.push((name, search.tried, search.completed));
        blocks.extend(search.blocks.iter().copied());
        report.coverage.services.extend(&search.services);
        for hit in &search.hits {
            tell.hit(&search.scenario, hit, report);
        }
    }
    let starts: HashSet<u32> = blocks.iter().filter_map(|&address| target.rva(address)).collect();
    report.coverage.blocks = starts.len();
    let mut reached = 0;
    let mut count = 0;
    for function in &target.functions {
        let code = target.image.sections.iter().any(|section| {
            section.code && (section.rva..section.rva + section.bytes).contains(&function.begin)
        });
        if !code {
            continue;
        }
        count += 1;
        if starts.iter().any(|&rva| function.contains(rva)) {
            reached += 1;
        } else {
            let name = target.symbols.locate(function.begin).and_then(|found| found.function);
            let name = name.unwrap_or_else(|| format!("{}+{:#x}", target.name, function.begin));
            report.coverage.not_reached.push(name);
        }
    }
    report.coverage.functions = (reached, count);
}

/// Turns hits into findings, each bug once.
struct Tell<'a> {
    target: &'a Rc<Target>,
    lacking: HashSet<String>,
    /// Rules that ended long runs, and the functions in which they did.
    long: HashSet<(&'static str, Option<u32>)>,
}

impl<'a> Tell<'a> {
    fn new(target: &'a Rc<Target>) -> Tell<'a> {
        Tell { target, lacking: HashSet::new(), long: HashSet::new() }
    }

    fn hit(&mut self, scenario: &Scenario, hit: &Hit, report: &mut Report) {
        let scenario = &match (hit.race, hit.overtaking) {
            (Some(race), _) => scenario.up_to_race(race, self.target.image.base),
            (None, Some(pair)) => scenario.up_to_overtaking(pair),
            (None, None) => scenario.clone(),
        };
        // Running long again takes longest, and what one loop says is said once.
        if let Some(Outcome::Violation(violation)) = &hit.outcome
            && explain::is_long(hit)
        {
            let rva = self.target.rva(hit.rip);
            let function = rva.and_then(|rva| {
                let functions = &self.target.functions;
                functions.iter().find(|function| function.contains(rva)).map(|found| found.begin)
            });
            if !self.long.insert((violation.rule.name, function)) {
                return;
            }
        }
        let told = explain::tell(self.target, scenario, hit);
        match told {
            explain::Told::Finding(finding) => self.finding(*finding, report),
            explain::Told::Unsupported(unsupported) => {
                if self.lacking.insert(unsupported.what.clone()) {
                    report.unsupported.push(unsupported);
                }
            }
            // No queue is to blame.
            explain::Told::Nothing if hit.overtaking.is_some() => {}
            explain::Told::Nothing => {
                let mut finding = explain::internal(
                    "the run that ended in a finding ends otherwise when it is run again",
                );
                finding.scenario.clone_from(&scenario.name);
                finding.explanation = format!("First it ended with {:?}.", hit.outcome);
                self.finding(finding, report);
            }
        }
    }

    fn finding(&mut self, finding: Finding, report: &mut Report) {
        if finding.blame != Blame::Internal {
            let key = finding.key();
            // The same bug may be met in a worse form: that one is told.
            let same = report.findings.iter_mut().find(|known| known.key() == key);
            if let Some(known) = same {
                if finding.severity < known.severity {
                    *known = finding;
                }
                return;
            }
        }
        report.findings.push(finding);
    }
}
