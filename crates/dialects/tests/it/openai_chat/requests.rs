//! The full form of single requests.

use domain::{
    Content, Dialect, Effort, HostedKind, MediaKind, MediaSource, Needs, OutputFormat, ProofKind,
    Role, Tool, ToolChoice,
};

use super::reading::read_conversation;

#[test]
fn a_conversation_is_read_in_full() {
    let body = br#"{"model":"m","temperature":0,"top_p":0.9,"seed":7,"max_tokens":9,"stop":"END",
        "messages":[{"role":"system","content":"be brief"},{"role":"developer","content":null},
        {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
        {"role":"assistant","refusal":"no"}]}"#;
    let read = read_conversation(body).unwrap();
    let roles: Vec<Role> = read.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::Developer, Role::User, Role::Assistant]);
    assert_eq!(read.turns[2].text(), "a\nb");
    assert_eq!(read.turns[3].content, [Content::Refusal("no".to_owned())]);
    assert_eq!(read.sampling.temperature, Some(0.0));
    assert_eq!(read.sampling.seed, Some(7));
    assert_eq!(read.sampling.output_tokens_max, Some(9));
    assert_eq!(read.sampling.stop, ["END"]);
    assert!(read.unmapped.is_empty());
    assert!(read.needs.is_empty());
}

