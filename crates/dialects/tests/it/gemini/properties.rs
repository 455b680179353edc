//! Any split of any stream reads the same, and nothing panics on strangers' bytes.

use bytes::Bytes;
use dialects::{JsonArrayFraming, Order, Reading, Vendor};
use domain::{Dialect, Event, Framing, ModelCard, Operation, Outline, Request};
use proptest::prelude::*;

use super::{ask, envelope, events, form, relayed, runs, written};

/// Pieces of streams, right ones and broken ones.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let events = prop::sample::select(vec![
        r#"data: {"candidates":[{"content":{"parts":[{"text":"Ü"}],"role":"model"},"index":0}],"modelVersion":"m","responseId":"r"}"#,
        r#"data: {"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"","thoughtSignature":"YQ=="}]}}]}"#,
        r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1.50}},"thoughtSignature":"YQ=="}]}}]}"#,
        r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]}}]}"#,
        r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a[1]","stringValue":"x"}],"willContinue":true}}]}}]}"#,
        r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}"#,
        r#"data: {"candidates":[{"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"endIndex":1},"groundingChunkIndices":[0]}]}}],"usageMetadata":{"promptTokenCount":3}}"#,
        r#"data: {"promptFeedback":{"blockReason":"SAFETY"}}"#,
        r#"data: {"error":{"code":503,"status":"UNAVAILABLE","message":"x"}}"#,
        "{\n \"error\": {\"code\": 503}\n}",
        r#"data: {"candid"#,
        ": note",
        "data: {}",
    ]);
    let borders = prop::sample::select(vec!["\r\n\r\n", "\n\n", "\r\r", "\n"]);
    prop::collection::vec((events, borders), 0..8).prop_map(|list| {
        list.into_iter().flat_map(|(event, border)| [event, border].concat().into_bytes()).collect()
    })
}

/// The like of it as an array.
fn array() -> impl Strategy<Value = Vec<u8>> {
    stream().prop_map(|stream| {
        let text = String::from_utf8_lossy(&stream).into_owned();
        let elements: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        format!("[{}\n]\n", elements.join("\n,\r\n")).into_bytes()
    })
}

fn split(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let names = prop::sample::select(vec![
        "contents",
        "parts",
        "text",
        "role",
        "functionCall",
        "function_response",
        "name",
        "args",
        "inlineData",
        "data",
        "mimeType",
        "tools",
        "functionDeclarations",
        "parameters",
        "type",
        "properties",
        "generationConfig",
        "responseSchema",
        "thinkingConfig",
        "candidates",
        "content",
        "finishReason",
        "groundingMetadata",
        "groundingSupports",
        "segment",
        "error",
        "endIndex",
        "usageMetadata",
        "promptTokenCount",
        "requests",
        "embedding",
        "values",
        "partialArgs",
        "jsonPath",
        "systemInstruction",
        "anyOf",
        "nullable",
        "enum",
        "index",
        "generateContentRequest",
        "model",
        "promptFeedback",
        "logprobsResult",
        "thought",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zäA-Z$.\\[\\]0-9]{0,6}".prop_map(Value::from),
        prop::sample::select(vec!["user", "model", "OBJECT", "STOP", "$.a[0]", "$.a.b"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5).prop_map(|members| {
                Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

/// Everything that reads such bytes.
fn read_all(body: &[u8]) {
    let card = ModelCard::default();
    for operation in [Operation::Generate, Operation::Embed, Operation::CountTokens] {
        let _seen = form().see_whole(operation, body);
        if let Ok((reply, _)) = form().read_whole(operation, body) {
            let written = form().write_whole(&reply, &envelope(Framing::Events));
            serde_json::from_slice::<serde_json::Value>(&written.body).unwrap();
        }
        let outline =
            form().read_outline(&ask(operation, body)).unwrap_or_else(|_| Outline::default());
        let mut request = Request::new(Dialect::Gemini, Bytes::copy_from_slice(body), outline);
        request.operation = operation;
        let _rewritten = form().rewrite(&request, "b", true);
        let Ok(full) = form().read_full(&request) else { continue };
        for model in ["gemini-2.5-flash", "gemini-3-pro"] {
            let (stream, vendor) = (false, Vendor::Gemini);
            let order = Order { operation, full: &full, model, stream, vendor, card: &card };
            let written = form().write_request(&order);
            serde_json::from_slice::<serde_json::Value>(&written.body).unwrap();
        }
    }
    let (events, _) = events(&[body]);
    for framing in [Framing::Events, Framing::JsonArray] {
        let _written = written(&events, framing);
    }
}

proptest! {
    #[test]
    fn any_split_reads_the_same(
        stream in prop_oneof![stream(), array()],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let pieces = split(&stream, &cuts);
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(events(&pieces), events(&[&stream]));
        let (bytes, sight, fault) = relayed(&pieces);
        let (whole_bytes, whole_sight, whole_fault) = relayed(&[&stream]);
        prop_assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&whole_bytes));
        prop_assert_eq!((sight, fault), (whole_sight, whole_fault));
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
        let mut framing = JsonArrayFraming::new();
        framing.pass(Bytes::from(bytes.clone()));
        framing.end();
        let _runs = runs(&[&bytes], Reading::Relay { hide_usage: true });
    }

    #[test]
    fn arbitrary_json_does_no_harm(value in json()) {
        read_all(value.to_string().as_bytes());
        read_all(format!(r#"{{"contents":[{{"role":"user","parts":[{value}]}}],"tools":[{value}],"generationConfig":{value}}}"#).as_bytes());
        read_all(format!(r#"{{"candidates":[{{"content":{{"parts":[{value}]}},"groundingMetadata":{value},"logprobsResult":{value}}}]}}"#).as_bytes());
        read_all(format!("data: {value}\n\n").as_bytes());
    }

    #[test]
    fn written_streams_are_read_again(texts in prop::collection::vec("\\PC{1,8}", 0..6)) {
        let sent: Vec<Event> = texts
            .iter()
            .map(|text| Event::text(text.as_str()))
            .chain([Event::finish(domain::Finish::Length)])
            .collect();
        for framing in [Framing::Events, Framing::JsonArray] {
            let (stream, _) = written(&sent, framing);
            let (read, fault) = events(&[&stream]);
            prop_assert_eq!(fault, None);
            let said: Vec<_> = read
                .into_iter()
                .filter(|event| matches!(event, Event::Delta { .. } | Event::Finish { .. }))
                .collect();
            prop_assert_eq!(&said, &sent);
        }
    }
}
