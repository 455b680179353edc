//! Whole answers, read and written.

use domain::{
    Choice, Citation, Completion, Content, Dialect, FaultClass, Finish, LogProb, Operation, Proof,
    ProofKind, Reply, SearchResult, Text, Thinking, ToolCall, Usage,
};
use serde_json::{Value, json};

use super::{envelope, form};

const GENERATE: Operation = Operation::Generate;

fn read(body: &Value) -> (Completion, String) {
    let body = serde_json::to_vec(body).unwrap();
    match form().read_whole(GENERATE, &body).unwrap() {
        (Reply::Completion(completion), losses) => (completion, losses.header()),
        (other, _) => panic!("{other:?}"),
    }
}

fn message(content: &Value, stop: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": stop, "stop_sequence": null,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2,
            "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}})
}

fn write(choice: Choice) -> (Value, String) {
    let usage = Some(Usage { input_uncached: 1, cache_read: 2, output: 3, ..Usage::default() });
    let completion = Completion { id: None, model: None, choices: vec![choice], usage };
    let written = form().write_whole(&Reply::Completion(completion), &envelope());
    (serde_json::from_slice(&written.body).unwrap(), written.losses.header())
}

#[test]
fn cached_tokens_stand_beside_the_input() {
    let (completion, losses) = read(&message(&json!([{"type": "text", "text": "a"}]), "end_turn"));
    let usage = completion.usage.unwrap();
    assert_eq!((usage.input_uncached, usage.cache_read, usage.cache_write), (5, 3, 2));
    assert_eq!((usage.input(), usage.output, usage.reasoning), (10, 9, 4));
    assert_eq!(losses, "");
    let (body, _) = write(Choice::default());
    let wanted = json!({"input_tokens": 1, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 2, "output_tokens": 3});
    assert_eq!(body["usage"], wanted);
}

#[test]
fn every_stop_reason_is_read_and_written() {
    let content = json!([{"type": "text", "text": "a"}]);
    for (word, finish) in [
        ("end_turn", Finish::Stop),
        ("max_tokens", Finish::Length),
        ("tool_use", Finish::ToolCalls),
        ("pause_turn", Finish::Paused),
        ("refusal", Finish::Refusal),
    ] {
        let (completion, losses) = read(&message(&content, word));
        assert_eq!(completion.choices[0].finish, Some(finish.clone()), "{word}");
        assert_eq!(losses, "");
        let (body, _) = write(Choice { finish: Some(finish), ..Choice::default() });
        assert_eq!(body["stop_reason"], word);
    }
    let mut stopped = message(&content, "stop_sequence");
    stopped["stop_sequence"] = json!("END");
    let finish = read(&stopped).0.choices[0].finish.clone();
    assert_eq!(finish, Some(Finish::StopSequence("END".into())));
    let (body, _) = write(Choice { finish, ..Choice::default() });
    assert_eq!(
        (&body["stop_reason"], &body["stop_sequence"]),
        (&json!("stop_sequence"), &json!("END"))
    );

    let (completion, losses) = read(&message(&content, "model_context_window_exceeded"));
    assert_eq!(completion.choices[0].finish, Some(Finish::Length));
    assert_eq!(losses, "stop_reason");
    let (completion, _) = read(&message(&content, "brand_new"));
    let finish = completion.choices[0].finish.clone();
    assert_eq!(finish, Some(Finish::Other("brand_new".into())));
    let (body, losses) = write(Choice { finish, ..Choice::default() });
    assert_eq!((&body["stop_reason"], losses.as_str()), (&json!("end_turn"), "finish_reason"));
}

