//! Recorded exchanges with many providers: what the readers see equals what an independent reader
//! saw, and what is written means the same. Skipped with a line where there is no folder of
//! recordings.

use std::sync::OnceLock;

use bytes::Bytes;
use dialects::{Order, Reading, Vendor};
use domain::{
    Completion, Content, Dialect, FaultClass, Finish, Full, ModelCard, Operation, Reply, Request,
    Role, Sight,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::reading::{
    envelope, form, read, read_conversation, read_outline, read_whole, translate, write,
};
use super::validator;
use crate::fixtures::{self, Recording};

/// All exchanges in OpenAI's chat form; none without a folder.
pub(crate) fn all() -> &'static [Recording] {
    static RECORDINGS: OnceLock<Vec<Recording>> = OnceLock::new();
    RECORDINGS.get_or_init(|| {
        let found = fixtures::of(&["chat", "openai-compat-chat"]);
        assert!(found.is_empty() || found.len() > 80, "only {} recordings", found.len());
        found
    })
}

/// All streams among them.
pub(crate) fn streams() -> impl Iterator<Item = &'static Recording> {
    all().iter().filter(|recording| recording.stream)
}

fn wholes() -> impl Iterator<Item = &'static Recording> {
    all().iter().filter(|recording| !recording.stream && recording.status == 200)
}

/// The text by the summary; two recordings have their text in parts, which the summary's reader
/// did not look into.
fn text_of(recording: &Recording) -> String {
    match recording.path.as_str() {
        "mistral/chat/mistral-reasoning-stream" => "2 + 2 = 4".to_owned(),
        "mistral/chat/mistral-reasoning" => {
            let whole: Value = serde_json::from_slice(&recording.body).unwrap();
            let parts = whole["choices"][0]["message"]["content"].as_array().unwrap().clone();
            parts.iter().filter_map(|part| part["text"].as_str()).collect()
        }
        _ => recording.meta["summary"]["text"].as_str().unwrap_or_default().to_owned(),
    }
}

fn count(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap()
}

/// The summary's finish in the words of the internal form.
fn finish_of(recording: &Recording) -> Option<String> {
    let word = recording.meta["summary"]["finish"].as_str()?;
    Some(word.replace("function_call", "tool_calls").replace("eos", "stop"))
}

fn compare(recording: &Recording, sight: &Sight) {
    let path = &recording.path;
    let summary = &recording.meta["summary"];
    assert_eq!(u64::from(sight.text_chars), count(&text_of(recording)), "{path}");
    let finish = sight.finish.as_ref().map(|finish| match finish {
        Finish::Other(word) => word.to_string(),
        known => known.as_str().to_owned(),
    });
    assert_eq!(finish, finish_of(recording), "{path}");
    assert_eq!(sight.model.as_deref(), summary["model"].as_str(), "{path}");
    // The error's own chunk has usage beside the error; it is no longer read.
    let usage = match recording.kind.as_str() {
        "midstream-error" => &Value::Null,
        _ => &summary["usage"],
    };
    assert_eq!(sight.usage.is_some(), usage.is_object(), "{path}");
    if let Some(seen) = sight.usage {
        let told = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let (prompt, completion) = (told("/prompt_tokens"), told("/completion_tokens"));
        assert_eq!(seen.input(), prompt, "{path}");
        assert_eq!(
            seen.output,
            completion.max(told("/total_tokens").saturating_sub(prompt)),
            "{path}"
        );
        let cached = told("/prompt_tokens_details/cached_tokens").max(told("/num_cached_tokens"));
        assert_eq!(seen.cache_read, cached, "{path}");
        let reasoning = told("/completion_tokens_details/reasoning_tokens");
        assert!(seen.reasoning >= reasoning.min(seen.output), "{path}");
    }
}

/// A whole answer, read or gathered, against the summary.
fn compare_whole(recording: &Recording, completion: &Completion) {
    let path = &recording.path;
    let summary = &recording.meta["summary"];
    let choice = &completion.choices[0];
    let mut text = String::new();
    let mut calls = Vec::new();
    for part in &choice.content {
        match part {
            Content::Text(part) => text.push_str(&part.text),
            Content::ToolCall(call) => calls.push(json!({
                "id": &*call.id, "name": &*call.name, "arguments": call.arguments,
            })),
            _ => {}
        }
    }
    assert_eq!(text, text_of(recording), "{path}");
    let none_for_null = |call: &Value| {
        let text = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
        (text("id"), text("name"), text("arguments"))
    };
    let wanted: Vec<_> =
        summary["tool_calls"].as_array().unwrap().iter().map(none_for_null).collect();
    assert_eq!(calls.iter().map(none_for_null).collect::<Vec<_>>(), wanted, "{path}");
    let finish = choice.finish.as_ref().map(|finish| finish.as_str().to_owned());
    assert_eq!(finish, finish_of(recording), "{path}");
    assert_eq!(completion.model.as_deref(), summary["model"].as_str(), "{path}");
    if recording.kind == "azure-content-filter" && finish.as_deref() == Some("content_filter") {
        assert!(!matches!(&choice.finish, Some(Finish::ContentFilter(why)) if why.is_empty()));
    }
}

