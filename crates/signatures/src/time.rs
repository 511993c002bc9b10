//! Moments, as certificates and timestamps write them.

use crate::asn1::{Element, Tag};
use crate::{Error, Irregularity};
use std::fmt;
use std::ops::{Add, Sub};

/// A moment: UTC, to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds since 1970-01-01 00:00:00; negative before.
    pub seconds: i64,
    /// Nanoseconds after that, below 1,000,000,000.
    pub nanos: u32,
}

impl Time {
    /// Whole seconds since 1970.
    pub const fn of_seconds(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }

    /// A day and a time of day; none if there is no such day or time. Years 0 to 9999.
    pub fn of_parts(date: [u32; 3], clock: [u32; 3]) -> Option<Self> {
        let ([year, month, day], [hour, minute, second]) = (date, clock);
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return None,
        };
        // A leap second is the first of the next minute, as for all who count like Unix.
        if year > 9999 || day == 0 || day > last || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        // Days of the proleptic Gregorian calendar, years beginning in March.
        let (year, month) = (i64::from(year), i64::from(month));
        let shifted = if month > 2 { year } else { year - 1 };
        let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let clock = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(Self::of_seconds(days * 86_400 + clock))
    }

    /// Year, month, day.
    pub fn date(self) -> (i64, u32, u32) {
        let days = self.seconds.div_euclid(86_400) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        (year, u32::try_from(month).unwrap_or(0), u32::try_from(day).unwrap_or(0))
    }

    /// Hour, minute, second.
    pub fn clock(self) -> (u32, u32, u32) {
        let second = u32::try_from(self.seconds.rem_euclid(86_400)).unwrap_or(0);
        (second / 3600, second / 60 % 60, second % 60)
    }

    /// The day alone: `2024-10-08`.
    pub fn day(self) -> String {
        let (year, month, day) = self.date();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Reads UTCTime or GeneralizedTime. What DER forbids is noted in `irregular`.
    ///
    /// # Errors
    /// If it is neither, or no moment.
    pub fn parse(
        element: &Element<'_>,
        field: &'static str,
        irregular: &mut Vec<Irregularity>,
    ) -> Result<Self, Error> {
        let wrong = |problem: String| Error::new(element.offset, field, problem);
        let mut odd = |what: &str| {
            irregular.push(Irregularity::new(element.offset, format!("{field}: {what}")));
        };
        let text = element.content;
        let no_time = || {
            let shown: String = text.iter().take(32).map(|byte| char::from(*byte)).collect();
            wrong(format!("`{shown}` is no time"))
        };
        let long = match element.tag {
            Tag::UTC_TIME => false,
            Tag::GENERALIZED_TIME => true,
            other => return Err(wrong(format!("it is {} and no time", other.name()))),
        };
        let number = |from: usize, to: usize| -> Option<u32> {
            let digits = text.get(from..to)?;
            digits.iter().try_fold(0u32, |value, digit| {
                digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0'))
            })
        };
        let (year, mut at) = if long {
            (number(0, 4).ok_or_else(no_time)?, 4)
        } else {
            let short = number(0, 2).ok_or_else(no_time)?;
            // RFC 5280, 4.1.2.5.1.
            (if short < 50 { 2000 + short } else { 1900 + short }, 2)
        };
        let mut part = [0; 5];
        for (index, value) in part.iter_mut().enumerate() {
            match number(at, at + 2) {
                Some(read) => (*value, at) = (read, at + 2),
                // Minutes of GeneralizedTime and seconds of both may be left out in BER.
                None if index > if long { 2 } else { 3 } => {
                    odd("seconds are left out");
                    break;
                }
                None => return Err(no_time()),
            }
        }
        let [month, day, hour, minute, second] = part;
        let mut time =
            Self::of_parts([year, month, day], [hour, minute, second]).ok_or_else(no_time)?;
        if let Some(b'.' | b',') = text.get(at) {
            let digits = text[at + 1..].iter().take_while(|byte| byte.is_ascii_digit());
            let digits: Vec<u32> = digits.map(|byte| u32::from(byte - b'0')).collect();
            if text[at] == b',' || digits.is_empty() || digits.last() == Some(&0) || !long {
                odd("a fraction of a second is not written as DER has it");
            }
            for place in 0..9 {
                time.nanos = time.nanos * 10 + digits.get(place).copied().unwrap_or(0);
            }
            at += 1 + digits.len();
        }
        match text.get(at..).unwrap_or_default() {
            b"Z" => {}
            b"" => odd("it does not say `Z`; taken for UTC"),
            [sign @ (b'+' | b'-'), offset @ ..] if offset.len() == 4 => {
                odd("it is a local time with an offset");
                let hours = number(at + 1, at + 3).ok_or_else(no_time)?;
                let minutes = number(at + 3, at + 5).ok_or_else(no_time)?;
                let shift = i64::from(hours) * 3600 + i64::from(minutes) * 60;
                time.seconds += if *sign == b'+' { -shift } else { shift };
            }
            _ => return Err(no_time()),
        }
        Ok(time)
    }
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Whole seconds.
    pub seconds: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanos: u32,
}

