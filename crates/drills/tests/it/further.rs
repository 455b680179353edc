//! The faults beyond S16 in every dialect, on virtual time: what a caller sees of each, streamed
//! and whole.

use std::time::Duration;

use drills::wall::{TEXT, catalogue};
use serde_json::{Value, json};

use crate::client::{End, Reply};
use crate::speakers::Speaker;
use crate::timing::Stage;

use Speaker::{Agent, Azure, Chat, Gemini, GeminiArray, Messages, Responses};

/// What a first, plain request gets by a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// The sixty words, in order.
    Whole,
    /// So many words, then the connection closes.
    Cut(usize),
    /// So many words, then the dialect's error.
    Error(usize),
    /// So many words, then the body ends without a finish.
    Unfinished(usize),
    /// So many words, and keep-alives until the connection closes.
    Idle(usize),
    /// A status other than 200.
    Status(u16),
    /// Nothing that could be read as an answer.
    Odd,
}

use Shown::{Cut, Error, Idle, Odd, Status, Unfinished, Whole};

const SHOWN: &[(&str, Shown)] = &[
    ("s17", Idle(0)),
    ("s18", Whole),
    ("s19", Error(0)),
    ("s20", Odd),
    ("s21", Status(529)),
    ("s22", Cut(30)),
    ("s23", Error(20)),
    ("s24", Cut(40)),
    ("s25", Cut(2)),
    ("s26", Cut(40)),
    ("s27", Cut(20)),
    ("s28", Whole),
    ("s29", Whole),
    ("s30", Status(500)),
    ("s31", Status(503)),
    ("s32", Status(503)),
    ("s33", Whole),
    ("s34", Whole),
    ("s35", Cut(0)),
    ("s36", Whole),
    ("s37", Whole),
    ("s40", Status(503)),
    ("s41", Unfinished(30)),
    ("s42", Odd),
    ("s43", Cut(2)),
    ("s44", Whole),
    ("s45", Odd),
    ("s46", Status(502)),
    ("s47", Odd),
    ("s48", Odd),
    ("s49", Whole),
    ("s50", Whole),
    ("s51", Odd),
    ("s52", Cut(20)),
    ("s53", Odd),
    ("s54", Odd),
    ("s55", Cut(20)),
    ("s56", Cut(20)),
    ("s57", Odd),
    ("s58", Status(401)),
    ("s59", Cut(40)),
    ("s60", Cut(40)),
    ("s61", Cut(40)),
    ("s62", Status(429)),
    ("s63", Status(429)),
    ("s64", Status(429)),
    ("s65", Status(429)),
    ("s66", Status(429)),
    ("s67", Whole),
    ("s68", Odd),
    ("s69", Whole),
    ("s70", Whole),
    ("s71", Whole),
    ("s72", Whole),
    ("s73", Whole),
    ("s74", Whole),
    ("s75", Whole),
    ("s76", Whole),
    ("s77", Whole),
    ("s78", Whole),
    ("s79", Error(0)),
    ("s80", Idle(0)),
    ("s81", Cut(0)),
    ("s82", Odd),
    ("s83", Odd),
    ("s84", Whole),
    ("s85", Cut(40)),
    ("s86", Cut(40)),
    ("s87", Idle(20)),
    ("s88", Whole),
];

fn words(count: usize) -> String {
    TEXT.split(' ').take(count).collect::<Vec<_>>().join(" ")
}

async fn say(wall: &Stage, speaker: Speaker, model: &str, stream: bool, more: &Value) -> Reply {
    let body = speaker.body(model, stream, more).to_string();
    let path = speaker.path(model, stream);
    wall.connect().post(&path, &body, speaker.headers()).await
}

/// The status that a dialect has for what others call `status`.
fn spelled(speaker: Speaker, model: &str, status: u16) -> u16 {
    match (speaker, status) {
        (Messages, 503) => 529,
        // Perplexity's key is refused as everybody's, Google's as an argument.
        (Gemini | GeminiArray, 401) => 400,
        _ if model.is_empty() => 0,
        _ => status,
    }
}

