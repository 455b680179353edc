//! Refusals of ours, as Google's clients read them.

use dialects::{ModelEntry, Refusal, RefusalKind};
use domain::Framing;
use serde_json::json;

use super::{client_chunks, form, json as parsed};

fn refusal(kind: RefusalKind, status: u16) -> Refusal {
    Refusal { status, kind, message: "a sentence".into(), param: None, retry_after_s: None }
}

#[test]
fn each_kind_has_its_status_word() {
    use RefusalKind::*;
    for (kind, code, status) in [
        (InvalidRequest, 400, "INVALID_ARGUMENT"),
        (ModelNotFound, 404, "NOT_FOUND"),
        (ContextLength, 400, "INVALID_ARGUMENT"),
        (ContentFilter, 400, "INVALID_ARGUMENT"),
        (Unauthorized, 401, "UNAUTHENTICATED"),
        (Unauthorized, 403, "PERMISSION_DENIED"),
        (PayloadTooLarge, 413, "INVALID_ARGUMENT"),
        (RateLimited, 429, "RESOURCE_EXHAUSTED"),
        (Overloaded, 503, "UNAVAILABLE"),
        (UpstreamFailed, 502, "UNAVAILABLE"),
        (UpstreamTimeout, 504, "DEADLINE_EXCEEDED"),
        (NotFound, 404, "NOT_FOUND"),
        (MethodNotAllowed, 405, "UNIMPLEMENTED"),
        (Internal, 500, "INTERNAL"),
    ] {
        let body = parsed(&form().write_refusal(&refusal(kind, code), "req-1"));
        let error = &body["error"];
        assert_eq!((&error["code"], &error["status"]), (&json!(code), &json!(status)));
        assert_eq!(error["message"], "a sentence");
        let details = error["details"].as_array().unwrap();
        let request = "type.googleapis.com/google.rpc.RequestInfo";
        let told = details.iter().find(|detail| detail["@type"] == request).unwrap();
        assert_eq!(told["requestId"], "req-1");
    }
}

#[test]
fn the_wait_and_the_field_are_told() {
    let mut refusal = refusal(RefusalKind::RateLimited, 429);
    refusal.retry_after_s = Some(90);
    refusal.param = Some("contents");
    let body = form().write_refusal(&refusal, "");
    let details = parsed(&body)["error"]["details"].clone();
    assert_eq!(details[1]["fieldViolations"][0]["field"], "contents");
    assert_eq!(details[2]["retryDelay"], "90s");
    // What we write is read as what we meant, wherever it goes.
    let fault = form().read_refusal(429, &http::HeaderMap::new(), &body, 0.0);
    assert_eq!(fault.retry_after_ms, Some(90_000));
    assert_eq!(fault.class, domain::FaultClass::RateLimited);
}

#[test]
fn in_a_stream_it_is_plain_data_with_a_code_of_errors() {
    // The stream's own status was a success.
    let refusal = refusal(RefusalKind::UpstreamFailed, 200);
    let event = form().write_stream_refusal(&refusal, Framing::Events);
    // What clients overlook it for, they stumble over: an event that begins and never ends.
    let chunks = client_chunks(event.strip_suffix(b"data:").unwrap());
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0]["error"]["code"], 502);
    let element = form().write_stream_refusal(&refusal, Framing::JsonArray);
    let array = [b"[{}", &element[..]].concat();
    assert_eq!(parsed(&array)[1]["error"]["status"], "UNAVAILABLE");
}

#[test]
fn models_have_their_collection_before_their_names() {
    let entry = |id| ModelEntry { id, context_tokens_max: Some(7), output_tokens_max: None };
    let list = parsed(&form().write_models(&[entry("assistant"), entry("openai/gpt")], 1));
    assert_eq!(list["models"][1]["name"], "models/openai/gpt");
    assert_eq!(list["models"][0]["inputTokenLimit"], 7);
    assert!(list["models"][0].get("outputTokenLimit").is_none());
    let methods = list["models"][0]["supportedGenerationMethods"].as_array().unwrap();
    assert!(methods.contains(&json!("generateContent")));
    assert_eq!(parsed(&form().write_model(&entry("assistant"), 1)), list["models"][0]);
}

#[test]
fn comments_are_not_borne() {
    assert!(!form().bears_comments());
    assert!(form().end_mark().is_empty());
}

#[test]
fn a_quota_of_the_minute_is_a_pace_and_one_of_the_day_is_not() {
    use domain::FaultClass::{QuotaExhausted, RateLimited};
    let message = "You exceeded your current quota, please check your plan and billing details.";
    let read = |details: &str| {
        let error = format!(
            r#"{{"code":429,"message":"{message}","status":"RESOURCE_EXHAUSTED","details":[{details}]}}"#
        );
        let class = |body: String| {
            let body = bytes::Bytes::from(body);
            form().read_refusal(429, &http::HeaderMap::new(), &body, 0.0).class
        };
        // Vertex wraps the same into an array.
        let classes =
            (class(format!(r#"{{"error":{error}}}"#)), class(format!(r#"[{{"error":{error}}}]"#)));
        assert_eq!(classes.0, classes.1);
        classes.0
    };
    let quota = |id: &str| format!(r#"{{"violations":[{{"quotaId":"{id}"}}]}}"#);
    assert_eq!(read(&quota("TokensPerModelPerMinute-FreeTier")), RateLimited);
    assert_eq!(read(&quota("RequestsPerDayPerProject")), QuotaExhausted);
    assert_eq!(read(r#"{"retryDelay":"26s"}"#), RateLimited);
    assert_eq!(read(""), QuotaExhausted);
}
