//! What the official clients demand of a stream, as a reader that refuses everything else.

use serde_json::Value;

/// The message that a client makes of the stream.
///
/// # Panics
/// If a rule is broken.
pub(crate) fn message_of(stream: &str) -> Value {
    assert!(stream.ends_with("\n\n"));
    let mut message: Option<Value> = None;
    let mut open: Option<(usize, String)> = None;
    let mut json = String::new();
    let (mut ended, mut stopped) = (false, false);
    for event in stream.trim_end().split("\n\n") {
        let lines: Vec<&str> = event.lines().collect();
        assert_eq!(lines.len(), 2, "{event}");
        let name = lines[0].strip_prefix("event: ").unwrap();
        let data: Value = serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], name);
        assert!(!stopped, "something follows the end: {event}");
        if name == "ping" {
            continue;
        }
        if name == "message_start" {
            assert!(message.is_none(), "a second start");
            let start = &data["message"];
            assert_eq!(start["content"], Value::Array(Vec::new()));
            assert!(start["stop_reason"].is_null() && start["usage"]["input_tokens"].is_u64());
            assert!(start["usage"]["output_tokens"].is_u64());
            assert!(start["id"].as_str().unwrap().starts_with("msg_"));
            assert_eq!((&start["role"], &start["type"]), (&"assistant".into(), &"message".into()));
            message = Some(start.clone());
            continue;
        }
        let message = message.as_mut().expect("nothing comes before the start");
        let content = message["content"].as_array_mut().unwrap();
        let index = data["index"].as_u64().map(|index| usize::try_from(index).unwrap());
        match name {
            "content_block_start" => {
                assert!(open.is_none() && !ended, "a block inside of a block");
                assert_eq!(index, Some(content.len()));
                let block = data["content_block"].clone();
                open = Some((content.len(), block["type"].as_str().unwrap().to_owned()));
                content.push(block);
                json.clear();
            }
            "content_block_delta" => {
                let (at, kind) = open.as_ref().expect("content block not found");
                assert_eq!(index, Some(*at));
                take_delta(&mut content[*at], kind, &data["delta"], &mut json);
            }
            "content_block_stop" => {
                let (at, kind) = open.take().expect("content block not found");
                assert_eq!(index, Some(at));
                if kind == "tool_use" && !json.is_empty() {
                    let whole = serde_json::from_str(&json);
                    content[at]["input"] = whole.unwrap_or(Value::String(json.clone()));
                }
                if kind == "thinking" {
                    assert_ne!(content[at]["signature"], "", "thinking without a signature");
                }
            }
            "message_delta" => {
                assert!(open.is_none() && !ended);
                ended = true;
                take_end(message, &data);
            }
            "message_stop" => {
                assert!(ended, "no message_delta");
                stopped = true;
            }
            other => panic!("unknown event {other}"),
        }
    }
    assert!(stopped, "no message_stop");
    message.unwrap()
}

fn take_end(message: &mut Value, data: &Value) {
    assert!(data["delta"]["stop_reason"].is_string());
    assert!(data["usage"]["output_tokens"].is_u64());
    for (name, value) in data["delta"].as_object().unwrap() {
        message[name] = value.clone();
    }
    message["usage"] = data["usage"].clone();
}

fn take_delta(block: &mut Value, kind: &str, delta: &Value, json: &mut String) {
    let append = |place: &mut Value, more: &Value| {
        let text = format!("{}{}", place.as_str().unwrap(), more.as_str().unwrap());
        *place = Value::String(text);
    };
    match (kind, delta["type"].as_str().unwrap()) {
        ("text", "text_delta") => append(&mut block["text"], &delta["text"]),
        ("text", "citations_delta") => {
            let citation = delta["citation"].clone();
            match block["citations"].as_array_mut() {
                Some(list) => list.push(citation),
                None => block["citations"] = Value::Array(vec![citation]),
            }
        }
        ("thinking", "thinking_delta") => {
            assert_eq!(block["signature"], "", "thinking behind its signature");
            append(&mut block["thinking"], &delta["thinking"]);
        }
        ("thinking", "signature_delta") => {
            assert_eq!(block["signature"], "", "two signatures");
            block["signature"] = delta["signature"].clone();
        }
        ("tool_use", "input_json_delta") => json.push_str(delta["partial_json"].as_str().unwrap()),
        other => panic!("{other:?}"),
    }
}
