//! What processes asked for by name, out of a record of strace: each library with every path that was tried, and
//! what came of it.

use crate::elf::{Abi, Class, Elf};
use crate::files::{Files, base, folder};
use crate::frameworks::all as frameworks;
use crate::loader;
use crate::packages::{Offer, Packages};
use crate::search::{Outcome, Rule, Try};
use crate::survey::{Lack, Level, Library, Need, Survey};
use crate::world::World;
use crate::{Wish, text};
use processes::records::{Traced, traced};
use std::collections::{BTreeSet, HashMap};

/// Programs of one record.
const MOST_RUNS: usize = 20_000;
/// Names of one program, and paths of one name.
const MOST_NAMES: usize = 20_000;
const MOST_PATHS: usize = 1000;

/// Calls that look for a file by its path.
const LOOKING: &[&str] = &[
    "open",
    "openat",
    "openat2",
    "stat",
    "stat64",
    "lstat",
    "newfstatat",
    "fstatat64",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
];

/// A program that a process ran.
#[derive(Debug, Default)]
struct Run {
    pid: u32,
    program: Option<String>,
    bits: Option<Class>,
    /// The first library that it mapped.
    mapped: Option<Abi>,
    names: Vec<(String, Vec<Try>)>,
    number: HashMap<String, usize>,
    /// Open files: name and path by their numbers, and what their heads say.
    open: HashMap<u64, Open>,
    /// Libraries without which it did not start.
    fatal: BTreeSet<String>,
}

#[derive(Debug)]
struct Open {
    name: usize,
    path: usize,
    abi: Option<Abi>,
    is_mapped: bool,
}

/// Whether bytes are output of strace.
pub fn is_trace(data: &[u8]) -> bool {
    processes::records::is_trace(data)
}

/// What each program of a record looked for. Where libraries lie for others is looked up in `files`.
///
/// Nothing if this is no record of strace. `name` is the file's name: `strace -ff` writes the process into it.
pub fn trace(files: &dyn Files, data: &[u8], name: &str) -> Option<Vec<Survey>> {
    let mut reader = Reader::default();
    let alone = name.rsplit_once('.').and_then(|(_, end)| end.parse().ok()).unwrap_or(0);
    traced(data, alone, &mut |pid, it| reader.take(pid, it)).then_some(())?;
    let runs = reader.runs;
    let used = runs.into_iter().filter(|run| !run.names.is_empty());
    let mut surveys = folded(used.map(|run| survey(files, run)).collect());
    let packages = Packages::of(files);
    for it in &mut surveys {
        packages.offer(&mut it.lacks, it.abi);
    }
    Some(surveys)
}

#[derive(Default)]
struct Reader {
    runs: Vec<Run>,
    /// The program that a process runs at the moment.
    current: HashMap<u32, usize>,
}

impl Reader {
    fn run(&mut self, pid: u32) -> Option<&mut Run> {
        let index = match self.current.get(&pid) {
            Some(index) => *index,
            None => self.begin(pid, None)?,
        };
        self.runs.get_mut(index)
    }

    fn begin(&mut self, pid: u32, program: Option<String>) -> Option<usize> {
        if self.runs.len() >= MOST_RUNS {
            return None;
        }
        self.runs.push(Run { pid, program, ..Run::default() });
        self.current.insert(pid, self.runs.len() - 1);
        Some(self.runs.len() - 1)
    }

    fn take(&mut self, pid: u32, it: &Traced<'_>) {
        if let Some((child, is_thread)) = it.child() {
            // Threads share everything; a child that has not run a program of its own yet counts with its parent.
            let of = self.current.get(&pid).copied();
            if let Some(of) = of.filter(|_| is_thread || !self.current.contains_key(&child)) {
                self.current.insert(child, of);
            }
            return;
        }
        match it {
            Traced::Bits(bits) => {
                let class = if *bits == 64 { Class::Bits64 } else { Class::Bits32 };
                if let Some(run) = self.run(pid) {
                    run.bits = Some(class);
                }
            }
            Traced::End => {
                self.current.remove(&pid);
            }
            Traced::Call { name, rest } => {
                let done = it.result().and_then(Result::ok);
                match *name {
                    "execve" | "execveat" => {
                        if done == Some(0) {
                            let program = it.first_string().map(|path| text(&path));
                            self.begin(pid, program);
                        }
                    }
                    _ => {
                        if let Some(run) = self.run(pid) {
                            run.call(name, rest, it, done);
                        }
                    }
                }
            }
        }
    }
}

