//! Requests, read into the internal form and written from it.

use domain::{
    Content, Dialect, Effort, HostedKind, Needs, Proof, ProofKind, Role, Tool, ToolCall, ToolChoice,
};
use serde_json::{Value, json};

use super::{ask, form, full, request, write};

/// A request in one of its several spellings: contents are arrays, results come first, adjacent
/// turns of a role are one, and what says the usual is not said.
pub(crate) fn normal(asked: &Value) -> Value {
    let mut body = asked.clone();
    let object = body.as_object_mut().unwrap();
    object.remove("stream");
    object.remove("service_tier");
    object.retain(|_, value| !value.is_null() && *value != json!([]));
    if let Some(system) = object.get_mut("system") {
        *system = blocks(system);
    }
    for tool in object.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten() {
        tool.as_object_mut().unwrap().remove("defer_loading");
        if tool["type"] == "custom" {
            tool.as_object_mut().unwrap().remove("type");
        }
    }
    let mut messages: Vec<Value> = Vec::new();
    for message in object["messages"].as_array().unwrap() {
        let mut content = blocks(&message["content"]);
        let last = messages.last_mut().filter(|last| last["role"] == message["role"]);
        match last {
            Some(last) => {
                last["content"].as_array_mut().unwrap().append(content.as_array_mut().unwrap());
            }
            None => messages.push(json!({"role": message["role"], "content": content})),
        }
    }
    for message in &mut messages {
        let list = message["content"].as_array_mut().unwrap();
        list.sort_by_key(|block| block["type"] != "tool_result");
    }
    object.insert("messages".to_owned(), Value::Array(messages));
    body
}

fn blocks(content: &Value) -> Value {
    let mut list = match content {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        Value::Array(list) => list.clone(),
        other => panic!("{other}"),
    };
    for block in &mut list {
        let object = block.as_object_mut().unwrap();
        object.retain(|name, value| !(value.is_null() || name == "is_error" && *value == false));
        if object["type"] == "tool_result"
            && let Some(content) = object.get_mut("content")
        {
            *content = blocks(content);
        }
        object.remove("caller");
        object.retain(|name, value| !(name == "content" && *value == json!([])));
    }
    Value::Array(list)
}

/// Compares but for members that are named as lost.
pub(crate) fn same_request(path: &str, mut wanted: Value, mut seen: Value, losses: &str) {
    for loss in losses.split(',') {
        for body in [&mut wanted, &mut seen] {
            body.as_object_mut().unwrap().remove(loss);
        }
    }
    let told = wanted.get("max_tokens").is_some();
    if !told {
        seen.as_object_mut().unwrap().remove("max_tokens");
    }
    if let Some(temperature) = seen.get("temperature") {
        assert_eq!(temperature.as_f64(), wanted["temperature"].as_f64(), "{path}");
        wanted["temperature"] = temperature.clone();
    }
    wanted["model"] = seen["model"].clone();
    assert_eq!(seen, wanted, "{path} (losses {losses})");
}

#[test]
fn the_outline_tells_what_routing_needs() {
    let body =
        br#"{"max_tokens":9,"model":"m","messages":[],"stream":true,"thinking":{"type":"adaptive"},
        "tools":[{"name":"f","input_schema":{}},{"type":"web_search_20250305","name":"web_search"}],
        "output_config":{"format":{"type":"json_schema"}}}"#;
    let outline = form().read_outline(&ask(body)).unwrap();
    assert_eq!(&body[outline.model_at.unwrap()], b"\"m\"");
    assert!(outline.stream && outline.usage_in_stream);
    assert_eq!(outline.output_tokens_max, Some(9));
    let needs = Needs::TOOLS | Needs::HOSTED_TOOLS | Needs::JSON_OUTPUT | Needs::REASONING;
    assert_eq!(outline.needs, needs);
    let plain = br#"{"model":"m","messages":[],"thinking":{"type":"disabled"},"tools":[]}"#;
    assert!(form().read_outline(&ask(plain)).unwrap().needs.is_empty());
}

