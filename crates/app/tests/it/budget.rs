//! The retry budget of one provider beside that of all, as callers and providers see it.

use crate::caller::chat;
use crate::house::open;
use crate::memory::Network;
use crate::provider::{Act, Provider};

const WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;

fn ask(model: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#)
}

/// One provider has three keys and refuses all of them for their pace; the other answers, and its
/// traffic has earned forty tries for whoever needs them.
#[tokio::test(start_paused = true)]
async fn tries_on_a_rung_s_equal_keys_are_paid_from_its_provider_s_budget() {
    let network = Network::default();
    let refusal = br#"{"error":{"message":"slow down","type":"rate_limit_error"}}"#;
    let limited =
        Provider::start(&network, 9001, vec![Act::whole(429, "application/json", refusal)]);
    let well = Act::whole(200, "application/json", WHOLE.as_bytes());
    let healthy = Provider::start(&network, 9002, vec![well]);
    let settings = r#"
        [providers.fake1]
        kind = "compatible"
        base_url = "http://fake1.test:9001/v1"
        api_keys = ["env:FAKE_KEY", "env:HOOK", "env:HOOK_SECRET"]
        [providers.fake2]
        kind = "compatible"
        base_url = "http://fake2.test:9002/v1"
        api_keys = ["env:FAKE_KEY"]
        [models.limited]
        ladder = ["fake1/a"]
        [models.healthy]
        ladder = ["fake2/a"]
        [pace]
        enabled = false
    "#;
    let house = open(&network, settings);
    for _ in 0..400 {
        assert_eq!(chat(&house, &ask("healthy")).await.status, 200);
    }
    let mut told = String::new();
    for _ in 0..30 {
        let got = chat(&house, &ask("limited")).await;
        assert_eq!(got.status, 429, "{}", got.text());
        told = got.header("seawall-why").unwrap().to_owned();
    }
    assert_eq!(healthy.seen().len(), 400);
    // Thirty requests earn three tries; ten are there for whoever has little traffic.
    assert_eq!(limited.seen().len(), 30 + 10, "with three keys each they would have been 90");
    assert!(told.contains("retry budget spent"), "{told}");
}
