//! Facts, and what several of them mean together.

use super::entry::Values;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Something that a file says: a message that is known, or what the reader of a dump, of a set-up log or of a
/// signature found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// Its name: the id of an entry, or the name that its reader gives it.
    pub name: String,
    /// What it is about: `device`, `driver`, `code`.
    pub values: Values,
    /// When it happened, in microseconds on one clock for all facts that are looked at together.
    pub time: Option<i64>,
    /// Which file says so, and where: its name, and a line or an offset.
    pub place: (String, u64),
    /// What is said there, for a reader.
    pub words: String,
}

/// One of the facts of an entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name; several where any of them will do.
    pub is: Vec<String>,
    /// Values that it must have.
    #[serde(default)]
    pub with: Values,
}

/// How sure it is that facts that fit belong together.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// They may have to do with each other: they are near in time, or alike in something common.
    #[default]
    Possible,
    /// As a rule they have to do with each other.
    Likely,
    /// They cannot be about different things.
    Sure,
}

impl Certainty {
    /// Its name, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Certainty::Possible => "possible",
            Certainty::Likely => "likely",
            Certainty::Sure => "sure",
        }
    }
}

/// Facts that mean something together.
#[derive(Clone, Debug, Default)]
pub struct Together {
    /// The facts.
    pub parts: Vec<Part>,
    /// Values in which those that have them must agree.
    pub same: Vec<String>,
    /// Values that all of them must have, alike.
    pub shared: Vec<String>,
    /// Values that all of them must have, no two alike.
    pub differ: Vec<String>,
    /// How sure it is that they belong together.
    pub certainty: Certainty,
    /// Microseconds within which all of them must happen; without, times do not matter.
    pub within: Option<u64>,
    /// Whether they must come in the order in which they are written.
    pub ordered: bool,
}

/// Tries before giving up: facts of a hostile log are many.
const MOST_TRIES: usize = 100_000;
/// Choices that are found of one entry, at most.
const MOST_CHOICES: usize = 1_000;

impl Together {
    /// The first choice of facts, one for each part, that fits; as indices into `facts`.
    pub fn find(&self, facts: &[Fact]) -> Option<Vec<usize>> {
        let mut found = None;
        self.each(facts, &mut |chosen| {
            found = Some(chosen.to_vec());
            false
        });
        found
    }

    /// For each fact that can be the last part, the choice whose facts are the nearest in time; as far as they
    /// can be found with a bounded number of tries. Facts that are about one thing twice are one choice.
    pub fn all(&self, facts: &[Fact]) -> Vec<Vec<usize>> {
        let mut best: BTreeMap<usize, (u64, Vec<usize>)> = BTreeMap::new();
        let mut count = 0usize;
        self.each(facts, &mut |chosen| {
            count += 1;
            let times: Vec<i64> = chosen.iter().filter_map(|at| facts[*at].time).collect();
            let apart =
                times.iter().max().zip(times.iter().min()).map_or(0, |(a, b)| a.abs_diff(*b));
            if let Some(last) = chosen.last() {
                let had = best.get(last);
                if had.is_none_or(|(had, _)| apart < *had) {
                    best.insert(*last, (apart, chosen.to_vec()));
                }
            }
            count < MOST_CHOICES
        });
        best.into_values().map(|(_, chosen)| chosen).collect()
    }

    /// Hands out choices that fit until it is told to stop.
    fn each(&self, facts: &[Fact], take: &mut dyn FnMut(&[usize]) -> bool) {
        let of_part = |part: &Part| -> Vec<usize> {
            let fits = |fact: &Fact| {
                let has = |(name, value): (&String, &String)| {
                    fact.values.get(name).is_some_and(|own| own.eq_ignore_ascii_case(value))
                };
                part.is.contains(&fact.name) && part.with.iter().all(has)
            };
            (0..facts.len()).filter(|at| fits(&facts[*at])).collect()
        };
        let candidates: Vec<Vec<usize>> = self.parts.iter().map(of_part).collect();
        if candidates.is_empty() || candidates.iter().any(Vec::is_empty) {
            return;
        }
        self.choose(facts, &candidates, &mut Vec::new(), &mut 0, take);
    }

    /// Goes through all choices that begin with `chosen`; false if it was told to stop.
    fn choose(
        &self,
        facts: &[Fact],
        candidates: &[Vec<usize>],
        chosen: &mut Vec<usize>,
        tries: &mut usize,
        take: &mut dyn FnMut(&[usize]) -> bool,
    ) -> bool {
        let Some(next) = candidates.get(chosen.len()) else { return take(chosen) };
        for &at in next {
            *tries += 1;
            if *tries > MOST_TRIES {
                return false;
            }
            if chosen.contains(&at)
                || !chosen.iter().all(|had| self.agree(&facts[*had], &facts[at]))
            {
                continue;
            }
            chosen.push(at);
            let go_on = self.choose(facts, candidates, chosen, tries, take);
            chosen.pop();
            if !go_on {
                return false;
            }
        }
        true
    }

    /// Whether `later`, which stands behind `earlier` in the entry, goes with it.
    fn agree(&self, earlier: &Fact, later: &Fact) -> bool {
        let same =
            self.same.iter().all(|name| match (earlier.values.get(name), later.values.get(name)) {
                (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
                _ => true,
            });
        let both = |name: &String| Some((earlier.values.get(name)?, later.values.get(name)?));
        let is = |name: &String| both(name).map(|(one, other)| one.eq_ignore_ascii_case(other));
        let same = same
            && self.shared.iter().all(|name| is(name) == Some(true))
            && self.differ.iter().all(|name| is(name) == Some(false));
        if !same || (self.within.is_none() && !self.ordered) {
            return same;
        }
        let (Some(one), Some(other)) = (earlier.time, later.time) else { return false };
        let near = self.within.is_none_or(|within| one.abs_diff(other) <= within);
        near && (!self.ordered || one <= other)
    }
}
