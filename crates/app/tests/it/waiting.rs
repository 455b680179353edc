//! Standing in line as callers meet it: behind open breakers, and with a word on how long it takes.

use std::time::Duration;

use tokio::time::Instant;

use crate::caller::{Got, ask, chat};
use crate::house::{House, open, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const ASK_STREAM: &str =
    r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
/// One call at a time.
const ONE: &str = "[pace]\nenabled = true\ncalls_start = 1\ncalls_min = 1\ncalls_max = 1\n";

fn well(after: Duration) -> Act {
    Act { wait: after, ..Act::whole(200, "application/json", WHOLE.as_bytes()) }
}

fn streamed(span: Duration) -> Act {
    let chunk = |delta: &str, finish: &str| {
        let choice = format!(r#"{{"index":0,"delta":{delta},"finish_reason":{finish}}}"#);
        format!(
            "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"x\",\"choices\":[{choice}]}}\n\n"
        )
    };
    let first = chunk(r#"{"role":"assistant","content":"hello"}"#, "null");
    let last = format!("{}data: [DONE]\n\n", chunk("{}", r#""stop""#));
    Act { chunk_wait: span, ..Act::stream(vec![first.into_bytes(), last.into_bytes()]) }
}

/// A house before a provider whose breaker has just opened.
async fn shut(network: &Network, more: &str) -> (House, Provider) {
    let down = Act::whole(500, "application/json", b"{}");
    let provider = Provider::start(network, 9001, vec![down]);
    let more = format!("[failover]\nattempts_max = 1\n[pace]\nenabled = true\n{more}");
    let house = open(network, &settings(&["fake1/a"], &more));
    for _ in 0..3 {
        assert_eq!(chat(&house, ASK).await.status, 503);
    }
    (house, provider)
}

#[tokio::test(start_paused = true)]
async fn who_meets_only_open_breakers_waits_for_one_to_open_its_door() {
    let network = Network::default();
    let (house, provider) = shut(&network, "").await;
    provider.play(vec![well(Duration::ZERO)]);
    let started = Instant::now();
    let got = chat(&house, ASK).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let took = started.elapsed().as_secs_f64();
    assert!((4.4..5.6).contains(&took), "the cool-down is five seconds: {took}");
    assert!(got.header("seawall-why").unwrap().contains("waited"), "{:?}", got.headers);
}

/// Whoever stands before the door when it opens goes in one after the other, and not before the one
/// who tried it has come back.
#[tokio::test(start_paused = true)]
async fn a_crowd_before_the_door_sends_one_ahead() {
    let network = Network::default();
    let (house, provider) = shut(&network, "calls_start = 4\ncalls_max = 4\n").await;
    provider.play(vec![well(Duration::from_secs(2))]);
    let before = provider.seen().len();
    let started = Instant::now();
    let ten = std::iter::repeat_with(|| chat(&house, ASK)).take(10);
    let got = futures(ten.collect()).await;
    assert!(got.iter().all(|one| one.status == 200));
    let asked = provider.seen();
    let at = |nth: usize| asked[before + nth].at.duration_since(started).as_secs_f64();
    assert_eq!(asked.len() - before, 10, "nobody was asked in vain");
    assert!(at(1) >= at(0) + 2.0, "{} then {}", at(0), at(1));
    assert!(at(5) >= at(1) + 2.0, "no more than four at a time: {} then {}", at(1), at(5));
}

async fn futures<F: Future<Output = Got>>(all: Vec<F>) -> Vec<Got> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut got = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                got.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    got
}

#[tokio::test(start_paused = true)]
async fn a_door_that_opens_too_late_is_not_waited_for() {
    let network = Network::default();
    let more = "[breaker]\ncooldown_ms_min = 40000\ncooldown_ms_max = 40000\n";
    let (house, provider) = shut(&network, more).await;
    let (started, before) = (Instant::now(), provider.seen().len());
    let got = chat(&house, ASK).await;
    assert_eq!((got.status, started.elapsed()), (503, Duration::ZERO));
    let again: u64 = got.header("retry-after").unwrap().parse().unwrap();
    assert!((36..=60).contains(&again), "forty seconds, about: {again}");
    assert_eq!(provider.seen().len(), before);
}

/// The first takes the only place for so long; the second is whoever waits for it.
async fn second_of_two(more: &str, first: Duration, wish: (&str, &[(&str, &str)], &str)) -> Got {
    let network = Network::default();
    let _provider =
        Provider::start(&network, 9001, vec![streamed(first), streamed(Duration::ZERO)]);
    let more = format!("{ONE}[models.m.clocks]\ngap_ms_max = 100000\n{more}");
    let house = open(&network, &settings(&["fake1/a"], &more));
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (path, headers, body) = wish;
        ask(&house, "POST", path, headers, body.as_bytes()).await
    };
    tokio::join!(chat(&house, ASK_STREAM), second).1
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_stream_is_told_his_place() {
    let chat = ("/v1/chat/completions", &[][..], ASK_STREAM);
    let got = second_of_two("", Duration::from_secs(25), chat).await;
    assert_eq!(got.status, 200);
    assert!(got.ended && got.header("content-type").unwrap().starts_with("text/event-stream"));
    assert!(got.header("x-request-id").is_some());
    let text = got.text();
    let told = text.lines().filter(|line| line.starts_with(": seawall waiting position=1")).count();
    assert_eq!(told, 2, "after ten seconds and after twenty: {text}");
    assert!(text.contains(": seawall answers served_by=fake1/a attempts=1 why="), "{text}");
    assert!(text.contains("waited 24.0 s") && text.ends_with("data: [DONE]\n\n"), "{text}");
    // One who does not wait that long hears what he would have heard without a word.
    let soon = second_of_two("", Duration::from_secs(9), chat).await;
    assert!(!soon.text().contains(": seawall"), "{}", soon.text());
    assert_eq!(soon.header("seawall-served-by"), Some("fake1/a"));
    let nobody = "[waiting_room]\ntell_after_ms = 0\n";
    let untold = second_of_two(nobody, Duration::from_secs(25), chat).await;
    assert!(!untold.text().contains(": seawall"), "{}", untold.text());
}

#[tokio::test(start_paused = true)]
async fn whose_clients_bear_no_comments_is_held() {
    let gemini = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    for wish in [
        ("/v1beta/models/m:streamGenerateContent?alt=sse", &[("x-goog-api-key", "k")][..], gemini),
        ("/v1/chat/completions", &[][..], ASK),
    ] {
        let got = second_of_two("", Duration::from_secs(25), wish).await;
        assert!(!got.text().contains(": seawall"), "{}: {}", wish.0, got.text());
        assert!(got.header("seawall-why").unwrap().contains("waited 24"), "{:?}", got.headers);
    }
}

/// The status has been sent, so the refusal is the dialect's own error event.
#[tokio::test(start_paused = true)]
async fn who_was_told_his_place_in_vain_is_told_so_in_the_stream() {
    let anthropic =
        r#"{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let version = [("anthropic-version", "2023-06-01")];
    for (wish, error) in [
        (("/v1/chat/completions", &[][..], ASK_STREAM), "data: {\"error\":"),
        (("/v1/messages", &version[..], anthropic), "event: error\ndata: {\"type\":\"error\""),
    ] {
        let got = second_of_two("", Duration::from_secs(60), wish).await;
        let text = got.text();
        assert!(got.status == 200 && got.ended, "{text}");
        assert!(text.contains(": seawall waiting position=1"), "{text}");
        let told = text.lines().find(|line| line.starts_with(": seawall refused status=503"));
        assert!(told.is_some_and(|told| told.contains("retry_after_s=")), "{text}");
        assert!(text.contains(error) && !text.contains("[DONE]"), "{text}");
    }
}
