//! Writes refusals, the list of models and counts of tokens in OpenAI's form. Answers are written
//! in `reply` and `stream_writer`.

use bytes::Bytes;

use crate::form::ModelEntry;
use crate::json::quoted;
use crate::object::ObjectText;
use crate::{Refusal, RefusalKind};

/// The refusal as a body: `{"error":{message, type, param, code}}`, with `retry_after_s` beside
/// them if there is an honest wait.
pub(super) fn write_refusal(refusal: &Refusal) -> Bytes {
    Bytes::from(refusal_object(refusal))
}

/// The refusal as the last event of a stream that has already begun.
pub(super) fn write_stream_refusal(refusal: &Refusal) -> Bytes {
    Bytes::from(format!("data: {}\n\n", refusal_object(refusal)))
}

/// The list of models; `created_unix` is in seconds.
pub(super) fn write_models(models: &[ModelEntry<'_>], created_unix: u64) -> Bytes {
    let entries: Vec<String> =
        models.iter().map(|model| model_object(model, created_unix)).collect();
    Bytes::from(format!(r#"{{"object":"list","data":[{}]}}"#, entries.join(",")))
}

/// One model by itself.
pub(super) fn write_model(model: &ModelEntry<'_>, created_unix: u64) -> Bytes {
    Bytes::from(model_object(model, created_unix))
}

/// Limits are told by Groq's names, since OpenAI has none; what is not known is left out.
fn model_object(model: &ModelEntry<'_>, created_unix: u64) -> String {
    let mut object = ObjectText::new();
    object.text("id", model.id).text("object", "model").whole("created", created_unix);
    object.text("owned_by", "seawall");
    if let Some(tokens) = model.context_tokens_max {
        object.whole("context_window", tokens);
    }
    if let Some(tokens) = model.output_tokens_max {
        object.whole("max_completion_tokens", tokens);
    }
    object.end()
}

/// A count of input tokens, for which OpenAI's chat has no form of its own.
pub(super) fn write_input_tokens(count: u64) -> Bytes {
    Bytes::from(format!(r#"{{"object":"input_tokens","input_tokens":{count}}}"#))
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
/// The responses form has the same.
pub(crate) fn words(kind: RefusalKind) -> (&'static str, Option<&'static str>) {
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
