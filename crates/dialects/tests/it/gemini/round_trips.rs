//! What is read can be written again: requests, whole answers, streams.

use dialects::{Order, Vendor};
use domain::{Content, Delta, Event, Framing, Full, ModelCard, Operation, Reply};
use serde_json::{Map, Value};

use super::{conversation, envelope, events, form, gather, json, written};
use crate::fixtures;

/// A request of ours, as a recording would hold it.
pub(super) fn written_again(full: &Full, model: &str) -> (Value, domain::Losses) {
    let card = ModelCard::default();
    let (operation, stream, vendor) = (Operation::Generate, false, Vendor::Gemini);
    let order = Order { operation, full, model, stream, vendor, card: &card };
    let written = form().write_request(&order);
    (json(&written.body), written.losses)
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |sum, word| sum + &word[..1].to_uppercase() + &word[1..])
}

/// Names in camelCase, where a name is Google's.
fn spelled_alike(value: &Value, ours: bool) -> Value {
    match value {
        Value::Object(members) => {
            let mut spelled = Map::new();
            for (name, value) in members {
                let opaque = [
                    "args",
                    "response",
                    "properties",
                    "$defs",
                    "parametersJsonSchema",
                    "parameters_json_schema",
                    "responseJsonSchema",
                    "enum",
                ]
                .contains(&name.as_str());
                let name = if ours { camel(name) } else { name.clone() };
                spelled.insert(name, spelled_alike(value, ours && !opaque));
            }
            Value::Object(spelled)
        }
        Value::Array(list) => list.iter().map(|value| spelled_alike(value, ours)).collect(),
        // A whole number may be written with a fraction of zero.
        Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0) => {
            Value::from(number.as_f64().unwrap() as i64)
        }
        other => other.clone(),
    }
}

/// Takes away what the internal form declares that it cannot hold, and differences that mean
/// nothing: two contents of one role, the role of the instructions, empty texts and settings,
/// alphabets of base64, the two languages of schemas.
fn normalised(request: &Value) -> Value {
    let mut request = spelled_alike(request, true);
    let top = request.as_object_mut().unwrap();
    for lost in ["safetySettings", "model", "modelArmorConfig"] {
        top.remove(lost);
    }
    if let Some(Value::Object(system)) = top.get_mut("systemInstruction") {
        system.remove("role");
    }
    if let Some(Value::Object(config)) = top.get_mut("generationConfig") {
        config.remove("responseModalities");
        let empty = config.is_empty();
        if empty {
            top.remove("generationConfig");
        }
    }
    if let Some(Value::Object(config)) = top.get_mut("toolConfig") {
        config.remove("includeServerSideToolInvocations");
        if let Some(calling) = config.get_mut("functionCallingConfig")
            && calling["mode"] == "VALIDATED"
        {
            calling["mode"] = "AUTO".into();
        }
        if config.is_empty() {
            top.remove("toolConfig");
        }
    }
    for tool in top.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        for function in tool["functionDeclarations"].as_array_mut().into_iter().flatten() {
            let function = function.as_object_mut().unwrap();
            function.retain(|_, value| !value.is_null());
            if let Some(schema) = function.remove("parameters") {
                let schema = serde_json::from_str(&lower_types(&schema.to_string())).unwrap();
                function.insert("parametersJsonSchema".to_owned(), schema);
            }
        }
    }
    if let Some(tools) = top.get_mut("tools").and_then(Value::as_array_mut) {
        tools.retain(|tool| {
            tool.as_object()
                .is_some_and(|tool| !tool.is_empty() && tool.values().any(|value| !value.is_null()))
        });
        for tool in tools.iter_mut() {
            tool.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
        tools.sort_by_key(|tool| tool.get("functionDeclarations").is_some());
    }
    let contents = top.get_mut("contents").unwrap().as_array_mut().unwrap();
    *contents = merged(std::mem::take(contents));
    let text = request.to_string().replace("bytes_", "");
    serde_json::from_str(&usual_data(&text)).unwrap()
}

/// Contents of one role that follow one another are one; results stand alone.
fn merged(contents: Vec<Value>) -> Vec<Value> {
    let has_result = |content: &Value| {
        let parts = content["parts"].as_array().unwrap();
        parts.iter().any(|part| part.get("functionResponse").is_some())
    };
    let mut merged: Vec<Value> = Vec::new();
    for content in contents {
        match merged.last_mut() {
            Some(last)
                if last["role"] == content["role"]
                    && !has_result(last)
                    && !has_result(&content) =>
            {
                let more = content["parts"].as_array().unwrap().clone();
                last["parts"].as_array_mut().unwrap().extend(more);
            }
            _ => merged.push(content),
        }
    }
    merged
}

fn lower_types(schema: &str) -> String {
    ["STRING", "OBJECT", "ARRAY", "INTEGER", "NUMBER", "BOOLEAN"].iter().fold(
        schema.to_owned(),
        |schema, kind| {
            schema.replace(
                &format!("\"type\":\"{kind}\""),
                &format!("\"type\":\"{}\"", kind.to_lowercase()),
            )
        },
    )
}