#[test]
fn needs_inside_the_turns_are_seen() {
    for (message, need) in [
        (
            r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}"#,
            Needs::IMAGES,
        ),
        (
            r#"{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"QQ==","format":"mp3"}}]}"#,
            Needs::AUDIO,
        ),
        (r#"{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}"#, Needs::DOCUMENTS),
        (r#"{"role":"tool","tool_call_id":"c","content":"4"}"#, Needs::TOOLS),
        (r#"{"role":"assistant","content":null,"tool_calls":[{}]}"#, Needs::TOOLS),
        (r#"{"role":"assistant","content":"","tool_calls":null}"#, Needs::default()),
    ] {
        let body = format!(r#"{{"messages":[{message}]}}"#);
        assert_eq!(read_conversation(body.as_bytes()).unwrap().needs, need, "{message}");
    }
    let body = br#"{"messages":[{"role":"user","content":[{"type":"hologram"}]}]}"#;
    let turn = &read_conversation(body).unwrap().turns[0];
    let Content::Foreign(part) = &turn.content[0] else { panic!("{turn:?}") };
    assert_eq!((&*part.kind, part.json.as_str()), ("hologram", r#"{"type":"hologram"}"#));
}

#[test]
fn a_message_that_cannot_be_understood_is_named() {
    for (message, words) in [
        ("7", "messages[0]` must be an object"),
        ("{}", "role is missing"),
        (r#"{"role":"wizard"}"#, "role is not known"),
        (r#"{"role":"user","content":7}"#, "string or an array"),
        (r#"{"role":"user","content":[7]}"#, "must be an object"),
        (r#"{"role":"user","content":[{"text":"x"}]}"#, "no `type`"),
        (r#"{"role":"user","content":[{"type":"text"}]}"#, "has no text"),
        (r#"{"role":"user","content":[{"type":"image_url","image_url":{}}]}"#, "has no `url`"),
        (r#"{"role":"user","content":[{"type":"file","file":{}}]}"#, "no `file_id`"),
        (r#"{"role":"tool","content":"4"}"#, "needs `tool_call_id`"),
    ] {
        let body = format!(r#"{{"messages":[{message}]}}"#);
        let refused = read_conversation(body.as_bytes()).unwrap_err();
        assert_eq!(refused.param, Some("messages"));
        assert!(refused.message.contains(words), "{message}: {}", refused.message);
    }
}

#[test]
fn members_of_a_wrong_type_are_named() {
    for (member, param) in [
        (r#""temperature":"hot""#, "temperature"),
        (r#""temperature":1e999"#, "temperature"),
        (r#""seed":1.5"#, "seed"),
        (r#""n":-1"#, "n"),
        (r#""stop":[1]"#, "stop"),
        (r#""max_tokens":"many""#, "max_tokens"),
        (r#""tools":{}"#, "tools"),
        (r#""tools":[{"type":"function","function":{}}]"#, "tools"),
        (r#""tool_choice":"whatever""#, "tool_choice"),
        (r#""response_format":{"type":"json_schema"}"#, "response_format"),
        (r#""parallel_tool_calls":1"#, "parallel_tool_calls"),
        (r#""metadata":[]"#, "metadata"),
        (r#""reasoning_effort":3"#, "reasoning_effort"),
    ] {
        let body = format!(r#"{{"messages":[],{member}}}"#);
        assert_eq!(read_conversation(body.as_bytes()).unwrap_err().param, Some(param), "{member}");
    }
}

#[test]
fn every_setting_has_its_place_or_is_named() {
    let body = br#"{"model":"m","messages":[],"temperature":0.7,"top_k":40,"seed":-5,"n":3,
        "stop":["a","b"],"presence_penalty":-0.5,"frequency_penalty":0.25,"logprobs":true,
        "top_logprobs":2,"max_tokens":5,"max_completion_tokens":7,"parallel_tool_calls":false,
        "reasoning_effort":"xhigh","metadata":{"a": 1.0},"service_tier":"flex","store":false,
        "prompt_cache_key":"k","safety_identifier":"u","verbosity":"low","logit_bias":{"1":2},
        "modalities":["text","audio"],"audio":{"voice":"x"},"prediction":{"type":"content"},
        "stream_options":{"include_usage":true},"stream":true,"min_p":null,"moderation":{},
        "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,
            "schema":{"type":"object","b":1.50}}}}"#;
    let read = read_conversation(body).unwrap();
    let sampling = &read.sampling;
    assert_eq!(
        (sampling.temperature, sampling.top_k, sampling.seed),
        (Some(0.7), Some(40), Some(-5))
    );
    assert_eq!((sampling.choices, sampling.logprobs), (Some(3), Some(2)));
    assert_eq!((sampling.presence_penalty, sampling.frequency_penalty), (Some(-0.5), Some(0.25)));
    assert_eq!((sampling.output_tokens_max, read.parallel_calls), (Some(7), Some(false)));
    assert_eq!(sampling.stop, ["a", "b"]);
    assert_eq!(read.reasoning.effort, Some(Effort::Highest));
    assert_eq!(read.about.metadata.as_ref().unwrap().as_str(), r#"{"a": 1.0}"#);
    assert_eq!(read.about.user.as_deref(), Some("u"));
    assert_eq!((read.about.store, read.about.service_tier.as_deref()), (Some(false), Some("flex")));
    let OutputFormat::JsonSchema { name, schema, strict, .. } = &read.format else { panic!() };
    assert_eq!((name.as_deref(), *strict), (Some("n"), Some(true)));
    assert_eq!(schema.as_str(), r#"{"type":"object","b":1.50}"#);
    let unmapped: Vec<&str> = read.unmapped.iter().map(|name| &**name).collect();
    assert_eq!(unmapped, ["logit_bias", "modalities", "audio", "prediction"]);
    let all =
        [Needs::AUDIO, Needs::JSON_OUTPUT, Needs::MANY_CHOICES, Needs::LOGPROBS, Needs::REASONING];
    assert_eq!(read.needs, all.into_iter().fold(Needs::default(), |sum, need| sum | need));
}

#[test]
fn media_are_read_in_every_spelling() {
    let body = br#"{"messages":[{"role":"user","name":"ann","content":[
        {"type":"image_url","image_url":{"url":"data:image/webp;charset=x;base64,QUJD","detail":"low"},
         "cache_control":{"type":"ephemeral"}},
        {"type":"image_url","image_url":"https://x/y.png"},
        {"type":"image_url","image_url":{"url":"data:image/svg+xml,%3Csvg%3E"}},
        {"type":"input_audio","input_audio":{"data":"QUJD","format":"mp3"}},
        {"type":"file","file":{"file_data":"data:application/pdf;base64,QUJD","filename":"a.pdf"}},
        {"type":"file","file":{"file_data":"QUJD","filename":"b.PDF"}},
        {"type":"file","file":{"file_id":"file-1"}},
        {"type":"video_url","video_url":{"url":"https://x/y.mp4"}},
        "bare"]}]}"#;
    let read = read_conversation(body).unwrap();
    assert_eq!(read.turns[0].name.as_deref(), Some("ann"));
    let media: Vec<_> = read.turns[0]
        .content
        .iter()
        .filter_map(|part| match part {
            Content::Media(media) => {
                Some((media.kind, media.source.clone(), media.mime.as_deref()))
            }
            _ => None,
        })
        .collect();
    let base64 = || MediaSource::Base64("QUJD".into());
    let url = |url: &str| MediaSource::Url(url.into());
    assert_eq!(
        media,
        [
            (MediaKind::Image, base64(), Some("image/webp")),
            (MediaKind::Image, url("https://x/y.png"), None),
            (MediaKind::Image, MediaSource::Base64("PHN2Zz4=".into()), Some("image/svg+xml")),
            (MediaKind::Audio, base64(), Some("audio/mpeg")),
            (MediaKind::Document, base64(), Some("application/pdf")),
            (MediaKind::Document, base64(), Some("application/pdf")),
            (MediaKind::Document, MediaSource::File(Dialect::OpenAiChat, "file-1".into()), None),
            (MediaKind::Video, url("https://x/y.mp4"), None),
        ]
    );
    let Content::Media(first) = &read.turns[0].content[0] else { panic!() };
    assert_eq!(first.detail.as_deref(), Some("low"));
    assert_eq!(first.cache.as_ref().unwrap().as_str(), r#"{"type":"ephemeral"}"#);
    assert_eq!(read.turns[0].content.last(), Some(&Content::text("bare")));
    let all = [Needs::IMAGES, Needs::AUDIO, Needs::DOCUMENTS, Needs::VIDEO];
    assert_eq!(read.needs, all.into_iter().fold(Needs::default(), |sum, need| sum | need));
}

#[test]
fn results_of_one_turn_stand_together_and_know_their_tool() {
    let body = br#"{"messages":[{"role":"assistant","tool_calls":[
        {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1.0}"},
         "extra_content":{"google":{"thought_signature":"sig"}}},
        {"id":"b","type":"custom","custom":{"name":"g","input":"free"}}]},
        {"role":"tool","tool_call_id":"b","content":"two"},
        {"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"one"}]},
        {"role":"user","content":"go on"}]}"#;
    let read = read_conversation(body).unwrap();
    assert_eq!(read.turns.len(), 3);
    let calls: Vec<_> = read.turns[0]
        .content
        .iter()
        .map(|part| match part {
            Content::ToolCall(call) => call.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!((&*calls[0].id, &*calls[0].arguments), ("a", r#"{"x":1.0}"#));
    assert_eq!(calls[0].signature.as_deref(), Some("sig"));
    assert!(calls[1].free_text && calls[1].arguments == "free");
    assert_eq!(read.turns[1].role, Role::Tool);
    let results: Vec<_> = read.turns[1]
        .content
        .iter()
        .map(|part| match part {
            Content::ToolResult(result) => (&*result.id, result.name.as_deref()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results, [("b", Some("g")), ("a", Some("f"))]);
}

#[test]
fn legacy_functions_become_tools_and_are_named() {
    let body = br#"{"messages":[{"role":"user","content":"x"},
        {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
        {"role":"function","name":"f","content":"4"}],
        "functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":{"name":"f"}}"#;
    let read = read_conversation(body).unwrap();
    let (Content::ToolCall(call), Content::ToolResult(result)) =
        (&read.turns[1].content[0], &read.turns[2].content[0])
    else {
        panic!("{:?}", read.turns)
    };
    assert!(!call.id.is_empty());
    assert_eq!((&call.id, result.name.as_deref()), (&result.id, Some("f")));
    assert_eq!(read.tool_choice, Some(ToolChoice::Named("f".into())));
    assert!(matches!(&read.tools[..], [Tool::Function(function)] if &*function.name == "f"));
    assert_eq!(read.unmapped, ["functions".into(), "function_call".into()]);
}

#[test]
fn tools_of_every_type_are_read() {
    let body = br#"{"messages":[],"tools":[
        {"type":"function","function":{"name":"f","description":"d","strict":true,
         "parameters":{"a":1.0}},"cache_control":{"type":"ephemeral"}},
        {"type":"custom","custom":{"name":"g","format":{"type":"grammar"}}},
        {"type":"openrouter:web_search","parameters":{"max_uses":1}},
        {"type":"browser_search"},{"type":"telescope"}],
        "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[
         {"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"g"}}]}},
        "web_search_options":{"search_context_size":"low"}}"#;
    let read = read_conversation(body).unwrap();
    let Tool::Function(f) = &read.tools[0] else { panic!() };
    assert_eq!(f.parameters.as_ref().unwrap().as_str(), r#"{"a":1.0}"#);
    assert_eq!((f.strict, f.cache.is_some(), f.free_text), (Some(true), true, false));
    let Tool::Function(g) = &read.tools[1] else { panic!() };
    assert!(g.free_text);
    let hosted: Vec<_> = read.tools[2..]
        .iter()
        .map(|tool| match tool {
            Tool::Hosted(tool) => (tool.kind, &*tool.name),
            Tool::Function(other) => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        hosted,
        [
            (HostedKind::WebSearch, "openrouter:web_search"),
            (HostedKind::WebSearch, "browser_search"),
            (HostedKind::Other, "telescope"),
            (HostedKind::WebSearch, "web_search_options"),
        ]
    );
    let names = vec!["f".into(), "g".into()];
    assert_eq!(read.tool_choice, Some(ToolChoice::Among { names, required: true }));
    assert_eq!(read.unmapped, ["tools.custom.format".into()]);
    assert_eq!(read.needs, Needs::TOOLS | Needs::HOSTED_TOOLS);
    for (choice, wanted) in [
        (r#""none""#, Some(ToolChoice::None)),
        (r#""any""#, Some(ToolChoice::Required)),
        (r#"{"function":{"name":"f"}}"#, Some(ToolChoice::Named("f".into()))),
        (r#"{"type":"web_search"}"#, Some(ToolChoice::Named("web_search".into()))),
        ("null", None),
    ] {
        let body = format!(r#"{{"messages":[],"tool_choice":{choice}}}"#);
        assert_eq!(read_conversation(body.as_bytes()).unwrap().tool_choice, wanted, "{choice}");
    }
}

#[test]
fn thinking_comes_back_with_its_proof() {
    let body = br#"{"messages":[{"role":"assistant","content":"4","reasoning":"two and two",
        "reasoning_details":[{"type":"reasoning.text","text":"two and two","signature":"s","index":0},
        {"type":"reasoning.encrypted","data":"xyz","id":"rs_1"}],"strange":1,"prefix":false}]}"#;
    let read = read_conversation(body).unwrap();
    let thoughts: Vec<_> = read.turns[0]
        .content
        .iter()
        .filter_map(|part| match part {
            Content::Thinking(thinking) => Some(thinking.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(thoughts.len(), 2);
    let proof = thoughts[0].proof.as_ref().unwrap();
    assert_eq!((thoughts[0].text.as_str(), proof.kind), ("two and two", ProofKind::Signature));
    assert_eq!(&*proof.data, r#"{"type":"reasoning.text","signature":"s","index":0}"#);
    let proof = thoughts[1].proof.as_ref().unwrap();
    assert_eq!((proof.kind, proof.id.as_deref()), (ProofKind::Sealed, Some("rs_1")));
    assert_eq!(read.unmapped, ["messages.strange".into()]);
}
