//! What an install section does besides files, registry, services and interfaces: told line by line, since
//! hardly two of these are alike.

use super::Inf;
use super::directives::{EXTENSIONS, Kind};
use super::lex::{Entry, Position, Section};

/// One more thing that an install section does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Further {
    /// The directive that it comes from: `AddProperty`.
    pub directive: String,
    /// In words, or the line as it is.
    pub text: String,
    /// Whether it is understood. If not, the line is only passed on.
    pub planned: bool,
    /// Where it is written.
    pub at: Position,
}

/// Lines of one plan, at most.
const MOST: usize = 5_000;

/// Directives that other parts of a plan tell.
const TOLD: &[&str] = &[
    "CopyFiles",
    "DelFiles",
    "RenFiles",
    "AddReg",
    "DelReg",
    "Include",
    "Needs",
    "Reboot",
    "Restart",
    "FeatureScore",
    "DriverVer",
    "ExcludeId",
    "AddService",
    "DelService",
    "AddInterface",
    "AddFilter",
    "KmdfService",
    "UmdfService",
    "UmdfServiceOrder",
];

/// The extensions whose sections are told elsewhere, or by class installers alone.
const ELSEWHERE: &[&str] = &["HW", "Services", "CoInstallers", "Interfaces", "Wdf", "Filters"];

/// Collects what the section `name` and those that belong to it do further.
pub(super) fn collect(inf: &Inf, name: &str) -> Vec<Further> {
    let mut all = Vec::new();
    for suffix in ["", ".HW", ".CoInstallers", ".Interfaces", ".Filters"] {
        if let Some(section) = inf.section(&format!("{name}{suffix}")) {
            install(inf, section, &mut all);
        }
    }
    for (suffix, kind) in EXTENSIONS.iter().filter(|(suffix, _)| !ELSEWHERE.contains(suffix)) {
        let Some(section) = inf.section(&format!("{name}.{suffix}")) else { continue };
        // Here every line counts: FactDef has no directives.
        let sections = if *kind == Kind::LogConfigOverride { "LogConfig" } else { "" };
        for entry in &section.entries {
            let head = entry.head().map_or(*suffix, |head| &head.value);
            if !sections.is_empty() && head.eq_ignore_ascii_case(sections) {
                resources(inf, entry, &mut all);
            } else if !TOLD.iter().any(|told| told.eq_ignore_ascii_case(head)) {
                push(&mut all, head, line(entry), false, entry.at);
            }
        }
    }
    all
}

fn push(all: &mut Vec<Further>, directive: &str, text: String, planned: bool, at: Position) {
    if all.len() < MOST {
        all.push(Further { directive: directive.to_owned(), text, planned, at });
    }
}

/// The values of an entry as they stand.
fn line(entry: &Entry) -> String {
    let values: Vec<&str> = entry.fields.iter().map(|field| field.value.as_str()).collect();
    values.join(", ")
}

fn install(inf: &Inf, section: &Section, all: &mut Vec<Further>) {
    for entry in &section.entries {
        let Some(head) = entry.head().map(|head| head.value.as_str()) else { continue };
        let is = |name: &str| head.eq_ignore_ascii_case(name);
        if is("AddProperty") || is("DelProperty") {
            each(inf, entry, head, all, property);
        } else if is("BitReg") {
            each(inf, entry, head, all, bits);
        } else if is("LogConfig") {
            resources(inf, entry, all);
        } else if is("CopyInf") {
            for field in entry.fields.iter().filter(|field| !field.value.is_empty()) {
                let text = format!("{} is put into the driver store as well", field.value);
                push(all, "CopyINF", text, true, field.at);
            }
        } else if !TOLD.iter().any(|told| told.eq_ignore_ascii_case(head)) && entry.key.is_some() {
            push(all, head, line(entry), false, entry.at);
        }
    }
}

/// Reads each line of the sections that an entry names.
fn each(
    inf: &Inf,
    entry: &Entry,
    directive: &str,
    all: &mut Vec<Further>,
    read: fn(&Entry) -> Option<String>,
) {
    for section in entry.fields.iter().filter_map(|field| inf.section(&field.value)) {
        for entry in &section.entries {
            let told = read(entry);
            let planned = told.is_some();
            push(all, directive, told.unwrap_or_else(|| line(entry)), planned, entry.at);
        }
    }
}

/// `property-name, , , , value` or `{guid}, pid, type, flags, value`.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-addproperty-directive>
fn property(entry: &Entry) -> Option<String> {
    let name = entry.field(0)?.value.as_str();
    let name = match entry.field(1) {
        Some(number) => format!("{name} {}", number.value),
        None => name.to_owned(),
    };
    let values: Vec<&str> = entry.fields.iter().skip(4).map(|field| field.value.as_str()).collect();
    let value = if values.is_empty() {
        "is deleted".to_owned()
    } else {
        format!("= {}", values.join(", "))
    };
    Some(format!("{name} {value}"))
}

/// `root, subkey, name, flags, mask, byte`: bit 0 of the flags sets the mask's bits, else they are cleared.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-bitreg-directive>
fn bits(entry: &Entry) -> Option<String> {
    let number = |index: usize| super::target::number(entry.text(index));
    let flags = if entry.text(3).is_empty() { 0 } else { number(3)? };
    let (mask, byte) = (number(4)?, number(5)?);
    let key = match entry.text(1) {
        "" => String::new(),
        key => format!("\\{key}"),
    };
    let what = if flags & 1 != 0 { "sets" } else { "clears" };
    Some(format!(
        "{what} bits {mask:#04x} of byte {byte} of {}{key} {}",
        entry.text(0),
        entry.text(2)
    ))
}

/// Resources of a device that cannot report them, each section one configuration.
/// <https://learn.microsoft.com/windows-hardware/drivers/install/inf-logconfig-directive>
fn resources(inf: &Inf, entry: &Entry, all: &mut Vec<Further>) {
    for name in entry.fields.iter().filter(|field| !field.value.is_empty()) {
        let Some(section) = inf.section(&name.value) else { continue };
        let told: Vec<String> = section
            .entries
            .iter()
            .filter_map(|entry| Some(format!("{} {}", entry.head()?.value, line(entry))))
            .collect();
        push(all, "LogConfig", format!("[{}]: {}", section.name, told.join("; ")), true, name.at);
    }
}