/// `data` members in the usual alphabet.
fn usual_data(text: &str) -> String {
    let mut usual = String::new();
    for (at, piece) in text.split("\"data\":\"").enumerate() {
        if at == 0 {
            usual.push_str(piece);
            continue;
        }
        let end = piece.find('"').unwrap();
        let data = piece[..end].replace('-', "+").replace('_', "/");
        usual.push_str(&format!("\"data\":\"{data}{}", &piece[end..]));
    }
    usual
}

#[test]
fn recorded_requests_come_back() {
    for recording in fixtures::of(&["generateContent"]) {
        let body = recording.request["body"].clone();
        let sent = body.to_string();
        if sent.contains("invalid_role") {
            continue;
        }
        let path = recording.request["path"].as_str().unwrap();
        let model = path.split("models/").nth(1).unwrap().split(':').next().unwrap();
        let full = Full::Conversation(conversation(&sent));
        let (again, losses) = written_again(&full, model);
        assert_eq!(normalised(&again), normalised(&body), "{}", recording.path);
        let Full::Conversation(conversation) = full else { panic!() };
        for name in &conversation.unmapped {
            assert!(losses.iter().any(|loss| *loss.field == **name), "{name}");
        }
    }
}

#[test]
fn a_rich_request_comes_back() {
    let body = r#"{
      "contents":[
        {"role":"user","parts":[{"text":"Look at 1.50"},{"inlineData":{"mimeType":"image/png","data":"iVBORw0K"}},
          {"fileData":{"mimeType":"application/pdf","fileUri":"gs://bucket/a.pdf"}}]},
        {"role":"model","parts":[{"text":"I think","thought":true,"thoughtSignature":"c2ln"},{"text":"Let me see","thoughtSignature":"dGV4dA=="},
          {"functionCall":{"id":"a1","name":"look","args":{"x":1.50,"y":"ü"}},"thoughtSignature":"Y2FsbA=="},
          {"functionCall":{"id":"a2","name":"look","args":{}}},
          {"executableCode":{"language":"PYTHON","code":"1+1"}}]},
        {"role":"user","parts":[{"functionResponse":{"id":"a1","name":"look","response":{"output":"fine"}}},
          {"functionResponse":{"id":"a2","name":"look","response":{"error":"no"}}}]}],
      "systemInstruction":{"parts":[{"text":"Be kind"},{"text":"Be short"}]},
      "tools":[{"googleSearch":{"timeRangeFilter":{"a":1}}},{"functionDeclarations":[{"name":"look","description":"Looks","parametersJsonSchema":{"type":"object","properties":{"x":{"type":"number","minimum":1.50}}}}]}],
      "toolConfig":{"includeServerSideToolInvocations":true,"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["look","other"]}},
      "generationConfig":{"temperature":0.7,"topP":0.9,"topK":40,"candidateCount":2,"maxOutputTokens":100,"stopSequences":["END"],
        "seed":-7,"presencePenalty":0.5,"frequencyPenalty":-0.5,"responseLogprobs":true,"logprobs":3,
        "responseMimeType":"application/json","responseJsonSchema":{"type":"object","x":1e3},
        "thinkingConfig":{"thinkingLevel":"HIGH","includeThoughts":true}}
    }"#;
    let full = Full::Conversation(conversation(body));
    let (again, losses) = written_again(&full, "gemini-3-flash-preview");
    let mut sent = json(body.as_bytes());
    sent["generationConfig"]["stopSequences"] = serde_json::json!(["END"]);
    assert_eq!(again, sent);
    let lost: Vec<_> = losses.iter().map(|loss| loss.field.to_string()).collect();
    assert_eq!(lost, ["toolConfig.includeServerSideToolInvocations"]);
}

