//! `bugcheck replay`: one run again.

use super::no_json;
use crate::driver_file::{self, Beside};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::source::Sources;
use bench::{Extent, Token};
use clap::Args;
use dump_writer::Description;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  bugcheck replay bc1:5e1f00d5:read-cancel:3-1.12-2:fifo.sys
  bugcheck replay TOKEN --trace | less
  bugcheck replay TOKEN --driver build/fifo.sys
  bugcheck replay TOKEN --dump crash.dmp && bugcheck explain crash.dmp --images build/
  bugcheck replay fifo.session

A record of `bugcheck mount` makes its session again. A token is the last line of each finding of `bugcheck test`. It holds the driver's path as it was given
then, a hash of the driver, the scenario, and every choice of the schedule.";

/// Run the schedule of a finding again, to the bit
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Names the run; or the record of a session of `bugcheck mount`
    #[arg(value_name = "TOKEN|RECORD")]
    token: String,
    /// The driver, if it is not where the token says
    #[arg(long, value_name = "FILE")]
    driver: Option<PathBuf>,
    /// Its PDB, if it is not beside the driver
    #[arg(long, value_name = "FILE")]
    pdb: Option<PathBuf>,
    /// The file that describes the device, if it is not where the token says; a record has it
    #[arg(long, value_name = "MODEL|FILE.toml")]
    device: Option<String>,
    /// An image beside the driver, if it is not where the token says; told apart by its file name
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,
    /// The INF that installed the driver, if it is not where the token says
    #[arg(long, value_name = "FILE.inf")]
    inf: Option<PathBuf>,
    /// The scenario, if the token names one that was written down
    #[arg(long = "scenario", value_name = "FILE")]
    scenarios: Vec<PathBuf>,
    /// What was done before every scenario, if the token was made with `--prepare`
    #[arg(long, value_name = "FILE")]
    prepare: Option<PathBuf>,
    /// Write the end of the run as a small kernel dump, which explain and debuggers read
    #[arg(long, value_name = "OUT.dmp")]
    dump: Option<PathBuf>,
    /// The same as a full dump, with all memory
    #[arg(long, value_name = "OUT.dmp")]
    full_dump: Option<PathBuf>,
    /// Show everything that happened, one line each
    #[arg(long)]
    trace: bool,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The images beside the driver: those of the token, but for those that were given.
fn beside(token: &Token, given: &[PathBuf]) -> Result<Vec<Beside>, Failure> {
    let mut left: Vec<&PathBuf> = given.iter().collect();
    let with = token.with.iter().map(|wanted| {
        let named = |path: &&PathBuf| path.file_name() == Path::new(&wanted.path).file_name();
        let path = match left.iter().position(named) {
            Some(index) => left.remove(index).clone(),
            None => PathBuf::from(&wanted.path),
        };
        Beside { path, role: wanted.role }
    });
    let with = with.collect();
    match left.first() {
        Some(path) => Err(Failure::Input(format!(
            "the token was made without an image called {}; leave it out.",
            path.file_name().unwrap_or_default().to_string_lossy()
        ))),
        None => Ok(with),
    }
}

fn write_dump(path: &Path, extent: Extent, crash: &Description) -> Result<(), Failure> {
    let write = || -> Result<(), String> {
        let file = File::create(path).map_err(|error| error.to_string())?;
        let mut out = BufWriter::new(file);
        let written = match extent {
            Extent::Small => dump_writer::write_small(crash, &mut out),
            Extent::Full => dump_writer::write_full(crash, &mut out),
        };
        written.map_err(|error| error.to_string())?;
        out.flush().map_err(|error| error.to_string())
    };
    write().map_err(|why| {
        Failure::Input(format!("{}: the dump cannot be written: {why}.", path.display()))
    })
}

/// What a record of a session is made again with, and what comes of it.
fn run_record(arguments: &Arguments) -> Result<Outcome, Failure> {
    let name = arguments.token.as_str();
    let given = [&arguments.prepare, &arguments.dump, &arguments.full_dump];
    if given.iter().any(|path| path.is_some()) || !arguments.scenarios.is_empty() {
        let problem = "the record of a session has no scenario, and no dump is made of it; leave \
                       --scenario, --prepare, --dump and --full-dump out.";
        return Err(Failure::Input(problem.to_owned()));
    }
    let unreadable = |what: &dyn std::fmt::Display| {
        Failure::Input(format!("{name}: {what}; give the record that `bugcheck mount` told of."))
    };
    let bytes = mapped_file::open(Path::new(name)).map_err(|error| unreadable(&error))?;
    let record = bench::live::Record::read(&bytes).map_err(|bad| unreadable(&bad))?;
    let token = &record.head.token;
    let device = match (&arguments.device, &record.head.device) {
        (None, Some(text)) => {
            let model = devices::Model::described(text).map_err(|bad| {
                unreadable(&format!("what it says of the device cannot be read: {bad}"))
            })?;
            bench::Device { name: token.device.clone(), model }
        }
        (given, _) => driver_file::device_named(Some(given.as_deref().unwrap_or(&token.device)))?,
    };
    let (loaded, path, with) = load(arguments, token, device)?;
    let replayed = bench::live::replay_record(&loaded.driver, &record, name)
        .map_err(|refused| driver_file::refused(&loaded.driver, &refused))?;
    show(arguments, name, &replayed, &path, &with)?;
    outcome(&replayed)
}

