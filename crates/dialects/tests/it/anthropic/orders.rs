//! Requests that are written from the internal form, and what they lose.

use domain::{
    Content, Conversation, Dialect, Effort, Foreign, Function, HostedKind, HostedTool, Json, Media,
    MediaKind, MediaSource, ModelCard, OutputFormat, Proof, ProofKind, Role, Tool, ToolCall,
    ToolChoice, ToolResult, Turn,
};
use serde_json::{Value, json};

use super::{form, write, write_for};

fn turn(role: Role, text: &str) -> Turn {
    Turn::new(role, vec![Content::text(text)])
}

fn talk(turns: Vec<Turn>) -> Conversation {
    Conversation { turns, ..Conversation::default() }
}

fn call(id: &str, name: &str, arguments: &str) -> Content {
    Content::ToolCall(ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.to_owned(),
        ..ToolCall::default()
    })
}

fn result(id: &str, text: &str) -> Content {
    Content::ToolResult(ToolResult {
        id: id.into(),
        content: vec![Content::text(text)],
        ..ToolResult::default()
    })
}

const OLD: &str = "claude-sonnet-4-5";

#[test]
fn several_systems_are_joined_in_order_and_late_ones_keep_their_weight() {
    let turns = || {
        vec![
            turn(Role::System, "one"),
            turn(Role::Developer, "two"),
            turn(Role::User, "hello"),
            turn(Role::System, "late"),
            turn(Role::Assistant, "hm"),
            turn(Role::User, "go"),
        ]
    };
    let text = |text: &str| json!({"type": "text", "text": text});
    let (body, losses) = write(talk(turns()), OLD);
    assert_eq!(body["system"], json!([text("one"), text("two"), text("late")]));
    assert_eq!(losses, "messages.system");
    let (body, losses) = write(talk(turns()), "claude-opus-4-8");
    assert_eq!(body["system"], json!([text("one"), text("two")]));
    assert_eq!(body["messages"][1], json!({"role": "system", "content": [text("late")]}));
    assert_eq!(losses, "");
    let (body, losses) = write(talk(vec![turn(Role::System, "alone")]), OLD);
    assert_eq!(body["messages"], json!([{"role": "user", "content": [text("alone")]}]));
    assert_eq!(losses, "messages.system");
}

#[test]
fn results_stand_together_first_and_every_call_has_one() {
    let read = talk(vec![
        turn(Role::User, "go"),
        Turn::new(
            Role::Assistant,
            vec![call("a", "f", "{}"), call("b", "g", ""), call("c", "f", "[1")],
        ),
        turn(Role::User, "meanwhile"),
        Turn::new(Role::Tool, vec![result("b", "B"), result("zzz", "nobody's")]),
        Turn::new(Role::Tool, vec![result("a", "A")]),
        turn(Role::Assistant, "done"),
        turn(Role::User, "thanks"),
    ]);
    let (body, losses) = write(read, OLD);
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    let kinds: Vec<&str> = messages[2]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["tool_use_id"].as_str().unwrap_or(block["type"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, ["b", "a", "c", "text", "text"]);
    assert_eq!(messages[2]["content"][2]["is_error"], true);
    assert_eq!(messages[1]["content"][2]["input"], json!({"arguments": "[1"}));
    // The history's tools are named, for Anthropic refuses it otherwise.
    let names: Vec<&Value> = body["tools"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["f", "g"]);
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
    for lost in
        ["messages.tool_calls", "messages.tool_result", "messages.tool_calls.arguments", "tools"]
    {
        assert!(losses.split(',').any(|name| name == lost), "{lost} in {losses}");
    }
}

#[test]
fn ids_that_are_missing_or_come_twice_are_made_up() {
    let named = |name: &str, text: &str| {
        Content::ToolResult(ToolResult {
            name: Some(name.into()),
            content: vec![Content::text(text)],
            ..ToolResult::default()
        })
    };
    let read = talk(vec![
        turn(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("", "f", "{}"), call("", "g", "{}")]),
        Turn::new(Role::Tool, vec![named("g", "G"), named("f", "F")]),
        Turn::new(Role::Assistant, vec![call("x", "f", "{}")]),
        Turn::new(Role::Tool, vec![result("x", "1")]),
        Turn::new(Role::Assistant, vec![call("x", "f", "{}")]),
        Turn::new(Role::Tool, vec![result("x", "2")]),
    ]);
    let (body, losses) = write(read, OLD);
    let block = |message: usize, at: usize| &body["messages"][message]["content"][at];
    assert_eq!(block(2, 0)["tool_use_id"], block(1, 1)["id"]);
    assert_eq!(block(2, 1)["tool_use_id"], block(1, 0)["id"]);
    assert_eq!(block(4, 0)["tool_use_id"], "x");
    assert_eq!(block(6, 0)["tool_use_id"], block(5, 0)["id"]);
    assert_eq!(block(5, 0)["id"], "x_2");
    assert_eq!(losses, "tools");
}

