//! Recorded exchanges with Anthropic: bytes go through, and what is read equals what an independent
//! reader saw. Skipped where there is no folder of recordings.

use bytes::Bytes;
use domain::{Content, FaultClass, Finish, Operation, Reply, Usage};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::requests::{normal, same_request};
use super::validator::message_of;
use super::{ask, envelope, events, form, full, gathered, relay, request, write, written};
use crate::fixtures::{self, Recording};

fn messages() -> Vec<Recording> {
    fixtures::of(&["messages"])
}

fn finish_of(word: &Value, details: &Value) -> Option<&'static str> {
    Some(match word.as_str()? {
        "end_turn" | "stop_sequence" => "stop",
        "max_tokens" => "length",
        "tool_use" => "tool_calls",
        "pause_turn" => "paused",
        "refusal" if details["category"].is_string() => "content_filter",
        "refusal" => "refusal",
        other => panic!("{other}"),
    })
}

fn usage_of(usage: &Value) -> Option<Usage> {
    let told = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    usage.is_object().then(|| Usage {
        input_uncached: told("/input_tokens"),
        cache_read: told("/cache_read_input_tokens"),
        cache_write: told("/cache_creation_input_tokens"),
        cache_write_hour: told("/cache_creation/ephemeral_1h_input_tokens"),
        output: told("/output_tokens"),
        reasoning: told("/output_tokens_details/thinking_tokens"),
        estimated: false,
    })
}

/// `stop_details` stand in the body only.
fn details(recording: &Recording) -> Value {
    let text = String::from_utf8_lossy(&recording.body);
    if text.contains("\"category\":\"cyber\"") || text.contains("\"category\": \"cyber\"") {
        return json!({"category": "cyber"});
    }
    Value::Null
}

