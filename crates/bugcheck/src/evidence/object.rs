//! Objects and libraries.

use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use diagnosis::incident::Evidence;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    pe::object::is_object(bytes)
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let object =
        pe::object::read(bytes).map_err(|error| Failure::Input(format!("{name}: {error}.")))?;
    let seen = wish.seen(|| Evidence::other(name, "object or library", ""));
    let text = match wish.format {
        Format::Json => {
            report::object_json(name, &object, wish.many).map_err(crate::commands::no_json)?
        }
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let mut text = report::object_text(name, &object, &look);
            if wish.is_brief() {
                text = report::shortened(&text);
            }
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    Ok(Told { text, outcome: Outcome::Clean, seen })
}
