//! Streams for callers: whatever the upstream's order, clients find theirs.

use dialects::{Refusal, RefusalKind};
use domain::{
    Citation, Delta, Dialect, Event, Finish, LogProb, Proof, ProofKind, SearchResult, Usage,
};
use serde_json::json;

use super::validator::message_of;
use super::{envelope, events, form, written};

fn more(delta: Delta) -> Event {
    Event::Delta { choice: 0, delta }
}

fn call(index: u32, free_text: bool) -> Event {
    let (id, name) = (format!("c{index}").into(), "f".into());
    more(Delta::ToolCall { index, id, name, free_text, signature: None })
}

fn arguments(index: u32, text: &str) -> Event {
    more(Delta::Arguments { index, text: text.to_owned() })
}

fn proof(dialect: Dialect, kind: ProofKind) -> Event {
    more(Delta::Proof(Proof { dialect, kind, id: None, data: "p".into() }))
}

#[test]
fn events_come_back_as_they_were_written() {
    let usage = Usage {
        input_uncached: 3,
        cache_read: 2,
        cache_write: 1,
        cache_write_hour: 0,
        output: 9,
        reasoning: 4,
        estimated: false,
    };
    let said = vec![
        more(Delta::Thinking("hm".to_owned())),
        proof(Dialect::Anthropic, ProofKind::Signature),
        proof(Dialect::Anthropic, ProofKind::Sealed),
        more(Delta::Thinking("more".to_owned())),
        Event::text("Grü\n"),
        Event::Ping,
        Event::text("ße"),
        more(Delta::SearchResults(vec![SearchResult {
            url: "https://a".into(),
            title: Some("A".into()),
            snippet: None,
            date: None,
        }])),
        Event::text("x"),
        more(Delta::Citation(Citation {
            url: Some("u".into()),
            title: Some("t".into()),
            quote: Some("q".into()),
            span: Some((0, 1)),
        })),
        call(0, false),
        arguments(0, "{\"a\":"),
        arguments(0, "1.50}"),
        call(1, false),
        arguments(1, "{}"),
        Event::finish(Finish::ToolCalls),
        Event::Usage(usage),
    ];
    let (stream, losses) = written(&said);
    message_of(&stream);
    assert!(losses.is_empty());
    let (mut again, fault) = events([stream.as_bytes()]);
    assert_eq!(fault, None);
    let start = Event::Start { id: Some("msg_0001".into()), model: Some("the-model".into()) };
    assert_eq!(again.remove(0), start);
    assert!(matches!(again.remove(0), Event::Usage(_)));
    assert_eq!(again, said);
}

#[test]
fn interleaved_calls_are_told_one_after_the_other() {
    let said = [
        call(0, false),
        call(1, false),
        arguments(0, "{\"a\":\"}"),
        arguments(1, "{\"b\":"),
        Event::text("between"),
        arguments(0, "\""),
        call(2, false),
        arguments(1, "2}"),
        arguments(2, "{}"),
        arguments(0, "}"),
        Event::finish(Finish::Stop),
    ];
    let (stream, losses) = written(&said);
    let message = message_of(&stream);
    assert_eq!(losses.header(), "");
    let inputs: Vec<_> =
        message["content"].as_array().unwrap().iter().map(|b| &b["input"]).collect();
    let wanted = [json!({"a": "}"}), json!({"b": 2}), json!(null), json!({})];
    assert_eq!(inputs, wanted.iter().collect::<Vec<_>>());
    assert_eq!(message["content"][2]["text"], "between");
    assert_eq!(message["stop_reason"], "tool_use");
}

