//! `bugcheck.explain.1`, of an INF.

use super::catalog::{PackagedDocument, packaged};
use super::{document, line};
use diagnosis::signed::{Packaged, Signing};
use evidence::inf::{
    Change, Copy, Diagnostic, Further, Inf, Plan, Service, Severity, Story, meaning,
};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    encoding: &'static str,
    provider: Option<&'a str>,
    class: Option<&'a str>,
    class_guid: Option<&'a str>,
    driver_date: Option<&'a str>,
    driver_version: Option<&'a str>,
    catalog: Option<&'a str>,
    /// Catalogs that were looked for, and what they say of the package.
    packaged: Vec<PackagedDocument<'a>>,
    models: Vec<ModelsDocument<'a>>,
    installs: Vec<PlanDocument<'a>>,
    complete: bool,
    errors: usize,
    warnings: usize,
    diagnostics: Vec<DiagnosticDocument<'a>>,
}

#[derive(Serialize)]
struct ModelsDocument<'a> {
    section: &'a str,
    target: String,
    manufacturer: &'a str,
    devices: Vec<DeviceDocument<'a>>,
}

#[derive(Serialize)]
struct DeviceDocument<'a> {
    description: &'a str,
    install: &'a str,
    hardware_id: &'a str,
    compatible_ids: Vec<&'a str>,
    line: u32,
}

/// A plan.
#[derive(Serialize)]
pub(super) struct PlanDocument<'a> {
    section: &'a str,
    copies: Vec<CopyDocument<'a>>,
    deletes: &'a [String],
    services: Vec<ServiceDocument<'a>>,
    removed_services: &'a [String],
    registry: Vec<ChangeDocument<'a>>,
    interfaces: Vec<InterfaceDocument<'a>>,
    frameworks: &'a [String],
    filters: &'a [String],
    needs: &'a [String],
    includes: &'a [String],
    included: Vec<IncludedDocument<'a>>,
    renames: Vec<RenameDocument<'a>>,
    further: Vec<FurtherDocument<'a>>,
    feature_score: u8,
    reboot: bool,
}

#[derive(Serialize)]
struct IncludedDocument<'a> {
    file: &'a str,
    sections: &'a [String],
}

#[derive(Serialize)]
struct RenameDocument<'a> {
    from: &'a str,
    to: &'a str,
}

#[derive(Serialize)]
struct FurtherDocument<'a> {
    directive: &'a str,
    text: &'a str,
    planned: bool,
    line: u32,
}

#[derive(Serialize)]
struct CopyDocument<'a> {
    name: &'a str,
    source: Option<&'a str>,
    dirid: Option<i64>,
    path: &'a str,
    flags: u32,
    line: u32,
}

#[derive(Serialize)]
struct ServiceDocument<'a> {
    name: &'a str,
    associated: bool,
    section: &'a str,
    display: &'a str,
    service_type: Option<u32>,
    start_type: Option<u32>,
    error_control: Option<u32>,
    binary: &'a str,
    group: &'a str,
    dependencies: &'a [String],
    registry: Vec<ChangeDocument<'a>>,
    line: u32,
}

#[derive(Serialize)]
struct InterfaceDocument<'a> {
    class: &'a str,
    reference: &'a str,
    registry: Vec<ChangeDocument<'a>>,
}

#[derive(Serialize)]
struct ChangeDocument<'a> {
    root: String,
    key: &'a str,
    name: &'a str,
    value: String,
    /// What it has to do with sleeping, waking or interrupts.
    meaning: Option<&'static str>,
    line: u32,
}

#[derive(Serialize)]
struct DiagnosticDocument<'a> {
    code: &'static str,
    severity: &'static str,
    infverif: Option<u16>,
    line: u32,
    column: u32,
    width: u32,
    message: &'a str,
    help: &'a str,
}

