//! OpenAI's chat completions and embeddings, also as Azure serves them: how a request is read.

mod refusals;
mod stream;

use serde_json::{Value, json};

pub(super) use refusals::{headers, refuse, refuse_azure};
pub(super) use stream::Stream;

use super::super::ask::{Ask, Delivery, flag, list, model, object, speaks, text_of, words_in};
use super::super::vectors::Wanted;
use super::{Envelope, Order, Wish};

/// The dimensions of a vector where the request names none.
const DIMENSIONS: usize = 1_536;

/// Reads a request for a chat completion; Azure names the model in the path.
pub(super) fn read(named: Option<&str>, body: &[u8]) -> Result<Order, String> {
    let body = object(body)?;
    let model = model(named.or_else(|| body.get("model").and_then(Value::as_str)))?;
    if !body.get("messages").is_some_and(Value::is_array) {
        return Err("`messages` must be an array".to_owned());
    }
    let turns = list(&body, "messages");
    let text = |turn: &Value| text_of(turn.get("content"));
    let last = turns.last();
    let last_role = last.and_then(|turn| turn.get("role")).and_then(Value::as_str);
    let mut ask = Ask {
        model,
        delivery: if flag(&body, "/stream") { Delivery::Events } else { Delivery::Whole },
        include_usage: flag(&body, "/stream_options/include_usage"),
        output_tokens_max: ["/max_completion_tokens", "/max_tokens"]
            .into_iter()
            .find_map(|name| body.pointer(name)?.as_u64()),
        ends_with_tool: matches!(last_role, Some("tool" | "function")),
        schema: body.pointer("/response_format/json_schema/schema").cloned(),
        images: turns.iter().map(images_of).sum(),
        prompt_words: turns.iter().map(|turn| words_in(&text(turn))).sum(),
        ..Ask::default()
    };
    let tools = list(&body, "tools").iter().filter_map(|tool| tool.get("function"));
    ask.offer(tools, &["parameters"]);
    ask.heed_last(turns, speaks, text);
    ask.heed_seals(&body);
    Ok(Order { ask, wish: Wish::Answer })
}

fn images_of(turn: &Value) -> usize {
    list(turn, "content").iter().filter(|part| part.get("image_url").is_some()).count()
}

/// Reads a request for embeddings.
pub(super) fn read_embeddings(named: Option<&str>, body: &[u8]) -> Result<Order, String> {
    let body = object(body)?;
    let model = model(named.or_else(|| body.get("model").and_then(Value::as_str)))?;
    let inputs = match body.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        // A list of numbers is one input that was made into tokens before.
        Some(Value::Array(list)) if list.first().is_some_and(Value::is_number) => {
            vec![json!(list).to_string()]
        }
        Some(Value::Array(list)) => list.iter().map(written).collect(),
        _ => return Err("`input` must be a string or an array".to_owned()),
    };
    let mut wanted = Wanted::new(inputs, body.get("dimensions"), DIMENSIONS)?;
    wanted.base64 = match body.get("encoding_format").and_then(Value::as_str) {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err("`encoding_format` must be float or base64".to_owned()),
    };
    let ask = Ask { model, prompt_words: wanted.words(), ..Ask::default() };
    Ok(Order { ask, wish: Wish::Embed(wanted) })
}

fn written(input: &Value) -> String {
    input.as_str().map_or_else(|| input.to_string(), str::to_owned)
}

/// The body of an answer that is no conversation.
pub(super) fn side_body(wish: &Wish, envelope: &Envelope, tokens: usize) -> String {
    let (Wish::Embed(wanted) | Wish::EmbedBatch(wanted)) = wish else {
        return json!({"object": "response.input_tokens", "input_tokens": tokens}).to_string();
    };
    let data: Vec<Value> = wanted
        .written()
        .into_iter()
        .enumerate()
        .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
        .collect();
    json!({
        "object": "list",
        "data": data,
        "model": envelope.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read() {
        let order = read(
            None,
            br#"{"model":"fb-ok","stream":true,"stream_options":{"include_usage":true},
                "tools":[{"type":"function","function":{"name":"weather","parameters":{"a":1}}}],
                "response_format":{"json_schema":{"schema":{"type":"object"}}},
                "messages":[
                  {"role":"user","content":[{"type":"text","text":"two words"},
                    {"type":"image_url","image_url":{"url":"data:"}}]},
                  {"role":"assistant","content":"Each morning"}]}"#,
        );
        let ask = order.unwrap().ask;
        assert_eq!((ask.model.as_str(), ask.delivery), ("fb-ok", Delivery::Events));
        assert!(ask.include_usage && !ask.ends_with_tool);
        assert_eq!(ask.prefill.as_deref(), Some("Each morning"));
        assert_eq!(
            (ask.tools[0].name.as_str(), &ask.tools[0].schema),
            ("weather", &Some(json!({"a": 1})))
        );
        assert_eq!(ask.schema, Some(json!({"type": "object"})));
        assert_eq!((ask.images, ask.prompt_words), (1, 4));
        let named = read(Some("fb-s01"), br#"{"model":"fb-ok","messages":[]}"#).unwrap();
        assert_eq!(named.ask.model, "fb-s01");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for body in ["", "{", "[]", "{}", r#"{"model":1,"messages":[]}"#, r#"{"model":"fb-ok"}"#] {
            assert!(read(None, body.as_bytes()).is_err(), "{body}");
        }
        assert!(read(None, br#"{"model":"fb-ok","messages":[]}"#).is_ok());
    }

    #[test]
    fn inputs_come_in_four_forms() {
        let count = |input: &str| {
            let body = format!(r#"{{"model":"m","input":{input},"dimensions":2}}"#);
            match read_embeddings(None, body.as_bytes()).unwrap().wish {
                Wish::Embed(wanted) => wanted.inputs,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(count(r#""one""#), ["one"]);
        assert_eq!(count(r#"["one","two"]"#), ["one", "two"]);
        assert_eq!(count("[1,2]"), ["[1,2]"]);
        assert_eq!(count("[[1,2],[3]]"), ["[1,2]", "[3]"]);
        let order = read_embeddings(None, br#"{"model":"m","input":"x","encoding_format":"hex"}"#);
        assert!(order.is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_body_brings_it_down(body in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            drop(read(None, &body));
            drop(read_embeddings(None, &body));
        }
    }
}
