//! `bugcheck watch`: launches and ends of processes, none missed, losses told.

use crate::failure::{Failure, Outcome};
use crate::output::Format;
use crate::watch;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use report::Column;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bugcheck watch --from Security.evtx              who started what, out of a Windows event log
  bugcheck watch --from sysmon.evtx --columns parent,user,command
  bugcheck watch --from Logfile.PML --name 'setup*' --tree
  bugcheck watch --from trace.txt audit.log        strace -f -ttt and auditd, merged by time
  bugcheck watch --from a.evtx --since '2012-04-16 22:00:00' --summary --quiet
  bugcheck watch --from a.evtx --format json       one document a line, start and end of a process joined
  bugcheck watch --from a.evtx --html time.html    a time line for a browser

A line that begins with LOST stands where something was lost. With --pid and --tree, everything that
these processes started is told as well. Times are those of this machine's zone, unless --utc is given.

The exit status is 0 if nothing was lost, 1 if something was, and 2 where a file could not be read.";

/// Tell launches and ends of processes, and what of them was lost
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Records to read: event logs (.evtx: Security 4688 and 4689, Sysmon 1 and 5), logs of Process Monitor
    /// (.pml), output of strace -f, logs of auditd
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) from: Vec<PathBuf>,
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

fn columns() -> impl TypedValueParser<Value = Columns> {
    let words = Column::ALL.iter().map(|column| column.word()).chain(["all"]);
    PossibleValuesParser::new(words).map(|word| {
        let column = Column::ALL.into_iter().find(|column| column.word() == word);
        column.map_or(Columns::All, Columns::One)
    })
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    watch::records(arguments)
}
