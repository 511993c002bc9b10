//! Finds PDBs and images by what another file says of them: in folders, in symbol stores, and on symbol
//! servers, which a symbol path such as `srv*~/symbols*https://server/symbols` names.
//!
//! A store keeps a file as `NAME/ID/NAME`. For a PDB the ID is its GUID in 32 hex digits and its age in
//! as few as it needs; for an image its time stamp in 8 and its size in memory in as few as it needs. A
//! server is the same over HTTP, and may have `NAME/ID/NAM_`, a cabinet, or `NAME/ID/file.ptr`, which says
//! where the file is, instead.
//!
//! Sources: "Symbol path for Windows debuggers", "SymStore Folder Tree" and "SymSrv" in Microsoft's
//! debugger documentation (MicrosoftDocs/windows-driver-docs, debugger/).

#![forbid(unsafe_code)]

mod fetch;
mod key;
mod path;

pub use key::Key;
pub use path::{BadPath, SymbolPath};

use fetch::Fetched;
use path::{Element, Source};
use std::fs::File;
use std::path::{Path, PathBuf};

/// What came of looking for a file.
#[derive(Debug, Default)]
pub struct Search {
    /// Where it is, if anywhere.
    pub found: Option<PathBuf>,
    /// Where it was looked for in vain, a sentence each, with what stood in the way.
    pub tried: Vec<String>,
    /// Those of them where it may be all the same: a server that does not answer, say.
    pub hindered: Vec<String>,
}

impl SymbolPath {
    /// Looks for a file, element by element; what a server has is kept in the caches to its left.
    ///
    /// That a file lies at its place does not make it the right one: the caller compares what it says of
    /// itself.
    pub fn find(&self, key: &Key) -> Search {
        let mut search = Search::default();
        // `cache*` holds for everything to its right.
        let mut caches: Vec<&Path> = Vec::new();
        for element in &self.elements {
            let hit = match element {
                Element::Cache(folder) => {
                    caches.push(folder);
                    in_folder(folder, key, &mut search)
                }
                Element::Folder(folder) => in_folder(folder, key, &mut search),
                Element::Store { caches: own, source } => {
                    let all: Vec<&Path> =
                        own.iter().map(PathBuf::as_path).chain(caches.iter().copied()).collect();
                    in_store(&all, source, key, &mut search)
                }
            };
            if hit.is_some() {
                search.found = hit;
                return search;
            }
        }
        search
    }
}

/// In a folder: by its name alone, as a build leaves it, or as a store keeps it.
fn in_folder(folder: &Path, key: &Key, search: &mut Search) -> Option<PathBuf> {
    let stored = stored(folder, key);
    for candidate in [folder.join(key.file()), stored] {
        if candidate.is_file() {
            return Some(candidate);
        }
    }
    search.tried.push(format!("{} is not in {}", key.file(), folder.display()));
    None
}

/// Where a store keeps a file; one of two tiers, which `index2.txt` marks, puts the name's first two
/// characters before it.
fn stored(root: &Path, key: &Key) -> PathBuf {
    let tier = key.file().get(..2).filter(|_| root.join("index2.txt").is_file());
    tier.map_or_else(|| root.to_owned(), |two| root.join(two)).join(key.path())
}

fn in_store(caches: &[&Path], source: &Source, key: &Key, search: &mut Search) -> Option<PathBuf> {
    for cache in caches {
        let kept = stored(cache, key);
        if kept.is_file() {
            return Some(kept);
        }
    }
    match source {
        Source::Folder(root) => {
            let there = stored(root, key);
            if !there.is_file() {
                search.tried.push(format!("{} is not in {}", key.path(), root.display()));
                return None;
            }
            // A copy is kept nearby, and where it cannot be, the original will do.
            let near = caches.first().map(|cache| stored(cache, key));
            let copied = near.filter(|near| {
                let copy = |mut file: File| fetch::keep(near, &mut file);
                File::open(&there).and_then(copy).is_ok()
            });
            Some(copied.unwrap_or(there))
        }
        Source::Server(url) => {
            let Some(cache) = caches.first() else {
                search.tried.push(format!("{url}: there is no folder to keep files in"));
                return None;
            };
            let target = stored(cache, key);
            match fetch::from_server(url, key, &target) {
                Ok(Fetched::Kept) => Some(target),
                Ok(Fetched::Elsewhere(path)) => Some(path),
                Ok(Fetched::Nothing) => {
                    search.tried.push(format!("{url}: it has no {}", key.path()));
                    None
                }
                Err(problem) => {
                    let sentence = format!("{url}: {problem}");
                    search.tried.push(sentence.clone());
                    search.hindered.push(sentence);
                    None
                }
            }
        }
    }
}
