//! A PDB that belongs to the image.

use crate::dwarf::from_calls;
use crate::names::{Named, Names};
use crate::{InlinedCall, Location};
use pdb_addr2line::pdb::{FallibleIterator, PDB, Source, SymbolData};
use pdb_addr2line::{Context, ContextPdbData, TypeFormatterFlags};
use pe::{CodeView, Image};
use self_cell::self_cell;
use std::io::Cursor;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Data = ContextPdbData<'static, 'static, Cursor<Vec<u8>>>;
type Dependent<'a> = Context<'a, 'static>;

self_cell! {
    struct Cell {
        owner: Data,
        #[not_covariant]
        dependent: Dependent,
    }
}

/// The line and function tables, parsed as they are needed.
pub(crate) struct Reader {
    cell: Cell,
    functions: Vec<Named>,
    variables: Vec<Named>,
    is_damaged: bool,
}

impl Reader {
    /// Opens `bytes`, or a note why it cannot serve for this image.
    pub fn open(image: &Image<'_>, bytes: Vec<u8>) -> Result<Self, String> {
        let wanted = match image.codeview() {
            Ok(Some(codeview)) => codeview,
            Ok(None) => return Err("the PDB is not used: the image names none.".into()),
            Err(error) => {
                return Err(format!("the PDB is not used: the image's debug directory: {error}."));
            }
        };
        guarded(|| Self::read(bytes, &wanted))
            .unwrap_or_else(|| Err("the PDB cannot be used: it is damaged.".into()))
    }

    fn read(bytes: Vec<u8>, wanted: &CodeView) -> Result<Self, String> {
        let unusable = |error: &dyn std::fmt::Display| format!("the PDB cannot be used: {error}.");
        let mut pdb = PDB::open(Cursor::new(bytes)).map_err(|e| unusable(&e))?;
        check_identity(&mut pdb, wanted)?;
        let variables = variables(&mut pdb).map_err(|e| unusable(&e))?;
        let data = ContextPdbData::try_from_pdb(pdb).map_err(|e| unusable(&e))?;
        // C has no overloads, so the bare name is the name that people know the function by.
        let flags = TypeFormatterFlags::default() | TypeFormatterFlags::NO_ARGUMENTS;
        let cell = Cell::try_new(data, |data| data.make_context_with_formatter_flags(flags))
            .map_err(|e| unusable(&e))?;
        let functions = cell.with_dependent(|_, context| {
            context.functions().filter_map(|f| Some((f.start_rva, f.name?))).collect()
        });
        Ok(Self { cell, functions, variables, is_damaged: false })
    }

    /// What the PDB knows about `rva`; nothing, too, where it is damaged there.
    pub fn locate(&mut self, rva: u32, names: &Names) -> Option<Location> {
        if self.is_damaged {
            return None;
        }
        let found = guarded(|| self.find(rva, names));
        self.is_damaged = found.is_none();
        found.flatten()
    }

    fn find(&self, rva: u32, names: &Names) -> Option<Location> {
        self.cell.with_dependent(|_, context| {
            let found = context.find_frames(rva).ok().flatten()?;
            // Past the recorded end of a procedure (a jump table, padding) the nearest public symbol is
            // found instead, which lies before that procedure: its name would be wrong, its lines too.
            if names.locate(rva).is_some_and(|nearer| nearer.function_rva > found.start_rva) {
                return None;
            }
            let calls = found.frames.into_iter().map(|frame| InlinedCall {
                function: frame.function,
                file: frame.file.map(|file| file.into_owned()),
                line: frame.line,
            });
            let mut location = from_calls(calls.collect(), rva, names)?;
            location.function_rva = found.start_rva;
            location.offset = rva.saturating_sub(found.start_rva);
            Some(location)
        })
    }

    /// Every function and every global or static variable with its name; once.
    pub fn take_names(&mut self) -> (Vec<Named>, Vec<Named>) {
        (mem::take(&mut self.functions), mem::take(&mut self.variables))
    }
}

/// The PDB reader adds numbers of the file without looking (pdb2 0.10, `ExtraStreams`), so a damaged PDB
/// can make it panic. `None` then; the reader is not asked again, so what the panic left half done does
/// not matter.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

type Opened = PDB<'static, Cursor<Vec<u8>>>;

/// A PDB belongs to an image when GUID and age agree. The image carries the age of the debug information
/// stream; the PDB's own age also counts what tools did to the file later.
fn check_identity<'s, S: Source<'s> + 's>(
    pdb: &mut PDB<'s, S>,
    wanted: &CodeView,
) -> Result<(), String> {
    let unusable = |error: pdb_addr2line::pdb::Error| format!("the PDB cannot be used: {error}.");
    let information = pdb.pdb_information().map_err(unusable)?;
    let stream_age = pdb.debug_information().map_err(unusable)?.age();
    let guid = information.guid.to_bytes_le();
    let ages = [stream_age.unwrap_or(information.age), information.age];
    if guid == wanted.guid && ages.contains(&wanted.age) {
        return Ok(());
    }
    let found = CodeView { guid, age: ages[0], path: String::new() };
    Err(format!(
        "the PDB does not belong to this image: GUID {} age {}, expected GUID {} age {}.",
        found.guid_text(),
        found.age,
        wanted.guid_text(),
        wanted.age
    ))
}

fn variables(pdb: &mut Opened) -> Result<Vec<Named>, pdb_addr2line::pdb::Error> {
    let map = pdb.address_map()?;
    let globals = pdb.global_symbols()?;
    let mut symbols = globals.iter();
    let mut variables = Vec::new();
    while let Some(symbol) = symbols.next()? {
        if let Ok(SymbolData::Data(data)) = symbol.parse()
            && let Some(rva) = data.offset.to_rva(&map)
        {
            variables.push((rva.0, data.name.to_string().into_owned()));
        }
    }
    Ok(variables)
}
/// Whether `pdb` belongs to `image`, by GUID and age.
pub fn is_of(image: &Image<'_>, pdb: &[u8]) -> bool {
    let Ok(Some(wanted)) = image.codeview() else { return false };
    let fits = || {
        let mut pdb = PDB::open(Cursor::new(pdb)).map_err(|error| error.to_string())?;
        check_identity(&mut pdb, &wanted)
    };
    guarded(fits).is_some_and(|fits| fits.is_ok())
}
