//! Outlines, rewrites and conversations of single requests.

use bytes::Bytes;
use dialects::openai_chat::{read_conversation, read_outline, rewrite};
use domain::{Content, Dialect, Needs, Request, Role};

fn request(body: &str) -> Request {
    let outline = read_outline(body.as_bytes()).unwrap();
    Request { dialect: Dialect::OpenAiChat, body: Bytes::copy_from_slice(body.as_bytes()), outline }
}

fn rewritten(body: &str, model: &str, ask_usage: bool) -> String {
    String::from_utf8(rewrite(&request(body), model, ask_usage).to_vec()).unwrap()
}

#[test]
fn the_outline_has_what_routing_needs() {
    let body = r#" {"messages":[{"role":"user","content":"{\"model\":\"no\"}"}], "model" : "gpt-4.1",
        "stream":true,"stream_options":{"include_usage":true},"max_tokens":5,
        "max_completion_tokens":7,"future_field":[1.50]} "#;
    let outline = read_outline(body.as_bytes()).unwrap();
    assert_eq!(&*outline.model, "gpt-4.1");
    assert_eq!(&body[outline.model_at.unwrap()], "\"gpt-4.1\"");
    assert!(outline.stream && outline.usage_in_stream);
    assert_eq!(&body[outline.stream_options_at.unwrap()], r#"{"include_usage":true}"#);
    assert_eq!(outline.output_tokens_max, Some(7));
    assert!(outline.needs.is_empty());
}

