//! Outlines, rewrites and full forms of single requests, and requests for other servers.

use bytes::Bytes;
use dialects::{Ask, Order, Vendor};
use domain::{
    Content, Conversation, Dialect, Effort, Full, HostedKind, Json, Media, MediaKind, MediaSource,
    ModelCard, Needs, Operation, OutputFormat, Proof, ProofKind, Role, Thinking, Tool, ToolCall,
    ToolChoice, ToolResult, Turn,
};
use serde_json::{Value, json};

use super::{form, full, request, written_for, written_text};

fn outline(body: &str, in_path: Option<&str>) -> Result<domain::Outline, dialects::Malformed> {
    form().read_outline(&Ask {
        operation: Operation::Generate,
        body: body.as_bytes(),
        model_in_path: in_path,
        stream_in_path: false,
    })
}

fn rewritten(body: &str, model: &str) -> String {
    String::from_utf8(form().rewrite(&request(body), model, true).to_vec()).unwrap()
}

#[test]
fn a_form_may_be_asked_for_as_perplexitys_clients_do() {
    let format = r#"{"type":"json_schema","json_schema":{"name":"n","schema":{"a":1.50}}}"#;
    let asked = full(&format!(r#"{{"model":"m","input":"a","response_format":{format}}}"#));
    let usual = r#"{"format":{"type":"json_schema","name":"n","schema":{"a":1.50}}}"#;
    let wanted = full(&format!(r#"{{"model":"m","input":"a","text":{usual}}}"#));
    assert_eq!((asked.format, asked.needs), (wanted.format, wanted.needs));
}

#[test]
fn the_outline_has_what_routing_needs() {
    let body = r#" {"input":"{\"model\":\"no\"}", "model" : "gpt-x","stream":true,
        "max_output_tokens":7,"future_field":[1.50]} "#;
    let outline = outline(body, None).unwrap();
    assert_eq!(&*outline.model, "gpt-x");
    assert_eq!(&body[outline.model_at.unwrap()], "\"gpt-x\"");
    assert!(outline.stream && outline.usage_in_stream);
    assert_eq!(outline.output_tokens_max, Some(7));
    assert!(outline.needs.is_empty());
}

#[test]
fn needs_at_the_top_are_seen() {
    for (field, need) in [
        (r#""tools":[{"type":"function"}]"#, Needs::TOOLS),
        (r#""tools":[{"type":"custom"},{"type":"namespace"}]"#, Needs::TOOLS),
        (r#""tools":[{"type":"web_search_preview"}]"#, Needs::HOSTED_TOOLS),
        (r#""tools":[{"type":"mcp"},{"type":"local_shell"}]"#, Needs::TOOLS | Needs::HOSTED_TOOLS),
        (r#""text":{"format":{"type":"json_schema"}}"#, Needs::JSON_OUTPUT),
        (r#""text":{"format":{"type":"text"},"verbosity":"low"}"#, Needs::default()),
        (r#""reasoning":{"effort":"high"}"#, Needs::REASONING),
        (r#""reasoning":{"effort":"none"}"#, Needs::default()),
        (r#""top_logprobs":2"#, Needs::LOGPROBS),
        (r#""include":["message.output_text.logprobs"]"#, Needs::LOGPROBS),
        (r#""include":["reasoning.encrypted_content"],"tools":[]"#, Needs::default()),
    ] {
        let body = format!(r#"{{"model":"m","input":"x",{field}}}"#);
        assert_eq!(outline(&body, None).unwrap().needs, need, "{field}");
    }
}

#[test]
fn what_cannot_be_routed_is_refused_with_its_field() {
    for (body, param, words) in [
        ("", None, "empty"),
        ("[]", None, "object"),
        ("{", None, "line 1"),
        (r#"{"input":"x"}"#, Some("model"), "missing"),
        (r#"{"model":4,"input":"x"}"#, Some("model"), "string"),
        (r#"{"model":"","input":"x"}"#, Some("model"), "empty"),
        (r#"{"model":"m"}"#, Some("input"), "missing"),
        (r#"{"model":"m","input":7}"#, Some("input"), "array of items"),
        (r#"{"model":"m","input":"x","stream":"yes"}"#, Some("stream"), "true or false"),
        (r#"{"model":"m","input":"x","model":"n"}"#, Some("model"), "twice"),
        (r#"{"model":"m","input":"x","inp\u0075t":"y"}"#, Some("input"), "twice"),
        (r#"{"stream":true,"model":"m","input":"x","stream":false}"#, Some("stream"), "twice"),
    ] {
        let refused = outline(body, None).unwrap_err();
        assert_eq!(refused.param, param, "{body}");
        assert!(refused.message.contains(words), "{body}: {}", refused.message);
    }
    assert!(outline(r#"{"model":"m","previous_response_id":"resp_1"}"#, None).is_ok());
    assert_eq!(&*outline(r#"{"input":"x"}"#, Some("deployed")).unwrap().model, "deployed");
}

#[test]
fn a_rewrite_changes_the_model_and_nothing_else() {
    let body = r#"{ "b":1.50,"model" : "m", "input":[ ],"b":2e0, "ü":"\u00fc" }"#;
    assert_eq!(rewritten(body, "x\"y"), body.replace("\"m\"", r#""x\"y""#));
    let same = request(body);
    assert_eq!(form().rewrite(&same, "m", true).as_ptr(), same.body.as_ptr());
    let spelled = r#"{"mod\u0065l":"\u006d","input":"x","x":{"model":"m"}}"#;
    assert_eq!(rewritten(spelled, "n"), r#"{"mod\u0065l":"n","input":"x","x":{"model":"m"}}"#);
    let mut pathless = request(r#"{"model":"m","input":"x"}"#);
    pathless.body = Bytes::from_static(br#"{"input":"x"}"#);
    pathless.outline.model_at = None;
    assert_eq!(&form().rewrite(&pathless, "m", false)[..], br#"{"model":"m","input":"x"}"#);
    // The path may have named another model than the body.
    let mut two_names = request(r#"{"model":"m","input":"x"}"#);
    two_names.outline.model = "n".into();
    assert_eq!(&form().rewrite(&two_names, "n", false)[..], br#"{"model":"n","input":"x"}"#);
}

const EVERYTHING: &str = r#"{"model":"m","instructions":"be brief","stream":true,"store":true,
 "temperature":0.7,"top_p":0.1,"max_output_tokens":99,"top_logprobs":3,"parallel_tool_calls":false,
 "metadata":{"a":"b"},"service_tier":"flex","prompt_cache_key":"k","safety_identifier":"u",
 "truncation":"auto","max_tool_calls":3,"client_metadata":{},"context_management":[{"type":"x"}],
 "include":["message.output_text.logprobs","reasoning.encrypted_content"],
 "reasoning":{"effort":"high","summary":"auto"},"background":false,"previous_response_id":null,
 "text":{"verbosity":"low","format":{"type":"json_schema","name":"n","schema":{"a":1.50},"strict":true}},
 "tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"web_search"}]},
 "tools":[{"type":"function","name":"f","parameters":{"type":"object","x":1.0},"strict":true},
  {"type":"custom","name":"c","description":"d"},{"type":"web_search","filters":{}},
  {"type":"namespace","name":"ns","tools":[]},{"type":"mcp","server_label":"l"}],
 "input":[{"role":"developer","content":"d"},
  {"role":"user","content":[{"type":"input_text","text":"look"},
   {"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"low"},
   {"type":"input_image","file_id":"file-1"},
   {"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,BBBB"},
   {"type":"input_file","file_url":"https://x/y.pdf"},
   {"type":"input_audio","input_audio":{"data":"CCCC","format":"mp3"}},
   {"type":"input_hologram","rays":7}]},
  {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"SEAL"},
  {"type":"message","role":"assistant","content":[{"type":"output_text","text":"calling","annotations":[]}]},
  {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\": 1}"},
  {"type":"web_search_call","id":"ws_1","status":"completed"},
  {"type":"custom_tool_call","call_id":"c2","name":"c","input":"raw"},
  {"type":"function_call_output","call_id":"c1","output":"one"},
  {"type":"custom_tool_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"},{"type":"input_image","image_url":"https://x/i.png"}]},
  {"role":"user","content":"and?"}]}"#;

#[test]
fn everything_is_read() {
    let read = full(EVERYTHING);
    let roles: Vec<Role> = read.turns.iter().map(|turn| turn.role).collect();
    use Role::{Assistant, Developer, System, Tool as Results, User};
    assert_eq!(roles, [System, Developer, User, Assistant, Results, User]);
    let media: Vec<_> = read.turns[2].content[1..6]
        .iter()
        .map(|content| match content {
            Content::Media(media) => (media.kind, media.source.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let wanted = [
        (MediaKind::Image, MediaSource::Base64("AAAA".into())),
        (MediaKind::Image, MediaSource::File(Dialect::OpenAiResponses, "file-1".into())),
        (MediaKind::Document, MediaSource::Base64("BBBB".into())),
        (MediaKind::Document, MediaSource::Url("https://x/y.pdf".into())),
        (MediaKind::Audio, MediaSource::Base64("CCCC".into())),
    ];
    assert_eq!(media, wanted);
    assert!(
        matches!(&read.turns[2].content[6], Content::Foreign(f) if &*f.kind == "input_hologram")
    );
    let said = &read.turns[3].content;
    assert!(matches!(&said[0], Content::Thinking(Thinking { text, proof: Some(proof) })
        if text == "hm" && &*proof.data == "SEAL" && proof.kind == ProofKind::Sealed));
    assert!(matches!(&said[2], Content::ToolCall(call) if call.arguments == "{\"a\": 1}"));
    assert!(matches!(&said[3], Content::Foreign(f) if &*f.kind == "web_search_call"));
    assert!(
        matches!(&said[4], Content::ToolCall(call) if call.free_text && call.arguments == "raw")
    );
    let results = &read.turns[4].content;
    assert!(matches!(&results[..], [Content::ToolResult(a), Content::ToolResult(b)]
        if a.name.as_deref() == Some("f") && b.content.len() == 2));
    assert!(matches!(&read.tools[0], Tool::Function(f) if f.strict == Some(true)
        && f.parameters.as_ref().unwrap().as_str() == r#"{"type":"object","x":1.0}"#));
    assert!(matches!(&read.tools[1], Tool::Function(f) if f.free_text));
    assert!(matches!(&read.tools[2], Tool::Hosted(tool) if tool.kind == HostedKind::WebSearch));
    assert!(matches!(&read.tools[3], Tool::Hosted(tool) if &*tool.name == "namespace"));
    let names = vec!["f".into(), "web_search".into()];
    assert_eq!(read.tool_choice, Some(ToolChoice::Among { names, required: true }));
    assert_eq!(read.parallel_calls, Some(false));
    assert_eq!(read.sampling.logprobs, Some(3));
    assert_eq!(read.sampling.output_tokens_max, Some(99));
    assert_eq!(read.reasoning.effort, Some(Effort::High));
    assert_eq!(read.reasoning.shown, Some(true));
    assert!(matches!(&read.format, OutputFormat::JsonSchema { schema, strict: Some(true), .. }
        if schema.as_str() == r#"{"a":1.50}"#));
    assert_eq!(read.about.user.as_deref(), Some("u"));
    assert_eq!(read.about.store, Some(true));
    let unmapped: Vec<&str> = read.unmapped.iter().map(|name| &**name).collect();
    let wanted = [
        "truncation",
        "max_tool_calls",
        "client_metadata",
        "context_management",
        "include.reasoning.encrypted_content",
        "text.verbosity",
    ];
    assert_eq!(unmapped, wanted);
    let needs = Needs::TOOLS
        | Needs::HOSTED_TOOLS
        | Needs::IMAGES
        | Needs::DOCUMENTS
        | Needs::AUDIO
        | Needs::JSON_OUTPUT
        | Needs::LOGPROBS
        | Needs::REASONING;
    assert_eq!(read.needs, needs);
}

#[test]
fn everything_is_written_again() {
    let card = ModelCard::default();
    let (text, losses) = written_text(full(EVERYTHING), Vendor::OpenAi, &card);
    let written: Value = serde_json::from_str(&text).unwrap();
    let again = full(&text);
    let mut before = full(EVERYTHING);
    before.unmapped.clear();
    assert_eq!(again, before);
    assert!(losses.contains(&"truncation".to_owned()), "{losses:?}");
    assert_eq!(losses.len(), 6, "{losses:?}");
    assert_eq!(written["tool_choice"]["tools"][1], json!({"type": "web_search"}));
    assert_eq!(written["input"][0], json!({"type":"message","role":"developer","content":"d"}));
}

#[test]
fn what_is_stored_elsewhere_is_refused_with_a_sentence() {
    for (field, param) in [
        (r#""input":"x","previous_response_id":"resp_1""#, "previous_response_id"),
        (r#""input":"x","conversation":{"id":"conv_1"}"#, "conversation"),
        (r#""prompt":{"id":"pmpt_1"}"#, "prompt"),
        (r#""input":"x","background":true"#, "background"),
        (r#""input":[{"type":"item_reference","id":"msg_1"}]"#, "input"),
        (r#""input":[{"id":"msg_1"}]"#, "input"),
    ] {
        let request = request(&format!(r#"{{"model":"m",{field}}}"#));
        let refused = form().read_full(&request).unwrap_err();
        assert_eq!(refused.param, Some(param), "{field}");
        assert!(refused.message.contains("OpenAI"), "{}", refused.message);
    }
}

#[test]
fn what_cannot_be_understood_is_named_with_its_place() {
    for (input, words) in [
        ("[7]", "`input[0]` must be an object"),
        ("[{}]", "`input[0]` has no `type`"),
        (r#"[{"role":"user","content":"x"},{"role":"wizard","content":""}]"#, "`input[1].role`"),
        (r#"[{"role":"user","content":7}]"#, "`input[0].content` must be"),
        (r#"[{"role":"user","content":[{"text":"x"}]}]"#, "`input[0].content[0]` has no `type`"),
        (r#"[{"role":"user","content":[{"type":"input_image"}]}]"#, "`input[0].content[0]` has"),
        (r#"[{"type":"function_call","call_id":"a"}]"#, "`input[0].name` is missing"),
        (r#"[{"type":"function_call_output","call_id":"a"}]"#, "`input[0].output` is missing"),
    ] {
        let request = request(&format!(r#"{{"model":"m","input":{input}}}"#));
        let refused = form().read_full(&request).unwrap_err();
        assert!(refused.message.contains(words), "{input}: {}", refused.message);
    }
}

#[test]
fn results_stand_behind_the_turn_that_they_answer() {
    let call = |id: &str| {
        format!(r#"{{"type":"function_call","call_id":"{id}","name":"f","arguments":"{{}}"}}"#)
    };
    let output =
        |id: &str| format!(r#"{{"type":"function_call_output","call_id":"{id}","output":"{id}"}}"#);
    let user = r#"{"role":"user","content":"wait"}"#.to_owned();
    let items = [call("a"), call("b"), output("b"), user, output("a"), call("c"), output("c")];
    let body = format!(r#"{{"model":"m","input":[{},{}]}}"#, items.join(","), output("orphan"));
    let turns = full(&body).turns;
    let roles: Vec<Role> = turns.iter().map(|turn| turn.role).collect();
    use Role::{Assistant, Tool as Results, User};
    assert_eq!(roles, [Assistant, Results, User, Assistant, Results, Results]);
    let ids = |turn: &Turn| -> Vec<String> {
        let results = turn.content.iter().filter_map(|content| match content {
            Content::ToolResult(result) => Some(result.id.to_string()),
            _ => None,
        });
        results.collect()
    };
    assert_eq!(ids(&turns[1]), ["b", "a"]);
    assert_eq!(ids(&turns[4]), ["c"]);
    assert_eq!(ids(&turns[5]), ["orphan"]);
}

/// A conversation of another dialect, with all that this one cannot say.
fn foreign() -> Conversation {
    let mut conversation = Conversation::default();
    let proof = Proof {
        dialect: Dialect::Anthropic,
        kind: ProofKind::Signature,
        id: None,
        data: "sig".into(),
    };
    let call = |id: &str, name: &str| {
        Content::ToolCall(ToolCall {
            id: id.into(),
            name: name.into(),
            signature: Some("g".into()),
            ..ToolCall::default()
        })
    };
    let result = |name: &str, content| {
        Content::ToolResult(ToolResult {
            name: Some(name.into()),
            content,
            is_error: true,
            ..ToolResult::default()
        })
    };
    let video = Content::Media(Media {
        kind: MediaKind::Video,
        source: MediaSource::Url("https://x/v".into()),
        mime: None,
        name: None,
        detail: None,
        cache: Some(Json::new("{}")),
    });
    let thinking = Content::Thinking(Thinking { text: "hm".into(), proof: Some(proof) });
    conversation.turns = vec![
        Turn::new(Role::System, vec![Content::text("a"), Content::text("b")]),
        Turn::new(Role::User, vec![Content::text("q"), video]),
        Turn::new(Role::Assistant, vec![thinking, call("", "f"), call("", "g"), call("", "f")]),
        Turn::new(
            Role::Tool,
            vec![
                result("f", vec![Content::text("1")]),
                result("g", vec![]),
                result("f", vec![Content::SearchResults(vec![])]),
            ],
        ),
    ];
    conversation.sampling.top_k = Some(3);
    conversation.sampling.stop = vec!["END".into()];
    conversation.sampling.temperature = Some(1.0);
    conversation.sampling.output_tokens_max = Some(5);
    conversation.reasoning.budget_tokens = Some(9000);
    conversation.about.service_tier = Some("batch".into());
    conversation.format = OutputFormat::JsonObject;
    conversation.unmapped = vec!["odd".into()];
    conversation
}

#[test]
fn losses_are_named() {
    let card = ModelCard { reasons: Some(true), ..ModelCard::default() };
    let (written, mut losses) = written_for(foreign(), Vendor::OpenAi, &card);
    losses.sort();
    let wanted = [
        "cache_control",
        "max_output_tokens",
        "odd",
        "response_format",
        "search_results",
        "service_tier",
        "stop",
        "temperature",
        "thinking",
        "thinking.budget_tokens",
        "thinking.signature",
        "thought_signature",
        "tool_result.is_error",
        "top_k",
        "video",
    ];
    assert_eq!(losses, wanted);
    assert_eq!(written["instructions"], "a\nb\n\nAnswer with a JSON object.");
    assert_eq!(written["store"], false);
    assert_eq!(written["max_output_tokens"], 16);
    assert_eq!(written["reasoning"], json!({"effort": "medium"}));
    let items = written["input"].as_array().unwrap();
    let ids: Vec<&Value> = items.iter().map(|item| &item["call_id"]).skip(1).collect();
    assert_eq!(ids, ["call_0", "call_1", "call_2", "call_0", "call_1", "call_2"]);
    assert_eq!(items[1]["arguments"], "{}");
    assert_eq!(items[5]["output"], "Error");
    assert!(items[6]["output"].as_str().unwrap().contains("cannot be shown"));
}

#[test]
fn perplexity_gets_only_what_it_knows() {
    let known = [
        "model",
        "preset",
        "instructions",
        "input",
        "tools",
        "response_format",
        "reasoning",
        "max_output_tokens",
        "store",
        "stream",
    ];
    let card = ModelCard::default();
    for conversation in [full(EVERYTHING), foreign()] {
        let (written, losses) = written_for(conversation, Vendor::Perplexity, &card);
        for name in written.as_object().unwrap().keys() {
            assert!(known.contains(&name.as_str()), "{name}");
        }
        assert_eq!(written["preset"], "gpt-x");
        for item in written["input"].as_array().unwrap() {
            let kind = item["type"].as_str().unwrap();
            assert!(["message", "function_call", "function_call_output"].contains(&kind), "{item}");
            for part in item["content"].as_array().into_iter().flatten() {
                assert!(["input_text", "input_image"].contains(&part["type"].as_str().unwrap()));
            }
            assert!(item.get("output").is_none_or(Value::is_string), "{item}");
        }
        assert!(losses.contains(&"temperature".to_owned()), "{losses:?}");
    }
    let (written, losses) = written_for(full(EVERYTHING), Vendor::Perplexity, &card);
    let tools: Vec<&Value> =
        written["tools"].as_array().unwrap().iter().map(|tool| &tool["type"]).collect();
    assert_eq!(tools, ["function", "web_search"]);
    for lost in ["document", "audio", "thinking", "tool_choice", "metadata", "logprobs"] {
        assert!(losses.contains(&lost.to_owned()), "{lost}: {losses:?}");
    }
    let full = Full::Conversation(foreign());
    let order = Order {
        operation: Operation::Generate,
        full: &full,
        model: "openai/gpt-x",
        stream: true,
        vendor: Vendor::Perplexity,
        card: &card,
    };
    let written: Value = serde_json::from_slice(&form().write_request(&order).body).unwrap();
    assert_eq!((&written["model"], &written["stream"]), (&json!("openai/gpt-x"), &json!(true)));
}

#[test]
fn long_ids_stay_apart_and_match() {
    let long = |end: &str| format!("{}{end}", "x".repeat(80));
    let call = |id: &str| {
        Content::ToolCall(ToolCall { id: id.into(), name: "f".into(), ..ToolCall::default() })
    };
    let result =
        |id: &str| Content::ToolResult(ToolResult { id: id.into(), ..ToolResult::default() });
    let conversation = Conversation {
        turns: vec![
            Turn::new(Role::Assistant, vec![call(&long("a")), call(&long("b"))]),
            Turn::new(Role::Tool, vec![result(&long("a")), result(&long("b"))]),
        ],
        ..Conversation::default()
    };
    let (written, _) = written_for(conversation, Vendor::OpenAi, &ModelCard::default());
    let ids: Vec<&str> =
        (0..4).map(|at| written["input"][at]["call_id"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|id| id.len() <= 64));
    assert!(ids[0] == ids[2] && ids[1] == ids[3] && ids[0] != ids[1]);
}

#[test]
fn a_tool_is_named_as_it_is_offered() {
    let hosted = |name: &str, kind| {
        Tool::Hosted(domain::HostedTool {
            kind,
            dialect: Dialect::Anthropic,
            name: name.into(),
            json: Json::new("{}"),
        })
    };
    let function = |name: &str, free_text| {
        Tool::Function(domain::Function { name: name.into(), free_text, ..Default::default() })
    };
    let tools = vec![
        function("f", false),
        function("c", true),
        hosted("web_search_20250305", HostedKind::WebSearch),
        hosted("memory_20250818", HostedKind::Other),
    ];
    for (name, wanted) in [
        ("f", json!({"type": "function", "name": "f"})),
        ("c", json!({"type": "custom", "name": "c"})),
        ("web_search", json!({"type": "web_search"})),
        ("memory", json!("required")),
        ("nobody", json!("required")),
    ] {
        let conversation = Conversation {
            tools: tools.clone(),
            tool_choice: Some(ToolChoice::Named(name.into())),
            ..Conversation::default()
        };
        let (written, losses) = written_for(conversation, Vendor::OpenAi, &ModelCard::default());
        assert_eq!(written["tool_choice"], wanted, "{name}");
        let approximated = losses.contains(&"tool_choice".to_owned());
        assert_eq!(approximated, wanted == "required", "{losses:?}");
        assert!(losses.contains(&"tools.memory_20250818".to_owned()), "{losses:?}");
        assert_eq!(written["tools"].as_array().unwrap().len(), 3);
        assert_eq!(written["tools"][0]["strict"], false);
    }
}

#[test]
fn a_count_asks_for_nothing_but_the_input() {
    let full = Full::Conversation(full(EVERYTHING));
    let order = Order {
        operation: Operation::CountTokens,
        full: &full,
        model: "gpt-x",
        stream: true,
        vendor: Vendor::OpenAi,
        card: &ModelCard::default(),
    };
    let written: Value = serde_json::from_slice(&form().write_request(&order).body).unwrap();
    let names: Vec<&String> = written.as_object().unwrap().keys().collect();
    let wanted = [
        "input",
        "instructions",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
    ];
    assert_eq!(names, wanted);
}
