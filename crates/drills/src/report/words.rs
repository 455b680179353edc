//! Figures as people read them.

use crate::scenario::Scenario;

/// `97.3 %`, with a space that no line breaks at.
pub(super) fn percent(ratio: f64) -> String {
    // 99.96 must not be told as 100.
    let floor = (ratio * 1_000.0 + 1e-9).floor() / 10.0;
    format!("{floor:.1}\u{a0}%")
}

/// `1,234,567`.
pub(super) fn count(figure: u64) -> String {
    let digits = figure.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `850 ms`, `3.2 s`.
pub(super) fn millis(ms: Option<u32>) -> String {
    match ms {
        None => "none".to_owned(),
        Some(ms) if ms < 1_000 => format!("{ms} ms"),
        Some(ms) => format!("{:.1} s", f64::from(ms) / 1_000.0),
    }
}

/// The time of day of a moment of the story.
pub(super) fn time_of_day(scenario: &Scenario, at_s: f64) -> String {
    let second = (scenario.start_unix_s + at_s as u64) % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// A policy in a sentence.
pub(super) fn policy(name: &str) -> &'static str {
    match name {
        "single" => "one provider and the SDK's own retries",
        "naive" => "instant fallback with retries, as gateways ship it",
        _ => "the whole product with its present controllers",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_never_rounded_up_to_all() {
        assert_eq!((percent(0.99996), percent(1.0)), ("99.9\u{a0}%".into(), "100.0\u{a0}%".into()));
        assert_eq!((count(999), count(1_234_567)), ("999".into(), "1,234,567".into()));
        assert_eq!((millis(Some(950)), millis(Some(3_249))), ("950 ms".into(), "3.2 s".into()));
    }
}
