//! Streams of the provider: relayed, looked at, and read into events.

use domain::{Content, Delta, Event, FaultClass, Finish, Loss};

use super::{events, gathered, relay};

fn event(data: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(data).unwrap();
    format!("event: {}\ndata: {data}\n\n", value["type"].as_str().unwrap())
}

fn stream(data: &[&str]) -> String {
    data.iter().map(|data| event(data)).collect()
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"m","content":[],"usage":{"input_tokens":7,"cache_read_input_tokens":2,"output_tokens":1}}}"#;
const TEXT: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const HELLO: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße"}}"#;
const CLOSE: &str = r#"{"type":"content_block_stop","index":0}"#;
const DONE: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

#[test]
fn usage_is_joined_from_both_ends() {
    let text = stream(&[START, TEXT, HELLO, CLOSE, DONE, STOP]);
    let seen = relay([text.as_bytes()]);
    assert_eq!((seen.fault, seen.bytes.as_slice()), (None, text.as_bytes()));
    let usage = seen.sight.usage.unwrap();
    assert_eq!((usage.input_uncached, usage.cache_read, usage.output), (7, 2, 5));
    assert_eq!((seen.sight.content_deltas, seen.sight.text_chars), (1, 5));
    assert!(seen.sight.end_mark);
    assert_eq!(seen.sight.finish, Some(Finish::Stop));
    let (events, _) = events([text.as_bytes()]);
    assert_eq!(gathered(events).0.usage, Some(usage));
}

#[test]
fn a_stream_without_its_last_event_is_complete_and_one_without_its_reason_is_cut() {
    let whole = stream(&[START, TEXT, HELLO, CLOSE, DONE]);
    assert_eq!(relay([whole.as_bytes()]).fault, None);
    assert_eq!(events([whole.as_bytes()]).1, None);
    for (data, class) in [
        (vec![START, TEXT, HELLO, CLOSE], FaultClass::Cut),
        (vec![START, TEXT, HELLO, STOP], FaultClass::Cut),
        (vec![START], FaultClass::Empty),
    ] {
        let text = stream(&data);
        assert_eq!(relay([text.as_bytes()]).fault.unwrap().class, class);
        assert_eq!(events([text.as_bytes()]).1.unwrap().class, class);
    }
}

#[test]
fn errors_are_faults_wherever_they_stand() {
    let overloaded =
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for text in [
        event(overloaded),
        stream(&[START, TEXT, HELLO]) + &event(overloaded),
        // The event's name was lost on the way.
        format!("data: {overloaded}\n\n"),
    ] {
        assert_eq!(relay([text.as_bytes()]).fault.unwrap().class, FaultClass::Overloaded);
        assert_eq!(events([text.as_bytes()]).1.unwrap().class, FaultClass::Overloaded);
    }
}

#[test]
fn a_second_start_and_unknown_kinds_are_borne() {
    let odd = r#"{"type":"something_new","data":1}"#;
    let text = stream(&[START, START, odd, TEXT, HELLO, CLOSE, DONE, STOP]);
    let (read, fault) = events([text.as_bytes()]);
    assert_eq!(fault, None);
    let starts = read.iter().filter(|event| matches!(event, Event::Start { .. })).count();
    assert_eq!(starts, 1);
    assert_eq!(relay([text.as_bytes()]).bytes, text.as_bytes());
}

#[test]
fn an_unreadable_event_is_left_out() {
    let text = stream(&[START, TEXT])
        + "event: content_block_delta\ndata: {oops\n\n"
        + &stream(&[HELLO, CLOSE, DONE, STOP]);
    let seen = relay([text.as_bytes()]);
    assert_eq!((seen.fault, seen.sight.malformed), (None, 1));
    assert_eq!(seen.bytes, stream(&[START, TEXT, HELLO, CLOSE, DONE, STOP]).as_bytes());
}

#[test]
fn parallel_calls_thinking_and_proofs_become_events() {
    let text = stream(&[
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"S"}}"#,
        CLOSE,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"R"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"1.0}"}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}}"#,
        STOP,
    ]);
    let (read, fault) = events([text.as_bytes()]);
    assert_eq!(fault, None);
    let (completion, losses) = gathered(read);
    assert!(losses.is_empty());
    let content = &completion.choices[0].content;
    assert_eq!(content.len(), 4);
    let Content::Thinking(thinking) = &content[0] else { panic!() };
    assert_eq!((thinking.text.as_str(), &*thinking.proof.as_ref().unwrap().data), ("hm", "S"));
    let arguments = |at: usize| match &content[at] {
        Content::ToolCall(call) => call.arguments.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!((arguments(2), arguments(3)), ("{}", "{\"x\":1.0}"));
    assert_eq!(completion.choices[0].finish, Some(Finish::ToolCalls));
}

#[test]
fn citations_know_their_place_in_the_whole_text() {
    let text = stream(&[
        START,
        TEXT,
        HELLO,
        CLOSE,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":[]}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"u","title":"t","cited_text":"q","encrypted_index":"E"}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" dort"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        DONE,
        STOP,
    ]);
    let (completion, _) = gathered(events([text.as_bytes()]).0);
    let [Content::Text(text)] = completion.choices[0].content.as_slice() else { panic!() };
    assert_eq!(text.text, "Grüße dort");
    assert_eq!(text.citations[0].span, Some((5, 10)));
}

#[test]
fn blocks_without_a_place_are_named() {
    let text = stream(&[
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        CLOSE,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"u","title":"t","encrypted_content":"E","page_age":null}]}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"model_context_window_exceeded"},"usage":{"output_tokens":5},"context_management":{"applied_edits":[]}}"#,
        STOP,
    ]);
    let (read, _) = events([text.as_bytes()]);
    let lost: Vec<&Loss> = read
        .iter()
        .filter_map(|event| match event {
            Event::Lost(loss) => Some(loss),
            _ => None,
        })
        .collect();
    let names: Vec<&str> = lost.iter().map(|loss| &*loss.field).collect();
    let wanted = ["server_tool_use", "web_search_tool_result", "stop_reason", "context_management"];
    assert_eq!(names, wanted);
    let found =
        |event: &Event| matches!(event, Event::Delta { delta: Delta::SearchResults(_), .. });
    assert!(read.iter().any(found));
    assert!(read.contains(&Event::finish(Finish::Length)));
}
