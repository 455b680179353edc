//! Reads a provider's refusal, as an error answer or inside a stream, and finds its class: one
//! status can mean a pace, a purse, a crowd or a request that is too long.

use bytes::Bytes;
use clock::calendar::Date;
use domain::{Blame, Dialect, Fault, FaultClass, RelayableError};
use http::HeaderMap;
use serde_json::Value;

use crate::{mask, retry_after};

/// No error body is looked at beyond this.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Why a rung that does not know the proofs of a history is unfit for it.
pub(crate) const FOREIGN_PROOFS: &str =
    "the history's thinking was signed or sealed for somebody else";

/// Why a rung is unfit that does not keep what the request goes on from.
const NOT_STORED: &str = "the answer that the request goes on from is not stored there";

/// What a provider says about its refusal; the words in lower case.
#[derive(Debug, Default)]
struct Told {
    /// As written, for the log.
    message: String,
    /// Message, code, type and status word, to look for phrases in.
    words: String,
    /// The code, type and status words alone.
    names: Vec<String>,
    /// A status that is told as a number inside the error.
    status: Option<u16>,
    /// The wait that is told in the body.
    wait_ms: Option<u64>,
    /// It stood in a member named `error`, as in all dialects' own errors.
    in_error_member: bool,
}

/// Reads an answer that is not a success. `now_unix_seconds` serves where a date is told and the
/// answer has no date of its own. Never fails: what cannot be read is judged by its status.
pub(crate) fn read_refusal(
    dialect: Dialect,
    (status, headers): (u16, &HeaderMap),
    body: &Bytes,
    now_unix_seconds: f64,
) -> Fault {
    let value = if body.len() <= BODY_BYTES_MAX {
        serde_json::from_slice::<Value>(body).ok()
    } else {
        None
    };
    let told = value.as_ref().and_then(told_by);
    let class = classify(status, told.as_ref());
    let detail = match &told {
        // Callers may be told why a rung was unfit, and hear nothing of upstream's own words.
        Some(_) if class == FaultClass::ForeignProofs => FOREIGN_PROOFS.to_owned(),
        Some(_) if class == FaultClass::Unfit => NOT_STORED.to_owned(),
        Some(told) => describe(status, told),
        None => format!("status {status}, {}", describe_body(body)),
    };
    let wait_ms = retry_after::read(headers, now_unix_seconds);
    if class == FaultClass::SpendLimit {
        // No wait that is told beside it cures it.
        return Fault {
            status: Some(status),
            retry_after_ms: ms_to_next_month(now_unix_seconds),
            ..Fault::new(class, mask::line(&detail))
        };
    }
    Fault {
        class,
        status: Some(status),
        retry_after_ms: wait_ms.or(told.as_ref().and_then(|told| told.wait_ms)),
        detail: mask::line(&detail),
        relayable: relayable(dialect, (status, class), told.as_ref(), body),
    }
}

/// Milliseconds until the month turns in UTC, when spend limits begin anew.
fn ms_to_next_month(unix_seconds: f64) -> Option<u64> {
    const DAY_S: f64 = 86_400.0;
    #[expect(clippy::cast_possible_truncation, reason = "days since 1970 are few")]
    let day = (unix_seconds / DAY_S).floor() as i64;
    let today = Date::of_day(day);
    let (year, month) =
        if today.month == 12 { (today.year + 1, 1) } else { (today.year, today.month + 1) };
    #[expect(clippy::cast_precision_loss, reason = "days since 1970 are few")]
    let first = Date { year, month, day: 1 }.day()? as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a month at most, and in the future"
    )]
    Some(((first * DAY_S - unix_seconds) * 1000.0).max(0.0) as u64)
}

/// A refusal that is the caller's to mend goes through as it is, if it has the dialect's form and
/// names no key. A 429 does not: its wording is about our account, and the caller's SDK would try
/// again.
fn relayable(
    dialect: Dialect,
    (status, class): (u16, FaultClass),
    told: Option<&Told>,
    body: &Bytes,
) -> Option<RelayableError> {
    let told = told.filter(|told| told.in_error_member)?;
    let fit = class.blame() == Blame::Caller && (400..500).contains(&status) && status != 429;
    let clean = || std::str::from_utf8(body).is_ok_and(|text| !mask::names_a_key(text));
    let message = mask::line(&told.message);
    (fit && clean()).then(|| RelayableError { dialect, status, body: Some(body.clone()), message })
}

