//! Streams: what is read of odd ones, and what ours look like to a client.

use bytes::Bytes;
use dialects::{JsonArrayFraming, Refusal, RefusalKind};
use domain::{
    Citation, Delta, Event, FaultClass, Finish, Framing, LogProb, Loss, Proof, ProofKind, Usage,
};
use serde_json::{Value, json};

use super::round_trips::meaning;
use super::{client_chunks, envelope, events, form, json as parsed, relayed, written};

fn delta(delta: Delta) -> Event {
    Event::Delta { choice: 0, delta }
}

fn call(index: u32, id: &str, name: &str) -> Event {
    let (id, name, free_text, signature) = (id.into(), name.into(), false, None);
    delta(Delta::ToolCall { index, id, name, free_text, signature })
}

fn arguments(index: u32, text: &str) -> Event {
    delta(Delta::Arguments { index, text: text.into() })
}

fn usage() -> Usage {
    Usage { input_uncached: 5, output: 7, reasoning: 2, ..Usage::default() }
}

fn rich() -> Vec<Event> {
    let proof = Proof {
        dialect: domain::Dialect::Gemini,
        kind: ProofKind::Signature,
        id: None,
        data: "c2ln".into(),
    };
    let citation = Citation {
        url: Some("https://a.test".into()),
        title: Some("A".into()),
        quote: None,
        span: Some((0, 4)),
    };
    let found = domain::SearchResult {
        url: "https://a.test".into(),
        title: Some("A".into()),
        snippet: None,
        date: None,
    };
    let logprob = LogProb { token: "Ü".into(), logprob: -0.25, top: Vec::new() };
    vec![
        Event::Start { id: Some("x".into()), model: Some("m".into()) },
        Event::Ping,
        delta(Delta::Thinking("hm\n".into())),
        delta(Delta::Proof(proof)),
        call(0, "call_a", "f"),
        call(1, "call_b", "g"),
        arguments(0, "{\"a\":\n"),
        arguments(1, "{}"),
        arguments(0, "1.50}"),
        Event::text("Über"),
        Event::text(" uns\r\n"),
        delta(Delta::LogProbs(vec![logprob])),
        delta(Delta::Citation(citation)),
        delta(Delta::SearchResults(vec![found])),
        Event::finish(Finish::ToolCalls),
        Event::Usage(usage()),
    ]
}

/// What Google's clients rely on: one object a chunk, the same id and model in all, candidates with
/// numbers and the model's role, calls whole, the finish in the last chunk only and with usage.
fn validate(chunks: &[Value]) {
    let (last, before) = chunks.split_last().unwrap();
    for chunk in chunks {
        assert_eq!(
            (&chunk["responseId"], &chunk["modelVersion"]),
            (&json!("answer-1"), &json!("assistant"))
        );
        let candidates = chunk["candidates"].as_array().unwrap();
        assert!(!candidates.is_empty());
        for candidate in candidates {
            assert!(candidate["index"].is_u64());
            let Some(content) = candidate.get("content") else { continue };
            assert_eq!(content["role"], "model");
            for part in content["parts"].as_array().unwrap() {
                let kinds = ["text", "functionCall", "inlineData", "fileData"];
                assert_eq!(kinds.iter().filter(|kind| part.get(**kind).is_some()).count(), 1);
                if let Some(call) = part.get("functionCall") {
                    assert!(call["name"].is_string() && call["args"].is_object());
                }
            }
        }
    }
    for chunk in before {
        assert!(chunk.get("usageMetadata").is_none());
        assert!(
            chunk["candidates"]
                .as_array()
                .unwrap()
                .iter()
                .all(|one| one.get("finishReason").is_none())
        );
    }
    assert!(
        last["candidates"].as_array().unwrap().iter().all(|one| one["finishReason"].is_string())
    );
}

#[test]
fn a_stream_is_what_clients_expect() {
    let (stream, losses) = written(&rich(), Framing::Events);
    assert!(losses.is_empty());
    let chunks = client_chunks(&stream);
    validate(&chunks);
    let last = chunks.last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"]["totalTokenCount"], 12);
    let support = &last["candidates"][0]["groundingMetadata"]["groundingSupports"][0];
    assert_eq!(support["segment"], json!({"startIndex":0,"endIndex":5,"text":"Über"}));
    let calls: Vec<&Value> = chunks
        .iter()
        .flat_map(|chunk| {
            chunk["candidates"][0]["content"]["parts"].as_array().into_iter().flatten()
        })
        .filter_map(|part| part.get("functionCall"))
        .collect();
    let wanted = [
        json!({"id":"call_a","name":"f","args":{"a":1.5}}),
        json!({"id":"call_b","name":"g","args":{}}),
    ];
    assert_eq!(calls, wanted.iter().collect::<Vec<_>>());
}