#[test]
fn a_model_spelled_with_escapes_is_read_and_has_no_place() {
    let outline = read_outline(br#"{"model":"gpt\u002d4","messages":[]}"#).unwrap();
    assert_eq!((&*outline.model, outline.model_at), ("gpt-4", None));
    let outline = read_outline(br#"{"mod\u0065l":"gpt-4","messages":[]}"#).unwrap();
    assert_eq!(&*outline.model, "gpt-4");
}

#[test]
fn needs_at_the_top_are_seen() {
    for (field, need) in [
        (r#""tools":[{"type":"function"}]"#, Needs::TOOLS),
        (r#""functions":[{}]"#, Needs::TOOLS),
        (r#""response_format":{"type":"json_schema","json_schema":{}}"#, Needs::JSON_OUTPUT),
        (r#""response_format":{"type":"json_object"}"#, Needs::JSON_OUTPUT),
        (r#""modalities":["text","audio"]"#, Needs::AUDIO),
        (r#""audio":{"voice":"x"}"#, Needs::AUDIO),
        (r#""n":2"#, Needs::MANY_CHOICES),
        (r#""logprobs":true"#, Needs::LOGPROBS),
        (r#""tools":[],"n":1,"logprobs":false,"audio":null"#, Needs::default()),
        (r#""response_format":{"type":"text"},"modalities":["text"]"#, Needs::default()),
    ] {
        let body = format!(r#"{{"model":"m","messages":[],{field}}}"#);
        assert_eq!(read_outline(body.as_bytes()).unwrap().needs, need, "{field}");
    }
}

#[test]
fn what_cannot_be_routed_is_refused_with_its_field() {
    for (body, param, words) in [
        ("", None, "empty"),
        ("  \n", None, "empty"),
        ("[]", None, "object"),
        ("\"x\"", None, "object"),
        ("{", None, "line 1"),
        (r#"{"model":"m","messages":[]} x"#, None, "line 1"),
        (r#"{"messages":[]}"#, Some("model"), "missing"),
        (r#"{"model":4,"messages":[]}"#, Some("model"), "string"),
        (r#"{"model":"","messages":[]}"#, Some("model"), "empty"),
        (r#"{"model":"m"}"#, Some("messages"), "missing"),
        (r#"{"model":"m","messages":"hi"}"#, Some("messages"), "array"),
        (r#"{"model":"m","messages":[],"stream":"yes"}"#, Some("stream"), "true or false"),
        (r#"{"model":"m","messages":[],"stream_options":1}"#, Some("stream_options"), "object"),
        (r#"{"model":"m","messages":[],"model":"n"}"#, Some("model"), "twice"),
        (r#"{"model":"m","messages":[],"mode\u006c":"n"}"#, Some("model"), "twice"),
        (r#"{"stream":true,"model":"m","messages":[],"stream":false}"#, Some("stream"), "twice"),
        (
            r#"{"model":"m","messages":[],"stream_options":{},"stream_options":null}"#,
            Some("stream_options"),
            "twice",
        ),
    ] {
        let refused = read_outline(body.as_bytes()).unwrap_err();
        assert_eq!(refused.param, param, "{body}");
        assert!(refused.message.contains(words), "{body}: {}", refused.message);
    }
    assert!(read_outline(b"{\"model\":\"\xff\",\"messages\":[]}").is_err());
    let deep = format!(r#"{{"model":"m","messages":[{}{}]}}"#, "[".repeat(70), "]".repeat(70));
    assert!(read_outline(deep.as_bytes()).unwrap_err().message.contains("64 levels"));
}

#[test]
fn nothing_to_change_shares_the_body() {
    for body in [
        r#"{"model":"m","messages":[]}"#,
        r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
    ] {
        let request = request(body);
        assert_eq!(rewrite(&request, "m", true).as_ptr(), request.body.as_ptr());
    }
}

#[test]
fn only_the_model_changes() {
    let body = r#"{ "b":1.50,"model" : "m", "messages":[],"b":2e0, "ü":"\u00fc" }"#;
    assert_eq!(rewritten(body, "x\"y", false), body.replace("\"m\"", r#""x\"y""#));
    let spelled = r#"{"mod\u0065l":"\u006d","messages":[ ],"x":{"model":"m"}}"#;
    assert_eq!(
        rewritten(spelled, "n", false),
        r#"{"mod\u0065l":"n","messages":[ ],"x":{"model":"m"}}"#
    );
}

#[test]
fn usage_is_asked_for_in_every_spelling() {
    let with = |options: &str| format!(r#"{{"stream":true,"model":"m","messages":[]{options}}}"#);
    for (options, wanted) in [
        (r#","stream_options":null"#, r#","stream_options":{"include_usage":true}"#),
        (r#","stream_options":{}"#, r#","stream_options":{"include_usage":true}"#),
        (r#","stream_options":{ }"#, r#","stream_options":{"include_usage":true }"#),
        (
            r#","stream_options":{"include_usage": false,"x":1.0}"#,
            r#","stream_options":{"include_usage": true,"x":1.0}"#,
        ),
        (
            r#","stream_options":{"include_obfuscation":false}"#,
            r#","stream_options":{"include_usage":true,"include_obfuscation":false}"#,
        ),
    ] {
        assert_eq!(rewritten(&with(options), "m", true), with(wanted));
        assert!(read_outline(with(wanted).as_bytes()).unwrap().usage_in_stream);
    }
    let front = rewritten(&with(""), "other", true);
    assert_eq!(
        front,
        r#"{"stream_options":{"include_usage":true},"stream":true,"model":"other","messages":[]}"#
    );
    let unstreamed = r#"{"model":"m","messages":[]}"#;
    assert_eq!(rewritten(unstreamed, "m", true), unstreamed);
}

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
    assert_eq!(read.turns[3].text(), "no");
    assert_eq!(read.sampling.temperature, Some(0.0));
    assert_eq!(read.sampling.seed, Some(7));
    assert_eq!(read.sampling.output_tokens_max, Some(9));
    assert_eq!(read.sampling.stop, ["END"]);
    assert!(read.needs.is_empty());
}

#[test]
fn needs_inside_the_turns_are_seen() {
    for (message, need) in [
        (r#"{"role":"user","content":[{"type":"image_url","image_url":{}}]}"#, Needs::IMAGES),
        (r#"{"role":"user","content":[{"type":"input_audio"}]}"#, Needs::AUDIO),
        (r#"{"role":"user","content":[{"type":"file"}]}"#, Needs::DOCUMENTS),
        (r#"{"role":"tool","content":"4"}"#, Needs::TOOLS),
        (r#"{"role":"assistant","content":null,"tool_calls":[{}]}"#, Needs::TOOLS),
        (r#"{"role":"assistant","content":"","tool_calls":null}"#, Needs::default()),
    ] {
        let body = format!(r#"{{"messages":[{message}]}}"#);
        assert_eq!(read_conversation(body.as_bytes()).unwrap().needs, need, "{message}");
    }
    let body = br#"{"messages":[{"role":"user","content":[{"type":"hologram"}]}]}"#;
    let turn = &read_conversation(body).unwrap().turns[0];
    assert_eq!(turn.content, [Content::Unknown("hologram".to_owned())]);
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
    ] {
        let body = format!(r#"{{"messages":[{message}]}}"#);
        let refused = read_conversation(body.as_bytes()).unwrap_err();
        assert_eq!(refused.param, Some("messages"));
        assert!(refused.message.contains(words), "{message}: {}", refused.message);
    }
}
