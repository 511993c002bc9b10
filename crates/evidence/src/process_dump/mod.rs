//! Minidumps of processes: exception, threads with their registers and stacks, modules, memory.
//!
//! As in [`crate::crash_dump`], [`ProcessDump::parse`] fails only where the header cannot be read; what else
//! is missing is a [`Lack`] with its place. Source: minidumpapiset.h of the Windows SDK,
//! <https://learn.microsoft.com/windows/win32/api/minidumpapiset/>.

mod modules;
mod system;
mod threads;

pub use modules::{CodeView, Module};
pub use system::System;
pub use threads::{Raised, Thread};

use crate::Error;
use crate::blocks::{Block, Blocks};
use crate::bytes::{slice, u16_at, u32_at, u64_at, wide};
use crate::crash_dump::{Lack, Machine, Registers, Unloaded, note};

/// Streams that are looked at: more than any writer makes.
const MOST_STREAMS: u32 = 1024;
/// Longest text that is read, in bytes.
const MOST_TEXT: u64 = 0x1000;
/// Bytes of all texts together: entries may share one.
const MOST_TEXTS: usize = 1 << 20;

/// Numbers of streams: `MINIDUMP_STREAM_TYPE`.
mod stream {
    pub const THREADS: u32 = 3;
    pub const MODULES: u32 = 4;
    pub const MEMORY: u32 = 5;
    pub const EXCEPTION: u32 = 6;
    pub const SYSTEM: u32 = 7;
    pub const MEMORY64: u32 = 9;
    pub const COMMENT_A: u32 = 10;
    pub const COMMENT_W: u32 = 11;
    pub const UNLOADED: u32 = 14;
    pub const MISC: u32 = 15;
    pub const THREAD_NAMES: u32 = 24;
}

/// A minidump.
#[derive(Debug, Clone)]
pub struct ProcessDump<'a> {
    data: &'a [u8],
    /// `TimeDateStamp` of the header: seconds since 1970 at which it was written.
    pub written: u32,
    /// `Flags` of the header: `MINIDUMP_TYPE`.
    pub flags: u64,
    /// The system that the process ran on.
    pub system: Option<System>,
    /// The process.
    pub process_id: Option<u32>,
    /// Minutes by which the machine's clock was ahead of universal time, where the writer says it.
    pub zone: Option<i16>,
    /// What its writer had to say.
    pub comment: Option<String>,
    /// The exception that it was written for.
    pub exception: Option<Raised>,
    /// Threads.
    pub threads: Vec<Thread>,
    /// Loaded modules, in the order of the dump; the first is the program.
    pub modules: Vec<Module>,
    /// Unloaded modules, in the order of the dump.
    pub unloaded: Vec<Unloaded>,
    /// What the file should hold and does not.
    pub lacks: Vec<Lack>,
    memory: Blocks,
}

/// A part of the file that the directory or another part names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    offset: u64,
    size: u64,
}

/// Reads parts and tells of those that are not there.
struct Reader<'a> {
    data: &'a [u8],
    lacks: Vec<Lack>,
    /// Bytes of text that may still be read.
    text: usize,
}

