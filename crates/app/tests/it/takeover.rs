//! Streams that break off in mid-sentence and are taken over, told as stories on virtual time, for
//! callers of every dialect and providers of every dialect before and behind the break.

use std::time::Duration;

use bytes::Bytes;
use dialects::{Envelope, Reading};
use domain::{Delta, Dialect, Event, Fault, Finish, Framing, Piece, Usage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::caller::{Got, ask};
use crate::house::{GATEWAY_PORT, House, open};
use crate::memory::Network;
use crate::provider::{Act, Provider};

const TEXT: &str = "Each morning the harbour wakes before the town does. Small boats leave in a \
    line, gulls argue over scraps, and the old crane swings slowly above the quay.";
/// Words of it that the first provider says.
const SAID: usize = 12;

fn words() -> Vec<String> {
    TEXT.split_inclusive(' ').map(str::to_owned).collect()
}

fn said() -> String {
    words()[..SAID].concat()
}

fn rest() -> String {
    words()[SAID..].concat()
}

fn texts(words: &[String]) -> Vec<Event> {
    words.iter().map(Event::text).collect()
}

fn ending(output: u64) -> Vec<Event> {
    let usage = Usage { input_uncached: 10, output, ..Usage::default() };
    vec![Event::Usage(usage), Event::finish(Finish::Stop)]
}

/// What stands around a provider's answer.
pub(crate) fn theirs() -> Envelope {
    Envelope {
        id: "theirs".to_owned(),
        model: "their-model".to_owned(),
        created_unix: 7,
        include_usage: true,
        framing: Framing::Events,
        base64: false,
        batch: false,
        hosted_tools: false,
    }
}

/// Events as a provider of this dialect streams them, an event a chunk.
pub(crate) fn chunks(dialect: Dialect, events: &[Event], whole: bool) -> Vec<Vec<u8>> {
    let mut writer = dialects::of(dialect).stream_writer(&theirs());
    let mut chunks = vec![writer.start().to_vec()];
    chunks.extend(events.iter().map(|event| writer.event(event).to_vec()));
    if whole {
        chunks.push(writer.end().to_vec());
    }
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

/// Says the first words and is cut.
fn cut(dialect: Dialect) -> Act {
    Act { cut: true, ..Act::stream(chunks(dialect, &texts(&words()[..SAID]), false)) }
}

/// Says these words and ends as it should.
pub(crate) fn says(dialect: Dialect, text: &str) -> Act {
    let mut events: Vec<Event> = text.split_inclusive(' ').map(Event::text).collect();
    events.extend(ending(events.len() as u64));
    Act::stream(chunks(dialect, &events, true))
}

/// Settings of the model `m` over providers of these dialects, on ports 9001, 9002 …
pub(crate) fn ladder(rungs: &[Dialect], more: &str) -> String {
    let mut text = String::new();
    let mut names = Vec::new();
    for (at, dialect) in rungs.iter().enumerate() {
        let number = at + 1;
        let (kind, path) = match dialect {
            Dialect::OpenAiChat => ("compatible", "/v1"),
            Dialect::OpenAiResponses => ("compatible\"\nspeaks = [\"responses\"]\n#\"", "/v1"),
            Dialect::Anthropic => ("anthropic", ""),
            Dialect::Gemini => ("gemini", ""),
        };
        text.push_str(&format!(
            "[providers.fake{number}]\nkind = \"{kind}\"\nbase_url = \"http://fake{number}.test:900{number}{path}\"\napi_keys = [\"env:FAKE_KEY\"]\n"
        ));
        names.push(format!("\"fake{number}/model{number}\""));
    }
    format!("{text}[models.m]\nladder = [{}]\n{more}\n", names.join(", "))
}

/// A request for a stream, with `extra` members.
pub(crate) fn request(dialect: Dialect, extra: &Value) -> (String, Vec<u8>) {
    let messages = json!([{"role": "user", "content": "Tell of the harbour."}]);
    let (path, mut body) = match dialect {
        Dialect::OpenAiChat => (
            "/v1/chat/completions",
            json!({"model": "m", "stream": true, "stream_options": {"include_usage": true},
                "messages": messages}),
        ),
        Dialect::OpenAiResponses => {
            ("/v1/responses", json!({"model": "m", "stream": true, "input": messages}))
        }
        Dialect::Anthropic => (
            "/v1/messages",
            json!({"model": "m", "stream": true, "max_tokens": 500, "messages": messages}),
        ),
        Dialect::Gemini => (
            "/v1beta/models/m:streamGenerateContent?alt=sse",
            json!({"contents": [{"role": "user", "parts": [{"text": "Tell of the harbour."}]}]}),
        ),
    };
    let members = extra.as_object().unwrap();
    members.iter().for_each(|(name, value)| body[name] = value.clone());
    (path.to_owned(), body.to_string().into_bytes())
}

/// What a client makes of the answer.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) text: String,
    pub(crate) thinking: String,
    pub(crate) calls: Vec<(String, String)>,
    pub(crate) usage: Option<Usage>,
    pub(crate) finish: Vec<Finish>,
    pub(crate) fault: Option<Fault>,
    pub(crate) raw: String,
}

pub(crate) fn read(dialect: Dialect, got: &Got) -> Read {
    assert_eq!(got.status, 200, "{}", got.text());
    let mut read = Read { raw: got.text(), ..Read::default() };
    let mut reader = dialects::of(dialect).stream_reader(Reading::Translate);
    reader.push(Bytes::from(got.body.clone()));
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next_run() {
        pieces.push(piece);
    }
    if pieces.iter().all(Result::is_ok) {
        while let Some(piece) = reader.end() {
            pieces.push(piece);
        }
    }
    for piece in pieces {
        match piece {
            Ok(Piece::Native(Event::Delta { delta, .. })) => match delta {
                Delta::Text(text) => read.text.push_str(&text),
                Delta::Thinking(text) => read.thinking.push_str(&text),
                Delta::ToolCall { name, .. } => read.calls.push((name.into(), String::new())),
                Delta::Arguments { text, .. } => read.calls.last_mut().unwrap().1.push_str(&text),
                _ => {}
            },
            Ok(Piece::Native(Event::Usage(usage))) => read.usage = Some(usage),
            Ok(Piece::Native(Event::Finish { finish, .. })) => read.finish.push(finish),
            Ok(_) => {}
            Err(fault) => read.fault = Some(fault),
        }
    }
    read
}

pub(crate) async fn stream(house: &House, dialect: Dialect, extra: &Value) -> Read {
    let (path, body) = request(dialect, extra);
    let headers = [("content-type", "application/json")];
    read(dialect, &ask(house, "POST", &path, &headers, &body).await)
}

/// Two or three providers, what they do, and what the caller then reads.
struct Story {
    house: House,
    providers: Vec<Provider>,
}

impl Story {
    fn new(rungs: &[Dialect], acts: Vec<Vec<Act>>, more: &str) -> Self {
        let network = Network::default();
        let start =
            |(at, script)| Provider::start(&network, 9001 + u16::try_from(at).unwrap(), script);
        let providers = acts.into_iter().enumerate().map(start).collect();
        Self { house: open(&network, &ladder(rungs, more)), providers }
    }

    async fn chat(&self) -> Read {
        stream(&self.house, Dialect::OpenAiChat, &json!({})).await
    }

    fn asked(&self, provider: usize) -> Vec<Value> {
        let seen = self.providers[provider].seen();
        seen.iter().map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect()
    }

    fn counts(&self) -> Vec<usize> {
        self.providers.iter().map(|provider| provider.seen().len()).collect()
    }

    fn has_metric(&self, line: &str) {
        let metrics = self.house.telemetry.render();
        assert!(metrics.lines().any(|known| known == line), "{line}\n{metrics}");
    }
}

const CHAT: Dialect = Dialect::OpenAiChat;

fn is_whole(read: &Read, story: &str) {
    assert_eq!(read.text, TEXT, "{story}: {}", read.raw);
    assert_eq!(read.finish, [Finish::Stop], "{story}: {}", read.raw);
    assert!(read.fault.is_none(), "{story}: {}", read.raw);
}

/// The part that came, and one clean error behind it.
fn is_error(read: &Read, text: &str) {
    assert_eq!(read.text, text, "{}", read.raw);
    assert!(read.fault.is_some() && read.finish.is_empty(), "{}", read.raw);
}

#[tokio::test(start_paused = true)]
async fn a_cut_stream_goes_on_in_every_dialect_with_every_provider() {
    for caller in Dialect::ALL {
        for first in Dialect::ALL {
            for second in Dialect::ALL {
                let name = format!("{caller} from {first} to {second}");
                let acts = vec![vec![cut(first)], vec![says(second, TEXT)]];
                let story = Story::new(&[first, second], acts, "");
                let read = stream(&story.house, caller, &json!({})).await;
                is_whole(&read, &name);
                assert_eq!(story.counts(), [1, 1], "{name}");
                let mark = format!(
                    ": seawall takeover from=fake1/model1 to=fake2/model2 after_chars={}\n",
                    said().chars().count()
                );
                assert_eq!(
                    read.raw.contains(&mark),
                    caller != Dialect::Gemini,
                    "{name}: {}",
                    read.raw
                );
                // The first one's are estimated, so that its 12 words are about 16 tokens.
                let usage = read.usage.unwrap();
                assert!((35..50).contains(&usage.output), "{name}: {usage:?}");
                story.has_metric("seawall_takeovers_total{outcome=\"continued\"} 1");
                story.has_metric("seawall_stream_outcomes_total{outcome=\"complete\"} 1");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_relayed_frame_is_kept_id_model_and_all() {
    for caller in Dialect::ALL {
        let acts = vec![vec![cut(caller)], vec![says(CHAT, TEXT)]];
        let story = Story::new(&[caller, CHAT], acts, "");
        let read = stream(&story.house, caller, &json!({})).await;
        is_whole(&read, caller.as_str());
        assert!(!read.raw.contains("model2\""), "one model is named: {}", read.raw);
        if caller == CHAT {
            assert_eq!(read.raw.matches("\"role\":\"assistant\"").count(), 1);
            let chunks = read.raw.matches("\"chat.completion.chunk\"").count();
            assert_eq!(read.raw.matches("\"id\":\"chatcmpl-theirs\"").count(), chunks);
        }
        if caller == Dialect::Anthropic {
            assert_eq!(read.raw.matches("event: content_block_start").count(), 1, "{}", read.raw);
        }
        if caller == Dialect::OpenAiResponses {
            assert_eq!(read.raw.matches("event: response.created").count(), 1);
            let numbers: Vec<u64> = read
                .raw
                .lines()
                .filter_map(|line| line.strip_prefix("data: "))
                .map(|data| {
                    serde_json::from_str::<Value>(data).unwrap()["sequence_number"]
                        .as_u64()
                        .unwrap()
                })
                .collect();
            assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
            let end = read.raw.split("event: response.completed").nth(1).unwrap();
            assert!(end.contains(TEXT), "the end has the whole text: {end}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_stream_is_left_and_taken_over() {
    for caller in Dialect::ALL {
        let stalls = Act { cut: false, hang: true, ..cut(caller) };
        let acts = vec![vec![stalls], vec![says(CHAT, TEXT)]];
        let story = Story::new(&[caller, CHAT], acts, "");
        let started = tokio::time::Instant::now();
        let read = stream(&story.house, caller, &json!({})).await;
        let took = started.elapsed().as_secs_f64();
        is_whole(&read, caller.as_str());
        assert!((10.0..10.6).contains(&took), "{took}");
        assert_eq!(story.providers[0].hung_up(), 1, "the stalled call is cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_inside_the_stream_is_not_told_but_mended() {
    for (caller, error) in [
        (CHAT, "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n"),
        (
            Dialect::Anthropic,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n",
        ),
        (
            Dialect::OpenAiResponses,
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":40,\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"x\"}}}\n\n",
        ),
        (
            Dialect::Gemini,
            "data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\",\"message\":\"x\"}}\n\n",
        ),
    ] {
        let mut broken = chunks(caller, &texts(&words()[..SAID]), false);
        broken.push(error.as_bytes().to_vec());
        let acts = vec![vec![Act::stream(broken)], vec![says(CHAT, TEXT)]];
        let story = Story::new(&[caller, CHAT], acts, "");
        let read = stream(&story.house, caller, &json!({})).await;
        is_whole(&read, caller.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_continues_is_prefilled_and_any_other_is_asked() {
    let card = "[cards.\"fake2/model2\"]\ncontinues_prefill = true";
    for (second, more) in
        [(CHAT, card), (CHAT, ""), (Dialect::Anthropic, card), (Dialect::Gemini, "")]
    {
        let acts = vec![vec![cut(CHAT)], vec![says(second, &rest())]];
        let story = Story::new(&[CHAT, second], acts, more);
        is_whole(&story.chat().await, second.as_str());
        let asked = &story.asked(1)[0];
        let list = if second == Dialect::Gemini { "contents" } else { "messages" };
        let turns = asked[list].as_array().unwrap();
        if more.is_empty() {
            assert_eq!(turns.len(), 3, "{asked}");
            assert_eq!(turns[2]["role"], "user");
            assert!(
                turns[2].to_string().contains(said().trim_end().split(' ').next_back().unwrap())
            );
        } else {
            assert_eq!(turns.len(), 2, "{asked}");
            assert_eq!(turns[1]["role"], "assistant");
            assert!(turns[1].to_string().contains(said().trim_end()), "{asked}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_prefill_is_asked_otherwise_and_never_told() {
    let card = "[cards.\"fake2/model2\"]\ncontinues_prefill = true";
    let rejects = || {
        let body = br#"{"error":{"message":"prefill is not supported","type":"invalid_request_error","code":"invalid_prefill"}}"#;
        Act::whole(400, "application/json", body)
    };
    for caller in Dialect::ALL {
        let acts = vec![vec![cut(caller)], vec![rejects(), says(CHAT, TEXT)]];
        let story = Story::new(&[caller, CHAT], acts, card);
        let read = stream(&story.house, caller, &json!({})).await;
        is_whole(&read, caller.as_str());
        let asked = story.asked(1);
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0]["messages"].as_array().unwrap().last().unwrap()["role"], "assistant");
        assert_eq!(asked[1]["messages"].as_array().unwrap().last().unwrap()["role"], "user");
    }
    // And if that one takes it in no form, the first failure is told.
    let acts = vec![vec![cut(CHAT)], vec![rejects()]];
    let story = Story::new(&[CHAT, CHAT], acts, card);
    let read = story.chat().await;
    is_error(&read, &said());
    assert!(read.raw.contains("broke off (cut)") && !read.raw.contains("prefill"), "{}", read.raw);
    story.has_metric("seawall_takeovers_total{outcome=\"errored\"} 1");
    story.has_metric("seawall_stream_outcomes_total{outcome=\"cut\"} 1");
}

#[tokio::test(start_paused = true)]
async fn another_answer_is_never_glued_and_the_third_goes_on() {
    let other = "Each morning the harbour wakes before the sun, and nobody is there to see it.";
    let acts = vec![vec![cut(CHAT)], vec![says(CHAT, other)], vec![says(CHAT, TEXT)]];
    let story = Story::new(&[CHAT, CHAT, CHAT], acts, "");
    let read = story.chat().await;
    is_whole(&read, "third");
    assert_eq!(story.counts(), [1, 1, 1]);
    assert!(read.raw.contains("to=fake3/model3"), "{}", read.raw);

    for bad in [other, "Each morning the harbour wakes before the"] {
        let acts = vec![vec![Act { hang: true, cut: false, ..cut(CHAT) }], vec![says(CHAT, bad)]];
        let story = Story::new(&[CHAT, CHAT], acts, "");
        is_error(&story.chat().await, &said());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_something_else_ends_in_an_error_for_every_caller() {
    let others = [
        "Bread needs flour, water, salt and time. Mix them in the evening, and bake it hot.",
        "I'm sorry, but I can't help with that.",
        "The harbour is a quiet place, and everybody there sleeps until noon.",
    ];
    for caller in Dialect::ALL {
        for other in others {
            let acts = vec![vec![cut(caller)], vec![says(CHAT, other), says(CHAT, other)]];
            let story = Story::new(&[caller, CHAT], acts, "[failover]\nattempts_max = 2");
            let read = stream(&story.house, caller, &json!({})).await;
            is_error(&read, &said());
            story.has_metric("seawall_takeovers_total{outcome=\"errored\"} 1");
        }
        // Whoever can go on does.
        let acts = vec![vec![cut(caller)], vec![says(CHAT, others[0])], vec![says(CHAT, &rest())]];
        let story = Story::new(&[caller, CHAT, CHAT], acts, "");
        is_whole(&stream(&story.house, caller, &json!({})).await, caller.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_words_in_other_words_are_told_once() {
    const TOLD: usize = 24;
    for caller in Dialect::ALL {
        let half = chunks(caller, &texts(&words()[..TOLD]), false);
        let again = format!("and the ancient crane swings {}", words()[TOLD..].concat());
        let cut = Act { cut: true, ..Act::stream(half) };
        let story = Story::new(&[caller, CHAT], vec![vec![cut], vec![says(CHAT, &again)]], "");
        is_whole(&stream(&story.house, caller, &json!({})).await, caller.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_continuation_is_not_held_until_it_has_many_words() {
    let middle = chunks(CHAT, &texts(&words()[SAID..SAID + 6]), false);
    let slow = Act { cut: true, chunk_wait: Duration::from_secs(1), ..Act::stream(middle) };
    let acts = vec![vec![cut(CHAT)], vec![slow], vec![says(CHAT, TEXT)]];
    let story = Story::new(&[CHAT, CHAT, CHAT], acts, "");
    is_whole(&story.chat().await, "slow");
    // Its few words were told before it broke too, or it would not count.
    story.has_metric("seawall_takeovers_total{outcome=\"continued\"} 2");
}

#[tokio::test(start_paused = true)]
async fn an_empty_continuation_does_not_pass_for_the_end() {
    let acts = vec![vec![Act { hang: true, cut: false, ..cut(CHAT) }], vec![says(CHAT, "")]];
    let story = Story::new(&[CHAT, CHAT], acts, "");
    is_error(&story.chat().await, &said());
}

#[tokio::test(start_paused = true)]
async fn a_second_break_goes_to_the_third_rung_and_usage_is_summed() {
    for caller in Dialect::ALL {
        // So many that they are judged before the break.
        let middle = texts(&words()[SAID..SAID + 14]);
        let again = Act { cut: true, ..Act::stream(chunks(CHAT, &middle, false)) };
        let acts = vec![vec![cut(caller)], vec![again], vec![says(Dialect::Anthropic, TEXT)]];
        let rungs = [caller, CHAT, Dialect::Anthropic];
        let story = Story::new(&rungs, acts, "");
        let read = stream(&story.house, caller, &json!({})).await;
        is_whole(&read, caller.as_str());
        assert_eq!(story.counts(), [1, 1, 1]);
        // 28 words of the last, and about 70 and 75 characters of those before it.
        let usage = read.usage.unwrap();
        assert!((55..80).contains(&usage.output), "{caller}: {usage:?}");
        story.has_metric("seawall_takeovers_total{outcome=\"continued\"} 2");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_rung_is_asked_again_where_there_is_no_other() {
    let acts = vec![vec![cut(CHAT), says(CHAT, TEXT)]];
    let story = Story::new(&[CHAT], acts, "");
    is_whole(&story.chat().await, "alone");
    // A stalled one is not.
    let stalls = Act { cut: false, hang: true, ..cut(CHAT) };
    let story = Story::new(&[CHAT], vec![vec![stalls, says(CHAT, TEXT)]], "");
    is_error(&story.chat().await, &said());
    assert_eq!(story.counts(), [1]);
}

fn call_events(text: &str, arguments: &[&str]) -> Vec<Event> {
    let mut events = Vec::new();
    if !text.is_empty() {
        events.push(Event::text(text));
    }
    let (id, name) = ("call_1".into(), "look".into());
    let begun = Delta::ToolCall { index: 0, id, name, free_text: false, signature: None };
    events.push(Event::Delta { choice: 0, delta: begun });
    events.extend(arguments.iter().map(|text| {
        let delta = Delta::Arguments { index: 0, text: (*text).to_owned() };
        Event::Delta { choice: 0, delta }
    }));
    events
}

fn tools(dialect: Dialect) -> Value {
    let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
    match dialect {
        Dialect::OpenAiChat => {
            json!({"tools": [{"type": "function", "function": {"name": "look", "parameters": schema}}]})
        }
        Dialect::OpenAiResponses => {
            json!({"tools": [{"type": "function", "name": "look", "parameters": schema}]})
        }
        Dialect::Anthropic => json!({"tools": [{"name": "look", "input_schema": schema}]}),
        Dialect::Gemini => {
            json!({"tools": [{"functionDeclarations": [{"name": "look", "parameters": schema}]}]})
        }
    }
}

fn calls(text: &str, arguments: &[&str], dialect: Dialect) -> Act {
    let mut events = call_events(text, arguments);
    events.push(Event::Usage(Usage { input_uncached: 10, output: 5, ..Usage::default() }));
    events.push(Event::finish(Finish::ToolCalls));
    Act::stream(chunks(dialect, &events, true))
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cut_ends_in_an_error_unless_calls_are_held_back() {
    // Google tells a call whole, so that there it cannot be cut.
    for caller in [CHAT, Dialect::Anthropic, Dialect::OpenAiResponses] {
        for (held, text) in [(false, ""), (true, ""), (true, "Let me look. ")] {
            let half = chunks(caller, &call_events(text, &["{\"at\":", "\"the "]), false);
            let cut = Act { cut: true, ..Act::stream(half) };
            let whole = calls(text, &["{\"at\":\"the quay\"}"], CHAT);
            let more = if held { "[failover]\nhold_tool_calls = true" } else { "" };
            let story = Story::new(&[caller, CHAT], vec![vec![cut], vec![whole]], more);
            let read = stream(&story.house, caller, &tools(caller)).await;
            if !held {
                assert!(read.fault.is_some() && read.finish.is_empty(), "{}", read.raw);
                assert_eq!(story.counts(), [1, 0], "{caller}: nobody else is asked");
                continue;
            }
            assert!(read.fault.is_none(), "{caller}: {}", read.raw);
            assert_eq!(read.text, text, "{caller}: {}", read.raw);
            let wanted = [("look".to_owned(), "{\"at\":\"the quay\"}".to_owned())];
            assert_eq!(read.calls, wanted, "{caller}: {}", read.raw);
            assert_eq!(read.finish, [Finish::ToolCalls], "{caller}");
            let how = if text.is_empty() { "restarted" } else { "continued" };
            story.has_metric(&format!("seawall_takeovers_total{{outcome=\"{how}\"}} 1"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_held_back_arrive_whole_when_nothing_breaks() {
    for caller in Dialect::ALL {
        let acts = vec![vec![calls("Look. ", &["{\"at\":", "\"x\"}"], caller)]];
        let story = Story::new(&[caller], acts, "[failover]\nhold_tool_calls = true");
        let read = stream(&story.house, caller, &tools(caller)).await;
        assert_eq!(read.calls, [("look".to_owned(), "{\"at\":\"x\"}".to_owned())], "{}", read.raw);
        assert_eq!((read.text.as_str(), read.finish), ("Look. ", vec![Finish::ToolCalls]));
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_json_text_is_never_gone_on_with() {
    let json = json!({"response_format": {"type": "json_object"}});
    let half = chunks(CHAT, &[Event::text("{\"a\":"), Event::text("\"b")], false);
    let acts =
        vec![vec![Act { cut: true, ..Act::stream(half) }], vec![says(CHAT, "{\"a\":\"b\"}")]];
    let story = Story::new(&[CHAT, CHAT], acts, "");
    let read = stream(&story.house, CHAT, &json).await;
    is_error(&read, "{\"a\":\"b");
    assert_eq!(story.counts(), [1, 0]);
    // If only thinking was shown, it begins anew.
    let thinks = vec![Event::Delta { choice: 0, delta: Delta::Thinking("hm".into()) }];
    let cut = Act { cut: true, ..Act::stream(chunks(CHAT, &thinks, false)) };
    let acts = vec![vec![cut], vec![says(CHAT, "{\"a\":\"b\"}")]];
    let story = Story::new(&[CHAT, CHAT], acts, "");
    let read = stream(&story.house, CHAT, &json).await;
    assert_eq!(
        (read.text.as_str(), read.thinking.as_str()),
        ("{\"a\":\"b\"}", "hm"),
        "{}",
        read.raw
    );
    story.has_metric("seawall_takeovers_total{outcome=\"restarted\"} 1");
}

#[tokio::test(start_paused = true)]
async fn thinking_before_the_text_is_kept_and_that_of_the_next_one_is_not_shown() {
    for caller in Dialect::ALL {
        let thinks = |words: &str| Event::Delta { choice: 0, delta: Delta::Thinking(words.into()) };
        let mut first = vec![thinks("hm ")];
        first.extend(texts(&words()[..SAID]));
        let mut second = vec![thinks("what did he say?")];
        second.extend(texts(&words()));
        second.extend(ending(26));
        let acts = vec![
            vec![Act { cut: true, ..Act::stream(chunks(caller, &first, false)) }],
            vec![Act::stream(chunks(Dialect::Anthropic, &second, true))],
        ];
        let story = Story::new(&[caller, Dialect::Anthropic], acts, "");
        let read = stream(&story.house, caller, &json!({})).await;
        is_whole(&read, caller.as_str());
        assert_eq!(read.thinking, "hm ", "{caller}: {}", read.raw);
        assert!(!story.asked(1)[0].to_string().contains("hm "), "foreign thinking is not sent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_and_several_answers_are_never_taken_over() {
    let filtered = [texts(&words()[..3]), vec![Event::finish(Finish::ContentFilter("x".into()))]];
    let acts =
        vec![vec![Act { cut: true, ..Act::stream(chunks(CHAT, &filtered.concat(), false)) }]];
    let story = Story::new(&[CHAT, CHAT], [acts, vec![vec![says(CHAT, TEXT)]]].concat(), "");
    let read = story.chat().await;
    assert!(matches!(read.finish[..], [Finish::ContentFilter(_)]), "{}", read.raw);
    assert_eq!(story.counts(), [1, 0]);
    let story = Story::new(&[CHAT, CHAT], vec![vec![cut(CHAT)], vec![says(CHAT, TEXT)]], "");
    let read = stream(&story.house, CHAT, &json!({"n": 2})).await;
    is_error(&read, &said());
    assert_eq!(story.counts(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_operator_may_forbid_it_and_bounds_are_kept() {
    for more in ["[failover]\ntakeover = false", "[failover]\nattempts_max = 1"] {
        let story = Story::new(&[CHAT, CHAT], vec![vec![cut(CHAT)], vec![says(CHAT, TEXT)]], more);
        is_error(&story.chat().await, &said());
        assert_eq!(story.counts(), [1, 0], "{more}");
    }
    // A repetition on the same rung must be granted by the budget.
    let budget = "[failover]\nretry_budget_ratio = 0.0";
    let story = Story::new(&[CHAT], vec![vec![cut(CHAT), says(CHAT, TEXT)]], budget);
    is_error(&story.chat().await, &said());
    assert_eq!(story.counts(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_hears_from_us_while_another_is_asked() {
    for caller in Dialect::ALL {
        let slow = Act { wait: Duration::from_secs(8), ..says(CHAT, TEXT) };
        let story = Story::new(&[caller, CHAT], vec![vec![cut(caller)], vec![slow]], "");
        let read = stream(&story.house, caller, &json!({})).await;
        is_whole(&read, caller.as_str());
        let pings = read.raw.matches(": seawall is asking").count();
        assert_eq!(pings, usize::from(caller != Dialect::Gemini), "{}", read.raw);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_meanwhile_cancels_the_takeover() {
    let hangs = Act { hang: true, ..Act::default() };
    let story = Story::new(&[CHAT, CHAT], vec![vec![cut(CHAT)], vec![hangs]], "");
    let mut io = story.house.network.dial(GATEWAY_PORT).await.unwrap();
    let (path, body) = request(CHAT, &json!({}));
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    io.write_all(head.as_bytes()).await.unwrap();
    io.write_all(&body).await.unwrap();
    let mut some = [0; 4096];
    assert!(io.read(&mut some).await.unwrap() > 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(story.counts(), [1, 1], "the next one is being asked");
    drop(io);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(story.providers[1].hung_up(), 1);
    story.has_metric("seawall_stream_outcomes_total{outcome=\"hung_up\"} 1");
}
