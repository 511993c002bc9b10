//! A program followed as its loader would, and what is missing.

use crate::Wish;
use crate::elf::{Abi, Elf};
use crate::elsewhere::Elsewhere;
use crate::files::{Files, Unread, base};
use crate::frameworks::{self, Plugins};
use crate::loader::{self, Loader, Source};
use crate::packages::{Offer, Packages};
use crate::search::{Outcome, Try};
use crate::versions::VersionLack;
use crate::world::{NotFound, World};
use std::collections::BTreeMap;

/// Names of libraries that files ask for by themselves, all together.
const MOST_MAYBE: usize = 500;

/// What a program or process looks for and does not get.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The program.
    pub path: String,
    /// Its number, of a process that runs.
    pub pid: Option<u32>,
    /// What its libraries must be for.
    pub abi: Abi,
    /// Its loader; none of a static program.
    pub loader: Option<Loader>,
    /// What is loaded, the program first.
    pub libraries: Vec<Library>,
    /// What is not had.
    pub lacks: Vec<Lack>,
    /// Versions that are not had.
    pub versions: Vec<VersionLack>,
    /// Frameworks in use.
    pub frameworks: Vec<Plugins>,
    /// Names in files that call dlopen.
    pub maybe: Vec<Maybe>,
    /// What else is to be said, a sentence each.
    pub notes: Vec<String>,
    /// Whether it is what a record tells, and not what a start would find.
    pub is_record: bool,
}

/// A file that is loaded.
#[derive(Clone, Debug)]
pub struct Library {
    /// The name by which it was asked for first; the program's own path for itself.
    pub name: String,
    /// Where it was found.
    pub path: String,
    /// Number of the file that asked for it first.
    pub by: Option<usize>,
    /// Number of the plug-in that it came with; 0 of the program's own.
    pub root: usize,
    /// What of it could not be read.
    pub lost: Vec<String>,
}

/// What for something is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is the loader that the program names.
    Interpreter,
    /// A file needs it to be loaded.
    Library,
    /// LD_PRELOAD or `/etc/ld.so.preload` names it.
    Preload,
    /// A framework's plug-in.
    Plugin {
        /// The framework.
        framework: String,
        /// What asks for it: a file and line, or what it is needed for.
        asked: String,
    },
    /// It was asked for by name, in a record.
    Opened,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The program does not start.
    Fatal,
    /// Something does not work that the program, its plug-ins or its configuration ask for.
    Feature,
    /// It may not matter.
    Hint,
}

/// Something that is looked for and not had.
#[derive(Clone, Debug)]
pub struct Lack {
    /// Its name; of a plug-in with its folder.
    pub what: String,
    /// What for.
    pub need: Need,
    /// How bad it is.
    pub level: Level,
    /// Paths of the files that ask for it.
    pub by: Vec<String>,
    /// Names from the program to the first of them.
    pub chain: Vec<String>,
    /// Where it was looked for.
    pub tries: Vec<Try>,
    /// Where it lies all the same.
    pub elsewhere: Vec<Elsewhere>,
    /// Which package has it.
    pub offer: Offer,
}

impl Lack {
    /// The file at which the loader gave up, and why.
    pub fn stopped(&self) -> Option<(&str, &str)> {
        self.tries.iter().find_map(|it| match &it.outcome {
            Outcome::Stops(why) => Some((it.path.as_str(), why.as_str())),
            _ => None,
        })
    }
}

/// A name in a file that calls dlopen.
#[derive(Clone, Debug)]
pub struct Maybe {
    /// The name.
    pub name: String,
    /// Paths of the files that have it.
    pub by: Vec<String>,
    /// Where it would be found.
    pub path: Option<String>,
    /// Where it lies for others, where it would not.
    pub elsewhere: Vec<Elsewhere>,
}

