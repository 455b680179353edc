//! Instants as feeds spell them: RFC 3339, the dates of mail with their mistakes, dates without a
//! year, and ids that tell when they were made. No clock is read here.

use clock::UnixMs;
use clock::calendar::Date;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY_MS: i64 = 86_400_000;

/// Reads an instant in whatever of the known forms it has.
pub(super) fn instant(text: &str) -> Option<UnixMs> {
    rfc3339(text).or_else(|| mail_date(text))
}

/// Reads `2026-09-14T04:56:53.404Z`, also with an offset, without seconds or without a zone, which
/// is then UTC.
pub(super) fn rfc3339(text: &str) -> Option<UnixMs> {
    let (date, rest) = text.trim().split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let days = days_since_1970(parts.next()??, parts.next()??, parts.next()??)?;
    let at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(at)?;
    let offset = if zone.is_empty() { 0 } else { zone_ms(zone)? };
    unix(days * DAY_MS + clock_ms(clock.trim())? - offset)
}

/// Reads `Tue, 29 Oct 2025 16:00:00 GMT`. The day's name may be missing, the year may have two
/// digits, the zone may be the letter that strict readers refuse.
pub(super) fn mail_date(text: &str) -> Option<UnixMs> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_whitespace();
    let day = words.next()?.parse().ok()?;
    let month = month(words.next()?)?;
    let year: i64 = words.next()?.parse().ok()?;
    let year = if year < 100 { year + 2000 } else { year };
    let days = days_since_1970(year, month, day)?;
    let clock = clock_ms(words.next()?)?;
    let offset = words.next().map_or(Some(0), zone_ms)?;
    unix(days * DAY_MS + clock - offset)
}

/// The moment of a day and a time without their year, the latest one that is not more than a day
/// after `not_after`.
pub(super) fn without_year(day: &str, time: &str, zone: &str, not_after: UnixMs) -> Option<UnixMs> {
    let (name, day) = day.trim().split_once(' ')?;
    let (month, day) = (month(name)?, day.trim().parse().ok()?);
    let within_day = clock_ms(time.trim())? - zone_ms(zone.trim())?;
    let latest = i64::try_from(not_after.as_millis()).ok()? + DAY_MS;
    let year = year_of(latest.div_euclid(DAY_MS));
    // Four years back, for the 29th of February.
    (0..=4)
        .filter_map(|back| days_since_1970(year - back, month, day))
        .map(|days| days * DAY_MS + within_day)
        .find(|moment| *moment <= latest)
        .and_then(unix)
}

/// When a ULID was made: its first ten characters are milliseconds since 1970 in Crockford's base
/// 32. `None` if it is none, or its time is not within this century so far as anyone can post.
pub(super) fn ulid_created(id: &str) -> Option<UnixMs> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const YEAR_2000_MS: u64 = 946_684_800_000;
    const YEAR_2100_MS: u64 = 4_102_444_800_000;
    if id.len() != 26 {
        return None;
    }
    let mut millis = 0_u64;
    for (place, letter) in id.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|known| *known == letter.to_ascii_uppercase())?;
        if place < 10 {
            millis = millis.checked_mul(32)?.checked_add(digit as u64)?;
        }
    }
    (YEAR_2000_MS..YEAR_2100_MS).contains(&millis).then(|| UnixMs::new(millis))
}

/// Writes `Wed, 04 Jun 2024 07:21:00 +0000`, as mail wants it.
pub(crate) fn to_mail_date(at: UnixMs) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let seconds = at.as_seconds();
    let days = i64::try_from(seconds / 86_400).unwrap_or(0);
    let Date { year, month, day } = Date::of_day(days);
    let week = usize::try_from(days.rem_euclid(7)).unwrap_or(0);
    let name = DAYS.get(week).copied().unwrap_or_default();
    let letters = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).copied();
    let mut letters = letters.unwrap_or_default().to_owned();
    if let Some(first) = letters.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{name}, {day:02} {letters} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

/// Writes `2024-06-04T07:21:00.000Z`.
pub(crate) fn to_rfc3339(at: UnixMs) -> String {
    let seconds = at.as_seconds();
    let Date { year, month, day } = Date::of_day(i64::try_from(seconds / 86_400).unwrap_or(0));
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let millis = at.as_millis() % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

fn unix(millis: i64) -> Option<UnixMs> {
    u64::try_from(millis).ok().map(UnixMs::new)
}

fn month(name: &str) -> Option<i64> {
    let short = name.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == short)?;
    i64::try_from(at).ok().map(|at| at + 1)
}

