//! Anthropic's messages: how a request is read, and what a refusal says.

mod stream;

use serde_json::{Value, json};

pub(super) use stream::Stream;

use super::super::ask::{Ask, Delivery, flag, list, model, object, speaks, text_of, words_in};
use super::super::date;
use super::super::http::Received;
use super::super::refusal::Cause;
use super::{Envelope, Order, Refused, Service, Wish, until};

/// The versions of the interface that are alive.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

/// Reads a request for a message, or for the count of one's tokens.
pub(super) fn read(service: Service, received: &Received) -> Result<Order, String> {
    let version =
        received.header("anthropic-version").ok_or("anthropic-version: header is required")?;
    if !VERSIONS.contains(&version) {
        return Err("anthropic-version: this version is not known".to_owned());
    }
    read_body(service, &received.body)
}

fn read_body(service: Service, body: &[u8]) -> Result<Order, String> {
    let body = object(body)?;
    let model = model(body.get("model").and_then(Value::as_str))?;
    if !body.get("messages").is_some_and(Value::is_array) {
        return Err("messages: Field required".to_owned());
    }
    let counts = service == Service::Count;
    if !counts && !body.get("max_tokens").is_some_and(Value::is_u64) {
        return Err("max_tokens: Field required".to_owned());
    }
    let turns = list(&body, "messages");
    let last = turns.last();
    let blocks = |turn| list(turn, "content").iter();
    let text = |turn: &Value| text_of(turn.get("content"));
    let spoken: usize = turns.iter().map(|turn| words_in(&text(turn))).sum();
    let events = !counts && flag(&body, "/stream");
    let format = body.pointer("/output_config/format").or(body.get("output_format"));
    let mut ask = Ask {
        model,
        delivery: if events { Delivery::Events } else { Delivery::Whole },
        output_tokens_max: body.get("max_tokens").and_then(Value::as_u64),
        ends_with_tool: last.is_some_and(|turn| blocks(turn).any(|it| is(it, "tool_result"))),
        schema: format.and_then(|format| format.get("schema")).cloned(),
        images: turns.iter().flat_map(blocks).filter(|block| is(block, "image")).count(),
        prompt_words: spoken + words_in(&text_of(body.get("system"))),
        ..Ask::default()
    };
    // The provider's own tools have a type and no schema; they are not called.
    let own = |tool: &&Value| tool.get("input_schema").is_some();
    ask.offer(list(&body, "tools").iter().filter(own), &["input_schema"]);
    ask.heed_last(turns, speaks, text);
    ask.heed_seals(&body);
    Ok(Order { ask, wish: if counts { Wish::Count } else { Wish::Answer } })
}

fn is(block: &Value, kind: &str) -> bool {
    block.get("type").and_then(Value::as_str) == Some(kind)
}

/// The body of a count.
pub(super) fn count(tokens: usize) -> String {
    json!({ "input_tokens": tokens }).to_string()
}

fn request_id(envelope: &Envelope) -> String {
    format!("req_wall_{}", envelope.serial)
}

/// Header lines of an answer.
pub(super) fn headers(envelope: &Envelope) -> String {
    format!("request-id: {}\r\n", request_id(envelope))
}

