//! AddReg and DelReg sections.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-addreg-directive>

use super::Check;
use crate::inf::diagnostic::{Code, Diagnostic};
use crate::inf::lex::{Entry, Section};
use crate::inf::registry::{Fault, Root, Value, change};
use crate::inf::target::Architecture;
use std::collections::HashSet;

/// Values below HKR that Windows itself reads, and whether each is a number, a text or several.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("DeviceCharacteristics", "REG_DWORD"),
    ("DeviceType", "REG_DWORD"),
    ("Exclusive", "REG_DWORD"),
    ("Security", "REG_SZ"),
    ("UpperFilters", "REG_MULTI_SZ"),
    ("LowerFilters", "REG_MULTI_SZ"),
];

pub(super) fn list(it: &mut Check<'_>, section: &Section, deletes: bool) {
    for entry in &section.entries {
        line(it, entry, deletes);
    }
}

/// HKR needs a device, which DefaultInstall sections have not.
pub(super) fn without_device(it: &mut Check<'_>) {
    let inf = it.inf;
    let mut seen = HashSet::new();
    let platforms = Architecture::ALL.map(|it| format!("DefaultInstall.NT{}", it.name()));
    let names = ["DefaultInstall", "DefaultInstall.NT"].into_iter();
    for name in names.chain(platforms.iter().map(String::as_str)) {
        let directives = inf.section(name).into_iter().flat_map(|it| it.with_key("AddReg"));
        let lists = directives.flat_map(|it| &it.fields).filter_map(|it| inf.section(&it.value));
        for list in lists.filter(|list| seen.insert(list.at)) {
            let relative = |entry: &&Entry| entry.fields.first().is_some_and(|it| it.is("HKR"));
            for entry in list.entries.iter().filter(relative) {
                let problem = format!("[{name}] is installed without a device, so there is no HKR");
                it.say(Diagnostic::new(Code::RegistryRelative, entry.at, problem));
            }
        }
    }
}

fn line(it: &mut Check<'_>, entry: &Entry, deletes: bool) {
    match change(entry, "", deletes) {
        Ok(change) => {
            let relative = matches!(change.root, Root::Relative(_));
            if relative && change.key.is_empty() {
                well_known(it, entry, &change.name, &change.value);
            }
        }
        Err(fault) => wrong(it, entry, fault),
    }
}

fn wrong(it: &mut Check<'_>, entry: &Entry, fault: Fault) {
    let (code, index, problem, help) = match fault {
        Fault::Root => {
            let problem = format!("\"{}\" is no root of the registry", root(entry));
            (Code::RegistryRoot, 0, problem, "it is HKR, HKLM, HKCR, HKCU or HKU")
        }
        Fault::Flags => {
            let problem = format!("\"{}\" are no flags of a value", entry.text(3));
            let help = "0x10001 is a DWORD, 0 a text, 0x10000 several, 1 bytes";
            (Code::RegistryFlags, 3, problem, help)
        }
        Fault::Number(index) => {
            let problem = format!("\"{}\" is no number of this size", entry.text(index));
            (Code::RegistryNumber, index, problem, "write it in decimal, or with 0x before it")
        }
        Fault::Bytes(index) => {
            let problem = format!("\"{}\" is no byte", entry.text(index));
            (Code::RegistryBytes, index, problem, "bytes are written 00 to FF, with commas between")
        }
    };
    let field = entry.fields.get(index).or_else(|| entry.fields.first());
    let it_is = match (index, &entry.key, field) {
        (0, Some(key), _) => Diagnostic::of(code, key, problem),
        (_, _, Some(field)) => Diagnostic::of(code, field, problem),
        _ => Diagnostic::new(code, entry.at, problem),
    };
    it.say(it_is.help(help));
}

/// What stands where the root should.
fn root(entry: &Entry) -> &str {
    entry.key.as_ref().map_or_else(|| entry.text(0), |key| &key.value)
}

fn well_known(it: &mut Check<'_>, entry: &Entry, name: &str, value: &Value) {
    let known = WELL_KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let Some((_, wanted)) = known else { return };
    let given = match value {
        Value::Text(_) => "REG_SZ",
        Value::Expand(_) => "REG_EXPAND_SZ",
        Value::Many(_) => "REG_MULTI_SZ",
        Value::Dword(_) => "REG_DWORD",
        Value::Qword(_) => "REG_QWORD",
        Value::Bytes(..) => "REG_BINARY",
        Value::Key | Value::Delete => return,
    };
    // The driver may have DeviceType and the like of its own among its parameters, but not here.
    let binary_security = *wanted == "REG_SZ" && given == "REG_BINARY";
    if given != *wanted && !binary_security {
        let problem = format!("{name} is written as {given}");
        let help = format!("Windows reads it as {wanted}");
        let field = entry.fields.get(3).or_else(|| entry.fields.get(2));
        let at = field.map_or_else(
            || Diagnostic::new(Code::RegistryType, entry.at, problem.clone()),
            |field| Diagnostic::of(Code::RegistryType, field, problem.clone()),
        );
        it.say(at.help(help));
    }
}
