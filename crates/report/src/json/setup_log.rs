//! `bugcheck.explain.1`, of a log of SetupAPI.

use super::{document, line};
use diagnosis::setup::{Count, SetupLog, Story};
use evidence::setup_log::Encoding;
use finding::Finding;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    title: Option<&'a str>,
    header: BTreeMap<&'a str, &'a str>,
    encoding: &'static str,
    boots: u64,
    sections: u64,
    loose_entries: u64,
    first: Option<&'a str>,
    last: Option<&'a str>,
    operations: &'a BTreeMap<String, Count>,
    wrong: u64,
    left_out: u64,
    stories: Vec<StoryDocument<'a>>,
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct StoryDocument<'a> {
    #[serde(flatten)]
    story: &'a Story,
    /// Line of the first cause of what went wrong.
    cause: Option<u64>,
}

/// A log of SetupAPI, schema `bugcheck.explain.1`; with `in_lines` on one line.
///
/// # Errors
/// None that an input can cause.
pub fn setup_log_json(file: &str, log: &SetupLog, in_lines: bool) -> serde_json::Result<String> {
    let header = log.header.as_ref();
    let fields = header.into_iter().flat_map(|header| &header.fields);
    let document_of = Document {
        schema: "bugcheck.explain.1",
        file,
        format: "setup-log",
        title: header.map(|header| header.title.as_str()),
        header: fields.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        encoding: match log.encoding {
            Encoding::Bytes => "bytes",
            Encoding::Utf16Le => "utf-16le",
            Encoding::Utf16Be => "utf-16be",
        },
        boots: log.boots,
        sections: log.sections,
        loose_entries: log.loose,
        first: log.span.as_ref().map(|(first, _)| first.as_str()),
        last: log.span.as_ref().map(|(_, last)| last.as_str()),
        operations: &log.kinds,
        wrong: log.wrong,
        left_out: log.left_out,
        stories: log
            .stories
            .iter()
            .map(|story| StoryDocument { story, cause: story.cause().map(|cause| cause.line) })
            .collect(),
        findings: &log.findings,
    };
    if in_lines { line(&document_of) } else { document(&document_of) }
}
