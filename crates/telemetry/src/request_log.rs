//! One line of the request log: a receipt as one JSON object. Where the lines go is not known
//! here.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::mask::mask_marked;
use crate::{AttemptRecord, Receipt, RequestLogSettings, TakeoverEnd, mask_secrets};

/// Bytes of an attempt's detail that are logged.
const DETAIL_BYTES_MAX: usize = 1_024;

/// Writes a receipt's line, with its line feed.
///
/// # Errors
/// If the receipt cannot be spelled in JSON; the buffer may then end in a part of a line.
pub(crate) fn write_line(
    receipt: &Receipt,
    settings: &RequestLogSettings,
    into: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    serde_json::to_writer(&mut *into, &Line::of(receipt, settings))?;
    into.push(b'\n');
    Ok(())
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "as_text")]
    time: Rfc3339,
    #[serde(serialize_with = "as_text")]
    id: clock::RequestId,
    caller: Option<&'a str>,
    dialect: Option<&'static str>,
    operation: &'static str,
    model: &'a str,
    stream: bool,
    #[serde(flatten)]
    end: End<'a>,
    attempts: Vec<Attempt<'a>>,
    #[serde(flatten)]
    flow: Flow,
    tokens: Option<Tokens>,
    #[serde(flatten)]
    payloads: Option<Payloads<'a>>,
}

/// How it ended.
#[derive(Serialize)]
struct End<'a> {
    outcome: &'static str,
    status: u16,
    reason: Option<&'static str>,
    #[serde(serialize_with = "as_optional_text")]
    served_by: Option<&'a domain::Target>,
    reserve: bool,
    finish: Option<&'static str>,
    why: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    losses: String,
    /// What came of a stream that broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    takeover: Option<&'static str>,
}

/// Times in milliseconds and sizes in bytes.
#[derive(Serialize)]
struct Flow {
    ms: f64,
    first_token_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waited_ms: Option<f64>,
    gap_max_ms: f64,
    content_deltas: u64,
    request_bytes: u64,
    answer_bytes: u64,
}

#[derive(Serialize)]
struct Attempt<'a> {
    #[serde(serialize_with = "as_text")]
    target: &'a domain::Target,
    key: u16,
    fault: Option<&'static str>,
    status: Option<u16>,
    ms: f64,
    first_token_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    tokens: Option<Tokens>,
    /// Dollars, exact; null if a price or the usage is unknown.
    #[serde(serialize_with = "as_optional_text")]
    cost_usd: Option<domain::Money>,
}

#[derive(Serialize)]
struct Tokens {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
    estimated: bool,
}

#[derive(Serialize)]
struct Payloads<'a> {
    request: Cow<'a, str>,
    answer: Cow<'a, str>,
    /// True if one of the two was cut.
    payloads_cut: bool,
}

impl<'a> Line<'a> {
    fn of(receipt: &'a Receipt, settings: &RequestLogSettings) -> Self {
        let answer = &receipt.answer;
        Self {
            time: Rfc3339(receipt.unix_seconds),
            id: receipt.id,
            caller: receipt.caller.as_deref(),
            dialect: receipt.dialect.map(domain::Dialect::as_str),
            operation: receipt.operation.as_str(),
            model: &receipt.model_asked,
            stream: receipt.stream,
            end: End {
                outcome: receipt.outcome.as_str(),
                status: receipt.status,
                reason: receipt.reason,
                served_by: answer.served_by.as_ref(),
                reserve: answer.served_by_reserve,
                finish: answer.finish.as_ref().map(domain::Finish::as_str),
                why: &answer.why,
                losses: answer.losses.header(),
                takeover: answer.takeovers.last().map(TakeoverEnd::as_str),
            },
            attempts: receipt.attempts.iter().map(Attempt::of).collect(),
            flow: Flow {
                ms: millis(answer.took),
                first_token_ms: answer.first_token.map(millis),
                waited_ms: receipt.waited.map(millis),
                gap_max_ms: millis(answer.gap_max),
                content_deltas: answer.content_deltas,
                request_bytes: answer.request_bytes,
                answer_bytes: answer.answer_bytes,
            },
            tokens: answer.usage.as_ref().map(Tokens::of),
            payloads: Payloads::of(receipt, settings),
        }
    }
}

