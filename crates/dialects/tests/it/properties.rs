//! Properties: a stream means the same in whatever pieces it comes, a rewrite changes only what it
//! must, and no reader panics, whatever it is given.

use bytes::Bytes;
use dialects::openai_chat::{read_conversation, read_outline, read_refusal, read_whole, rewrite};
use domain::{Dialect, Request};
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::Value;

use crate::reading::{event, finish, read, text};
use crate::recordings;

/// Streams with every oddity that the reader knows, in each kind of line end.
fn made_up_streams() -> Vec<Vec<u8>> {
    let usage = event(r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#);
    let good = [text("a é"), finish("stop"), usage.clone(), event("[DONE]")].concat();
    let odd = [
        ": note\n\n",
        "\u{feff}",
        &text("b"),
        "data: {]\n\n",
        &usage,
        "event: x\nid: 1\n",
        &text("c"),
        &finish("length"),
    ]
    .concat();
    let broken = [&text("a"), &event(r#"{"error":{"code":503}}"#), &text("never")[..]].concat();
    let bare = text("a") + "{\n \"error\": {\"code\": 429}\n}\n";
    let cut = [text("a"), text("half").replace("\"}}]}\n\n", "")].concat();
    let unclosed = [text("a"), finish("stop").trim_end().to_owned()].concat();
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
        for hide_usage in [false, true] {
            let whole = read([&stream[..]], hide_usage).folded();
            let shown = String::from_utf8_lossy(&stream);
            let single = read(stream.chunks(1), hide_usage).folded();
            assert_eq!(single, whole, "{shown:?}");
            for place in 0..stream.len() {
                let (front, back) = stream.split_at(place);
                assert_eq!(read([front, back], hide_usage).folded(), whole, "{shown:?} at {place}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_a_recording_means_the_same(
        shares in prop::collection::vec(0.0..1.0_f64, 0..12),
        hide_usage: bool,
    ) {
        for recording in recordings::streams() {
            let whole = read([&recording.body[..]], hide_usage).folded();
            let split = read(pieces(&recording.body, &shares), hide_usage).folded();
            prop_assert_eq!(split, whole, "{}", recording.path);
        }
    }
}

/// Bits of streams, so that random sequences of them come near to real ones.
fn bit() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            "data:",
            "data: ",
            "event: error",
            ": x",
            "\n",
            "\r",
            "\r\n",
            "\n\n",
            "{",
            "}",
            "[",
            "\"",
            "[DONE]",
            "\u{feff}",
            "{\"error\":{\"code\":503}}",
            "{\"error\":\"x\"}",
            "{\"choices\":[]}",
            "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
            "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
            "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

/// JSON values, for members that a rewrite must leave alone.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\{}\\[\\],:é\n ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\]{1,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn spelled(members: &[(String, Value)], pretty: bool) -> String {
    let write = |value: &Value| match pretty {
        true => serde_json::to_string_pretty(value).unwrap(),
        false => value.to_string(),
    };
    let blank = if pretty { " \n\t" } else { "" };
    members
        .iter()
        .map(|(name, value)| format!("\"x{name}\"{blank}:{blank}{},{blank}", write(value)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_anything_means_the_same(
        bits in prop::collection::vec(bit(), 0..24),
        shares in prop::collection::vec(0.0..1.0_f64, 0..8),
        hide_usage: bool,
    ) {
        let stream = bits.concat();
        let whole = read([&stream[..]], hide_usage).folded();
        let split = read(pieces(&stream, &shares), hide_usage).folded();
        prop_assert_eq!(split, whole);
        prop_assert_eq!(read(stream.chunks(1), hide_usage).folded(), read([&stream[..]], hide_usage).folded());
    }

    #[test]
    fn no_reader_panics(bytes in prop::collection::vec(bit(), 0..16), status in 100..600_u16) {
        let bytes = Bytes::from(bytes.concat());
        let _outline = read_outline(&bytes);
        let _conversation = read_conversation(&bytes);
        let _whole = read_whole(&bytes);
        let fault = read_refusal(status, &HeaderMap::new(), &bytes, 0.0);
        prop_assert!(fault.detail.chars().count() <= 300);
    }

    #[test]
    fn a_rewrite_changes_the_model_and_nothing_else(
        before in prop::collection::vec(("[a-z]{0,5}", value()), 0..5),
        after in prop::collection::vec(("[a-z]{0,5}", value()), 0..5),
        name in prop::sample::select(vec!["\"model\"", "\"mod\\u0065l\""]),
        old in prop::sample::select(vec!["\"gpt-4.1\"", "\"gpt\\u002d4.1\"", "\"\u{1f30a}\\\\\""]),
        new in "[a-z\"é/.-]{1,12}",
        pretty: bool,
    ) {
        let body = |model: &str| format!(
            "{{{}{name} : {model},{}\"messages\":[]}}",
            spelled(&before, pretty),
            spelled(&after, pretty),
        );
        let old_body = body(old);
        let outline = read_outline(old_body.as_bytes()).unwrap();
        prop_assert_eq!(&*outline.model, serde_json::from_str::<String>(old).unwrap());
        let request = Request { dialect: Dialect::OpenAiChat, body: Bytes::from(old_body), outline };
        let written = String::from_utf8(rewrite(&request, &new, true).to_vec()).unwrap();
        prop_assert_eq!(written, body(&serde_json::to_string(&new).unwrap()));
    }

    #[test]
    fn asking_for_usage_adds_only_that(
        options in prop::option::of(value()),
        others in prop::collection::vec(("[a-z]{0,5}", value()), 0..5),
        pretty: bool,
    ) {
        let options = options.filter(|options| options.is_object() || options.is_null());
        let stands = options.as_ref().map_or(String::new(), |options| format!(",\"stream_options\":{options}"));
        let body = format!("{{{}\"stream\":true,\"model\":\"m\",\"messages\":[]{stands}}}", spelled(&others, pretty));
        let outline = read_outline(body.as_bytes()).unwrap();
        let request = Request { dialect: Dialect::OpenAiChat, body: Bytes::from(body.clone()), outline };
        let written = rewrite(&request, "n", true);
        let mut wanted: Value = serde_json::from_str(&body).unwrap();
        wanted["model"] = Value::from("n");
        if !wanted["stream_options"].is_object() {
            wanted["stream_options"] = serde_json::json!({});
        }
        wanted["stream_options"]["include_usage"] = Value::Bool(true);
        prop_assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), wanted);
        prop_assert!(read_outline(&written).unwrap().usage_in_stream);
    }
}
