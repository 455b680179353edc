//! Made-up streams of strict and lenient servers, event by event.

use domain::{Content, Delta, Event, Finish, Loss, SearchResult};

use super::{RELAY, event, read, text_of, translate};

pub(super) const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"m","status":"in_progress","output":[]}}"#;
pub(super) const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","model":"m","status":"completed","output":[],"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":2},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":14}}}"#;

pub(super) fn delta(text: &str) -> String {
    event(&format!(
        r#"{{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"{text}"}}"#
    ))
}

pub(super) fn stream(inner: &[String]) -> String {
    [&[event(CREATED)], inner, &[event(COMPLETED)]].concat().concat()
}

fn deltas(stream: &str) -> Vec<Delta> {
    let read = translate(stream);
    assert_eq!(read.fault, None, "{stream}");
    let relayed = super::read([stream.as_bytes()], RELAY);
    assert_eq!(relayed.sight.content_deltas, read.sight.content_deltas, "{stream}");
    let deltas = read.events.into_iter().filter_map(|event| match event {
        Event::Delta { choice: 0, delta } => Some(delta),
        _ => None,
    });
    deltas.collect()
}

fn call(index: u32, id: &str) -> Delta {
    Delta::ToolCall { index, id: id.into(), name: "f".into(), free_text: false, signature: None }
}

fn arguments(index: u32, text: &str) -> Delta {
    Delta::Arguments { index, text: text.into() }
}

fn item(step: &str, at: u64, item: &str) -> String {
    event(&format!(r#"{{"type":"response.output_item.{step}","output_index":{at},"item":{item}}}"#))
}

#[test]
fn a_plain_answer_has_start_text_usage_and_finish() {
    let read = translate(&stream(&[delta("a"), delta(""), delta("b")]));
    let usage = domain::Usage {
        input_uncached: 3,
        cache_read: 4,
        cache_write: 2,
        cache_write_hour: 0,
        output: 5,
        reasoning: 3,
        estimated: false,
    };
    let wanted = [
        Event::Start { id: Some("resp_1".into()), model: Some("m".into()) },
        Event::text("a"),
        Event::text("b"),
        Event::Usage(usage),
        Event::finish(Finish::Stop),
    ];
    assert_eq!(read.events, wanted);
}

#[test]
fn what_was_not_streamed_is_told_at_its_end() {
    let done = event(
        r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"whole"}"#,
    );
    let message = item(
        "done",
        0,
        r#"{"type":"message","content":[{"type":"output_text","text":"whole","annotations":[{"type":"url_citation","url":"https://x","title":"t","start_index":0,"end_index":5}]}]}"#,
    );
    for inner in [
        vec![done.clone(), message.clone()],
        vec![message.clone()],
        vec![delta("wh"), delta("ole"), done, message],
    ] {
        let (completion, _) = translate(&stream(&inner)).gathered();
        let [Content::Text(text)] = &completion.choices[0].content[..] else { panic!() };
        assert_eq!((text.text.as_str(), text.citations.len()), ("whole", 1));
    }
    // A server that streams nothing but its end.
    let whole = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"whole"}]},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}]}}"#;
    let (completion, _) = translate(&(event(CREATED) + &event(whole))).gathered();
    assert_eq!(text_of(&completion), "whole");
    assert_eq!(completion.choices[0].finish, Some(Finish::ToolCalls));
}

