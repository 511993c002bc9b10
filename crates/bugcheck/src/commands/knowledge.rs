//! `bugcheck knowledge`: what is known of messages, and whether entries of one's own are right.

use super::no_json;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use clap::{Args, Subcommand};
use knowledge::messages::{self, Base, Source};
use std::fs;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  bugcheck knowledge list                          every entry, by what it is about
  bugcheck knowledge list usb                      those of an area, or with a word in them
  bugcheck knowledge show nvme-timeout             one entry, with everything
  bugcheck knowledge check mine/                   are entries of one's own right? file and line of what is not
  bugcheck explain messages --knowledge mine/      explain with them

An entry is one TOML file; knowledge/README.md says what it holds, and its example line is its test.
The exit status of check is 1 if an entry is wrong.";

/// List, show and check what is known of messages of system logs
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List the entries
    List {
        /// Only those of this area, or with this word in their id or title
        word: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Show an entry with everything
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Check the entries of a folder, or those that come with bugcheck
    Check {
        /// A folder with entries
        folder: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Common {
    /// Folder with entries of one's own; may be given several times
    #[arg(long, value_name = "DIR")]
    knowledge: Vec<PathBuf>,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Files of a folder of entries, at most, and how deep folders may lie in it.
const MOST_FILES: usize = 10_000;
const MOST_DEPTH: usize = 4;

/// The entries that come with bugcheck, and those of `folders`.
pub(crate) fn base(folders: &[PathBuf]) -> Result<&'static Base, Failure> {
    if folders.is_empty() {
        return Ok(Base::own());
    }
    let mut all = Vec::new();
    for folder in folders {
        all.extend(sources(folder)?);
    }
    let base = Base::with(&all).map_err(|faults| {
        let all: Vec<String> = faults.iter().take(20).map(ToString::to_string).collect();
        Failure::Input(all.join("; ") + ".")
    })?;
    // It lives as long as the process.
    Ok(Box::leak(Box::new(base)))
}

/// The files of a folder of entries.
fn sources(folder: &Path) -> Result<Vec<Source>, Failure> {
    let mut all = Vec::new();
    below(folder, 0, &mut all)?;
    if all.is_empty() {
        let name = folder.display();
        return Err(Failure::Input(format!("{name}: there is no .toml file in this folder.")));
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn below(folder: &Path, depth: usize, all: &mut Vec<Source>) -> Result<(), Failure> {
    let fail = |path: &Path, error: std::io::Error| {
        Failure::Input(format!("{}: it cannot be read: {error}.", path.display()))
    };
    for entry in fs::read_dir(folder).map_err(|error| fail(folder, error))?.flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth < MOST_DEPTH {
            below(&path, depth + 1, all)?;
        } else if path.extension().is_some_and(|end| end == "toml") {
            if all.len() >= MOST_FILES {
                let name = folder.display();
                return Err(Failure::Input(format!("{name}: more than {MOST_FILES} files.")));
            }
            let text = fs::read_to_string(&path).map_err(|error| fail(&path, error))?;
            all.push(Source { name: path.display().to_string(), text });
        }
    }
    Ok(())
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
    match &arguments.what {
        What::List { word, common } => {
            let base = base(&common.knowledge)?;
            let small = word.as_deref().unwrap_or_default().to_lowercase();
            let entries: Vec<_> = base
                .entries()
                .iter()
                .filter(|it| {
                    it.area == small
                        || it.id.contains(&small)
                        || it.title.to_lowercase().contains(&small)
                })
                .collect();
            if entries.is_empty() {
                let sentence =
                    format!("no entry is about `{small}`; `bugcheck knowledge list` has all.");
                return Err(Failure::Input(sentence));
            }
            output::print(&match common.format {
                Format::Json => report::entries_json(&entries).map_err(no_json)?,
                Format::Text => report::entries_text(&entries, &look),
            })?;
            Ok(Outcome::Clean)
        }
        What::Show { id, common } => {
            let base = base(&common.knowledge)?;
            let Some(entry) = base.entry(id) else {
                let near = base.entries().iter().filter(|it| it.id.contains(id.as_str())).take(5);
                let near: Vec<&str> = near.map(|it| it.id.as_str()).collect();
                let hint = match near.as_slice() {
                    [] => "`bugcheck knowledge list` has all".to_owned(),
                    near => format!("near it are {}", near.join(", ")),
                };
                return Err(Failure::Input(format!("there is no entry {id}; {hint}.")));
            };
            output::print(&match common.format {
                Format::Json => report::entries_json(&[entry]).map_err(no_json)?,
                Format::Text => report::entry_text(entry, &look),
            })?;
            Ok(Outcome::Clean)
        }
        What::Check { folder } => check(folder.as_deref()),
    }
}

fn check(folder: Option<&Path>) -> Result<Outcome, Failure> {
    let all = match folder {
        Some(folder) => sources(folder)?,
        None => messages::sources().collect(),
    };
    let faults = messages::check(&all);
    let mut text = String::new();
    for fault in &faults {
        text += &report::escape(&fault.to_string());
        text.push('\n');
    }
    let count = report::number(all.len() as u64);
    text += &match faults.len() {
        0 => format!("{count} entries are right: each example is found, by its entry alone.\n"),
        wrong => format!("{wrong} mistakes in {count} entries.\n"),
    };
    output::print(&text)?;
    Ok(if faults.is_empty() { Outcome::Clean } else { Outcome::Findings })
}
