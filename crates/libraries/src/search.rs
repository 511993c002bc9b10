//! Where a loader looks for one library, in its order.
//!
//! Sources: ld.so(8); glibc 2.40, elf/dl-load.c, `_dl_map_new_object`, `open_path`, `open_verify`; musl 1.2.5,
//! ldso/dynlink.c, `load_library`.

use crate::elf::{Elf, Kind as ElfKind};
use crate::files::{Unread, folder};
use crate::loader;
use crate::world::{Object, World};
use std::rc::Rc;

/// Paths of one search.
const MOST: usize = 10_000;

/// Why a path is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The name is a path.
    Path,
    /// DT_RPATH of this file.
    Rpath(String),
    /// LD_LIBRARY_PATH.
    LibraryPath,
    /// DT_RUNPATH of the file that asks.
    Runpath,
    /// The cache.
    Cache,
    /// The folders of ld.so.conf, counted as a cache where there is none.
    Configuration,
    /// The loader's own folders.
    Default,
    /// musl's folders.
    MuslPath,
    /// A framework's folders of plug-ins.
    Plugins,
}

/// What came of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is there.
    Absent,
    /// It cannot be read; the loader looks on.
    Barred(String),
    /// It is for another class or processor; the loader looks on.
    PassedBy(crate::elf::Abi),
    /// The loader gives up there: why.
    Stops(String),
    /// It is taken.
    Taken,
}

/// A path that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// The path.
    pub path: String,
    /// Why.
    pub rule: Rule,
    /// What came of it.
    pub outcome: Outcome,
}

/// A search for one library.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What was found.
    pub taken: Option<(String, Rc<Elf>)>,
    /// Everything that was looked at, in order.
    pub tries: Vec<Try>,
    ended: bool,
}

impl Search {
    fn is_over(&self) -> bool {
        self.taken.is_some() || self.ended || self.tries.len() >= MOST
    }
}

