//! An image, explained.

use super::Look;
use super::page::{Ink, Page};
use bench::Imports;
use diagnosis::image::ImageFacts;
use pe::{Import, ImportModule, ImportTarget, Section};

/// Names of one list that are shown.
const MOST_NAMES: usize = 400;

/// An image as a page. `name` is the file; `coverage` is how far the bench has its imports, of a driver that
/// it can run.
pub fn image_text(
    name: &str,
    it: &ImageFacts,
    coverage: Option<&Imports>,
    look: &Look<'_>,
) -> String {
    let mut page = Page::new(look);
    let what = match it.is_driver {
        true => format!("driver for {}", it.machine),
        false => format!("{} image for {}", it.subsystem, it.machine),
    };
    page.wrapped(0, 2, &[(Ink::Strong, name), (Ink::Plain, ": "), (Ink::Plain, &what)]);
    for warning in &it.warnings {
        page.wrapped(2, 4, &[(Ink::Warn, "Warning: "), (Ink::Plain, warning)]);
    }
    if it.is_cut {
        let text = "The file was cut off: what follows is what it still holds.";
        page.wrapped(2, 4, &[(Ink::Warn, text)]);
    }
    for error in &it.unread {
        let error = format!("{error}.");
        page.wrapped(2, 4, &[(Ink::Warn, "Not read: "), (Ink::Plain, &error)]);
    }
    rows(&mut page, "Version", &version(it));
    rows(&mut page, "Image", &about(it));
    rows(&mut page, "Debugging", &debugging(it));
    sections(&mut page, &it.sections);
    modules(&mut page, "Imports", &it.imports);
    modules(&mut page, "Delay-loaded imports", &it.delay_imports);
    exports(&mut page, it);
    if it.is_driver {
        rows(&mut page, "For the INF", &for_inf(it));
        irql(&mut page, it);
        bench(&mut page, it, coverage);
    }
    pogo(&mut page, it);
    tools(&mut page, it);
    page.finish()
}

fn rows(page: &mut Page<'_>, heading: &str, rows: &[(&str, String)]) {
    if rows.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, heading);
    for (label, text) in rows {
        page.labelled(4, 16, label, text);
    }
}

fn version(it: &ImageFacts) -> Vec<(&str, String)> {
    let Some(version) = &it.version else { return Vec::new() };
    let mut rows = Vec::new();
    let four = |[a, b, c, d]: [u16; 4]| format!("{a}.{b}.{c}.{d}");
    let named = [
        ("description", "FileDescription"),
        ("company", "CompanyName"),
        ("product", "ProductName"),
        ("original name", "OriginalFilename"),
    ];
    for (label, key) in named {
        rows.extend(version.string(key).map(|text| (label, text.to_owned())));
    }
    if let Some(file) = version.file.map(four) {
        let text = version.string("FileVersion").filter(|text| text.trim() != file);
        let more = text.map(|text| format!(" (\"{}\")", text.trim())).unwrap_or_default();
        rows.push(("file version", format!("{file}{more}")));
    }
    rows.extend(version.product.map(|it| ("product version", four(it))));
    let flags: Vec<&str> = [(1, "debug"), (2, "pre-release"), (4, "patched"), (8, "private build")]
        .iter()
        .filter(|(flag, _)| version.flags & flag != 0)
        .map(|(_, name)| *name)
        .collect();
    if !flags.is_empty() {
        rows.push(("flags", flags.join(", ")));
    }
    rows
}

