//! Queries, replies and tokens of timestamps, and signatures that are files of their own.

use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use crate::stamps;
use diagnosis::incident::Evidence;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    stamps::is_one(bytes)
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let mut told = told(name, bytes, wish.format, wish.many, false)?;
    told.seen = wish.seen(|| Evidence::other(name, "timestamp or signature", ""));
    if wish.is_brief() && wish.format == Format::Text {
        told.text = report::shortened(&told.text) + "\n";
    }
    Ok(told)
}

/// What `stamp show` tells, with the elements if `asn1`. A reply that grants nothing is a finding.
pub(crate) fn told(
    name: &str,
    bytes: &[u8],
    format: Format,
    many: bool,
    asn1: bool,
) -> Result<Told, Failure> {
    let fail = |what: String| Failure::Input(format!("{name}: {what}."));
    let pieces = stamps::pieces(bytes).map_err(fail)?;
    let tree = asn1.then(|| stamps::tree(&pieces));
    let found = match stamps::found(&pieces) {
        Ok(found) => found,
        // The elements are told even of what makes no sense.
        Err(error) if asn1 => {
            output::complain(&format!("{name}: {error}"));
            Vec::new()
        }
        Err(error) => return Err(fail(error.to_string())),
    };
    let text = match format {
        Format::Json => report::stamp_json(name, &found, tree.as_ref(), many)
            .map_err(crate::commands::no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let mut text = report::stamp_text(name, &found, tree.as_ref(), &look);
            if many {
                text.push('\n');
            }
            text
        }
    };
    let refused = found.iter().any(|it| match it {
        signatures::timestamp::Found::Response(reply) => !reply.status.is_granted(),
        signatures::timestamp::Found::Broken(..) => true,
        _ => false,
    });
    let outcome = if refused { Outcome::Findings } else { Outcome::Clean };
    Ok(Told { text, outcome, seen: None })
}
