//! `bugcheck disasm`: code of a dump, an image, an object or a library as text.

use super::no_json;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format, Pieces};
use crate::programs::{Places, Store};
use clap::{Args, ValueEnum};
use diagnosis::Listed;
use evidence::crash_dump::Dump;
use listing::{Isa, NotFound, Span, Stop, Unit};
use pe::object::ObjectFile;
use report::{ListingJson, ListingText};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bugcheck disasm build/fifo.sys                   all code of a driver, its routines named
  bugcheck disasm build/fifo.sys DispatchRead      a function, with its source lines
  bugcheck disasm build/fifo.sys DispatchRead DispatchRead+0x4c
  bugcheck disasm build/fifo.sys 0x140001040 --count 20
  bugcheck disasm build/fifo.sys --section INIT
  bugcheck disasm build/queue.obj                  relocations as the names of their symbols
  bugcheck disasm wdmlib.lib --member queue.obj --syntax gas
  bugcheck disasm crash.dmp nt!KeBugCheckEx nt!KeBugCheckEx+0x4c
  bugcheck disasm crash.dmp fifo+0x1040 --images build/

A place is module!symbol, a symbol, module+offset (an RVA) or an address; +offset may follow, all numbers are
hexadecimal. Without one all code is listed; of a dump a place is needed. Bytes of a dump's code come from the
dump, else from the module's image; where neither has them, that is said.";

/// Show code of a crash dump, a driver, an object or a library
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A kernel dump, an image, an object or a library
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to begin; all code if left out
    #[arg(value_name = "FROM")]
    from: Option<String>,
    /// Where to end, not included; the end of the function if left out
    #[arg(value_name = "TO")]
    to: Option<String>,
    /// Only this section; one without code as bytes
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    section: Option<String>,
    /// Only this member of a library
    #[arg(long, value_name = "NAME")]
    member: Option<String>,
    /// How instructions are written
    #[arg(long, value_enum, default_value_t = Syntax::Kd)]
    syntax: Syntax,
    /// Instructions, where no end is given [default: 32 where none is known]
    #[arg(long, value_name = "N")]
    count: Option<usize>,
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

/// How instructions of x86 and x64 are written; ARM64 has one form only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Syntax {
    /// As the kernel's debugger does
    Kd,
    /// For MASM
    Masm,
    /// As in Intel's manuals
    Intel,
    /// For NASM
    Nasm,
    /// For the GNU assembler, AT&T's order of operands
    Gas,
}

impl Syntax {
    fn listing(self) -> listing::Syntax {
        match self {
            Self::Kd => listing::Syntax::Debugger,
            Self::Masm => listing::Syntax::Masm,
            Self::Intel => listing::Syntax::Intel,
            Self::Nasm => listing::Syntax::Nasm,
            Self::Gas => listing::Syntax::Gas,
        }
    }
}

/// Instructions of a dump, where no end is given or known.
const FEW: usize = 32;

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let name = arguments.file.display().to_string();
    let fail = |why: String| Failure::Input(format!("{name}: {why}."));
    let bytes = mapped_file::open(&arguments.file).map_err(|error| fail(error.to_string()))?;
    if bytes.starts_with(b"PAGEDU") {
        return dump(arguments, &name, &bytes);
    }
    if !bytes.starts_with(b"MZ") && pe::object::is_object(&bytes) {
        return object(arguments, &name, &bytes);
    }
    let image = pe::Image::parse(&bytes).map_err(|error| fail(error.to_string()))?;
    let program = store(arguments)?.opened(&arguments.file, bytes.to_vec()).map_err(&fail)?;
    let own = arguments.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(unit) = Unit::of_image(&program.image(), &own, program.symbols()) else {
        let machine = image.machine();
        return Err(Failure::Unsupported(format!(
            "{name}: code of {machine} is not disassembled."
        )));
    };
    let span = span(arguments, &unit).map_err(|it| fail(it.0))?;
    write(arguments, &name, &[unit], &span, &program.notes)
}

