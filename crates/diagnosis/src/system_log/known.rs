//! What is kept of messages that are known.

use super::{Often, Source, text};
use evidence::system_log::{Record, Time};
use knowledge::messages::{Base, Entry, Fact, Values};
use serde::Serialize;
use std::collections::BTreeMap;

/// Messages of a shape whose values are looked at.
const MOST_LOOKED_AT: u64 = 1_000;
/// Different values of a name that are kept.
const MOST_VALUES: usize = 8;
/// Facts of an entry that are kept for what is known of several together: the first ones, and the last.
const MOST_FACTS: usize = 64;

/// A value that messages name, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Value {
    /// The value.
    pub value: String,
    /// How often, in those that were looked at.
    pub count: u64,
}

/// A message that is known.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// Id of its entry.
    pub id: String,
    /// What it is about.
    pub area: String,
    /// How bad it is.
    pub severity: knowledge::messages::Severity,
    /// What it is.
    pub title: String,
    /// How often, and when.
    #[serde(flatten)]
    pub often: Often,
    /// The first of them, as it was written.
    pub example: String,
    /// The program that wrote it.
    pub program: String,
    /// How many shapes it has.
    pub shapes: usize,
    /// What they name, by name.
    pub values: BTreeMap<String, Vec<Value>>,
    /// What it means.
    pub meaning: String,
    /// Where it comes from.
    pub cause: String,
    /// Which versions write it.
    pub affected: String,
    /// Which version is the first without it.
    pub fixed: String,
    /// What to do.
    pub remedy: String,
    /// Where that is written.
    pub references: Vec<String>,
}

impl Known {
    pub(crate) fn of(entry: &Entry) -> Known {
        Known {
            id: entry.id.clone(),
            area: entry.area.clone(),
            severity: entry.severity,
            title: entry.title.clone(),
            often: Often::default(),
            example: String::new(),
            program: String::new(),
            shapes: 0,
            values: BTreeMap::new(),
            meaning: entry.meaning.clone(),
            cause: entry.cause.clone(),
            affected: entry.affected.clone(),
            fixed: entry.fixed.clone(),
            remedy: entry.remedy.clone(),
            references: entry.references.clone(),
        }
    }
}

/// A fact, before its file is known.
#[derive(Debug)]
struct Occurrence {
    values: Values,
    time: Option<Time>,
    source: u32,
    line: u64,
    words: String,
}

/// Bytes of a message that a fact keeps.
const MOST_WORDS: usize = 300;

/// A message that is looked at.
pub(super) struct Seen<'r> {
    pub source: u32,
    pub record: &'r Record<'r>,
    pub message: &'r [u8],
}

#[derive(Debug, Default)]
struct Kept {
    values: BTreeMap<String, Vec<Value>>,
    occurrences: Vec<Occurrence>,
    beyond: Often,
}

/// By index of the entry.
#[derive(Debug, Default)]
pub(super) struct Knowns {
    kept: BTreeMap<usize, Kept>,
}

impl Knowns {
    /// Looks at the values of a message of which `before` others had the same shape.
    pub fn values(&mut self, base: &Base, entry: usize, before: u64, seen: &Seen<'_>) {
        if before >= MOST_LOOKED_AT {
            return;
        }
        let values = base.values(entry, seen.message);
        let kept = self.kept.entry(entry).or_default();
        for (name, value) in &values {
            let own = kept.values.entry(name.clone()).or_default();
            if let Some(had) = own.iter_mut().find(|had| had.value == *value) {
                had.count = had.count.saturating_add(1);
            } else if own.len() < MOST_VALUES {
                own.push(Value { value: value.clone(), count: 1 });
            }
        }
        let asked = base.entries().get(entry).is_some_and(|entry| base.is_part(&entry.id));
        if asked {
            if kept.occurrences.len() >= MOST_FACTS {
                kept.occurrences.pop();
            }
            let &Seen { source, record: &Record { time, line, .. }, message } = seen;
            let words = text(message, MOST_WORDS);
            kept.occurrences.push(Occurrence { values, time, source, line, words });
        }
    }

    /// Count of an entry's messages that have no shape.
    pub fn beyond(&mut self, entry: usize, seen: &Seen<'_>) -> &mut Often {
        let often = &mut self.kept.entry(entry).or_default().beyond;
        if often.count == 0 {
            (often.line, often.source) = (seen.record.line, seen.source);
        }
        often
    }

    /// Entries that were met without a shape.
    pub fn all_beyond(&self) -> impl Iterator<Item = (usize, &Often)> {
        self.kept.iter().map(|(entry, kept)| (*entry, &kept.beyond)).filter(|(_, it)| it.count > 0)
    }

    pub fn of(&self, entry: usize) -> BTreeMap<String, Vec<Value>> {
        self.kept.get(&entry).map(|kept| kept.values.clone()).unwrap_or_default()
    }

    /// Facts for what is known of several together, each with its time as the log has it.
    pub fn facts(&self, base: &Base, sources: &[Source]) -> Vec<(Fact, Option<Time>)> {
        let mut facts = Vec::new();
        for (entry, kept) in &self.kept {
            let Some(entry) = base.entries().get(*entry) else { continue };
            facts.extend(kept.occurrences.iter().map(|it| {
                let source = usize::try_from(it.source).ok().and_then(|at| sources.get(at));
                let name = source.map(|source| source.name.clone()).unwrap_or_default();
                let fact = Fact {
                    name: entry.id.clone(),
                    values: it.values.clone(),
                    time: it.time.map(|time| time.micros),
                    place: (name, it.line),
                    words: it.words.clone(),
                };
                (fact, it.time)
            }));
        }
        facts
    }
}
