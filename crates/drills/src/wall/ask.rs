//! What the wall needs to know of a request, in no provider's form; each dialect reads its own
//! bodies into it. The rest of a body is read over: the wall judges few requests.

use serde_json::Value;

/// Longer names are refused.
const MODEL_BYTES_MAX: usize = 256;
/// More offered tools than the parallel scene calls are read over.
const OFFERS_MAX: usize = 2;

/// How the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Delivery {
    #[default]
    Whole,
    /// Server-sent events.
    Events,
    /// Pieces of one JSON array, as Gemini streams where `alt=sse` is not asked for.
    Array,
}

/// A tool that the request offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) name: String,
    /// The schema of its arguments.
    pub(crate) schema: Option<Value>,
}

/// A request, understood as far as the wall needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) delivery: Delivery,
    /// Whether a stream is to end with its usage, where that is optional.
    pub(crate) include_usage: bool,
    /// The text of the last turn if that is the assistant's.
    pub(crate) prefill: Option<String>,
    /// Whether the last turn brings the result of a tool.
    pub(crate) ends_with_tool: bool,
    /// The first two offered tools.
    pub(crate) tools: Vec<Offer>,
    /// Whether the provider's own web search is offered.
    pub(crate) searches: bool,
    /// The schema of a structured answer.
    pub(crate) schema: Option<Value>,
    pub(crate) images: usize,
    /// Words in all turns: the wall's idea of prompt tokens.
    pub(crate) prompt_words: usize,
}

impl Ask {
    /// Keeps the first tools that have a name; their schema is under one of `schemas`.
    pub(crate) fn offer<'a>(&mut self, tools: impl Iterator<Item = &'a Value>, schemas: &[&str]) {
        let offer = |tool: &Value| {
            let name = tool.get("name")?.as_str()?.to_owned();
            Some(Offer { name, schema: any(tool, schemas).cloned() })
        };
        self.tools = tools.filter_map(offer).take(OFFERS_MAX).collect();
    }
}

/// Reads a body that must be a JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Value, String> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "the body is not a JSON value")?;
    if body.is_object() { Ok(body) } else { Err("the body is not a JSON object".to_owned()) }
}

/// The name of a model, if it has a bearable length.
pub(crate) fn model(name: Option<&str>) -> Result<String, String> {
    let name = name.ok_or("`model` must be a string")?;
    if name.len() > MODEL_BYTES_MAX {
        return Err("`model` is longer than 256 bytes".to_owned());
    }
    Ok(name.to_owned())
}

/// The first of several spellings that a value has.
pub(crate) fn any<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| value.get(name))
}

/// The elements of an array under a name; none if there is no array.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// A string, or the text parts of an array one after another.
pub(crate) fn text_of(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

pub(crate) fn words_in(text: &str) -> usize {
    text.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_named_tools_are_kept_and_two_at_most() {
        let tools = [json!({"type": "web"}), json!({"name": "a"}), json!({"name": "b", "s": {}})];
        let mut ask = Ask::default();
        ask.offer(tools.iter().chain(&tools), &["s"]);
        assert_eq!(ask.tools[0], Offer { name: "a".to_owned(), schema: None });
        assert_eq!(ask.tools[1].schema, Some(json!({})));
        assert_eq!(ask.tools.len(), 2);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "{", "[]", "1"] {
            assert!(object(body.as_bytes()).is_err(), "{body}");
        }
        assert!(model(Some(&"m".repeat(257))).is_err() && model(None).is_err());
    }
}
