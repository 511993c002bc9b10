//! One run, and a campaign of runs: loads the driver, makes scenarios from what it registers,
//! searches schedules, turns objections into findings, replays tokens.

mod report;
mod token;

pub use report::{
    Coverage, Driver, Options, Progress, Replayed, Report, Schedules, TraceLine, Unsupported,
    Verdict,
};
pub use token::{BadToken, Token};
