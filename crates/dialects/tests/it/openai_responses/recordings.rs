//! Recorded exchanges: what the readers see equals what an independent reader saw, and what is
//! read is written again. Skipped with a line where there is no folder of recordings.

use bytes::Bytes;
use dialects::{Ask, Reading, Vendor};
use domain::{
    Completion, Content, Dialect, FaultClass, Finish, ModelCard, Operation, Reply, Request, Usage,
};
use serde_json::{Map, Value, json};

use super::{RELAY, envelope, form, full, read, text_of, translate, validator, written_for};
use crate::fixtures::{self, Recording};

fn all() -> Vec<Recording> {
    fixtures::of(&["responses"])
}

/// Failures told inside a success; the summary says nothing of them.
fn fails(recording: &Recording) -> bool {
    recording.status != 200 || recording.kind == "midstream-error"
}

fn usage_of(summary: &Value) -> Option<Usage> {
    let told = summary.get("usage").filter(|usage| usage.is_object())?;
    let number = |path: &str| told.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let input = number("/input_tokens");
    let read = number("/input_tokens_details/cached_tokens");
    let written = number("/input_tokens_details/cache_write_tokens");
    Some(Usage {
        input_uncached: input - read - written,
        cache_read: read,
        cache_write: written,
        cache_write_hour: 0,
        output: number("/output_tokens"),
        reasoning: number("/output_tokens_details/reasoning_tokens"),
        estimated: false,
    })
}

fn compare(recording: &Recording, completion: &Completion) {
    let path = &recording.path;
    let summary = &recording.meta["summary"];
    let choice = &completion.choices[0];
    assert_eq!(text_of(completion), summary["text"].as_str().unwrap_or_default(), "{path}");
    let calls: Vec<Value> = choice
        .content
        .iter()
        .filter_map(|content| match content {
            Content::ToolCall(call) => {
                Some(json!({"id": *call.id, "name": *call.name, "arguments": call.arguments}))
            }
            _ => None,
        })
        .collect();
    assert_eq!(Value::Array(calls.clone()), summary["tool_calls"], "{path}");
    let finish = choice.finish.as_ref().unwrap();
    let wanted = if calls.is_empty() { Finish::Stop } else { Finish::ToolCalls };
    assert_eq!(*finish, wanted, "{path}");
    assert_eq!(completion.usage, usage_of(summary), "{path}");
    // Perplexity's preset becomes a model only at the end, too late for the start of a stream.
    if recording.provider != "perplexity" {
        assert_eq!(completion.model.as_deref(), summary["model"].as_str(), "{path}");
    }
}

#[test]
fn streams_read_as_their_summary() {
    let mut count = 0;
    for recording in all().iter().filter(|recording| recording.stream && !fails(recording)) {
        count += 1;
        let relayed = read([&recording.body[..]], RELAY);
        assert_eq!(relayed.fault, None, "{}", recording.path);
        assert_eq!(relayed.bytes, recording.body, "{}", recording.path);
        let translated = read([&recording.body[..]], Reading::Translate);
        assert_eq!(translated.fault, None, "{}", recording.path);
        let (completion, _) = translated.gathered();
        compare(recording, &completion);
        // Both ways see the same, but for the mark at the end, which is no event.
        let mut seen = relayed.sight.clone();
        assert!(std::mem::take(&mut seen.end_mark), "{}", recording.path);
        assert_eq!(seen, translated.sight, "{}", recording.path);
    }
    assert!(count == 0 || count > 18, "only {count} streams");
}

