//! Services, interfaces and frameworks.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-addservice-directive>

use super::Check;
use crate::inf::Inf;
use crate::inf::classes::inside_braces;
use crate::inf::diagnostic::{Code, Diagnostic};
use crate::inf::directives::Kind;
use crate::inf::dirs::{file_name, split};
use crate::inf::lex::{Entry, Field, Section};
use crate::inf::target::{Architecture, number};
use std::collections::HashSet;

/// SPSVCINST_ASSOCSERVICE.
const ASSOCIATED: u32 = 2;

/// Numbers that a service section must give, and which they may be.
const NUMBERS: &[(&str, &[u32])] = &[
    ("ServiceType", &[0x1, 0x2, 0x10, 0x20, 0x110, 0x120, 0x50, 0x60]),
    ("StartType", &[0, 1, 2, 3, 4]),
    ("ErrorControl", &[0, 1, 2, 3]),
];

/// Classes whose devices need no function driver of their own, or get it from their class installer.
const WITHOUT_DRIVER: &[&str] = &[
    "Extension",
    "SoftwareComponent",
    "Printer",
    "Monitor",
    "Modem",
    "NetService",
    "NetTrans",
    "NetClient",
];

/// Whether each install section has its one function driver.
pub(super) fn check(it: &mut Check<'_>) {
    let class = it.inf.version("Class");
    let may_lack = class.is_some_and(|class| WITHOUT_DRIVER.iter().any(|name| class.is(name)));
    let package = it.package.clone();
    let mut seen = HashSet::new();
    for (_, models) in package.sections() {
        let architecture = models.target.architecture.unwrap_or(Architecture::X86);
        for model in models.devices.iter().flat_map(|all| all.iter()) {
            let Some(actual) = it.inf.actual(&model.install.value, architecture) else { continue };
            if seen.insert(actual.name.to_lowercase()) {
                associated(it, actual, &model.install, may_lack);
            }
        }
    }
}

fn associated(it: &mut Check<'_>, actual: &Section, install: &Field, may_lack: bool) {
    let name = format!("{}.Services", actual.name);
    let section = it.inf.section(&name);
    let entries = section.map_or(&[][..], |section| section.entries.as_slice());
    let services = entries.iter().filter(|entry| entry.has_key("AddService"));
    let flagged: Vec<&Entry> =
        services.filter(|it| number(it.text(1)).unwrap_or_default() & ASSOCIATED != 0).collect();
    if let Some(second) = flagged.get(1) {
        let problem = format!("[{name}] has two function drivers");
        let help = "flag 2 is for one service only";
        it.say(Diagnostic::new(Code::ServiceSeveral, second.at, problem).help(help));
    }
    let inherits = |section: &Section| section.entry("Needs").is_some();
    let needs = inherits(actual) || section.is_some_and(inherits);
    if flagged.is_empty() && !needs && !may_lack {
        let problem = match section {
            None => format!("there is no [{name}], so the device gets no driver"),
            Some(_) => format!("no service of [{name}] has flag 2, so the device gets no driver"),
        };
        let help = "a device that needs none says so: AddService = ,2";
        let wrong = match section {
            None => Diagnostic::of(Code::ServiceNone, install, problem),
            Some(section) => Diagnostic::new(Code::ServiceNone, section.at, problem),
        };
        it.say(wrong.help(help));
    }
    for entry in flagged {
        start(it, entry);
    }
}

/// When the function driver starts.
fn start(it: &mut Check<'_>, entry: &Entry) {
    let Some(section) = it.inf.section(entry.text(2)) else { return };
    let Some(field) = section.entry("StartType").and_then(|entry| entry.field(0)) else { return };
    match number(&field.value) {
        Some(4) => {
            let problem = "a disabled service cannot be the driver of a device";
            it.say(Diagnostic::of(Code::ServiceDisabled, field, problem).help("3 is on demand"));
        }
        Some(2) => {
            let problem = "a driver of a PnP device is not started by the service manager";
            let help = "3 is on demand, 0 at boot";
            it.say(Diagnostic::of(Code::ServiceStart, field, problem).help(help));
        }
        _ => {}
    }
}