#[test]
fn a_prefill_is_kept_where_the_model_goes_on_from_it() {
    let turns = || vec![turn(Role::User, "hello"), turn(Role::Assistant, "Once upon ")];
    let (body, losses) = write(talk(turns()), OLD);
    assert_eq!(body["messages"][1]["content"][0]["text"], "Once upon");
    assert_eq!(
        (body["messages"].as_array().unwrap().len(), losses.as_str()),
        (2, "messages.content")
    );
    let (body, losses) = write(talk(turns()), "claude-sonnet-4-6");
    assert_eq!(body["messages"][2]["role"], "user");
    assert!(losses.contains("messages.prefill"));
    let card = ModelCard { continues_prefill: Some(false), ..ModelCard::default() };
    let (body, _) = write_for(talk(turns()), OLD, &card);
    assert_eq!(body["messages"][2]["role"], "user");
    let (body, losses) = write(talk(vec![turn(Role::Assistant, "a"), turn(Role::User, "b")]), OLD);
    assert_eq!(body["messages"][0]["role"], "user");
    assert_eq!(losses, "messages.role");
}

#[test]
fn thinking_is_asked_for_in_the_models_own_measure() {
    let ask = |effort, budget, max, model: &str| {
        let mut read = talk(vec![turn(Role::User, "hello")]);
        (read.reasoning.effort, read.reasoning.budget_tokens) = (effort, budget);
        read.sampling.output_tokens_max = max;
        read.sampling.temperature = Some(0.3);
        let (body, losses) = write(read, model);
        let pick = |pointer: &str| body.pointer(pointer).cloned().unwrap_or(Value::Null);
        (
            pick("/thinking/type"),
            pick("/thinking/budget_tokens"),
            pick("/output_config/effort"),
            pick("/max_tokens"),
            losses,
        )
    };
    let none = Value::Null;
    assert_eq!(
        ask(Some(Effort::High), None, Some(1000), "claude-opus-4-7"),
        (json!("adaptive"), none.clone(), json!("high"), json!(1000), "temperature".to_owned())
    );
    assert_eq!(ask(Some(Effort::Highest), None, None, "claude-opus-5").2, json!("max"));
    let (kind, budget, _, max, losses) = ask(Some(Effort::Low), None, None, OLD);
    assert_eq!((kind, budget, max), (json!("enabled"), json!(2048), json!(6144)));
    assert_eq!(losses, "reasoning_effort,temperature");
    // Half of what the caller allows, and nothing if that is too little.
    assert_eq!(ask(Some(Effort::High), None, Some(4000), OLD).1, json!(2000));
    let (kind, _, _, max, losses) = ask(Some(Effort::High), None, Some(1000), OLD);
    assert_eq!((kind, max), (none.clone(), json!(1000)));
    assert!(losses.contains("reasoning_effort"));
    let (_, budget, effort, _, _) = ask(None, Some(5000), Some(9000), "claude-opus-4-7");
    assert_eq!((budget, effort), (none.clone(), json!("medium")));
    assert_eq!(ask(None, Some(5000), Some(9000), "claude-opus-4-6").1, json!(5000));
    assert_eq!(ask(None, Some(5000), Some(3000), OLD).1, json!(2999));
    assert_eq!(ask(Some(Effort::None), None, None, "claude-opus-5").0, json!("disabled"));
    assert_eq!(ask(Some(Effort::None), None, None, OLD).0, none);
}

#[test]
fn thinking_is_not_asked_for_where_it_would_be_refused() {
    let mut read = talk(vec![
        turn(Role::User, "go"),
        Turn::new(Role::Assistant, vec![call("a", "f", "{}")]),
        Turn::new(Role::Tool, vec![result("a", "A")]),
    ]);
    read.tools.push(Tool::Function(Function { name: "f".into(), ..Function::default() }));
    read.reasoning.effort = Some(Effort::Medium);
    let (body, losses) = write(read.clone(), OLD);
    assert_eq!((body.get("thinking"), losses.as_str()), (None, "reasoning_effort"));
    assert!(write(read.clone(), "claude-opus-4-7").0.get("thinking").is_some());
    read.turns.truncate(1);
    assert!(write(read.clone(), OLD).0.get("thinking").is_some());
    read.tool_choice = Some(ToolChoice::Required);
    assert!(write(read, OLD).0.get("thinking").is_none());
}

