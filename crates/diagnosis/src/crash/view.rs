//! A dump together with the images of its modules: memory, and names for addresses.

use crate::code_space::CodeSpace;
use crate::program::{Absent, ProcessLayout, Program, Programs, Wanted};
use evidence::crash_dump::{Dump, Machine, Module, Unloaded};
use listing::Isa;
use serde::Serialize;
use std::cell::{Cell, OnceCell};
use std::sync::Arc;

/// What an address is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// File name of the module; empty where the address lies in none.
    pub module: String,
    /// Bytes from the module's base.
    #[serde(serialize_with = "finding::hex64")]
    pub rva: u64,
    /// Function, where symbols name it.
    pub function: Option<String>,
    /// Bytes from the function's start.
    pub offset: u32,
    /// Source file.
    pub file: Option<String>,
    /// Line of it, from 1.
    pub line: Option<u32>,
}

impl Spot {
    /// A place in a module of which no image is at hand.
    fn bare(module: &str, rva: u64) -> Self {
        Self { module: module.to_owned(), rva, function: None, offset: 0, file: None, line: None }
    }

    /// A place in `program`; for a return address the call before it is meant.
    pub(crate) fn of(module: &str, rva: u64, program: &Program, is_return: bool) -> Self {
        let mut spot = Self::bare(module, rva);
        if let Some(located) = program.locate(rva.saturating_sub(u64::from(is_return))) {
            let (file, line) = located.source();
            (spot.file, spot.line) = (file.map(str::to_owned), line);
            spot.offset =
                u32::try_from(rva).unwrap_or_default().saturating_sub(located.function_rva);
            spot.function = located.function;
        }
        spot
    }

    /// As a debugger writes it: `amdppm!C1Idle+0x12`, or `amdppm+0x334c` without symbols.
    pub fn text(&self) -> String {
        let module = short(&self.module);
        match &self.function {
            Some(function) if self.offset == 0 => format!("{module}!{function}"),
            Some(function) => format!("{module}!{function}+{:#x}", self.offset),
            None => format!("{module}+{:#x}", self.rva),
        }
    }
}

/// A module's name as debuggers shorten it: the kernel is `nt`, others lose their extension.
pub fn short(module: &str) -> &str {
    if is_kernel(module) {
        return "nt";
    }
    module.rsplit_once('.').map_or(module, |(stem, _)| stem)
}

/// Whether `module` is the kernel itself, under any of the names that it was shipped with.
pub fn is_kernel(module: &str) -> bool {
    const NAMES: [&str; 5] = ["ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe", "nt"];
    NAMES.iter().any(|name| module.eq_ignore_ascii_case(name))
}

/// What a dump of any kind has captured.
pub(crate) trait Captured {
    /// The processor.
    fn machine(&self) -> Machine;
    /// Whether pointers have 64 bits.
    fn wide(&self) -> bool;
    /// Build of Windows.
    fn build(&self) -> u32;
    /// Loaded modules.
    fn modules(&self) -> &[Module];
    /// Unloaded modules, the latest first.
    fn unloaded(&self) -> &[Unloaded];
    /// Fills `buffer` from memory; `false` where a byte is not there.
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool;
    /// Bytes of the file.
    fn size(&self) -> u64;
    /// The stack of whoever crashed: its lowest address and its bytes.
    fn stack(&self) -> Option<(u64, &[u8])>;
}

impl Captured for Dump<'_> {
    fn machine(&self) -> Machine {
        self.header.machine
    }

    fn wide(&self) -> bool {
        self.header.wide
    }

    fn build(&self) -> u32 {
        self.header.build
    }

    fn modules(&self) -> &[Module] {
        &self.modules
    }

    fn unloaded(&self) -> &[Unloaded] {
        &self.unloaded
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.read_virtual(address, buffer)
    }

    fn size(&self) -> u64 {
        Dump::size(self)
    }

    fn stack(&self) -> Option<(u64, &[u8])> {
        Dump::stack(self)
    }
}

pub(crate) struct View<'d> {
    captured: &'d dyn Captured,
    /// Indices of the dump's modules, by base.
    by_base: Vec<usize>,
    programs: Vec<OnceCell<Result<Arc<Program>, Absent>>>,
    source: &'d dyn Programs,
    /// Bytes that images out of the dump's memory may still take: no more than the file has. Modules may lie
    /// over each other, and page tables may show one page of the file at many addresses.
    room: Cell<u64>,
}

