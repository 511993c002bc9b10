//! Threads and the exception: `MINIDUMP_THREAD`, `MINIDUMP_THREAD_NAME`, `MINIDUMP_EXCEPTION_STREAM`.

use super::{Location, Reader};
use crate::Error;
use crate::blocks::Block;
use crate::bytes::{u32_at, u64_at};
use crate::crash_dump::{Exception, exception_record};
use std::collections::HashMap;

/// A thread.
#[derive(Debug, Clone)]
pub struct Thread {
    /// Where its entry stands in the file.
    pub offset: u64,
    /// Its number.
    pub id: u32,
    /// How often it was suspended.
    pub suspended: u32,
    /// Address of its TEB.
    pub teb: u64,
    /// Its name; empty where it has none.
    pub name: String,
    /// Its stack, as far as the file holds it.
    pub stack: Option<Block>,
    pub(super) context: Option<Location>,
}

/// An exception, and who raised it.
#[derive(Debug, Clone)]
pub struct Raised {
    /// Number of the thread.
    pub thread: u32,
    /// The record.
    pub record: Exception,
    pub(super) context: Option<Location>,
}

pub(super) fn list(reader: &mut Reader<'_>, at: Location) -> Vec<Thread> {
    let entries = reader.list("NumberOfThreads", at, 48);
    let mut found = Vec::new();
    for offset in entries {
        let read = |reader: &Reader<'_>| -> Result<_, Error> {
            let id = u32_at(reader.data, offset, "ThreadId")?;
            let suspended = u32_at(reader.data, offset + 4, "SuspendCount")?;
            let teb = u64_at(reader.data, offset + 16, "Teb")?;
            Ok((id, suspended, teb, reader.location(offset + 40)?))
        };
        let read = read(reader);
        let Some((id, suspended, teb, context)) = reader.had(read) else { continue };
        let stack = reader.described_block(offset + 24);
        found.push(Thread { offset, id, suspended, teb, name: String::new(), stack, context });
    }
    found
}

/// Gives threads their names.
pub(super) fn name(reader: &mut Reader<'_>, at: Location, threads: &mut [Thread]) {
    const FIELD: &str = "MINIDUMP_THREAD_NAME";
    let mut by_id: HashMap<u32, &mut Thread> =
        threads.iter_mut().map(|thread| (thread.id, thread)).collect();
    for offset in reader.list("NumberOfThreadNames", at, 12) {
        let read = u32_at(reader.data, offset, FIELD)
            .and_then(|id| Ok((id, u64_at(reader.data, offset + 4, FIELD)?)));
        let Some((id, text)) = reader.had(read) else { continue };
        if let Some(thread) = by_id.get_mut(&id) {
            thread.name = reader.text("ThreadName", text);
        }
    }
}

pub(super) fn raised(reader: &mut Reader<'_>, at: Location) -> Option<Raised> {
    let read = |reader: &Reader<'_>| -> Result<Raised, Error> {
        let thread = u32_at(reader.data, at.offset, "ThreadId")?;
        // The record is that of 64 bits for every machine.
        let record = exception_record(reader.data, at.offset + 8)?;
        let context = reader.location(at.offset + 8 + 152)?;
        Ok(Raised { thread, record, context })
    };
    let read = read(reader);
    reader.had(read)
}