#[test]
fn every_fault_is_looked_at() {
    let ids: Vec<&str> = SHOWN.iter().map(|(id, _)| *id).collect();
    let of_wall: Vec<&str> = catalogue()
        .filter_map(|entry| entry.id.strip_prefix("fb-"))
        .filter(|id| id.starts_with('s') && *id > "s16")
        .collect();
    assert_eq!(ids, of_wall);
}

#[tokio::test(start_paused = true)]
async fn each_shows_what_it_says_in_every_dialect() {
    for speaker in Speaker::ALL {
        let wall = Stage::new(None);
        for (id, shown) in SHOWN {
            // Its line is too long for this reader; it has a test of its own.
            if *id == "s48" {
                continue;
            }
            let model = format!("fb-{id}");
            let reply = say(&wall, speaker, &model, true, &json!({})).await;
            let context = format!("{speaker:?} {id}: {} {:?}", reply.status, reply.end);
            check_shown(speaker, &model, *shown, &reply, &context);
        }
    }
}

fn check_shown(speaker: Speaker, model: &str, shown: Shown, reply: &Reply, context: &str) {
    match shown {
        Odd => {}
        Status(status) => {
            assert_eq!(reply.status, spelled(speaker, model, status), "{context}");
            assert_eq!(reply.end, End::Whole, "{context}");
        }
        _ => {
            assert_eq!(reply.status, 200, "{context}");
            let plain = unwrapped(model, reply);
            // Afterwords are no part of an answer; a strict reader would not get to them.
            let seen = if model == "fb-s84" && speaker == GeminiArray {
                return;
            } else {
                speaker.streamed(&plain)
            };
            let count = match shown {
                Cut(count) | Error(count) | Unfinished(count) | Idle(count) => count,
                _ => 60,
            };
            // Where a call is cut, there is no call if no tool was offered.
            let extra = match model {
                "fb-s84" => " and more",
                _ => "",
            };
            let text = seen.text.replace(extra, "");
            assert_eq!(text, words(count), "{context}");
            assert_eq!(seen.failed, matches!(shown, Error(_)), "{context}");
            let closed = matches!(shown, Cut(_) | Idle(_));
            assert_eq!(reply.end != End::Whole, closed, "{context}");
            if model != "fb-s84" {
                assert_eq!(seen.marked, shown == Whole, "{context}");
            }
        }
    }
}

/// The odd forms of events made plain, so that the plain reader can read them.
fn unwrapped(model: &str, reply: &Reply) -> Reply {
    let body = match model {
        "fb-s72" => reply.body.trim_start_matches('\u{feff}').to_owned(),
        // The reader does not look at indexes.
        "fb-s70" => reply.body.replace(" stray", ""),
        "fb-s73" => reply.body.replace("\r\n", "\n"),
        "fb-s74" => reply
            .body
            .replace("\ndata:{", "\ndata: {")
            .replace("data:{", "data: {")
            .replace("data:[", "data: ["),
        "fb-s76" => reply.body.replace("{\ndata: ", "{"),
        _ => reply.body.clone(),
    };
    Reply { body, headers: reply.headers.clone(), times: reply.times.clone(), ..*reply }
}

