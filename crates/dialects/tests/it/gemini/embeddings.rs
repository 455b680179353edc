//! Vectors and counts of tokens.

use dialects::{Order, Vendor};
use domain::{EmbedInput, Embeddings, FaultClass, Framing, Full, ModelCard, Operation, Reply};
use serde_json::json;

use super::{ask, envelope, form, json as parsed, request};

fn embed(body: &str) -> domain::EmbedRequest {
    match form().read_full(&request(Operation::Embed, body)).unwrap() {
        Full::Embed(request) => request,
        other @ Full::Conversation(_) => panic!("{other:?}"),
    }
}

fn order<'a>(operation: Operation, full: &'a Full, card: &'a ModelCard) -> Order<'a> {
    Order {
        operation,
        full,
        model: "gemini-embedding-2",
        stream: false,
        vendor: Vendor::Gemini,
        card,
    }
}

#[test]
fn single_and_batch_read_alike() {
    let single = r#"{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","output_dimensionality":768}"#;
    let batch = format!(r#"{{"requests":[{single}]}}"#);
    let read = embed(single);
    assert_eq!(read.inputs, [EmbedInput::Text("a".into())]);
    assert_eq!((read.dimensions, read.task.as_deref()), (Some(768), Some("RETRIEVAL_QUERY")));
    assert_eq!(embed(&batch), read);
    assert!(dialects::embeds_batch(batch.as_bytes()));
    assert!(!dialects::embeds_batch(single.as_bytes()));
}

#[test]
fn the_request_is_always_a_batch() {
    let two = r#"{"requests":[{"model":"models/x","content":{"parts":[{"text":"a"}]},"title":"t"},{"content":{"parts":[{"text":"b"}]}}]}"#;
    let full = Full::Embed(embed(two));
    let card = ModelCard::default();
    let written = form().write_request(&order(Operation::Embed, &full, &card));
    let wanted = json!({"requests":[
        {"model":"models/gemini-embedding-2","content":{"parts":[{"text":"a"}]}},
        {"model":"models/gemini-embedding-2","content":{"parts":[{"text":"b"}]}}]});
    assert_eq!(parsed(&written.body), wanted);
    assert_eq!(written.losses.header(), "title");
}

#[test]
fn what_is_no_text_is_refused_with_its_place() {
    let image = r#"{"requests":[{"content":{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AA"}}]}}]}"#;
    let refused = form().read_full(&request(Operation::Embed, image)).unwrap_err();
    assert_eq!(refused.message, "`requests[0].content.parts[1]` is no text");
    for (body, wrong) in [
        ("{}", "`content` is missing"),
        (r#"{"content":1}"#, "`content` must be an object"),
        (r#"{"requests":{}}"#, "`requests` must be an array"),
    ] {
        let refused = form().read_outline(&ask(Operation::Embed, body.as_bytes())).unwrap_err();
        assert_eq!(refused.message, wrong);
    }
}

#[test]
fn vectors_have_the_form_that_was_asked_for() {
    let reply = Reply::Embeddings(Embeddings {
        model: None,
        vectors: vec![vec![-0.039718185, 0.25]],
        usage: None,
    });
    let mut envelope = envelope(Framing::Events);
    let batch = form().write_whole(&reply, &envelope).body;
    assert_eq!(&batch[..], br#"{"embeddings":[{"values":[-0.039718185,0.25]}]}"#);
    envelope.batch = false;
    let single = form().write_whole(&reply, &envelope).body;
    assert_eq!(&single[..], br#"{"embedding":{"values":[-0.039718185,0.25]}}"#);
    for body in [batch, single] {
        assert_eq!(form().read_whole(Operation::Embed, &body).unwrap().0, reply);
    }
    let empty = form().read_whole(Operation::Embed, b"{}").unwrap_err();
    assert_eq!(empty.class, FaultClass::Empty);
}

#[test]
fn counts_take_both_forms_of_request() {
    let plain = r#"{"contents":[{"parts":[{"text":"a"}]}]}"#;
    let whole = r#"{"generateContentRequest":{"model":"models/x","contents":[{"parts":[{"text":"a"}]}],"systemInstruction":{"parts":[{"text":"b"}]}}}"#;
    let card = ModelCard::default();
    let full = form().read_full(&request(Operation::CountTokens, plain)).unwrap();
    let written = form().write_request(&order(Operation::CountTokens, &full, &card));
    let wanted = json!({"contents":[{"role":"user","parts":[{"text":"a"}]}]});
    assert_eq!(parsed(&written.body), wanted);
    let full = form().read_full(&request(Operation::CountTokens, whole)).unwrap();
    let written = form().write_request(&order(Operation::CountTokens, &full, &card));
    let wanted = json!({"generateContentRequest":{"model":"models/gemini-embedding-2",
        "contents":[{"role":"user","parts":[{"text":"a"}]}],
        "systemInstruction":{"parts":[{"text":"b"}]}}});
    assert_eq!(parsed(&written.body), wanted);
    let reply = Reply::InputTokens { count: 12, estimated: true };
    let body = form().write_whole(&reply, &envelope(Framing::Events)).body;
    assert_eq!(&body[..], br#"{"totalTokens":12}"#);
    form().see_whole(Operation::CountTokens, &body).unwrap();
    let nothing = form().read_outline(&ask(Operation::CountTokens, b"{}")).unwrap_err();
    assert_eq!(nothing.message, "`contents` is missing");
}
