//! Writes refusals, and the list of models.

use bytes::Bytes;

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
    ObjectText::of("model")
        .text("id", model.id)
        .text("display_name", model.id)
        .text("created_at", &instant(created_unix))
        .whole_if("max_input_tokens", model.context_tokens_max)
        .whole_if("max_tokens", model.output_tokens_max)
        .end()
}

/// Seconds since 1970 as RFC 3339 writes them.
fn instant(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // The year is taken to begin in March, so that the leap day is its last; 719,468 days lie
    // between 1 March of the year 0 and 1 January 1970.
    let days = days.min(2_900_000) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_with_leap_days() {
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(instant(784_111_777), "1994-11-06T08:49:37Z");
        assert_eq!(instant(1_798_761_599), "2026-12-31T23:59:59Z");
        assert!(instant(u64::MAX).ends_with('Z'));
    }
}
