//! All scenarios, on all workers, bound by bound.
//!
//! The order of findings depends on the seed alone: scenarios are searched independently, and their
//! results are put together in the order of the battery.

use crate::driver::{Refused, Target};
use crate::explain;
use crate::low_resources;
use crate::report::{
    Coverage, Driver, Options, Progress, Report, ScenarioFile, Schedules, Unsupported, Verdict,
};
use crate::scenario::{Scenario, Step};
use crate::search::{Hit, Search};
use crate::session::{Failed, Session};
use finding::{Blame, Finding, Severity};
use schedule::Schedule;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Time of a campaign for which nobody asked for more.
const TIME: Duration = Duration::from_secs(10);
/// Preemption bounds of memory mode.
const MEMORY_BOUND: u32 = 1;
/// Schedules by chance in one piece of work.
const CHANCE: u64 = 2_048;
/// Time between two reports of progress.
const PROGRESS: Duration = Duration::from_millis(250);

/// The name of the scenario that is no scenario: loading, before anything else.
pub(crate) const LOAD: &str = "load";

pub(crate) fn load_scenario() -> Scenario {
    Scenario {
        name: LOAD.to_owned(),
        prepare: Vec::new(),
        actors: Vec::new(),
        wind_down: Vec::new(),
        filters: false,
        memory: false,
        race: None,
        overtaking: None,
        fail_at: None,
        script: None,
    }
}

/// The battery for a driver; needs one set-up to see what it registers.
pub(crate) fn plan(target: &Rc<Target>) -> Result<Vec<Scenario>, Refused> {
    match Session::new(target, &load_scenario(), false) {
        Ok(session) => Ok(crate::battery::scenarios(&crate::codes::known(&session))),
        Err(Failed::Refused(text)) => Err(Refused(text)),
        Err(Failed::Ended(_)) => Ok(Vec::new()),
    }
}

/// Puts the user's scenarios behind the battery, or in its place.
fn with_files(
    mut battery: Vec<Scenario>,
    files: &[ScenarioFile],
    only: bool,
) -> Result<Vec<Scenario>, Refused> {
    // All wind down alike.
    let wind_down = battery.first().map(|first| first.wind_down.clone()).unwrap_or_default();
    if only {
        battery.clear();
    }
    for file in files {
        let mut scenario = crate::scenario_file::read(&file.text)
            .map_err(|error| Refused(format!("{}: {error}.", file.path)))?;
        scenario.wind_down = vec![("expectations".to_owned(), vec![Step::Order])];
        scenario.wind_down.extend(wind_down.iter().cloned());
        battery.push(scenario);
    }
    Ok(battery)
}

