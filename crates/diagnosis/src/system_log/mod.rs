//! What a log of the system tells: what is known of its messages, what was never seen before, what crashed.
//!
//! [`Folder`] takes the records one by one. Messages that differ in numbers only are one shape, which is
//! explained once, by its first line; so a log of gigabytes costs little more than being read, and takes a
//! bounded amount of memory: [`MOST_SHAPES`] shapes, [`MOST_BLOCKS`] blocks, and a few values of each entry.
//! What goes beyond is counted, and known messages are found there as well.

mod block;
mod fold;
mod known;
mod tell;
#[cfg(test)]
mod tests;
mod unusual;
mod watch;

pub use block::{Block, Kind};
pub use fold::{Folder, MOST_SHAPES};
pub use known::{Known, Value};
pub use tell::{Source, SystemLog, Together};
pub use unusual::Unusual;
pub use watch::{Before, LastLine, Watch};

use evidence::system_log::Time;
use serde::Serialize;

/// Crashes and the like that are kept whole, at most.
pub const MOST_BLOCKS: usize = 50;

/// How often something was said, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Often {
    /// How often.
    pub count: u64,
    /// The first time.
    pub first: Option<Time>,
    /// The last time.
    pub last: Option<Time>,
    /// Line of the first one, from 1.
    pub line: u64,
    /// The file that it is a line of: index into [`SystemLog::sources`].
    pub source: u32,
}

impl Often {
    fn add(&mut self, time: Option<Time>, count: u64) {
        self.count = self.count.saturating_add(count);
        if time.is_some() {
            self.first = self.first.or(time);
            self.last = time;
        }
    }

    fn join(&mut self, other: &Often) {
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.count = self.count.saturating_add(other.count);
        (self.source, self.line) = (self.source, self.line).min((other.source, other.line));
        let pick = |one: Option<Time>, two: Option<Time>, later: bool| match (one, two) {
            (Some(a), Some(b)) => Some(if (a.micros > b.micros) == later { a } else { b }),
            (one, two) => one.or(two),
        };
        self.first = pick(self.first, other.first, false);
        self.last = pick(self.last, other.last, true);
    }

    /// Microseconds from the first to the last time.
    pub fn span(&self) -> Option<u64> {
        u64::try_from(self.last?.since(&self.first?)?).ok()
    }
}

impl Serialize for Often {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            count: u64,
            first: Option<String>,
            last: Option<String>,
            seconds: Option<f64>,
            line: u64,
            source: u32,
        }
        let text = |time: Option<Time>| time.map(|time| time.to_string());
        Fields {
            count: self.count,
            first: text(self.first),
            last: text(self.last),
            seconds: self.span().map(|micros| micros as f64 / 1e6),
            line: self.line,
            source: self.source,
        }
        .serialize(to)
    }
}

/// Bytes of a file as text, at most `most` of them.
fn text(bytes: &[u8], most: usize) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(most)]).into_owned()
}
