//! What a text log of SetupAPI tells: what a machine did with a driver.
//!
//! [`diagnose`] walks over the log once, keeps a few numbers of each section that stands out, and tells
//! only those: failed ones, slow ones, and what is asked for.

mod candidate;
mod codes;
mod findings;
mod problem;
mod rank;
mod read;
mod stage;
mod story;
#[cfg(test)]
mod tests;

pub use candidate::{Candidate, file_name};
pub use codes::Code;
pub use problem::Problem;
pub use rank::{Match, Rank};
pub use stage::{Kind, Stage};
pub use story::{Class, Directive, List, Service, Story};

use evidence::setup_log::{Encoding, Header, Piece, Pieces, Section, Stamp};
use finding::Finding;
use serde::Serialize;
use std::collections::BTreeMap;

/// Sections that are told with everything, at most.
pub const MOST_TOLD: usize = 1_000;
/// Sections that failed or took long that are told without being asked for.
const MOST_WRONG: usize = 20;
const MOST_SLOW: usize = 5;
/// Sections that install something that are told of an incident.
const MOST_RECENT: usize = 50;
/// Starts of Windows whose times are kept: the newest.
const MOST_BOOTS: usize = 200;
/// Milliseconds from which a device's installation is slow.
const SLOW: u64 = 5_000;
/// Kinds of operation that are counted apart.
const MOST_KINDS: usize = 200;

/// What is to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// What failed, what was slow, and where neither is, the last device's installation, or the last section.
    #[default]
    Usual,
    /// Every section.
    All,
    /// One section, from 1.
    One(u64),
    /// What failed, and the newest sections that install something: for what other files tell of them.
    Incident,
}

/// An operation, and how often it is in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// How often.
    pub sections: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How many have no end.
    pub unfinished: u64,
}

/// A log, explained.
#[derive(Clone, Debug)]
pub struct SetupLog {
    /// Header, where there is one.
    pub header: Option<Header>,
    /// How it is encoded.
    pub encoding: Encoding,
    /// Starts of Windows.
    pub boots: u64,
    /// When the newest of them were, by the machine's clock.
    pub boot_times: Vec<Stamp>,
    /// Sections.
    pub sections: u64,
    /// Entries outside of sections.
    pub loose: u64,
    /// First and last time of a section.
    pub span: Option<(String, String)>,
    /// Sections by operation.
    pub kinds: BTreeMap<String, Count>,
    /// Sections that failed, or whose device stands still.
    pub wrong: u64,
    /// Sections that are told, what is wrong first.
    pub stories: Vec<Story>,
    /// Sections that were asked for and are left out.
    pub left_out: u64,
    /// What is wrong, as findings.
    pub findings: Vec<Finding>,
}

/// Whether a section went wrong, as far as its head tells.
fn went_wrong(section: &Section) -> bool {
    section.success == Some(false)
        || section.stopped
        || (section.success.is_none() && section.errors > 0)
}

/// Explains a log.
pub fn diagnose(data: &[u8], wanted: Wanted) -> SetupLog {
    let mut pieces = Pieces::new(data);
    let mut log = SetupLog {
        header: Header::read(data),
        encoding: pieces.encoding(),
        boots: 0,
        boot_times: Vec::new(),
        sections: 0,
        loose: 0,
        span: None,
        kinds: BTreeMap::new(),
        wrong: 0,
        stories: Vec::new(),
        left_out: 0,
        findings: Vec::new(),
    };
    let (mut wrong, mut slow, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    let (mut last, mut newest) = (None, None);
    for piece in &mut pieces {
        let section = match piece {
            Piece::Boot(stamp) => {
                log.boots += 1;
                if log.boot_times.len() >= MOST_BOOTS {
                    log.boot_times.remove(0);
                }
                log.boot_times.push(stamp);
                continue;
            }
            Piece::Loose(_) => {
                log.loose += 1;
                continue;
            }
            Piece::Section(section) => section,
        };
        log.count(&section);
        match wanted {
            Wanted::One(number) if number == section.number => asked.push(section),
            Wanted::One(_) => {}
            Wanted::All if asked.len() < MOST_TOLD => asked.push(section),
            Wanted::All => log.left_out += 1,
            Wanted::Usual | Wanted::Incident if went_wrong(&section) => {
                // The newest are worth most.
                wrong.push(section);
                if wrong.len() > MOST_WRONG {
                    wrong.remove(0);
                    log.left_out += 1;
                }
            }
            Wanted::Incident => {
                if story::is_device(&section) || section.name.contains("Driver") {
                    asked.push(section);
                    if asked.len() > MOST_RECENT {
                        asked.remove(0);
                    }
                }
            }
            Wanted::Usual if story::is_device(&section) => {
                if section.millis().is_some_and(|millis| millis >= SLOW) {
                    slow.push(section.clone());
                    slow.sort_by_key(|it: &Section| std::cmp::Reverse(it.millis()));
                    slow.truncate(MOST_SLOW);
                }
                last = Some(section);
            }
            Wanted::Usual => newest = Some(section),
        }
    }
    if wrong.is_empty() && slow.is_empty() && asked.is_empty() {
        asked.extend(last.or(newest));
    }
    wrong.reverse();
    let chosen = wrong.iter().chain(&slow).chain(&asked);
    log.stories = chosen.map(|section| story::tell(section, data)).collect();
    log.findings = log.stories.iter().filter_map(findings::of).collect();
    log
}

impl SetupLog {
    fn count(&mut self, section: &Section) {
        self.sections += 1;
        let wrong = went_wrong(section);
        self.wrong += u64::from(wrong);
        if self.kinds.len() < MOST_KINDS || self.kinds.contains_key(&section.name) {
            let count = self.kinds.entry(section.name.clone()).or_default();
            count.sections += 1;
            count.failed += u64::from(wrong);
            count.unfinished += u64::from(section.success.is_none());
        }
        if let Some(begun) = section.begun {
            let end = section.ended.unwrap_or(begun).to_string();
            match &mut self.span {
                Some((_, last)) => *last = end,
                None => self.span = Some((begun.to_string(), end)),
            }
        }
    }
}
