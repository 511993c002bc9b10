//! Calendar time. Times are in 100 ns since 1 January 1601 UTC.

use crate::cx::{Cx, Stop};
use crate::service;
use crate::service::Service;

const MILLISECOND: i64 = 10_000;
const SECOND: i64 = 1000 * MILLISECOND;
const DAY: i64 = 86_400 * SECOND;
/// Days from 1 March of year 0 to 1 January 1601 in the proleptic Gregorian calendar.
const DAYS_TO_1601: i64 = 584_694;
/// Seconds from 1601 to 1970.
const TO_1970: i64 = 11_644_473_600;
/// Seconds from 1601 to 1980.
const TO_1980: i64 = 11_960_006_400;
const DAYS_OF_400_YEARS: i64 = 146_097;

/// Year, month, day, hour, minute, second, millisecond, weekday: a TIME_FIELDS in its order.
pub type Fields = [i16; 8];

/// Days since 1601 of a date; years count from March so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let from_march = (month + 9) % 12;
    let year = year - i64::from(month <= 2);
    let years = year.div_euclid(400) * DAYS_OF_400_YEARS
        + year.rem_euclid(400) * 365
        + year.rem_euclid(400) / 4
        - year.rem_euclid(400) / 100;
    years + (153 * from_march + 2) / 5 + day - 1 - DAYS_TO_1601
}

/// Takes a time apart; a time before 1601 counts as 1601.
#[must_use]
pub fn fields(time: i64) -> Fields {
    let time = time.max(0);
    let since = time / DAY;
    let mut year = 1601 + since / 366;
    while days(year + 1, 1, 1) <= since {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days(year, month + 1, 1) <= since {
        month += 1;
    }
    let day = since - days(year, month, 1) + 1;
    let rest = time % DAY / MILLISECOND;
    // 1 January 1601 was a Monday; Sunday is 0.
    let weekday = (since + 1) % 7;
    [year, month, day, rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000, weekday]
        .map(|value| value as i16)
}

/// Puts a time together; `None` where a field is out of its range.
#[must_use]
pub fn time(fields: Fields) -> Option<i64> {
    let [year, month, day, hour, minute, second, millisecond, _] = fields.map(i64::from);
    if year < 1601
        || !(1..=12).contains(&month)
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..60).contains(&second)
        || !(0..1000).contains(&millisecond)
    {
        return None;
    }
    let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
    if !(1..=next - days(year, month, 1)).contains(&day) {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(days(year, month, day) * DAY + seconds * SECOND + millisecond * MILLISECOND)
}

/// Takes a time apart into TIME_FIELDS.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtltimetotimefields>
pub fn RtlTimeToTimeFields(cx: &mut Cx, at: u64, into: u64) -> Result<(), Stop> {
    let time = cx.read64(at)? as i64;
    let bytes: Vec<u8> = fields(time).into_iter().flat_map(i16::to_le_bytes).collect();
    cx.write_bytes(into, &bytes)
}

/// Puts a time together; false where the fields are no time.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-rtltimefieldstotime>
pub fn RtlTimeFieldsToTime(cx: &mut Cx, from: u64, into: u64) -> Result<bool, Stop> {
    let bytes = cx.read_bytes(from, 16)?;
    let mut held = [0; 8];
    for (field, pair) in held.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *field = i16::from_le_bytes(*pair);
    }
    let Some(time) = time(held) else { return Ok(false) };
    cx.write64(into, time as u64)?;
    Ok(true)
}

fn to_seconds(cx: &mut Cx, at: u64, into: u64, epoch: i64) -> Result<bool, Stop> {
    let seconds = (cx.read64(at)? as i64).div_euclid(SECOND) - epoch;
    let Ok(seconds) = u32::try_from(seconds) else { return Ok(false) };
    cx.write32(into, seconds)?;
    Ok(true)
}

/// Seconds since 1970; false where 32 bits cannot say.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtltimetosecondssince1970>
pub fn RtlTimeToSecondsSince1970(cx: &mut Cx, at: u64, into: u64) -> Result<bool, Stop> {
    to_seconds(cx, at, into, TO_1970)
}

/// Seconds since 1980; false where 32 bits cannot say.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtltimetosecondssince1980>
pub fn RtlTimeToSecondsSince1980(cx: &mut Cx, at: u64, into: u64) -> Result<bool, Stop> {
    to_seconds(cx, at, into, TO_1980)
}

/// The time of seconds since 1970.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlsecondssince1970totime>
pub fn RtlSecondsSince1970ToTime(cx: &mut Cx, seconds: u32, into: u64) -> Result<(), Stop> {
    cx.write64(into, ((i64::from(seconds) + TO_1970) * SECOND) as u64)
}

/// The time of seconds since 1980.
/// <https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-rtlsecondssince1980totime>
pub fn RtlSecondsSince1980ToTime(cx: &mut Cx, seconds: u32, into: u64) -> Result<(), Stop> {
    cx.write64(into, ((i64::from(seconds) + TO_1980) * SECOND) as u64)
}

pub(crate) fn services() -> Vec<Service> {
    vec![
        service!(RtlTimeToTimeFields, quiet),
        service!(RtlTimeFieldsToTime, quiet),
        service!(RtlTimeToSecondsSince1970, quiet),
        service!(RtlTimeToSecondsSince1980, quiet),
        service!(RtlSecondsSince1970ToTime, quiet),
        service!(RtlSecondsSince1980ToTime, quiet),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_times() {
        assert_eq!(fields(0), [1601, 1, 1, 0, 0, 0, 0, 1]);
        assert_eq!(fields(TO_1970 * SECOND), [1970, 1, 1, 0, 0, 0, 0, 4]);
        assert_eq!(fields(TO_1980 * SECOND), [1980, 1, 1, 0, 0, 0, 0, 2]);
        // 29 February 2000, 12:34:56.789, a Tuesday.
        let unix = 951_827_696;
        let time = (TO_1970 + unix) * SECOND + 789 * MILLISECOND;
        assert_eq!(fields(time), [2000, 2, 29, 12, 34, 56, 789, 2]);
    }

    #[test]
    fn times_go_there_and_back() {
        for day in (0..300_000).step_by(97) {
            let at = day * DAY + 23 * 3600 * SECOND + 999 * MILLISECOND;
            assert_eq!(time(fields(at)), Some(at));
        }
        assert_eq!(fields(i64::MAX)[0], 30828);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in [
            [1600, 1, 1, 0, 0, 0, 0, 0],
            [2023, 2, 29, 0, 0, 0, 0, 0],
            [2023, 13, 1, 0, 0, 0, 0, 0],
            [2023, 1, 0, 0, 0, 0, 0, 0],
            [2023, 1, 1, 24, 0, 0, 0, 0],
            [2023, 1, 1, 0, 0, 0, 1000, 0],
        ] {
            assert_eq!(time(bad), None, "{bad:?}");
        }
        assert!(time([2024, 12, 31, 23, 59, 59, 999, 0]).is_some());
    }
}
