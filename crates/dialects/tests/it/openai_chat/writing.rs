//! What we write is read back, by our own reader and as JSON.

use dialects::{ModelEntry, Refusal, RefusalKind};
use domain::{
    Citation, Delta, Dialect, Event, Finish, Framing, LogProb, Loss, Media, MediaKind, MediaSource,
    Operation, Proof, ProofKind, Reply, SearchResult, Usage,
};
use serde_json::{Value, json};

use super::reading::{envelope, form, read, translate, write};
use super::validator;

const USAGE: Usage = Usage {
    input_uncached: 5,
    cache_read: 2,
    cache_write: 0,
    cache_write_hour: 0,
    output: 3,
    reasoning: 0,
    estimated: false,
};

fn written(include_usage: bool) -> String {
    let events = [Event::text("line\n\"é\""), Event::finish(Finish::Stop), Event::Usage(USAGE)];
    let (stream, losses) = write(&events, &envelope(include_usage));
    assert!(losses.is_empty());
    stream
}

fn chunks(stream: &str) -> Vec<Value> {
    let data = stream.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn delta(delta: Delta) -> Event {
    Event::Delta { choice: 0, delta }
}

#[test]
fn a_written_stream_is_complete_and_reads_back() {
    let stream = written(true);
    assert!(stream.ends_with("data: [DONE]\n\n"));
    let back = read([stream.as_bytes()], false);
    assert_eq!(back.fault, None);
    assert_eq!((back.sight.content_deltas, back.sight.text_chars), (1, 8));
    assert_eq!(back.sight.finish, Some(Finish::Stop));
    assert_eq!(back.sight.usage, Some(USAGE));
    assert_eq!(back.sight.model.as_deref(), Some("a \"model\""));
}

#[test]
fn every_chunk_has_the_members_that_clients_need() {
    let chunks = chunks(&written(true));
    assert_eq!(chunks.len(), 4);
    for chunk in &chunks {
        assert_eq!(chunk["id"], "chatcmpl-1");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["created"], 1_717_484_400);
    }
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[1]["choices"][0]["delta"]["content"], "line\n\"é\"");
    assert_eq!(chunks[1]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[3]["choices"], json!([]));
    assert_eq!(chunks[3]["usage"]["total_tokens"], 10);
}

#[test]
fn usage_is_written_only_if_asked_for() {
    let chunks = chunks(&written(false));
    assert_eq!(chunks.len(), 3);
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
}

/// Events of every kind that the form can hold, in an order that its reader gives back.
fn all_kinds() -> Vec<Event> {
    let call = |index, id: &str, free_text, signature: Option<&str>| {
        let (id, signature) = (id.into(), signature.map(Box::from));
        delta(Delta::ToolCall { index, id, name: "f".into(), free_text, signature })
    };
    let arguments = |index, text: &str| delta(Delta::Arguments { index, text: text.to_owned() });
    let proof = Proof {
        dialect: Dialect::OpenAiChat,
        kind: ProofKind::Sealed,
        id: Some("rs_1".into()),
        data: r#"{"type":"reasoning.encrypted","data":"x","id":"rs_1"}"#.into(),
    };
    let found = SearchResult {
        url: "https://a".into(),
        title: Some("A".into()),
        snippet: Some("s".into()),
        date: Some("2026-01-02".into()),
    };
    let citation = Citation {
        url: Some("https://a".into()),
        title: Some("A".into()),
        quote: Some("q".into()),
        span: Some((0, 4)),
    };
    let logprob = LogProb {
        token: "Good".into(),
        logprob: -0.1,
        top: vec![("Good".into(), -0.1), ("x".into(), -9.5)],
    };
    let image = Media {
        kind: MediaKind::Image,
        source: MediaSource::Base64("QUJD".into()),
        mime: Some("image/png".into()),
        name: None,
        detail: None,
        cache: None,
    };
    vec![
        Event::Start { id: Some("chatcmpl-1".into()), model: Some("a \"model\"".into()) },
        delta(Delta::SearchResults(vec![found])),
        delta(Delta::Thinking("hm".into())),
        delta(Delta::Proof(proof)),
        Event::text("Good "),
        Event::text("day"),
        delta(Delta::Citation(citation)),
        delta(Delta::LogProbs(vec![logprob])),
        Event::Delta { choice: 1, delta: Delta::Refusal("no".into()) },
        delta(Delta::Media(image)),
        call(0, "c0", false, Some("sig")),
        call(1, "c1", true, None),
        arguments(0, "{\"a\""),
        arguments(1, "free"),
        arguments(0, ":1}"),
        Event::finish(Finish::ToolCalls),
        Event::Finish { choice: 1, finish: Finish::StopSequence("END".into()) },
        Event::Usage(USAGE),
    ]
}

