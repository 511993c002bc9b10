//! Which sections lead to which: directives, what they name, and what nobody names.

use super::{Check, files, registry, services};
use crate::inf::Inf;
use crate::inf::diagnostic::{Code, Diagnostic};
use crate::inf::directives::{EXTENSIONS, Kind, Names};
use crate::inf::lex::{Entry, Field, Section};
use crate::inf::near::nearest;
use crate::inf::plan::feature_score;
use crate::inf::target::{Architecture, Target};
use std::collections::HashSet;

/// Sections that Windows looks for by name.
const KNOWN: &[&str] = &[
    "Version",
    "Manufacturer",
    "Strings",
    "SourceDisksNames",
    "SourceDisksFiles",
    "DestinationDirs",
    "ControlFlags",
    "SignatureAttributes",
    "InterfaceInstall32",
    "ClassInstall32",
    "DefaultInstall",
    "DefaultUninstall",
];

/// Sections of further INF readers, such as those of printers and network components, which are
/// looked for by name as well.
const FOREIGN: &[&str] = &[
    "DeviceInstall32",
    "PreviousNames",
    "Previous Names",
    "NDI",
    "BeginLog",
    "Optional Components",
    "PrinterPackageInstallation",
    "PreCopySection",
];

struct Walk {
    seen: HashSet<(String, Kind)>,
    used: HashSet<String>,
    next: Vec<(String, Kind)>,
}

impl Walk {
    fn go(&mut self, name: &str, kind: Kind) {
        let low = name.to_lowercase();
        self.used.insert(low.clone());
        if self.seen.insert((low.clone(), kind)) {
            self.next.push((low, kind));
        }
    }
}

pub(super) fn check(it: &mut Check<'_>) {
    let mut walk = Walk { seen: HashSet::new(), used: HashSet::new(), next: Vec::new() };
    let bases = bases(it);
    let inf = it.inf;
    for section in &inf.sections {
        root(&mut walk, inf, &bases, section);
    }
    if let Some(section) = inf.section("InterfaceInstall32") {
        for field in section.entries.iter().filter_map(|entry| entry.field(0)) {
            let platforms = Architecture::ALL.map(|it| format!(".NT{}", it.name()));
            let endings = ["", ".NT"].into_iter().chain(platforms.iter().map(String::as_str));
            for name in endings.map(|ending| format!("{}{ending}", field.value)) {
                if inf.section(&name).is_some() {
                    walk.go(&name, Kind::InterfaceInstall);
                }
            }
        }
    }
    if let Some(section) = inf.section("Version") {
        directives(it, section, Kind::Version, &mut walk);
    }
    while let Some((name, kind)) = walk.next.pop() {
        if let Some(section) = inf.section(&name) {
            one(it, section, kind, &mut walk);
        }
    }
    unused(it, &walk, &bases);
    registry::without_device(it);
}

/// Names of install sections, without a platform, in lower case.
fn bases(it: &Check<'_>) -> HashSet<String> {
    let models = it.package.sections();
    let devices = models.iter().filter_map(|(_, models)| models.devices.as_deref()).flatten();
    let named = devices.map(|model| model.install.value.to_lowercase());
    let fixed = ["defaultinstall", "defaultuninstall", "classinstall32"].map(str::to_owned);
    named.filter(|name| !name.is_empty()).chain(fixed).collect()
}

/// Whether `rest` is `.NT` or `.NT` with a platform, in lower case.
fn is_platform(rest: &str) -> bool {
    let target = rest.strip_prefix('.').and_then(Target::parse);
    target.is_some_and(|it| it.major.is_none())
}

/// What is behind the name of an install section: nothing or its extension, without a platform.
///
/// The section with that platform must be there, since its name is what Windows adds the extension to.
fn extension<'a>(inf: &Inf, low: &'a str, bases: &HashSet<String>) -> Option<&'a str> {
    // Longer names are told of elsewhere.
    if low.len() > 255 {
        return None;
    }
    let ends = low.match_indices('.').map(|(at, _)| at).chain([low.len()]);
    let mut found = None;
    for end in ends {
        let (base, rest) = low.split_at(end);
        if bases.contains(base) {
            let rest = rest.strip_prefix('.').unwrap_or(rest);
            let (first, tail) = rest.split_once('.').unwrap_or((rest, ""));
            let platform = is_platform(&format!(".{first}"));
            let name = if platform { format!("{base}.{first}") } else { base.to_owned() };
            if inf.section(&name).is_some() {
                found = Some(if platform { tail } else { rest });
            }
        }
    }
    found
}

