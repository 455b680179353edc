//! How the ends of streams are judged, and what a judgement on one route means for others.

use std::time::Duration;

use domain::{Dialect, Event, Finish};
use serde_json::json;

use crate::caller::{Got, ask, chat};
use crate::house::{House, open, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};
use crate::takeover::{chunks, ladder, read, request, says};

const CHAT: Dialect = Dialect::OpenAiChat;
const TEXT: &str = "One by one the small boats come in from the sea, and the old men on the wall count \
    them as they have done on every evening of their lives, without a word.";

/// The text, a word a second.
fn crawls() -> Act {
    let mut events: Vec<Event> = TEXT.split_inclusive(' ').map(Event::text).collect();
    events.push(Event::finish(Finish::Stop));
    Act { chunk_wait: Duration::from_secs(1), ..Act::stream(chunks(CHAT, &events, true)) }
}

async fn stream(house: &House) -> Got {
    let (path, body) = request(CHAT, &json!({}));
    ask(house, "POST", &path, &[("content-type", "application/json")], &body).await
}

fn has(house: &House, line: &str) {
    let metrics = house.telemetry.render();
    assert!(metrics.lines().any(|known| known == line), "{line}\n{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_crawling_stream_is_taken_over() {
    let network = Network::default();
    let _first = Provider::start(&network, 9001, vec![crawls()]);
    let second = Provider::start(&network, 9002, vec![says(CHAT, TEXT)]);
    let house = open(&network, &ladder(&[CHAT, CHAT], ""));
    let began = tokio::time::Instant::now();
    let got = read(CHAT, &stream(&house).await);
    assert_eq!((got.text.as_str(), got.finish.len()), (TEXT, 1), "{}", got.raw);
    assert!(
        got.raw.contains(": seawall takeover from=fake1/model1 to=fake2/model2"),
        "{}",
        got.raw
    );
    assert!(began.elapsed() < Duration::from_secs(22), "{:?}", began.elapsed());
    assert_eq!(second.seen().len(), 1);
    has(&house, "seawall_attempts_total{provider=\"fake1\",model=\"model1\",fault=\"crawling\"} 1");
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_can_take_over_ends_well_and_is_judged_all_the_same() {
    for (rungs, more) in [(1, ""), (2, "[clocks]\ncrawl_ms_max = 0\n")] {
        let network = Network::default();
        let _first = Provider::start(&network, 9001, vec![crawls()]);
        let second = Provider::start(&network, 9002, vec![says(CHAT, TEXT)]);
        let house = open(&network, &ladder(&[CHAT, CHAT][..rungs], more));
        let got = read(CHAT, &stream(&house).await);
        assert_eq!((got.text.as_str(), got.finish.len()), (TEXT, 1), "{}", got.raw);
        assert_eq!(second.seen().len(), 0);
        has(
            &house,
            "seawall_attempts_total{provider=\"fake1\",model=\"model1\",fault=\"crawling\"} 1",
        );
        has(&house, "seawall_stream_outcomes_total{outcome=\"crawled\"} 1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_at_its_spend_limit_is_asked_for_no_model_any_more() {
    let network = Network::default();
    let refusal = br#"{"error":{"type":"enforced_spend_limit_reached","message":"limit"}}"#;
    let script = vec![Act::whole(429, "application/json", refusal), says(CHAT, TEXT)];
    let first = Provider::start(&network, 9001, script);
    let second = Provider::start(&network, 9002, vec![says(CHAT, TEXT)]);
    let more = "[models.other]\nladder = [\"fake1/b\", \"fake2/b\"]\n";
    let house = open(&network, &settings(&["fake1/a", "fake2/a"], more));
    for model in ["m", "other", "m"] {
        let body = json!({"model": model, "stream": true,
            "messages": [{"role": "user", "content": "hi"}]});
        let got = chat(&house, &body.to_string()).await;
        assert_eq!(got.status, 200, "{}", got.text());
        assert!(got.header("seawall-served-by").unwrap().starts_with("fake2/"));
    }
    assert_eq!((first.seen().len(), second.seen().len()), (1, 3));
    has(&house, "seawall_attempts_total{provider=\"fake1\",model=\"a\",fault=\"spend_limit\"} 1");
}

#[tokio::test(start_paused = true)]
async fn a_provider_whose_models_are_mostly_down_is_asked_for_the_others_with_a_probe_first() {
    let network = Network::default();
    let down = Act::whole(500, "application/json", b"{\"error\":{\"message\":\"x\"}}");
    let first = Provider::start(&network, 9001, vec![says(CHAT, TEXT), down.clone()]);
    let _second = Provider::start(&network, 9002, vec![says(CHAT, TEXT)]);
    let more = "[models.b]\nladder = [\"fake1/b\", \"fake2/b\"]\n\
        [models.c]\nladder = [\"fake1/c\", \"fake2/c\"]\n";
    let house = open(&network, &settings(&["fake1/a", "fake2/a"], more));
    let ask_for = |model: &str| {
        json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "hi"}]})
            .to_string()
    };
    assert_eq!(chat(&house, &ask_for("c")).await.header("seawall-served-by"), Some("fake1/c"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    for model in ["m", "m", "b", "b"] {
        chat(&house, &ask_for(model)).await;
    }
    let slow = Act { wait: Duration::from_secs(2), ..says(CHAT, TEXT) };
    first.play(vec![slow]);
    let before = first.seen().len();
    let body = ask_for("c");
    let (one, other) = tokio::join!(chat(&house, &body), chat(&house, &body));
    let served = [&one, &other].map(|got| got.header("seawall-served-by").unwrap().to_owned());
    assert!(
        served.contains(&"fake1/c".to_owned()) && served.contains(&"fake2/c".to_owned()),
        "{served:?}"
    );
    assert_eq!(first.seen().len() - before, 1, "one probe, and no more before it is back");
    assert_eq!(chat(&house, &body).await.header("seawall-served-by"), Some("fake1/c"));
}
