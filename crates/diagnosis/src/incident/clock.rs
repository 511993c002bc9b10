//! The clock of each file, against universal time.
//!
//! Dumps and event logs have universal time. Logs of SetupAPI and most of syslog have the machine's own, without
//! saying what that is; a user may know it, a dump may tell it, or something that two files tell of shows it.

use super::{Evidence, Mark};
use evidence::system_log::{Basis, Time};
use knowledge::messages::Certainty;
use serde::Serialize;
use std::collections::BTreeMap;

/// Zones lie a multiple of this apart, in microseconds.
const STEP: i64 = 15 * MINUTE;
const MINUTE: i64 = 60_000_000;
/// From UTC-12 to UTC+14, in minutes.
const ZONES: std::ops::RangeInclusive<i64> = -720..=840;
/// Pairs of marks that are looked at.
const MOST_PAIRS: usize = 100_000;

/// Turns microseconds of a local clock, as if it were universal, into universal ones.
pub type ZoneOf = Box<dyn Fn(i64) -> Option<i64> + Send + Sync>;

/// What the user knows of clocks.
#[derive(Default)]
pub struct Settings {
    /// The zone of clocks that name none: what it is called, and what it makes of a time.
    pub zone: Option<(String, ZoneOf)>,
    /// The year in which logs without years begin.
    pub year: Option<i64>,
}

/// How a clock is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The file has universal time, or no times.
    Universal,
    /// The user said it.
    Given,
    /// Files told it.
    Found,
    /// Not at all.
    Unknown,
}

/// The clock of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// How it is known.
    pub how: How,
    /// Minutes by which it is ahead of universal time, where that is one number.
    pub ahead_minutes: Option<i16>,
    /// The year in which a log begins that tells none.
    pub year: Option<i64>,
    /// How sure that is.
    pub certainty: Certainty,
    /// What it rests on: a clause. Empty for universal time.
    pub grounds: String,
}

impl Clock {
    /// A time of the file in microseconds since 1970, UTC; nothing where that is not known.
    pub(super) fn universal(
        &self,
        time: Time,
        booted: Option<i64>,
        settings: &Settings,
    ) -> Option<i64> {
        let local = match time.basis {
            Basis::Universal(_) => return Some(time.micros),
            Basis::Boot => return booted?.checked_add(time.micros),
            Basis::Local => time.micros,
            Basis::NoYear => time.in_year(self.year?)?.micros,
        };
        match (self.how, self.ahead_minutes) {
            (How::Given, _) => settings.zone.as_ref()?.1(local),
            (_, Some(minutes)) => local.checked_sub(i64::from(minutes) * MINUTE),
            _ => None,
        }
    }
}

/// Zone of a machine, as files tell it: minutes, how sure, and a clause.
pub(super) type Zone = (i16, Certainty, String);

/// The clock of each of `all`.
pub(super) fn of(all: &[Evidence], settings: &Settings) -> Vec<Clock> {
    let found: Vec<Option<Zone>> = all.iter().map(|it| by_marks(it, all)).collect();
    let zone = zone_told(all).or_else(|| found.iter().flatten().max_by_key(|it| it.1).cloned());
    let of_one =
        |(it, own): (&Evidence, &Option<Zone>)| one(it, own.as_ref(), zone.as_ref(), all, settings);
    all.iter().zip(&found).map(of_one).collect()
}

/// The zone of the machine that all files are taken to be of: who tells it outright comes first.
pub(super) fn machine(all: &[Evidence]) -> Option<Zone> {
    zone_told(all).or_else(|| all.iter().filter_map(|it| by_marks(it, all)).max_by_key(|it| it.1))
}

/// The clock of a log of which nothing else is known.
pub(super) fn from_machine(zone: Option<&Zone>, year: Option<i64>, settings: &Settings) -> Clock {
    Clock {
        how: if settings.zone.is_some() { How::Given } else { How::Found },
        ahead_minutes: zone.map(|zone| zone.0),
        year,
        certainty: Certainty::Possible,
        grounds: String::new(),
    }
}

/// The zone that a file tells outright.
fn zone_told(all: &[Evidence]) -> Option<Zone> {
    let it = all.iter().find_map(|it| it.zone.as_ref())?;
    Some((it.0, Certainty::Likely, format!("{} tells the zone of its machine", it.1.file)))
}