impl<'a> Attempt<'a> {
    fn of(attempt: &'a AttemptRecord) -> Self {
        let detail = cut(&attempt.detail, DETAIL_BYTES_MAX);
        Self {
            target: &attempt.target,
            key: attempt.key,
            fault: attempt.fault.map(domain::FaultClass::as_str),
            status: attempt.status,
            ms: millis(attempt.took),
            first_token_ms: attempt.first_token.map(millis),
            detail: (!detail.is_empty()).then(|| mask_secrets(detail)),
            tokens: attempt.usage.as_ref().map(Tokens::of),
            cost_usd: attempt.cost,
        }
    }
}

impl Tokens {
    fn of(usage: &domain::Usage) -> Self {
        Self {
            input: usage.input(),
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            output: usage.output,
            reasoning: usage.reasoning,
            estimated: usage.estimated,
        }
    }
}

impl<'a> Payloads<'a> {
    fn of(receipt: &'a Receipt, settings: &RequestLogSettings) -> Option<Self> {
        if !settings.payloads {
            return None;
        }
        let (request, answer) = receipt.answer.payloads.as_ref()?;
        let bytes_max = settings.payload_bytes_max;
        Some(Self {
            request: payload(request, bytes_max),
            answer: payload(answer, bytes_max),
            payloads_cut: request.len().max(answer.len()) > bytes_max,
        })
    }
}

/// A payload as text, cut, with what is marked as a key masked.
fn payload(bytes: &Bytes, bytes_max: usize) -> Cow<'_, str> {
    let head = bytes.get(..bytes_max).unwrap_or(bytes);
    let text = match std::str::from_utf8(head) {
        Ok(text) => Cow::Borrowed(text),
        // A character that the cut went through is left out; anything else is replaced.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(head.get(..error.valid_up_to()).unwrap_or_default())
        }
        Err(_) => String::from_utf8_lossy(head),
    };
    Cow::Owned(mask_marked(&text))
}

/// The longest head of at most `bytes_max` bytes that ends at a character's border.
fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

/// Milliseconds to the microsecond.
fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_optional_text<S: Serializer>(
    value: &Option<impl Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// Seconds since 1970 as `2024-06-04T14:40:00.000Z`.
pub fn rfc3339(unix_seconds: f64) -> String {
    Rfc3339(unix_seconds).to_string()
}

#[derive(Clone, Copy)]
struct Rfc3339(f64);

impl Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = Duration::try_from_secs_f64(self.0).unwrap_or_default();
        let (days, second) = (span.as_secs() / 86_400, span.as_secs() % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        let (second, milli) = (second % 60, span.subsec_millis());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// Year, month and day of a day counted from 1970-01-01. Years are counted from March on, so that
/// the leap day is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // 1970-01-01 is day 719,468 from 0000-03-01.
    let day = days.saturating_add(719_468);
    let (era, day) = (day / DAYS_OF_400_YEARS, day % DAYS_OF_400_YEARS);
    let leaps = day / 1_460 - day / 36_524 + day / (DAYS_OF_400_YEARS - 1);
    let year = (day - leaps) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelled_as_people_expect() {
        for (unix, wanted) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (951_782_400.0, "2000-02-29T00:00:00.000Z"),
            (1_717_512_000.25, "2024-06-04T14:40:00.250Z"),
            (1_735_689_599.999, "2024-12-31T23:59:59.999Z"),
            (4_107_542_400.0, "2100-03-01T00:00:00.000Z"),
            (-5.0, "1970-01-01T00:00:00.000Z"),
            (f64::NAN, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(unix), wanted);
        }
    }

    #[test]
    fn payloads_are_cut_at_a_character() {
        let text = Bytes::from_static("aß€".as_bytes());
        for (bytes_max, wanted) in [(6, "aß€"), (5, "aß"), (3, "aß"), (2, "a"), (0, "")] {
            assert_eq!(payload(&text, bytes_max), wanted, "{bytes_max}");
        }
        assert_eq!(cut("aß€", 2), "a");
        assert_eq!(payload(&Bytes::from_static(b"a\xffb"), 9), "a\u{fffd}b");
    }
}
