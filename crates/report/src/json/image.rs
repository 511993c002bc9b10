//! `bugcheck.explain.1`, of an image.

use super::signature::{SigningDocument, signing as signing_document};
use super::{document, line, rounded};
use crate::text::called;
use bench::Imports;
use diagnosis::image::ImageFacts;
use diagnosis::signed::Signing;
use pe::{ImportModule, Section};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    machine: String,
    subsystem: String,
    driver: bool,
    bits: u8,
    timestamp: u32,
    /// UTC; null where the stamp is a hash of a reproducible build, or absent.
    time: Option<&'a str>,
    reproducible: bool,
    base: String,
    size: u32,
    entry: u32,
    linker: String,
    system: String,
    checksum: ChecksumDocument,
    signature_size: Option<u32>,
    signing: SigningDocument<'a>,
    relocations: Option<usize>,
    functions: Option<usize>,
    version: Option<VersionDocument<'a>>,
    pdb: Option<PdbDocument<'a>>,
    debug: Vec<DebugDocument>,
    security_cookie: Option<String>,
    flow_guard: bool,
    /// `IMAGE_GUARD_*` flags, without that.
    guard_flags: Vec<&'static str>,
    shadow_stack: bool,
    /// `ARM64EC`, `ARM64X`, `CHPE`, or null.
    hybrid: Option<&'static str>,
    pogo: Option<PogoDocument<'a>>,
    sections: Vec<SectionDocument<'a>>,
    imports: Vec<ModuleDocument<'a>>,
    delay_imports: Vec<ModuleDocument<'a>>,
    exports: Vec<ExportDocument<'a>>,
    families: BTreeMap<String, usize>,
    /// Imports that raise or lower the IRQL, of a driver.
    irql: &'a [String],
    /// What its INF has to agree with, of a driver.
    inf: Option<InfDocument<'a>>,
    bench: Option<BenchDocument>,
    tools: Vec<ToolDocument>,
    warnings: &'a [String],
    /// Whether the file ends before its sections do.
    cut: bool,
    unread: Vec<String>,
}

#[derive(Serialize)]
struct PogoDocument<'a> {
    kind: &'a str,
    parts: Vec<PartDocument<'a>>,
}

#[derive(Serialize)]
struct PartDocument<'a> {
    name: &'a str,
    rva: u32,
    size: u32,
}

#[derive(Serialize)]
struct InfDocument<'a> {
    models: Option<String>,
    driver_ver: Option<&'a str>,
    file: Option<&'a str>,
    service_type: u8,
    class: Option<&'static str>,
    kmdf: bool,
    export_driver: bool,
}

#[derive(Serialize)]
struct ChecksumDocument {
    stated: u32,
    computed: u32,
    /// Null where the image states none.
    fits: Option<bool>,
}

#[derive(Serialize)]
struct VersionDocument<'a> {
    file: Option<[u16; 4]>,
    product: Option<[u16; 4]>,
    flags: u32,
    strings: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct PdbDocument<'a> {
    path: &'a str,
    guid: String,
    age: u32,
}

#[derive(Serialize)]
struct DebugDocument {
    kind: u32,
    name: Option<&'static str>,
    timestamp: u32,
    size: u32,
    offset: u32,
}

#[derive(Serialize)]
struct SectionDocument<'a> {
    name: &'a str,
    rva: u32,
    size: u32,
    file_offset: u32,
    file_size: u32,
    characteristics: String,
    code: bool,
    writable: bool,
    pageable: bool,
    discardable: bool,
    writable_code: bool,
}

#[derive(Serialize)]
struct ModuleDocument<'a> {
    module: &'a str,
    names: Vec<String>,
}

#[derive(Serialize)]
struct ExportDocument<'a> {
    ordinal: u32,
    name: Option<&'a str>,
    rva: u32,
    forwarder: Option<&'a str>,
}

#[derive(Serialize)]
struct BenchDocument {
    share: f64,
    implemented: usize,
    partly: usize,
    refused: usize,
    missing: usize,
}

#[derive(Serialize)]
struct ToolDocument {
    /// What the product number stands for, where that is known.
    name: Option<String>,
    product: u16,
    build: u16,
    objects: u32,
}

