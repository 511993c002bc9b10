//! `bugcheck mount`: a driver's devices as files.

use super::no_json;
use super::test::{device, left_out};
use crate::driver_file::{self, Beside};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::source::Sources;
use bench::Replayed;
use bench::live::Ended;
use clap::{Args, ValueEnum};
use mount::{Failed, FarEnd, Listener, NamedFile};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  bugcheck mount fifo.sys dev &
  dd if=dev/Fifo bs=4 count=1
  bugcheck mount fifo.sys dev --file 'upper=\\\\.\\Fifo\\upper' --on-finding restart
  bugcheck mount fifo.sys dev --time virtual --record fifo.session
  bugcheck replay fifo.session
  bugcheck mount fifo-card.sys dev --device fifo-card --far loop=unix:/tmp/card --far counter=file:samples
  bugcheck mount fifo-card.sys dev --device card.toml --far words=sim:./fifo

Each link, device interface and named device of the driver is a file in DIR. Opening, reading, writing,
fsync, closing and ioctl become IRP_MJ_CREATE, READ, WRITE, FLUSH_BUFFERS, CLEANUP and CLOSE, and
DEVICE_CONTROL; who is interrupted or killed has the request cancelled. Every rule watches. When one
objects, programs get EIO and the finding is printed. Ctrl-C unmounts, removes the device and unloads the
driver. A mount that a kill -9 left behind is cleaned up by the next one on the same folder.

With --device fifo-card, or a FILE.toml of streams, each stream is a file too, opened as
\\\\.\\DEVICE\\STREAM. --far says what stands on a stream's far side, in place of what the card has
there; what goes through is part of the record:
  loop         what is written comes back
  unix:PATH    a Unix socket listens at PATH, for one peer at a time; ends are passed on both ways
  pipe:PATH    a named pipe, made and removed; a stream of both directions has PATH.to-host, which
               programs write to, and PATH.from-host, which they read from
  file:PATH    a file that the computer reads, or that what it writes is appended to; likewise
  sim:PROGRAM  a program with its arguments (no quoting) that simulates the logic, and ends with the
               session; see examples/verilog-fifo and crates/mount/src/far/PROTOCOL.md
In sockets, pipes and files each message of a stream that keeps messages has its length before it:
4 bytes, little-endian; a message has at least one word and at most 1 MiB. What is not taken waits:
64 KiB on the way, then in the card, then in the driver.

Where /dev/fuse cannot be opened, or with --pipes, devices are named pipes in DIR: NAME, or
NAME.read and NAME.write where both ways are there. Who opens one to read opens the device, which is
read ahead by up to 64 KiB; who writes to one opens it with the first bytes. Bounds between writes
are not kept, but only whole words of a stream are written; there are no places in a file and no
ioctl; what the driver refuses is printed here, and the program hears the end of the pipe.

ioctl passes a control code of a device type from 1 on as it is; buffers only where Linux reads a size and
a direction from its bits. With buffers: ioctl(fd, _IOC(_IOC_READ|_IOC_WRITE, 'B', 1, 16 + N), p), where p
points to 32-bit words code, bytes in, bytes out, status, and N bytes of data, both ways.";

/// Show a driver's devices as plain files, and watch it while programs use them
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The driver, a WDM driver for x64
    #[arg(value_name = "DRIVER.sys")]
    driver: PathBuf,
    /// Folder to mount on; made if it is not there, and removed again
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Its PDB, if it is not beside the driver
    #[arg(long, value_name = "FILE")]
    pdb: Option<PathBuf>,
    /// Device that the driver drives, as for `bugcheck test`
    #[arg(long, value_name = "MODEL|FILE.toml", default_value = "bench")]
    device: String,
    /// Load this image too, as for `bugcheck test`
    #[arg(long, value_name = "FILE[:below|:above]")]
    with: Vec<Beside>,
    /// Another file, and the name by which it is opened; may be given several times
    #[arg(long = "file", value_name = "NAME=\\\\.\\PATH")]
    files: Vec<NamedFile>,
    /// What stands on the far side of a stream of the device: loop, unix:PATH, pipe:PATH, file:PATH or
    /// sim:PROGRAM; may be given several times
    #[arg(long = "far", value_name = "STREAM=PLACE")]
    far: Vec<FarEnd>,
    /// Time that the driver sees: the computer's, or one that jumps to the next timer when all is quiet
    #[arg(long, value_enum, default_value_t = Time::Real)]
    time: Time,
    /// What happens when a rule objects: the mount ends, or the driver is loaded anew
    #[arg(long, value_enum, default_value_t = OnFinding::End)]
    on_finding: OnFinding,
    /// Keep the record of the session here; else it goes to a temporary file, which stays if something
    /// is found
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Most MiB of the record: what comes after that cannot be made again
    #[arg(long, value_name = "MIB", default_value_t = mount::RECORD_LIMIT >> 20, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    record_limit: u64,
    /// Do not ask this rule; may be given several times
    #[arg(long, value_name = "RULE", value_parser = left_out)]
    without: Vec<&'static str>,
    /// Named pipes in DIR instead of files, as without FUSE
    #[arg(long)]
    pipes: bool,
    /// Let other users use the files too
    #[arg(long)]
    allow_other: bool,
    /// Tell what is in use - requests, files, pool - at the beginning and before the end
    #[arg(long)]
    account: bool,
    /// Form of findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Time {
    Real,
    Virtual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnFinding {
    End,
    Restart,
}