#[test]
fn limits_of_the_model_are_kept() {
    let card = ModelCard { output_tokens_max: Some(8192), ..ModelCard::default() };
    let max = |asked, card: &ModelCard| {
        let mut read = talk(vec![turn(Role::User, "a")]);
        read.sampling.output_tokens_max = asked;
        let (body, losses) = write_for(read, OLD, card);
        (body["max_tokens"].as_u64().unwrap(), losses)
    };
    assert_eq!(max(None, &ModelCard::default()), (4096, String::new()));
    assert_eq!(max(None, &card), (8192, String::new()));
    assert_eq!(max(Some(10_000), &card), (8192, "max_tokens".to_owned()));
    let huge = ModelCard { output_tokens_max: Some(128_000), ..ModelCard::default() };
    assert_eq!(max(None, &huge), (32_000, String::new()));
}

#[test]
fn every_setting_is_written_or_named() {
    let mut read = talk(vec![Turn { name: Some("Bob".into()), ..turn(Role::User, "a") }]);
    let sampling = &mut read.sampling;
    sampling.temperature = Some(1.5);
    (sampling.top_p, sampling.top_k, sampling.seed) = (Some(0.5), Some(4), Some(1));
    (sampling.presence_penalty, sampling.frequency_penalty) = (Some(1.0), Some(1.0));
    (sampling.choices, sampling.logprobs) = (Some(2), Some(3));
    sampling.stop = vec!["\n".to_owned(), "END".to_owned()];
    read.about.metadata = Some(Json::new("{}"));
    read.about.service_tier = Some("flex".into());
    read.about.prompt_cache_key = Some("k".into());
    read.about.store = Some(true);
    read.unmapped.push("logit_bias".into());
    read.format = OutputFormat::JsonObject;
    let (body, losses) = write(read.clone(), OLD);
    assert_eq!(body["temperature"], json!(1.0));
    assert_eq!((body.get("top_p"), &body["top_k"]), (None, &json!(4)));
    assert_eq!(body["stop_sequences"], json!(["END"]));
    assert!(body["system"][0]["text"].as_str().unwrap().contains("JSON"));
    let mut named: Vec<&str> = losses.split(',').collect();
    named.sort_unstable();
    let wanted = [
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "messages.name",
        "metadata",
        "n",
        "presence_penalty",
        "prompt_cache_key",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "store",
        "temperature",
        "top_p",
    ];
    assert_eq!(named, wanted);
    let (body, losses) = write(read, "claude-opus-4-7");
    assert!(body.get("temperature").is_none() && body.get("top_k").is_none());
    assert!(losses.split(',').any(|name| name == "top_k"));
}