impl World<'_> {
    /// Looks for `name`, which object number `by` asks for.
    pub fn search(&mut self, name: &str, by: usize) -> Search {
        let mut it = Search::default();
        if name.contains('/') {
            // A path with tokens is of the file that has it.
            let path = self.object(by).map(|of| self.expand(name, of)).unwrap_or_default();
            for path in path.unwrap_or_else(|| name.to_owned()).split('\0') {
                let path = self.absolute(path);
                self.attempt(&mut it, path, &Rule::Path);
            }
            return it;
        }
        match self.loader.kind {
            loader::Kind::Glibc => self.glibc(&mut it, name, by),
            loader::Kind::Musl => self.musl(&mut it, name, by),
        }
        it
    }

    fn glibc(&mut self, it: &mut Search, name: &str, by: usize) {
        let Some(asking) = self.object(by).cloned() else { return };
        if asking.elf.runpath.is_none() {
            let mut next = Some(by);
            let mut seen_program = false;
            while let Some(number) = next {
                let Some(object) = self.object(number).cloned() else { break };
                seen_program |= number == 0;
                self.rpath(it, name, &object);
                next = object.by.filter(|by| *by < number);
            }
            if !seen_program && let Some(program) = self.object(0).cloned() {
                self.rpath(it, name, &program);
            }
        }
        if !self.wish.is_secure
            && let Some(list) = self.wish.environment.get("LD_LIBRARY_PATH").cloned()
            && !list.is_empty()
        {
            let main = self.object(0).cloned();
            for entry in list.split([':', ';']) {
                let entry = match &main {
                    Some(main) => self.expand(entry, main),
                    None => Some(entry.to_owned()),
                };
                let Some(entry) = entry else { continue };
                let folder = self.absolute(if entry.is_empty() { "." } else { &entry });
                self.folder(it, name, &folder, &Rule::LibraryPath);
            }
        }
        if let Some(list) = &asking.elf.runpath {
            for folder in self.list(list, &asking) {
                self.folder(it, name, &folder, &Rule::Runpath);
            }
        }
        self.cached(it, name, asking.elf.no_default);
        if !asking.elf.no_default {
            for folder in self.loader.folders.clone() {
                self.folder(it, name, &folder, &Rule::Default);
            }
        }
    }

    fn rpath(&mut self, it: &mut Search, name: &str, of: &Object) {
        // With a RUNPATH beside it, RPATH counts for nothing.
        let Some(list) = of.elf.rpath.as_ref().filter(|_| of.elf.runpath.is_none()) else { return };
        for folder in self.list(list, of) {
            self.folder(it, name, &folder, &Rule::Rpath(of.path.clone()));
        }
    }

    fn cached(&mut self, it: &mut Search, name: &str, no_default: bool) {
        let flags = self.abi.cache_flags();
        match &self.cache {
            Some(cache) => {
                let path =
                    cache.find(name, flags, &self.wish.levels).map(|entry| entry.path.clone());
                // Entries out of the default folders are barred as these are.
                let barred = |path: &str| {
                    no_default
                        && self.loader.folders.iter().any(|it| path.starts_with(&format!("{it}/")))
                };
                if let Some(path) = path.filter(|path| !barred(path)) {
                    self.attempt(it, path, &Rule::Cache);
                }
            }
            None => {
                for folder in self.configured.clone() {
                    self.folder(it, name, &folder, &Rule::Configuration);
                }
            }
        }
    }

    fn musl(&mut self, it: &mut Search, name: &str, by: usize) {
        if !self.wish.is_secure
            && let Some(list) = self.wish.environment.get("LD_LIBRARY_PATH").cloned()
        {
            for entry in list.split([':', '\n']).filter(|entry| !entry.is_empty()) {
                let folder = self.absolute(entry);
                self.attempt(it, format!("{folder}/{name}"), &Rule::LibraryPath);
            }
        }
        // RUNPATH and RPATH are one, and count for libraries of libraries.
        let mut next = Some(by);
        while let Some(number) = next {
            let Some(object) = self.object(number).cloned() else { break };
            if let Some(list) = object.elf.runpath.as_ref().or(object.elf.rpath.as_ref()) {
                for folder in self.list(list, &object) {
                    self.attempt(it, format!("{folder}/{name}"), &Rule::Rpath(object.path.clone()));
                }
            }
            next = object.by.filter(|by| *by < number);
        }
        for folder in self.loader.folders.clone() {
            self.attempt(it, format!("{folder}/{name}"), &Rule::MuslPath);
        }
    }

    /// Folders of a list in an ELF file, tokens replaced.
    fn list(&self, list: &str, of: &Object) -> Vec<String> {
        if list.is_empty() {
            return Vec::new();
        }
        let folders = list.split(':').filter_map(|entry| self.expand(entry, of));
        folders.map(|entry| self.absolute(if entry.is_empty() { "." } else { &entry })).collect()
    }

    /// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`; nothing where one of them is not known.
    pub(crate) fn expand(&self, text: &str, of: &Object) -> Option<String> {
        if !text.contains('$') {
            return Some(text.to_owned());
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            out.push_str(before);
            let tokens = [
                ("ORIGIN", Some(of.origin.as_str())),
                ("LIB", self.loader.lib.as_deref()),
                ("PLATFORM", self.abi.platform()),
            ];
            let found = tokens.iter().find_map(|(name, value)| {
                let braced = behind
                    .strip_prefix('{')
                    .and_then(|it| it.strip_prefix(name)?.strip_prefix('}'));
                let bare = || {
                    // A longer name is another one.
                    behind.strip_prefix(name).filter(|rest| {
                        !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                    })
                };
                braced.or_else(bare).map(|rest| (*value, rest))
            });
            match found {
                Some((value, behind)) => {
                    out.push_str(value?);
                    rest = behind;
                }
                None => {
                    out.push('$');
                    rest = behind;
                }
            }
        }
        out.push_str(rest);
        Some(out)
    }

    /// A path as the process sees it.
    pub(crate) fn absolute(&self, path: &str) -> String {
        match path.starts_with('/') {
            true => path.trim_end_matches('/').to_owned(),
            false => format!("{}/{path}", self.wish.folder.trim_end_matches('/')),
        }
    }

    /// A folder, the best of its glibc-hwcaps folders first.
    fn folder(&mut self, it: &mut Search, name: &str, folder: &str, rule: &Rule) {
        if it.is_over() {
            return;
        }
        for level in self.levels_in(folder) {
            let path = format!("{folder}/glibc-hwcaps/{level}/{name}");
            // Few libraries are there: only what is, is told.
            if self.files.real(&path).is_some() {
                self.attempt(it, path, rule);
            }
        }
        self.attempt(it, format!("{folder}/{name}"), rule);
    }

    fn attempt(&mut self, it: &mut Search, path: String, rule: &Rule) {
        if it.is_over() {
            return;
        }
        let outcome = match self.open(&path) {
            Ok(elf) => match self.unfit(&elf) {
                None => {
                    it.taken = Some((path.clone(), elf));
                    Outcome::Taken
                }
                Some(outcome) => outcome,
            },
            Err(Unfit::Unread(Unread::Absent)) => Outcome::Absent,
            Err(Unfit::Unread(Unread::Barred(why))) => Outcome::Barred(why),
            Err(Unfit::NoElf(why)) => Outcome::Stops(why),
        };
        it.ended |= matches!(outcome, Outcome::Stops(_));
        it.tries.push(Try { path, rule: rule.clone(), outcome });
    }

    /// Why a file is not taken.
    fn unfit(&self, elf: &Elf) -> Option<Outcome> {
        if self.loader.kind == loader::Kind::Musl && elf.abi != self.abi {
            let why =
                format!("it is {}, and musl's loader takes the first file of a name", elf.abi);
            return Some(Outcome::Stops(why));
        }
        if self.abi.passes_by(elf.abi) {
            return Some(Outcome::PassedBy(elf.abi));
        }
        if elf.abi.is_big != self.abi.is_big {
            return Some(Outcome::Stops("it is of the other byte order".to_owned()));
        }
        match elf.kind {
            ElfKind::Other(_) => {
                Some(Outcome::Stops("it is neither a library nor a program".to_owned()))
            }
            _ if !elf.is_dynamic => Some(Outcome::Stops("it has no dynamic table".to_owned())),
            _ => None,
        }
    }
}

/// Why a file is no ELF file that can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It cannot be read.
    Unread(Unread),
    /// It is none: why.
    NoElf(String),
}

/// The folder that `$ORIGIN` stands for in a file opened by this path.
pub(crate) fn origin(path: &str) -> String {
    folder(path).to_owned()
}
