//! Writes whole answers, refusals and the list of models in OpenAI's form.

use bytes::Bytes;
use domain::{Finish, Usage};

use super::usage::write_usage;
use crate::{Refusal, RefusalKind};

/// An answer of an upstream that has no wire form of its own.
#[derive(Debug, Clone, Copy)]
pub struct WholeAnswer<'a> {
    pub id: &'a str,
    pub model: &'a str,
    /// Seconds since 1970.
    pub created_unix: u64,
    pub text: &'a str,
    pub finish: &'a Finish,
    pub usage: Usage,
}

/// The answer as a `chat.completion` object.
pub fn write_whole(answer: &WholeAnswer<'_>) -> Bytes {
    let (id, model, text) = (quoted(answer.id), quoted(answer.model), quoted(answer.text));
    let created = answer.created_unix;
    let finish = quoted(finish_word(answer.finish));
    let usage = write_usage(&answer.usage);
    Bytes::from(format!(
        r#"{{"id":{id},"object":"chat.completion","created":{created},"model":{model},"choices":[{{"index":0,"message":{{"role":"assistant","content":{text},"refusal":null}},"logprobs":null,"finish_reason":{finish}}}],"usage":{usage}}}"#
    ))
}

/// The refusal as a body: `{"error":{message, type, param, code}}`, with `retry_after_s` beside
/// them if there is an honest wait.
pub fn write_refusal(refusal: &Refusal) -> Bytes {
    Bytes::from(refusal_object(refusal))
}

/// The refusal as the last event of a stream that has already begun.
pub fn write_stream_refusal(refusal: &Refusal) -> Bytes {
    Bytes::from(format!("data: {}\n\n", refusal_object(refusal)))
}

/// The list of models; each has an id and an owner. `created_unix` is in seconds.
pub fn write_models(models: &[(&str, &str)], created_unix: u64) -> Bytes {
    let entries: Vec<String> =
        models.iter().map(|(id, owner)| model_object(id, owner, created_unix)).collect();
    Bytes::from(format!(r#"{{"object":"list","data":[{}]}}"#, entries.join(",")))
}

/// One model by itself.
pub fn write_model(id: &str, owned_by: &str, created_unix: u64) -> Bytes {
    Bytes::from(model_object(id, owned_by, created_unix))
}

fn model_object(id: &str, owned_by: &str, created_unix: u64) -> String {
    let (id, owner) = (quoted(id), quoted(owned_by));
    format!(r#"{{"id":{id},"object":"model","created":{created_unix},"owned_by":{owner}}}"#)
}

fn refusal_object(refusal: &Refusal) -> String {
    let (kind, code) = words(refusal.kind);
    let message = quoted(&refusal.message);
    let param = refusal.param.or(usual_param(refusal.kind)).map_or("null".to_owned(), quoted);
    let code = code.map_or("null".to_owned(), quoted);
    let wait =
        refusal.retry_after_s.map_or(String::new(), |wait| format!(r#","retry_after_s":{wait}"#));
    format!(
        r#"{{"error":{{"message":{message},"type":"{kind}","param":{param},"code":{code}{wait}}}}}"#
    )
}

/// OpenAI's own `type` and `code` where it has one; SDKs choose their error by them.
fn words(kind: RefusalKind) -> (&'static str, Option<&'static str>) {
    const CALLER: &str = "invalid_request_error";
    match kind {
        RefusalKind::InvalidRequest => (CALLER, None),
        RefusalKind::ModelNotFound => (CALLER, Some("model_not_found")),
        RefusalKind::ContextLength => (CALLER, Some("context_length_exceeded")),
        RefusalKind::ContentFilter => (CALLER, Some("content_filter")),
        RefusalKind::Unauthorized => (CALLER, Some("invalid_api_key")),
        RefusalKind::PayloadTooLarge => (CALLER, Some("request_too_large")),
        RefusalKind::NotFound => (CALLER, Some("unknown_url")),
        RefusalKind::MethodNotAllowed => (CALLER, Some("method_not_supported")),
        RefusalKind::RateLimited => ("requests", Some("rate_limit_exceeded")),
        RefusalKind::Overloaded => ("service_unavailable_error", Some("server_is_overloaded")),
        RefusalKind::UpstreamFailed => ("server_error", Some("upstream_failed")),
        RefusalKind::UpstreamTimeout => ("server_error", Some("upstream_timeout")),
        RefusalKind::Internal => ("server_error", Some("internal_error")),
    }
}

fn usual_param(kind: RefusalKind) -> Option<&'static str> {
    match kind {
        RefusalKind::ModelNotFound => Some("model"),
        RefusalKind::ContextLength => Some("messages"),
        RefusalKind::InvalidRequest
        | RefusalKind::ContentFilter
        | RefusalKind::Unauthorized
        | RefusalKind::PayloadTooLarge
        | RefusalKind::RateLimited
        | RefusalKind::Overloaded
        | RefusalKind::UpstreamFailed
        | RefusalKind::UpstreamTimeout
        | RefusalKind::NotFound
        | RefusalKind::MethodNotAllowed
        | RefusalKind::Internal => None,
    }
}

/// The finish in OpenAI's words.
pub(super) fn finish_word(finish: &Finish) -> &str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
        Finish::Other(word) => word,
    }
}

/// The text as a JSON string, quotes included.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always has a JSON form")
}
