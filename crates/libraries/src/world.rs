//! What a process has loaded, and loading more into it: breadth first, as loaders do.

use crate::Wish;
use crate::cache::Cache;
use crate::conf;
use crate::elf::{Abi, Elf};
use crate::files::{Files, Unread, base, plain};
use crate::loader::{Kind, Loader};
use crate::search::{Try, Unfit, origin};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Objects of one process.
const MOST: usize = 5000;
/// Libraries that were not found.
const MOST_LACKS: usize = 5000;

/// Names that musl's loader has in itself (musl 1.2.5, ldso/dynlink.c).
const OF_MUSL: [&str; 7] =
    ["libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."];

/// A file that is loaded.
#[derive(Clone, Debug)]
pub struct Object {
    /// The path by which it was opened.
    pub path: String,
    /// The path without links.
    pub real: String,
    /// Names by which it was asked for.
    pub names: Vec<String>,
    /// What is in it.
    pub elf: Rc<Elf>,
    /// Number of the object that asked for it first.
    pub by: Option<usize>,
    /// What `$ORIGIN` stands for.
    pub origin: String,
    /// Number of the plug-in, or of what else was loaded by name, that it came with.
    pub root: usize,
    /// Whether it is only named in a file that loads by name, or came with such.
    pub is_maybe: bool,
}

impl Object {
    fn is_called(&self, name: &str) -> bool {
        self.path == name
            || self.names.iter().any(|it| it == name)
            || self.elf.soname.as_deref() == Some(name)
    }
}

/// A library that was not found.
#[derive(Clone, Debug)]
pub struct NotFound {
    /// Its name, as asked for.
    pub name: String,
    /// Numbers of the objects that ask for it.
    pub by: Vec<usize>,
    /// Where it was looked for, for the first of them.
    pub tries: Vec<Try>,
}

/// A process as it would be.
pub struct World<'a> {
    /// Where files are.
    pub files: &'a dyn Files,
    /// What is asked for.
    pub wish: &'a Wish,
    /// Its loader.
    pub loader: Loader,
    /// What libraries must be for.
    pub abi: Abi,
    /// The cache, if there is one.
    pub cache: Option<Cache>,
    /// Folders of ld.so.conf.
    pub configured: Vec<String>,
    /// What is loaded; the program is first.
    pub objects: Vec<Object>,
    /// What was not found.
    pub lacks: Vec<NotFound>,
    /// Whether what is loaded now is only named somewhere.
    pub(crate) maybe: bool,
    asked: BTreeSet<String>,
    known: HashMap<String, Result<Rc<Elf>, Unfit>>,
    levels: BTreeMap<String, Vec<String>>,
    next: usize,
}

