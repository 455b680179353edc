//! Written answers, whole and streamed: valid for the official clients, and what is written reads
//! the same.

use dialects::{Envelope, Reading};
use domain::{
    Choice, Citation, Completion, Content, Delta, Dialect, Event, Finish, LogProb, Media,
    MediaKind, MediaSource, Proof, ProofKind, Reply, SearchResult, ToolCall, Usage,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{envelope, form, read, validator};

/// The events as a stream, and the names of what it could not say.
pub(super) fn write(events: &[Event]) -> (String, Vec<String>) {
    let mut writer = form().stream_writer(&envelope());
    let mut stream = writer.start().to_vec();
    events.iter().for_each(|event| stream.extend_from_slice(&writer.event(event)));
    stream.extend_from_slice(&writer.end());
    let losses = writer.take_losses().iter().map(|loss| loss.field.to_string()).collect();
    assert!(writer.take_losses().is_empty());
    (String::from_utf8(stream).unwrap(), losses)
}

fn said(delta: Delta) -> Event {
    Event::Delta { choice: 0, delta }
}

fn call(index: u32, id: &str, free_text: bool) -> Event {
    said(Delta::ToolCall { index, id: id.into(), name: "f".into(), free_text, signature: None })
}

fn arguments(index: u32, text: &str) -> Event {
    said(Delta::Arguments { index, text: text.into() })
}

fn proof(dialect: Dialect) -> Event {
    said(Delta::Proof(Proof { dialect, kind: ProofKind::Sealed, id: None, data: "SEAL".into() }))
}

fn cited(url: Option<&str>, span: Option<(u64, u64)>) -> Event {
    let title = url.map(|_| Box::from("t"));
    said(Delta::Citation(Citation { url: url.map(Box::from), title, quote: None, span }))
}

fn probable() -> Vec<LogProb> {
    vec![LogProb { token: "é".into(), logprob: -0.25, top: vec![("e".into(), -1.5)] }]
}

fn image(kind: MediaKind) -> Media {
    let source = MediaSource::Base64("AAAA".into());
    Media { kind, source, mime: Some("image/png".into()), name: None, detail: None, cache: None }
}

fn found() -> SearchResult {
    SearchResult { url: "https://x".into(), ..SearchResult::default() }
}

const USAGE: Usage = Usage {
    input_uncached: 3,
    cache_read: 4,
    cache_write: 2,
    cache_write_hour: 0,
    output: 5,
    reasoning: 1,
    estimated: false,
};

/// An answer with everything that the dialect can say.
fn everything() -> Vec<Event> {
    vec![
        said(Delta::Thinking("h".into())),
        said(Delta::Thinking("m".into())),
        proof(Dialect::OpenAiResponses),
        proof(Dialect::OpenAiResponses),
        said(Delta::SearchResults(vec![found()])),
        Event::text("a é"),
        said(Delta::LogProbs(probable())),
        Event::Ping,
        Event::text("b"),
        cited(Some("https://x"), Some((0, 3))),
        said(Delta::Refusal("no".into())),
        said(Delta::Media(image(MediaKind::Image))),
        Event::text("c"),
        call(0, "c0", false),
        call(1, "c1", true),
        arguments(0, "{\"a\""),
        arguments(1, "raw"),
        arguments(0, ":1}"),
        Event::Usage(USAGE),
        Event::finish(Finish::ToolCalls),
    ]
}

#[test]
fn a_search_is_told_to_those_alone_who_offered_one() {
    let envelope = Envelope { hosted_tools: false, ..envelope() };
    let mut writer = form().stream_writer(&envelope);
    let mut stream = writer.start().to_vec();
    let events = [said(Delta::SearchResults(vec![found()])), Event::text("a")];
    events.iter().for_each(|event| stream.extend_from_slice(&writer.event(event)));
    stream.extend_from_slice(&writer.end());
    let stream = String::from_utf8(stream).unwrap();
    assert!(!stream.contains("web_search_call"), "{stream}");
    validator::check_whole(&validator::check_stream(&stream));
    assert_eq!(writer.take_losses().header(), "search_results");
    let content = vec![Content::SearchResults(vec![found()]), Content::text("a")];
    let choices = vec![Choice { content, ..Choice::default() }];
    let reply = Reply::Completion(Completion { choices, ..Completion::default() });
    let written = form().write_whole(&reply, &envelope);
    assert!(!String::from_utf8_lossy(&written.body).contains("web_search_call"));
    assert_eq!(written.losses.header(), "search_results");
}

#[test]
fn everything_is_valid_and_reads_the_same() {
    let (stream, losses) = write(&everything());
    assert!(losses.is_empty(), "{losses:?}");
    let last = validator::check_stream(&stream);
    validator::check_whole(&last);
    let kinds: Vec<&str> =
        last["output"].as_array().unwrap().iter().map(|i| i["type"].as_str().unwrap()).collect();
    let wanted = [
        "reasoning",
        "reasoning",
        "web_search_call",
        "message",
        "image_generation_call",
        "message",
        "function_call",
        "custom_tool_call",
    ];
    assert_eq!(kinds, wanted);
    let again = super::translate(&stream);
    let mut gatherer = domain::Gatherer::default();
    everything().into_iter().for_each(|event| gatherer.take(event));
    let mut before = gatherer.finish().0;
    let (mut after, losses) = again.gathered();
    assert!(losses.is_empty());
    for content in before.choices[0].content.iter_mut().chain(&mut after.choices[0].content) {
        if let Content::Thinking(thinking) = content {
            thinking.proof.iter_mut().for_each(|proof| proof.id = None);
        }
    }
    assert_eq!(before.choices, after.choices);
    assert_eq!(after.usage, Some(USAGE));
    assert_eq!(after.id.as_deref(), Some("resp_0a1b"));
    assert_eq!(after.model.as_deref(), Some("house/model"));
}

#[test]
fn the_first_events_are_those_that_clients_wait_for() {
    let (stream, _) = write(&[Event::text("x"), Event::finish(Finish::Stop)]);
    let names: Vec<&str> =
        stream.lines().filter_map(|line| line.strip_prefix("event: response.")).collect();
    let wanted = [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn each_finish_has_its_status() {
    let text = Event::text("x");
    let refusal = said(Delta::Refusal("no".into()));
    for (first, finish, status, reason, lost) in [
        (&text, Finish::Stop, "completed", None, None),
        (&text, Finish::StopSequence("END".into()), "completed", None, Some("stop_sequence")),
        (&text, Finish::Paused, "completed", None, Some("finish_reason")),
        (&text, Finish::Length, "incomplete", Some("max_output_tokens"), None),
        (&text, Finish::ContentFilter("SAFETY".into()), "incomplete", Some("content_filter"), None),
        (&text, Finish::Refusal, "incomplete", Some("content_filter"), None),
        (&refusal, Finish::Refusal, "completed", None, None),
        (&text, Finish::Other("odd".into()), "incomplete", Some("odd"), None),
    ] {
        let (stream, losses) = write(&[first.clone(), Event::finish(finish.clone())]);
        let last = validator::check_stream(&stream);
        assert_eq!(last["status"], status, "{finish:?}");
        assert_eq!(last["incomplete_details"]["reason"].as_str(), reason, "{finish:?}");
        assert_eq!(losses.first().map(String::as_str), lost, "{finish:?}");
        assert_eq!(last["output"][0]["status"], status, "{finish:?}");
        let content = match first {
            Event::Delta { delta: Delta::Refusal(text), .. } => Content::Refusal(text.clone()),
            _ => Content::text("x"),
        };
        let choice = Choice { content: vec![content], finish: Some(finish), logprobs: vec![] };
        let reply =
            Reply::Completion(Completion { choices: vec![choice], ..Completion::default() });
        let whole: Value =
            serde_json::from_slice(&form().write_whole(&reply, &envelope()).body).unwrap();
        assert_eq!(whole, last);
    }
    let (stream, _) =
        write(&[Event::text("x"), Event::finish(Finish::ContentFilter("SAFETY".into()))]);
    let read = super::translate(&stream);
    assert_eq!(read.sight.finish, Some(Finish::ContentFilter("SAFETY".into())));
}

#[test]
fn what_cannot_be_said_is_named_and_left_out() {
    let found = SearchResult { snippet: Some("s".into()), ..found() };
    let (stream, mut losses) = write(&[
        cited(Some("https://x"), None),
        proof(Dialect::Anthropic),
        said(Delta::Thinking("hm".into())),
        proof(Dialect::Gemini),
        said(Delta::SearchResults(vec![found])),
        said(Delta::LogProbs(probable())),
        said(Delta::Media(image(MediaKind::Audio))),
        Event::text("x"),
        cited(None, None),
        cited(Some("https://x"), None),
        Event::Delta { choice: 1, delta: Delta::Text("other".into()) },
        Event::finish(Finish::Stop),
    ]);
    losses.sort();
    let wanted = [
        "audio",
        "citations",
        "citations.span",
        "logprobs",
        "n",
        "search_results",
        "thinking.signature",
    ];
    assert_eq!(losses, wanted);
    let last = validator::check_stream(&stream);
    assert_eq!(last["output"].as_array().unwrap().len(), 3);
    assert!(last["output"][0].get("encrypted_content").is_none());
}

#[test]
fn a_call_without_id_or_arguments_can_be_answered() {
    let (stream, _) = write(&[call(0, "", false), Event::finish(Finish::ToolCalls)]);
    let last = validator::check_stream(&stream);
    validator::check_whole(&last);
    assert_eq!(last["output"][0]["arguments"], "{}");
    assert_eq!(last["output"][0]["call_id"], "call_0a1b_0");
    let asked = Content::ToolCall(ToolCall { name: "f".into(), ..ToolCall::default() });
    let choice = Choice { content: vec![asked], finish: None, logprobs: vec![] };
    let reply = Reply::Completion(Completion { choices: vec![choice], ..Completion::default() });
    let whole: Value =
        serde_json::from_slice(&form().write_whole(&reply, &envelope()).body).unwrap();
    assert_eq!(whole["output"], last["output"]);
}

#[test]
fn arguments_that_come_late_are_not_lost() {
    let events = [
        call(0, "c0", false),
        arguments(0, "{\"a\""),
        Event::text("meanwhile"),
        arguments(0, ":1}"),
        Event::finish(Finish::ToolCalls),
    ];
    let last = validator::check_stream(&write(&events).0);
    assert_eq!(last["output"][0]["arguments"], "{\"a\":1}");
}

#[test]
fn arguments_without_an_open_call_are_a_loss() {
    for events in [
        vec![arguments(0, "{}")],
        vec![call(0, "c0", true), arguments(0, "a"), Event::text("x"), arguments(0, "b")],
        vec![call(0, "c0", false), arguments(0, "{}"), Event::text("x"), arguments(0, "{}")],
        vec![call(0, "c0", false), arguments(1, "{}")],
    ] {
        let (stream, losses) = write(&events);
        assert_eq!(losses, ["tool_calls.arguments"], "{events:?}");
        validator::check_stream(&stream);
    }
}

#[test]
fn no_answer_at_all_is_still_a_response() {
    let (stream, _) = write(&[]);
    let last = validator::check_stream(&stream);
    assert_eq!((&last["output"], &last["usage"]), (&json!([]), &Value::Null));
}

/// Steps of an answer, so that random sequences of them come near to real ones.
fn step() -> impl Strategy<Value = Event> {
    let text = "[a-z\"\\\\é\n]{1,6}";
    prop_oneof![
        4 => text.prop_map(Event::text),
        2 => text.prop_map(|text| said(Delta::Thinking(text))),
        1 => text.prop_map(|text| said(Delta::Refusal(text))),
        1 => Just(proof(Dialect::OpenAiResponses)),
        1 => Just(proof(Dialect::Anthropic)),
        1 => Just(said(Delta::SearchResults(vec![found()]))),
        1 => Just(said(Delta::LogProbs(probable()))),
        1 => Just(cited(Some("https://x"), Some((0, 1)))),
        1 => Just(said(Delta::Media(image(MediaKind::Image)))),
        2 => (0..4_u32, any::<bool>()).prop_map(|(at, free)| call(at, &format!("c{at}"), free)),
        2 => (0..4_u32, text).prop_map(|(at, text)| arguments(at, &text)),
        1 => Just(Event::Usage(USAGE)),
        1 => Just(Event::Ping),
    ]
}

/// What an answer says: all text, and its other items whatever their order.
fn contents(response: &Value) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut others = Vec::new();
    for item in response["output"].as_array().unwrap() {
        let mut item = item.clone();
        for part in item["content"].as_array().into_iter().flatten() {
            text.push_str(part["text"].as_str().or(part["refusal"].as_str()).unwrap());
        }
        for part in item["summary"].as_array().into_iter().flatten() {
            text.push_str(part["text"].as_str().unwrap());
        }
        let seal = item["encrypted_content"].clone();
        if item["type"] == "reasoning" && seal.is_null() {
            continue;
        }
        item.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "summary");
        if item["type"] != "message" {
            others.push(item.to_string());
        }
    }
    others.sort();
    (text, others)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_answer_is_a_valid_stream(events in prop::collection::vec(step(), 0..24)) {
        let (stream, _) = write(&events);
        let last = validator::check_stream(&stream);
        validator::check_whole(&last);
        let again = read([stream.as_bytes()], Reading::Translate);
        prop_assert_eq!(&again.fault, &None);
        // A call that has no arguments until the end is told at the end, so the order of the items
        // may be another; what they say is not.
        let (twice, _) = write(&again.events);
        prop_assert_eq!(contents(&validator::check_stream(&twice)), contents(&last));
    }
}
