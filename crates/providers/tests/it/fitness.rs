//! Which requests a rung passes over, and why.

use domain::{Dialect, ModelCard, Needs, Operation, Request};
use providers::Kind;

use crate::openai::MESSAGES;
use crate::rig::{Rig, chat, request, rig};

fn blind() -> Rig {
    rig(Kind::OpenAi, |settings| {
        let card = ModelCard {
            cannot: Needs::IMAGES | Needs::TOOLS | Needs::REASONING,
            context_tokens_max: Some(100),
            ..ModelCard::default()
        };
        settings.cards = vec![("blind".into(), card)];
    })
}

fn why(rig: &Rig, model: &str, request: &Request) -> Option<String> {
    rig.upstream.unfit(model, request).map(String::from)
}

#[tokio::test]
async fn what_a_model_is_known_not_to_serve_is_told() {
    let rig = blind();
    let tools = chat(
        r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f"}}]}"#,
    );
    assert_eq!(why(&rig, "blind", &tools).as_deref(), Some("it cannot do: tools"));
    assert_eq!(why(&rig, "unknown", &tools), None);
    let image = chat(
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/i.png"}}]}]}"#,
    );
    assert_eq!(why(&rig, "blind", &image).as_deref(), Some("it cannot do: images"));
    assert_eq!(why(&rig, "gpt-4.1", &image), None);
    // A word is no picture.
    let word = chat(r#"{"model":"m","messages":[{"role":"user","content":"an image, please"}]}"#);
    assert_eq!(why(&rig, "blind", &word), None);
    let effort = chat(r#"{"model":"m","messages":[],"reasoning_effort":"high"}"#);
    assert_eq!(why(&rig, "blind", &effort), None);
}

#[tokio::test]
async fn only_a_request_far_beyond_the_context_is_passed_over() {
    let rig = blind();
    let long = |bytes: usize| {
        let text = "x".repeat(bytes);
        chat(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}}]}}"#))
    };
    assert_eq!(why(&rig, "blind", &long(700)), None);
    let said = why(&rig, "blind", &long(1000));
    assert_eq!(said.as_deref(), Some("the request is far longer than its context"));
}

#[tokio::test]
async fn what_a_translation_must_leave_behind_is_no_small_loss() {
    let claude = rig(Kind::Anthropic, |_| {});
    let audio = chat(
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}"#,
    );
    assert_eq!(why(&claude, "m", &audio).as_deref(), Some("it cannot do: audio"));
    let stored = request(
        Dialect::OpenAiResponses,
        Operation::Generate,
        r#"{"model":"m","input":"Hi","previous_response_id":"resp_1"}"#,
    );
    let said = why(&claude, "m", &stored).unwrap();
    assert!(said.contains("`previous_response_id`"), "{said}");
    let container = MESSAGES.replace("\"max_tokens\"", "\"container\":\"c1\",\"max_tokens\"");
    let container = request(Dialect::Anthropic, Operation::Generate, &container);
    let said = why(&rig(Kind::OpenAi, |_| {}), "m", &container);
    assert_eq!(said.as_deref(), Some("`container` means something to its own provider only"));
    assert_eq!(why(&claude, "m", &container), None);
    let openai = rig(Kind::OpenAi, |_| {});
    assert_eq!(why(&openai, "m", &stored), None);
    let file = chat(
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]}"#,
    );
    let said = why(&claude, "m", &file);
    assert_eq!(said.as_deref(), Some("a file of the request lies at another provider"));
    assert_eq!(why(&openai, "m", &file), None);
}

#[tokio::test]
async fn what_cannot_be_read_cannot_be_translated() {
    let claude = rig(Kind::Anthropic, |_| {});
    let broken = chat(r#"{"model":"m","messages":[{"role":"nobody","content":"Hi"}]}"#);
    let said = why(&claude, "m", &broken).unwrap();
    assert!(said.starts_with("it cannot be translated: "), "{said}");
    assert_eq!(why(&rig(Kind::OpenAi, |_| {}), "m", &broken), None);
}

#[tokio::test]
async fn a_document_that_would_not_arrive_is_shown_to_somebody_else() {
    let pdf = r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}"#;
    let linked = r#"{"type":"document","source":{"type":"url","url":"https://x.example/a.pdf"}}"#;
    let asked = |block: &str| {
        let body = format!(
            r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{block}]}}]}}"#
        );
        request(Dialect::Anthropic, Operation::Generate, &body)
    };
    let cannot = Some("the request's document cannot be carried there");
    for (kind, of_base64, of_url) in [
        (Kind::OpenAi, None, cannot),
        (Kind::Azure, None, cannot),
        (Kind::Gemini, None, None),
        (Kind::Perplexity, cannot, cannot),
        (Kind::Anthropic, None, None),
    ] {
        let rig = rig(kind, |_| {});
        assert_eq!(why(&rig, "a/b", &asked(pdf)).as_deref(), of_base64, "{kind:?}");
        assert_eq!(why(&rig, "a/b", &asked(linked)).as_deref(), of_url, "{kind:?}");
    }
}
