//! OpenAI: its own dialects go through, the others are translated.

use domain::{Dialect, FaultClass, Operation, Reply};
use providers::Kind;
use upstream::Body;

use crate::rig::{Act, chat, request, rig, secret_header, text_of};

pub(crate) const ANSWER: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4.1-2025-04-14","choices":[{"index":0,"message":{"role":"assistant","content":"Good day"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;
pub(crate) const STREAM: &str = concat!(
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Good \"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"day\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);
pub(crate) const MESSAGES: &str =
    r#"{"model":"asked","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::test]
async fn a_callers_bytes_go_through_but_for_the_models_name() {
    let rig = rig(Kind::OpenAi, |settings| {
        settings.organization = Some("org-1".into());
        settings.project = Some("proj-1".into());
        settings.headers = vec![secret_header("x-shop", "a b")];
    });
    let body = r#"{"model": "asked", "messages":[{"role":"user","content":"Hi"}], "odd": 0.70}"#;
    let answer = rig
        .play(
            Act::json(200, ANSWER)
                .with("x-request-id", "r1")
                .with("openai-organization", "acme")
                .with("x-ratelimit-remaining-tokens", "7"),
            "gpt-4.1",
            chat(body),
        )
        .await
        .unwrap();
    assert_eq!(answer.dialect, Some(Dialect::OpenAiChat));
    assert!(answer.losses.is_empty());
    assert_eq!(answer.head.headers.len(), 2);
    assert_eq!(text_of(answer).await, ANSWER);
    let seen = rig.server.seen();
    assert_eq!(seen.target, "/v1/chat/completions");
    assert_eq!(seen.text, body.replace("asked", "gpt-4.1"));
    assert_eq!(seen.header("authorization"), Some("Bearer key-canary"));
    assert_eq!(seen.header("openai-organization"), Some("org-1"));
    assert_eq!(seen.header("openai-project"), Some("proj-1"));
    assert_eq!(seen.header("x-shop"), Some("a b"));
    assert_eq!(seen.header("host"), Some("there.test"));
}