fn is_filtered(recording: &Recording) -> bool {
    recording.meta["summary"]["finish"] == "content_filter"
}

#[test]
fn whole_answers_are_read_as_the_summary_says() {
    for recording in wholes() {
        let sight = form()
            .see_whole(Operation::Generate, &recording.body)
            .unwrap_or_else(|fault| panic!("{}: {fault}", recording.path));
        compare(recording, &sight);
        // Only the filtered answers carry nothing.
        assert_eq!(sight.content_deltas == 1, !is_filtered(recording), "{}", recording.path);
        let (completion, _) = read_whole(&recording.body).unwrap();
        compare_whole(recording, &completion);
        assert_eq!(completion.usage, sight.usage, "{}", recording.path);
    }
}

#[test]
fn whole_answers_are_written_as_they_were_read() {
    for recording in wholes() {
        let path = &recording.path;
        let (completion, _) = read_whole(&recording.body).unwrap();
        let reply = Reply::Completion(completion.clone());
        let written = form().write_whole(&reply, &envelope(false));
        assert_eq!(
            written.losses.iter().filter(|loss| loss.field != "thinking.signature").count(),
            0,
            "{path}: {:?}",
            written.losses
        );
        let (mut back, _) = read_whole(&written.body).unwrap();
        let mut wanted = completion;
        // The envelope is ours; ids that were missing are made, Google's mark has no place.
        (back.id, back.model) = (wanted.id.clone(), wanted.model.clone());
        for choice in wanted.choices.iter_mut().chain(&mut back.choices) {
            choice
                .content
                .retain(|part| !matches!(part, Content::Thinking(one) if one.text.is_empty()));
            let place = |part: &Content| match part {
                Content::SearchResults(_) => 0,
                Content::Thinking(_) => 1,
                _ => 2,
            };
            choice.content.sort_by_key(place);
            for part in &mut choice.content {
                if let Content::ToolCall(call) = part
                    && (call.id.is_empty() || call.id.starts_with("call_1_"))
                {
                    call.id = "made".into();
                }
            }
        }
        assert_eq!(back, wanted, "{path}");
    }
}

#[test]
fn streams_go_through_byte_for_byte_and_are_read_as_the_summary_says() {
    for recording in streams() {
        let path = &recording.path;
        let seen = read([&recording.body[..]], false);
        compare(recording, &seen.sight);
        if recording.kind == "midstream-error" {
            assert!(recording.body.starts_with(&seen.bytes), "{path}");
            let class = seen.fault.unwrap().class;
            let wanted =
                if path.contains("truncated") { FaultClass::Cut } else { FaultClass::ServerError };
            assert_eq!(class, wanted, "{path}");
        } else {
            assert_eq!(seen.fault, None, "{path}");
            assert_eq!(seen.bytes, recording.body, "{path}");
            assert_eq!(seen.sight.malformed, 0, "{path}");
            assert!(seen.sight.content_deltas > 0, "{path}");
        }
    }
}

#[test]
fn streams_are_translated_as_the_summary_says_and_written_again() {
    for recording in streams() {
        let path = &recording.path;
        let relayed = read([&recording.body[..]], false);
        let translated = translate([&recording.body[..]]);
        assert_eq!(translated.fault, relayed.fault, "{path}");
        if recording.kind == "midstream-error" {
            continue;
        }
        let (stream, losses) = write(&translated.events, &envelope(true));
        let lost: Vec<_> = losses.iter().map(|loss| loss.field.as_ref()).collect();
        assert!(!lost.contains(&"tool_calls.arguments"), "{path}");
        let seen = validator::check(&stream, true);
        let events = translated.events.clone();
        let (completion, _) = translated.gathered();
        compare_whole(recording, &completion);
        assert_eq!(completion.usage, relayed.sight.usage, "{path}");
        assert_eq!(seen.text.get(&0).cloned().unwrap_or_default(), text_of(recording), "{path}");
        // Our own envelope, our own account of what was lost, and the usage at the end.
        let back = translate([stream.as_bytes()]);
        assert_eq!(back.fault, None, "{path}");
        let essence = |events: &[domain::Event]| -> Vec<domain::Event> {
            let kept = |event: &&domain::Event| {
                matches!(event, domain::Event::Delta { .. } | domain::Event::Finish { .. })
            };
            events.iter().filter(kept).cloned().collect()
        };
        assert_eq!(essence(&back.events), essence(&events), "{path}");
    }
}

