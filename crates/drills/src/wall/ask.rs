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
#[expect(clippy::struct_excessive_bools, reason = "each is one fact of a request")]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) delivery: Delivery,
    /// Whether a stream is to end with its usage, where that is optional.
    pub(crate) include_usage: bool,
    /// The text of the last turn if that is the assistant's.
    pub(crate) prefill: Option<String>,
    /// The text of the assistant's turn before the last one if that is a user's.
    pub(crate) before_user: Option<String>,
    /// The limit of the answer, in tokens.
    pub(crate) output_tokens_max: Option<u64>,
    /// Whether reasoning comes back with its seal.
    pub(crate) sealed: bool,
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
    /// What was said so far and what is left of a text that the request asks to go on with: from
    /// an assistant's turn at the end, or from one before a user's.
    pub(crate) fn continued<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let begun = self.prefill.as_deref().or(self.before_user.as_deref())?;
        // Some gateways trim the space at the end; a provider then begins with it.
        let at = [begun, begun.trim_end()].into_iter().find(|part| text.starts_with(part))?.len();
        let (said, left) = text.split_at_checked(at)?;
        // A turn of the user after the whole text asks something else.
        let asks = !said.is_empty() && (self.prefill.is_some() || !left.is_empty());
        asks.then_some((said, left))
    }

    /// Looks through a body for reasoning that was sealed.
    pub(crate) fn heed_seals(&mut self, body: &Value) {
        self.sealed = is_sealed(body, VALUE_DEPTH_MAX);
    }

    /// Reads the last two turns; `role` tells whether a turn is the assistant's (true), the user's
    /// (false) or neither.
    pub(crate) fn heed_last(
        &mut self,
        turns: &[Value],
        role: impl Fn(&Value) -> Option<bool>,
        text: impl Fn(&Value) -> String,
    ) {
        let Some((last, before)) = turns.split_last() else { return };
        match role(last) {
            Some(true) => self.prefill = Some(text(last)),
            Some(false) => {
                let before = before.last().filter(|turn| role(turn) == Some(true));
                self.before_user = before.map(text);
            }
            None => {}
        }
    }

    /// Keeps the first tools that have a name; their schema is under one of `schemas`.
    pub(crate) fn offer<'a>(&mut self, tools: impl Iterator<Item = &'a Value>, schemas: &[&str]) {
        let offer = |tool: &Value| {
            let name = tool.get("name")?.as_str()?.to_owned();
            Some(Offer { name, schema: any(tool, schemas).cloned() })
        };
        self.tools = tools.filter_map(offer).take(OFFERS_MAX).collect();
    }
}

/// Deeper values are not looked at.
const VALUE_DEPTH_MAX: usize = 16;
/// Where the dialects have their seals.
const SEALS: [&str; 4] =
    ["signature", "thoughtSignature", "thought_signature", "encrypted_content"];

fn is_sealed(value: &Value, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().any(|item| is_sealed(item, deeper)),
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let seal = SEALS.contains(&name.as_str());
            seal && value.as_str().is_some_and(|seal| !seal.is_empty()) || is_sealed(value, deeper)
        }),
        _ => false,
    }
}

/// Whether a turn with a plain role is the assistant's.
pub(crate) fn speaks(turn: &Value) -> Option<bool> {
    match turn.get("role").and_then(Value::as_str) {
        Some("assistant" | "model") => Some(true),
        Some("user") => Some(false),
        _ => None,
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
    fn a_part_of_the_text_is_continued_in_either_way() {
        let turn = |role: &str, text: &str| json!({"role": role, "content": text});
        let of = |turns: &[Value]| {
            let mut ask = Ask::default();
            ask.heed_last(turns, speaks, |turn| text_of(turn.get("content")));
            ask.continued("one two three").map(|(said, left)| (said.to_owned(), left.to_owned()))
        };
        let on = Some(("one two".to_owned(), " three".to_owned()));
        let asked = turn("user", "count");
        assert_eq!(of(&[asked.clone(), turn("assistant", "one two")]), on);
        assert_eq!(of(&[asked.clone(), turn("assistant", "one two"), turn("user", "go on")]), on);
        let spaced = Some(("one two ".to_owned(), "three".to_owned()));
        assert_eq!(of(&[turn("assistant", "one two ")]), spaced);
        for other in ["", "two", "one two three", "one  two"] {
            assert_eq!(of(&[turn("assistant", other), turn("user", "go on")]), None, "{other}");
        }
        assert_eq!(of(&[turn("assistant", "one"), turn("tool", "4")]), None);
        assert!(of(&[turn("assistant", "one two three")]).is_some());
    }

    #[test]
    fn seals_are_found_wherever_they_are() {
        let sealed = |body: &Value| {
            let mut ask = Ask::default();
            ask.heed_seals(body);
            ask.sealed
        };
        assert!(sealed(&json!({"messages": [{"content": [{"signature": "c2VhbA=="}]}]})));
        assert!(sealed(&json!({"input": [{"encrypted_content": "x"}]})));
        assert!(!sealed(&json!({"input": [{"encrypted_content": null, "signature": ""}]})));
        let deep = (0..40).fold(json!({"signature": "x"}), |value, _| json!([value]));
        assert!(!sealed(&deep));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "{", "[]", "1"] {
            assert!(object(body.as_bytes()).is_err(), "{body}");
        }
        assert!(model(Some(&"m".repeat(257))).is_err() && model(None).is_err());
    }
}