#[test]
fn written_events_are_read_as_they_were() {
    let mut sent = rich();
    // Calls go out whole, so that their arguments come in one piece each, right behind them.
    sent.splice(
        4..9,
        [
            call(0, "call_a", "f"),
            arguments(0, r#"{"a":1.50}"#),
            call(1, "call_b", "g"),
            arguments(1, "{}"),
        ],
    );
    for framing in [Framing::Events, Framing::JsonArray] {
        let (stream, _) = written(&sent, framing);
        let (read, fault) = events(&[&stream]);
        assert_eq!(fault, None);
        assert_eq!(meaning(&read), meaning(&sent));
    }
}

#[test]
fn arguments_that_come_late_are_kept_or_told_as_lost() {
    let ended = Event::finish(Finish::ToolCalls);
    let late = [
        call(0, "a", "f"),
        arguments(0, "{\"a\""),
        Event::text("meanwhile"),
        arguments(0, ":1}"),
        ended.clone(),
    ];
    let (stream, losses) = written(&late, Framing::Events);
    assert!(losses.is_empty());
    let (read, _) = events(&[&stream]);
    assert!(read.contains(&arguments(0, "{\"a\":1}")), "{read:?}");
    for sent in [
        vec![arguments(0, "{}"), ended.clone()],
        vec![call(0, "a", "f"), Event::text("x"), arguments(0, "{}"), ended.clone()],
        vec![call(0, "a", "f"), arguments(0, "{}"), Event::text("x"), arguments(0, "{}"), ended],
    ] {
        let (stream, losses) = written(&sent, Framing::Events);
        assert_eq!(losses.header(), "tool_calls.arguments", "{sent:?}");
        validate(&client_chunks(&stream));
    }
}

#[test]
fn an_array_has_the_same_elements() {
    let (stream, _) = written(&rich(), Framing::Events);
    let (array, _) = written(&rich(), Framing::JsonArray);
    assert_eq!(parsed(&array), Value::Array(client_chunks(&stream)));
}

#[test]
fn a_broken_stream_ends_with_an_error_that_clients_raise() {
    let refusal = Refusal {
        status: 503,
        kind: RefusalKind::Overloaded,
        message: "it broke".into(),
        param: None,
        retry_after_s: None,
    };
    for framing in [Framing::Events, Framing::JsonArray] {
        let mut writer = form().stream_writer(&envelope(framing));
        let mut stream = writer.start().to_vec();
        for event in [Event::text("a"), call(0, "x", "f"), arguments(0, "{\"a\":")] {
            stream.extend_from_slice(&writer.event(&event));
        }
        stream.extend_from_slice(&writer.break_off(&refusal));
        let chunks = match framing {
            Framing::Events => client_chunks(stream.strip_suffix(b"data:").unwrap()),
            Framing::JsonArray => parsed(&stream).as_array().unwrap().clone(),
        };
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[1]["error"]["code"], 503);
        assert_eq!(chunks[1]["error"]["status"], "UNAVAILABLE");
        let (_, fault) = events(&[&stream]);
        assert_eq!(fault.unwrap().class, FaultClass::Overloaded);
    }
}

#[test]
fn an_empty_answer_still_has_a_last_chunk() {
    let sent = [Event::finish(Finish::ContentFilter("MODEL_ARMOR".into())), Event::Usage(usage())];
    let (stream, _) = written(&sent, Framing::Events);
    let chunks = client_chunks(&stream);
    validate(&chunks);
    assert_eq!(chunks[0]["candidates"][0]["finishReason"], "MODEL_ARMOR");
    let (array, _) = written(&[], Framing::JsonArray);
    assert_eq!(parsed(&array).as_array().unwrap().len(), 1);
}

#[test]
fn several_candidates_are_told_apart() {
    let second = |delta| Event::Delta { choice: 1, delta };
    let sent = [
        Event::text("a"),
        second(Delta::Text("b".into())),
        Event::finish(Finish::Stop),
        second(Delta::Text("c".into())),
        Event::Finish { choice: 1, finish: Finish::Length },
    ];
    let (stream, _) = written(&sent, Framing::Events);
    validate(&client_chunks(&stream));
    let (read, fault) = events(&[&stream]);
    assert_eq!(fault, None);
    let whole = super::gather(&read).0;
    assert_eq!(whole.choices[1].content, [domain::Content::text("bc")]);
    assert_eq!(whole.choices[1].finish, Some(Finish::Length));
}

