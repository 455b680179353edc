//! Verdicts that act on the line, told as stories on virtual time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::caller::{Got, chat, look};
use crate::house::{CONSOLE_PORT, House, open, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const WORD: &str = "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n";
/// Another model of the same provider, with a ladder of its own.
const OTHER: &str = "[models.n]\nladder = [\"fake1/z\", \"fake2/b\"]\n";

fn ask_of(model: &str, stream: bool) -> String {
    let ask = r#","messages":[{"role":"user","content":"hi"}]}"#;
    format!("{{\"model\":\"{model}\",\"stream\":{stream}{ask}")
}

fn well() -> Act {
    Act::whole(200, "application/json", WHOLE.as_bytes())
}

async fn is_so(house: &House, certainty: &str) -> bool {
    let metrics = look(house, CONSOLE_PORT, "/metrics").await.text();
    ["down", "degraded"].iter().any(|health| {
        metrics.contains(&format!(
            "seawall_verdict{{component=\"fake1/chat\",health=\"{health}\",certainty=\"{certainty}\"}} 1"
        ))
    })
}

/// The first provider falls with one model; then the other model is asked for, for the first time.
async fn asked_after_an_outage(more: &str) -> (Got, usize) {
    let network = Network::default();
    let failing = Act::whole(503, "application/json", br#"{"error":{"message":"no"}}"#);
    let first = Provider::start(&network, 9001, vec![well()]);
    let _second = Provider::start(&network, 9002, vec![well()]);
    let house = open(&network, &settings(&["fake1/a", "fake2/b"], &format!("{OTHER}{more}")));
    for second in 0..240 {
        if second == 60 {
            first.play(vec![failing.clone()]);
        }
        chat(&house, &ask_of("m", false)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if second > 60 && is_so(&house, "confirmed").await {
            break;
        }
    }
    assert!(is_so(&house, "confirmed").await, "the outage is sure");
    let asked = |of: &Provider| {
        let seen = of.seen();
        seen.iter().filter(|seen| String::from_utf8_lossy(&seen.body).contains("\"z\"")).count()
    };
    let got = chat(&house, &ask_of("n", false)).await;
    (got, asked(&first))
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_outage_shuts_the_doors_of_rungs_that_nobody_asked_yet() {
    let (got, asked) = asked_after_an_outage("").await;
    assert_eq!((got.status, asked), (200, 0));
    let why = got.header("seawall-why").unwrap();
    assert!(why.contains("fake1/z passed over: outage confirmed"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn verdicts_that_are_not_to_act_shut_nothing() {
    let (got, asked) = asked_after_an_outage("[lookout]\nacts = false\n").await;
    assert_eq!(got.status, 200);
    assert!(asked > 0, "{:?}", got.header("seawall-why"));
}

#[tokio::test(start_paused = true)]
async fn silence_is_suspected_before_the_clock_of_the_first_word_runs_out() {
    let network = Network::default();
    let speaking = Act::stream(vec![WORD.into(), b"data: [DONE]\n\n".to_vec()]);
    let first = Provider::start(&network, 9001, vec![speaking]);
    let _second = Provider::start(&network, 9002, vec![well()]);
    let house = Arc::new(open(&network, &settings(&["fake1/a", "fake2/b"], "")));
    for _ in 0..150 {
        chat(&house, &ask_of("m", true)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(!is_so(&house, "suspected").await);
    first.play(vec![Act { hang: true, ..Act::default() }]);
    let fell = Instant::now();
    while !is_so(&house, "suspected").await {
        let house = house.clone();
        tokio::spawn(async move { chat(&house, &ask_of("m", true)).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(fell.elapsed() < Duration::from_secs(10), "no call has failed until then");
    }
    println!("silence is suspected after {:?}", fell.elapsed());
}

/// Seconds until a full outage of the first provider is sure at ten calls a second, which the second
/// one answers after twenty seconds; and how often the first one was asked in vain by then.
async fn sure_after(more: &str) -> (Option<u64>, usize) {
    let network = Network::default();
    let first = Provider::start(&network, 9001, vec![well()]);
    let slow = Act { wait: Duration::from_secs(20), ..well() };
    let _second = Provider::start(&network, 9002, vec![slow]);
    let house = Arc::new(open(&network, &settings(&["fake1/a", "fake2/b"], more)));
    let asked = Arc::clone(&house);
    let asking = tokio::spawn(async move {
        loop {
            let house = Arc::clone(&asked);
            tokio::spawn(async move { drop(chat(&house, &ask_of("m", false)).await) });
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    first.play(vec![Act::whole(500, "application/json", br#"{"error":{"message":"no"}}"#)]);
    let (before, began) = (first.seen().len(), Instant::now());
    let mut sure = None;
    while sure.is_none() && began.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        sure = is_so(&house, "confirmed").await.then(|| began.elapsed().as_secs());
    }
    asking.abort();
    (sure, first.seen().len() - before)
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_sure_before_those_who_met_it_are_answered_elsewhere() {
    let (sure, asked) = sure_after("").await;
    println!("sure after {sure:?} s, by {asked} calls");
    assert!(sure.is_some_and(|seconds| seconds <= 15), "{sure:?}");
    assert!((5..=15).contains(&asked), "few calls are spent on it: {asked}");
    let (sure, asked) = sure_after("[lookout]\nacts = false\n").await;
    println!("with doors that are left to themselves: {sure:?} s, {asked} calls");
    assert!(sure.is_none_or(|seconds| seconds > 15), "{sure:?}");
}
