//! What single chunks and answers say in the internal form, the oddities of each server among
//! them.

use domain::{
    Completion, Content, Delta, Dialect, Event, Finish, ProofKind, Thinking, ToolCall, Usage,
};

use super::reading::{Translated, event, finish, read_whole, text, translate};

fn translated(stream: &str) -> Translated {
    translate([stream.as_bytes()])
}

fn chunk(delta: &str) -> String {
    event(&format!(r#"{{"id":"a","model":"m","choices":[{{"index":0,"delta":{delta}}}]}}"#))
}

fn start() -> Event {
    Event::Start { id: Some("a".into()), model: Some("m".into()) }
}

fn calls(completion: &Completion) -> Vec<ToolCall> {
    let calls = completion.choices[0].content.iter().filter_map(|part| match part {
        Content::ToolCall(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    let arguments = arguments.to_owned();
    ToolCall { id: id.into(), name: name.into(), arguments, ..ToolCall::default() }
}

#[test]
fn a_plain_stream_is_a_start_texts_and_a_finish() {
    let usage = event(r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#);
    let stream = [
        &chunk(r#"{"role":"assistant","content":""}"#),
        &chunk(r#"{"content":"h\u00e9"}"#),
        &text("!"),
        &finish("stop"),
        &usage,
        "data: [DONE]\n\n",
    ];
    let read = translated(&stream.map(|part: &str| part.to_owned()).concat());
    assert_eq!(read.fault, None);
    let usage = Usage { input_uncached: 3, output: 1, ..Usage::default() };
    assert_eq!(
        read.events,
        [
            start(),
            Event::text("hé"),
            Event::text("!"),
            Event::finish(Finish::Stop),
            Event::Usage(usage),
        ]
    );
}

#[test]
fn azures_first_chunk_is_no_start() {
    let first = event(
        r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false}}}]}"#,
    );
    let filtered = event(
        r#"{"id":"a","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":false},"violence":{"filtered":true,"severity":"high"}}}]}"#,
    );
    let read = translated(&(first + &filtered));
    let reason = Finish::ContentFilter("violence".into());
    assert_eq!(read.events, [start(), Event::finish(reason)]);
}

#[test]
fn calls_are_told_apart_however_they_are_numbered() {
    let openai = [
        r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}"#,
        r#"{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":1,"function":{"arguments":"{}"}},{"index":0,"function":{"arguments":":1}"}}]}"#,
    ];
    // Without an index (Mistral), all with the same one (Google), and the name again and again.
    let whole_without_index = [
        r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","function":{"name":"g","arguments":{}}}]}"#,
    ];
    let same_index = [
        r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]}"#,
    ];
    let repeated = [
        r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\""}}]}"#,
        r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":":1}"}}]}"#,
        r#"{"tool_calls":[{"id":"b","function":{"name":"g","arguments":"{"}}]}"#,
        r#"{"tool_calls":[{"function":{"arguments":"}"}}]}"#,
    ];
    let wanted = [call("a", "f", r#"{"x":1}"#), call("b", "g", "{}")];
    for deltas in [&openai[..], &whole_without_index, &same_index, &repeated] {
        let stream: String = deltas.iter().map(|delta| chunk(delta)).collect();
        let read = translated(&(stream + &finish("tool_calls")));
        assert_eq!(calls(&read.gathered().0), wanted, "{deltas:?}");
    }
}

#[test]
fn custom_and_legacy_calls_are_calls() {
    let deltas = [
        r#"{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"f","input":"fr"}}]}"#,
        r#"{"tool_calls":[{"index":0,"custom":{"input":"ee"}}]}"#,
        r#"{"function_call":{"name":"g","arguments":"{"}}"#,
        r#"{"function_call":{"arguments":"}"}}"#,
    ];
    let stream: String = deltas.iter().map(|delta| chunk(delta)).collect();
    let (completion, _) = translated(&(stream + &finish("function_call"))).gathered();
    let free = ToolCall { free_text: true, ..call("a", "f", "free") };
    assert_eq!(calls(&completion), [free, call("", "g", "{}")]);
    assert_eq!(completion.choices[0].finish, Some(Finish::ToolCalls));
}

#[test]
fn thinking_is_read_under_all_its_names() {
    for delta in [
        r#"{"reasoning_content":"hm"}"#,
        r#"{"reasoning":"hm","reasoning_content":"hm"}"#,
        r#"{"reasoning_details":[{"type":"reasoning.summary","summary":"hm"}]}"#,
        r#"{"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#,
    ] {
        let read = translated(&chunk(delta));
        let wanted = Event::Delta { choice: 0, delta: Delta::Thinking("hm".into()) };
        assert_eq!(read.events, [start(), wanted], "{delta}");
    }
    let sealed = r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"x","id":"rs"}]}"#;
    let read = translated(&chunk(sealed));
    let Event::Delta { delta: Delta::Proof(proof), .. } = &read.events[1] else { panic!() };
    assert_eq!((proof.kind, proof.dialect), (ProofKind::Sealed, Dialect::OpenAiChat));
}