#[test]
fn numbers_and_schemas_keep_their_spelling() {
    let body = r#"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{"x":1.50,"big":12345678901234567890}}}]}],
      "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","properties":{"b":{},"a":{"minimum":1.50}}}}]}]}"#;
    let full = Full::Conversation(conversation(body));
    let card = ModelCard::default();
    let order = Order {
        operation: Operation::Generate,
        full: &full,
        model: "gemini-2.5-flash",
        stream: true,
        vendor: Vendor::Gemini,
        card: &card,
    };
    let written = String::from_utf8(form().write_request(&order).body.to_vec()).unwrap();
    assert!(written.contains(r#"{"x":1.50,"big":12345678901234567890}"#), "{written}");
    assert!(written.contains(r#""properties":{"b":{},"a":{"minimum":1.50}}"#), "{written}");
}

/// Leaves of an answer what the internal form can hold.
fn held(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for name in ["createTime", "modelVersion", "responseId", "usageMetadata", "promptFeedback"] {
        answer.as_object_mut().unwrap().remove(name);
    }
    for candidate in answer["candidates"].as_array_mut().into_iter().flatten() {
        let candidate = candidate.as_object_mut().unwrap();
        for name in ["avgLogprobs", "finishMessage", "groundingMetadata", "safetyRatings", "index"]
        {
            candidate.remove(name);
        }
        let content = candidate.get_mut("content").unwrap().as_object_mut().unwrap();
        for part in content.get_mut("parts").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(call) = part.get_mut("functionCall").and_then(Value::as_object_mut) {
                call.entry("args").or_insert_with(|| serde_json::json!({}));
            }
        }
        let mut text = serde_json::to_string(&candidate).unwrap();
        // The numbers of tokens in a vocabulary are nobody else's affair.
        while let Some(at) = text.find(",\"tokenId\":") {
            let end = at + 11 + text[at + 11..].find('}').unwrap();
            text.replace_range(at..end, "");
        }
        *candidate = serde_json::from_str(&text).unwrap();
    }
    answer
}

#[test]
fn recorded_answers_come_back() {
    for recording in fixtures::of(&["generateContent"]) {
        let lost = ["server-tool", "citations", "refusal"].contains(&recording.kind.as_str());
        if recording.status != 200 || recording.stream || recording.body[0] == b'[' || lost {
            continue;
        }
        let (reply, _) = form().read_whole(Operation::Generate, &recording.body).unwrap();
        let written = form().write_whole(&reply, &envelope(Framing::Events));
        assert!(written.losses.is_empty(), "{}: {:?}", recording.path, written.losses);
        let again = json(&written.body);
        assert_eq!(held(&again), held(&json(&recording.body)), "{}", recording.path);
        let Reply::Completion(first) = reply else { panic!() };
        let (second, _) = form().read_whole(Operation::Generate, &written.body).unwrap();
        let Reply::Completion(second) = second else { panic!() };
        let choices = |text: String| text.replace("answer-1", "");
        assert_eq!(
            choices(strip_ids(&format!("{:?}", second.choices))),
            choices(strip_ids(&format!("{:?}", first.choices))),
        );
    }
}

/// Ids that were made up differ between answers.
fn strip_ids(text: &str) -> String {
    let pieces = text.split("call_gm_").enumerate().map(|(at, piece)| {
        if at == 0 { piece.to_owned() } else { piece[piece.find('"').unwrap()..].to_owned() }
    });
    pieces.collect()
}

/// Events that mean the same: neighbours are joined, arguments are values, and what only the
/// envelope tells is left out.
pub(super) fn meaning(events: &[Event]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let mut usage = None;
    for event in events {
        match event {
            Event::Start { .. } | Event::Ping | Event::Lost(_) => {}
            Event::Usage(more) => usage = Some(format!("{more:?}")),
            Event::Delta { choice, delta: Delta::Arguments { index, text } } => {
                let value: Value = serde_json::from_str(text).unwrap();
                told.push(format!("{choice} {index} {value}"));
            }
            Event::Delta { choice, delta: Delta::ToolCall { name, signature, .. } } => {
                told.push(format!("{choice} {name} {signature:?}"));
            }
            other => told.push(format!("{other:?}")),
        }
    }
    told.extend(usage);
    told
}

#[test]
fn recorded_streams_come_back_as_events() {
    for recording in fixtures::of(&["generateContent"]) {
        let streams = recording.stream || recording.body.starts_with(b"[");
        if recording.status != 200 || !streams || recording.kind == "midstream-error" {
            continue;
        }
        let (first, _) = events(&[&recording.body]);
        for framing in [Framing::Events, Framing::JsonArray] {
            let (stream, losses) = written(&first, framing);
            let (second, fault) = events(&[&stream]);
            assert_eq!(fault, None, "{}", recording.path);
            let whole = |events: &[Event]| {
                let (mut completion, _) = gather(events);
                completion.id = None;
                completion.model = None;
                strip_ids(&format!("{completion:?}"))
            };
            assert_eq!(whole(&second), whole(&first), "{}", recording.path);
            let named: Vec<_> = losses.iter().collect();
            let told = first.iter().filter(|event| matches!(event, Event::Lost(_))).count();
            assert!(named.len() <= told, "{}: {named:?}", recording.path);
        }
    }
}

#[test]
fn a_stream_reads_like_the_whole_answer() {
    for recording in fixtures::of(&["generateContent"]) {
        if recording.status != 200 || recording.stream || recording.body.starts_with(b"[") {
            continue;
        }
        let (reply, _) = form().read_whole(Operation::Generate, &recording.body).unwrap();
        let Reply::Completion(whole) = reply else { panic!() };
        let mut stream = b"data: ".to_vec();
        stream.extend(
            recording.body.iter().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { *b }),
        );
        stream.extend_from_slice(b"\r\n\r\n");
        let (events, fault) = events(&[&stream]);
        assert_eq!(fault, None, "{}", recording.path);
        let streamed = gather(&events).0;
        assert_eq!(
            strip_ids(&format!("{streamed:?}")),
            strip_ids(&format!("{whole:?}")),
            "{}",
            recording.path
        );
        assert!(!matches!(whole.choices[0].content.first(), Some(Content::ToolResult(_))));
    }
}