#[test]
fn the_last_event_says_what_the_stream_said() {
    for recording in all().iter().filter(|recording| recording.stream && !fails(recording)) {
        let text = std::str::from_utf8(&recording.body).unwrap();
        let mut data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let last = data.rfind(|data| *data != "[DONE]").unwrap();
        let response = serde_json::from_str::<Value>(last).unwrap()["response"].to_string();
        let (reply, _) = form().read_whole(Operation::Generate, response.as_bytes()).unwrap();
        let Reply::Completion(mut whole) = reply else { panic!("no completion") };
        let (mut streamed, _) = read([&recording.body[..]], Reading::Translate).gathered();
        // A stream names what only its own dialect knows and does not carry it.
        whole.choices[0].content.retain(|content| !matches!(content, Content::Foreign(_)));
        streamed.model.clone_from(&whole.model);
        // The probabilities of LM Studio stand in its deltas and not in its whole answer.
        if recording.provider == "lmstudio" {
            streamed.choices[0].logprobs.clear();
            whole.choices[0].logprobs.clear();
        }
        // The same thinking is sealed anew each time.
        for content in streamed.choices[0].content.iter_mut().chain(&mut whole.choices[0].content) {
            if let Content::Thinking(domain::Thinking { proof: Some(proof), .. }) = content {
                proof.data = "sealed".into();
            }
        }
        // Its source cut most of the deltas out.
        if recording.path.ends_with("/openai-phase-1-stream") {
            continue;
        }
        assert_eq!(streamed, whole, "{}", recording.path);
    }
}

#[test]
fn whole_answers_read_as_their_summary() {
    let wholes = all().into_iter().filter(|recording| !recording.stream && !fails(recording));
    for recording in wholes {
        let path = &recording.path;
        let seen = form().see_whole(Operation::Generate, &recording.body).unwrap();
        if recording.meta["summary"]["finish"] == "queued" {
            assert_eq!(seen.finish, Some(Finish::Other("queued".into())), "{path}");
            let unready = form().read_whole(Operation::Generate, &recording.body).unwrap_err();
            assert_eq!(unready.class, FaultClass::Empty, "{path}");
            continue;
        }
        let (reply, _) = form().read_whole(Operation::Generate, &recording.body).unwrap();
        let Reply::Completion(completion) = reply else { panic!("no completion") };
        compare(&recording, &completion);
        assert_eq!(seen.finish, completion.choices[0].finish, "{path}");
        assert_eq!(seen.usage, completion.usage, "{path}");
        assert_eq!(seen.model, completion.model, "{path}");
        let chars = u32::try_from(text_of(&completion).chars().count()).unwrap();
        assert_eq!(seen.text_chars, chars, "{path}");
    }
}

/// What the internal form holds of an output item; ids of items and states are the writer's own.
fn held(item: &Value) -> Value {
    let mut item = item.as_object().unwrap().clone();
    let kind = item["type"].as_str().unwrap().to_owned();
    match kind.as_str() {
        "reasoning" => {
            let told = item.get("summary").and_then(Value::as_array).is_some_and(|s| !s.is_empty());
            let text = item.get(if told { "summary" } else { "content" });
            let texts: Vec<&str> = text
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|part| part["text"].as_str())
                .collect();
            json!({"type": kind, "text": texts.join("\n\n"), "seal": item.get("encrypted_content")})
        }
        "message" => {
            let mut parts = item["content"].as_array().unwrap().clone();
            for part in &mut parts {
                for annotation in part["annotations"].as_array_mut().into_iter().flatten() {
                    let file = annotation["type"] != "url_citation";
                    *annotation = if file { Value::Null } else { annotation["url"].clone() };
                }
                let kept = part["annotations"].as_array().into_iter().flatten();
                part["annotations"] = kept.filter(|kept| !kept.is_null()).cloned().collect();
                let logprobs = part.get("logprobs").filter(|list| !list.is_null()).cloned();
                part["logprobs"] = logprobs.unwrap_or_else(|| json!([]));
            }
            json!({"type": kind, "content": parts})
        }
        _ => {
            for name in ["id", "status", "namespace", "prompt", "created_by"] {
                item.remove(name);
            }
            Value::Object(item)
        }
    }
}

/// Messages that follow each other become one with the parts of both.
fn all_held(output: &Value) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for item in output.as_array().unwrap().iter().map(held) {
        if item["type"] == "reasoning" && item["text"] == "" && item["seal"].is_null() {
            continue;
        }
        match all.last_mut().filter(|last| last["type"] == "message" && item["type"] == "message") {
            Some(last) => {
                let more = item["content"].as_array().unwrap().clone();
                last["content"].as_array_mut().unwrap().extend(more);
            }
            None => all.push(item),
        }
    }
    all
}

