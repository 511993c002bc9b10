//! An INF, explained: what it installs for whom, then what is wrong with it, each with its line.

use super::page::{Ink, Page, clip};
use super::{Look, WIDTH};
use evidence::inf::{Change, Diagnostic, Inf, Plan, Service, Severity, Story, meaning, system_inf};

/// Most devices of a section, and most lines of a kind in a plan, that are shown.
const MOST: usize = 60;

/// An INF as a page. `name` is the file.
pub fn inf_text(name: &str, inf: &Inf, story: &Story, look: &Look<'_>) -> String {
    let mut page = Page::new(look);
    headline(&mut page, name, inf, story);
    package(&mut page, inf);
    devices(&mut page, story);
    for plan in &story.plans {
        self::plan(&mut page, plan);
    }
    if story.cut {
        page.blank();
        page.line(2, &[(Ink::Faint, "Further install sections are left out.")]);
    }
    let lines = inf.lines();
    for it in &story.wrong {
        page.blank();
        diagnostic(&mut page, name, &lines, it);
    }
    page.finish()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn headline(page: &mut Page<'_>, name: &str, inf: &Inf, story: &Story) {
    let (errors, warnings) = (story.count(Severity::Error), story.count(Severity::Warning));
    let (ink, verdict) = match (errors, warnings) {
        (0, 0) => (Ink::Good, "nothing wrong found".to_owned()),
        (0, _) => (Ink::Warn, counted(warnings, "warning")),
        (_, 0) => (Ink::Bad, counted(errors, "error")),
        _ => {
            let both = format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"));
            (Ink::Bad, both)
        }
    };
    let kind = format!(": INF file, {}: ", inf.encoding.name());
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, &kind), (ink, &verdict)]);
}

fn package(page: &mut Page<'_>, inf: &Inf) {
    let value = |key: &str| inf.version(key).map_or("", |field| field.value.as_str());
    let ver = inf.section("Version").and_then(|section| section.entry("DriverVer"));
    let ver = ver.map(|entry| format!("{}, {}", entry.text(0), entry.text(1))).unwrap_or_default();
    page.blank();
    let class = format!("{} {}", value("Class"), value("ClassGuid"));
    for (label, text) in [
        ("Provider", value("Provider")),
        ("Class", class.trim()),
        ("Version", &ver),
        ("Catalog", value("CatalogFile")),
    ] {
        if !text.is_empty() {
            page.labelled(2, 11, label, text);
        }
    }
}

fn devices(page: &mut Page<'_>, story: &Story) {
    for it in story.devices.iter().take(MOST) {
        page.blank();
        let heading = format!("Devices on {}, by {}", it.target, it.maker);
        page.heading(2, &heading);
        if it.models.is_empty() {
            page.line(
                4,
                &[(Ink::Faint, "none: the section is empty, so these systems are excluded")],
            );
        }
        for model in it.models.iter().take(MOST) {
            page.wrapped(
                4,
                6,
                &[
                    (Ink::Plain, &model.description),
                    (Ink::Faint, ", installed by "),
                    (Ink::Plain, &format!("[{}]", model.install.value)),
                ],
            );
            for (index, id) in
                model.ids.iter().filter(|id| !id.value.is_empty()).take(MOST).enumerate()
            {
                let label = if index == 0 { "" } else { "compatible " };
                page.line(6, &[(Ink::Faint, label), (Ink::Strong, &id.value)]);
            }
        }
        more(page, 4, it.models.len());
    }
}

fn more(page: &mut Page<'_>, indent: usize, all: usize) {
    if all > MOST {
        let text = format!("and {} more", all.saturating_sub(MOST));
        page.line(indent, &[(Ink::Faint, &text)]);
    }
}

/// What one install section does.
pub(super) fn plan(page: &mut Page<'_>, it: &Plan) {
    page.blank();
    page.heading(2, &format!("Installing [{}]", it.section));
    for copy in it.copies.iter().take(MOST) {
        page.labelled(4, 11, "copy", &copy_text(copy));
    }
    more(page, 4, it.copies.len());
    for name in it.deletes.iter().take(MOST) {
        page.labelled(4, 11, "delete", name);
    }
    for (from, to) in it.renames.iter().take(MOST) {
        page.labelled(4, 11, "rename", &format!("{from} to {to}"));
    }
    for service in it.services.iter().take(MOST) {
        page.labelled(4, 11, "service", &service_text(service));
        registry(page, &service.registry);
    }
    for name in it.removed_services.iter().take(MOST) {
        page.labelled(4, 11, "no service", name);
    }
    registry(page, &it.registry);
    for interface in it.interfaces.iter().take(MOST) {
        let text = format!("{} {}", interface.class, interface.reference);
        page.labelled(4, 11, "interface", text.trim());
        registry(page, &interface.registry);
    }
    for text in it.frameworks.iter().take(MOST) {
        page.labelled(4, 11, "framework", text);
    }
    for text in it.filters.iter().take(MOST) {
        page.labelled(4, 11, "filter", text);
    }
    further(page, it);
    if !it.needs.is_empty() {
        page.labelled(4, 11, "needs", &it.needs.join(", "));
    }
    for (file, sections) in it.included.iter().take(MOST) {
        let sections: Vec<String> = sections.iter().map(|name| format!("[{name}]")).collect();
        page.labelled(4, 11, "include", &format!("{file}, read with {}", sections.join(", ")));
    }
    for name in it.includes.iter().take(MOST) {
        let text = match system_inf(name) {
            Some(what) => format!("{name}, an INF of Windows ({what}); what is in it is not read"),
            None => format!("{name}; what is in it is not read"),
        };
        page.labelled(4, 11, "include", &text);
    }
    if it.reboot {
        page.labelled(4, 11, "reboot", "the system has to be started again");
    }
}

