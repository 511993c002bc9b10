//! Where a library lies that the loader did not find: for another class, or in a folder that it does not search.

use crate::elf::{Abi, Elf};
use crate::files::{base, folder};
use crate::world::World;
use std::collections::BTreeSet;

/// Places of one library.
const MOST: usize = 8;

/// A file of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Where it is.
    pub path: String,
    /// What it is for.
    pub abi: Abi,
    /// Why it is not taken.
    pub why: Why,
}

/// Why a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is for another class or processor.
    OtherAbi,
    /// Its folder is one that ldconfig looks into, and the cache does not have it.
    NotInCache,
    /// The loader does not search its folder.
    NotSearched,
}

impl World<'_> {
    /// Folders in which distributions keep libraries, of any class.
    pub(crate) fn library_folders(&self) -> Vec<String> {
        let mut folders = self.loader.folders.clone();
        for start in ["/usr/lib", "/lib", "/usr/local/lib"] {
            for name in self.files.list(start) {
                // Multiarch: x86_64-linux-gnu, arm-linux-gnueabihf.
                if name.contains("-linux-") {
                    folders.push(format!("{start}/{name}"));
                }
            }
        }
        for start in ["", "/usr", "/usr/local"] {
            folders
                .extend(["lib64", "lib", "lib32", "libx32"].map(|name| format!("{start}/{name}")));
        }
        folders.extend(self.configured.iter().cloned());
        let mut seen = BTreeSet::new();
        folders.retain(|folder| self.files.real(folder).is_some_and(|real| seen.insert(real)));
        folders
    }

    /// Files called `tail`, a name or a name with folders before it, in the folders of libraries and beside the
    /// program.
    pub(crate) fn elsewhere(&mut self, tail: &str) -> Vec<Elsewhere> {
        let mut paths: Vec<String> = Vec::new();
        if let Some(cache) = &self.cache {
            paths.extend(cache.named(tail).map(|entry| entry.path.clone()));
        }
        let mut folders = self.library_folders();
        if let Some(program) = self.object(0) {
            let beside = folder(&program.real).to_owned();
            folders.push(format!("{beside}/lib"));
            folders.push(format!("{beside}/../lib"));
            folders.push(beside);
        }
        paths.extend(folders.iter().map(|folder| format!("{folder}/{tail}")));
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for path in paths {
            let Some(real) = self.files.real(&path) else { continue };
            if !seen.insert(real) || found.len() >= MOST {
                continue;
            }
            let Ok(elf) = self.open(&path) else { continue };
            if elf.is_dynamic {
                found.push(Elsewhere { why: self.why(&path, &elf), path, abi: elf.abi });
            }
        }
        // What could be used as it is comes first.
        found.sort_by_key(|it| it.why == Why::OtherAbi);
        found
    }

    fn why(&self, path: &str, elf: &Elf) -> Why {
        if elf.abi != self.abi {
            return Why::OtherAbi;
        }
        let configured = self.configured.iter().any(|it| it == folder(path));
        let cached = self
            .cache
            .as_ref()
            .is_some_and(|cache| cache.named(base(path)).any(|entry| entry.path == path));
        if configured && !cached { Why::NotInCache } else { Why::NotSearched }
    }
}