#[test]
fn a_filter_keeps_its_reason_and_its_words() {
    let mut refused = message(&json!([]), "refusal");
    refused["stop_details"] = json!({"type": "refusal", "category": "cyber", "explanation": "No."});
    let (completion, _) = read(&refused);
    let choice = &completion.choices[0];
    assert_eq!(choice.finish, Some(Finish::ContentFilter("cyber".into())));
    assert_eq!(choice.content, [Content::Refusal("No.".to_owned())]);
    let (body, _) = write(choice.clone());
    assert_eq!(body["stop_details"], refused["stop_details"]);
    assert_eq!(body["content"], json!([]));
    // Behind text the words are no refusal of their own, in which clients would drown the text.
    let mut cut = message(&json!([{"type": "text", "text": "So far"}]), "refusal");
    cut["stop_details"] = refused["stop_details"].clone();
    let (completion, losses) = read(&cut);
    assert_eq!(completion.choices[0].content, [Content::text("So far")]);
    assert_eq!(losses, "stop_details.explanation");
    // A model's own words of another provider's are text, and the reason tells what they are.
    let own = Choice {
        content: vec![Content::Refusal("I will not.".to_owned())],
        finish: Some(Finish::Stop),
        ..Choice::default()
    };
    let (body, _) = write(own);
    assert_eq!(body["stop_reason"], "refusal");
    assert_eq!(body["content"], json!([{"type": "text", "text": "I will not."}]));
}

