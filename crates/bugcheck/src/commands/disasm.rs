//! `bugcheck disasm`: code of a dump or an image as text.

use super::no_json;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::programs::{Places, Store};
use clap::Args;
use diagnosis::{Listed, Program, Programs};
use evidence::crash_dump::Dump;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bugcheck disasm crash.dmp nt!KeBugCheckEx nt!KeBugCheckEx+0x4c
  bugcheck disasm crash.dmp fifo+0x1040 --images build/
  bugcheck disasm build/fifo.sys DispatchRead      a function, with its source lines
  bugcheck disasm build/fifo.sys 0x140001040 --count 20

A place is module!symbol, a symbol, module+offset or an address; +offset may follow, all numbers are
hexadecimal. Bytes come from the dump, else from the module's image; where neither has them, that is said.";

/// Show code of a crash dump or a driver between two places
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A kernel dump or an image
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to begin
    #[arg(value_name = "FROM")]
    from: String,
    /// Where to end, not included; the end of the function if left out
    #[arg(value_name = "TO")]
    to: Option<String>,
    /// Instructions, where no end is given or known
    #[arg(long, value_name = "N", default_value_t = 32)]
    count: usize,
    /// Folder with images and their PDBs or map files; may be given several times
    #[arg(long, value_name = "DIR")]
    images: Vec<PathBuf>,
    /// Symbol path, as debuggers take it: folders and srv*CACHE*SERVER, with ; between; _NT_SYMBOL_PATH if left out
    #[arg(long, value_name = "PATH")]
    symbols: Option<String>,
    /// Form of the outcome
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let name = arguments.file.display().to_string();
    let fail = |why: String| Failure::Input(format!("{name}: {why}."));
    let places = Places {
        images: arguments.images.clone(),
        symbols: arguments.symbols.clone(),
        beside: crate::evidence::folder_of(&arguments.file).into_iter().collect(),
    };
    let store = Store::new(&places)?;
    let bytes = mapped_file::open(&arguments.file).map_err(|error| fail(error.to_string()))?;
    let (from, to) = (arguments.from.as_str(), arguments.to.as_deref());
    let listed = if bytes.starts_with(b"PAGEDU") {
        let dump = Dump::parse(&bytes).map_err(|error| fail(error.to_string()))?;
        diagnosis::crash::disassemble(&dump, &store, from, to, arguments.count)
    } else {
        let image = pe::Image::parse(&bytes).map_err(|error| fail(error.to_string()))?;
        let program = Program::new(bytes.to_vec(), store.pdb(&image).0, None)
            .map_err(|error| fail(error.to_string()))?;
        let own = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        diagnosis::disassemble(&program, &own, from, to, arguments.count)
    };
    let listed: Vec<Listed> = listed.map_err(fail)?;
    output::print(&match arguments.format {
        Format::Json => report::listing_json(&name, &listed).map_err(no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            report::listing_text(&listed, &look)
        }
    })?;
    Ok(Outcome::Clean)
}
