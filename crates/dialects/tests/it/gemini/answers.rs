//! Whole answers: what they say, what is wrong with them, and how ours look to a client.

use domain::{
    Choice, Citation, Completion, Content, Delta, Dialect, Event, FaultClass, Finish, Framing,
    LogProb, Media, MediaKind, MediaSource, Operation, Proof, ProofKind, Reply, SearchResult, Text,
    Thinking, ToolCall, Usage,
};
use serde_json::json;

use super::{client_chunks, envelope, form, json as parsed, written};

fn read(body: &str) -> (Completion, Vec<String>) {
    let (reply, losses) = form().read_whole(Operation::Generate, body.as_bytes()).unwrap();
    let Reply::Completion(completion) = reply else { panic!("{reply:?}") };
    (completion, losses.iter().map(|loss| loss.field.to_string()).collect())
}

fn write(choice: Choice, usage: Option<Usage>) -> (serde_json::Value, Vec<String>) {
    let completion = Completion { choices: vec![choice], usage, ..Completion::default() };
    let written = form().write_whole(&Reply::Completion(completion), &envelope(Framing::Events));
    let losses = written.losses.iter().map(|loss| loss.field.to_string()).collect();
    (parsed(&written.body), losses)
}

#[test]
fn each_word_for_the_end_has_its_meaning() {
    let filter = |word: &str| Finish::ContentFilter(word.into());
    for (word, finish) in [
        ("STOP", Finish::Stop),
        ("MAX_TOKENS", Finish::Length),
        ("SAFETY", filter("SAFETY")),
        ("RECITATION", filter("RECITATION")),
        ("BLOCKLIST", filter("BLOCKLIST")),
        ("PROHIBITED_CONTENT", filter("PROHIBITED_CONTENT")),
        ("SPII", filter("SPII")),
        ("MODEL_ARMOR", filter("MODEL_ARMOR")),
        ("NEWS_TO_US", Finish::Other("NEWS_TO_US".into())),
        ("CONTINUATION", Finish::Paused),
    ] {
        let body = format!(r#"{{"candidates":[{{"content":{{}},"finishReason":"{word}"}}]}}"#);
        assert_eq!(read(&body).0.choices[0].finish, Some(finish), "{word}");
    }
    let numbered = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":1}]}"#;
    assert_eq!(read(numbered).0.choices[0].finish, Some(Finish::Stop));
}

#[test]
fn an_answer_that_cannot_be_used_is_a_fault() {
    let fault = |body: &str| {
        let seen = form().see_whole(Operation::Generate, body.as_bytes());
        let read = form().read_whole(Operation::Generate, body.as_bytes());
        assert_eq!(seen.clone().err(), read.clone().err(), "{body}");
        read.err()
    };
    for (word, class) in [
        (r#""MALFORMED_FUNCTION_CALL""#, FaultClass::Malformed),
        ("9", FaultClass::Malformed),
        (r#""UNEXPECTED_TOOL_CALL""#, FaultClass::Malformed),
        (r#""TOO_MANY_TOOL_CALLS""#, FaultClass::Malformed),
        (r#""MALFORMED_RESPONSE""#, FaultClass::Malformed),
        (r#""MISSING_THOUGHT_SIGNATURE""#, FaultClass::ForeignProofs),
    ] {
        for parts in ["", r#"{"text":"Let me see."}"#] {
            let ended = format!(r#"{{"content":{{"parts":[{parts}]}},"finishReason":{word}"#);
            let alone = format!(r#"{{"candidates":[{ended},"finishMessage":"print(x)"}}]}}"#);
            let told = fault(&alone).unwrap();
            assert_eq!(told.class, class, "{alone}");
            // What may be told to callers is in our own words.
            let ours = class == FaultClass::ForeignProofs;
            assert_eq!(told.detail.contains("print(x)"), !ours, "{}", told.detail);
            let both = format!(r#"{{"candidates":[{ended}}},{ended},"index":1}}]}}"#);
            assert_eq!(fault(&both).unwrap().class, class, "{both}");
            // The other candidate is an answer.
            let other = r#"{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","index":1}"#;
            assert_eq!(fault(&format!(r#"{{"candidates":[{ended}}},{other}]}}"#)), None);
        }
    }
}

#[test]
fn a_refused_prompt_is_a_finish_by_the_filter() {
    let body = r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":4}}"#;
    let (completion, _) = read(body);
    let filtered = Finish::ContentFilter("PROHIBITED_CONTENT".into());
    assert_eq!(completion.choices[0].finish, Some(filtered.clone()));
    let sight = form().see_whole(Operation::Generate, body.as_bytes()).unwrap();
    assert_eq!(sight.finish, Some(filtered));
    // It has to be an answer of one candidate: some clients look no further.
    let choice = completion.choices[0].clone();
    let (written, losses) = write(choice, None);
    assert_eq!(written["candidates"][0]["finishReason"], "PROHIBITED_CONTENT");
    assert!(losses.is_empty());
}

#[test]
fn every_finish_is_told_in_words_that_clients_know() {
    for (finish, word, message) in [
        (Finish::Stop, "STOP", None),
        (Finish::ToolCalls, "STOP", None),
        (Finish::StopSequence("END".into()), "STOP", None),
        (Finish::Length, "MAX_TOKENS", None),
        (Finish::ContentFilter("".into()), "SAFETY", None),
        (Finish::ContentFilter("hate".into()), "SAFETY", Some("hate")),
        (Finish::ContentFilter("SPII".into()), "SPII", None),
        (Finish::Refusal, "SAFETY", Some("the model declines to answer")),
        (Finish::Paused, "OTHER", Some("the provider paused a long turn")),
        (Finish::Other("odd".into()), "OTHER", Some("odd")),
    ] {
        let (written, _) =
            write(Choice { finish: Some(finish.clone()), ..Choice::default() }, None);
        let candidate = &written["candidates"][0];
        assert_eq!(candidate["finishReason"], word, "{finish:?}");
        assert_eq!(candidate["finishMessage"].as_str(), message, "{finish:?}");
        assert_eq!(candidate["content"]["role"], "model");
    }
    let (written, _) = write(
        Choice { finish: Some(Finish::ContentFilter("JAILBREAK".into())), ..Choice::default() },
        None,
    );
    assert_eq!(written["promptFeedback"]["blockReason"], "JAILBREAK");
    assert_eq!(written["candidates"][0]["finishReason"], "SAFETY");
    let again = read(&written.to_string()).0;
    assert_eq!(again.choices[0].finish, Some(Finish::ContentFilter("JAILBREAK".into())));
}

#[test]
fn usage_counts_each_token_once() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],
      "usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":"7","thoughtsTokenCount":5,"toolUsePromptTokenCount":11,"totalTokenCount":123}}"#;
    let usage = read(body).0.usage.unwrap();
    let wanted = Usage {
        input_uncached: 51,
        cache_read: 60,
        cache_write: 0,
        cache_write_hour: 0,
        output: 12,
        reasoning: 5,
        estimated: false,
    };
    assert_eq!(usage, wanted);
    let (written, losses) = write(Choice::default(), Some(Usage { cache_write: 3, ..usage }));
    let told = json!({"promptTokenCount":114,"candidatesTokenCount":7,"totalTokenCount":126,
        "cachedContentTokenCount":60,"thoughtsTokenCount":5});
    assert_eq!(written["usageMetadata"], told);
    assert_eq!(losses, ["usage.cache_creation_input_tokens"]);
    let none = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"trafficType":"ON_DEMAND"}}"#;
    assert_eq!(read(none).0.usage, None);
}

#[test]
fn sources_count_bytes_and_citations_count_characters() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"Übung ist gut. Ärger nicht."}]},"finishReason":"STOP",
      "groundingMetadata":{"webSearchQueries":["q"],"searchEntryPoint":{"renderedContent":"<b>"},
        "groundingChunks":[{"web":{"uri":"https://a.test","title":"A"}},{"retrievedContext":{"title":"B","text":"words"}}],
        "groundingSupports":[{"segment":{"startIndex":16,"endIndex":29,"text":"Ärger nicht."},"groundingChunkIndices":[0,1,9]}]}}]}"#;
    let (completion, losses) = read(body);
    let Content::Text(text) = &completion.choices[0].content[0] else { panic!() };
    assert_eq!(text.citations.len(), 2);
    assert_eq!(text.citations[0].span, Some((15, 27)));
    assert_eq!(text.citations[0].url.as_deref(), Some("https://a.test"));
    assert_eq!(text.citations[1].quote.as_deref(), Some("words"));
    let Content::SearchResults(found) = &completion.choices[0].content[1] else { panic!() };
    assert_eq!((&*found[0].url, found.len()), ("https://a.test", 1));
    assert_eq!(
        losses,
        ["groundingMetadata.searchEntryPoint", "groundingMetadata.webSearchQueries"]
    );
    let (written, losses) = write(completion.choices[0].clone(), None);
    assert!(losses.is_empty());
    let grounding = &written["candidates"][0]["groundingMetadata"];
    let segment = json!({"startIndex":16,"endIndex":29,"text":"Ärger nicht."});
    assert_eq!(grounding["groundingSupports"][0]["segment"], segment);
    assert_eq!(grounding["groundingChunks"][0]["web"]["uri"], "https://a.test");
    assert_eq!(read(&written.to_string()).0.choices, completion.choices);
}

