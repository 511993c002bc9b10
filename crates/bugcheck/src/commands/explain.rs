//! `bugcheck explain`: what a file says, and what to do about it.

use crate::catalogs::Catalogs;
use crate::evidence::incident::Collected;
use crate::evidence::{self, Item, Together, Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::programs::{Places, Store};
use crate::zone;
use clap::Args;
use diagnosis::incident::{Evidence, Settings, common_folder};
use diagnosis::setup::Wanted;
use std::path::PathBuf;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  bugcheck explain 022512-24414-01.dmp             what happened, where, whose fault, what to do
  bugcheck explain crash.dmp --images build/       with your driver's .sys and .pdb: function and line
  bugcheck explain crash.dmp --symbols 'srv*~/symbols*https://msdl.microsoft.com/download/symbols'
  bugcheck explain case-4711/                      everything of one incident, related: dump, logs, driver, INF
  bugcheck explain case-4711/ --zone Europe/Berlin --html case.html
  bugcheck explain dumps/ --format json            every file below a folder, one document a line
  bugcheck explain setupapi.dev.log                what a machine did with a driver: failed and slow first
  bugcheck explain setupapi.dev.log --section 29   one section, with everything
  bugcheck explain setupapi.dev.log --html log.html
  bugcheck explain filter.sys queue.obj            version, PDB, imports, checksum; why no machine code
  bugcheck explain a.sys --catalog a.cat           whether the catalog lists it, which Windows loads it so
  bugcheck explain filter.cat                      what it lists, who signed it, what beside it was changed
  bugcheck explain filter.inf                      what it installs; whether its catalog has it and its files
  bugcheck explain /var/log/messages               what it means, how bad it is; what was never seen before
  bugcheck explain /var/log/messages*              rotated and packed ones as one log, in order of time
  dmesg | bugcheck explain -                       also a journal: journalctl -o export | bugcheck explain -
  unzip -p mail.zip a.dmp | bugcheck explain -     from standard input

Images and PDBs are looked for beside the file, in each --images folder (the files themselves, or laid
out as a symbol store), and along --symbols, or _NT_SYMBOL_PATH if that is not given. A file that is of
another build is said to be so and not used.

It reads kernel crash dumps - small ones, full and kernel ones, of 64-bit and 32-bit Windows - and
minidumps of processes; and logs of SetupAPI, setupapi.dev.log and its like, or sections out of one; INF
files; images (.sys, .dll, .exe), objects and libraries; catalogs (.cat), timestamps and signatures
(.tsq, .tsr, .p7s); logs of the system: syslog in its dialects, dmesg and /dev/kmsg, the journal's export
form and JSON, event logs of Windows (.evtx); logs packed by gzip, xz, zstd or bzip2 as well. A text
without times is taken for a log if it is named, and holds a message that is known.

Several files, or a folder, are one incident. First comes what relates them: the driver in the dump is
the one whose installation failed a minute before, its signature had run out, the event log's bug check
is this dump; each with file and line of both sides, and how sure it is. Then what the logs say last
before the crash, a time line on one clock (UTC), and each file in a few lines; --all tells all of each.
Logs with a clock of no named zone are set right by what other files tell, or by --zone; the year of
logs that tell none by the crash, or by --year. More than eight dumps are a table of what they are.
Files of one log that was rotated (messages.2.gz, messages-20260101, messages) are read as one.
As JSON each file has a line, and what they tell together is the last (schema bugcheck.incident.1).

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
    /// Of a log of SetupAPI, or of several files together: write a time line for a browser into this file as well
    #[arg(long, value_name = "OUT.html")]
    html: Option<PathBuf>,
    /// Of a log of the system: folder with entries of one's own (knowledge/README.md); may be given several times
    #[arg(long, value_name = "DIR")]
    knowledge: Vec<PathBuf>,
    /// Of several files: the zone of clocks that name none: +02:00, UTC, Europe/Berlin
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    zone: Option<String>,
    /// Of several files: the year in which logs begin that tell none
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i64).range(1970..=9999))]
    year: Option<i64>,
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
    let sections = match arguments.section {
        Some(number) => Wanted::One(number),
        None if arguments.all => Wanted::All,
        None => Wanted::Usual,
    };
    let catalogs = Catalogs::new(&arguments.catalog, evidence::now())?;
    let wish = Wish {
        format: arguments.format,
        modules: arguments.modules,
        many,
        store: &store,
        catalogs: &catalogs,
        sections,
        html: arguments.html.as_deref().filter(|_| !many),
        base: super::knowledge_base(&arguments.knowledge)?,
        together: None,
    };
    let mut all = All { worst: Outcome::Clean, failed: Vec::new(), told_of: 0 };
    if many {
        several(arguments, &files, &wish, &mut all)?;
    } else {
        evidence::in_order(&files, &wish, &mut |told| match all.take(told) {
            Some(told) => output::print(&told.text),
            None => Ok(()),
        })?;
    }
    let All { worst, mut failed, told_of } = all;
    // What could be read is said before what could not.
    let Some(last) = failed.pop() else {
        return if told_of == 0 { Err(evidence::nothing_known(files.len())) } else { Ok(worst) };
    };
    for failure in failed {
        output::complain(&failure.to_string());
    }
    Err(last)
}

