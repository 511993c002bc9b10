//! Images: drivers, libraries, programs.

use super::{Told, Wish};
use crate::failure::{Failure, Outcome};
use crate::output::{self, Format};
use bench::Driver;
use pe::{Image, Machine};
use std::path::Path;

/// Larger than any driver; what is larger is not copied for the bench.
const MAX_DRIVER: usize = 64 << 20;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"MZ")
}

pub(super) fn explain(name: &str, bytes: &[u8], wish: &Wish<'_>) -> Result<Told, Failure> {
    let image =
        Image::parse_cut(bytes).map_err(|error| Failure::Input(format!("{name}: {error}.")))?;
    let facts = diagnosis::image::facts(&image);
    let runs = facts.is_driver && facts.machine == Machine::Amd64 && bytes.len() <= MAX_DRIVER;
    let path = Path::new(name);
    let found = wish.catalogs.for_file(path);
    let file = path.file_name().map(|it| it.to_string_lossy()).unwrap_or_default();
    let now = wish.catalogs.now();
    let mut signing = diagnosis::signed::image(&file, &image, &facts, &found.catalogs, now);
    signing.irregular.extend(found.unread);
    let seen = wish.seen(|| diagnosis::incident::of_image(name, &image, &facts, &signing));
    // A driver that the bench refuses is told all the same.
    let coverage = runs.then(|| bench::imports(&driver(name, bytes)).ok()).flatten();
    let text = match wish.format {
        Format::Json => report::image_json(name, &facts, coverage.as_ref(), &signing, wish.many)
            .map_err(crate::commands::no_json)?,
        Format::Text => {
            let look = report::Look { colour: output::wants_colour(), source: &|_, _| None };
            let mut text = report::image_text(name, &facts, coverage.as_ref(), &look);
            text.push_str(&report::signing_text(&signing, &look));
            if let Some(seen) = seen.as_ref().filter(|_| wish.is_brief()) {
                text = report::image_brief(wish.called(name), &facts, &seen.brief, &look);
            }
            if wish.many {
                text.push('\n');
            }
            text
        }
    };
    // What is warned of does not keep the image from being what it is; that it is damaged does. Whoever gives a
    // catalog asks whether the image is in it.
    let asked = wish.catalogs.are_given() && !signing.is_listed();
    let wrong = !facts.unread.is_empty() || signing.is_wrong() || asked;
    let outcome = if wrong { Outcome::Findings } else { Outcome::Clean };
    Ok(Told { text, outcome, seen })
}

/// As the bench wants it. A PDB tells nothing about imports.
fn driver(name: &str, bytes: &[u8]) -> Driver {
    Driver {
        path: name.to_owned(),
        image: bytes.to_vec(),
        pdb: None,
        device: bench::Device::default(),
        with: Vec::new(),
        installed: None,
    }
}