fn store(arguments: &Arguments) -> Result<Store, Failure> {
    Store::new(&Places {
        images: arguments.images.clone(),
        symbols: arguments.symbols.clone(),
        beside: crate::evidence::folder_of(&arguments.file).into_iter().collect(),
    })
}

fn dump(arguments: &Arguments, name: &str, bytes: &[u8]) -> Result<Outcome, Failure> {
    let fail = |why: String| Failure::Input(format!("{name}: {why}."));
    let Some(from) = &arguments.from else {
        return Err(fail("a dump has the code of many modules; say where to begin".to_owned()));
    };
    let store = store(arguments)?;
    let dump = Dump::parse(bytes).map_err(|error| fail(error.to_string()))?;
    let count = arguments.count.unwrap_or(FEW);
    let (to, syntax) = (arguments.to.as_deref(), arguments.syntax.listing());
    let listed: Vec<Listed> =
        diagnosis::crash::disassemble(&dump, &store, from, to, count, syntax).map_err(fail)?;
    output::print(&match arguments.format {
        Format::Json => report::listing_json(name, &listed).map_err(no_json)?,
        Format::Text => report::listing_text(&listed, &look()),
    })?;
    Ok(Outcome::Clean)
}

/// An object, or those members of a library that are some.
fn object(arguments: &Arguments, name: &str, bytes: &[u8]) -> Result<Outcome, Failure> {
    let fail = |why: String| Failure::Input(format!("{name}: {why}."));
    let none =
        |why: &str| Failure::Unsupported(format!("{name}: there is no machine code in it: {why}."));
    let read = pe::object::read(bytes).map_err(|error| fail(error.to_string()))?;
    let mut notes = Vec::new();
    let mut units = Vec::new();
    match read {
        ObjectFile::Object(object) => match Unit::of_object(&object, bytes, name) {
            Some(unit) => units.push(unit),
            None => {
                let machine = object.machine;
                let why = format!("{name}: code of {machine} is not disassembled.");
                return Err(Failure::Unsupported(why));
            }
        },
        ObjectFile::Anonymous(it) if it.is_ltcg && !it.is_bitcode => {
            return Err(none("it was compiled with /GL; take the linked image"));
        }
        ObjectFile::Anonymous(_) | ObjectFile::Bitcode => {
            return Err(none(
                "it holds LLVM bitcode, or is of an unknown class; take the linked image",
            ));
        }
        ObjectFile::Import(_) => return Err(none("it is one import of an import library")),
        ObjectFile::Archive(archive) => {
            notes.extend(archive.problems.iter().map(|it| format!("{it}.")));
            let wanted = arguments.member.as_deref();
            for member in &archive.members {
                let short = member.name.rsplit(['/', '\\']).next().unwrap_or_default();
                if wanted.is_some_and(|it| it != short && it != member.name) {
                    continue;
                }
                match &member.file {
                    Ok(ObjectFile::Object(object)) => {
                        let content = member.content(bytes);
                        let unit = Unit::of_object(object, content, &member.name);
                        let has_code = |unit: &Unit<'_>| {
                            unit.areas.iter().any(|it| it.is_code && !it.bytes.is_empty())
                        };
                        units.extend(unit.filter(has_code));
                    }
                    Ok(ObjectFile::Import(_)) => {}
                    Ok(_) => notes.push(format!("{}: no machine code in it.", member.name)),
                    Err(error) => notes.push(format!("{}: {error}.", member.name)),
                }
            }
            if units.is_empty() {
                return Err(match wanted {
                    Some(member) => fail(format!("no member {member} holds code")),
                    None => none("its members are imports"),
                });
            }
        }
    }
    let mut first = None;
    // A place belongs to whichever member has it.
    let spans = units.iter().map(|unit| span(arguments, unit));
    let found = spans.enumerate().find_map(|(index, span)| match span {
        Ok(span) => Some((index, span)),
        Err(why) => {
            first = first.take().or(Some(why));
            None
        }
    });
    let Some((index, span)) = found else {
        return Err(fail(first.map(|it| it.0).unwrap_or_default()));
    };
    let whole = matches!(span, Span::All | Span::Section(_));
    let units = if whole { &units[..] } else { &units[index..=index] };
    write(arguments, name, units, &span, &notes)
}

