//! `bugcheck rebase`: which libraries want the same addresses, and an address of its own for each.

use super::no_json;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::rebasing::find::{Asked, File, Found, find};
use crate::rebasing::replace;
use clap::Args;
use pe::{Image, NewBase};
use rebase::{Member, Order, Place, Plan, Wish, plan};
use report::{Rebased, Rebasing};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bugcheck rebase bin/                      which libraries below a folder want the same addresses
  bugcheck rebase bin/git.exe               a program, its libraries, and theirs
  bugcheck rebase prog.exe --search lib/    look for its libraries there as well
  bugcheck rebase bin/ --all                an address for each, as rebaseall gives them
  bugcheck rebase bin/ --apply              change the files; each old one stays as NAME.before-rebase
  bugcheck rebase bin/ --apply --no-dynamic-base   those as well whose address Windows chooses

Nothing is changed without --apply. The images of a set are those below the folders (libraries only), and the
programs and libraries given with everything that they import, found beside them, in the folders given, or in
those of --search. 32-bit libraries go below 0x70000000, 64-bit ones below 0x400000000, as Cygwin's rebaseall
puts them; nothing goes where cygwin1.dll or msys-2.0.dll lies, or a library that cannot move. A file is
replaced in one step, when the new one is complete on the disk: broken off, it is the old or the new one. Run it
again, and the rest is done. Stop programs that use the libraries first.

The exit status is 0 if no image wants what another wants, or none does any more, else 1.";

/// Find libraries that want the same addresses, which fork on Cygwin and MSYS2 cannot have, and give each its own
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folders, programs, libraries
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Folder in which imported libraries are looked for; may be given several times
    #[arg(long, value_name = "DIR")]
    search: Vec<PathBuf>,
    /// Change the files; without it, nothing is changed
    #[arg(long)]
    apply: bool,
    /// Leave no copy of the old file
    #[arg(long, requires = "apply")]
    no_backup: bool,
    /// Address to begin at: what is moved ends below it, or with --up starts there
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    base: Option<u64>,
    /// Give addresses upwards
    #[arg(long, requires = "base")]
    up: bool,
    /// Bytes left free between two libraries
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = address)]
    offset: u64,
    /// Give every library a new address, not only those that collide
    #[arg(long)]
    all: bool,
    /// Move libraries with a signature as well; they lose it
    #[arg(long)]
    signed: bool,
    /// Take DYNAMIC_BASE from libraries, so that Windows goes by their base, and move them as well
    #[arg(long)]
    no_dynamic_base: bool,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match digits {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "give a number, in hexadecimal with 0x".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let asked = Asked {
        paths: &arguments.paths,
        search: &arguments.search,
        signed: arguments.signed,
        fixed: arguments.no_dynamic_base,
    };
    let Found { files, missing, unread } = find(&asked)?;
    if files.is_empty() {
        let why = unread.first().cloned();
        let why =
            why.unwrap_or_else(|| "there is no library in the folder; give another.".to_owned());
        return Err(Failure::Input(why));
    }
    let members: Vec<Member> = files.iter().map(|file| file.member.clone()).collect();
    let order = if arguments.up { Order::Up } else { Order::Down };
    let wish = Wish { base: arguments.base, order, gap: arguments.offset, all: arguments.all };
    let plan = plan(&members, &wish);
    let outcomes: Vec<Rebased> =
        files.iter().enumerate().map(|(index, file)| one(file, &plan, index, arguments)).collect();
    let it = Rebasing {
        members: &members,
        plan: &plan,
        outcomes: &outcomes,
        missing: &missing,
        unread: &unread,
        applied: arguments.apply,
    };
    output::print(&match arguments.format {
        Format::Json => report::rebase_json(&it).map_err(no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            report::rebase_text(&it, &look)
        }
    })?;
    Ok(if it.is_good() { Outcome::Clean } else { Outcome::Findings })
}

/// Moves one image, if it is to be moved; without `--apply` everything but the last step is done.
fn one(file: &File, plan: &Plan, index: usize, arguments: &Arguments) -> Rebased {
    let Some(Place::At(base)) = plan.places.get(index) else { return Rebased::Not };
    let member = &file.member;
    let restamp = plan.restamp.get(index).copied().unwrap_or(false);
    let to = NewBase {
        base: *base,
        fixed: arguments.no_dynamic_base,
        timestamp: restamp.then(|| member.timestamp.wrapping_add(1)),
    };
    let work = || {
        let before = replace::read(&file.path).map_err(|error| error.to_string())?;
        let image = Image::parse(&before.bytes).map_err(|error| error.to_string())?;
        if image.image_base() != member.base {
            return Err("somebody else changed it meanwhile".to_owned());
        }
        let content = image.rebased(to).map_err(|error| error.to_string())?;
        if !arguments.apply {
            return Ok(Rebased::Would);
        }
        let backup = replace::replace(&file.path, &before, &content, !arguments.no_backup)
            .map_err(|error| format!("it cannot be replaced: {error}"))?;
        Ok(Rebased::Done { backup: backup.map(|path| path.display().to_string()) })
    };
    work().unwrap_or_else(Rebased::Failed)
}
