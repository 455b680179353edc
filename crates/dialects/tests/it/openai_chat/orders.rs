//! Requests written for each vendor from the internal form.

use dialects::{Order, Vendor};
use domain::{
    Citation, Content, Conversation, Dialect, Effort, Foreign, Full, Function, HostedKind,
    HostedTool, Json, Media, MediaKind, MediaSource, ModelCard, Needs, Operation, Proof, ProofKind,
    Reasoning, Role, SearchResult, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use serde_json::{Value, json};

use super::reading::{form, read_conversation};

const VENDORS: [Vendor; 6] = [
    Vendor::OpenAi,
    Vendor::Azure,
    Vendor::Anthropic,
    Vendor::Gemini,
    Vendor::Perplexity,
    Vendor::Compatible,
];

/// The written body and the losses.
fn write_to(
    full: &Full,
    (vendor, model): (Vendor, &str),
    card: &ModelCard,
    stream: bool,
) -> (Value, String) {
    let order = Order { operation: Operation::Generate, full, model, stream, vendor, card };
    let written = form().write_request(&order);
    let value = serde_json::from_slice(&written.body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&written.body)));
    (value, written.losses.header())
}

/// Writes for all vendors, thinking models and others; what comes out is JSON.
pub(crate) fn write_for_all(full: &Full) {
    for vendor in VENDORS {
        for model in ["m", "mistral-small", "gemini-3"] {
            for reasons in [None, Some(true), Some(false)] {
                let card = ModelCard { reasons, ..ModelCard::default() };
                let (body, _) = write_to(full, (vendor, model), &card, true);
                assert_eq!(body["model"], model);
            }
        }
    }
}

fn write(conversation: Conversation, vendor: Vendor) -> (Value, String) {
    write_to(&Full::Conversation(conversation), (vendor, "m"), &ModelCard::default(), false)
}

fn turns(turns: Vec<Turn>) -> Conversation {
    Conversation { turns, ..Conversation::default() }
}

fn user(content: Vec<Content>) -> Turn {
    Turn::new(Role::User, content)
}

fn media(kind: MediaKind, source: MediaSource, mime: Option<&str>) -> Media {
    Media { kind, source, mime: mime.map(Box::from), name: None, detail: None, cache: None }
}

#[test]
fn a_full_request_comes_back_as_it_was() {
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "s1"},
            {"role": "developer", "content": "s2"},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "hologram", "x": 1.5},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{ \"x\": 1.0 }"}},
                {"id": "call_b", "type": "custom", "custom": {"name": "g", "input": "free"}},
            ]},
            {"role": "tool", "tool_call_id": "call_b", "content": "two"},
            {"role": "tool", "tool_call_id": "call_a", "content": "one"},
            {"role": "system", "content": "in between"},
            {"role": "assistant", "content": null, "refusal": "no"},
            {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"z": 1, "a": [1.5]}, "strict": true}},
            {"type": "custom", "custom": {"name": "g"}},
            {"type": "web_search", "x": 1},
        ],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
            {"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}]}},
        "parallel_tool_calls": false,
        "max_completion_tokens": 7, "temperature": 0.7, "top_p": 0.95, "presence_penalty": -0.5,
        "frequency_penalty": 0.25, "seed": -5, "stop": ["a", "b"], "n": 2, "logprobs": true,
        "top_logprobs": 3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d",
            "schema": {"type": "object"}, "strict": true}},
        "reasoning_effort": "low", "user": "u", "prompt_cache_key": "k", "service_tier": "flex",
        "store": true, "metadata": {"a": "b"}, "web_search_options": {"search_context_size": "low"},
        "stream": true, "stream_options": {"include_usage": true},
    });
    let conversation = read_conversation(body.to_string().as_bytes()).unwrap();
    let full = Full::Conversation(conversation);
    let card = ModelCard::default();
    let (written, losses) = write_to(&full, (Vendor::OpenAi, "m"), &card, true);
    assert_eq!(losses, "");
    assert_eq!(written, body);
}

