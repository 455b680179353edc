//! Callers who hear from us before a provider's first word: one that keeps its stream alive and says
//! nothing, in the callers' dialects, with every end that this can have.

use std::time::Duration;

use domain::Dialect;
use serde_json::json;

use crate::caller::{Got, ask};
use crate::house::open;
use crate::memory::Network;
use crate::provider::{Act, Provider};
use crate::takeover::{ladder, request, says};

const TOLD: &str = ": seawall asking a provider\n\n";

/// Keeps its stream alive for so many seconds, and then does what `act` does.
fn thinks(seconds: usize, act: Act) -> Act {
    let mut chunks = vec![b": keep-alive\n\n".to_vec(); seconds];
    chunks.extend(act.chunks.unwrap_or_default());
    Act { chunks: Some(chunks), chunk_wait: Duration::from_secs(1), ..act }
}

/// A caller of `dialect` before providers that speak chat.
async fn told(dialect: Dialect, acts: Vec<Act>, more: &str) -> (Got, Vec<usize>) {
    let network = Network::default();
    let rungs = vec![Dialect::OpenAiChat; acts.len()];
    let mut providers = Vec::new();
    for (act, port) in acts.into_iter().zip(9001..) {
        providers.push(Provider::start(&network, port, vec![act]));
    }
    let house = open(&network, &ladder(&rungs, more));
    let (path, body) = request(dialect, &json!({}));
    let got = ask(&house, "POST", &path, &[], &body).await;
    (got, providers.iter().map(|provider| provider.seen().len()).collect())
}

fn hello() -> Act {
    says(Dialect::OpenAiChat, "hello there")
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_model_that_thinks_has_his_head_before_its_first_word() {
    for (dialect, hears) in [
        (Dialect::OpenAiChat, true),
        (Dialect::OpenAiResponses, true),
        (Dialect::Anthropic, true),
        // Google's own client cannot read a comment; a head alone harms nobody.
        (Dialect::Gemini, false),
    ] {
        let (got, _) = told(dialect, vec![thinks(8, hello())], "").await;
        let text = got.text();
        assert_eq!(got.began, Duration::from_secs(3), "{dialect:?}: {text}");
        assert_eq!(got.header("seawall-why"), Some("waiting for the first word"), "{dialect:?}");
        assert_eq!(text.starts_with(TOLD), hears, "{dialect:?}: {text}");
        let answers = text.contains(": seawall answers served_by=fake1/model1 attempts=1 why=");
        assert_eq!((answers, text.contains(": seawall")), (hears, hears), "{dialect:?}: {text}");
        assert!(got.ended && text.contains("there"), "{dialect:?}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn whose_first_word_is_in_time_hears_nothing_else() {
    for (seconds, more) in [
        (2, ""),
        (8, "[models.m.clocks]\nhead_held_ms_max = 0\n"),
        (8, "[models.m.clocks]\nhead_held_ms_max = 9000\n"),
    ] {
        let (got, _) = told(Dialect::OpenAiChat, vec![thinks(seconds, hello())], more).await;
        assert_eq!(got.began, Duration::from_secs(seconds as u64), "{more}");
        assert_eq!(got.header("seawall-served-by"), Some("fake1/model1"), "{more}");
        assert!(!got.text().contains(": seawall"), "{more}: {}", got.text());
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_of_the_first_word_runs_on_and_the_next_rung_answers_in_the_same_stream() {
    let (got, asked) = told(Dialect::OpenAiChat, vec![thinks(60, hello()), hello()], "").await;
    let text = got.text();
    assert_eq!((got.began, asked), (Duration::from_secs(3), vec![1, 1]), "{text}");
    assert_eq!(text.matches(TOLD).count(), 1, "{text}");
    assert!(text.contains(": seawall answers served_by=fake2/model2 attempts=2 why="), "{text}");
    assert!(text.contains("fake1/model1 slow_first_token"), "{text}");
    assert!(text.contains("there") && text.ends_with("data: [DONE]\n\n"), "{text}");
}

/// As without a head: a fault that allows it is met by the same rung once more.
#[tokio::test(start_paused = true)]
async fn what_breaks_after_the_head_is_tried_again_and_then_refused_in_the_stream() {
    let breaks = Act { cut: true, ..thinks(5, Act::stream(Vec::new())) };
    let more = "[failover]\nretry_budget_ratio = 1.0\n[waiting_room]\nwaiters_max = 0\n";
    for (dialect, error) in [
        (Dialect::OpenAiChat, "data: {\"error\":"),
        (Dialect::Anthropic, "event: error\ndata: {\"type\":\"error\""),
        (Dialect::Gemini, "\"error\""),
    ] {
        let (got, asked) = told(dialect, vec![breaks.clone()], more).await;
        let text = got.text();
        assert!(asked[0] > 1, "{dialect:?}: {asked:?}");
        assert!(got.status == 200 && got.ended && text.contains(error), "{dialect:?}: {text}");
        let comments = dialect != Dialect::Gemini;
        assert_eq!(text.contains(": seawall refused status=503"), comments, "{dialect:?}: {text}");
    }
}

/// A JSON array is no stream of events, and a whole answer has no head before it.
#[tokio::test(start_paused = true)]
async fn who_asks_for_no_events_is_held() {
    const WHOLE: &[u8] = br#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"there"},"finish_reason":"stop"}]}"#;
    let slow = Act { wait: Duration::from_secs(8), ..Act::whole(200, "application/json", WHOLE) };
    let network = Network::default();
    let _provider = Provider::start(&network, 9001, vec![thinks(8, hello()), slow]);
    let house = open(&network, &ladder(&[Dialect::OpenAiChat], ""));
    let array = (
        "/v1beta/models/m:streamGenerateContent",
        &br#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#[..],
    );
    let whole = (
        "/v1/chat/completions",
        &br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#[..],
    );
    for (path, body) in [array, whole] {
        let got = ask(&house, "POST", path, &[], body).await;
        assert!(got.began >= Duration::from_secs(8), "{path}: {:?}", got.began);
        assert_eq!(got.header("seawall-served-by"), Some("fake1/model1"), "{path}");
        assert!(got.text().contains("there"), "{path}: {}", got.text());
    }
}
