//! What the headers of each family tell of an account's limits: OpenAI's names with durations,
//! Anthropic's with instants, Azure's with seconds, and nothing at Gemini and Perplexity.

use super::Left;
use crate::wall::{Dialect, instant};

/// Header lines, each with its end; `unix_s` is the present.
pub(crate) fn limit_headers(
    dialect: Dialect,
    (requests, tokens): (Option<Left>, Option<Left>),
    unix_s: f64,
) -> String {
    let mut text = String::new();
    for (left, of) in [(requests, "requests"), (tokens, "tokens")] {
        let Some(left) = left else { continue };
        let Left { limit, remaining, reset } = left;
        match dialect {
            Dialect::Chat | Dialect::Responses => text.push_str(&format!(
                "x-ratelimit-limit-{of}: {limit}\r\nx-ratelimit-remaining-{of}: {remaining}\r\nx-ratelimit-reset-{of}: {}ms\r\n",
                reset.as_millis()
            )),
            Dialect::Azure => text.push_str(&format!(
                "x-ratelimit-limit-{of}: {limit}\r\nx-ratelimit-remaining-{of}: {remaining}\r\nx-ratelimit-reset-{of}: {}\r\n",
                reset.as_secs_f64().ceil()
            )),
            Dialect::Messages => {
                // A reset that has passed before it is told would be one too early.
                let at = instant((unix_s + reset.as_secs_f64()).ceil() as u64);
                text.push_str(&format!(
                    "anthropic-ratelimit-{of}-limit: {limit}\r\nanthropic-ratelimit-{of}-remaining: {remaining}\r\nanthropic-ratelimit-{of}-reset: {at}\r\n"
                ));
            }
            Dialect::Gemini | Dialect::Agent => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_family_tells_them_in_its_own_way() {
        let left = Left { limit: 60.0, remaining: 7.0, reset: Duration::from_millis(1_500) };
        // The morning of 4 June 2024, 06:30 UTC.
        let of = |dialect| limit_headers(dialect, (Some(left), None), 1_717_482_600.0);
        assert!(of(Dialect::Responses).contains("x-ratelimit-reset-requests: 1500ms\r\n"));
        assert!(of(Dialect::Azure).contains("x-ratelimit-reset-requests: 2\r\n"));
        assert_eq!(
            of(Dialect::Messages),
            "anthropic-ratelimit-requests-limit: 60\r\n\
             anthropic-ratelimit-requests-remaining: 7\r\n\
             anthropic-ratelimit-requests-reset: 2024-06-04T06:30:02Z\r\n"
        );
        assert_eq!((of(Dialect::Gemini), of(Dialect::Agent)), (String::new(), String::new()));
    }
}
