//! Gemini: the model and the method stand in the path.

use domain::{Dialect, FaultClass, Framing, Operation, Reply};
use providers::Kind;
use upstream::Body;

use crate::rig::{Act, chat, request, request_at, rig, text_of};

const ASK: &str = r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"odd":1.50}"#;
const ANSWER: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Good day"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"totalTokenCount":6},"modelVersion":"gemini-2.5-pro"}"#;
const CHAT: &str = r#"{"model":"asked","messages":[{"role":"user","content":"Hi"}]}"#;

fn own(operation: Operation, stream: bool, body: &str) -> domain::Request {
    request_at(Dialect::Gemini, operation, body, (Some("asked"), stream))
}

#[tokio::test]
async fn a_callers_bytes_go_to_the_methods_path() {
    let rig = rig(Kind::Gemini, |_| {});
    let answer = rig.play(
        Act::json(200, ANSWER),
        "models/gemini-2.5-pro",
        own(Operation::Generate, false, ASK),
    );
    let answer = answer.await.unwrap();
    assert_eq!(text_of(answer).await, ANSWER);
    let seen = rig.server.seen();
    assert_eq!(seen.target, "/v1beta/models/gemini-2.5-pro:generateContent");
    assert_eq!(seen.text, ASK);
    assert_eq!(seen.header("x-goog-api-key"), Some("key-canary"));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn a_stream_is_always_one_of_events() {
    let rig = rig(Kind::Gemini, |_| {});
    let stream = format!("data: {ANSWER}\r\n\r\n");
    for framing in [Framing::Events, Framing::JsonArray] {
        let mut asked = own(Operation::Generate, true, ASK);
        asked.framing = framing;
        let answer = rig.play(Act::events(&stream), "a/b", asked).await.unwrap();
        assert_eq!(text_of(answer).await, stream);
        assert_eq!(rig.server.seen().target, "/v1beta/models/a%2Fb:streamGenerateContent?alt=sse");
    }
    let asked = CHAT.replace("\"model\"", "\"stream\":true,\"model\"");
    let answer = rig.play(Act::events(&stream), "m", chat(&asked)).await.unwrap();
    assert_eq!((answer.dialect, text_of(answer).await.as_str()), (None, "Good day"));
}

#[tokio::test]
async fn counting_and_vectors_have_methods_of_their_own() {
    let rig = rig(Kind::Gemini, |_| {});
    let one = r#"{"content":{"parts":[{"text":"requests"}]}}"#;
    let many = r#"{"requests":[{"model":"models/asked","content":{"parts":[{"text":"a"}]}}]}"#;
    for (operation, body, method) in [
        (Operation::CountTokens, ASK, "countTokens"),
        (Operation::Embed, one, "embedContent"),
        (Operation::Embed, many, "batchEmbedContents"),
    ] {
        let act = Act::json(500, "");
        rig.play(act, "m", own(operation, false, body)).await.unwrap_err();
        assert_eq!(rig.server.seen().target, format!("/v1beta/models/m:{method}"));
    }
}

#[tokio::test]
async fn vectors_of_another_dialect_are_asked_for_in_a_batch() {
    let rig = rig(Kind::Gemini, |_| {});
    let ask = |input: &str| {
        let body = format!(r#"{{"model":"m","input":{input}}}"#);
        request(Dialect::OpenAiChat, Operation::Embed, &body)
    };
    let act = Act::json(200, r#"{"embeddings":[{"values":[0.5,1]},{"values":[2,3]}]}"#);
    let answer = rig.play(act, "gemini-embedding-001", ask(r#"["a","b"]"#)).await.unwrap();
    let seen = rig.server.seen();
    assert_eq!(seen.target, "/v1beta/models/gemini-embedding-001:batchEmbedContents");
    assert_eq!(seen.body["requests"][1]["content"]["parts"][0]["text"], "b");
    let Body::Native(Reply::Embeddings(embeddings)) = answer.body else { panic!("{answer:?}") };
    assert_eq!(embeddings.vectors, [[0.5, 1.0], [2.0, 3.0]]);
    let said = rig.upstream.unfit("m", &ask("[[1,2]]"));
    assert_eq!(said.as_deref(), Some("token numbers mean something to their own model only"));
}

#[tokio::test]
async fn a_wait_in_the_body_is_read() {
    let rig = rig(Kind::Gemini, |_| {});
    let body = r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"26s"}]}}"#;
    let fault = rig.play(Act::json(429, body), "m", chat(CHAT)).await.unwrap_err();
    assert_eq!((fault.class, fault.retry_after_ms), (FaultClass::RateLimited, Some(26_000)));
    let body = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#;
    let fault = rig.play(Act::json(400, body), "m", chat(CHAT)).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::KeyRejected);
}