#[test]
fn a_rewrite_looks_at_the_name_in_the_body() {
    let body = br#"{"model":"m","messages":[]}"#;
    // The path may have named another model than the body.
    let mut asked = request(body);
    asked.outline.model = "n".into();
    assert_eq!(&form().rewrite(&asked, "n", false)[..], br#"{"model":"n","messages":[]}"#);
    assert_eq!(form().rewrite(&asked, "m", false), asked.body);
}

#[test]
fn the_outline_refuses_in_clear_sentences() {
    for (body, param) in [
        (r#"{"messages":[]}"#, Some("model")),
        (r#"{"model":"","messages":[]}"#, Some("model")),
        (r#"{"model":1,"messages":[]}"#, Some("model")),
        (r#"{"model":"a","model":"b","messages":[]}"#, Some("model")),
        (r#"{"model":"a","messages":[],"messages":[]}"#, Some("messages")),
        (r#"{"model":"a"}"#, Some("messages")),
        (r#"{"model":"a","messages":"x"}"#, Some("messages")),
        (r#"{"model":"a","messages":[],"stream":1}"#, Some("stream")),
        ("[]", None),
        ("", None),
    ] {
        let wrong = form().read_outline(&ask(body.as_bytes())).unwrap_err();
        assert_eq!(wrong.param, param, "{body}: {wrong}");
    }
}

#[test]
fn malformed_turns_are_refused_with_their_place() {
    for (messages, place) in [
        (r#"[1]"#, "`messages[0]`"),
        (r#"[{"role":"user","content":"a"},{"role":"king","content":"a"}]"#, "`messages[1].role`"),
        (r#"[{"role":"user"}]"#, "`messages[0].content`"),
        (r#"[{"role":"user","content":7}]"#, "`messages[0].content`"),
        (
            r#"[{"role":"user","content":[{"type":"text","text":"a"},{}]}]"#,
            "`messages[0].content[1]`",
        ),
        (r#"[{"role":"user","content":[{"type":"image"}]}]"#, "source"),
        (r#"[{"role":"assistant","content":[{"type":"tool_use","id":"a"}]}]"#, "name"),
        (r#"[{"role":"user","content":[{"type":"tool_result","content":"a"}]}]"#, "tool_use_id"),
    ] {
        let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
        let wrong = form().read_full(&request(body.as_bytes())).unwrap_err();
        assert!(wrong.message.contains(place), "{wrong}");
        assert_eq!(wrong.param, Some("messages"));
    }
}

/// A request that has everything.
fn everything() -> Value {
    json!({
        "model": "m", "max_tokens": 100, "temperature": 0.7, "top_k": 3, "stop_sequences": ["X"],
        "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
        "metadata": {"user_id": "u", "more": 1}, "service_tier": "auto", "container": "c",
        "mcp_servers": [], "context_management": {"edits": []},
        "tools": [
            {"name": "f", "description": "d", "input_schema": {"type": "object", "x": 1.50}, "strict": true,
             "cache_control": {"type": "ephemeral"}, "defer_loading": true},
            {"type": "code_execution_20260120", "name": "code_execution"}],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
        "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
        "output_config": {"effort": "max", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
                {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}, "title": "T", "context": "C",
                 "citations": {"enabled": true}},
                {"type": "search_result", "source": "https://s", "title": "R", "content": [{"type": "text", "text": "found"}]},
                {"type": "container_upload", "file_id": "f1"}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "sealed"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 1.0}},
                {"type": "tool_use", "id": "t2", "name": "f", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "one"},
                {"type": "text", "text": "and"},
                {"type": "tool_result", "tool_use_id": "t2", "is_error": true,
                 "content": [{"type": "text", "text": "two"}]}]},
            {"role": "system", "content": "late"}]
    })
}

#[test]
fn everything_is_read() {
    let read = full(&everything());
    let roles: Vec<Role> = read.turns.iter().map(|turn| turn.role).collect();
    let wanted = [Role::System, Role::User, Role::Assistant, Role::Tool, Role::User, Role::System];
    assert_eq!(roles, wanted);
    assert_eq!(read.turns[3].content.len(), 2);
    assert_eq!(
        read.turns[2].content[2],
        Content::ToolCall(ToolCall {
            id: "t1".into(),
            name: "f".into(),
            arguments: r#"{"n":1.0}"#.to_owned(),
            ..ToolCall::default()
        }),
        "arguments keep their spelling"
    );
    let proof = |kind, data: &str| {
        Some(Proof { dialect: Dialect::Anthropic, kind, id: None, data: data.into() })
    };
    let Content::Thinking(thinking) = &read.turns[2].content[0] else { panic!() };
    assert_eq!(thinking.proof, proof(ProofKind::Signature, "sig"));
    let Content::Thinking(sealed) = &read.turns[2].content[1] else { panic!() };
    assert_eq!(sealed.proof, proof(ProofKind::Sealed, "sealed"));
    assert_eq!(read.turns[1].content[2], Content::text("R\nhttps://s\nfound"));
    assert!(
        matches!(&read.turns[1].content[3], Content::Foreign(part) if &*part.kind == "container_upload")
    );
}

#[test]
fn settings_and_tools_are_read() {
    let read = full(&everything());
    let all = [
        Needs::TOOLS,
        Needs::IMAGES,
        Needs::DOCUMENTS,
        Needs::JSON_OUTPUT,
        Needs::REASONING,
        Needs::HOSTED_TOOLS,
    ];
    assert_eq!(read.needs, all.into_iter().fold(Needs::default(), |sum, need| sum | need));
    let mut unmapped: Vec<&str> = read.unmapped.iter().map(|name| &**name).collect();
    unmapped.sort_unstable();
    let wanted = [
        "container",
        "context_management",
        "messages.citations",
        "messages.context",
        "messages.search_result",
        "metadata",
        "tools.defer_loading",
    ];
    assert_eq!(unmapped, wanted);
    assert_eq!(read.reasoning.effort, Some(Effort::Highest));
    assert_eq!((read.reasoning.budget_tokens, read.reasoning.shown), (Some(2000), Some(false)));
    assert_eq!(read.tool_choice, Some(ToolChoice::Named("f".into())));
    assert_eq!(read.parallel_calls, Some(false));
    let Tool::Function(function) = &read.tools[0] else { panic!() };
    assert_eq!(function.parameters.as_ref().unwrap().as_str(), r#"{"type":"object","x":1.5}"#);
    assert!(matches!(&read.tools[1], Tool::Hosted(tool) if tool.kind == HostedKind::CodeExecution));
    assert_eq!(read.about.user.as_deref(), Some("u"));
}

#[test]
fn what_is_read_is_written_again() {
    let body = json!({
        "model": "claude-opus-4-5", "max_tokens": 4000, "stop_sequences": ["X", "Y"],
        "system": "You are kind.",
        "tools": [{"name": "f", "input_schema": {"type": "object"}}, {"type": "bash_20250124", "name": "bash"}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": false},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "metadata": {"user_id": "u"},
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": 1.0}},
                {"type": "tool_use", "id": "t.1", "name": "f", "input": {"n": 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t.1", "is_error": true, "content": [
                    {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}]},
                {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "D"}}]}]
    });
    let (again, losses) = write(full(&body), "claude-opus-4-5");
    assert_eq!(losses, "");
    // The id does not fit and is changed alike in both places.
    let spelled = serde_json::to_string(&normal(&body)).unwrap().replace("t.1", "id_x_t_2e1");
    same_request("own", serde_json::from_str(&spelled).unwrap(), normal(&again), "");
}

#[test]
fn what_we_made_up_is_taken_back_and_nothing_else() {
    let body = r#"{"model":"a", "messages":[{"role":"user","content":"seawall \"seawall\""}, {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"seawall"},{"type":"thinking","thinking":"u","signature":"real"},{"type":"server_tool_use","id":"srvtoolu_seawall_1_0","name":"web_search","input":{}},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_seawall_1_0","content":[]},{"type":"text", "text":"x","citations":[{"encrypted_index":"seawall","url":"u"},{"encrypted_index":"E"}]}]}]}"#;
    let wanted = r#"{"model":"b", "messages":[{"role":"user","content":"seawall \"seawall\""}, {"role":"assistant","content":[{"type":"thinking","thinking":"u","signature":"real"},{"type":"text", "text":"x","citations":[{"encrypted_index":"E"}]}]}]}"#;
    let changed = form().rewrite(&request(body.as_bytes()), "b", false);
    assert_eq!(std::str::from_utf8(&changed).unwrap(), wanted);
    let plain = r#"{"model":"a","messages":[{"role":"user","content":"say \"seawall\" twice"}]}"#;
    let kept = form().rewrite(&request(plain.as_bytes()), "a", false);
    assert_eq!(std::str::from_utf8(&kept).unwrap(), plain);
    let escaped = r#"{"mod\u0065l":"a","messages":[]}"#;
    let changed = form().rewrite(&request(escaped.as_bytes()), "b", false);
    assert_eq!(std::str::from_utf8(&changed).unwrap(), r#"{"mod\u0065l":"b","messages":[]}"#);
    let read = full(&serde_json::from_str(body).unwrap());
    assert_eq!(read.turns[1].content.len(), 3);
}
