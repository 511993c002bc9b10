//! Times of a log.

use crate::inf::Date;
use std::fmt;

/// What a [`Time`] counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Universal time, with the minutes by which the log's own clock is ahead of it.
    Universal(i16),
    /// A clock of no named zone.
    Local,
    /// A clock of no named zone that tells no year: the first year of the log counts as 1972.
    NoYear,
    /// The start of the system.
    Boot,
}

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// What it counts from.
    pub basis: Basis,
    /// Microseconds since 1970-01-01 00:00, or since the start of the system.
    pub micros: i64,
}

/// Microseconds of a second.
pub(super) const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The year that [`Basis::NoYear`] begins with; it has a 29 February.
pub(super) const FIRST_YEAR: i64 = 1972;

impl Time {
    /// Microseconds from `earlier` to here, where both count from the same.
    pub fn since(&self, earlier: &Time) -> Option<i64> {
        let same =
            matches!((self.basis, earlier.basis), (Basis::Universal(_), Basis::Universal(_)))
                || self.basis == earlier.basis;
        same.then(|| self.micros.checked_sub(earlier.micros)).flatten()
    }

    /// A local moment, of a clock that told no year: counted in the year `first` instead of the first one of the
    /// log. `None` where that year has no such day, and for any other basis.
    pub fn in_year(&self, first: i64) -> Option<Time> {
        if self.basis != Basis::NoYear {
            return None;
        }
        let date = Date::of_days(u64::try_from(self.micros.div_euclid(DAY)).ok()?);
        let year = i64::from(date.year).checked_sub(FIRST_YEAR)?.checked_add(first)?;
        let (month, day) = (i64::from(date.month), i64::from(date.day));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if !(1..=9999).contains(&year) || (month, day) == (2, 29) && !leap {
            return None;
        }
        let rest = self.micros.rem_euclid(DAY);
        Some(Time { basis: Basis::Local, micros: days(year, month, day) * DAY + rest })
    }

    /// A local moment of a date and milliseconds since midnight; `None` where there is none.
    pub fn local(year: u16, month: u8, day: u8, millis: u32) -> Option<Time> {
        let date = [year.into(), month.into(), day.into()];
        let midnight = Time::of(Basis::Local, date, [0; 3], 0)?;
        Some(Time { micros: midnight.micros.checked_add(i64::from(millis) * 1000)?, ..midnight })
    }

    /// The moment in universal time, `micros` since 1970.
    pub fn universal(micros: i64) -> Time {
        Time { basis: Basis::Universal(0), micros }
    }

    /// Of a civil date and a time of day; `None` where there is no such moment.
    pub(super) fn of(basis: Basis, date: [i64; 3], clock: [i64; 3], micros: i64) -> Option<Time> {
        let [year, month, day] = date;
        let [hour, minute, second] = clock;
        let fits = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            // A leap second.
            && (0..=60).contains(&second);
        if !fits {
            return None;
        }
        let seconds = (hour * 60 + minute) * 60 + second;
        let ahead = match basis {
            Basis::Universal(minutes) => i64::from(minutes) * 60,
            _ => 0,
        };
        let micros = days(year, month, day) * DAY + (seconds - ahead) * SECOND + micros;
        Some(Time { basis, micros })
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Years begin in March, so that the day that
/// comes and goes is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * ((month + 9) % 12) + 2) / 5
        + day
        - 719_469
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The number of a month by its English abbreviation, from 1.
pub(super) fn month(name: &[u8]) -> Option<i64> {
    let at = MONTHS.iter().position(|month| month.as_bytes() == name)?;
    i64::try_from(at).ok()?.checked_add(1)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.basis == Basis::Boot {
            let part = self.micros.rem_euclid(SECOND);
            return write!(f, "[{}.{part:06}]", self.micros.div_euclid(SECOND));
        }
        let ahead = match self.basis {
            Basis::Universal(minutes) => i64::from(minutes),
            _ => 0,
        };
        let micros = self.micros.saturating_add(ahead.saturating_mul(60 * SECOND)).max(0);
        let date = Date::of_days(u64::try_from(micros / DAY).unwrap_or(0));
        let seconds = micros / SECOND % 86_400;
        if self.basis == Basis::NoYear {
            let name = MONTHS.get(usize::from(date.month).wrapping_sub(1)).unwrap_or(&"?");
            write!(f, "{name} {:2} ", date.day)?;
        } else {
            write!(f, "{:04}-{:02}-{:02} ", date.year, date.month, date.day)?;
        }
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match self.basis {
            Basis::Universal(0) => write!(f, "Z"),
            Basis::Universal(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            _ => Ok(()),
        }
    }
}

/// Up to nine digits at the front as a number, and how many they are; none of them is no number.
pub(super) fn digits(bytes: &[u8]) -> Option<(i64, usize)> {
    let count = bytes.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    let value =
        bytes.iter().take(count).fold(0i64, |value, byte| value * 10 + i64::from(byte - b'0'));
    (count > 0).then_some((value, count))
}

/// Exactly two digits at the front.
pub(super) fn two(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', ..] => {
            Some(i64::from(a - b'0') * 10 + i64::from(b - b'0'))
        }
        _ => None,
    }
}

/// `hh:mm:ss` at the front.
pub(super) fn clock(bytes: &[u8]) -> Option<[i64; 3]> {
    let fits = bytes.get(2) == Some(&b':') && bytes.get(5) == Some(&b':');
    fits.then_some(())?;
    Some([two(bytes)?, two(bytes.get(3..)?)?, two(bytes.get(6..)?)?])
}

/// A fraction of a second at the front, `.` or `,` and digits: microseconds, and how long it is.
pub(super) fn fraction(bytes: &[u8]) -> (i64, usize) {
    let [b'.' | b',', rest @ ..] = bytes else { return (0, 0) };
    let count = rest.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let digit =
        |at: usize| rest.get(at).filter(|_| at < count).map_or(0, |byte| i64::from(byte - b'0'));
    let micros = (0..6).fold(0, |value, at| value * 10 + digit(at));
    if count == 0 { (0, 0) } else { (micros, count + 1) }
}
