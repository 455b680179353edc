//! The scorer before gateways that are known to be good and bad, on virtual time. The stubs are
//! small gateways: they ask the wall, wait for the whole answer, and make of it what they are for.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use drills::marks::{CallerDialect, Dial, Row, Score, Scorer, Verdict};
use drills::wall::{Profile, TEXT, Wall};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use crate::CHAT;
use crate::client::{Client, End, Reply};
use crate::timing::{RuntimeClock, Stage};

/// What kind of gateway it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conduct {
    /// Tries again where that is right, then the spare, and repairs what it can.
    Perfect,
    /// The same, but never again on the first route.
    Hasty,
    /// Tells as a success whatever text came.
    Truncates,
    /// Tells an error in order whenever something is wrong.
    Errs,
    /// Never answers but for the healthy model.
    Hangs,
    /// Has an answer of its own for everything.
    Invents,
}

#[derive(Debug)]
struct Stub {
    wall: Wall,
    conduct: Conduct,
}

impl Dial for Stub {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<DuplexStream> {
        let (client, server) = tokio::io::duplex(64 << 10);
        tokio::spawn(serve(server, self.wall.clone(), self.conduct));
        Ok(client)
    }
}

async fn serve(mut caller: DuplexStream, wall: Wall, conduct: Conduct) {
    let mut bytes = Vec::new();
    let body: Value = loop {
        if caller.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&bytes);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| serde_json::from_str(body));
        if let Some(Ok(body)) = body {
            break body;
        }
    };
    let model = body["model"].as_str().unwrap().to_owned();
    let answer = match conduct {
        Conduct::Hangs if model != "fb-ok" => std::future::pending().await,
        Conduct::Invents => streamed("fb-ok", TEXT),
        _ => answer(&wall, &model, &body, conduct).await,
    };
    // The caller may have had enough.
    drop(caller.write_all(answer.as_bytes()).await);
}

async fn ask(wall: &Wall, model: &str, body: &Value) -> Option<Reply> {
    let (client, server) = tokio::io::duplex(64 << 10);
    let wall = wall.clone();
    let conversation = tokio::spawn(async move { wall.converse(server).await });
    let mut body = body.clone();
    body["model"] = json!(model);
    let body = body.to_string();
    let mut client = Client::new(client);
    let asked = client.post(CHAT, &body, "");
    let reply = tokio::time::timeout(Duration::from_secs(10), asked).await.ok();
    drop(client);
    conversation.await.unwrap();
    reply
}

fn text_of(reply: &Reply) -> Option<String> {
    (reply.status == 200 && reply.end == End::Whole).then(|| reply.streamed_text())
}

async fn answer(wall: &Wall, model: &str, body: &Value, conduct: Conduct) -> String {
    let mut reply = ask(wall, model, body).await;
    let again = reply.as_ref().is_some_and(|reply| {
        matches!(reply.status, 0 | 500) || reply.headers.contains_key("retry-after")
    });
    if again && conduct == Conduct::Perfect {
        tokio::time::sleep(Duration::from_secs(2)).await;
        reply = ask(wall, model, body).await;
    }
    let text = reply.as_ref().and_then(text_of);
    match (text, conduct) {
        (Some(text), _) if text == TEXT => streamed(model, TEXT),
        (_, Conduct::Truncates) => {
            streamed(model, &reply.map(|reply| reply.streamed_text()).unwrap_or_default())
        }
        (_, Conduct::Errs) => refused("overloaded"),
        _ if reply.is_some_and(|reply| reply.body.contains("content_policy")) => {
            refused("content_policy_violation")
        }
        _ => {
            let spare = if model == "fb-s14" { "fb-ok-noprefill" } else { "fb-ok" };
            ask(wall, spare, body).await;
            streamed(spare, TEXT)
        }
    }
}

fn streamed(model: &str, text: &str) -> String {
    let chunk = |choices: Value, usage: Value| {
        json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": model,
            "choices": choices, "usage": usage})
    };
    let events = [
        chunk(json!([{"index": 0, "delta": {"role": "assistant", "content": text}}]), Value::Null),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]), Value::Null),
        chunk(json!([]), json!({"completion_tokens": text.split(' ').count()})),
    ];
    let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{events}data: [DONE]\n\n")
}

