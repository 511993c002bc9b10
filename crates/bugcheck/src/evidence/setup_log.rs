//! Logs of SetupAPI.

use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use ::evidence::setup_log::{is_setup_log, other_log};
use diagnosis::setup::Wanted;
use std::fs;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    is_setup_log(bytes)
}

/// What a log is that somebody may take for one of SetupAPI.
pub(super) fn other(bytes: &[u8]) -> Option<&'static str> {
    other_log(bytes)
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let log = diagnosis::setup::diagnose(bytes, wish.sections);
    if let Wanted::One(number) = wish.sections
        && log.stories.is_empty()
    {
        let count = log.sections;
        let sentence = format!("{name}: there is no section {number}; the log has {count}.");
        return Err(Failure::Input(sentence));
    }
    if let Some(out) = wish.html {
        fs::write(out, report::setup_log_html(name, &log)).map_err(|error| {
            Failure::Input(format!("{}: it cannot be written: {error}.", out.display()))
        })?;
    }
    let seen = wish.seen(|| {
        // Told once more, with what others may tell of as well.
        let all = diagnosis::setup::diagnose(bytes, Wanted::Incident);
        diagnosis::incident::of_setup(name, &all)
    });
    let text = match wish.format {
        Format::Json => {
            report::setup_log_json(name, &log, wish.many).map_err(crate::commands::no_json)?
        }
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let full = wish.sections != Wanted::Usual;
            let mut text = match wish.is_brief() {
                true => report::setup_log_brief(wish.called(name), &log, &look),
                false => report::setup_log_text(name, &log, full, &look),
            };
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    let outcome =
        if log.wrong > 0 || !log.findings.is_empty() { Outcome::Findings } else { Outcome::Clean };
    Ok(Told { text, outcome, seen })
}
