//! Times of a log: local ones, of no named zone.

use std::fmt;

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock {
    /// Milliseconds since midnight.
    pub millis: u32,
    /// Whether milliseconds were written.
    pub fine: bool,
}

impl Clock {
    /// Reads `hh:mm:ss` or `hh:mm:ss.mmm` at the front; also how many bytes that are.
    pub(super) fn read(bytes: &[u8]) -> Option<(Clock, usize)> {
        let (hour, minute, second) =
            (two(bytes, 0, b':')?, two(bytes, 3, b':')?, digits(bytes.get(6..8)?)?);
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let seconds = (hour * 60 + minute) * 60 + second;
        let fine = bytes.get(8) == Some(&b'.')
            && bytes.get(9..12).is_some_and(|all| digits(all).is_some());
        let rest = if fine { digits(bytes.get(9..12)?)? } else { 0 };
        Some((Clock { millis: seconds * 1000 + rest, fine }, if fine { 12 } else { 8 }))
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.millis / 1000, self.millis % 1000);
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if self.fine { write!(f, ".{rest:03}") } else { Ok(()) }
    }
}

/// A date with a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Year, four digits.
    pub year: u16,
    /// Month, from 1.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Time of day.
    pub clock: Clock,
}

impl Stamp {
    /// Reads `yyyy/mm/dd hh:mm:ss.mmm` at the front; also how many bytes that are.
    pub(super) fn read(bytes: &[u8]) -> Option<(Stamp, usize)> {
        let year = digits(bytes.get(..4)?)?;
        let (month, day) = (two(bytes.get(5..)?, 0, b'/')?, digits(bytes.get(8..10)?)?);
        if bytes.get(4) != Some(&b'/') || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let (rest, blanks) = super::text::skip_blanks(bytes.get(10..)?);
        let (clock, length) = Clock::read(rest)?;
        let used = bytes.len().checked_sub(rest.len())?.checked_add(length)?;
        let (year, month, day) =
            (u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        (blanks > 0).then_some((Stamp { year, month, day, clock }, used))
    }

    /// Reads what [`Stamp`] is written as, which is also how a log has it.
    pub fn parse(text: &str) -> Option<Stamp> {
        Stamp::read(text.as_bytes()).map(|(stamp, _)| stamp)
    }

    /// The first one in `bytes`, wherever it stands.
    pub(super) fn find(bytes: &[u8]) -> Option<Stamp> {
        memchr::memchr_iter(b'/', bytes)
            .find_map(|slash| Some(Stamp::read(bytes.get(slash.checked_sub(4)?..)?)?.0))
    }

    /// Milliseconds since the first day of year 0 of the Gregorian calendar: good for differences.
    pub fn millis(&self) -> i64 {
        // Years begin in March, so that the day that comes and goes is the last one.
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
            + year.div_euclid(400)
            + (153 * ((month + 9) % 12) + 2) / 5
            + i64::from(self.day);
        days * DAY + i64::from(self.clock.millis)
    }
}

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}/{:02}/{:02} {}", self.year, self.month, self.day, self.clock)
    }
}

/// Two digits at `at`, followed by `then`.
fn two(bytes: &[u8], at: usize, then: u8) -> Option<u32> {
    match bytes.get(at..at.checked_add(3)?)? {
        [high, low, end] if *end == then => digits(&[*high, *low]),
        _ => None,
    }
}

/// A few digits as a number.
fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0u32, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}
