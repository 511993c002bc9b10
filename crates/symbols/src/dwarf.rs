//! DWARF inside the image, as GNU tools write it.

use crate::names::Names;
use crate::paths::relative_to;
use crate::{InlinedCall, Location};
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use pe::Image;
use self_cell::self_cell;

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Context<'a> = addr2line::Context<Slice<'a>>;

/// The `.debug_*` sections, by name.
type Sections = Vec<(String, Vec<u8>)>;

self_cell! {
    struct Cell {
        owner: Sections,
        #[not_covariant]
        dependent: Context,
    }
}

/// The line and function tables, parsed as they are needed.
pub(crate) struct Reader {
    cell: Cell,
    image_base: u64,
}

impl Reader {
    /// `None` where the image has no DWARF; a note where it has but cannot be read.
    pub fn open(image: &Image<'_>) -> Result<Option<Self>, String> {
        let sections: Sections = image
            .sections()
            .iter()
            .filter(|s| s.name.starts_with(".debug_"))
            .map(|s| (s.name.clone(), image.content(s).to_vec()))
            .collect();
        if !sections.iter().any(|(name, _)| name == ".debug_info") {
            return Ok(None);
        }
        let cell = Cell::try_new(sections, |sections| {
            let load = |id: SectionId| -> Result<Slice<'_>, addr2line::gimli::Error> {
                let found = sections.iter().find(|(name, _)| name == id.name());
                Ok(EndianSlice::new(found.map_or(&[], |(_, bytes)| bytes.as_slice()), LittleEndian))
            };
            Dwarf::load(load).and_then(Context::from_dwarf)
        });
        match cell {
            Ok(cell) => Ok(Some(Self { cell, image_base: image.image_base() })),
            Err(error) => Err(format!("the image's DWARF cannot be used: {error}.")),
        }
    }

    /// What DWARF knows about `rva`; nothing, too, where it is damaged there.
    pub fn locate(&self, rva: u32, names: &Names) -> Option<Location> {
        let address = self.image_base.checked_add(u64::from(rva))?;
        self.cell.with_dependent(|_, context| {
            let unit = context.find_dwarf_and_unit(address).skip_all_loads();
            let folder = unit.and_then(|unit| Some(unit.comp_dir?.to_string_lossy()));
            let folder = folder.as_deref().unwrap_or_default();
            let mut frames = context.find_frames(address).skip_all_loads().ok()?;
            let mut calls = Vec::new();
            while let Ok(Some(frame)) = frames.next() {
                let location = frame.location.as_ref();
                let name = frame.function.as_ref().and_then(|f| f.raw_name().ok());
                calls.push(InlinedCall {
                    function: name.map(|name| name.into_owned()),
                    file: location
                        .and_then(|l| l.file)
                        .map(|file| relative_to(file, folder).to_string()),
                    line: location.and_then(|l| l.line),
                });
            }
            from_calls(calls, rva, names)
        })
    }
}

/// Calls innermost first, the function itself last, as a location.
pub(crate) fn from_calls(mut calls: Vec<InlinedCall>, rva: u32, names: &Names) -> Option<Location> {
    let mut own = calls.pop()?;
    // GCC splits a function to inline its beginning and, where that did not pay, inlines the rest back
    // into it: a function that contains itself. The inner line is the one that was written.
    while let Some(inner) = calls.pop_if(|inner| inner.function == own.function) {
        own = inner;
    }
    let function = own.function.or_else(|| names.locate(rva)?.function);
    let function_rva = names.start_of(function.as_deref(), rva);
    Some(Location {
        function,
        function_rva,
        offset: rva.saturating_sub(function_rva),
        file: own.file,
        line: own.line,
        inlined: calls,
    })
}
