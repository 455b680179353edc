//! The wait that a provider asks for in its answer's headers. The `x-ratelimit-reset*` family is
//! not read here: it tells when a budget is full again, not when the next request may come.

use clock::calendar::read_http_date;
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// No wait is taken for longer than this, in milliseconds (24 hours).
pub const WAIT_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// The wait in milliseconds from the answer's arrival, at most [`WAIT_MS_MAX`].
///
/// `retry-after-ms` wins over `retry-after`, which may be seconds, also with a fraction, or an
/// HTTP date. A date is read against the answer's own `date` header, so that a wrong clock on
/// either side does no harm, else against `now_unix_seconds`. `None` if nothing readable is there.
pub fn read(headers: &HeaderMap, now_unix_seconds: f64) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(wait) = text("retry-after-ms").and_then(|value| scaled(value, 1.0)) {
        return Some(wait);
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Some(wait) = scaled(value, 1000.0) {
        return Some(wait);
    }
    let until = http_date(value)?;
    let sent = text(DATE.as_str()).and_then(http_date).unwrap_or(now_unix_seconds);
    bounded((until - sent).max(0.0) * 1000.0)
}

/// An HTTP date in seconds since 1970.
fn http_date(text: &str) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "the calendar ends with the year 9999")]
    read_http_date(text).map(|seconds| seconds as f64)
}

/// A decimal number of units of `unit_ms` milliseconds each.
fn scaled(text: &str, unit_ms: f64) -> Option<u64> {
    let text = text.trim();
    // `f64::from_str` also takes signs, exponents, `inf` and `nan`, which are no waits.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    bounded(text.parse::<f64>().ok()? * unit_ms)
}

/// Milliseconds rounded up, so that nobody comes back too early.
pub(crate) fn bounded(wait_ms: f64) -> Option<u64> {
    if !wait_ms.is_finite() || wait_ms < 0.0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "86,400,000 is exact in an f64")]
    let capped = wait_ms.ceil().min(WAIT_MS_MAX as f64);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and at most 86,400,000"
    )]
    Some(capped as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn wait(value: &str) -> Option<u64> {
        read(&headers(&[("retry-after", value)]), 784_111_770.0)
    }

    #[test]
    fn reads_seconds_with_and_without_fraction() {
        assert_eq!(wait("2"), Some(2000));
        assert_eq!(wait(" 0.5 "), Some(500));
        assert_eq!(wait("0.0001"), Some(1));
        assert_eq!(wait("0"), Some(0));
    }

    #[test]
    fn is_capped_at_a_day() {
        assert_eq!(wait("86401"), Some(WAIT_MS_MAX));
        assert_eq!(wait("99999999999999999999999999"), Some(WAIT_MS_MAX));
    }

    #[test]
    fn refuses_what_is_no_wait() {
        for text in ["", "-1", "soon", "1e3", "inf", "NaN", "1.2.3", "+5", "Sun, 99 Foo 1994 x"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }

    #[test]
    fn reads_all_three_forms_of_a_date() {
        // 784,111,777 is the instant of the standard's own example, seven seconds from `now`.
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(wait(text), Some(7000), "{text}");
        }
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
    }

    #[test]
    fn reads_a_date_against_the_date_of_the_answer() {
        let headers = headers(&[
            ("retry-after", "Thu, 01 Jan 2026 00:00:30 GMT"),
            ("date", "Wed, 31 Dec 2025 23:59:50 GMT"),
        ]);
        assert_eq!(read(&headers, 5.0), Some(40_000));
    }

    #[test]
    fn milliseconds_win_and_resets_are_not_read() {
        let both = headers(&[("retry-after", "9"), ("retry-after-ms", "120")]);
        assert_eq!(read(&both, 0.0), Some(120));
        let broken = headers(&[("retry-after", "9"), ("retry-after-ms", "x")]);
        assert_eq!(read(&broken, 0.0), Some(9000));
        let resets = headers(&[("x-ratelimit-reset-requests", "120ms")]);
        assert_eq!(read(&resets, 0.0), None);
    }
}
