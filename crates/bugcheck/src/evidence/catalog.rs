//! Catalogs.

use super::{Told, Wish};
use crate::catalogs;
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use diagnosis::incident::Evidence;
use diagnosis::signed::{CatalogFile, Membership, Signature};
use std::path::Path;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    signatures::catalog::is_catalog(bytes)
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let catalog = CatalogFile::read(name, bytes, wish.catalogs.now()).map_err(|error| {
        let more = "`bugcheck stamp show` tells its signatures";
        Failure::Input(format!(
            "{name}: it is signed like a catalog, but no list of files: {error}; {more}."
        ))
    })?;
    let beside = catalogs::beside(&catalog, Path::new(name));
    let seen = wish.seen(|| Evidence::other(name, "catalog", ""));
    let text = match wish.format {
        Format::Json => report::catalog_json(name, &catalog, &beside, wish.many)
            .map_err(crate::commands::no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let mut text = report::catalog_text(name, &catalog, &beside, &look);
            if wish.is_brief() {
                text = report::shortened(&text);
            }
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    let changed = beside.iter().any(|it| matches!(it.membership, Some(Membership::Changed(_))));
    let wrong = changed || catalog.signatures.iter().any(Signature::is_damaged);
    let outcome = if wrong { Outcome::Findings } else { Outcome::Clean };
    Ok(Told { text, outcome, seen })
}
