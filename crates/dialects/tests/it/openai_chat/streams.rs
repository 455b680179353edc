//! What the stream reader makes of good and bad streams.

use bytes::Bytes;
use dialects::Reading;
use domain::{FaultClass, Finish, Piece, Usage};

use super::reading::{event, finish, form, read, read_all, text};

const DONE: &str = "data: [DONE]\n\n";
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":6}}}"#;

fn class_of(stream: &str) -> Option<FaultClass> {
    read_all(stream).fault.map(|fault| fault.class)
}

#[test]
fn a_burst_is_one_run_without_a_copy() {
    let stream = Bytes::from(text("word").repeat(100));
    let mut reader = form().stream_reader(Reading::Relay { hide_usage: false });
    reader.push(stream.clone());
    let Some(Ok(Piece::Relayed { bytes, sight })) = reader.next_run() else { panic!("no run") };
    assert_eq!(bytes.as_ptr(), stream.as_ptr());
    assert_eq!((bytes.len(), sight.content_deltas, sight.text_chars), (stream.len(), 100, 400));
    assert!(reader.next_run().is_none());
}

#[test]
fn a_complete_stream_goes_through_and_is_read() {
    let role = event(
        r#"{"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
    );
    let stream = [role, text("é\\n"), finish("stop"), event(USAGE), DONE.to_owned()].concat();
    let read = read_all(&stream);
    assert_eq!(String::from_utf8(read.bytes).unwrap(), stream);
    assert_eq!(read.fault, None);
    assert_eq!((read.sight.content_deltas, read.sight.text_chars), (1, 2));
    assert_eq!(read.sight.finish, Some(Finish::Stop));
    assert_eq!(read.sight.model.as_deref(), Some("m-1"));
    assert!(read.sight.end_mark);
    let wanted = Usage { input_uncached: 4, cache_read: 6, output: 4, ..Usage::default() };
    assert_eq!(read.sight.usage, Some(wanted));
}

