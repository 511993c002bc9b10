//! The zone that times are shown and given in: the machine's, or UTC.

use diagnosis::incident::ZoneOf;
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use processes::Time;
use std::time::Duration;

/// A zone.
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The machine's (`TZ`, /etc/localtime), or UTC.
    pub(crate) fn new(utc: bool) -> Zone {
        Zone(if utc { TimeZone::UTC } else { TimeZone::system() })
    }

    /// Seconds east of UTC at that moment.
    pub(crate) fn offset(&self, time: Time) -> i32 {
        let stamp = Timestamp::from_nanosecond(time.0.into());
        stamp.map_or(0, |stamp| self.0.to_offset(stamp).seconds())
    }

    /// A moment as users write it: with a zone, without one, a day, a time of today, or how long ago.
    ///
    /// # Errors
    /// A clause that says what can be written.
    pub(crate) fn read(&self, text: &str) -> Result<Time, String> {
        let now = Timestamp::now();
        let local = |at: civil::DateTime| at.to_zoned(self.0.clone()).ok().map(|it| it.timestamp());
        let stamp = if let Ok(stamp) = text.parse::<Timestamp>() {
            Some(stamp)
        } else if let Ok(at) = text.parse::<civil::DateTime>() {
            local(at)
        } else if let Ok(day) = text.parse::<civil::Date>() {
            local(day.at(0, 0, 0, 0))
        } else if let Ok(clock) = text.parse::<civil::Time>() {
            local(now.to_zoned(self.0.clone()).date().to_datetime(clock))
        } else {
            crate::duration::parse(text).ok().and_then(|ago: Duration| now.checked_sub(ago).ok())
        };
        let stamp = stamp.ok_or(
            "write 2012-04-16, \"2012-04-16 22:04:07\", 2012-04-16T22:04:07Z, 22:04:07 or, for how long \
             ago, 10m",
        )?;
        Ok(Time(i64::try_from(stamp.as_nanosecond()).unwrap_or(i64::MAX)))
    }
}

/// The zone of a clock that names none: `+02:00`, `UTC`, or a name as the machine's data base of zones has it,
/// `Europe/Berlin`.
///
/// # Errors
/// A clause that says what can be written.
pub(crate) fn of_clock(text: &str) -> Result<ZoneOf, String> {
    let fixed = || {
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let digits = text.get(1..)?.replace(':', "");
        let (hours, minutes) = digits.split_at_checked(2)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let minutes = if minutes.is_empty() { 0 } else { minutes.parse::<i32>().ok()? };
        let all = hours.parse::<i32>().ok()? * 60 + minutes;
        let fits = plain && minutes < 60 && all <= 14 * 60;
        Offset::from_seconds(sign * all * 60).ok().filter(|_| fits).map(TimeZone::fixed)
    };
    let zone = match text {
        "UTC" | "Z" | "utc" => Some(TimeZone::UTC),
        _ => fixed().or_else(|| TimeZone::get(text).ok()),
    };
    let zone = zone.ok_or("write +02:00, UTC, or a name such as Europe/Berlin")?;
    Ok(Box::new(move |local| {
        let shown = Timestamp::from_microsecond(local).ok()?.to_zoned(TimeZone::UTC).datetime();
        // Of an hour that comes twice, the first; one that is left out counts as the next.
        Some(zone.to_timestamp(shown).ok()?.as_microsecond())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_a_zone() {
        let noon = 1_577_880_000_000_000;
        let hours =
            |text: &str| of_clock(text).map(|zone| (noon - zone(noon).unwrap()) / 3_600_000_000);
        assert_eq!((hours("+02:00"), hours("-0500"), hours("UTC")), (Ok(2), Ok(-5), Ok(0)));
        assert_eq!(hours("+14"), Ok(14));
        for wrong in ["+2", "+15:00", "+01:60", "Middle/Earth", "", "+xx"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_as_users_write_them() {
        let zone = Zone::new(true);
        let expected = Time::read("2012-04-16 22:04:07").unwrap();
        for text in ["2012-04-16T22:04:07Z", "2012-04-16 22:04:07", "2012-04-16T23:04:07+01"] {
            assert_eq!(zone.read(text), Ok(expected), "{text}");
        }
        assert_eq!(zone.read("2012-04-16"), Ok(Time::read("2012-04-16 00:00:00").unwrap()));
        assert!(zone.read("22:04").is_ok() && zone.read("10m").is_ok());
        assert!(zone.read("yesterday").is_err() && zone.read("").is_err());
    }
}
