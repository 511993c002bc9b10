//! The JSON documents: one object each, `schema` first, field names stable.

mod catalog;
mod crash;
mod image;
mod incident;
mod inf;
mod install;
mod knowledge;
mod libs;
mod libs_windows;
mod listing;
mod lookup;
mod object;
mod rebase;
mod setup_log;
mod signature;
mod stamp;
mod system_log;

pub use catalog::catalog_json;
pub use crash::{crash_json, listing_json, process_json};
pub use image::image_json;
pub use incident::incident_json;
pub use inf::inf_json;
pub use install::install_json;
pub use knowledge::entries_json;
pub use libs::libraries_json;
pub use libs_windows::windows_libraries_json;
pub use listing::ListingJson;
pub use lookup::lookup_json;
pub use object::object_json;
pub use rebase::rebase_json;
pub use setup_log::setup_log_json;
pub use stamp::{stamp_json, stamp_verdict_json};
pub use system_log::system_log_json;

use crate::RuleInfo;
use crate::escape::is_hazardous;
use bench::{
    Imports, Replayed, Report, Standard, Suited, Support, TraceLine, Unsupported, Verdict,
};
use finding::Finding;
use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use std::io::{self, Write};

#[derive(Serialize)]
struct TestDocument<'a> {
    schema: &'static str,
    driver: &'a str,
    verdict: &'static str,
    schedules: SchedulesDocument,
    seconds: f64,
    first_finding_seconds: Option<f64>,
    schedules_per_second: f64,
    seed: u64,
    workers: usize,
    coverage: CoverageDocument<'a>,
    findings: &'a [Finding],
    unsupported: Vec<UnsupportedDocument<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct SchedulesDocument {
    tried: u64,
    distinct: u64,
}

#[derive(Serialize)]
struct CoverageDocument<'a> {
    bound_completed: Option<u32>,
    functions: FunctionsDocument,
    blocks: usize,
    not_reached: &'a [String],
    scenarios: Vec<ScenarioDocument<'a>>,
}

#[derive(Serialize)]
struct FunctionsDocument {
    reached: usize,
    total: usize,
}

#[derive(Serialize)]
struct ScenarioDocument<'a> {
    name: &'a str,
    schedules: u64,
    bound_completed: Option<u32>,
}

#[derive(Serialize)]
struct UnsupportedDocument<'a> {
    what: &'a str,
    place: &'a str,
    scenario: &'a str,
}

#[derive(Serialize)]
struct ReplayDocument<'a> {
    schema: &'static str,
    token: &'a str,
    reproduced: bool,
    finding: Option<&'a Finding>,
    unsupported: Option<UnsupportedDocument<'a>>,
    misfit: Option<u32>,
    #[serde(serialize_with = "finding::hex64")]
    hash: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Trace<'a>>,
}

#[derive(Serialize)]
struct TraceDocument<'a> {
    context: &'a str,
    processor: u8,
    irql: u8,
    depth: u8,
    text: &'a str,
    place: &'a str,
}

#[derive(Serialize)]
struct RulesDocument<'a> {
    schema: &'static str,
    rules: &'a [RuleInfo<'a>],
}

/// A trace may have a line for every step of a long run, so it is written as it is walked.
struct Trace<'a>(&'a [TraceLine]);

impl Serialize for Trace<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|line| TraceDocument {
            context: &line.context,
            processor: line.processor,
            irql: line.irql,
            depth: line.depth,
            text: &line.text,
            place: &line.place,
        }))
    }
}

/// A campaign's outcome, schema `bugcheck.test.1`.
///
/// # Errors
/// None that a report can cause; `serde_json` cannot say so in a type.
pub fn test_json(report: &Report) -> serde_json::Result<String> {
    document(&test_document(report))
}

fn test_document(report: &Report) -> TestDocument<'_> {
    let scenarios = report.coverage.scenarios.iter();
    TestDocument {
        schema: "bugcheck.test.1",
        driver: &report.driver,
        verdict: verdict(report.verdict),
        schedules: SchedulesDocument {
            tried: report.schedules.tried,
            distinct: report.schedules.distinct,
        },
        seconds: rounded(report.seconds, 1e6),
        first_finding_seconds: report.first_hit.map(|first| rounded(first, 1e6)),
        schedules_per_second: rounded(rate(report), 10.0),
        seed: report.seed,
        workers: report.workers,
        coverage: CoverageDocument {
            bound_completed: report.coverage.bound_completed,
            functions: FunctionsDocument {
                reached: report.coverage.functions.0,
                total: report.coverage.functions.1,
            },
            blocks: report.coverage.blocks,
            not_reached: &report.coverage.not_reached,
            scenarios: scenarios
                .map(|(name, schedules, bound)| ScenarioDocument {
                    name,
                    schedules: *schedules,
                    bound_completed: *bound,
                })
                .collect(),
        },
        findings: &report.findings,
        unsupported: report.unsupported.iter().map(unsupported).collect(),
        notes: &report.notes,
    }
}

/// A replay's outcome, schema `bugcheck.replay.1`; with `trace`, everything that happened.
///
/// # Errors
/// As [`test_json`].
pub fn replay_json(token: &str, replayed: &Replayed, trace: bool) -> serde_json::Result<String> {
    document(&ReplayDocument {
        schema: "bugcheck.replay.1",
        token,
        reproduced: replayed.finding.is_some(),
        finding: replayed.finding.as_ref(),
        unsupported: replayed.unsupported.as_ref().map(unsupported),
        misfit: replayed.misfit,
        hash: replayed.hash,
        trace: trace.then_some(Trace(&replayed.trace)),
    })
}

