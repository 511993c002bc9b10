//! An entry of `knowledge/messages`, read.

use super::facts::{Certainty, Part};
use super::{Fault, Source};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How bad it is. Orders from harmless to fatal.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Noise: nothing is wrong, and nothing need be done.
    Harmless,
    /// Worth knowing.
    Note,
    /// Something works less well than it should, or will not for long.
    Warning,
    /// Something does not work, or data may be lost.
    Error,
    /// The system, or all work on it, stops.
    Fatal,
}

impl Severity {
    /// Its name, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Harmless => "harmless",
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Fatal => "fatal",
        }
    }
}

/// What an entry is found by.
#[derive(Clone, Debug)]
pub enum Matches {
    /// One of some texts in the message, and behind that a pattern, if there is one.
    Text {
        /// Texts, of which one must be there, as written.
        literals: Vec<String>,
        /// Pattern that the message must match as well; its named groups are values.
        pattern: Option<String>,
    },
    /// An event of Windows: its provider and numbers; and a pattern of its data.
    Event {
        /// Names of the provider, without regard to case.
        providers: Vec<String>,
        /// Numbers.
        numbers: Vec<u32>,
        /// Pattern that the data must match as well.
        pattern: Option<String>,
    },
    /// Several facts together.
    Facts(Together),
}

pub use super::facts::Together;

/// Values that a message names, by name of the group.
pub type Values = BTreeMap<String, String>;

/// What is known of a message.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name: that of its file.
    pub id: String,
    /// What it is about: the folder of its file.
    pub area: String,
    /// The file, for mistakes.
    pub file: String,
    /// What it is found by.
    pub matches: Matches,
    /// The only program that writes it, if there is one: `kernel`.
    pub program: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// Where it comes from.
    pub cause: String,
    /// Which versions write it; empty if it is not bound to any.
    pub affected: String,
    /// Which version is the first without it; empty if there is none.
    pub fixed: String,
    /// What to do.
    pub remedy: String,
    /// Where that is written: pages, or files of a source with the function.
    pub references: Vec<String>,
    /// Lines that are it; of facts, lines that are it together.
    pub examples: Vec<String>,
    /// Lines that are not it, though they look alike.
    pub not: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Many(Vec<String>),
}

impl From<Several> for Vec<String> {
    fn from(it: Several) -> Vec<String> {
        match it {
            Several::One(text) => vec![text],
            Several::Many(texts) => texts,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    literal: Option<Several>,
    pattern: Option<String>,
    provider: Option<Several>,
    #[serde(default)]
    event: Vec<u32>,
    #[serde(default)]
    facts: Vec<Part>,
    #[serde(default)]
    same: Vec<String>,
    #[serde(default)]
    shared: Vec<String>,
    #[serde(default)]
    differ: Vec<String>,
    #[serde(default)]
    certainty: Certainty,
    within: Option<u64>,
    #[serde(default)]
    ordered: bool,
    program: Option<String>,
    severity: Severity,
    title: String,
    meaning: String,
    #[serde(default)]
    cause: String,
    #[serde(default)]
    affected: String,
    #[serde(default)]
    fixed: String,
    remedy: String,
    references: Several,
    example: Several,
    not: Option<Several>,
}

/// Longest file, literal and pattern: an entry is written by a person.
const MOST_FILE: usize = 1 << 16;

impl Entry {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and on which line.
    pub fn parse(source: &Source) -> Result<Entry, Fault> {
        let fault =
            |line: usize, problem: String| Fault { file: source.name.clone(), line, problem };
        if source.text.len() > MOST_FILE {
            return Err(fault(1, format!("it is longer than {MOST_FILE} bytes")));
        }
        let file: File = toml::from_str(&source.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = source.text.get(..at).unwrap_or_default();
            fault(before.matches('\n').count() + 1, error.message().replace('\n', " "))
        })?;
        let (area, name) = source.name.rsplit_once('/').unwrap_or(("own", &source.name));
        let id = name.strip_suffix(".toml").unwrap_or(name);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || !id.bytes().all(plain) {
            let problem = "name the file in small letters, digits and `-`: that is the entry's id";
            return Err(fault(1, problem.to_owned()));
        }
        let literals: Vec<String> = file.literal.map(Vec::from).unwrap_or_default();
        let providers: Vec<String> = file.provider.map(Vec::from).unwrap_or_default();
        let kinds = [!literals.is_empty(), !providers.is_empty(), !file.facts.is_empty()];
        if kinds.iter().filter(|kind| **kind).count() != 1 {
            let problem =
                "it is found by `literal`, by `provider` and `event`, or by `facts`: one of them";
            return Err(fault(1, problem.to_owned()));
        }
        if providers.is_empty() != file.event.is_empty() {
            return Err(fault(1, "`provider` and `event` come together".to_owned()));
        }
        if !file.facts.is_empty() && file.pattern.is_some() {
            return Err(fault(1, "facts have no `pattern`".to_owned()));
        }
        if literals.iter().any(|literal| literal.len() < 4) {
            let line = source.line_of("literal");
            return Err(fault(line, "a literal has four characters at least".to_owned()));
        }
        let matches = if !literals.is_empty() {
            Matches::Text { literals, pattern: file.pattern }
        } else if !providers.is_empty() {
            Matches::Event { providers, numbers: file.event, pattern: file.pattern }
        } else {
            let parts = file.facts;
            let within = file.within.map(|seconds| seconds.saturating_mul(1_000_000));
            Matches::Facts(Together {
                parts,
                same: file.same,
                shared: file.shared,
                differ: file.differ,
                certainty: file.certainty,
                within,
                ordered: file.ordered,
            })
        };
        Ok(Entry {
            id: id.to_owned(),
            area: area.rsplit('/').next().unwrap_or(area).to_owned(),
            file: source.name.clone(),
            matches,
            program: file.program,
            severity: file.severity,
            title: file.title,
            meaning: file.meaning,
            cause: file.cause,
            affected: file.affected,
            fixed: file.fixed,
            remedy: file.remedy,
            references: file.references.into(),
            examples: file.example.into(),
            not: file.not.map(Vec::from).unwrap_or_default(),
        })
    }

    /// Its pattern, if it has one.
    pub fn pattern(&self) -> Option<&str> {
        match &self.matches {
            Matches::Text { pattern, .. } | Matches::Event { pattern, .. } => pattern.as_deref(),
            Matches::Facts(_) => None,
        }
    }
}

impl Source {
    /// The line that gives `key` its value, from 1; the first if there is none.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let gives = |line: &str| {
            line.trim_start()
                .strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        self.text.lines().position(gives).map_or(1, |at| at + 1)
    }
}
