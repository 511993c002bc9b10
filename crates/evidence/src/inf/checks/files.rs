//! Files: where they come from, and where they go.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-copyfiles-directive>

use super::Check;
use crate::inf::Inf;
use crate::inf::diagnostic::{Code, Diagnostic};
use crate::inf::dirs::{directory, is_own};
use crate::inf::lex::{Entry, Field, Section};
use crate::inf::plan::destination;
use crate::inf::target::{Architecture, number};
use std::collections::HashSet;

/// The driver store, where files stay as the package has them.
const STORE: i64 = 13;

/// COPYFLG_... bits: those that the manual lists, and one that Windows' own files set (0x100).
const FLAGS: u32 = 0x7FFF;

/// `[name]`, and `[name.platform]` of every platform.
fn with_platforms<'a>(inf: &'a Inf, name: &str) -> Vec<&'a Section> {
    let special = Architecture::ALL.map(|it| format!("{name}.{}", it.name()));
    let names = std::iter::once(name).chain(special.iter().map(String::as_str));
    names.filter_map(|name| inf.section(name)).collect()
}

/// The names of source files, in lower case.
pub(super) fn listed(inf: &Inf) -> HashSet<String> {
    let sections = with_platforms(inf, "SourceDisksFiles");
    let entries = sections.into_iter().flat_map(|section| &section.entries);
    entries.filter_map(|entry| Some(entry.key.as_ref()?.value.to_lowercase())).collect()
}

pub(super) fn check(it: &mut Check<'_>) {
    let disks: HashSet<String> = with_platforms(it.inf, "SourceDisksNames")
        .into_iter()
        .flat_map(|section| &section.entries)
        .filter_map(|entry| Some(entry.key.as_ref()?.value.to_lowercase()))
        .collect();
    let copied = copied(it);
    for section in with_platforms(it.inf, "SourceDisksFiles") {
        for entry in &section.entries {
            source(it, section, entry, &disks, &copied);
        }
    }
    destinations(it);
}

/// Names of all source files that some section copies, or that are named anywhere else as a value: class
/// installers copy files as well.
fn copied(it: &Check<'_>) -> HashSet<String> {
    let mut all = HashSet::new();
    for section in &it.inf.sections {
        let low = section.name.to_ascii_lowercase();
        if low.starts_with("sourcedisks") {
            continue;
        }
        for field in section.entries.iter().flat_map(|entry| &entry.fields) {
            all.insert(field.value.trim_start_matches('@').to_lowercase());
        }
    }
    all
}

fn source(
    it: &mut Check<'_>,
    section: &Section,
    entry: &Entry,
    disks: &HashSet<String>,
    copied: &HashSet<String>,
) {
    let Some(name) = entry.key.as_ref() else {
        let problem = format!("a line of [{}] has the form file = disk", section.name);
        it.say(Diagnostic::new(Code::DiskIdMissing, entry.at, problem));
        return;
    };
    if name.value.to_ascii_lowercase().ends_with(".cat") {
        let problem = "the catalog is listed like a file that is copied";
        let help = "leave it out: Windows finds it beside the INF, by CatalogFile";
        it.say(Diagnostic::of(Code::CatalogListed, name, problem).help(help));
    } else if !copied.contains(&name.value.to_lowercase()) && !is_inf(&name.value) {
        let problem = format!("no CopyFiles copies {}", name.value);
        let help = "a file that is not copied stays out of the driver store";
        it.say(Diagnostic::of(Code::FileNotCopied, name, problem).help(help));
    }
    match entry.field(0) {
        None => {
            let problem = format!("{} is on no disk", name.value);
            it.at(Code::DiskIdMissing, name, problem);
        }
        Some(disk) if number(&disk.value).is_none() => {
            let problem = format!("\"{}\" is no number of a disk", disk.value);
            it.at(Code::DiskIdMissing, disk, problem);
        }
        Some(disk) if !disks.contains(&disk.value.to_lowercase()) => {
            let problem = format!("[SourceDisksNames] has no disk {}", disk.value);
            it.at(Code::DiskIdUnknown, disk, problem);
        }
        Some(_) => {}
    }
}

