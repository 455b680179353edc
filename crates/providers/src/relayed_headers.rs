//! Which headers of a provider's answer go through to a caller, and under which name where the
//! caller speaks another dialect. What tells of accounts never does.

use clock::calendar::{Rfc3339, read_http_date};
use domain::Dialect;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Headers that tell a caller something and nobody's account. Everything else stays here:
/// organisations, cookies, routing of the provider's own edge.
const RELAYABLE: [&str; 9] = [
    "x-request-id",
    "request-id",
    "apim-request-id",
    "openai-processing-ms",
    "openai-version",
    "x-ms-region",
    "x-ms-is-spilled-over",
    "x-ms-deployment-name",
    "server-timing",
];
const OPENAI_RATES: &str = "x-ratelimit-";
const ANTHROPIC_RATES: &str = "anthropic-ratelimit-";
/// What both OpenAI and Anthropic count.
const COUNTED: [&str; 2] = ["requests", "tokens"];
/// Bytes of a header's value that goes through.
const VALUE_BYTES_MAX: usize = 128;
/// No reset lies further ahead, in milliseconds (a year).
const RESET_MS_MAX: u64 = 366 * 24 * 3600 * 1000;

/// Dialects that share one family of headers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    OpenAi,
    Anthropic,
    Gemini,
}

fn family(dialect: Dialect) -> Family {
    match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses => Family::OpenAi,
        Dialect::Anthropic => Family::Anthropic,
        Dialect::Gemini => Family::Gemini,
    }
}

/// Picks the headers that go through from a provider that speaks `from` to a caller who speaks
/// `to`. A value that is not `harmless` does not: nobody knows what a server on the way writes into
/// its request id. Rate limits are told in the caller's own terms; what has no counterpart there is
/// left out. `now` is in seconds since 1970.
pub(crate) fn relayable(
    headers: &HeaderMap,
    (from, to): (Dialect, Dialect),
    harmless: impl Fn(&str) -> bool,
    now: f64,
) -> HeaderMap {
    let mut clean = HeaderMap::new();
    for (name, value) in headers {
        let text = name.as_str();
        let wanted = RELAYABLE.contains(&text)
            || text.starts_with(OPENAI_RATES)
            || text.starts_with(ANTHROPIC_RATES);
        if wanted && value.len() <= VALUE_BYTES_MAX && value.to_str().is_ok_and(&harmless) {
            clean.insert(name.clone(), value.clone());
        }
    }
    match (family(from), family(to)) {
        (from, to) if from == to => clean,
        (Family::OpenAi, Family::Anthropic) => {
            let now = sent_at(headers, now);
            translate(&clean, ("x-request-id", "request-id"), |counted, what| {
                let told = format!("{OPENAI_RATES}{what}-{counted}");
                let name = format!("{ANTHROPIC_RATES}{counted}-{what}");
                (told, name, move |value: &str| match what {
                    "reset" => {
                        let seconds = i64::try_from(duration_ms(value)?.div_ceil(1000)).ok()?;
                        Some(Rfc3339::seconds(now + seconds).to_string())
                    }
                    _ => Some(value.to_owned()),
                })
            })
        }
        (Family::Anthropic, Family::OpenAi) => {
            let now = sent_at(headers, now);
            translate(&clean, ("request-id", "x-request-id"), |counted, what| {
                let told = format!("{ANTHROPIC_RATES}{counted}-{what}");
                let name = format!("{OPENAI_RATES}{what}-{counted}");
                (told, name, move |value: &str| match what {
                    "reset" => Some(format!("{}s", (Rfc3339::read(value)? - now).max(0))),
                    _ => Some(value.to_owned()),
                })
            })
        }
        // Gemini tells nothing in headers, and its clients look for nothing there.
        _ => HeaderMap::new(),
    }
}

/// When the answer was sent, by its own clock where it tells one.
pub(crate) fn sent_at(headers: &HeaderMap, now: f64) -> i64 {
    let told = headers.get(header::DATE).and_then(|value| value.to_str().ok());
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit by far")]
    told.and_then(read_http_date).unwrap_or(now as i64)
}

