//! `bugcheck.knowledge.1`.

use super::document;
use knowledge::messages::{Entry, Matches, Severity};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    entries: Vec<EntryDocument<'a>>,
}

#[derive(Serialize)]
struct EntryDocument<'a> {
    id: &'a str,
    area: &'a str,
    file: &'a str,
    severity: Severity,
    title: &'a str,
    literals: &'a [String],
    providers: &'a [String],
    events: &'a [u32],
    /// For each fact, the names that will do.
    facts: Vec<&'a [String]>,
    pattern: Option<&'a str>,
    program: Option<&'a str>,
    meaning: &'a str,
    cause: &'a str,
    affected: &'a str,
    fixed: &'a str,
    remedy: &'a str,
    references: &'a [String],
    examples: &'a [String],
}

/// Entries, schema `bugcheck.knowledge.1`.
///
/// # Errors
/// None that an input can cause.
pub fn entries_json(entries: &[&Entry]) -> serde_json::Result<String> {
    let entries = entries
        .iter()
        .map(|entry| {
            let (mut literals, mut providers, mut events): (&[String], &[String], &[u32]) =
                (&[], &[], &[]);
            let mut facts = Vec::new();
            match &entry.matches {
                Matches::Text { literals: own, .. } => literals = own,
                Matches::Event { providers: own, numbers, .. } => {
                    (providers, events) = (own, numbers)
                }
                Matches::Facts(together) => {
                    facts = together.parts.iter().map(|part| part.is.as_slice()).collect();
                }
            }
            EntryDocument {
                id: &entry.id,
                area: &entry.area,
                file: &entry.file,
                severity: entry.severity,
                title: &entry.title,
                literals,
                providers,
                events,
                facts,
                pattern: entry.pattern(),
                program: entry.program.as_deref(),
                meaning: &entry.meaning,
                cause: &entry.cause,
                affected: &entry.affected,
                fixed: &entry.fixed,
                remedy: &entry.remedy,
                references: &entry.references,
                examples: &entry.examples,
            }
        })
        .collect();
    document(&Document { schema: "bugcheck.knowledge.1", entries })
}
