//! Anthropic: versions, betas, keys, and a counter.

use domain::{Dialect, FaultClass, Operation};
use providers::Kind;

use crate::openai::MESSAGES;
use crate::rig::{Act, chat, request, rig, secret_header, text_of};

const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Good day"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":3}}"#;
const CHAT: &str = r#"{"model":"asked","messages":[{"role":"user","content":"Hi"}]}"#;

#[tokio::test]
async fn a_callers_own_version_and_betas_go_along() {
    let rig = rig(Kind::Anthropic, |settings| {
        settings.headers = vec![secret_header("anthropic-beta", "ours")];
    });
    let mut asked = request(Dialect::Anthropic, Operation::Generate, MESSAGES);
    asked.passed.headers =
        vec![("anthropic-version", "2023-06-01".into()), ("anthropic-beta", "theirs".into())];
    asked.passed.query = Some("beta=true".into());
    let act = Act::json(200, ANSWER)
        .with("request-id", "req_1")
        .with("retry-after", "30")
        .with("anthropic-ratelimit-input-tokens-remaining", "5")
        .with("anthropic-organization-id", "acme");
    let answer = rig.play(act, "claude-sonnet-4-5", asked).await.unwrap();
    let mut names: Vec<_> = answer.head.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["anthropic-ratelimit-input-tokens-remaining", "request-id"]);
    assert_eq!(text_of(answer).await, ANSWER);
    let seen = rig.server.seen();
    assert_eq!(seen.target, "/v1/messages?beta=true");
    assert_eq!(seen.text, MESSAGES.replace("asked", "claude-sonnet-4-5"));
    assert_eq!(seen.header("anthropic-beta"), Some("ours,theirs"));
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(seen.header("x-api-key"), Some("key-canary"));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn the_newer_version_takes_the_key_as_a_bearers() {
    let rig = rig(Kind::Anthropic, |_| {});
    let mut asked = request(Dialect::Anthropic, Operation::Generate, MESSAGES);
    asked.passed.headers = vec![("anthropic-version", "2026-10-21".into())];
    rig.play(Act::json(200, ANSWER), "m", asked).await.unwrap();
    let seen = rig.server.seen();
    assert_eq!(seen.header("authorization"), Some("Bearer key-canary"));
    assert_eq!(seen.header("x-api-key"), None);
    assert_eq!(seen.header("anthropic-version"), Some("2026-10-21"));
}

#[tokio::test]
async fn callers_of_other_dialects_are_translated_under_our_version() {
    let rig = rig(Kind::Anthropic, |_| {});
    let mut asked = chat(CHAT);
    asked.passed.headers = vec![("openai-beta", "x".into())];
    let answer = rig.play(Act::json(200, ANSWER), "claude-sonnet-4-5", asked).await.unwrap();
    assert_eq!(answer.dialect, None);
    assert_eq!(text_of(answer).await, "Good day");
    let seen = rig.server.seen();
    assert_eq!(seen.target, "/v1/messages");
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(seen.header("openai-beta"), None);
    assert_eq!(seen.body["messages"][0]["role"], "user");
    assert!(seen.body["max_tokens"].is_u64(), "Anthropic wants a limit: {}", seen.text);
}

#[tokio::test]
async fn tokens_are_counted_by_the_provider_and_vectors_are_not_made() {
    let rig = rig(Kind::Anthropic, |_| {});
    let asked = request(Dialect::Anthropic, Operation::CountTokens, MESSAGES);
    let act = Act::json(200, r#"{"input_tokens":11}"#);
    let answer = rig.play(act, "m", asked).await.unwrap();
    assert_eq!(text_of(answer).await, r#"{"input_tokens":11}"#);
    assert_eq!(rig.server.seen().target, "/v1/messages/count_tokens");
    let embed = r#"{"model":"m","input":"Hi"}"#;
    let asked = request(Dialect::OpenAiChat, Operation::Embed, embed);
    assert_eq!(rig.upstream.unfit("m", &asked).as_deref(), Some("it makes no vectors"));
}

#[tokio::test]
async fn an_overload_is_told_apart_from_a_pace() {
    let rig = rig(Kind::Anthropic, |_| {});
    for (status, kind, class) in [
        (529, "overloaded_error", FaultClass::Overloaded),
        (429, "rate_limit_error", FaultClass::RateLimited),
        (401, "authentication_error", FaultClass::KeyRejected),
    ] {
        let body = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"x"}}}}"#);
        let fault = rig.play(Act::json(status, &body), "m", chat(CHAT)).await.unwrap_err();
        assert_eq!((fault.class, fault.status), (class, Some(status)));
    }
}

#[tokio::test]
async fn betas_that_are_left_behind_are_named() {
    let rig = rig(Kind::OpenAi, |_| {});
    let mut asked = request(Dialect::Anthropic, Operation::Generate, MESSAGES);
    asked.passed.headers =
        vec![("anthropic-version", "2023-06-01".into()), ("anthropic-beta", "theirs".into())];
    let answer = rig.play(Act::json(200, crate::openai::ANSWER), "m", asked).await.unwrap();
    assert!(answer.losses.iter().any(|loss| loss.field == "anthropic-beta"));
    assert_eq!(rig.server.seen().header("anthropic-beta"), None);
}
