//! Each kernel routine that the bench has is run by a driver of the repository, or
//! `exercised/not_yet.txt` names it.

mod common;

use bench::Options;
use std::collections::BTreeSet;

/// Routines that no driver of ours runs; a line each, `#` before remarks.
const NOT_YET: &str = include_str!("exercised/not_yet.txt");
/// Enough for each scenario to be run once, and for a few switches between its contexts.
const SCHEDULES: u64 = 400;

fn listed() -> Vec<&'static str> {
    let lines = NOT_YET.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn each_routine_is_run_by_a_driver_of_ours_or_listed() {
    let world = kernel::World::new(1, &[]);
    let all: BTreeSet<&str> = world.registry.all().iter().map(|service| service.name).collect();
    let listed = listed();
    let mut run = BTreeSet::new();
    for (_, driver) in common::all() {
        let options = Options { bound: 1, ..common::steady(SCHEDULES, 2) };
        run.extend(common::test(&driver, &options).coverage.services);
    }
    let mut problems = Vec::new();
    for name in all.iter().filter(|name| !run.contains(*name) && !listed.contains(*name)) {
        problems.push(format!("{name}: no driver calls it; see drivers/README.md, Routines"));
    }
    for name in &listed {
        if !all.contains(name) {
            problems.push(format!("{name}: not_yet.txt lists it, and there is no such routine"));
        } else if run.contains(name) {
            problems.push(format!("{name}: is run by now; take its line out of not_yet.txt"));
        }
    }
    if listed.iter().collect::<BTreeSet<_>>().len() != listed.len() {
        problems.push("not_yet.txt names a routine twice".to_owned());
    }
    println!("{} of {} routines run, {} listed", run.len(), all.len(), listed.len());
    common::none(&problems);
}