fn translate<C: Fn(&str) -> Option<String>>(
    clean: &HeaderMap,
    (id_from, id_to): (&str, &'static str),
    rate: impl Fn(&'static str, &'static str) -> (String, String, C),
) -> HeaderMap {
    let mut translated = HeaderMap::new();
    if let Some(id) = clean.get(id_from) {
        translated.insert(HeaderName::from_static(id_to), id.clone());
    }
    for counted in COUNTED {
        for what in ["limit", "remaining", "reset"] {
            let (told, name, convert) = rate(counted, what);
            let value = clean.get(told.as_str()).and_then(|value| convert(value.to_str().ok()?));
            let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) else {
                continue;
            };
            if let Ok(name) = HeaderName::try_from(name) {
                translated.insert(name, value);
            }
        }
    }
    translated
}

/// `120ms`, `3.89s`, `6m0s`, `1h2m3s`; a plain number is seconds.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total_ms = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters)?;
        let unit_ms = match unit {
            "ms" => 1.0,
            "" | "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        total_ms += number.parse::<f64>().ok()? * unit_ms;
        rest = after;
    }
    #[expect(clippy::cast_precision_loss, reason = "a year of milliseconds is exact in an f64")]
    let fits = total_ms.is_finite() && total_ms <= RESET_MS_MAX as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and bounded"
    )]
    fits.then_some(total_ms.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&'static str, &str)| (name.parse().unwrap(), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    fn told(from: Dialect, to: Dialect, pairs: &[(&'static str, &str)]) -> Vec<String> {
        let harmless = |value: &str| !value.contains("canary");
        let picked = relayable(&headers(pairs), (from, to), harmless, 784_111_777.0);
        let mut lines: Vec<_> = picked
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    const OPENAI: &[(&str, &str)] = &[
        ("x-request-id", "r1"),
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("x-ratelimit-reset-tokens", "6m0.2s"),
        ("x-ratelimit-reset-requests", "soon"),
        ("x-ratelimit-limit-req-10-second", "3"),
        ("openai-organization", "acme"),
        ("set-cookie", "a=b"),
        ("openai-version", "key-canary"),
    ];

    #[test]
    fn within_a_family_headers_keep_their_names() {
        assert_eq!(
            told(Dialect::OpenAiChat, Dialect::OpenAiResponses, OPENAI),
            [
                "x-ratelimit-limit-req-10-second: 3",
                "x-ratelimit-limit-requests: 60",
                "x-ratelimit-remaining-tokens: 149984",
                "x-ratelimit-reset-requests: soon",
                "x-ratelimit-reset-tokens: 6m0.2s",
                "x-request-id: r1",
            ]
        );
    }

    #[test]
    fn a_duration_becomes_an_instant() {
        assert_eq!(
            told(Dialect::OpenAiChat, Dialect::Anthropic, OPENAI),
            [
                "anthropic-ratelimit-requests-limit: 60",
                "anthropic-ratelimit-tokens-remaining: 149984",
                "anthropic-ratelimit-tokens-reset: 1994-11-06T08:55:38Z",
                "request-id: r1",
            ]
        );
    }

    #[test]
    fn an_instant_becomes_a_duration_by_the_answers_own_clock() {
        let anthropic = [
            ("date", "Sun, 06 Nov 1994 08:49:00 GMT"),
            ("request-id", "req_1"),
            ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:37Z"),
            ("anthropic-ratelimit-tokens-reset", "1994-11-06T08:00:00Z"),
            ("anthropic-ratelimit-input-tokens-remaining", "7"),
            ("anthropic-ratelimit-tokens-limit", "9"),
            ("anthropic-organization-id", "acme"),
        ];
        assert_eq!(
            told(Dialect::Anthropic, Dialect::OpenAiChat, &anthropic),
            [
                "x-ratelimit-limit-tokens: 9",
                "x-ratelimit-reset-requests: 37s",
                "x-ratelimit-reset-tokens: 0s",
                "x-request-id: req_1",
            ]
        );
        assert_eq!(told(Dialect::Anthropic, Dialect::Gemini, &anthropic), [""; 0]);
    }

    #[test]
    fn durations_of_all_forms_are_read() {
        for (text, ms) in [
            ("120ms", Some(120)),
            ("3.89s", Some(3890)),
            ("6m0s", Some(360_000)),
            ("1h2m3s", Some(3_723_000)),
            ("7", Some(7000)),
            ("0s", Some(0)),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1e9s", None),
            ("999999999999999s", None),
            ("é", None),
        ] {
            assert_eq!(duration_ms(text), ms, "{text}");
        }
    }
}