#[test]
fn whole_answers_are_written_again() {
    let wholes = all().into_iter().filter(|recording| !recording.stream && !fails(recording));
    for recording in wholes.filter(|recording| recording.meta["summary"]["finish"] != "queued") {
        let path = &recording.path;
        let (reply, _) = form().read_whole(Operation::Generate, &recording.body).unwrap();
        let written = form().write_whole(&reply, &envelope());
        let before: Value = serde_json::from_slice(&recording.body).unwrap();
        let after: Value = serde_json::from_slice(&written.body).unwrap();
        validator::check_whole(&after);
        assert_eq!(all_held(&after["output"]), all_held(&before["output"]), "{path}");
        assert_eq!(after["status"], before["status"], "{path}");
        for member in ["/usage/input_tokens", "/usage/output_tokens", "/usage/total_tokens"] {
            assert_eq!(after.pointer(member), before.pointer(member), "{path}");
        }
        // And what was written reads the same once more.
        let (again, _) = form().read_whole(Operation::Generate, &written.body).unwrap();
        let strip = |reply: Reply| {
            let Reply::Completion(mut completion) = reply else { panic!("no completion") };
            completion.id = None;
            completion.model = None;
            for content in &mut completion.choices[0].content {
                if let Content::Text(text) = content {
                    for citation in &mut text.citations {
                        citation.title.get_or_insert_default();
                        citation.span = None;
                    }
                    text.citations.retain(|citation| citation.url.is_some());
                    text.citations.iter_mut().for_each(|citation| citation.title = None);
                }
                if let Content::Thinking(thinking) = content {
                    thinking.proof.iter_mut().for_each(|proof| proof.id = None);
                }
            }
            completion
        };
        assert_eq!(strip(again), strip(reply), "{path}");
    }
}

#[test]
fn streams_are_written_again() {
    for recording in all().iter().filter(|recording| recording.stream && !fails(recording)) {
        let path = &recording.path;
        let before = read([&recording.body[..]], Reading::Translate);
        let mut writer = form().stream_writer(&envelope());
        let mut stream = writer.start().to_vec();
        before.events.iter().for_each(|event| stream.extend_from_slice(&writer.event(event)));
        stream.extend_from_slice(&writer.end());
        let stream = String::from_utf8(stream).unwrap();
        validator::check_stream(&stream);
        let after = translate(&stream);
        assert_eq!(after.fault, None, "{path}");
        let (was, now) = (before.gathered().0, after.gathered().0);
        assert_eq!(text_of(&now), text_of(&was), "{path}");
        assert_eq!(now.usage, was.usage, "{path}");
        assert_eq!(now.choices[0].finish, was.choices[0].finish, "{path}");
        assert_eq!(now.choices[0].logprobs, was.choices[0].logprobs, "{path}");
        let kinds = |completion: &Completion| {
            completion.choices[0].content.iter().map(std::mem::discriminant).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&now), kinds(&was), "{path}");
    }
}

#[test]
fn failures_inside_a_success_have_their_class() {
    for recording in all().iter().filter(|recording| recording.kind == "midstream-error") {
        for reading in [RELAY, Reading::Translate] {
            let fault = read([&recording.body[..]], reading).fault.unwrap();
            assert_eq!(fault.class, FaultClass::Overloaded, "{}", recording.path);
        }
    }
    for recording in all().iter().filter(|recording| recording.status == 400) {
        let body = Bytes::copy_from_slice(&recording.body);
        let fault = form().read_refusal(400, &http::HeaderMap::new(), &body, 0.0);
        assert!(
            matches!(fault.class, FaultClass::CallerFault | FaultClass::ModelUnknown),
            "{}: {fault}",
            recording.path
        );
        let relayable = fault.relayable.map(|relayable| relayable.dialect);
        let ours = fault.class == FaultClass::CallerFault;
        assert_eq!(relayable, ours.then_some(Dialect::OpenAiResponses), "{}", recording.path);
    }
}

