//! INF files.

use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use ::evidence::inf::{Date, Inf, Story};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the kind is called.
pub(super) const NAME: &str = "INF files";

pub(super) fn is_one(bytes: &[u8]) -> bool {
    ::evidence::inf::is_one(bytes)
}

/// Whether a file is one by its name, whatever it holds.
pub(super) fn is_called(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".inf")
}

/// The day, in UTC.
pub(crate) fn today() -> Option<Date> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Date::of_days(since.as_secs() / 86_400))
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let inf = Inf::parse(bytes).map_err(|error| Failure::Input(format!("{name}: {error}.")))?;
    let story = Story::of(&inf, today());
    let text = match wish.format {
        Format::Json => {
            report::inf_json(name, &inf, &story, wish.many).map_err(crate::commands::no_json)?
        }
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let mut text = report::inf_text(name, &inf, &story, &look);
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    let outcome = if story.wrong.is_empty() { Outcome::Clean } else { Outcome::Findings };
    Ok(Told { text, outcome })
}