#[test]
fn schemas_keep_their_spelling_and_are_closed() {
    let mut read = talk(vec![turn(Role::User, "a")]);
    read.format = OutputFormat::JsonSchema {
        name: Some("n".into()),
        description: None,
        schema: Json::new(
            r#"{"type":"object","properties":{"z":{"type":"number","minimum":1.50},"a":{}}}"#,
        ),
        strict: Some(true),
    };
    let full = domain::Full::Conversation(read);
    let order = dialects::Order {
        operation: domain::Operation::Generate,
        full: &full,
        model: OLD,
        stream: true,
        vendor: dialects::Vendor::Anthropic,
        card: &ModelCard::default(),
    };
    let written = form().write_request(&order);
    let text = String::from_utf8(written.body.to_vec()).unwrap();
    assert!(text.contains(r#""format":{"type":"json_schema","schema":{"additionalProperties":false,"type":"object","properties":{"z":{"type":"number","minimum":1.50},"a":{}}}}"#), "{text}");
    assert!(text.contains(r#""stream":true"#));
    assert_eq!(written.losses.header(), "response_format.name,response_format.schema");
    let counting = dialects::Order { operation: domain::Operation::CountTokens, ..order };
    let counted: Value = serde_json::from_slice(&form().write_request(&counting).body).unwrap();
    assert!(counted.get("max_tokens").is_none() && counted.get("stream").is_none());
    assert!(counted["messages"].is_array());
}

#[test]
fn tools_are_written_with_their_choice() {
    let function = |name: &str| Function { name: name.into(), ..Function::default() };
    let hosted = |kind, dialect, name: &str| {
        Tool::Hosted(HostedTool {
            kind,
            dialect,
            name: name.into(),
            json: Json::new("{\"type\":\"x\"}"),
        })
    };
    let mut read = talk(vec![turn(Role::User, "a")]);
    read.tools = vec![
        Tool::Function(Function { parameters: Some(Json::new("{}")), ..function("a") }),
        Tool::Function(function("b")),
        Tool::Function(Function { free_text: true, ..function("c") }),
        hosted(HostedKind::WebSearch, Dialect::OpenAiResponses, "web_search_preview"),
        hosted(HostedKind::Other, Dialect::Anthropic, "bash_20250124"),
        hosted(HostedKind::Other, Dialect::OpenAiResponses, "file_search"),
    ];
    read.parallel_calls = Some(false);
    let (body, losses) = write(read.clone(), OLD);
    assert_eq!(body["tools"][0]["input_schema"], json!({"type": "object"}));
    assert_eq!(body["tools"][2]["input_schema"]["required"], json!(["input"]));
    assert_eq!(body["tools"][3]["type"], "web_search_20250305");
    assert_eq!(body["tools"][4], json!({"type": "x"}));
    assert_eq!(body["tool_choice"], json!({"type": "auto", "disable_parallel_tool_use": true}));
    assert_eq!(losses, "tools.custom,tools.web_search,tools.file_search");
    read.tool_choice = Some(ToolChoice::Among { names: vec!["b".into()], required: true });
    read.tools.truncate(3);
    let (body, losses) = write(read.clone(), OLD);
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["tool_choice"]["type"], "any");
    assert_eq!(losses, "");
    read.tools.clear();
    assert_eq!(write(read, OLD).1, "tool_choice");
}

#[test]
fn media_are_carried_or_named() {
    let media = |kind, source, mime: Option<&str>| {
        Content::Media(Media {
            kind,
            source,
            mime: mime.map(Box::from),
            name: Some("N".into()),
            detail: None,
            cache: None,
        })
    };
    let base64 = |data: &str| MediaSource::Base64(data.into());
    let one = |part| {
        let (body, losses) =
            write(talk(vec![Turn::new(Role::User, vec![Content::text("a"), part])]), OLD);
        (body["messages"][0]["content"].get(1).cloned(), losses)
    };
    let (block, losses) = one(media(MediaKind::Image, base64("iVBORw0KGgoAA"), None));
    assert_eq!(block.unwrap()["source"]["media_type"], "image/png");
    assert_eq!(losses, "");
    let (block, _) =
        one(media(MediaKind::Document, base64("aGk="), Some("text/plain; charset=utf-8")));
    assert_eq!(
        block.unwrap()["source"],
        json!({"type": "text", "media_type": "text/plain", "data": "hi"})
    );
    for (part, lost) in [
        (media(MediaKind::Audio, base64("x"), None), "audio"),
        (media(MediaKind::Video, base64("x"), None), "video"),
        (media(MediaKind::Image, base64("x"), Some("image/tiff")), "images"),
        (media(MediaKind::Image, MediaSource::File(Dialect::Gemini, "f".into()), None), "images"),
        (media(MediaKind::Document, base64("x"), Some("application/zip")), "documents"),
        (
            Content::Foreign(Foreign {
                dialect: Dialect::Gemini,
                kind: "x".into(),
                json: Json::new("{}"),
            }),
            "messages.x",
        ),
    ] {
        assert_eq!(one(part), (None, lost.to_owned()));
    }
}

#[test]
fn foreign_proofs_never_go_to_anthropic() {
    let proof =
        Proof { dialect: Dialect::Gemini, kind: ProofKind::Signature, id: None, data: "x".into() };
    let thinking = domain::Thinking { text: "hm".to_owned(), proof: Some(proof) };
    let read = talk(vec![
        turn(Role::User, "a"),
        Turn::new(Role::Assistant, vec![Content::Thinking(thinking), Content::text("b")]),
        turn(Role::User, "c"),
    ]);
    let (body, losses) = write(read, OLD);
    assert_eq!(body["messages"][1]["content"], json!([{"type": "text", "text": "b"}]));
    assert_eq!(losses, "thinking.signature,thinking");
}

#[test]
fn thinking_is_never_the_last_of_a_message() {
    let proof = Proof {
        dialect: Dialect::Anthropic,
        kind: ProofKind::Signature,
        id: None,
        data: "x".into(),
    };
    let thinking = || {
        Content::Thinking(domain::Thinking { text: "hm".to_owned(), proof: Some(proof.clone()) })
    };
    let alone = || Turn::new(Role::Assistant, vec![thinking()]);
    let (body, losses) =
        write(talk(vec![turn(Role::User, "a"), alone(), turn(Role::User, "b")]), OLD);
    assert_eq!((body["messages"].as_array().unwrap().len(), losses.as_str()), (1, "thinking"));
    let turns =
        vec![turn(Role::User, "a"), alone(), turn(Role::Assistant, "c"), turn(Role::User, "b")];
    let (body, losses) = write(talk(turns), OLD);
    assert_eq!(body["messages"][1]["content"].as_array().unwrap().len(), 2);
    assert_eq!(losses, "");
}
