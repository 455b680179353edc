//! Every scene in every dialect, on virtual time: what a caller sees of it, and what the log keeps
//! of the caller.

use drills::wall::{REFUSAL, SIGNATURE, TEXT, THOUGHT};
use serde_json::{Value, json};

use crate::client::{End, Reply};
use crate::speakers::{Seen, Speaker};
use crate::timing::Stage;

use Speaker::{Agent, Azure, Chat, Gemini, GeminiArray, Messages, Responses};

impl Stage {
    async fn say(&self, speaker: Speaker, model: &str, stream: bool, more: &Value) -> Reply {
        let body = speaker.body(model, stream, more).to_string();
        let path = speaker.path(model, stream);
        self.connect().post(&path, &body, speaker.headers()).await
    }

    /// What a healthy end shows, streamed or whole.
    async fn hear(&self, speaker: Speaker, model: &str, stream: bool, more: &Value) -> Seen {
        let reply = self.say(speaker, model, stream, more).await;
        assert_eq!(
            (reply.status, reply.end),
            (200, End::Whole),
            "{speaker:?} {model}: {}",
            reply.body
        );
        if !stream {
            return speaker.whole(&reply);
        }
        let seen = speaker.streamed(&reply);
        assert!(seen.marked, "{speaker:?} {model}: {}", reply.body);
        Seen { marked: false, ..seen }
    }
}

/// The dialect's word for an end.
fn word(speaker: Speaker, end: &str) -> &'static str {
    match (speaker, end) {
        (Chat | Azure, "stop" | "refused") => "stop",
        (Chat | Azure, "tools") => "tool_calls",
        (Chat | Azure, "length") => "length",
        (Chat | Azure, "filtered") => "content_filter",
        (Messages, "stop") => "end_turn",
        (Messages, "tools") => "tool_use",
        (Messages, "length") => "max_tokens",
        (Messages, "filtered" | "refused") => "refusal",
        (Gemini | GeminiArray, "stop" | "tools") => "STOP",
        (Gemini | GeminiArray, "length") => "MAX_TOKENS",
        (Gemini | GeminiArray, "filtered") => "SAFETY",
        (Gemini | GeminiArray, "refused") => "blocked",
        (Responses | Agent, "length") => "max_output_tokens",
        (Responses | Agent, "filtered") => "content_filter",
        (Responses | Agent, _) => "completed",
        (_, other) => panic!("{other}"),
    }
}