#[tokio::test(start_paused = true)]
async fn whole_answers_have_their_faults_too() {
    for speaker in Speaker::ALL {
        let wall = Stage::new(None);
        for (id, shown) in SHOWN {
            // Its line is too long for this reader; it has a test of its own.
            if *id == "s48" {
                continue;
            }
            let model = format!("fb-{id}");
            let reply = say(&wall, speaker, &model, false, &json!({})).await;
            let context = format!("{speaker:?} {id}: {} {:?}", reply.status, reply.end);
            match shown {
                Status(status) => {
                    assert_eq!(reply.status, spelled(speaker, &model, *status), "{context}");
                }
                Error(_) => assert!(reply.status >= 400, "{context}"),
                Cut(_) | Idle(_) => assert_ne!(reply.end, End::Whole, "{context}"),
                Unfinished(_) => {
                    assert_eq!(reply.end, End::Whole, "{context}");
                    assert!(serde_json::from_str::<Value>(&reply.body).is_err(), "{context}");
                }
                Whole => {
                    let body = reply.body.trim_start_matches('\u{feff}').to_owned();
                    let plain =
                        Reply { body, headers: reply.headers.clone(), times: Vec::new(), ..reply };
                    assert_eq!(speaker.whole(&plain).text, TEXT, "{context}");
                }
                Odd => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_odd_ones_are_as_odd_as_they_say() {
    let wall = Stage::new(None);
    for speaker in [Chat, Messages, Gemini, Responses] {
        let get = |id: &'static str| {
            let wall = &wall;
            async move { say(wall, speaker, &format!("fb-{id}-{speaker:?}"), true, &json!({})).await }
        };
        let empty = get("s20").await;
        assert_eq!((empty.status, empty.end, empty.body.as_str()), (200, End::Whole, ""));
        let cut = get("s42").await;
        assert_eq!(cut.end, End::Cut);
        let page = get("s45").await;
        assert!(page.headers["content-type"].starts_with("text/html"));
        assert!(page.status == 200 && page.body.contains("<html>"));
        let zipped = get("s47").await;
        assert_eq!(zipped.headers["content-encoding"], "gzip");
        assert!(!zipped.body.contains("data"));
        let hints = get("s50").await;
        assert_eq!((hints.hints, hints.end), (2, End::Whole));
        let half = get("s51").await;
        assert_eq!(half.end, End::Cut);
        assert!(half.body.ends_with("data: {\"half\":"));
        let long = get("s53").await;
        assert_eq!((long.end, speaker.streamed(&long).text.as_str()), (End::Cut, TEXT));
        let slow = get("s68").await;
        assert_eq!((slow.status, slow.end), (0, End::Nothing));
        assert!(slow.took > Duration::from_secs(30));
        for (id, end) in [("s57", End::Nothing), ("s82", End::Nothing)] {
            let shut = get(id).await;
            assert_eq!((shut.status, shut.end), (0, end));
        }
        assert!(get("s44").await.headers["content-type"].starts_with("text/plain"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_does_not_end_for_as_long_as_it_is_read() {
    let stage = Stage::fast();
    let body = Chat.body("fb-s48", true, &json!({})).to_string();
    let bytes = stage.connect().post_raw(&Chat.path("fb-s48", true), &body).await;
    assert!(bytes.len() > 16 << 20 && bytes.len() < 17 << 20);
    let at = bytes.windows(9).position(|part| part == b"\"endless\"").unwrap();
    // Only the lines of the chunks' own framing end.
    assert!(!bytes[at..].windows(2).any(|pair| pair == b"\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_length_that_is_too_short_leaves_bytes_on_the_connection() {
    let wall = Stage::new(None);
    let mut client = wall.connect();
    let body = Chat.body("fb-s54", true, &json!({})).to_string();
    let reply = client.post(&Chat.path("fb-s54", true), &body, "").await;
    assert_eq!(reply.end, End::Whole);
    let seen = Chat.streamed(&reply);
    assert!(TEXT.starts_with(&seen.text) && seen.text.len() < TEXT.len() && !seen.marked);
    assert!(client.rest().await.ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test(start_paused = true)]
async fn keep_alives_come_before_the_first_word_and_for_ever() {
    let wall = Stage::new(None);
    for (speaker, sign) in [
        (Chat, ": keep-alive\n\n"),
        (Messages, "event: ping\n"),
        (Gemini, ": keep-alive\r\n\r\n"),
        (GeminiArray, "\n"),
        (Responses, ": keep-alive\n\n"),
    ] {
        let thinks = say(&wall, speaker, "fb-s34", true, &json!({})).await;
        assert!(thinks.body.matches(sign).count() >= 7, "{speaker:?}");
        assert!(thinks.took >= Duration::from_secs(8) && thinks.took < Duration::from_secs(10));
        let forever = say(&wall, speaker, "fb-s17", true, &json!({})).await;
        assert!(forever.body.matches(sign).count() >= 120, "{speaker:?}");
        assert!(forever.took >= Duration::from_secs(119));
        let hollow = say(&wall, speaker, "fb-s80", true, &json!({})).await;
        assert_eq!(speaker.streamed(&hollow).text, "");
        assert!(hollow.body.len() > forever.body.len(), "{speaker:?}");
    }
}

fn takeover(speaker: Speaker, user_turn: bool, said: &str) -> Value {
    if !user_turn {
        return speaker.prefilled(said);
    }
    let on = "Go on exactly where you stopped.";
    match speaker {
        Chat | Azure | Messages => json!({"messages": [
            {"role": "user", "content": "go on"}, {"role": "assistant", "content": said},
            {"role": "user", "content": on}]}),
        Gemini | GeminiArray => json!({"contents": [
            {"role": "model", "parts": [{"text": said}]}, {"role": "user", "parts": [{"text": on}]}]}),
        Responses | Agent => json!({"input": [
            {"role": "assistant", "content": said}, {"role": "user", "content": on}]}),
    }
}

#[tokio::test(start_paused = true)]
async fn continuations_are_understood_in_either_form() {
    let wall = Stage::new(None);
    let said = words(40);
    let rest = TEXT.strip_prefix(&said).unwrap();
    let last = |count: usize| {
        let words: Vec<&str> = said.split(' ').collect();
        words[40 - count..].join(" ")
    };
    for speaker in Speaker::ALL {
        for user_turn in [true, false] {
            let more = takeover(speaker, user_turn, &said);
            let hear = |model: &'static str| {
                let (wall, more) = (&wall, &more);
                async move {
                    let reply = say(wall, speaker, model, true, more).await;
                    assert_eq!(reply.end, End::Whole, "{speaker:?} {model}");
                    (reply.status, speaker.streamed(&reply).text)
                }
            };
            assert_eq!(hear("fb-ok").await, (200, rest.to_owned()), "{speaker:?}");
            assert_eq!(hear("fb-s08").await, (200, rest.to_owned()), "{speaker:?}");
            assert_eq!(hear("fb-s26").await.1, TEXT);
            let other = hear("fb-s59").await.1;
            assert!(other.starts_with("Bread needs") && !TEXT.contains(&other));
            assert_eq!(hear("fb-s60").await.1, words(20));
            let (reworded, repeated) = (hear("fb-s61").await.1, hear("fb-s85").await.1);
            assert_eq!(repeated, format!("{}{rest}", last(6)));
            assert_eq!(reworded, format!("{}{rest}", last(8).replace("long", "tall")));
            let preface = hear("fb-s86").await.1;
            assert!(preface.starts_with("Certainly") && preface.ends_with(&repeated));
            for model in ["fb-s24", "fb-ok-turns", "fb-ok-noprefill"] {
                let status = if user_turn { 200 } else { 400 };
                assert_eq!(hear(model).await.0, status, "{speaker:?} {model}");
            }
            if user_turn {
                assert_eq!(hear("fb-s24").await.1, rest);
                assert_eq!(hear("fb-ok-turns").await.1, repeated);
                assert_eq!(hear("fb-ok-noprefill").await.1, TEXT);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_and_objects_break_within_themselves() {
    let wall = Stage::new(None);
    for speaker in [Chat, Azure, Messages, Responses] {
        let offered = speaker.offering(&["clock"]);
        let cut = say(&wall, speaker, "fb-s25", true, &offered).await;
        assert_eq!(cut.end, End::Cut);
        let seen = speaker.streamed(&cut);
        assert!(seen.finish.is_empty() && seen.text.is_empty() && !seen.marked, "{speaker:?}");
        assert!(cut.body.contains("clock") && !cut.body.contains(r#"7}"#), "{speaker:?}");
        let stalled = say(&wall, speaker, "fb-s43", true, &offered).await;
        assert!(stalled.end == End::Cut && stalled.took > Duration::from_secs(29));
        let schema = json!({"type": "object", "properties": {"a": {"type": "number"},
            "b": {"type": "string"}}});
        let cut = say(&wall, speaker, "fb-s42", true, &speaker.structured(&schema)).await;
        let text = speaker.streamed(&cut).text;
        assert!(cut.end == End::Cut && text.starts_with('{') && !text.ends_with('}'), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_the_request_depends_on_it() {
    let wall = Stage::new(None);
    for speaker in [Chat, Messages, Gemini, Responses, Agent] {
        let poisoned = speaker.prefilled("a wall-poison b");
        let reply = say(&wall, speaker, "fb-s36", true, &poisoned).await;
        assert_eq!(reply.status, 500);
        let limit = match speaker {
            Chat => json!({"max_tokens": 1}),
            Messages => json!({"max_tokens": 1}),
            Gemini => json!({"generationConfig": {"maxOutputTokens": 1}}),
            _ => json!({"max_output_tokens": 1}),
        };
        let reply = say(&wall, speaker, "fb-s37", true, &limit).await;
        let seen = speaker.streamed(&reply);
        assert_eq!((reply.status, seen.text.as_str()), (200, ""), "{speaker:?}");
        assert!(
            seen.finish.to_lowercase().contains("length")
                | seen.finish.to_lowercase().contains("token")
        );
    }
    let sealed = json!({"messages": [{"role": "assistant", "content": [
        {"type": "thinking", "thinking": "x", "signature": "eA=="}]},
        {"role": "user", "content": "so?"}]});
    for model in ["fb-s27", "fb-s28"] {
        assert_eq!(say(&wall, Messages, model, true, &sealed).await.status, 400);
    }
    let mut client = wall.connect();
    let mut with_key = async |key: &str| {
        let body = Chat.body("fb-s58", false, &json!({})).to_string();
        let key = format!("authorization: Bearer {key}\r\n");
        client.post(&Chat.path("fb-s58", false), &body, &key).await.status
    };
    for (key, status) in [("old", 401), ("new", 200), ("old", 401), ("new", 200)] {
        assert_eq!(with_key(key).await, status);
    }
}

#[tokio::test(start_paused = true)]
async fn the_waits_of_a_429_are_told_in_three_ways() {
    let wall = Stage::new(None);
    for speaker in [Chat, Azure, Messages, Agent] {
        let get = |id: &'static str| {
            let wall = &wall;
            async move { say(wall, speaker, &format!("fb-{id}-{speaker:?}"), true, &json!({})).await }
        };
        // The stage's clock stands at 4 June 2024.
        assert_eq!(get("s63").await.headers["retry-after"], "Tue, 04 Jun 2024 00:00:03 GMT");
        assert_eq!(get("s64").await.headers["retry-after"], "86400");
        let body = get("s65").await;
        assert!(!body.headers.contains_key("retry-after") && body.body.contains("in 2s"));
        let spent = get("s66").await;
        let told = spent.body.contains("insufficient_quota")
            | spent.body.contains("spend_limit")
            | spent.body.contains("quota");
        assert!(told && !spent.headers.contains_key("retry-after"), "{}", spent.body);
        assert_eq!(get("s63").await.status, 200);
    }
    let reply = say(&wall, Gemini, "fb-s63", true, &json!({})).await;
    assert!(reply.body.contains("\"retryDelay\":\"3s\""));
    let reply = say(&wall, Gemini, "fb-s66", true, &json!({})).await;
    assert!(reply.body.contains("PerDay") && !reply.body.contains("retryDelay"));
}

#[tokio::test(start_paused = true)]
async fn rest_and_pace_are_seen() {
    let wall = Stage::new(None);
    let ask = async |model: &str| say(&wall, Chat, model, true, &json!({})).await.status;
    assert_eq!(ask("fb-s31").await, 503);
    tokio::time::sleep(Duration::from_millis(2_900)).await;
    assert_eq!(ask("fb-s31").await, 503);
    tokio::time::sleep(Duration::from_millis(3_001)).await;
    assert_eq!(ask("fb-s31").await, 200);
    let mut statuses = Vec::new();
    let body = Chat.body("fb-s29", true, &json!({})).to_string();
    for _ in 0..5 {
        // Callers that leave at once make no time pass.
        let left = wall.connect().post_and_leave(&Chat.path("fb-s29", true), &body, 1).await;
        statuses.push(left.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ask("fb-s29").await, 200);
}
