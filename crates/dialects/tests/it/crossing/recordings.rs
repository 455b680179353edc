//! Recorded exchanges, when they are there, through every other dialect and back: what a reader
//! sees after the way there and back is what the recording's `summary` says, or what the first
//! reading saw, and what is missing was declared. Skipped with a line where there is no folder of
//! recordings.

use dialects::of;
use domain::{Completion, Content, Conversation, Dialect, Finish, Framing, Full, Operation, Reply};
use serde_json::Value;

use super::crossed::{
    completion, envelope, gathered, read_request, read_stream, vendors, write_request, write_stream,
};
use crate::fixtures::{self, Recording};

/// The apis of the recordings, and who speaks them.
const APIS: [(Dialect, &[&str]); 4] = [
    (Dialect::OpenAiChat, &["chat", "openai-compat-chat"]),
    (Dialect::OpenAiResponses, &["responses"]),
    (Dialect::Anthropic, &["messages"]),
    (Dialect::Gemini, &["generateContent"]),
];

fn recordings() -> impl Iterator<Item = (Dialect, Recording)> {
    APIS.into_iter()
        .flat_map(|(dialect, apis)| fixtures::of(apis).into_iter().map(move |r| (dialect, r)))
}

fn others(from: Dialect) -> impl Iterator<Item = Dialect> {
    Dialect::ALL.into_iter().filter(move |to| *to != from)
}

/// What must come back of an answer: text, calls, finish and usage.
#[derive(Debug, PartialEq)]
struct Essence {
    text: String,
    calls: Vec<(String, Value)>,
    finish: Option<&'static str>,
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
}

fn essence(completion: &Completion) -> Essence {
    let choice = completion.choices.first();
    let mut calls = Vec::new();
    let mut text = String::new();
    for part in choice.map_or(&[][..], |choice| &choice.content) {
        match part {
            Content::Text(part) => text.push_str(&part.text),
            // Two dialects have no place of its own for a refusal's words.
            Content::Refusal(words) => text.push_str(words),
            Content::ToolCall(call) => {
                let written = if call.arguments.is_empty() { "{}" } else { &*call.arguments };
                let value = serde_json::from_str(written).unwrap_or_else(|_| written.into());
                calls.push((call.name.to_string(), value));
            }
            _ => {}
        }
    }
    let finish = choice.and_then(|choice| choice.finish.as_ref()).map(|finish| match finish {
        Finish::Other(_) | Finish::Paused => "stop",
        Finish::Refusal => "content_filter",
        finish => finish.as_str(),
    });
    let usage = completion.usage.as_ref();
    Essence {
        text,
        calls,
        finish,
        input: usage.map(domain::Usage::input),
        output: usage.map(|usage| usage.output),
        cache_read: usage.map(|usage| usage.cache_read),
    }
}

/// The same after the way through `to`, as far as that dialect can tell.
fn compare(path: &str, to: Dialect, before: &Completion, after: &Completion) {
    let (mut wanted, got) = (essence(before), essence(after));
    let free = before.choices.iter().flat_map(|choice| &choice.content);
    let free = free.filter(|part| matches!(part, Content::ToolCall(call) if call.free_text));
    if free.count() > 0 && to != Dialect::OpenAiChat && to != Dialect::OpenAiResponses {
        // Free text is wrapped where every call has an object.
        for (_, arguments) in &mut wanted.calls {
            *arguments = serde_json::json!({ "input": arguments });
        }
    }
    let has_refusal = |choice: &domain::Choice| {
        choice.content.iter().any(|part| matches!(part, Content::Refusal(_)))
    };
    if before.choices.iter().any(has_refusal) {
        // A refusal in words is a finish of its own in some dialects.
        wanted.finish = got.finish.filter(|word| ["stop", "content_filter"].contains(word));
    }
    if wanted.input.is_none() && got.input == Some(0) {
        // Anthropic's form must tell something.
        (wanted.input, wanted.output, wanted.cache_read) = (Some(0), Some(0), Some(0));
    }
    assert_eq!(got, wanted, "{path} through {to}");
}

/// The first reading tells what the summary tells.
fn compare_summary(path: &str, recording: &Recording, first: &Completion) {
    let summary = &recording.meta["summary"];
    let seen = essence(first);
    let text = summary["text"].as_str().unwrap_or_default();
    let refused = first.choices.iter().flat_map(|choice| &choice.content);
    let refused = refused.filter(|part| matches!(part, Content::Refusal(_))).count() > 0;
    // The summary's reader did not look into Mistral's parts.
    if !path.contains("mistral-reasoning") && !refused {
        assert_eq!(seen.text, text, "{path}");
    }
    // Nor did it gather calls that come piece by piece.
    if !recording.body.windows(12).any(|window| window == b"willContinue") {
        let wanted = summary["tool_calls"].as_array().map_or(0, Vec::len);
        assert_eq!(seen.calls.len(), wanted, "{path}");
    }
}