/// Tells on the way.
struct Tell<'a> {
    arguments: &'a Arguments,
    failed: Option<Failure>,
}

impl Tell<'_> {
    fn finding(&self, replayed: &Replayed, record: &str) -> Result<(), Failure> {
        output::print(&match self.arguments.format {
            Format::Json => report::replay_json(record, replayed, false).map_err(no_json)?,
            Format::Text => {
                let with = self.arguments.with.iter().map(|with| with.path.as_path());
                let sources = Sources::of(&self.arguments.driver).and(with);
                let source = |file: &str, line| sources.line(file, line);
                let look = report::Look { colour: output::wants_colour(), source: &source };
                report::session_text(replayed, &look)
            }
        })
    }
}

impl Listener for Tell<'_> {
    fn mounted(&mut self, folder: &Path, files: &[String]) {
        let files = match files {
            [] => "no files yet".to_owned(),
            files => files.join(", "),
        };
        output::say(&format!("mounted on {}: {files}", folder.display()));
    }

    fn note(&mut self, text: &str) {
        output::complain(text);
    }

    fn ended(&mut self, ended: &Ended, replayed: Option<&Replayed>, record: &str) {
        let what = match ended {
            Ended::Finding(rule, title) => format!("{rule}: {title}"),
            Ended::Unsupported(what) => format!("the bench does not support {what}"),
        };
        match replayed {
            Some(replayed) => {
                if let Err(failure) = self.finding(replayed, record) {
                    self.failed.get_or_insert(failure);
                }
            }
            None => output::complain(&format!("{what} ({record})")),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let loaded = driver_file::load(
        &arguments.driver,
        arguments.pdb.as_deref(),
        device(&arguments.device),
        &arguments.with,
    )?;
    loaded.notes.iter().for_each(|note| output::complain(note));
    let driver = mount::attached(&loaded.driver, &arguments.far)
        .map_err(|why| Failure::Input(format!("{}: {why}.", arguments.device)))?;
    let options = mount::Options {
        folder: arguments.folder.clone(),
        time: match arguments.time {
            Time::Real => mount::Time::Real,
            Time::Virtual => mount::Time::Virtual,
        },
        on_finding: match arguments.on_finding {
            OnFinding::End => mount::OnFinding::End,
            OnFinding::Restart => mount::OnFinding::Restart,
        },
        without: arguments.without.clone(),
        files: arguments.files.clone(),
        far: arguments.far.clone(),
        record: arguments.record.clone(),
        record_limit: arguments.record_limit << 20,
        pipes: arguments.pipes,
        others: arguments.allow_other,
        account: arguments.account,
    };
    let mut tell = Tell { arguments, failed: None };
    let outcome = mount::run(&driver, &options, &mut tell).map_err(|failed| match failed {
        Failed::Refused(refused) => driver_file::refused(&driver, &refused),
        failed => Failure::Input(failed.to_string()),
    })?;
    match (tell.failed, outcome) {
        (Some(failure), _) => Err(failure),
        (None, mount::Outcome { findings: 1.., .. }) => Ok(Outcome::Findings),
        (None, mount::Outcome { unsupported: 1.., .. }) => Ok(Outcome::Unsupported),
        _ => Ok(Outcome::Clean),
    }
}