/// An image, schema `bugcheck.explain.1`; with `in_lines` on one line. `coverage` is how far the bench has its
/// imports, of a driver that it can run.
///
/// # Errors
/// None that an input can cause.
pub fn image_json(
    file: &str,
    it: &ImageFacts,
    coverage: Option<&Imports>,
    signing: &Signing,
    in_lines: bool,
) -> serde_json::Result<String> {
    let made = Document {
        schema: "bugcheck.explain.1",
        file,
        format: "image",
        machine: it.machine.to_string(),
        subsystem: it.subsystem.to_string(),
        driver: it.is_driver,
        bits: if it.is_64bit { 64 } else { 32 },
        timestamp: it.timestamp,
        time: it.time.as_deref(),
        reproducible: it.is_reproducible,
        base: format!("{:#x}", it.base),
        size: it.size,
        entry: it.entry,
        linker: format!("{}.{}", it.linker[0], it.linker[1]),
        system: format!("{}.{}", it.system[0], it.system[1]),
        checksum: ChecksumDocument {
            stated: it.checksum,
            computed: it.computed_checksum,
            fits: it.checksum_fits(),
        },
        signature_size: it.signature,
        signing: signing_document(signing),
        relocations: it.relocations,
        functions: it.functions,
        version: it.version.as_ref().map(|version| VersionDocument {
            file: version.file,
            product: version.product,
            flags: version.flags,
            strings: version.strings.iter().map(|(key, text)| (&**key, &**text)).collect(),
        }),
        pdb: it.pdb.as_ref().map(|pdb| PdbDocument {
            path: &pdb.path,
            guid: pdb.guid_text(),
            age: pdb.age,
        }),
        debug: it.debug.iter().map(debug).collect(),
        security_cookie: it
            .load_config
            .as_ref()
            .filter(|config| config.security_cookie_va != 0)
            .map(|config| format!("{:#x}", config.security_cookie_va)),
        flow_guard: it.has_flow_guard(),
        guard_flags: it.load_config.as_ref().map(|it| it.guard_names()).unwrap_or_default(),
        shadow_stack: it.is_cet_compatible,
        hybrid: it.hybrid,
        pogo: it.pogo.as_ref().map(|pogo| PogoDocument {
            kind: &pogo.kind,
            parts: pogo
                .parts
                .iter()
                .map(|(rva, size, name)| PartDocument { name, rva: *rva, size: *size })
                .collect(),
        }),
        sections: it.sections.iter().map(section).collect(),
        imports: modules(&it.imports),
        delay_imports: modules(&it.delay_imports),
        exports: it
            .exports
            .iter()
            .map(|export| ExportDocument {
                ordinal: export.ordinal,
                name: export.name.as_deref(),
                rva: export.rva,
                forwarder: export.forwarder.as_deref(),
            })
            .collect(),
        families: if it.is_driver { it.families().into_iter().collect() } else { BTreeMap::new() },
        irql: &it.irql,
        inf: it.for_inf.as_ref().map(|inf| InfDocument {
            models: inf.decoration.map(|it| format!("{it}.{}.{}", inf.oldest[0], inf.oldest[1])),
            driver_ver: inf.version.as_deref(),
            file: inf.file.as_deref(),
            service_type: inf.service_type,
            class: inf.class,
            kmdf: inf.is_kmdf,
            export_driver: inf.is_export_driver,
        }),
        bench: coverage.map(|list| {
            let [implemented, partly, refused, missing] = list.counts();
            let share = rounded(list.share(), 1e4);
            BenchDocument { share, implemented, partly, refused, missing }
        }),
        tools: it
            .tools
            .iter()
            .map(|tool| ToolDocument {
                name: pe::tool(tool.product).map(|tool| tool.to_string()),
                product: tool.product,
                build: tool.build,
                objects: tool.objects,
            })
            .collect(),
        warnings: &it.warnings,
        cut: it.is_cut,
        unread: it.unread.iter().map(pe::Error::to_string).collect(),
    };
    if in_lines { line(&made) } else { document(&made) }
}

fn debug(entry: &pe::DebugEntry) -> DebugDocument {
    DebugDocument {
        kind: entry.kind,
        name: entry.kind_name(),
        timestamp: entry.timestamp,
        size: entry.size,
        offset: entry.offset,
    }
}

fn section(section: &Section) -> SectionDocument<'_> {
    SectionDocument {
        name: &section.name,
        rva: section.rva,
        size: section.memory_size(),
        file_offset: section.file_offset,
        file_size: section.file_size,
        characteristics: format!("{:#010x}", section.characteristics),
        code: section.is_code(),
        writable: section.is_writable(),
        pageable: section.is_pageable(),
        discardable: section.is_discardable(),
        writable_code: section.is_writable_code(),
    }
}

fn modules(modules: &[ImportModule]) -> Vec<ModuleDocument<'_>> {
    modules
        .iter()
        .map(|it| ModuleDocument {
            module: &it.name,
            names: it.entries.iter().map(called).collect(),
        })
        .collect()
}
