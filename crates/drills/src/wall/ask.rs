//! What the wall needs to know of a request for a chat completion. The rest of the body is read
//! over: the wall judges no request.

use serde_json::Value;

/// A request for a chat completion, understood as far as the wall needs it.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    /// The text of the last turn if that is the assistant's.
    pub(crate) prefill: Option<String>,
    /// Whether the last turn is a tool's.
    pub(crate) ends_with_tool: bool,
    /// The first offered tool.
    pub(crate) tool: Option<String>,
    /// The schema of `response_format`.
    pub(crate) schema: Option<Value>,
    pub(crate) images: usize,
    /// Words in all turns: the wall's idea of prompt tokens.
    pub(crate) prompt_words: usize,
}

impl Ask {
    /// Reads a body; the error is a sentence for the caller.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let body: Value =
            serde_json::from_slice(body).map_err(|_| "the body is not a JSON value")?;
        let model = body.get("model").and_then(Value::as_str).ok_or("`model` must be a string")?;
        if model.len() > MODEL_BYTES_MAX {
            return Err("`model` is longer than 256 bytes");
        }
        let turns =
            body.get("messages").and_then(Value::as_array).ok_or("`messages` must be an array")?;
        let last = turns.last();
        let last_role = last.and_then(|turn| turn.get("role")).and_then(Value::as_str);
        let include_usage = body.pointer("/stream_options/include_usage");
        Ok(Self {
            model: model.to_owned(),
            stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
            include_usage: include_usage.and_then(Value::as_bool).unwrap_or(false),
            prefill: last.filter(|_| last_role == Some("assistant")).map(text_of),
            ends_with_tool: last_role == Some("tool"),
            tool: body.pointer("/tools/0/function/name").and_then(Value::as_str).map(str::to_owned),
            schema: body.pointer("/response_format/json_schema/schema").cloned(),
            images: turns.iter().map(images_of).sum(),
            prompt_words: turns.iter().map(|turn| text_of(turn).split_whitespace().count()).sum(),
        })
    }
}

const MODEL_BYTES_MAX: usize = 256;

/// The text of a turn: its string, or the text parts one after another.
fn text_of(turn: &Value) -> String {
    match turn.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

fn images_of(turn: &Value) -> usize {
    let parts = turn.get("content").and_then(Value::as_array);
    parts.map_or(0, |parts| parts.iter().filter(|part| part.get("image_url").is_some()).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read() {
        let ask = Ask::parse(
            br#"{"model":"fb-ok","stream":true,"stream_options":{"include_usage":true},
                "tools":[{"type":"function","function":{"name":"weather"}}],
                "response_format":{"json_schema":{"schema":{"type":"object"}}},
                "messages":[
                  {"role":"user","content":[{"type":"text","text":"two words"},
                    {"type":"image_url","image_url":{"url":"data:"}}]},
                  {"role":"assistant","content":"Each morning"}]}"#,
        )
        .unwrap();
        assert_eq!(ask.model, "fb-ok");
        assert!(ask.stream && ask.include_usage && !ask.ends_with_tool);
        assert_eq!(ask.prefill.as_deref(), Some("Each morning"));
        assert_eq!(ask.tool.as_deref(), Some("weather"));
        assert_eq!(ask.schema, Some(serde_json::json!({"type": "object"})));
        assert_eq!((ask.images, ask.prompt_words), (1, 4));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for body in ["", "{", "[]", "{}", r#"{"model":1,"messages":[]}"#, r#"{"model":"fb-ok"}"#] {
            assert!(Ask::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Ask::parse(br#"{"model":"fb-ok","messages":[]}"#).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_body_brings_it_down(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            drop(Ask::parse(&body));
        }
    }
}
