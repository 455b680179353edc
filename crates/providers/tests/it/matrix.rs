//! Every caller before every kind, whole and streamed: text and parallel tool calls come through,
//! by their bytes or by the internal form.

use dialects::{Envelope, Reading};
use domain::{
    Choice, Completion, Content, Dialect, Event, Finish, Framing, Gatherer, Operation, Piece,
    Reply, Request, ToolCall, Usage,
};
use providers::Kind;
use upstream::{Answer, Body};

use crate::rig::{Act, request_at, rig};

const WIRES: [(Kind, Dialect); 6] = [
    (Kind::OpenAi, Dialect::OpenAiChat),
    (Kind::Azure, Dialect::OpenAiChat),
    (Kind::Compatible, Dialect::OpenAiChat),
    (Kind::Anthropic, Dialect::Anthropic),
    (Kind::Gemini, Dialect::Gemini),
    (Kind::Perplexity, Dialect::OpenAiResponses),
];

fn said() -> Completion {
    let call = |id: &str, city: &str| {
        Content::ToolCall(ToolCall {
            id: id.into(),
            name: "weather".into(),
            arguments: format!(r#"{{"city":"{city}"}}"#),
            ..ToolCall::default()
        })
    };
    let content = vec![Content::text("Let me see"), call("call_a", "Oslo"), call("call_b", "Rome")];
    Completion {
        id: Some("answer-1".into()),
        model: Some("m".into()),
        choices: vec![Choice { content, finish: Some(Finish::ToolCalls), logprobs: Vec::new() }],
        usage: Some(Usage { input_uncached: 9, output: 5, ..Usage::default() }),
    }
}

/// What a provider of this dialect says.
fn act(wire: Dialect, stream: bool) -> Act {
    let form = dialects::of(wire);
    let envelope = Envelope {
        id: "1".to_owned(),
        model: "m".to_owned(),
        created_unix: 1,
        include_usage: true,
        framing: Framing::Events,
        base64: false,
        batch: false,
        hosted_tools: true,
    };
    if !stream {
        let written = form.write_whole(&Reply::Completion(said()), &envelope);
        return Act::json(200, std::str::from_utf8(&written.body).unwrap());
    }
    let mut writer = form.stream_writer(&envelope);
    let mut bytes = writer.start().to_vec();
    for event in said().into_events() {
        bytes.extend_from_slice(&writer.event(&event));
    }
    bytes.extend_from_slice(&writer.end());
    Act::events(std::str::from_utf8(&bytes).unwrap())
}

fn ask(dialect: Dialect, stream: bool) -> Request {
    let body = match dialect {
        Dialect::OpenAiChat => {
            r#"{"model":"m","stream":false,"messages":[{"role":"system","content":"Be kind"},{"role":"user","content":"Weather?"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]}"#
        }
        Dialect::OpenAiResponses => {
            r#"{"model":"m","stream":false,"instructions":"Be kind","input":"Weather?","tools":[{"type":"function","name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]}"#
        }
        Dialect::Anthropic => {
            r#"{"model":"m","stream":false,"max_tokens":99,"system":"Be kind","messages":[{"role":"user","content":"Weather?"}],"tools":[{"name":"weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}]}"#
        }
        Dialect::Gemini => {
            r#"{"systemInstruction":{"parts":[{"text":"Be kind"}]},"contents":[{"role":"user","parts":[{"text":"Weather?"}]}],"tools":[{"functionDeclarations":[{"name":"weather","parameters":{"type":"OBJECT","properties":{"city":{"type":"STRING"}}}}]}]}"#
        }
    };
    let body = body.replace(r#""stream":false"#, &format!(r#""stream":{stream}"#));
    let path = (dialect == Dialect::Gemini).then_some("m");
    request_at(dialect, Operation::Generate, &body, (path, stream && path.is_some()))
}

/// The answer in the internal form, however it came.
async fn gathered(answer: Answer, stream: bool) -> Completion {
    let wire = answer.dialect;
    let mut relayed = Vec::new();
    let mut gatherer = Gatherer::default();
    match answer.body {
        Body::Native(Reply::Completion(completion)) => return completion,
        Body::Native(other) => panic!("{other:?}"),
        Body::Whole(whole) => relayed.extend_from_slice(&whole.body),
        Body::Stream(mut pieces) => {
            while let Some(piece) = std::future::poll_fn(|cx| pieces.as_mut().poll_next(cx)).await {
                match piece.unwrap() {
                    Piece::Relayed { bytes, .. } => relayed.extend_from_slice(&bytes),
                    Piece::Native(event) => gatherer.take(event),
                }
            }
        }
    }
    let Some(wire) = wire else { return gatherer.finish().0 };
    let form = dialects::of(wire);
    if !stream {
        let (reply, _) = form.read_whole(Operation::Generate, &relayed).unwrap();
        let Reply::Completion(completion) = reply else { panic!("{reply:?}") };
        return completion;
    }
    let mut reader = form.stream_reader(Reading::Translate);
    reader.push(relayed.into());
    let mut events: Vec<Event> = Vec::new();
    let mut take = |piece: Option<Result<Piece, domain::Fault>>| match piece.map(Result::unwrap) {
        Some(Piece::Native(event)) => {
            events.push(event);
            true
        }
        Some(Piece::Relayed { .. }) => panic!("bytes where events were wanted"),
        None => false,
    };
    while take(reader.next_run()) {}
    while take(reader.end()) {}
    events.into_iter().for_each(|event| gatherer.take(event));
    gatherer.finish().0
}

#[tokio::test]
async fn every_caller_is_answered_by_every_kind() {
    for (kind, wire) in WIRES {
        for caller in Dialect::ALL {
            // OpenAI answers callers of responses in responses, and all others in chat.
            let responses = caller == Dialect::OpenAiResponses;
            let wire = match kind {
                Kind::OpenAi | Kind::Azure if responses => Dialect::OpenAiResponses,
                Kind::OpenAi | Kind::Azure => Dialect::OpenAiChat,
                _ => wire,
            };
            for stream in [false, true] {
                let place = format!("{caller} to {kind:?} over {wire}, stream {stream}");
                let rig = rig(kind, |_| {});
                let asked = ask(caller, stream);
                assert_eq!(rig.upstream.unfit("m", &asked), None, "{place}");
                let answer = rig.play(act(wire, stream), "m", asked).await;
                let answer = answer.unwrap_or_else(|fault| panic!("{place}: {fault}"));
                let relays = wire == caller && kind != Kind::Perplexity;
                assert_eq!(answer.dialect, relays.then_some(wire), "{place}");
                // A chat's caller who did not ask for usage in a stream sees none.
                let hidden = matches!(kind, Kind::OpenAi | Kind::Azure)
                    && caller == Dialect::OpenAiChat
                    && stream;
                let completion = gathered(answer, stream).await;
                let usage = completion.usage.map(|usage| (usage.input(), usage.output));
                assert_eq!(usage, (!hidden).then_some((9, 5)), "{place}");
                check(&completion, &place);
                let sent = rig.server.seen().text;
                assert!(sent.contains("Be kind") && sent.contains("Weather?"), "{place}: {sent}");
                assert!(sent.contains("city") && sent.contains("weather"), "{place}: {sent}");
            }
        }
    }
}

fn check(completion: &Completion, place: &str) {
    assert_eq!(completion.text(), "Let me see", "{place}");
    let choice = &completion.choices[0];
    assert_eq!(choice.finish, Some(Finish::ToolCalls), "{place}");
    let calls: Vec<_> = choice
        .content
        .iter()
        .filter_map(|part| match part {
            Content::ToolCall(call) => Some((&*call.name, &*call.arguments)),
            _ => None,
        })
        .collect();
    let expected = [("weather", r#"{"city":"Oslo"}"#), ("weather", r#"{"city":"Rome"}"#)];
    assert_eq!(calls, expected, "{place}");
}