/// INFs are listed, but never copied by name.
fn is_inf(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".inf")
}

fn destinations(it: &mut Check<'_>) {
    let Some(section) = it.inf.section("DestinationDirs") else { return };
    for entry in &section.entries {
        let Some(field) = entry.fields.first() else { continue };
        let Ok(id) = field.value.parse::<i64>() else {
            let problem = format!("\"{}\" is no directory identifier", field.value);
            let help = "give its number alone, as in DefaultDestDir = 13";
            it.say(Diagnostic::of(Code::DirIdMalformed, field, problem).help(help));
            continue;
        };
        if directory(id).is_none() && !is_own(id) {
            let problem = format!("{id} stands for no directory");
            it.at(Code::DirIdUnknown, field, problem);
        }
        let Some(key) = entry.key.as_ref() else { continue };
        if !key.is("DefaultDestDir") && it.inf.section(&key.value).is_none() {
            let problem = format!("there is no section [{}]", key.value);
            let inf = it.inf;
            let names = inf.sections.iter().map(|section| section.name.as_str());
            let near = it.guess(&key.value, names.chain(["DefaultDestDir"]));
            let help = near.map(|near| format!("{near} may be meant")).unwrap_or_default();
            it.say(Diagnostic::of(Code::DestinationUnused, key, problem).help(help));
        }
    }
}

/// `CopyFiles=@name`.
pub(super) fn single(it: &mut Check<'_>, field: &Field) {
    let name = field.value.trim_start_matches('@');
    is_listed(it, field, name);
    if destination(it.inf, None).is_none() {
        nowhere(it, field, name, "DefaultDestDir");
    }
}

fn nowhere(it: &mut Check<'_>, field: &Field, name: &str, key: &str) {
    let problem = format!("[DestinationDirs] says nowhere to copy {name} to");
    let help = format!("add {key} = 13");
    it.say(Diagnostic::of(Code::DestinationMissing, field, problem).help(help));
}

fn is_listed(it: &mut Check<'_>, field: &Field, name: &str) {
    let layout = it.inf.version("LayoutFile").is_some();
    if layout || name.is_empty() || name.contains('%') {
        return;
    }
    if !it.listed.contains(&name.to_lowercase()) {
        let problem = format!("no SourceDisksFiles section lists {name}");
        let all = std::mem::take(&mut it.listed);
        let near = it.guess(name, all.iter().map(String::as_str)).map(str::to_owned);
        it.listed = all;
        let help = match near {
            Some(near) => format!("{near} is listed"),
            None => "without an entry the file is no part of the driver package".to_owned(),
        };
        it.say(Diagnostic::of(Code::FileNotListed, field, problem).help(help));
    }
}

/// A section that CopyFiles names.
pub(super) fn list(it: &mut Check<'_>, section: &Section) {
    let to = destination(it.inf, Some(&section.name)).cloned();
    let id = to.as_ref().and_then(|entry| entry.text(0).parse::<i64>().ok());
    for entry in &section.entries {
        let Some(name) = entry.field(0) else { continue };
        let source = entry.field(1).unwrap_or(name);
        is_listed(it, source, &source.value);
        if to.is_none() {
            nowhere(it, name, &name.value, &section.name);
        }
        if id == Some(STORE) && !source.value.eq_ignore_ascii_case(&name.value) {
            let problem = format!("{} would get another name in the driver store", source.value);
            let help = "with directory 13 both names must be the same";
            it.say(Diagnostic::of(Code::StoreRename, name, problem).help(help));
        }
        let flags = entry.field(3);
        if let Some(flags) = flags.filter(|it| number(&it.value).is_none_or(|it| it & !FLAGS != 0))
        {
            let problem = format!("\"{}\" are no flags of a copied file", flags.value);
            it.at(Code::CopyFlags, flags, problem);
        }
    }
}