fn root(walk: &mut Walk, inf: &Inf, bases: &HashSet<String>, section: &Section) {
    let low = section.name.to_lowercase();
    if let Some(extension) = extension(inf, &low, bases) {
        let known = EXTENSIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(extension));
        let class = low.starts_with("classinstall32");
        match known {
            _ if extension.is_empty() && class => walk.go(&section.name, Kind::ClassInstall),
            _ if extension.is_empty() => walk.go(&section.name, Kind::Install),
            Some((_, kind)) => walk.go(&section.name, *kind),
            // Class installers look for further ones.
            None if nearest(extension, EXTENSIONS.iter().map(|(name, _)| *name)).is_none() => {
                walk.go(&section.name, Kind::Other);
            }
            None => {}
        }
    }
}

fn one(it: &mut Check<'_>, section: &Section, kind: Kind, walk: &mut Walk) {
    match kind {
        Kind::Copies => files::list(it, section),
        Kind::AddReg => registry::list(it, section, false),
        Kind::DelReg => registry::list(it, section, true),
        Kind::Service => services::install(it, section),
        _ => {}
    }
    if matches!(kind, Kind::Copies | Kind::AddReg) {
        walk.used.insert(format!("{}.security", section.name.to_lowercase()));
    }
    if matches!(kind, Kind::Copies | Kind::AddReg | Kind::DelReg | Kind::Deletes | Kind::Renames) {
        return;
    }
    directives(it, section, kind, walk);
    for entry in &section.entries {
        special(it, entry, kind);
    }
}

fn directives(it: &mut Check<'_>, section: &Section, kind: Kind, walk: &mut Walk) {
    let tables = kind.directives();
    let names = kind.names();
    for entry in &section.entries {
        let Some(head) = entry.head() else { continue };
        let mut known = names.iter().any(|name| head.is(name));
        for (name, which, leads) in tables.into_iter().flatten() {
            if head.is(name) {
                known = true;
                follow(it, section, entry, (*which, *leads), walk);
            }
        }
        if head.is("Needs") && entry.key.is_some() {
            needs(it, section, entry, kind, walk);
        }
        if known {
            continue;
        }
        // A section of a form that is not known here may lead on to others.
        for field in &entry.fields {
            if it.inf.section(&field.value).is_some() {
                walk.go(&field.value, Kind::Other);
            }
        }
        unknown(it, section, head, kind, &names);
    }
}

fn unknown(it: &mut Check<'_>, section: &Section, head: &Field, kind: Kind, names: &[&str]) {
    if names.is_empty() {
        return;
    }
    let near = it.guess(&head.value, names.iter().copied());
    if near.is_none() && !kind.is_closed() {
        return;
    }
    let problem = format!("\"{}\" is no directive of [{}]", head.value, section.name);
    let help = near.map(|near| format!("{near} is")).unwrap_or_default();
    it.say(Diagnostic::of(Code::DirectiveUnknown, head, problem).help(help));
}

fn follow(
    it: &mut Check<'_>,
    section: &Section,
    entry: &Entry,
    (which, leads): (Names, Kind),
    walk: &mut Walk,
) {
    let fields: Vec<&Field> = match which {
        Names::No => return,
        Names::All => entry.fields.iter().filter(|field| !field.value.is_empty()).collect(),
        Names::At(place) => entry.field(place).into_iter().collect(),
    };
    if fields.is_empty() && which == Names::All {
        let head = entry.head().map_or("it", |head| head.value.as_str());
        let problem = format!("{head} names no section");
        it.say(Diagnostic::new(Code::DirectiveEmpty, entry.at, problem));
    }
    for field in fields {
        if leads == Kind::Copies && field.value.starts_with('@') {
            files::single(it, field);
            continue;
        }
        if it.inf.section(&field.value).is_some() {
            walk.go(&field.value, leads);
            continue;
        }
        let code =
            if leads == Kind::Service { Code::ServiceSectionMissing } else { Code::SectionMissing };
        let problem = format!("there is no section [{}]", field.value);
        let help = match it.guess_section(&field.value) {
            Some(near) => format!("[{near}] is there"),
            None if section.entry("Include").is_some() => {
                "a section of an included INF is reached by Needs alone".to_owned()
            }
            None => String::new(),
        };
        it.say(Diagnostic::of(code, field, problem).help(help));
    }
}