#[test]
fn usage_is_hidden_only_where_it_stands_alone() {
    let stream = [&text("a"), &finish("stop"), &event(USAGE), DONE].concat();
    let hidden = read([stream.as_bytes()], true);
    let wanted = [&text("a"), &finish("stop"), DONE].concat();
    assert_eq!(String::from_utf8(hidden.bytes).unwrap(), wanted);
    assert_eq!(hidden.sight.usage.map(|usage| usage.input()), Some(10));

    let together =
        event(r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#);
    let azure = event(r#"{"choices":[],"prompt_filter_results":[]}"#);
    let stream = [azure, text("a"), together].concat();
    assert_eq!(String::from_utf8(read([stream.as_bytes()], true).bytes).unwrap(), stream);
}

#[test]
fn all_kinds_of_content_count_and_empty_ones_do_not() {
    for delta in [
        r#"{"content":"x"}"#,
        r#"{"refusal":"no"}"#,
        r#"{"reasoning":"hm"}"#,
        r#"{"reasoning_content":"hm"}"#,
        r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}"#,
        r#"{"tool_calls":[{"function":{"arguments":{"a":1}}}]}"#,
        r#"{"tool_calls":[{"index":0,"custom":{"input":"x"}}]}"#,
        r#"{"function_call":{"arguments":"{"}}"#,
        r#"{"audio":{"transcript":"x"}}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"x"}]}]}"#,
    ] {
        let stream = event(&format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#));
        assert_eq!(read_all(&stream).sight.content_deltas, 1, "{delta}");
    }
    for delta in [
        r#"{"role":"assistant","content":""}"#,
        r#"{"content":null,"refusal":null,"reasoning":null,"tool_calls":null,"audio":null}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":""}}]}"#,
        r#"{"tool_calls":[],"content":[]}"#,
        "null",
        "7",
    ] {
        let stream = event(&format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#));
        assert_eq!(read_all(&stream).sight.content_deltas, 0, "{delta}");
    }
}

#[test]
fn pings_and_comments_are_relayed_and_are_no_content() {
    let stream = [": keep-alive\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n"].concat();
    let read = read_all(&stream);
    assert_eq!(String::from_utf8(read.bytes).unwrap(), stream);
    assert_eq!(read.sight.content_deltas, 0);
    assert_eq!(read.fault.map(|fault| fault.class), Some(FaultClass::Empty));
}

#[test]
fn every_spelling_of_an_event_is_read() {
    for stream in [
        "data:{\"choices\":[{\"delta\":{\"content\":\"ab\"}}]}\n\n",
        "\u{feff}data: {\"choices\":[{\"delta\":{\"content\":\"ab\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":\rdata: {\"content\":\"ab\"}}]}\r\r",
        ": note\nid: 4\nretry: 10\nevent: x\ndata: {\"choices\":[{\"delta\":{\"content\":\"ab\"}}]}\n\n",
        "data: {\"ch\\u006fices\":[{\"delta\":{\"content\":\"\\u0061b\"}}]}\n\n",
    ] {
        let read = read_all(stream);
        assert_eq!(read.sight.text_chars, 2, "{stream:?}");
        assert_eq!(String::from_utf8(read.bytes).unwrap(), stream);
    }
}

#[test]
fn an_end_without_finish_is_a_cut_or_empty() {
    assert_eq!(class_of(&text("a")), Some(FaultClass::Cut));
    assert_eq!(class_of(&[&text("a"), DONE].concat()), Some(FaultClass::Cut));
    assert_eq!(class_of(""), Some(FaultClass::Empty));
    assert_eq!(class_of(DONE), Some(FaultClass::Empty));
    assert_eq!(class_of(&finish("stop")), None);
    assert_eq!(class_of(&[text("a"), finish("")].concat()), Some(FaultClass::Cut));
    let half = [text("a"), finish("stop").replace("\"}]}", "")].concat();
    let read = read_all(half.trim_end());
    assert_eq!(read.fault.unwrap().class, FaultClass::Cut);
    assert_eq!((String::from_utf8(read.bytes).unwrap(), read.sight.malformed), (text("a"), 0));
}

#[test]
fn of_several_choices_all_must_finish_or_the_end_mark_must_come() {
    let second = event(r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#);
    let stream = [text("a"), second, finish("stop")].concat();
    assert_eq!(class_of(&stream), Some(FaultClass::Cut));
    assert_eq!(class_of(&(stream + DONE)), None);
}

#[test]
fn a_last_event_without_its_blank_line_is_closed() {
    for (tail, wanted) in [("\n", "\n\n"), ("", "\n\n"), ("\r", "\r\n")] {
        let last = finish("stop").trim_end().to_owned();
        let read = read_all(&[text("a"), last.clone() + tail].concat());
        assert_eq!(read.fault, None);
        assert_eq!(String::from_utf8(read.bytes).unwrap(), text("a") + &last + wanted);
    }
}

#[test]
fn unreadable_events_are_left_out_and_counted() {
    let bad = "data: {\"choices\":[{\"delta\":{\"con\n\n";
    let stream =
        [&text("a"), bad, &text("b"), "data: 7\n\n", "data:\n\n", &finish("stop")].concat();
    let read = read_all(&stream);
    assert_eq!(read.fault, None);
    assert_eq!((read.sight.malformed, read.sight.text_chars), (3, 2));
    assert_eq!(String::from_utf8(read.bytes).unwrap(), text("a") + &text("b") + &finish("stop"));
}

#[test]
fn too_many_unreadable_events_or_nothing_else_are_a_fault() {
    let bad = "data: {]\n\n";
    let borne = [&text("a"), &bad.repeat(16), &finish("stop")[..]].concat();
    assert_eq!(class_of(&borne), None);
    let more = read_all(&[&text("a"), &bad.repeat(17), &finish("stop")[..]].concat());
    assert_eq!(more.fault.unwrap().class, FaultClass::Malformed);
    assert_eq!(String::from_utf8(more.bytes).unwrap(), text("a"));
    assert_eq!(class_of(bad), Some(FaultClass::Malformed));
    assert_eq!(class_of("<html>\n\n<body>over capacity</body>\n"), Some(FaultClass::Empty));
}

#[test]
fn errors_in_band_come_after_the_events_before_them() {
    let stream = [text("a"), event(r#"{"error":{"message":"busy","type":"overloaded_error"}}"#)];
    let read = read_all(&stream.concat());
    assert_eq!(String::from_utf8(read.bytes).unwrap(), text("a"));
    assert_eq!(read.fault.unwrap().class, FaultClass::Overloaded);
    assert_eq!(read.pieces, 2);
}

#[test]
fn errors_in_band_have_their_class() {
    use FaultClass as C;
    for (error, wanted) in [
        (r#"{"type":"service_unavailable_error","code":"server_is_overloaded"}"#, C::Overloaded),
        (r#"{"code":503,"message":"none left"}"#, C::Overloaded),
        (r#"{"code":529}"#, C::Overloaded),
        (r#"{"code":"insufficient_quota","type":"insufficient_quota"}"#, C::QuotaExhausted),
        (r#"{"code":"rate_limit_exceeded"}"#, C::RateLimited),
        (r#"{"code":429,"message":"Provider returned error"}"#, C::RateLimited),
        (r#"{"status":"RESOURCE_EXHAUSTED","code":429}"#, C::RateLimited),
        (r#"{"code":"content_policy_violation"}"#, C::ContentFilter),
        (r#"{"code":"context_length_exceeded"}"#, C::ContextLength),
        (r#"{"code":401,"message":"no"}"#, C::KeyRejected),
        (r#"{"code":400,"message":"Token limit reached"}"#, C::ServerError),
        (r#""something broke""#, C::ServerError),
        (r#""the server is overloaded""#, C::Overloaded),
        ("{}", C::ServerError),
    ] {
        assert_eq!(class_of(&event(&format!(r#"{{"error":{error}}}"#))), Some(wanted), "{error}");
        let beside = format!(r#"{{"choices":[{{"delta":{{"content":""}}}}],"error":{error}}}"#);
        assert_eq!(class_of(&event(&beside)), Some(wanted), "{error}");
    }
    assert_eq!(class_of("event: error\ndata: it broke\n\n"), Some(C::ServerError));
    let flat = "event: error\ndata: {\"type\":\"overloaded_error\",\"message\":\"x\"}\n\n";
    assert_eq!(class_of(flat), Some(C::Overloaded));
}

#[test]
fn members_that_only_seem_to_be_errors_are_none() {
    for nothing in ["null", "false", "\"\""] {
        let chunk = format!(
            r#"{{"error":{nothing},"choices":[{{"delta":{{"content":"a"}},"finish_reason":"stop"}}]}}"#
        );
        assert_eq!(class_of(&event(&chunk)), None, "{nothing}");
    }
}

#[test]
fn a_bare_error_body_in_the_stream_is_an_error() {
    let pretty = "{\n  \"error\": {\n    \"code\": 503,\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    let array = "[{\"error\":{\"code\":429,\"message\":\"slower\"}}]\n\n";
    for (bare, wanted) in [(pretty, FaultClass::Overloaded), (array, FaultClass::RateLimited)] {
        let read = read_all(&(text("a") + bare));
        assert_eq!(read.fault.unwrap().class, wanted);
        assert_eq!(String::from_utf8(read.bytes).unwrap(), text("a"));
    }
    let glued = "{\"error\":{\"code\":503}}\ndata: [DONE]\n\n";
    assert_eq!(class_of(glued), Some(FaultClass::Overloaded));
}

#[test]
fn too_long_lines_are_a_fault_after_what_came_before() {
    let stream = [text("a"), format!("data: {}", "x".repeat(1024 * 1024))].concat();
    let read = read_all(&stream);
    assert_eq!(String::from_utf8(read.bytes).unwrap(), text("a"));
    assert_eq!(read.fault.unwrap().class, FaultClass::Malformed);
}

#[test]
fn hidden_reasoning_is_found_in_the_total() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":291,"completion_tokens":26,"total_tokens":513,"completion_tokens_details":{"reasoning_tokens":196}}}"#;
    let usage = read_all(&event(usage)).sight.usage.unwrap();
    assert_eq!((usage.input(), usage.output, usage.reasoning), (291, 222, 196));
}
