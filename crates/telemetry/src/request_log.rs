//! One line of the request log: a receipt as one JSON object. Where the lines go is not known
//! here.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use clock::calendar::Rfc3339;
use serde::{Serialize, Serializer};

use crate::mask::mask_marked;
use crate::{AttemptRecord, Receipt, RequestLogSettings, Source, TakeoverEnd, mask_secrets};

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
    /// Seconds since the answer was given first, if it was given before.
    #[serde(skip_serializing_if = "Option::is_none")]
    recalled_age_s: Option<u64>,
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
    /// The request brings the fault about by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    by_request: bool,
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
            time: Rfc3339::millis(receipt.unix_seconds),
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
                reserve: answer.source == Source::Reserve,
                recalled_age_s: answer.source.recalled_age().map(|age| age.as_secs()),
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
            by_request: attempt.by_request,
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

#[cfg(test)]
mod tests {
    use super::*;

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
