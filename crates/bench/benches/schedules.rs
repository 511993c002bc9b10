//! Schedules a second on one core, and what a run consists of. `cargo bench -p bench`.
//!
//! Times are medians of several rounds; nothing is asserted about them.

use bench::{Driver, Meter};
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 9;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn driver(name: &str) -> Driver {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join(format!("drivers/clean/{name}/{name}.sys"));
    let image = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let device = bench::Device::default();
    Driver {
        path: format!("{name}.sys"),
        image,
        pdb: None,
        device,
        with: Vec::new(),
        installed: None,
    }
}

fn asked(what: &str) -> bool {
    std::env::args().any(|argument| argument == what)
}

fn schedules(name: &str, scenario: &str, unload: bool) {
    let driver = driver(name);
    let mut meter = match Meter::new(&driver, scenario, unload) {
        Ok(meter) => meter,
        Err(error) => panic!("{name}: {error}"),
    };
    let (mut rates, mut facts) = (Vec::new(), (0, 0, 0));
    // `count`: a short run for a tool that counts instructions; `count 0`, what is before it.
    let count = asked("count");
    let runs = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(2_000);
    for _ in 0..if count { 1 } else { ROUNDS } {
        let start = Instant::now();
        facts = meter.search(2, if count { runs } else { 20_000 });
        rates.push(facts.0 as f64 / start.elapsed().as_secs_f64());
    }
    let (runs, points, switches) = facts;
    let (lines, pages) = meter.dirty();
    let instructions = meter.instructions();
    meter.reset();
    println!(
        "{name:14} {scenario:20} {:>9.0} schedules/s ({runs} runs; each {:.1} points, {:.1} switches, \
         ~{instructions} instructions, {lines} lines in {pages} pages)",
        median(rates),
        points as f64 / runs as f64,
        switches as f64 / runs as f64,
    );
}

fn reset() {
    let driver = driver("csq-read");
    let Ok(mut meter) = Meter::new(&driver, "read-write-cancel", false) else { return };
    let mut costs = Vec::new();
    for seed in 0..200 {
        meter.random(seed);
        let start = Instant::now();
        meter.reset();
        costs.push(start.elapsed().as_secs_f64() * 1e9);
    }
    println!("reset after a run: {:.0} ns", median(costs));
}

fn main() {
    // `cargo test` runs benchmarks with --test: nothing to do then.
    if asked("--test") {
        return;
    }
    // `cargo bench -p bench -- first` measures the first line only.
    schedules("csq-read", "read-write-cancel", false);
    if asked("first") || asked("count") {
        return;
    }
    schedules("csq-read", "read-write-cancel", true);
    schedules("csq-read", "read-cancel", false);
    schedules("cancel-queue", "read-write-cancel", false);
    schedules("pnp-interrupt", "read-write-cancel", false);
    reset();
}