/// The driver of a token, where it is, and what is loaded beside it.
fn load(
    arguments: &Arguments,
    token: &Token,
    device: bench::Device,
) -> Result<(driver_file::Loaded, PathBuf, Vec<Beside>), Failure> {
    let path = arguments.driver.as_deref().unwrap_or(Path::new(&token.path));
    if path.as_os_str().is_empty() {
        let problem = "the token names no driver; give it with --driver.";
        return Err(Failure::Input(problem.to_owned()));
    }
    let with = beside(token, &arguments.with)?;
    let mut loaded = driver_file::load_for(path, arguments.pdb.as_deref(), device, &with)?;
    if let Some(wanted) = &token.installed {
        let inf = arguments.inf.as_deref().unwrap_or(Path::new(&wanted.inf));
        loaded.driver.installed = Some(super::install::installed(inf, &wanted.section)?);
    } else if let Some(inf) = &arguments.inf {
        let name = inf.display();
        return Err(Failure::Input(format!(
            "the token was made without an INF; leave {name} out."
        )));
    }
    Ok((loaded, path.to_owned(), with))
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    // A token has colons where the path of a file hardly has.
    if !arguments.token.trim_start().starts_with("bc1:") && Path::new(&arguments.token).is_file() {
        return run_record(arguments);
    }
    let token: Token = arguments
        .token
        .parse()
        .map_err(|error| Failure::Input(format!("{error}; copy it whole.")))?;
    let device = arguments.device.as_deref().unwrap_or(&token.device);
    let device = driver_file::device_named(Some(device))?;
    let (loaded, path, with) = load(arguments, &token, device)?;
    let scenarios = driver_file::scenarios(&arguments.scenarios)?;
    let prepare = driver_file::preparation(arguments.prepare.as_deref())?;
    let wanted = [(&arguments.dump, Extent::Small), (&arguments.full_dump, Extent::Full)];
    let wanted: Vec<(&PathBuf, Extent)> =
        wanted.into_iter().filter_map(|(path, extent)| Some((path.as_ref()?, extent))).collect();
    let extents: Vec<Extent> = wanted.iter().map(|(_, extent)| *extent).collect();
    let (replayed, crashes) =
        bench::replay_and_dump(&loaded.driver, &token, &scenarios, prepare.as_ref(), &extents)
            .map_err(|refused| driver_file::refused(&loaded.driver, &refused))?;
    for ((path, extent), crash) in wanted.iter().zip(&crashes) {
        write_dump(path, *extent, crash)?;
    }
    show(arguments, arguments.token.trim(), &replayed, &path, &with)?;
    outcome(&replayed)
}

fn show(
    arguments: &Arguments,
    text: &str,
    replayed: &bench::Replayed,
    path: &Path,
    with: &[Beside],
) -> Result<(), Failure> {
    output::print(&match arguments.format {
        Format::Json => report::replay_json(text, replayed, arguments.trace).map_err(no_json)?,
        Format::Text => {
            let sources = Sources::of(path).and(with.iter().map(|with| with.path.as_path()));
            let source = |file: &str, line| sources.line(file, line);
            let look = report::Look { colour: output::wants_colour(), source: &source };
            report::replay_text(text, replayed, arguments.trace, &look)
        }
    })
}

fn outcome(replayed: &bench::Replayed) -> Result<Outcome, Failure> {
    match (&replayed.finding, &replayed.unsupported, replayed.misfit) {
        (Some(_), _, _) => Ok(Outcome::Findings),
        (None, Some(_), _) => Ok(Outcome::Unsupported),
        (None, None, None) => Ok(Outcome::Clean),
        // Another run than the one asked for ended well, which says nothing about that one.
        (None, None, Some(point)) => Err(Failure::Input(format!(
            "the token does not fit this bugcheck from scheduling point {point} on; get a new one with \
             `bugcheck test`."
        ))),
    }
}