/// A request as far as it can be carried over: spelled alike where two spellings mean the same.
fn normal(request: &Value) -> Value {
    let mut request = request.clone();
    let top = request.as_object_mut().unwrap();
    top.retain(|name, value| !value.is_null() && (name != "instructions" || value != ""));
    // Left out by design, or added.
    for name in [
        "model",
        // Perplexity's other name for it.
        "preset",
        "stream",
        "store",
        "include",
        "provider",
        "prompt_cache_options",
        "moderation",
        "stream_options",
        "user",
        "truncation",
    ] {
        top.remove(name);
    }
    let mut items = match top.remove("input") {
        Some(Value::String(text)) => vec![json!({"role": "user", "content": text})],
        Some(Value::Array(items)) => items,
        other => panic!("{other:?}"),
    };
    // Without a seal it is a mere reference to what is stored.
    items.retain(|item| item["type"] != "reasoning" || item["encrypted_content"].is_string());
    items.iter_mut().for_each(normalise_item);
    top.insert("input".to_owned(), Value::Array(items));
    top.remove("reasoning").into_iter().for_each(|reasoning| {
        let effort = reasoning["effort"].clone();
        let summary = !reasoning["summary"].is_null();
        top.insert("reasoning".to_owned(), json!([effort, summary]));
    });
    if top.get("reasoning") == Some(&json!([null, false])) {
        top.remove("reasoning");
    }
    for tool in top.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(tool) = tool.as_object_mut().filter(|tool| tool["type"] == "function") else {
            continue;
        };
        tool.remove("defer_loading");
        tool.remove("strict");
        tool.retain(|_, value| !value.is_null());
    }
    request
}

fn normalise_item(item: &mut Value) {
    let item = item.as_object_mut().unwrap();
    item.entry("type").or_insert_with(|| json!("message"));
    let kind = item["type"].as_str().unwrap().to_owned();
    let dropped: &[&str] = match kind.as_str() {
        "message" => &["id", "status", "phase"],
        "function_call" => &["id", "status", "namespace"],
        "reasoning" => &["content", "status"],
        _ => &[],
    };
    dropped.iter().for_each(|name| {
        item.remove(*name);
    });
    if let Some(Value::Array(parts)) = item.get_mut("content") {
        for part in parts.iter_mut() {
            let part: &mut Map<String, Value> = part.as_object_mut().unwrap();
            part.remove("prompt_cache_breakpoint");
        }
        if let [only] = parts.as_slice()
            && only["type"] == "input_text"
        {
            item["content"] = only["text"].clone();
        }
    }
}

#[test]
fn requests_are_written_again() {
    let mut count = 0;
    for recording in all() {
        let path = &recording.path;
        let body = recording.request["body"].to_string();
        let ask = Ask {
            operation: Operation::Generate,
            body: body.as_bytes(),
            model_in_path: None,
            stream_in_path: false,
        };
        let outline = form().read_outline(&ask).unwrap_or_else(|error| panic!("{path}: {error}"));
        let request = Request::new(Dialect::OpenAiResponses, body.clone().into(), outline);
        let asked = &recording.request["body"];
        assert_eq!(request.outline.stream, asked["stream"] == true, "{path}");
        let stored = ["previous_response_id", "conversation", "prompt"];
        let stored = stored.into_iter().find(|name| !asked[*name].is_null());
        let stored = stored.or_else(|| (asked["background"] == true).then_some("background"));
        if let Some(name) = stored {
            let refused = form().read_full(&request).unwrap_err();
            assert_eq!(refused.param, Some(name), "{path}");
            continue;
        }
        count += 1;
        let conversation = full(&body);
        assert!(conversation.needs.contains(request.outline.needs), "{path}");
        let (written, _) = written_for(conversation.clone(), Vendor::OpenAi, &ModelCard::default());
        assert_eq!(normal(&written), normal(asked), "{path}");
        // Read again it says the same, but for what was lost and what is made explicit.
        let mut again = full(&written.to_string());
        again.unmapped.clone_from(&conversation.unmapped);
        again.about.store = conversation.about.store;
        assert_eq!(again.turns.len(), conversation.turns.len(), "{path}");
        assert_eq!(again.needs, conversation.needs, "{path}");
    }
    assert!(count == 0 || count > 40, "only {count} requests");
}

#[test]
fn tokens_are_counted() {
    for recording in fixtures::of(&["responses-input-tokens"]) {
        assert_eq!(recording.api, "responses-input-tokens");
        let (reply, _) = form().read_whole(Operation::CountTokens, &recording.body).unwrap();
        assert_eq!(reply, Reply::InputTokens { count: 51, estimated: false });
        let written = form().write_whole(&reply, &envelope());
        let before: Value = serde_json::from_slice(&recording.body).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written.body).unwrap(), before);
        assert!(form().see_whole(Operation::CountTokens, &recording.body).is_ok());
    }
}
