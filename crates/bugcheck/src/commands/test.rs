//! `bugcheck test`: the main job.

use super::no_json;
use crate::driver_file::Beside;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::progress::Meter;
use crate::source::Sources;
use crate::{driver_file, duration};
use bench::{Options, Verdict};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  bugcheck test fifo.sys
  bugcheck test fifo.sys --time 2m --bound 3
  bugcheck test fifo.sys --only cancel --keep-going
  bugcheck test fifo.sys --imports
  bugcheck test fifo.sys --with ringlib.sys
  bugcheck test fifo.sys --with encrypt.sys:below --with audit.sys:above
  bugcheck test fifo.sys --format json | jq '.findings[].title'

The PDB is looked for beside the driver, and those of images given with --with beside them. Without symbols, places are offsets into the image.
The search is the same for the same seed, unless it is cut by --time.";

/// Run a driver through its scenarios and search for what goes wrong
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The driver to test, a WDM driver for x64
    #[arg(value_name = "DRIVER.sys")]
    driver: PathBuf,
    /// Its PDB, if it is not beside the driver
    #[arg(long, value_name = "FILE")]
    pdb: Option<PathBuf>,
    /// Device that the driver drives: bench, dma, 8255x, or a file that describes one
    #[arg(long, value_name = "MODEL|FILE.toml", default_value = "bench")]
    device: String,
    /// Load this image too; may be given several times. FILE is an export driver: its exports satisfy
    /// imports by its name first. FILE:below and FILE:above are drivers of the device's stack: each has
    /// its own DriverEntry and AddDevice, called in this order, those below before the driver's
    #[arg(long, value_name = "FILE[:below|:above]")]
    with: Vec<Beside>,
    /// Seed of the random part of the search
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Stop after about this many schedules
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    schedules: Option<u64>,
    /// Search for this long: 500ms, 10s, 2m. Without it and --schedules the search ends when every
    /// schedule with up to --bound preemptions has run, or after 10s
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    time: Option<Duration>,
    /// Search every schedule with up to this many preemptions first
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=16))]
    bound: u32,
    /// Threads to search with; as many as there are processors if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: Option<u16>,
    /// Go on to the next bound although something was found
    #[arg(long)]
    keep_going: bool,
    /// Only scenarios whose name contains this
    #[arg(long, value_name = "SCENARIO")]
    only: Option<String>,
    /// Run this scenario too; may be given several times. See scenarios/README.md
    #[arg(long = "scenario", value_name = "FILE")]
    scenarios: Vec<PathBuf>,
    /// Leave the standard scenarios out
    #[arg(long, requires = "scenarios")]
    scenario_only: bool,
    /// Do the steps of this file before those of every scenario: what the driver needs to be told
    /// before it does anything. See scenarios/README.md
    #[arg(long, value_name = "FILE")]
    prepare: Option<PathBuf>,
    /// Do not ask this rule, to see what there is beyond a finding that is known; may be given several
    /// times. `bugcheck rules` lists them
    #[arg(long, value_name = "RULE", value_parser = left_out)]
    without: Vec<&'static str>,
    /// Report progress although standard error is no terminal
    #[arg(long)]
    progress: bool,
    /// List the driver's imports and how far the bench has them; run nothing
    #[arg(long)]
    imports: bool,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// A rule that may be left out, by its name.
pub(super) fn left_out(name: &str) -> Result<&'static str, String> {
    let rule = verifier::find(name).ok_or("there is no such rule; `bugcheck rules` lists them")?;
    match verifier::may_be_left_out(rule) {
        true => Ok(rule.name),
        false => Err("a run cannot go on beyond what this rule objects to".to_owned()),
    }
}

/// The default device has no name, so that tokens stay short.
pub(super) fn device(name: &str) -> Option<&str> {
    Some(name).filter(|name| *name != "bench")
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let loaded = driver_file::load(
        &arguments.driver,
        arguments.pdb.as_deref(),
        device(&arguments.device),
        &arguments.with,
    )?;
    if arguments.imports {
        return list_imports(&loaded.driver, arguments.format);
    }
    let mut options = Options {
        seed: arguments.seed,
        schedules: arguments.schedules,
        time: arguments.time,
        bound: arguments.bound,
        keep_going: arguments.keep_going,
        only: arguments.only.clone(),
        scenarios: driver_file::scenarios(&arguments.scenarios)?,
        scenario_only: arguments.scenario_only,
        prepare: driver_file::preparation(arguments.prepare.as_deref())?,
        without: arguments.without.clone(),
        ..Options::default()
    };
    if let Some(workers) = arguments.workers {
        options.workers = usize::from(workers);
    }
    let meter = Meter::new(arguments.progress);
    let tested = bench::test(&loaded.driver, &options, &|progress| meter.show(progress));
    drop(meter);
    let mut report = tested.map_err(|refused| driver_file::refused(&loaded.driver, &refused))?;
    report.notes.splice(0..0, loaded.notes);
    output::print(&match arguments.format {
        Format::Json => report::test_json(&report).map_err(no_json)?,
        Format::Text => {
            let with = arguments.with.iter().map(|with| with.path.as_path());
            let sources = Sources::of(&arguments.driver).and(with);
            let source = |file: &str, line| sources.line(file, line);
            let look = report::Look { colour: output::wants_colour(), source: &source };
            report::test_text(&report, &look)
        }
    })?;
    Ok(match report.verdict {
        Verdict::Clean => Outcome::Clean,
        Verdict::Findings => Outcome::Findings,
        Verdict::Unsupported => Outcome::Unsupported,
    })
}

/// Prints the imports; a driver that imports what the bench lacks is not at fault, and may run.
fn list_imports(driver: &bench::Driver, format: Format) -> Result<Outcome, Failure> {
    let list = bench::imports(driver).map_err(|refused| driver_file::refused(driver, &refused))?;
    output::print(&match format {
        Format::Json => report::imports_json(&list).map_err(no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            report::imports_text(&list, &look)
        }
    })?;
    Ok(Outcome::Clean)
}
