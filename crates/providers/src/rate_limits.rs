//! What a provider's answer tells of its limits, in the two families of headers that are in use. A
//! limit without a count of what is left says nothing to pace by, and is passed over.

use clock::calendar::Rfc3339;
use domain::{Allowance, Quantity};
use http::HeaderMap;

use crate::relayed_headers::{duration_ms, sent_at};

/// One limit: the names of its size, of what is left, and of when it is full again.
struct Names {
    quantity: Quantity,
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
}

const fn names(
    quantity: Quantity,
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
) -> Names {
    Names { quantity, limit, remaining, reset }
}

/// OpenAI and those who follow it; a reset is a duration.
#[rustfmt::skip]
const OPENAI: [Names; 2] = [
    names(Quantity::Requests, "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    names(Quantity::Tokens, "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
];
/// Anthropic; a reset is an instant.
#[rustfmt::skip]
const ANTHROPIC: [Names; 4] = [
    names(Quantity::Requests, "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    names(Quantity::Tokens, "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    names(Quantity::InputTokens, "anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    names(Quantity::OutputTokens, "anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
];

/// Reads all limits that are told. `now` is in seconds since 1970.
pub(crate) fn allowances(headers: &HeaderMap, now: f64) -> Vec<Allowance> {
    let told = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let count = |name: &str| told(name).and_then(|value| value.trim().parse::<u64>().ok());
    let read = |names: &Names, reset_ms: &dyn Fn(&str) -> Option<u64>| {
        let (limit, remaining) = (count(names.limit)?, count(names.remaining)?);
        let reset_ms = told(names.reset).and_then(reset_ms);
        Some(Allowance { quantity: names.quantity, limit, remaining, reset_ms })
    };
    let instant = |text: &str| {
        let seconds = Rfc3339::read(text)? - sent_at(headers, now);
        Some(u64::try_from(seconds.max(0)).unwrap_or(0) * 1000)
    };
    let openai = OPENAI.iter().filter_map(|names| read(names, &duration_ms));
    openai.chain(ANTHROPIC.iter().filter_map(|names| read(names, &instant))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Vec<Allowance> {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        allowances(&pairs.iter().map(pair).collect::<HeaderMap>(), 0.0)
    }

    #[test]
    fn durations_and_instants_are_read() {
        let openai = read(&[
            ("x-ratelimit-limit-requests", "600"),
            ("x-ratelimit-remaining-requests", "599"),
            ("x-ratelimit-reset-requests", "100ms"),
        ]);
        let wanted = Allowance {
            quantity: Quantity::Requests,
            limit: 600,
            remaining: 599,
            reset_ms: Some(100),
        };
        assert_eq!(openai, [wanted]);
        let anthropic = read(&[
            ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("anthropic-ratelimit-output-tokens-limit", "8000"),
            ("anthropic-ratelimit-output-tokens-remaining", "7000"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-01-01T00:00:08Z"),
        ]);
        let wanted = Allowance {
            quantity: Quantity::OutputTokens,
            limit: 8000,
            remaining: 7000,
            reset_ms: Some(8000),
        };
        assert_eq!(anthropic, [wanted]);
    }

    #[test]
    fn half_told_limits_are_passed_over() {
        assert!(read(&[("x-ratelimit-limit-requests", "600")]).is_empty());
        assert!(read(&[("x-ratelimit-remaining-requests", "many")]).is_empty());
        assert!(read(&[]).is_empty());
    }
}
