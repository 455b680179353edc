//! Writes refusals, and the list of models.

use bytes::Bytes;
use clock::calendar::Rfc3339;

use crate::form::ModelEntry;
use crate::json::quoted;
use crate::object::ObjectText;
use crate::{Refusal, RefusalKind};

/// The refusal as a body: `{"type":"error","error":{type, message},"request_id"}`, with
/// `retry_after_s` in the error if there is an honest wait.
pub(super) fn write_refusal(refusal: &Refusal, request_id: &str) -> Bytes {
    let mut object = error_object(refusal);
    Bytes::from(object.text("request_id", request_id).end())
}

/// The refusal as the last event of a stream.
pub(super) fn error_event(refusal: &Refusal) -> Bytes {
    Bytes::from(format!("event: error\ndata: {}\n\n", error_object(refusal).end()))
}

fn error_object(refusal: &Refusal) -> ObjectText {
    let mut error = ObjectText::of(word(refusal));
    error.text("message", &message(refusal)).whole_if("retry_after_s", refusal.retry_after_s);
    let mut object = ObjectText::of("error");
    object.raw("error", &error.end());
    object
}

fn word(refusal: &Refusal) -> &'static str {
    match refusal.kind {
        RefusalKind::InvalidRequest
        | RefusalKind::ContextLength
        | RefusalKind::ContentFilter
        | RefusalKind::MethodNotAllowed => "invalid_request_error",
        RefusalKind::ModelNotFound | RefusalKind::NotFound => "not_found_error",
        RefusalKind::Unauthorized if refusal.status == 403 => "permission_error",
        RefusalKind::Unauthorized => "authentication_error",
        RefusalKind::PayloadTooLarge => "request_too_large",
        RefusalKind::RateLimited => "rate_limit_error",
        RefusalKind::Overloaded => "overloaded_error",
        RefusalKind::UpstreamTimeout => "timeout_error",
        RefusalKind::UpstreamFailed | RefusalKind::Internal => "api_error",
    }
}

/// Clients that shorten their prompt by themselves look for these words and no type.
fn message(refusal: &Refusal) -> String {
    const TOO_LONG: &str = "prompt is too long";
    if refusal.kind == RefusalKind::ContextLength && !refusal.message.contains(TOO_LONG) {
        return format!("{TOO_LONG}: {}", refusal.message);
    }
    refusal.message.clone()
}

/// One page with all models.
pub(super) fn write_models(models: &[ModelEntry<'_>], created_unix: u64) -> Bytes {
    let data: Vec<String> = models.iter().map(|model| entry(model, created_unix)).collect();
    let id = |model: Option<&ModelEntry<'_>>| model.map_or("null".to_owned(), |m| quoted(m.id));
    let mut page = ObjectText::new();
    page.list("data", &data)
        .flag("has_more", false)
        .raw("first_id", &id(models.first()))
        .raw("last_id", &id(models.last()));
    Bytes::from(page.end())
}

/// One model by itself.
pub(super) fn write_model(model: &ModelEntry<'_>, created_unix: u64) -> Bytes {
    Bytes::from(entry(model, created_unix))
}

fn entry(model: &ModelEntry<'_>, created_unix: u64) -> String {
    let created = i64::try_from(created_unix).unwrap_or(i64::MAX);
    let created_at = Rfc3339::seconds(created).to_string();
    ObjectText::of("model")
        .text("id", model.id)
        .text("display_name", model.id)
        .text("created_at", &created_at)
        .whole_if("max_input_tokens", model.context_tokens_max)
        .whole_if("max_tokens", model.output_tokens_max)
        .end()
}
