//! Embeddings: requests and answers.

use dialects::{Order, Vendor};
use domain::{EmbedInput, Embeddings, FaultClass, Full, ModelCard, Operation, Reply, Usage};
use serde_json::{Value, json};

use super::reading::{ask, envelope, form, read_embed, request};
use crate::fixtures;

#[test]
fn inputs_are_read_in_every_form() {
    let text = |text: &str| EmbedInput::Text(text.to_owned());
    for (input, wanted) in [
        (r#""one""#, vec![text("one")]),
        (r#"["one","t\u0077o"]"#, vec![text("one"), text("two")]),
        ("[1,2]", vec![EmbedInput::Tokens(vec![1, 2])]),
        ("[[1],[2,3]]", vec![EmbedInput::Tokens(vec![1]), EmbedInput::Tokens(vec![2, 3])]),
        ("[]", vec![]),
    ] {
        let body = format!(r#"{{"model":"m","input":{input}}}"#);
        assert_eq!(read_embed(body.as_bytes()).unwrap().inputs, wanted, "{input}");
    }
    for input in ["7", "[null]", "[[-1]]", "[1,\"a\"]", "null"] {
        let body = format!(r#"{{"model":"m","input":{input}}}"#);
        assert_eq!(read_embed(body.as_bytes()).unwrap_err().param, Some("input"), "{input}");
    }
    let body = br#"{"model":"m","input":"x","encoding_format":"base64","dimensions":8,"user":"u",
        "truncate":"END","odd":null}"#;
    let read = read_embed(body).unwrap();
    assert!(read.base64);
    assert_eq!((read.dimensions, read.user.as_deref()), (Some(8), Some("u")));
    assert_eq!(read.unmapped, ["truncate".into()]);
}

#[test]
fn the_outline_and_the_rewrite_touch_the_model_alone() {
    let body = br#"{"input":["a"],"model":"m","x":1.0}"#;
    let request = request(Operation::Embed, body);
    assert_eq!(&*request.outline.model, "m");
    let written = form().rewrite(&request, "n", true);
    assert_eq!(&written[..], br#"{"input":["a"],"model":"n","x":1.0}"#);
    for (body, param) in [
        (r#"{"input":"a"}"#, "model"),
        (r#"{"model":"m"}"#, "input"),
        (r#"{"model":"m","input":4}"#, "input"),
        (r#"{"model":"m","input":"a","input":"b"}"#, "input"),
    ] {
        let refused = form().read_outline(&ask(Operation::Embed, body.as_bytes())).unwrap_err();
        assert_eq!(refused.param, Some(param), "{body}");
    }
}

#[test]
fn a_request_is_written_as_the_vendor_bears_it() {
    let body = br#"{"model":"m","input":["a",[1,2]],"dimensions":8,"user":"u","truncate":"END"}"#;
    let full = Full::Embed(read_embed(br#"{"model":"m","input":"a"}"#).unwrap());
    assert!(read_embed(body).is_ok());
    let write = |full: &Full, vendor| {
        let card = ModelCard::default();
        let order = Order {
            operation: Operation::Embed,
            full,
            model: "e",
            stream: false,
            vendor,
            card: &card,
        };
        let written = form().write_request(&order);
        (serde_json::from_slice::<Value>(&written.body).unwrap(), written.losses.header())
    };
    let wanted = json!({"model": "e", "input": ["a"], "encoding_format": "base64"});
    assert_eq!(write(&full, Vendor::OpenAi), (wanted, String::new()));
    let full = Full::Embed(read_embed(body).unwrap());
    let wanted = json!({"model": "e", "input": ["a", [1, 2]], "dimensions": 8});
    assert_eq!(write(&full, Vendor::Compatible), (wanted, "user,truncate".to_owned()));
}

#[test]
fn vectors_keep_their_numbers_both_ways() {
    let vectors = vec![vec![0.1_f32, -1.5, 3.402_823_5e38, 1.0e-40], vec![]];
    let usage = Some(Usage { input_uncached: 4, ..Usage::default() });
    let embeddings = Embeddings { model: Some("a \"model\"".into()), vectors, usage };
    for base64 in [false, true] {
        let mut envelope = envelope(true);
        envelope.base64 = base64;
        let reply = Reply::Embeddings(embeddings.clone());
        let body = form().write_whole(&reply, &envelope).body;
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["object"], "list");
        assert_eq!(value["data"][1]["index"], 1);
        assert_eq!(value["data"][0]["object"], "embedding");
        assert_eq!(value["data"][0]["embedding"].is_string(), base64);
        assert_eq!(value["usage"], json!({"prompt_tokens": 4, "total_tokens": 4}));
        let (back, losses) = form().read_whole(Operation::Embed, &body).unwrap();
        assert_eq!(back, reply);
        assert!(losses.is_empty());
        let sight = form().see_whole(Operation::Embed, &body).unwrap();
        assert_eq!((sight.content_deltas, sight.usage), (1, usage));
    }
}

#[test]
fn vectors_stand_in_the_order_of_their_index() {
    let body = br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":"AACAPw=="}]}"#;
    let (reply, _) = form().read_whole(Operation::Embed, body).unwrap();
    let Reply::Embeddings(read) = reply else { panic!("{reply:?}") };
    assert_eq!(read.vectors, [vec![1.0], vec![2.0]]);
    for (body, class) in [
        (r#"{"data":[]}"#, FaultClass::Empty),
        (r#"{"data":[{"index":0,"embedding":"???"}]}"#, FaultClass::Malformed),
        (r#"{"data":[{"index":0}]}"#, FaultClass::Malformed),
        (r#"{"error":{"code":"insufficient_quota"}}"#, FaultClass::QuotaExhausted),
        ("", FaultClass::Empty),
        ("<html>", FaultClass::Malformed),
    ] {
        let fault = form().read_whole(Operation::Embed, body.as_bytes()).unwrap_err();
        assert_eq!(fault.class, class, "{body}");
    }
}

#[test]
fn recorded_vectors_are_read() {
    for recording in fixtures::of(&["embeddings"]) {
        let asked = serde_json::to_vec(&recording.request["body"]).unwrap();
        let path = &recording.path;
        if recording.request["body"].get("model").is_some() {
            let read = form().read_outline(&ask(Operation::Embed, &asked)).unwrap();
            assert_eq!(Some(&*read.model), recording.request["body"]["model"].as_str(), "{path}");
        }
        let inputs = read_embed(&asked).unwrap().inputs.len();
        if recording.status != 200 {
            continue;
        }
        let (reply, _) = form().read_whole(Operation::Embed, &recording.body).unwrap();
        let Reply::Embeddings(read) = reply else { panic!("{path}") };
        assert_eq!(read.vectors.len(), inputs, "{path}");
        assert!(read.vectors.iter().all(|vector| vector.len() > 100), "{path}");
        let told = recording.meta["summary"]["usage"]["prompt_tokens"].as_u64();
        assert_eq!(read.usage.map(|usage| usage.input()), told, "{path}");
    }
}
