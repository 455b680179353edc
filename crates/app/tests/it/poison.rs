//! Requests that bring faults about by themselves: who is told, who is spared, and what those say who
//! judge providers.

use std::time::Duration;

use tokio::time::Instant;

use crate::caller::{chat, look};
use crate::house::{House, STATUS_PORT, open, settings};
use crate::memory::Network;
use crate::provider::{Act, Provider};

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
const ASK: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const POISON: &str = r#"{"model":"m","messages":[{"role":"user","content":"poison"}]}"#;

fn well() -> Act {
    Act::whole(200, "application/json", WHOLE.as_bytes())
}

fn fails() -> Act {
    let body = br#"{"error":{"message":"provider's own words","type":"server_error","code":null}}"#;
    Act::whole(500, "application/json", body)
}

/// A provider that answers everybody but the poison.
fn start(network: &Network, port: u16) -> Provider {
    let provider = Provider::start(network, port, vec![well()]);
    provider.on_word("poison", fails());
    provider
}

/// Three ordinary requests.
async fn others(house: &House) {
    for _ in 0..3 {
        let got = chat(house, ASK).await;
        assert_eq!(got.status, 200, "{}", got.text());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_each_time_on_its_only_rung_is_found_out_where_others_are_answered() {
    let network = Network::default();
    let only = start(&network, 9001);
    let house = open(&network, &settings(&["fake1/a"], ""));
    others(&house).await;
    assert_eq!(chat(&house, POISON).await.status, 503, "it may still be an outage");
    assert_eq!(only.seen().len(), 6, "all its attempts");
    // Its failures have shut the door for a while.
    tokio::time::sleep(Duration::from_secs(6)).await;
    others(&house).await;
    for (visit, tries) in [("found out", 2), ("known", 1)] {
        let asked = only.seen().len();
        let got = chat(&house, POISON).await;
        assert_eq!(got.status, 502, "{visit}: {}", got.text());
        assert!(got.text().contains("this very request"), "{visit}: {}", got.text());
        assert_eq!(only.seen().len(), asked + tries, "{visit}");
    }
    for _ in 0..10 {
        chat(&house, POISON).await;
        others(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_answered_after_all_is_under_no_suspicion() {
    let network = Network::default();
    let only = start(&network, 9001);
    let house = open(&network, &settings(&["fake1/a"], ""));
    for _ in 0..4 {
        others(&house).await;
        only.on_word("poison", fails());
        let failing = chat(&house, POISON);
        let heals = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            only.on_word("nobody", fails());
        };
        let (got, ()) = tokio::join!(failing, heals);
        assert_eq!(got.status, 200, "it is tried again: {}", got.text());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_called_ill_for_one_request_s_own_fault() {
    for rungs in [&["fake1/a", "fake2/b"][..], &["fake1/a"]] {
        let network = Network::default();
        let _first = start(&network, 9001);
        let _second = start(&network, 9002);
        let house = open(&network, &settings(rungs, "[models.n]\nladder = [\"fake2/b\"]\n"));
        let began = Instant::now();
        for second in 1..=180 {
            others(&house).await;
            // Where nobody else is answered, nobody knows whose fault it is.
            assert_eq!(chat(&house, &ASK.replace("\"m\"", "\"n\"")).await.status, 200);
            let got = chat(&house, POISON).await;
            assert!(got.status >= 500, "{}", got.text());
            tokio::time::sleep_until(began + Duration::from_secs(second)).await;
            let page = look(&house, STATUS_PORT, "/api/v2/summary.json").await.json();
            let parts = page["components"].as_array().unwrap().iter();
            let ill = parts.filter(|part| {
                !matches!(part["status"].as_str().unwrap(), "operational" | "nothing")
            });
            assert_eq!(ill.count(), 0, "after {second} s: {page:#}");
            assert_eq!(page["incidents"], serde_json::json!([]), "after {second} s");
        }
        // What the provider said stands in the counts, and whose fault it is in the log.
        let metrics = house.telemetry.render();
        let failed =
            "seawall_attempts_total{provider=\"fake1\",model=\"a\",fault=\"server_error\"}";
        assert!(metrics.contains(failed), "{metrics}");
    }
}
