//! Instants as headers spell them, in whole seconds since 1970. No clock is read here.

/// Reads `2026-11-25T18:39:13Z`, also with a fraction, which is rounded up, or an offset.
pub(crate) fn from_rfc3339(text: &str) -> Option<i64> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let days = days_since_1970(parts.next()??, parts.next()??, parts.next()??)?;
    let at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let up = i64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(days * 86_400 + clock_seconds(clock)? + up - zone_seconds(zone)?)
}

/// Writes `2026-11-25T18:39:13Z`.
pub(crate) fn to_rfc3339(unix_seconds: i64) -> String {
    let (days, second) = (unix_seconds.div_euclid(86_400), unix_seconds.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads the usual form of an HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn from_http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)?;
    let year = parts.next()?.parse().ok()?;
    let days = days_since_1970(year, i64::try_from(month).ok()? + 1, day)?;
    Some(days * 86_400 + clock_seconds(parts.next()?)?)
}

fn clock_seconds(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    fits.then_some(hour * 3600 + minute * 60 + second)
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = (0..24).contains(&hours) && (0..60).contains(&minutes);
    fits.then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days by the Gregorian calendar; a year is taken to begin in March, so that the leap day is its
/// last.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468)
}

/// Year, month and day of a day since 1970: the reverse of [`days_since_1970`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_and_written() {
        assert_eq!(from_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(from_rfc3339("1994-11-06T08:49:37Z"), Some(784_111_777));
        assert_eq!(from_rfc3339("1994-11-06T09:49:36.2+01:00"), Some(784_111_777));
        assert_eq!(to_rfc3339(784_111_777), "1994-11-06T08:49:37Z");
        for second in (0..4_000_000_000).step_by(86_400 * 13 + 4711) {
            assert_eq!(from_rfc3339(&to_rfc3339(second)), Some(second));
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in ["", "soon", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01"] {
            assert_eq!(from_rfc3339(text), None, "{text}");
        }
        assert_eq!(from_http_date("Sun, 06 Foo 1994 08:49:37 GMT"), None);
    }
}