#[test]
fn calls_without_arguments_and_broken_ones_end_with_the_answer() {
    let said = [
        call(0, false),
        call(1, false),
        arguments(1, "{\"a\": \"cut"),
        call(2, true),
        arguments(2, "free \"te"),
        arguments(2, "xt\""),
        call(3, true),
        Event::finish(Finish::Length),
    ];
    let (stream, losses) = written(&said);
    let message = message_of(&stream);
    assert_eq!(message["content"][0]["input"], json!({}));
    assert_eq!(message["content"][1]["input"], "{\"a\": \"cut");
    assert_eq!(message["content"][2]["input"], json!({"input": "free \"text\""}));
    assert_eq!(message["content"][3]["input"], json!({"input": ""}));
    assert_eq!(message["stop_reason"], "max_tokens");
    assert_eq!(losses.header(), "tools.custom");
}

#[test]
fn what_waits_is_bounded() {
    let mut writer = form().stream_writer(&envelope());
    let mut stream = writer.start().to_vec();
    stream.extend_from_slice(&writer.event(&call(0, false)));
    stream.extend_from_slice(&writer.event(&arguments(0, "{\"never\": \"closed")));
    let long = "x".repeat(64 * 1024);
    for _ in 0..17 {
        stream.extend_from_slice(&writer.event(&Event::text(long.as_str())));
    }
    let before_the_end = stream.len();
    assert!(before_the_end > 1024 * 1024, "it must not wait for ever");
    stream.extend_from_slice(&writer.event(&arguments(0, "late")));
    stream.extend_from_slice(&writer.end());
    let message = message_of(std::str::from_utf8(&stream).unwrap());
    assert_eq!(message["content"][1]["text"].as_str().unwrap().len(), 17 * long.len());
    assert_eq!(writer.take_losses().header(), "tool_calls.arguments");
}

#[test]
fn refusals_tell_their_reason() {
    let words = more(Delta::Refusal("No.".to_owned()));
    let filtered = [words.clone(), Event::finish(Finish::ContentFilter("cyber".into()))];
    let message = message_of(&written(&filtered).0);
    assert_eq!(message["stop_reason"], "refusal");
    let wanted = json!({"type": "refusal", "category": "cyber", "explanation": "No."});
    assert_eq!(message["stop_details"], wanted);
    assert_eq!(message["content"], json!([]));
    let message = message_of(&written(&[words, Event::finish(Finish::Stop)]).0);
    assert_eq!(message["stop_reason"], "refusal");
    assert_eq!(message["content"][0]["text"], "No.");
}

#[test]
fn what_has_no_form_is_named() {
    let said = [
        proof(Dialect::Gemini, ProofKind::Signature),
        more(Delta::LogProbs(vec![LogProb {
            token: "a".to_owned(),
            logprob: 0.0,
            top: Vec::new(),
        }])),
        more(Delta::Citation(Citation::default())),
        Event::Delta { choice: 1, delta: Delta::Text("other".to_owned()) },
        Event::text("a"),
        Event::finish(Finish::Other("odd".into())),
    ];
    let (stream, losses) = written(&said);
    let message = message_of(&stream);
    assert_eq!(message["content"].as_array().unwrap().len(), 1);
    assert_eq!(message["stop_reason"], "end_turn");
    assert_eq!(losses.header(), "thinking.signature,logprobs,citations,n,finish_reason");
}

#[test]
fn a_broken_answer_ends_with_an_error() {
    let mut writer = form().stream_writer(&envelope());
    let mut stream = writer.start().to_vec();
    stream.extend_from_slice(&writer.event(&Event::text("half")));
    let refusal = Refusal {
        status: 529,
        kind: RefusalKind::Overloaded,
        message: "gone".to_owned(),
        param: None,
        retry_after_s: None,
    };
    stream.extend_from_slice(&writer.break_off(&refusal));
    let text = std::str::from_utf8(&stream).unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    let wanted = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"gone\"}}";
    assert_eq!(last, wanted);
    assert!(!text.contains("message_stop"));
    let fault = events([text.as_bytes()]).1.unwrap();
    assert_eq!(fault.class, domain::FaultClass::Overloaded);
}
