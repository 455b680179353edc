//! What was recorded of Google's services, against the independent summaries beside it.

use dialects::{ModelEntry, Reading};
use domain::{Completion, Content, Dialect, Finish, Operation, Piece, Reply, ToolCall, Usage};
use http::HeaderMap;
use serde_json::Value;

use super::{events, form, gather, relayed, runs};
use crate::fixtures::{self, Recording};

fn answers() -> Vec<Recording> {
    let all = fixtures::of(&["generateContent"]);
    all.into_iter().filter(|recording| recording.status == 200).collect()
}

/// True if the body is a stream, of events or of an array's elements.
fn is_stream(recording: &Recording) -> bool {
    recording.stream || recording.body.starts_with(b"[")
}

/// The summaries' reader takes no arguments that come in pieces.
fn has_pieces(recording: &Recording) -> bool {
    recording.meta["tags"].as_array().unwrap().iter().any(|tag| tag == "streamed-args")
}

fn usage_of(recording: &Recording) -> Option<Usage> {
    let usage = &recording.meta["summary"]["usage"];
    let count = |name: &str| usage[name].as_u64();
    count("promptTokenCount").or(count("candidatesTokenCount"))?;
    let prompt = count("promptTokenCount").unwrap_or(0);
    let cached = count("cachedContentTokenCount").unwrap_or(0);
    let thoughts = count("thoughtsTokenCount").unwrap_or(0);
    let tools = count("toolUsePromptTokenCount").unwrap_or(0);
    let unsaid = || count("totalTokenCount").unwrap_or(0).saturating_sub(prompt + thoughts + tools);
    Some(Usage {
        input_uncached: prompt - cached + tools,
        cache_read: cached,
        cache_write: 0,
        cache_write_hour: 0,
        output: count("candidatesTokenCount").unwrap_or_else(unsaid) + thoughts,
        reasoning: thoughts,
        estimated: false,
    })
}

fn finish_of(recording: &Recording) -> Option<Finish> {
    let calls = recording.meta["summary"]["tool_calls"].as_array().unwrap();
    let called = !calls.is_empty() || has_pieces(recording);
    let word = recording.meta["summary"]["finish"].as_str()?;
    Some(match word {
        "STOP" if called => Finish::ToolCalls,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        word => Finish::ContentFilter(word.strip_prefix("promptFeedback:").unwrap().into()),
    })
}

