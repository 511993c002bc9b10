//! A driver's imports and how far the bench has each.

use crate::driver::{Refused, Target};
use crate::report::Driver;
use kernel::{Support, World};

/// One import of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// File name of the image that imports it.
    pub importer: String,
    /// Image that exports it, as the driver names it.
    pub module: String,
    /// Name, or `#17` for an ordinal.
    pub name: String,
    /// File name of the image beside the driver that exports it, if one does.
    pub by: Option<String>,
    /// How far the bench has it; whole if an image exports it.
    pub support: Support,
    /// Its place among the imports of real drivers, most used first, where it is among them.
    pub rank: Option<u16>,
}

/// All imports of a driver.
#[derive(Clone, Debug)]
pub struct Imports {
    /// The driver's file name.
    pub driver: String,
    /// Each once, in the order of the import table: the driver's, then those of the images beside it.
    pub imports: Vec<Import>,
}

impl Imports {
    /// How many imports are whole, partly there, refused, and missing.
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for import in &self.imports {
            counts[match import.support {
                Support::Whole => 0,
                Support::Partly(_) => 1,
                Support::Refused(_) => 2,
                Support::Missing => 3,
            }] += 1;
        }
        counts
    }

    /// Share of the imports that the bench has, wholly or partly: 0 to 1; 1 for a driver without.
    pub fn share(&self) -> f64 {
        let [whole, partly, refused, missing] = self.counts();
        let all = whole + partly + refused + missing;
        if all == 0 { 1.0 } else { (whole + partly) as f64 / all as f64 }
    }
}

/// Lists the imports of a driver, and those of the images beside it.
///
/// # Errors
/// A file that is no driver for x64, or an image that lacks an export that another one wants.
pub fn imports(driver: &Driver) -> Result<Imports, Refused> {
    let target = Target::read(driver)?;
    let world = World::new(1, &[]);
    let mut imports: Vec<Import> = Vec::new();
    for image in target.images() {
        for import in &image.image.imports {
            let (module, name) = (import.module.clone(), import.name.clone());
            let alike = |known: &Import| {
                known.importer == image.name && known.module == module && known.name == name
            };
            if imports.iter().any(alike) {
                continue;
            }
            let by = import.address.and_then(|address| target.at(address));
            let by = by.map(|image| image.name.clone());
            let support = match by {
                Some(_) => Support::Whole,
                None => world.registry.support(&name),
            };
            let (rank, importer) = (nt::imports::rank(&name), image.name.clone());
            imports.push(Import { importer, module, name, by, support, rank });
        }
    }
    Ok(Imports { driver: target.name.clone(), imports })
}
