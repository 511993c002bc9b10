//! `bugcheck stamp`: timestamps of RFC 3161, asked for, shown, verified, served.

mod query;
mod send;
mod serve;
mod show;
mod verify;

use crate::failure::{Failure, Outcome};
use clap::{Args, Subcommand};
use std::fs;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  bugcheck stamp query driver.sys --cert           make driver.sys.tsq
  bugcheck stamp send https://tsa.example driver.sys.tsq
  bugcheck stamp show driver.sys.tsr               everything in it, in words
  bugcheck stamp serve tsa/                        be an authority yourself, for tests
  bugcheck stamp verify --data driver.sys driver.sys.tsr --ca root.pem
  bugcheck stamp verify driver.sys --ca root.pem   timestamps inside of an image, a catalog, CMS or a PDF

Each command's --help has more. `bugcheck explain driver.sys` tells who signed a driver and which Windows loads it.";

/// Ask for timestamps (RFC 3161), show and verify them
#[derive(Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Query(query::Arguments),
    Send(send::Arguments),
    Serve(serve::Arguments),
    Show(show::Arguments),
    Verify(verify::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    match &arguments.what {
        What::Query(arguments) => query::run(arguments),
        What::Send(arguments) => send::run(arguments),
        What::Serve(arguments) => serve::run(arguments),
        What::Show(arguments) => show::run(arguments),
        What::Verify(arguments) => verify::run(arguments),
    }
}

/// A file, or standard input for `-`.
fn read(path: &Path) -> Result<mapped_file::Bytes, Failure> {
    let fail = |error| Failure::Input(format!("{}: it cannot be read: {error}.", path.display()));
    if path.as_os_str() == "-" {
        return mapped_file::read(&mut std::io::stdin().lock())
            .map(mapped_file::Bytes::Read)
            .map_err(fail);
    }
    mapped_file::open(path).map_err(fail)
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| {
        // The first error is the one that counts.
        let _ = fs::remove_file(&unfinished);
        Failure::Input(format!("{}: it cannot be written: {error}.", path.display()))
    })
}
