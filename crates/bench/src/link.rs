//! What images import from each other.
//!
//! An import names a file. Where that file is loaded beside the driver, its exports count, and nothing
//! that the bench may have under the same name; all else is the kernel's.

use crate::driver::Refused;
use crate::image::Mapped;
use kernel::Role;
use kernel::state::IMAGES;

/// Forwarders that lead to forwarders.
const MOST_FORWARDED: usize = 8;

/// Where an import leads.
enum Found {
    /// To an address of an image.
    Address(usize, u64),
    /// By a forwarder to another file, which is not there: to the kernel's.
    Elsewhere(String, String),
}

/// Resolves imports among the images; what is to be said about it.
pub(crate) fn link(images: &mut [Mapped]) -> Result<Vec<String>, Refused> {
    if images.len() > IMAGES {
        return Err(Refused(format!("more than {IMAGES} images are more than the bench loads.")));
    }
    for (index, image) in images.iter().enumerate() {
        let same = |other: &Mapped| other.name.eq_ignore_ascii_case(&image.name);
        if images[..index].iter().any(same) {
            return Err(Refused(format!("two of the images are called {}.", image.name)));
        }
    }
    for index in 0..images.len() {
        for import in 0..images[index].image.imports.len() {
            let wanted = &images[index].image.imports[import];
            let Some(exporter) = by_name(images, &wanted.module, index) else { continue };
            let found = resolve(images, exporter, &wanted.name, 0).ok_or_else(|| {
                Refused(format!(
                    "{} imports {} from {}, which does not export it: Windows would not load it.",
                    images[index].name, wanted.name, images[exporter].name
                ))
            })?;
            let image = &mut images[index].image;
            match found {
                Found::Address(from, address) => {
                    image.uses |= 1 << from;
                    image.imports[import].address = Some(address);
                }
                Found::Elsewhere(module, name) => {
                    image.imports[import].module = module;
                    image.imports[import].name = name;
                }
            }
        }
    }
    let used = images.iter().fold(0, |used, image| used | image.image.uses);
    let libraries = images.iter().enumerate();
    let libraries = libraries.filter(|(_, image)| image.image.role == Role::Library);
    Ok(libraries
        .filter(|(number, _)| used >> number & 1 == 0)
        .map(|(_, image)| {
            format!(
                "Nobody imports from {name}, so none of its code runs; a driver of the device's \
                 stack is given as {name}:below or {name}:above.",
                name = image.name
            )
        })
        .collect())
}

/// The image of a file name, other than the one that asks.
fn by_name(images: &[Mapped], name: &str, asks: usize) -> Option<usize> {
    let found = images.iter().position(|image| image.name.eq_ignore_ascii_case(name))?;
    (found != asks).then_some(found)
}

fn resolve(images: &[Mapped], exporter: usize, name: &str, depth: usize) -> Option<Found> {
    let image = &images[exporter];
    let export = match name.strip_prefix('#') {
        Some(number) => {
            let number = number.parse::<u32>().ok()?;
            image.exports.iter().find(|export| export.ordinal == number)?
        }
        None => image.exports.iter().find(|export| export.name.as_deref() == Some(name))?,
    };
    let Some(forwarder) = &export.forwarder else {
        return Some(Found::Address(exporter, image.image.base + u64::from(export.rva)));
    };
    // `MODULE.Name`: the file's name without its ending.
    let (stem, target) = forwarder.rsplit_once('.')?;
    let is = |image: &Mapped| {
        let own = image.name.rsplit_once('.').map_or(image.name.as_str(), |(own, _)| own);
        own.eq_ignore_ascii_case(stem)
    };
    match images.iter().position(is) {
        Some(next) if depth < MOST_FORWARDED => resolve(images, next, target, depth + 1),
        Some(_) => None,
        None => Some(Found::Elsewhere(stem.to_owned(), target.to_owned())),
    }
}
