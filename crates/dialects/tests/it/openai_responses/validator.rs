//! The rules that the official clients' helpers hold a stream to, read from their behaviour: what
//! breaks one of these breaks a client.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// An item as a helper would build it from the events.
#[derive(Debug)]
struct Item {
    value: Value,
    open_part: bool,
    done: bool,
}

/// Holds a stream that ends as it should to the rules, and gives its last response.
pub(crate) fn check_stream(stream: &str) -> Value {
    let mut snapshot: BTreeMap<u64, Item> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut response_id = Value::Null;
    let mut last = Value::Null;
    let events: Vec<&str> = stream.split_terminator("\n\n").collect();
    for (at, event) in events.iter().enumerate() {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        let kind = data["type"].as_str().unwrap();
        assert_eq!(name.strip_prefix("event: "), Some(kind));
        assert_eq!(data["sequence_number"], json!(at), "{data}");
        assert!(last.is_null(), "nothing follows the end: {data}");
        match kind {
            "response.created" => {
                assert_eq!(at, 0);
                response_id = data["response"]["id"].clone();
                assert!(response_id.as_str().unwrap().starts_with("resp_"));
                check_response(&data["response"], "in_progress");
            }
            "response.in_progress" => {
                assert_eq!(at, 1);
                check_response(&data["response"], "in_progress");
                assert_eq!(data["response"]["id"], response_id);
            }
            "response.completed" | "response.incomplete" => {
                check_response(&data["response"], kind.strip_prefix("response.").unwrap());
                assert_eq!(data["response"]["id"], response_id);
                last = data["response"].clone();
            }
            "response.output_item.added" => {
                let index = data["output_index"].as_u64().unwrap();
                let mut value = data["item"].clone();
                assert!(ids.insert(value["id"].to_string()), "an id of its own: {data}");
                let next = u64::try_from(snapshot.len()).unwrap();
                assert_eq!(index, next, "items are counted without a gap");
                assert_eq!(value.get("content").unwrap_or(&json!([])), &json!([]), "{data}");
                if value["type"] == "message" {
                    value["content"] = json!([]);
                }
                snapshot.insert(index, Item { value, open_part: false, done: false });
            }
            _ => check_item_event(kind, &data, &mut snapshot),
        }
    }
    assert!(!last.is_null(), "no end");
    let output = last["output"].as_array().unwrap();
    assert_eq!(output.len(), snapshot.len());
    for (item, whole) in snapshot.values().zip(output) {
        assert!(item.done, "an item was left open: {item:?}");
        assert_eq!(&item.value, whole, "the whole response has what the events built");
    }
    last
}

fn check_item_event(kind: &str, data: &Value, snapshot: &mut BTreeMap<u64, Item>) {
    let item = snapshot.get_mut(&data["output_index"].as_u64().unwrap()).unwrap();
    assert!(!item.done, "{data}");
    if kind == "response.output_item.done" {
        assert!(!item.open_part, "{data}");
        let done = &data["item"];
        for name in ["id", "type", "call_id", "name", "arguments", "input", "role", "content"] {
            assert_eq!(done.get(name), item.value.get(name), "{name} of {data}");
        }
        if item.value["type"] == "reasoning" {
            assert_eq!(done["summary"], item.value["summary"], "{data}");
        }
        item.value = done.clone();
        item.done = true;
        return;
    }
    assert_eq!(data["item_id"], item.value["id"], "{data}");
    if kind.starts_with("response.function") || kind.starts_with("response.custom") {
        return check_call_event(kind, data, &mut item.value);
    }
    if kind.starts_with("response.reasoning") {
        return check_summary_event(kind, data, &mut item.value);
    }
    assert_eq!(item.value["type"], "message", "{data}");
    match kind {
        "response.content_part.added" => {
            let parts = item.value["content"].as_array_mut().unwrap();
            assert!(!std::mem::replace(&mut item.open_part, true), "{data}");
            assert_eq!(data["content_index"], json!(parts.len()));
            parts.push(data["part"].clone());
        }
        "response.content_part.done" => {
            assert!(std::mem::replace(&mut item.open_part, false), "{data}");
            assert_eq!(data["part"], *part_of(item, data), "{data}");
        }
        "response.output_text.delta" => {
            assert!(item.open_part, "{data}");
            let part = part_of(item, data);
            assert_eq!(part["type"], "output_text");
            append(&mut part["text"], &data["delta"]);
            let more = data["logprobs"].as_array().unwrap().clone();
            part["logprobs"].as_array_mut().unwrap().extend(more);
        }
        "response.refusal.delta" => {
            assert_eq!(part_of(item, data)["type"], "refusal");
            append(&mut part_of(item, data)["refusal"], &data["delta"]);
        }
        "response.output_text.done" => assert_eq!(part_of(item, data)["text"], data["text"]),
        "response.refusal.done" => assert_eq!(part_of(item, data)["refusal"], data["refusal"]),
        "response.output_text.annotation.added" => {
            let annotations = part_of(item, data)["annotations"].as_array_mut().unwrap();
            assert_eq!(data["annotation_index"], json!(annotations.len()));
            check_annotation(&data["annotation"]);
            annotations.push(data["annotation"].clone());
        }
        other => panic!("no client knows {other}"),
    }
}

