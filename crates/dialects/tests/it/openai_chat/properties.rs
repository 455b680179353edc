//! Properties: a stream means the same in whatever pieces it comes, a rewrite changes only what it
//! must, and no reader panics, whatever it is given.

use bytes::Bytes;
use domain::{Citation, Delta, Dialect, Event, Finish, Full, Operation, Request};
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::Value;

use super::reading::{
    envelope, event, finish, form, read, read_conversation, read_embed, read_outline, text,
    translate, write,
};
use super::recordings;

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
        let shown = String::from_utf8_lossy(&stream);
        let translated = translate([&stream[..]]);
        assert_eq!(translate(stream.chunks(1)), translated, "{shown:?}");
        for place in 0..stream.len() {
            let (front, back) = stream.split_at(place);
            assert_eq!(translate([front, back]), translated, "{shown:?} at {place}");
        }
        for hide_usage in [false, true] {
            let whole = read([&stream[..]], hide_usage).folded();
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
            let whole = translate([&recording.body[..]]);
            let split = translate(pieces(&recording.body, &shares));
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
        let whole = translate([&stream[..]]);
        prop_assert_eq!(&translate(pieces(&stream, &shares)), &whole);
        prop_assert_eq!(&translate(stream.chunks(1)), &whole);
        prop_assert_eq!(read(stream.chunks(1), hide_usage).folded(), read([&stream[..]], hide_usage).folded());
    }

    #[test]
    fn no_reader_panics(bytes in prop::collection::vec(bit(), 0..16), status in 100..600_u16) {
        let bytes = Bytes::from(bytes.concat());
        let _outline = read_outline(&bytes);
        let _conversation = read_conversation(&bytes);
        let _embed = read_embed(&bytes);
        for operation in [Operation::Generate, Operation::Embed, Operation::CountTokens] {
            let _sight = form().see_whole(operation, &bytes);
            let _whole = form().read_whole(operation, &bytes);
        }
        let _events = translate([&bytes[..]]);
        let fault = form().read_refusal(status, &HeaderMap::new(), &bytes, 0.0);
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
        let request = Request::new(Dialect::OpenAiChat, Bytes::from(old_body), outline);
        let written = String::from_utf8(form().rewrite(&request, &new, true).to_vec()).unwrap();
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
        let request = Request::new(Dialect::OpenAiChat, Bytes::from(body.clone()), outline);
        let written = form().rewrite(&request, "n", true);
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

/// Names of members of requests and answers.
const NAMES: &str = "messages role content type text image_url url detail input_audio data format file \
    file_data filename tool_calls id index function name arguments custom input tool_call_id \
    tools parameters tool_choice response_format json_schema schema stop n logprobs \
    top_logprobs reasoning reasoning_details signature choices delta message finish_reason \
    usage prompt_tokens annotations url_citation citations embedding audio extra_content";
/// Texts that mean something in some place.
const WORDS: &str = "user assistant tool system text function custom image_url stop file input_audio \
    reasoning.encrypted data:image/png;base64,AAAA data:, {} url_citation json_schema length \
    content_filter";

/// JSON that comes near to requests and answers: their member names, with any values.
fn near_json() -> impl Strategy<Value = Value> {
    let names: Vec<&str> = NAMES.split(' ').collect();
    let word = prop::sample::select(WORDS.split(' ').chain([""]).collect::<Vec<_>>());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (0..3_u8).prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let member = (prop::sample::select(names.clone()), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
            3 => prop::collection::vec(member, 0..8).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_on_json_that_comes_near(
        messages in prop::collection::vec(near_json(), 0..4),
        top in near_json(),
        choices in prop::collection::vec(near_json(), 0..3),
    ) {
        let mut asked = serde_json::json!({"model": "m", "messages": messages});
        if let (Some(asked), Some(top)) = (asked.as_object_mut(), top.as_object()) {
            asked.extend(top.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        if let Ok(conversation) = read_conversation(asked.to_string().as_bytes()) {
            super::orders::write_for_all(&Full::Conversation(conversation));
        }
        if let Ok(asked) = read_embed(asked.to_string().as_bytes()) {
            super::orders::write_for_all(&Full::Embed(asked));
        }
        let mut answer = serde_json::json!({"choices": choices});
        if let (Some(answer), Some(top)) = (answer.as_object_mut(), top.as_object()) {
            answer.extend(top.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        for operation in [Operation::Generate, Operation::Embed] {
            let _sight = form().see_whole(operation, answer.to_string().as_bytes());
            if let Ok((reply, _)) = form().read_whole(operation, answer.to_string().as_bytes()) {
                let written = form().write_whole(&reply, &envelope(true)).body;
                prop_assert!(serde_json::from_slice::<Value>(&written).is_ok());
            }
        }
        let stream = event(&answer.to_string()).repeat(2);
        let (written, _) = write(&translate([stream.as_bytes()]).events, &envelope(true));
        super::validator::check(&written, true);
    }
}

/// One step of an answer: which choice, what kind, with which words.
fn step() -> impl Strategy<Value = (u16, u8, String)> {
    (0..3_u16, 0..8_u8, "[a-zé\"\\\\\n{}]{1,8}")
}

/// Steps as events in the order that every provider keeps: a call begins before its arguments, and
/// nothing is said of a choice that is over.
fn events_of(steps: Vec<(u16, u8, String)>) -> Vec<Event> {
    let mut calls = [0_u32; 3];
    let mut over = [false; 3];
    let mut events = Vec::new();
    for (choice, kind, words) in steps {
        let place = usize::from(choice);
        if over[place] {
            continue;
        }
        let delta = match kind {
            0 => Delta::Text(words),
            1 => Delta::Thinking(words),
            2 => Delta::Refusal(words),
            3 => {
                let index = calls[place];
                calls[place] += 1;
                Delta::ToolCall {
                    index,
                    id: format!("{words}{index}").into(),
                    name: words.as_str().into(),
                    free_text: index % 2 == 1,
                    signature: (index == 2).then(|| words.as_str().into()),
                }
            }
            4 | 5 if calls[place] > 0 => {
                Delta::Arguments { index: (calls[place] - 1) / u32::from(kind - 3), text: words }
            }
            6 => Delta::Citation(Citation { url: Some(words.into()), ..Citation::default() }),
            7 => {
                over[place] = true;
                events.push(Event::Finish { choice, finish: Finish::Length });
                continue;
            }
            _ => continue,
        };
        events.push(Event::Delta { choice, delta });
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_events_are_read_again(
        steps in prop::collection::vec(step(), 0..40),
        include_usage: bool,
    ) {
        let events = events_of(steps);
        let (stream, losses) = write(&events, &envelope(include_usage));
        prop_assert!(losses.is_empty());
        super::validator::check(&stream, include_usage);
        let back = translate([stream.as_bytes()]).events;
        let told: Vec<_> =
            back.into_iter().filter(|event| !matches!(event, Event::Start { .. })).collect();
        prop_assert_eq!(told, events);
    }
}