#[test]
fn recited_sources_become_citations() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"abcdef"}]},"finishReason":"RECITATION",
      "citationMetadata":{"citationSources":[{"startIndex":1,"endIndex":3,"uri":"https://c.test"}]}}]}"#;
    let Content::Text(text) = &read(body).0.choices[0].content[0].clone() else { panic!() };
    let citation =
        Citation { url: Some("https://c.test".into()), span: Some((1, 3)), ..Citation::default() };
    assert_eq!(text.citations, [citation]);
}

#[test]
fn probabilities_and_media_are_kept() {
    let choice = Choice {
        content: vec![
            Content::text("Hello"),
            Content::Media(Media {
                kind: MediaKind::Image,
                source: MediaSource::Base64("iVBORw0KGgo=".into()),
                mime: Some("image/png".into()),
                name: None,
                detail: None,
                cache: None,
            }),
        ],
        finish: Some(Finish::Stop),
        logprobs: vec![LogProb {
            token: "Hello".into(),
            logprob: -6.7947026e-06,
            top: vec![("Hello".into(), -6.7947026e-06), ("\"".into(), -12.196156)],
        }],
    };
    let (written, losses) = write(choice.clone(), None);
    assert!(losses.is_empty());
    assert_eq!(read(&written.to_string()).0.choices[0], choice);
}