fn compare(recording: &Recording, completion: &domain::Completion) {
    let path = &recording.path;
    let summary = &recording.meta["summary"];
    assert_eq!(completion.model.as_deref(), summary["model"].as_str(), "{path}");
    let choice = completion.choices.first();
    let content = choice.map(|choice| choice.content.as_slice()).unwrap_or_default();
    let (mut text, mut calls) = (String::new(), Vec::new());
    for part in content {
        match part {
            Content::Text(part) => text.push_str(&part.text),
            Content::ToolCall(call) => calls.push(call),
            _ => {}
        }
    }
    assert_eq!(text, summary["text"].as_str().unwrap_or_default(), "{path}");
    let wanted = summary["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), wanted.len(), "{path}");
    for (call, wanted) in calls.iter().zip(wanted) {
        assert_eq!((&*call.id, &*call.name), (text_of(&wanted["id"]), text_of(&wanted["name"])));
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(json!({}));
        assert_eq!(json(&call.arguments), json(text_of(&wanted["arguments"])), "{path}");
    }
    let finish = choice.and_then(|choice| choice.finish.as_ref()).map(Finish::as_str);
    assert_eq!(finish, finish_of(&summary["finish"], &details(recording)), "{path}");
    if recording.kind != "midstream-error" {
        assert_eq!(completion.usage, usage_of(&summary["usage"]), "{path}");
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn whole_answers_read_as_the_summary_says() {
    for recording in messages().iter().filter(|one| !one.stream && one.status == 200) {
        let path = &recording.path;
        let read = form().read_whole(Operation::Generate, &recording.body);
        let (Reply::Completion(completion), _) = read.unwrap() else { panic!("{path}") };
        compare(recording, &completion);
        let sight = form().see_whole(Operation::Generate, &recording.body).unwrap();
        assert_eq!(sight.usage, completion.usage, "{path}");
        assert_eq!(sight.model, completion.model, "{path}");
        assert_eq!(sight.finish, completion.choices[0].finish, "{path}");
        let chars = text_of(&recording.meta["summary"]["text"]).chars().count();
        assert_eq!(sight.text_chars as usize, chars, "{path}");
    }
}

#[test]
fn whole_answers_are_written_as_they_were_read() {
    for recording in messages().iter().filter(|one| !one.stream && one.status == 200) {
        let path = &recording.path;
        let (reply, _) = form().read_whole(Operation::Generate, &recording.body).unwrap();
        let again = form().write_whole(&reply, &envelope());
        let mut wanted: Value = serde_json::from_slice(&recording.body).unwrap();
        let mut seen: Value = serde_json::from_slice(&again.body).unwrap();
        for message in [&mut wanted, &mut seen] {
            held_only(message);
        }
        assert_eq!(seen, wanted, "{path}");
    }
}

/// Takes away what the internal form does not hold, or what is ours to choose; adjacent texts
/// without citations are one.
fn held_only(message: &mut Value) {
    let object = message.as_object_mut().unwrap();
    for name in ["id", "model", "container", "context_management"] {
        object.remove(name);
    }
    if object.get("stop_details") == Some(&Value::Null) {
        object.remove("stop_details");
    }
    if let Some(details) = object.get_mut("stop_details").and_then(Value::as_object_mut) {
        details.remove("recommended_model");
    }
    let usage = object["usage"].as_object_mut().unwrap();
    usage.retain(|name, value| {
        (name.ends_with("_tokens") || name == "output_tokens_details") && *value != json!(0)
    });
    if usage.get("output_tokens_details") == Some(&json!({"thinking_tokens": 0})) {
        usage.remove("output_tokens_details");
    }
    let content = object["content"].as_array_mut().unwrap();
    let mut kept: Vec<Value> = Vec::new();
    for mut block in std::mem::take(content) {
        let kind = block["type"].as_str().unwrap().to_owned();
        match kind.as_str() {
            "server_tool_use" => continue,
            "web_search_tool_result" => {
                block["tool_use_id"] = Value::Null;
                block.as_object_mut().unwrap().remove("caller");
                for result in block["content"].as_array_mut().unwrap() {
                    result["encrypted_content"] = Value::Null;
                }
            }
            "text" => {
                for citation in block["citations"].as_array_mut().into_iter().flatten() {
                    citation["encrypted_index"] = Value::Null;
                }
                let plain = block.get("citations").is_none_or(Value::is_null);
                if let (true, Some(last)) = (plain, kept.last_mut())
                    && last["type"] == "text"
                    && last.get("citations").is_none()
                {
                    let joined = format!("{}{}", text_of(&last["text"]), text_of(&block["text"]));
                    last["text"] = Value::String(joined);
                    continue;
                }
            }
            "tool_use" => {
                block.as_object_mut().unwrap().remove("caller");
            }
            "thinking" => {}
            _ => continue,
        }
        kept.push(block);
    }
    *content = kept;
}

#[test]
fn streams_go_through_byte_for_byte_and_read_as_the_summary_says() {
    for recording in messages().iter().filter(|one| one.stream) {
        let path = &recording.path;
        let relayed = relay([&recording.body[..]]);
        let (events, fault) = events([&recording.body[..]]);
        assert_eq!(relayed.fault, fault, "{path}");
        let chars = text_of(&recording.meta["summary"]["text"]).chars().count();
        assert_eq!(relayed.sight.text_chars as usize, chars, "{path}");
        let (completion, _) = gathered(events);
        compare(recording, &completion);
        assert_eq!(relayed.sight.usage, completion.usage, "{path}");
        assert_eq!(relayed.sight.finish, completion.choices[0].finish, "{path}");
        assert_eq!(relayed.sight.model, completion.model, "{path}");
        if recording.kind == "midstream-error" {
            assert_eq!(fault.unwrap().class, FaultClass::Overloaded, "{path}");
            assert!(recording.body.starts_with(&relayed.bytes), "{path}");
        } else {
            assert_eq!(fault, None, "{path}");
            assert_eq!(relayed.bytes, recording.body, "{path}");
            assert_eq!(relayed.sight.malformed, 0, "{path}");
            assert!(relayed.sight.end_mark, "{path}");
        }
    }
}

#[test]
fn streams_are_written_as_clients_want_them_and_read_again() {
    for recording in messages().iter().filter(|one| one.stream) {
        let path = &recording.path;
        let (before, fault) = events([&recording.body[..]]);
        if fault.is_some() {
            continue;
        }
        let (stream, _) = written(&before);
        let message = message_of(&stream);
        let (first, _) = gathered(before);
        let (again, fault) = events([stream.as_bytes()]);
        assert_eq!(fault, None, "{path}");
        let (mut second, losses) = gathered(again);
        assert!(losses.is_empty(), "{path}: {losses:?}");
        let mut first = first;
        for completion in [&mut first, &mut second] {
            (completion.id, completion.model) = (None, None);
            for part in &mut completion.choices[0].content {
                // A stream's citations belong to the block that is open when they come.
                if let Content::Text(text) = part {
                    text.citations.iter_mut().for_each(|citation| citation.span = None);
                }
            }
        }
        assert_eq!(second, first, "{path}");
        assert_eq!(message["stop_reason"], recording.meta["summary"]["finish"], "{path}");
    }
}

#[test]
fn requests_change_in_their_model_alone_and_are_written_as_they_were_read() {
    for recording in fixtures::of(&["messages", "count_tokens"]) {
        let path = &recording.path;
        let asked = &recording.request["body"];
        let body = Bytes::from(serde_json::to_vec_pretty(asked).unwrap());
        let outline = form().read_outline(&ask(&body)).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(outline.stream, asked["stream"] == json!(true), "{path}");
        assert_eq!(outline.output_tokens_max, asked["max_tokens"].as_u64(), "{path}");
        let name = outline.model.to_string();
        let changed = form().rewrite(&request(&body), "another", false);
        let wanted = String::from_utf8(body.to_vec())
            .unwrap()
            .replace(&format!("\"model\": \"{name}\""), "\"model\": \"another\"");
        assert_eq!(String::from_utf8(changed.to_vec()).unwrap(), wanted, "{path}");

        let read = full(asked);
        assert!(read.needs.contains(outline.needs), "{path}");
        let (again, losses) = write(read, &name);
        same_request(path, normal(asked), normal(&again), &losses);
    }
}

#[test]
fn recorded_refusals_have_their_class() {
    for recording in fixtures::of(&["messages", "count_tokens"]) {
        if recording.status < 400 {
            continue;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in recording.meta["response_headers"].as_object().unwrap() {
            let value = HeaderValue::from_str(text_of(value)).unwrap();
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        let body = Bytes::from(recording.body.clone());
        let fault = form().read_refusal(recording.status, &headers, &body, 0.0);
        let wanted = match recording.path.rsplit('/').next().unwrap() {
            "err-429-requests-no-retry-after" => FaultClass::RateLimited,
            "err-529-details-null" | "err-529-overloaded" | "err-529-overloaded-no-request-id" => {
                FaultClass::Overloaded
            }
            "anthropic-count-tokens-error" => FaultClass::ModelUnknown,
            other => panic!("a new recording: {other}"),
        };
        assert_eq!(fault.class, wanted, "{}: {fault}", recording.path);
    }
}

#[test]
fn counts_are_read() {
    for recording in fixtures::of(&["count_tokens"]).iter().filter(|one| one.status == 200) {
        let read = form().read_whole(Operation::CountTokens, &recording.body).unwrap();
        let body: Value = serde_json::from_slice(&recording.body).unwrap();
        let count = body["input_tokens"].as_u64().unwrap();
        assert_eq!(read.0, Reply::InputTokens { count, estimated: false });
        assert!(form().see_whole(Operation::CountTokens, &recording.body).is_ok());
    }
}