/// Follows a program.
///
/// # Errors
/// A sentence: it cannot be read, it is no ELF file, or its loader is not known here.
pub fn program(files: &dyn Files, path: &str, wish: &Wish) -> Result<Survey, Refusal> {
    let content = files.read(path).map_err(|why| {
        Refusal::Input(match why {
            Unread::Absent => {
                format!("{path}: there is no such file; give a program, a process or a record.")
            }
            Unread::Barred(why) => format!("{path}: it cannot be read: {why}."),
        })
    })?;
    let asked = frameworks::symbols();
    let elf = Elf::read(&content, &asked);
    let elf = elf.map_err(|error| Refusal::Input(format!("{path}: {error}.")))?;
    drop(content);
    if let elf::Kind::Other(number) = elf.kind {
        let what = if number == 1 {
            "an object, which is linked first"
        } else {
            "no program and no library"
        };
        return Err(Refusal::Input(format!("{path}: it is {what}; give a program or a library.")));
    }
    if elf.interpreter.is_none() && !elf.is_dynamic {
        return Ok(alone(path, &elf));
    }
    let loader = loader::of(files, &elf).map_err(|loader| {
        Refusal::Unsupported(format!(
            "{path}: its loader is {loader}; how glibc's and musl's look for libraries is known here, and of others it is \
             not."
        ))
    })?;
    let names_loader = elf.interpreter.is_some();
    let mut world = World::new(files, wish, loader, (path, elf), asked);
    let mut survey = Survey {
        path: path.to_owned(),
        pid: wish.pid,
        abi: world.abi,
        loader: Some(world.loader.clone()),
        libraries: Vec::new(),
        lacks: Vec::new(),
        versions: Vec::new(),
        frameworks: Vec::new(),
        maybe: Vec::new(),
        notes: notes(&world),
        is_record: false,
    };
    if names_loader {
        interpreter(&mut world, &mut survey);
    }
    preload(&mut world, &mut survey);
    world.load();
    mapped(&mut world, &mut survey);
    maybe(&mut world, &mut survey);
    plugins(&mut world, &mut survey);
    finish(&mut world, &mut survey);
    Ok(survey)
}

/// Why there is no survey: a sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The file is at fault.
    Input(String),
    /// It cannot be done here.
    Unsupported(String),
}

use crate::elf;

/// A program without a loader.
fn alone(path: &str, elf: &Elf) -> Survey {
    Survey {
        path: path.to_owned(),
        pid: None,
        abi: elf.abi,
        loader: None,
        libraries: Vec::new(),
        lacks: Vec::new(),
        versions: Vec::new(),
        frameworks: Vec::new(),
        maybe: Vec::new(),
        notes: vec!["it is linked statically: no loader looks for anything.".to_owned()],
        is_record: false,
    }
}

fn notes(world: &World<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let glibc = world.loader.kind == loader::Kind::Glibc;
    if glibc && world.cache.is_none() {
        notes.push(
            "there is no /etc/ld.so.cache that can be read: the folders of /etc/ld.so.conf count as if ldconfig had been \
             run."
                .to_owned(),
        );
    }
    if let Some((error, count)) = world.cache.as_ref().and_then(|cache| cache.lost.as_ref()) {
        notes
            .push(format!("of /etc/ld.so.cache {count} parts cannot be read, the first: {error}."));
    }
    if glibc && world.loader.source == Source::Usual {
        let folders = world.loader.folders.join(", ");
        notes.push(format!(
            "the loader's own list of folders is not found in it; taken are those usual here: {folders}."
        ));
    }
    let environment = &world.wish.environment;
    let named =
        ["LD_LIBRARY_PATH", "LD_PRELOAD"].into_iter().find(|name| environment.contains_key(*name));
    if let (true, Some(name)) = (world.wish.is_secure, named) {
        notes.push(format!("it runs with more rights than its user, so {name} does not count."));
    }
    notes
}

fn interpreter(world: &mut World<'_>, survey: &mut Survey) {
    let path = world.loader.path.clone();
    let outcome = match world.open(&path) {
        Ok(elf) if elf.abi == world.abi => return,
        Ok(elf) => Outcome::PassedBy(elf.abi),
        Err(crate::search::Unfit::Unread(Unread::Absent)) => Outcome::Absent,
        Err(crate::search::Unfit::Unread(Unread::Barred(why))) => Outcome::Barred(why),
        Err(crate::search::Unfit::NoElf(why)) => Outcome::Stops(why),
    };
    let elsewhere = world.elsewhere(base(&path));
    survey.lacks.push(Lack {
        what: path.clone(),
        need: Need::Interpreter,
        level: Level::Fatal,
        by: vec![survey.path.clone()],
        chain: vec![base(&survey.path).to_owned()],
        tries: vec![Try { path, rule: crate::search::Rule::Path, outcome }],
        elsewhere,
        offer: Offer::default(),
    });
}

/// What is loaded before everything else (ld.so(8), LD_PRELOAD). What is not found there is only told of.
fn preload(world: &mut World<'_>, survey: &mut Survey) {
    let mut names: Vec<String> = Vec::new();
    let list = world.wish.environment.get("LD_PRELOAD").filter(|_| !world.wish.is_secure);
    let of_file = match world.loader.kind {
        loader::Kind::Glibc => world.files.text("/etc/ld.so.preload", 1 << 16),
        loader::Kind::Musl => None,
    };
    for text in list.into_iter().chain(of_file.as_ref()) {
        let words = text.split([' ', ':', '\n', '\t']).filter(|name| !name.is_empty());
        names.extend(words.map(str::to_owned));
    }
    for name in names {
        let before = world.lacks.len();
        // Its own libraries come in their turn, with the program's.
        world.preload(&name);
        for lack in world.lacks.split_off(before) {
            let it = lack_of(world, lack, Need::Preload, Level::Feature);
            survey.lacks.push(it);
        }
    }
}

