//! Any split of the bytes reads the same, and nothing panics on anybody's bytes.

use dialects::{Order, Vendor};
use domain::{
    Citation, Delta, Dialect, Event, Finish, Full, ModelCard, Operation, Proof, ProofKind, Request,
    Usage,
};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::validator::message_of;
use super::{ask, envelope, events, form, gathered, relay, written};
use crate::fixtures;

const STREAM: &str = "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\r\n\r\n\
event: ping\ndata: {\"type\":\"ping\"}\n\n: comment\n\n\
event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\n\
data: \"delta\":{\"type\":\"text_delta\",\"text\":\"Grü\u{1F30A}ße\"}}\n\n\
event: content_block_delta\ndata: {broken\n\n\
event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn streams() -> Vec<Vec<u8>> {
    let recorded = fixtures::of(&["messages"]).into_iter().filter(|one| one.stream);
    let mut all: Vec<Vec<u8>> = recorded.map(|one| one.body).collect();
    all.push(STREAM.as_bytes().to_vec());
    all
}

const WORDS: &[&str] = &[
    "text",
    "image",
    "document",
    "tool_use",
    "tool_result",
    "thinking",
    "user",
    "assistant",
    "system",
    "base64",
    "url",
    "content",
    "enabled",
    "adaptive",
    "auto",
    "tool",
    "seawall",
    "web_search_tool_result",
    "server_tool_use",
    "srvtoolu_seawall_1",
    "object",
    "",
];

const NAMES: &[&str] = &[
    "type",
    "text",
    "content",
    "source",
    "data",
    "id",
    "tool_use_id",
    "name",
    "input",
    "role",
    "signature",
    "citations",
    "cache_control",
    "url",
    "title",
    "budget_tokens",
    "effort",
    "format",
    "schema",
    "input_schema",
    "is_error",
    "thinking",
    "usage",
    "index",
    "delta",
    "media_type",
    "properties",
    "items",
    "stop_reason",
    "message",
    "content_block",
    "x",
];

