//! `watch --from`: records of others, merged by time.

use super::teller::Teller;
use crate::commands::watch::Arguments;
use crate::failure::{Failure, Outcome};
use crate::panics;
use processes::records::{Hint, Record, merge, read};
use processes::{Ledger, Time};
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// How long a fork waits in a record for its program, nanoseconds: much longer than any takes.
const HOLD: i64 = 1_000_000_000;

/// Most files: their numbers are words.
const MOST: usize = 10_000;

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut teller = Teller::new(arguments)?;
    if arguments.from.len() > MOST {
        return Err(Failure::Input(format!("more than {MOST} files; give fewer at a time.")));
    }
    let mut records = Vec::new();
    let mut failed = Vec::new();
    for path in &arguments.from {
        match open(path, &teller) {
            Ok(record) => {
                let (name, kind) = (path.display(), record.kind.word());
                let of = record.events.len();
                teller
                    .notes
                    .extend(record.notes.iter().map(|note| format!("{name}, {kind}: {note}")));
                if of == 0 {
                    let read = record.read;
                    let note =
                        format!("{name}, {kind}: none of its {read} records tells of a process.");
                    teller.notes.push(note);
                }
                records.push(record);
            }
            Err(failure) => failed.push(failure),
        }
    }
    if let (true, Some(first)) = (records.is_empty(), failed.first()) {
        return Err(first.clone());
    }
    let source = arguments.from.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let (events, hosts) = merge(records);
    teller.hosts = hosts;
    let last = events.iter().map(|event| event.time).max().unwrap_or(Time::NONE);
    let mut ledger = Ledger::new(HOLD);
    for (index, event) in events.into_iter().enumerate() {
        ledger.take(event, &mut |entry| teller.take(entry));
        if index % 4096 == 0 {
            teller.flush()?;
        }
    }
    ledger.finish(last, &mut |entry| teller.take(entry));
    let outcome = teller.finish(&source.join(", "))?;
    match failed.pop() {
        Some(failure) => Err(failure),
        None => Ok(outcome),
    }
}

fn open(path: &Path, teller: &Teller<'_>) -> Result<Record, Failure> {
    let name = path.display();
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::Input(format!("{name}: {error}; give a file that can be read."))
    };
    let bytes = mapped_file::open(path).map_err(|error| unreadable(&error))?;
    let modified = fs::metadata(path).and_then(|about| about.modified()).ok();
    let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|since| i64::try_from(since.as_nanos()).ok()).map(Time);
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let offset = modified.map_or(0, |at| teller.zone().offset(at));
    let hint = Hint { name: &file, modified, offset };
    // Readers of others read hostile bytes here as well.
    panics::caught(|| read(&bytes, &hint).map_err(|error| unreadable(&error)))
}
