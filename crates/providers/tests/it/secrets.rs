//! A key goes to its provider and nowhere else.

use domain::Secret;
use providers::Kind;

use crate::rig::{Act, chat, rig, settings};

#[tokio::test]
async fn an_echoed_key_reaches_neither_log_nor_caller() {
    for kind in [Kind::OpenAi, Kind::Anthropic, Kind::Gemini, Kind::Azure, Kind::Perplexity] {
        let rig = rig(kind, |settings| {
            settings.headers = vec![("x-extra".into(), Secret::new("extra-canary"))];
        });
        assert!(!format!("{:?}", rig.upstream).contains("canary"));
        for status in [400, 401, 429, 500] {
            let body = r#"{"error":{"message":"wrong: key-canary extra-canary","type":"invalid_request_error","code":null,"status":"INVALID_ARGUMENT"}}"#;
            let asked = chat(r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#);
            let act = Act::json(status, body).with("x-request-id", "key-canary");
            let fault = rig.play(act, "m", asked).await.unwrap_err();
            let relayed = fault.relayable.as_ref().map(|relayable| relayable.body.clone());
            let text = format!("{fault} {fault:?} {relayed:?}");
            assert!(!text.contains("canary"), "{kind:?} {status}: {text}");
        }
    }
}

#[test]
fn settings_show_no_key() {
    let settings = settings(Kind::Azure, |settings| {
        settings.headers = vec![("x".into(), Secret::new("header-canary"))];
    });
    assert!(!format!("{settings:?}").contains("canary"));
}