fn is_usage_only(event: &str) -> bool {
    let data = event.trim_end().strip_prefix("data: ").unwrap_or_default();
    let chunk: Value = serde_json::from_str(data).unwrap_or_default();
    chunk["choices"] == Value::Array(Vec::new()) && chunk["usage"].is_object()
}

#[test]
fn hidden_usage_takes_away_usage_chunks_and_nothing_else() {
    for recording in streams() {
        let text = String::from_utf8(recording.body.clone()).unwrap();
        let wanted: String =
            text.split_inclusive("\n\n").filter(|event| !is_usage_only(event)).collect();
        let seen = read([&recording.body[..]], true);
        if recording.kind == "midstream-error" {
            assert!(wanted.as_bytes().starts_with(&seen.bytes), "{}", recording.path);
        } else {
            let seen = String::from_utf8(seen.bytes).unwrap();
            assert_eq!(seen, wanted, "{}", recording.path);
        }
    }
}

#[test]
fn requests_are_read_and_only_the_model_changes() {
    for recording in all() {
        let Some(asked) = recording.request["body"].as_object() else {
            continue;
        };
        let path = &recording.path;
        let body = Bytes::from(serde_json::to_vec_pretty(asked).unwrap());
        let conversation =
            read_conversation(&body).unwrap_or_else(|wrong| panic!("{path}: {wrong}"));
        let messages = asked["messages"].as_array().unwrap();
        let follows_result = |pair: &&[Value]| {
            let is_result = |message: &Value| message["role"] == "tool";
            is_result(&pair[0]) && is_result(&pair[1])
        };
        let joined = messages.windows(2).filter(follows_result).count();
        assert_eq!(conversation.turns.len(), messages.len() - joined, "{path}");
        // A deployment's name may stand in the path alone.
        if !asked.contains_key("model") {
            assert_eq!(read_outline(&body).unwrap_err().param, Some("model"), "{path}");
            continue;
        }
        let outline = read_outline(&body).unwrap_or_else(|wrong| panic!("{path}: {wrong}"));
        assert_eq!(outline.stream, asked.get("stream") == Some(&Value::Bool(true)), "{path}");
        assert!(conversation.needs.contains(outline.needs), "{path}");
        let name = outline.model.to_string();
        let request = Request::new(Dialect::OpenAiChat, body.clone(), outline);
        let changed = form().rewrite(&request, "another", false);
        let old = String::from_utf8(body.to_vec()).unwrap();
        let wanted = old.replace(&format!("\"model\": \"{name}\""), "\"model\": \"another\"");
        assert_eq!(String::from_utf8(changed.to_vec()).unwrap(), wanted, "{path}");
    }
}

/// A request without what says nothing, in the spelling that we write it in.
fn normalised(asked: &Value) -> Value {
    let mut asked = asked.clone();
    let members = asked.as_object_mut().unwrap();
    if let Some(tokens) = members.remove("max_tokens").filter(|tokens| !tokens.is_null()) {
        members.insert("max_completion_tokens".to_owned(), tokens);
    }
    members.retain(|name, value| {
        let nothing = match name.as_str() {
            "n" => *value == json!(1),
            "stream" | "logprobs" => *value == json!(false),
            "tools" => *value == json!([]),
            "response_format" => value["type"] == "text",
            _ => false,
        };
        !value.is_null() && !nothing
    });
    if members.get("stream") == Some(&json!(true)) {
        members.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    if let Some(Value::String(stop)) = members.get("stop").cloned() {
        members.insert("stop".to_owned(), json!([stop]));
    }
    if members.get("tool_choice") == Some(&json!("any")) {
        members.insert("tool_choice".to_owned(), json!("required"));
    }
    if let Some(choice) = members.get_mut("tool_choice").and_then(Value::as_object_mut) {
        choice.insert("type".to_owned(), json!("function"));
    }
    for tool in members.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        let tool = tool.as_object_mut().unwrap();
        tool.entry("type").or_insert(json!("function"));
    }
    for message in members["messages"].as_array_mut().unwrap() {
        let message = message.as_object_mut().unwrap();
        if message["role"] == "assistant"
            && message.get("content").is_none_or(|c| [json!(""), json!([])].contains(c))
        {
            message.insert("content".to_owned(), Value::Null);
        }
        for name in ["prefix", "refusal", "tool_calls", "function_call", "name"] {
            if message.get(name).is_some_and(|value| value.is_null() || *value == json!(false)) {
                message.remove(name);
            }
        }
        let parts = message.get("content").and_then(Value::as_array).map(Vec::as_slice);
        if let Some([part]) = parts
            && let Some(text) = part["text"].as_str()
        {
            let text = json!(text);
            message.insert("content".to_owned(), text);
        }
        if message["role"] == "tool" {
            // It is told by the call's id.
            message.remove("name");
        }
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten() {
            call.as_object_mut().unwrap().remove("index");
        }
    }
    alike(&mut asked);
    asked
}

