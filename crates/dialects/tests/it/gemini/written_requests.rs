//! Requests for Google's models that come from other dialects: what is told, what is lost, and what
//! is needed by which model.

use dialects::{Order, Vendor};
use domain::{
    About, Content, Conversation, Dialect, Effort, Foreign, Full, Function, HostedKind, HostedTool,
    Json, Media, MediaKind, MediaSource, ModelCard, Operation, OutputFormat, Proof, ProofKind,
    Reasoning, Role, Sampling, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use serde_json::{Value, json};

use super::{form, json as parsed};

fn write_for(model: &str, conversation: Conversation, card: &ModelCard) -> (Value, Vec<String>) {
    let full = Full::Conversation(conversation);
    let (operation, stream, vendor) = (Operation::Generate, true, Vendor::Gemini);
    let order = Order { operation, full: &full, model, stream, vendor, card };
    let written = form().write_request(&order);
    assert!(!written.body.contains(&b'\n'));
    let losses = written.losses.iter().map(|loss| loss.field.to_string()).collect();
    (parsed(&written.body), losses)
}

fn write(model: &str, conversation: Conversation) -> (Value, Vec<String>) {
    write_for(model, conversation, &ModelCard::default())
}

fn says(text: &str) -> Vec<Turn> {
    vec![Turn::new(Role::User, vec![Content::text(text)])]
}

fn call(id: &str, name: &str, arguments: &str) -> Content {
    let (id, name, arguments) = (id.into(), name.into(), arguments.into());
    Content::ToolCall(ToolCall { id, name, arguments, ..ToolCall::default() })
}

fn result(id: &str, text: &str) -> Content {
    let content = vec![Content::text(text)];
    Content::ToolResult(ToolResult { id: id.into(), content, ..ToolResult::default() })
}

fn function(name: &str) -> Tool {
    Tool::Function(Function { name: name.into(), ..Function::default() })
}

#[test]
fn turns_have_two_roles_and_instructions_stand_apart() {
    let turns = vec![
        Turn::new(Role::System, vec![Content::text("One")]),
        Turn::new(Role::User, vec![Content::text("a")]),
        Turn::new(Role::User, vec![Content::text("b")]),
        Turn::new(Role::Developer, vec![Content::text("Two")]),
        Turn::new(Role::Assistant, vec![Content::text("c")]),
    ];
    let (written, losses) = write("gemini-2.5-flash", Conversation { turns, ..Default::default() });
    let wanted = json!({
        "contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]},{"role":"model","parts":[{"text":"c"}]}],
        "systemInstruction":{"parts":[{"text":"One"},{"text":"Two"}]}});
    assert_eq!(written, wanted);
    assert_eq!(losses, ["messages.system"]);
    let turns = vec![Turn::new(Role::System, vec![Content::text("Alone")])];
    let (written, _) = write("gemini-2.5-flash", Conversation { turns, ..Default::default() });
    assert_eq!(written["contents"], json!([{"role":"user","parts":[{"text":""}]}]));
}

#[test]
fn results_have_names_and_stand_in_the_order_of_their_calls() {
    let turns = vec![
        Turn::new(
            Role::Assistant,
            vec![call("call_a", "first", r#"{"x":1.50}"#), call("call_b", "second", "")],
        ),
        Turn::new(Role::Tool, vec![result("call_b", "two"), result("call_a", r#"{"one":1}"#)]),
        Turn::new(Role::User, vec![Content::text("go on")]),
    ];
    let (written, losses) = write("gemini-2.5-flash", Conversation { turns, ..Default::default() });
    let contents = json!([
        {"role":"model","parts":[
            {"functionCall":{"id":"call_a","name":"first","args":{"x":1.5}}},
            {"functionCall":{"id":"call_b","name":"second","args":{}}}]},
        {"role":"user","parts":[
            {"functionResponse":{"id":"call_a","name":"first","response":{"one":1}}},
            {"functionResponse":{"id":"call_b","name":"second","response":{"output":"two"}}}]},
        {"role":"user","parts":[{"text":"go on"}]}]);
    assert_eq!(written["contents"], contents);
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn calls_of_other_models_get_googles_word_where_it_is_needed() {
    let turns = || {
        vec![
            Turn::new(Role::Assistant, vec![call("a", "f", "{}"), call("b", "f", "{}")]),
            Turn::new(Role::Tool, vec![result("a", "1"), result("b", "2")]),
        ]
    };
    let (written, losses) =
        write("gemini-3-flash-preview", Conversation { turns: turns(), ..Default::default() });
    let parts = &written["contents"][0]["parts"];
    // What was recorded as accepted by the service itself.
    let word = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";
    assert_eq!(parts[0]["thoughtSignature"], word);
    assert!(parts[1].get("thoughtSignature").is_none());
    assert_eq!(losses, ["tool_calls.signature"]);
    let (written, losses) =
        write("gemini-2.5-flash", Conversation { turns: turns(), ..Default::default() });
    assert!(!written.to_string().contains("thoughtSignature") && losses.is_empty());
}

#[test]
fn proofs_of_others_are_dropped_and_named() {
    let thinking = |dialect| {
        let kind = ProofKind::Signature;
        let proof = Some(Proof { dialect, kind, id: None, data: "c2ln".into() });
        Content::Thinking(Thinking { text: "hm".into(), proof })
    };
    let turns = vec![Turn::new(
        Role::Assistant,
        vec![
            thinking(Dialect::Anthropic),
            thinking(Dialect::Gemini),
            Content::Foreign(Foreign {
                dialect: Dialect::Anthropic,
                kind: "container_upload".into(),
                json: Json::new("{}"),
            }),
            Content::text("done"),
        ],
    )];
    let (written, losses) = write("gemini-2.5-flash", Conversation { turns, ..Default::default() });
    let parts = json!([
        {"text":"hm","thought":true,"thoughtSignature":"c2ln"},{"text":"done"}]);
    assert_eq!(written["contents"][0]["parts"], parts);
    assert_eq!(losses, ["thinking.signature", "thinking", "container_upload"]);
}

fn media(kind: MediaKind, source: MediaSource) -> Media {
    Media { kind, source, mime: None, name: None, detail: None, cache: None }
}

#[test]
fn media_are_inline_or_have_addresses() {
    let document = Media {
        name: Some("a.txt".into()),
        cache: Some(Json::new(r#"{"type":"ephemeral"}"#)),
        ..media(MediaKind::Document, MediaSource::Text("Man".into()))
    };
    let image = Media {
        detail: Some("high".into()),
        ..media(MediaKind::Image, MediaSource::Base64("/9j/AAAA".into()))
    };
    let turns = vec![Turn::new(
        Role::User,
        vec![
            Content::Media(document),
            Content::Media(image),
            Content::Media(media(
                MediaKind::Image,
                MediaSource::Url("https://a.test/b.png?x".into()),
            )),
            Content::Media(media(MediaKind::Video, MediaSource::Url("https://youtu.be/x".into()))),
            Content::Media(media(
                MediaKind::Document,
                MediaSource::File(Dialect::Anthropic, "f".into()),
            )),
        ],
    )];
    let (written, losses) = write("gemini-2.5-flash", Conversation { turns, ..Default::default() });
    let parts = json!([
        {"inlineData":{"mimeType":"text/plain","data":"TWFu"}},
        {"inlineData":{"mimeType":"image/jpeg","data":"/9j/AAAA"}},
        {"fileData":{"mimeType":"image/png","fileUri":"https://a.test/b.png?x"}},
        {"fileData":{"mimeType":"video/mp4","fileUri":"https://youtu.be/x"}}]);
    assert_eq!(written["contents"][0]["parts"], parts);
    let wanted = ["cache_control", "file.filename", "image_url.detail", "image_url", "file_id"];
    assert_eq!(losses, wanted);
}

#[test]
fn media_in_results_stand_where_the_model_bears_them() {
    let turns = || {
        let content = vec![
            Content::text("see"),
            Content::Media(media(MediaKind::Image, MediaSource::Base64("iVBORw0KGgo".into()))),
        ];
        vec![
            Turn::new(Role::Assistant, vec![call("a", "f", "{}")]),
            Turn::new(
                Role::Tool,
                vec![Content::ToolResult(ToolResult {
                    id: "a".into(),
                    content,
                    ..ToolResult::default()
                })],
            ),
        ]
    };
    let inline = json!({"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo"}});
    let (written, _) = write("gemini-3-pro", Conversation { turns: turns(), ..Default::default() });
    let parts = &written["contents"][1]["parts"];
    assert_eq!(parts[0]["functionResponse"]["parts"][0], inline);
    let (written, losses) =
        write("gemini-2.5-pro", Conversation { turns: turns(), ..Default::default() });
    assert_eq!(written["contents"][1]["parts"][1], inline);
    assert_eq!(losses, ["tool_result.media"]);
}

#[test]
fn settings_without_a_counterpart_are_named() {
    let conversation = Conversation {
        turns: says("a"),
        tools: vec![Tool::Function(Function {
            name: "f".into(),
            strict: Some(true),
            ..Function::default()
        })],
        tool_choice: Some(ToolChoice::Required),
        parallel_calls: Some(false),
        sampling: Sampling {
            seed: Some(1 << 40),
            stop: (0..7).map(|n| n.to_string()).collect(),
            output_tokens_max: Some(100_000),
            logprobs: Some(25),
            ..Sampling::default()
        },
        about: About {
            user: Some("u".into()),
            metadata: Some(Json::new("{}")),
            service_tier: Some("scale".into()),
            prompt_cache_key: Some("k".into()),
            store: Some(true),
        },
        unmapped: vec!["logit_bias".into()],
        ..Conversation::default()
    };
    let card = ModelCard { output_tokens_max: Some(65_536), ..ModelCard::default() };
    let (written, losses) = write_for("gemini-2.5-flash", conversation, &card);
    assert_eq!(written["generationConfig"]["maxOutputTokens"], 65_536);
    assert_eq!(written["generationConfig"]["stopSequences"].as_array().unwrap().len(), 5);
    assert_eq!(written["toolConfig"]["functionCallingConfig"], json!({"mode":"ANY"}));
    let wanted = [
        "logit_bias",
        "tools.strict",
        "parallel_tool_calls",
        "seed",
        "max_tokens",
        "stop",
        "top_logprobs",
        "user",
        "metadata",
        "prompt_cache_key",
        "store",
        "service_tier",
    ];
    assert_eq!(losses, wanted);
}

#[test]
fn a_schema_beside_functions_depends_on_the_model() {
    let conversation = || Conversation {
        turns: says("a"),
        tools: vec![function("f")],
        format: OutputFormat::JsonSchema {
            name: None,
            description: None,
            schema: Json::new("{\"type\":\n\"object\"}"),
            strict: Some(true),
        },
        ..Conversation::default()
    };
    let (written, losses) = write("gemini-3-flash", conversation());
    assert_eq!(written["generationConfig"]["responseJsonSchema"], json!({"type":"object"}));
    assert_eq!(written["generationConfig"]["responseMimeType"], "application/json");
    assert!(losses.is_empty());
    let (written, losses) = write("gemini-2.5-flash", conversation());
    assert!(written.get("generationConfig").is_none());
    let told = written["systemInstruction"]["parts"][0]["text"].as_str().unwrap();
    assert!(told.contains(r#"{"type": "object"}"#), "{told}");
    assert_eq!(losses, ["response_format"]);
}

#[test]
fn hosted_tools_have_counterparts() {
    let hosted = |kind, name: &str| {
        let (dialect, json) = (Dialect::Anthropic, Json::new("{}"));
        Tool::Hosted(HostedTool { kind, dialect, name: name.into(), json })
    };
    let tools = || {
        vec![
            hosted(HostedKind::WebSearch, "web_search_20250305"),
            hosted(HostedKind::Other, "computer_use"),
        ]
    };
    let (written, losses) = write(
        "gemini-2.5-flash",
        Conversation { turns: says("a"), tools: tools(), ..Default::default() },
    );
    assert_eq!(written["tools"], json!([{"googleSearch":{}}]));
    assert_eq!(losses, ["web_search", "computer_use"]);
    let mut both = tools();
    both.push(function("f"));
    let (written, losses) = write(
        "gemini-2.5-flash",
        Conversation { turns: says("a"), tools: both.clone(), ..Default::default() },
    );
    assert_eq!(written["tools"], json!([{"functionDeclarations":[{"name":"f"}]}]));
    assert!(losses.contains(&"tools.hosted".to_owned()));
    let (written, _) =
        write("gemini-3-pro", Conversation { turns: says("a"), tools: both, ..Default::default() });
    assert_eq!(written["tools"].as_array().unwrap().len(), 2);
    assert_eq!(written["toolConfig"]["includeServerSideToolInvocations"], true);
}

#[test]
fn thinking_is_asked_for_as_the_model_bears_it() {
    let thinking = |model: &str, reasoning| {
        let conversation = Conversation { turns: says("a"), reasoning, ..Default::default() };
        let (written, losses) = write(model, conversation);
        (written["generationConfig"]["thinkingConfig"].clone(), losses)
    };
    let effort = |effort| Reasoning { effort: Some(effort), ..Reasoning::default() };
    let shown = Reasoning { shown: Some(true), ..effort(Effort::High) };
    let wanted = (json!({"thinkingLevel":"HIGH","includeThoughts":true}), Vec::new());
    assert_eq!(thinking("gemini-3-pro", shown), wanted);
    let wanted = (json!({"thinkingBudget":0}), Vec::new());
    assert_eq!(thinking("gemini-2.5-flash", effort(Effort::None)), wanted);
    let (config, losses) = thinking("gemini-2.0-flash", shown);
    assert_eq!((config, losses.len()), (Value::Null, 2));
    let budget = Reasoning { budget_tokens: Some(100_000), ..Reasoning::default() };
    let wanted = (json!({"thinkingBudget":32_768}), vec!["thinking.budget_tokens".to_owned()]);
    assert_eq!(thinking("gemini-2.5-pro", budget), wanted);
    let wanted = (Value::Null, Vec::new());
    assert_eq!(thinking("gemini-2.0-flash", effort(Effort::None)), wanted);
}

#[test]
fn what_is_attached_to_texts_is_named() {
    let text = Text {
        text: "a".into(),
        citations: Vec::new(),
        cache: Some(Json::new(r#"{"type":"ephemeral"}"#)),
    };
    let mut turn = Turn::new(Role::User, vec![Content::Text(text)]);
    turn.name = Some("Ann".into());
    let free = ToolCall {
        id: "x".into(),
        name: "patch".into(),
        arguments: "free words".into(),
        free_text: true,
        signature: None,
    };
    let turns = vec![turn, Turn::new(Role::Assistant, vec![Content::ToolCall(free)])];
    let (written, losses) = write("gemini-2.5-flash", Conversation { turns, ..Default::default() });
    let args = &written["contents"][1]["parts"][0]["functionCall"]["args"];
    assert_eq!(*args, json!({"input":"free words"}));
    assert_eq!(losses, ["messages.name", "cache_control", "tool_calls.custom"]);
}