impl<'d> View<'d> {
    pub fn new(captured: &'d dyn Captured, source: &'d dyn Programs) -> Self {
        let modules = captured.modules();
        let mut by_base: Vec<usize> = (0..modules.len()).collect();
        by_base.sort_by_key(|&index| modules[index].base);
        let programs = modules.iter().map(|_| OnceCell::new()).collect();
        let room = Cell::new(captured.size());
        Self { captured, by_base, programs, source, room }
    }

    /// Loaded modules, in the order of the dump.
    pub fn modules(&self) -> &'d [Module] {
        self.captured.modules()
    }

    /// Unloaded modules, the latest first.
    pub fn unloaded(&self) -> &'d [Unloaded] {
        self.captured.unloaded()
    }

    /// Build of Windows.
    pub fn build(&self) -> u32 {
        self.captured.build()
    }

    /// The stack of whoever crashed.
    pub fn stack(&self) -> Option<(u64, &'d [u8])> {
        self.captured.stack()
    }

    /// Fills `buffer` from the dump's memory.
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.captured.read(address, buffer)
    }

    /// Bits of a pointer.
    pub fn bits(&self) -> u32 {
        if self.captured.wide() { 64 } else { 32 }
    }

    pub fn machine(&self) -> Machine {
        self.captured.machine()
    }

    /// Index of the module that holds `address`.
    pub fn module_index(&self, address: u64) -> Option<usize> {
        let modules = self.modules();
        let after = self.by_base.partition_point(|&index| modules[index].base <= address);
        let index = *self.by_base.get(after.checked_sub(1)?)?;
        modules[index].contains(address).then_some(index)
    }

    pub fn module(&self, address: u64) -> Option<&'d Module> {
        self.module_index(address).map(|index| &self.modules()[index])
    }

    /// The image of a module.
    pub fn program(&self, index: usize) -> Option<&Arc<Program>> {
        self.asked(index).as_ref().ok()
    }

    /// Where the kernel keeps things of a process, if its image and PDB are at hand.
    pub fn process_layout(&self) -> ProcessLayout {
        let kernel = self.modules().iter().position(|module| is_kernel(module.name()));
        let program = kernel.and_then(|index| self.program(index));
        program.map(|program| program.process_layout(self.source)).unwrap_or_default()
    }

    fn asked(&self, index: usize) -> &Result<Arc<Program>, Absent> {
        self.programs[index].get_or_init(|| {
            let module = &self.modules()[index];
            let found = self.source.program(&Wanted {
                name: module.name().to_owned(),
                timestamp: module.stamp.raw(),
                size: module.size,
            });
            found.or_else(|absent| self.out_of_memory(module, &absent).ok_or(absent))
        })
    }

    /// The image as the dump's own memory has it, where that holds at least its headers and enough besides
    /// to name something or to unwind.
    fn out_of_memory(&self, module: &Module, absent: &Absent) -> Option<Arc<Program>> {
        const PAGE: usize = 0x1000;
        const MOST_MISSING: usize = 16;
        let mut first = [0; PAGE];
        if !self.read(module.base, &mut first) || !first.starts_with(b"MZ") {
            return None;
        }
        // The size is the dump's word, and so is where its pages are. Pages are taken as long as there are
        // not many more that are missing: else a small dump could ask for a large image.
        let pages = module.size.min(pe::MAX_IMAGE_SIZE) as usize / PAGE;
        let (mut memory, mut there, mut present) = (Vec::new(), Vec::new(), 0);
        let mut next = Some(module.base);
        for index in 0..pages {
            if index > MOST_MISSING + MOST_MISSING * present {
                break;
            }
            let read = next.is_some_and(|at| self.read(at, &mut first));
            next = next.and_then(|at| at.checked_add(PAGE as u64));
            there.push(read);
            if read {
                self.room.set(self.room.get().checked_sub(PAGE as u64)?);
                present += 1;
                memory.resize(index * PAGE, 0);
                memory.extend_from_slice(&first);
            }
        }
        let is_there = |rva: u32| there.get(rva as usize / PAGE) == Some(&true);
        let program = Program::out_of_memory(memory, &is_there, self.source, absent).ok()?;
        program.is_of_use().then(|| Arc::new(program))
    }

    /// Module and outcome of each image that was asked for.
    pub fn asked_for(&self) -> impl Iterator<Item = (&'d Module, &Result<Arc<Program>, Absent>)> {
        let all = self.modules().iter().zip(&self.programs);
        all.filter_map(|(module, cell)| Some((module, cell.get()?)))
    }

    /// The module and the image that hold `address`.
    pub fn program_at(&self, address: u64) -> Option<(&'d Module, &Arc<Program>)> {
        let index = self.module_index(address)?;
        Some((&self.modules()[index], self.program(index)?))
    }

    /// At most `length` bytes at `address`: from the dump, else from the image.
    pub fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        let mut found = vec![0; length];
        if self.read(address, &mut found) {
            return found;
        }
        // What an image out of the dump's memory has beyond that memory are zeros.
        if let Some((module, program)) = self.program_at(address).filter(|it| !it.1.from_memory) {
            let bytes = program.bytes(address - module.base, length);
            if !bytes.is_empty() {
                return bytes;
            }
        }
        // What is had up to the end of what the dump holds: what can be read whole, can be read in part.
        let (mut held, mut beyond) = (0, length);
        while held + 1 < beyond {
            let middle = held + (beyond - held) / 2;
            if self.read(address, &mut found[..middle]) {
                held = middle;
            } else {
                beyond = middle;
            }
        }
        found.truncate(held);
        if !self.read(address, &mut found) {
            found.clear();
        }
        found
    }

    /// The 8 bytes (4 of a 32-bit machine) at `address` of the dump's memory.
    pub fn pointer(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        let size = if self.captured.wide() { 8 } else { 4 };
        self.read(address, &mut bytes[..size]).then(|| u64::from_le_bytes(bytes))
    }

    /// Names an address; for a return address the call before it is meant.
    pub fn spot(&self, address: u64, is_return: bool) -> Option<Spot> {
        let module = self.module(address)?;
        let rva = address - module.base;
        let name = module.name();
        Some(match self.program_at(address) {
            Some((_, program)) => Spot::of(name, rva, program, is_return),
            None => Spot::bare(name, rva),
        })
    }

    /// What lies at an address, in words; empty where there is nothing to say of it.
    pub fn describe(&self, address: u64) -> String {
        if let Some(spot) = self.spot(address, false) {
            return spot.text();
        }
        let mut gone = self.unloaded().iter();
        if let Some(gone) = gone.find(|it| (it.begin..it.end).contains(&address)) {
            return format!("in {}, which had been unloaded", gone.name);
        }
        match self.stack() {
            Some((start, bytes))
                if address.checked_sub(start).is_some_and(|at| at < bytes.len() as u64) =>
            {
                "on the stack".to_owned()
            }
            _ => String::new(),
        }
    }

    /// Text at `address`, of either width, up to its NUL and at most 260 characters.
    pub fn text(&self, address: u64) -> Option<String> {
        let bytes = self.bytes(address, 520);
        let wide = bytes.len() >= 4 && bytes[1] == 0 && bytes[3] == 0 && bytes[0] != 0;
        let text: String = if wide {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            char::decode_utf16(units.take_while(|unit| *unit != 0))
                .map(|c| c.unwrap_or('?'))
                .collect()
        } else {
            bytes
                .iter()
                .take(260)
                .take_while(|byte| **byte != 0)
                .map(|byte| char::from(*byte))
                .collect()
        };
        (text.len() > 1 && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')).then_some(text)
    }
}