impl Run {
    fn call(&mut self, name: &str, rest: &str, it: &Traced<'_>, done: Option<u64>) {
        match name {
            _ if LOOKING.contains(&name) => self.looked(name.starts_with("open"), it),
            "read" | "pread64" => {
                let head = it.first_string().unwrap_or_default();
                if let (Some(open), Some(abi)) =
                    (it.number(0).and_then(|fd| self.open.get_mut(&fd)), head_of(&head))
                {
                    open.abi = Some(abi);
                }
            }
            "mmap" | "mmap2" if done.is_some() || rest.contains(" = 0x") => {
                if let Some(open) = it.number(4).and_then(|fd| self.open.get_mut(&fd)) {
                    open.is_mapped = true;
                    self.mapped = self.mapped.or(open.abi);
                }
            }
            "close" => {
                if let Some(open) = it.number(0).and_then(|fd| self.open.remove(&fd)) {
                    self.closed(&open);
                }
            }
            // What the loader says before it gives up, of which strace shows 32 bytes, with the library's name in one of the parts.
            "writev" | "write" if rest.contains("error while loading shared libra") => {
                for (name, _) in &self.names {
                    if rest.contains(&format!("\"{name}\"")) || rest.contains(&format!(": {name}:"))
                    {
                        self.fatal.insert(name.clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn looked(&mut self, opens: bool, it: &Traced<'_>) {
        let Some(path) = it.first_string().map(|path| text(&path)) else { return };
        let name = base(&path);
        if !is_library(name) {
            return;
        }
        let outcome = match it.result() {
            Some(Ok(_)) => Outcome::Taken,
            Some(Err("ENOENT" | "ENOTDIR")) => Outcome::Absent,
            Some(Err(error)) => Outcome::Barred(error.to_owned()),
            None => return,
        };
        let number = match self.number.get(name) {
            Some(number) => *number,
            None if self.names.len() >= MOST_NAMES => return,
            None => {
                self.number.insert(name.to_owned(), self.names.len());
                self.names.push((name.to_owned(), Vec::new()));
                self.names.len() - 1
            }
        };
        let Some((_, tries)) = self.names.get_mut(number) else { return };
        // Looked at and then opened is one try.
        let at = match tries.iter().position(|it| it.path == path) {
            Some(at) => at,
            None if tries.len() >= MOST_PATHS => return,
            None => {
                tries.push(Try { path, rule: Rule::Path, outcome: outcome.clone() });
                tries.len() - 1
            }
        };
        if let Some(slot) = tries.get_mut(at) {
            slot.outcome = outcome;
        }
        if let (true, Some(Ok(fd))) = (opens, it.result()) {
            self.open.insert(fd, Open { name: number, path: at, abi: None, is_mapped: false });
        }
    }

    /// A file whose head was read, and that was closed without being mapped, was for others.
    fn closed(&mut self, open: &Open) {
        let Some(abi) = open.abi.filter(|_| !open.is_mapped) else { return };
        if let Some(slot) =
            self.names.get_mut(open.name).and_then(|(_, tries)| tries.get_mut(open.path))
        {
            slot.outcome = Outcome::PassedBy(abi);
        }
    }

    /// What its libraries must be for.
    fn abi(&self, files: &dyn Files) -> Abi {
        let of_program = || {
            let content = files.read(self.program.as_deref()?).ok()?;
            Abi::of(&content).ok()
        };
        let abi = self.mapped.or_else(of_program).unwrap_or(match self.bits {
            Some(Class::Bits32) => Abi::I386,
            _ => Abi::AMD64,
        });
        // A program whose first library is of the other class has passed that by.
        match self.bits {
            Some(Class::Bits32) if abi == Abi::AMD64 => Abi::I386,
            Some(Class::Bits64) if abi == Abi::I386 => Abi::AMD64,
            _ => abi,
        }
    }
}

/// Class and processor out of the head of a file, of which strace shows 32 bytes.
fn head_of(head: &[u8]) -> Option<Abi> {
    if !crate::elf::is_elf(head) {
        return None;
    }
    let mut whole = head.to_vec();
    whole.resize(whole.len().max(64), 0);
    if head.len() < 52 {
        // What is behind is not known: flags of ARM's floats.
        whole.get_mut(32..).unwrap_or_default().fill(0);
    }
    Abi::of(&whole).ok()
}

/// `libx.so`, `libx.so.1.2`, `x.so`.
fn is_library(name: &str) -> bool {
    let Some((stem, version)) = name.split_once(".so") else { return false };
    let digits = version.strip_prefix('.').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    !stem.is_empty() && name.len() < 256 && (version.is_empty() || digits)
}

fn survey(files: &dyn Files, run: Run) -> Survey {
    let abi = run.abi(files);
    let path = run.program.clone().unwrap_or_else(|| "a process".to_owned());
    let wish = Wish { folder: "/".to_owned(), ..Wish::default() };
    let elf = Elf::bare(abi);
    let known = loader::of(files, &elf).ok();
    let mut world =
        known.map(|loader| World::new(files, &wish, loader, (&path, elf), BTreeSet::new()));
    let mut it = Survey {
        pid: Some(run.pid).filter(|pid| *pid != 0),
        path: path.clone(),
        abi,
        loader: None,
        libraries: Vec::new(),
        lacks: Vec::new(),
        versions: Vec::new(),
        frameworks: Vec::new(),
        maybe: Vec::new(),
        notes: Vec::new(),
        is_record: true,
    };
    it.libraries.push(Library { name: path.clone(), path, by: None, root: 0, lost: Vec::new() });
    for (name, tries) in run.names {
        let taken = tries.iter().find(|it| match &it.outcome {
            Outcome::Taken => true,
            // Read and not mapped, though it would fit: it was looked at for another end.
            Outcome::PassedBy(of) => of.class == abi.class && of.machine == abi.machine,
            _ => false,
        });
        if let Some(taken) = taken {
            it.libraries.push(Library {
                name,
                path: taken.path.clone(),
                by: Some(0),
                root: 0,
                lost: Vec::new(),
            });
            continue;
        }
        let (tail, framework) = plugin(&name, &tries);
        let is_fatal = run.fatal.contains(&name);
        let is_plugin = framework.is_some();
        let mut elsewhere = world.as_mut().map(|world| world.elsewhere(&tail)).unwrap_or_default();
        elsewhere.retain(|it| {
            it.why == crate::Why::OtherAbi || tries.iter().all(|tried| tried.path != it.path)
        });
        it.lacks.push(Lack {
            level: match () {
                () if is_fatal => Level::Fatal,
                () if name.starts_with("lib") || is_plugin => Level::Feature,
                () => Level::Hint,
            },
            need: match framework {
                Some(framework) => {
                    Need::Plugin { framework, asked: "by the process, as strace saw".to_owned() }
                }
                None => Need::Opened,
            },
            what: tail,
            by: Vec::new(),
            chain: Vec::new(),
            tries,
            elsewhere,
            offer: Offer::default(),
        });
    }
    it.lacks.sort_by_key(|lack| lack.level);
    it
}

/// Of a plug-in of a framework that is known: its name with the folder in front, and the framework.
fn plugin(name: &str, tries: &[Try]) -> (String, Option<String>) {
    for framework in frameworks() {
        for tail in framework.folders.iter().filter_map(|it| it.strip_prefix("{lib}/")) {
            let inside = |it: &&Try| folder(&it.path).ends_with(&format!("/{tail}"));
            if tries.iter().any(|it| inside(&it)) {
                return (format!("{tail}/{name}"), Some(framework.name.clone()));
            }
        }
    }
    (name.to_owned(), None)
}

/// Makes one of surveys of the same program that lack the same.
fn folded(all: Vec<Survey>) -> Vec<Survey> {
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<(Survey, usize)> = Vec::new();
    for it in all {
        let mut key = format!("{}\0{}", it.path, it.abi);
        for lack in &it.lacks {
            key.push('\0');
            key.push_str(&lack.what);
        }
        match index.get(&key).and_then(|at| out.get_mut(*at)) {
            Some((_, more)) => *more += 1,
            None => {
                index.insert(key, out.len());
                out.push((it, 0));
            }
        }
    }
    let told = |(mut it, more): (Survey, usize)| {
        if more > 0 {
            it.notes.push(format!("{more} further runs of this program got the same."));
        }
        it
    };
    out.into_iter().map(told).collect()
}