/// An error as Anthropic sends it.
pub(super) fn refuse(cause: &Cause, envelope: &Envelope) -> Refused {
    let (status, kind) = match cause {
        Cause::RateLimited { .. }
        | Cause::LimitedUntil { .. }
        | Cause::LimitedInBody { .. }
        | Cause::Accelerated
        | Cause::Spent => (429, "rate_limit_error"),
        Cause::ServerError => (500, "api_error"),
        Cause::Unavailable => (503, "api_error"),
        Cause::Overloaded | Cause::Busy => (529, "overloaded_error"),
        Cause::BadKey => (401, "authentication_error"),
        Cause::UnknownModel | Cause::NotFound => (404, "not_found_error"),
        Cause::Unreadable(413, _) => (413, "request_too_large"),
        other => (other.status(), "invalid_request_error"),
    };
    let message = match cause {
        Cause::Overloaded | Cause::Busy => "Overloaded".to_owned(),
        Cause::Accelerated => "This request would exceed your organization's maximum usage \
                               increase rate for input tokens per minute. Please scale up your \
                               input tokens usage more gradually."
            .to_owned(),
        Cause::Spent => "You have reached your specified API usage limits.".to_owned(),
        Cause::ForeignSeal => {
            "messages.1.content.0: Invalid `signature` in `thinking` block".to_owned()
        }
        Cause::TooLong => "prompt is too long: 17 tokens > 16 maximum".to_owned(),
        Cause::Filtered => "Output blocked by content filtering policy".to_owned(),
        Cause::BadKey => "invalid x-api-key".to_owned(),
        Cause::UnknownModel => format!("model: {}", envelope.model),
        other => other.message().to_owned(),
    };
    let mut headers = headers(envelope);
    if *cause == Cause::Spent {
        headers.push_str("x-should-retry: false\r\n");
    } else if matches!(status, 429 | 529) {
        headers.push_str("x-should-retry: true\r\n");
    }
    if let Cause::LimitedUntil { seconds } = cause {
        headers.push_str(&until(envelope, *seconds));
    }
    if let Cause::RateLimited { retry_after_s: Some(seconds) } = cause {
        // The reset is an instant, to be read against the answer's own date.
        let reset = date::instant(envelope.created.saturating_add(u64::from(*seconds)));
        headers.push_str(&format!(
            "retry-after: {seconds}\r\nanthropic-ratelimit-requests-limit: 50\r\n\
             anthropic-ratelimit-requests-remaining: 0\r\n\
             anthropic-ratelimit-requests-reset: {reset}\r\n"
        ));
    }
    let mut error = json!({"type": kind, "message": message});
    if let (Cause::Spent, Some(error)) = (cause, error.as_object_mut()) {
        let details = json!({"error_code": "enforced_spend_limit_reached"});
        error.insert("details".to_owned(), details);
    }
    let body = json!({"type": "error", "error": error, "request_id": request_id(envelope)});
    Refused::json(status, headers, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read() {
        let order = read_body(
            Service::Answer,
            br#"{"model":"fb-ok","max_tokens":9,"stream":true,
                "system":[{"type":"text","text":"be brief"}],
                "output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},
                "tools":[{"type":"web_search_20250305","name":"web_search"},
                  {"name":"weather","input_schema":{"a":1}}],
                "messages":[
                  {"role":"user","content":[{"type":"text","text":"two words"},
                    {"type":"image","source":{"type":"base64"}}]},
                  {"role":"assistant","content":[{"type":"text","text":"Each morning"}]}]}"#,
        );
        let ask = order.unwrap().ask;
        assert_eq!((ask.model.as_str(), ask.delivery), ("fb-ok", Delivery::Events));
        assert_eq!(ask.prefill.as_deref(), Some("Each morning"));
        assert_eq!(ask.tools[0].name, "weather");
        assert_eq!(
            (ask.schema, ask.images, ask.prompt_words),
            (Some(json!({"type": "object"})), 1, 6)
        );
    }

    #[test]
    fn a_turn_of_results_is_seen_and_the_older_format_too() {
        let ask = read_body(
            Service::Count,
            br#"{"model":"m","output_format":{"type":"json_schema","schema":{}},"stream":true,
                "messages":[{"role":"user","content":[{"type":"tool_result","content":"4"},
                  {"type":"text","text":"so?"}]}]}"#,
        )
        .unwrap()
        .ask;
        assert!(ask.ends_with_tool && ask.prefill.is_none());
        assert_eq!((ask.schema, ask.delivery), (Some(json!({})), Delivery::Whole));
        let body = br#"{"model":"m","messages":[]}"#;
        assert_eq!(read_body(Service::Answer, body).unwrap_err(), "max_tokens: Field required");
        assert!(read_body(Service::Count, body).is_ok());
    }

    #[test]
    fn refusals_have_the_status_of_their_kind() {
        let envelope = Envelope { serial: 7, model: "gpt".to_owned(), ..Envelope::default() };
        for (cause, status, kind) in [
            (Cause::Overloaded, 529, "overloaded_error"),
            (Cause::RateLimited { retry_after_s: None }, 429, "rate_limit_error"),
            (Cause::ServerError, 500, "api_error"),
            (Cause::UnknownModel, 404, "not_found_error"),
            (Cause::TooLong, 400, "invalid_request_error"),
        ] {
            let refused = refuse(&cause, &envelope);
            let body: Value = serde_json::from_str(&refused.body).unwrap();
            assert_eq!((refused.status, body["error"]["type"].as_str()), (status, Some(kind)));
            assert_eq!(
                (&body["type"], &body["request_id"]),
                (&json!("error"), &json!("req_wall_7"))
            );
            assert!(refused.headers.starts_with("request-id: req_wall_7\r\n"));
        }
    }

    #[test]
    fn a_reset_is_an_instant() {
        let limited = Cause::RateLimited { retry_after_s: Some(2) };
        let envelope = Envelope { created: 1_717_459_200, ..Envelope::default() };
        let headers = refuse(&limited, &envelope).headers;
        assert!(headers.contains("requests-reset: 2024-06-04T00:00:02Z\r\n"), "{headers}");
    }

    proptest::proptest! {
        #[test]
        fn no_body_brings_it_down(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            drop(read_body(Service::Answer, &body));
        }
    }
}