#[test]
fn googles_signatures_stand_on_the_call_or_alone() {
    let signed = |rest: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"message":{{"extra_content":{{"google":{{"thought_signature":"s"}}}},"thought_signature":"s"{rest}}},"finish_reason":"stop"}}]}}"#
        )
    };
    let with_call = signed(r#","tool_calls":[{"id":"","function":{"name":"f","arguments":"{}"}}]"#);
    let (completion, losses) = read_whole(with_call.as_bytes()).unwrap();
    assert_eq!(calls(&completion)[0].signature.as_deref(), Some("s"));
    assert!(losses.is_empty());
    let (completion, _) = read_whole(signed(r#","content":"x""#).as_bytes()).unwrap();
    let Content::Thinking(Thinking { proof: Some(proof), .. }) = &completion.choices[0].content[0]
    else {
        panic!("{completion:?}")
    };
    assert_eq!((proof.dialect, &*proof.data), (Dialect::Gemini, "s"));
    let own = chunk(
        r#"{"tool_calls":[{"id":"a","function":{"name":"f"},"extra_content":{"google":{"thought_signature":"t"}}}]}"#,
    );
    let (completion, _) = translated(&own).gathered();
    assert_eq!(calls(&completion)[0].signature.as_deref(), Some("t"));
}

#[test]
fn what_perplexity_found_is_told_once() {
    let told = |found: &str, words: &str| {
        event(&format!(
            r#"{{"id":"a","model":"m",{found},"usage":{{"prompt_tokens":1,"completion_tokens":2}},"choices":[{{"index":0,"delta":{{"role":"assistant","content":"{words}"}}}}]}}"#
        ))
    };
    let citations = r#""citations":["https://a","https://b"]"#;
    let more = r#""citations":["https://a","https://b","https://c"]"#;
    let stream = told(citations, "x") + &told(citations, "y") + &told(more, "z");
    let read = translated(&stream);
    let found: Vec<usize> = read
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Delta { delta: Delta::SearchResults(found), .. } => Some(found.len()),
            _ => None,
        })
        .collect();
    assert_eq!(found, [2, 1]);
    assert_eq!(read.events.iter().filter(|event| matches!(event, Event::Usage(_))).count(), 1);
    let both = r#""search_results":[{"title":"A","url":"https://a","date":null,"snippet":"s"}],"citations":["https://a"]"#;
    let read = translated(&told(both, "x"));
    let Event::Delta { delta: Delta::SearchResults(found), .. } = &read.events[1] else { panic!() };
    assert_eq!((found.len(), found[0].title.as_deref()), (1, Some("A")));
}

#[test]
fn probabilities_keep_their_numbers() {
    let body = br#"{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop","logprobs":{
        "content":[{"token":"Hi","logprob":-0.30000000000000004,"bytes":[72,105],
        "top_logprobs":[{"token":"Hi","logprob":-0.30000000000000004,"bytes":null},{"token":"Yo","logprob":-9999.0}]}]}}]}"#;
    let (completion, losses) = read_whole(body).unwrap();
    let read = &completion.choices[0].logprobs;
    assert_eq!((read.len(), read[0].logprob.to_bits()), (1, (-0.30000000000000004_f64).to_bits()));
    assert_eq!(read[0].top[1], ("Yo".to_owned(), -9999.0));
    assert_eq!(losses.header(), "logprobs.bytes");
}

#[test]
fn members_without_a_place_are_named_once() {
    let strange = |words: &str| {
        event(&format!(
            r#"{{"id":"a","object":"x","created":1,"model":"m","system_fingerprint":"fp","service_tier":null,"provider":"P","choices":[{{"index":0,"token_ids":[1],"delta":{{"content":"{words}","channel":"c","executed_tools":[]}},"logprobs":null}}]}}"#
        ))
    };
    let read = translated(&(strange("a") + &strange("b") + &finish("stop")));
    let lost = read.events.iter().filter(|event| matches!(event, Event::Lost(_))).count();
    let (_, losses) = read.gathered();
    assert_eq!(losses.header(), "system_fingerprint,provider,token_ids,channel");
    assert_eq!(lost, 4);
}

#[test]
fn spoken_answers_are_text_and_sound() {
    let body =
        br#"{"choices":[{"index":0,"message":{"content":null,"audio":{"id":"au_1","data":"QUJD",
        "expires_at":9,"transcript":"hello"}},"finish_reason":"stop"}]}"#;
    let (completion, losses) = read_whole(body).unwrap();
    let content = &completion.choices[0].content;
    assert_eq!(content[0], Content::text("hello"));
    assert!(matches!(&content[1], Content::Media(media) if media.name.as_deref() == Some("au_1")));
    assert_eq!(losses.header(), "audio");
}

#[test]
fn a_stop_string_is_told_where_the_server_tells_it() {
    let stop = |reason: &str| {
        let stream = event(&format!(
            r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop","stop_reason":{reason}}}]}}"#
        ));
        translated(&stream).events.pop()
    };
    assert_eq!(stop(r#""END""#), Some(Event::finish(Finish::StopSequence("END".into()))));
    assert_eq!(stop("154827"), Some(Event::finish(Finish::Stop)));
    assert_eq!(stop("null"), Some(Event::finish(Finish::Stop)));
}

#[test]
fn too_many_choices_are_no_burden() {
    let stream = event(
        r#"{"choices":[{"index":70000,"delta":{"content":"x"}},{"index":500,"delta":{"content":"y"}}]}"#,
    );
    let (completion, losses) = translated(&(stream + &finish("stop"))).gathered();
    assert_eq!((completion.choices.len(), losses.header().as_str()), (1, "choices"));
}
