//! Azure: deployments in the path, versions in the query, keys and tokens.

use domain::{Dialect, FaultClass, Operation, Secret};
use providers::Kind;

use crate::openai::{ANSWER, MESSAGES, STREAM};
use crate::rig::{Act, chat, request, rig, text_of};

const CHAT: &str = r#"{"model":"asked","messages":[{"role":"user","content":"Hi"}]}"#;

#[tokio::test]
async fn a_model_is_its_deployment_in_a_path_that_nothing_leaves() {
    let rig = rig(Kind::Azure, |settings| {
        settings.deployments = vec![("gpt-4.1".into(), "chat eu".into())];
    });
    let answer = rig.play(Act::json(200, ANSWER), "gpt-4.1", chat(CHAT)).await.unwrap();
    assert_eq!(text_of(answer).await, ANSWER);
    let seen = rig.server.seen();
    assert_eq!(
        seen.target,
        "/openai/deployments/chat%20eu/chat/completions?api-version=2024-10-21"
    );
    assert_eq!(seen.header("api-key"), Some("key-canary"));
    assert_eq!(seen.header("authorization"), None);
    rig.play(Act::json(200, ANSWER), "../../x?y", chat(CHAT)).await.unwrap();
    assert!(rig.server.seen().target.starts_with("/openai/deployments/..%2F..%2Fx%3Fy/chat/"));
    assert_eq!(rig.upstream.card("gpt-4.1").unwrap().output_tokens_max, Some(32_768));
}

#[tokio::test]
async fn responses_and_vectors_have_their_own_paths() {
    let rig = rig(Kind::Azure, |settings| {
        settings.api_version = Some("2025-01-01-preview".into());
        settings.deployments = vec![("m".into(), "d".into())];
    });
    let body = r#"{"model":"m","input":"Hi"}"#;
    for (dialect, operation, target) in [
        (Dialect::OpenAiResponses, Operation::Generate, "/openai/v1/responses"),
        (
            Dialect::OpenAiChat,
            Operation::Embed,
            "/openai/deployments/d/embeddings?api-version=2025-01-01-preview",
        ),
    ] {
        rig.play(Act::json(500, ""), "m", request(dialect, operation, body)).await.unwrap_err();
        assert_eq!(rig.server.seen().target, target);
        assert_eq!(rig.server.seen().body["model"], "d");
    }
}

#[tokio::test]
async fn tokens_are_estimated_and_the_estimate_is_told() {
    let rig = rig(Kind::Azure, |_| {});
    let asked = request(Dialect::Anthropic, Operation::CountTokens, MESSAGES);
    assert_eq!(rig.upstream.unfit("m", &asked), None);
    let answer = rig.ask("m", asked).await.unwrap();
    assert_eq!(answer.losses.header(), "input_tokens");
    let told = text_of(answer).await;
    assert!(told.contains("InputTokens") && told.contains("estimated: true"), "{told}");
    assert_eq!(rig.server.count(), 0);
}

#[tokio::test]
async fn a_filtered_prompt_keeps_its_reason_and_filter_chunks_are_borne() {
    let rig = rig(Kind::Azure, |_| {});
    let filtered = r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#;
    let fault = rig.play(Act::json(400, filtered), "m", chat(CHAT)).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::ContentFilter);
    let relayable = fault.relayable.unwrap();
    assert_eq!(
        (relayable.body.as_deref(), relayable.dialect),
        (Some(filtered.as_bytes()), Dialect::OpenAiChat)
    );
    let first = "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{}}]}\n\n";
    let stream = format!("{first}{STREAM}");
    let asked = CHAT.replace("\"model\"", "\"stream\":true,\"model\"");
    let answer = rig.play(Act::events(&stream), "m", chat(&asked)).await.unwrap();
    assert_eq!(text_of(answer).await, stream);
}

#[tokio::test]
async fn a_token_of_a_file_is_a_bearers_and_stays_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "token-canary\n").unwrap();
    let rig = rig(Kind::Azure, |settings| {
        settings.api_keys = Vec::<Secret>::new();
        settings.entra_token_file = Some(path.clone());
    });
    assert_eq!(rig.upstream.key_count(), 1);
    let act = Act::json(200, ANSWER).with("x-request-id", "token-canary");
    let answer = rig.play(act, "m", chat(CHAT)).await.unwrap();
    assert!(answer.head.headers.is_empty());
    assert_eq!(rig.server.seen().header("authorization"), Some("Bearer token-canary"));
    assert_eq!(rig.server.seen().header("api-key"), None);
    let refused = r#"{"error":{"message":"token-canary is not valid","code":"401"}}"#;
    let fault = rig.play(Act::json(401, refused), "m", chat(CHAT)).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::KeyRejected);
    assert!(!format!("{fault:?}{:?}", rig.upstream).contains("canary"), "{fault:?}");
}
