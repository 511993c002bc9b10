//! `bugcheck watch`: launches and ends of processes, none missed, losses told.

use crate::duration;
use crate::failure::{Failure, Outcome};
use crate::output::Format;
use crate::watch;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use process_sources::Kind;
use report::Column;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  sudo bugcheck watch                              every start and end on this machine, until Ctrl-C
  sudo bugcheck watch --columns parent,exit,lived,command
  sudo bugcheck watch --summary --quiet -- make    what a build starts, how often, how long
  bugcheck watch --source polling --duration 10s   without privileges: what lives 100 ms is seen
  bugcheck watch --from Security.evtx              who started what, out of a Windows event log
  bugcheck watch --from sysmon.evtx --columns parent,user,command
  bugcheck watch --from Logfile.PML --name 'setup*' --tree
  bugcheck watch --from trace.txt audit.log        strace -f -ttt and auditd, merged by time
  bugcheck watch --from a.evtx --since '2012-04-16 22:00:00' --summary --quiet
  bugcheck watch --from a.evtx --format json       one document a line, start and end of a process joined
  bugcheck watch --from a.evtx --html time.html    a time line for a browser

Sources are eBPF (CAP_BPF and CAP_PERFMON), the netlink process connector (CAP_NET_ADMIN) and polling; the best
one permitted is taken and said, and privileges are given up before the first line. Kernel threads are left out.

A line that begins with LOST stands where something was lost. With --pid and --tree, everything that
these processes started is told as well. Times are those of this machine's zone, unless --utc is given.

The exit status is 0 if nothing was lost, 1 if something was, and 2 where a file could not be read.";

/// Tell launches and ends of processes, and what of them was lost
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Records to read: event logs (.evtx: Security 4688 and 4689, Sysmon 1 and 5), logs of Process Monitor
    /// (.pml), output of strace -f, logs of auditd
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["source", "buffer", "duration", "command"])]
    pub(crate) from: Vec<PathBuf>,
    /// Where launches come from: the best that is permitted, unless one is named
    #[arg(long, value_name = "SOURCE", value_parser = sources())]
    pub(crate) source: Option<Kind>,
    /// How much the kernel keeps while this program is late, as 512K or 16M
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = size)]
    pub(crate) buffer: u32,
    /// End after this time, as 10s or 2m
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) duration: Option<Duration>,
    /// What lines tell besides time, id and name: any of these, with commas between, or all
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', value_parser = columns())]
    pub(crate) columns: Vec<Columns>,
    /// Indent by who started whom; at the end of --summary, the tree
    #[arg(long)]
    pub(crate) tree: bool,
    /// At the end: the sum, who was launched most, what was shortest
    #[arg(long)]
    pub(crate) summary: bool,
    /// No lines, only what comes at the end
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// From this moment on
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Up to this moment
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only processes of this name: a part of it, or a pattern with * and ?; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,
    /// Only processes of this id; may be given several times
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Vec<u32>,
    /// Only processes of this user; may be given several times
    #[arg(long, value_name = "USER")]
    pub(crate) user: Vec<String>,
    /// Write a time line for a browser into this file as well
    #[arg(long, value_name = "OUT.html")]
    pub(crate) html: Option<PathBuf>,
    /// Times in UTC
    #[arg(long)]
    pub(crate) utc: bool,
    /// Run this program, and end with it
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
    /// Form of the outcome; as JSON, one document a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What a word of --columns stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns {
    All,
    One(Column),
}

impl Arguments {
    /// The columns that are asked for, in the order in which they are told.
    pub(crate) fn wanted(&self) -> Vec<Column> {
        let named = |column: &Column| {
            self.columns.iter().any(|wanted| match wanted {
                Columns::All => true,
                Columns::One(one) => one == column,
            })
        };
        Column::ALL.into_iter().filter(named).collect()
    }
}

fn sources() -> impl TypedValueParser<Value = Kind> {
    let words = PossibleValuesParser::new(Kind::ALL.map(Kind::word));
    words.try_map(|word| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        kind.ok_or("there is no such source")
    })
}

/// Bytes, with K or M behind a number.
fn size(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1 << 10),
        None => match text.strip_suffix(['M', 'm']) {
            Some(digits) => (digits, 1 << 20),
            None => (text, 1),
        },
    };
    let bytes = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit));
    bytes
        .filter(|bytes| (1 << 12..=1 << 30).contains(bytes))
        .ok_or_else(|| "write 4K to 1024M".to_owned())
}

fn columns() -> impl TypedValueParser<Value = Columns> {
    let words = Column::ALL.iter().map(|column| column.word()).chain(["all"]);
    PossibleValuesParser::new(words).map(|word| {
        let column = Column::ALL.into_iter().find(|column| column.word() == word);
        column.map_or(Columns::All, Columns::One)
    })
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if arguments.from.is_empty() { watch::live(arguments) } else { watch::records(arguments) }
}
