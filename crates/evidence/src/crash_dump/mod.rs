//! Kernel crash dumps of Windows: headers, small dumps, physical memory and page tables.
//!
//! [`Dump::parse`] fails only where the header's first fields cannot be read. Everything after that
//! is had as far as the file goes; what is not to be had is a [`Lack`] with its place. Offsets come
//! from the dump itself, never from one build of Windows. Not told here, because a dump says nothing of
//! where they stand: process names, the IRQL, the start of a thread.

mod blobs;
mod debugger_data;
mod header;
mod kernel;
mod loaded;
mod memory;
mod modules;
mod paging;
mod physical;
mod registers;
mod triage;

pub use crate::blocks::Block;
pub use blobs::Blob;
pub use debugger_data::DebuggerData;
pub use header::{Exception, Header, Kind, Machine};
pub use modules::{Module, Stamp, Unloaded};
pub use physical::Run;
pub use registers::Registers;
pub use triage::Triage;

use crate::Error;
use crate::blocks::Blocks;
use crate::bytes::{slice, u32_at, u64_at};
pub(crate) use header::exception_record;
use physical::Pages;

/// A part that the file should have and that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The part or field.
    pub part: &'static str,
    /// Where in the file it should stand.
    pub offset: u64,
    /// Why it cannot be read: a clause without a full stop.
    pub why: String,
}

impl From<Error> for Lack {
    fn from(error: Error) -> Self {
        Self { part: error.field, offset: error.offset, why: error.problem }
    }
}

/// At most so many lacks are told one by one: a damaged file can have one for each entry of a table.
const MOST_LACKS: usize = 200;

/// Bytes of the largest context record, which is that of x64.
const MOST_CONTEXT: usize = 0x4d0;

/// Adds a lack, unless there are so many that one more says nothing.
pub(crate) fn note(lacks: &mut Vec<Lack>, lack: Lack) {
    match lacks.len() {
        ..MOST_LACKS => lacks.push(lack),
        MOST_LACKS => {
            let why = "more parts are missing, which are not listed".to_owned();
            lacks.push(Lack { part: "file", offset: lack.offset, why });
        }
        _ => {}
    }
}

/// A kernel dump.
#[derive(Debug, Clone)]
pub struct Dump<'a> {
    data: &'a [u8],
    /// What its header says.
    pub header: Header<'a>,
    /// What a small dump adds.
    pub triage: Option<Triage>,
    /// The debugger's block, where the dump holds it as text that can be read.
    pub debugger_data: Option<DebuggerData<'a>>,
    /// Loaded modules, in the order of the dump.
    pub modules: Vec<Module>,
    /// Modules unloaded before the crash, the latest first.
    pub unloaded: Vec<Unloaded>,
    /// What the file should hold and does not.
    pub lacks: Vec<Lack>,
    /// Copies of memory in a small dump, by address.
    blocks: Blocks,
    blobs: Vec<Blob<'a>>,
    pages: Pages<'a>,
    copies: kernel::Copies,
}

