//! Compatible servers: what they speak is told by the operator.

use domain::{Dialect, Operation};
use providers::{Kind, Speaks};

use crate::openai::{ANSWER, MESSAGES};
use crate::rig::{Act, chat, request, rig, text_of};

const RESPONSES: &str = r#"{"model":"m","input":"Hi"}"#;

#[tokio::test]
async fn responses_are_translated_unless_they_are_spoken() {
    let asked = || request(Dialect::OpenAiResponses, Operation::Generate, RESPONSES);
    let rig_of = |responses| {
        rig(Kind::Compatible, |settings| {
            settings.speaks = Speaks { responses, ..Speaks::default() }
        })
    };
    let without = rig_of(false);
    let answer = without.play(Act::json(200, ANSWER), "m", asked()).await.unwrap();
    assert_eq!((answer.dialect, text_of(answer).await.as_str()), (None, "Good day"));
    assert_eq!(without.server.seen().target, "/v1/chat/completions");
    let with = rig_of(true);
    with.play(Act::json(500, ""), "m", asked()).await.unwrap_err();
    assert_eq!(with.server.seen().target, "/v1/responses");
    assert_eq!(with.server.seen().text, RESPONSES);
}

#[tokio::test]
async fn what_is_not_spoken_is_not_asked() {
    let rig = rig(Kind::Compatible, |settings| {
        settings.speaks = Speaks { embeddings: false, ..Speaks::default() };
    });
    let embed = request(Dialect::OpenAiChat, Operation::Embed, RESPONSES);
    assert_eq!(rig.upstream.unfit("m", &embed).as_deref(), Some("it makes no vectors"));
    let count = request(Dialect::Anthropic, Operation::CountTokens, MESSAGES);
    let answer = rig.ask("m", count).await.unwrap();
    assert_eq!(answer.losses.header(), "input_tokens");
    assert_eq!(rig.server.count(), 0);
}

#[tokio::test]
async fn a_server_without_a_key_gets_none_and_streams_are_asked_as_the_caller_asks() {
    let rig = rig(Kind::Compatible, |settings| settings.api_keys.clear());
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    rig.play(Act::json(500, ""), "m", chat(body)).await.unwrap_err();
    let seen = rig.server.seen();
    assert_eq!((seen.text.as_str(), seen.header("authorization")), (body, None));
    assert_eq!(rig.upstream.card("m"), None);
}
