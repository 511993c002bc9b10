//! `bugcheck.libs.1`.

use super::document;
use crate::libs;
use libraries::{Elsewhere, Lack, Maybe, Need, Survey, Why};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    programs: Vec<ProgramDocument<'a>>,
}

#[derive(Serialize)]
struct ProgramDocument<'a> {
    path: &'a str,
    pid: Option<u32>,
    /// Whether it is what a record tells, and not what a start would find.
    of_record: bool,
    verdict: String,
    /// Whether nothing is missing that is asked for.
    good: bool,
    abi: String,
    bits: u8,
    /// Null for a static program.
    loader: Option<LoaderDocument<'a>>,
    missing: Vec<LackDocument<'a>>,
    versions: Vec<VersionDocument<'a>>,
    /// Names in files that load libraries by name.
    by_name: Vec<MaybeDocument<'a>>,
    /// What is loaded, in order, the program first.
    libraries: Vec<LibraryDocument<'a>>,
    /// Frameworks that load plug-ins, as far as they are in use.
    frameworks: Vec<FrameworkDocument<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct FrameworkDocument<'a> {
    name: &'a str,
    library: &'a str,
    /// Whether that library is only named, by a file that loads libraries by name.
    by_name: bool,
    folders: &'a [String],
    /// How many plug-ins of the right class there are.
    plugins: usize,
    only_elsewhere: Vec<ElsewhereDocument<'a>>,
}

#[derive(Serialize)]
struct LoaderDocument<'a> {
    path: &'a str,
    /// `glibc`, `musl`.
    kind: &'static str,
    folders: &'a [String],
}

#[derive(Serialize)]
struct LackDocument<'a> {
    what: &'a str,
    sentence: String,
    /// `fatal`, `feature`, `hint`.
    level: &'static str,
    /// `interpreter`, `library`, `preload`, `plug-in`, `opened`.
    need: &'static str,
    framework: Option<&'a str>,
    asked: Option<&'a str>,
    needed_by: &'a [String],
    through: &'a [String],
    looked_at: Vec<TryDocument<'a>>,
    elsewhere: Vec<ElsewhereDocument<'a>>,
    /// The installed package that has it for another class.
    installed_package: Option<String>,
    /// The package to install.
    package: Option<&'a str>,
    remedies: Vec<String>,
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct TryDocument<'a> {
    path: &'a str,
    /// `path`, `rpath`, `library-path`, `runpath`, `cache`, `configuration`, `default`, `musl-path`,
    /// `plug-ins`.
    rule: &'static str,
    /// `absent`, `unreadable`, `other-class`, `stops`, `taken`.
    outcome: &'static str,
    detail: Option<String>,
}

#[derive(Serialize)]
struct ElsewhereDocument<'a> {
    path: &'a str,
    abi: String,
    bits: u8,
    /// `other-class`, `not-in-cache`, `not-searched`.
    why: &'static str,
}

#[derive(Serialize)]
struct VersionDocument<'a> {
    version: &'a str,
    also: &'a [String],
    needed_by: &'a str,
    library: &'a str,
    reaches: Option<&'a str>,
    sentence: String,
    remedy: Option<String>,
    /// Whether the loader only warns, since the library has no versions.
    only_warned: bool,
}

#[derive(Serialize)]
struct MaybeDocument<'a> {
    name: &'a str,
    named_in: &'a [String],
    found: Option<&'a str>,
    elsewhere: Vec<ElsewhereDocument<'a>>,
}

#[derive(Serialize)]
struct LibraryDocument<'a> {
    name: &'a str,
    path: &'a str,
    /// Index of who asked for it first.
    by: Option<usize>,
    /// Whether it came with a plug-in.
    of_plugin: bool,
    unread: &'a [String],
}

/// Surveys, schema `bugcheck.libs.1`.
///
/// # Errors
/// None that an input can cause.
pub fn libraries_json(all: &[Survey]) -> serde_json::Result<String> {
    document(&Document { schema: "bugcheck.libs.1", programs: all.iter().map(program).collect() })
}

fn bits(abi: libraries::Abi) -> u8 {
    if abi.class == libraries::Class::Bits64 { 64 } else { 32 }
}

fn program(it: &Survey) -> ProgramDocument<'_> {
    ProgramDocument {
        path: &it.path,
        pid: it.pid,
        of_record: it.is_record,
        verdict: libs::verdict(it),
        good: it.is_good(),
        abi: it.abi.to_string(),
        bits: bits(it.abi),
        loader: it.loader.as_ref().map(|loader| LoaderDocument {
            path: &loader.path,
            kind: loader.kind.word(),
            folders: &loader.folders,
        }),
        missing: it.lacks.iter().map(|lack| lack_document(it, lack)).collect(),
        versions: it
            .versions
            .iter()
            .map(|lack| VersionDocument {
                version: &lack.version,
                also: &lack.more,
                needed_by: &lack.by,
                library: &lack.library,
                reaches: lack.reaches.as_deref(),
                sentence: libs::version(lack),
                remedy: libs::version_remedy(lack),
                only_warned: lack.is_unversioned,
            })
            .collect(),
        by_name: it.maybe.iter().map(maybe).collect(),
        libraries: it
            .libraries
            .iter()
            .map(|library| LibraryDocument {
                name: &library.name,
                path: &library.path,
                by: library.by,
                of_plugin: library.root != 0,
                unread: &library.lost,
            })
            .collect(),
        frameworks: it
            .frameworks
            .iter()
            .map(|it| FrameworkDocument {
                name: it.framework,
                library: &it.library,
                by_name: it.is_maybe,
                folders: &it.folders,
                plugins: it.found,
                only_elsewhere: it.only_elsewhere.iter().map(elsewhere).collect(),
            })
            .collect(),
        notes: &it.notes,
    }
}

fn lack_document<'a>(it: &Survey, lack: &'a Lack) -> LackDocument<'a> {
    let (framework, asked) = match &lack.need {
        Need::Plugin { framework, asked } => (Some(framework.as_str()), Some(asked.as_str())),
        _ => (None, None),
    };
    LackDocument {
        what: &lack.what,
        sentence: libs::sentence(it, lack),
        level: libs::level(lack.level),
        need: libs::need(&lack.need),
        framework,
        asked,
        needed_by: &lack.by,
        through: &lack.chain,
        looked_at: lack
            .tries
            .iter()
            .map(|it| {
                let (outcome, detail) = libs::outcome(it);
                TryDocument { path: &it.path, rule: libs::rule(&it.rule).0, outcome, detail }
            })
            .collect(),
        elsewhere: lack.elsewhere.iter().map(elsewhere).collect(),
        installed_package: lack
            .offer
            .owner
            .as_ref()
            .map(|owner| format!("{}:{}", owner.name, owner.architecture)),
        package: lack.offer.package.as_deref(),
        remedies: libs::remedies(it, lack),
        note: lack.offer.note.as_deref(),
    }
}

fn elsewhere(it: &Elsewhere) -> ElsewhereDocument<'_> {
    let why = match it.why {
        Why::OtherAbi => "other-class",
        Why::NotInCache => "not-in-cache",
        Why::NotSearched => "not-searched",
    };
    ElsewhereDocument { path: &it.path, abi: it.abi.to_string(), bits: bits(it.abi), why }
}

fn maybe(it: &Maybe) -> MaybeDocument<'_> {
    MaybeDocument {
        name: &it.name,
        named_in: &it.by,
        found: it.path.as_deref(),
        elsewhere: it.elsewhere.iter().map(elsewhere).collect(),
    }
}