#[test]
fn strangers_get_the_old_names_and_nothing_unusual() {
    let body = br#"{"messages":[{"role":"developer","content":[{"type":"text","text":"a"},
        {"type":"text","text":"b"}]},{"role":"user","content":"x"}],"max_completion_tokens":5,
        "user":"u","store":true,"metadata":{"a":"b"},"service_tier":"flex","prompt_cache_key":"k",
        "reasoning_effort":"low","top_k":4,"verbosity":"low","temperature":1,
        "tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
        "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[
        {"type":"function","function":{"name":"g"}}]}}}"#;
    let (written, losses) = write(read_conversation(body).unwrap(), Vendor::Compatible);
    let wanted = json!({
        "model": "m",
        "messages": [{"role": "system", "content": "a\nb"}, {"role": "user", "content": "x"}],
        "tools": [{"type": "function", "function": {"name": "g",
            "parameters": {"type": "object", "properties": {}}}}],
        "tool_choice": "required", "max_tokens": 5, "temperature": 1,
    });
    assert_eq!(written, wanted);
    let named = "tool_choice,top_k,reasoning_effort,verbosity,user,prompt_cache_key,service_tier,store,metadata";
    assert_eq!(losses, named);
}

#[test]
fn a_thinking_model_is_not_told_how_to_draw() {
    let body = br#"{"messages":[],"temperature":0.5,"top_p":1,"presence_penalty":0,
        "frequency_penalty":1,"stop":"x","logprobs":true,"max_tokens":9000,"reasoning_effort":"minimal"}"#;
    let full = Full::Conversation(read_conversation(body).unwrap());
    let card =
        ModelCard { reasons: Some(true), output_tokens_max: Some(4096), ..ModelCard::default() };
    let (written, losses) = write_to(&full, (Vendor::OpenAi, "m"), &card, false);
    let wanted = json!({"model": "m", "messages": [], "max_completion_tokens": 4096,
        "reasoning_effort": "minimal"});
    assert_eq!(written, wanted);
    assert_eq!(losses, "max_tokens,temperature,frequency_penalty,stop,logprobs");
    let card = ModelCard { reasons: Some(false), ..ModelCard::default() };
    let (written, losses) = write_to(&full, (Vendor::OpenAi, "m"), &card, false);
    assert_eq!((&written["temperature"], &losses[..]), (&json!(0.5), "reasoning_effort"));
    assert!(written.get("reasoning_effort").is_none());
}

#[test]
fn a_measure_of_tokens_becomes_an_effort() {
    for (reasoning, word) in [
        (Reasoning { budget_tokens: Some(1024), ..Reasoning::default() }, "low"),
        (Reasoning { budget_tokens: Some(8000), ..Reasoning::default() }, "medium"),
        (Reasoning { budget_tokens: Some(32_000), ..Reasoning::default() }, "high"),
        (Reasoning { effort: Some(Effort::Highest), budget_tokens: Some(1), shown: None }, "xhigh"),
    ] {
        let conversation = Conversation { reasoning, ..Conversation::default() };
        let (written, losses) = write(conversation, Vendor::OpenAi);
        assert_eq!(written["reasoning_effort"], word);
        assert_eq!(losses, "thinking.budget_tokens");
    }
}

#[test]
fn results_with_images_are_shown_behind_all_results() {
    let result = |id: &str, content, is_error| {
        let id = id.into();
        Content::ToolResult(ToolResult { id, content, is_error, ..ToolResult::default() })
    };
    let image = Content::Media(media(
        MediaKind::Image,
        MediaSource::Base64("QUJD".into()),
        Some("image/gif"),
    ));
    let turn = Turn::new(
        Role::Tool,
        vec![
            result("a", vec![image], false),
            result("b", vec![Content::text("broken"), Content::text("pipe")], true),
            result("c", vec![], false),
        ],
    );
    let (written, losses) = write(turns(vec![turn]), Vendor::OpenAi);
    let wanted = json!([
        {"role": "tool", "tool_call_id": "a", "content": "What the tool returned is in the next message."},
        {"role": "tool", "tool_call_id": "b", "content": "Error: broken\npipe"},
        {"role": "tool", "tool_call_id": "c", "content": ""},
        {"role": "user", "content": [
            {"type": "text", "text": "Returned by the tool call a:"},
            {"type": "image_url", "image_url": {"url": "data:image/gif;base64,QUJD"}},
        ]},
    ]);
    assert_eq!(written["messages"], wanted);
    assert_eq!(losses, "tool_result.content,is_error");
}