impl<'a> World<'a> {
    /// A process of the program at `path`. Functions that `asked` names are kept of what it and its libraries
    /// import.
    pub fn new(
        files: &'a dyn Files,
        wish: &'a Wish,
        loader: Loader,
        (path, elf): (&str, Elf),
        asked: BTreeSet<String>,
    ) -> World<'a> {
        let cache = files.read("/etc/ld.so.cache").ok().and_then(|it| Cache::read(&it).ok());
        let real = files.real(path).unwrap_or_else(|| plain(path));
        let program = Object {
            path: path.to_owned(),
            origin: origin(&real),
            real,
            names: Vec::new(),
            elf: Rc::new(elf),
            by: None,
            root: 0,
            is_maybe: false,
        };
        World {
            files,
            wish,
            abi: program.elf.abi,
            cache: cache.filter(|_| loader.kind == Kind::Glibc),
            configured: conf::ld_so_conf(files),
            loader,
            objects: vec![program],
            lacks: Vec::new(),
            maybe: false,
            asked,
            known: HashMap::new(),
            levels: BTreeMap::new(),
            next: 0,
        }
    }

    /// An object by number.
    pub fn object(&self, number: usize) -> Option<&Object> {
        self.objects.get(number)
    }

    /// The object that goes by a name.
    pub fn called(&self, name: &str) -> Option<usize> {
        self.objects.iter().position(|object| object.is_called(name))
    }

    /// Loads what the objects that are there need, and what that needs.
    pub fn load(&mut self) {
        while let Some(object) = self.objects.get(self.next).cloned() {
            for name in &object.elf.needed {
                self.want(name, self.next, object.root);
            }
            self.next += 1;
        }
    }

    /// Loads a library by name, as dlopen does on behalf of object `by`. The number of it, if there is one.
    pub fn add(&mut self, name: &str, by: usize) -> Option<usize> {
        let root = self.objects.len();
        let number = self.want(name, by, root);
        self.load();
        number
    }

    /// Puts a library in before those that the program needs.
    pub(crate) fn preload(&mut self, name: &str) {
        self.want(name, 0, 0);
    }

    fn want(&mut self, name: &str, by: usize, root: usize) -> Option<usize> {
        if let Some(number) = self.called(name) {
            return Some(number);
        }
        if self.loader.kind == Kind::Musl && OF_MUSL.iter().any(|it| name.starts_with(it)) {
            return Some(0);
        }
        // The loader is in the process before anything is looked for.
        if base(&self.loader.path) == name
            && let Ok(elf) = self.open(&self.loader.path.clone())
            && elf.abi == self.abi
        {
            return self.take(name, self.loader.path.clone(), elf, by, root);
        }
        let search = self.search(name, by);
        // Another file may have folders of its own, so each search is made anew.
        let Some((path, elf)) = search.taken else {
            let room = self.lacks.len() < MOST_LACKS;
            match self.lacks.iter_mut().find(|lack| lack.name == name) {
                Some(lack) => lack.by.push(by),
                None if room => {
                    let tries = search.tries;
                    self.lacks.push(NotFound { name: name.to_owned(), by: vec![by], tries });
                }
                None => {}
            }
            return None;
        };
        self.take(name, path, elf, by, root)
    }

    fn take(
        &mut self,
        name: &str,
        path: String,
        elf: Rc<Elf>,
        by: usize,
        root: usize,
    ) -> Option<usize> {
        let real = self.files.real(&path).unwrap_or_else(|| plain(&path));
        // One file under two names is loaded once.
        if let Some(number) = self.objects.iter().position(|object| object.real == real) {
            if let Some(object) = self.objects.get_mut(number) {
                object.names.push(name.to_owned());
            }
            return Some(number);
        }
        if self.objects.len() >= MOST {
            return None;
        }
        self.objects.push(Object {
            origin: origin(&path),
            real,
            path,
            names: vec![name.to_owned()],
            elf,
            by: Some(by),
            root,
            is_maybe: self.maybe,
        });
        Some(self.objects.len() - 1)
    }

    /// An ELF file, read once.
    pub(crate) fn open(&mut self, path: &str) -> Result<Rc<Elf>, Unfit> {
        let Some(real) = self.files.real(path) else { return Err(Unfit::Unread(Unread::Absent)) };
        if let Some(known) = self.known.get(&real) {
            return known.clone();
        }
        let read = self.files.read(&real).map_err(Unfit::Unread).and_then(|content| {
            let elf = Elf::read(&content, &self.asked);
            elf.map(Rc::new).map_err(|error| Unfit::NoElf(error.to_string()))
        });
        self.known.insert(real, read.clone());
        read
    }

    /// Which of the glibc-hwcaps folders that this processor may use there are in a folder.
    pub(crate) fn levels_in(&mut self, folder: &str) -> Vec<String> {
        let (files, wanted) = (self.files, &self.wish.levels);
        let all = self.levels.entry(folder.to_owned()).or_insert_with(|| {
            let there = files.list(&format!("{folder}/glibc-hwcaps"));
            wanted.iter().filter(|level| there.contains(level)).cloned().collect()
        });
        all.clone()
    }

    /// The chain of objects that leads to `number`, from the program on.
    pub fn chain(&self, number: usize) -> Vec<usize> {
        let mut chain = vec![number];
        let mut at = number;
        while let Some(by) = self.object(at).and_then(|it| it.by).filter(|by| *by < at) {
            chain.push(by);
            at = by;
        }
        chain.reverse();
        chain
    }

    /// How a person would name an object.
    pub fn title(&self, number: usize) -> &str {
        self.object(number).map_or("", |object| base(&object.path))
    }
}
