//! Facts, and what several of them mean together.

use super::entry::Values;
use serde::Deserialize;

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

/// Facts that mean something together.
#[derive(Clone, Debug)]
pub struct Together {
    /// The facts.
    pub parts: Vec<Part>,
    /// Values in which those that have them must agree.
    pub same: Vec<String>,
    /// Microseconds within which all of them must happen; without, times do not matter.
    pub within: Option<u64>,
    /// Whether they must come in the order in which they are written.
    pub ordered: bool,
}

/// Tries before giving up: facts of a hostile log are many.
const MOST_TRIES: usize = 100_000;

impl Together {
    /// The first choice of facts, one for each part, that fits; as indices into `facts`.
    pub fn find(&self, facts: &[Fact]) -> Option<Vec<usize>> {
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
            return None;
        }
        let mut chosen = Vec::new();
        let mut tries = 0;
        self.choose(facts, &candidates, &mut chosen, &mut tries).then_some(chosen)
    }

    fn choose(
        &self,
        facts: &[Fact],
        candidates: &[Vec<usize>],
        chosen: &mut Vec<usize>,
        tries: &mut usize,
    ) -> bool {
        let Some(next) = candidates.get(chosen.len()) else { return true };
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
            if self.choose(facts, candidates, chosen, tries) {
                return true;
            }
            chosen.pop();
        }
        false
    }

    /// Whether `later`, which stands behind `earlier` in the entry, goes with it.
    fn agree(&self, earlier: &Fact, later: &Fact) -> bool {
        let same =
            self.same.iter().all(|name| match (earlier.values.get(name), later.values.get(name)) {
                (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
                _ => true,
            });
        if !same || (self.within.is_none() && !self.ordered) {
            return same;
        }
        let (Some(one), Some(other)) = (earlier.time, later.time) else { return false };
        let near = self.within.is_none_or(|within| one.abs_diff(other) <= within);
        near && (!self.ordered || one <= other)
    }
}