/// One scenario by name.
pub(crate) fn scenario(
    target: &Rc<Target>,
    name: &str,
    files: &[ScenarioFile],
) -> Result<Scenario, Refused> {
    if name == LOAD {
        return Ok(load_scenario());
    }
    Scenario::by_name(&with_files(plan(target)?, files, false)?, name, target.image.base).ok_or_else(|| {
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

struct Shared<'a> {
    /// Searches at the front that are the battery.
    battery: usize,
    /// Those between are its memory mode, and those from here on have a call that fails.
    failing: usize,
    driver: &'a Driver,
    options: &'a Options,
    searches: Vec<Mutex<Search>>,
    runs: AtomicU64,
    findings: AtomicUsize,
    stop: AtomicBool,
    until: Instant,
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
    };
    let scenarios = match Session::new(&target, &load_scenario(), false) {
        Ok(session) => crate::battery::scenarios(&crate::codes::known(&session)),
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
                let hit = Hit {
                    outcome: Some(outcome),
                    race: None,
                    overtaking: None,
                    schedule: Schedule::default(),
                };
                tell.hit(&load_scenario(), &hit, &mut report);
            }
            Vec::new()
        }
    };
    let scenarios = with_files(scenarios, &options.scenarios, options.scenario_only)?;
    let names: Vec<String> = scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    let scenarios: Vec<Scenario> = scenarios
        .into_iter()
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
    let mut shared = Shared {
        failing: 0,
        driver,
        options,
        battery: scenarios.len(),
        searches: scenarios
            .iter()
            .map(|scenario| Search::new(scenario.clone(), options.bound))
            .chain(scenarios.iter().filter(|scenario| scenario.actors.len() > 1).map(|scenario| {
                Search::new(scenario.in_memory_mode(), MEMORY_BOUND.min(options.bound))
            }))
            .map(Mutex::new)
            .collect(),
        runs: AtomicU64::new(0),
        findings: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        until: start + options.time.unwrap_or(TIME),
    };
    shared.failing = shared.searches.len();
    let mut bound_completed = None;
    for bound in 0..=options.bound {
        if shared.searches.is_empty() {
            break;
        }
        let work: Vec<(usize, u64)> = (0..shared.battery).map(|index| (index, 0)).collect();
        phase(&shared, &work, Some(bound), start, progress);
        let mut whole = true;
        let mut found = false;
        for search in &shared.searches[..shared.battery] {
            if let Ok(search) = search.lock() {
                whole &= search.dead || search.completed >= Some(bound);
                found |= search.hits.iter().any(Hit::violates);
            }
        }
        if whole {
            bound_completed = Some(bound);
        }
        if shared.done() {
            break;
        }
        if found && !options.keep_going {
            if bound < options.bound {
                notes.push(format!(
                    "The search stopped after preemption bound {bound}, which has findings; \
                     --keep-going goes on."
                ));
            }
            shared.stop.store(true, Ordering::Relaxed);
            break;
        }
        if bound == 0 && short_of_memory(&mut shared, &target, &scenarios, start, progress) {
            shared.stop.store(true, Ordering::Relaxed);
            break;
        }
    }
    // Memory mode, if there is time left and nothing was found without it.
    for bound in 0..=MEMORY_BOUND.min(options.bound) {
        if shared.done() || shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let work: Vec<(usize, u64)> =
            (shared.battery..shared.failing).map(|index| (index, 0)).collect();
        phase(&shared, &work, Some(bound), start, progress);
    }
    // By chance, as long as schedules or time were asked for and are left.
    let count = shared.battery as u64;
    let mut round = 0;
    while count > 0
        && (options.schedules.is_some() || options.time.is_some())
        && !shared.done()
        && !shared.stop.load(Ordering::Relaxed)
    {
        let most = options.schedules.unwrap_or(u64::MAX);
        let left = most.saturating_sub(shared.runs.load(Ordering::Relaxed));
        if left == 0 {
            break;
        }
        let each = CHANCE.min(left.div_ceil(count));
        let work: Vec<(usize, u64)> = (0..shared.battery).map(|index| (index, each)).collect();
        let seed = options.seed.wrapping_mul(0x9e37_79b9).wrapping_add(round);
        chance(&shared, &work, seed, start, progress);
        round += 1;
        let found = shared
            .searches
            .iter()
            .any(|search| search.lock().is_ok_and(|search| search.hits.iter().any(Hit::violates)));
        if found && !options.keep_going {
            break;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    conclude(&target, &shared, &mut report);
    report.coverage.bound_completed = bound_completed;
    report.seconds = seconds;
    if Instant::now() >= shared.until && bound_completed < Some(options.bound) {
        notes.push(format!(
            "The time was up after {:.1} s, before preemption bound {} was complete; --time gives \
             more.",
            options.time.unwrap_or(TIME).as_secs_f64(),
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

impl Shared<'_> {
    fn done(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// Lets each call that may fail do so once; whether something was found and counts as enough.
fn short_of_memory(
    shared: &mut Shared<'_>,
    target: &Rc<Target>,
    battery: &[Scenario],
    start: Instant,
    progress: &(dyn Fn(&Progress) + Sync),
) -> bool {
    let scenarios = low_resources::scenarios(target, battery, shared.until);
    shared
        .searches
        .extend(scenarios.into_iter().map(|scenario| Mutex::new(Search::new(scenario, 0))));
    let searches = shared.failing..shared.searches.len();
    let work: Vec<(usize, u64)> = searches.clone().map(|index| (index, 0)).collect();
    phase(shared, &work, Some(0), start, progress);
    let found = |search: &Mutex<Search>| {
        search.lock().is_ok_and(|search| search.hits.iter().any(Hit::violates))
    };
    shared.searches[searches].iter().any(found) && !shared.options.keep_going
}

fn phase(
    shared: &Shared<'_>,
    work: &[(usize, u64)],
    bound: Option<u32>,
    start: Instant,
    progress: &(dyn Fn(&Progress) + Sync),
) {
    run_all(shared, work, bound, start, progress, &|search, session, _, ran| {
        let most = match shared.options.schedules {
            // An equal share for each scenario keeps the result independent of the workers' speed.
            Some(most) => most.div_ceil(shared.searches.len() as u64).saturating_sub(search.tried),
            None => u64::MAX,
        };
        if most > 0 {
            search.bound(session, most, shared.until, ran);
        }
    });
}

fn chance(
    shared: &Shared<'_>,
    work: &[(usize, u64)],
    seed: u64,
    start: Instant,
    progress: &(dyn Fn(&Progress) + Sync),
) {
    run_all(shared, work, None, start, progress, &|search, session, count, ran| {
        search.chance(session, seed, count, shared.until, ran);
    });
}

type Work<'a> = dyn Fn(&mut Search, &mut Session, u64, &dyn Fn(u64, usize) -> bool) + Sync + 'a;

fn run_all(
    shared: &Shared<'_>,
    work: &[(usize, u64)],
    bound: Option<u32>,
    start: Instant,
    progress: &(dyn Fn(&Progress) + Sync),
    each: &Work<'_>,
) {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let told = Mutex::new(Instant::now());
    let workers = shared.options.workers.clamp(1, work.len().max(1));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // Symbols and the image are read once a worker; machines cannot change threads.
                let Ok(target) = Target::read(shared.driver) else { return };
                let target = Rc::new(target);
                while let Some(&(index, count)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if shared.done() {
                        return;
                    }
                    let Ok(mut search) = shared.searches[index].lock() else { return };
                    if search.dead {
                        continue;
                    }
                    let mut session = match Session::new(&target, &search.scenario, false) {
                        Ok(session) => session,
                        Err(Failed::Ended(session)) => {
                            search.dead = true;
                            if let Some(outcome) = session.machine.outcome.clone() {
                                let schedule = Schedule::default();
                                search.hits.push(Hit {
                                    outcome: Some(outcome),
                                    race: None,
                                    overtaking: None,
                                    schedule,
                                });
                            }
                            continue;
                        }
                        Err(failed) => {
                            search.dead = true;
                            if low_resources::expected(&search.scenario, &failed) {
                                search.set_up_only();
                            }
                            continue;
                        }
                    };
                    let ran = |runs: u64, hits: usize| {
                        shared.runs.fetch_add(runs, Ordering::Relaxed);
                        let Ok(mut last) = told.try_lock() else { return true };
                        if last.elapsed() >= PROGRESS {
                            *last = Instant::now();
                            shared.findings.fetch_max(hits, Ordering::Relaxed);
                            progress(&Progress {
                                schedules: shared.runs.load(Ordering::Relaxed),
                                findings: shared.findings.load(Ordering::Relaxed),
                                bound,
                                scenarios: (done.load(Ordering::Relaxed), shared.searches.len()),
                                elapsed: start.elapsed(),
                            });
                        }
                        true
                    };
                    each(&mut search, &mut session, count, &ran);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
}

/// Puts the scenarios' results together.
fn conclude(target: &Rc<Target>, shared: &Shared<'_>, report: &mut Report) {
    let mut blocks = HashSet::new();
    let mut tell = Tell::new(target);
    for search in &shared.searches {
        let Ok(search) = search.lock() else { continue };
        report.schedules.tried += search.tried;
        report.schedules.distinct += search.distinct;
        let name = search.scenario.name.clone();
        report.coverage.scenarios.push((name, search.tried, search.completed));
        blocks.extend(search.blocks.iter().copied());
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
}

impl<'a> Tell<'a> {
    fn new(target: &'a Rc<Target>) -> Tell<'a> {
        Tell { target, lacking: HashSet::new() }
    }

    fn hit(&mut self, scenario: &Scenario, hit: &Hit, report: &mut Report) {
        let scenario = &match (hit.race, hit.overtaking) {
            (Some(race), _) => scenario.up_to_race(race, self.target.image.base),
            (None, Some(pair)) => scenario.up_to_overtaking(pair),
            (None, None) => scenario.clone(),
        };
        let told = explain::tell(self.target, scenario, &hit.schedule);
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