#[test]
fn what_is_written_is_read_again_event_for_event() {
    let (stream, losses) = write(&all_kinds(), &envelope(true));
    assert!(losses.is_empty(), "{losses:?}");
    let seen = validator::check(&stream, true);
    assert_eq!(seen.text[&0], "Good day");
    assert_eq!(seen.finish[&0], "tool_calls");
    assert!(seen.usage.is_some());
    let back = translate([stream.as_bytes()]);
    assert_eq!(back.fault, None);
    assert_eq!(back.events, all_kinds());
}

#[test]
fn numbers_of_calls_have_no_gaps_and_ids_are_never_empty() {
    let call = |index, choice| {
        let delta = Delta::ToolCall {
            index,
            id: Box::default(),
            name: "f".into(),
            free_text: false,
            signature: None,
        };
        Event::Delta { choice, delta }
    };
    let arguments = |index| delta(Delta::Arguments { index, text: "{}".into() });
    // Anthropic counts its blocks of text along.
    let events = [call(1, 0), arguments(1), call(4, 0), arguments(4), call(0, 3), arguments(9)];
    let (stream, losses) = write(&events, &envelope(false));
    validator::check(&stream, false);
    assert_eq!(losses.header(), "tool_calls.arguments");
    let (completion, _) = translate([stream.as_bytes()]).gathered();
    let ids: Vec<_> =
        completion.choices[0].content.iter().map(|part| format!("{part:?}")).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn what_was_found_is_in_the_first_chunk_for_clients_that_look_nowhere_else() {
    let found = |url: &str| {
        delta(Delta::SearchResults(vec![SearchResult {
            url: url.into(),
            ..SearchResult::default()
        }]))
    };
    let (stream, _) = write(
        &[Event::Ping, found("https://a"), Event::text("x"), found("https://b")],
        &envelope(false),
    );
    let chunks = chunks(&stream);
    assert_eq!(chunks[0]["citations"], json!(["https://a"]));
    assert_eq!(chunks[0]["search_results"][0]["url"], "https://a");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks[1].get("citations").is_none());
    assert_eq!(chunks[2]["citations"], json!(["https://b"]));
}

#[test]
fn a_citation_counts_from_the_start_of_the_whole_text() {
    let cite = |start, end| {
        let span = Some((start, end));
        delta(Delta::Citation(Citation { url: Some("u".into()), span, ..Citation::default() }))
    };
    let events = [
        Event::text("éé"),
        delta(Delta::Thinking("…".into())),
        Event::text("ab"),
        cite(0, 2),
        delta(Delta::Citation(Citation {
            quote: Some("no address".into()),
            ..Citation::default()
        })),
    ];
    let (stream, losses) = write(&events, &envelope(false));
    let chunks = chunks(&stream);
    let inner = &chunks.last().unwrap()["choices"][0]["delta"]["annotations"][0]["url_citation"];
    assert_eq!((&inner["start_index"], &inner["end_index"]), (&json!(2), &json!(4)));
    assert_eq!(losses.header(), "citations");
}

#[test]
fn every_finish_is_said_in_words_that_clients_know() {
    let reason = |finish: Finish, before: Option<Delta>| {
        let mut events: Vec<Event> = before.map(delta).into_iter().collect();
        events.push(Event::finish(finish));
        let (stream, losses) = write(&events, &envelope(false));
        validator::check(&stream, false);
        let last = chunks(&stream).pop().unwrap()["choices"][0].clone();
        let native = last.get("native_finish_reason").and_then(Value::as_str).map(str::to_owned);
        (last["finish_reason"].as_str().unwrap().to_owned(), native, losses.header())
    };
    let plain = |word: &str| (word.to_owned(), None, String::new());
    assert_eq!(reason(Finish::Stop, None), plain("stop"));
    assert_eq!(reason(Finish::Length, None), plain("length"));
    assert_eq!(reason(Finish::ToolCalls, None), plain("tool_calls"));
    assert_eq!(reason(Finish::StopSequence(Box::default()), None), plain("stop"));
    assert_eq!(reason(Finish::Refusal, Some(Delta::Refusal("no".into()))), plain("stop"));
    let call = Delta::ToolCall {
        index: 0,
        id: "c".into(),
        name: "f".into(),
        free_text: false,
        signature: None,
    };
    assert_eq!(reason(Finish::Stop, Some(call)), plain("tool_calls"));
    let native = |word: &str, native: &str, loss: &str| {
        (word.to_owned(), Some(native.to_owned()), loss.to_owned())
    };
    let filtered = reason(Finish::ContentFilter("SAFETY".into()), None);
    assert_eq!(filtered, native("content_filter", "SAFETY", ""));
    assert_eq!(reason(Finish::Refusal, None), native("content_filter", "refusal", "stop_reason"));
    assert_eq!(reason(Finish::Paused, None), native("stop", "pause_turn", "stop_reason"));
    let other = reason(Finish::Other("odd".into()), None);
    assert_eq!(other, native("stop", "odd", "stop_reason"));
}

