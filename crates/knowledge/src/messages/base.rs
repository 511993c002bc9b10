//! Entries, and the one that a message is.

use super::entry::{Entry, Matches, Severity, Together, Values};
use super::facts::Fact;
use super::{Fault, Source, sources};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Regex, RegexBuilder};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

/// Compiled size of a pattern, at most, in bytes.
const MOST_PATTERN: usize = 1 << 20;
/// Characters of a value that are kept.
const MOST_VALUE: usize = 256;

/// A message to be explained.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// The program that wrote it, or an event's provider; empty where that is not known.
    pub program: &'a [u8],
    /// Number of an event of Windows.
    pub event: Option<u32>,
    /// What it says.
    pub text: &'a [u8],
}

/// What a message is.
#[derive(Clone, Copy, Debug)]
pub struct Found<'b> {
    /// Index of the entry in [`Base::entries`].
    pub index: usize,
    /// The entry.
    pub entry: &'b Entry,
}

/// Entries, ready to be searched.
pub struct Base {
    entries: Vec<Entry>,
    patterns: Vec<OnceLock<Option<Regex>>>,
    /// All literals, in one automaton.
    literals: AhoCorasick,
    /// Entries of each literal.
    of_literal: Vec<Vec<usize>>,
    /// Entries by provider, in small letters, and number.
    events: HashMap<(Vec<u8>, u32), Vec<usize>>,
    /// Names of facts that some entry asks for.
    asked: HashSet<String>,
    /// Place of each entry in the order in which entries are tried.
    order: Vec<usize>,
}