impl<'a> ProcessDump<'a> {
    /// Reads `data`, a whole file (mapped into memory, best).
    ///
    /// # Errors
    /// Where it is no minidump, or ends within its header.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        if slice(data, 0, 4, "Signature")? != b"MDMP" {
            return Err(Error::new(0, "Signature", "not MDMP: not a minidump"));
        }
        if u16_at(data, 4, "Version")? != 0xa793 {
            return Err(Error::new(4, "Version", "not 0xa793"));
        }
        let streams = u32_at(data, 8, "NumberOfStreams")?;
        let directory = u32_at(data, 12, "StreamDirectoryRva")?;
        let written = u32_at(data, 20, "TimeDateStamp")?;
        let flags = u64_at(data, 24, "Flags")?;
        let mut reader = Reader { data, lacks: Vec::new(), text: MOST_TEXTS };
        let found = reader.directory(directory.into(), streams);
        // The first of a kind counts, as there should be one.
        let named =
            |wanted| found.iter().find(|(kind, _)| *kind == wanted).map(|(_, location)| *location);
        let system = named(stream::SYSTEM).and_then(|at| system::read(&mut reader, at));
        let process_id = named(stream::MISC).and_then(|at| system::process_id(&mut reader, at));
        let zone = named(stream::MISC).and_then(|at| system::zone(&mut reader, at));
        let comment = match (named(stream::COMMENT_W), named(stream::COMMENT_A)) {
            (Some(at), _) => reader.bytes("CommentStreamW", at.capped(MOST_TEXT)).map(wide),
            (None, Some(at)) => reader
                .bytes("CommentStreamA", at.capped(MOST_TEXT))
                .map(|bytes| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()),
            (None, None) => None,
        };
        let exception = named(stream::EXCEPTION).and_then(|at| threads::raised(&mut reader, at));
        let mut threads =
            named(stream::THREADS).map(|at| threads::list(&mut reader, at)).unwrap_or_default();
        if let Some(at) = named(stream::THREAD_NAMES) {
            threads::name(&mut reader, at, &mut threads);
        }
        let modules =
            named(stream::MODULES).map(|at| modules::list(&mut reader, at)).unwrap_or_default();
        let unloaded = named(stream::UNLOADED)
            .map(|at| modules::unloaded(&mut reader, at))
            .unwrap_or_default();
        let mut memory: Vec<Block> = threads.iter().filter_map(|thread| thread.stack).collect();
        if let Some(at) = named(stream::MEMORY) {
            memory.extend(reader.memory(at));
        }
        if let Some(at) = named(stream::MEMORY64) {
            memory.extend(reader.memory64(at));
        }
        // Stacks are in the list of memory too, as a rule.
        memory.sort_by_key(|block| (block.address, block.offset));
        memory.dedup();
        Ok(Self {
            data,
            written,
            flags,
            system,
            process_id,
            zone,
            comment,
            exception,
            threads,
            modules,
            unloaded,
            lacks: reader.lacks,
            memory: Blocks::new(memory),
        })
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.data.len() as u64
    }

    /// Copies of memory that the dump holds, by address; they may overlap.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        self.memory.all()
    }

    /// Fills `buffer` from memory at `address`; `false` where a byte is not in the dump, and what `buffer`
    /// then holds means nothing.
    #[must_use]
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        let fits = buffer.len() as u64 <= u64::MAX - address;
        fits && self.memory.read(self.data, address, buffer).is_some()
    }

    /// Registers of a thread when the dump was written.
    #[must_use]
    pub fn registers(&self, thread: &Thread) -> Option<Registers> {
        self.context(thread.context)
    }

    /// Registers at the exception.
    #[must_use]
    pub fn exception_registers(&self) -> Option<Registers> {
        self.context(self.exception.as_ref()?.context)
    }

    fn context(&self, at: Option<Location>) -> Option<Registers> {
        let (at, machine) = (at?, self.system.as_ref()?.machine);
        Registers::parse(machine, slice(self.data, at.offset, at.size, "ThreadContext").ok()?)
    }

    /// The stack of a thread, as far as the dump holds it: its lowest address and its bytes.
    #[must_use]
    pub fn stack(&self, thread: &Thread) -> Option<(u64, &'a [u8])> {
        let block = thread.stack?;
        Some((block.address, slice(self.data, block.offset, block.size, "Stack").ok()?))
    }

    /// The module that holds `address`.
    #[must_use]
    pub fn module_at(&self, address: u64) -> Option<&Module> {
        self.modules.iter().find(|module| module.contains(address))
    }
}

impl Location {
    fn capped(self, most: u64) -> Self {
        Self { size: self.size.min(most), ..self }
    }
}

impl<'a> Reader<'a> {
    fn lack(&mut self, part: &'static str, offset: u64, why: String) {
        note(&mut self.lacks, Lack { part, offset, why });
    }

    /// What `read` gives; its error is noted.
    fn had<T>(&mut self, read: Result<T, Error>) -> Option<T> {
        match read {
            Ok(found) => Some(found),
            Err(error) => {
                note(&mut self.lacks, Lack::from(error));
                None
            }
        }
    }

