//! The rules that the official clients rely on in a stream of chunks, checked over a written one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Everything that a client would have put together.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) text: BTreeMap<u64, String>,
    pub(crate) finish: BTreeMap<u64, String>,
    pub(crate) usage: Option<Value>,
}

#[derive(Default)]
struct Choice {
    calls: Vec<(String, String)>,
    call_ids: BTreeSet<String>,
}

/// Panics if a client could not survive the stream.
pub(crate) fn check(stream: &str, include_usage: bool) -> Seen {
    let events: Vec<&str> = stream.split_terminator("\n\n").collect();
    assert_eq!(events.last(), Some(&"data: [DONE]"), "the end mark is last: {stream}");
    let mut seen = Seen::default();
    let mut choices: BTreeMap<u64, Choice> = BTreeMap::new();
    let mut id = None;
    let count = events.len() - 1;
    for (place, event) in events.iter().take(count).enumerate() {
        let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("only data: {event}"));
        let chunk: Value = serde_json::from_str(data).unwrap();
        assert!(chunk["id"].as_str().unwrap().starts_with("chatcmpl-"));
        assert_eq!(*id.get_or_insert(chunk["id"].clone()), chunk["id"], "one id: {stream}");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert!(chunk["created"].is_u64() && chunk["model"].is_string());
        assert_eq!(chunk.get("usage").is_some(), include_usage, "{chunk}");
        let list = chunk["choices"].as_array().unwrap();
        if list.is_empty() {
            assert!(include_usage && place + 1 == count, "usage alone is last: {stream}");
            assert!(chunk["usage"]["total_tokens"].is_u64());
            seen.usage = Some(chunk["usage"].clone());
            continue;
        }
        assert!(seen.usage.is_none() && (!include_usage || chunk["usage"].is_null()));
        for choice in list {
            check_choice(choice, &mut choices, &mut seen);
        }
    }
    seen
}

fn check_choice(choice: &Value, choices: &mut BTreeMap<u64, Choice>, seen: &mut Seen) {
    let index = choice["index"].as_u64().unwrap();
    let delta = choice["delta"].as_object().unwrap();
    let first = !choices.contains_key(&index);
    assert_eq!(delta.get("role").is_some(), first, "the role is told once and first");
    if first {
        assert_eq!(delta["role"], "assistant");
    }
    let state = choices.entry(index).or_default();
    assert!(choice.as_object().unwrap().contains_key("logprobs"));
    match &choice["finish_reason"] {
        Value::Null => {}
        word => {
            let word = word.as_str().unwrap();
            assert!(["stop", "length", "tool_calls", "content_filter"].contains(&word), "{word}");
            assert!(delta.is_empty(), "the finish has a chunk of its own");
            assert_eq!(seen.finish.insert(index, word.to_owned()), None, "one finish");
        }
    }
    if let Some(text) = delta.get("content") {
        seen.text.entry(index).or_default().push_str(text.as_str().unwrap());
    }
    for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let place = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
        assert!(place <= state.calls.len(), "calls are numbered without gaps");
        let inner = call.get("function").or_else(|| call.get("custom")).unwrap();
        if place == state.calls.len() {
            let id = call["id"].as_str().unwrap().to_owned();
            assert!(!id.is_empty() && call["type"].is_string() && inner["name"].is_string());
            state.call_ids.insert(id.clone());
            state.calls.push((id, String::new()));
        } else {
            assert!(call.get("id").is_none() && inner.get("name").is_none(), "told once: {call}");
        }
        let more = inner.get("arguments").or_else(|| inner.get("input")).unwrap();
        state.calls[place].1.push_str(more.as_str().unwrap());
    }
}