#[test]
fn losses_are_told_once_and_taken_out() {
    let mut writer = form().stream_writer(&envelope(Framing::Events));
    let proof = Proof {
        dialect: domain::Dialect::Anthropic,
        kind: ProofKind::Signature,
        id: None,
        data: "x".into(),
    };
    assert!(writer.event(&delta(Delta::Proof(proof))).is_empty());
    let _bytes = writer.event(&delta(Delta::Refusal("no".into())));
    assert!(writer.event(&Event::Lost(Loss::dropped("elsewhere"))).is_empty());
    assert_eq!(writer.take_losses().header(), "thinking.signature,refusal,elsewhere");
    assert!(writer.take_losses().is_empty());
}

const CHUNK: &str = r#"data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
const LAST: &str =
    r#"data: {"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}"#;

#[test]
fn a_stream_without_a_finish_is_cut() {
    let stream = format!("{CHUNK}\r\n\r\n");
    let (_, fault) = events(&[stream.as_bytes()]);
    assert_eq!(fault.unwrap().class, FaultClass::Cut);
    let (_, _, fault) = relayed(&[stream.as_bytes()]);
    assert_eq!(fault.unwrap().class, FaultClass::Cut);
    let (_, fault) = events(&[b" \r\n"]);
    assert_eq!(fault.unwrap().class, FaultClass::Empty);
    let array = r#"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candid"#;
    let (bytes, _, fault) = relayed(&[array.as_bytes()]);
    assert_eq!(fault.unwrap().class, FaultClass::Cut);
    assert!(array.as_bytes().starts_with(&bytes));
}

#[test]
fn an_unreadable_event_is_left_out() {
    let stream = format!("{CHUNK}\r\n\r\ndata: {{\"candid\r\n\r\n{LAST}\r\n\r\n");
    let (bytes, sight, fault) = relayed(&[stream.as_bytes()]);
    assert_eq!((fault, sight.malformed, sight.text_chars), (None, 1, 2));
    assert_eq!(bytes, format!("{CHUNK}\r\n\r\n{LAST}\r\n\r\n").as_bytes());
    let array =
        r#"[{"x":1},{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}]"#;
    let (bytes, sight, fault) = relayed(&[array.as_bytes()]);
    assert_eq!((fault, sight.malformed), (None, 1));
    assert_eq!(parsed(&bytes).as_array().unwrap().len(), 2);
}

/// Google's own Python client takes a comment for broken JSON, whoever wrote it.
#[test]
fn a_comment_goes_to_nobody() {
    let stream = format!(": keep-alive\r\n\r\n{CHUNK}\r\n\r\n: keep-alive\r\n\r\n{LAST}\r\n\r\n");
    let (bytes, sight, fault) = relayed(&[stream.as_bytes()]);
    assert_eq!((fault, sight.malformed, sight.text_chars), (None, 0, 2));
    assert_eq!(bytes, format!("{CHUNK}\r\n\r\n{LAST}\r\n\r\n").as_bytes());
    let each: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    assert_eq!(relayed(&each).0, bytes);
}

