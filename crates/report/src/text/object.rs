//! An object or a library, explained.

use super::Look;
use super::image::names;
use super::page::{Ink, Page};
use pe::Machine;
use pe::object::{
    Anonymous, Archive, Member, NameType, Object, ObjectFile, ObjectSection, ShortImport,
};
use std::collections::BTreeMap;

/// Members of a library that are listed.
const MOST_MEMBERS: usize = 200;

/// What has no machine code: why, and what to ask for.
const LTCG: &str = "It was compiled for link-time code generation (/GL): there is no machine code in it, but \
    the compiler's intermediate language, which only the compiler and linker of that version understand. Use \
    the linked .sys, or build without /GL.";
const BITCODE: &str = "It is LLVM bitcode, compiled for link-time optimisation (-flto): there is no machine \
    code in it. Use the linked .sys, or build without -flto.";
const ANONYMOUS: &str = "It is an anonymous object of an unknown class: there is no machine code in it that \
    can be read. Use the linked .sys.";

/// An object or a library as a page. `name` is the file.
pub fn object_text(name: &str, it: &ObjectFile, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    let what = what(it);
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, ": "), (Ink::Plain, &what)]);
    match it {
        ObjectFile::Object(object) => objects(&mut page, object),
        ObjectFile::Anonymous(it) => anonymous(&mut page, it),
        ObjectFile::Import(import) => {
            page.labelled(2, 10, "import", &imported(import));
        }
        ObjectFile::Bitcode => page.wrapped(2, 2, &[(Ink::Warn, BITCODE)]),
        ObjectFile::Archive(archive) => library(&mut page, archive),
    }
    page.finish()
}

/// In a few words.
fn what(it: &ObjectFile) -> String {
    match it {
        ObjectFile::Object(it) => {
            let big = if it.is_big { " (/bigobj)" } else { "" };
            format!("object for {}{big}", it.machine)
        }
        ObjectFile::Anonymous(it) if it.is_bitcode => format!("LLVM bitcode for {}", it.machine),
        ObjectFile::Anonymous(it) if it.is_ltcg => {
            format!("object for link-time code generation, for {}", it.machine)
        }
        ObjectFile::Anonymous(it) => format!("anonymous object for {}", it.machine),
        ObjectFile::Import(it) => format!("short import for {}", it.machine),
        ObjectFile::Bitcode => "LLVM bitcode".to_owned(),
        ObjectFile::Archive(it) => {
            let only = it.members.iter().any(|member| {
                matches!(member.file, Ok(ObjectFile::Import(_))) || member.module.is_some()
            });
            match (it.is_thin, only) {
                (true, _) => "thin library, which only names its members".to_owned(),
                (_, true) => "import library".to_owned(),
                _ => "library".to_owned(),
            }
        }
    }
}

/// A time stamp, which may be a hash: nothing in an object says so.
fn stamp(timestamp: u32) -> String {
    match diagnosis::crash::seconds_text(timestamp.into()).filter(|_| timestamp != 0) {
        Some(time) => format!("{time} UTC, if {timestamp:08x} is a time and no hash"),
        None => "none".to_owned(),
    }
}

fn objects(page: &mut Page<'_>, it: &Object) {
    for error in &it.problems {
        let error = format!("{error}.");
        page.wrapped(2, 4, &[(Ink::Warn, "Damaged: "), (Ink::Plain, &error)]);
    }
    page.blank();
    page.labelled(2, 12, "time stamp", &stamp(it.timestamp));
    if let Some(source) = &it.source {
        page.labelled(2, 12, "source", source);
    }
    if let Some((product, build)) = it.compiler {
        page.labelled(
            2,
            12,
            "compiler",
            &format!("{}, build {build}", super::image::product(product)),
        );
    }
    let symbols = format!("{}, in {} records", it.symbols, it.symbol_records);
    page.labelled(2, 12, "symbols", &symbols);
    if !it.directives.is_empty() {
        page.labelled(2, 12, "directives", &it.directives);
    }
    sections(page, &it.sections);
    for (heading, list) in [("Defines", &it.defined), ("Wants", &it.undefined)] {
        if !list.is_empty() {
            page.blank();
            page.heading(2, &format!("{heading} ({})", list.len()));
            names(page, list.clone());
        }
    }
}

fn sections(page: &mut Page<'_>, sections: &[ObjectSection]) {
    page.blank();
    page.heading(2, &format!("Sections ({})", sections.len()));
    for section in sections.iter().take(MOST_MEMBERS) {
        let name = format!("{:16}", section.name);
        let rest = format!("{:>9} bytes {:>7} relocations", section.size, section.relocations);
        page.line(4, &[(Ink::Strong, &name), (Ink::Plain, &rest)]);
    }
    let rest = sections.len().saturating_sub(MOST_MEMBERS);
    if rest > 0 {
        page.line(4, &[(Ink::Faint, &format!("and {rest} more, which --format json has"))]);
    }
}