#[test]
fn calls_are_read_and_written_and_make_the_reason_say_so() {
    let content = json!([{"type": "tool_use", "id": "t1", "name": "f", "input": {}},
        {"type": "tool_use", "id": "t2", "name": "f", "input": {"a": "b"}}]);
    let (completion, _) = read(&message(&content, "tool_use"));
    let arguments: Vec<&str> = completion.choices[0]
        .content
        .iter()
        .map(|part| match part {
            Content::ToolCall(call) => call.arguments.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(arguments, ["{}", r#"{"a":"b"}"#]);
    let call = |id: &str, arguments: &str, free_text| {
        Content::ToolCall(ToolCall {
            id: id.into(),
            name: "f".into(),
            arguments: arguments.to_owned(),
            free_text,
            signature: None,
        })
    };
    let choice = Choice {
        content: vec![
            call("", "", false),
            call("t", "{\"a\":1.50", false),
            call("u", "free", true),
        ],
        finish: Some(Finish::Stop),
        ..Choice::default()
    };
    let (body, losses) = write(choice);
    assert_eq!(body["stop_reason"], "tool_use");
    assert_eq!(body["content"][0]["id"], "toolu_0001_0");
    assert_eq!(body["content"][0]["input"], json!({}));
    assert_eq!(body["content"][1]["input"], json!({"arguments": "{\"a\":1.50"}));
    assert_eq!(body["content"][2]["input"], json!({"input": "free"}));
    assert_eq!(losses, "tool_calls.arguments,tools.custom");
}

#[test]
fn thinking_comes_with_its_own_proof_or_with_our_mark() {
    let proof = |dialect, kind| Some(Proof { dialect, kind, id: None, data: "p".into() });
    let thinking = |text: &str, proof| Content::Thinking(Thinking { text: text.to_owned(), proof });
    let choice = Choice {
        content: vec![
            thinking("a", proof(Dialect::Anthropic, ProofKind::Signature)),
            thinking("", proof(Dialect::Anthropic, ProofKind::Sealed)),
            thinking("b", None),
            thinking("c", proof(Dialect::Gemini, ProofKind::Signature)),
            thinking("", proof(Dialect::OpenAiResponses, ProofKind::Sealed)),
        ],
        finish: Some(Finish::Stop),
        ..Choice::default()
    };
    let (body, losses) = write(choice);
    let wanted = json!([
        {"type": "thinking", "thinking": "a", "signature": "p"},
        {"type": "redacted_thinking", "data": "p"},
        {"type": "thinking", "thinking": "b", "signature": "seawall"},
        {"type": "thinking", "thinking": "c", "signature": "seawall"}]);
    assert_eq!(body["content"], wanted);
    assert_eq!(losses, "thinking.signature");
    let (completion, _) = read(&message(&wanted, "end_turn"));
    assert_eq!(completion.choices[0].content.len(), 3, "what has no proof is one thought");
}

#[test]
fn citations_find_their_place_again() {
    let citation = |url: &str, span| Citation {
        url: Some(url.into()),
        title: Some("T".into()),
        quote: Some("q".into()),
        span,
    };
    let text = Text {
        text: "Häuser stehen. Bäume auch.".to_owned(),
        citations: vec![citation("u1", Some((0, 6))), citation("u2", Some((15, 20)))],
        cache: None,
    };
    let choice = Choice {
        content: vec![Content::Text(text.clone())],
        finish: Some(Finish::Stop),
        ..Choice::default()
    };
    let (body, losses) = write(choice);
    let texts: Vec<&str> =
        body["content"].as_array().unwrap().iter().map(|b| b["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Häuser", " stehen. ", "Bäume", " auch."]);
    assert_eq!(body["content"][2]["citations"][0]["url"], "u2");
    assert_eq!(losses, "");
    let (completion, _) = read(&body);
    assert_eq!(completion.choices[0].content, [Content::Text(text)]);
    // Places that overlap cannot be told apart; one without an address has no form at all.
    let odd = Text {
        text: "abc".to_owned(),
        citations: vec![
            citation("u1", Some((0, 2))),
            citation("u2", Some((1, 3))),
            Citation { url: None, ..citation("", None) },
        ],
        cache: None,
    };
    let (body, losses) = write(Choice { content: vec![Content::Text(odd)], ..Choice::default() });
    assert_eq!(body["content"].as_array().unwrap().len(), 1);
    assert_eq!(body["content"][0]["citations"].as_array().unwrap().len(), 2);
    assert_eq!(losses, "citations");
}

#[test]
fn a_search_of_another_provider_is_shown_and_read_again() {
    let found = Content::SearchResults(vec![SearchResult {
        url: "https://a".into(),
        title: Some("A".into()),
        snippet: Some("s".into()),
        date: Some("2026-01-01".into()),
    }]);
    let choice = Choice { content: vec![found], finish: Some(Finish::Stop), ..Choice::default() };
    let (body, losses) = write(choice);
    assert_eq!(body["content"][0]["id"], body["content"][1]["tool_use_id"]);
    assert_eq!(losses, "search_results.snippet");
    let (completion, losses) = read(&body);
    assert_eq!(losses, "");
    let Content::SearchResults(results) = &completion.choices[0].content[0] else { panic!() };
    assert_eq!(&*results[0].url, "https://a");
}

#[test]
fn what_the_form_cannot_hold_is_named() {
    let mut body = message(
        &json!([{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": {"type": "web_search_tool_result_error"}},
            {"type": "mcp_tool_use", "id": "m"}, {"type": "text", "text": "a"}]),
        "end_turn",
    );
    body["container"] = json!({"id": "c"});
    body["usage"]["server_tool_use"] = json!({"web_search_requests": 1});
    let (_, losses) = read(&body);
    let wanted =
        "server_tool_use,web_search_tool_result,mcp_tool_use,usage.server_tool_use,container";
    assert_eq!(losses, wanted);
    let choice = Choice {
        logprobs: vec![LogProb { token: "a".to_owned(), logprob: -0.1, top: Vec::new() }],
        ..Choice::default()
    };
    let completion = Completion { choices: vec![choice.clone(), choice], ..Completion::default() };
    let written = form().write_whole(&Reply::Completion(completion), &envelope());
    assert_eq!(written.losses.header(), "n,logprobs");
}

#[test]
fn counts_are_written() {
    let reply = Reply::InputTokens { count: 17, estimated: true };
    let written = form().write_whole(&reply, &envelope());
    assert_eq!(&written.body[..], br#"{"input_tokens":17}"#);
}

#[test]
fn bad_bodies_have_their_class() {
    for (body, class) in [
        ("", FaultClass::Empty),
        ("nonsense", FaultClass::Malformed),
        ("[1]", FaultClass::Malformed),
        ("{}", FaultClass::Empty),
        (r#"{"content":[],"stop_reason":null}"#, FaultClass::Empty),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
            FaultClass::Overloaded,
        ),
        (r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#, FaultClass::ServerError),
    ] {
        let read = form().read_whole(GENERATE, body.as_bytes()).unwrap_err();
        assert_eq!(read.class, class, "{body}");
        assert_eq!(form().see_whole(GENERATE, body.as_bytes()).unwrap_err().class, class, "{body}");
    }
    let refused = form().read_whole(Operation::CountTokens, b"{}").unwrap_err();
    assert_eq!(refused.class, FaultClass::Malformed);
}
