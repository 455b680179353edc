//! Streams that somebody else began: whatever was relayed, what our writer adds makes one stream
//! that clients take for the work of one hand.

use bytes::Bytes;
use dialects::{Envelope, Refusal, RefusalKind, of};
use domain::{Delta, Dialect, Event, Finish, Framing, Proof, ProofKind, Usage};
use serde_json::Value;

use crate::{anthropic, openai_chat, openai_responses};

fn envelope(id: &str, model: &str, created_unix: u64) -> Envelope {
    Envelope {
        id: id.to_owned(),
        model: model.to_owned(),
        created_unix,
        include_usage: true,
        framing: Framing::Events,
        base64: false,
        batch: false,
        hosted_tools: false,
    }
}

fn usage(output: u64) -> Usage {
    Usage { input_uncached: 7, output, ..Usage::default() }
}

/// What the first one said, and what the second one adds.
fn said(thinks: bool, sealed: Option<Dialect>) -> Vec<Event> {
    let mut events = Vec::new();
    if thinks {
        events.push(Event::Delta { choice: 0, delta: Delta::Thinking("hm ".into()) });
        events.push(Event::Delta { choice: 0, delta: Delta::Thinking("so".into()) });
        if let Some(dialect) = sealed {
            let kind = match dialect {
                Dialect::Anthropic => ProofKind::Signature,
                _ => ProofKind::Sealed,
            };
            let proof = Proof { dialect, kind, id: None, data: "seal".into() };
            events.push(Event::Delta { choice: 0, delta: Delta::Proof(proof) });
        }
    }
    events.extend(["One ", "two ", "\"three\"\n"].map(Event::text));
    events
}

fn rest() -> Vec<Event> {
    vec![
        Event::text("four "),
        Event::text("fünf"),
        Event::Usage(usage(9)),
        Event::finish(Finish::Stop),
    ]
}

/// A stream of the first one, as far as it came, and what our writer adds to it under an envelope
/// of its own, of which nothing may be seen.
fn joined(dialect: Dialect, first: &[Event]) -> String {
    let form = of(dialect);
    let mut writer = form.stream_writer(&envelope("first", "first-model", 11));
    let mut told = writer.start().to_vec();
    first.iter().for_each(|event| told.extend_from_slice(&writer.event(event)));
    let other = envelope("other", "other-model", 99);
    let mut resumed = form.resume(&other, &Bytes::from(told.clone())).expect("it goes on");
    rest().iter().for_each(|event| told.extend_from_slice(&resumed.event(event)));
    told.extend_from_slice(&resumed.end());
    let text = String::from_utf8(told).unwrap();
    assert!(!text.contains("other"), "{text}");
    text
}

/// All beginnings of what the first one said, from the first word of it on.
fn beginnings(dialect: Dialect) -> Vec<Vec<Event>> {
    let mut all = Vec::new();
    for events in [said(false, None), said(true, None), said(true, Some(dialect))] {
        (1..=events.len()).for_each(|count| all.push(events[..count].to_vec()));
    }
    all
}