/// The fault that a JSON text inside a success tells, if it tells one: an object with an `error`
/// member, or an array that holds such an object.
pub(crate) fn read_in_band(text: &[u8]) -> Option<Fault> {
    let value = first_value(text)?;
    let object = first_if_array(&value)?;
    object.get("error").filter(|error| error.is_object() || error.is_string())?;
    Some(in_band(&told_by(object)?))
}

/// The fault of an event that calls itself an error, whatever its data is.
pub(crate) fn read_error_event(data: &[u8]) -> Fault {
    if let Some(told) = first_value(data).as_ref().and_then(told_by) {
        return in_band(&told);
    }
    let text = String::from_utf8_lossy(data.get(..data.len().min(1024)).unwrap_or_default());
    let detail = mask::line(&format!("inside a success: {text}"));
    Fault::new(FaultClass::ServerError, detail)
}

/// Only the first value is read: a body that was written into a stream may have events behind it.
fn first_value(text: &[u8]) -> Option<Value> {
    let text = text.get(..text.len().min(BODY_BYTES_MAX))?;
    serde_json::Deserializer::from_slice(text).into_iter::<Value>().next()?.ok()
}

fn first_if_array(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(elements) => elements.first(),
        other => Some(other),
    }
}

fn in_band(told: &Told) -> Fault {
    let status = told.status.filter(|status| (400..600).contains(status));
    Fault {
        class: classify_in_band(status, told),
        status,
        retry_after_ms: told.wait_ms,
        detail: mask::line(&format!("inside a success: {}", told.message_and_names())),
        relayable: None,
    }
}

/// Gathers what an error body says, whatever its habit: OpenAI's object, a mere text, Gemini's
/// status word, FastAPI's `detail`, OpenRouter's wrapped errors, Azure's inner error.
fn told_by(value: &Value) -> Option<Told> {
    let value = first_if_array(value)?;
    let inner = value.get("error").filter(|error| !error.is_null());
    let error = inner.unwrap_or(value);
    let mut told = Told { in_error_member: inner.is_some(), ..Told::default() };
    match error {
        Value::String(text) => told.message.clone_from(text),
        Value::Object(members) => {
            for name in ["message", "detail", "msg"] {
                if let (true, Some(Value::String(text))) =
                    (told.message.is_empty(), members.get(name))
                {
                    told.message.clone_from(text);
                }
            }
            for name in ["code", "type", "status", "status_code"] {
                told.take_name(members.get(name));
            }
            told.take_name(error.pointer("/innererror/code"));
            if error.pointer("/metadata/flagged_input").is_some() {
                told.names.push("content_filter".to_owned());
            }
            if let Some(Value::String(raw)) = error.pointer("/metadata/raw") {
                told.message.push_str(": ");
                told.message.push_str(raw);
            }
            told.wait_ms = members.get("details").and_then(retry_info);
        }
        _ => return None,
    }
    told.wait_ms = told.wait_ms.or_else(|| wait_in_words(&told.message));
    told.words = format!("{} {}", told.names.join(" "), told.message).to_lowercase();
    Some(told)
}

impl Told {
    /// A word goes to the names; a number, also as text, is a status.
    fn take_name(&mut self, value: Option<&Value>) {
        match value {
            Some(Value::Number(number)) => {
                let number = number.as_u64().and_then(|number| u16::try_from(number).ok());
                self.status = self.status.or(number);
            }
            Some(Value::String(word)) => match word.parse::<u16>() {
                Ok(number) => self.status = self.status.or(Some(number)),
                Err(_) => self.names.push(word.to_lowercase()),
            },
            _ => {}
        }
    }

    fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.words.contains(phrase))
    }

    fn is_named(&self, names: &[&str]) -> bool {
        self.names.iter().any(|name| names.contains(&name.as_str()))
    }

    fn message_and_names(&self) -> String {
        format!("{} ({})", self.message, self.names.join(", "))
    }

    /// The limit that the account's owner set for a month.
    fn is_about_spending(&self) -> bool {
        self.is_named(&["enforced_spend_limit_reached", "billing_hard_limit_reached"])
            || self.says(&["reached your specified api usage limits", "spend limit reached"])
    }

    /// Calls became more too quickly; the quota itself has room.
    fn is_about_growth(&self) -> bool {
        self.is_named(&["acceleration_limit_exceeded"])
            || self.says(&["acceleration limit", "usage increase rate", "usage more gradually"])
    }

    fn is_about_money(&self) -> bool {
        const NAMES: [&str; 5] = [
            "billing_error",
            "insufficient_quota",
            "billing_not_active",
            "insufficient_balance",
            "insufficient_credits",
        ];
        self.is_named(&NAMES)
            || self.says(&[
                "exceeded your current quota",
                "insufficient balance",
                "insufficient credits",
                "credit balance is too low",
            ])
    }

    fn is_about_length(&self) -> bool {
        self.is_named(&["context_length_exceeded", "context_window_exceeded"])
            || self.says(&[
                "maximum context length",
                "context length exceeded",
                "context window",
                "reduce the length of the messages",
                "prompt is too long",
                "exceed context limit",
                "exceeds the maximum number of tokens",
                "request too large",
            ])
    }

    fn is_about_content(&self) -> bool {
        self.is_named(&[
            "content_filter",
            "content_policy_violation",
            "responsibleaipolicyviolation",
            "moderation_blocked",
            "image_content_policy_violation",
        ]) || self.says(&[
            "content management policy",
            "content policy",
            // Anthropic's, who has no name of its own for it.
            "blocked by content filtering policy",
        ])
    }

    fn is_about_load(&self) -> bool {
        self.is_named(&[
            "overloaded",
            "overloaded_error",
            "server_is_overloaded",
            "service_unavailable_error",
            "service_unavailable",
            "engine_overloaded",
            "engine_overloaded_error",
            "slow_down",
            "unavailable",
        ]) || self.says(&["overloaded", "high demand", "over capacity", "at capacity"])
    }

    fn is_about_pace(&self) -> bool {
        self.is_named(&[
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limit",
            "rate_limited",
            "too_many_requests",
            "resource_exhausted",
        ]) || self.says(&["rate limit", "rate-limited", "too many requests"])
    }

    /// Signatures and seals of thinking hold good at the provider, sometimes only at the account,
    /// that made them. Google's models even want one where another model called a function.
    fn is_about_proofs(&self) -> bool {
        self.is_named(&["invalid_encrypted_content"])
            || self.says(&[
                "invalid `signature` in `thinking` block",
                "invalid signature in thinking block",
                "invalid thought signature",
                "thought signature is not valid",
                "corrupted thought signature",
                "is missing a thought_signature",
                "is missing a `thought_signature`",
                "invalid `data` in `redacted_thinking` block",
                "thinking.signature: field required",
                "expected `thinking` or `redacted_thinking`",
                "thinking blocks in the latest assistant message cannot be modified",
            ])
            || (self.says(&["encrypted content"])
                && self.says(&["could not be verified", "could not be decrypted"]))
            // Items that another account keeps.
            || (self.says(&["item with id"]) && self.says(&["not found"]))
            || self.says(&["without its required 'reasoning' item"])
    }

    /// A stored answer that another account keeps, or nobody.
    fn is_about_storage(&self) -> bool {
        self.is_named(&["previous_response_not_found"])
            || (self.says(&["previous response with id"]) && self.says(&["not found"]))
    }

    fn is_about_key(&self) -> bool {
        self.is_named(&["invalid_api_key", "authentication_error"])
            || self.says(&["incorrect api key", "api key not valid", "invalid api key"])
    }

    fn is_about_model(&self) -> bool {
        self.is_named(&["model_not_found", "deploymentnotfound", "model_not_available"])
            || self.says(&["model does not exist", "model not found"])
    }
}

