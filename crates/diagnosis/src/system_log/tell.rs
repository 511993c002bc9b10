//! What is told of a log.

use super::block::{Block, Kind};
use super::fold::Folder;
use super::known::{Known, Value};
use super::unusual::{Unusual, score};
use super::{Before, Often, Watch, text};
use evidence::system_log::{Reader, Time};
use knowledge::messages::{Fact, Message, Severity};
use serde::Serialize;
use std::collections::BTreeMap;

/// Messages of which nothing is known that are told, at most; `--all` tells more of them.
pub const FEW: usize = 10;
const MANY: usize = 2_000;

/// Where records came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Name of the file.
    pub name: String,
    /// The form of the log.
    pub format: String,
    /// Bytes and lines of it.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Lines of which only the beginning was looked at.
    pub cut: u64,
    /// What could not be read of it.
    pub damage: Vec<String>,
}

impl Source {
    /// What a reader went through.
    pub fn of(name: &str, format: &str, reader: &Reader) -> Source {
        Source {
            name: name.to_owned(),
            format: format.to_owned(),
            bytes: reader.bytes(),
            lines: reader.lines(),
            cut: reader.cut(),
            damage: Vec::new(),
        }
    }
}

/// What several messages mean together.
#[derive(Clone, Debug, Serialize)]
pub struct Together {
    /// What is known of it.
    #[serde(flatten)]
    pub known: Known,
    /// What it rests on: entry and line.
    pub facts: Vec<(String, u64)>,
    /// The file of each.
    pub files: Vec<String>,
}

/// A log, explained.
#[derive(Clone, Debug, Serialize)]
pub struct SystemLog {
    /// The files, in order of time.
    pub sources: Vec<Source>,
    /// Records, and from when to when.
    pub records: Often,
    /// Machines that wrote it.
    pub hosts: Vec<String>,
    /// Records by severity.
    pub severities: BTreeMap<&'static str, u64>,
    /// Shapes that were told apart.
    pub shapes: usize,
    /// Records of which nothing is known and whose shape was not kept, for there were too many.
    pub beyond: Often,
    /// What several messages mean together, the worst first.
    pub together: Vec<Together>,
    /// Messages that are known, the worst first.
    pub known: Vec<Known>,
    /// Crashes and the like, in the order in which they came.
    pub blocks: Vec<Block>,
    /// Further ones that were not kept.
    pub blocks_beyond: u64,
    /// Messages of which nothing is known, the most unusual first.
    pub unusual: Vec<Unusual>,
    /// Shapes of which nothing is known.
    pub unknown_shapes: usize,
    /// Records of these.
    pub unknown_records: u64,
    /// Facts, for what is known of several files together.
    #[serde(skip)]
    pub facts: Vec<Fact>,
    /// The time of each fact, as the log has it.
    #[serde(skip)]
    pub fact_times: Vec<Option<Time>>,
    /// What was written last before moments that were asked for.
    #[serde(skip)]
    pub before: Vec<Before>,
    /// When the system was started, in microseconds since 1970, where a log that counts from then says it.
    #[serde(skip)]
    pub booted: Option<i64>,
}

const SEVERITIES: [&str; 9] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug", "none"];

impl SystemLog {
    /// Whether something is wrong: a crash, or a message that is at least a warning.
    pub fn is_wrong(&self) -> bool {
        !self.blocks.is_empty()
            || self.known.iter().any(|known| known.severity >= Severity::Warning)
            || self.together.iter().any(|it| it.known.severity >= Severity::Warning)
    }

    /// Unusual messages that are shown without being asked for.
    pub fn few(&self) -> &[Unusual] {
        &self.unusual[..self.unusual.len().min(FEW)]
    }
}

impl Folder<'_> {
    /// Everything that was taken, told.
    pub fn finish(mut self, sources: Vec<Source>) -> SystemLog {
        let (facts, fact_times): (Vec<_>, Vec<_>) =
            self.knowns.facts(self.base, &sources).into_iter().unzip();
        let mut blocks = self.blocks.finish();
        for block in &mut blocks {
            block.known = self.of_block(block);
        }
        let mut by_entry: BTreeMap<usize, Known> = BTreeMap::new();
        let mut unusual = Vec::new();
        let mut unknown_records = self.beyond.count;
        for shape in &self.shapes {
            let Some(entry) = shape.entry else {
                unknown_records = unknown_records.saturating_add(shape.often.count);
                unusual.push(score(shape, self.all.count));
                continue;
            };
            let known = by_entry.entry(entry).or_insert_with(|| {
                let mut known = Known::of(&self.base.entries()[entry]);
                known.example.clone_from(&shape.text);
                known.program.clone_from(&shape.program);
                known
            });
            known.shapes = known.shapes.saturating_add(1);
            known.often.join(&shape.often);
        }
        for (entry, often) in self.knowns.all_beyond() {
            let known =
                by_entry.entry(entry).or_insert_with(|| Known::of(&self.base.entries()[entry]));
            known.often.join(often);
        }
        for (entry, known) in &mut by_entry {
            known.values = self.knowns.of(*entry);
            for values in known.values.values_mut() {
                values.sort_by_key(|value: &Value| std::cmp::Reverse(value.count));
            }
        }
        let mut known: Vec<Known> = by_entry.into_values().collect();
        known.sort_by_key(|known| {
            (std::cmp::Reverse(known.severity), std::cmp::Reverse(known.often.count))
        });
        let unknown_shapes = unusual.len();
        // A block is told as such.
        unusual.retain(|it| !is_in(it, &blocks));
        unusual.sort_by(|one, other| {
            other.score.total_cmp(&one.score).then(one.often.line.cmp(&other.often.line))
        });
        unusual.truncate(MANY);
        let together = self.base.together(&facts).into_iter().map(|(entry, facts)| Together {
            known: Known::of(entry),
            facts: facts.iter().map(|fact| (fact.name.clone(), fact.place.1)).collect(),
            files: facts.iter().map(|fact| fact.place.0.clone()).collect(),
        });
        let together = together.collect();
        let severities = SEVERITIES.into_iter().zip(self.by_severity);
        SystemLog {
            records: self.all,
            hosts: self.hosts.iter().map(|(name, _)| name.clone()).collect(),
            severities: severities.filter(|(_, count)| *count > 0).collect(),
            shapes: self.shapes.len(),
            beyond: self.beyond,
            together,
            known,
            blocks,
            blocks_beyond: self.blocks.beyond,
            unusual,
            unknown_shapes,
            unknown_records,
            facts,
            fact_times,
            before: self.watch.take().map(Watch::finish).unwrap_or_default(),
            booted: self.booted,
            sources,
        }
    }

    /// The entry that the first lines of a block are.
    fn of_block(&self, block: &Block) -> Option<String> {
        let mut lines = block.lines.iter().take(8);
        lines.find_map(|line| {
            let message = Message { program: b"kernel", event: None, text: line.as_bytes() };
            Some(self.base.find(&message)?.entry.id.clone())
        })
    }
}

/// Whether a message is the first line of a block.
fn is_in(unusual: &Unusual, blocks: &[Block]) -> bool {
    let is = |block: &Block| block.lines.first().is_some_and(|line| *line == unusual.text);
    blocks.iter().any(|block| {
        is(block)
            || block.kind == Kind::Trace && block.title == text(unusual.text.as_bytes(), 1_000)
    })
}