fn refused(code: &str) -> String {
    let body = json!({"error": {"message": "It is not to be.", "code": code}}).to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

async fn scored(conduct: Conduct, wanted: &[&str]) -> (Result<Score, String>, Vec<Row>) {
    let stage = Stage::fast();
    let scorer = Scorer {
        dial: Stub { wall: stage.wall(), conduct },
        wall: stage.wall(),
        clock: Arc::new(RuntimeClock::new()),
        dialect: CallerDialect::Chat,
        key: None,
        host: "gateway".to_owned(),
    };
    let mut rows = Vec::new();
    let score = scorer.run(|id| wanted.contains(&id), |row| rows.push(row.clone())).await;
    (score, rows)
}

async fn verdicts(conduct: Conduct, wanted: &[&str]) -> BTreeMap<String, Verdict> {
    scored(conduct, wanted).await.0.unwrap().verdicts.into_iter().collect()
}

const BENCH: [&str; 16] = [
    "S01", "S02", "S03", "S04", "S05", "S06", "S07", "S08", "S09", "S10", "S11", "S12", "S13",
    "S14", "S15", "S16",
];

#[tokio::test(start_paused = true)]
async fn a_perfect_gateway_passes_the_bench() {
    let (score, rows) = scored(Conduct::Perfect, &BENCH).await;
    let shown: Vec<String> = rows.iter().map(ToString::to_string).collect();
    let score = score.unwrap();
    assert_eq!(score.verdicts.len(), 16);
    // The fast profile's late word comes before this stub's patience is over.
    let bad: Vec<&String> = shown.iter().filter(|row| !row.contains(" pass ")).collect();
    assert!(bad.len() == 1 && bad[0].starts_with("S07  partial"), "{bad:#?}");
    assert!(bad[0].contains("waited instead of failing over"));
    assert_eq!((score.count(Verdict::Pass), score.is_clean()), (15, false));
}

#[tokio::test(start_paused = true)]
async fn a_truncated_answer_fails_and_a_clear_error_is_safe() {
    let broken = ["S08", "S09", "S14", "S41"];
    let found = verdicts(Conduct::Truncates, &broken).await;
    assert!(found.values().all(|verdict| *verdict == Verdict::Fail), "{found:?}");
    let found = verdicts(Conduct::Errs, &broken[..3]).await;
    assert!(found.values().all(|verdict| *verdict == Verdict::Safe), "{found:?}");
    // Where the fault itself calls an error correct, it is enough but for the unused fallback.
    assert_eq!(verdicts(Conduct::Errs, &["S41"]).await["S41"], Verdict::Partial);
    assert_eq!(verdicts(Conduct::Errs, &["S51", "S59"]).await["S59"], Verdict::Pass);
}

#[tokio::test(start_paused = true)]
async fn haste_costs_points() {
    let (score, rows) = scored(Conduct::Hasty, &["S01", "S03", "S04"]).await;
    assert_eq!(score.unwrap().count(Verdict::Partial), 2);
    assert!(rows[0].why.iter().any(|why| why.contains("Retry-After not kept")), "{rows:?}");
    assert!(rows[1].why.iter().any(|why| why.contains("not tried again")));
    assert_eq!(rows[2].verdict, Verdict::Pass);
}

#[tokio::test(start_paused = true)]
async fn a_hang_fails_in_bounded_time() {
    let (score, rows) = scored(Conduct::Hangs, &["S04", "S33"]).await;
    assert_eq!(score.unwrap().count(Verdict::Fail), 2);
    assert!(rows[0].to_string().contains("hang"));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_lead_to_the_wall_is_not_scored() {
    let (score, rows) = scored(Conduct::Invents, &BENCH).await;
    assert!(score.unwrap_err().contains("not by this wall") && rows.is_empty());
    let (score, _) = scored(Conduct::Perfect, &["S99"]).await;
    assert!(score.unwrap_err().contains("no scenario has an id"));
}

#[tokio::test(start_paused = true)]
async fn courses_of_several_requests_are_played() {
    let wanted = ["S29", "S30", "S32", "S67", "S88"];
    let found = verdicts(Conduct::Perfect, &wanted).await;
    assert_eq!(found["S29"], Verdict::Pass);
    // It has no breaker.
    assert_eq!(found["S30"], Verdict::Partial);
    for id in ["S32", "S67", "S88"] {
        assert_eq!(found[id], Verdict::Pass, "{id}");
    }
}

#[test]
fn the_settings_lead_every_fault_to_the_wall() {
    let address = "127.0.0.1:9090".parse().unwrap();
    for dialect in [CallerDialect::Chat, CallerDialect::Anthropic, CallerDialect::Gemini] {
        let text = drills::marks::gateway_config(address, Profile::Full, dialect);
        for entry in drills::wall::catalogue().filter(|entry| entry.id.starts_with("fb-s")) {
            let line = format!("[models.{}]\n", entry.id);
            assert!(text.contains(&line), "{line}");
        }
        assert!(text.contains("\"spare/fb-ok-noprefill\"") && text.contains("spare/fb-s26-b"));
        assert!(!text.contains("sk-wall-one\"]"));
    }
}
