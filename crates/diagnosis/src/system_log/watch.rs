//! What was written last before certain moments: before a machine went down.

use super::text;
use evidence::system_log::{Record, Time};
use serde::Serialize;
use std::collections::VecDeque;

/// Lines that are kept before a moment.
const MOST_LAST: usize = 6;
/// Microseconds before a moment that are looked at.
const REACH: i64 = 3_600_000_000;
/// Bytes of a message that are kept.
const MOST_TEXT: usize = 300;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastLine {
    /// Index of the log's file.
    pub source: u32,
    /// Its line, or number of its record.
    pub line: u64,
    /// When, in microseconds since 1970, UTC.
    pub micros: i64,
    /// Who wrote it.
    pub program: String,
    /// Number of an event of Windows.
    pub event: Option<u32>,
    /// What.
    pub text: String,
}

/// The last lines before a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Before {
    /// The moment, in microseconds since 1970, UTC.
    pub moment: i64,
    /// The lines, the last one last.
    pub lines: Vec<LastLine>,
    /// Lines within the hour before it, those that were not kept among them.
    pub count: u64,
}

/// Turns times of a log into microseconds since 1970, UTC; nothing where that is not known.
pub type ToUniversal = Box<dyn Fn(Time) -> Option<i64> + Send>;

/// Looks out for the lines before some moments.
pub struct Watch {
    moments: Vec<(Before, VecDeque<LastLine>)>,
    universal: ToUniversal,
    /// The last time that was asked for, and what it is: many lines share one.
    last: Option<(Time, Option<i64>)>,
}

impl Watch {
    /// For `moments`, in microseconds since 1970, UTC.
    pub fn new(moments: &[i64], universal: ToUniversal) -> Watch {
        let empty =
            |moment: &i64| (Before { moment: *moment, ..Before::default() }, VecDeque::new());
        Watch { moments: moments.iter().map(empty).collect(), universal, last: None }
    }

    /// Looks at a record. Most are far from any moment, and cost no more than that is found out.
    pub(super) fn see(&mut self, source: u32, record: &Record<'_>) {
        let Some(time) = record.time else { return };
        let micros = match self.last {
            Some((last, micros)) if last == time => micros,
            _ => (self.universal)(time),
        };
        self.last = Some((time, micros));
        let Some(micros) = micros else { return };
        for (before, lines) in &mut self.moments {
            let ahead = before.moment.saturating_sub(micros);
            if !(0..=REACH).contains(&ahead) {
                continue;
            }
            before.count = before.count.saturating_add(1);
            if lines.len() >= MOST_LAST {
                lines.pop_front();
            }
            lines.push_back(LastLine {
                source,
                line: record.line,
                micros,
                program: text(record.program, 128),
                event: record.event,
                text: text(record.message, MOST_TEXT),
            });
        }
    }

    /// What was found, for moments that have something.
    pub(super) fn finish(self) -> Vec<Before> {
        let found = self.moments.into_iter().map(|(before, lines)| {
            let mut lines: Vec<LastLine> = lines.into();
            // Files overlap, and daemons are late.
            lines.sort_by_key(|line| line.micros);
            Before { lines, ..before }
        });
        found.filter(|before| before.count > 0).collect()
    }
}