#[test]
fn an_error_in_the_array_is_a_fault() {
    let array = r#"[{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},
      {"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}]"#;
    let (read, fault) = events(&[array.as_bytes()]);
    assert_eq!(fault.unwrap().class, FaultClass::RateLimited);
    assert!(read.contains(&Event::text("a")));
    let (bytes, _, fault) = relayed(&[array.as_bytes()]);
    assert_eq!(fault.unwrap().class, FaultClass::RateLimited);
    assert_eq!(bytes, array.split(",\n").next().unwrap().as_bytes());
}

#[test]
fn a_call_that_cannot_be_used_ends_its_stream_with_a_fault() {
    let bad = r#"data: {"candidates":[{"content":{},"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#;
    let alone = format!("{bad}\r\n\r\n");
    let (read, fault) = events(&[alone.as_bytes()]);
    assert_eq!((read, fault.unwrap().class), (Vec::new(), FaultClass::Malformed));
    let (bytes, sight, fault) = relayed(&[alone.as_bytes()]);
    assert_eq!((bytes, sight), (Vec::new(), domain::Sight::default()));
    assert_eq!(fault.unwrap().class, FaultClass::Malformed);

    let late = format!("{CHUNK}\r\n\r\n{bad}\r\n\r\n");
    let (read, fault) = events(&[late.as_bytes()]);
    assert_eq!(fault.unwrap().class, FaultClass::Malformed);
    assert_eq!(read.last(), Some(&Event::text("a")));
    let (bytes, sight, fault) = relayed(&[late.as_bytes()]);
    assert_eq!(fault.unwrap().class, FaultClass::Malformed);
    assert_eq!((&bytes[..], sight.finish), (format!("{CHUNK}\r\n\r\n").as_bytes(), None));

    // Another candidate is an answer, so the stream is one.
    let other = bad.replace(r#""content":{}"#, r#""content":{},"index":1"#);
    let (read, fault) =
        events(&[format!("{CHUNK}\r\n\r\n{other}\r\n\r\n{LAST}\r\n\r\n").as_bytes()]);
    assert_eq!(fault, None);
    let word = Finish::Other("MALFORMED_FUNCTION_CALL".into());
    assert!(read.contains(&Event::Finish { choice: 1, finish: word }));
}

#[test]
fn a_refused_prompt_ends_its_stream() {
    let stream = b"data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\r\n\r\n";
    let (read, fault) = events(&[stream]);
    assert_eq!(fault, None);
    assert!(read.contains(&Event::finish(Finish::ContentFilter("SAFETY".into()))));
    let (bytes, sight, fault) = relayed(&[stream]);
    assert_eq!((&bytes[..], fault), (&stream[..], None));
    assert_eq!(sight.finish, Some(Finish::ContentFilter("SAFETY".into())));
}

#[test]
fn relayed_events_become_elements_at_any_split() {
    let stream = format!(": note\r\n\r\n{CHUNK}\r\n\r\n{LAST}\r\n\r\n");
    for size in 1..stream.len() {
        let mut framing = JsonArrayFraming::new();
        let mut array = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            array.extend_from_slice(&framing.pass(Bytes::copy_from_slice(piece)));
        }
        array.extend_from_slice(&framing.end());
        let elements = parsed(&array);
        assert_eq!(elements.as_array().unwrap().len(), 2);
        let (read, fault) = events(&[&array]);
        assert_eq!(fault, None);
        assert_eq!(super::gather(&read).0.choices[0].content, [domain::Content::text("ab")]);
    }
}

#[test]
fn the_framing_takes_refusals_and_arrays_too() {
    let refusal = Refusal::from(dialects::Malformed::new("no", None));
    let mut framing = JsonArrayFraming::new();
    let mut array = framing.pass(Bytes::from(format!("{CHUNK}\r\n\r\n"))).to_vec();
    array.extend_from_slice(&framing.pass(form().write_stream_refusal(&refusal, Framing::Events)));
    array.extend_from_slice(&framing.end());
    assert_eq!(parsed(&array)[1]["error"]["code"], 400);
    assert_eq!(&JsonArrayFraming::new().end()[..], b"[]");
    let mut framing = JsonArrayFraming::new();
    let same = framing.pass(Bytes::from_static(b"[{}]"));
    assert_eq!((&same[..], &framing.end()[..]), (&b"[{}]"[..], &b""[..]));
}

#[test]
fn an_image_on_one_long_line_comes_through() {
    let image = "A".repeat(3 << 20);
    let part = format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{image}"}}}}"#);
    let stream = format!(
        "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{part}]}},\"finishReason\":\"STOP\"}}]}}\r\n\r\n"
    );
    let pieces: Vec<_> = stream.as_bytes().chunks(65_536).collect();
    let (bytes, sight, fault) = relayed(&pieces);
    assert_eq!((bytes.len(), sight.content_deltas, fault), (stream.len(), 1, None));
    let (events, fault) = events(&pieces);
    assert_eq!(fault, None);
    let is_image = |event: &Event| matches!(event, Event::Delta { delta: Delta::Media(_), .. });
    assert!(events.iter().any(is_image));
    // A line without end is given up all the same.
    let endless = [b"data: ".to_vec(), vec![b'A'; (8 << 20) + 1]].concat();
    let pieces: Vec<_> = endless.chunks(65_536).collect();
    let fault = relayed(&pieces).2.map(|fault| fault.class);
    assert_eq!(fault, Some(FaultClass::Malformed));
}