fn one(
    it: &Evidence,
    own: Option<&Zone>,
    machine: Option<&Zone>,
    all: &[Evidence],
    settings: &Settings,
) -> Clock {
    let bases = || {
        let said = it.said.iter().filter_map(|said| said.time);
        said.chain(it.happened.iter().map(|it| it.time)).chain(it.span.map(|span| span.0))
    };
    let is_local = bases().any(|time| matches!(time.basis, Basis::Local | Basis::NoYear));
    let unbooted = it.booted.is_none() && bases().any(|time| time.basis == Basis::Boot);
    let mut clock = Clock {
        how: How::Universal,
        ahead_minutes: None,
        year: None,
        certainty: Certainty::Sure,
        grounds: String::new(),
    };
    if unbooted && !is_local {
        clock.how = How::Unknown;
        "it counts from the start of the system, and does not say when that was"
            .clone_into(&mut clock.grounds);
        return clock;
    }
    if !is_local {
        return clock;
    }
    // Its own times may name a zone now and then.
    let named = bases().find_map(|time| match time.basis {
        Basis::Universal(minutes) => Some(minutes),
        _ => None,
    });
    let named = named.map(|minutes| {
        (minutes, Certainty::Likely, "other lines of it name their zone".to_owned())
    });
    if let Some((name, _)) = &settings.zone {
        (clock.how, clock.grounds) = (How::Given, format!("--zone {name}"));
    } else if let Some((minutes, certainty, grounds)) = named.as_ref().or(own).or(machine) {
        clock.how = How::Found;
        (clock.ahead_minutes, clock.certainty) = (Some(*minutes), *certainty);
        clock.grounds = format!("{}, for {grounds}", ahead(*minutes));
    } else {
        clock.how = How::Unknown;
        "it names no zone, and no other file tells it; --zone gives it"
            .clone_into(&mut clock.grounds);
    }
    if let Some(span) = it.span {
        year(&mut clock, span, all, settings);
    }
    clock
}

/// `UTC+01:00`.
fn ahead(minutes: i16) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn year(clock: &mut Clock, span: (Time, Time), all: &[Evidence], settings: &Settings) {
    if let Some(year) = settings.year {
        clock.year = Some(year);
        clock.grounds += &format!("; it begins in {year}, by --year");
        return;
    }
    let moments: Vec<i64> = all.iter().filter_map(Evidence::crashed).collect();
    match year_before(span.0, &moments) {
        Some(year) => {
            clock.year = Some(year);
            clock.certainty = clock.certainty.min(Certainty::Possible);
            clock.grounds +=
                &format!("; it tells no year, and is taken to begin in {year}, before the crash");
        }
        None => {
            clock.how = How::Unknown;
            clock.grounds += "; it tells no year; --year gives the one in which it begins";
        }
    }
}

/// The last year in which a log without years begins before the last of `moments`.
pub(super) fn year_before(first: Time, moments: &[i64]) -> Option<i64> {
    let moment = Time::universal(*moments.iter().max()?);
    let year: i64 = moment.to_string().get(..4)?.parse().ok()?;
    // A day of grace, for the zone.
    let before = |year: &i64| {
        let begins = first.in_year(*year).map(|time| time.micros);
        begins.is_some_and(|begins| begins <= moment.micros.saturating_add(24 * 60 * MINUTE))
    };
    [year, year.saturating_sub(1)].into_iter().find(before)
}

/// What the times of things show that others tell of in universal time.
fn by_marks(it: &Evidence, all: &[Evidence]) -> Option<Zone> {
    let local = it.marks.iter().filter(|mark| mark.time.basis == Basis::Local);
    let others = || all.iter().filter(|other| !std::ptr::eq(*other, it));
    let mut votes: BTreeMap<i16, (usize, String)> = BTreeMap::new();
    let mut pairs = 0usize;
    for own in local {
        let mut of_mark: BTreeMap<i16, String> = BTreeMap::new();
        for (other, mark) in others().flat_map(|it| it.marks.iter().map(move |mark| (it, mark))) {
            pairs = pairs.saturating_add(1);
            if pairs > MOST_PAIRS {
                return None;
            }
            let is_universal = matches!(mark.time.basis, Basis::Universal(_));
            if is_universal
                && mark.key == own.key
                && let Some(minutes) = between(own, mark)
            {
                of_mark.entry(minutes).or_insert_with(|| {
                    let what = if own.key == super::dump::BOOT {
                        "the start of Windows"
                    } else {
                        &own.key
                    };
                    format!("{} tells of {what} as well, at {}", other.file, mark.time)
                });
            }
        }
        for (minutes, words) in of_mark {
            votes.entry(minutes).or_insert((0, words)).0 += 1;
        }
    }
    let best = votes.values().map(|(count, _)| *count).max()?;
    let mut winners = votes.into_iter().filter(|(_, (count, _))| *count == best);
    let (minutes, (count, words)) = winners.next()?;
    // Two zones that fit alike are none.
    if winners.next().is_some() {
        return None;
    }
    let certainty = if count > 1 { Certainty::Sure } else { Certainty::Likely };
    Some((minutes, certainty, words))
}

/// Minutes by which the clock of `own` is ahead, if both tell of one moment.
fn between(own: &Mark, universal: &Mark) -> Option<i16> {
    let apart = own.time.micros.checked_sub(universal.time.micros)?;
    let steps = apart.checked_add(STEP / 2)?.div_euclid(STEP);
    let rest = apart.checked_sub(steps.checked_mul(STEP)?)?;
    let minutes = steps.checked_mul(STEP / MINUTE)?;
    let fits = rest.abs() <= own.slack.saturating_add(universal.slack) && ZONES.contains(&minutes);
    fits.then(|| i16::try_from(minutes).ok()).flatten()
}