/// What came of the files.
struct All {
    worst: Outcome,
    failed: Vec<Failure>,
    told_of: usize,
}

impl All {
    /// What was told of a file; nothing where it failed.
    fn take(&mut self, told: Result<Told, Failure>) -> Option<Told> {
        match told {
            Ok(told) => {
                self.told_of += 1;
                if told.outcome != Outcome::Clean {
                    self.worst = told.outcome;
                }
                Some(told)
            }
            Err(failure) => {
                self.failed.push(failure);
                None
            }
        }
    }
}

/// Crashes before which last lines of logs are looked for, at most: the latest.
const MOST_CRASHES: usize = 16;

/// Files of one incident. Logs are read last, for it is known by then when something crashed. As text, each is told
/// in a few lines after what relates them; with everything, or as JSON, each as it comes, and that last.
fn several(
    arguments: &Arguments,
    files: &[Item],
    wish: &Wish<'_>,
    all: &mut All,
) -> Result<(), Failure> {
    let zone = match &arguments.zone {
        Some(name) => {
            let zone = zone::of_clock(name)
                .map_err(|why| Failure::Input(format!("--zone {name}: {why}.")))?;
            Some((name.clone(), zone))
        }
        None => None,
    };
    let settings = Arc::new(Settings { zone, year: arguments.year });
    let brief = wish.format == Format::Text && wish.sections == Wanted::Usual;
    let (logs, others): (Vec<Item>, Vec<Item>) = files.iter().cloned().partition(evidence::is_log);
    let mut collected = Collected::default();
    let mut last = None;
    let mut read = |files: &[Item], together: &Together, collected: &mut Collected| {
        let wish = Wish { together: Some(together), ..*wish };
        evidence::in_order(files, &wish, &mut |told| {
            let Some(mut told) = all.take(told) else { return Ok(()) };
            if !brief {
                output::print(&std::mem::take(&mut told.text))?;
            }
            last = told.seen.as_ref().map(|seen| seen.file.clone());
            collected.take(told, brief);
            Ok(())
        })
    };
    let names: Vec<String> = files.iter().map(|item| item.path().display().to_string()).collect();
    let folder = common_folder(names.iter().map(String::as_str));
    let first = Together {
        brief,
        folder: folder.clone(),
        settings: Arc::clone(&settings),
        ..Together::default()
    };
    read(&others, &first, &mut collected)?;
    let before = if logs.is_empty() { Vec::new() } else { collected.evidence().to_vec() };
    let mut moments: Vec<i64> = before.iter().filter_map(Evidence::crashed).collect();
    moments.sort_unstable();
    moments.dedup();
    moments.drain(..moments.len().saturating_sub(MOST_CRASHES));
    let second = Together { brief, folder, moments, before, settings: Arc::clone(&settings) };
    read(&logs, &second, &mut collected)?;
    // One file that is known among others that are not is told as if it had been named.
    if brief
        && all.told_of == 1
        && let Some(item) =
            last.and_then(|name| files.iter().find(|it| it.path().display().to_string() == name))
    {
        let wish = Wish { html: arguments.html.as_deref(), ..*wish };
        return evidence::in_order(std::slice::from_ref(item), &wish, &mut |told| match told {
            Ok(told) => output::print(&told.text),
            Err(failure) => Err(failure),
        });
    }
    if all.told_of == 0 {
        return Ok(());
    }
    let full = wish.sections != Wanted::Usual;
    collected.tell(wish.format, full, arguments.html.as_deref(), wish.base, &settings)
}