/// What of `unit` is wanted.
fn span(arguments: &Arguments, unit: &Unit<'_>) -> Result<Span, NotFound> {
    if let Some(section) = &arguments.section {
        if unit.areas.iter().any(|area| area.section == *section) {
            return Ok(Span::Section(section.clone()));
        }
        let all: Vec<&str> = unit.areas.iter().map(|it| it.section.as_str()).collect();
        let why = format!("there is no section {section}, only {}", all.join(", "));
        return Err(NotFound(why));
    }
    let Some(text) = &arguments.from else { return Ok(Span::All) };
    let from = unit.place(text)?;
    if unit.bytes_at(from).is_empty() {
        let why = "the file holds no section there";
        return Err(NotFound(format!("no code is to be had at {from:#x}: {why}")));
    }
    if let Some(to) = &arguments.to {
        let to_address = unit.place(to)?;
        if to_address <= from {
            return Err(NotFound(format!("{to} does not lie behind {text}")));
        }
        return Ok(Span::Range(from, to_address));
    }
    match (arguments.count, unit.function(from)) {
        (Some(count), _) => Ok(Span::Count(from, count)),
        (None, Some(function)) => Ok(Span::Range(from, function.end)),
        (None, None) => Ok(Span::Count(from, FEW)),
    }
}

fn look() -> report::Look<'static> {
    report::Look { colour: output::wants_colour(), source: &|_, _| None }
}

fn write(
    arguments: &Arguments,
    name: &str,
    units: &[Unit<'_>],
    span: &Span,
    notes: &[String],
) -> Result<Outcome, Failure> {
    let whole = matches!(span, Span::All | Span::Section(_));
    let mut pieces = Pieces::default();
    let mut out = |piece: &[u8]| if pieces.print(piece) { Ok(()) } else { Err(Stop) };
    let syntax = arguments.syntax.listing();
    let many = units.len() > 1 || arguments.member.is_some();
    // That a reader has enough is no error; that nothing can be written is kept in `pieces`.
    let _enough = match arguments.format {
        Format::Json => {
            let mut json = ListingJson::new(name, &mut out);
            notes.iter().for_each(|note| json.note(note));
            let listed = units.iter().try_for_each(|unit| {
                unit.problems.iter().for_each(|problem| json.note(problem));
                if let Some(driver) = &unit.driver {
                    json.driver(driver, &|address| unit.name_of(address));
                }
                if many {
                    json.member(&unit.name);
                }
                listing::list(unit, span, syntax, &mut json)
            });
            listed.and_then(|()| json.finish())
        }
        Format::Text => {
            let is_wide = units.iter().any(|unit| unit.base != 0 && unit.isa != Isa::X86(32));
            let mut text = ListingText::new(&look(), if is_wide { 16 } else { 8 }, whole, &mut out);
            let listed = notes.iter().try_for_each(|note| text.note(note)).and_then(|()| {
                units.iter().try_for_each(|unit| {
                    if many {
                        text.heading(&format!("{}:", unit.name))?;
                    }
                    if whole {
                        unit.problems.iter().try_for_each(|problem| text.note(problem))?;
                    }
                    if let Some(driver) = unit.driver.as_ref().filter(|_| *span == Span::All) {
                        text.heading(&format!("{}, a driver; its routines:", unit.name))?;
                        text.driver(driver, &|address| unit.name_of(address))?;
                    }
                    listing::list(unit, span, syntax, &mut text)
                })
            });
            listed.and_then(|()| text.finish())
        }
    };
    pieces.finish()?;
    Ok(Outcome::Clean)
}
