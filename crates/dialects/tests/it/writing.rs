//! What we write is read back, by our own reader and as JSON.

use dialects::openai_chat::{
    StreamWriter, WholeAnswer, read_whole, write_model, write_models, write_refusal,
    write_stream_refusal, write_whole,
};
use dialects::{Refusal, RefusalKind};
use domain::{Event, Finish, Usage};
use serde_json::{Value, json};

use crate::reading::read;

const USAGE: Usage = Usage {
    input_uncached: 5,
    cache_read: 2,
    cache_write: 0,
    output: 3,
    reasoning: 0,
    estimated: false,
};

fn written(include_usage: bool) -> String {
    let mut writer = StreamWriter::new("chatcmpl-1", "a \"model\"", 1_717_484_400, include_usage);
    let mut stream = writer.start().to_vec();
    for event in
        [Event::Text("line\n\"é\"".to_owned()), Event::Finish(Finish::Stop), Event::Usage(USAGE)]
    {
        stream.extend_from_slice(&writer.event(&event));
    }
    stream.extend_from_slice(&writer.end());
    String::from_utf8(stream).unwrap()
}

fn chunks(stream: &str) -> Vec<Value> {
    let data = stream.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn a_written_stream_is_complete_and_reads_back() {
    let stream = written(true);
    assert!(stream.ends_with("data: [DONE]\n\n"));
    let back = read([stream.as_bytes()], false);
    assert_eq!(back.fault, None);
    assert_eq!((back.sight.content_deltas, back.sight.text_chars), (1, 8));
    assert_eq!(back.sight.finish, Some(Finish::Stop));
    assert_eq!(back.sight.usage, Some(USAGE));
    assert_eq!(back.sight.model.as_deref(), Some("a \"model\""));
}

#[test]
fn every_chunk_has_the_members_that_clients_need() {
    let chunks = chunks(&written(true));
    assert_eq!(chunks.len(), 4);
    for chunk in &chunks {
        assert_eq!(chunk["id"], "chatcmpl-1");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["created"], 1_717_484_400);
    }
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[1]["choices"][0]["delta"]["content"], "line\n\"é\"");
    assert_eq!(chunks[1]["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[3]["choices"], json!([]));
    assert_eq!(chunks[3]["usage"]["total_tokens"], 10);
}

#[test]
fn usage_is_written_only_if_asked_for() {
    let chunks = chunks(&written(false));
    assert_eq!(chunks.len(), 3);
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[test]
fn a_whole_answer_reads_back() {
    let answer = WholeAnswer {
        id: "chatcmpl-1",
        model: "m",
        created_unix: 7,
        text: "a\tb",
        finish: &Finish::Length,
        usage: USAGE,
    };
    let body = write_whole(&answer);
    let sight = read_whole(&body).unwrap();
    assert_eq!(
        (sight.text_chars, sight.finish, sight.usage),
        (3, Some(Finish::Length), Some(USAGE))
    );
    let value: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(value["object"], "chat.completion");
    assert_eq!(value["choices"][0]["message"]["role"], "assistant");
    assert_eq!(value["choices"][0]["index"], 0);
}

#[test]
fn refusals_have_the_form_that_sdks_know() {
    let refusal = Refusal {
        status: 503,
        kind: RefusalKind::Overloaded,
        message: "all \"rungs\" are out".to_owned(),
        param: None,
        retry_after_s: Some(200),
    };
    let value: Value = serde_json::from_slice(&write_refusal(&refusal)).unwrap();
    let wanted = json!({"error": {
        "message": "all \"rungs\" are out",
        "type": "service_unavailable_error",
        "param": null,
        "code": "server_is_overloaded",
        "retry_after_s": 200
    }});
    assert_eq!(value, wanted);
    let event = String::from_utf8(write_stream_refusal(&refusal).to_vec()).unwrap();
    let data = event.strip_prefix("data: ").and_then(|rest| rest.strip_suffix("\n\n")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), wanted);
}

#[test]
fn each_kind_of_refusal_has_its_code() {
    use RefusalKind as K;
    for (kind, code, param) in [
        (K::InvalidRequest, Value::Null, Value::Null),
        (K::ModelNotFound, json!("model_not_found"), json!("model")),
        (K::ContextLength, json!("context_length_exceeded"), json!("messages")),
        (K::Unauthorized, json!("invalid_api_key"), Value::Null),
        (K::RateLimited, json!("rate_limit_exceeded"), Value::Null),
        (K::NotFound, json!("unknown_url"), Value::Null),
    ] {
        let refusal =
            Refusal { status: 400, kind, message: String::new(), param: None, retry_after_s: None };
        let value: Value = serde_json::from_slice(&write_refusal(&refusal)).unwrap();
        assert_eq!((&value["error"]["code"], &value["error"]["param"]), (&code, &param));
        assert!(value["error"].get("retry_after_s").is_none());
    }
}

#[test]
fn models_are_listed() {
    let list: Value = serde_json::from_slice(&write_models(&[("a", "x"), ("b", "y")], 7)).unwrap();
    assert_eq!(list["object"], "list");
    let one: Value = serde_json::from_slice(&write_model("b", "y", 7)).unwrap();
    assert_eq!(list["data"][1], one);
    assert_eq!(one, json!({"id": "b", "object": "model", "created": 7, "owned_by": "y"}));
    assert_eq!(&write_models(&[], 7)[..], br#"{"object":"list","data":[]}"#);
}