#[test]
fn what_has_no_place_in_a_stream_is_named() {
    let proof = |dialect| {
        let data = "s".into();
        delta(Delta::Proof(Proof { dialect, kind: ProofKind::Signature, id: None, data }))
    };
    let video = Media {
        kind: MediaKind::Video,
        source: MediaSource::Url("u".into()),
        mime: None,
        name: None,
        detail: None,
        cache: None,
    };
    let events = [
        proof(Dialect::Anthropic),
        delta(Delta::Media(video)),
        Event::Lost(Loss::dropped("service_tier")),
    ];
    let (_, losses) = write(&events, &envelope(false));
    assert_eq!(losses.header(), "thinking.signature,video,service_tier");
}

fn refusal(kind: RefusalKind) -> Refusal {
    Refusal {
        status: 400,
        kind,
        message: "all \"rungs\" are out".to_owned(),
        param: None,
        retry_after_s: None,
    }
}

#[test]
fn refusals_have_the_form_that_sdks_know() {
    let refusal =
        Refusal { status: 503, retry_after_s: Some(200), ..refusal(RefusalKind::Overloaded) };
    let value: Value = serde_json::from_slice(&form().write_refusal(&refusal, "r")).unwrap();
    let wanted = json!({"error": {
        "message": "all \"rungs\" are out",
        "type": "service_unavailable_error",
        "param": null,
        "code": "server_is_overloaded",
        "retry_after_s": 200
    }});
    assert_eq!(value, wanted);
    let mut writer = form().stream_writer(&envelope(true));
    let broken = [writer.event(&Event::text("a")), writer.break_off(&refusal)];
    for event in [form().write_stream_refusal(&refusal, Framing::Events), broken[1].clone()] {
        let event = String::from_utf8(event.to_vec()).unwrap();
        let data = event.strip_prefix("data: ").and_then(|rest| rest.strip_suffix("\n\n")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), wanted);
    }
    // A client that reads on must not find a clean end.
    let broken = broken.concat();
    assert!(read([&broken[..]], false).fault.is_some());
    assert_eq!(form().end_mark(), b"data: [DONE]\n\n");
}

#[test]
fn each_kind_of_refusal_has_its_code() {
    use RefusalKind as K;
    for (kind, code, param) in [
        (K::InvalidRequest, Value::Null, Value::Null),
        (K::ModelNotFound, json!("model_not_found"), json!("model")),
        (K::ContextLength, json!("context_length_exceeded"), json!("messages")),
        (K::ContentFilter, json!("content_filter"), Value::Null),
        (K::Unauthorized, json!("invalid_api_key"), Value::Null),
        (K::PayloadTooLarge, json!("request_too_large"), Value::Null),
        (K::RateLimited, json!("rate_limit_exceeded"), Value::Null),
        (K::Overloaded, json!("server_is_overloaded"), Value::Null),
        (K::UpstreamFailed, json!("upstream_failed"), Value::Null),
        (K::UpstreamTimeout, json!("upstream_timeout"), Value::Null),
        (K::NotFound, json!("unknown_url"), Value::Null),
        (K::MethodNotAllowed, json!("method_not_supported"), Value::Null),
        (K::Internal, json!("internal_error"), Value::Null),
    ] {
        let body = form().write_refusal(&refusal(kind), "r");
        let value: Value = serde_json::from_slice(&body).unwrap();
        let error = value["error"].as_object().unwrap();
        assert_eq!((&error["code"], &error["param"]), (&code, &param));
        assert!(error["type"].is_string() && error["message"].is_string());
        assert!(error.get("retry_after_s").is_none());
    }
}

#[test]
fn models_are_listed() {
    let entry = |id| ModelEntry { id, context_tokens_max: None, output_tokens_max: None };
    let known =
        ModelEntry { context_tokens_max: Some(9), output_tokens_max: Some(4), ..entry("b") };
    let list: Value =
        serde_json::from_slice(&form().write_models(&[entry("a"), known], 7)).unwrap();
    assert_eq!(list["object"], "list");
    let plain = json!({"id": "a", "object": "model", "created": 7, "owned_by": "seawall"});
    assert_eq!(list["data"][0], plain);
    let one: Value = serde_json::from_slice(&form().write_model(&known, 7)).unwrap();
    assert_eq!(list["data"][1], one);
    assert_eq!((&one["context_window"], &one["max_completion_tokens"]), (&json!(9), &json!(4)));
    assert_eq!(&form().write_models(&[], 7)[..], br#"{"object":"list","data":[]}"#);
}

#[test]
fn counted_tokens_are_told_honestly() {
    let reply = Reply::InputTokens { count: 12, estimated: false };
    let written = form().write_whole(&reply, &envelope(false)).body;
    assert_eq!(&written[..], br#"{"object":"input_tokens","input_tokens":12}"#);
    let (back, _) = form().read_whole(Operation::CountTokens, &written).unwrap();
    assert_eq!(back, reply);
    assert!(form().see_whole(Operation::CountTokens, b"{}").is_err());
}
