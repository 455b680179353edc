//! OpenAI's responses, and Perplexity's agent, which is made after them: how requests are read.

mod agent;
mod form;
mod stream;

use serde_json::{Value, json};

pub(super) use agent::{Agent, refuse as refuse_agent};
pub(super) use stream::Stream;

use super::super::ask::{Ask, Delivery, flag, list, model, object, speaks, text_of, words_in};
use super::{Order, Wish};

/// What Perplexity takes; every other field is refused.
const AGENT_FIELDS: [&str; 22] = [
    "background",
    "input",
    "instructions",
    "language_preference",
    "max_output_tokens",
    "max_steps",
    "metadata",
    "model",
    "models",
    "parallel_tool_calls",
    "preset",
    "previous_response_id",
    "reasoning",
    "response_format",
    "store",
    "stream",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "user",
];

/// Reads a request for a response.
pub(super) fn read(body: &[u8]) -> Result<Order, String> {
    let body = object(body)?;
    let model = model(body.get("model").and_then(Value::as_str))?;
    read_input(model, &body)
}

/// Reads a request for an agent, which may name a preset or several models instead of one.
pub(super) fn read_agent(body: &[u8]) -> Result<Order, String> {
    let body = object(body)?;
    let fields = body.as_object().into_iter().flat_map(|fields| fields.keys());
    if let Some(unknown) = fields.into_iter().find(|name| !AGENT_FIELDS.contains(&name.as_str())) {
        let shown: String = unknown.chars().take(64).collect();
        return Err(format!("unknown field \"{shown}\""));
    }
    let named = body.pointer("/models/0").or(body.get("model")).or(body.get("preset"));
    let named = named.and_then(Value::as_str).ok_or("one of model, models and preset is needed")?;
    let mut order = read_input(model(Some(named))?, &body)?;
    if let Some(schema) = body.pointer("/response_format/json_schema/schema") {
        order.ask.schema = Some(schema.clone());
    }
    Ok(order)
}

fn read_input(model: String, body: &Value) -> Result<Order, String> {
    let items: Vec<Value> = match body.get("input") {
        Some(Value::String(text)) => vec![json!({"role": "user", "content": text})],
        Some(Value::Array(items)) => items.clone(),
        _ => return Err("`input` must be a string or an array".to_owned()),
    };
    let text = |item: &Value| text_of(item.get("content"));
    let last = items.last();
    let last_is =
        |name: &str, value: &str| last.and_then(|item| item.get(name)) == Some(&json!(value));
    let image = |part: &&Value| part.get("type") == Some(&json!("input_image"));
    let spoken: usize = items.iter().map(|item| words_in(&text(item))).sum();
    let tools = || list(body, "tools").iter();
    let kind = |tool: &Value, kind: &str| tool.get("type") == Some(&json!(kind));
    let mut ask = Ask {
        model,
        delivery: if flag(body, "/stream") { Delivery::Events } else { Delivery::Whole },
        output_tokens_max: body.get("max_output_tokens").and_then(Value::as_u64),
        ends_with_tool: last_is("type", "function_call_output"),
        searches: tools().any(|tool| kind(tool, "web_search")),
        schema: body.pointer("/text/format/schema").cloned(),
        images: items.iter().flat_map(|item| list(item, "content")).filter(image).count(),
        prompt_words: spoken + words_in(&text_of(body.get("instructions"))),
        ..Ask::default()
    };
    ask.offer(tools().filter(|tool| kind(tool, "function")), &["parameters"]);
    ask.heed_last(&items, speaks, text);
    ask.heed_seals(body);
    Ok(Order { ask, wish: Wish::Answer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read() {
        let ask = read(
            br#"{"model":"fb-ok","stream":true,"instructions":"be brief",
                "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}},
                "tools":[{"type":"web_search"},{"type":"function","name":"weather","parameters":{"a":1}}],
                "input":[
                  {"role":"user","content":[{"type":"input_text","text":"two words"},
                    {"type":"input_image","image_url":"data:"}]},
                  {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Each morning"}]}]}"#,
        )
        .unwrap()
        .ask;
        assert_eq!((ask.model.as_str(), ask.delivery), ("fb-ok", Delivery::Events));
        assert_eq!(ask.prefill.as_deref(), Some("Each morning"));
        assert_eq!((ask.images, ask.prompt_words, ask.searches), (1, 6, true));
        assert_eq!(ask.tools[0].name, "weather");
        assert_eq!(ask.schema, Some(json!({"type": "object"})));
        let result = r#"{"model":"m","input":[{"type":"function_call_output","output":"4"}]}"#;
        assert!(read(result.as_bytes()).unwrap().ask.ends_with_tool);
        for bad in ["{}", r#"{"model":"m"}"#, r#"{"model":"m","input":1}"#] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_agent_takes_a_preset_and_no_unknown_field() {
        let ask = read_agent(
            br#"{"preset":"fb-ok","input":"two words","tools":[{"type":"web_search"}],
                "response_format":{"type":"json_schema","json_schema":{"schema":{"a":1}}}}"#,
        )
        .unwrap()
        .ask;
        assert_eq!((ask.model.as_str(), ask.searches), ("fb-ok", true));
        assert_eq!(ask.schema, Some(json!({"a": 1})));
        let refused = read_agent(br#"{"model":"m","input":"x","stream_options":{}}"#).unwrap_err();
        assert_eq!(refused, "unknown field \"stream_options\"");
        assert!(read_agent(br#"{"input":"x"}"#).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_body_brings_it_down(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            drop(read(&body));
            drop(read_agent(&body));
        }
    }
}