impl Base {
    /// What comes with bugcheck.
    pub fn own() -> &'static Base {
        static OWN: OnceLock<Base> = OnceLock::new();
        OWN.get_or_init(|| {
            // A test reads every file.
            Base::with(&[]).unwrap_or_else(|faults| panic!("{}", faults[0]))
        })
    }

    /// What comes with bugcheck, and `more`; an entry of the same id takes the place of ours.
    ///
    /// # Errors
    /// What is wrong with `more`, each with its place.
    pub fn with(more: &[Source]) -> Result<Base, Vec<Fault>> {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let mut faults = Vec::new();
        let mut own: HashSet<String> = HashSet::new();
        let all = sources()
            .map(|source| (false, source))
            .chain(more.iter().cloned().map(|it| (true, it)));
        for (is_more, source) in all {
            match Entry::parse(&source) {
                Ok(entry) => {
                    if !own.insert(format!("{is_more} {}", entry.id)) {
                        let problem = format!("there is another entry called {}", entry.id);
                        faults.push(Fault { file: source.name.clone(), line: 1, problem });
                    }
                    if let Some(Err(problem)) = entry.pattern().map(compile) {
                        let line = source.line_of("pattern");
                        faults.push(Fault { file: source.name.clone(), line, problem });
                    }
                    entries.insert(entry.id.clone(), entry);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Base::of(entries.into_values().collect()).map_err(|fault| vec![fault])
    }

    fn of(entries: Vec<Entry>) -> Result<Base, Fault> {
        let mut texts: Vec<&str> = Vec::new();
        let mut of_literal: Vec<Vec<usize>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut events: HashMap<(Vec<u8>, u32), Vec<usize>> = HashMap::new();
        let mut asked = HashSet::new();
        for (index, entry) in entries.iter().enumerate() {
            match &entry.matches {
                Matches::Text { literals, .. } => {
                    for literal in literals {
                        let at = *places.entry(literal).or_insert_with(|| {
                            texts.push(literal);
                            of_literal.push(Vec::new());
                            texts.len() - 1
                        });
                        of_literal[at].push(index);
                    }
                }
                Matches::Event { providers, numbers, .. } => {
                    for provider in providers {
                        for number in numbers {
                            let key = (provider.to_ascii_lowercase().into_bytes(), *number);
                            events.entry(key).or_default().push(index);
                        }
                    }
                }
                Matches::Facts(together) => {
                    asked.extend(together.parts.iter().flat_map(|part| part.is.iter().cloned()));
                }
            }
        }
        let literals = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&texts);
        let literals = literals.map_err(|error| Fault {
            file: "knowledge".to_owned(),
            line: 1,
            problem: format!("the literals are too many: {error}"),
        })?;
        // What is more particular comes first: with a pattern, then by its longest literal.
        let length = |entry: &Entry| match &entry.matches {
            Matches::Text { literals, .. } => literals.iter().map(String::len).max().unwrap_or(0),
            _ => 0,
        };
        let mut ranked: Vec<usize> = (0..entries.len()).collect();
        ranked.sort_by_key(|index| {
            let entry = &entries[*index];
            std::cmp::Reverse((entry.pattern().is_some(), length(entry)))
        });
        let mut order = vec![0; entries.len()];
        for (place, index) in ranked.into_iter().enumerate() {
            order[index] = place;
        }
        let patterns = entries.iter().map(|_| OnceLock::new()).collect();
        Ok(Base { entries, patterns, literals, of_literal, events, asked, order })
    }

    /// All entries, in order of their ids.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of that id.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.id.as_str().cmp(id)).ok()?;
        self.entries.get(at)
    }

    /// Whether some entry asks for facts of that name.
    pub fn is_part(&self, name: &str) -> bool {
        self.asked.contains(name)
    }

    /// What a message is; of several entries the most particular. One pass over it finds the few entries whose
    /// patterns are tried.
    pub fn find(&self, message: &Message<'_>) -> Option<Found<'_>> {
        let mut best: Option<usize> = None;
        let mut consider = |index: usize| {
            let better = best.is_none_or(|best| self.order[index] < self.order[best]);
            if better && self.fits(index, message) {
                best = Some(index);
            }
        };
        if let Some(number) = message.event {
            let key = (message.program.to_ascii_lowercase(), number);
            self.events.get(&key).into_iter().flatten().copied().for_each(&mut consider);
        } else {
            for hit in self.literals.find_overlapping_iter(message.text) {
                self.of_literal[hit.pattern().as_usize()].iter().copied().for_each(&mut consider);
            }
        }
        best.map(|index| Found { index, entry: &self.entries[index] })
    }

    /// Whether a message whose literal or event was found is the entry.
    fn fits(&self, index: usize, message: &Message<'_>) -> bool {
        let wanted = self.entries[index].program.as_deref();
        let other =
            |wanted: &str| !message.program.is_empty() && message.program != wanted.as_bytes();
        if message.event.is_none() && wanted.is_some_and(other) {
            return false;
        }
        self.pattern(index).is_none_or(|pattern| pattern.is_match(message.text))
    }

    fn pattern(&self, index: usize) -> Option<&Regex> {
        let compiled = self.patterns[index].get_or_init(|| {
            // All were compiled once, when they were read.
            self.entries[index].pattern().and_then(|pattern| compile(pattern).ok())
        });
        compiled.as_ref()
    }

    /// The values that the entry's pattern names in a message.
    pub fn values(&self, index: usize, text: &[u8]) -> Values {
        let Some(pattern) = self.pattern(index) else { return Values::new() };
        let Some(groups) = pattern.captures(text) else { return Values::new() };
        let named = pattern.capture_names().flatten();
        named
            .filter_map(|name| {
                let bytes = groups.name(name)?.as_bytes();
                let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_VALUE)]);
                Some((name.to_owned(), text.into_owned()))
            })
            .collect()
    }

    /// Entries that `facts` are together, each with the facts that it rests on, the worst first.
    pub fn together<'f>(&self, facts: &'f [Fact]) -> Vec<(&Entry, Vec<&'f Fact>)> {
        let mut found: Vec<(&Entry, Vec<&Fact>)> = self
            .entries
            .iter()
            .filter_map(|entry| {
                let Matches::Facts(together) = &entry.matches else { return None };
                let chosen = together.find(facts)?;
                Some((entry, chosen.into_iter().map(|at| &facts[at]).collect()))
            })
            .collect();
        found.sort_by_key(|(entry, _)| std::cmp::Reverse(entry.severity));
        found
    }

    /// Entries that `facts` are together, with every choice of facts that is one; as indices into `facts`. The
    /// worst come first, and of these the surest.
    pub fn related(&self, facts: &[Fact]) -> Vec<(&Entry, &Together, Vec<Vec<usize>>)> {
        let mut found: Vec<(&Entry, &Together, Vec<Vec<usize>>)> = self
            .entries
            .iter()
            .filter_map(|entry| {
                let Matches::Facts(together) = &entry.matches else { return None };
                let choices = together.all(facts);
                (!choices.is_empty()).then_some((entry, together, choices))
            })
            .collect();
        found.sort_by_key(|(entry, together, _)| {
            std::cmp::Reverse((entry.severity, together.certainty))
        });
        found
    }

    /// How many entries there are of each severity.
    pub fn count(&self) -> BTreeMap<Severity, usize> {
        self.entries.iter().fold(BTreeMap::new(), |mut all, entry| {
            *all.entry(entry.severity).or_default() += 1;
            all
        })
    }
}

/// Patterns are of bytes and ASCII: logs need not be UTF-8.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).unicode(false).size_limit(MOST_PATTERN).build().map_err(|error| {
        // The crate draws the place over several lines; its last line says what is wrong.
        let text = error.to_string();
        text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned()
    })
}
