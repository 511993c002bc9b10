//! What facts of different files mean together.

use super::clock::{Clock, How, Settings};
use super::dump::GUESSED;
use super::names::{Resolved, resolve};
use super::{Evidence, Place};
use crate::system_log::Known;
use knowledge::messages::{Base, Certainty, Entry, Fact, Severity, Together};
use serde::{Serialize, Serializer};
use std::collections::HashSet;

/// Relations of one entry that are told, at most.
const MOST_OF_ENTRY: usize = 5;

/// A fact that a relation rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ground {
    /// The fact: the id of a message, or what a reader calls it.
    pub fact: String,
    /// Where it is said.
    #[serde(flatten)]
    pub place: Place,
    /// What is said there.
    pub words: String,
    /// When, in microseconds since 1970, UTC.
    pub micros: Option<i64>,
    /// When, as the file has it, where its clock is not known.
    pub written: Option<String>,
    /// Where it is said what its names mean: which driver a service has, say.
    pub by: Vec<Place>,
}

/// What belongs together.
#[derive(Clone, Debug, Serialize)]
pub struct Relation {
    /// What is known of it.
    #[serde(flatten, serialize_with = "entry")]
    pub known: Known,
    /// How sure it is.
    pub certainty: Certainty,
    /// What it rests on, one of each file at least.
    pub grounds: Vec<Ground>,
    /// What is alike in all of these: name and value.
    pub alike: Vec<(String, String)>,
    /// Microseconds between the first and the last.
    pub apart: Option<u64>,
    /// Why it is less sure than it could be: sentences.
    pub doubts: Vec<String>,
}

/// Of what is known only what is about the entry: it counts nothing.
fn entry<S: Serializer>(known: &Known, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields<'a> {
        id: &'a str,
        severity: Severity,
        title: &'a str,
        meaning: &'a str,
        remedy: &'a str,
        references: &'a [String],
    }
    Fields {
        id: &known.id,
        severity: known.severity,
        title: &known.title,
        meaning: &known.meaning,
        remedy: &known.remedy,
        references: &known.references,
    }
    .serialize(to)
}

/// Finds what belongs together; and how many further relations were left out.
pub(super) fn relate(
    all: &[Evidence],
    clocks: &[Clock],
    base: &Base,
    settings: &Settings,
) -> (Vec<Relation>, u64) {
    let resolved = resolve(all);
    let facts: Vec<Fact> = resolved.iter().map(|it| fact(it, all, clocks, settings)).collect();
    let (mut relations, mut beyond) = (Vec::new(), 0u64);
    let mut told: HashSet<Vec<(usize, String, u64)>> = HashSet::new();
    for (entry, together, choices) in base.related(&facts) {
        let mut count = 0;
        for chosen in choices {
            let of = |at: &usize| resolved.get(*at);
            let files: HashSet<usize> = chosen.iter().filter_map(of).map(|it| it.of).collect();
            // What one file says by itself is told of that file.
            if files.len() < 2 {
                continue;
            }
            // The same facts are told once, by what is worst or surest of them.
            let mut key: Vec<(usize, String, u64)> = chosen
                .iter()
                .filter_map(of)
                .map(|it| (it.of, it.said.fact.place.0.clone(), it.said.fact.place.1))
                .collect();
            key.sort();
            if !told.insert(key) {
                continue;
            }
            count += 1;
            if count > MOST_OF_ENTRY {
                beyond = beyond.saturating_add(1);
                continue;
            }
            let parts: Vec<(&Resolved, &Fact)> = chosen
                .iter()
                .filter_map(|at| Some((resolved.get(*at)?, facts.get(*at)?)))
                .collect();
            relations.push(relation(entry, together, &parts, all, clocks));
        }
    }
    (relations, beyond)
}

fn fact(it: &Resolved, all: &[Evidence], clocks: &[Clock], settings: &Settings) -> Fact {
    let booted = all.get(it.of).and_then(|evidence| evidence.booted);
    let clock = clocks.get(it.of);
    let time =
        clock.zip(it.said.time).and_then(|(clock, time)| clock.universal(time, booted, settings));
    Fact { time, ..it.said.fact.clone() }
}

fn relation(
    entry: &Entry,
    together: &Together,
    parts: &[(&Resolved, &Fact)],
    all: &[Evidence],
    clocks: &[Clock],
) -> Relation {
    let times: Vec<i64> = parts.iter().filter_map(|(_, fact)| fact.time).collect();
    let whole = times.len() == parts.len();
    let apart =
        times.iter().max().zip(times.iter().min()).map(|(last, first)| last.abs_diff(*first));
    let mut certainty = together.certainty;
    let mut doubts = Vec::new();
    if together.within.is_some() || together.ordered {
        let mut seen = HashSet::new();
        for (it, _) in parts {
            let Some((clock, evidence)) = clocks.get(it.of).zip(all.get(it.of)) else { continue };
            if clock.certainty != Certainty::Sure && clock.how != How::Unknown && seen.insert(it.of)
            {
                certainty = certainty.min(clock.certainty);
                doubts.push(format!("The clock of {} is {}.", evidence.file, clock.grounds));
            }
        }
    }
    let mut names: Vec<&String> = together.shared.iter().chain(&together.same).collect();
    names.dedup();
    let alike = names.into_iter().filter_map(|name| {
        let value = parts.iter().find_map(|(_, fact)| fact.values.get(name))?;
        let both = parts.iter().filter(|(_, fact)| fact.values.contains_key(name)).count() > 1;
        both.then(|| (name.clone(), value.clone()))
    });
    let alike: Vec<(String, String)> = alike.collect();
    let guessed = |(_, fact): &(&Resolved, &Fact)| {
        fact.values.get("blamed").is_some_and(|blamed| blamed == GUESSED)
    };
    if alike.iter().any(|(name, _)| name == "driver") && parts.iter().any(guessed) {
        certainty = Certainty::Possible;
        doubts.push("That the driver is to blame for the crash is a guess.".to_owned());
    }
    let place = |(it, fact): &(&Resolved, &Fact)| Place {
        file: fact.place.0.clone(),
        unit: it.said.unit,
        at: fact.place.1,
    };
    let ground = |both: &(&Resolved, &Fact)| {
        let (it, fact) = both;
        Ground {
            fact: fact.name.clone(),
            place: place(both),
            words: fact.words.clone(),
            micros: fact.time,
            written: it.said.time.filter(|_| fact.time.is_none()).map(|time| time.to_string()),
            // What the place itself says need not be pointed at.
            by: it.by.iter().filter(|by| **by != place(both)).cloned().collect(),
        }
    };
    Relation {
        known: Known::of(entry),
        certainty,
        grounds: parts.iter().map(ground).collect(),
        alike,
        apart: apart.filter(|_| whole),
        doubts,
    }
}