fn anonymous(page: &mut Page<'_>, it: &Anonymous) {
    let why = match (it.is_bitcode, it.is_ltcg) {
        (true, _) => BITCODE,
        (_, true) => LTCG,
        _ => ANONYMOUS,
    };
    page.wrapped(2, 2, &[(Ink::Warn, why)]);
    page.blank();
    page.labelled(2, 12, "header", &format!("version {}", it.version));
    page.labelled(2, 12, "time stamp", &stamp(it.timestamp));
    page.labelled(2, 12, "class", &class(it));
    page.labelled(2, 12, "data", &format!("{} bytes", it.size));
    if !it.sections.is_empty() {
        sections(page, &it.sections);
    }
}

/// The class as Windows writes a GUID.
pub(crate) fn class(it: &Anonymous) -> String {
    pe::CodeView { guid: it.class, age: 0, path: String::new() }.guid_text()
}

fn imported(it: &ShortImport) -> String {
    let kind = if it.is_code { "" } else { " (data)" };
    let by = match &it.by {
        NameType::Ordinal(number) => format!(" by ordinal {number}"),
        NameType::Name(name) if *name != it.symbol => format!(" as {name}"),
        NameType::Name(_) => String::new(),
        NameType::Unknown(number) => format!(" by an unknown rule ({number})"),
    };
    format!("{} from {}{by}{kind}", it.symbol, it.module)
}

fn library(page: &mut Page<'_>, it: &Archive) {
    for error in &it.problems {
        let error = format!("{error}.");
        page.wrapped(2, 4, &[(Ink::Warn, "Damaged: "), (Ink::Plain, &error)]);
    }
    page.blank();
    page.labelled(2, 14, "members", &it.members.len().to_string());
    for (label, index) in [("first index", &it.index), ("second index", &it.second_index)] {
        let text = match index {
            Some(names) => format!("{} symbols", names.len()),
            None => "none".to_owned(),
        };
        page.labelled(2, 14, label, &text);
    }
    let mut machines: Vec<Machine> = it.members.iter().filter_map(machine).collect();
    machines.dedup();
    let mut machines: Vec<String> = machines.iter().map(Machine::to_string).collect();
    machines.sort();
    machines.dedup();
    if !machines.is_empty() {
        page.labelled(2, 14, "for", &machines.join(", "));
    }
    let codeless = it.members.iter().filter(|member| match &member.file {
        Ok(ObjectFile::Anonymous(it)) => it.is_ltcg,
        _ => false,
    });
    let codeless = codeless.count();
    if codeless > 0 {
        let text = format!("{codeless} members. {LTCG}");
        page.wrapped(2, 4, &[(Ink::Warn, "Without code: "), (Ink::Plain, &text)]);
    }
    imports(page, it);
    members(page, it);
}

/// Imports by the image that exports them.
fn imports(page: &mut Page<'_>, it: &Archive) {
    let mut modules: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for member in &it.members {
        match &member.file {
            Ok(ObjectFile::Import(import)) => {
                let name = match &import.by {
                    NameType::Ordinal(number) => format!("{} (#{number})", import.symbol),
                    _ => import.symbol.clone(),
                };
                modules.entry(&import.module).or_default().push(name);
            }
            _ => {
                if let Some(module) = &member.module {
                    modules.entry(module).or_default();
                }
            }
        }
    }
    // GNU's libraries have an object an import, each of which defines `__imp_` and the name.
    if let ([(_, list)], Some(index)) =
        (modules.iter_mut().collect::<Vec<_>>().as_mut_slice(), &it.index)
        && list.is_empty()
    {
        list.extend(index.iter().filter_map(|name| name.strip_prefix("__imp_")).map(str::to_owned));
    }
    for (module, list) in modules {
        page.blank();
        page.heading(2, &format!("Imports from {module} ({})", list.len()));
        if !list.is_empty() {
            names(page, list);
        }
    }
}

/// Members that are no imports.
fn members(page: &mut Page<'_>, it: &Archive) {
    let others: Vec<&Member> = it
        .members
        .iter()
        .filter(|member| !matches!(member.file, Ok(ObjectFile::Import(_))))
        .collect();
    if others.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, &format!("Members that are no short imports ({})", others.len()));
    for member in others.iter().take(MOST_MEMBERS) {
        let text = match &member.file {
            Ok(file) => what(file),
            Err(_) if it.is_thin => "a file of its own".to_owned(),
            Err(_) => "of no kind that is known".to_owned(),
        };
        let text = format!("  {} bytes, {text}", member.size);
        page.wrapped(4, 8, &[(Ink::Strong, &member.name), (Ink::Plain, &text)]);
    }
    let rest = others.len().saturating_sub(MOST_MEMBERS);
    if rest > 0 {
        page.line(4, &[(Ink::Faint, &format!("and {rest} more, which --format json has"))]);
    }
}

fn machine(member: &Member) -> Option<Machine> {
    match member.file.as_ref().ok()? {
        ObjectFile::Object(it) => Some(it.machine),
        ObjectFile::Anonymous(it) => Some(it.machine),
        ObjectFile::Import(it) => Some(it.machine),
        ObjectFile::Bitcode | ObjectFile::Archive(_) => None,
    }
}
