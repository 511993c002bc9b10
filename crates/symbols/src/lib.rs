//! Names, files and lines for addresses of an image: from its PDB (Microsoft's and LLVM's linkers), from
//! DWARF inside it (GNU tools), or at least from its symbol table or its exports.
//!
//! No I/O happens here: [`Symbols::wanted_pdb`] says which file to look for, and [`Symbols::load`] takes
//! its bytes and checks that it belongs to the image. A [`Symbols`] may be shared between threads.

#![forbid(unsafe_code)]

mod dwarf;
mod map_file;
mod names;
mod paths;
mod pdb;
mod pdb_types;

pub use map_file::{MapFile, MapForm, MapSymbol};
pub use pdb::is_of as pdb_is_of;
pub use pdb_types::member_offsets;

use names::Names;
use pe::Image;
use std::sync::{Mutex, PoisonError};

/// Where the names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// Debug information in the image: functions, lines, inlined calls.
    Dwarf,
    /// A PDB: functions, lines, inlined calls.
    Pdb,
    /// A map file of the linker: functions and variables, no lines.
    Map,
    /// The image's COFF symbol table: functions and variables, no lines.
    SymbolTable,
    /// Exports only.
    Exports,
    /// Nothing at all.
    None,
}

/// What lies at an address of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The function whose code it is, inlined calls apart.
    pub function: Option<String>,
    /// RVA of that function's first byte, where known, else of the address itself.
    pub function_rva: u32,
    /// Bytes from there to the address.
    pub offset: u32,
    /// Source file of `line`, as the compiler recorded it, with forward slashes.
    pub file: Option<String>,
    /// Line in `function`; for inlined code, the line of the call that was inlined.
    pub line: Option<u32>,
    /// Calls inlined at this address, innermost first; empty for code of the function's own.
    pub inlined: Vec<InlinedCall>,
}

/// One function that the compiler inlined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlinedCall {
    /// The inlined function.
    pub function: Option<String>,
    /// Source file of `line`.
    pub file: Option<String>,
    /// Line in the inlined function.
    pub line: Option<u32>,
}

impl Location {
    /// Function, file and line in the driver's own sources: of the innermost inlined call that is
    /// not from a header of the compiler or the kit, or else of the function.
    pub fn own(&self) -> (Option<&str>, Option<&str>, Option<u32>) {
        let mut calls = self.inlined.iter();
        let own =
            calls.find(|call| call.file.as_deref().is_some_and(|file| !paths::is_of_kit(file)));
        let outside = || (self.function.as_deref(), self.file.as_deref(), self.line);
        own.map_or_else(outside, |call| {
            let function = call.function.as_deref().or(self.function.as_deref());
            (function, call.file.as_deref(), call.line)
        })
    }

    /// File and line of the instruction itself: of the innermost inlined call, if there is one.
    pub fn source(&self) -> (Option<&str>, Option<u32>) {
        match self.inlined.first() {
            Some(call) => (call.file.as_deref(), call.line),
            None => (self.file.as_deref(), self.line),
        }
    }
}

/// Everything known about the names and lines of one image.
pub struct Symbols {
    names: Names,
    // Both readers cache what they have parsed behind a shared reference, so a look-up needs a lock.
    lines: Lines,
    kind: SymbolKind,
}

enum Lines {
    Pdb(Mutex<pdb::Reader>),
    Dwarf(Mutex<dwarf::Reader>),
    None,
}

