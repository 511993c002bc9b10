//! `bugcheck.explain.1`, of a log of the system.

use super::{document, line};
use diagnosis::system_log::SystemLog;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    file: &'a str,
    format: &'static str,
    wrong: bool,
    #[serde(flatten)]
    log: &'a SystemLog,
}

/// A log of the system, schema `bugcheck.explain.1`; with `in_lines` on one line.
///
/// # Errors
/// None that an input can cause.
pub fn system_log_json(file: &str, log: &SystemLog, in_lines: bool) -> serde_json::Result<String> {
    let wrong = log.is_wrong();
    let document_of =
        Document { schema: "bugcheck.explain.1", file, format: "system-log", wrong, log };
    if in_lines { line(&document_of) } else { document(&document_of) }
}
