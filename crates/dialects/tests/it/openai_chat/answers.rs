//! Whole answers, read and written again.

use domain::{Choice, Completion, Content, Operation, Proof, ProofKind, Reply, Text, Thinking};
use domain::{Dialect, Media, MediaKind, MediaSource, ToolCall, ToolResult};
use serde_json::{Value, json};

use super::reading::{envelope, form, read_whole};

fn written(completion: Completion) -> (Value, String) {
    let written = form().write_whole(&Reply::Completion(completion), &envelope(false));
    (serde_json::from_slice(&written.body).unwrap(), written.losses.header())
}

fn one(content: Vec<Content>) -> Completion {
    Completion { choices: vec![Choice { content, ..Choice::default() }], ..Completion::default() }
}

#[test]
fn everything_that_the_form_holds_comes_back() {
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_717_484_400,
        "model": "a \"model\"",
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant", "content": "Good day", "refusal": null,
                "reasoning_content": "hm",
                "reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "id": "rs"}],
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1.0}"},
                     "extra_content": {"google": {"thought_signature": "s"}}},
                    {"id": "b", "type": "custom", "custom": {"name": "g", "input": "free"}},
                ],
                "annotations": [{"type": "url_citation", "url_citation":
                    {"url": "https://a", "title": "A", "start_index": 0, "end_index": 4, "content": "q"}}],
                "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}],
            },
            "logprobs": {"content": [{"token": "Good", "logprob": -0.25, "bytes": null,
                "top_logprobs": [{"token": "x", "logprob": -1.5, "bytes": null}]}], "refusal": null},
            "finish_reason": "tool_calls",
        }, {
            "index": 1,
            "message": {"role": "assistant", "content": null, "refusal": "no"},
            "logprobs": null,
            "finish_reason": "content_filter", "native_finish_reason": "violence",
        }, {
            "index": 2,
            "message": {"role": "assistant", "content": "", "refusal": null},
            "logprobs": null,
            "finish_reason": "stop", "stop_reason": "END",
        }],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 3}},
        "citations": ["https://a"],
        "search_results": [{"title": "A", "url": "https://a", "date": "2026-01-02", "snippet": "s"}],
    });
    let (completion, losses) = read_whole(answer.to_string().as_bytes()).unwrap();
    assert!(losses.is_empty(), "{losses:?}");
    let (back, lost) = written(completion);
    assert_eq!(lost, "");
    assert_eq!(back, answer);
}

#[test]
fn texts_follow_one_another_as_in_a_stream() {
    let cited = |text: &str| {
        let citation = domain::Citation {
            url: Some("u".into()),
            span: Some((0, 1)),
            ..domain::Citation::default()
        };
        Content::Text(Text { text: text.to_owned(), citations: vec![citation], cache: None })
    };
    let (value, _) = written(one(vec![cited("éa"), cited("b")]));
    let message = &value["choices"][0]["message"];
    assert_eq!(message["content"], "éab");
    assert_eq!(message["annotations"][1]["url_citation"]["start_index"], 2);
    assert_eq!(value["usage"], Value::Null);
    assert_eq!(value["choices"][0]["finish_reason"], "stop");
}

#[test]
fn what_has_no_place_is_named() {
    let proof = Proof {
        dialect: Dialect::Anthropic,
        kind: ProofKind::Signature,
        id: None,
        data: "s".into(),
    };
    let document = Media {
        kind: MediaKind::Document,
        source: MediaSource::Text("x".into()),
        mime: None,
        name: None,
        detail: None,
        cache: None,
    };
    let foreign = domain::Foreign {
        dialect: Dialect::Anthropic,
        kind: "server_tool_use".into(),
        json: domain::Json::new("{}"),
    };
    let (value, losses) = written(one(vec![
        Content::Thinking(Thinking { text: "hm".to_owned(), proof: Some(proof) }),
        Content::Media(document),
        Content::ToolResult(ToolResult::default()),
        Content::Foreign(foreign),
        Content::ToolCall(ToolCall { name: "f".into(), ..ToolCall::default() }),
    ]));
    assert_eq!(losses, "thinking.signature,document,tool_result,content.server_tool_use");
    let message = &value["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&Value::Null, &json!("hm")));
    assert_eq!(message["tool_calls"][0]["id"], "call_1_0_0");
    assert_eq!(value["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn a_spoken_answer_keeps_its_sound() {
    let sound = Media {
        kind: MediaKind::Audio,
        source: MediaSource::Base64("QUJD".into()),
        mime: None,
        name: Some("au".into()),
        detail: None,
        cache: None,
    };
    let (value, losses) = written(one(vec![Content::Media(sound)]));
    assert_eq!(losses, "");
    let audio = json!({"id": "au", "data": "QUJD", "expires_at": 0, "transcript": ""});
    assert_eq!(value["choices"][0]["message"]["audio"], audio);
    assert_eq!(value["choices"][0]["message"]["content"], Value::Null);
    let _sight = form().see_whole(Operation::Generate, value.to_string().as_bytes()).unwrap();
}