#[tokio::test]
async fn usage_is_asked_for_in_streams_and_hidden_from_who_did_not_ask() {
    let rig = rig(Kind::OpenAi, |_| {});
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    let usage = "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}\n\n";
    let stream = STREAM.replace("data: [DONE]", &format!("{usage}data: [DONE]"));
    let answer = rig.play(Act::events(&stream), "m", chat(body)).await.unwrap();
    assert_eq!(text_of(answer).await, STREAM);
    assert_eq!(rig.server.seen().body["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn every_operation_has_its_path() {
    let rig = rig(Kind::OpenAi, |_| {});
    let responses = r#"{"model":"m","input":"Hi"}"#;
    let embed = r#"{"model":"m","input":"Hi"}"#;
    for (dialect, operation, body, target) in [
        (Dialect::OpenAiResponses, Operation::Generate, responses, "/v1/responses"),
        (Dialect::OpenAiChat, Operation::Embed, embed, "/v1/embeddings"),
        (Dialect::Anthropic, Operation::Generate, MESSAGES, "/v1/chat/completions"),
        (Dialect::Anthropic, Operation::CountTokens, MESSAGES, "/v1/responses/input_tokens"),
    ] {
        let act = Act::json(400, r#"{"error":{"message":"no","type":"invalid_request_error"}}"#);
        let fault = rig.play(act, "other", request(dialect, operation, body)).await.unwrap_err();
        assert_eq!(fault.class, FaultClass::CallerFault);
        let seen = rig.server.seen();
        assert_eq!(seen.target, target, "{dialect} {operation:?}");
        assert_eq!(seen.body["model"], "other");
    }
}

#[tokio::test]
async fn tokens_are_counted_for_callers_of_other_dialects() {
    let rig = rig(Kind::OpenAi, |_| {});
    let asked = request(Dialect::Anthropic, Operation::CountTokens, MESSAGES);
    let act = Act::json(200, r#"{"object":"response.input_tokens","input_tokens":11}"#);
    let answer = rig.play(act, "gpt-4.1", asked).await.unwrap();
    let Body::Native(Reply::InputTokens { count, estimated }) = answer.body else {
        panic!("{answer:?}")
    };
    assert_eq!((count, estimated), (11, false));
}

#[tokio::test]
async fn a_model_that_only_answers_in_responses_is_asked_so() {
    let rig = rig(Kind::OpenAi, |_| {});
    let act = Act::json(500, "");
    let body = r#"{"model":"o3-pro","messages":[{"role":"user","content":"Hi"}]}"#;
    rig.play(act, "o3-pro", chat(body)).await.unwrap_err();
    let seen = rig.server.seen();
    assert_eq!(seen.target, "/v1/responses");
    assert!(seen.body["input"].is_array() || seen.body["input"].is_string(), "{}", seen.text);
}

#[tokio::test]
async fn another_dialect_is_translated_both_ways() {
    let rig = rig(Kind::OpenAi, |_| {});
    let body = MESSAGES.replace("\"max_tokens\"", "\"top_k\":5,\"max_tokens\"");
    let asked = || request(Dialect::Anthropic, Operation::Generate, &body);
    let act = Act::json(200, ANSWER)
        .with("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .with("x-ratelimit-reset-requests", "1s")
        .with("x-ratelimit-limit-req-10-second", "3");
    let answer = rig.play(act, "gpt-4.1", asked()).await.unwrap();
    assert_eq!(answer.dialect, None);
    assert_eq!(answer.losses.header(), "top_k");
    let reset = &answer.head.headers["anthropic-ratelimit-requests-reset"];
    assert_eq!((reset.to_str().unwrap(), answer.head.headers.len()), ("1994-11-06T08:49:38Z", 1));
    assert_eq!(text_of(answer).await, "Good day");
    let seen = rig.server.seen();
    assert_eq!(seen.body["messages"][0]["content"], "Hello");
    assert_eq!(seen.body["model"], "gpt-4.1");
}

#[tokio::test]
async fn a_stream_is_translated_and_a_whole_answer_becomes_one() {
    let rig = rig(Kind::OpenAi, |_| {});
    let body = MESSAGES.replace("\"max_tokens\"", "\"stream\":true,\"max_tokens\"");
    let asked = || request(Dialect::Anthropic, Operation::Generate, &body);
    let answer = rig.play(Act::events(STREAM), "m", asked()).await.unwrap();
    assert_eq!(text_of(answer).await, "Good day");
    assert_eq!(rig.server.seen().body["stream"], true);
    let answer = rig.play(Act::json(200, ANSWER), "m", asked()).await.unwrap();
    assert!(matches!(answer.body, Body::Stream(_)));
    assert_eq!(text_of(answer).await, "Good day");
    // Where bytes go through there is nothing to make a stream of.
    let own = chat(r#"{"model":"m","stream":true,"messages":[]}"#);
    let fault = rig.play(Act::json(200, ANSWER), "m", own).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::Malformed);
}

#[tokio::test]
async fn each_key_has_its_own_headers_and_faults_keep_their_class() {
    let rig = rig(Kind::OpenAi, |settings| {
        settings.api_keys.push(domain::Secret::new("second"));
    });
    assert_eq!(rig.upstream.key_count(), 2);
    let own = || chat(r#"{"model":"m","messages":[]}"#);
    for (status, code, class) in [
        (429, "insufficient_quota", FaultClass::QuotaExhausted),
        (401, "invalid_api_key", FaultClass::KeyRejected),
        (429, "rate_limit_exceeded", FaultClass::RateLimited),
        (503, "server_is_overloaded", FaultClass::Overloaded),
        (404, "model_not_found", FaultClass::ModelUnknown),
    ] {
        let body = format!(r#"{{"error":{{"message":"x","type":"t","code":"{code}"}}}}"#);
        rig.server.play(Act::json(status, &body).with("retry-after", "7"));
        let fault = rig.ask_with(1, "m", own()).await.unwrap_err();
        assert_eq!((fault.class, fault.retry_after_ms), (class, Some(7000)));
        assert_eq!(rig.server.seen().header("authorization"), Some("Bearer second"));
    }
    let fault = rig.ask_with(2, "m", own()).await.unwrap_err();
    assert_eq!((fault.class, rig.server.count()), (FaultClass::Internal, 5));
}
