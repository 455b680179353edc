//! Refusals, the end mark and the list of models, as official clients look for them.

use bytes::Bytes;
use dialects::{ModelEntry, Refusal, RefusalKind};
use domain::{FaultClass, Framing};
use http::HeaderMap;
use serde_json::{Value, json};

use super::form;

fn refusal(kind: RefusalKind, status: u16) -> Refusal {
    Refusal { status, kind, message: "why".to_owned(), param: None, retry_after_s: None }
}

#[test]
fn every_kind_has_its_type() {
    for (kind, status, word) in [
        (RefusalKind::InvalidRequest, 400, "invalid_request_error"),
        (RefusalKind::ModelNotFound, 404, "not_found_error"),
        (RefusalKind::ContextLength, 400, "invalid_request_error"),
        (RefusalKind::ContentFilter, 400, "invalid_request_error"),
        (RefusalKind::Unauthorized, 401, "authentication_error"),
        (RefusalKind::Unauthorized, 403, "permission_error"),
        (RefusalKind::PayloadTooLarge, 413, "request_too_large"),
        (RefusalKind::RateLimited, 429, "rate_limit_error"),
        (RefusalKind::Overloaded, 529, "overloaded_error"),
        (RefusalKind::UpstreamFailed, 502, "api_error"),
        (RefusalKind::UpstreamTimeout, 504, "timeout_error"),
        (RefusalKind::NotFound, 404, "not_found_error"),
        (RefusalKind::MethodNotAllowed, 405, "invalid_request_error"),
        (RefusalKind::Internal, 500, "api_error"),
    ] {
        let body: Value =
            serde_json::from_slice(&form().write_refusal(&refusal(kind, status), "req_1")).unwrap();
        assert_eq!((&body["type"], &body["request_id"]), (&json!("error"), &json!("req_1")));
        assert_eq!(body["error"]["type"], word, "{kind:?}");
        assert!(body["error"]["message"].as_str().unwrap().ends_with("why"));
        let event = form().write_stream_refusal(&refusal(kind, status), Framing::Events);
        let event = std::str::from_utf8(&event).unwrap();
        assert!(event.starts_with("event: error\ndata: {") && event.ends_with("\n\n"));
    }
}

#[test]
fn waits_are_told_and_a_long_prompt_is_called_so() {
    let waiting = Refusal { retry_after_s: Some(90), ..refusal(RefusalKind::RateLimited, 429) };
    let body: Value = serde_json::from_slice(&form().write_refusal(&waiting, "r")).unwrap();
    assert_eq!(body["error"]["retry_after_s"], 90);
    let long = form().write_refusal(&refusal(RefusalKind::ContextLength, 400), "r");
    assert!(std::str::from_utf8(&long).unwrap().contains("prompt is too long: why"));
}

#[test]
fn the_providers_words_have_their_class() {
    for (status, kind, message, class) in [
        (
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the API",
            FaultClass::QuotaExhausted,
        ),
        (
            400,
            "invalid_request_error",
            "prompt is too long: 9 tokens > 8 maximum",
            FaultClass::ContextLength,
        ),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
            FaultClass::ContextLength,
        ),
        (
            400,
            "invalid_request_error",
            "messages: at least one message is required",
            FaultClass::CallerFault,
        ),
        (401, "authentication_error", "invalid x-api-key", FaultClass::KeyRejected),
        (402, "billing_error", "pay", FaultClass::QuotaExhausted),
        (403, "permission_error", "no", FaultClass::KeyRejected),
        (404, "not_found_error", "model: x", FaultClass::ModelUnknown),
        (429, "rate_limit_error", "slow", FaultClass::RateLimited),
        (
            429,
            "rate_limit_error",
            "This request would exceed your organization's maximum usage increase rate for input \
             tokens per minute. Please scale up your input tokens usage more gradually",
            FaultClass::Acceleration,
        ),
        (429, "enforced_spend_limit_reached", "the month's limit", FaultClass::SpendLimit),
        (
            400,
            "invalid_request_error",
            "You have reached your specified API usage limits. You will regain access on 2026-12-01",
            FaultClass::SpendLimit,
        ),
        (500, "api_error", "Internal server error", FaultClass::ServerError),
        (504, "timeout_error", "late", FaultClass::ServerError),
        (529, "overloaded_error", "Overloaded", FaultClass::Overloaded),
    ] {
        let body = json!({"type": "error", "error": {"type": kind, "message": message}});
        let body = Bytes::from(serde_json::to_vec(&body).unwrap());
        let fault = form().read_refusal(status, &HeaderMap::new(), &body, 0.0);
        assert_eq!(fault.class, class, "{message}");
        let relayed = fault.relayable.is_some();
        let callers = matches!(class, FaultClass::CallerFault | FaultClass::ContextLength);
        assert_eq!(relayed, callers, "{message}");
    }
}

#[test]
fn models_are_listed() {
    let entry = |id| ModelEntry { id, context_tokens_max: Some(200_000), output_tokens_max: None };
    let list: Value =
        serde_json::from_slice(&form().write_models(&[entry("a"), entry("b")], 1_700_000_000))
            .unwrap();
    assert_eq!(
        (&list["has_more"], &list["first_id"], &list["last_id"]),
        (&json!(false), &json!("a"), &json!("b"))
    );
    let wanted = json!({"type": "model", "id": "a", "display_name": "a",
        "created_at": "2023-11-14T22:13:20Z", "max_input_tokens": 200_000});
    assert_eq!(list["data"][0], wanted);
    let one: Value =
        serde_json::from_slice(&form().write_model(&entry("a"), 1_700_000_000)).unwrap();
    assert_eq!(one, wanted);
    let none: Value = serde_json::from_slice(&form().write_models(&[], 0)).unwrap();
    assert_eq!(none, json!({"data": [], "has_more": false, "first_id": null, "last_id": null}));
}

#[test]
fn the_end_mark_is_the_last_event() {
    assert_eq!(form().end_mark(), b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    assert!(form().bears_comments());
}
