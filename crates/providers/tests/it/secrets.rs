//! A key goes to its provider and nowhere else.

use std::future::poll_fn;

use providers::{ExtraHeader, Kind};
use upstream::Body;

use crate::rig::{Act, chat, rig, secret_header, settings};

#[tokio::test]
async fn an_echoed_key_reaches_neither_log_nor_caller() {
    for kind in [Kind::OpenAi, Kind::Anthropic, Kind::Gemini, Kind::Azure, Kind::Perplexity] {
        let rig = rig(kind, |settings| {
            settings.headers = vec![secret_header("x-extra", "extra-canary")];
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

#[tokio::test]
async fn an_error_inside_a_stream_repeats_no_key() {
    let streams = [
        (Kind::OpenAi, r#"{"error":{"message":"wrong: key-canary","type":"server_error"}}"#),
        (
            Kind::Anthropic,
            r#"{"type":"error","error":{"type":"api_error","message":"wrong: key-canary"}}"#,
        ),
    ];
    for (kind, error) in streams {
        let rig = rig(kind, |_| ());
        let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
        let act = Act::events(&format!("data: {error}\n\n"));
        let answer = rig.play(act, "m", chat(body)).await.unwrap();
        let Body::Stream(mut pieces) = answer.body else { panic!("a stream was asked for") };
        let piece = poll_fn(|cx| pieces.as_mut().poll_next(cx)).await;
        let fault = piece.unwrap().unwrap_err();
        let text = format!("{fault} {fault:?}");
        assert!(text.contains("wrong") && !text.contains("canary"), "{kind:?}: {text}");
    }
}

#[tokio::test]
async fn a_plain_word_in_a_header_is_no_secret() {
    let rig = rig(Kind::OpenAi, |settings| {
        let plain = ExtraHeader { is_secret: false, ..secret_header("x-beta", "1") };
        settings.headers = vec![plain];
    });
    let body = r#"{"error":{"message":"1 of 10 tokens","type":"invalid_request_error"}}"#;
    let asked = chat(r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#);
    let fault = rig.play(Act::json(400, body), "m", asked).await.unwrap_err();
    assert!(fault.detail.contains("1 of 10 tokens"), "{fault:?}");
    assert!(fault.relayable.is_some());
}

#[test]
fn settings_show_no_key() {
    let settings = settings(Kind::Azure, |settings| {
        settings.headers = vec![secret_header("x", "header-canary")];
    });
    assert!(!format!("{settings:?}").contains("canary"));
}