impl<'a> Dump<'a> {
    /// Reads the headers and tables of `data`, a whole file (mapped into memory, best).
    ///
    /// # Errors
    /// Where it is no kernel dump, or ends within the header's first fields.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let mut lacks = Vec::new();
        let header = Header::parse(data, &mut lacks)?;
        let pages = Pages::parse(data, &header, &mut lacks);
        let mut dump = Self {
            data,
            header,
            triage: None,
            debugger_data: None,
            modules: Vec::new(),
            unloaded: Vec::new(),
            lacks,
            blocks: Blocks::default(),
            blobs: Vec::new(),
            pages,
            copies: kernel::Copies::default(),
        };
        if dump.header.kind == Kind::Triage {
            dump.small();
        } else {
            dump.walk_loaded_modules();
            if let Some(end) = dump.header.required_space {
                dump.blobs = blobs::parse(data, end, &mut dump.lacks);
            }
            dump.read_kernel();
        }
        Ok(dump)
    }

    fn small(&mut self) {
        let (data, wide) = (self.data, self.header.wide);
        let lacks = &mut self.lacks;
        let triage = match Triage::parse(data, wide) {
            Ok(triage) => triage,
            Err(error) => return note(lacks, Lack::from(error)),
        };
        if !triage.complete {
            let why = "the writer's closing mark is not there: cut or not finished".to_owned();
            note(lacks, Lack { part: "ValidOffset", offset: triage.valid_offset.into(), why });
        }
        let time = self.header.system_time;
        self.modules = triage.modules(data, wide, time, lacks);
        self.unloaded = triage.unloaded(data, wide, lacks);
        self.blocks = Blocks::new(triage.blocks(data, lacks));
        if triage.debugger_data_offset != 0 {
            let (offset, size) = (triage.debugger_data_offset, triage.debugger_data_size);
            match DebuggerData::parse(data, offset.into(), size.into()) {
                Ok(found) => self.debugger_data = Some(found),
                Err(error) => note(lacks, Lack::from(error)),
            }
        }
        self.blobs = blobs::parse(data, triage.size_of_dump.into(), lacks);
        self.triage = Some(triage);
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.data.len() as u64
    }

    /// Registers of the header's context record: where a bug check has a context record of its own (an
    /// exception that nobody handled), they are those of the exception.
    #[must_use]
    pub fn registers(&self) -> Option<Registers> {
        Registers::parse(self.header.machine, self.header.context?)
    }

    /// Registers of the processor block: those at the call of the bug check itself.
    #[must_use]
    pub fn prcb_registers(&self) -> Option<Registers> {
        let (prcb, debugger) = (self.prcb()?, self.debugger_data.as_ref()?);
        if let Some(offset) = debugger.prcb_context_pointer() {
            let field = prcb.get(usize::from(offset)..)?;
            let at = if self.header.wide {
                u64_at(field, 0, "Prcb.Context").ok()?
            } else {
                u32_at(field, 0, "Prcb.Context").ok()?.into()
            };
            let mut context = [0; MOST_CONTEXT];
            let size = Registers::context_size(self.header.machine)?;
            let filled = self.read_virtual(at, &mut context[..size]);
            return filled.then(|| Registers::parse(self.header.machine, &context)).flatten();
        }
        let context = prcb.get(usize::from(debugger.prcb_context()?)..)?;
        Registers::parse(self.header.machine, context)
    }

    /// The module that holds `address`.
    #[must_use]
    pub fn module_at(&self, address: u64) -> Option<&Module> {
        self.modules.iter().find(|module| module.contains(address))
    }

    /// The call stack: its lowest address, which is the stack pointer, and its bytes as far as the dump
    /// holds them.
    #[must_use]
    pub fn stack(&self) -> Option<(u64, &[u8])> {
        let Some(triage) = self.triage.as_ref() else {
            return self.copies.stack.as_ref().map(|(start, bytes)| (*start, &bytes[..]));
        };
        self.part(triage.call_stack_offset, triage.size_of_call_stack.into())
            .map(|bytes| (triage.top_of_stack, bytes))
    }

    /// The block (KPRCB) of the processor that crashed.
    #[must_use]
    pub fn prcb(&self) -> Option<&[u8]> {
        let Some(triage) = self.triage.as_ref() else { return self.copies.prcb.as_deref() };
        self.part(triage.prcb_offset, self.debugger_data.as_ref()?.size_of_prcb()?.into())
    }

    /// The process (EPROCESS) of that processor's thread.
    #[must_use]
    pub fn process(&self) -> Option<&[u8]> {
        let Some(triage) = self.triage.as_ref() else { return self.copies.process.as_deref() };
        self.part(triage.process_offset, self.debugger_data.as_ref()?.size_of_process()?.into())
    }

    /// The thread (ETHREAD) of that processor.
    #[must_use]
    pub fn thread(&self) -> Option<&[u8]> {
        let Some(triage) = self.triage.as_ref() else { return self.copies.thread.as_deref() };
        self.part(triage.thread_offset, self.debugger_data.as_ref()?.size_of_thread()?.into())
    }

    /// File name of the driver that Windows itself found at fault, of a small dump.
    #[must_use]
    pub fn broken_driver(&self) -> Option<String> {
        let at = u64::from(self.triage.as_ref()?.broken_driver_offset);
        (at != 0).then(|| triage::counted_text(self.data, at).ok()).flatten()
    }

    /// `MmVerifyDriverLevel` of a small dump: flags of Driver Verifier, 0 where it is off.
    #[must_use]
    pub fn verifier_level(&self) -> Option<u32> {
        let at = u64::from(self.triage.as_ref()?.mm_offset);
        // DUMP_MM_STORAGE: version, size, special pool tag, action taken, then the level.
        (at != 0).then(|| u32_at(self.data, at + 0x10, "MmVerifyDriverLevel").ok()).flatten()
    }

    fn part(&self, offset: u32, size: u64) -> Option<&'a [u8]> {
        if offset == 0 || size == 0 {
            return None;
        }
        slice(self.data, offset.into(), size, "TRIAGE_DUMP").ok()
    }
}