/// An INF, schema `bugcheck.explain.1`; with `in_lines` on one line. `packages` is it, held against catalogs.
///
/// # Errors
/// None that an input can cause.
pub fn inf_json(
    file: &str,
    inf: &Inf,
    story: &Story,
    packages: &[Packaged],
    in_lines: bool,
) -> serde_json::Result<String> {
    let value = |key: &str| inf.version(key).map(|field| field.value.as_str());
    let ver = inf.section("Version").and_then(|section| section.entry("DriverVer"));
    let signings: Vec<Option<Signing>> =
        packages.iter().map(|it| it.catalog.as_ref().ok().map(|it| it.signing())).collect();
    let it = Document {
        schema: "bugcheck.explain.1",
        file,
        format: "inf",
        encoding: inf.encoding.name(),
        provider: value("Provider"),
        class: value("Class"),
        class_guid: value("ClassGuid"),
        driver_date: ver.and_then(|entry| entry.field(0)).map(|field| field.value.as_str()),
        driver_version: ver.and_then(|entry| entry.field(1)).map(|field| field.value.as_str()),
        catalog: value("CatalogFile"),
        packaged: packages
            .iter()
            .zip(&signings)
            .map(|(it, signing)| packaged(it, signing.as_ref()))
            .collect(),
        models: story.devices.iter().map(models).collect(),
        installs: story.plans.iter().map(plan).collect(),
        complete: !story.cut,
        errors: story.count(Severity::Error),
        warnings: story.count(Severity::Warning),
        diagnostics: story.wrong.iter().map(diagnostic).collect(),
    };
    if in_lines { line(&it) } else { document(&it) }
}

fn models(it: &evidence::inf::Devices) -> ModelsDocument<'_> {
    ModelsDocument {
        section: &it.section,
        target: it.target.to_string(),
        manufacturer: &it.maker,
        devices: it
            .models
            .iter()
            .map(|model| DeviceDocument {
                description: &model.description,
                install: &model.install.value,
                hardware_id: model.ids.first().map_or("", |id| &id.value),
                compatible_ids: model.ids.iter().skip(1).map(|id| id.value.as_str()).collect(),
                line: model.at.line,
            })
            .collect(),
    }
}

/// What installing one section does.
pub(super) fn plan(it: &Plan) -> PlanDocument<'_> {
    PlanDocument {
        section: &it.section,
        copies: it.copies.iter().map(copy).collect(),
        deletes: &it.deletes,
        services: it.services.iter().map(service).collect(),
        removed_services: &it.removed_services,
        registry: changes(&it.registry),
        interfaces: it
            .interfaces
            .iter()
            .map(|it| InterfaceDocument {
                class: &it.class,
                reference: &it.reference,
                registry: changes(&it.registry),
            })
            .collect(),
        frameworks: &it.frameworks,
        filters: &it.filters,
        needs: &it.needs,
        includes: &it.includes,
        included: it
            .included
            .iter()
            .map(|(file, sections)| IncludedDocument { file, sections })
            .collect(),
        renames: it.renames.iter().map(|(from, to)| RenameDocument { from, to }).collect(),
        further: it.further.iter().map(further).collect(),
        feature_score: it.feature,
        reboot: it.reboot,
    }
}

fn further(it: &Further) -> FurtherDocument<'_> {
    let Further { directive, text, planned, at } = it;
    FurtherDocument { directive, text, planned: *planned, line: at.line }
}

fn copy(it: &Copy) -> CopyDocument<'_> {
    CopyDocument {
        name: &it.name,
        source: it.source.as_deref(),
        dirid: it.directory,
        path: &it.path,
        flags: it.flags,
        line: it.at.line,
    }
}

fn service(it: &Service) -> ServiceDocument<'_> {
    ServiceDocument {
        name: &it.name,
        associated: it.is_associated(),
        section: &it.section,
        display: &it.display,
        service_type: it.kind,
        start_type: it.start,
        error_control: it.error,
        binary: &it.binary,
        group: &it.group,
        dependencies: &it.dependencies,
        registry: changes(&it.registry),
        line: it.at.line,
    }
}

fn changes(all: &[Change]) -> Vec<ChangeDocument<'_>> {
    all.iter()
        .map(|it| ChangeDocument {
            root: it.root.to_string(),
            key: &it.key,
            name: &it.name,
            value: it.value.to_string(),
            meaning: meaning(it),
            line: it.at.line,
        })
        .collect()
}

fn diagnostic(it: &Diagnostic) -> DiagnosticDocument<'_> {
    DiagnosticDocument {
        code: it.code.name(),
        severity: it.code.severity().name(),
        infverif: Some(it.code.infverif()).filter(|number| *number != 0),
        line: it.at.line,
        column: it.at.column,
        width: it.width,
        message: &it.problem,
        help: &it.help,
    }
}
