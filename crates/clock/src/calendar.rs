//! Instants as they are spelled, by the Gregorian calendar: RFC 3339 and the dates of HTTP. No
//! clock is read here, and no zone but UTC is known.

use std::fmt;
use std::time::Duration;

const SECONDS_A_DAY: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats itself.
const DAYS_A_CYCLE: i64 = 146_097;
/// Days from 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: i64 = 719_468;
/// Years that are read; what has more digits cannot be spelled.
const YEARS: std::ops::Range<i64> = 1970..10_000;
/// The last second of the year 9999, since 1970.
const SECONDS_MAX: i64 = 253_402_300_799;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A day of the calendar; months and days are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

impl Date {
    /// The date of a day, which is counted from 1970-01-01.
    ///
    /// A year is taken to begin in March, so that the leap day is its last one.
    pub fn of_day(days_since_1970: i64) -> Self {
        let shifted = days_since_1970.saturating_add(DAYS_TO_1970);
        let (cycle, day) = (shifted.div_euclid(DAYS_A_CYCLE), shifted.rem_euclid(DAYS_A_CYCLE));
        let year = (day - day / 1460 + day / 36_524 - day / (DAYS_A_CYCLE - 1)) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Self { year: cycle * 400 + year + i64::from(month <= 2), month, day }
    }

    /// The day, counted from 1970-01-01. `None` if there is no such date, or its year is not from
    /// 1970 to 9999.
    pub fn day(self) -> Option<i64> {
        let fits = (1..=12).contains(&self.month) && (1..=31).contains(&self.day);
        if !YEARS.contains(&self.year) || !fits {
            return None;
        }
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + of_year - DAYS_TO_1970;
        // A day that its month does not have would be one of the next.
        (Self::of_day(days) == self).then_some(days)
    }
}

/// An instant as RFC 3339 spells it: `2024-06-04T14:40:00Z`, or with milliseconds. Instants outside
/// of the years 1970 to 9999 are spelled as the nearest one inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339 {
    unix_seconds: i64,
    millis: Option<u32>,
}

impl Rfc3339 {
    /// In whole seconds.
    pub fn seconds(unix_seconds: i64) -> Self {
        Self { unix_seconds: unix_seconds.clamp(0, SECONDS_MAX), millis: None }
    }

    /// With milliseconds, cut off; what is no number is 1970.
    pub fn millis(unix_seconds: f64) -> Self {
        let span = Duration::try_from_secs_f64(unix_seconds).unwrap_or_default();
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        Self { millis: Some(span.subsec_millis()), ..Self::seconds(seconds) }
    }

