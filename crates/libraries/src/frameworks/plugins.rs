//! Frameworks in use, and their plug-ins: asked for and not there, there for another class only, there and without
//! what they need themselves.

use super::asked::{self, Asked};
use super::{Framework, all};
use crate::elsewhere::Elsewhere;
use crate::files::{base, folder, glob};
use crate::packages::Offer;
use crate::search::{Outcome, Rule, Try, Unfit};
use crate::survey::{Lack, Level, Need};
use crate::world::World;
use crate::{Unread, Why};
use std::collections::BTreeSet;

/// Plug-ins of one framework that are looked at.
const MOST: usize = 2000;
/// Plug-ins that are kept as being there for another class only.
const MOST_ELSEWHERE: usize = 500;

/// A framework in use.
#[derive(Clone, Debug)]
pub struct Plugins {
    /// Its name.
    pub framework: &'static str,
    /// The library that shows it.
    pub library: String,
    /// Whether that library is only named in a file that calls dlopen.
    pub is_maybe: bool,
    /// Folders of plug-ins that are there.
    pub folders: Vec<String>,
    /// How many plug-ins of the right class are in them.
    pub found: usize,
    /// Plug-ins that are there for another class only.
    pub only_elsewhere: Vec<Elsewhere>,
}

/// Looks at every framework that the process has loaded, or may load, and says what is missing.
pub(crate) fn survey(world: &mut World<'_>, maybe: &[String]) -> (Vec<Plugins>, Vec<Lack>) {
    let (mut told, mut lacks) = (Vec::new(), Vec::new());
    for framework in all() {
        let loaded = framework.libraries.iter().find_map(|name| world.called(name));
        let named = || framework.libraries.iter().find(|name| maybe.contains(name));
        world.maybe = loaded.is_none();
        // A library that is only named is there, and will be loaded when it is asked for.
        let number = loaded.or_else(|| named().and_then(|name| world.add(name, 0)));
        let Some(number) = number else { continue };
        let is_maybe = world.object(number).is_some_and(|it| it.is_maybe);
        world.maybe = is_maybe;
        let imports =
            |symbol: &String| world.objects.iter().any(|it| it.elf.imports.contains(symbol));
        if !framework.symbols.is_empty() && !framework.symbols.iter().any(imports) {
            continue;
        }
        let mut look =
            Look { world, framework, number, is_maybe, own: Vec::new(), lacks: Vec::new() };
        look.own = look.folders();
        let plugins = look.plugins();
        look.asked();
        look.needs();
        lacks.append(&mut look.lacks);
        told.push(plugins);
    }
    (told, lacks)
}

struct Look<'a, 'b> {
    world: &'a mut World<'b>,
    framework: &'static Framework,
    number: usize,
    is_maybe: bool,
    /// Folders of plug-ins.
    own: Vec<String>,
    lacks: Vec<Lack>,
}

impl Look<'_, '_> {
    /// Folders of libraries of this process: that of the framework's library first.
    fn libs(&self) -> Vec<String> {
        let own = self.world.object(self.number).map(|it| folder(&it.path).to_owned());
        let mut all: Vec<String> =
            own.into_iter().chain(self.world.loader.folders.clone()).collect();
        let mut seen = BTreeSet::new();
        all.retain(|it| self.world.files.real(it).is_some_and(|real| seen.insert(real)));
        all
    }

    /// Folders of plug-ins, whether they are there or not, each once.
    fn folders(&self) -> Vec<String> {
        let environment = &self.world.wish.environment;
        let listed = |name: &String| {
            let list =
                environment.get(name).filter(|list| !list.is_empty() && !self.world.wish.is_secure);
            list.map(|list| list.split(':').map(|it| self.world.absolute(it)).collect::<Vec<_>>())
        };
        let mut all: Vec<String> =
            self.framework.before.iter().find_map(listed).unwrap_or_default();
        match self.framework.replace.iter().find_map(listed) {
            Some(folders) => all.extend(folders),
            None => {
                let libs = self.libs();
                for template in &self.framework.folders {
                    all.extend(self.world.filled(template, &libs, self.framework));
                }
            }
        }
        let mut seen = BTreeSet::new();
        all.retain(|it| {
            let real = self.world.files.real(it);
            seen.insert(real.unwrap_or_else(|| it.clone()))
        });
        all
    }