/// JSON has one kind of number, its reader here has two; and null is as good as nothing.
fn alike(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64().unwrap()),
        Value::Array(elements) => elements.iter_mut().for_each(alike),
        Value::Object(members) => {
            members.retain(|name, value| !value.is_null() || name == "content");
            members.values_mut().for_each(alike);
        }
        _ => {}
    }
}

#[test]
fn requests_are_written_as_they_were_read() {
    let mut exact = 0;
    for recording in all() {
        let path = &recording.path;
        let Some(model) = recording.request["body"]["model"].as_str() else { continue };
        let asked = &recording.request["body"];
        let full =
            Full::Conversation(read_conversation(&serde_json::to_vec(asked).unwrap()).unwrap());
        let Full::Conversation(conversation) = &full else { panic!() };
        let card = ModelCard::default();
        let stream = asked["stream"] == json!(true);
        for vendor in [Vendor::OpenAi, Vendor::Compatible] {
            let order = Order {
                operation: Operation::Generate,
                full: &full,
                model,
                stream,
                vendor,
                card: &card,
            };
            let written = form().write_request(&order);
            let value: Value = serde_json::from_slice(&written.body).unwrap();
            let turns = conversation.turns.iter().filter(|turn| turn.role != Role::Tool).count();
            assert!(value["messages"].as_array().unwrap().len() >= turns, "{path}");
            if vendor == Vendor::OpenAi && written.losses.is_empty() {
                exact += 1;
                assert_eq!(normalised(&value), normalised(asked), "{path}");
            }
        }
    }
    assert!(all().is_empty() || exact > 60, "only {exact} without a loss");
}

#[test]
fn recorded_refusals_have_their_class() {
    for recording in all().iter().filter(|recording| recording.status >= 400) {
        let mut headers = HeaderMap::new();
        for (name, value) in recording.meta["response_headers"].as_object().unwrap() {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        let body = Bytes::from(recording.body.clone());
        let fault = form().read_refusal(recording.status, &headers, &body, 0.0);
        let (class, wait_ms, relayed) = match recording.path.rsplit('/').next().unwrap() {
            "err-429-peak-load" => (FaultClass::Overloaded, Some(20_000), false),
            "err-429-retry-86400" => (FaultClass::RateLimited, Some(86_400_000), false),
            "err-429-retry-9" => (FaultClass::RateLimited, Some(9_000), false),
            "err-429-gpt41-tpm" => (FaultClass::RateLimited, Some(4_000), false),
            "err-429-tpm-retry-in-ms" => (FaultClass::RateLimited, Some(644), false),
            "err-429-request-too-large" => (FaultClass::ContextLength, None, false),
            "openrouter-errors-raised-2" => (FaultClass::RateLimited, None, false),
            "err-500-empty-body" | "err-502-html" => (FaultClass::ServerError, None, false),
            "err-503-over-capacity-html" => (FaultClass::Overloaded, Some(30_000), false),
            "vision-3" | "tool-use-failed-error" | "tool-use-failed-error-with-text" => {
                (FaultClass::CallerFault, None, true)
            }
            unknown => panic!("a new recording: {unknown}"),
        };
        let seen = (fault.class, fault.retry_after_ms, fault.relayable.is_some());
        assert_eq!(seen, (class, wait_ms, relayed), "{}: {fault}", recording.path);
    }
}

#[test]
fn a_reader_fed_byte_by_byte_holds_no_more_than_an_event() {
    for recording in streams().take(4) {
        let mut reader = form().stream_reader(Reading::Relay { hide_usage: false });
        let mut relayed = Vec::new();
        for byte in &recording.body {
            reader.push(Bytes::copy_from_slice(&[*byte]));
            while let Some(Ok(domain::Piece::Relayed { bytes, .. })) = reader.next_run() {
                relayed.extend_from_slice(&bytes);
            }
        }
        assert!(recording.body.starts_with(&relayed), "{}", recording.path);
    }
}
