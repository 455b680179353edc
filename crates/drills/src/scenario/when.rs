//! Moments and spans as people write them: `06:49`, `06:49:30`, `+90s`, `11h`, `2m30s`.

use std::time::Duration;

/// A span such as `90s`, `2m30s`, `11h`, `250ms`.
pub(super) fn span(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (figure, tail) = rest.split_at(digits);
        let figure: f64 = figure.parse().ok()?;
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(figure * seconds).ok()?)?;
        rest = tail;
    }
    (total <= Duration::from_secs(14 * 86_400)).then_some(total)
}

/// A moment, counted from the start: `+SPAN`, or a time of day at or after the start, of the next
/// day if it is earlier.
pub(super) fn moment(text: &str, start_unix_s: u64) -> Option<Duration> {
    if let Some(after) = text.strip_prefix('+') {
        return if after == "0" { Some(Duration::ZERO) } else { span(after) };
    }
    let mut parts = text.split(':');
    let mut part = |below: u64| {
        let part: u64 = parts.next()?.parse().ok()?;
        (part < below).then_some(part)
    };
    let (hour, minute) = (part(24)?, part(60)?);
    let second = if text.matches(':').count() == 2 { part(60)? } else { 0 };
    let of_day = hour * 3_600 + minute * 60 + second;
    let start = start_unix_s % 86_400;
    Some(Duration::from_secs((of_day + 86_400 - start) % 86_400))
}

/// A start such as `2024-06-04T06:30:00Z`, in seconds since 1970.
pub(super) fn start(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let fits = (1970..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !fits {
        return None;
    }
    // Years are counted from March on, so that the leap day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + moment(time, 0)?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_moments_are_read() {
        for (text, wanted) in [("90s", 90.0), ("2m30s", 150.0), ("11h", 39_600.0), ("250ms", 0.25)]
        {
            assert_eq!(span(text).map(|span| span.as_secs_f64()), Some(wanted), "{text}");
        }
        for text in ["", "90", "s", "5 s", "1d", "999999h"] {
            assert_eq!(span(text), None, "{text}");
        }
        let start = start("2024-06-04T06:30:00Z").unwrap();
        assert_eq!(start, 1_717_482_600);
        let seconds = |text| moment(text, start).map(|at| at.as_secs());
        assert_eq!(seconds("06:49"), Some(1_140));
        assert_eq!(seconds("06:29:30"), Some(86_370), "the next day's");
        assert_eq!(seconds("+10m"), Some(600));
        assert_eq!(seconds("+0"), Some(0));
        for text in ["6", "25:00", "06:60", "x", "06:49:61", "+"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
