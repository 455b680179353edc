//! Every fault of the wall over loopback sockets, in OpenAI's chat form and with the fast profile.
//! Where a fault is a wait, the client leaves at its start; how long it lasts is checked on virtual
//! time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use domain::Secret;
use drills::wall::{Profile, TEXT, Wall, WallSettings, catalogue};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{Client, End, Reply};
use crate::speakers::Speaker;
use crate::{CHAT, asked};

struct Served {
    address: SocketAddr,
}

async fn served(expect_key: Option<&str>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let expect_key = expect_key.map(Secret::new);
    let settings = WallSettings { profile: Profile::Fast, expect_key };
    let wall = Wall::new(settings, Arc::new(SystemClock::new()));
    tokio::spawn(async move { wall.serve(listener, std::future::pending()).await });
    Served { address }
}

impl Served {
    async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    async fn ask(&self, model: &str, stream: bool) -> Reply {
        self.send(&asked(model, stream)).await
    }

    async fn send(&self, body: &str) -> Reply {
        self.connect().await.post(CHAT, body, "").await
    }

    async fn attempts(&self) -> Vec<Value> {
        let log = self.connect().await.get("/control/log").await.json();
        log["attempts"].as_array().unwrap().clone()
    }
}

fn assert_healthy(reply: &Reply, stream: bool) {
    assert_eq!((reply.status, reply.end), (200, End::Whole));
    let text = if stream { reply.streamed_text() } else { reply.whole_text() };
    assert_eq!(text, TEXT);
}

#[tokio::test]
async fn a_healthy_answer_streamed_and_whole() {
    let wall = served(None).await;
    // One connection serves them all.
    let mut client = wall.connect().await;
    for _ in 0..3 {
        let reply = client.post(CHAT, &asked("any/fb-ok", true), "").await;
        assert_healthy(&reply, true);
        assert_eq!(reply.data().last(), Some(&"[DONE]"));
        assert!(!reply.body.contains("usage"));
        let reply = client.post(CHAT, &asked("fb-ok", false), "").await;
        assert_healthy(&reply, false);
        let usage = json!({"prompt_tokens": 2, "completion_tokens": 60, "total_tokens": 62});
        assert_eq!(reply.json()["usage"], usage);
    }
    let asked = r#"{"model":"fb-ok","stream":true,"stream_options":{"include_usage":true},
        "messages":[]}"#;
    let reply = client.post(CHAT, asked, "").await;
    let events = reply.data();
    assert_eq!(events.iter().filter(|event| event.contains("\"usage\":null")).count(), 62);
    let last: Value = serde_json::from_str(events[62]).unwrap();
    assert_eq!((&last["usage"]["completion_tokens"], &last["choices"]), (&json!(60), &json!([])));
}

#[tokio::test]
async fn a_prefill_is_continued_or_refused() {
    let wall = served(None).await;
    let at = TEXT.find(" wakes").unwrap();
    let (prefix, rest) = TEXT.split_at(at);
    let asked = |model: &str| {
        json!({"model": model, "messages": [{"role": "assistant", "content": prefix}]}).to_string()
    };
    assert_eq!(wall.send(&asked("fb-ok")).await.whole_text(), rest);
    let refused = wall.send(&asked("fb-ok-noprefill")).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_prefill"));
    assert_healthy(&wall.ask("fb-ok-noprefill", true).await, true);
    assert_eq!(wall.attempts().await[0]["prefill"], true);
}

#[tokio::test]
async fn what_happens_once_is_healed_by_a_second_try() {
    let wall = served(None).await;
    for stream in [true, false] {
        let first = wall.ask(&format!("fb-s01-{stream}"), stream).await;
        assert_eq!((first.status, first.code().as_str()), (429, "rate_limit_exceeded"));
        assert_eq!(first.headers["retry-after"], "2");
        let first = wall.ask(&format!("fb-s03-{stream}"), stream).await;
        assert_eq!((first.status, first.code().as_str()), (500, "server_error"));
        let first = wall.ask(&format!("fb-s05-{stream}"), stream).await;
        assert_eq!((first.status, first.end), (0, End::Reset));
        for id in ["s01", "s03", "s05"] {
            assert_healthy(&wall.ask(&format!("fb-{id}-{stream}"), stream).await, stream);
        }
    }
    assert_eq!(wall.attempts().await[2]["end"], "reset");
    wall.connect().await.post("/control/reset", "", "").await;
    assert!(wall.attempts().await.is_empty());
    assert_eq!(wall.ask("fb-s03-true", true).await.status, 500);
}

