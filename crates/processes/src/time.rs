//! Moments, and how they are written.

use std::fmt;

/// A moment: nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// From 1601-01-01, where FILETIME begins, to 1970-01-01: seconds.
const FILETIME_EPOCH: i64 = 11_644_473_600;

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Time {
    /// Of a record that has none.
    pub const NONE: Time = Time(i64::MIN);

    /// From seconds and nanoseconds; what no nanosecond count holds becomes [`Time::NONE`].
    pub fn from_seconds(seconds: i64, nanos: u32) -> Time {
        let nanos = seconds.checked_mul(1_000_000_000).and_then(|it| it.checked_add(nanos.into()));
        nanos.map_or(Time::NONE, Time)
    }

    /// From a FILETIME: hundreds of nanoseconds since 1601-01-01 UTC (\[MS-DTYP\] 2.3.3). 0 is none.
    pub fn from_filetime(ticks: u64) -> Time {
        let seconds = i64::try_from(ticks / 10_000_000).unwrap_or(i64::MAX);
        match ticks {
            0 => Time::NONE,
            _ => Time::from_seconds(
                seconds.saturating_sub(FILETIME_EPOCH),
                u32::try_from(ticks % 10_000_000 * 100).unwrap_or(0),
            ),
        }
    }

    /// From a date and a time of day in UTC, written `2012-04-16 22:04:07.123`, `T` between and `Z` behind
    /// it allowed.
    pub fn read(text: &str) -> Option<Time> {
        let text = text.trim().trim_end_matches('Z');
        let (date, clock) = text.split_once([' ', 'T'])?;
        let mut parts = date.split('-').map(number);
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && year < 10_000;
        let (seconds, nanos) = Time::read_clock(clock)?;
        if !valid || parts.next().is_some() {
            return None;
        }
        let days = days_of(year, month, day);
        Some(Time::from_seconds(days.checked_mul(DAY)?.checked_add(seconds)?, nanos))
    }

    /// Seconds since midnight and nanoseconds, from `22:04:07` or `22:04:07.123456`.
    pub fn read_clock(text: &str) -> Option<(i64, u32)> {
        let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
        let mut parts = clock.split(':').map(number);
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        if hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
            return None;
        }
        Some(((hour * 60 + minute) * 60 + second, nanos(fraction)?))
    }

    /// Whether there is no time.
    pub fn is_none(self) -> bool {
        self == Time::NONE
    }

    /// Nanoseconds from `earlier` to here; `None` if one of the two is not known.
    pub fn since(self, earlier: Time) -> Option<i64> {
        let known = !self.is_none() && !earlier.is_none();
        known.then(|| self.0.saturating_sub(earlier.0))
    }

    /// As a calendar has it, `offset` seconds east of UTC.
    pub fn civil(self, offset: i32) -> Civil {
        let seconds = self.0.div_euclid(1_000_000_000).saturating_add(offset.into());
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        // Eras of 400 years that begin on a 1st of March, so that the day that comes and goes is the last.
        let shifted = days.saturating_add(719_468);
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Civil {
            year,
            month: small(month),
            day: small(day),
            weekday: small((days + 4).rem_euclid(7)),
            hour: small(rest / 3600),
            minute: small(rest / 60 % 60),
            second: small(rest % 60),
            nanos: u32::try_from(self.0.rem_euclid(1_000_000_000)).unwrap_or(0),
        }
    }
}

fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Digits behind the point as nanoseconds; more than nine are dropped.
pub(crate) fn nanos(fraction: &str) -> Option<u32> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = fraction.get(..fraction.len().min(9))?;
    format!("{kept:0<9}").parse().ok()
}

/// Days since 1970-01-01.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A moment in the calendar of some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// Month, from 1.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Day of the week, Sunday is 0.
    pub weekday: u8,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// Nanoseconds.
    pub nanos: u32,
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// As `ctime` writes it: `Mon Apr 16 22:04:07 2012`.
impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weekday = WEEKDAYS.get(usize::from(self.weekday)).copied().unwrap_or("?");
        let month = usize::from(self.month).checked_sub(1).and_then(|month| MONTHS.get(month));
        write!(
            f,
            "{weekday} {} {:2} {:02}:{:02}:{:02} {}",
            month.copied().unwrap_or("?"),
            self.day,
            self.hour,
            self.minute,
            self.second,
            self.year
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_and_written() {
        let time = Time::read("2012-04-16 22:04:07.250").unwrap();
        assert_eq!(time, Time(1_334_613_847_250_000_000));
        assert_eq!(time.civil(0).to_string(), "Mon Apr 16 22:04:07 2012");
        assert_eq!(time.civil(3 * 3600).to_string(), "Tue Apr 17 01:04:07 2012");
        assert_eq!(Time(0).civil(0).to_string(), "Thu Jan  1 00:00:00 1970");
        assert_eq!(Time(-1).civil(0).to_string(), "Wed Dec 31 23:59:59 1969");
        assert_eq!(Time::read("2024-02-29T00:00:00Z").unwrap().civil(0).day, 29);
    }

    #[test]
    fn a_filetime_is_hundreds_of_nanoseconds_since_1601() {
        assert_eq!(Time::from_filetime(116_444_736_000_000_001), Time(100));
        assert!(Time::from_filetime(0).is_none() && Time::from_filetime(u64::MAX).is_none());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2012", "2012-13-01 00:00:00", "2012-04-16 24:00:00", "2012-04-16 1:2:3.x"]
        {
            assert_eq!(Time::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_what_is_written_gives_the_same(nanos in 0i64..=i64::MAX) {
            let civil = Time(nanos).civil(0);
            let text = format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:09}",
                civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second, civil.nanos
            );
            prop_assert_eq!(Time::read(&text), Some(Time(nanos)));
        }
    }
}