    /// What is shown in front of a plug-in's name: its folder below that of the libraries.
    fn shown(&self, name: &str) -> String {
        let tail = self.framework.folders.iter().find_map(|it| it.strip_prefix("{lib}/"));
        match tail {
            Some(tail) if !name.starts_with('/') => format!("{tail}/{name}"),
            _ => name.to_owned(),
        }
    }

    /// Every plug-in that is there: loaded, to see what it needs. Also what is there for others only.
    fn plugins(&mut self) -> Plugins {
        let world = &self.world;
        let there: Vec<String> =
            self.own.iter().filter(|it| world.files.real(it).is_some()).cloned().collect();
        let mut it = Plugins {
            framework: &self.framework.name,
            library: self.world.object(self.number).map(|it| it.path.clone()).unwrap_or_default(),
            is_maybe: self.is_maybe,
            folders: there,
            found: 0,
            only_elsewhere: Vec::new(),
        };
        let Some(pattern) = &self.framework.plugins else { return it };
        // Names below the folder, of what fits this process.
        let mut names = BTreeSet::new();
        for own in self.own.clone() {
            for path in glob(self.world.files, &format!("{own}/{pattern}")).into_iter().take(MOST) {
                let fits = self
                    .world
                    .open(&path)
                    .is_ok_and(|elf| elf.abi == self.world.abi && elf.is_dynamic);
                if fits && names.insert(path.get(own.len()..).unwrap_or_default().to_owned()) {
                    self.load(&path);
                }
            }
        }
        it.found = names.len();
        let tails: Vec<&str> =
            self.framework.folders.iter().filter_map(|it| it.strip_prefix("{lib}/")).collect();
        for lib in self.world.library_folders() {
            for tail in &tails {
                let start = format!("{lib}/{tail}");
                for path in
                    glob(self.world.files, &format!("{start}/{pattern}")).into_iter().take(MOST)
                {
                    let name = path.get(start.len()..).unwrap_or_default().to_owned();
                    let Ok(elf) = self.world.open(&path) else { continue };
                    let other = elf.is_dynamic && elf.abi != self.world.abi;
                    let room = it.only_elsewhere.len() < MOST_ELSEWHERE;
                    if other && room && names.insert(name) {
                        it.only_elsewhere.push(Elsewhere {
                            path,
                            abi: elf.abi,
                            why: Why::OtherAbi,
                        });
                    }
                }
            }
        }
        it
    }

    /// Loads a plug-in into the process. What it lacks is found in the end, with what the program lacks.
    fn load(&mut self, path: &str) {
        self.world.add(path, self.number);
    }

    fn asked(&mut self) {
        for ask in &self.framework.ask {
            let libs = self.libs();
            let asked = asked::of(self.world, self.framework, ask, &libs);
            let mut missing = Vec::new();
            let mut found = 0;
            for it in asked {
                match self.one(&it, ask.soft) {
                    None => found += 1,
                    Some(lack) => missing.push(lack),
                }
            }
            if !ask.any {
                self.lacks.append(&mut missing);
            } else if found == 0 {
                // One of them would do, so one is told: best one that is there for somebody else.
                missing.sort_by_key(|it| it.elsewhere.is_empty());
                self.lacks.extend(missing.into_iter().next());
            }
        }
    }