/// Any JSON, with a liking for the words of the dialect.
fn json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    let names = prop::sample::select(NAMES);
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|list| {
                Value::Object(
                    list.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}

/// Whatever reads, writes as a request that keeps Anthropic's rules of turns.
fn write_and_check(body: &[u8]) {
    let Ok(outline) = form().read_outline(&ask(body)) else { return };
    let request = Request::new(Dialect::Anthropic, bytes::Bytes::copy_from_slice(body), outline);
    let changed = form().rewrite(&request, "other", true);
    assert!(serde_json::from_slice::<Value>(&changed).is_ok());
    let Ok(full) = form().read_full(&request) else { return };
    for (model, operation) in
        [("claude-opus-5", Operation::Generate), ("claude-3-5-haiku", Operation::CountTokens)]
    {
        let card = ModelCard::default();
        let order = Order {
            operation,
            full: &full,
            model,
            stream: true,
            vendor: Vendor::Anthropic,
            card: &card,
        };
        let written: Value = serde_json::from_slice(&form().write_request(&order).body).unwrap();
        check_turns(&written);
    }
    assert!(matches!(full, Full::Conversation(_)));
}

fn check_turns(body: &Value) {
    let mut called: Vec<&str> = Vec::new();
    let mut last = "";
    for (at, message) in body["messages"].as_array().unwrap().iter().enumerate() {
        let role = message["role"].as_str().unwrap();
        assert!(role != last && (at > 0 || role == "user"));
        last = role;
        let content = message["content"].as_array().unwrap();
        assert!(!content.is_empty());
        let ids = |kind: &str, member: &str| -> Vec<&str> {
            let of_kind = content.iter().filter(|block| block["type"] == kind);
            of_kind.filter_map(|block| block[member].as_str()).collect()
        };
        let mut answered = ids("tool_result", "tool_use_id");
        called.sort_unstable();
        answered.sort_unstable();
        assert_eq!(called, answered, "{body}");
        called = ids("tool_use", "id");
        let results = content.iter().position(|block| block["type"] != "tool_result");
        let late = content.iter().skip(results.unwrap_or(content.len()));
        assert!(late.clone().all(|block| block["type"] != "tool_result"));
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!(called.iter().all(|id| !id.is_empty() && id.chars().all(fits)));
    }
    assert!(called.is_empty());
}

fn deltas() -> impl Strategy<Value = Delta> {
    let text = "\\PC{1,4}";
    prop_oneof![
        text.prop_map(Delta::Text),
        text.prop_map(Delta::Thinking),
        text.prop_map(Delta::Refusal),
        (0_u32..4, any::<bool>()).prop_map(|(index, free_text)| Delta::ToolCall {
            index,
            id: "c".into(),
            name: "f".into(),
            free_text,
            signature: None,
        }),
        (0_u32..4, prop::sample::select(vec!["{", "}", "\"", "{}", "a", " ", "\\"]))
            .prop_map(|(index, text)| Delta::Arguments { index, text: text.to_owned() }),
        any::<bool>().prop_map(|sealed| Delta::Proof(Proof {
            dialect: Dialect::Anthropic,
            kind: if sealed { ProofKind::Sealed } else { ProofKind::Signature },
            id: None,
            data: "p".into(),
        })),
        text.prop_map(|url| Delta::Citation(Citation {
            url: Some(url.into()),
            ..Citation::default()
        })),
        Just(Delta::SearchResults(Vec::new())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_reads_the_same(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let all = streams();
        let stream = &all[which.index(all.len())];
        let pieces = pieces(stream, &cuts);
        prop_assert_eq!(events(pieces.clone()), events([&stream[..]]));
        let (split, whole) = (relay(pieces), relay([&stream[..]]));
        prop_assert_eq!(split, whole);
    }

    #[test]
    fn any_order_of_events_gives_a_stream_that_clients_bear(
        said in prop::collection::vec(deltas(), 0..24),
    ) {
        let mut told: Vec<Event> =
            said.into_iter().map(|delta| Event::Delta { choice: 0, delta }).collect();
        told.push(Event::finish(Finish::Stop));
        told.push(Event::Usage(Usage { output: 1, ..Usage::default() }));
        let (stream, _) = written(&told);
        message_of(&stream);
        let (again, fault) = events([stream.as_bytes()]);
        prop_assert_eq!(fault, None);
        let text = |events: Vec<Event>| -> String {
            let deltas = events.into_iter().filter_map(|event| match event {
                Event::Delta { delta: Delta::Text(text) | Delta::Refusal(text), .. } => Some(text),
                _ => None,
            });
            let mut chars: Vec<char> = deltas.collect::<String>().chars().collect();
            chars.sort_unstable();
            chars.into_iter().collect()
        };
        prop_assert_eq!(text(again), text(told));
    }

    #[test]
    fn arbitrary_json_is_read_without_panic(value in json(), list in prop::collection::vec(json(), 0..4)) {
        let bytes = serde_json::to_vec(&value).unwrap();
        let _seen = form().see_whole(Operation::Generate, &bytes);
        if let Ok((reply, _)) = form().read_whole(Operation::Generate, &bytes) {
            let written = form().write_whole(&reply, &envelope());
            prop_assert!(serde_json::from_slice::<Value>(&written.body).is_ok());
        }
        write_and_check(&bytes);
        let blocks = Value::Array(list);
        let body = serde_json::json!({
            "model": "m", "system": value, "tools": blocks, "thinking": value, "tool_choice": value,
            "output_config": value, "metadata": value,
            "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": blocks}, value,
                {"role": "user", "content": blocks}],
        });
        write_and_check(&serde_json::to_vec(&body).unwrap());
        let body = serde_json::json!({"content": blocks, "stop_reason": value, "stop_details": value, "usage": value});
        let bytes = serde_json::to_vec(&body).unwrap();
        let _read = form().read_whole(Operation::Generate, &bytes);
        let stream: String = blocks
            .as_array()
            .unwrap()
            .iter()
            .map(|block| format!("data: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{block}}}\n\ndata: {block}\n\n"))
            .collect();
        let (read, _) = events([stream.as_bytes()]);
        let _gathered = gathered(read);
        let _relayed = relay([stream.as_bytes()]);
    }

    /// Blocks of known types in any order: the turns that are written keep the rules.
    #[test]
    fn any_turns_keep_the_rules(
        turns in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<(u8, u8)>(), 0..4)), 0..8),
    ) {
        let messages: Vec<Value> = turns
            .into_iter()
            .map(|(role, blocks)| {
                let role = ["user", "assistant", "user", "assistant", "system"][usize::from(role % 5)];
                let content: Vec<Value> = blocks
                    .into_iter()
                    .map(|(kind, id)| match kind % 6 {
                        0 | 1 => serde_json::json!({"type": "tool_use", "id": format!("c.{}", id % 3), "name": "f", "input": {}}),
                        2 | 3 => serde_json::json!({"type": "tool_result", "tool_use_id": format!("c.{}", id % 3), "content": "r"}),
                        4 => serde_json::json!({"type": "text", "text": " "}),
                        _ => serde_json::json!({"type": "text", "text": "t"}),
                    })
                    .collect();
                serde_json::json!({"role": role, "content": content})
            })
            .collect();
        let body = serde_json::json!({"model": "m", "messages": messages});
        write_and_check(&serde_json::to_vec(&body).unwrap());
    }

    #[test]
    fn arbitrary_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _outline = form().read_outline(&ask(&bytes));
        let _seen = form().see_whole(Operation::Generate, &bytes);
        let _read = form().read_whole(Operation::Generate, &bytes);
        let _events = events([&bytes[..]]);
        let _relayed = relay([&bytes[..]]);
    }

    #[test]
    fn a_stream_with_a_flipped_byte_is_read_without_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = STREAM.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _events = events([&bytes[..]]);
        let _relayed = relay([&bytes[..]]);
    }
}
