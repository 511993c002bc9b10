//! `bugcheck.incident.1`.

use super::{document, line};
use diagnosis::incident::{Bucket, Buckets, Incident};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    incident: &'a Incident,
    dumps: u64,
    buckets: Vec<&'a Bucket>,
    buckets_beyond: u64,
}

/// What several files tell together, schema `bugcheck.incident.1`; with `in_lines` on one line. Times are
/// microseconds since 1970, UTC.
///
/// # Errors
/// None that an input can cause.
pub fn incident_json(
    it: &Incident,
    buckets: &Buckets,
    in_lines: bool,
) -> serde_json::Result<String> {
    let document_of = Document {
        schema: "bugcheck.incident.1",
        incident: it,
        dumps: buckets.dumps,
        buckets: buckets.table(),
        buckets_beyond: buckets.beyond,
    };
    if in_lines { line(&document_of) } else { document(&document_of) }
}
