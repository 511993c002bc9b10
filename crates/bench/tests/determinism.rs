//! Same driver, same scenario, same seed: same run to the bit, whatever ran before it on the
//! machine, in another process, and on however many threads.

mod common;

use bench::{Driver, Meter};
use std::collections::HashMap;
use std::process::Command;

/// Seeds of each driver, spread over its scenarios.
const SEEDS: u64 = 1_000;
/// A run of this many instructions counts as one seed more: some drivers never stop by themselves.
const LONG_RUN: u64 = 50_000;
/// Names the drivers' folder that the helper below is to run.
const FOLDER: &str = "BUGCHECK_DETERMINISM_FOLDER";

/// What a run came to: the hash of the state it left, and its schedule.
type Run = (u64, String);

/// At most `most` scenarios of a driver, from its whole battery, with a machine each; those whose
/// set-up ends in a finding have none. Setting up is what takes the time here.
fn machines(driver: &Driver, most: usize) -> Vec<(String, Meter)> {
    let scenarios = Meter::scenarios(driver).unwrap_or_else(|bad| panic!("{}: {bad}", driver.path));
    let every = scenarios.len().div_ceil(most).max(1);
    let scenarios = scenarios.into_iter().step_by(every);
    let machine = |name: String| Meter::new(driver, &name, true).ok().map(|meter| (name, meter));
    scenarios.filter_map(machine).collect()
}

fn once(machine: &mut Meter, seed: u64) -> Run {
    let (hash, schedule) = machine.random(seed);
    (hash, schedule.to_string())
}

/// Runs a driver's seeds in rising order: what each came to, by scenario and seed.
fn forward(machines: &mut [(String, Meter)]) -> Vec<(usize, u64, Run)> {
    let share = SEEDS.div_ceil(machines.len().max(1) as u64);
    let mut runs = Vec::new();
    for (index, (_, machine)) in machines.iter_mut().enumerate() {
        let mut spent = 0;
        for seed in 0..share {
            runs.push((index, seed, once(machine, seed)));
            spent += 1 + machine.instructions() / LONG_RUN;
            if spent >= share {
                break;
            }
        }
    }
    runs
}

/// One line for each scenario: runs, and all that they came to folded into one number.
fn digest(name: &str, machines: &[(String, Meter)], runs: &[(usize, u64, Run)]) -> Vec<String> {
    let mut folded: HashMap<usize, (u64, u64)> = HashMap::new();
    for (index, seed, (hash, schedule)) in runs {
        let (count, number) = folded.entry(*index).or_insert((0, 0xcbf2_9ce4_8422_2325));
        *count += 1;
        for byte in [&seed.to_le_bytes(), &hash.to_le_bytes(), schedule.as_bytes()].concat() {
            *number = (*number ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    let line = |(index, (scenario, _)): (usize, &(String, Meter))| {
        let (count, number) = folded.get(&index).copied().unwrap_or_default();
        format!("run {name} {scenario} {count} {number:016x}")
    };
    machines.iter().enumerate().map(line).collect()
}

fn most_scenarios(folder: &str) -> usize {
    if folder == "clean" { 12 } else { 2 }
}

/// Forward, backward on the same machines, and in a second process.
fn runs_are_the_same(folder: &str) {
    let most = most_scenarios(folder);
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", "helper_for_a_second_process", "--ignored", "--nocapture"]);
    other.env(FOLDER, folder).stdout(std::process::Stdio::piped());
    let other = other.spawn().unwrap();

    let mut problems = Vec::new();
    let mut lines = Vec::new();
    for (name, driver) in common::drivers(folder) {
        let mut machines = machines(&driver, most);
        let runs = forward(&mut machines);
        for (index, seed, run) in runs.iter().rev() {
            let (scenario, machine) = &mut machines[*index];
            let again = once(machine, *seed);
            if again != *run {
                problems.push(format!(
                    "{name}: {scenario}: seed {seed} depends on what ran before: first {:016x} by \
                     {}, then {:016x} by {}",
                    run.0, run.1, again.0, again.1
                ));
            }
        }
        lines.extend(digest(&name, &machines, &runs));
    }
    common::none(&problems);

    let output = other.wait_with_output().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    let elsewhere: Vec<&str> = output.lines().filter(|line| line.starts_with("run ")).collect();
    for (here, elsewhere) in lines.iter().zip(&elsewhere) {
        if here != elsewhere {
            problems.push(format!("{here}, and in another process {elsewhere}"));
        }
    }
    common::none(&problems);
    assert_eq!(lines.len(), elsewhere.len());
    println!("{} scenarios of {folder} drivers", lines.len());
}

#[test]
fn runs_of_clean_drivers_are_the_same() {
    runs_are_the_same("clean");
}

#[test]
fn runs_of_buggy_drivers_are_the_same() {
    runs_are_the_same("buggy");
}

/// The second process: prints what [`runs_are_the_same`] compares.
#[test]
#[ignore = "run by the tests above, in a process of its own"]
fn helper_for_a_second_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    // The harness has begun a line of its own.
    println!();
    for (name, driver) in common::drivers(&folder) {
        let mut machines = machines(&driver, most_scenarios(&folder));
        let runs = forward(&mut machines);
        for line in digest(&name, &machines, &runs) {
            println!("{line}");
        }
    }
}

/// A recorded run is the same run: replaying a schedule leaves the same state as the run by chance.
#[test]
fn a_schedule_stands_for_its_run() {
    for (name, driver) in common::all() {
        for (scenario, machine) in machines(&driver, 2).iter_mut() {
            for seed in 0..10 {
                let (hash, schedule) = machine.random(seed);
                let again = machine.replay(schedule.clone());
                assert_eq!(again, hash, "{name}: {scenario}: seed {seed}: {schedule}");
            }
        }
    }
}

#[test]
fn a_campaign_is_the_same_on_one_thread_and_on_two() {
    let mut problems = Vec::new();
    for (name, driver) in common::all().into_iter().step_by(3) {
        let one = common::test(&driver, &common::steady(600, 1));
        let two = common::test(&driver, &common::steady(600, 2));
        let mut same = |fine: bool, what: &str| {
            if !fine {
                problems.push(format!("{name}: {what} differ between one thread and two"));
            }
        };
        same(one.findings == two.findings, "findings");
        same(one.unsupported == two.unsupported, "things not supported");
        same(one.verdict == two.verdict, "verdicts");
        let counts = |report: &bench::Report| (report.schedules.tried, report.schedules.distinct);
        same(counts(&one) == counts(&two), "numbers of schedules");
        same(one.coverage.scenarios == two.coverage.scenarios, "scenarios");
        same(one.coverage.functions == two.coverage.functions, "functions reached");
        same(one.coverage.blocks == two.coverage.blocks, "blocks reached");
        same(one.notes == two.notes, "notes");
    }
    common::none(&problems);
}

#[test]
fn another_seed_makes_other_runs() {
    let driver = common::driver("clean", "csq-read");
    let mut machine = Meter::new(&driver, "read-write-cancel", true).unwrap();
    let mut runs: Vec<Run> = (0..50).map(|seed| once(&mut machine, seed)).collect();
    runs.sort();
    runs.dedup();
    assert!(runs.len() > 25, "{} of 50", runs.len());
}
