//! Requests as callers send them: outlines, full forms, rewriting.

use domain::{
    Content, Dialect, Effort, HostedKind, Json, MediaKind, MediaSource, Needs, Operation,
    OutputFormat, Role, Tool, ToolChoice,
};
use serde_json::Value;

use super::{ask, conversation, form, request};

const SNAKE: &str = r#"{
  "system_instruction": "Be kind",
  "contents": [{"role":"user","parts":[{"inline_data":{"mime_type":"image/png","data":"-_8"}},
    {"file_data":{"file_uri":"https://youtu.be/x","mime_type":"video/mp4"},"video_metadata":{"fps":1}},
    {"file_data":{"file_uri":"https://generativelanguage.googleapis.com/v1beta/files/abc","mime_type":"audio/wav"}}]}],
  "tools": [{"function_declarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}}]},{"google_search":{}},{"url_context":{}},{"google_maps":{}}],
  "tool_config": {"function_calling_config":{"mode":"any","allowed_function_names":["f"]}},
  "generation_config": {"max_output_tokens":"64","response_mime_type":"application/json","candidate_count":2,
    "response_schema":{"type":"OBJECT","propertyOrdering":["a"]},"response_logprobs":true,
    "thinking_config":{"thinking_budget":1024,"include_thoughts":true},"stop_sequences":["x"],"speech_config":{"a":1}},
  "safety_settings": [], "cached_content": "cachedContents/a", "labels": {"team":"x"}
}"#;

#[test]
fn the_outline_tells_what_routing_needs() {
    let outline = form().read_outline(&ask(Operation::Generate, SNAKE.as_bytes())).unwrap();
    assert_eq!((&*outline.model, outline.model_at), ("gemini-2.5-flash", None));
    assert!(outline.usage_in_stream && !outline.stream);
    assert_eq!(outline.output_tokens_max, Some(64));
    let wanted = Needs::TOOLS
        | Needs::HOSTED_TOOLS
        | Needs::JSON_OUTPUT
        | Needs::MANY_CHOICES
        | Needs::LOGPROBS
        | Needs::REASONING
        | Needs::AUDIO;
    assert_eq!(outline.needs, wanted);
}

#[test]
fn the_model_stands_in_the_path_or_in_the_body() {
    let body = br#"{"model":"models/inside","contents":[]}"#;
    let mut ask = ask(Operation::Generate, body);
    ask.model_in_path = Some("models/outside");
    ask.stream_in_path = true;
    let outline = form().read_outline(&ask).unwrap();
    assert_eq!((&*outline.model, outline.stream), ("outside", true));
    ask.model_in_path = None;
    assert_eq!(&*form().read_outline(&ask).unwrap().model, "inside");
    ask.body = br#"{"contents":[]}"#;
    assert_eq!(form().read_outline(&ask).unwrap_err().message, "the path names no model");
}

#[test]
fn a_wrong_outline_is_refused_with_a_sentence() {
    for (body, sentence) in [
        ("", "the body is empty; a JSON object is needed"),
        ("[]", "the body must be a JSON object"),
        ("{}", "`contents` is missing"),
        (r#"{"contents":{}}"#, "`contents` must be an array"),
        (r#"{"contents":[],"contents":[]}"#, "`contents` stands in the request twice"),
        (r#"{"model":"a","model":"b","contents":[]}"#, "`model` stands in the request twice"),
    ] {
        let refused = form().read_outline(&ask(Operation::Generate, body.as_bytes())).unwrap_err();
        assert_eq!(refused.message, sentence);
    }
}

#[test]
fn both_spellings_are_read_at_every_level() {
    let read = conversation(SNAKE);
    assert_eq!(read.turns[0].role, Role::System);
    let media: Vec<_> = read.turns[1]
        .content
        .iter()
        .map(|part| match part {
            Content::Media(media) => (media.kind, media.source.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let file = "https://generativelanguage.googleapis.com/v1beta/files/abc";
    let wanted = [
        (MediaKind::Image, MediaSource::Base64("+/8=".into())),
        (MediaKind::Video, MediaSource::Url("https://youtu.be/x".into())),
        (MediaKind::Audio, MediaSource::File(Dialect::Gemini, file.into())),
    ];
    assert_eq!(media, wanted);
    assert!(read.needs.contains(Needs::IMAGES | Needs::VIDEO | Needs::AUDIO | Needs::TOOLS));
    let Tool::Function(function) = &read.tools[0] else { panic!() };
    let schema = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#;
    assert_eq!(function.parameters, Some(Json::new(schema)));
    let kinds: Vec<_> = read.tools[1..]
        .iter()
        .map(|tool| match tool {
            Tool::Hosted(tool) => (tool.kind, tool.json.as_str()),
            other @ Tool::Function(_) => panic!("{other:?}"),
        })
        .collect();
    let wanted = [
        (HostedKind::WebSearch, r#"{"googleSearch":{}}"#),
        (HostedKind::WebFetch, r#"{"urlContext":{}}"#),
        (HostedKind::Other, r#"{"googleMaps":{}}"#),
    ];
    assert_eq!(kinds, wanted);
    assert_eq!(read.tool_choice, Some(ToolChoice::Named("f".into())));
    assert_eq!(read.reasoning.budget_tokens, Some(1024));
    assert_eq!(read.reasoning.shown, Some(true));
    assert_eq!(read.sampling.logprobs, Some(0));
    assert_eq!(read.about.metadata, Some(Json::new(r#"{"team":"x"}"#)));
    let OutputFormat::JsonSchema { schema, .. } = &read.format else { panic!() };
    assert_eq!(schema.as_str(), r#"{"type":"object"}"#);
    let mut unmapped: Vec<_> = read.unmapped.iter().map(|name| &**name).collect();
    unmapped.sort_unstable();
    let wanted = [
        "cachedContent",
        "responseSchema.propertyOrdering",
        "safetySettings",
        "speechConfig",
        "videoMetadata",
    ];
    assert_eq!(unmapped, wanted);
}

#[test]
fn results_find_their_calls() {
    let body = r#"{"contents":[
      {"parts":[{"text":"go"}]},
      {"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1}}},{"functionCall":{"name":"g"}},{"functionCall":{"name":"f"}}]},
      {"role":"user","parts":[{"text":"and now?"},{"functionResponse":{"name":"g","response":{"output":"G"}}}]},
      {"role":"function","parts":[{"functionResponse":{"name":"f","response":{"x":1}}},{"functionResponse":{"id":"own","name":"f","response":{"error":"bad"}}}]},
      {"role":"model","parts":[{"functionCall":{"name":"f"}}]},
      {"role":"user","parts":[{"functionResponse":{"name":"f"}}]}]}"#;
    let read = conversation(body);
    let roles: Vec<_> = read.turns.iter().map(|turn| turn.role).collect();
    let wanted = [Role::User, Role::Assistant, Role::Tool, Role::User, Role::Assistant, Role::Tool];
    assert_eq!(roles, wanted);
    let calls: Vec<_> = read.turns[1]
        .content
        .iter()
        .map(|part| match part {
            Content::ToolCall(call) => (call.id.clone(), call.arguments.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(calls[0].1, r#"{"a":1}"#);
    assert_eq!(calls[1].1, "{}");
    let results: Vec<_> = read.turns[2]
        .content
        .iter()
        .map(|part| match part {
            Content::ToolResult(result) => {
                let Content::Text(text) = &result.content[0] else { panic!() };
                (result.id.clone(), text.text.clone(), result.is_error)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let wanted = [
        (calls[1].0.clone(), "G".to_owned(), false),
        (calls[0].0.clone(), r#"{"x":1}"#.to_owned(), false),
        (calls[2].0.clone(), "bad".to_owned(), true),
    ];
    assert_eq!(results, wanted);
    // No two calls share an id, in no turn.
    let Content::ToolCall(last) = &read.turns[4].content[0] else { panic!() };
    assert!(calls.iter().all(|(id, _)| *id != last.id));
    let Content::ToolResult(empty) = &read.turns[5].content[0] else { panic!() };
    assert_eq!((&empty.id, empty.content.len()), (&last.id, 0));
}

#[test]
fn malformed_contents_are_told_with_their_places() {
    for (contents, sentence) in [
        ("[1]", "`contents[0]` must be an object"),
        (r#"[{"role":"robot","parts":[]}]"#, "`contents[0].role` must be `user` or `model`"),
        (r#"[{"parts":{}}]"#, "`contents[0].parts` must be an array"),
        (r#"[{"parts":[{"text":1}]}]"#, "`contents[0].parts[0].text` must be a string"),
        (r#"[{"parts":[{}]}]"#, "`contents[0].parts[0]` has nothing that can be read"),
        (r#"[{"parts":[{"inlineData":{}}]}]"#, "`contents[0].parts[0].inlineData` has no data"),
        (
            r#"[{"role":"model","parts":[{"functionCall":{}}]}]"#,
            "`contents[0].parts[0].functionCall` has no name",
        ),
    ] {
        let body = format!(r#"{{"contents":{contents}}}"#);
        let refused = form().read_full(&request(Operation::Generate, &body)).unwrap_err();
        assert_eq!((refused.message.as_str(), refused.param), (sentence, Some("contents")));
    }
    let tools = r#"{"contents":[],"tools":[{"functionDeclarations":[{"name":"a"},{}]}]}"#;
    let refused = form().read_full(&request(Operation::Generate, tools)).unwrap_err();
    assert_eq!(refused.message, "`tools[0].functionDeclarations[1]` has no name");
}

#[test]
fn thinking_has_levels_and_budgets() {
    for (config, effort, budget) in [
        (r#"{"thinkingLevel":"low"}"#, Some(Effort::Low), None),
        (r#"{"thinkingLevel":"XHIGH"}"#, Some(Effort::Highest), None),
        (r#"{"thinkingBudget":0}"#, Some(Effort::None), None),
        (r#"{"thinkingBudget":-1}"#, None, None),
        (r#"{"thinkingBudget":2000}"#, None, Some(2000)),
    ] {
        let body = format!(r#"{{"contents":[],"generationConfig":{{"thinkingConfig":{config}}}}}"#);
        let read = conversation(&body).reasoning;
        assert_eq!((read.effort, read.budget_tokens), (effort, budget), "{config}");
    }
}

#[test]
fn the_newer_response_format_is_read() {
    for format in [
        r#"{"text":{"mimeType":"application/json","schema":{"type":"object"}}}"#,
        r#"[{"text":{"mime_type":"APPLICATION_JSON","schema":{"type":"object"}}}]"#,
    ] {
        let body = format!(r#"{{"contents":[],"generationConfig":{{"responseFormat":{format}}}}}"#);
        let read = conversation(&body);
        assert!(matches!(read.format, OutputFormat::JsonSchema { .. }), "{format}");
        assert!(read.needs.contains(Needs::JSON_OUTPUT));
    }
}

#[test]
fn a_body_without_a_model_goes_through_untouched() {
    let request = request(Operation::Generate, SNAKE);
    let rewritten = form().rewrite(&request, "another", true);
    assert_eq!(rewritten.as_ptr(), request.body.as_ptr());
}

#[test]
fn only_the_model_is_rewritten() {
    for (operation, before, after) in [
        (
            Operation::Generate,
            r#"{ "model" : "models/a","contents":[] ,"x":1.50}"#,
            r#"{ "model" : "models/b","contents":[] ,"x":1.50}"#,
        ),
        (Operation::Generate, r#"{"contents":[],"model":"a"}"#, r#"{"contents":[],"model":"b"}"#),
        (
            Operation::Embed,
            r#"{"requests":[{"model":"models\/a","content":{}}, {"content":{"model":"x"}},{"model":"models/a"}]}"#,
            r#"{"requests":[{"model":"models/b","content":{}}, {"content":{"model":"x"}},{"model":"models/b"}]}"#,
        ),
        (
            Operation::CountTokens,
            r#"{"generateContentRequest":{"contents":[],"model":"models/a"}}"#,
            r#"{"generateContentRequest":{"contents":[],"model":"models/b"}}"#,
        ),
    ] {
        let request = request(operation, before);
        let rewritten = form().rewrite(&request, "b", false);
        assert_eq!(std::str::from_utf8(&rewritten).unwrap(), after);
        let _value: Value = serde_json::from_slice(&rewritten).unwrap();
    }
}
