//! dpkg's own files: `/var/lib/dpkg/status`, `arch` and `info/*.list` (dpkg(1), FILES; deb-control(5)).

use super::{Offer, Owner};
use crate::files::Files;
use std::collections::BTreeMap;

/// Bytes of the list of packages, and of a list of files.
const MOST_STATUS: usize = 256 << 20;
const MOST_LIST: usize = 64 << 20;

/// What dpkg knows.
#[derive(Debug, Default)]
pub(super) struct Dpkg {
    /// Whether a package, by name and architecture, may be there for several architectures.
    same: BTreeMap<(String, String), bool>,
    /// Architectures: its own first, then those that were added.
    architectures: Vec<String>,
}

impl Dpkg {
    /// Reads what is installed.
    pub fn read(files: &dyn Files) -> Dpkg {
        let mut it = Dpkg::default();
        let status = files.text("/var/lib/dpkg/status", MOST_STATUS).unwrap_or_default();
        for stanza in status.split("\n\n") {
            let field = |name: &str| {
                let lines = stanza.lines().filter_map(|line| line.split_once(':'));
                lines.filter(|(key, _)| *key == name).map(|(_, value)| value.trim()).next()
            };
            let installed = field("Status").is_some_and(|it| it.ends_with(" installed"));
            let (Some(name), Some(architecture), true) =
                (field("Package"), field("Architecture"), installed)
            else {
                continue;
            };
            // dpkg itself is of its own architecture.
            if name == "dpkg" && it.architectures.is_empty() {
                it.architectures.push(architecture.to_owned());
            }
            let same = field("Multi-Arch") == Some("same");
            it.same.insert((name.to_owned(), architecture.to_owned()), same);
        }
        let added = files.text("/var/lib/dpkg/arch", 1 << 16).unwrap_or_default();
        it.architectures.extend(added.lines().map(str::trim).map(str::to_owned));
        it
    }

    /// Whether packages of an architecture may be installed.
    pub fn has(&self, architecture: &str) -> bool {
        self.architectures.iter().any(|it| it == architecture)
    }

    /// Says how to install a package of an architecture.
    pub fn install(&self, offer: &mut Offer, package: &str, architecture: &str) {
        if !self.has(architecture) {
            offer.commands.push(format!("dpkg --add-architecture {architecture}"));
            offer.commands.push("apt update".to_owned());
        }
        offer.commands.push(format!("apt install {package}"));
        offer.package = Some(package.to_owned());
    }

    /// Whether a package may be there for several architectures.
    pub fn is_multiarch_same(&self, owner: &Owner) -> bool {
        let key = (owner.name.clone(), owner.architecture.clone());
        self.same.get(&key).copied().unwrap_or(false)
    }

    /// The packages that have these files.
    pub fn owners(&self, files: &dyn Files, paths: &[String]) -> BTreeMap<String, Owner> {
        let mut found = BTreeMap::new();
        if paths.is_empty() {
            return found;
        }
        // A file is listed by the path that its package has, which /lib being a link to /usr/lib may have changed,
        // and by the name behind links.
        let mut wanted: Vec<(String, &String)> = Vec::new();
        for path in paths {
            let real = files.real(path);
            for name in [Some(path.clone()), real].into_iter().flatten() {
                wanted.push((format!("{name}\n"), path));
                let moved = match name.strip_prefix("/usr/lib") {
                    Some(rest) => format!("/lib{rest}\n"),
                    None => format!("/usr{name}\n"),
                };
                wanted.push((moved, path));
            }
        }
        for name in files.list("/var/lib/dpkg/info") {
            let Some(package) = name.strip_suffix(".list") else { continue };
            let Ok(list) = files.read(&format!("/var/lib/dpkg/info/{name}")) else { continue };
            if list.len() > MOST_LIST {
                continue;
            }
            for (line, path) in &wanted {
                let hits = memchr::memmem::find_iter(&list, line.as_bytes());
                let mut at = hits.filter(|at| *at == 0 || list.get(at - 1) == Some(&b'\n'));
                if at.next().is_some() {
                    let owner = self.owner(package);
                    found.entry((*path).clone()).or_insert(owner);
                }
            }
        }
        found
    }

    /// `libc6:amd64`, or a name alone: then the architecture that is installed.
    fn owner(&self, package: &str) -> Owner {
        if let Some((name, architecture)) = package.split_once(':') {
            return Owner { name: name.to_owned(), architecture: architecture.to_owned() };
        }
        let known = self.same.keys().find(|(name, _)| name == package);
        let architecture = known.map(|(_, architecture)| architecture.clone()).unwrap_or_default();
        Owner { name: package.to_owned(), architecture }
    }
}
