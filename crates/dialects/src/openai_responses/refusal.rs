//! Writes refusals and the list of models in OpenAI's form. The words are those by which the
//! official clients choose the class of their error.

use bytes::Bytes;

use crate::form::ModelEntry;
use crate::object::ObjectText;
use crate::{Refusal, RefusalKind};

/// Above every number that a stream has counted to.
const SEQUENCE_NUMBER_LAST: u64 = i32::MAX.unsigned_abs() as u64;

/// The refusal as a body: `{"error":{message, type, param, code}}`, with `retry_after_s` beside
/// them if there is an honest wait.
pub(super) fn write_refusal(refusal: &Refusal) -> Bytes {
    Bytes::from(ObjectText::new().raw("error", &error_object(refusal)).end())
}

/// The refusal as the last event of a stream whose bytes were relayed. Its own count is not known
/// here; some clients want a number, and it must not fall.
pub(super) fn write_stream_refusal(refusal: &Refusal) -> Bytes {
    Bytes::from(error_event(refusal, SEQUENCE_NUMBER_LAST))
}

/// The event that ends a stream which will not be complete.
///
/// The error stands nested, as OpenAI's own servers send it and other than their papers say: the
/// Python client raises what has an `error` member, in raw iteration as in its helper, and gives a
/// flat `code` and `message` out as if it were one more event. The Node client raises both.
pub(super) fn error_event(refusal: &Refusal, sequence_number: u64) -> String {
    let data = ObjectText::of("error")
        .raw("error", &error_object(refusal))
        .whole("sequence_number", sequence_number)
        .end();
    format!("event: error\ndata: {data}\n\n")
}

/// The code that a failed response bears.
pub(super) fn failed_code(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::RateLimited => "rate_limit_exceeded",
        RefusalKind::InvalidRequest | RefusalKind::ContentFilter => "invalid_prompt",
        RefusalKind::ContextLength => "context_length_exceeded",
        RefusalKind::Overloaded => "server_is_overloaded",
        RefusalKind::ModelNotFound
        | RefusalKind::Unauthorized
        | RefusalKind::PayloadTooLarge
        | RefusalKind::UpstreamFailed
        | RefusalKind::UpstreamTimeout
        | RefusalKind::NotFound
        | RefusalKind::MethodNotAllowed
        | RefusalKind::Internal => "server_error",
    }
}

/// The list of models. `created_unix` is in seconds.
pub(super) fn write_models(models: &[ModelEntry<'_>], created_unix: u64) -> Bytes {
    let entries: Vec<String> =
        models.iter().map(|model| model_object(model, created_unix)).collect();
    Bytes::from(format!(r#"{{"object":"list","data":[{}]}}"#, entries.join(",")))
}

/// One model by itself.
pub(super) fn write_model(model: &ModelEntry<'_>, created_unix: u64) -> Bytes {
    Bytes::from(model_object(model, created_unix))
}

fn model_object(model: &ModelEntry<'_>, created_unix: u64) -> String {
    let owner = model.id.split_once('/').map_or("seawall", |(provider, _)| provider);
    ObjectText::new()
        .text("id", model.id)
        .text("object", "model")
        .whole("created", created_unix)
        .text("owned_by", owner)
        .end()
}

fn error_object(refusal: &Refusal) -> String {
    let (kind, code) = crate::openai_chat::write::words(refusal.kind);
    let param = match (refusal.param, refusal.kind) {
        (Some(param), _) => Some(param),
        (None, RefusalKind::ModelNotFound) => Some("model"),
        (None, RefusalKind::ContextLength) => Some("input"),
        (None, _) => None,
    };
    let or_null = |text: Option<&str>| text.map_or("null".to_owned(), crate::json::quoted);
    ObjectText::new()
        .text("message", &refusal.message)
        .text("type", kind)
        .raw("param", &or_null(param))
        .raw("code", &or_null(code))
        .whole_if("retry_after_s", refusal.retry_after_s)
        .end()
}