#[tokio::test]
async fn every_dialect_is_spoken_over_sockets() {
    let wall = served(None).await;
    let speak = async |speaker: Speaker| {
        for (model, stream) in [("fb-ok", true), ("fb-ok", false)] {
            let body = speaker.body(model, stream, &json!({})).to_string();
            let path = speaker.path(model, stream);
            let reply = wall.connect().await.post(&path, &body, speaker.headers()).await;
            assert_eq!((reply.status, reply.end), (200, End::Whole), "{speaker:?}");
            let seen = if stream { speaker.streamed(&reply) } else { speaker.whole(&reply) };
            assert_eq!((seen.text.as_str(), seen.output), (TEXT, 60), "{speaker:?}");
        }
        let model = format!("fb-s05-{speaker:?}");
        let body = speaker.body(&model, true, &json!({})).to_string();
        let path = speaker.path(&model, true);
        let reset = wall.connect().await.post(&path, &body, speaker.headers()).await;
        assert_eq!((reset.status, reset.end), (0, End::Reset), "{speaker:?}");
    };
    for speaker in Speaker::ALL {
        speak(speaker).await;
    }
}

#[tokio::test]
async fn what_lasts_is_refused_each_time() {
    let wall = served(None).await;
    for (model, status, code) in [
        ("fb-s02", 429, "rate_limit_exceeded"),
        ("fb-s04", 503, "overloaded"),
        ("fb-s12", 400, "context_length_exceeded"),
        ("fb-s13", 400, "content_policy_violation"),
        ("fb-s15", 503, "overloaded"),
        ("fb-s16", 503, "overloaded"),
        ("fb-ok-key", 401, "invalid_api_key"),
        ("fb-s99", 404, "model_not_found"),
    ] {
        for stream in [true, false] {
            let reply = wall.ask(model, stream).await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{model}");
            assert!(!reply.headers.contains_key("retry-after"));
        }
    }
}

