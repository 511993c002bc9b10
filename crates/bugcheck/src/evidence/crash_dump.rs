//! Kernel crash dumps.

use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::source::Sources;
use ::evidence::crash_dump::Dump;
use report::CrashDetail;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PAGEDU64") || bytes.starts_with(b"PAGEDUMP")
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let dump = Dump::parse(bytes).map_err(|error| Failure::Input(format!("{name}: {error}.")))?;
    let crash = diagnosis::crash::diagnose(&dump, wish.store);
    let seen = wish.seen(|| diagnosis::incident::of_crash(name, &dump, &crash));
    let text = match wish.format {
        Format::Json => {
            report::crash_json(name, &crash, wish.many).map_err(crate::commands::no_json)?
        }
        Format::Text => {
            let sources = Sources::of(name.as_ref());
            let source = |file: &str, line: u32| sources.line(file, line);
            let look = report::Look { colour: output::wants_colour(), source: &source };
            let detail = CrashDetail { modules: wish.modules };
            let mut text = match wish.is_brief() {
                true => report::crash_brief(wish.called(name), &crash, &look),
                false => report::crash_text(name, &crash, detail, &look),
            };
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    Ok(Told { text, outcome: Outcome::Findings, seen })
}
