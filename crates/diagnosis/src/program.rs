//! An image that was loaded, as a file, with its symbols.

use pe::unwind::Module;
use pe::{Function, Image, Machine};
use std::sync::{Arc, OnceLock};
use symbols::{Location, MapFile, Symbols};

/// Which image is wanted: what a dump says of a loaded module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// File name, without folders.
    pub name: String,
    /// `TimeDateStamp` of its header.
    pub timestamp: u32,
    /// `SizeOfImage` of its header.
    pub size: u32,
}

/// Where images come from.
pub trait Programs {
    /// The image, if it can be had.
    ///
    /// # Errors
    /// Why it cannot.
    fn program(&self, wanted: &Wanted) -> Result<Arc<Program>, Absent>;

    /// The PDB of an image that was found elsewhere, and what stood in the way, a sentence each.
    fn pdb(&self, image: &Image<'_>) -> (Option<Vec<u8>>, Vec<String>);
}

/// Why an image is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// There is none in any of the places.
    NotFound,
    /// There is one of its name, but it is another build or damaged: a clause that says so.
    Unfit(String),
}

/// Where the kernel of one build keeps what is told of a process: bytes from the start of EPROCESS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessLayout {
    /// `ImageFileName`, fifteen characters.
    pub name: Option<u64>,
    /// `UniqueProcessId`.
    pub id: Option<u64>,
}

/// No images at all.
pub struct Nothing;

impl Programs for Nothing {
    fn program(&self, _: &Wanted) -> Result<Arc<Program>, Absent> {
        Err(Absent::NotFound)
    }

    fn pdb(&self, _: &Image<'_>) -> (Option<Vec<u8>>, Vec<String>) {
        (None, Vec::new())
    }
}

/// An image with what is known about it.
pub struct Program {
    file: Vec<u8>,
    functions: Vec<Function>,
    symbols: Symbols,
    memory: OnceLock<Vec<u8>>,
    process: OnceLock<ProcessLayout>,
    /// Whether it was taken out of a dump's memory.
    pub from_memory: bool,
    /// What of it could not be used, a sentence each.
    pub notes: Vec<String>,
}

impl Program {
    /// The image in `file`, with its PDB and a linker's map file where there are such.
    ///
    /// # Errors
    /// A file that is no image.
    pub fn new(
        file: Vec<u8>,
        pdb: Option<Vec<u8>>,
        map: Option<&MapFile>,
    ) -> Result<Self, pe::Error> {
        let (mut symbols, mut notes) = Symbols::load(&file, pdb);
        let image = Image::parse(&file)?;
        if let Some(map) = map {
            notes.extend(symbols.add_map(map, &image));
        }
        let functions = image.functions().unwrap_or_else(|error| {
            notes.push(format!("its function table cannot be used: {error}."));
            Vec::new()
        });
        drop(image);
        Ok(Self {
            file,
            functions,
            symbols,
            memory: OnceLock::new(),
            process: OnceLock::new(),
            from_memory: false,
            notes,
        })
    }

    /// The image that `memory` holds from its base on, as a dump has it: parts of it may be missing, as
    /// `is_there` tells of an RVA. `absent`
    /// is why its file is not to be had.
    ///
    /// # Errors
    /// Memory that does not begin with the headers of an image.
    pub fn out_of_memory(
        mut memory: Vec<u8>,
        is_there: &dyn Fn(u32) -> bool,
        programs: &dyn Programs,
        absent: &Absent,
    ) -> Result<Self, pe::Error> {
        pe::file_from_memory(&mut memory, is_there)?;
        let (pdb, mut notes) = programs.pdb(&Image::parse(&memory)?);
        let mut program = Self { from_memory: true, ..Self::new(memory, pdb, None)? };
        program.notes.append(&mut notes);
        if let Absent::Unfit(why) = absent {
            program.notes.push(why.clone());
        }
        Ok(program)
    }

    /// The image.
    ///
    /// # Panics
    /// Never: it was read once before.
    pub fn image(&self) -> Image<'_> {
        Image::parse(&self.file).expect("it was an image when it was taken in")
    }

    /// Whether it is the one that is wanted, by time stamp and size; else a clause that says why not.
    ///
    /// # Errors
    /// The clause.
    pub fn fits(&self, wanted: &Wanted) -> Result<(), String> {
        let image = self.image();
        let own = (image.timestamp(), image.size_of_image());
        if own == (wanted.timestamp, wanted.size) {
            return Ok(());
        }
        Err(format!(
            "it is another build: time stamp {:#010x} and size {:#x}, where {:#010x} and {:#x} were loaded",
            own.0, own.1, wanted.timestamp, wanted.size
        ))
    }

    /// Whether it unwinds or names anything.
    pub fn is_of_use(&self) -> bool {
        !self.functions.is_empty() || self.symbols.kind() != symbols::SymbolKind::None
    }

    /// Where this kernel keeps things of a process, from its PDB, which `programs` is asked for once.
    pub fn process_layout(&self, programs: &dyn Programs) -> ProcessLayout {
        *self.process.get_or_init(|| {
            if self.symbols.kind() != symbols::SymbolKind::Pdb {
                return ProcessLayout::default();
            }
            let Some(pdb) = programs.pdb(&self.image()).0 else { return ProcessLayout::default() };
            let wanted = [("_EPROCESS", "ImageFileName"), ("_EPROCESS", "UniqueProcessId")];
            match symbols::member_offsets(&pdb, &wanted)[..] {
                [name, id] => ProcessLayout { name, id },
                _ => ProcessLayout::default(),
            }
        })
    }

    /// Names and lines.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// What lies at `rva`; for a return address ask for the byte before it.
    pub fn locate(&self, rva: u64) -> Option<Location> {
        self.symbols.locate(u32::try_from(rva).ok()?)
    }

    /// The function table entry that holds `rva`.
    pub fn function_at(&self, rva: u64) -> Option<Function> {
        let rva = u32::try_from(rva).ok()?;
        Module { base: 0, functions: &self.functions, memory: &[] }.function_at(rva)
    }

    /// First byte of the function that holds `rva`, and the one behind it where that is known.
    pub fn extent(&self, rva: u64) -> Option<(u64, Option<u64>)> {
        match self.function_at(rva) {
            // A function may lie in several parts; a symbol tells where the first begins.
            Some(function) => Some((function.begin.into(), Some(function.end.into()))),
            None => Some((self.locate(rva)?.function_rva.into(), None)),
        }
    }

    /// Bytes from `rva` on, at most `length`, as they stand in the file: not past a section's end.
    pub fn bytes(&self, rva: u64, length: usize) -> Vec<u8> {
        let image = self.image();
        let found = || {
            let rva = u32::try_from(rva).ok()?;
            let section = image.section_at(rva)?;
            let content = image.content(section).get((rva - section.rva) as usize..)?;
            Some(content[..length.min(content.len())].to_vec())
        };
        found().unwrap_or_default()
    }

    /// The image for the unwinder, loaded at `base`; `None` where it has no function table of x64.
    pub fn module(&self, base: u64) -> Option<Module<'_>> {
        let image = self.image();
        if image.machine() != Machine::Amd64 || self.functions.is_empty() {
            return None;
        }
        if self.from_memory {
            return Some(Module { base, functions: &self.functions, memory: &self.file });
        }
        // Unwinding reads code and tables, which relocation does not touch.
        let memory =
            self.memory.get_or_init(|| image.map_at(image.image_base()).unwrap_or_default());
        (!memory.is_empty()).then_some(Module { base, functions: &self.functions, memory })
    }
}
