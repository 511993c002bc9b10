//! What goes into a campaign and what comes out.

use crate::scenario_file::BadScenario;
use finding::Finding;
use kernel::Role;
use std::collections::BTreeSet;
use std::time::Duration;

/// A driver to test. The bench does no file I/O.
#[derive(Clone)]
pub struct Driver {
    /// Path as the user gave it; goes into replay tokens.
    pub path: String,
    /// The image.
    pub image: Vec<u8>,
    /// Its PDB, where there is one.
    pub pdb: Option<Vec<u8>>,
    /// The device that it drives.
    pub device: Device,
    /// Images that are loaded beside it.
    pub with: Vec<With>,
    /// How an INF installed it; only as its service has to be, if none.
    pub installed: Option<crate::Installed>,
}

/// An image that is loaded beside the driver under test.
#[derive(Clone)]
pub struct With {
    /// Path as the user gave it; goes into replay tokens.
    pub path: String,
    /// The image.
    pub image: Vec<u8>,
    /// Its PDB, where there is one.
    pub pdb: Option<Vec<u8>>,
    /// What it is loaded for; not [`Role::Driver`].
    pub role: Role,
}

/// A virtual device to run a driver with.
#[derive(Clone, Default)]
pub struct Device {
    /// As the user named it; empty for the default one. Goes into replay tokens.
    pub name: String,
    /// What it is.
    pub model: devices::Model,
}

/// What a user waits for without having been asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far to search.
#[derive(Clone)]
pub struct Options {
    /// Seed of the random strategies.
    pub seed: u64,
    /// Stop after about this many schedules.
    pub schedules: Option<u64>,
    /// Stop after this time. With neither: when the last bound and memory mode are complete, or
    /// after `patience`.
    pub time: Option<Duration>,
    /// How long a search lasts at most that was told neither schedules nor time: 10 seconds.
    /// `None` for as long as it takes, which makes its outcome the same on every machine.
    pub patience: Option<Duration>,
    /// Threads.
    pub workers: usize,
    /// Preemption bounds 0..=bound are searched first.
    pub bound: u32,
    /// Go on to the next bound although findings were made.
    pub keep_going: bool,
    /// Only scenarios whose name contains this.
    pub only: Option<String>,
    /// Scenarios of the user's own.
    pub scenarios: Vec<ScenarioFile>,
    /// Leave the battery out.
    pub scenario_only: bool,
    /// Steps to be done before those of every scenario.
    pub prepare: Option<ScenarioFile>,
    /// Rules that are not asked, so that the search goes on beyond what they would object to.
    pub without: Vec<&'static str>,
}

/// A scenario as a file. The bench does no file I/O.
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    /// Path as the user gave it, for messages.
    pub path: String,
    /// TOML, see `scenarios/README.md`.
    pub text: String,
}

impl ScenarioFile {
    /// Whether it can be read.
    ///
    /// # Errors
    /// Where it cannot, and what is allowed there.
    pub fn check(&self) -> Result<(), BadScenario> {
        crate::scenario_file::read_own(&self.text).map(|_| ())
    }

    /// Whether it can be read as steps to be done before those of every scenario.
    ///
    /// # Errors
    /// Likewise.
    pub fn check_preparation(&self) -> Result<(), BadScenario> {
        crate::scenario_file::read_preparation(&self.text).map(|_| ())
    }
}

impl Default for Options {
    fn default() -> Options {
        let workers = std::thread::available_parallelism().map_or(1, |n| n.get());
        Options {
            seed: 1,
            schedules: None,
            time: None,
            patience: Some(PATIENCE),
            workers,
            bound: 2,
            keep_going: false,
            only: None,
            scenarios: Vec::new(),
            scenario_only: false,
            prepare: None,
            without: Vec::new(),
        }
    }
}

/// How far a campaign has got; handed out a few times a second.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Schedules run so far.
    pub schedules: u64,
    /// Findings so far.
    pub findings: usize,
    /// Preemption bound under way; `None` for the random phase.
    pub bound: Option<u32>,
    /// Scenarios of this bound that are complete, and how many there are.
    pub scenarios: (usize, usize),
    /// Time so far.
    pub elapsed: Duration,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing wrong found.
    Clean,
    /// The driver is wrong.
    Findings,
    /// The bench could not run everything the driver does, and found nothing wrong.
    Unsupported,
}

/// Schedules of a campaign.
#[derive(Clone, Copy, Debug, Default)]
pub struct Schedules {
    /// Runs.
    pub tried: u64,
    /// Runs that differed from every other one.
    pub distinct: u64,
}

/// What was explored.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Scenarios by name, each with its schedules and the bound that it completed, if any.
    pub scenarios: Vec<(String, u64, Option<u32>)>,
    /// Highest preemption bound that all scenarios completed.
    pub bound_completed: Option<u32>,
    /// Functions of the driver that ran, and how many it has.
    pub functions: (usize, usize),
    /// Basic blocks of the driver that ran.
    pub blocks: usize,
    /// Functions that never ran, by name where symbols give one.
    pub not_reached: Vec<String>,
    /// Kernel routines that were run, whoever called them.
    pub services: BTreeSet<&'static str>,
}

/// Something the bench does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// What: a kernel routine, an instruction.
    pub what: String,
    /// Where the driver asked for it: file:line, or module+RVA.
    pub place: String,
    /// Scenario in which it was met.
    pub scenario: String,
}

/// Outcome of a campaign.
#[derive(Clone, Debug)]
pub struct Report {
    /// Driver's file name.
    pub driver: String,
    /// In one word.
    pub verdict: Verdict,
    /// Schedules.
    pub schedules: Schedules,
    /// Wall-clock time of the search, seconds.
    pub seconds: f64,
    /// When the first finding was met, seconds from the start.
    pub first_hit: Option<f64>,
    /// Seed used.
    pub seed: u64,
    /// Threads used.
    pub workers: usize,
    /// What was explored.
    pub coverage: Coverage,
    /// Bugs, in order of discovery (the same for the same seed).
    pub findings: Vec<Finding>,
    /// What the bench lacks.
    pub unsupported: Vec<Unsupported>,
    /// Remarks: symbols missing or not matching, search cut by time.
    pub notes: Vec<String>,
}

/// One line of a replay's trace.
#[derive(Clone, Debug)]
pub struct TraceLine {
    /// Who: `reader`, `DPC 3`.
    pub context: String,
    /// Virtual processor.
    pub processor: u8,
    /// IRQL.
    pub irql: u8,
    /// Nesting of driver routines and services.
    pub depth: u8,
    /// What happened.
    pub text: String,
    /// Where in the driver: `queue.c:120 FifoRead` or `fifo.sys+0x1a40`; empty inside the kernel.
    pub place: String,
}

/// Outcome of a replay.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The finding, if the run ends in one.
    pub finding: Option<Finding>,
    /// What the bench lacked, if the run ended by that.
    pub unsupported: Option<Unsupported>,
    /// Everything that happened.
    pub trace: Vec<TraceLine>,
    /// Hash of the state the run left behind.
    pub hash: u64,
    /// The token's schedule did not fit this driver or bench: first point that differs.
    pub misfit: Option<u32>,
}