#[test]
fn ids_survive_or_are_changed_alike_on_both_sides() {
    let call = |id: &str, name: &str| {
        Content::ToolCall(ToolCall { id: id.into(), name: name.into(), ..ToolCall::default() })
    };
    let result = |id: &str, name: &str| {
        let name = Some(name.into());
        Content::ToolResult(ToolResult { id: id.into(), name, ..ToolResult::default() })
    };
    let ids = |conversation: &Conversation, model: &str| {
        let full = Full::Conversation(conversation.clone());
        let (written, _) =
            write_to(&full, (Vendor::Compatible, model), &ModelCard::default(), false);
        let asked: Vec<String> = written["messages"][0]["tool_calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["id"].as_str().unwrap().to_owned())
            .collect();
        let answered: Vec<String> = written["messages"].as_array().unwrap()[1..]
            .iter()
            .map(|result| result["tool_call_id"].as_str().unwrap().to_owned())
            .collect();
        (asked, answered)
    };
    let talk = |calls: Vec<Content>, results: Vec<Content>| {
        turns(vec![Turn::new(Role::Assistant, calls), Turn::new(Role::Tool, results)])
    };
    let plain = talk(
        vec![call("toolu_01", "f"), call("abcdefgh9", "g")],
        vec![result("abcdefgh9", "g"), result("toolu_01", "f")],
    );
    let (asked, answered) = ids(&plain, "m");
    assert_eq!(
        (asked, answered),
        (
            vec!["toolu_01".to_owned(), "abcdefgh9".to_owned()],
            vec!["abcdefgh9".to_owned(), "toolu_01".to_owned()],
        )
    );
    let (asked, answered) = ids(&plain, "mistral-large-latest");
    assert!(asked[0].len() == 9 && asked[0].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(asked[1], "abcdefgh9");
    assert_eq!(answered, [asked[1].clone(), asked[0].clone()]);
    assert_eq!(ids(&plain, "mistralai/Mistral-Small"), (asked, answered));
    let long = "x".repeat(64);
    let (asked, answered) = ids(&talk(vec![call(&long, "f")], vec![result(&long, "f")]), "m");
    assert!(asked[0].len() <= 40);
    assert_eq!(asked, answered);
    // Gemini has no ids; the name tells which call is meant, and the order among equals.
    let nameless = talk(
        vec![call("", "f"), call("", "g"), call("", "f")],
        vec![result("", "g"), result("", "f"), result("", "f")],
    );
    let (asked, answered) = ids(&nameless, "m");
    assert_eq!(answered, [asked[1].clone(), asked[0].clone(), asked[2].clone()]);
    assert!(asked[0] != asked[2]);
}

#[test]
fn thinking_goes_only_to_whom_it_belongs() {
    let thought = |dialect, kind, data: &str| {
        let proof = Proof { dialect, kind, id: None, data: data.into() };
        Content::Thinking(Thinking { text: "hm".to_owned(), proof: Some(proof) })
    };
    let talk = |content| {
        turns(vec![
            Turn::new(Role::Assistant, vec![content, Content::text("4")]),
            user(vec![Content::text("and?")]),
        ])
    };
    let anthropic = talk(thought(Dialect::Anthropic, ProofKind::Signature, "s"));
    for vendor in [Vendor::OpenAi, Vendor::Compatible, Vendor::Gemini] {
        let (written, losses) = write(anthropic.clone(), vendor);
        assert_eq!(written["messages"][0], json!({"role": "assistant", "content": "4"}));
        assert_eq!(losses, "thinking,thinking.signature");
    }
    let own = r#"{"type":"reasoning.text","signature":"s"}"#;
    let own = talk(thought(Dialect::OpenAiChat, ProofKind::Signature, own));
    let (written, losses) = write(own.clone(), Vendor::Compatible);
    let detail = json!([{"text": "hm", "type": "reasoning.text", "signature": "s"}]);
    assert_eq!((&written["messages"][0]["reasoning_details"], &losses[..]), (&detail, ""));
    assert_eq!(write(own, Vendor::OpenAi).1, "thinking,thinking.signature");
    let call = ToolCall { id: "a".into(), signature: Some("sig".into()), ..ToolCall::default() };
    let call = turns(vec![Turn::new(Role::Assistant, vec![Content::ToolCall(call)])]);
    let (written, losses) = write(call.clone(), Vendor::Gemini);
    let extra = &written["messages"][0]["tool_calls"][0]["extra_content"];
    assert_eq!((extra, &losses[..]), (&json!({"google": {"thought_signature": "sig"}}), ""));
    assert_eq!(write(call, Vendor::OpenAi).1, "thought_signature");
}

#[test]
fn nothing_that_cannot_be_carried_becomes_an_empty_text() {
    let video = media(MediaKind::Video, MediaSource::Url("https://x".into()), None);
    let foreign = Foreign {
        dialect: Dialect::Anthropic,
        kind: "container_upload".into(),
        json: Json::new("{}"),
    };
    let distant = media(MediaKind::Document, MediaSource::Url("https://x/y.pdf".into()), None);
    let theirs =
        media(MediaKind::Image, MediaSource::File(Dialect::Anthropic, "file_1".into()), None);
    let (written, losses) = write(
        turns(vec![
            user(vec![Content::Media(video)]),
            user(vec![Content::Foreign(foreign), Content::Media(distant), Content::Media(theirs)]),
            Turn::new(
                Role::Assistant,
                vec![
                    Content::Thinking(Thinking { text: "hm".to_owned(), proof: None }),
                    Content::SearchResults(vec![SearchResult::default()]),
                ],
            ),
            user(vec![Content::text("")]),
        ]),
        Vendor::OpenAi,
    );
    assert_eq!(written["messages"], json!([{"role": "user", "content": ""}]));
    assert_eq!(losses, "video,content.container_upload,document,image,thinking,search_results");
}

#[test]
fn documents_of_text_are_text_and_marks_are_named() {
    let mut document = media(MediaKind::Document, MediaSource::Text("body".into()), None);
    document.name = Some("title".into());
    document.cache = Some(Json::new("{}"));
    let cited = Text {
        text: "x".to_owned(),
        citations: vec![Citation::default()],
        cache: Some(Json::new("{}")),
    };
    let conversation = turns(vec![user(vec![Content::Media(document), Content::Text(cited)])]);
    let (written, losses) = write(conversation, Vendor::Compatible);
    let wanted = json!([{"role": "user", "content": "title\n\nbody\nx"}]);
    assert_eq!(written["messages"], wanted);
    assert_eq!(losses, "cache_control,document,citations");
}

#[test]
fn hosted_tools_of_others_are_searched_for_or_named() {
    let hosted = |kind, name: &str| {
        let (dialect, name) = (Dialect::Anthropic, name.into());
        Tool::Hosted(HostedTool { kind, dialect, name, json: Json::new("{}") })
    };
    let conversation = Conversation {
        tools: vec![
            hosted(HostedKind::WebSearch, "web_search_20250305"),
            hosted(HostedKind::CodeExecution, "code_execution_20250825"),
            hosted(HostedKind::Other, "bash_20250124"),
        ],
        tool_choice: Some(ToolChoice::Required),
        ..Conversation::default()
    };
    let (written, losses) = write(conversation.clone(), Vendor::OpenAi);
    assert_eq!(written, json!({"model": "m", "messages": []}));
    let rest = "tools.code_execution,tools.bash_20250124,tool_choice";
    assert_eq!(losses, format!("tools.web_search,{rest}"));
    let full = Full::Conversation(conversation);
    let card = ModelCard { can: Needs::HOSTED_TOOLS, ..ModelCard::default() };
    let (written, _) = write_to(&full, (Vendor::OpenAi, "m"), &card, false);
    assert_eq!(written["web_search_options"], json!({}));
}

#[test]
fn free_text_tools_become_functions_where_there_is_nothing_else() {
    let function = Function { name: "g".into(), free_text: true, ..Function::default() };
    let call = ToolCall {
        id: "a".into(),
        name: "g".into(),
        arguments: "a \"b\"".to_owned(),
        free_text: true,
        signature: None,
    };
    let conversation = Conversation {
        tools: vec![Tool::Function(function)],
        tool_choice: Some(ToolChoice::Named("g".into())),
        turns: vec![Turn::new(Role::Assistant, vec![Content::ToolCall(call)])],
        ..Conversation::default()
    };
    let (written, losses) = write(conversation.clone(), Vendor::Compatible);
    assert_eq!(written["tools"][0]["type"], "function");
    let call = &written["messages"][0]["tool_calls"][0];
    assert_eq!(call["function"]["arguments"], r#"{"input":"a \"b\""}"#);
    assert_eq!(losses, "tools.custom");
    let (written, losses) = write(conversation, Vendor::OpenAi);
    assert_eq!(written["tool_choice"], json!({"type": "custom", "custom": {"name": "g"}}));
    assert_eq!(losses, "");
}

#[test]
fn an_answer_that_was_begun_is_named_where_it_is_not_continued() {
    let begun = turns(vec![
        user(vec![Content::text("x")]),
        Turn::new(Role::Assistant, vec![Content::text("{")]),
    ]);
    assert_eq!(write(begun.clone(), Vendor::OpenAi).1, "messages.prefill");
    let full = Full::Conversation(begun);
    let card = ModelCard { continues_prefill: Some(true), ..ModelCard::default() };
    assert_eq!(write_to(&full, (Vendor::Compatible, "m"), &card, false).1, "");
    let (written, losses) =
        write_to(&full, (Vendor::Compatible, "codestral-latest"), &ModelCard::default(), true);
    assert_eq!((&written["messages"][1]["prefix"], &losses[..]), (&json!(true), ""));
    assert!(written.get("stream_options").is_none());
}

#[test]
fn mistrals_own_server_has_its_own_names() {
    let body = br#"{"messages":[{"role":"user","name":"ann","content":"x"}],"seed":7}"#;
    let full = Full::Conversation(read_conversation(body).unwrap());
    let names = |model: &str| {
        let (written, losses) =
            write_to(&full, (Vendor::Compatible, model), &ModelCard::default(), true);
        let has = |name: &str| written.get(name).is_some();
        (has("random_seed"), has("seed"), has("stream_options"), losses)
    };
    assert_eq!(names("mistral-large-latest"), (true, false, false, "messages.name".to_owned()));
    assert_eq!(names("mistralai/mistral-large"), (false, true, true, String::new()));
}

#[test]
fn a_first_thinking_model_is_not_asked_for_what_it_does_anyway() {
    let write = |parallel: bool, reasons| {
        let conversation = Conversation {
            tools: vec![Tool::Function(Function { name: "f".into(), ..Function::default() })],
            parallel_calls: Some(parallel),
            ..Conversation::default()
        };
        let card = ModelCard { reasons, ..ModelCard::default() };
        let full = Full::Conversation(conversation);
        let (written, losses) = write_to(&full, (Vendor::OpenAi, "m"), &card, false);
        assert_eq!(losses, "");
        written.get("parallel_tool_calls").cloned()
    };
    assert_eq!(write(true, Some(true)), None);
    assert_eq!(write(false, Some(true)), Some(json!(false)));
    assert_eq!(write(true, None), Some(json!(true)));
}