fn first_words(count: usize) -> String {
    TEXT.split(' ').take(count).collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn a_healthy_answer_is_the_same_in_every_dialect() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        for stream in [true, false] {
            let seen = wall.hear(speaker, "fb-ok", stream, &json!({})).await;
            let finish = word(speaker, "stop").to_owned();
            let text = TEXT.to_owned();
            let expected = Seen { text, finish, input: 2, output: 60, ..Seen::default() };
            assert_eq!(seen, expected, "{speaker:?} {stream}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tools_are_called_and_their_results_answered() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        for stream in [true, false] {
            let both = speaker.offering(&["clock", "tide"]);
            let seen = wall.hear(speaker, "fb-tools", stream, &both).await;
            assert_eq!(seen.calls, [("clock".to_owned(), json!({"hour": 7}))], "{speaker:?}");
            assert_eq!((seen.finish.as_str(), seen.text.as_str()), (word(speaker, "tools"), ""));
            let sealed = matches!(speaker, Gemini | GeminiArray);
            assert_eq!(seen.seal, if sealed { SIGNATURE } else { "" });

            let seen = wall.hear(speaker, "fb-parallel-tools", stream, &both).await;
            let names: Vec<&str> = seen.calls.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["clock", "tide"], "{speaker:?}");
            let one = speaker.offering(&["clock"]);
            let seen = wall.hear(speaker, "fb-parallel-tools", stream, &one).await;
            let call = |hour: u8| ("clock".to_owned(), json!({ "hour": hour }));
            assert_eq!(seen.calls, [call(7), call(8)], "{speaker:?}");

            let mut answered = one;
            let result = speaker.result();
            answered.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
            for model in ["fb-tools", "fb-parallel-tools"] {
                let seen = wall.hear(speaker, model, stream, &answered).await;
                assert_eq!((seen.text.as_str(), seen.calls.len()), (TEXT, 0), "{speaker:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn thoughts_citations_and_caches_arrive() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        for stream in [true, false] {
            let seen = wall.hear(speaker, "fb-thinking", stream, &json!({})).await;
            assert_eq!((seen.text.as_str(), seen.output), (TEXT, 72), "{speaker:?}");
            let sealed = matches!(speaker, Messages | Gemini | GeminiArray | Responses);
            assert_eq!(seen.seal, if sealed { SIGNATURE } else { "" }, "{speaker:?}");
            // A whole agent's answer has no place for thoughts.
            let told = speaker != Agent || stream;
            assert_eq!(seen.thought, if told { THOUGHT } else { "" }, "{speaker:?}");

            let seen = wall.hear(speaker, "fb-citations", stream, &json!({})).await;
            assert_eq!(seen.text, TEXT);
            assert_eq!(seen.cited, ["https://harbour.example/mornings"], "{speaker:?} {stream}");

            let seen = wall.hear(speaker, "fb-cached", stream, &json!({})).await;
            assert_eq!((seen.input, seen.cached, seen.output), (1026, 1024, 60), "{speaker:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_end_has_the_dialects_word() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        for stream in [true, false] {
            let seen = wall.hear(speaker, "fb-length", stream, &json!({})).await;
            assert_eq!((seen.text, seen.output), (first_words(12), 12), "{speaker:?}");
            assert_eq!(seen.finish, word(speaker, "length"));

            let seen = wall.hear(speaker, "fb-filter-mid", stream, &json!({})).await;
            assert_eq!((seen.text, seen.output), (first_words(20), 20), "{speaker:?}");
            assert_eq!(seen.finish, word(speaker, "filtered"));

            let seen = wall.hear(speaker, "fb-refusal", stream, &json!({})).await;
            assert_eq!(seen.finish, word(speaker, "refused"));
            match speaker {
                Agent => assert_eq!((seen.text.as_str(), seen.refusal.as_str()), (REFUSAL, "")),
                Chat | Azure | Responses => {
                    assert_eq!((seen.text.as_str(), seen.refusal.as_str()), ("", REFUSAL));
                }
                Messages | Gemini | GeminiArray => {
                    assert!(seen.text.is_empty() && !seen.refusal.is_empty(), "{speaker:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_extras_answer_in_every_dialect() {
    let wall = Stage::new(None);
    let schema = json!({"type": "object", "properties": {"tide": {"type": "number"}}});
    for speaker in Speaker::ALL {
        for stream in [true, false] {
            let asked = speaker.structured(&schema);
            let seen = wall.hear(speaker, "fb-ok-json", stream, &asked).await;
            let found: Value = serde_json::from_str(&seen.text).unwrap();
            assert_eq!(found, json!({"tide": 7.5}), "{speaker:?}");
            let seen = wall.hear(speaker, "fb-ok-image", stream, &speaker.picture()).await;
            assert_eq!(seen.text, "I see 1 image.", "{speaker:?}");
            let seen = wall.hear(speaker, "fb-ok-echo", stream, &json!({})).await;
            let echoed: Value = serde_json::from_str(&seen.text).unwrap();
            assert_eq!(echoed, speaker.body("fb-ok-echo", stream, &json!({})), "{speaker:?}");
            let begun = speaker.prefilled("Each morning");
            let seen = wall.hear(speaker, "fb-ok", stream, &begun).await;
            assert_eq!(format!("Each morning{}", seen.text), TEXT, "{speaker:?}");
            let refused = wall.say(speaker, "fb-ok-noprefill", stream, &begun).await;
            assert_eq!(refused.status, 400, "{speaker:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_have_each_providers_form() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        for (model, status, messages) in [
            ("fb-s02", 429, "rate_limit_error"),
            ("fb-s03-", 500, "api_error"),
            ("fb-s04", 503, "overloaded_error"),
            ("fb-s12", 400, "invalid_request_error"),
            ("fb-s13", 400, "invalid_request_error"),
            ("fb-s15", 503, "overloaded_error"),
            ("fb-s16", 503, "overloaded_error"),
            ("fb-unknown", 404, "not_found_error"),
        ] {
            // What happens once is counted by name, so that each speaker needs its own.
            let once = format!("{model}{speaker:?}");
            let model = if model.ends_with('-') { once.as_str() } else { model };
            let reply = wall.say(speaker, model, true, &json!({})).await;
            let what = format!("{speaker:?} {model}: {}", reply.body);
            match speaker {
                Messages => {
                    let status = if status == 503 { 529 } else { status };
                    assert_eq!(
                        (reply.status, &reply.json()["error"]["type"]),
                        (status, &json!(messages)),
                        "{what}"
                    );
                    assert_eq!(reply.json()["request_id"], reply.headers["request-id"], "{what}");
                }
                Gemini | GeminiArray if model == "fb-s13" => {
                    assert_eq!(
                        (reply.status, speaker.streamed(&reply).finish.as_str()),
                        (200, "blocked"),
                        "{what}"
                    );
                }
                Gemini => assert_eq!(
                    (reply.status, &reply.json()["error"]["code"]),
                    (status, &json!(status)),
                    "{what}"
                ),
                GeminiArray => assert_eq!(
                    (reply.status, &reply.json()[0]["error"]["code"]),
                    (status, &json!(status)),
                    "{what}"
                ),
                Agent if status == 503 => {
                    assert_eq!(
                        (reply.status, reply.headers["content-type"].as_str()),
                        (503, "text/html"),
                        "{what}"
                    );
                }
                _ => assert_eq!(
                    (reply.status, reply.json()["error"].is_object()),
                    (status, true),
                    "{what}"
                ),
            }
            assert!(!reply.headers.contains_key("retry-after"), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_of_a_429_stands_where_the_provider_puts_it() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        let model = format!("fb-s01-{speaker:?}");
        let reply = wall.say(speaker, &model, true, &json!({})).await;
        assert_eq!(reply.status, 429, "{speaker:?}");
        match speaker {
            Gemini => assert_eq!(reply.json()["error"]["details"][1]["retryDelay"], "2s"),
            GeminiArray => assert_eq!(reply.json()[0]["error"]["details"][1]["retryDelay"], "2s"),
            _ => assert_eq!(reply.headers["retry-after"], "2", "{speaker:?}"),
        }
        let told = reply.headers.contains_key("retry-after");
        assert_eq!(told, !matches!(speaker, Gemini | GeminiArray));
        wall.hear(speaker, &model, true, &json!({})).await;
        // A reset looks like an end on a stream in memory; the sockets show the difference.
        let model = format!("fb-s05-{speaker:?}");
        let reply = wall.say(speaker, &model, true, &json!({})).await;
        assert_eq!((reply.status, reply.end), (0, End::Nothing), "{speaker:?}");
        wall.hear(speaker, &model, true, &json!({})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn streams_break_in_every_dialect() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        for model in ["fb-s08", "fb-s14"] {
            let reply = wall.say(speaker, model, true, &json!({})).await;
            assert_eq!((reply.status, reply.end), (200, End::Cut), "{speaker:?}");
            let seen = speaker.streamed(&reply);
            assert_eq!((seen.text, seen.finish.as_str()), (first_words(40), ""), "{speaker:?}");
            assert!(!seen.marked, "{speaker:?}");
            let reply = wall.say(speaker, model, false, &json!({})).await;
            assert_eq!((reply.status, reply.end), (200, End::Cut), "{speaker:?}");
        }

        let reply = wall.say(speaker, "fb-s11", true, &json!({})).await;
        assert_eq!((reply.status, reply.end), (200, End::Whole), "{speaker:?}");
        let seen = speaker.streamed(&reply);
        assert_eq!((seen.text.as_str(), seen.marked), (TEXT, false), "{speaker:?}");

        let reply = wall.say(speaker, "fb-s10", true, &json!({})).await;
        let events = speaker.events(&reply);
        let broken = events.iter().enumerate().filter(|(_, event)| event.is_none());
        let broken: Vec<usize> = broken.map(|(at, _)| at).collect();
        assert_eq!(broken, [9], "{speaker:?}: {}", reply.body);
        let seen = speaker.streamed(&reply);
        assert_eq!((seen.text.as_str(), seen.marked), (TEXT, true), "{speaker:?}");

        for (model, words) in [("fb-error-first", 0), ("fb-error-mid", 20)] {
            let reply = wall.say(speaker, model, true, &json!({})).await;
            assert_eq!((reply.status, reply.end), (200, End::Whole), "{speaker:?} {model}");
            let seen = speaker.streamed(&reply);
            assert_eq!(
                (seen.text, seen.failed),
                (first_words(words), true),
                "{speaker:?} {model}: {}",
                reply.body
            );
            assert!(!seen.marked, "{speaker:?}");
            let whole = wall.say(speaker, model, false, &json!({})).await;
            assert_eq!(whole.status, if speaker == Messages { 529 } else { 503 });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_are_as_long_in_every_dialect() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        let ask = async |model: &str| {
            let body = speaker.body(model, true, &json!({})).to_string();
            let path = speaker.path(model, true);
            wall.connect().post(&path, &body, speaker.headers()).await
        };
        let silent = ask("fb-s06").await;
        assert_eq!(silent.end, End::Nothing, "{speaker:?}");
        assert_eq!(silent.took.as_secs(), 120);

        // What comes before the first word comes at once, and is no content.
        let late = ask("fb-s07").await;
        assert_eq!(late.headed.as_secs(), 0, "{speaker:?}");
        let seen = speaker.streamed(&late);
        assert_eq!((seen.text.as_str(), late.took.as_secs()), (TEXT, 20), "{speaker:?}");

        let stalled = ask("fb-s09").await;
        let seen = speaker.streamed(&stalled);
        assert_eq!((stalled.end, seen.text), (End::Cut, first_words(20)), "{speaker:?}");
        assert_eq!((seen.marked, stalled.took.as_secs()), (false, 30), "{speaker:?}");

        let slow = ask("fb-ok-slow").await;
        assert_eq!((speaker.streamed(&slow).output, slow.took.as_secs()), (30, 5), "{speaker:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn anthropic_events_have_names_and_stand_in_order() {
    let wall = Stage::new(None);
    let more = Messages.offering(&["clock"]);
    for (model, kinds) in [
        ("fb-thinking", vec!["thinking", "text"]),
        ("fb-parallel-tools", vec!["tool_use", "tool_use"]),
    ] {
        let reply = wall.say(Messages, model, true, &more).await;
        let names: Vec<&str> =
            reply.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        let events: Vec<Value> = Messages.events(&reply).into_iter().flatten().collect();
        assert!(events.iter().zip(&names).all(|(event, name)| event["type"] == *name));
        assert_eq!((names[0], names.len()), ("message_start", events.len()));
        assert_eq!(names[names.len() - 2..], ["message_delta", "message_stop"]);
        // A block is opened, filled and closed before the next one, and they count from nought.
        let (mut found, mut open) = (Vec::new(), None);
        for event in &events {
            let index = event["index"].as_u64();
            match event["type"].as_str().unwrap() {
                "content_block_start" => {
                    assert_eq!((open, index), (None, Some(found.len() as u64)));
                    found.push(event["content_block"]["type"].as_str().unwrap());
                    open = index;
                }
                "content_block_delta" => assert_eq!(open, index),
                "content_block_stop" => {
                    assert_eq!(open, index);
                    open = None;
                }
                _ => {}
            }
        }
        assert_eq!((found, open), (kinds, None));
    }
}

#[tokio::test(start_paused = true)]
async fn azure_opens_with_its_filter() {
    let wall = Stage::new(None);
    let reply = wall.say(Azure, "fb-ok", true, &json!({})).await;
    let events = Azure.events(&reply);
    let first = events[0].as_ref().unwrap();
    assert_eq!((&first["choices"], &first["id"]), (&json!([]), &json!("")));
    assert!(first["prompt_filter_results"][0]["content_filter_results"].is_object());
    assert!(events[1].as_ref().unwrap()["choices"][0]["content_filter_results"].is_object());
    assert!(reply.headers.contains_key("apim-request-id"));
    let body = Azure.body("fb-ok", false, &json!({})).to_string();
    let mut client = wall.connect();
    let path = "/openai/deployments/fb-ok/chat/completions";
    assert_eq!(client.post(path, &body, "").await.json()["error"]["code"], "404");
    let body = Chat.body("fb-ok", false, &json!({})).to_string();
    let reply = client.post("/openai/v1/chat/completions", &body, "").await;
    assert_eq!(Azure.whole(&reply).text, TEXT);
    assert!(reply.json()["prompt_filter_results"].is_array());
}

#[tokio::test(start_paused = true)]
async fn gemini_ends_its_events_in_two_carriage_returns() {
    let wall = Stage::new(None);
    let reply = wall.say(Gemini, "fb-ok", true, &json!({})).await;
    let events: Vec<&str> = reply.body.split_terminator("\r\n\r\n").collect();
    assert_eq!(events.len(), 61);
    assert!(events.iter().all(|event| event.starts_with("data: {") && !event.contains('\n')));
    let reply = wall.say(GeminiArray, "fb-ok", true, &json!({})).await;
    assert_eq!(reply.json().as_array().unwrap().len(), 61);
    assert!(reply.headers["content-type"].starts_with("application/json"));
}

#[tokio::test(start_paused = true)]
async fn an_agent_searches_by_itself_and_takes_no_unknown_field() {
    let wall = Stage::new(None);
    let more = json!({"tools": [{"type": "web_search"}]});
    let reply = wall.say(Agent, "fb-ok", true, &more).await;
    let events: Vec<Value> = Agent.events(&reply).into_iter().flatten().collect();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let (added, done) = (of("response.output_item.added"), of("response.output_item.done"));
    assert_eq!(
        (&added[0]["item"]["type"], &done[0]["item"]["type"]),
        (&json!("function_call"), &json!("search_results"))
    );
    assert_eq!(added[1]["item"]["content"], Value::Null);
    assert!(!reply.body.contains("content_part"));
    let seen = Agent.streamed(&reply);
    assert_eq!((seen.text.as_str(), seen.calls.len()), (TEXT, 0));
    let reply = wall.say(Agent, "fb-ok", false, &json!({"stream_options": {}})).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.contains("stream_options"));
}

#[tokio::test(start_paused = true)]
async fn tokens_are_counted_and_the_version_is_asked_for() {
    let wall = Stage::new(None);
    let mut client = wall.connect();
    let body =
        r#"{"model":"fb-ok","system":"be brief","messages":[{"role":"user","content":"go on"}]}"#;
    let path = "/v1/messages/count_tokens?beta=true";
    for version in ["2023-06-01", "2026-10-21"] {
        let header = format!("anthropic-version: {version}\r\n");
        let reply = client.post(path, body, &header).await;
        assert_eq!(reply.json(), json!({"input_tokens": 4}));
        assert!(reply.headers.contains_key("request-id"));
    }
    for header in ["", "anthropic-version: 2020-01-01\r\n"] {
        let reply = client.post(path, body, header).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["type"]),
            (400, &json!("invalid_request_error"))
        );
    }
    let body = r#"{"contents":[{"parts":[{"text":"three words now"}]}]}"#;
    let reply = client.post("/v1beta/models/fb-ok:countTokens", body, "").await;
    assert_eq!(reply.json()["totalTokens"], 3);
    let broken = client.post("/v1beta/models/fb-s04:countTokens", body, "").await;
    assert_eq!((broken.status, &broken.json()["error"]["status"]), (503, &json!("UNAVAILABLE")));
}

#[tokio::test(start_paused = true)]
async fn vectors_are_the_same_in_each_form() {
    let wall = Stage::new(None);
    let mut client = wall.connect();
    let expected = drills::wall::embedding("calm sea", 16);
    let floats = |value: &Value| -> Vec<f32> { serde_json::from_value(value.clone()).unwrap() };
    let asked = |format: &str| {
        format!(r#"{{"model":"fb-ok","input":["calm sea","storm"],"dimensions":16{format}}}"#)
    };
    let reply = client.post("/v1/embeddings", &asked(""), "").await.json();
    assert_eq!(floats(&reply["data"][0]["embedding"]), expected);
    assert_ne!(floats(&reply["data"][1]["embedding"]), expected);
    assert_eq!(reply["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
    let format = r#","encoding_format":"base64""#;
    let path = "/openai/deployments/fb-ok/embeddings?api-version=2024-10-21";
    for path in ["/v1/embeddings", path] {
        let reply = client.post(path, &asked(format), "").await.json();
        let text = reply["data"][0]["embedding"].as_str().unwrap().to_owned();
        assert_eq!(text.len(), (16 * 4_usize).div_ceil(3) * 4);
        assert_eq!(from_base64(&text), expected);
    }
    let one = r#"{"content":{"parts":[{"text":"calm sea"}]},"outputDimensionality":16}"#;
    let reply = client.post("/v1beta/models/fb-ok:embedContent", one, "").await.json();
    assert_eq!(floats(&reply["embedding"]["values"]), expected);
    let many = format!(r#"{{"requests":[{one},{one}]}}"#);
    let reply = client.post("/v1/models/fb-ok:batchEmbedContents", &many, "").await.json();
    assert_eq!(floats(&reply["embeddings"][1]["values"]), expected);
    let down = client.post("/v1/embeddings", &asked("").replace("fb-ok", "fb-s04"), "").await;
    assert_eq!(down.status, 503);
}

fn from_base64(text: &str) -> Vec<f32> {
    let signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for sign in text.trim_end_matches('=').chars() {
        bits = bits << 6 | u32::try_from(signs.find(sign).unwrap()).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_provider_looks_for_its_key_where_it_looks() {
    let wall = Stage::new(Some("right"));
    let mut client = wall.connect();
    let places = |speaker| match speaker {
        Chat | Responses | Agent => [true, false, false, false],
        Azure => [true, false, true, false],
        Messages => [true, true, false, false],
        Gemini | GeminiArray => [true, false, false, true],
    };
    let headers = ["authorization: Bearer ", "x-api-key: ", "api-key: ", "x-goog-api-key: "];
    for speaker in Speaker::ALL {
        let body = speaker.body("fb-ok", false, &json!({})).to_string();
        let path = speaker.path("fb-ok", false);
        for (header, taken) in headers.iter().zip(places(speaker)) {
            for (key, taken) in [("right", taken), ("wrong", false)] {
                let headers = format!("{}{header}{key}\r\n", speaker.headers());
                let reply = client.post(&path, &body, &headers).await;
                // A wrong key is an invalid argument to Gemini.
                let refused = if matches!(speaker, Gemini | GeminiArray) { 400 } else { 401 };
                assert_eq!(reply.status, if taken { 200 } else { refused }, "{speaker:?} {header}");
            }
        }
    }
    let body = Gemini.body("fb-ok", false, &json!({})).to_string();
    let reply = client.post("/v1beta/models/fb-ok:generateContent?key=right", &body, "").await;
    assert_eq!(reply.status, 200);
    // Azure serves responses in OpenAI's form, but looks for the key where it always does.
    let body = Responses.body("fb-ok", false, &json!({})).to_string();
    for (path, status) in [("/openai/v1/responses", 200), ("/v1/responses", 401)] {
        assert_eq!(client.post(path, &body, "api-key: right\r\n").await.status, status);
    }
    let log = client.get("/control/log?bodies=1").await;
    assert!(!log.body.contains("right") && !log.body.contains("wrong"));
    let log = log.json();
    let last = log["attempts"].as_array().unwrap().last().unwrap();
    assert_eq!(last["keys_in"], json!(["api-key"]));
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_what_each_provider_received() {
    let wall = Stage::new(None);
    for speaker in Speaker::ALL {
        wall.say(speaker, "fb-ok", true, &json!({})).await;
    }
    let mut client = wall.connect();
    client.post("/v1/messages", "{", "anthropic-version: 2023-06-01\r\n").await;
    let log = client.get("/control/log?bodies=1").await.json();
    let attempts = log["attempts"].as_array().unwrap();
    for (attempt, speaker) in attempts.iter().zip(Speaker::ALL) {
        assert_eq!(attempt["dialect"], speaker.name());
        let path = speaker.path("fb-ok", true);
        assert_eq!(attempt["path"], path.split('?').next().unwrap());
        let body = attempt["received"]["body"].as_str().unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body, speaker.body("fb-ok", true, &json!({})));
        assert_eq!((&attempt["stream"], &attempt["pieces_sent"]), (&json!(true), &json!(60)));
    }
    assert_eq!(attempts[2]["received"]["headers"]["anthropic-version"], "2023-06-01");
    let unread = attempts.last().unwrap();
    assert_eq!((&unread["status"], &unread["received"]["body"]), (&json!(400), &json!("{")));
    assert!(client.get("/control/log").await.json()["attempts"][0].get("received").is_none());
}

#[tokio::test(start_paused = true)]
async fn the_models_are_told_in_each_clients_form() {
    let wall = Stage::new(None);
    let mut client = wall.connect();
    let count = drills::wall::catalogue().count();
    let azure = client.get("/openai/v1/models").await.json();
    assert_eq!(azure["data"].as_array().unwrap().len(), count);
    let google = client.get("/v1beta/models").await.json();
    assert_eq!(google["models"][0]["name"], "models/fb-ok");
    assert_eq!(client.get("/v1beta/models/fb-ok").await.json()["name"], "models/fb-ok");
    let missing = client.get("/v1beta/models/gpt").await;
    assert_eq!((missing.status, &missing.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(
        client.get("/v1/models?key=k").await.json()["models"].as_array().unwrap().len(),
        count
    );
    let anthropic = client.get_with("/v1/models", "anthropic-version: 2023-06-01\r\n").await.json();
    assert_eq!(
        (&anthropic["data"][0]["type"], &anthropic["has_more"]),
        (&json!("model"), &json!(false))
    );
}