fn about(it: &ImageFacts) -> Vec<(&str, String)> {
    let form = if it.is_64bit { "PE32+" } else { "PE32" };
    let stamp = match (&it.time, it.is_reproducible) {
        (_, true) => format!("{:08x}, a hash: the build is reproducible", it.timestamp),
        (Some(time), _) => format!("{time} UTC ({:08x})", it.timestamp),
        (None, _) => "none".to_owned(),
    };
    let checksum = match it.checksum_fits() {
        Some(true) => format!("{:#x}, right", it.checksum),
        _ if it.is_cut => format!("{:#x}, of the whole file", it.checksum),
        Some(false) => format!("{:#x}, wrong: {:#x} is right", it.checksum, it.computed_checksum),
        None => "none".to_owned(),
    };
    let signature = match it.signature {
        Some(size) => format!("{size} bytes of Authenticode in the file, told below"),
        None => "none in the file; a catalog may hold one".to_owned(),
    };
    let hybrid = it.hybrid.map(|it| format!(" ({it})")).unwrap_or_default();
    let mut rows = vec![
        ("form", format!("{form}, {}, for {}{hybrid}", it.subsystem, it.machine)),
        ("time stamp", stamp),
        ("size in memory", format!("{:#x}", it.size)),
        ("base, entry", format!("{:#x}, {:#x}", it.base, it.entry)),
        ("linker", format!("{}.{}", it.linker[0], it.linker[1])),
        ("for Windows", format!("{}.{} or later", it.system[0], it.system[1])),
        ("checksum", checksum),
        ("signature", signature),
        ("relocations", it.relocations.map_or_else(|| "not read".to_owned(), |it| it.to_string())),
    ];
    if let Some(functions) = it.functions {
        rows.push(("exception table", format!("{functions} entries")));
    }
    rows
}

fn debugging(it: &ImageFacts) -> Vec<(&str, String)> {
    let mut rows = Vec::new();
    if let Some(pdb) = &it.pdb {
        rows.push(("PDB", format!("{} {} age {}", pdb.path, pdb.guid_text(), pdb.age)));
    }
    if !it.debug.is_empty() {
        let kinds: Vec<String> = it
            .debug
            .iter()
            .map(|entry| match entry.kind_name() {
                Some(name) => name.to_owned(),
                None => format!("type {}", entry.kind),
            })
            .collect();
        rows.push(("directory", kinds.join(", ")));
    }
    if it.is_cet_compatible {
        rows.push(("shadow stack", "compatible (CET)".to_owned()));
    }
    if let Some(config) = &it.load_config {
        let cookie = match config.security_cookie_va {
            0 => "none".to_owned(),
            at => format!("at {at:#x}"),
        };
        rows.push(("stack cookie", cookie));
        let guard = match it.has_flow_guard() {
            true => {
                let kernel =
                    if it.is_driver { "; in the kernel it acts where HVCI is on" } else { "" };
                format!("on, {} valid targets{kernel}", config.guard_cf_function_count)
            }
            false => "off".to_owned(),
        };
        rows.push(("flow guard", guard));
        let names = config.guard_names();
        if !names.is_empty() {
            rows.push(("guard flags", names.join(", ")));
        }
    }
    rows
}

fn sections(page: &mut Page<'_>, sections: &[Section]) {
    page.blank();
    page.heading(2, "Sections");
    for section in sections {
        let size = section.memory_size();
        let place = format!("{:08x} {size:>9} bytes  ", section.rva);
        let mut marks = Vec::new();
        if section.is_code() {
            marks.push("code");
        }
        if section.is_writable() {
            marks.push("writable");
        }
        if section.is_pageable() {
            marks.push("pageable");
        }
        if section.is_discardable() {
            marks.push("discarded after start");
        }
        let name = format!("{:16}", section.name);
        let marks = marks.join(", ");
        let mut pieces =
            vec![(Ink::Strong, name.as_str()), (Ink::Plain, &place), (Ink::Faint, &marks)];
        if section.is_writable_code() {
            pieces.push((Ink::Warn, " (writable and executable)"));
        }
        page.line(4, &pieces);
    }
}

/// A name, or `#17` for an ordinal.
pub(crate) fn called(import: &Import) -> String {
    match &import.target {
        ImportTarget::Name { name, .. } => name.clone(),
        ImportTarget::Ordinal(number) => format!("#{number}"),
    }
}

fn modules(page: &mut Page<'_>, heading: &str, modules: &[ImportModule]) {
    if modules.is_empty() {
        return;
    }
    let count: usize = modules.iter().map(|module| module.entries.len()).sum();
    page.blank();
    page.heading(2, &format!("{heading} ({count})"));
    for module in modules {
        page.line(4, &[(Ink::Strong, &module.name)]);
        names(page, module.entries.iter().map(called).collect());
    }
}

/// Names in running order, and how many are left out.
pub(super) fn names(page: &mut Page<'_>, mut names: Vec<String>) {
    let rest = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let text = names.join(", ");
    page.wrapped(6, 6, &[(Ink::Plain, &text)]);
    if rest > 0 {
        let text = format!("and {rest} more, which --format json has");
        page.line(6, &[(Ink::Faint, &text)]);
    }
}