#[test]
fn signatures_stay_where_they_were() {
    let body = r#"{"candidates":[{"content":{"role":"model","parts":[
      {"text":"hm","thought":true,"thoughtSignature":"YQ=="},
      {"text":"Good","thoughtSignature":"Yg=="},
      {"functionCall":{"name":"f"},"thoughtSignature":"Yw=="},
      {"inlineData":{"mimeType":"image/png","data":"AAAA"},"thoughtSignature":"ZA=="}]},"finishReason":"STOP"}]}"#;
    let (completion, losses) = read(body);
    assert!(losses.is_empty());
    let content = &completion.choices[0].content;
    let proof = |data: &str| {
        let (dialect, kind) = (Dialect::Gemini, ProofKind::Signature);
        Some(Proof { dialect, kind, id: None, data: data.into() })
    };
    let thinking =
        |text: &str, data| Content::Thinking(Thinking { text: text.into(), proof: proof(data) });
    assert_eq!(content[0], thinking("hm", "YQ=="));
    // The proof of the text comes behind all of its chunk's parts.
    let Content::ToolCall(call) = &content[2] else { panic!("{content:?}") };
    assert_eq!(call.signature.as_deref(), Some("Yw=="));
    assert_eq!(completion.choices[0].finish, Some(Finish::ToolCalls));
    let proofs = content.iter().filter(|part| matches!(part, Content::Thinking(_))).count();
    assert_eq!(proofs, 3);
}