    /// Reads seconds since 1970, also with a fraction, which is rounded up, or an offset.
    pub fn read(text: &str) -> Option<i64> {
        let (date, time) = text.trim().split_once(['T', 't', ' '])?;
        let mut parts = date.splitn(3, '-').map(digits);
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let days = Date { year, month, day }.day()?;
        let (time, zone) = time.split_at_checked(time.find(['Z', 'z', '+', '-'])?)?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let up = i64::from(fraction.bytes().any(|digit| digit != b'0'));
        Some(days * SECONDS_A_DAY + seconds_of_day(time)? + up - zone_seconds(zone)?)
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (
            self.unix_seconds.div_euclid(SECONDS_A_DAY),
            self.unix_seconds.rem_euclid(SECONDS_A_DAY),
        );
        let Date { year, month, day } = Date::of_day(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match self.millis {
            Some(millis) => write!(f, ".{millis:03}Z"),
            None => f.write_str("Z"),
        }
    }
}

/// Reads the three forms of an HTTP date (RFC 9110, section 5.6.7) as seconds since 1970:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`. The day of the week is not looked at.
pub fn read_http_date(text: &str) -> Option<i64> {
    let (mut day, mut month, mut year, mut time) = (None, None, None, None);
    for token in text.split([' ', ',', '-']).filter(|token| !token.is_empty()) {
        if token.contains(':') {
            time = Some(seconds_of_day(token)?);
        } else if let Some(number) = digits(token) {
            match day {
                None => day = Some(number),
                Some(_) => year = Some(full_year(number, token.len())),
            }
        } else if month.is_none() {
            month = month_of(token);
        }
    }
    let days = Date { year: year?, month: month?, day: day? }.day()?;
    Some(days * SECONDS_A_DAY + time?)
}

/// Two digits are of this century up to 69, as everywhere.
fn full_year(number: i64, digits: usize) -> i64 {
    match (digits, number) {
        (2, 0..=69) => number + 2000,
        (2, _) => number + 1900,
        _ => number,
    }
}

fn month_of(token: &str) -> Option<i64> {
    let place = MONTHS.iter().position(|name| token.eq_ignore_ascii_case(name))?;
    i64::try_from(place + 1).ok()
}

/// A leap second is the next day's first.
fn seconds_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':').map(digits);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = hour < 24 && minute < 60 && second <= 60;
    fits.then_some(hour * 3600 + minute * 60 + second)
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A number of digits alone: signs are no part of a date.
fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The calendar as children learn it.
    fn days_of(year: i64, month: i64) -> i64 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn http_date(unix_seconds: i64) -> [String; 3] {
        const DAYS: [&str; 7] =
            ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
        let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
        let Date { year, month, day } = Date::of_day(days);
        let week = DAYS[usize::try_from(days % 7).unwrap()];
        let (short, month) = (week.get(..3).unwrap(), MONTHS[usize::try_from(month - 1).unwrap()]);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let time = format!("{hour:02}:{minute:02}:{second:02}");
        [
            format!("{short}, {day:02} {month} {year:04} {time} GMT"),
            format!("{week}, {day:02}-{month}-{:02} {time} GMT", year % 100),
            format!("{short} {month} {day:2} {time} {year:04}"),
        ]
    }

    #[test]
    fn every_day_of_a_cycle_follows_the_one_before() {
        let mut date = Date { year: 1970, month: 1, day: 1 };
        for day in 0..=DAYS_A_CYCLE + 366 {
            assert_eq!((Date::of_day(day), date.day()), (date, Some(day)));
            date.day += 1;
            if date.day > days_of(date.year, date.month) {
                assert_eq!(date.day(), None, "{date:?}");
                date = Date { day: 1, month: date.month + 1, ..date };
            }
            if date.month > 12 {
                date = Date { year: date.year + 1, month: 1, day: 1 };
            }
        }
    }

    #[test]
    fn dates_outside_are_refused_and_days_have_one() {
        for (year, month, day) in [
            (1969, 12, 31),
            (10_000, 1, 1),
            (2026, 0, 1),
            (2026, 13, 1),
            (2026, 1, 0),
            (2026, 1, 32),
        ] {
            assert_eq!(Date { year, month, day }.day(), None);
        }
        assert_eq!(Date::of_day(-1), Date { year: 1969, month: 12, day: 31 });
        for day in [i64::MIN, i64::MAX] {
            assert!((1..=12).contains(&Date::of_day(day).month));
        }
    }

    #[test]
    fn instants_are_spelled_as_people_expect() {
        for (unix, wanted) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (951_782_400.0, "2000-02-29T00:00:00.000Z"),
            (1_717_512_000.25, "2024-06-04T14:40:00.250Z"),
            (1_735_689_599.999, "2024-12-31T23:59:59.999Z"),
            (4_107_542_400.0, "2100-03-01T00:00:00.000Z"),
            (-5.0, "1970-01-01T00:00:00.000Z"),
            (f64::NAN, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Rfc3339::millis(unix).to_string(), wanted);
        }
        for (unix, wanted) in [
            (784_111_777, "1994-11-06T08:49:37Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (i64::MIN, "1970-01-01T00:00:00Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Rfc3339::seconds(unix).to_string(), wanted);
        }
    }

    #[test]
    fn the_standards_own_example_is_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read_http_date(text), Some(784_111_777), "{text}");
        }
        for text in ["1994-11-06T08:49:37Z", "1994-11-06T09:49:36.2+01:00", "1994-11-06 08:49:37z"]
        {
            assert_eq!(Rfc3339::read(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "soon",
            "2026-01-01",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-01-01T25:00:00Z",
            "2026-+1-01T00:00:00Z",
            "2026-01-01T00:00:00.xZ",
            "2026-01-01T00:00:00+1",
        ] {
            assert_eq!(Rfc3339::read(text), None, "{text}");
        }
        for text in [
            "",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:61:37 GMT",
            "Sun, 06 Nov 1994",
            "Sun, 30 Feb 2025 08:49:37 GMT",
        ] {
            assert_eq!(read_http_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(unix_seconds in 0..=SECONDS_MAX, millis in 0..1000_i64) {
            let written = Rfc3339::seconds(unix_seconds).to_string();
            prop_assert_eq!(Rfc3339::read(&written), Some(unix_seconds));
            let fraction = written.replace('Z', &format!(".{millis:03}-00:00"));
            prop_assert_eq!(Rfc3339::read(&fraction), Some(unix_seconds + i64::from(millis > 0)));
            let [usual, old, asctime] = http_date(unix_seconds);
            prop_assert_eq!(read_http_date(&usual), Some(unix_seconds));
            prop_assert_eq!(read_http_date(&asctime), Some(unix_seconds));
            // The oldest form has two digits for the year.
            if unix_seconds < 3_155_760_000 {
                prop_assert_eq!(read_http_date(&old), Some(unix_seconds));
            }
        }

        #[test]
        fn instants_and_their_spellings_have_one_order(a in 0..=SECONDS_MAX, b in 0..=SECONDS_MAX) {
            let spelled = |unix| Rfc3339::seconds(unix).to_string();
            prop_assert_eq!(a.cmp(&b), spelled(a).cmp(&spelled(b)));
        }

        #[test]
        fn no_text_does_harm(text in "\\PC{0,40}|[0-9TZ:. +-]{0,30}") {
            let _read = (Rfc3339::read(&text), read_http_date(&text));
        }
    }
}
