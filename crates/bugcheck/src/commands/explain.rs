//! `bugcheck explain`: what a file says, and what to do about it.

use crate::catalogs::Catalogs;
use crate::evidence::{self, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::programs::{Places, Store};
use clap::Args;
use diagnosis::setup::Wanted;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bugcheck explain 022512-24414-01.dmp             what happened, where, whose fault, what to do
  bugcheck explain crash.dmp --images build/       with your driver's .sys and .pdb: function and line
  bugcheck explain crash.dmp --symbols 'srv*~/symbols*https://msdl.microsoft.com/download/symbols'
  bugcheck explain dumps/ --format json            every file below a folder, one document a line
  bugcheck explain setupapi.dev.log                what a machine did with a driver: failed and slow first
  bugcheck explain setupapi.dev.log --section 29   one section, with everything
  bugcheck explain setupapi.dev.log --html log.html
  bugcheck explain filter.sys queue.obj            version, PDB, imports, checksum; why no machine code
  bugcheck explain filter.sys --catalog filter.cat whether the catalog lists it, which Windows loads it so
  bugcheck explain filter.cat                      what it lists, who signed it, what beside it was changed
  bugcheck explain filter.inf                      what it installs; whether its catalog has it and its files
  bugcheck explain /var/log/messages               what it means, how bad it is; what was never seen before
  dmesg | bugcheck explain -                       also a journal: journalctl -o export | bugcheck explain -
  unzip -p mail.zip crash.dmp | bugcheck explain - from standard input

Images and PDBs are looked for beside the file, in each --images folder (the files themselves, or laid
out as a symbol store), and along --symbols, or _NT_SYMBOL_PATH if that is not given. A file that is of
another build is said to be so and not used.

It reads kernel crash dumps - small ones, full and kernel ones, of 64-bit and 32-bit Windows - and
minidumps of processes; and logs of SetupAPI, setupapi.dev.log and its like, or sections out of one; INF
files; images (.sys, .dll, .exe), objects and libraries; catalogs (.cat), timestamps and signatures
(.tsq, .tsr, .p7s); logs of the system: syslog in its dialects, dmesg and /dev/kmsg, the journal's export
form and JSON, event logs of Windows (.evtx); packed by gzip as well. A text without times is taken for
a log if it is named, and holds a message that is known.

Below a folder, files of other kinds are passed over, and so are links to folders.

The exit status is 1 where something is wrong, as in every crash dump, 0 where nothing is, 2 where a file
could not be read, and 3 where it is of no kind that is known.";

/// Say what a file that somebody sent tells, and what to do
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Files, folders, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Folder with images and their PDBs or map files; may be given several times
    #[arg(long, value_name = "DIR")]
    images: Vec<PathBuf>,
    /// Symbol path, as debuggers take it: folders and srv*CACHE*SERVER, with ; between; _NT_SYMBOL_PATH if left out
    #[arg(long, value_name = "PATH")]
    symbols: Option<String>,
    /// Catalog (.cat), or folder of them, that images and INFs may be in; may be given several times
    #[arg(long, value_name = "CAT")]
    catalog: Vec<PathBuf>,
    /// List every module
    #[arg(long)]
    modules: bool,
    /// Of a log: only this section, counted from 1, with everything
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    section: Option<u64>,
    /// Of a log: every section; of a log of the system: every block and unknown message to its end
    #[arg(long, conflicts_with = "section")]
    all: bool,
    /// Of a log: write a time line for a browser into this file as well
    #[arg(long, value_name = "OUT.html")]
    html: Option<PathBuf>,
    /// Of a log of the system: folder with entries of one's own (knowledge/README.md); may be given several times
    #[arg(long, value_name = "DIR")]
    knowledge: Vec<PathBuf>,
    /// Form of the outcome; many files as JSON have a line each
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let places = Places {
        images: arguments.images.clone(),
        symbols: arguments.symbols.clone(),
        beside: arguments.paths.iter().filter_map(|path| evidence::folder_of(path)).collect(),
    };
    let store = Store::new(&places)?;
    let files = evidence::files(&arguments.paths)?;
    let many = files.len() != 1 || arguments.paths.iter().any(|path| path.is_dir());
    if arguments.html.is_some() && many {
        let sentence = "--html takes one file at a time; give one path.";
        return Err(Failure::Input(sentence.to_owned()));
    }
    let sections = match arguments.section {
        Some(number) => Wanted::One(number),
        None if arguments.all => Wanted::All,
        None => Wanted::Usual,
    };
    let html = arguments.html.as_deref();
    let catalogs = Catalogs::new(&arguments.catalog, evidence::now())?;
    let wish = Wish {
        format: arguments.format,
        modules: arguments.modules,
        many,
        store: &store,
        catalogs: &catalogs,
        sections,
        html,
        base: super::knowledge_base(&arguments.knowledge)?,
    };
    let mut worst = Outcome::Clean;
    let mut failed = Vec::new();
    let mut told_of = 0usize;
    evidence::in_order(&files, &wish, &mut |told| {
        match told {
            Ok(told) => {
                told_of += 1;
                output::print(&told.text)?;
                if told.outcome != Outcome::Clean {
                    worst = told.outcome;
                }
            }
            Err(failure) => failed.push(failure),
        }
        Ok(())
    })?;
    // What could be read is said before what could not.
    let Some(last) = failed.pop() else {
        return if told_of == 0 { Err(evidence::nothing_known(files.len())) } else { Ok(worst) };
    };
    for failure in failed {
        output::complain(&failure.to_string());
    }
    Err(last)
}
