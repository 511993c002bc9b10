//! `[Version]`.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-version-section>

use super::Check;
use crate::inf::classes::{class_guid, class_name, inside_braces, is_reserved};
use crate::inf::date::{Date, DriverVersion};
use crate::inf::diagnostic::{Code, Diagnostic};
use crate::inf::lex::{Field, Position, Section};

/// Class of INFs that add to what another one installs.
const EXTENSION: &str = "Extension";

/// Whether the rest of the file is worth a look.
pub(super) fn check(it: &mut Check<'_>, today: Option<Date>) -> bool {
    let Some(section) = it.inf.section("Version") else {
        let at = Position { line: 1, column: 1 };
        let problem = "there is no [Version] section, so Windows takes the file for no INF";
        let help = "begin it with [Version] and Signature=\"$Windows NT$\"";
        it.say(Diagnostic::new(Code::VersionMissing, at, problem).help(help));
        return false;
    };
    signature(it, section);
    class(it, section);
    provider(it, section);
    catalog(it, section);
    driver_ver(it, section, today);
    lock_down(it, section);
    true
}

/// The value of a key, which `[Version]` must have; the heading is to blame if it has none.
fn required<'a>(
    it: &mut Check<'_>,
    section: &'a Section,
    key: &str,
    why: &str,
) -> Option<&'a Field> {
    let found = section.entries.iter().find(|entry| entry.has_key(key));
    let field = found.and_then(|entry| entry.field(0));
    if field.is_none() {
        let at = found.map_or(section.at, |entry| entry.at);
        let problem = format!("[Version] gives no {key}");
        it.say(Diagnostic::new(Code::VersionKeyMissing, at, problem).help(why));
    }
    field
}

fn signature(it: &mut Check<'_>, section: &Section) {
    let Some(entry) = section.entry("Signature") else {
        let problem = "[Version] gives no Signature, so Windows takes the file for no INF";
        let help = "add Signature=\"$Windows NT$\"";
        it.say(Diagnostic::new(Code::SignatureWrong, section.at, problem).help(help));
        return;
    };
    let Some(field) = entry.fields.first() else { return };
    if !field.is("$Windows NT$") && !field.is("$Chicago$") {
        let problem = format!("the signature is \"{}\"", field.value);
        let help = "it must be \"$Windows NT$\"";
        it.say(Diagnostic::of(Code::SignatureWrong, field, problem).help(help));
    }
}

fn class(it: &mut Check<'_>, section: &Section) {
    // An INF without devices needs no class.
    let has_devices = !it.package.makers.is_empty();
    let (name, guid) = if has_devices {
        (
            required(it, section, "Class", "a device driver is installed into a class"),
            required(it, section, "ClassGuid", "the class is found by its GUID"),
        )
    } else {
        let value = |key| section.entries.iter().find(|it| it.has_key(key))?.field(0);
        (value("Class"), value("ClassGuid"))
    };
    if let Some(guid) = guid {
        match inside_braces(&guid.value) {
            None => {
                let problem = format!("\"{}\" is no GUID", guid.value);
                let help = "the form is {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
                it.say(Diagnostic::of(Code::ClassGuidMalformed, guid, problem).help(help));
            }
            Some(inside) => mismatch(it, name, guid, inside),
        }
    }
    let Some(name) = name else { return };
    if is_reserved(&name.value) {
        let problem = format!("class {} is Windows' own", name.value);
        it.at(Code::ClassReserved, name, problem);
    }
    let own = it.inf.sections.iter().find(|section| {
        let low = section.name.to_ascii_lowercase();
        low == "classinstall32" || low.starts_with("classinstall32.nt")
    });
    if let (Some(own), Some(_)) = (own, class_guid(&name.value)) {
        let problem =
            format!("[{}] installs class {}, which Windows defines", own.name, name.value);
        let help = "leave the section out";
        it.say(Diagnostic::new(Code::ClassOfWindows, own.at, problem).help(help));
    }
    extension(it, section, name);
}

fn mismatch(it: &mut Check<'_>, name: Option<&Field>, guid: &Field, inside: &str) {
    let Some(name) = name else { return };
    match (class_guid(&name.value), class_name(inside)) {
        (Some(right), _) if !right.eq_ignore_ascii_case(inside) => {
            let problem = format!("this is not the GUID of class {}", name.value);
            let mut help = format!("that is {{{right}}}");
            if let Some(other) = class_name(inside) {
                help = format!("{help}; the one here is of class {other}");
            }
            it.say(Diagnostic::of(Code::ClassMismatch, guid, problem).help(help));
        }
        (None, Some(right)) => {
            let problem = format!("the class is called {right}, by its GUID, not {}", name.value);
            it.at(Code::ClassMismatch, name, problem);
        }
        _ => {}
    }
}

