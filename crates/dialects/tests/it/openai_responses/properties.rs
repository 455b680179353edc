//! Properties: a stream means the same in whatever pieces it comes, and no reader panics, whatever
//! it is given.

use bytes::Bytes;
use dialects::{Ask, Reading};
use domain::{Dialect, Operation, Outline, Request};
use proptest::prelude::*;
use serde_json::Value;

use super::streams::{COMPLETED, CREATED, delta, stream};
use super::{RELAY, event, form, read};
use crate::fixtures;

/// Streams with the oddities that the reader knows, in each kind of line end.
fn made_up_streams() -> Vec<Vec<u8>> {
    let good = stream(&[delta("a é"), delta("b")]);
    let bare = event(CREATED) + &delta("a") + "{\n \"error\": {\"code\": 429}\n}\n";
    let broken = event(CREATED) + "event: error\ndata: {\"code\":\"server_is_overloaded\"}\n\n";
    let odd = [
        ": note\n\n",
        "\u{feff}",
        &event(CREATED),
        "data: {]\n\n",
        "id: 1\n",
        &delta("c"),
        &event(COMPLETED),
        "data: [DONE]\n\n",
    ]
    .concat();
    let cut = event(CREATED) + &delta("a");
    let unclosed = good.trim_end().to_owned();
    let streams = [good, odd, broken, bare, cut, unclosed];
    let with =
        |line_end: &str| streams.clone().map(|stream| stream.replace('\n', line_end).into_bytes());
    [with("\n"), with("\r\n"), with("\r")].concat()
}

/// Cuts bytes at places that are given as shares of the whole.
fn pieces<'a>(bytes: &'a [u8], shares: &[f64]) -> Vec<&'a [u8]> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a test's random places"
    )]
    let mut places: Vec<usize> =
        shares.iter().map(|share| (bytes.len() as f64 * share) as usize).collect();
    places.sort_unstable();
    let mut from = 0;
    let mut cut: Vec<&[u8]> = Vec::new();
    for place in places {
        cut.push(&bytes[from..place]);
        from = place;
    }
    cut.push(&bytes[from..]);
    cut
}

#[test]
fn single_bytes_and_every_single_cut_mean_the_same() {
    for stream in made_up_streams() {
        for reading in [RELAY, Reading::Translate] {
            let whole = read([&stream[..]], reading);
            assert_eq!(read(stream.chunks(1), reading), whole);
            for place in 0..stream.len() {
                let (front, back) = stream.split_at(place);
                assert_eq!(read([front, back], reading), whole, "at {place}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_a_recording_means_the_same(
        shares in prop::collection::vec(0.0..1.0_f64, 0..12),
    ) {
        for recording in fixtures::of(&["responses"]).iter().filter(|recording| recording.stream) {
            for reading in [RELAY, Reading::Translate] {
                let whole = read([&recording.body[..]], reading);
                let split = read(pieces(&recording.body, &shares), reading);
                prop_assert_eq!(split, whole, "{}", recording.path);
            }
        }
    }
}

/// Words of the dialect.
const WORDS: [&str; 28] = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "reasoning",
    "input_text",
    "output_text",
    "input_image",
    "input_file",
    "user",
    "assistant",
    "f",
    "",
    "response.completed",
    "response.output_item.done",
    "response.output_item.added",
    "response.output_text.delta",
    "response.function_call_arguments.delta",
    "completed",
    "incomplete",
    "allowed_tools",
    "json_schema",
    "data:image/png;base64,AA",
    "web_search",
    "search_results",
    "url_citation",
    "high",
    "item_reference",
];

/// Names of its members.
const NAMES: [&str; 39] = [
    "type",
    "role",
    "content",
    "text",
    "input",
    "output",
    "call_id",
    "id",
    "name",
    "arguments",
    "tools",
    "tool_choice",
    "model",
    "status",
    "item",
    "response",
    "delta",
    "output_index",
    "content_index",
    "summary",
    "encrypted_content",
    "annotations",
    "image_url",
    "file_data",
    "format",
    "schema",
    "usage",
    "input_tokens",
    "error",
    "incomplete_details",
    "reason",
    "logprobs",
    "token",
    "results",
    "url",
    "reasoning",
    "effort",
    "include",
    "metadata",
];

/// JSON values made of the dialect's own words, so that they come near to real ones.
fn value() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(&WORDS[..]);
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        6 => words.prop_map(Value::from),
    ];
    let names = prop::sample::select(&NAMES[..]);
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(names.clone().prop_map(String::from), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn feed(body: &Bytes) {
    for operation in [Operation::Generate, Operation::CountTokens, Operation::Embed] {
        let ask = Ask { operation, body, model_in_path: None, stream_in_path: false };
        let _outline = form().read_outline(&ask);
        let _seen = form().see_whole(operation, body);
        if let Ok((reply, _)) = form().read_whole(operation, body) {
            let written = form().write_whole(&reply, &super::envelope());
            assert!(serde_json::from_slice::<Value>(&written.body).is_ok());
        }
    }
    let request = Request::new(Dialect::OpenAiResponses, body.clone(), Outline::default());
    if let Ok(domain::Full::Conversation(conversation)) = form().read_full(&request) {
        for vendor in [dialects::Vendor::OpenAi, dialects::Vendor::Perplexity] {
            super::written_for(conversation.clone(), vendor, &domain::ModelCard::default());
        }
    }
    let _rewritten = form().rewrite(&request, "n", true);
    let _refusal = form().read_refusal(400, &http::HeaderMap::new(), body, 0.0);
    for reading in [RELAY, Reading::Translate] {
        read([&body[..]], reading);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        feed(&Bytes::from(bytes));
    }

    #[test]
    fn nothing_panics_on_json(value in value(), events in prop::collection::vec(value(), 0..6)) {
        feed(&Bytes::from(value.to_string()));
        let request = serde_json::json!({"model": "m", "input": [value], "tools": events.clone()});
        feed(&Bytes::from(request.to_string()));
        let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let whole = read([stream.as_bytes()], Reading::Translate);
        prop_assert_eq!(read(stream.as_bytes().chunks(7), Reading::Translate), whole);
        feed(&Bytes::from(stream));
    }
}
