//! Outlines and rewrites of single requests.

use dialects::Ask;
use domain::{Needs, Operation, Request};

use super::reading::{ask, form, read_outline};

fn request(body: &str) -> Request {
    super::reading::request(Operation::Generate, body.as_bytes())
}

fn rewritten(body: &str, model: &str, ask_usage: bool) -> String {
    let written = form().rewrite(&request(body), model, ask_usage);
    String::from_utf8(written.to_vec()).unwrap()
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
        (r#""tools":[{"type":"web_search"}]"#, Needs::HOSTED_TOOLS),
        (r#""tools":[{"type":"custom"},{"type":"x"}]"#, Needs::TOOLS | Needs::HOSTED_TOOLS),
        (r#""web_search_options":{}"#, Needs::HOSTED_TOOLS),
        (r#""reasoning_effort":"low""#, Needs::REASONING),
        (r#""reasoning_effort":"none","tools":null,"functions":[]"#, Needs::default()),
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
        let written = form().rewrite(&request, "m", true);
        assert_eq!(written.as_ptr(), request.body.as_ptr());
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
fn a_model_in_the_path_goes_before_the_one_in_the_body() {
    let outline = |body: &str, path| {
        let body = body.as_bytes();
        let ask = Ask { model_in_path: Some(path), ..ask(Operation::Generate, body) };
        form().read_outline(&ask)
    };
    let alone = outline(r#"{"messages":[]}"#, "deployed").unwrap();
    assert_eq!((&*alone.model, alone.model_at), ("deployed", None));
    let both = r#"{"messages":[],"model":"m"}"#;
    let read = outline(both, "deployed").unwrap();
    assert_eq!(&*read.model, "deployed");
    let mut request = request(both);
    request.outline = read;
    // The body's own name gives way, also to the path's.
    let written = form().rewrite(&request, "deployed", false);
    assert_eq!(&written[..], br#"{"messages":[],"model":"deployed"}"#);
    assert_eq!(outline(r#"{"messages":[],"model":7}"#, "d").unwrap_err().param, Some("model"));
}