#[test]
fn calls_are_told_when_they_are_certain() {
    let added = |at, id: &str| {
        item(
            "added",
            at,
            &format!(
                r#"{{"type":"function_call","id":"fc","call_id":"{id}","name":"f","arguments":""}}"#
            ),
        )
    };
    let args = |at: u64, text: &str| {
        event(&format!(
            r#"{{"type":"response.function_call_arguments.delta","output_index":{at},"delta":"{text}"}}"#
        ))
    };
    let done = |at, id: &str, text: &str| {
        item(
            "done",
            at,
            &format!(
                r#"{{"type":"function_call","call_id":"{id}","name":"f","arguments":"{text}"}}"#
            ),
        )
    };
    // Side by side.
    let inner = [
        added(0, "a"),
        added(1, "b"),
        args(1, "1"),
        args(0, "2"),
        args(1, "3"),
        done(0, "a", "2"),
        done(1, "b", "13"),
    ];
    let wanted =
        [call(0, "b"), arguments(0, "1"), call(1, "a"), arguments(1, "2"), arguments(0, "3")];
    assert_eq!(deltas(&stream(&inner)), wanted);
    // Whole at the end.
    let inner = [added(0, "a"), done(0, "a", "7")];
    assert_eq!(deltas(&stream(&inner)), [call(0, "a"), arguments(0, "7")]);
    // Announced and ended by the whole response alone.
    let completed = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","content":[]},{"type":"function_call","call_id":"a","name":"f","arguments":"7"}]}}"#;
    let stream_of = [event(CREATED), delta("x"), added(1, "a"), event(completed)].concat();
    assert_eq!(deltas(&stream_of)[1..], [call(0, "a"), arguments(0, "7")]);
    // Free text.
    let custom =
        item("done", 0, r#"{"type":"custom_tool_call","call_id":"a","name":"f","input":"raw"}"#);
    assert!(matches!(&deltas(&stream(&[custom]))[0], Delta::ToolCall { free_text: true, .. }));
}

#[test]
fn a_call_that_ends_as_a_search_was_none() {
    let inner = [
        item(
            "added",
            0,
            r#"{"type":"function_call","id":"fc","call_id":"c","name":"search_web","arguments":"{\"q\":1}","status":"completed"}"#,
        ),
        event(r#"{"type":"response.reasoning.search_queries","queries":["q"],"thought":"x"}"#),
        event(r#"{"type":"response.reasoning.search_results","results":[{"url":"https://x"}]}"#),
        item(
            "done",
            0,
            r#"{"type":"search_results","queries":["q"],"results":[{"url":"https://x","title":"t","snippet":"s","date":"2026-01-01"}]}"#,
        ),
        item("added", 1, r#"{"type":"message","content":null,"role":"assistant"}"#),
        event(
            r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"hi"}"#,
        ),
    ];
    let found = SearchResult {
        url: "https://x".into(),
        title: Some("t".into()),
        snippet: Some("s".into()),
        date: Some("2026-01-01".into()),
    };
    let read = translate(&stream(&inner));
    let (completion, losses) = read.gathered();
    assert_eq!(
        completion.choices[0].content,
        [Content::SearchResults(vec![found]), Content::text("hi")]
    );
    assert_eq!(completion.choices[0].finish, Some(Finish::Stop));
    assert!(losses.is_empty());
}

#[test]
fn thinking_is_told_once_and_with_its_seal() {
    let summary = |at: u64, text: &str| {
        event(&format!(
            r#"{{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":{at},"delta":"{text}"}}"#
        ))
    };
    let done = item(
        "done",
        0,
        r#"{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"encrypted_content":"SEAL"}"#,
    );
    let streamed = [summary(0, "a"), summary(1, "b"), done.clone()];
    let (streamed, _) = translate(&stream(&streamed)).gathered();
    let (whole, _) = translate(&stream(&[done])).gathered();
    assert_eq!(streamed.choices[0].content, whole.choices[0].content);
    let [Content::Thinking(thinking)] = &whole.choices[0].content[..] else { panic!() };
    assert_eq!(thinking.text, "a\n\nb");
    assert_eq!(&*thinking.proof.as_ref().unwrap().data, "SEAL");
    // Nothing to show and nothing to keep is nothing.
    let empty = item("done", 0, r#"{"type":"reasoning","id":"rs_1","summary":[]}"#);
    assert!(deltas(&stream(&[empty])).is_empty());
}

#[test]
fn ends_have_their_reason() {
    let end = |kind: &str, rest: &str| {
        let end = format!(
            r#"{{"type":"response.{kind}","response":{{"status":"{kind}","output":[],{rest}}}}}"#
        );
        let read = translate(&[event(CREATED), delta("x"), event(&end)].concat());
        assert_eq!(read.fault, None);
        read.sight.finish.unwrap()
    };
    let incomplete = |reason: &str| {
        end("incomplete", &format!(r#""incomplete_details":{{"reason":"{reason}"}}"#))
    };
    assert_eq!(incomplete("max_output_tokens"), Finish::Length);
    assert_eq!(incomplete("content_filter"), Finish::ContentFilter("".into()));
    assert_eq!(incomplete("steered"), Finish::Other("steered".into()));
    let azure = r#""incomplete_details":{"reason":"content_filter"},"content_filters":[{"content_filter_results":{"hate":{"filtered":false},"violence":{"filtered":true,"severity":"high"}}}]"#;
    assert_eq!(end("incomplete", azure), Finish::ContentFilter("violence".into()));
    assert_eq!(end("completed", r#""error":null"#), Finish::Stop);
    let refusal = event(
        r#"{"type":"response.refusal.delta","output_index":0,"content_index":0,"delta":"no"}"#,
    );
    let read = translate(&stream(&[refusal]));
    assert_eq!(read.sight.finish, Some(Finish::Refusal));
}

#[test]
fn what_only_this_dialect_knows_is_named() {
    let tool = item("done", 0, r#"{"type":"code_interpreter_call","id":"ci","code":"1"}"#);
    let file = event(
        r#"{"type":"response.output_text.annotation.added","output_index":1,"annotation":{"type":"file_citation","file_id":"f","filename":"a.txt","index":3}}"#,
    );
    let read = translate(&stream(&[tool, delta("x"), file]));
    let (completion, losses) = read.gathered();
    let losses: Vec<&Loss> = losses.iter().collect();
    assert_eq!(
        losses,
        [&Loss::unmapped("code_interpreter_call"), &Loss::approximated("annotations")]
    );
    let [Content::Text(text)] = &completion.choices[0].content[..] else { panic!() };
    assert_eq!(text.citations[0].title.as_deref(), Some("a.txt"));
    assert_eq!(text.citations[0].span, Some((3, 3)));
}

#[test]
fn relayed_bytes_are_untouched_but_for_what_cannot_be_read() {
    let bad = "event: response.output_text.delta\ndata: {\"type\":\"resp\n\n";
    let (front, back) = (event(CREATED) + &delta("a"), delta("b") + &event(COMPLETED));
    let whole = [&front[..], bad, ": comment\n\n", &back].concat();
    let relayed = read([whole.as_bytes()], RELAY);
    assert_eq!(relayed.fault, None);
    assert_eq!(String::from_utf8(relayed.bytes).unwrap(), front + ": comment\n\n" + &back);
    assert_eq!((relayed.sight.malformed, relayed.sight.text_chars), (1, 2));
    assert!(relayed.sight.end_mark);
}
