//! Minidumps of processes.

use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::source::Sources;
use ::evidence::process_dump::ProcessDump;
use report::CrashDetail;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MDMP")
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let dump =
        ProcessDump::parse(bytes).map_err(|error| Failure::Input(format!("{name}: {error}.")))?;
    let crash = diagnosis::process::diagnose(&dump, wish.store);
    let seen = wish.seen(|| diagnosis::incident::of_process(name, &dump, &crash));
    let text = match wish.format {
        Format::Json => {
            report::process_json(name, &crash, wish.many).map_err(crate::commands::no_json)?
        }
        Format::Text => {
            let sources = Sources::of(name.as_ref());
            let source = |file: &str, line: u32| sources.line(file, line);
            let look = report::Look { colour: output::wants_colour(), source: &source };
            let detail = CrashDetail { modules: wish.modules };
            let mut text = report::process_text(name, &crash, detail, &look);
            if wish.is_brief() {
                text = report::shortened(&text);
            }
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    // A picture of a process that ran is no finding.
    let outcome = if crash.exception.is_some() { Outcome::Findings } else { Outcome::Clean };
    Ok(Told { text, outcome, seen })
}
