//! Everything that happened, in one order.

use super::clock::{Clock, Settings};
use super::{Evidence, Place};
use knowledge::messages::{Certainty, Severity};
use serde::Serialize;

/// Moments that are kept, at most.
const MOST: usize = 10_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When, in microseconds since 1970, UTC; nothing where the file's clock is not known.
    pub micros: Option<i64>,
    /// The time as the file has it.
    pub written: String,
    /// How sure the clock is.
    pub certainty: Certainty,
    /// Where it is said.
    #[serde(flatten)]
    pub place: Place,
    /// How bad it is.
    pub severity: Severity,
    /// What.
    pub words: String,
}

/// Moments on one clock in order, and those of clocks that are not known.
pub(super) fn of(
    all: &[Evidence],
    clocks: &[Clock],
    settings: &Settings,
) -> (Vec<Moment>, Vec<Moment>) {
    let (mut one, mut apart) = (Vec::new(), Vec::new());
    for (it, clock) in all.iter().zip(clocks) {
        for happened in &it.happened {
            let micros = clock.universal(happened.time, it.booted, settings);
            let place = Place { file: happened.file.clone(), unit: happened.unit, at: happened.at };
            let moment = Moment {
                micros,
                written: happened.time.to_string(),
                certainty: clock.certainty,
                place,
                severity: happened.severity,
                words: happened.words.clone(),
            };
            let to = if micros.is_some() { &mut one } else { &mut apart };
            if to.len() < MOST {
                to.push(moment);
            }
        }
    }
    one.sort_by_key(|moment: &Moment| moment.micros);
    (one, apart)
}

/// Microseconds since 1970 as a date and time of day, UTC.
pub fn utc_text(micros: i64) -> String {
    evidence::system_log::Time::universal(micros).to_string()
}