fn extension(it: &mut Check<'_>, section: &Section, class: &Field) {
    if !class.is(EXTENSION) {
        return;
    }
    match section.entry("ExtensionId").and_then(|entry| entry.field(0)) {
        None => {
            let problem = "an extension INF needs an ExtensionId";
            let help = "make a GUID once, and keep it in later versions";
            it.say(Diagnostic::of(Code::ExtensionId, class, problem).help(help));
        }
        Some(id) if inside_braces(&id.value).is_none() => {
            let problem = format!("\"{}\" is no GUID", id.value);
            it.at(Code::ExtensionId, id, problem);
        }
        Some(_) => {}
    }
}

fn provider(it: &mut Check<'_>, section: &Section) {
    let why = "it names who wrote the INF";
    let field = required(it, section, "Provider", why);
    if let Some(field) = field.filter(|field| field.is("Microsoft")) {
        let problem = "the provider is Microsoft";
        let help = "name the organisation that wrote the INF";
        it.say(Diagnostic::of(Code::ProviderMicrosoft, field, problem).help(help));
    }
}

fn catalog(it: &mut Check<'_>, section: &Section) {
    let is_catalog = |key: &str| {
        let low = key.to_ascii_lowercase();
        low == "catalogfile" || low.starts_with("catalogfile.")
    };
    let mut any = false;
    for entry in &section.entries {
        let Some(key) = entry.key.as_ref().filter(|key| is_catalog(&key.value)) else { continue };
        any = true;
        let Some(field) = entry.fields.first() else { continue };
        let low = field.value.to_ascii_lowercase();
        if !low.ends_with(".cat") || low.contains(['\\', '/']) || low == ".cat" {
            let problem = format!("{} is \"{}\", which names no catalog", key.value, field.value);
            let help = "give the name of a .cat file that lies beside the INF";
            it.say(Diagnostic::of(Code::CatalogName, field, problem).help(help));
        }
    }
    if !any {
        let problem = "[Version] names no catalog, so the driver counts as unsigned";
        let help = "add CatalogFile=name.cat";
        it.say(Diagnostic::new(Code::CatalogMissing, section.at, problem).help(help));
    }
}

fn driver_ver(it: &mut Check<'_>, section: &Section, today: Option<Date>) {
    let why = "DriverVer=mm/dd/yyyy,w.x.y.z decides between drivers that fit a device alike";
    if required(it, section, "DriverVer", why).is_none() {
        return;
    }
    let Some(entry) = section.entry("DriverVer") else { return };
    if let Some(field) = entry.field(0) {
        let two_digits = field.value.split(['/', '-']).map(str::len).eq([2, 2, 4]);
        match Date::parse(&field.value).filter(|_| two_digits) {
            None => {
                let problem = format!("\"{}\" is no date of the form mm/dd/yyyy", field.value);
                let help = "Windows takes another for 00/00/0000, the oldest of all";
                it.say(Diagnostic::of(Code::DriverDate, field, problem).help(help));
            }
            Some(date) if today.is_some_and(|today| date > today) => {
                let problem = "the date lies in the future";
                let help = "until then the driver wins over newer ones that fit as well";
                it.say(Diagnostic::of(Code::DriverDateFuture, field, problem).help(help));
            }
            Some(_) => {}
        }
    }
    let Some(field) = entry.field(1) else {
        let problem = "DriverVer gives no version";
        let help = "add one, as in DriverVer=mm/dd/yyyy,1.0.0.0";
        it.say(Diagnostic::new(Code::DriverVersion, entry.at, problem).help(help));
        return;
    };
    let whole = field.value.split('.').count() == 4;
    let numbers = DriverVersion::parse(&field.value).filter(|_| whole);
    if numbers.is_none_or(|version| version == DriverVersion::default()) {
        let problem = format!("\"{}\" is no version of the form w.x.y.z", field.value);
        let help = "each is a number below 65536, and not all are zero";
        it.say(Diagnostic::of(Code::DriverVersion, field, problem).help(help));
    }
}

fn lock_down(it: &mut Check<'_>, section: &Section) {
    if it.package.makers.is_empty() {
        return;
    }
    let value = section.entry("PnpLockdown").and_then(|entry| entry.field(0));
    if value.is_none_or(|field| !field.is("1")) {
        let at = value.map_or(section.at, |field| field.at);
        let problem = "programs may change the driver's files once they are installed";
        let help = "add PnpLockdown=1";
        it.say(Diagnostic::new(Code::LockDown, at, problem).help(help));
    }
}