impl CodeSpace for View<'_> {
    fn isa(&self) -> Option<Isa> {
        match self.machine() {
            Machine::X64 => Some(Isa::X86(64)),
            Machine::X86 => Some(Isa::X86(32)),
            Machine::Arm64 => Some(Isa::Arm64),
            Machine::Other(_) => None,
        }
    }

    fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        View::bytes(self, address, length)
    }

    fn pointer(&self, address: u64) -> Option<u64> {
        View::pointer(self, address)
    }

    fn spot(&self, address: u64, is_return: bool) -> Option<Spot> {
        View::spot(self, address, is_return)
    }

    fn function(&self, address: u64) -> Option<(u64, Option<u64>)> {
        let (module, program) = self.program_at(address)?;
        let (begin, end) = program.extent(address - module.base)?;
        let end = end.and_then(|end| module.base.checked_add(end));
        Some((module.base.checked_add(begin)?, end))
    }

    fn base(&self, module: &str) -> Option<u64> {
        self.named(module).next().map(|index| self.modules()[index].base)
    }

    fn symbol(&self, module: &str, name: &str) -> Option<u64> {
        // Without a module every image would have to be found: the ones that are at hand are asked.
        self.named(module).find_map(|index| {
            let found = self.program(index)?.symbols().function(name)?;
            self.modules()[index].base.checked_add(found.into())
        })
    }
}

impl View<'_> {
    /// Indices of the modules of this name, short or whole; all for an empty one.
    fn named(&self, module: &str) -> impl Iterator<Item = usize> {
        let fits = move |own: &str| {
            module.is_empty()
                || own.eq_ignore_ascii_case(module)
                || short(own).eq_ignore_ascii_case(module)
        };
        (0..self.modules().len()).filter(move |&index| fits(self.modules()[index].name()))
    }
}
