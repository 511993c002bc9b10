//! What both halves of bugcheck say: a [`Finding`].
//!
//! Field names are the ones of the JSON output and stay stable.

mod place;

pub use place::{Frame, Place, Trust};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Whose fault it is. A type, so that no wording can blur it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The driver under test is wrong.
    Driver,
    /// The bench cannot do what the driver asks for.
    Unsupported,
    /// A limit of the run (memory, depth), not of the driver.
    Environment,
    /// The bench itself is wrong.
    Internal,
    /// Of a crash: hardware, Windows itself, or nobody that is known.
    Unknown,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Windows, or Driver Verifier, would stop; or data or requests are lost.
    Error,
    /// Wrong, though it may go unnoticed.
    Warning,
    /// Allowed, but seldom meant.
    Advice,
}

/// The bug check that Windows would show.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BugCheck {
    /// Bug check code.
    #[serde(with = "hex32")]
    pub code: u32,
    /// Its name in the debugger reference.
    pub name: String,
    /// The four parameters.
    #[serde(with = "hex_all")]
    pub parameters: [u64; 4],
    /// What each parameter says, in the order of `parameters`; empty where it says nothing.
    pub meanings: [String; 4],
}

/// One line of the shortest sequence of switches that leads to a finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Step {
    /// Who runs from here on: `reader`, `DPC 0xffff...`.
    pub context: String,
    /// Virtual processor.
    pub processor: u8,
    /// IRQL at the start of the step.
    pub irql: u8,
    /// Scheduling point at which the step starts.
    pub point: u32,
    /// What it does until the next switch, first to last.
    pub does: Vec<String>,
    /// Whether somebody who could have gone on was preempted for it.
    pub preempts: bool,
}

/// One bug, limit or failure, with everything needed to understand and repeat it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Rule's name, kebab case.
    pub rule: String,
    /// Whose fault.
    pub blame: Blame,
    /// How bad.
    pub severity: Severity,
    /// What Windows would show, where it would show anything.
    pub bugcheck: Option<BugCheck>,
    /// One line.
    pub title: String,
    /// What happened, and why it is wrong.
    pub explanation: String,
    /// What to do.
    pub remedy: String,
    /// Where, most important first.
    pub places: Vec<Place>,
    /// The switches that lead here.
    pub timeline: Vec<Step>,
    /// Scenario that was running.
    pub scenario: String,
    /// Text that repeats the run.
    pub replay: Option<String>,
    /// Pages of the public reference.
    pub references: Vec<String>,
}

impl Finding {
    /// Rules whose first place says what went wrong, the last only where it showed.
    const BY_FIRST_PLACE: [&str; 2] = ["deadlock", "irp-never-completed"];

    /// What makes two findings the same bug: the rule, and the source line of the last place that
    /// has one - where things went wrong - or else its address. A loop may be met anywhere in it, so
    /// there the function counts; and drivers have one helper that puts requests into a queue, so there
    /// those who call it count as well.
    pub fn key(&self) -> (String, String) {
        let mut known = self.places.iter().filter(|place| !place.stack.is_empty());
        let by_first = Self::BY_FIRST_PLACE.contains(&self.rule.as_str());
        let place = if by_first { known.next() } else { known.next_back() };
        let place = match place {
            None => String::new(),
            Some(place) => match (&place.function, &place.file, place.line) {
                (Some(function), ..) if self.rule == "no-progress" => function.clone(),
                _ if self.rule == "irp-reordered" => place.lines().join(" "),
                (_, Some(file), Some(line)) => format!("{file}:{line}"),
                _ => format!("{}+{:#x}", place.module, place.rva),
            },
        };
        (self.rule.clone(), place)
    }
}

/// Writes a number as `"0x1a"`: JSON numbers lose the low bits of addresses in many readers.
pub fn hex64<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{value:#x}"))
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    read_hex(&text).ok_or_else(|| D::Error::custom("not a number in hexadecimal"))
}

fn read_hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

mod hex32 {
    use super::{Deserializer, Error, Serializer, number};

    pub fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{value:#x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::try_from(number(from)?).map_err(D::Error::custom)
    }
}

mod hex_all {
    use super::{Deserialize, Deserializer, Error, Serializer, read_hex};

    pub fn serialize<S: Serializer>(values: &[u64; 4], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|value| format!("{value:#x}")))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u64; 4], D::Error> {
        let texts = <[String; 4]>::deserialize(from)?;
        let mut values = [0; 4];
        for (value, text) in values.iter_mut().zip(&texts) {
            *value =
                read_hex(text).ok_or_else(|| D::Error::custom("not a number in hexadecimal"))?;
        }
        Ok(values)
    }
}
