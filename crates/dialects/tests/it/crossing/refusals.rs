//! A model that declines and a filter that steps in never look like an answer that is done.

use domain::{Dialect, Framing};
use serde_json::{Value, json};

use super::crossed::{completion, envelope, gathered, read_stream, write_stream};

/// The candidate that a Gemini caller gets of a whole answer of the chat.
fn whole(choice: &Value) -> Value {
    let body = json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]});
    let (completion, _) = completion(Dialect::OpenAiChat, &serde_json::to_vec(&body).unwrap());
    let reply = domain::Reply::Completion(completion);
    let written = dialects::of(Dialect::Gemini).write_whole(&reply, &envelope(Framing::Events));
    let written: Value = serde_json::from_slice(&written.body).unwrap();
    written["candidates"][0].clone()
}

/// The last candidate that he gets of a stream of these choices.
fn streamed(choices: &[Value]) -> Value {
    let event = |choice: &Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let stream: String = choices.iter().map(event).collect();
    let (events, fault) =
        read_stream(Dialect::OpenAiChat, format!("{stream}data: [DONE]\n\n").as_bytes());
    assert_eq!(fault, None);
    assert!(!gathered(events.clone()).choices.is_empty());
    let (written, _) = write_stream(Dialect::Gemini, &events, false, Framing::JsonArray);
    let written: Value = serde_json::from_slice(&written).unwrap();
    written.as_array().unwrap().last().unwrap()["candidates"][0].clone()
}

fn ends(candidate: &Value, message: &Value) {
    assert_eq!(candidate["finishReason"], "SAFETY", "{candidate}");
    assert_eq!(&candidate["finishMessage"], message, "{candidate}");
}

#[test]
fn a_refusal_of_the_chat_is_geminis_safety() {
    let declines = json!("the model declines to answer");
    for finish in ["stop", "refusal"] {
        let message = json!({"role": "assistant", "content": null, "refusal": "I can't."});
        let candidate = whole(&json!({"index": 0, "message": message, "finish_reason": finish}));
        assert_eq!(candidate["content"]["parts"][0]["text"], "I can't.");
        ends(&candidate, &declines);
        let said = json!({"index": 0, "delta": {"refusal": "I can't."}, "finish_reason": null});
        let end = json!({"index": 0, "delta": {}, "finish_reason": finish});
        ends(&streamed(&[said, end]), &declines);
    }
    // A server's own word, without a refusal beside it.
    let message = json!({"role": "assistant", "content": ""});
    let candidate = whole(&json!({"index": 0, "message": message, "finish_reason": "refusal"}));
    ends(&candidate, &declines);
}

#[test]
fn a_filter_of_the_chat_is_geminis_safety_with_its_reason() {
    let found = json!({"violence": {"filtered": true, "severity": "high"},
        "hate": {"filtered": false, "severity": "safe"}});
    let message = json!({"role": "assistant", "content": "Once"});
    let choice = |found: &Value| {
        json!({"index": 0, "message": message, "finish_reason": "content_filter",
            "content_filter_results": found})
    };
    ends(&whole(&choice(&found)), &json!("violence"));
    ends(&whole(&choice(&json!({}))), &Value::Null);
    let native = json!({"index": 0, "message": message, "finish_reason": "content_filter",
        "native_finish_reason": "RECITATION"});
    assert_eq!(whole(&native)["finishReason"], "RECITATION");
    let said = json!({"index": 0, "delta": {"content": "Once"}, "finish_reason": null});
    let end = json!({"index": 0, "delta": {}, "finish_reason": "content_filter",
        "content_filter_results": found});
    ends(&streamed(&[said, end]), &json!("violence"));
}
