//! Refusals of ours: the words by which official clients choose their class of error, whole and in
//! a stream, and the list of models.

use dialects::{ModelEntry, Reading, Refusal, RefusalKind};
use domain::{FaultClass, Framing};
use serde_json::{Value, json};

use super::{envelope, event, form, read, translate};

const KINDS: [(RefusalKind, &str, Option<&str>); 13] = [
    (RefusalKind::InvalidRequest, "invalid_request_error", None),
    (RefusalKind::ModelNotFound, "invalid_request_error", Some("model_not_found")),
    (RefusalKind::ContextLength, "invalid_request_error", Some("context_length_exceeded")),
    (RefusalKind::ContentFilter, "invalid_request_error", Some("content_filter")),
    (RefusalKind::Unauthorized, "invalid_request_error", Some("invalid_api_key")),
    (RefusalKind::PayloadTooLarge, "invalid_request_error", Some("request_too_large")),
    (RefusalKind::RateLimited, "requests", Some("rate_limit_exceeded")),
    (RefusalKind::Overloaded, "service_unavailable_error", Some("server_is_overloaded")),
    (RefusalKind::UpstreamFailed, "server_error", Some("upstream_failed")),
    (RefusalKind::UpstreamTimeout, "server_error", Some("upstream_timeout")),
    (RefusalKind::NotFound, "invalid_request_error", Some("unknown_url")),
    (RefusalKind::MethodNotAllowed, "invalid_request_error", Some("method_not_supported")),
    (RefusalKind::Internal, "server_error", Some("internal_error")),
];

fn refusal(kind: RefusalKind) -> Refusal {
    let message = "no \"luck\"".to_owned();
    Refusal { status: 500, kind, message, param: None, retry_after_s: Some(90) }
}

#[test]
fn every_kind_has_its_words() {
    for (kind, word, code) in KINDS {
        let body = form().write_refusal(&refusal(kind), "id");
        let error = &serde_json::from_slice::<Value>(&body).unwrap()["error"];
        assert_eq!(error["type"], word);
        assert_eq!(error["code"].as_str(), code);
        assert_eq!(error["message"], "no \"luck\"");
        assert_eq!(error["retry_after_s"], 90);
        assert!(error.get("param").is_some());
    }
}

#[test]
fn a_broken_stream_ends_with_an_error_that_clients_raise() {
    for (kind, _, code) in KINDS {
        let relayed = form().write_stream_refusal(&refusal(kind), Framing::Events);
        let mut writer = form().stream_writer(&envelope());
        let started = writer.start();
        writer.event(&domain::Event::text("half"));
        let broken = writer.break_off(&refusal(kind));
        for end in [relayed, broken.clone()] {
            let end = String::from_utf8(end.to_vec()).unwrap();
            let first = end.split("\n\n").next().unwrap();
            let data = first.strip_prefix("event: error\ndata: ").unwrap();
            let data: Value = serde_json::from_str(data).unwrap();
            // Python raises at an `error` member that says something, and at nothing else.
            assert_eq!(data["error"]["code"].as_str(), code);
            assert_eq!(data["error"]["message"], "no \"luck\"");
            assert_eq!(data["type"], "error");
            assert!(data["sequence_number"].is_u64());
        }
        let started = String::from_utf8(started.to_vec()).unwrap();
        let created: Value =
            serde_json::from_str(started.lines().nth(1).unwrap().trim_start_matches("data: "))
                .unwrap();
        let broken = String::from_utf8(broken.to_vec()).unwrap();
        let failed: Value = serde_json::from_str(
            broken.trim_end().rsplit("\n\n").next().unwrap().split_once("data: ").unwrap().1,
        )
        .unwrap();
        assert_eq!(failed["type"], "response.failed");
        assert_eq!(failed["response"]["status"], "failed");
        assert_eq!(failed["response"]["id"], created["response"]["id"]);
        assert_eq!(failed["response"]["output"], json!([]));
        assert!(failed["response"]["error"]["message"].is_string());
    }
}