impl Symbols {
    /// Reads what the image holds and, if it belongs to the image, `pdb`.
    ///
    /// Symbols are a help and not a condition, so nothing here is an error: what could not be used, and
    /// why, is told in the notes (a sentence each).
    pub fn load(image_bytes: &[u8], pdb: Option<Vec<u8>>) -> (Self, Vec<String>) {
        let mut notes = Vec::new();
        let none = || Names::default();
        let image = match Image::parse(image_bytes) {
            Ok(image) => image,
            Err(error) => {
                notes.push(format!("no symbols: the image cannot be read: {error}."));
                let kind = SymbolKind::None;
                return (Self { names: none(), lines: Lines::None, kind }, notes);
            }
        };
        let mut names = Names::of_image(&image, &mut notes);

        if let Some(bytes) = pdb {
            match pdb::Reader::open(&image, bytes) {
                Ok(mut reader) => {
                    let (functions, variables) = reader.take_names();
                    names.add(functions, variables);
                    let lines = Lines::Pdb(Mutex::new(reader));
                    return (Self { names, lines, kind: SymbolKind::Pdb }, notes);
                }
                Err(problem) => notes.push(problem),
            }
        }
        match dwarf::Reader::open(&image) {
            Ok(Some(reader)) => {
                let lines = Lines::Dwarf(Mutex::new(reader));
                return (Self { names, lines, kind: SymbolKind::Dwarf }, notes);
            }
            Ok(None) => {}
            Err(problem) => notes.push(problem),
        }
        let kind = names.kind();
        (Self { names, lines: Lines::None, kind }, notes)
    }

    /// Adds the names of a map file, after those that are known already. Sentences about what does not
    /// fit the image.
    pub fn add_map(&mut self, map: &MapFile, image: &Image<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(timestamp) = map.timestamp.filter(|&time| time != image.timestamp()) {
            notes.push(format!(
                "the map file was written for another build: its time stamp is {timestamp:#010x}, the \
                 image's {:#010x}.",
                image.timestamp()
            ));
            return notes;
        }
        if self.names.add_by_section(map.symbols().iter().map(|s| (s.rva, s.name.clone()))) == 0 {
            notes.push(
                "no name of the map file lies in the image; it belongs to another.".to_owned(),
            );
        } else if matches!(self.kind, SymbolKind::None | SymbolKind::Exports) {
            self.kind = SymbolKind::Map;
        }
        notes
    }

    /// File name of the PDB that belongs to the image, without the folders of the machine that built it.
    /// `None` where the image names none, or nothing that could be a file name.
    pub fn wanted_pdb(image: &Image<'_>) -> Option<String> {
        let codeview = image.codeview().ok().flatten()?;
        paths::file_name(&codeview.path)
    }

    /// Where the names come from.
    pub fn kind(&self) -> SymbolKind {
        self.kind
    }

    /// What lies at `rva`. `None` outside every function that anything is known about.
    ///
    /// For a return address ask for the byte before it, which belongs to the call.
    pub fn locate(&self, rva: u32) -> Option<Location> {
        let detailed = match &self.lines {
            Lines::Pdb(reader) => {
                reader.lock().unwrap_or_else(PoisonError::into_inner).locate(rva, &self.names)
            }
            Lines::Dwarf(reader) => {
                reader.lock().unwrap_or_else(PoisonError::into_inner).locate(rva, &self.names)
            }
            Lines::None => None,
        };
        let mut found = detailed.or_else(|| self.names.locate(rva))?;
        let inlined = found.inlined.iter_mut().map(|call| &mut call.file);
        for file in inlined.chain([&mut found.file]).flatten() {
            *file = paths::forward(file);
        }
        Some(found)
    }

    /// RVA of the function of that name.
    pub fn function(&self, name: &str) -> Option<u32> {
        self.names.function(name)
    }

    /// RVA and name of every function, in order of RVA, one name an RVA.
    pub fn functions(&self) -> impl Iterator<Item = (u32, &str)> {
        self.names.functions()
    }

    /// RVA and name of every variable, in order of RVA, one name an RVA.
    pub fn variables(&self) -> impl Iterator<Item = (u32, &str)> {
        self.names.variables()
    }

    /// The global variable that `rva` lies in or after, and the bytes from its start. Sizes are not
    /// recorded everywhere, so the nearest variable before `rva` in the same section is meant.
    pub fn variable(&self, rva: u32) -> Option<(&str, u32)> {
        self.names.variable(rva)
    }
}
