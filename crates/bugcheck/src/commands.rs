//! The verbs: one file each.

mod disasm;
mod explain;
mod install;
mod knowledge;
mod libs;
mod lookup;
mod mount;
mod rebase;
mod replay;
mod rules;
mod scenarios;
mod stamp;
mod test;
pub(crate) mod watch;

use crate::failure::{Failure, Outcome};
use clap::Subcommand;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    Test(test::Arguments),
    Mount(mount::Arguments),
    Replay(replay::Arguments),
    Rules(rules::Arguments),
    Scenarios(scenarios::Arguments),
    Explain(explain::Arguments),
    Install(install::Arguments),
    Knowledge(knowledge::Arguments),
    Libs(libs::Arguments),
    Disasm(disasm::Arguments),
    Lookup(lookup::Arguments),
    Stamp(stamp::Arguments),
    Rebase(rebase::Arguments),
    Watch(watch::Arguments),
}

/// Does it.
pub(crate) fn run(command: &Command) -> Result<Outcome, Failure> {
    match command {
        Command::Test(arguments) => test::run(arguments),
        Command::Mount(arguments) => mount::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Rules(arguments) => rules::run(arguments),
        Command::Scenarios(arguments) => scenarios::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Install(arguments) => install::run(arguments),
        Command::Knowledge(arguments) => knowledge::run(arguments),
        Command::Libs(arguments) => libs::run(arguments),
        Command::Disasm(arguments) => disasm::run(arguments),
        Command::Lookup(arguments) => lookup::run(arguments),
        Command::Stamp(arguments) => stamp::run(arguments),
        Command::Rebase(arguments) => rebase::run(arguments),
        Command::Watch(arguments) => watch::run(arguments),
    }
}

pub(crate) use knowledge::base as knowledge_base;

/// A document that could not be written as JSON: no input can cause that.
pub(crate) fn no_json(error: impl std::fmt::Display) -> Failure {
    Failure::Internal(format!(
        "the outcome cannot be written as JSON: {error}; please report this."
    ))
}
