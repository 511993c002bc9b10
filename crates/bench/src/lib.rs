//! One run, and a campaign of runs: loads the driver, makes scenarios from what it registers,
//! searches schedules, turns objections into findings, replays tokens.
//!
//! | file | holds |
//! | --- | --- |
//! | `driver` | the driver under test and the images beside it: symbols, unwinding |
//! | `image`, `link` | one image; what images import from each other |
//! | `scenario`, `scenario_steps` | actors and their steps, performed |
//! | `scenario_file` | scenarios written as TOML, read |
//! | `battery` | the standard scenarios, chosen by what the driver registers |
//! | `low_resources` | runs in which a call fails for want of memory |
//! | `session` | one scenario on one machine: set-up, baseline, runs |
//! | `search` | one scenario's schedules: bounded first, then random and PCT |
//! | `campaign`, `crew` | all scenarios on all workers |
//! | `explain` | an objection and its record, told as a finding |
//! | `imports` | what the driver imports and the bench has |
//! | `dump` | the end of a run as a crash of Windows |
//! | `live` | a driver that is used from outside, for as long as somebody likes |
//! | `fuzz_entry` | the fuzz target |
//! | `listing` | the standard scenarios, listed |
//! | `replay`, `token` | a run again |
#![warn(missing_docs)]

mod battery;
mod campaign;
mod codes;
mod crew;
mod driver;
mod dump;
mod explain;
mod fuzz_entry;
mod image;
mod imports;
mod installed;
mod link;
mod listing;
pub mod live;
mod low_resources;
mod meter;
mod race;
mod replay;
mod report;
mod scenario;
mod scenario_file;
mod scenario_steps;
mod search;
mod session;
mod timeline;
mod token;
mod trace;

pub use campaign::test;
pub use driver::Refused;
pub use dump::Extent;
pub use fuzz_entry::fuzz_scenario;
pub use imports::{Import, Imports, imports};
pub use installed::{Installed, function_driver};
pub use kernel::{Role, Support};
pub use listing::{Standard, Suited, standard, suited};
pub use meter::Meter;
pub use replay::{replay, replay_and_dump, replay_with};
pub use report::{
    Coverage, Device, Driver, Options, Progress, Replayed, Report, ScenarioFile, Schedules,
    TraceLine, Unsupported, Verdict, With,
};
pub use scenario_file::BadScenario;
pub use token::{BadToken, InstalledToken, Token, WithToken, image_hash};
