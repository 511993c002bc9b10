//! `bugcheck.install.1`: a dry run of an installation.

use super::inf::{PlanDocument, plan};
use super::{TestDocument, document, test_document};
use crate::install::Installation;
use bench::Report;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    hardware_ids: &'a [String],
    compatible_ids: &'a [String],
    system: SystemDocument,
    chosen: Option<&'a str>,
    drivers: Vec<DriverDocument<'a>>,
    not_counted: Vec<OtherDocument<'a>>,
    plan: Option<PlanDocument<'a>>,
    missing_files: &'a [String],
    refused_unsigned: bool,
    /// What running the driver came to, schema `bugcheck.test.1`.
    run: Option<TestDocument<'a>>,
}

#[derive(Serialize)]
struct SystemDocument {
    architecture: &'static str,
    major: u32,
    minor: u32,
    build: u32,
    product_type: u32,
    suite_mask: u32,
}

#[derive(Serialize)]
struct DriverDocument<'a> {
    inf: &'a str,
    rank: String,
    signature: &'static str,
    id: &'a str,
    description: &'a str,
    manufacturer: &'a str,
    section: &'a str,
    date: String,
    version: String,
}

#[derive(Serialize)]
struct OtherDocument<'a> {
    inf: &'a str,
    section: &'a str,
    id: &'a str,
    why: &'a str,
}

/// A dry run, schema `bugcheck.install.1`, and what running the driver came to, where it was run.
///
/// # Errors
/// None that an input can cause.
pub fn install_json(it: &Installation<'_>, ran: Option<&Report>) -> serde_json::Result<String> {
    document(&Document {
        schema: "bugcheck.install.1",
        hardware_ids: &it.device.hardware,
        compatible_ids: &it.device.compatible,
        system: SystemDocument {
            architecture: it.system.architecture.name(),
            major: it.system.major,
            minor: it.system.minor,
            build: it.system.build,
            product_type: it.system.product,
            suite_mask: it.system.suite,
        },
        chosen: it.chosen().map(|node| it.path(node.package)),
        drivers: it
            .ranking
            .nodes
            .iter()
            .map(|node| DriverDocument {
                inf: it.path(node.package),
                rank: format!("{:#010x}", node.rank),
                signature: node.signature.name(),
                id: &node.id,
                description: &node.description,
                manufacturer: &node.maker,
                section: &node.actual,
                date: node.date.to_string(),
                version: node.version.to_string(),
            })
            .collect(),
        not_counted: it
            .ranking
            .elsewhere
            .iter()
            .map(|other| OtherDocument {
                inf: it.path(other.package),
                section: &other.section,
                id: &other.id,
                why: &other.why,
            })
            .collect(),
        plan: it.plan.map(plan),
        missing_files: it.missing,
        refused_unsigned: it.is_refused_unsigned(),
        run: ran.map(test_document),
    })
}
