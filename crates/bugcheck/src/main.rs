//! The command line of bugcheck.
//!
//! Exit status: 0 nothing wrong found; 1 findings; 2 bad usage or unreadable input; 3 not supported;
//! 4 internal error.

#![forbid(unsafe_code)]

mod catalogs;
mod commands;
mod driver_file;
mod duration;
mod evidence;
mod failure;
mod help;
mod infs;
mod libs;
mod output;
mod panics;
mod programs;
mod progress;
mod rebasing;
mod source;
mod stamps;
mod watch;
mod zone;

use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

const EXIT_STATUS: &str = "\
Exit status:
  0  nothing wrong found
  1  findings
  2  bad usage or unreadable input
  3  not supported; said which and where
  4  internal error";

/// Runs a Windows driver in a simulated NT kernel on Linux, searches the interleavings that crash it,
/// and says what is wrong and where.
#[derive(clap::Parser)]
#[command(name = "bugcheck", version, arg_required_else_help = true, after_help = EXIT_STATUS)]
struct Arguments {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let matches = help::flow(Arguments::command()).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match panics::contained(|| commands::run(&arguments.command)) {
        Ok(outcome) => ExitCode::from(outcome.status()),
        Err(failure) => {
            output::complain(&failure.to_string());
            ExitCode::from(failure.status())
        }
    }
}