/// What else is done. What is only passed on says so.
fn further(page: &mut Page<'_>, it: &Plan) {
    for one in it.further.iter().take(MOST) {
        let mut text = format!("{}: {}", one.directive, one.text);
        if !one.planned {
            text = format!("{text} (line {}, not planned)", one.at.line);
        }
        page.labelled(4, 11, "also", &text);
    }
    more(page, 4, it.further.len());
}

fn copy_text(it: &evidence::inf::Copy) -> String {
    match &it.source {
        Some(source) => format!("{source} to {}", it.path),
        None => format!("{} to {}, from nowhere that is listed", it.name, it.path),
    }
}

fn service_text(it: &Service) -> String {
    if it.name.is_empty() {
        return "none: the device works without a driver".to_owned();
    }
    let kind = match it.kind {
        Some(1) => "kernel driver",
        Some(2) => "file system driver",
        Some(_) => "program",
        None => "of an unknown type",
    };
    let role = if it.is_associated() { ", the device's function driver" } else { "" };
    let start = it.start_name();
    let mut text = format!("{}: {kind} {}, start {start}{role}", it.name, it.binary);
    if !it.group.is_empty() {
        text = format!("{text}, group {}", it.group);
    }
    if !it.dependencies.is_empty() {
        text = format!("{text}, after {}", it.dependencies.join(", "));
    }
    text
}

fn registry(page: &mut Page<'_>, all: &[Change]) {
    for it in all.iter().take(MOST) {
        let mut text = change_text(it);
        if let Some(meaning) = meaning(it) {
            text = format!("{text}  ({meaning})");
        }
        page.labelled(4, 11, "registry", &text);
    }
    more(page, 4, all.len());
}

/// One change of the registry: `HKR (service key)\Parameters Name = REG_DWORD 0x1`.
pub(crate) fn change_text(it: &Change) -> String {
    let key = if it.key.is_empty() { String::new() } else { format!("\\{}", it.key) };
    let name = if it.name.is_empty() { "(default)" } else { &it.name };
    match it.value {
        evidence::inf::Value::Key => format!("{}{key}", it.root),
        _ => format!("{}{key} {name} = {}", it.root, it.value),
    }
}

/// One diagnostic with its line and a caret, as compilers show them.
fn diagnostic(page: &mut Page<'_>, name: &str, lines: &[&str], it: &Diagnostic) {
    let ink = if it.code.severity() == Severity::Error { Ink::Bad } else { Ink::Warn };
    let lead = format!("{}[{}]", it.code.severity().name(), it.code);
    page.wrapped(0, 2, &[(ink, &lead), (Ink::Plain, ": "), (Ink::Plain, &it.problem)]);
    let number = it.at.line.to_string();
    let gutter = number.len();
    let place = format!("{:gutter$}--> {name}:{}:{}", "", it.at.line, it.at.column);
    page.line(0, &[(Ink::Place, &place)]);
    let index = usize::try_from(it.at.line).unwrap_or_default().wrapping_sub(1);
    if let Some(line) = lines.get(index) {
        let before = usize::try_from(it.at.column).unwrap_or_default().saturating_sub(1);
        let (shown, column) = window(line, before);
        let width = usize::try_from(it.width).unwrap_or(1);
        let room = shown.chars().count().saturating_sub(column).max(1);
        let caret = "^".repeat(width.clamp(1, room));
        page.line(0, &[(Ink::Faint, &format!("{number} | ")), (Ink::Plain, &shown)]);
        let space = " ".repeat(column);
        page.line(
            0,
            &[(Ink::Faint, &format!("{:gutter$} | ", "")), (ink, &format!("{space}{caret}"))],
        );
    }
    let indent = gutter.saturating_add(1);
    if !it.help.is_empty() {
        let pieces = [(Ink::Faint, "= help: "), (Ink::Plain, it.help.as_str())];
        page.wrapped(indent, indent.saturating_add(8), &pieces);
    }
    if it.code.infverif() != 0 {
        let text = format!("= InfVerif {}", it.code.infverif());
        page.line(indent, &[(Ink::Faint, &text)]);
    }
}

/// The part of a line that is shown, and where in it the caret stands: the whole where it fits. Tabs and
/// what cannot be shown become one blank each, so that columns stay.
fn window(line: &str, before: usize) -> (String, usize) {
    let room = WIDTH.saturating_sub(10);
    let skip = before.saturating_sub(room.saturating_sub(20));
    let shown = line.chars().skip(skip).take(room);
    let shown: String =
        shown.map(|it| if it.is_control() || it == '\t' { ' ' } else { it }).collect();
    (clip(&shown, room), before.saturating_sub(skip))
}
