//! Messages of which nothing is known, and how unusual each is.

use super::Often;
use super::fold::Shape;
use serde::Serialize;

/// Messages that nothing is known of.
#[derive(Clone, Debug, Serialize)]
pub struct Unusual {
    /// The first of them.
    pub text: String,
    /// Who wrote it.
    pub program: String,
    /// Number of an event of Windows.
    pub event: Option<u32>,
    /// How often, and when.
    #[serde(flatten)]
    pub often: Often,
    /// How unusual: see `score`.
    pub score: f64,
    /// How many bits of it are its rarity.
    pub bits: f64,
    /// 0 to 3: how bad it sounds.
    pub level: u8,
}

/// Bits that a level adds.
const LEVEL: f64 = 5.0;

/// Words that tell of something bad where no severity is written; in small letters.
const BAD: &[&str] = &[
    "fatal",
    "panic",
    "corrupt",
    "segfault",
    "oops",
    "fail",
    "error",
    "timeout",
    "timed out",
    "abort",
    "cannot",
    "can't",
    "unable",
    "exception",
    "crash",
    "dead",
    "stuck",
    "hang",
];
const POOR: &[&str] = &[
    "warn",
    "denied",
    "refused",
    "invalid",
    "lost",
    "missing",
    "not found",
    "not supported",
    "unsupported",
    "unexpected",
    "retry",
    "retrying",
    "reset",
    "disconnect",
    "unknown",
    "mismatch",
    "ignored",
    "deprecated",
];

/// How unusual a message is, in bits: how surprising it is in this log, log2(all records / records of its
/// shape), and five bits for each level: 3 for an error by its severity, 2 for a warning or, where no severity is
/// written, for words that sound like an error, 1 for a notice or words that sound like a warning.
pub(super) fn score(shape: &Shape, all: u64) -> Unusual {
    let bits = (all.max(1) as f64 / shape.often.count.max(1) as f64).log2().max(0.0);
    let small = shape.text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| small.contains(word));
    let level = match shape.severity {
        Some(0..=3) => 3,
        Some(4) => 2,
        None if has(BAD) => 2,
        None if has(POOR) => 1,
        // Many programs write everything as a notice or less.
        Some(5) | Some(6) if has(BAD) => 1,
        _ => 0,
    };
    Unusual {
        text: shape.text.clone(),
        program: shape.program.clone(),
        event: shape.event,
        often: shape.often,
        score: bits + LEVEL * f64::from(level),
        bits,
        level,
    }
}