#[test]
fn what_cannot_be_carried_is_named() {
    let foreign = Thinking {
        text: "hm".into(),
        proof: Some(Proof {
            dialect: Dialect::Anthropic,
            kind: ProofKind::Signature,
            id: None,
            data: "x".into(),
        }),
    };
    let choice = Choice {
        content: vec![
            Content::Thinking(foreign),
            Content::Refusal("I must not".into()),
            Content::ToolCall(ToolCall {
                id: "call_1".into(),
                name: "f".into(),
                arguments: "{broken".into(),
                ..ToolCall::default()
            }),
            Content::SearchResults(vec![SearchResult {
                url: "https://a.test".into(),
                date: Some("2026-01-01".into()),
                ..SearchResult::default()
            }]),
        ],
        finish: Some(Finish::StopSequence("END".into())),
        logprobs: Vec::new(),
    };
    let (written, losses) = write(choice, None);
    let parts = &written["candidates"][0]["content"]["parts"];
    assert_eq!(parts[0], json!({"text":"hm","thought":true}));
    assert_eq!(parts[1], json!({"text":"I must not"}));
    let call = json!({"id":"call_1","name":"f","args":{"arguments":"{broken"}});
    assert_eq!(parts[2]["functionCall"], call);
    let wanted = [
        "thinking.signature",
        "refusal",
        "tool_calls.arguments",
        "search_results.date",
        "stop_sequence",
    ];
    assert_eq!(losses, wanted);
}

#[test]
fn a_refusal_is_told_by_the_finish_alone() {
    let choice = Choice {
        content: vec![Content::Refusal("I must not".into())],
        finish: Some(Finish::Stop),
        ..Choice::default()
    };
    let (whole, _) = write(choice, None);
    assert_eq!(whole["candidates"][0]["finishReason"], "SAFETY");
    let refusal = Delta::Refusal("I must not".into());
    let events = [Event::Delta { choice: 0, delta: refusal }, Event::finish(Finish::Stop)];
    let (stream, _) = written(&events, Framing::Events);
    let chunks = client_chunks(&stream);
    assert_eq!(chunks[1]["candidates"][0]["finishReason"], "SAFETY");
}

#[test]
fn a_body_that_is_no_answer_is_a_fault() {
    let class = |body: &str| {
        let seen = form().see_whole(Operation::Generate, body.as_bytes()).unwrap_err().class;
        let read = form().read_whole(Operation::Generate, body.as_bytes()).unwrap_err().class;
        assert_eq!(seen, read);
        seen
    };
    assert_eq!(class(""), FaultClass::Empty);
    assert_eq!(class("{}"), FaultClass::Malformed);
    assert_eq!(class("<html>"), FaultClass::Malformed);
    assert_eq!(class(r#"{"candidates":[]}"#), FaultClass::Empty);
    let error =
        r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#;
    assert_eq!(class(error), FaultClass::Overloaded);
    assert_eq!(class(&format!("[{error}]")), FaultClass::Overloaded);
}

#[test]
fn several_candidates_keep_their_numbers() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","index":0},
      {"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS","index":1}]}"#;
    let (completion, _) = read(body);
    assert_eq!(completion.choices.len(), 2);
    assert_eq!(
        completion.choices[1].content,
        [Content::Text(Text { text: "b".into(), ..Text::default() })]
    );
    assert_eq!(completion.choices[1].finish, Some(Finish::Length));
}
