//! Second calls for late first tokens, as callers see them.

use std::time::Duration;

use domain::Dialect;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::caller::{Got, ask};
use crate::house::{GATEWAY_PORT, House, open};
use crate::memory::Network;
use crate::provider::{Act, Provider};
use crate::takeover::{ladder, read, request, says};

const CHAT: Dialect = Dialect::OpenAiChat;
const TEXT: &str = "All is well at the harbour.";

fn after_ms(ms: u64) -> Act {
    Act { wait: Duration::from_millis(ms), ..says(CHAT, TEXT) }
}

struct Pair {
    house: House,
    providers: [Provider; 2],
}

impl Pair {
    /// Two providers whose first tokens took 100 ms for long enough that this is known.
    async fn warm(settings: &str) -> Self {
        let network = Network::default();
        let start = |port| Provider::start(&network, port, vec![after_ms(100)]);
        let providers = [start(9001), start(9002)];
        let house = open(&network, &ladder(&[CHAT, CHAT], settings));
        let pair = Self { house, providers };
        for _ in 0..45 {
            assert_eq!(pair.ask(&json!({})).await.header("seawall-attempts"), Some("1"));
        }
        pair
    }

    fn play(&self, first: Act, second: Act) {
        self.providers[0].play(vec![first]);
        self.providers[1].play(vec![second]);
    }

    async fn ask(&self, extra: &serde_json::Value) -> Got {
        let (path, body) = request(CHAT, extra);
        ask(&self.house, "POST", &path, &[("content-type", "application/json")], &body).await
    }

    fn calls(&self) -> [usize; 2] {
        [self.providers[0].seen().len() - 45, self.providers[1].seen().len()]
    }

    fn counts(&self, target: &str, fault: &str) -> bool {
        let (provider, model) = target.split_once('/').unwrap();
        let line = format!(
            "seawall_attempts_total{{provider=\"{provider}\",model=\"{model}\",fault=\"{fault}\"}} 1"
        );
        self.house.telemetry.render().lines().any(|known| known == line)
    }
}

fn is_well(got: &Got, by: &str) {
    assert_eq!(got.header("seawall-served-by"), Some(by), "{}", got.text());
    assert_eq!(read(CHAT, got).text, TEXT);
}

const ON: &str = "[failover]\nhedge = true\n";

#[tokio::test(start_paused = true)]
async fn a_late_first_token_is_outrun_by_the_next_rung() {
    let pair = Pair::warm(ON).await;
    pair.play(after_ms(6_000), after_ms(100));
    let began = tokio::time::Instant::now();
    let got = pair.ask(&json!({})).await;
    is_well(&got, "fake2/model2");
    assert!(began.elapsed() < Duration::from_millis(700), "{:?}", began.elapsed());
    assert_eq!(got.header("seawall-attempts"), Some("2"));
    let why = got.header("seawall-why").unwrap();
    assert!(why.contains("asked twice after 0.5 s, fake2/model2 was quicker"), "{why}");
    assert_eq!(pair.calls(), [1, 1]);
    assert!(pair.counts("fake1/model1", "outrun"), "{}", pair.house.telemetry.render());
}

#[tokio::test(start_paused = true)]
async fn the_first_may_still_be_the_quicker_one() {
    let pair = Pair::warm(ON).await;
    pair.play(after_ms(800), after_ms(6_000));
    let got = pair.ask(&json!({})).await;
    is_well(&got, "fake1/model1");
    assert_eq!(got.header("seawall-attempts"), Some("2"));
    assert!(got.header("seawall-why").unwrap().contains("fake1/model1 was quicker"));
    assert!(pair.counts("fake2/model2", "outrun"));
}

#[tokio::test(start_paused = true)]
async fn a_second_call_that_fails_costs_nothing_but_itself() {
    let pair = Pair::warm(ON).await;
    pair.play(after_ms(800), Act::whole(503, "application/json", b"{}"));
    is_well(&pair.ask(&json!({})).await, "fake1/model1");
    assert_eq!(pair.calls(), [1, 1]);
    assert!(pair.counts("fake2/model2", "overloaded"));
}

#[tokio::test(start_paused = true)]
async fn a_first_call_that_fails_late_leaves_the_second_to_serve() {
    let pair = Pair::warm(ON).await;
    let late = Act {
        wait: Duration::from_millis(700),
        ..Act::whole(500, "application/json", b"{\"error\":{\"message\":\"x\"}}")
    };
    pair.play(late, after_ms(900));
    is_well(&pair.ask(&json!({})).await, "fake2/model2");
    assert_eq!(pair.calls(), [1, 1]);
    assert!(pair.counts("fake1/model1", "server_error"));
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_the_request_goes_on_as_if_one_had() {
    let pair = Pair::warm(ON).await;
    let fails = |ms| Act {
        wait: Duration::from_millis(ms),
        ..Act::whole(500, "application/json", b"{\"error\":{\"message\":\"x\"}}")
    };
    pair.providers[0].play(vec![fails(700), after_ms(100)]);
    pair.providers[1].play(vec![fails(400)]);
    is_well(&pair.ask(&json!({})).await, "fake1/model1");
    assert_eq!(pair.calls(), [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn dear_requests_and_spent_budgets_get_no_second_call() {
    let tool =
        json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]});
    for (settings, extra) in [
        ("", json!({})),
        (ON, json!({"max_tokens": 8_000})),
        (ON, json!({"user": "x".repeat(20_000)})),
        (ON, tool),
        ("[failover]\nhedge = true\nretry_budget_ratio = 0.0\n", json!({})),
        ("[failover]\nhedge = true\n[pace]\nenabled = false\n", json!({})),
    ] {
        let pair = Pair::warm(settings).await;
        pair.play(after_ms(2_000), after_ms(100));
        let got = pair.ask(&extra).await;
        assert_eq!(got.header("seawall-served-by"), Some("fake1/model1"), "{settings} {extra}");
        assert_eq!(pair.calls(), [1, 0], "{settings}");
    }
}

#[tokio::test(start_paused = true)]
async fn second_calls_are_earned_by_ten_first_ones_each() {
    let pair = Pair::warm(ON).await;
    pair.play(after_ms(6_000), after_ms(100));
    for _ in 0..6 {
        pair.ask(&json!({})).await;
    }
    // 45 requests have earned four of them.
    assert!((3..=5).contains(&pair.calls()[1]), "{:?}", pair.calls());
    assert_eq!(pair.calls()[0], 6, "no breaker opened for it");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_cancels_both_and_both_are_written_down() {
    let pair = Pair::warm(ON).await;
    pair.play(after_ms(6_000), after_ms(6_000));
    let (path, body) = request(CHAT, &json!({}));
    let mut io = pair.house.network.dial(GATEWAY_PORT).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    io.write_all(head.as_bytes()).await.unwrap();
    io.write_all(&body).await.unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    drop(io);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pair.calls(), [1, 1]);
    for target in ["fake1/model1", "fake2/model2"] {
        assert!(pair.counts(target, "caller_gone"), "{}", pair.house.telemetry.render());
    }
}