/// A section that AddService names.
pub(super) fn install(it: &mut Check<'_>, section: &Section) {
    for (key, allowed) in NUMBERS {
        let entry = section.entries.iter().find(|entry| entry.has_key(key));
        match entry.and_then(|entry| entry.field(0)) {
            None => missing(it, section, key),
            Some(field) if number(&field.value).is_none_or(|it| !allowed.contains(&it)) => {
                let problem = format!("\"{}\" is no {key}", field.value);
                let numbers: Vec<String> = allowed.iter().map(|it| format!("{it:#x}")).collect();
                let help = format!("it is one of {}", numbers.join(", "));
                it.say(Diagnostic::of(Code::ServiceValue, field, problem).help(help));
            }
            Some(_) => {}
        }
    }
    match section.entry("ServiceBinary").and_then(|entry| entry.field(0)) {
        None => missing(it, section, "ServiceBinary"),
        Some(field) => binary(it, field),
    }
}

fn missing(it: &mut Check<'_>, section: &Section, key: &str) {
    let problem = format!("the service of [{}] has no {key}", section.name);
    it.say(Diagnostic::new(Code::ServiceKeyMissing, section.at, problem));
}

fn binary(it: &mut Check<'_>, field: &Field) {
    if split(&field.value).is_none() {
        let problem = format!("\"{}\" does not begin with a directory identifier", field.value);
        let help = "write %13%\\name.sys, or %12%\\name.sys";
        it.say(Diagnostic::of(Code::ServicePath, field, problem).help(help));
    }
    let file = file_name(&field.value).to_lowercase();
    if !it.copied.contains(&file) {
        let problem = format!("no CopyFiles copies {}", file_name(&field.value));
        let copied = std::mem::take(&mut it.copied);
        let near = it.guess(&file, copied.iter().map(String::as_str)).map(str::to_owned);
        it.copied = copied;
        let help = near.map(|near| format!("{near} is copied")).unwrap_or_default();
        it.say(Diagnostic::of(Code::ServiceNotCopied, field, problem).help(help));
    }
}

/// Names of files as they are installed, in lower case.
pub(super) fn copied(inf: &Inf) -> HashSet<String> {
    let (mut all, mut seen) = (HashSet::new(), HashSet::new());
    let copies = inf.sections.iter().flat_map(|section| section.with_key("CopyFiles"));
    for field in copies.flat_map(|entry| &entry.fields) {
        if let Some(name) = field.value.strip_prefix('@') {
            all.insert(name.to_lowercase());
        } else if let Some(list) = inf.section(&field.value).filter(|list| seen.insert(list.at)) {
            all.extend(list.entries.iter().map(|entry| entry.text(0).to_lowercase()));
        }
    }
    all
}

/// `AddInterface = {GUID},...`.
pub(super) fn interface(it: &mut Check<'_>, entry: &Entry, kind: Kind) {
    if kind != Kind::Interfaces || !entry.has_key("AddInterface") {
        return;
    }
    let Some(field) = entry.fields.first() else { return };
    if inside_braces(&field.value).is_none() {
        let problem = format!("\"{}\" is no GUID of an interface class", field.value);
        let help = "the form is {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
        it.say(Diagnostic::of(Code::InterfaceGuid, field, problem).help(help));
    }
}

/// `KmdfService = name, section`: the section must give the library's version.
/// <https://learn.microsoft.com/windows-hardware/drivers/wdf/specifying-wdf-directives-in-inf-files>
pub(super) fn framework(it: &mut Check<'_>, entry: &Entry, kind: Kind) {
    if kind != Kind::Framework {
        return;
    }
    for (directive, version) in
        [("KmdfService", "KmdfLibraryVersion"), ("UmdfService", "UmdfLibraryVersion")]
    {
        let section = it.inf.section(entry.text(1));
        let lacks = section.is_some_and(|section| section.entry(version).is_none());
        if entry.has_key(directive) && lacks {
            let problem = format!("[{}] gives no {version}", entry.text(1));
            it.say(Diagnostic::new(Code::FrameworkVersion, entry.at, problem));
        }
    }
}