fn check_call_event(kind: &str, data: &Value, call: &mut Value) {
    let free_text = call["type"] == "custom_tool_call";
    let member = if free_text { "input" } else { "arguments" };
    match (kind, free_text) {
        ("response.function_call_arguments.delta", false)
        | ("response.custom_tool_call_input.delta", true) => {
            append(&mut call[member], &data["delta"]);
        }
        ("response.function_call_arguments.done", false)
        | ("response.custom_tool_call_input.done", true) => {
            assert_eq!(call[member], data[member]);
            assert_eq!(call["name"], data["name"]);
        }
        other => panic!("no client knows {other:?}"),
    }
}

fn check_summary_event(kind: &str, data: &Value, thinking: &mut Value) {
    assert_eq!(thinking["type"], "reasoning", "{data}");
    assert_eq!(data["summary_index"], 0);
    let summary = &mut thinking["summary"];
    match kind {
        "response.reasoning_summary_part.added" => {
            summary.as_array_mut().unwrap().push(data["part"].clone());
        }
        "response.reasoning_summary_text.delta" => append(&mut summary[0]["text"], &data["delta"]),
        "response.reasoning_summary_text.done" => assert_eq!(summary[0]["text"], data["text"]),
        "response.reasoning_summary_part.done" => assert_eq!(summary[0], data["part"]),
        other => panic!("no client knows {other}"),
    }
}

fn part_of<'a>(item: &'a mut Item, data: &Value) -> &'a mut Value {
    let at = usize::try_from(data["content_index"].as_u64().unwrap()).unwrap();
    item.value["content"].get_mut(at).unwrap()
}

fn append(text: &mut Value, more: &Value) {
    *text = json!(format!("{}{}", text.as_str().unwrap(), more.as_str().unwrap()));
}

/// What the strictest client wants of an annotation.
fn check_annotation(annotation: &Value) {
    assert_eq!(annotation["type"], "url_citation");
    assert!(annotation["start_index"].is_u64() && annotation["end_index"].is_u64());
    assert!(annotation["url"].is_string() && annotation["title"].is_string());
}

fn check_response(response: &Value, status: &str) {
    assert_eq!(response["object"], "response");
    assert_eq!(response["status"], status);
    assert!(response["id"].is_string() && response["model"].is_string());
    assert!(response["created_at"].is_u64());
    assert!(response["output"].is_array() && response["tools"].is_array());
    assert!(response["parallel_tool_calls"].is_boolean() && response["tool_choice"].is_string());
    assert_eq!(response["store"], false);
    for name in ["error", "previous_response_id", "instructions", "incomplete_details", "usage"] {
        assert!(response.get(name).is_some(), "{name}");
    }
    assert!(response["previous_response_id"].is_null());
    assert_eq!(response["incomplete_details"].is_null(), status != "incomplete");
    if let Some(usage) = response["usage"].as_object() {
        assert!(usage["input_tokens_details"]["cached_tokens"].is_u64());
        assert!(usage["output_tokens_details"]["reasoning_tokens"].is_u64());
        let sum =
            usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
        assert_eq!(usage["total_tokens"], json!(sum));
    }
}

/// Holds a whole answer to what the strictest client wants of one.
pub(crate) fn check_whole(response: &Value) {
    check_response(response, response["status"].as_str().unwrap());
    let mut ids = BTreeSet::new();
    for item in response["output"].as_array().unwrap() {
        let kind = item["type"].as_str().unwrap();
        if let Some(id) = item.get("id") {
            assert!(ids.insert(id.to_string()), "{item}");
        }
        match kind {
            "message" => {
                assert_eq!(item["role"], "assistant");
                assert!(item["id"].as_str().unwrap().starts_with("msg_"));
                for part in item["content"].as_array().unwrap() {
                    match part["type"].as_str().unwrap() {
                        "output_text" => {
                            assert!(part["text"].is_string() && part["logprobs"].is_array());
                            part["annotations"]
                                .as_array()
                                .unwrap()
                                .iter()
                                .for_each(check_annotation);
                        }
                        other => assert_eq!(other, "refusal"),
                    }
                }
            }
            "function_call" => {
                for name in ["id", "call_id", "name", "arguments", "status"] {
                    assert!(item[name].as_str().is_some_and(|text| !text.is_empty()), "{item}");
                }
            }
            "reasoning" => assert!(item["summary"].is_array() && item["id"].is_string()),
            _ => {}
        }
    }
}
