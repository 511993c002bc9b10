//! A driver's imports and how far the bench has each.

use crate::driver::Refused;
use crate::report::Driver;
use kernel::{Support, World};

/// One import of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Image that exports it, as the driver names it.
    pub module: String,
    /// Name, or `#17` for an ordinal.
    pub name: String,
    /// How far the bench has it.
    pub support: Support,
    /// Its place among the imports of real drivers, most used first, where it is among them.
    pub rank: Option<u16>,
}

/// All imports of a driver.
#[derive(Clone, Debug)]
pub struct Imports {
    /// The driver's file name.
    pub driver: String,
    /// Each once, in the order of the import table.
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

/// Lists the imports of a driver.
///
/// # Errors
/// A file that is no driver for x64.
pub fn imports(driver: &Driver) -> Result<Imports, Refused> {
    let image = pe::check_driver(&driver.image).map_err(|error| Refused(error.to_string()))?;
    let modules = image.imports().map_err(|error| Refused(error.to_string()))?;
    let world = World::new(1, &[]);
    let mut imports: Vec<Import> = Vec::new();
    for module in modules {
        for entry in module.entries {
            let name = match entry.target {
                pe::ImportTarget::Name { name, .. } => name,
                pe::ImportTarget::Ordinal(number) => format!("#{number}"),
            };
            let module = module.name.clone();
            if imports.iter().any(|known| known.module == module && known.name == name) {
                continue;
            }
            let (support, rank) = (world.registry.support(&name), nt::imports::rank(&name));
            imports.push(Import { module, name, support, rank });
        }
    }
    let driver = driver.path.rsplit(['/', '\\']).next().unwrap_or("driver.sys").to_owned();
    Ok(Imports { driver, imports })
}