fn text_of(first: &[Event]) -> String {
    let rest = rest();
    let texts = first.iter().chain(&rest).filter_map(|event| match event {
        Event::Delta { delta: Delta::Text(text), .. } => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn chat_goes_on_under_one_id_and_names_the_speaker_once() {
    for first in beginnings(Dialect::OpenAiChat) {
        let stream = joined(Dialect::OpenAiChat, &first);
        let seen = openai_chat::validator::check(&stream, true);
        assert_eq!(seen.text[&0], text_of(&first));
        assert_eq!(seen.usage.unwrap()["completion_tokens"], 9);
        assert!(stream.matches("\"created\":11").count() > 2 && !stream.contains("\"created\":99"));
    }
}

#[test]
fn anthropics_open_block_goes_on_and_further_ones_are_counted_from_it() {
    for first in beginnings(Dialect::Anthropic) {
        let message = anthropic::validator::message_of(&joined(Dialect::Anthropic, &first));
        let blocks = message["content"].as_array().unwrap();
        let last = blocks.last().unwrap();
        assert_eq!(last["text"], text_of(&first), "{message}");
        let thought = blocks.iter().filter(|block| block["type"] == "thinking").count();
        assert_eq!(blocks.len(), thought + 1, "the text is one block: {message}");
        assert_eq!(message["usage"]["output_tokens"], 9);
        assert_eq!(message["stop_reason"], "end_turn");
    }
}

#[test]
fn anthropics_numbers_are_those_of_the_relayed_blocks() {
    // A block that our reader makes nothing of still has its number.
    let told = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",",
        "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":[],",
        "\"stop_reason\":null,\"stop_sequence\":null,",
        "\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
        "\"content_block\":{\"type\":\"novelty\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,",
        "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,",
        "\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
    );
    let form = of(Dialect::Anthropic);
    let resume = |told: &str| form.resume(&envelope("x", "m", 1), &Bytes::from(told.to_owned()));
    let mut writer = resume(told).unwrap();
    let more = String::from_utf8(writer.event(&Event::text("b")).to_vec()).unwrap();
    assert!(
        more.starts_with("event: content_block_delta") && more.contains("\"index\":1"),
        "{more}"
    );
    let open_search =
        told.replace("\"type\":\"text\",\"text\":\"\"", "\"type\":\"server_tool_use\"");
    assert!(resume(&open_search).is_none(), "a search cannot be gone on with");
}

#[test]
fn a_response_is_numbered_on_and_its_end_has_the_whole_text() {
    for first in beginnings(Dialect::OpenAiResponses) {
        let stream = joined(Dialect::OpenAiResponses, &first);
        let response = openai_responses::validator::check_stream(&stream);
        let last = response["output"].as_array().unwrap().last().unwrap();
        assert_eq!(last["content"][0]["text"], text_of(&first), "{response}");
        assert_eq!(response["id"], "resp_first");
        assert_eq!(response["usage"]["output_tokens"], 9);
        assert_eq!(response["created_at"], 11);
    }
}

#[test]
fn gemini_goes_on_under_its_id_as_events_and_in_an_array() {
    for first in beginnings(Dialect::Gemini) {
        let stream = joined(Dialect::Gemini, &first);
        let chunks: Vec<Value> = stream
            .split_terminator("\r\n\r\n")
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        assert!(chunks.iter().all(|chunk| chunk["responseId"] == "first"), "{stream}");
        let parts = chunks.iter().flat_map(|chunk| {
            chunk["candidates"][0]["content"]["parts"].as_array().cloned().unwrap_or_default()
        });
        let told = parts.filter(|part| part["thought"] != true);
        let text: String =
            told.filter_map(|part| part["text"].as_str().map(str::to_owned)).collect();
        assert_eq!(text, text_of(&first));
    }
    let form = of(Dialect::Gemini);
    let first = said(false, None);
    let mut writer = form.stream_writer(&envelope("first", "m", 1));
    let told: Vec<u8> = first.iter().flat_map(|event| writer.event(event).to_vec()).collect();
    let mut framing = dialects::JsonArrayFraming::new();
    let mut array = framing.pass(Bytes::from(told.clone())).to_vec();
    let in_array = Envelope { framing: Framing::JsonArray, ..envelope("other", "o", 9) };
    let mut resumed = form.resume(&in_array, &Bytes::from(told)).unwrap();
    rest().iter().for_each(|event| array.extend_from_slice(&resumed.event(event)));
    array.extend_from_slice(&resumed.end());
    let chunks: Vec<Value> = serde_json::from_slice(&array).expect("one array");
    assert_eq!(chunks.len(), 6);
    assert_eq!(chunks[5]["candidates"][0]["finishReason"], "STOP");
}

#[test]
fn a_long_line_does_not_end_the_reading() {
    let first = [Event::text("a".repeat(2 << 20)), Event::text("b")];
    let stream = joined(Dialect::OpenAiResponses, &first);
    let response = openai_responses::validator::check_stream(&stream);
    assert_eq!(response["output"].as_array().unwrap().len(), 1);
    assert!(response["output"][0]["content"][0]["text"] == text_of(&first).as_str());
    let stream = joined(Dialect::Gemini, &first);
    assert_eq!(stream.matches("\"responseId\":\"first\"").count(), 5);
}

#[test]
fn a_resumed_stream_can_still_break_off_and_end_in_an_error() {
    let refusal = Refusal {
        status: 502,
        kind: RefusalKind::UpstreamFailed,
        message: "broke".to_owned(),
        param: None,
        retry_after_s: None,
    };
    for dialect in Dialect::ALL {
        let form = of(dialect);
        let mut writer = form.stream_writer(&envelope("first", "m", 1));
        let mut told = writer.start().to_vec();
        said(false, None).iter().for_each(|event| told.extend_from_slice(&writer.event(event)));
        let told = Bytes::from(told);
        let mut resumed = form.resume(&envelope("other", "o", 9), &told).unwrap();
        let last = String::from_utf8(resumed.break_off(&refusal).to_vec()).unwrap();
        assert!(last.contains("error") && last.contains("broke"), "{dialect}: {last}");
    }
}