fn exports(page: &mut Page<'_>, it: &ImageFacts) {
    if it.exports.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, &format!("Exports ({})", it.exports.len()));
    let called = |export: &pe::Export| {
        let name = export.name.clone().unwrap_or_else(|| format!("#{}", export.ordinal));
        match &export.forwarder {
            Some(to) => format!("{name} = {to}"),
            None => name,
        }
    };
    names(page, it.exports.iter().map(called).collect());
}

fn bench(page: &mut Page<'_>, it: &ImageFacts, coverage: Option<&Imports>) {
    page.blank();
    page.heading(2, "In the bench");
    let families: Vec<String> =
        it.families().iter().map(|(name, count)| format!("{name} {count}")).collect();
    if !families.is_empty() {
        page.labelled(4, 16, "routines", &families.join(", "));
    }
    let Some(coverage) = coverage else {
        page.labelled(4, 16, "runs", "no: the bench takes WDM drivers for x86-64");
        return;
    };
    let [whole, partly, ..] = coverage.counts();
    let all = coverage.imports.len();
    let share = coverage.share() * 100.0;
    let text = format!("{} of {all} imports ({share:.0}%); see test --imports", whole + partly);
    page.labelled(4, 16, "has", &text);
}

/// A tool by its number in Microsoft's list: `C compiler 19.00 (0x104)`, or the number alone.
pub(crate) fn product(number: u16) -> String {
    match pe::tool(number) {
        Some(tool) => format!("{tool} ({number:#x})"),
        None => format!("product {number:#x}"),
    }
}

/// What the INF has to agree with.
fn for_inf(it: &ImageFacts) -> Vec<(&str, String)> {
    let Some(inf) = &it.for_inf else { return Vec::new() };
    let mut rows = Vec::new();
    let [major, minor] = inf.oldest;
    if let Some(decoration) = inf.decoration {
        let text =
            format!("[Models.{decoration}.{major}.{minor}]: it asks for Windows {major}.{minor}");
        rows.push(("models", text));
    }
    if let Some(version) = &inf.version {
        rows.push(("DriverVer", format!("date,{version}: the version of the file")));
    }
    if let Some(file) = &inf.file {
        rows.push(("file", format!("{file}: the name that it was built under")));
    }
    let kind =
        if inf.service_type == 2 { "SERVICE_FILE_SYSTEM_DRIVER" } else { "SERVICE_KERNEL_DRIVER" };
    rows.push(("ServiceType", format!("{} ({kind})", inf.service_type)));
    if let Some(class) = inf.class {
        rows.push(("Class", format!("{class}, by what it imports")));
    }
    if inf.is_kmdf {
        rows.push(("KMDF", "a .Wdf section with KmdfService".to_owned()));
    }
    if inf.is_export_driver {
        let text = "it exports functions for other drivers; such a one has no service of its own";
        rows.push(("export driver", text.to_owned()));
    }
    rows
}

fn irql(page: &mut Page<'_>, it: &ImageFacts) {
    if it.irql.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, &format!("Raise or lower the IRQL ({})", it.irql.len()));
    names(page, it.irql.clone());
    if it.machine == pe::Machine::Amd64 {
        let text = "KeRaiseIrql and KeLowerIrql of x64 are compiled in, and no imports: disasm shows them.";
        page.wrapped(6, 6, &[(Ink::Faint, text)]);
    }
}

/// Parts of sections, as the linker laid them out.
fn pogo(page: &mut Page<'_>, it: &ImageFacts) {
    let Some(pogo) = &it.pogo else { return };
    page.blank();
    page.heading(2, &format!("Parts of sections ({}, {})", pogo.kind, pogo.parts.len()));
    let all = pogo.parts.iter().map(|(rva, size, name)| format!("{name} {rva:x}+{size:x}"));
    names(page, all.collect());
}

fn tools(page: &mut Page<'_>, it: &ImageFacts) {
    if it.tools.is_empty() {
        return;
    }
    page.blank();
    page.heading(2, "Made by (tool, build, objects)");
    let all = it
        .tools
        .iter()
        .map(|tool| format!("{} {} \u{d7}{}", product(tool.product), tool.build, tool.objects));
    names(page, all.collect());
}