/// The class of the fault that a stream ends with.
fn class_of(stream: &str) -> Option<FaultClass> {
    let relayed = read([stream.as_bytes()], Reading::Relay { hide_usage: false }).fault;
    let translated = translate(stream).fault;
    assert_eq!(relayed, translated);
    relayed.map(|fault| fault.class)
}

#[test]
fn failures_in_a_stream_have_their_class() {
    use FaultClass as C;
    let created =
        event(r#"{"type":"response.created","response":{"id":"r","model":"m","output":[]}}"#);
    for (end, wanted) in [
        (
            r#"{"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"x"},"sequence_number":2}"#,
            C::QuotaExhausted,
        ),
        (
            r#"{"type":"error","code":"rate_limit_exceeded","message":"x","param":null}"#,
            C::RateLimited,
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"x"}}}"#,
            C::RateLimited,
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"overloaded"}}}"#,
            C::Overloaded,
        ),
        (
            r#"{"type":"response.failed","error":{"message":"x","code":"insufficient_quota"},"sequence_number":3}"#,
            C::QuotaExhausted,
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"context_length_exceeded","message":"x"}}}"#,
            C::ContextLength,
        ),
        (r#"{"type":"response.failed","response":{"status":"failed"}}"#, C::ServerError),
        (
            r#"{"type":"response.completed","response":{"status":"failed","error":{"code":"x","message":"y"}}}"#,
            C::ServerError,
        ),
    ] {
        assert_eq!(class_of(&(created.clone() + &event(end))), Some(wanted), "{end}");
        // Without the name of the event, as some proxies send it.
        assert_eq!(class_of(&format!("{created}data: {end}\n\n")), Some(wanted), "{end}");
    }
    let proxy = "data: {\"error\":{\"message\":\"x\",\"code\":503}}\n\n";
    assert_eq!(class_of(&(created.clone() + proxy)), Some(C::Overloaded));
    let half = event(
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"x"}"#,
    );
    assert_eq!(class_of(&(created.clone() + &half)), Some(C::Cut));
    assert_eq!(class_of(&(created.clone() + &half + "data: [DONE]\n\n")), Some(C::Cut));
    assert_eq!(class_of(&created), Some(C::Empty));
    assert_eq!(class_of("data: {]\n\n"), Some(C::Malformed));
}

#[test]
fn failures_in_a_whole_success_have_their_class() {
    use FaultClass as C;
    for (body, wanted) in [
        ("", C::Empty),
        ("<html>", C::Malformed),
        ("[]", C::Malformed),
        ("{}", C::Malformed),
        (r#"{"object":"response","status":"completed"}"#, C::Empty),
        (r#"{"error":{"code":"insufficient_quota"}}"#, C::QuotaExhausted),
        (
            r#"{"object":"response","status":"failed","output":[],"error":{"code":"server_error","message":"overloaded"}}"#,
            C::Overloaded,
        ),
        (r#"{"object":"response","status":"failed","output":[],"error":null}"#, C::ServerError),
    ] {
        let operation = domain::Operation::Generate;
        assert_eq!(
            form().see_whole(operation, body.as_bytes()).unwrap_err().class,
            wanted,
            "{body}"
        );
        assert_eq!(
            form().read_whole(operation, body.as_bytes()).unwrap_err().class,
            wanted,
            "{body}"
        );
    }
}

#[test]
fn models_are_listed() {
    let model = |id| ModelEntry { id, context_tokens_max: None, output_tokens_max: None };
    let list = form().write_models(&[model("openai/gpt-x"), model("assistant")], 7);
    let list: Value = serde_json::from_slice(&list).unwrap();
    assert_eq!(list["object"], "list");
    let wanted = json!({"id":"openai/gpt-x","object":"model","created":7,"owned_by":"seawall"});
    assert_eq!(list["data"][0], wanted);
    let one: Value =
        serde_json::from_slice(&form().write_model(&model("openai/gpt-x"), 7)).unwrap();
    assert_eq!(one, wanted);
}
