//! Which package has a file, or would have it for another architecture, as far as files of the system tell.

mod contents;
mod dpkg;
mod manager;

use crate::elf::Abi;
use crate::elsewhere::Why;
use crate::files::{Files, base};
use crate::survey::{Lack, Need};
use dpkg::Dpkg;
pub use manager::Manager;
use std::collections::BTreeMap;

/// What may be done to have a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The package whose file it is elsewhere.
    pub owner: Option<Owner>,
    /// The package to install, with its architecture, as the manager wants it.
    pub package: Option<String>,
    /// Commands, in order.
    pub commands: Vec<String>,
    /// What is to be said beside it, a sentence.
    pub note: Option<String>,
}

/// A package that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Its architecture, as the manager calls it.
    pub architecture: String,
}

/// What is known of packages here.
pub struct Packages<'a> {
    files: &'a dyn Files,
    manager: Option<Manager>,
}

impl<'a> Packages<'a> {
    /// Looks which package manager there is.
    pub fn of(files: &'a dyn Files) -> Packages<'a> {
        Packages { files, manager: Manager::of(files) }
    }

    /// Tells for each thing that is missing where it is to be had.
    pub fn offer(&self, lacks: &mut [Lack], abi: Abi) {
        if lacks.is_empty() {
            return;
        }
        match self.manager {
            Some(Manager::Dpkg) => self.by_dpkg(lacks, abi),
            Some(manager) => {
                for lack in lacks {
                    lack.offer = manager.offer(lack, abi);
                }
            }
            None => {}
        }
    }

    fn by_dpkg(&self, lacks: &mut [Lack], abi: Abi) {
        let wanted: Vec<String> =
            lacks.iter().flat_map(|lack| lack.elsewhere.iter().map(|it| it.path.clone())).collect();
        let dpkg = Dpkg::read(self.files);
        let owners: BTreeMap<String, Owner> = dpkg.owners(self.files, &wanted);
        for lack in lacks.iter_mut() {
            lack.offer = self.one_by_dpkg(lack, abi, &dpkg, &owners);
        }
        // What no package here has may be in apt's lists of all packages.
        let Some(architecture) = abi.debian() else { return };
        let open =
            |lack: &&mut Lack| lack.offer.package.is_none() && !lack.offer.commands.is_empty();
        let names: Vec<String> =
            lacks.iter_mut().filter(open).map(|lack| searched(lack).to_owned()).collect();
        if names.is_empty() {
            return;
        }
        let found = contents::packages(self.files, architecture, &names);
        for lack in lacks.iter_mut().filter(open) {
            if let Some(package) = found.get(searched(lack)) {
                lack.offer.commands.clear();
                dpkg.install(&mut lack.offer, &format!("{package}:{architecture}"), architecture);
            }
        }
    }

    fn one_by_dpkg(
        &self,
        lack: &Lack,
        abi: Abi,
        dpkg: &Dpkg,
        owners: &BTreeMap<String, Owner>,
    ) -> Offer {
        let mut offer = Offer::default();
        let Some(architecture) = abi.debian() else { return offer };
        let other = lack.elsewhere.iter().filter(|it| it.why == Why::OtherAbi);
        let owner = other.filter_map(|it| owners.get(&it.path)).next();
        let install =
            |offer: &mut Offer, package: String| dpkg.install(offer, &package, architecture);
        if lack.need == Need::Interpreter {
            // Debian's names of the package that has the loader.
            let libc = if base(&lack.what).starts_with("ld-musl-") { "musl" } else { "libc6" };
            install(&mut offer, format!("{libc}:{architecture}"));
            return offer;
        }
        if let Some(owner) = owner {
            offer.owner = Some(owner.clone());
            let package = format!("{}:{architecture}", owner.name);
            if owner.architecture == "all" {
                let note = "that package is for all architectures, so another one must have it.";
                offer.note = Some(note.to_owned());
            } else if dpkg.is_multiarch_same(owner) {
                install(&mut offer, package);
                return offer;
            } else {
                offer.note = Some(format!(
                    "{} is not Multi-Arch: same, so that of {architecture} may not be installed beside it.",
                    owner.name
                ));
                offer.package = Some(package);
                return offer;
            }
        }
        if lack.elsewhere.iter().any(|it| it.why != Why::OtherAbi) {
            return offer;
        }
        offer.commands.push(format!("apt-file search {}", searched(lack)));
        offer
    }
}

/// What a package that has it is looked for by.
fn searched(lack: &Lack) -> &str {
    let plugin = matches!(lack.need, Need::Plugin { .. }) && !lack.what.starts_with('/');
    if plugin { &lack.what } else { base(&lack.what) }
}
