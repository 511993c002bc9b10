//! Manufacturer and Models sections.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-models-section>

use super::Check;
use crate::inf::diagnostic::{Code, Diagnostic};
use crate::inf::package::{Maker, Model, Models};
use crate::inf::target::{ARCH_TOKEN, Architecture};
use std::collections::{HashMap, HashSet};

/// Characters of a device identification string, at most: MAX_DEVICE_ID_LEN, which counts a zero.
const MOST_ID: usize = 199;

/// Sections that install something without a device.
fn installs_without_device(name: &str) -> bool {
    let low = name.to_ascii_lowercase();
    ["defaultinstall", "defaultuninstall", "classinstall32", "interfaceinstall32"]
        .iter()
        .any(|it| low == *it || low.strip_prefix(it).is_some_and(|rest| rest.starts_with(".nt")))
}

pub(super) fn check(it: &mut Check<'_>) {
    let inf = it.inf;
    let Some(section) = inf.section("Manufacturer") else {
        if !inf.sections.iter().any(|section| installs_without_device(&section.name)) {
            let at = inf.section("Version").map(|section| section.at).unwrap_or_default();
            let problem = "the file installs nothing: it has no [Manufacturer] section";
            it.say(Diagnostic::new(Code::NothingInstalled, at, problem));
        }
        return;
    };
    let makers = it.package.makers.clone();
    let printers = it.inf.version("Class").is_some_and(|class| class.is("Printer"));
    for maker in &makers {
        targets(it, maker);
    }
    let package = it.package.clone();
    for (_, models) in package.sections() {
        devices(it, models, printers);
    }
    let has_devices = |models: &&Models| models.devices.as_ref().is_some_and(|all| !all.is_empty());
    let mut all = makers.iter().flat_map(|maker| &maker.models).filter(has_devices);
    if !all.clone().any(|_| true) {
        let problem = "no Models section has a device, so the driver is installed for none";
        it.say(Diagnostic::new(Code::NothingInstalled, section.at, problem));
    } else if !all.any(|models| models.target.architecture == Some(Architecture::Amd64)) {
        let problem = "no device is for x64";
        let help = "list NTamd64 behind the Models section's name, and give that section";
        it.say(Diagnostic::new(Code::TargetNotX64, section.at, problem).help(help));
    }
}

fn targets(it: &mut Check<'_>, maker: &Maker) {
    if maker.section.value.is_empty() {
        let problem = format!("\"{}\" leads to no Models section", maker.name);
        it.at(Code::ModelsNameMissing, &maker.section, problem);
        return;
    }
    for field in &maker.malformed {
        if field.value.to_ascii_lowercase().contains(ARCH_TOKEN) {
            let problem = "$ARCH$ is not yet replaced by a platform";
            let help = "the build does that, with stampinf";
            it.say(Diagnostic::of(Code::ArchToken, field, problem).help(help));
            continue;
        }
        let problem = format!("\"{}\" says no system", field.value);
        let help = "the form is NTamd64.10.0...14393: platform, version, product, suite, build";
        it.say(Diagnostic::of(Code::TargetMalformed, field, problem).help(help));
    }
    for models in maker.models.iter().filter(|models| models.decorated) {
        if models.target.build_too_early() {
            let problem = format!(
                "{} gives a build, which 10.0 builds below 14310 do not know",
                models.target
            );
            it.at(Code::TargetBuild, &maker.section, problem);
        }
    }
    missing(it, maker);
}

fn missing(it: &mut Check<'_>, maker: &Maker) {
    let any = maker.models.iter().any(|models| models.devices.is_some());
    for models in &maker.models {
        // Without a target the section is for old systems, which a file may leave out.
        if models.devices.is_some() || (!models.decorated && (any || maker.models.len() > 1)) {
            continue;
        }
        if !models.decorated && !maker.malformed.is_empty() {
            continue;
        }
        let problem = format!("there is no section [{}]", models.section);
        let decorated = format!("{}.NTamd64", models.section);
        let other = it.inf.section(&decorated).map(|section| section.name.clone());
        let help = match (it.guess_section(&models.section), other) {
            (_, Some(other)) if !models.decorated => {
                format!("[{other}] is there: list its target here")
            }
            (Some(near), _) => format!("[{near}] is there"),
            _ => String::new(),
        };
        it.say(Diagnostic::of(Code::SectionMissing, &maker.section, problem).help(help));
    }
}

fn devices(it: &mut Check<'_>, models: &Models, printers: bool) {
    let Some(all) = models.devices.clone() else { return };
    let x86 = Architecture::X86;
    if models.target.architecture.is_none() && !all.is_empty() {
        let section = it.inf.section(&models.section);
        let at = section.map(|section| section.at).unwrap_or_default();
        let problem = format!("[{}] names no platform, so it is for x86 only", models.section);
        let help = "give it one, here and in [Manufacturer]: NTamd64, or NTx86";
        it.say(Diagnostic::new(Code::TargetUndecorated, at, problem).help(help));
    }
    let architecture = models.target.architecture.unwrap_or(x86);
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut missing = HashSet::new();
    for model in all.iter() {
        identifiers(it, model, printers, &mut seen);
        let name = &model.install.value;
        if name.is_empty() {
            let problem = format!("\"{}\" has no install section", model.description);
            it.at(Code::InstallNameMissing, &model.install, problem);
        } else if it.inf.actual(name, architecture).is_none() && missing.insert(name.clone()) {
            let problem =
                format!("there is no section [{name}] to install on {}", architecture.name());
            let help = match it.guess_section(name) {
                Some(near) => format!("[{near}] is there"),
                None => {
                    format!("it may be called {name}.NT{} or {name}.NT, too", architecture.name())
                }
            };
            it.say(Diagnostic::of(Code::InstallSectionMissing, &model.install, problem).help(help));
        }
    }
}

fn identifiers(it: &mut Check<'_>, model: &Model, printers: bool, seen: &mut HashMap<String, u32>) {
    // A printer without one is chosen by hand.
    if printers && model.ids.is_empty() {
        return;
    }
    if model.ids.iter().all(|id| id.value.is_empty()) {
        let problem = "the entry gives neither a hardware ID nor a compatible ID";
        it.at(Code::HardwareIdMissing, &model.install, problem);
        return;
    }
    for id in model.ids.iter().filter(|id| !id.value.is_empty()) {
        let odd = id.value.chars().find(|it| !it.is_ascii_graphic());
        if let Some(odd) = odd {
            let problem = format!("{odd:?} cannot stand in a device's ID");
            it.at(Code::HardwareIdMalformed, id, problem);
        } else if id.value.len() > MOST_ID {
            let problem = format!("a device's ID has at most {MOST_ID} characters");
            it.at(Code::HardwareIdMalformed, id, problem);
        }
        if let Some(line) = seen.insert(id.value.to_ascii_lowercase(), id.at.line) {
            let problem = format!("{} is in this section already", id.value);
            let help = format!("it stands in line {line}; Windows may take either entry");
            it.say(Diagnostic::of(Code::HardwareIdTwice, id, problem).help(help));
        }
    }
}