    fn bytes(&mut self, field: &'static str, at: Location) -> Option<&'a [u8]> {
        self.had(slice(self.data, at.offset, at.size, field))
    }

    /// `MINIDUMP_LOCATION_DESCRIPTOR` at `offset`; `None` where it names nothing.
    fn location(&self, offset: u64) -> Result<Option<Location>, Error> {
        let size = u32_at(self.data, offset, "DataSize")?;
        let rva = u32_at(self.data, offset.saturating_add(4), "Rva")?;
        let named = size != 0 && rva != 0;
        Ok(named.then_some(Location { offset: rva.into(), size: size.into() }))
    }

    fn directory(&mut self, offset: u64, streams: u32) -> Vec<(u32, Location)> {
        let mut found = Vec::new();
        let count = self.held("NumberOfStreams", offset, 12, streams.into());
        if u64::from(streams) > u64::from(MOST_STREAMS) {
            let why = format!("{streams} streams, of which {MOST_STREAMS} are looked at");
            self.lack("NumberOfStreams", 8, why);
        }
        for index in 0..count.min(MOST_STREAMS.into()) {
            let at = offset + index * 12;
            let entry = u32_at(self.data, at, "StreamType")
                .and_then(|kind| Ok((kind, self.location(at + 4)?)));
            if let Some((kind, Some(location))) = self.had(entry) {
                found.push((kind, location));
            }
        }
        found
    }

    /// How many of the `count` entries of a table the file holds whole; more than that is told once.
    fn held(&mut self, field: &'static str, offset: u64, size: u64, count: u64) -> u64 {
        let room = (self.data.len() as u64).saturating_sub(offset) / size;
        if count > room {
            self.lack(field, offset, format!("{count} entries, of which the file holds {room}"));
        }
        count.min(room)
    }

    /// A list: its count, then entries of `size`. Some writers put four bytes between the two.
    fn list(&mut self, field: &'static str, at: Location, size: u64) -> Vec<u64> {
        let Some(count) = self.had(u32_at(self.data, at.offset, field)) else { return Vec::new() };
        let count = u64::from(count);
        let padding = if at.size == 8 + count * size { 8 } else { 4 };
        let first = at.offset + padding;
        let held = self.held(field, first, size, count);
        (0..held).map(|index| first + index * size).collect()
    }

    /// `MINIDUMP_STRING` at `offset`.
    fn text(&mut self, field: &'static str, offset: u64) -> String {
        let read = u32_at(self.data, offset, field).and_then(|length| {
            let length = u64::from(length).min(MOST_TEXT) & !1;
            slice(self.data, offset.saturating_add(4), length, field)
        });
        let Some(bytes) = self.had(read) else { return String::new() };
        let Some(left) = self.text.checked_sub(bytes.len()) else {
            self.lack(field, offset, "texts before it are longer than any process has".to_owned());
            return String::new();
        };
        self.text = left;
        wide(bytes)
    }

    /// A block of memory, cut to what the file holds.
    fn block(&mut self, address: u64, offset: u64, size: u64) -> Option<Block> {
        let held = (self.data.len() as u64).saturating_sub(offset).min(size);
        if held < size {
            let why = format!("{held:#x} of {size:#x} bytes are in the file");
            self.lack("memory block", offset, why);
        }
        let whole = held > 0 && address.checked_add(held).is_some();
        whole.then_some(Block { address, offset, size: held })
    }

    /// `MINIDUMP_MEMORY_DESCRIPTOR` at `offset`; `None` where it names nothing.
    fn described_block(&mut self, offset: u64) -> Option<Block> {
        let read = u64_at(self.data, offset, "StartOfMemoryRange")
            .and_then(|address| Ok((address, self.location(offset.saturating_add(8))?)));
        let (address, location) = self.had(read)?;
        let location = location?;
        self.block(address, location.offset, location.size)
    }

    fn memory(&mut self, at: Location) -> Vec<Block> {
        let entries = self.list("NumberOfMemoryRanges", at, 16);
        entries.into_iter().filter_map(|entry| self.described_block(entry)).collect()
    }

    /// Ranges whose bytes follow each other from one place on.
    fn memory64(&mut self, at: Location) -> Vec<Block> {
        const FIELD: &str = "MINIDUMP_MEMORY64_LIST";
        let mut found = Vec::new();
        let head = u64_at(self.data, at.offset, FIELD)
            .and_then(|count| Ok((count, u64_at(self.data, at.offset + 8, FIELD)?)));
        let Some((count, mut offset)) = self.had(head) else { return found };
        let first = at.offset + 16;
        for index in 0..self.held(FIELD, first, 16, count) {
            let entry = first + index * 16;
            let read = u64_at(self.data, entry, FIELD)
                .and_then(|address| Ok((address, u64_at(self.data, entry + 8, FIELD)?)));
            let Some((address, size)) = self.had(read) else { break };
            found.extend(self.block(address, offset, size));
            let Some(next) = offset.checked_add(size) else {
                self.lack(FIELD, entry, format!("{size:#x} bytes pass the end of numbers"));
                break;
            };
            offset = next;
        }
        found
    }
}