impl Add<Span> for Time {
    type Output = Time;

    fn add(self, span: Span) -> Time {
        let nanos = self.nanos + span.nanos;
        let seconds = self.seconds.saturating_add(span.seconds);
        Time {
            seconds: seconds.saturating_add(i64::from(nanos / 1_000_000_000)),
            nanos: nanos % 1_000_000_000,
        }
    }
}

impl Sub<Span> for Time {
    type Output = Time;

    fn sub(self, span: Span) -> Time {
        let borrow = self.nanos < span.nanos;
        let nanos = self.nanos + if borrow { 1_000_000_000 } else { 0 } - span.nanos;
        let seconds = self.seconds.saturating_sub(span.seconds).saturating_sub(i64::from(borrow));
        Time { seconds, nanos }
    }
}

impl fmt::Display for Time {
    /// `2024-10-08 15:40:32 UTC`, with as many places of a second as it has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second)) = (self.date(), self.clock());
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
        if self.nanos != 0 {
            let places = format!("{:09}", self.nanos);
            write!(f, ".{}", places.trim_end_matches('0'))?;
        }
        f.write_str(" UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Reader;

    fn read(tag: u8, text: &str) -> (Result<String, String>, usize) {
        let mut bytes = vec![tag, u8::try_from(text.len()).unwrap()];
        bytes.extend(text.bytes());
        let element = Reader::new(&bytes, 0).next("x").unwrap().unwrap();
        let mut odd = Vec::new();
        let time = Time::parse(&element, "x", &mut odd);
        (time.map(|it| it.to_string()).map_err(|it| it.problem), odd.len())
    }

    #[test]
    fn times_of_both_kinds_are_read() {
        for (tag, text, expected, odd) in [
            (0x17, "241008154032Z", "2024-10-08 15:40:32 UTC", 0),
            (0x17, "500101000000Z", "1950-01-01 00:00:00 UTC", 0),
            (0x17, "2410081540Z", "2024-10-08 15:40:00 UTC", 1),
            (0x17, "241008154032+0130", "2024-10-08 14:10:32 UTC", 1),
            (0x18, "20240229235959.25Z", "2024-02-29 23:59:59.25 UTC", 0),
            (0x18, "20240229235959.2500Z", "2024-02-29 23:59:59.25 UTC", 1),
            (0x18, "20240229235959", "2024-02-29 23:59:59 UTC", 1),
            (0x18, "00000101000000Z", "0000-01-01 00:00:00 UTC", 0),
            (0x18, "99991231235959Z", "9999-12-31 23:59:59 UTC", 0),
        ] {
            assert_eq!(read(tag, text), (Ok(expected.to_owned()), odd), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "20230229000000Z",
            "20231301000000Z",
            "2023Z",
            "",
            "20230101250000Z",
            "2023010100000xZ",
        ] {
            assert!(read(0x18, text).0.is_err(), "{text}");
        }
    }

    #[test]
    fn spans_carry() {
        let time = Time { seconds: 10, nanos: 200_000_000 };
        let span = Span { seconds: 1, nanos: 900_000_000 };
        assert_eq!(time + span, Time { seconds: 12, nanos: 100_000_000 });
        assert_eq!(time - span, Time { seconds: 8, nanos: 300_000_000 });
    }
}