fn clock_ms(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().map_or(Some(0), |second| second)?;
    let fits = (0..=24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let millis: i64 = digits.parse().ok()?;
    fits.then_some(((hour * 60 + minute) * 60 + second) * 1000 + millis)
}

/// Milliseconds east of Greenwich.
fn zone_ms(zone: &str) -> Option<i64> {
    const HOUR_MS: i64 = 3_600_000;
    const NAMED: [(&str, i64); 18] = [
        ("Z", 0),
        ("UT", 0),
        ("UTC", 0),
        ("GMT", 0),
        ("WET", 0),
        ("WEST", 1),
        ("BST", 1),
        ("CET", 1),
        ("CEST", 2),
        ("EST", -5),
        ("EDT", -4),
        ("CST", -6),
        ("CDT", -5),
        ("MST", -7),
        ("MDT", -6),
        ("PST", -8),
        ("PDT", -7),
        ("JST", 9),
    ];
    if let Some((_, hours)) = NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)) {
        return Some(hours * HOUR_MS);
    }
    let offset = zone.strip_prefix("GMT").or_else(|| zone.strip_prefix("UTC")).unwrap_or(zone);
    let sign = match offset.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits = offset.get(1..)?;
    let (hours, minutes) = match digits.split_once(':') {
        Some(both) => both,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = (0..=14).contains(&hours) && (0..60).contains(&minutes);
    fits.then_some(sign * (hours * HOUR_MS + minutes * 60_000))
}

fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    Date { year, month, day }.day()
}

fn year_of(days: i64) -> i64 {
    Date::of_day(days).year
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOURTH_OF_JUNE_MS: u64 = 1_717_459_200_000;

    fn ms(text: &str) -> Option<u64> {
        instant(text).map(UnixMs::as_millis)
    }

    #[test]
    fn every_spelling_of_one_moment_is_one_moment() {
        let noon = Some(FOURTH_OF_JUNE_MS + 12 * 3_600_000);
        for text in [
            "2024-06-04T12:00:00Z",
            "2024-06-04T12:00:00.000+00:00",
            "2024-06-04 05:00 -07:00",
            "2024-06-04T12:00:00",
            "Tue, 04 Jun 2024 12:00:00 GMT",
            "Tue, 04 Jun 2024 12:00:00 Z",
            "4 June 24 13:00 +0100",
            "Tue, 04 Jun 2024 05:00:00 PDT",
            "Tue, 04 Jun 2024 12:00:00 GMT+0",
        ] {
            assert_eq!(ms(text), noon, "{text}");
        }
        assert_eq!(ms("2024-06-04T12:00:00.0419Z"), noon.map(|noon| noon + 41));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "soon",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "1 Foo 2024 1:00",
            "2024-06-04T25:00:00Z",
            "2024-06-04T12:00:00+99:00",
            "1969-01-01T00:00:00Z",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_without_a_year_is_the_latest_that_can_be_meant() {
        let new_year = rfc3339("2026-01-01T00:30:00Z").unwrap();
        let read = |day, time, zone| without_year(day, time, zone, new_year).map(to_rfc3339);
        assert_eq!(read("Dec 31", "23:50", "UTC").unwrap(), "2025-12-31T23:50:00.000Z");
        assert_eq!(read("Jan  1", "00:30", "GMT+0").unwrap(), "2026-01-01T00:30:00.000Z");
        assert_eq!(read("Dec 31", "16:30", "PST").unwrap(), "2026-01-01T00:30:00.000Z");
        assert_eq!(read("Feb 29", "10:00", "UTC").unwrap(), "2024-02-29T10:00:00.000Z");
        assert_eq!(read("Dec 31", "10:00", "Mars"), None);
    }

    #[test]
    fn a_ulid_tells_when_it_was_made() {
        let made = ulid_created("01M2EWYR55J47M2BPG9WC76VEG").map(to_rfc3339);
        assert_eq!(made.as_deref(), Some("2026-09-14T02:46:48.741Z"));
        assert_eq!(ulid_created("tymt9n04zgry"), None);
        assert_eq!(ulid_created("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), None);
        assert_eq!(ulid_created("01M2EWYR55J47M2BPG9WC76VEU"), None);
    }

    #[test]
    fn moments_are_written_for_mail_and_for_the_web() {
        let at = UnixMs::new(FOURTH_OF_JUNE_MS + 26_460_000);
        assert_eq!(to_mail_date(at), "Tue, 04 Jun 2024 07:21:00 +0000");
        assert_eq!(instant(&to_mail_date(at)), Some(at));
        assert_eq!(to_rfc3339(at), "2024-06-04T07:21:00.000Z");
    }
}