/// The rules, schema `bugcheck.rules.1`.
///
/// # Errors
/// As [`test_json`].
pub fn rules_json(rules: &[RuleInfo<'_>]) -> serde_json::Result<String> {
    document(&RulesDocument { schema: "bugcheck.rules.1", rules })
}

#[derive(Serialize)]
struct ScenariosDocument<'a> {
    schema: &'static str,
    driver: Option<&'a str>,
    scenarios: Vec<StandardDocument<'a>>,
}

#[derive(Serialize)]
struct StandardDocument<'a> {
    name: &'a str,
    about: &'a str,
    needs: &'a [String],
    for_each: Option<&'a str>,
    text: &'a str,
    names: Option<&'a [String]>,
    lacks: Option<&'a [String]>,
}

fn standard_document(standard: &Standard) -> StandardDocument<'_> {
    StandardDocument {
        name: standard.name,
        about: standard.about,
        needs: &standard.needs,
        for_each: standard.for_each,
        text: standard.text,
        names: None,
        lacks: None,
    }
}

/// Standard scenarios, schema `bugcheck.scenarios.1`; `names` and `lacks` are null without a driver.
///
/// # Errors
/// As for [`rules_json`].
pub fn scenarios_json(all: &[Standard]) -> serde_json::Result<String> {
    let scenarios = all.iter().map(standard_document).collect();
    document(&ScenariosDocument { schema: "bugcheck.scenarios.1", driver: None, scenarios })
}

/// The same as far as they suit a driver: `names` are the driver's scenarios made from each, and
/// `lacks` what the driver is without where there are none.
///
/// # Errors
/// As for [`rules_json`].
pub fn suited_json(driver: &str, all: &[Suited]) -> serde_json::Result<String> {
    let scenarios = all
        .iter()
        .map(|suited| StandardDocument {
            names: Some(&suited.names),
            lacks: Some(&suited.lacks),
            ..standard_document(&suited.standard)
        })
        .collect();
    let driver = Some(driver);
    document(&ScenariosDocument { schema: "bugcheck.scenarios.1", driver, scenarios })
}

#[derive(Serialize)]
struct ImportsDocument<'a> {
    schema: &'static str,
    driver: &'a str,
    share: f64,
    implemented: usize,
    partly: usize,
    refused: usize,
    missing: usize,
    imports: Vec<ImportDocument<'a>>,
}

#[derive(Serialize)]
struct ImportDocument<'a> {
    module: &'a str,
    name: &'a str,
    state: &'static str,
    reason: Option<&'static str>,
    rank: Option<u16>,
    importer: &'a str,
    image: Option<&'a str>,
}

/// A driver's imports, schema `bugcheck.imports.1`. `state` is `implemented`, `partly`, `refused` or
/// `missing`; `reason` says what is lacking or why; `rank` is the place among real drivers' imports;
/// `importer` is the image that imports it, and `image` the one beside the driver that exports it.
///
/// # Errors
/// As [`test_json`].
pub fn imports_json(list: &Imports) -> serde_json::Result<String> {
    let [implemented, partly, refused, missing] = list.counts();
    document(&ImportsDocument {
        schema: "bugcheck.imports.1",
        driver: &list.driver,
        share: rounded(list.share(), 1e4),
        implemented,
        partly,
        refused,
        missing,
        imports: list
            .imports
            .iter()
            .map(|import| {
                let (state, reason) = match import.support {
                    Support::Whole => ("implemented", None),
                    Support::Partly(reason) => ("partly", Some(reason)),
                    Support::Refused(reason) => ("refused", Some(reason)),
                    Support::Missing => ("missing", None),
                };
                let (module, name, rank) = (&import.module, &import.name, import.rank);
                let (importer, image) = (&import.importer, import.by.as_deref());
                ImportDocument { module, name, state, reason, rank, importer, image }
            })
            .collect(),
    })
}

/// Schedules a second; 0 where no time was taken.
pub(crate) fn rate(report: &Report) -> f64 {
    if report.seconds > 0.0 { report.schedules.tried as f64 / report.seconds } else { 0.0 }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Findings => "findings",
        Verdict::Unsupported => "unsupported",
    }
}

fn unsupported(it: &Unsupported) -> UnsupportedDocument<'_> {
    UnsupportedDocument { what: &it.what, place: &it.place, scenario: &it.scenario }
}

fn document(value: &impl Serialize) -> serde_json::Result<String> {
    written(value, Harmless(PrettyFormatter::new()))
}

/// The same on one line, for many documents in a row.
pub(crate) fn line(value: &impl Serialize) -> serde_json::Result<String> {
    written(value, Harmless(CompactFormatter))
}

fn written<F: Formatter>(value: &impl Serialize, form: F) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let mut to = serde_json::Serializer::with_formatter(&mut bytes, form);
    value.serialize(&mut to)?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// Writes out the characters that JSON allows in a string and a terminal obeys, so that
/// a document may be looked at without harm. To a JSON reader it is the same document.
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_hazardous(c)) {
            to.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(to, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        to.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_array(to)
    }
    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array(to)
    }
    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(to, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array_value(to)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object(to)
    }
    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object(to)
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(to, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object_value(to)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_value(to)
    }
}

#[cfg(test)]
mod tests;
