//! Pacing and the waiting room as callers meet them, told as stories on virtual time.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::caller::{Got, chat};
use crate::house::{House, open, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
/// One call at a time.
const ONE: &str = "[pace]\nenabled = true\ncalls_start = 1\ncalls_min = 1\ncalls_max = 1\n";

fn slow() -> Act {
    let act = Act::whole(200, "application/json", WHOLE.as_bytes());
    Act { wait: Duration::from_secs(2), ..act }
}

fn open_one(network: &Network, rungs: &[&str], more: &str) -> House {
    open(network, &settings(rungs, &format!("{ONE}{more}")))
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_place_waits_and_is_answered_in_turn() {
    let network = Network::default();
    let provider = Provider::start(&network, 9001, vec![slow()]);
    let house = open_one(&network, &["fake1/a"], "");
    let started = Instant::now();
    let timed = || async {
        let got = chat(&house, ASK).await;
        (got, started.elapsed())
    };
    let (a, b, c) = tokio::join!(timed(), timed(), timed());
    let mut took: Vec<u64> = Vec::new();
    for (got, span) in [a, b, c] {
        assert_eq!(got.status, 200, "{}", got.text());
        took.push(span.as_secs());
    }
    took.sort_unstable();
    assert_eq!(took, [2, 4, 6], "one after the other, each as soon as there is a place");
    assert_eq!(provider.seen().len(), 3, "nobody was asked in vain");
}

#[tokio::test(start_paused = true)]
async fn a_full_room_says_at_once_when_to_come_again() {
    let network = Network::default();
    let provider = Provider::start(&network, 9001, vec![slow()]);
    let house = open_one(&network, &["fake1/a"], "[waiting_room]\nwaiters_max = 0\n");
    let started = Instant::now();
    let first = chat(&house, ASK);
    let second = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let got = chat(&house, ASK).await;
        (got, started.elapsed())
    };
    let (first, (second, took)) = tokio::join!(first, second);
    assert_eq!(first.status, 200);
    assert!(matches!(second.status, 429 | 503), "{} {}", second.status, second.text());
    let again: u64 = second.header("retry-after").expect("when to come again").parse().unwrap();
    assert!((1..=60).contains(&again), "{again} s");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(provider.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_first_choice_spills_onto_the_next() {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![slow()]);
    let second = Provider::start(&network, 9002, vec![slow()]);
    let house = open_one(&network, &["fake1/a", "fake2/b"], "");
    let started = Instant::now();
    let (a, b) = tokio::join!(chat(&house, ASK), chat(&house, ASK));
    assert_eq!((a.status, b.status), (200, 200));
    assert!(started.elapsed() < Duration::from_secs(3), "nobody waits while there is a place");
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_pacing_every_call_goes_out_at_once() {
    let network = Network::default();
    let provider = Provider::start(&network, 9001, vec![slow()]);
    let more = ONE.replace("true", "false");
    let house = open(&network, &settings(&["fake1/a"], &more));
    let started = Instant::now();
    let (a, b) = tokio::join!(chat(&house, ASK), chat(&house, ASK));
    assert_eq!((a.status, b.status), (200, 200));
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(provider.seen().len(), 2);
}

fn streamed(first_word: Duration) -> Act {
    let words = format!(
        "data: {}\n\ndata: [DONE]\n\n",
        r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"x","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}"#
    );
    Act { wait: first_word, ..Act::stream(vec![words.into_bytes()]) }
}

/// So many calls at the same time.
async fn crowd(house: &House, calls: usize) -> Vec<Got> {
    let ask = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let mut open: Vec<_> = (0..calls).map(|_| Box::pin(chat(house, ask))).collect();
    let mut got = Vec::new();
    poll_fn(|context| {
        open.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Ready(answer) => {
                got.push(answer);
                false
            }
            Poll::Pending => true,
        });
        if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    got
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_provider_that_is_merely_slower_than_it_was() {
    let network = Network::default();
    let provider = Provider::start(&network, 9001, vec![streamed(Duration::from_millis(100))]);
    let house = open(&network, &settings(&["fake1/a"], "[pace]\nenabled = true\n"));
    for _ in 0..5 {
        crowd(&house, 30).await;
    }
    let waited = |got: &[Got]| {
        let why = |one: &&Got| one.header("seawall-why").unwrap_or_default().contains("wait");
        got.iter().filter(why).count()
    };
    // Much slower than is expected, and still a quarter of what the clock allows.
    provider.play(vec![streamed(Duration::from_millis(2_500))]);
    for round in 0..12 {
        let got = crowd(&house, 50).await;
        assert!(got.iter().all(|one| one.status == 200));
        assert_eq!(waited(&got), 0, "round {round}");
    }
    // So slow that more of it helps nobody: whoever comes now stands in our line, not in theirs.
    provider.play(vec![streamed(Duration::from_millis(8_000))]);
    let mut told_to_wait = 0;
    for _ in 0..6 {
        told_to_wait += waited(&crowd(&house, 50).await);
    }
    assert!(told_to_wait > 0, "the limit never came down");
}