fn lack_of(world: &mut World<'_>, lack: NotFound, need: Need, level: Level) -> Lack {
    let first = lack.by.first().copied().unwrap_or(0);
    let chain = world.chain(first).into_iter().map(|it| world.title(it).to_owned()).collect();
    let mut by: Vec<String> =
        lack.by.iter().filter_map(|it| world.object(*it)).map(|it| it.path.clone()).collect();
    by.dedup();
    Lack {
        elsewhere: world.elsewhere(base(&lack.name)),
        what: lack.name,
        need,
        level,
        by,
        chain,
        tries: lack.tries,
        offer: Offer::default(),
    }
}

/// What a running process has beside what a start would load: loaded by name. And what it does not have.
fn mapped(world: &mut World<'_>, survey: &mut Survey) {
    if world.wish.mapped.is_empty() {
        return;
    }
    let real: Vec<String> =
        world.wish.mapped.iter().filter_map(|path| world.files.real(path)).collect();
    for object in world.objects.iter().skip(1).filter(|it| !real.contains(&it.real)) {
        survey.notes.push(format!(
            "a new start would load {}, which this process does not have: its environment or the files have changed since.",
            object.path
        ));
    }
    for path in &world.wish.mapped {
        world.add(path, 0);
    }
}

/// Names in what calls dlopen. They are looked for and not loaded.
fn maybe(world: &mut World<'_>, survey: &mut Survey) {
    let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, object) in world.objects.iter().enumerate().filter(|(_, it)| it.elf.opens) {
        for name in &object.elf.names {
            if names.len() < MOST_MAYBE || names.contains_key(name) {
                names.entry(name.clone()).or_default().push(number);
            }
        }
    }
    for (name, by) in names {
        if world.called(&name).is_some() {
            continue;
        }
        let search = by.first().map(|first| world.search(&name, *first)).unwrap_or_default();
        let path = search.taken.map(|(path, _)| path);
        let elsewhere = if path.is_some() { Vec::new() } else { world.elsewhere(base(&name)) };
        let by = by.iter().filter_map(|it| world.object(*it)).map(|it| it.path.clone()).collect();
        survey.maybe.push(Maybe { name, by, path, elsewhere });
    }
}

/// Frameworks that are loaded, or whose library is named and would be found.
fn plugins(world: &mut World<'_>, survey: &mut Survey) {
    let there = survey.maybe.iter().filter(|it| it.path.is_some());
    let names: Vec<String> =
        there.map(|it| it.name.clone()).filter(|it| frameworks::of_library(it)).collect();
    let (told, mut lacks) = frameworks::survey(world, &names);
    survey.frameworks = told;
    survey.lacks.append(&mut lacks);
}

/// Puts everything that was found out in its place.
fn finish(world: &mut World<'_>, survey: &mut Survey) {
    for lack in std::mem::take(&mut world.lacks) {
        let of_plugin = |by: &usize| world.object(*by).is_some_and(|it| it.root != 0);
        let maybe = |by: &usize| world.object(*by).is_some_and(|it| it.is_maybe);
        let level = match () {
            () if lack.by.iter().all(maybe) => Level::Hint,
            () if lack.by.iter().all(of_plugin) => Level::Feature,
            () => Level::Fatal,
        };
        let it = lack_of(world, lack, Need::Library, level);
        survey.lacks.push(it);
    }
    survey.versions = world.version_lacks();
    survey.lacks.sort_by_key(|lack| lack.level);
    Packages::of(world.files).offer(&mut survey.lacks, survey.abi);
    survey.libraries = world
        .objects
        .iter()
        .map(|object| Library {
            name: object.names.first().unwrap_or(&object.path).clone(),
            path: object.path.clone(),
            by: object.by,
            root: object.root,
            lost: object.elf.lost.iter().map(ToString::to_string).collect(),
        })
        .collect();
}

impl Survey {
    /// Whether nothing is missing that is asked for.
    pub fn is_good(&self) -> bool {
        let lacks = self.lacks.iter().any(|lack| lack.level != Level::Hint);
        let versions = self.versions.iter().any(|lack| !lack.is_unversioned);
        !lacks && !versions
    }
}