/// The class of an answer whose status is no success.
fn classify(status: u16, told: Option<&Told>) -> FaultClass {
    let says = |about: fn(&Told) -> bool| told.is_some_and(about);
    match status {
        400..=499 if says(Told::is_about_spending) => FaultClass::SpendLimit,
        429 if says(Told::is_about_money) => FaultClass::QuotaExhausted,
        429 if says(Told::is_about_length) => FaultClass::ContextLength,
        429 if says(Told::is_about_load) => FaultClass::Overloaded,
        429 if says(Told::is_about_growth) => FaultClass::Acceleration,
        429 => FaultClass::RateLimited,
        503 | 529 => FaultClass::Overloaded,
        500..=599 if says(Told::is_about_load) => FaultClass::Overloaded,
        400 | 422 if says(Told::is_about_proofs) => FaultClass::ForeignProofs,
        400 | 404 if says(Told::is_about_storage) => FaultClass::Unfit,
        400..=499 if says(Told::is_about_content) => FaultClass::ContentFilter,
        400..=499 if says(Told::is_about_money) => FaultClass::QuotaExhausted,
        // A project that may not use a model hears 403 and this word.
        400 | 403 | 422 if says(Told::is_about_model) => FaultClass::ModelUnknown,
        // xAI and Google call a wrong key a bad request.
        400 if says(Told::is_about_key) => FaultClass::KeyRejected,
        401..=403 => FaultClass::KeyRejected,
        400 | 413 | 422 if says(Told::is_about_length) => FaultClass::ContextLength,
        // A caller cannot cause it but by the model's name.
        404 => FaultClass::ModelUnknown,
        400 | 413 | 415 | 422 => FaultClass::CallerFault,
        // The provider waited for us, or a proxy between us refused: not the caller's doing.
        408 => FaultClass::ServerError,
        400..=499 if told.is_some() => FaultClass::CallerFault,
        _ => FaultClass::ServerError,
    }
}

/// The class of an error inside a success. The request had been accepted, so a mere bad request is
/// not the caller's fault here.
fn classify_in_band(status: Option<u16>, told: &Told) -> FaultClass {
    let by_words = [
        (told.is_about_spending(), FaultClass::SpendLimit),
        (told.is_about_money(), FaultClass::QuotaExhausted),
        (told.is_about_length(), FaultClass::ContextLength),
        (told.is_about_content(), FaultClass::ContentFilter),
        (told.is_about_load(), FaultClass::Overloaded),
        (told.is_about_growth(), FaultClass::Acceleration),
        (told.is_about_pace(), FaultClass::RateLimited),
        (told.is_about_model(), FaultClass::ModelUnknown),
        (told.is_named(&["invalid_api_key", "authentication_error"]), FaultClass::KeyRejected),
    ];
    if let Some((_, class)) = by_words.into_iter().find(|(is_so, _)| *is_so) {
        return class;
    }
    match status.map(|status| classify(status, Some(told))) {
        None | Some(FaultClass::CallerFault | FaultClass::ModelUnknown) => FaultClass::ServerError,
        Some(class) => class,
    }
}

fn describe(status: u16, told: &Told) -> String {
    format!("status {status}: {}", told.message_and_names())
}

/// A word about a body that is no JSON error; its text stays out, because error pages of proxies
/// are long and tell nothing.
fn describe_body(body: &[u8]) -> String {
    let start = body.trim_ascii_start();
    let what = match start.first() {
        None => "no body",
        Some(b'<') => "a page of markup",
        Some(b'{' | b'[') => "an unknown JSON body",
        Some(_) => "a body that is not JSON",
    };
    format!("{what}, {} bytes", body.len())
}

/// Google's `RetryInfo`: a number of seconds with an `s` behind it.
fn retry_info(details: &Value) -> Option<u64> {
    let delay = details.as_array()?.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    let seconds = delay.strip_suffix('s')?.parse::<f64>().ok()?;
    retry_after::bounded(seconds * 1000.0)
}

/// OpenAI and Azure tell the wait in their sentence: "try again in 3.89s", "retry after 20
/// seconds".
fn wait_in_words(message: &str) -> Option<u64> {
    let message = message.to_ascii_lowercase();
    let after = ["try again in ", "retry after "]
        .iter()
        .find_map(|phrase| message.split_once(phrase).map(|(_, after)| after))?;
    let digits = after.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (number, rest) = after.split_at_checked(digits)?;
    let number = number.trim_end_matches('.').parse::<f64>().ok()?;
    let unit: String = rest.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let unit_ms = match unit.as_str() {
        "ms" | "milliseconds" => 1.0,
        "s" | "second" | "seconds" => 1000.0,
        "m" | "minute" | "minutes" => 60_000.0,
        "h" | "hour" | "hours" => 3_600_000.0,
        _ => return None,
    };
    // "6m0s" is a minute figure with a rest that matters little: round up to the next minute.
    let more = rest.get(unit.len()..).is_some_and(|rest| {
        unit_ms > 1000.0 && rest.starts_with(|next: char| next.is_ascii_digit())
    });
    retry_after::bounded((number + if more { 1.0 } else { 0.0 }) * unit_ms)
}