#[tokio::test]
async fn waits_end_when_the_client_leaves() {
    let wall = served(None).await;
    for (model, after, words) in
        [("fb-s06", 0, 0), ("fb-s07", 1, 0), ("fb-s09", 21, 20), ("fb-ok-slow", 1, 1)]
    {
        let client = wall.connect().await;
        let left = client.post_and_leave(CHAT, &asked(model, true), after).await;
        assert_eq!((left.end, left.data().len()), (End::Left, after), "{model}");
        let ended = async {
            loop {
                let last = wall.attempts().await.pop();
                // The request that was left may not even have been read yet.
                match last.filter(|last| last["model"] == model && last["end"] != "open") {
                    Some(last) => break last,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        let attempt = tokio::time::timeout(Duration::from_secs(2), ended).await.expect(model);
        assert_eq!((&attempt["end"], &attempt["hung_up"]), (&json!("hung_up"), &json!(true)));
        assert!(attempt["pieces_sent"].as_u64().unwrap() <= words + 1);
    }
}

#[tokio::test]
async fn a_cut_comes_after_forty_words() {
    let wall = served(None).await;
    for model in ["fb-s08", "fb-s14"] {
        let reply = wall.ask(model, true).await;
        assert_eq!((reply.status, reply.end, reply.data().len()), (200, End::Cut, 41));
        let words = reply.streamed_text();
        assert_eq!(words.split(' ').count(), 40);
        assert!(TEXT.starts_with(&words));
        let reply = wall.ask(model, false).await;
        assert_eq!((reply.status, reply.end), (200, End::Cut));
        assert!(serde_json::from_str::<Value>(&reply.body).is_err());
    }
    assert_eq!(wall.attempts().await[0]["end"], "cut");
}

#[tokio::test]
async fn the_tenth_event_is_malformed_and_the_rest_is_whole() {
    let wall = served(None).await;
    let reply = wall.ask("fb-s10", true).await;
    assert_healthy(&reply, true);
    let readable = |data: &str| data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok();
    let broken: Vec<usize> = reply
        .data()
        .iter()
        .enumerate()
        .filter(|(_, data)| !readable(data))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(broken, [9]);
    let whole = wall.ask("fb-s10", false).await;
    assert_eq!(whole.end, End::Whole);
    assert!(serde_json::from_str::<Value>(&whole.body).is_err());
}

#[tokio::test]
async fn a_stream_may_lack_its_mark() {
    let wall = served(None).await;
    let reply = wall.ask("fb-s11", true).await;
    assert_healthy(&reply, true);
    assert!(!reply.body.contains("[DONE]"));
    assert!(reply.data().last().unwrap().contains("\"finish_reason\":\"stop\""));
    assert_healthy(&wall.ask("fb-s11", false).await, false);
}

#[tokio::test]
async fn the_healthy_extras_answer() {
    let wall = served(None).await;
    let body = r#"{"model":"fb-ok-echo","messages":[],"seed":1.50,"x":{"y":[]}}"#;
    assert_eq!(wall.send(body).await.whole_text(), body);
    let body = body.replace("\"seed\"", "\"stream\":true,\"seed\"");
    assert_eq!(wall.send(&body).await.streamed_text(), body);

    let body = r#"{"model":"fb-ok-image","messages":[{"role":"user","content":[
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}"#;
    assert_eq!(wall.send(body).await.whole_text(), "I see 1 image.");

    let body = r#"{"model":"fb-ok-json","messages":[],"response_format":{"type":"json_schema",
        "json_schema":{"name":"n","schema":{"type":"object","properties":{"a":{"type":"number"}}}}}}"#;
    let found: Value = serde_json::from_str(&wall.send(body).await.whole_text()).unwrap();
    assert_eq!(found, json!({"a": 7.5}));

    let mut body = json!({"model": "fb-ok-tools", "messages": [{"role": "user", "content": "?"}],
        "tools": [{"type": "function", "function": {"name": "weather"}}]});
    let found = wall.send(&body.to_string()).await.json();
    assert_eq!(found["choices"][0]["finish_reason"], "tool_calls");
    body["messages"][0]["role"] = json!("tool");
    assert_eq!(wall.send(&body.to_string()).await.whole_text(), TEXT);
}

#[tokio::test]
async fn a_key_is_asked_for_if_one_is_expected() {
    let wall = served(Some("right")).await;
    let mut client = wall.connect().await;
    for model in ["fb-ok", "fb-ok-key"] {
        let body = asked(model, false);
        for (header, status) in [
            ("", 401),
            ("authorization: Bearer wrong\r\n", 401),
            ("authorization: Bearer right\r\n", 200),
        ] {
            assert_eq!(client.post(CHAT, &body, header).await.status, status);
        }
    }
    assert_eq!(client.get("/v1/models").await.status, 401);
    let log = client.get("/control/log").await;
    assert_eq!(log.json()["attempts"][1]["authorization_present"], true);
    assert!(!log.body.contains("wrong") && !log.body.contains("right"));
}

#[tokio::test]
async fn the_models_and_the_health_are_told() {
    let wall = served(None).await;
    let mut client = wall.connect().await;
    let models = client.get("/v1/models").await.json();
    assert_eq!(models["data"].as_array().unwrap().len(), catalogue().count());
    assert_eq!(client.get("/v1/models/fb-s07").await.json()["id"], "fb-s07");
    assert_eq!(client.get("/v1/models/gpt").await.status, 404);
    assert_eq!(client.get("/control/health").await.json()["profile"], "fast");
    assert_eq!(client.get("/else").await.status, 404);
    assert_eq!(client.post(CHAT, "{", "").await.status, 400);
    // The connection survived all of it.
    assert_healthy(&client.post(CHAT, &asked("fb-ok", false), "").await, false);
}

#[tokio::test]
async fn the_wall_ends_when_it_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let wall = Wall::new(WallSettings::default(), Arc::new(SystemClock::new()));
    let serving = tokio::spawn(async move { wall.serve(listener, shutdown).await });
    let mut client = Client::new(TcpStream::connect(address).await.unwrap());
    assert_eq!(client.get("/control/health").await.status, 200);
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), serving).await;
    ended.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