fn text_of(completion: &Completion) -> String {
    let parts = completion.choices.first().map_or(&[][..], |choice| &choice.content);
    let texts = parts.iter().filter_map(|part| match part {
        Content::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn calls_of(completion: &Completion) -> Vec<&ToolCall> {
    let parts = completion.choices.first().map_or(&[][..], |choice| &choice.content);
    let calls = parts.iter().filter_map(|part| match part {
        Content::ToolCall(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

fn check(recording: &Recording, completion: &Completion) {
    let (path, summary) = (&recording.path, &recording.meta["summary"]);
    assert_eq!(text_of(completion), summary["text"].as_str().unwrap(), "{path}");
    let choice = completion.choices.first();
    assert_eq!(choice.and_then(|choice| choice.finish.clone()), finish_of(recording), "{path}");
    assert_eq!(completion.usage, usage_of(recording), "{path}");
    assert_eq!(completion.model.as_deref(), summary["model"].as_str(), "{path}");
    if has_pieces(recording) {
        return;
    }
    let calls = calls_of(completion);
    let wanted = summary["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), wanted.len(), "{path}");
    for (call, wanted) in calls.iter().zip(wanted) {
        assert_eq!(&*call.name, wanted["name"].as_str().unwrap(), "{path}");
        match wanted["id"].as_str() {
            Some(id) => assert_eq!(&*call.id, id, "{path}"),
            None => assert!(call.id.starts_with("call_gm_") && call.id.len() <= 40, "{path}"),
        }
        // A call without arguments has none of them.
        let arguments = wanted["arguments"].as_str().unwrap();
        let arguments = if arguments.is_empty() { "{}" } else { arguments };
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&call.arguments), value(arguments), "{path}");
    }
}

#[test]
fn answers_read_as_their_summaries() {
    for recording in answers() {
        if recording.kind == "midstream-error" {
            continue;
        }
        if is_stream(&recording) {
            let (events, fault) = events(&[&recording.body]);
            assert_eq!(fault, None, "{}", recording.path);
            check(&recording, &gather(&events).0);
            continue;
        }
        let (reply, _losses) = form().read_whole(Operation::Generate, &recording.body).unwrap();
        let Reply::Completion(completion) = reply else { panic!("{}", recording.path) };
        check(&recording, &completion);
        let sight = form().see_whole(Operation::Generate, &recording.body).unwrap();
        assert_eq!(sight.finish, finish_of(&recording), "{}", recording.path);
        assert_eq!(sight.usage, usage_of(&recording), "{}", recording.path);
        assert_eq!(sight.text_chars as usize, text_of(&completion).chars().count());
    }
}

#[test]
fn streams_go_through_as_they_came() {
    for recording in answers().iter().filter(|recording| is_stream(recording)) {
        let whole: &[u8] = &recording.body;
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        for pieces in [vec![whole], bytes] {
            let (bytes, sight, fault) = relayed(&pieces);
            if recording.kind == "midstream-error" {
                let fault = fault.unwrap();
                assert_eq!(fault.class, domain::FaultClass::Overloaded);
                assert!(whole.starts_with(&bytes) && bytes.ends_with(b"\r\n\r\n"));
                assert_eq!(sight.text_chars, 12);
                continue;
            }
            assert_eq!(fault, None, "{}", recording.path);
            assert_eq!(bytes, whole, "{}", recording.path);
            let text = recording.meta["summary"]["text"].as_str().unwrap();
            assert_eq!(sight.text_chars as usize, text.chars().count(), "{}", recording.path);
            assert_eq!(sight.finish, finish_of(recording), "{}", recording.path);
            assert_eq!(sight.usage, usage_of(recording), "{}", recording.path);
            assert_eq!(sight.model.as_deref(), recording.meta["summary"]["model"].as_str());
        }
    }
}

#[test]
fn a_body_in_the_middle_of_a_stream_is_a_fault() {
    for recording in answers().iter().filter(|recording| recording.kind == "midstream-error") {
        let (events, fault) = events(&[&recording.body]);
        assert_eq!(fault.unwrap().class, domain::FaultClass::Overloaded);
        assert_eq!(text_of(&gather(&events).0), "The harbour ");
    }
}

#[test]
fn arguments_in_pieces_are_put_together() {
    let all = answers();
    let streamed: Vec<_> = all.iter().filter(|recording| has_pieces(recording)).collect();
    for recording in &streamed {
        let (events, fault) = events(&[&recording.body]);
        assert_eq!(fault, None);
        let completion = gather(&events).0;
        let calls = calls_of(&completion);
        let read = |call: &ToolCall| serde_json::from_str::<Value>(&call.arguments).unwrap();
        match calls.len() {
            1 => {
                let recipe = &read(calls[0])["recipe"];
                assert_eq!(recipe["name"], "Lasagna");
                assert_eq!(recipe["ingredients"][9]["name"], "Pepper");
                assert!(recipe["steps"][1].as_str().unwrap().ends_with("set aside."));
            }
            2 => assert_eq!(read(calls[1])["location"], "San Francisco"),
            4 => {
                assert_eq!(calls[0].arguments, "{}");
                assert_eq!(read(calls[3])["id"], "C");
            }
            count => panic!("{count} calls in {}", recording.path),
        }
        assert!(calls[0].signature.is_some());
    }
}

#[test]
fn the_split_of_a_stream_does_not_matter() {
    for recording in answers().iter().filter(|recording| is_stream(recording)) {
        let whole = events(&[&recording.body]);
        for size in [1, 7, 64] {
            let pieces: Vec<&[u8]> = recording.body.chunks(size).collect();
            assert_eq!(events(&pieces), whole, "{} by {size}", recording.path);
        }
    }
}

#[test]
fn errors_have_their_classes_and_waits() {
    for recording in fixtures::of(&["generateContent"]) {
        if recording.status == 200 {
            continue;
        }
        let body = bytes::Bytes::from(recording.body.clone());
        let fault = form().read_refusal(recording.status, &HeaderMap::new(), &body, 0.0);
        use domain::FaultClass::{CallerFault, Overloaded, QuotaExhausted, RateLimited};
        match recording.status {
            400 => {
                assert_eq!(fault.class, CallerFault);
                assert_eq!(fault.relayable.unwrap().dialect, Dialect::Gemini);
            }
            429 => assert!(matches!(fault.class, RateLimited | QuotaExhausted)),
            503 => assert_eq!(fault.class, Overloaded),
            other => panic!("{other}"),
        }
        if recording.path.ends_with("free-tier-input-tokens") {
            assert_eq!((fault.class, fault.retry_after_ms), (RateLimited, Some(26_000)));
        }
        if recording.path.ends_with("per-day-and-minute") {
            assert_eq!((fault.class, fault.retry_after_ms), (QuotaExhausted, None));
        }
    }
}

#[test]
fn vectors_and_counts_are_read() {
    for recording in fixtures::of(&["embedContent", "countTokens"]) {
        let operation =
            if recording.api == "countTokens" { Operation::CountTokens } else { Operation::Embed };
        let (reply, losses) = form().read_whole(operation, &recording.body).unwrap();
        assert!(losses.is_empty());
        let recorded: Value = serde_json::from_slice(&recording.body).unwrap();
        match reply {
            Reply::InputTokens { count, .. } => assert_eq!(count, 12),
            Reply::Embeddings(vectors) => {
                let list = recorded.get("embeddings").map(|list| &list[0]);
                let values = list.unwrap_or(&recorded["embedding"])["values"].as_array().unwrap();
                assert_eq!(vectors.vectors[0].len(), values.len());
                let mut envelope = super::envelope(domain::Framing::Events);
                envelope.batch = list.is_some();
                let written = form().write_whole(&Reply::Embeddings(vectors), &envelope);
                let written: Value = serde_json::from_slice(&written.body).unwrap();
                assert_eq!(written.get("embeddings").is_some(), list.is_some());
            }
            Reply::Completion(other) => panic!("{other:?}"),
        }
        form().see_whole(operation, &recording.body).unwrap();
    }
}

#[test]
fn the_list_of_models_has_the_recorded_shape() {
    let entry = ModelEntry {
        id: "assistant",
        context_tokens_max: Some(1_048_576),
        output_tokens_max: Some(65_536),
    };
    let ours: Value = serde_json::from_slice(&form().write_models(&[entry], 0)).unwrap();
    let ours = ours["models"][0].as_object().unwrap();
    for recording in fixtures::of(&["models"]).iter().filter(|list| list.provider == "gemini") {
        let theirs: Value = serde_json::from_slice(&recording.body).unwrap();
        for (name, value) in ours {
            let recorded = &theirs["models"][0][name];
            let same = std::mem::discriminant(value) == std::mem::discriminant(recorded);
            assert!(same, "{name}: {value} and {recorded}");
        }
    }
}

#[test]
fn relayed_runs_are_cut_at_events() {
    for recording in answers().iter().filter(|recording| recording.stream) {
        let pieces: Vec<&[u8]> = recording.body.chunks(100).collect();
        let (runs, _) = runs(&pieces, Reading::Relay { hide_usage: false });
        for run in runs {
            let Piece::Relayed { bytes, .. } = run else { panic!() };
            assert!(
                bytes.is_empty()
                    || bytes.ends_with(b"\n\r\n")
                    || bytes.ends_with(b"\n\n")
                    || bytes == b"\n"[..],
                "{}",
                recording.path
            );
        }
    }
}