fn is_broken(recording: &Recording) -> bool {
    recording.status != 200 || recording.kind == "midstream-error"
}

#[test]
fn recorded_answers_go_through_every_other_dialect_and_back() {
    let mut count = 0;
    for (from, recording) in recordings() {
        let streams = recording.stream || recording.body.starts_with(b"[");
        if streams || is_broken(&recording) {
            continue;
        }
        let path = &recording.path;
        let Ok((Reply::Completion(first), _)) =
            of(from).read_whole(Operation::Generate, &recording.body)
        else {
            continue;
        };
        compare_summary(path, &recording, &first);
        for to in others(from) {
            let reply = Reply::Completion(first.clone());
            let written = of(to).write_whole(&reply, &envelope(Framing::Events));
            compare(path, to, &first, &completion(to, &written.body).0);
            count += 1;
        }
    }
    eprintln!("{count} answers went through another dialect");
}

#[test]
fn recorded_streams_go_through_every_other_dialect_and_back() {
    let mut count = 0;
    for (from, recording) in recordings() {
        let streams = recording.stream || recording.body.starts_with(b"[");
        if !streams || recording.status != 200 {
            continue;
        }
        let path = &recording.path;
        let (events, fault) = read_stream(from, &recording.body);
        if !is_broken(&recording) {
            assert_eq!(fault, None, "{path}");
            compare_summary(path, &recording, &gathered(events.clone()));
        }
        for to in others(from) {
            let framings: &[_] = match to {
                Dialect::Gemini => &[Framing::Events, Framing::JsonArray],
                _ => &[Framing::Events],
            };
            for framing in framings {
                let (stream, _) = write_stream(to, &events, fault.is_some(), *framing);
                let (again, broken) = read_stream(to, &stream);
                assert_eq!(broken.is_some(), fault.is_some(), "{path} through {to}: {broken:?}");
                if fault.is_none() {
                    compare(path, to, &gathered(events.clone()), &gathered(again));
                }
                count += 1;
            }
        }
    }
    eprintln!("{count} streams went through another dialect");
}

/// What must come back of a request, in words.
fn asked(conversation: &Conversation) -> Vec<String> {
    let mut told = Vec::new();
    for turn in &conversation.turns {
        for part in &turn.content {
            match part {
                Content::Text(part) => told.push(part.text.clone()),
                Content::ToolCall(call) if !call.free_text => {
                    let value: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
                    let value = if value.is_null() { serde_json::json!({}) } else { value };
                    told.push(format!("calls {} {value}", call.name));
                }
                Content::ToolCall(call) => told.push(format!("calls {}", call.name)),
                _ => {}
            }
        }
    }
    told
}

#[test]
fn recorded_requests_go_through_every_other_dialect_and_back() {
    let mut count = 0;
    for (from, recording) in recordings() {
        if !recording.request["body"].is_object() {
            continue;
        }
        let path = &recording.path;
        let body = recording.request["body"].to_string();
        let Ok(read) = read_request(from, Operation::Generate, body.as_bytes()) else { continue };
        let Full::Conversation(first) = &read.0 else { panic!("{path}") };
        for to in others(from) {
            for vendor in vendors(to) {
                let written = write_request(&read, Operation::Generate, (to, *vendor));
                // The Agent API's presets are no models.
                let text = String::from_utf8(written.0.to_vec()).unwrap();
                let text = text.replacen("\"preset\":", "\"model\":", 1);
                let again = read_request(to, Operation::Generate, text.as_bytes())
                    .unwrap_or_else(|wrong| panic!("{path} for {vendor:?}: {wrong}: {text}"));
                let Full::Conversation(second) = &again.0 else { panic!("{path}") };
                let (wanted, got) = (asked(first).concat(), asked(second).concat());
                for said in asked(first) {
                    // Joined parts and results in words are still all there.
                    let there = asked(second).iter().any(|other| other.contains(&said))
                        || got.contains(&said);
                    assert!(there, "{path} for {vendor:?}: {said:?} of {wanted} is not in {got}");
                }
                let offered = |asked: &Conversation| asked.tools.len();
                let lost = written.1.iter().any(|loss| loss.field.contains("tool"));
                assert!(
                    offered(second) >= offered(first) || lost || written.1.iter().count() > 0,
                    "{path} for {vendor:?}: a tool is missing in silence"
                );
                count += 1;
            }
        }
    }
    eprintln!("{count} requests went through another dialect");
}
