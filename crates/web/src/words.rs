//! Figures in words, as both pages spell them.

use std::time::Duration;

use clock::calendar::Rfc3339;

/// A share of a whole, to a tenth of a per cent. It is cut, not rounded, so that only all is
/// `100 %`. Without a whole there is no share.
pub(crate) fn share(part: u64, whole: u64) -> Option<String> {
    let tenths = part.min(whole).saturating_mul(1000).checked_div(whole)?;
    let (whole, tenth) = (tenths / 10, tenths % 10);
    Some(if tenth == 0 && (whole == 100 || whole == 0) {
        format!("{whole}\u{a0}%")
    } else {
        format!("{whole}.{tenth}\u{a0}%")
    })
}

/// A share from 0 to 1 in thousandths.
pub(crate) fn permille(share: f64) -> u64 {
    let span = Duration::try_from_secs_f64(share.clamp(0.0, 1.0)).unwrap_or_default();
    u64::try_from(span.as_millis()).unwrap_or_default()
}

/// Milliseconds in the unit that reads best; a dash for nothing.
pub(crate) fn millis(millis: Option<f64>) -> String {
    match millis {
        None => "–".to_owned(),
        Some(millis) if millis < 1000.0 => format!("{millis:.0}\u{a0}ms"),
        Some(millis) => format!("{:.1}\u{a0}s", millis / 1000.0),
    }
}

/// A span in its two largest units.
pub(crate) fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}\u{a0}s"),
        (0, 0, _) => format!("{minutes}\u{a0}min {}\u{a0}s", seconds % 60),
        (0, _, _) => format!("{hours}\u{a0}h {minutes}\u{a0}min"),
        (1, _, _) => format!("1 day {hours}\u{a0}h"),
        _ => format!("{days} days {hours}\u{a0}h"),
    }
}

/// A count in groups of three digits.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Time of day to the second: `14:40:09 UTC`.
pub(crate) fn second(unix_seconds: f64) -> String {
    let text = Rfc3339::millis(unix_seconds).to_string();
    format!("{} UTC", text.get(11..19).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_a_hundred() {
        for (part, whole, wanted) in [
            (3, 3, Some("100\u{a0}%")),
            (99_999, 100_000, Some("99.9\u{a0}%")),
            (1, 3, Some("33.3\u{a0}%")),
            (0, 9, Some("0\u{a0}%")),
            (0, 0, None),
        ] {
            assert_eq!(share(part, whole).as_deref(), wanted);
        }
    }

    #[test]
    fn figures_read_well() {
        assert_eq!(
            (millis(Some(84.6)), millis(Some(1240.0))),
            ("85\u{a0}ms".into(), "1.2\u{a0}s".into())
        );
        assert_eq!(millis(None), "–");
        assert_eq!((span(59), span(61)), ("59\u{a0}s".into(), "1\u{a0}min 1\u{a0}s".into()));
        assert_eq!(
            (span(4 * 3600), span(90_000)),
            ("4\u{a0}h 0\u{a0}min".into(), "1 day 1\u{a0}h".into())
        );
        assert_eq!((count(999), count(1_234_567)), ("999".into(), "1,234,567".into()));
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(second(1_717_512_009.9), "14:40:09 UTC");
    }
}