    /// A plug-in that is asked for: nothing if it is there.
    fn one(&mut self, asked: &Asked, soft: bool) -> Option<Lack> {
        let mut tries = Vec::new();
        if self.framework.loader && !asked.name.starts_with('/') {
            let search = self.world.search(&asked.name, self.number);
            tries = search.tries;
            if search.taken.is_some() {
                self.load(&asked.name);
                return None;
            }
        } else {
            let own =
                if asked.name.starts_with('/') { vec![String::new()] } else { self.own.clone() };
            for start in own {
                let path = format!("{start}/{}", asked.name.trim_start_matches('/'));
                match self.attempt(&path) {
                    Outcome::Taken => {
                        self.load(&path);
                        return None;
                    }
                    outcome => tries.push(Try { path, rule: Rule::Plugins, outcome }),
                }
            }
        }
        let what = if self.framework.loader { asked.name.clone() } else { self.shown(&asked.name) };
        let mut lack = self.lack(what, tries, &format!("by {}", asked.place));
        if asked.is_optional || (soft && lack.elsewhere.is_empty()) {
            lack.level = Level::Hint;
        }
        Some(lack)
    }

    fn attempt(&mut self, path: &str) -> Outcome {
        match self.world.open(path) {
            Ok(elf) if elf.abi != self.world.abi => Outcome::PassedBy(elf.abi),
            Ok(_) => Outcome::Taken,
            Err(Unfit::Unread(Unread::Absent)) => Outcome::Absent,
            Err(Unfit::Unread(Unread::Barred(why))) => Outcome::Barred(why),
            Err(Unfit::NoElf(why)) => Outcome::Stops(why),
        }
    }

    /// Plug-ins of which one must be there.
    fn needs(&mut self) {
        let mut tries = Vec::new();
        for name in &self.framework.needs {
            for start in self.own.clone() {
                let path = format!("{start}/{name}");
                match self.attempt(&path) {
                    Outcome::Taken => return,
                    outcome => tries.push(Try { path, rule: Rule::Plugins, outcome }),
                }
            }
        }
        let Some(first) = self.framework.needs.first() else { return };
        let which = match self.framework.needs.len() {
            1 => format!("by {} itself", self.framework.name),
            count => format!(
                "by {} itself, which needs this or one of {} others",
                self.framework.name,
                count - 1
            ),
        };
        let shown = self.shown(first);
        tries.retain(|it| it.path.ends_with(first.as_str()));
        let lack = self.lack(shown, tries, &which);
        self.lacks.push(lack);
    }

    fn lack(&mut self, what: String, tries: Vec<Try>, asked: &str) -> Lack {
        let tail = what.trim_start_matches('/').to_owned();
        // Of a path the name is looked for among the plug-ins.
        let tail = if what.starts_with('/') { self.shown(base(&tail)) } else { tail };
        let chain = self.world.chain(self.number);
        Lack {
            elsewhere: self.world.elsewhere(&tail),
            what,
            need: Need::Plugin { framework: self.framework.name.clone(), asked: asked.to_owned() },
            level: if self.is_maybe { Level::Hint } else { Level::Feature },
            by: self.world.object(self.number).map(|it| it.path.clone()).into_iter().collect(),
            chain: chain.into_iter().map(|it| self.world.title(it).to_owned()).collect(),
            tries,
            offer: Offer::default(),
        }
    }
}

impl World<'_> {
    /// A path of a description, its words filled in: one for each folder of libraries.
    pub(super) fn filled(
        &self,
        template: &str,
        libs: &[String],
        framework: &Framework,
    ) -> Vec<String> {
        let library = framework.libraries.iter().find_map(|name| self.called(name));
        let of = |number: Option<usize>| {
            number.and_then(|it| self.object(it)).map(|it| folder(&it.real).to_owned())
        };
        let one = |word: &str, value: Option<String>| -> Option<Vec<String>> {
            let rest = template.strip_prefix(word)?;
            Some(value.map(|value| format!("{value}{rest}")).into_iter().collect())
        };
        if let Some(rest) = template.strip_prefix("{lib}") {
            return libs.iter().map(|lib| format!("{lib}{rest}")).collect();
        }
        let home = self.wish.environment.get("HOME").filter(|home| home.starts_with('/')).cloned();
        one("{library}", of(library))
            .or_else(|| one("{program}", of(Some(0))))
            .or_else(|| one("{home}", home))
            .unwrap_or_else(|| vec![template.to_owned()])
    }
}