fn needs(it: &mut Check<'_>, section: &Section, entry: &Entry, kind: Kind, walk: &mut Walk) {
    let names =
        |entry: &'_ Entry| entry.fields.clone().into_iter().filter(|it| !it.value.is_empty());
    let included: Vec<Field> = section.with_key("Include").flat_map(names).collect();
    for field in entry.fields.iter().filter(|field| !field.value.is_empty()) {
        if it.inf.section(&field.value).is_some() {
            walk.go(&field.value, kind);
            continue;
        }
        let (problem, help) = if included.is_empty() {
            (
                format!("[{}] is not in this file, and none is included", field.value),
                "name the INF of Windows that has it with Include=",
            )
        } else if it.inf.has_all_without(&included, &field.value) {
            let files: Vec<&str> = included.iter().map(|it| it.value.as_str()).collect();
            (
                format!("[{}] is neither in this file nor in {}", field.value, files.join(", ")),
                "the files that Include names lie beside this one, and were read",
            )
        } else {
            continue;
        };
        it.say(Diagnostic::of(Code::NeedsNotFound, field, problem).help(help));
    }
}

/// What single directives ask for.
fn special(it: &mut Check<'_>, entry: &Entry, kind: Kind) {
    let Some(head) = entry.key.as_ref() else { return };
    if kind == Kind::Install && head.is("FeatureScore") {
        let field = entry.fields.first().filter(|field| feature_score(&field.value).is_none());
        if let Some(field) = field {
            let problem = format!("\"{}\" is no number from 00 to FF", field.value);
            it.at(Code::FeatureScore, field, problem);
        }
    }
    if kind == Kind::Install && head.is("CopyInf") {
        for field in entry.fields.iter().filter(|field| !field.value.is_empty()) {
            if !field.value.to_ascii_lowercase().ends_with(".inf") {
                let problem = format!("\"{}\" is no INF", field.value);
                it.at(Code::CopyInf, field, problem);
            }
        }
    }
    services::interface(it, entry, kind);
    services::framework(it, entry, kind);
}

fn unused(it: &mut Check<'_>, walk: &Walk, bases: &HashSet<String>) {
    let models: HashSet<String> = it
        .package
        .makers
        .iter()
        .flat_map(|maker| &maker.models)
        .map(|models| models.section.to_lowercase())
        .collect();
    let inf = it.inf;
    // Those that the SignatureAttributes section leads to, and whoever is named like it.
    for section in &inf.sections {
        let low = section.name.to_lowercase();
        let first = low.split('.').next().unwrap_or_default();
        let known = KNOWN.iter().chain(FOREIGN).any(|name| {
            name.eq_ignore_ascii_case(first) || name.eq_ignore_ascii_case(&section.name)
        });
        if known || walk.used.contains(&low) || models.contains(&low) {
            continue;
        }
        let problem = format!("nothing refers to [{}]", section.name);
        let help = why_unused(it, &low, &models, bases).unwrap_or_default();
        it.say(Diagnostic::new(Code::SectionUnused, section.at, problem).help(help));
    }
}

fn why_unused(
    it: &mut Check<'_>,
    low: &str,
    models: &HashSet<String>,
    bases: &HashSet<String>,
) -> Option<String> {
    if let Some(extension) = extension(it.inf, low, bases) {
        let near = nearest(extension, EXTENSIONS.iter().map(|(name, _)| *name))?;
        return Some(format!(".{near} may be meant, not .{extension}"));
    }
    for (at, _) in low.match_indices('.').take(8) {
        let (base, target) = low.split_at(at);
        let target = target.trim_start_matches('.');
        if models.contains(base) && Target::parse(target).is_some() {
            return Some(format!("[Manufacturer] does not list the target {target}"));
        }
    }
    it.guesses = it.guesses.checked_sub(1)?;
    let wanted = it.wrong.iter().filter(|it| it.code == Code::SectionMissing).take(100);
    let names = wanted.filter_map(|it| it.problem.split(['[', ']']).nth(1));
    let near = nearest(low, names.chain(KNOWN.iter().copied()))?;
    Some(format!("[{near}] may be meant"))
}
