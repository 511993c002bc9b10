//! Signatures of a driver, and of catalogs: whether they hold, who made them and when, and which Windows would
//! load the driver.
//!
//! What can be known from the files is told; what Windows would ask besides - revocation, the machine's own
//! stores and policies - is listed as not known. Trust is by hash where a public page has the hash, else by name,
//! and the answer says which.

mod catalog;
mod facts;
mod link;
mod one;
mod package;
mod stamp;

pub use catalog::{CatalogFile, Digests, InCatalog, Listed, Membership};
pub use link::{Link, RootKind, Trust};
pub use one::{Measured, Pages, Place, Signature};
pub use package::Packaged;
pub use stamp::{Stamp, StampKind};

use crate::image::ImageFacts;
use knowledge::signing::{Answer, answers};
use pe::{Image, Machine};
use signatures::Time;
use signatures::authenticode::AllFound;
use std::sync::Arc;

/// What is irregular about one file, at most, that is kept.
const MOST_IRREGULAR: usize = 100;

/// What a file's signatures tell.
#[derive(Clone, Debug, Default)]
pub struct Signing {
    /// Those in the file, then those of catalogs that list it.
    pub signatures: Vec<Signature>,
    /// What is irregular about where they lie.
    pub irregular: Vec<String>,
    /// Catalogs that were looked into, and whether the file is in them.
    pub catalogs: Vec<InCatalog>,
    /// Which Windows would load it; of a driver.
    pub answers: Vec<Answer>,
}

impl Signing {
    /// Whether a signature is there that does not hold, or a catalog that has the file otherwise.
    pub fn is_wrong(&self) -> bool {
        let changed = |it: &InCatalog| matches!(it.membership, Membership::Changed(_));
        self.signatures.iter().any(Signature::is_damaged) || self.catalogs.iter().any(changed)
    }

    /// Whether one of the catalogs lists the file as it is.
    pub fn is_listed(&self) -> bool {
        self.catalogs.iter().any(|it| matches!(it.membership, Membership::Member(_)))
    }
}

/// What an image's signatures tell, at this time. `name` is that of its file, without folders; `facts` are those of
/// the image; `catalogs` may list it.
pub fn image(
    name: &str,
    image: &Image<'_>,
    facts: &ImageFacts,
    catalogs: &[Arc<CatalogFile>],
    now: Time,
) -> Signing {
    let mut signing = Signing::default();
    if let Some(table) = image.certificate_table() {
        signing.irregular.extend(table.irregular.iter().cloned());
        let found = AllFound::of_image(image.data(), &table);
        signing.irregular.extend(found.irregular.iter().map(told));
        for it in &found.signatures {
            signing.signatures.push(one::of_image(it, image, now));
        }
    }
    if !catalogs.is_empty() {
        let digests = Digests::of(image.data());
        for catalog in catalogs {
            let membership = catalog.membership(name, &digests);
            signing.catalogs.push(InCatalog { catalog: catalog.name.clone(), membership });
            signing.signatures.extend(catalog.signature_of(&digests));
        }
    }
    signing.irregular.truncate(MOST_IRREGULAR);
    if facts.is_driver {
        signing.answers = answers(&driver(facts, &signing.signatures));
    }
    signing
}

/// The facts that the rules want, for each signature; for none if there is none.
fn driver(image: &ImageFacts, all: &[Signature]) -> Vec<knowledge::signing::Facts> {
    let common = facts::of_driver(image);
    match all {
        [] => vec![common],
        all => all.iter().map(|it| common.union(&it.facts).copied().collect()).collect(),
    }
}

/// The name that rules have for a processor.
fn machine(machine: Machine) -> Option<&'static str> {
    match machine {
        Machine::Amd64 => Some("amd64"),
        Machine::I386 => Some("i386"),
        Machine::Arm64 => Some("arm64"),
        _ => None,
    }
}

fn told(irregular: &signatures::Irregularity) -> String {
    format!("At offset {:#x}: {}.", irregular.offset, irregular.what)
}
