//! DriverVer: a date and a version.
//!
//! <https://learn.microsoft.com/windows-hardware/drivers/install/inf-driverver-directive>

use std::fmt;

/// A day. Orders by time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year.
    pub year: u16,
    /// Month, from 1.
    pub month: u8,
    /// Day, from 1.
    pub day: u8,
}

fn days(month: u8, year: u16) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

impl Date {
    /// Reads `mm/dd/yyyy`, or with `-` between; months and days of one digit as well. `None` unless there is
    /// such a day.
    pub fn parse(text: &str) -> Option<Date> {
        let parts: Vec<&str> = text.trim().split(['/', '-']).collect();
        let [month, day, year] = parts.as_slice() else { return None };
        let plain = parts.iter().all(|part| part.bytes().all(|it| it.is_ascii_digit()));
        if !plain || year.len() != 4 || month.len() > 2 || day.len() > 2 {
            return None;
        }
        let date =
            Date { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? };
        let fits =
            (1..=12).contains(&date.month) && (1..=days(date.month, date.year)).contains(&date.day);
        fits.then_some(date)
    }

    /// The day that lies `days` after 1 January 1970, in the Gregorian calendar.
    pub fn of_days(days_since: u64) -> Date {
        let (mut left, mut year) = (days_since, 1970_u16);
        loop {
            let length = if days(2, year) == 29 { 366 } else { 365 };
            if left < length || year == u16::MAX {
                break;
            }
            left = left.saturating_sub(length);
            year = year.saturating_add(1);
        }
        let mut month = 1;
        while month < 12 && left >= u64::from(days(month, year)) {
            left = left.saturating_sub(days(month, year).into());
            month = month.saturating_add(1);
        }
        Date { year, month, day: u8::try_from(left.saturating_add(1)).unwrap_or(31) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:02}/{:02}/{:04}", self.month, self.day, self.year)
    }
}

/// `w.x.y.z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverVersion(pub [u16; 4]);

impl DriverVersion {
    /// Reads one to four numbers.
    pub fn parse(text: &str) -> Option<DriverVersion> {
        let mut parts = text.trim().split('.');
        let mut all = [0; 4];
        let mut count = 0_usize;
        for (slot, part) in all.iter_mut().zip(&mut parts) {
            let plain = !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
            *slot = if plain { part.parse().ok()? } else { return None };
            count = count.saturating_add(1);
        }
        (count > 0 && parts.next().is_none()).then_some(DriverVersion(all))
    }
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [w, x, y, z] = self.0;
        write!(to, "{w}.{x}.{y}.{z}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_that_there_are() {
        let date = |year, month, day| Some(Date { year, month, day });
        assert_eq!(Date::parse("02/29/2024"), date(2024, 2, 29));
        assert_eq!(Date::parse("7-1-2001"), date(2001, 7, 1));
        for text in ["02/29/2023", "13/01/2020", "00/01/2020", "1/1/99", "2020/01/01", "", "a/b/c"]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::parse("12/31/1999") < Date::parse("01/01/2000"));
        assert_eq!(Date::of_days(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(Date::of_days(19_782), Date { year: 2024, month: 2, day: 29 });
        assert_eq!(Date::of_days(u64::MAX).year, u16::MAX);
    }

    #[test]
    fn versions_order_by_their_numbers() {
        let parse = |text| DriverVersion::parse(text);
        assert!(parse("1.10.0.0") > parse("1.9.9.9"));
        assert_eq!(parse("6.1"), Some(DriverVersion([6, 1, 0, 0])));
        for text in ["", "1.2.3.4.5", "1..2", "a", "70000.0.0.0", "+1.0"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
